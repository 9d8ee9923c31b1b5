/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LMHOSTS from bytes, cut at NUL bytes into files that include one another by number: every bound
 * holds, every entry is whole, what is preloaded is found, and mistakes are printable. Layer: fuzz.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "fuzz.h"
#include "node/lmhosts.h"

struct input {
	const uint8_t *data;
	size_t len;
	unsigned reads, reports;
};

/* File "N" is what stands behind the Nth NUL byte, up to the next one. */
static int
read_file(void *arg, const char *path, char **ret, size_t *ret_len, const char **ret_why)
{
	struct input *in = arg;
	const uint8_t *p = in->data, *end = in->data + in->len, *stop;
	char *copy;

	assert(strlen(path) < LMHOSTS_PATH_MAX);
	for (int n = atoi(path); n > 0; n--) {
		p = p < end ? memchr(p, 0, (size_t)(end - p)) : NULL;
		if (!p)
			return NBT_ENOENT;
		p++;
	}
	stop = p < end ? memchr(p, 0, (size_t)(end - p)) : NULL;
	*ret_len = (size_t)((stop ? stop : end) - p);
	copy = malloc(*ret_len + !*ret_len);
	assert(copy);
	memcpy(copy, p, *ret_len);
	in->reads++;
	*ret = copy;
	return 0;
}

static void
report(void *arg, const char *path, unsigned line, const char *sentence)
{
	struct input *in = arg;

	in->reports++;
	for (const char *p = sentence; *p; p++)
		assert(*p >= ' ' && *p <= '~');
}

static void
check(const struct lmhosts *l)
{
	const struct lmhosts_entry *e;
	const struct lmhosts_preload *p;
	struct lmhosts_preload found;
	unsigned i;

	for (i = 0; (e = lmhosts_entry_at(l, i)); i++) {
		assert(ip4_is_host(e->ip));
		(void)lmhosts_find(l, &e->name, &found); /* may end at a circle */
	}
	assert(i <= LMHOSTS_ENTRIES_MAX);
	for (i = 0; (p = lmhosts_preload_at(l, i)); i++) {
		assert(p->naddr >= 1 && p->naddr <= LMHOSTS_ADDR_MAX);
		assert(lmhosts_find(l, &p->name, &found) && found.naddr == p->naddr);
	}
	assert(i <= LMHOSTS_PRELOAD_MAX);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input in = { data, len, 0, 0 };
	struct lmhosts_host host = { .arg = &in, .read_file = read_file, .report = report };
	struct lmhosts *l;

	if (len > 65536 || lmhosts_load("0", &host, &l) != 0)
		return 0;
	check(l);
	assert(in.reads <= LMHOSTS_FILES_MAX && in.reports <= LMHOSTS_REPORT_MAX + 1);
	lmhosts_free(l);
	return 0;
}
