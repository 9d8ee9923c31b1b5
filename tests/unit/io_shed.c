/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel drops for us on loopback: those of some addresses, some of them, and nobody else's. */
#include "io/shed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <arpa/inet.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#define SERVER IP4(127, 0, 0, 31)
#define BAD    IP4(127, 0, 0, 32)
#define GOOD   IP4(127, 0, 0, 33)
#define MANY   256 /* that chance lets all of them through, or none, has never happened */

static struct sockaddr_in
sin_of(struct ip4 ip, uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = { htonl(ip.v) }
	};
}

static int
open_at(struct ip4 ip)
{
	struct sockaddr_in sin = sin_of(ip, 0);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	return fd;
}

static uint32_t
dropped(int fd)
{
	struct shed_load load;

	assert_true(shed_load(fd, &load));
	return load.dropped;
}

static unsigned
drain(int fd)
{
	char byte;
	unsigned n = 0;

	while (recv(fd, &byte, 1, 0) == 1)
		n++;
	return n;
}

/* So many packets from ip; how many the server got when it got or dropped all. */
static unsigned
arrive(int server, struct ip4 ip, unsigned sent)
{
	struct sockaddr_in to;
	socklen_t len = sizeof(to);
	uint32_t before = dropped(server);
	unsigned got = 0;
	int fd = open_at(ip);

	assert_int_equal(getsockname(server, (struct sockaddr *)&to, &len), 0);
	for (unsigned i = 0; i < sent; i++) {
		assert_int_equal(sendto(fd, "x", 1, 0, (struct sockaddr *)&to, len), 1);
		got += drain(server);
	}
	for (int i = 0; i < 1000 && got + dropped(server) - before < sent; i++) {
		(void)poll(&(struct pollfd){ .fd = server, .events = POLLIN }, 1, 10);
		got += drain(server);
	}
	assert_int_equal(got + dropped(server) - before, sent);
	close(fd);
	return got;
}

static void
one_in_so_many_gets_through(void **state)
{
	const struct ip4 bad = BAD;
	int server = open_at(SERVER);
	unsigned got;

	(void)state;
	assert_true(shed_set(server, &bad, 1, 1));
	got = arrive(server, BAD, MANY);
	assert_in_range(got, 1, MANY - 1);
	assert_true(shed_set(server, &bad, 1, SHED_SHIFT_MAX));
	assert_in_range(arrive(server, BAD, MANY), 0, 32);
	close(server);
}

static void
others_get_through_whole(void **state)
{
	const struct ip4 bad = BAD;
	int server = open_at(SERVER);

	(void)state;
	assert_true(shed_set(server, &bad, 1, SHED_SHIFT_MAX));
	assert_int_equal(arrive(server, GOOD, MANY), MANY);
	close(server);
}

static void
first_and_last_of_the_most_addresses_are_kept_out(void **state)
{
	struct ip4 list[SHED_ADDRESSES_MAX];
	int server = open_at(SERVER);

	(void)state;
	for (unsigned i = 0; i < SHED_ADDRESSES_MAX; i++)
		list[i] = IP4(10, 0, 0, (uint8_t)i);
	list[0] = BAD;
	list[SHED_ADDRESSES_MAX - 1] = IP4(127, 0, 0, 34);
	assert_true(shed_set(server, list, SHED_ADDRESSES_MAX, SHED_SHIFT_MAX));
	assert_in_range(arrive(server, BAD, MANY), 0, 32);
	assert_in_range(arrive(server, IP4(127, 0, 0, 34), MANY), 0, 32);
	assert_int_equal(arrive(server, GOOD, MANY), MANY);
	close(server);
}

static void
nobody_is_kept_out_afterwards(void **state)
{
	const struct ip4 bad = BAD;
	int server = open_at(SERVER);

	(void)state;
	assert_true(shed_set(server, NULL, 0, 0)); /* nor when nobody was */
	for (int i = 0; i < 2; i++) {
		assert_true(shed_set(server, &bad, 1, SHED_SHIFT_MAX));
		assert_true(shed_set(server, &bad, i == 0, i));
		assert_int_equal(arrive(server, BAD, MANY), MANY);
	}
	close(server);
}

static void
buffer_that_nobody_empties_fills(void **state)
{
	int server = open_at(SERVER), fd = open_at(GOOD);
	struct sockaddr_in to;
	socklen_t len = sizeof(to);
	struct shed_load load;

	(void)state;
	assert_int_equal(getsockname(server, (struct sockaddr *)&to, &len), 0);
	assert_true(shed_load(server, &load));
	assert_int_equal(load.used, 0);
	assert_true(load.size > 0);
	for (int i = 0; i < 100000 && !load.dropped; i++) {
		assert_int_equal(sendto(fd, "x", 1, 0, (struct sockaddr *)&to, len), 1);
		assert_true(shed_load(server, &load));
	}
	assert_int_equal(load.dropped, 1);
	assert_true(load.used > load.size / 2);
	close(server);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_in_so_many_gets_through),
		cmocka_unit_test(others_get_through_whole),
		cmocka_unit_test(first_and_last_of_the_most_addresses_are_kept_out),
		cmocka_unit_test(nobody_is_kept_out_afterwards),
		cmocka_unit_test(buffer_that_nobody_empties_fills),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
