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

#define SPARE_KEEP 512 /* chunks an order keeps between batches */
#define NO_SLOT    UINT32_MAX

/* Words of the index that are moved after a batch while it grows, and more for each change. */
#define MOVE_MIN  64
#define MOVE_EACH 16

/* ---- hash ---- */

uint64_t
table_hash(const struct table *t, const struct nb_key *key)
{
	uint64_t h = XXH3_64bits_withSeed(key->name.b, NB_NAME_LEN, t->seed);

	return key->scope.len ? XXH3_64bits_withSeed(key->scope.b, key->scope.len, h) : h;
}

struct trec *
table_find(const struct table *t, uint64_t hash, const struct nb_key *key)
{
	return index_find(&t->index, hash, key);
}

uint64_t
table_records(const struct table *t)
{
	return t->index.count;
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
	if (r->owner) /* another server's client */
		return;
	if (r->sender) {
		tally_add(&t->tally, (struct ip4){ r->sender }, change);
		return;
	}
	for (uint8_t i = 0; i < r->naddr; i++)
		tally_add(&t->tally, (struct ip4){ r->tail[i] }, change);
}

/* ---- life ---- */

int
table_new(uint64_t hint, struct table **ret)
{
	struct table *t = calloc(1, sizeof(*t));
	int err = t ? 0 : NBT_ENOMEM;

	if (!err &&
	    (getrandom(&t->seed, sizeof(t->seed), 0) != sizeof(t->seed) ||
		getrandom(&t->tally.seed, sizeof(t->tally.seed), 0) != sizeof(t->tally.seed)))
		err = NBT_EIO;
	if (!err)
		err = index_init(&t->index, hint);
	if (err) {
		free(t);
		return err;
	}
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
	if (!t)
		return;
	for (uint32_t i = 0; i < t->slots; i++) {
		struct trec *r = (struct trec *)table_slot(t, i);

		if (r && !(r->bits & TREC_PLAIN))
			trec_unnew(&t->pool, r);
	}
	trec_pool_release(&t->pool);
	index_release(&t->index);
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

	t->promised = n;
	if (!err)
		err = index_reserve(&t->index, n);
	return err ? err : order_reserve(t, n, scoped);
}

void
table_add(struct table *t, uint64_t hash, struct trec *r)
{
	r->hash = hash;
	table_slot_take(t, r);
	index_add(&t->index, r);
	t->owners.records[r->owner]++;
	table_tally(t, r, 1);
	if (!t->loading)
		order_add(t, r);
}

void
table_replace(struct table *t, struct trec *cur, struct trec *r)
{
	r->slot = cur->slot;
	r->queued = cur->queued;
	index_replace(&t->index, cur, r);
	slot_set(t, r->slot, (uintptr_t)r);
	t->owners.records[cur->owner]--;
	t->owners.records[r->owner]++;
	table_tally(t, cur, -1);
	table_tally(t, r, 1);
	if (!t->loading)
		order_replace(t, cur, r);
	trec_retire(&t->pool, cur);
}

void
table_stamp(struct table *t, struct trec *cur, const struct rec *rec)
{
	trec_stamp(cur, rec);
	if (!t->loading)
		order_queue(t, cur);
}

void
table_note_sender(struct table *t, struct trec *r, struct ip4 sender, bool unproven)
{
	if (r->sender != sender.v) {
		table_tally(t, r, -1);
		r->sender = sender.v;
		table_tally(t, r, 1);
	}
	r->unproven = unproven;
}

void
table_del(struct table *t, uint64_t hash, const struct nb_key *key)
{
	struct trec *r = table_find(t, hash, key);

	if (!r)
		return;
	index_del(&t->index, r);
	if (!t->loading)
		order_remove(t, r);
	t->owners.records[r->owner]--;
	table_tally(t, r, -1);
	table_slot_give(t, r->slot);
	trec_retire(&t->pool, r);
}

void
table_settle(struct table *t, size_t n)
{
	t->promised = 0;
	order_trim(t, SPARE_KEEP);
	index_move(&t->index, MOVE_MIN + n * MOVE_EACH);
}

size_t
table_bytes(const struct table *t)
{
	return sizeof(*t) + trec_pool_bytes(&t->pool) + order_bytes(t) + index_bytes(&t->index) +
	       ((size_t)t->slots / SLOTS_PER_CHUNK + 1) * sizeof(struct slot_chunk);
}
