/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two kinds of time, as two types. Records carry wall time because they outlive the process;
 * retries carry monotonic time because a clock that is set must not shorten or stretch them.
 * Layer: base. Reads no clock: whoever calls an engine brings the time along.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Seconds since 1970-01-01 UTC; 0 = not set, WALL_NEVER = later than everything. Good until 2106. */
struct wall {
	uint32_t s;
};

/* Nanoseconds of CLOCK_MONOTONIC; MONO_NEVER = no deadline. */
struct mono {
	int64_t ns;
};

#define WALL_NEVER ((struct wall){ UINT32_MAX })
#define MONO_NEVER ((struct mono){ INT64_MAX })

/* t + seconds, never past the second before WALL_NEVER, so that a sum is never "never". */
static inline struct wall
wall_add(struct wall t, uint32_t seconds)
{
	uint64_t sum = (uint64_t)t.s + seconds;

	return t.s == UINT32_MAX
		   ? t
		   : (struct wall){ sum < UINT32_MAX ? (uint32_t)sum : UINT32_MAX - 1 };
}

static inline bool
wall_reached(struct wall due, struct wall now)
{
	return due.s != UINT32_MAX && due.s <= now.s;
}

static inline struct mono
mono_add_ms(struct mono t, int64_t ms)
{
	return (struct mono){ t.ns + ms * 1000000 };
}
