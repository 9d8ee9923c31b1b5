/* SPDX-License-Identifier: Apache-2.0 */
/* The timer heap: earliest first, ties in start order, removal from anywhere. */
#include "base/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#define N 1000

static void
takes_out_in_order_of_key_then_of_start(void **state)
{
	struct heap_item it[N];
	struct heap h;
	int64_t last_key = -1;
	uint64_t last_order = 0;

	srandom(1);
	heap_init(&h);
	for (int i = 0; i < N; i++) {
		it[i] = HEAP_ITEM_INIT;
		assert_int_equal(heap_put(&h, &it[i], random() % 50), 0);
	}
	for (int i = 0; i < N; i++) {
		struct heap_item *min = heap_min(&h);

		assert_true(
		    min->key > last_key || (min->key == last_key && min->order > last_order));
		last_key = min->key;
		last_order = min->order;
		heap_del(&h, min);
	}
	assert_null(heap_min(&h));
	heap_release(&h);
}

static void
takes_out_from_anywhere(void **state)
{
	struct heap_item it[N];
	struct heap h;
	size_t left = N;

	srandom(2);
	heap_init(&h);
	for (int i = 0; i < N; i++) {
		it[i] = HEAP_ITEM_INIT;
		assert_int_equal(heap_put(&h, &it[i], random()), 0);
	}
	for (int i = 0; i < N; i += 3, left--)
		heap_del(&h, &it[i]);
	heap_del(&h, &it[0]); /* in no heap any more: left alone */
	for (int64_t last = -1; left > 0; left--) {
		struct heap_item *min = heap_min(&h);

		assert_true(min->key >= last);
		assert_int_not_equal((min - it) % 3, 0);
		last = min->key;
		heap_del(&h, min);
	}
	assert_null(heap_min(&h));
	heap_release(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_out_in_order_of_key_then_of_start),
		cmocka_unit_test(takes_out_from_anywhere),
	};

	return cmocka_run_group_tests_name("base_heap", tests, NULL, NULL);
}
