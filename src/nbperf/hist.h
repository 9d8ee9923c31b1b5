/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often which latency was seen, exact below 128 ns and within one part in 128 above, from a
 * nanosecond to 584 years in a fixed table. Layer: program. Never allocates.
 */
#pragma once

#include <stdint.h>

#define HIST_STEPS   128 /* to a doubling */
#define HIST_BUCKETS ((64 - 6) * HIST_STEPS)

struct hist {
	uint64_t n, min, max;
	double sum;
	uint64_t bucket[HIST_BUCKETS];
};

void hist_add(struct hist *h, uint64_t value);
void hist_merge(struct hist *into, const struct hist *from);
/* The least value that at least this share (0 to 1) of all does not exceed, rounded up to the end of
 * its bucket and never past the greatest seen; 0 when there is none. */
uint64_t hist_at(const struct hist *h, double share);
