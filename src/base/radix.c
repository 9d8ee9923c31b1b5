/* SPDX-License-Identifier: Apache-2.0 */
/* The radix sort. Layer: base. */
#include "base/radix.h"

#include <stdbool.h>
#include <string.h>

/* With a length that the compiler knows, copying a key is no call. */
static inline __attribute__((always_inline)) uint8_t *
sort(uint8_t *keys, uint8_t *other, size_t n, size_t klen, size_t by)
{
	for (size_t b = by; b-- > 0;) {
		size_t at[256] = { 0 }, sum = 0;
		uint8_t *result = other;

		for (size_t i = 0; i < n; i++)
			at[keys[i * klen + b]]++;
		if (n && at[keys[b]] == n)
			continue;
		for (size_t v = 0; v < 256; v++) {
			size_t here = at[v];

			at[v] = sum;
			sum += here;
		}
		for (size_t i = 0; i < n; i++) {
			const uint8_t *k = keys + i * klen;

			memcpy(other + at[k[b]]++ * klen, k, klen);
		}
		other = keys;
		keys = result;
	}
	return keys;
}

/* Most orders of a table that was written down in order are. */
static bool
is_sorted(const uint8_t *keys, size_t n, size_t klen, size_t by)
{
	for (size_t i = 1; i < n; i++)
		if (memcmp(keys + (i - 1) * klen, keys + i * klen, by) > 0)
			return false;
	return true;
}

uint8_t *
radix_sort(uint8_t *keys, uint8_t *other, size_t n, size_t klen, size_t by)
{
	if (is_sorted(keys, n, klen, by))
		return keys;
	switch (klen) {
	case 8:
		return sort(keys, other, n, 8, by);
	case 14:
		return sort(keys, other, n, 14, by);
	case 20:
		return sort(keys, other, n, 20, by);
	default:
		return sort(keys, other, n, klen, by);
	}
}
