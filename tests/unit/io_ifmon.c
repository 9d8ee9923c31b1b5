/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interfaces and their changes, on veth pairs in a network namespace of the test's own. Without
 * the right to make one (unshare) the tests that need it are skipped.
 */
#include "io/ifmon.h"

#include <setjmp.h>
#include <stdarg.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static bool in_namespace;

static void
run(const char *command)
{
	if (system(command) != 0)
		fail_msg("failed: %s", command);
}

#define NEEDS_NAMESPACE()  \
	if (!in_namespace) \
	skip()

static struct ifmon *
watch(void)
{
	struct ifmon *m;

	assert_int_equal(ifmon_open(&m), 0);
	return m;
}

static const struct ifmon_entry *
find(struct ifmon *m, struct ip4 ip)
{
	static struct ifmon_entry all[64];
	size_t n;

	assert_int_equal(ifmon_list(m, all, 64, &n), 0);
	assert_true(n <= 64);
	for (size_t i = 0; i < n; i++)
		if (ip4_eq(all[i].ip, ip))
			return &all[i];
	return NULL;
}

/* The kernel told before the command ended, so there is nothing to wait for. */
static bool
told(struct ifmon *m)
{
	struct pollfd p = { .fd = ifmon_fd(m), .events = POLLIN };

	return poll(&p, 1, 0) == 1 && ifmon_changed(m);
}

static void
an_address_is_listed_with_its_interface(void **state)
{
	const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };
	const struct ifmon_entry *e;
	struct ifmon *m;

	NEEDS_NAMESPACE();
	m = watch();
	run("ip link add d0 address 02:00:00:00:00:01 type veth peer name d1");
	run("ip link set d1 up");
	run("ip addr add 192.0.2.10/24 brd 192.0.2.127 dev d0");
	run("ip link set d0 up");
	e = find(m, IP4(192, 0, 2, 10));
	assert_non_null(e);
	assert_string_equal(e->name, "d0");
	assert_int_equal(e->mask.v, 0xffffff00);
	assert_int_equal(e->broadcast.v, IP4(192, 0, 2, 127).v);
	assert_memory_equal(e->mac, mac, 6);
	assert_true(e->up);
	assert_false(e->loopback);
	assert_false(e->secondary);
	run("ip link del d0");
	ifmon_close(m);
}

static void
a_broadcast_address_that_was_not_given_is_the_networks(void **state)
{
	const struct ifmon_entry *e;
	struct ifmon *m;

	NEEDS_NAMESPACE();
	m = watch();
	run("ip link add d0 type veth peer name d1");
	run("ip addr add 10.1.2.3/22 dev d0");
	run("ip addr add 10.9.9.9/32 dev d0");
	run("ip addr add 10.8.8.8/31 dev d0");
	e = find(m, IP4(10, 1, 2, 3));
	assert_int_equal(e->broadcast.v, IP4(10, 1, 3, 255).v);
	assert_int_equal(e->mask.v, 0xfffffc00);
	assert_int_equal(find(m, IP4(10, 9, 9, 9))->broadcast.v, 0);
	assert_int_equal(find(m, IP4(10, 9, 9, 9))->mask.v, UINT32_MAX);
	assert_int_equal(find(m, IP4(10, 8, 8, 8))->broadcast.v, 0);
	run("ip link del d0");
	ifmon_close(m);
}

static void
a_second_address_is_known_as_such(void **state)
{
	struct ifmon *m;

	NEEDS_NAMESPACE();
	m = watch();
	run("ip link add d0 type veth peer name d1");
	run("ip addr add 192.0.2.10/24 dev d0");
	run("ip addr add 192.0.2.11/24 dev d0");
	assert_false(find(m, IP4(192, 0, 2, 10))->secondary);
	assert_true(find(m, IP4(192, 0, 2, 11))->secondary);
	run("ip link del d0");
	ifmon_close(m);
}

static void
a_link_that_is_down_is_listed_as_down(void **state)
{
	struct ifmon *m;

	NEEDS_NAMESPACE();
	m = watch();
	run("ip link add v0 type veth peer name v1");
	run("ip addr add 192.0.2.10/24 dev v0");
	assert_false(find(m, IP4(192, 0, 2, 10))->up);
	run("ip link set v0 up");
	assert_false(find(m, IP4(192, 0, 2, 10))->up); /* no cable */
	run("ip link set v1 up");
	assert_true(find(m, IP4(192, 0, 2, 10))->up);
	run("ip link del v0");
	ifmon_close(m);
}

static void
every_change_is_told(void **state)
{
	struct ifmon *m;

	NEEDS_NAMESPACE();
	m = watch();
	run("ip link add d0 type veth peer name d1");
	assert_true(told(m));
	assert_false(told(m));
	run("ip addr add 192.0.2.10/24 dev d0");
	assert_true(told(m));
	run("ip link set d0 up");
	assert_true(told(m));
	run("ip addr del 192.0.2.10/24 dev d0");
	assert_true(told(m));
	assert_null(find(m, IP4(192, 0, 2, 10)));
	run("ip link del d0");
	assert_true(told(m));
	assert_false(told(m));
	ifmon_close(m);
}

static void
more_news_than_the_socket_holds_is_news(void **state)
{
	struct ifmon *m;
	FILE *batch;

	NEEDS_NAMESPACE();
	m = watch();
	batch = popen("ip -batch -", "w");
	assert_non_null(batch);
	fputs("link add d0 type veth peer name d1\n", batch);
	for (int i = 0; i < 2000; i++)
		fprintf(batch, "link set d0 %s\n", i & 1 ? "down" : "up");
	assert_int_equal(pclose(batch), 0);
	assert_true(told(m));
	assert_false(told(m));
	run("ip link del d0");
	assert_true(told(m));
	ifmon_close(m);
}

static void
more_addresses_than_asked_for_are_counted(void **state)
{
	struct ifmon_entry one[1];
	struct ifmon *m = watch();
	size_t n = 0;

	if (in_namespace)
		run("ip link set lo up && ip addr add 127.0.0.9/8 dev lo");
	assert_int_equal(ifmon_list(m, one, 1, &n), 0);
	assert_true(one[0].loopback);
	assert_int_equal(one[0].ip.v, IP4(127, 0, 0, 1).v);
	if (in_namespace)
		assert_int_equal(n, 2);
	ifmon_close(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_listed_with_its_interface),
		cmocka_unit_test(a_broadcast_address_that_was_not_given_is_the_networks),
		cmocka_unit_test(a_second_address_is_known_as_such),
		cmocka_unit_test(a_link_that_is_down_is_listed_as_down),
		cmocka_unit_test(every_change_is_told),
		cmocka_unit_test(more_news_than_the_socket_holds_is_news),
		cmocka_unit_test(more_addresses_than_asked_for_are_counted),
	};

	in_namespace = unshare(CLONE_NEWNET) == 0;
	return cmocka_run_group_tests_name("io_ifmon", tests, NULL, NULL);
}
