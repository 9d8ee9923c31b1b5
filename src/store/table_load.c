/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filling a table at start. A snapshot's records first only get their slots; they enter the hash table
 * together, in the order of its buckets, because at ten million names entering them one by one as they
 * come is three cache misses each and most of the time of a start. Layer: store.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/radix.h"
#include "store/be.h"
#include "store/table_inside.h"
#include "store/table_order.h"

#define AHEAD 16 /* records fetched before they are needed */

/* One to enter: bucket 4, big-endian and sorted by, then its address. */
#define ITEM_KEY 4
#define ITEM_LEN (ITEM_KEY + sizeof(struct trec *))

int
table_load_raw(struct table *t, const struct rec *rec)
{
	struct trec *r;
	int err = table_slots_reserve(t, 1);

	if (!err)
		err = trec_new(&t->pool, &t->owners, rec, &r);
	if (!err)
		table_slot_take(t, r);
	return err;
}

static uint64_t
hash_of(const struct table *t, const struct trec *r)
{
	uint8_t len;
	const uint8_t *scope = trec_scope(r, &len);

	return table_hash_name(t, r->name, scope, len);
}

static struct trec *
item_rec(const uint8_t *item)
{
	struct trec *r;

	memcpy(&r, item + ITEM_KEY, sizeof(r));
	return r;
}

/* A name that moved to another slot while the snapshot was written stands in it twice. Which one stays
 * is all one: the journal behind it says what became of the name. */
static void
enter(struct table *t, struct trec *r)
{
	if (cds_lfht_add_unique(t->hash, hash_of(t, r), table_match, r, &r->node) != &r->node) {
		table_slot_give(t, r->slot);
		trec_unnew(&t->pool, r);
		return;
	}
	t->count++;
	t->owners.records[r->owner]++;
	table_tally(t, r, 1);
}

int
table_load_index(struct table *t)
{
	uint8_t *items = malloc((size_t)t->slots * ITEM_LEN + 1), *sorted;
	uint8_t *other = malloc((size_t)t->slots * ITEM_LEN + 1);
	size_t n = t->slots;
	int err = items && other ? 0 : NBT_ENOMEM;

	for (uint32_t i = 0; !err && i < n; i++) {
		const struct trec *r = table_slot(t, i);
		uint8_t *item = items + i * ITEM_LEN;

		be_put32(item, (uint32_t)(hash_of(t, r) & (t->buckets - 1)));
		memcpy(item + ITEM_KEY, &r, sizeof(r));
	}
	sorted = err ? NULL : radix_sort(items, other, n, ITEM_LEN, ITEM_KEY);
	for (size_t i = 0; !err && i < n; i++) {
		if (i + AHEAD < n)
			__builtin_prefetch(item_rec(sorted + (i + AHEAD) * ITEM_LEN), 1);
		enter(t, item_rec(sorted + i * ITEM_LEN));
	}
	free(items);
	free(other);
	table_grow_when_full(t);
	return err;
}

int
table_load(struct table *t, const struct rec *rec)
{
	uint64_t hash = table_hash(t, &rec->key);
	struct trec *cur = table_find(t, hash, &rec->key), *r;
	int err;

	if (cur && trec_differs_in_time(cur, &t->owners, rec)) {
		table_stamp(t, cur, rec);
		return 0;
	}
	err = table_slots_reserve(t, 1);
	if (!err)
		err = trec_new(&t->pool, &t->owners, rec, &r);
	if (err)
		return err;
	table_put(t, hash, r);
	table_grow_when_full(t);
	return 0;
}

void
table_unload(struct table *t, const struct nb_key *key)
{
	table_del(t, table_hash(t, key), key);
}

int
table_loaded(struct table *t)
{
	int err = order_build(t);

	if (!err)
		t->loading = false;
	return err;
}
