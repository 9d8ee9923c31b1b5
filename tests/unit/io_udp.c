/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches of datagrams on loopback: which address was asked, answers from it, bounds, counters. In a
 * network namespace of the test's own where one may be made, so that nobody else takes its ports.
 */
#include "io/udp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#define SERVER  IP4(127, 0, 0, 21)
#define SERVER2 IP4(127, 0, 0, 22)
#define CLIENT  IP4(127, 0, 0, 23)
#define FENCE   IP4(127, 0, 0, 24)

struct pair {
	int server, client;
	uint16_t server_port, client_port;
	struct udp_stats stats;
	struct udp_in *in;
	struct udp_out *out;
};

static int
open_at(struct ip4 address, uint16_t port)
{
	const struct udp_opts opts = { .address = address, .port = port };
	int fd;

	assert_int_equal(udp_open(&opts, &fd), 0);
	return fd;
}

/* A server on the address and a client whose datagrams udp_out sends. */
static void
pair_open(struct pair *p, struct ip4 address)
{
	memset(p, 0, sizeof(*p));
	p->server = open_at(address, 0);
	p->client = open_at(CLIENT, 0);
	p->server_port = udp_port(p->server);
	p->client_port = udp_port(p->client);
	assert_int_equal(udp_in_new(&p->stats, &p->in), 0);
	assert_int_equal(udp_out_new(&p->stats, &p->out), 0);
}

static void
pair_close(struct pair *p)
{
	udp_in_free(p->in);
	udp_out_free(p->out);
	close(p->server);
	close(p->client);
}

static void
put(struct pair *p, struct ip4 to, const void *data, size_t len)
{
	struct udp_to path = { .peer = to, .local = CLIENT, .port = p->server_port };

	memcpy(udp_room(p->out), data, len);
	udp_put(p->out, &path, len);
}

/*
 * All that was sent has arrived. The kernel may hand datagrams over in a thread of its own, later,
 * but those of one processor in their order: the last one is this one.
 */
static void
settle(void)
{
	int fd = open_at(FENCE, 0);
	struct sockaddr_in self = { .sin_family = AF_INET,
		.sin_addr = { htonl(FENCE.v) },
		.sin_port = htons(udp_port(fd)) };
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	assert_int_equal(sendto(fd, "", 0, 0, (void *)&self, sizeof(self)), 0);
	assert_int_equal(poll(&pfd, 1, 60000), 1);
	close(fd);
}

static unsigned
receive(struct pair *p, int fd)
{
	settle();
	return udp_receive(p->in, fd);
}

static void
tells_the_sender_and_the_address_that_was_asked(void **state)
{
	struct udp_packet got;
	struct pair p;

	pair_open(&p, IP4_ANY);
	assert_int_equal(udp_receive(p.in, p.server), 0);
	put(&p, SERVER2, "hello", 5);
	assert_int_equal(udp_send(p.out, p.client), 1);
	assert_int_equal(receive(&p, p.server), 1);
	got = udp_packet(p.in, 0);
	assert_int_equal(got.len, 5);
	assert_memory_equal(got.data, "hello", 5);
	assert_int_equal(got.peer.v, CLIENT.v);
	assert_int_equal(got.port, p.client_port);
	assert_int_equal(got.local.v, SERVER2.v);
	assert_true(got.ifindex > 0);
	assert_false(got.broadcast);
	assert_false(got.truncated);
	assert_int_equal(udp_receive(p.in, p.server), 0);
	pair_close(&p);
}

static void
answers_leave_from_the_address_that_was_asked(void **state)
{
	static const struct ip4 asked[] = { { 0x7f000015 }, { 0x7f000016 }, { 0x7f000001 } };
	struct pair p;

	pair_open(&p, IP4_ANY);
	for (size_t i = 0; i < sizeof(asked) / sizeof(*asked); i++) {
		struct udp_to to = { .peer = CLIENT, .local = asked[i], .port = p.client_port };

		memcpy(udp_room(p.out), "answer", 6);
		udp_put(p.out, &to, 6);
	}
	assert_int_equal(udp_send(p.out, p.server), 3);
	assert_int_equal(receive(&p, p.client), 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(udp_packet(p.in, i).peer.v, asked[i].v);
		assert_int_equal(udp_packet(p.in, i).port, p.server_port);
	}
	pair_close(&p);
}

static void
a_socket_with_an_address_needs_to_be_told_nothing(void **state)
{
	const struct udp_opts opts = { .address = SERVER2, .untold = true };
	struct udp_to back = { .peer = CLIENT };
	struct udp_packet got;
	struct pair p;

	pair_open(&p, SERVER);
	close(p.server);
	assert_int_equal(udp_open(&opts, &p.server), 0);
	p.server_port = udp_port(p.server);
	put(&p, SERVER2, "hello", 5);
	assert_int_equal(udp_send(p.out, p.client), 1);
	assert_int_equal(receive(&p, p.server), 1);
	got = udp_packet(p.in, 0);
	assert_memory_equal(got.data, "hello", 5);
	assert_int_equal(got.peer.v, CLIENT.v);
	assert_int_equal(got.local.v, 0);
	assert_int_equal(got.ifindex, 0);
	assert_false(got.broadcast);
	/* the same places in the batch, told and untold by turns */
	back.port = p.client_port;
	for (int i = 0; i < 3; i++) {
		back.local = i == 1 ? SERVER2 : IP4_ANY;
		memcpy(udp_room(p.out), "answer", 6);
		udp_put(p.out, &back, 6);
		assert_int_equal(udp_send(p.out, p.server), 1);
		assert_int_equal(receive(&p, p.client), 1);
		assert_int_equal(udp_packet(p.in, 0).peer.v, SERVER2.v);
		assert_int_equal(udp_packet(p.in, 0).local.v, CLIENT.v);
	}
	pair_close(&p);
}

static void
a_broadcast_is_known_as_one(void **state)
{
	const struct udp_opts opts = { .address = CLIENT, .broadcast = true };
	struct pair p;

	pair_open(&p, IP4_ANY);
	put(&p, IP4(127, 255, 255, 255), "x", 1);
	assert_int_equal(udp_send(p.out, p.client), 0); /* only who said that he would */
	close(p.client);
	assert_int_equal(udp_open(&opts, &p.client), 0);
	put(&p, IP4(127, 255, 255, 255), "x", 1);
	assert_int_equal(udp_send(p.out, p.client), 1);
	assert_int_equal(receive(&p, p.server), 1);
	assert_true(udp_packet(p.in, 0).broadcast);
	assert_int_not_equal(udp_packet(p.in, 0).local.v, IP4(127, 255, 255, 255).v);
	pair_close(&p);
}

static void
a_packet_leaves_on_the_interface_it_is_told(void **state)
{
	struct pair p;
	struct udp_to to;

	pair_open(&p, SERVER);
	to =
	    (struct udp_to){ .peer = SERVER, .local = CLIENT, .ifindex = 1, .port = p.server_port };
	udp_put(p.out, &to, 0);
	assert_int_equal(udp_send(p.out, p.client), 1); /* lo is 1 everywhere */
	assert_int_equal(receive(&p, p.server), 1);
	assert_int_equal(udp_packet(p.in, 0).ifindex, 1);
	to.ifindex = 0x7ffffff;
	udp_put(p.out, &to, 0);
	assert_int_equal(udp_send(p.out, p.client), 0); /* there is no such interface */
	pair_close(&p);
}

static void
a_batch_takes_sixty_four_and_no_more(void **state)
{
	struct pair p;
	uint8_t n = 0;

	pair_open(&p, SERVER);
	for (; n < UDP_BATCH; n++)
		put(&p, SERVER, &n, 1);
	assert_null(udp_room(p.out));
	assert_int_equal(udp_send(p.out, p.client), UDP_BATCH);
	assert_non_null(udp_room(p.out));
	put(&p, SERVER, &n, 1);
	assert_int_equal(udp_send(p.out, p.client), 1);
	assert_int_equal(udp_send(p.out, p.client), 0);
	assert_int_equal(receive(&p, p.server), UDP_BATCH);
	for (n = 0; n < UDP_BATCH; n++)
		assert_int_equal(udp_packet(p.in, n).data[0], n);
	assert_int_equal(receive(&p, p.server), 1);
	assert_int_equal(udp_packet(p.in, 0).data[0], UDP_BATCH);
	assert_int_equal(udp_packet(p.in, 0).peer.v, CLIENT.v);
	assert_int_equal(udp_packet(p.in, 0).local.v, SERVER.v);
	assert_int_equal(p.stats.sent, UDP_BATCH + 1);
	assert_int_equal(p.stats.received, UDP_BATCH + 1);
	pair_close(&p);
}

static void
the_largest_datagram_is_whole_and_a_larger_one_is_marked(void **state)
{
	uint8_t big[UDP_RECV_MAX + 1];
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr = { htonl(SERVER.v) } };
	struct pair p;

	memset(big, 'x', sizeof(big));
	pair_open(&p, SERVER);
	to.sin_port = htons(p.server_port);
	put(&p, SERVER, big, UDP_SEND_MAX);
	put(&p, SERVER, "", 0);
	assert_int_equal(udp_send(p.out, p.client), 2);
	assert_int_equal(
	    sendto(p.client, big, sizeof(big), 0, (void *)&to, sizeof(to)), sizeof(big));
	assert_int_equal(receive(&p, p.server), 3);
	assert_int_equal(udp_packet(p.in, 0).len, UDP_RECV_MAX);
	assert_false(udp_packet(p.in, 0).truncated);
	assert_int_equal(udp_packet(p.in, 1).len, 0);
	assert_false(udp_packet(p.in, 1).truncated);
	assert_int_equal(udp_packet(p.in, 2).len, UDP_RECV_MAX);
	assert_true(udp_packet(p.in, 2).truncated);
	assert_int_equal(p.stats.truncated, 1);
	/* the headers are set right again for what comes next */
	put(&p, SERVER, "short", 5);
	assert_int_equal(udp_send(p.out, p.client), 1);
	assert_int_equal(receive(&p, p.server), 1);
	assert_int_equal(udp_packet(p.in, 0).len, 5);
	assert_false(udp_packet(p.in, 0).truncated);
	pair_close(&p);
}

static void
one_that_cannot_be_sent_does_not_hold_up_the_others(void **state)
{
	/* 192.0.2.1 is no address of ours to send from; port 0 is nobody's */
	struct udp_to bad = { .peer = SERVER, .local = IP4(192, 0, 2, 1) };
	struct pair p;

	pair_open(&p, SERVER);
	udp_put(p.out, &bad, 1);
	put(&p, SERVER, "a", 1);
	udp_put(p.out, &bad, 1);
	udp_put(p.out, &bad, 1);
	put(&p, SERVER, "b", 1);
	udp_put(p.out, &bad, 1);
	assert_int_equal(udp_send(p.out, p.client), 2);
	assert_int_equal(p.stats.sent, 2);
	assert_int_equal(p.stats.send_failed, 4);
	assert_int_equal(receive(&p, p.server), 2);
	assert_int_equal(udp_packet(p.in, 1).data[0], 'b');
	pair_close(&p);
}

static void
the_first_socket_wants_the_port_for_itself_and_siblings_may_join(void **state)
{
	struct udp_opts opts = { .address = SERVER };
	int first = open_at(SERVER, 0), joined, fd;

	opts.port = udp_port(first);
	assert_true(opts.port > 0);
	assert_int_equal(udp_open(&opts, &fd), NBT_EBUSY);
	assert_int_equal(errno, EADDRINUSE);
	opts.address = IP4_ANY;
	assert_int_equal(udp_open(&opts, &fd), NBT_EBUSY);
	opts.address = SERVER;
	opts.join = true;
	assert_int_equal(udp_open(&opts, &joined), 0);
	assert_int_equal(udp_open(&opts, &fd), 0);
	close(fd);
	close(first);
	/* one sibling is left: still taken for a stranger */
	opts.join = false;
	assert_int_equal(udp_open(&opts, &fd), NBT_EBUSY);
	close(joined);
	assert_int_equal(udp_open(&opts, &fd), 0);
	close(fd);
}

/* On loopback a packet is received by the processor that sends it. */
static unsigned
stay_on_this_processor(void)
{
	cpu_set_t set;
	int cpu = sched_getcpu();

	assert_true(cpu >= 0);
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		skip(); /* it was just taken from us */
	return (unsigned)cpu;
}

/* Of 64 clients, how many come to the first socket. */
static unsigned
come_to_the_first(struct pair *p, int joined)
{
	unsigned seen[2] = { 0, 0 };

	for (int i = 0; i < 64; i++) {
		struct udp_to to = { .peer = SERVER, .port = p->server_port };
		int client = open_at(CLIENT, 0);

		memcpy(udp_room(p->out), "x", 1);
		udp_put(p->out, &to, 1);
		assert_int_equal(udp_send(p->out, client), 1);
		close(client);
	}
	settle();
	for (unsigned n; (n = udp_receive(p->in, p->server));)
		seen[0] += n;
	for (unsigned n; (n = udp_receive(p->in, joined));)
		seen[1] += n;
	assert_int_equal(seen[0] + seen[1], 64);
	return seen[0];
}

static void
siblings_get_what_their_processors_receive(void **state)
{
	struct udp_opts opts = { .address = SERVER, .join = true };
	unsigned here, other[UDP_STEER_MAX];
	struct pair p;
	cpu_set_t all;
	int joined;

	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	here = stay_on_this_processor();
	for (unsigned i = 0; i < UDP_STEER_MAX; i++)
		other[i] = here + 1 + i;
	pair_open(&p, SERVER);
	opts.port = p.server_port;
	assert_int_equal(udp_open(&opts, &joined), 0);
	assert_int_equal(udp_steer(p.server, (unsigned[]){ here, here + 1 }, 2), 0);
	assert_int_equal(come_to_the_first(&p, joined), 64);
	assert_int_equal(udp_steer(p.server, (unsigned[]){ here + 1, here }, 2), 0);
	assert_int_equal(come_to_the_first(&p, joined), 0);
	/* as many as there may be, and none of them this one: nothing is lost */
	assert_int_equal(udp_steer(p.server, other, UDP_STEER_MAX), 0);
	assert_in_range(come_to_the_first(&p, joined), 1, 63);
	close(joined);
	pair_close(&p);
	assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
}

static void
siblings_share_the_clients(void **state)
{
	struct udp_opts opts = { .address = SERVER, .join = true };
	struct pair p;
	int joined, seen[2] = { 0, 0 };

	pair_open(&p, SERVER);
	opts.port = p.server_port;
	assert_int_equal(udp_open(&opts, &joined), 0);
	for (int i = 0; i < 200; i++) {
		struct udp_to to = { .peer = SERVER, .port = p.server_port };
		int client = open_at(CLIENT, 0);

		memcpy(udp_room(p.out), "x", 1);
		udp_put(p.out, &to, 1);
		assert_int_equal(udp_send(p.out, client), 1);
		close(client);
	}
	settle();
	for (unsigned n; (n = udp_receive(p.in, p.server));)
		seen[0] += (int)n;
	for (unsigned n; (n = udp_receive(p.in, joined));)
		seen[1] += (int)n;
	assert_int_equal(seen[0] + seen[1], 200);
	assert_true(seen[0] > 0 && seen[1] > 0);
	close(joined);
	pair_close(&p);
}

static void
failures_of_opening_are_told_apart(void **state)
{
	struct udp_opts opts = { .address = IP4(192, 0, 2, 1), .port = 137 };
	struct rlimit old, none;
	int fd = -2;

	assert_int_equal(udp_open(&opts, &fd), NBT_ENOENT);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = old;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	opts.address = SERVER;
	opts.port = 0;
	assert_int_equal(udp_open(&opts, &fd), NBT_ELIMIT);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(fd, -2);
}

static void
a_receive_buffer_is_granted(void **state)
{
	struct udp_opts opts = { .address = SERVER, .receive_buffer = 100000 };
	int fd, size = 0;
	socklen_t len = sizeof(size);

	assert_int_equal(udp_open(&opts, &fd), 0);
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, &len), 0);
	assert_true(size >= 100000);
	close(fd);
	opts.receive_buffer = SIZE_MAX; /* more than there can be is a wish, not an error */
	assert_int_equal(udp_open(&opts, &fd), 0);
	close(fd);
}

static void
settle_down_on_one_processor(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((unsigned)sched_getcpu(), &set);
	(void)sched_setaffinity(0, sizeof(set), &set); /* refused: the kernel rarely is that late */
}

static bool
own_network(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd;
	bool up;

	if (unshare(CLONE_NEWNET))
		return true; /* then the machine's */
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	up = ioctl(fd, SIOCSIFFLAGS, &lo) == 0;
	close(fd);
	return up;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_the_sender_and_the_address_that_was_asked),
		cmocka_unit_test(answers_leave_from_the_address_that_was_asked),
		cmocka_unit_test(a_socket_with_an_address_needs_to_be_told_nothing),
		cmocka_unit_test(a_broadcast_is_known_as_one),
		cmocka_unit_test(a_packet_leaves_on_the_interface_it_is_told),
		cmocka_unit_test(a_batch_takes_sixty_four_and_no_more),
		cmocka_unit_test(the_largest_datagram_is_whole_and_a_larger_one_is_marked),
		cmocka_unit_test(one_that_cannot_be_sent_does_not_hold_up_the_others),
		cmocka_unit_test(the_first_socket_wants_the_port_for_itself_and_siblings_may_join),
		cmocka_unit_test(siblings_share_the_clients),
		cmocka_unit_test(siblings_get_what_their_processors_receive),
		cmocka_unit_test(failures_of_opening_are_told_apart),
		cmocka_unit_test(a_receive_buffer_is_granted),
	};

	settle_down_on_one_processor();
	if (!own_network())
		return 1;
	return cmocka_run_group_tests_name("io_udp", tests, NULL, NULL);
}
