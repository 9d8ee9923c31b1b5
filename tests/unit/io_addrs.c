/* SPDX-License-Identifier: Apache-2.0 */
/* The machine's addresses: loopback is on every machine, everything else may be. */
#include "io/addrs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void
loopback_is_listed_with_its_mask(void **state)
{
	struct addrs_entry all[64];
	bool found = false;
	size_t n;

	assert_int_equal(addrs_list(all, 64, &n), 0);
	for (size_t i = 0; i < n && i < 64; i++) {
		assert_true(all[i].ifindex > 0);
		if (!ip4_eq(all[i].ip, IP4(127, 0, 0, 1)))
			continue;
		found = true;
		assert_int_equal(all[i].mask.v, 0xff000000);
		assert_int_equal(all[i].broadcast.v, 0);
		assert_true(all[i].loopback);
		assert_string_equal(all[i].name, "lo");
	}
	assert_true(found);
}

static void
no_more_than_asked_for_is_filled_but_all_are_counted(void **state)
{
	struct addrs_entry one = { .ifindex = 77 };
	size_t all, n;

	assert_int_equal(addrs_list(NULL, 0, &all), 0);
	assert_true(all >= 1);
	assert_int_equal(addrs_list(&one, 1, &n), 0);
	assert_int_equal(n, all);
	assert_true(one.ip.v != 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loopback_is_listed_with_its_mask),
		cmocka_unit_test(no_more_than_asked_for_is_filled_but_all_are_counted),
	};

	return cmocka_run_group_tests_name("io_addrs", tests, NULL, NULL);
}
