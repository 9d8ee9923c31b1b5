/* SPDX-License-Identifier: Apache-2.0 */
/* See tally.h. Layer: store. */
#include "store/tally.h"

/* Both from one multiplication: the upper bits of a product depend on all bits of its factors. */
static uint64_t
places(const struct tally *t, struct ip4 ip)
{
	uint64_t h = (t->seed ^ ip.v) * UINT64_C(0x9e3779b97f4a7c15);

	return (h ^ h >> 32) * (t->seed | 1);
}

static unsigned
first(uint64_t places)
{
	return (unsigned)(places >> (64 - TALLY_BITS));
}

static unsigned
second(uint64_t places)
{
	return (unsigned)(places >> (64 - 2 * TALLY_BITS)) & ((1u << TALLY_BITS) - 1);
}

void
tally_add(struct tally *t, struct ip4 ip, int32_t change)
{
	uint64_t p = places(t, ip);

	t->count[0][first(p)] += (uint32_t)change;
	t->count[1][second(p)] += (uint32_t)change;
}

void
tally_expect(const struct tally *t, struct ip4 ip)
{
	uint64_t p = places(t, ip);

	__builtin_prefetch(&t->count[0][first(p)], 1);
	__builtin_prefetch(&t->count[1][second(p)], 1);
}

uint32_t
tally_of(const struct tally *t, struct ip4 ip)
{
	uint64_t p = places(t, ip);
	uint32_t a = t->count[0][first(p)], b = t->count[1][second(p)];

	return a < b ? a : b;
}
