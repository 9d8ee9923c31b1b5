/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The remote name cache: what others answered, for a fixed time, and what LMHOSTS preloads, for ever
 * (netbt-name-service.md 5.3). Kept apart by interface, as Windows does since KB 216471. A preloaded
 * name cannot be changed from the network (MS00-047), and there is no negative entry.
 * Layer: node. Owns its entries; time comes in as an argument.
 */
#pragma once

#include "base/ip4.h"
#include "base/limits.h"
#include "base/when.h"
#include "wire/name.h"

#define CACHE_PRELOAD_MAX 4096 /* permanent entries; those learned have a bound of their own */

struct cache;

struct cache_entry {
	struct nb_key key;
	uint32_t
	    if_key; /* the interface it was learned on; 0 for preloaded ones: every interface */
	bool group, preloaded;
	bool hidden; /* a preloaded domain list: found, but in no listing (KB 192064) */
	uint8_t naddr;
	struct ip4 addr[REC_ADDR_MAX];
	int64_t life_ms; /* out: what remains of its life, -1 for ever */
};

/* capacity: entries learned from the network, at least 1. NBT_ENOMEM. */
int cache_new(size_t capacity, struct cache **ret);
void cache_free(struct cache *c); /* accepts NULL */

/*
 * Keeps what was learned until now + life, in place of what was known; the least recently used entry
 * goes when the cache is full. if_key is not 0. False: the name is preloaded, or memory is short;
 * nothing has changed.
 */
bool cache_put(struct cache *c, const struct cache_entry *in, int64_t life_ms, struct mono now);
/* Adds or replaces a permanent entry; for every interface, whatever in->if_key says. NBT_ELIMIT,
 * NBT_ENOMEM. */
int cache_preload(struct cache *c, const struct cache_entry *in);

/* A preloaded entry, else what was learned on the interface; if_key 0: on any. */
bool cache_get(struct cache *c, const struct nb_key *key, uint32_t if_key, struct mono now,
    struct cache_entry *ret);

/* Forgets what was learned: of a name on an interface (0: on any), with an address, on an interface. */
void cache_drop(struct cache *c, const struct nb_key *key, uint32_t if_key);
void cache_drop_ip(struct cache *c, struct ip4 ip);
void cache_drop_if(struct cache *c, uint32_t if_key);
/* Forgets everything, preloaded entries too: what nbtstat -R does first. */
void cache_purge(struct cache *c);

/* The entries still alive that are not hidden, by name; false past the end. */
bool cache_at(const struct cache *c, unsigned i, struct mono now, struct cache_entry *ret);
