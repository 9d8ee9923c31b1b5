/* SPDX-License-Identifier: Apache-2.0 */
/* The clocks, for programs; engines are told the time. Layer: io. */
#pragma once

#include <time.h>

#include "base/lease_clock.h"

/* The machine's clock, for people: events and what is shown. Nothing may be due by it, see base/lease_clock.h. */
static inline struct wall
clock_wall(void)
{
	return (struct wall){ (uint32_t)time(NULL) };
}

static inline struct real
clock_real(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (struct real){ ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec };
}

static inline struct mono
clock_mono(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (struct mono){ ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec };
}

/* ns on the processor since the calling thread began */
static inline int64_t
clock_thread(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}
