/* SPDX-License-Identifier: Apache-2.0 */
/* See nbperf_hist.h. Layer: program. */
#include "nbperf/hist.h"

#include <math.h>

#define STEP_BITS 7

/* The first HIST_STEPS buckets hold one value each; each doubling after them is cut into as many. */
static unsigned
bucket_of(uint64_t v)
{
	unsigned shift;

	if (v < HIST_STEPS)
		return (unsigned)v;
	shift = 63 - (unsigned)__builtin_clzll(v) - STEP_BITS;
	return (shift + 1) * HIST_STEPS + (unsigned)((v >> shift) - HIST_STEPS);
}

static uint64_t
end_of(unsigned bucket)
{
	unsigned shift;
	uint64_t step;

	if (bucket < HIST_STEPS)
		return bucket;
	shift = bucket / HIST_STEPS - 1;
	step = bucket % HIST_STEPS + HIST_STEPS;
	return (step << shift) + ((UINT64_C(1) << shift) - 1);
}

void
hist_add(struct hist *h, uint64_t value)
{
	if (!h->n || value < h->min)
		h->min = value;
	if (value > h->max)
		h->max = value;
	h->n++;
	h->sum += (double)value;
	h->bucket[bucket_of(value)]++;
}

void
hist_merge(struct hist *into, const struct hist *from)
{
	if (!from->n)
		return;
	if (!into->n || from->min < into->min)
		into->min = from->min;
	if (from->max > into->max)
		into->max = from->max;
	into->n += from->n;
	into->sum += from->sum;
	for (unsigned i = 0; i < HIST_BUCKETS; i++)
		into->bucket[i] += from->bucket[i];
}

uint64_t
hist_at(const struct hist *h, double share)
{
	uint64_t wanted = (uint64_t)ceil(share * (double)h->n), seen = 0;

	if (!h->n)
		return 0;
	if (wanted < 1)
		wanted = 1;
	for (unsigned i = 0; i < HIST_BUCKETS; i++) {
		seen += h->bucket[i];
		if (seen >= wanted)
			return end_of(i) < h->max ? end_of(i) : h->max;
	}
	return h->max;
}
