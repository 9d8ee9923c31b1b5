/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon's answers as libnetbt and libnss_netbt read them, from bytes: no read outside, every
 * value inside its text, every look ends. Layer: fuzz.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "fuzz.h"
#include "lib/daemon.h"

static void
check(struct span outer, struct span v)
{
	char small[4], large[300];

	if (!v.p)
		return;
	assert(v.p >= outer.p && v.end <= outer.end && v.p < v.end);
	if (span_text(v, small, sizeof(small)))
		assert(strlen(small) < sizeof(small));
	(void)span_text(v, large, sizeof(large));
	(void)span_is_true(v);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const char *const names[] = { "ok", "result", "addresses", "found", "a" };
	struct span bytes = { (const char *)data, (const char *)data + len };
	struct span root = span_of(bytes.p, len), list, e;

	check(bytes, root);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		list = span_member(root, names[i]);
		check(root, list);
		check(list, span_member(list, "a"));
		for (unsigned k = 0; k < 50 && (e = span_element(list, k)).p; k++)
			check(list, e);
	}
	return 0;
}
