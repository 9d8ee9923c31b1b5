/* SPDX-License-Identifier: Apache-2.0 */
/* Outstanding requests: ids, the doubling schedule, whose reply counts. */
#include "txn/txn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "base/err.h"

static const struct txn_schedule schedule = { .interval_ms = 500, .tries = 3 };
static const struct mono start = { 1000000000 };

static uint32_t
counting(void *arg)
{
	return ++*(uint32_t *)arg;
}

static uint32_t
stuck(void *arg)
{
	return 7;
}

static void
asks_three_times_with_doubling_waits_then_ends(void **state)
{
	static const int64_t at[] = { 500, 1500, 3500 };
	struct txn_table t;
	struct txn x;
	uint32_t n = 0;
	bool again;

	txn_table_init(&t, counting, &n);
	assert_int_equal(txn_open(&t, &x, IP4(192, 0, 2, 1), &schedule, start), 0);
	for (int i = 0; i < 3; i++) {
		struct mono due = mono_add_ms(start, at[i]);

		assert_int_equal(txn_next(&t).ns, due.ns);
		assert_null(txn_due(&t, (struct mono){ due.ns - 1 }, &again));
		assert_ptr_equal(txn_due(&t, due, &again), &x);
		assert_int_equal(again, i < 2);
	}
	assert_int_equal(txn_next(&t).ns, MONO_NEVER.ns);
	assert_null(txn_match(&t, x.peer, x.id));
	txn_table_release(&t);
}

static void
only_the_address_asked_with_its_id_matches(void **state)
{
	struct txn_table t;
	struct txn x, y;
	uint32_t n = 40;

	txn_table_init(&t, counting, &n);
	assert_int_equal(txn_open(&t, &x, IP4(192, 0, 2, 1), &schedule, start), 0);
	assert_int_equal(txn_open(&t, &y, IP4(192, 0, 2, 2), &schedule, start), 0);
	assert_ptr_equal(txn_match(&t, IP4(192, 0, 2, 1), 41), &x);
	assert_null(txn_match(&t, IP4(192, 0, 2, 2), 41));
	assert_null(txn_match(&t, IP4(192, 0, 2, 1), 42));
	txn_close(&t, &x);
	txn_close(&t, &x);
	assert_null(txn_match(&t, IP4(192, 0, 2, 1), 41));
	txn_close(&t, &y);
	txn_table_release(&t);
}

static void
an_id_in_flight_is_not_given_again_to_the_same_peer(void **state)
{
	struct txn_table t;
	struct txn x, y, z;

	txn_table_init(&t, stuck, NULL);
	assert_int_equal(txn_open(&t, &x, IP4(192, 0, 2, 1), &schedule, start), 0);
	assert_int_equal(txn_open(&t, &y, IP4(192, 0, 2, 1), &schedule, start), NBT_ELIMIT);
	assert_int_equal(txn_open(&t, &z, IP4(192, 0, 2, 2), &schedule, start), 0);
	txn_close(&t, &x);
	txn_close(&t, &z);
	txn_table_release(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_three_times_with_doubling_waits_then_ends),
		cmocka_unit_test(only_the_address_asked_with_its_id_matches),
		cmocka_unit_test(an_id_in_flight_is_not_given_again_to_the_same_peer),
	};

	return cmocka_run_group_tests_name("txn_txn", tests, NULL, NULL);
}
