/* SPDX-License-Identifier: Apache-2.0 */
/* How long replication rests: in proportion where others compete, else not at all. */
#include "registrar/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#define MS INT64_C(1000000)

static const struct mono now = { 1000 * MS };

static void
work(struct repl_pace *p, int64_t cpu, int64_t waited)
{
	if (repl_pace_used(p, cpu))
		repl_pace_look(p, p->waited + waited, now);
}

static void
without_a_rival_there_is_no_rest(void **state)
{
	struct repl_pace p = { .share = 20 };

	for (int i = 0; i < 1000; i++)
		work(&p, 4 * MS, MS);
	assert_int_equal(p.not_before.ns, 0);
}

static void
while_workers_wait_the_rest_leaves_the_share(void **state)
{
	struct repl_pace p = { .share = 20 };

	work(&p, 3 * MS, 3 * MS);
	assert_int_equal(p.not_before.ns, now.ns + 12 * MS);
	p = (struct repl_pace){ .share = 50 };
	work(&p, 4 * MS, MS + 1);
	assert_int_equal(p.not_before.ns, now.ns + 4 * MS);
	p = (struct repl_pace){ .share = 100 };
	work(&p, 3 * MS, 3 * MS);
	assert_int_equal(p.not_before.ns, now.ns);
}

/* The kernel counts a wait only when it ends, which may be in the rest. */
static void
a_wait_that_ended_in_the_rest_counts_at_the_next_look(void **state)
{
	struct repl_pace p = { .share = 20 };

	work(&p, 3 * MS, 0);
	assert_int_equal(p.not_before.ns, 0);
	assert_true(repl_pace_used(&p, 2 * MS));
	repl_pace_look(&p, 3 * MS, now);
	assert_int_equal(p.not_before.ns, now.ns + 8 * MS);
}

static void
little_work_adds_up_before_it_is_looked(void **state)
{
	struct repl_pace p = { .share = 20 };

	assert_false(repl_pace_used(&p, MS));
	assert_false(repl_pace_used(&p, MS - 1));
	assert_true(repl_pace_used(&p, 1));
	repl_pace_look(&p, MS, now);
	assert_int_equal(p.not_before.ns, now.ns + 8 * MS);
	assert_false(repl_pace_used(&p, MS)); /* it began anew */
}

static void
no_rest_is_longer_than_a_fifth_of_a_second(void **state)
{
	struct repl_pace p = { .share = 1 };

	work(&p, 1000 * MS, 1000 * MS);
	assert_int_equal(p.not_before.ns, now.ns + 200 * MS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_rival_there_is_no_rest),
		cmocka_unit_test(while_workers_wait_the_rest_leaves_the_share),
		cmocka_unit_test(a_wait_that_ended_in_the_rest_counts_at_the_next_look),
		cmocka_unit_test(little_work_adds_up_before_it_is_looked),
		cmocka_unit_test(no_rest_is_longer_than_a_fifth_of_a_second),
	};

	return cmocka_run_group_tests_name("registrar_pace", tests, NULL, NULL);
}
