/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record as the table holds it: one cache line for a unique name without scope, more only for
 * what needs more. Whole before it is published; after that only due times and stamps change, by
 * relaxed atomic stores, and nothing else. And the pool such records come from and return to, after
 * no reader can see them any more. Layer: store, inside the table. Who writes: the writer alone.
 */
#pragma once

#include <urcu-qsbr.h>

#include "rules/rec.h"

/* A record of 64 bytes has BIT_PLAIN and these members; its tail is one address and its since. */
struct trec {
	uint64_t hash; /* of its key; set when it enters the table */
	union {
		struct trec *unused; /* next one in the pool, while in it */
		struct { /* while it is in the table; the writer's alone, and in memory alone */
			uint32_t sender;   /* who registered it; 0 = unknown */
			uint32_t unproven; /* it was never refreshed or defended since then */
		};
	};
	uint8_t name[NB_NAME_LEN];
	uint64_t version;
	uint32_t due;
	uint32_t slot;
	uint32_t
	    queued;     /* the time it stands under in the order by due time; WALL_NEVER: in none */
	uint16_t owner; /* index into owners */
	uint8_t naddr;
	uint8_t bits; /* type 0-1, state 2-3, node 4-5, static 6, plain 7 */
	/* plain: ip, since; otherwise ip[naddr], since[naddr], due[naddr], then uint16_t
	 * owner[naddr], then the scope's length and bytes */
	uint32_t tail[];
};

#define TREC_PLAIN 0x80
#define TREC_SMALL 64 /* bytes of a plain one */

/* The servers that own records or members, each with a number of 16 bits. Numbers are never given
 * again while the process runs: a reader may still hold one. */
#define OWNERS_MAX 65536
struct owners {
	uint32_t n;
	uint32_t ip[OWNERS_MAX];      /* by number; number 0 is OWNER_SELF */
	uint16_t sorted[OWNERS_MAX];  /* the numbers, by ascending address */
	uint32_t records[OWNERS_MAX]; /* how many records each owns, by number */
};

void owners_init(struct owners *o);
/* The number of an owner, or -1. */
int owners_find(const struct owners *o, struct ip4 ip);
/* The same, given a new one when it has none; NBT_EINVAL: there are too many. */
int owners_number(struct owners *o, struct ip4 ip);

struct retired;
struct trec_pool {
	void **blocks;
	size_t nblocks, block_bytes;
	char *fresh; /* what of the last block was not given out yet */
	size_t fresh_bytes;
	struct trec *unused;
	struct retired *filling;  /* taken away, but readers may still look */
	struct retired *returned; /* atomic stack: no reader is left */
	size_t waiting;           /* lists handed to call_rcu and not back yet; atomic */
	size_t big_bytes;         /* of records that are not plain */
};

/* A record for rec, whole but for its slot; NBT_ENOMEM, NBT_EINVAL (too many owners). */
int trec_new(
    struct trec_pool *pool, struct owners *owners, const struct rec *rec, struct trec **ret);
/* Nobody else has seen it. */
void trec_unnew(struct trec_pool *pool, struct trec *r);
/* It is out of the table; gives it back when no reader can see it any more. */
void trec_retire(struct trec_pool *pool, struct trec *r);
/* No reader is left: frees all plain records; the others were given back one by one. */
void trec_pool_release(struct trec_pool *pool);
size_t trec_pool_bytes(const struct trec_pool *pool);

bool trec_is(const struct trec *r, const struct nb_key *key);
bool trec_same_key(const struct trec *a, const struct trec *b);
const uint8_t *trec_scope(const struct trec *r, uint8_t *ret_len);
/* Copies out all but the key, whole up to naddr. */
void trec_read(const struct trec *r, const struct owners *owners, struct rec *ret);
void trec_key(const struct trec *r, struct nb_key *ret);
/* Does rec differ from r in nothing but due times and stamps? Then trec_stamp can write them. */
bool trec_differs_in_time(const struct trec *r, const struct owners *owners, const struct rec *rec);
void trec_stamp(struct trec *r, const struct rec *rec);

static inline uint32_t
trec_due(const struct trec *r)
{
	return __atomic_load_n(&r->due, __ATOMIC_RELAXED);
}
