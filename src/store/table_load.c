/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filling a table at start. A snapshot's records first only get their slots; they enter the index
 * together, each word fetched before it is needed: one by one as they come ten million would wait for
 * memory for most of a start. Layer: store.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "store/table_inside.h"
#include "store/table_order.h"

#define AHEAD 16 /* records whose words are fetched before they are needed */

int
table_load_raw(struct table *t, const struct rec *rec)
{
	struct trec *r;
	int err = table_slots_reserve(t, 1);

	if (!err)
		err = trec_new(&t->pool, &t->owners, rec, &r);
	if (err)
		return err;
	r->hash = table_hash(t, &rec->key);
	table_slot_take(t, r);
	return 0;
}

/* A name that moved to another slot while the snapshot was written stands in it twice. Which one stays
 * is all one: the journal behind it says what became of the name. */
static void
enter(struct table *t, struct trec *r)
{
	if (index_find_same(&t->index, r->hash, r)) {
		table_slot_give(t, r->slot);
		trec_unnew(&t->pool, r);
		return;
	}
	index_add(&t->index, r);
	t->owners.records[r->owner]++;
	table_tally(t, r, 1);
}

int
table_load_index(struct table *t)
{
	int err = index_reserve(&t->index, t->slots);

	index_move(&t->index, UINT64_MAX);
	for (uint32_t i = 0; !err && i < t->slots; i++) {
		if (i + AHEAD < t->slots)
			index_fetch_word(&t->index, table_slot(t, i + AHEAD)->hash);
		enter(t, (struct trec *)table_slot(t, i));
	}
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
		err = index_reserve(&t->index, 1);
	if (!err)
		err = trec_new(&t->pool, &t->owners, rec, &r);
	if (err)
		return err;
	index_move(&t->index, UINT64_MAX); /* nobody waits for a slice */
	if (cur)
		table_replace(t, cur, r);
	else
		table_add(t, hash, r);
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

	if (err)
		return err;
	t->loading = false;
	t->index.shared = true;
	return 0;
}
