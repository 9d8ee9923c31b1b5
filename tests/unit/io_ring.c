/* SPDX-License-Identifier: Apache-2.0 */
/* The ring between two threads: order, bounds, nothing lost, nothing twice. */
#include "io/ring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

static void
holds_its_capacity_and_not_one_more(void **state)
{
	struct ring *r;

	assert_int_equal(ring_new(4, 3, &r), 0);
	assert_null(ring_peek(r));
	/* more rounds than slots: every position is the first once */
	for (unsigned char round = 0; round < 9; round++) {
		for (unsigned char i = 0; i < 4; i++) {
			unsigned char *slot = ring_room(r);

			assert_int_equal(ring_used(r), i);
			assert_int_equal((uintptr_t)slot % 64, 0);
			memset(slot, round + i, 3);
			assert_ptr_equal(ring_room(r), slot);
			ring_push(r);
		}
		assert_null(ring_room(r));
		assert_int_equal(ring_used(r), 4);
		/* one out, one in: still full */
		assert_int_equal(*(unsigned char *)ring_peek(r), round);
		ring_pop(r);
		assert_non_null(ring_room(r));
		memset(ring_room(r), round + 4, 3);
		ring_push(r);
		assert_null(ring_room(r));
		for (unsigned char i = 1; i < 5; i++) {
			unsigned char *slot = ring_peek(r);

			assert_ptr_equal(ring_peek(r), slot);
			assert_int_equal(slot[0], round + i);
			assert_int_equal(slot[2], round + i);
			assert_ptr_equal(ring_peek_behind(r, 0), slot);
			/* the one put in last came after ring_peek had looked */
			for (unsigned char k = 1; k < 4 - i; k++) {
				unsigned char *behind = ring_peek_behind(r, k);

				assert_non_null(behind);
				assert_int_equal(behind[2], round + i + k);
			}
			assert_null(ring_peek_behind(r, i < 4 ? 4u - i : 1));
			ring_pop(r);
		}
		assert_null(ring_peek(r));
		assert_int_equal(ring_used(r), 0);
	}
	ring_free(r);
	ring_free(NULL);
}

static void
slots_do_not_touch_each_other(void **state)
{
	static const size_t sizes[] = { 1, 63, 64, 65, 1600 };

	for (size_t s = 0; s < sizeof(sizes) / sizeof(*sizes); s++) {
		struct ring *r;

		assert_int_equal(ring_new(8, sizes[s], &r), 0);
		for (int i = 0; i < 8; i++) {
			memset(ring_room(r), i, sizes[s]);
			ring_push(r);
		}
		for (int i = 0; i < 8; i++) {
			unsigned char *slot = ring_peek(r);

			for (size_t b = 0; b < sizes[s]; b++)
				assert_int_equal(slot[b], i);
			ring_pop(r);
		}
		ring_free(r);
	}
}

static void
slot_that_waits_is_found_by_its_number_and_no_longer(void **state)
{
	struct ring *r;

	assert_int_equal(ring_new(4, 1, &r), 0);
	assert_null(ring_waiting(r, 0));
	assert_null(ring_waiting(r, UINT32_MAX));
	for (uint32_t n = 0; n < 100; n++) {
		void *slot = ring_room(r);

		assert_int_equal(ring_push(r), n);
		assert_ptr_equal(ring_waiting(r, n), slot);
		assert_null(ring_waiting(r, n + 1));
		if (n < 3)
			continue;
		assert_ptr_equal(ring_waiting(r, n - 3), ring_peek(r));
		assert_null(ring_waiting(r, n - 4));
		ring_pop(r);
		assert_null(ring_waiting(r, n - 3));
	}
	ring_free(r);
}

static size_t
resident(const void *from, size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), n = 0;
	unsigned char in[4096];

	assert_in_range(bytes / page, 1, sizeof(in));
	assert_int_equal(mincore((void *)(uintptr_t)from, bytes, in), 0);
	for (size_t i = 0; i < bytes / page; i++)
		n += in[i] & 1;
	return n * page;
}

/* Twice round, so that each part is given back and taken again. */
static void
large_ring_has_memory_only_where_something_waits(void **state)
{
	enum { SLOTS = 32768, SIZE = 128, ALL = SLOTS * SIZE };
	const unsigned char *slots;
	struct ring *r;

	assert_int_equal(ring_new(SLOTS, SIZE, &r), 0);
	slots = ring_room(r);
	assert_int_equal(resident(slots, ALL), 0);
	for (uint32_t n = 0; n < 2 * SLOTS; n++) {
		memset(ring_room(r), (int)(n % 251) + 1, SIZE);
		ring_push(r);
		if (n < 1000)
			continue;
		assert_int_equal(*(const unsigned char *)ring_peek(r), (n - 1000) % 251 + 1);
		ring_pop(r);
	}
	assert_in_range(resident(slots, ALL), 1, ALL / 8);
	while (ring_peek(r))
		ring_pop(r);
	while (ring_room(r)) {
		memset(ring_room(r), 7, SIZE);
		ring_push(r);
	}
	assert_int_equal(resident(slots, ALL), ALL);
	/* taken and filled anew at once: nothing of it may be given back */
	for (uint32_t n = 0; n < 2 * SLOTS; n++) {
		assert_int_equal(*(const unsigned char *)ring_peek(r), 7);
		ring_pop(r);
		memset(ring_room(r), 7, SIZE);
		ring_push(r);
		ring_tidy(r);
	}
	while (ring_peek(r)) {
		assert_int_equal(*(const unsigned char *)ring_peek(r), 7);
		ring_pop(r);
	}
	ring_tidy(r);
	assert_in_range(resident(slots, ALL), 0, ALL / 16);
	ring_free(r);
}

#define PASSED 300000

struct item {
	uint64_t n, inverse;
	char rest[100];
};

static void *
fill(void *arg)
{
	struct ring *r = arg;

	for (uint64_t n = 0; n < PASSED;) {
		struct item *item = ring_room(r);

		if (!item) {
			sched_yield();
			continue;
		}
		item->n = n;
		item->inverse = ~n;
		memset(item->rest, (int)(n & 0x7f), sizeof(item->rest));
		ring_push(r);
		n++;
	}
	return NULL;
}

static void
two_threads_pass_everything_in_order_and_whole(void **state)
{
	struct ring *r;
	pthread_t filler;
	uint64_t wrong = 0;

	assert_int_equal(ring_new(64, sizeof(struct item), &r), 0);
	assert_int_equal(pthread_create(&filler, NULL, fill, r), 0);
	for (uint64_t n = 0; n < PASSED;) {
		const struct item *item = ring_peek(r);

		if (!item) {
			sched_yield();
			continue;
		}
		wrong += item->n != n || item->inverse != ~n || ring_used(r) > 64 ||
			 item->rest[0] != (char)(n & 0x7f) || item->rest[99] != (char)(n & 0x7f);
		ring_pop(r);
		n++;
	}
	assert_int_equal(pthread_join(filler, NULL), 0);
	assert_int_equal(wrong, 0);
	assert_null(ring_peek(r));
	ring_free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holds_its_capacity_and_not_one_more),
		cmocka_unit_test(slots_do_not_touch_each_other),
		cmocka_unit_test(slot_that_waits_is_found_by_its_number_and_no_longer),
		cmocka_unit_test(large_ring_has_memory_only_where_something_waits),
		cmocka_unit_test(two_threads_pass_everything_in_order_and_whole),
	};

	return cmocka_run_group_tests_name("io_ring", tests, NULL, NULL);
}
