/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A WINS record as a value: no pointers, fixed arrays with a count, zeroed before use, so that equal
 * records are equal bytes. Layer: rules (the store includes this and nothing else of rules).
 * Facts: wins-server-and-replication.md 1.1.
 */
#pragma once

#include "base/ip4.h"
#include "base/when.h"
#include "wire/name.h"

enum rec_type {
	REC_UNIQUE = 0,
	REC_GROUP = 1,   /* normal group: no members, answered 255.255.255.255 */
	REC_SPECIAL = 2, /* internet group: 1C and groups an administrator made */
	REC_MULTIHOMED = 3,
};

enum rec_state {
	REC_ACTIVE = 0,
	REC_RELEASED = 1,
	REC_TOMBSTONE = 2,
};

/* Handed out by the owner from one counter for the whole server, never twice; 0 = none. */
struct version {
	uint64_t v;
};

/* The owner of a record or member: a WINS server's address. 0.0.0.0 is this server, whatever its
 * address is today, so that changing it leaves no orphans. */
#define OWNER_SELF IP4_ANY

struct rec_addr {
	struct ip4 ip;
	struct ip4 owner;  /* the server that took this registration */
	struct wall due;   /* this address expires; WALL_NEVER in static records */
	struct wall since; /* first registered; 0 = unknown */
};

struct rec {
	struct nb_key key;
	uint8_t type;  /* enum rec_type */
	uint8_t state; /* enum rec_state */
	uint8_t node;  /* 0 B, 1 P, 2 M, 3 H */
	bool is_static;
	struct ip4 owner;
	struct version version;
	/* When something is to be done: active = expiry, or for special and multihomed the earliest of
	 * the addresses'; released, tombstone = next step of 1.3; WALL_NEVER = static. */
	struct wall due;
	/* Unique: one, whose due and owner repeat the record's. Normal group: none, or as a unique's
	 * one that nobody is answered with: what its owner stored and partners get. Special and
	 * multihomed: oldest registration first. */
	uint8_t naddr;
	struct rec_addr addr[REC_ADDR_MAX];
};

static inline bool
rec_is_own(const struct rec *r)
{
	return ip4_eq(r->owner, OWNER_SELF);
}

/* Index of ip among r's addresses, or -1. */
static inline int
rec_find(const struct rec *r, struct ip4 ip)
{
	for (int i = 0; i < r->naddr; i++)
		if (ip4_eq(r->addr[i].ip, ip))
			return i;
	return -1;
}

/* Have they the same addresses, whoever's those are? */
static inline bool
rec_same_addresses(const struct rec *a, const struct rec *b)
{
	if (a->naddr != b->naddr)
		return false;
	for (int i = 0; i < a->naddr; i++)
		if (rec_find(b, a->addr[i].ip) < 0)
			return false;
	return true;
}
