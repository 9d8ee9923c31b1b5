/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sockets of replication over loopback: two of them, or one and a plain socket, on one loop, which
 * the test turns until a state is reached. What the registrar's thread does is done in between.
 */
#include "replnet/tcp.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#define HERE IP4(127, 0, 0, 1)

/* What a registrar would have taken; kept in order. */
struct seen {
	uint8_t kind[64];
	uint32_t conn[64];
	int err[64];
	size_t n, bytes, sent;
	uint8_t head[64]; /* of the bytes */
};

struct side {
	struct repl_tcp *t;
	struct seen seen;
	unsigned wakes;
	bool keeps; /* bytes are not said to be taken */
};

static uv_loop_t loop;
static uint16_t port;

static void
woken(void *arg)
{
	((struct side *)arg)->wakes++;
}

/* A port that nobody has at the moment. */
static uint16_t
free_port(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(HERE.v) };
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&sin, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	close(fd);
	return ntohs(sin.sin_port);
}

static void
open_side(struct side *s, unsigned accepted_max)
{
	const struct repl_tcp_conf conf = { .port = port,
		.accepted_max = accepted_max,
		.connect_ms = 60000,
		.wake = woken,
		.arg = s };

	memset(s, 0, sizeof(*s));
	assert_int_equal(repl_tcp_open(&loop, &conf, &s->t), 0);
}

static void
look(struct side *s)
{
	struct repl_in *in, *next;

	for (in = repl_tcp_take(s->t); in; in = next) {
		struct seen *seen = &s->seen;

		next = in->next;
		if (in->kind == REPL_IN_DATA) {
			size_t keep = sizeof(seen->head) - seen->bytes;

			if (seen->bytes < sizeof(seen->head))
				memcpy(seen->head + seen->bytes, in->data,
				    in->len < keep ? in->len : keep);
			seen->bytes += in->len;
			if (!s->keeps)
				repl_tcp_taken(s->t, in->conn, in->len);
		} else if (in->kind == REPL_IN_SENT) {
			seen->sent += in->len;
		} else {
			seen->kind[seen->n] = in->kind;
			seen->conn[seen->n] = in->conn;
			seen->err[seen->n++] = in->err;
			assert_int_equal(in->peer.v, HERE.v);
		}
		free(in);
	}
}

static void
turn(struct side *s)
{
	uv_run(&loop, UV_RUN_NOWAIT);
	look(s);
}

static void
order(struct side *s, enum repl_do what, uint32_t conn, const char *text)
{
	struct repl_out o = { .what = what, .conn = conn, .peer = HERE };

	if (text) {
		o.data = (uint8_t *)strdup(text);
		o.len = strlen(text);
	}
	repl_tcp_do(s->t, &o);
}

static void
close_sides(struct side *a, struct side *b)
{
	repl_tcp_close(a->t);
	if (b)
		repl_tcp_close(b->t);
	uv_run(&loop, UV_RUN_DEFAULT);
}

static int
plain_client(void)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(HERE.v)
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	(void)connect(fd, (struct sockaddr *)&sin, sizeof(sin));
	return fd;
}

static int
set_up(void **state)
{
	port = free_port();
	return uv_loop_init(&loop);
}

static int
tear_down(void **state)
{
	return uv_loop_close(&loop); /* fails when a handle is left */
}

static void
bytes_go_both_ways_and_are_told_when_they_left(void **state)
{
	struct side a, b;

	open_side(&a, 10);
	open_side(&b, 10);
	assert_int_equal(repl_tcp_listen(b.t, HERE), 0);
	order(&a, REPL_CONNECT, REPL_CONN_OURS + 5, NULL);
	while (!a.seen.n || !b.seen.n)
		turn(&a), look(&b);
	assert_int_equal(a.seen.kind[0], REPL_IN_CONNECTED);
	assert_int_equal(a.seen.conn[0], REPL_CONN_OURS + 5);
	assert_int_equal(a.seen.err[0], 0);
	assert_int_equal(b.seen.kind[0], REPL_IN_ACCEPTED);
	assert_true(b.seen.conn[0] < REPL_CONN_OURS);
	order(&a, REPL_SEND, REPL_CONN_OURS + 5, "ques");
	order(&a, REPL_SEND, REPL_CONN_OURS + 5, "tion");
	order(&b, REPL_SEND, b.seen.conn[0], "answer");
	while (a.seen.bytes < 6 || b.seen.bytes < 8 || a.seen.sent < 8 || b.seen.sent < 6)
		turn(&a), look(&b);
	assert_memory_equal(a.seen.head, "answer", 6);
	assert_memory_equal(b.seen.head, "question", 8);
	assert_true(a.wakes && b.wakes);
	close_sides(&a, &b);
}

static void
what_was_given_before_a_close_still_arrives(void **state)
{
	struct side a, b;

	open_side(&a, 10);
	open_side(&b, 10);
	assert_int_equal(repl_tcp_listen(b.t, HERE), 0);
	order(&a, REPL_CONNECT, REPL_CONN_OURS, NULL);
	while (!a.seen.n)
		turn(&a), look(&b);
	order(&a, REPL_SEND, REPL_CONN_OURS, "last words");
	order(&a, REPL_CLOSE, REPL_CONN_OURS, NULL);
	while (a.seen.n < 2 || b.seen.n < 2)
		turn(&a), look(&b);
	assert_int_equal(a.seen.kind[1], REPL_IN_CLOSED);
	assert_int_equal(b.seen.kind[1], REPL_IN_CLOSED);
	assert_int_equal(b.seen.bytes, 10);
	close_sides(&a, &b);
}

static void
a_connection_that_cannot_be_made_is_told_as_such(void **state)
{
	struct side a;

	open_side(&a, 10);
	order(&a, REPL_CONNECT, REPL_CONN_OURS + 1, NULL);
	while (!a.seen.n)
		turn(&a);
	assert_int_equal(a.seen.kind[0], REPL_IN_CONNECTED);
	assert_int_equal(a.seen.err[0], NBT_ECLOSED);
	/* An address of another machine cannot be the source. */
	repl_tcp_own(a.t, NULL, 0, IP4(192, 0, 2, 1));
	order(&a, REPL_CONNECT, REPL_CONN_OURS + 1, NULL);
	while (a.seen.n < 2)
		turn(&a);
	assert_int_equal(a.seen.kind[1], REPL_IN_CONNECTED);
	assert_int_equal(a.seen.err[1], NBT_EIO);
	close_sides(&a, NULL);
}

static void
a_connection_is_not_read_on_until_its_bytes_are_taken(void **state)
{
	static const uint8_t block[65536];
	size_t given = 0;
	struct side b;
	int fd, still = 0;

	open_side(&b, 10);
	b.keeps = true;
	assert_int_equal(repl_tcp_listen(b.t, HERE), 0);
	fd = plain_client();
	while (still < 100) { /* turns in which the kernel had no room for one byte more */
		ssize_t n = send(fd, block, sizeof(block), MSG_NOSIGNAL);

		if (n > 0)
			given += (size_t)n;
		still = n > 0 ? 0 : still + 1;
		turn(&b);
	}
	assert_true(b.seen.bytes >= REPL_TCP_UNREAD);
	assert_true(b.seen.bytes < REPL_TCP_UNREAD + sizeof(block));
	assert_true(given > b.seen.bytes);
	repl_tcp_taken(b.t, b.seen.conn[0], b.seen.bytes);
	b.keeps = false;
	while (b.seen.bytes < given)
		turn(&b);
	close(fd);
	while (b.seen.n < 2)
		turn(&b);
	close_sides(&b, NULL);
}

static void
more_than_the_limit_are_closed_at_once(void **state)
{
	struct side b;
	int fd[3];

	open_side(&b, 2);
	assert_int_equal(repl_tcp_listen(b.t, HERE), 0);
	for (int i = 0; i < 3; i++)
		fd[i] = plain_client();
	while (b.seen.n < 3)
		turn(&b);
	assert_int_equal(b.seen.kind[0], REPL_IN_ACCEPTED);
	assert_int_equal(b.seen.kind[1], REPL_IN_ACCEPTED);
	for (size_t i = 2; i < b.seen.n; i++)
		assert_int_equal(b.seen.kind[i], REPL_IN_CLOSED);
	close(fd[0]);
	while (b.seen.n < 4)
		turn(&b);
	fd[0] = plain_client();
	while (b.seen.n < 5)
		turn(&b);
	assert_int_equal(b.seen.kind[4], REPL_IN_ACCEPTED);
	for (int i = 0; i < 3; i++)
		close(fd[i]);
	close_sides(&b, NULL);
}

static void
an_address_in_use_is_an_error(void **state)
{
	struct side a, b;

	open_side(&a, 10);
	open_side(&b, 10);
	assert_int_equal(repl_tcp_listen(a.t, HERE), 0);
	assert_int_equal(repl_tcp_listen(b.t, HERE), UV_EADDRINUSE);
	close_sides(&a, &b);
}

static void
orders_for_connections_that_are_gone_do_nothing(void **state)
{
	struct side a;

	open_side(&a, 10);
	order(&a, REPL_SEND, 3, "nobody");
	order(&a, REPL_CLOSE, 3, NULL);
	order(&a, REPL_ANNOUNCE, 0, "unheard");
	repl_tcp_taken(a.t, 3, 100);
	turn(&a);
	assert_int_equal(a.seen.n, 0);
	close_sides(&a, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    bytes_go_both_ways_and_are_told_when_they_left, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    what_was_given_before_a_close_still_arrives, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    a_connection_that_cannot_be_made_is_told_as_such, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    a_connection_is_not_read_on_until_its_bytes_are_taken, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    more_than_the_limit_are_closed_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_address_in_use_is_an_error, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    orders_for_connections_that_are_gone_do_nothing, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("replnet_tcp", tests, NULL, NULL);
}
