/* SPDX-License-Identifier: Apache-2.0 */
/* The table: hash, slots, changes, loading. The orders' keys are in table_order.c. Layer: store. */
#include "store/table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/err.h"
#include "store/table_inside.h"
#include "store/table_order.h"

#define BUCKETS_MIN 1024u
#define BUCKETS_MAX (1u << 26) /* address space, not memory: 1 GiB of it */
#define SPARE_KEEP  512        /* chunks an order keeps between batches */
#define NO_SLOT     UINT32_MAX

enum { GROW_NO, GROW_RUNS, GROW_DONE };

/* ---- hash ---- */

uint64_t
table_hash_name(const struct table *t, const uint8_t *name, const uint8_t *scope, uint8_t len)
{
	uint64_t h = XXH3_64bits_withSeed(name, NB_NAME_LEN, t->seed);

	return len ? XXH3_64bits_withSeed(scope, len, h) : h;
}

uint64_t
table_hash(const struct table *t, const struct nb_key *key)
{
	return table_hash_name(t, key->name.b, key->scope.b, key->scope.len);
}

static int
match(struct cds_lfht_node *node, const void *key)
{
	return trec_is(caa_container_of(node, struct trec, node), key);
}

int
table_match(struct cds_lfht_node *node, const void *r)
{
	return trec_same_key(caa_container_of(node, struct trec, node), r);
}

struct trec *
table_find(const struct table *t, uint64_t hash, const struct nb_key *key)
{
	struct cds_lfht_iter iter;
	struct cds_lfht_node *node;

	cds_lfht_lookup(t->hash, hash, match, key, &iter);
	node = cds_lfht_iter_get_node(&iter);
	return node ? caa_container_of(node, struct trec, node) : NULL;
}

/* liburcu's own resizing lets chains grow to eight first, each link a cache miss: ours keeps them
 * at one or less, in a thread of its own because ten million take a second. */
static void *
grow(void *arg)
{
	struct table *t = arg;

	rcu_register_thread();
	cds_lfht_resize(t->hash, t->buckets * 2);
	rcu_unregister_thread();
	__atomic_store_n(&t->grow, GROW_DONE, __ATOMIC_RELEASE);
	return NULL;
}

static void
grow_end(struct table *t)
{
	(void)pthread_join(t->grower, NULL); /* it was started, so it can be joined */
	t->buckets *= 2;
	t->grow = GROW_NO;
}

void
table_grow_when_full(struct table *t)
{
	if (t->loading) {
		while (t->count > t->buckets && t->buckets < BUCKETS_MAX) {
			cds_lfht_resize(t->hash, t->buckets * 2);
			t->buckets *= 2;
		}
		return;
	}
	if (__atomic_load_n(&t->grow, __ATOMIC_ACQUIRE) == GROW_DONE)
		grow_end(t);
	if (t->grow != GROW_NO || t->count <= t->buckets || t->buckets == BUCKETS_MAX)
		return;
	t->grow = GROW_RUNS;
	if (pthread_create(&t->grower, NULL, grow, t))
		t->grow = GROW_NO; /* slower until the next try, nothing worse */
}

/* ---- slots ---- */

static uintptr_t *
slot_word(const struct table *t, uint32_t i)
{
	return &t->chunk[i / SLOTS_PER_CHUNK]->word[i % SLOTS_PER_CHUNK];
}

uint32_t
table_slots(const struct table *t)
{
	return __atomic_load_n(&t->slots, __ATOMIC_ACQUIRE);
}

const struct trec *
table_slot(const struct table *t, uint32_t i)
{
	uintptr_t word = __atomic_load_n(slot_word(t, i), __ATOMIC_ACQUIRE);

	return word & 1 ? NULL : (const struct trec *)word;
}

static void
slot_set(struct table *t, uint32_t i, uintptr_t word)
{
	__atomic_store_n(slot_word(t, i), word, __ATOMIC_RELEASE);
}

/* Room for n more records than there are, counting none of the free slots: simple, and too much by
 * one chunk at most. */
int
table_slots_reserve(struct table *t, size_t n)
{
	uint64_t last = (uint64_t)t->slots + n;

	if (last >= NO_SLOT)
		return NBT_ENOMEM;
	for (uint64_t c = t->slots / SLOTS_PER_CHUNK; c <= last / SLOTS_PER_CHUNK; c++)
		if (!t->chunk[c]) {
			t->chunk[c] = malloc(sizeof(struct slot_chunk));
			if (!t->chunk[c])
				return NBT_ENOMEM;
		}
	return 0;
}

void
table_slot_take(struct table *t, struct trec *r)
{
	if (t->free_slot != NO_SLOT) {
		r->slot = t->free_slot;
		t->free_slot = (uint32_t)(*slot_word(t, r->slot) >> 1);
		slot_set(t, r->slot, (uintptr_t)r);
		return;
	}
	r->slot = t->slots;
	slot_set(t, r->slot, (uintptr_t)r);
	__atomic_store_n(&t->slots, t->slots + 1, __ATOMIC_RELEASE);
}

void
table_slot_give(struct table *t, uint32_t i)
{
	slot_set(t, i, (uintptr_t)t->free_slot << 1 | 1);
	t->free_slot = i;
}

void
table_tally(struct table *t, const struct trec *r, int32_t change)
{
	for (uint8_t i = 0; i < r->naddr; i++)
		tally_add(&t->tally, (struct ip4){ r->tail[i] }, change);
}

/* ---- life ---- */

int
table_new(uint64_t hint, struct table **ret)
{
	struct table *t = calloc(1, sizeof(*t));
	uint64_t buckets = BUCKETS_MIN;

	if (!t)
		return NBT_ENOMEM;
	while (buckets < hint && buckets < BUCKETS_MAX)
		buckets *= 2;
	if (getrandom(&t->seed, sizeof(t->seed), 0) != sizeof(t->seed) ||
	    getrandom(&t->tally.seed, sizeof(t->tally.seed), 0) != sizeof(t->tally.seed)) {
		free(t);
		return NBT_EIO;
	}
	t->hash = cds_lfht_new_flavor(buckets, BUCKETS_MIN, BUCKETS_MAX, 0, &rcu_flavor, NULL);
	if (!t->hash) {
		free(t);
		return NBT_ENOMEM;
	}
	t->buckets = buckets;
	t->free_slot = NO_SLOT;
	t->loading = true;
	owners_init(&t->owners);
	order_init(t);
	*ret = t;
	return 0;
}

void
table_free(struct table *t)
{
	struct cds_lfht_iter iter;
	struct cds_lfht_node *node;

	if (!t)
		return;
	if (t->grow != GROW_NO)
		grow_end(t);
	/* A hash table is only given back when it is empty. Not all records need be in it: a snapshot
	 * that is being loaded may turn out to be damaged. */
	cds_lfht_for_each(t->hash, &iter, node)
	{
		(void)cds_lfht_del(t->hash, node); /* it is there, we are alone */
	}
	for (uint32_t i = 0; i < t->slots; i++) {
		struct trec *r = (struct trec *)table_slot(t, i);

		if (r && !(r->bits & TREC_PLAIN))
			trec_unnew(&t->pool, r);
	}
	trec_pool_release(&t->pool);
	(void)cds_lfht_destroy(t->hash, NULL); /* fails only when records are left */
	order_clear(t);
	for (size_t c = 0; c < SLOT_CHUNKS && t->chunk[c]; c++)
		free(t->chunk[c]);
	free(t);
}

/* ---- changes ---- */

int
table_reserve(struct table *t, size_t n, size_t scoped)
{
	int err = table_slots_reserve(t, n);

	return err ? err : order_reserve(t, n, scoped);
}

void
table_add(struct table *t, uint64_t hash, struct trec *r)
{
	table_slot_take(t, r);
	cds_lfht_add(t->hash, hash, &r->node);
	t->count++;
	t->owners.records[r->owner]++;
	table_tally(t, r, 1);
	if (!t->loading)
		order_add(t, r);
}

void
table_put(struct table *t, uint64_t hash, struct trec *r)
{
	struct cds_lfht_iter iter;
	struct cds_lfht_node *node;
	struct trec *old;

	cds_lfht_lookup(t->hash, hash, table_match, r, &iter);
	node = cds_lfht_iter_get_node(&iter);
	if (!node) {
		table_add(t, hash, r);
		return;
	}
	old = caa_container_of(node, struct trec, node);
	r->slot = old->slot;
	r->queued = old->queued;
	/* Cannot fail: nobody else changes the table. */
	(void)cds_lfht_replace(t->hash, &iter, hash, table_match, r, &r->node);
	slot_set(t, r->slot, (uintptr_t)r);
	t->owners.records[old->owner]--;
	t->owners.records[r->owner]++;
	table_tally(t, old, -1);
	table_tally(t, r, 1);
	if (!t->loading)
		order_replace(t, old, r);
	trec_retire(&t->pool, old);
}

void
table_stamp(struct table *t, struct trec *cur, const struct rec *rec)
{
	trec_stamp(cur, rec);
	if (!t->loading)
		order_queue(t, cur);
}

void
table_del(struct table *t, uint64_t hash, const struct nb_key *key)
{
	struct trec *r = table_find(t, hash, key);

	if (!r)
		return;
	(void)cds_lfht_del(t->hash, &r->node); /* it is there, nobody else changes the table */
	if (!t->loading)
		order_remove(t, r);
	t->owners.records[r->owner]--;
	table_tally(t, r, -1);
	t->count--;
	table_slot_give(t, r->slot);
	trec_retire(&t->pool, r);
}

void
table_settle(struct table *t)
{
	order_trim(t, SPARE_KEEP);
	table_grow_when_full(t);
}

size_t
table_bytes(const struct table *t)
{
	return sizeof(*t) + trec_pool_bytes(&t->pool) + order_bytes(t) +
	       t->buckets * sizeof(struct cds_lfht_node) +
	       ((size_t)t->slots / SLOTS_PER_CHUNK + 1) * sizeof(struct slot_chunk);
}
