/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The codec on the query path: nanoseconds to decode a request and to encode its answer, next to a
 * bare memcpy of the same bytes. Rounds are paired, so that a busy machine slows both sides; the ratio
 * is the figure to compare between machines. Layer: bench.
 */
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "wire/ns.h"

#define ROUNDS 15
#define TURNS  300000

struct work {
	struct nb_msg msg;
	uint8_t packet[NB_UDP_MAX], copy[NB_UDP_MAX];
	size_t len;
};

static void
decode(struct work *w)
{
	if (nb_decode(w->packet, w->len, &w->msg))
		abort();
}

static void
encode(struct work *w)
{
	if (nb_encode(&w->msg, w->packet, sizeof(w->packet)) != w->len)
		abort();
}

static void
copy(struct work *w)
{
	memcpy(w->copy, w->packet, w->len);
}

static double
turn_ns(void (*step)(struct work *), struct work *w)
{
	int64_t start = bench_ns();

	for (int i = 0; i < TURNS; i++) {
		step(w);
		bench_use(w);
	}
	return (double)(bench_ns() - start) / TURNS;
}

static void
bench(const char *what, void (*step)(struct work *), struct nb_msg *msg)
{
	double ours[ROUNDS], bare[ROUNDS], ratio[ROUNDS];
	struct work w = { .msg = *msg };

	w.len = nb_encode(msg, w.packet, sizeof(w.packet));
	for (int i = 0; i < ROUNDS; i++) {
		ours[i] = turn_ns(step, &w);
		bare[i] = turn_ns(copy, &w);
		ratio[i] = ours[i] / bare[i];
	}
	printf("%-28s %4zu bytes  %6.1f ns  memcpy %5.1f ns  ratio %5.1f\n", what, w.len,
	    bench_median(ours, ROUNDS), bench_median(bare, ROUNDS), bench_median(ratio, ROUNDS));
}

int
main(void)
{
	struct nb_msg m = { .id = 1, .flags = 0x0100, .kind = NB_QUERY_REQ };

	if (nb_key_parse("ALPHA<20>", 0, &m.key))
		return 1;
	bench("decode query", decode, &m);
	if (nb_key_parse("ALPHA<20>.EXAMPLE.LAB", 0, &m.key))
		return 1;
	bench("decode query with scope", decode, &m);
	m = (struct nb_msg){ .id = 1, .flags = 0x2900, .kind = NB_REGISTER_REQ, .naddr = 1 };
	if (nb_key_parse("ALPHA<20>", 0, &m.key))
		return 1;
	bench("decode registration", decode, &m);
	m.kind = NB_QUERY_OK;
	m.flags = 0x8580;
	bench("encode answer, 1 address", encode, &m);
	m.naddr = 25;
	bench("encode answer, 25 addresses", encode, &m);
	m.kind = NB_QUERY_FAIL;
	m.flags = 0x8583;
	bench("encode negative answer", encode, &m);
	return 0;
}
