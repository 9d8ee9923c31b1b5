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

static void
a_network_has_its_first_and_last_address_and_not_their_neighbours(void **state)
{
	struct ip4_net net;

	assert_true(ip4_net_parse("169.254.0.0/16", &net));
	assert_true(ip4_net_has(net, IP4(169, 254, 0, 0)));
	assert_true(ip4_net_has(net, IP4(169, 254, 255, 255)));
	assert_false(ip4_net_has(net, IP4(169, 253, 255, 255)));
	assert_false(ip4_net_has(net, IP4(169, 255, 0, 0)));
	assert_true(ip4_net_parse("192.0.2.10/32", &net));
	assert_true(ip4_net_has(net, IP4(192, 0, 2, 10)));
	assert_false(ip4_net_has(net, IP4(192, 0, 2, 11)));
	assert_true(ip4_net_parse("0.0.0.0/0", &net));
	assert_true(ip4_net_has(net, IP4_BROADCAST));
}

static void
networks_read_what_they_print_and_refuse_everything_else(void **state)
{
	static const char *const good[] = { "169.254.0.0/16", "0.0.0.0/0", "255.255.255.255/32",
		"192.0.2.8/29", "128.0.0.0/1" };
	static const char *const bad[] = { "", "/", "/16", "169.254.0.0", "169.254.0.0/",
		"169.254.0.0/33", "169.254.0.0/016", "169.254.0.0/05", "169.254.0.0/-1",
		"169.254.0.0/+1", "169.254.0.0/16 ", "169.254.0.1/16", "192.0.2.8/28", "169.254/16",
		"1.2.3.256/32", "255.255.255.2555/32", "169.254.0.0/16/16", "0.0.0.0/100" };
	struct ip4_net net = { IP4(9, 9, 9, 9), 9 };
	char buf[IP4_NET_STRLEN];

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(ip4_net_parse(bad[i], &net));
	assert_int_equal(net.base.v, IP4(9, 9, 9, 9).v);
	assert_int_equal(net.bits, 9);
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_true(ip4_net_parse(good[i], &net));
		assert_string_equal(ip4_net_print(net, buf), good[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_it_prints),
		cmocka_unit_test(refuses_everything_else),
		cmocka_unit_test(knows_what_a_host_can_hold),
		cmocka_unit_test(a_network_has_its_first_and_last_address_and_not_their_neighbours),
		cmocka_unit_test(networks_read_what_they_print_and_refuse_everything_else),
	};

	return cmocka_run_group_tests_name("base_ip4", tests, NULL, NULL);
}
