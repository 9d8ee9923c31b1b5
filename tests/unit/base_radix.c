/* SPDX-License-Identifier: Apache-2.0 */
/* The radix sort against qsort, stable, by a part of the key. */
#include "base/radix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define KLEN 5

static int
by_three_then_place(const void *a, const void *b)
{
	int d = memcmp(a, b, 3);

	return d ? d : memcmp((const uint8_t *)a + 3, (const uint8_t *)b + 3, 2);
}

static void
sorts_as_qsort_does_and_keeps_equals_in_place(void **state)
{
	static uint8_t keys[2000 * KLEN], other[2000 * KLEN], want[2000 * KLEN];

	for (size_t n = 0; n <= 2000; n = n ? n * 5 : 1) {
		srandom((unsigned)n);
		for (size_t i = 0; i < n; i++) {
			keys[i * KLEN] = (uint8_t)(random() % 3);
			keys[i * KLEN + 1] = 9; /* the same in all */
			keys[i * KLEN + 2] = (uint8_t)random();
			keys[i * KLEN + 3] = (uint8_t)(i >> 8); /* not sorted by: its place */
			keys[i * KLEN + 4] = (uint8_t)i;
		}
		memcpy(want, keys, n * KLEN);
		qsort(want, n, KLEN, by_three_then_place);
		assert_memory_equal(radix_sort(keys, other, n, KLEN, 3), want, n * KLEN);
	}
}

/* What is sorted is left alone; one pair out of order, anywhere, is seen. Lengths with code of their own too. */
static void
one_pair_out_of_order_is_put_right(void **state)
{
	static const size_t lengths[] = { 8, 13, 14, 20 };

	for (size_t l = 0; l < 4; l++)
		for (size_t bad = 0; bad < 300; bad++) {
			uint8_t keys[300 * 20] = { 0 }, other[300 * 20], want[300 * 20];
			size_t klen = lengths[l];

			for (size_t i = 0; i < 300; i++) {
				keys[i * klen + klen - 6] = (uint8_t)(i >> 8);
				keys[i * klen + klen - 5] = (uint8_t)i;
				keys[i * klen + klen - 1] = (uint8_t)(i * 7);
			}
			memcpy(want, keys, sizeof(want));
			if (bad) {
				memcpy(keys + bad * klen, want + (bad - 1) * klen, klen);
				memcpy(keys + (bad - 1) * klen, want + bad * klen, klen);
			}
			assert_memory_equal(
			    radix_sort(keys, other, 300, klen, klen - 4), want, 300 * klen);
		}
}

static void
sorted_by_nothing_stays_as_it_is(void **state)
{
	uint8_t keys[] = { 3, 2, 1 }, other[3];

	assert_ptr_equal(radix_sort(keys, other, 3, 1, 0), keys);
	assert_int_equal(keys[0], 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sorts_as_qsort_does_and_keeps_equals_in_place),
		cmocka_unit_test(one_pair_out_of_order_is_put_right),
		cmocka_unit_test(sorted_by_nothing_stays_as_it_is),
	};

	return cmocka_run_group_tests_name("base_radix", tests, NULL, NULL);
}
