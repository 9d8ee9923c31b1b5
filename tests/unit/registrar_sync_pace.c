/* SPDX-License-Identifier: Apache-2.0 */
/* When a disk counts as slow. */
#include "registrar/sync_pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static unsigned
syncs_until(struct sync_pace *p, bool slow, int64_t waited)
{
	unsigned n = 0;

	for (; sync_pace_slow(p) != slow && n < 1000; n++)
		sync_pace_note(p, waited);
	return n;
}

static void
a_quick_disk_is_never_slow(void **state)
{
	struct sync_pace p = { 0 };

	assert_false(sync_pace_slow(&p));
	assert_int_equal(syncs_until(&p, true, SYNC_SLOW_NS - SYNC_MEAN), 1000);
}

static void
a_slow_disk_is_found_and_a_single_long_sync_is_not_one(void **state)
{
	struct sync_pace p = { 0 };

	sync_pace_note(&p, 3 * SYNC_SLOW_NS);
	assert_false(sync_pace_slow(&p));
	assert_in_range(syncs_until(&p, true, 3 * SYNC_SLOW_NS), 1, SYNC_MEAN);
}

static void
a_disk_that_recovers_is_quick_again(void **state)
{
	struct sync_pace p = { .mean = 6 * SYNC_SLOW_NS };

	assert_in_range(syncs_until(&p, false, SYNC_SLOW_NS / 5), 1, 4 * SYNC_MEAN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_quick_disk_is_never_slow),
		cmocka_unit_test(a_slow_disk_is_found_and_a_single_long_sync_is_not_one),
		cmocka_unit_test(a_disk_that_recovers_is_quick_again),
	};

	return cmocka_run_group_tests_name("registrar_sync_pace", tests, NULL, NULL);
}
