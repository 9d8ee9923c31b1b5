/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is the disk so slow that the next batch is better decided while one is synced? Two batches of half the size
 * cost the processor more than one, so where a sync is short it is waited for. Layer: program. Pure: times
 * come in.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define SYNC_SLOW_NS 500000 /* some hundred requests are decided in it */
#define SYNC_MEAN    8      /* syncs that count, about */

struct sync_pace {
	int64_t mean; /* ns */
};

/* A commit waited so many ns for the disk. */
static inline void
sync_pace_note(struct sync_pace *p, int64_t waited)
{
	p->mean += (waited - p->mean) / SYNC_MEAN;
}

static inline bool
sync_pace_slow(const struct sync_pace *p)
{
	return p->mean >= SYNC_SLOW_NS;
}
