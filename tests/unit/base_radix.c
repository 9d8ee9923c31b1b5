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
		cmocka_unit_test(sorted_by_nothing_stays_as_it_is),
	};

	return cmocka_run_group_tests_name("base_radix", tests, NULL, NULL);
}
