/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes a data folder with many names for bench/net.py, faster than they could be registered: those of
 * nbperf's own pattern and addresses. Layer: bench. Usage: fill FOLDER NAMES SECONDS (till they run out)
 * FIRST (number of the first name)
 */
#include <time.h>

#include "bench_store.h"

static struct nb_key
key_of(unsigned n)
{
	struct nb_key k = { 0 };

	memcpy(k.name.b, "WS-00000000    ", NB_NAME_LEN - 1);
	for (int i = 10; i > 2; i--, n /= 10)
		k.name.b[i] = (uint8_t)('0' + n % 10);
	k.name.b[NB_NAME_LEN - 1] = 0x20;
	return k;
}

int
main(int argc, char **argv)
{
	struct store *s;
	unsigned names, first;
	uint32_t now = (uint32_t)time(NULL), due;

	if (argc != 5) {
		fprintf(stderr, "usage: fill FOLDER NAMES SECONDS FIRST\n");
		return 2;
	}
	names = (unsigned)strtoul(argv[2], NULL, 10);
	due = now + (uint32_t)strtoul(argv[3], NULL, 10);
	first = (unsigned)strtoul(argv[4], NULL, 10);
	store_reader_register();
	s = bench_open(argv[1], NULL);
	for (unsigned i = 0; i < names; i++) {
		struct rec r = bench_rec(i, i + 1, due);

		r.key = key_of(first + i);
		r.addr[0].ip.v = 0x0a000001 + (first + i) % 16000000;
		r.addr[0].since.s = now;
		if (store_put(s, &r))
			return 1;
		if (store_staged(s) == 4096)
			bench_commit(s);
	}
	store_raise_version(s, (struct version){ names });
	bench_commit(s);
	bench_snapshot(s);
	store_close(s);
	store_reader_unregister();
	return 0;
}
