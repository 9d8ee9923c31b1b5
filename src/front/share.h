/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many places of a queue each address takes, so that nobody takes them all. Layer: program; pure. A
 * table of counters by hash, two for each address, the smaller one counts: never too low, and too high
 * only for who shares both with others. No lock: who fills the queue counts in, who empties it counts out.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip4.h"

#define SHARE_SLOTS 4096
#define SHARE_LEAST \
	32 /* places that each address may take whatever the others do, if there are any */

/* Places that nobody has more of: others wait for them, and a queue for a storm of many is long. */
#define SHARE_MOST 16384

struct share {
	uint32_t seed[2]; /* unpredictable, or somebody could have others' counters */
	_Atomic uint32_t in[2][SHARE_SLOTS], out[2][SHARE_SLOTS];
};

void share_init(struct share *s, uint32_t seed0, uint32_t seed1); /* on zeroed memory */
void share_in(struct share *s, struct ip4 ip);                    /* the filler */
void share_out(struct share *s, struct ip4 ip);                   /* the emptier */
uint32_t share_of(const struct share *s, struct ip4 ip);          /* the filler */
/*
 * May the filler not put in one more of ip, when used of size places are taken? Each may have as many as
 * are left, so that one alone has half the queue, n have one in n + 1 each, and there is always room for
 * the next; but never more than SHARE_MOST.
 */
bool share_exceeded(const struct share *s, struct ip4 ip, size_t used, size_t size);
