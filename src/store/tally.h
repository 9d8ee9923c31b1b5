/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many records were registered by each address, in memory that does not grow: two counters for each address, chosen
 * by hash and shared with others; the smaller one counts. Never too low, and too high by those who share
 * both: with ten million records some forty. Layer: store, inside the table. The writer's alone.
 */
#pragma once

#include <stdint.h>

#include "base/ip4.h"

#define TALLY_BITS 18 /* 2 MiB in all */

struct tally {
	uint64_t seed; /* unpredictable, or somebody could fill others' counters */
	uint32_t count[2][1u << TALLY_BITS];
};

/* Of those tallied with the same seed, so many more or fewer. */
void tally_add(struct tally *t, struct ip4 ip, int32_t change);
/* It will be: its counters are fetched from memory meanwhile. */
void tally_expect(const struct tally *t, struct ip4 ip);
uint32_t tally_of(const struct tally *t, struct ip4 ip);
