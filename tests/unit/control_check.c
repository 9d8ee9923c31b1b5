/* SPDX-License-Identifier: Apache-2.0 */
/* What the running check finds in a record: each fault alone, and none in whole records. */
#include "control/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct version next = { 100 };

static struct rec
unique(void)
{
	return (struct rec){ .type = REC_UNIQUE,
		.version = { 99 },
		.due = { 1000 },
		.naddr = 1,
		.addr = { { .ip = IP4(192, 0, 2, 1) } } };
}

static void
whole_records_have_no_fault(void **state)
{
	struct rec r = unique();

	assert_null(control_check_rec(&r, next));
	r.is_static = true;
	r.due = WALL_NEVER;
	assert_null(control_check_rec(&r, next));
	r = unique();
	r.owner = IP4(192, 0, 2, 9);
	r.version.v = 5000; /* another server's counter */
	assert_null(control_check_rec(&r, next));
	r = unique();
	r.type = REC_GROUP;
	r.naddr = 0;
	assert_null(control_check_rec(&r, next));
	r.type = REC_SPECIAL;
	r.state = REC_TOMBSTONE;
	assert_null(control_check_rec(&r, next));
	r.type = REC_MULTIHOMED;
	r.state = REC_ACTIVE;
	r.naddr = REC_ADDR_MAX;
	for (uint8_t i = 0; i < REC_ADDR_MAX; i++)
		r.addr[i].ip = IP4(192, 0, 2, i);
	assert_null(control_check_rec(&r, next));
}

static void
each_fault_is_found(void **state)
{
	struct rec r;

#define HAS_FAULT(change) \
	r = unique();     \
	change;           \
	assert_non_null(control_check_rec(&r, next))

	HAS_FAULT(r.type = 4);
	HAS_FAULT(r.state = 3);
	HAS_FAULT(r.node = 4);
	HAS_FAULT(r.version.v = 0);
	HAS_FAULT(r.version.v = 100);
	HAS_FAULT(r.due = WALL_NEVER);
	HAS_FAULT(r.is_static = true);
	HAS_FAULT(r.naddr = 0);
	HAS_FAULT(r.naddr = 2);
	HAS_FAULT(r.type = REC_GROUP);
	HAS_FAULT((r.type = REC_SPECIAL, r.naddr = 0));
	HAS_FAULT((r.type = REC_MULTIHOMED, r.naddr = REC_ADDR_MAX + 1));
	HAS_FAULT((r.type = REC_MULTIHOMED, r.naddr = 2, r.addr[1] = r.addr[0]));
#undef HAS_FAULT
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_records_have_no_fault),
		cmocka_unit_test(each_fault_is_found),
	};

	return cmocka_run_group_tests_name("control_check", tests, NULL, NULL);
}
