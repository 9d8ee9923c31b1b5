/* SPDX-License-Identifier: Apache-2.0 */
/* The two clocks, for programs; engines are told the time. Layer: io. */
#pragma once

#include <time.h>

#include "base/when.h"

static inline struct wall
clock_wall(void)
{
	return (struct wall){ (uint32_t)time(NULL) };
}

static inline struct mono
clock_mono(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (struct mono){ ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec };
}
