/* SPDX-License-Identifier: Apache-2.0 */
/* How long replication rests: in proportion where others compete, else not at all. */
#include "winsd/repl_pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#define MS INT64_C(1000000)

static const struct mono now = { 1000 * MS };

static void
without_a_rival_there_is_no_rest(void **state)
{
	struct repl_pace p = { .share = 20 };

	for (int i = 0; i < 1000; i++)
		repl_pace_worked(&p, 3 * MS, 3 * MS / 20, now);
	assert_int_equal(p.not_before.ns, 0);
}

static void
with_one_the_rest_leaves_the_share(void **state)
{
	struct repl_pace p = { .share = 20 };

	repl_pace_worked(&p, 3 * MS, 3 * MS, now);
	assert_int_equal(p.not_before.ns, now.ns + 12 * MS);
	p = (struct repl_pace){ .share = 50 };
	repl_pace_worked(&p, 3 * MS, 3 * MS / 20 + 1, now);
	assert_int_equal(p.not_before.ns, now.ns + 3 * MS);
	p = (struct repl_pace){ .share = 100 };
	repl_pace_worked(&p, 3 * MS, 3 * MS, now);
	assert_int_equal(p.not_before.ns, now.ns);
}

static void
little_work_adds_up_before_it_counts(void **state)
{
	struct repl_pace p = { .share = 20 };

	repl_pace_worked(&p, MS, MS, now);
	assert_int_equal(p.not_before.ns, 0);
	repl_pace_worked(&p, MS, 0, now);
	assert_int_equal(p.not_before.ns, now.ns + 8 * MS);
	repl_pace_worked(&p, MS, MS, now); /* it began anew */
	assert_int_equal(p.not_before.ns, now.ns + 8 * MS);
}

static void
no_rest_is_longer_than_a_fifth_of_a_second(void **state)
{
	struct repl_pace p = { .share = 1 };

	repl_pace_worked(&p, 1000 * MS, 1000 * MS, now);
	assert_int_equal(p.not_before.ns, now.ns + 200 * MS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_rival_there_is_no_rest),
		cmocka_unit_test(with_one_the_rest_leaves_the_share),
		cmocka_unit_test(little_work_adds_up_before_it_counts),
		cmocka_unit_test(no_rest_is_longer_than_a_fifth_of_a_second),
	};

	return cmocka_run_group_tests_name("winsd_repl_pace", tests, NULL, NULL);
}
