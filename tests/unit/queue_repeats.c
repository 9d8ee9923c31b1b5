/* SPDX-License-Identifier: Apache-2.0 */
/* A request that waits already is known again, whatever else waits; who waits for an answer no more. */
#include "queue/repeats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define PLACES 64

struct queue {
	struct ring *ring;
	struct wait *wait;
};

static int
set_up(void **state)
{
	struct queue *q = calloc(1, sizeof(*q));

	if (ring_new(PLACES, sizeof(struct worker_packet), &q->ring) || wait_new(PLACES, &q->wait))
		return -1;
	*state = q;
	return 0;
}

static int
tear_down(void **state)
{
	struct queue *q = *state;

	ring_free(q->ring);
	wait_free(q->wait);
	wait_free(NULL);
	free(q);
	return 0;
}

/* The n-th request of a client. */
static struct worker_packet
request(unsigned n)
{
	struct worker_packet p = { .path = { .peer = IP4(192, 0, 2, 1), .port = 137 },
		.len = 68,
		.hash = n * UINT64_C(0x123456789abcdef) };

	memset(p.data, (int)n, 68);
	p.data[0] = (uint8_t)(n >> 8);
	p.data[1] = (uint8_t)n;
	return p;
}

static void
put(struct queue *q, const struct worker_packet *p)
{
	memcpy(ring_room(q->ring), p, sizeof(*p));
	wait_note(q->wait, p, ring_push(q->ring));
}

static void
request_is_known_as_long_as_it_waits(void **state)
{
	struct queue *q = *state;

	for (unsigned n = 0; n < 3 * PLACES; n++) {
		struct worker_packet p = request(n);

		assert_false(wait_same(q->wait, q->ring, &p));
		put(q, &p);
		p.since.ns = 7; /* when it came is no part of it */
		assert_true(wait_same(q->wait, q->ring, &p));
		assert_non_null(ring_peek(q->ring));
		ring_pop(q->ring);
		assert_false(wait_same(q->wait, q->ring, &p));
	}
}

/* Two may need the same entry: of so few most are known. */
static void
most_of_a_full_queue_are_known(void **state)
{
	struct queue *q = *state;
	unsigned known = 0;

	for (unsigned n = 0; n < PLACES; n++) {
		struct worker_packet p = request(n);

		put(q, &p);
	}
	for (unsigned n = 0; n < PLACES; n++) {
		struct worker_packet p = request(n);

		known += wait_same(q->wait, q->ring, &p);
	}
	assert_in_range(known, PLACES / 2, PLACES);
}

static void
another_client_or_another_request_is_not_the_same(void **state)
{
	struct queue *q = *state;
	struct worker_packet first = request(1), other;

	put(q, &first);
	/* the same hash would not make them the same: each is looked for where the first is noted */
#define DIFFERS(change)                                            \
	do {                                                       \
		other = first;                                     \
		change;                                            \
		wait_note(q->wait, &other, 0);                     \
		assert_false(wait_same(q->wait, q->ring, &other)); \
		wait_note(q->wait, &first, 0);                     \
		assert_true(wait_same(q->wait, q->ring, &first));  \
	} while (0)
	DIFFERS(other.path.peer.v++);
	DIFFERS(other.path.local.v++);
	DIFFERS(other.path.port++);
	DIFFERS(other.len--);
	for (unsigned i = 0; i < 68; i++)
		DIFFERS(other.data[i]++);
}

static void
long_request_is_never_known(void **state)
{
	struct queue *q = *state;
	struct worker_packet p = request(1);

	p.len = WORKER_PLACE_MAX;
	put(q, &p);
	assert_true(wait_same(q->wait, q->ring, &p));
	ring_pop((ring_peek(q->ring), q->ring));
	p.len = WORKER_PLACE_MAX + 1; /* its bytes are elsewhere */
	put(q, &p);
	assert_false(wait_same(q->wait, q->ring, &p));
}

static void
nobody_waits_longer_than_patience_but_releases_and_answers_have_time(void **state)
{
	static const uint8_t given_up[] = { NB_OP_REGISTER, NB_OP_REFRESH, NB_OP_REFRESH_ALT,
		NB_OP_MULTIHOMED };
	struct worker_packet p = request(1);
	struct mono last;

	(void)state;
	p.since.ns = 5000;
	last = mono_add_ms(p.since, WAIT_PATIENCE_MS);
	for (size_t i = 0; i < sizeof(given_up); i++) {
		p.data[2] = (uint8_t)(given_up[i] << 3 | 1);
		assert_false(wait_late(&p, p.data, last));
		assert_true(wait_late(&p, p.data, (struct mono){ last.ns + 1 }));
	}
	p.data[2] = (uint8_t)(NB_OP_RELEASE << 3);
	assert_false(wait_late(&p, p.data, (struct mono){ last.ns * 1000 }));
	p.data[2] = 0x85; /* what a challenged owner says: R, opcode 0, AA, RD (netbt 1.2) */
	assert_false(wait_late(&p, p.data, (struct mono){ last.ns * 1000 }));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    request_is_known_as_long_as_it_waits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(most_of_a_full_queue_are_known, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    another_client_or_another_request_is_not_the_same, set_up, tear_down),
		cmocka_unit_test_setup_teardown(long_request_is_never_known, set_up, tear_down),
		cmocka_unit_test(
		    nobody_waits_longer_than_patience_but_releases_and_answers_have_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
