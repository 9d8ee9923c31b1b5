/* SPDX-License-Identifier: Apache-2.0 */
/* Nobody takes all places of a queue. */
#include "front/share.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#define SIZE 1000

struct queue {
	struct share *share;
	size_t used;
};

static int
set_up(void **state)
{
	struct queue *q = calloc(1, sizeof(*q));

	q->share = calloc(1, sizeof(*q->share));
	share_init(q->share, 0x12345678, 0x9abcdef1);
	*state = q;
	return 0;
}

static int
tear_down(void **state)
{
	struct queue *q = *state;

	free(q->share);
	free(q);
	return 0;
}

static struct ip4
host(unsigned n)
{
	return (struct ip4){ 0xc0000200 + n };
}

static bool
put(struct queue *q, struct ip4 ip)
{
	if (q->used == SIZE || share_exceeded(q->share, ip, q->used, SIZE))
		return false;
	share_in(q->share, ip);
	q->used++;
	return true;
}

static void
take(struct queue *q, struct ip4 ip)
{
	share_out(q->share, ip);
	q->used--;
}

static void
one_alone_gets_half_of_the_queue(void **state)
{
	struct queue *q = *state;

	for (unsigned i = 0; i < SIZE / 2; i++)
		assert_true(put(q, host(1)));
	assert_false(put(q, host(1)));
	assert_int_equal(share_of(q->share, host(1)), SIZE / 2);
}

static void
three_get_a_quarter_each_and_leave_one(void **state)
{
	struct queue *q = *state;
	bool any = true;

	while (any) {
		any = false;
		for (unsigned i = 0; i < 3; i++)
			any |= put(q, host(i));
	}
	for (unsigned i = 0; i < 3; i++)
		assert_in_range(share_of(q->share, host(i)), SIZE / 4 - 1, SIZE / 4 + 1);
	assert_true(put(q, host(3)));
}

static void
place_is_free_when_it_was_taken_from_the_queue(void **state)
{
	struct queue *q = *state;

	while (put(q, host(1)))
		continue;
	take(q, host(1));
	assert_true(put(q, host(1)));
	assert_false(put(q, host(1)));
	while (q->used)
		take(q, host(1));
	assert_int_equal(share_of(q->share, host(1)), 0);
}

static void
least_share_is_anybodys_whatever_is_left(void **state)
{
	struct queue *q = *state;

	for (unsigned i = 0; i < SHARE_LEAST; i++) {
		assert_false(share_exceeded(q->share, host(1), SIZE - 1, SIZE));
		share_in(q->share, host(1));
	}
	assert_true(share_exceeded(q->share, host(1), SIZE - 1, SIZE));
	assert_true(share_exceeded(q->share, host(1), SIZE, SIZE));
	assert_true(share_exceeded(q->share, host(1), SIZE + 7, SIZE)); /* it was made smaller */
	assert_false(share_exceeded(q->share, host(2), SIZE - 1, SIZE));
}

/* Of a queue in which half were much more. */
static void
nobody_gets_more_than_the_most(void **state)
{
	struct queue *q = *state;

	for (unsigned i = 0; i < 3 * SHARE_MOST; i++) {
		assert_false(share_exceeded(q->share, host(i % 3), i, 100 * SHARE_MOST));
		share_in(q->share, host(i % 3));
	}
	assert_true(share_exceeded(q->share, host(1), 3 * SHARE_MOST, 100 * SHARE_MOST));
	assert_false(share_exceeded(q->share, host(3), 3 * SHARE_MOST, 100 * SHARE_MOST));
	share_out(q->share, host(1));
	assert_false(share_exceeded(q->share, host(1), 3 * SHARE_MOST - 1, 100 * SHARE_MOST));
}

static void
counters_go_round_their_end(void **state)
{
	struct queue *q = *state;

	for (int row = 0; row < 2; row++)
		for (unsigned i = 0; i < SHARE_SLOTS; i++) {
			q->share->in[row][i] = UINT32_MAX;
			q->share->out[row][i] = UINT32_MAX;
		}
	share_in(q->share, host(1));
	assert_int_equal(share_of(q->share, host(1)), 1);
	share_out(q->share, host(1));
	assert_int_equal(share_of(q->share, host(1)), 0);
}

/* 4,096 others besides one who has all: nearly none of them has both counters with that one. */
static void
who_floods_has_nobody_elses_counters(void **state)
{
	struct queue *q = *state;
	unsigned same = 0;

	for (unsigned i = 0; i < 500; i++)
		share_in(q->share, host(0));
	for (unsigned i = 1; i <= 4096; i++)
		same += share_of(q->share, host(i)) > 0;
	assert_in_range(same, 0, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    one_alone_gets_half_of_the_queue, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    three_get_a_quarter_each_and_leave_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    place_is_free_when_it_was_taken_from_the_queue, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    least_share_is_anybodys_whatever_is_left, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nobody_gets_more_than_the_most, set_up, tear_down),
		cmocka_unit_test_setup_teardown(counters_go_round_their_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    who_floods_has_nobody_elses_counters, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
