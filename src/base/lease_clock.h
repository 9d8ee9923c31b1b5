/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The time that leases are counted in. It begins with the machine's clock and then goes on by the time that passes,
 * whatever that clock is set to: a lease is a promise of so many seconds. Slow corrections, as time servers make
 * them, are followed. Layer: base. Pure: the readings come in. Why: doc/design/clock.md.
 */
#pragma once

#include "base/when.h"

/* A reading of the machine's clock, CLOCK_REALTIME: nanoseconds since 1970-01-01 UTC. */
struct real {
	int64_t ns;
};

#define LEASE_STEP_S \
	60 /* a difference up to this is made up for slowly; above it the clock was set */
#define LEASE_SLEW 64 /* ... by one part in so many of the time that passes */

struct lease_clock {
	int64_t ns;        /* what it said when it was read last; since 1970 */
	int64_t offset_ns; /* what the machine's clock is to say more, by the steps so far */
	struct mono read;
};

/* It says at first what the machine's clock says, but nothing before not_before (0 = nothing is known). */
void lease_clock_start(
    struct lease_clock *c, struct wall not_before, struct real real, struct mono mnow);
/* Reads it. Returns by how many seconds the machine's clock was set since the last reading, 0 = it was not; never
 * between -LEASE_STEP_S and LEASE_STEP_S else. */
int64_t lease_clock_read(struct lease_clock *c, struct real real, struct mono mnow);
struct wall lease_clock_wall(const struct lease_clock *c);
