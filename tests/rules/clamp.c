/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The intervals of wins-server-and-replication.md 1.4: defaults, each bound, one below it, and which
 * of them is told to be moved. Layer: tests; base and rules are all that is linked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "rules/rules.h"

#define DAY 86400u

static void
clamps_to(struct rule_intervals wish, struct rule_intervals should, unsigned should_adjust)
{
	unsigned adjusted = 99;
	struct rule_intervals is = rule_clamp(wish, &adjusted);

	assert_int_equal(is.renewal, should.renewal);
	assert_int_equal(is.extinction, should.extinction);
	assert_int_equal(is.extinction_timeout, should.extinction_timeout);
	assert_int_equal(is.verify, should.verify);
	assert_int_equal(adjusted, should_adjust);
}

static const struct rule_intervals defaults = { 6 * DAY, 6 * DAY, 6 * DAY, 24 * DAY };

static void
nothing_wished_is_the_default(void **state)
{
	clamps_to((struct rule_intervals){ 0 }, defaults, 0);
}

static void
the_default_wished_is_not_adjusted(void **state)
{
	clamps_to(defaults, defaults, 0);
}

static void
renewal_is_at_least_40_minutes(void **state)
{
	struct rule_intervals should = { 2400, 6 * DAY, DAY, 24 * DAY };

	clamps_to((struct rule_intervals){ .renewal = 2400 }, should, 0);
	clamps_to((struct rule_intervals){ .renewal = 2399 }, should, 1);
	clamps_to((struct rule_intervals){ .renewal = 1 }, should, 1);
	should.renewal = 2401;
	clamps_to((struct rule_intervals){ .renewal = 2401 }, should, 0);
}

static void
extinction_is_at_least_renewal_or_4_days(void **state)
{
	struct rule_intervals should = { 6 * DAY, 4 * DAY, 6 * DAY, 24 * DAY };

	clamps_to((struct rule_intervals){ .extinction = 4 * DAY }, should, 0);
	clamps_to((struct rule_intervals){ .extinction = 4 * DAY - 1 }, should, 2);
	should = (struct rule_intervals){ 3000, 3000, DAY, 24 * DAY };
	clamps_to((struct rule_intervals){ .renewal = 3000, .extinction = 3000 }, should, 0);
	clamps_to((struct rule_intervals){ .renewal = 3000, .extinction = 2999 }, should, 2);
}

static void
extinction_timeout_is_at_least_renewal_and_a_day(void **state)
{
	struct rule_intervals should = { 2 * DAY, 6 * DAY, 2 * DAY, 24 * DAY };

	clamps_to((struct rule_intervals){ .renewal = 2 * DAY }, should, 0);
	clamps_to((struct rule_intervals){ .renewal = 2 * DAY, .extinction_timeout = 2 * DAY },
	    should, 0);
	clamps_to((struct rule_intervals){ .renewal = 2 * DAY, .extinction_timeout = 2 * DAY - 1 },
	    should, 4);
	should = (struct rule_intervals){ 2400, 6 * DAY, DAY, 24 * DAY };
	clamps_to((struct rule_intervals){ .renewal = 2400, .extinction_timeout = DAY }, should, 0);
	clamps_to(
	    (struct rule_intervals){ .renewal = 2400, .extinction_timeout = DAY - 1 }, should, 4);
}

static void
verify_is_at_least_24_days_and_3_extinctions(void **state)
{
	struct rule_intervals should = { 6 * DAY, 6 * DAY, 6 * DAY, 24 * DAY };

	clamps_to((struct rule_intervals){ .verify = 24 * DAY - 1 }, should, 8);
	should = (struct rule_intervals){ 6 * DAY, 9 * DAY, 6 * DAY, 27 * DAY };
	clamps_to((struct rule_intervals){ .extinction = 9 * DAY }, should, 0);
	clamps_to((struct rule_intervals){ .extinction = 9 * DAY, .verify = 27 * DAY }, should, 0);
	clamps_to(
	    (struct rule_intervals){ .extinction = 9 * DAY, .verify = 27 * DAY - 1 }, should, 8);
}

static void
all_can_be_moved_at_once(void **state)
{
	clamps_to((struct rule_intervals){ 1, 1, 1, 1 },
	    (struct rule_intervals){ 2400, 2400, DAY, 24 * DAY }, 15);
}

static void
the_longest_wish_does_not_wrap(void **state)
{
	clamps_to((struct rule_intervals){ UINT32_MAX, UINT32_MAX, UINT32_MAX, 1 },
	    (struct rule_intervals){ UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX }, 8);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_wished_is_the_default),
		cmocka_unit_test(the_default_wished_is_not_adjusted),
		cmocka_unit_test(renewal_is_at_least_40_minutes),
		cmocka_unit_test(extinction_is_at_least_renewal_or_4_days),
		cmocka_unit_test(extinction_timeout_is_at_least_renewal_and_a_day),
		cmocka_unit_test(verify_is_at_least_24_days_and_3_extinctions),
		cmocka_unit_test(all_can_be_moved_at_once),
		cmocka_unit_test(the_longest_wish_does_not_wrap),
	};

	return cmocka_run_group_tests_name("rules_clamp", tests, NULL, NULL);
}
