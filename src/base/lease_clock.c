/* SPDX-License-Identifier: Apache-2.0 */
/* See lease_clock.h. Layer: base. */
#include "base/lease_clock.h"

#define SECOND INT64_C(1000000000)

static int64_t
clamp(int64_t v, int64_t least, int64_t most)
{
	return v < least ? least : v > most ? most : v;
}

/* A machine's clock may say anything; due times end in 2106. */
static int64_t
believable(struct real real)
{
	return clamp(real.ns, SECOND, (UINT32_MAX - INT64_C(2)) * SECOND);
}

static int64_t
seconds_of(int64_t ns)
{
	return (ns + (ns < 0 ? -SECOND / 2 : SECOND / 2)) / SECOND;
}

void
lease_clock_start(struct lease_clock *c, struct wall not_before, struct real real, struct mono mnow)
{
	int64_t now = believable(real), least = not_before.s * SECOND;

	c->ns = now > least ? now : least;
	c->offset_ns = now - c->ns;
	c->read = mnow;
}

int64_t
lease_clock_read(struct lease_clock *c, struct real real, struct mono mnow)
{
	int64_t passed = mnow.ns > c->read.ns ? mnow.ns - c->read.ns : 0;
	int64_t ahead = believable(real) - (c->ns + passed + c->offset_ns);
	bool stepped = ahead > LEASE_STEP_S * SECOND || ahead < -LEASE_STEP_S * SECOND;

	if (stepped)
		c->offset_ns += ahead;
	else
		c->ns += clamp(ahead, -passed / LEASE_SLEW, passed / LEASE_SLEW);
	c->ns += passed;
	c->read = mnow;
	return stepped ? seconds_of(ahead) : 0;
}

struct wall
lease_clock_wall(const struct lease_clock *c)
{
	int64_t s = c->ns / SECOND;

	return (struct wall){ s < (int64_t)UINT32_MAX ? (uint32_t)s : UINT32_MAX - 1 };
}
