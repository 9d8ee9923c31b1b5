/* SPDX-License-Identifier: Apache-2.0 */
/* IPv4 addresses: what is read, what is refused, which can be a host's. */
#include "base/ip4.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void
reads_what_it_prints(void **state)
{
	char buf[IP4_STRLEN];
	struct ip4 a;

	assert_true(ip4_parse("192.0.2.10", &a));
	assert_int_equal(a.v, 0xc000020a);
	assert_string_equal(ip4_print(a, buf), "192.0.2.10");
	assert_string_equal(ip4_print(IP4_BROADCAST, buf), "255.255.255.255");
}

static void
refuses_everything_else(void **state)
{
	static const char *const bad[] = { "", "1.2.3", "1.2.3.4.5", "1.2.3.256", " 1.2.3.4",
		"1.2.3.4 ", "1.2.3.x", "::1" };
	struct ip4 a = IP4(9, 9, 9, 9);

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(ip4_parse(bad[i], &a));
	assert_int_equal(a.v, IP4(9, 9, 9, 9).v);
}

static void
knows_what_a_host_can_hold(void **state)
{
	assert_true(ip4_is_host(IP4(192, 0, 2, 10)));
	assert_false(ip4_is_host(IP4_ANY));
	assert_false(ip4_is_host(IP4(127, 0, 0, 1)));
	assert_false(ip4_is_host(IP4(224, 0, 1, 24)));
	assert_false(ip4_is_host(IP4_BROADCAST));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_it_prints),
		cmocka_unit_test(refuses_everything_else),
		cmocka_unit_test(knows_what_a_host_can_hold),
	};

	return cmocka_run_group_tests_name("base_ip4", tests, NULL, NULL);
}
