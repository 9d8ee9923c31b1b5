/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests that try random records have in common: numbers that a seed repeats, and what rec.h
 * promises of every record. Layer: tests. The seed is fixed unless WINSOME_SEED gives another, and
 * printed.
 */
#pragma once

#include <stdlib.h>

#include "text.h"

struct random {
	uint64_t s;
};

/* Steele, Lea, Flood: SplitMix64. */
static inline uint32_t
below(struct random *r, uint32_t n)
{
	uint64_t z = r->s += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (uint32_t)((z ^ z >> 31) % n);
}

static inline struct random
seeded(void)
{
	const char *text = getenv("WINSOME_SEED");
	struct random r = { text ? strtoull(text, NULL, 0) : 184832 };

	printf("# seed %llu\n", (unsigned long long)r.s);
	return r;
}

/* In a function that gives NULL or the claim that is broken. */
#define HOLDS(claim)                   \
	do {                           \
		if (!(claim))          \
			return #claim; \
	} while (0)

static inline const char *
well_formed_addresses(const struct rec *r)
{
	struct wall earliest = WALL_NEVER;

	for (int i = 0; i < r->naddr; i++) {
		HOLDS(rec_find(r, r->addr[i].ip) == i);
		HOLDS(i == 0 || r->addr[i - 1].since.s <= r->addr[i].since.s);
		if (r->addr[i].due.s < earliest.s)
			earliest = r->addr[i].due;
	}
	HOLDS(r->naddr == 0 || earliest.s == r->due.s);
	if (r->type == REC_UNIQUE)
		HOLDS(ip4_eq(r->addr[0].owner, r->owner));
	for (size_t i = r->naddr * sizeof(*r->addr); i < sizeof(r->addr); i++)
		HOLDS(((const uint8_t *)r->addr)[i] == 0);
	return NULL;
}

/* What rec.h promises, but that a record may be without addresses: a replica may (wins 3.9.3). */
static inline const char *
well_formed(const struct rec *r)
{
	HOLDS(r->type <= REC_MULTIHOMED && r->state <= REC_TOMBSTONE && r->node <= 3);
	HOLDS(r->naddr <= REC_ADDR_MAX);
	HOLDS(r->type != REC_GROUP || r->naddr == 0);
	HOLDS(r->type != REC_UNIQUE || r->naddr == 1);
	HOLDS(r->version.v != 0);
	HOLDS(r->is_static == (r->due.s == WALL_NEVER.s));
	HOLDS(!r->is_static || r->state == REC_ACTIVE);
	return well_formed_addresses(r);
}
