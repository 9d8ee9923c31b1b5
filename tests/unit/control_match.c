/* SPDX-License-Identifier: Apache-2.0 */
/* The filter of listings: what a pattern takes and refuses, that each part alone decides. */
#include "control/match.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct rec
rec_of(const char *name, uint8_t suffix)
{
	struct rec r = { .type = REC_MULTIHOMED,
		.state = REC_RELEASED,
		.owner = IP4(192, 0, 2, 1),
		.naddr = 2,
		.addr = { { .ip = IP4(192, 0, 2, 10) }, { .ip = IP4(192, 0, 2, 11) } } };

	memset(r.key.name.b, ' ', NB_NAME_LEN);
	memcpy(r.key.name.b, name, strlen(name));
	r.key.name.b[NB_NAME_LEN - 1] = suffix;
	return r;
}

static void
patterns_fit_what_they_say(void **state)
{
	static const struct {
		const char *pattern, *name;
		bool fits;
	} row[] = {
		{ "ALPHA", "ALPHA", true },
		{ "ALPHA", "ALPHA1", false },
		{ "ALPHA1", "ALPHA", false },
		{ "alpha", "ALPHA", false },
		{ "*", "", true },
		{ "*", "ABCDEFGHIJKLMNO", true },
		{ "?", "", false },
		{ "?", "A", true },
		{ "?", "AB", false },
		{ "AL*", "AL", true },
		{ "AL*", "ALPHA", true },
		{ "AL*", "BALL", false },
		{ "*HA", "ALPHA", true },
		{ "*HA", "ALPHAS", false },
		{ "*A*A*", "ALPHA", true },
		{ "*A*A*A*", "ALPHA", false },
		{ "A*AB", "AAABAB", true },
		{ "???????????????", "ABCDEFGHIJKLMNO", true },
		{ "????????????????", "ABCDEFGHIJKLMNO", false },
		{ "\\x41\\x2a", "A*", true },
		{ "\\x41\\x2a", "AB", false },
		{ "A B", "A B", true },
		{ "A?B", "A B", true },
		{ "\\x01*", "\x01\x02__MSBROWSE__\x02", true },
		{ "ALPHA<20>", "ALPHA", true },
		{ "ALPHA#20", "ALPHA", true },
		{ "ALPHA<1b>", "ALPHA", false },
		{ "ALPHA#1B", "ALPHA", false },
		{ "*<20>", "ALPHA", true },
		{ "<20>", "", true },
		{ "<20>", "A", false },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		struct control_filter f = control_filter_all();
		struct rec r = rec_of(row[i].name, 0x20);

		assert_true(control_filter_pattern(&f, row[i].pattern));
		if (control_match(&f, &r) != row[i].fits)
			fail_msg("%s and %s", row[i].pattern, row[i].name);
	}
}

static void
what_is_no_pattern_is_refused_and_changes_nothing(void **state)
{
	static const char *const bad[] = { "A<", "A<2", "A<20", "A<20>x", "A<2g>", "A#", "A#2",
		"A#20x", "A#20>", "A>", "A\\", "A\\x", "A\\x4", "A\\xg0", "A\\y41",
		"123456789012345678901234567890123" };
	struct control_filter f = control_filter_all();

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (control_filter_pattern(&f, bad[i]))
			fail_msg("%s", bad[i]);
	assert_false(f.has_pattern);
	assert_int_equal(f.suffix, CONTROL_ANY);
	assert_true(control_filter_pattern(&f, "12345678901234567890123456789012"));
}

/* The record passes a filter with its own value and none with another. */
static void
each_part_of_a_filter_decides_alone(void **state)
{
	const struct control_filter all = control_filter_all();
	const struct rec r = rec_of("ALPHA", 0x20);
	struct {
		struct control_filter f;
		bool fits;
	} row[] = { { all, true }, { all, true }, { all, false }, { all, true }, { all, false },
		{ all, true }, { all, false }, { all, true }, { all, false }, { all, true },
		{ all, false }, { all, true }, { all, false }, { all, true } };

	row[1].f.suffix = 0x20;
	row[2].f.suffix = 0x00;
	row[3].f.type = REC_MULTIHOMED;
	row[4].f.type = REC_UNIQUE;
	row[5].f.state = REC_RELEASED;
	row[6].f.state = REC_ACTIVE;
	row[7].f.is_static = false;
	row[8].f.is_static = true;
	row[9].f.has_owner = true, row[9].f.owner = IP4(192, 0, 2, 1);
	row[10].f.has_owner = true, row[10].f.owner = OWNER_SELF;
	row[11].f.has_ip = true, row[11].f.ip = IP4(192, 0, 2, 11);
	row[12].f.has_ip = true, row[12].f.ip = IP4(192, 0, 2, 12);
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++)
		assert_int_equal(control_match(&row[i].f, &r), row[i].fits);
}

static void
the_prefix_ends_at_the_first_wildcard(void **state)
{
	static const struct {
		const char *pattern;
		size_t len;
	} row[] = { { "ALPHA", 5 }, { "AL*A", 2 }, { "A?PHA", 1 }, { "*A", 0 }, { "<20>", 0 },
		{ "123456789012345", 15 }, { "1234567890123456", 15 } };
	uint8_t prefix[NB_NAME_LEN];
	struct control_filter f = control_filter_all();

	assert_int_equal(control_filter_prefix(&f, prefix), 0);
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		f = control_filter_all();
		assert_true(control_filter_pattern(&f, row[i].pattern));
		assert_int_equal(control_filter_prefix(&f, prefix), row[i].len);
		assert_memory_equal(prefix, row[i].pattern, row[i].len);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_fit_what_they_say),
		cmocka_unit_test(what_is_no_pattern_is_refused_and_changes_nothing),
		cmocka_unit_test(each_part_of_a_filter_decides_alone),
		cmocka_unit_test(the_prefix_ends_at_the_first_wildcard),
	};

	return cmocka_run_group_tests_name("control_match", tests, NULL, NULL);
}
