/* SPDX-License-Identifier: Apache-2.0 */
/* The radix sort. Layer: base. */
#include "base/radix.h"

#include <string.h>

uint8_t *
radix_sort(uint8_t *keys, uint8_t *other, size_t n, size_t klen, size_t by)
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
