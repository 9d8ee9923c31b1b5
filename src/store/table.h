/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All records in memory: an index by name for readers, and for the writer a slot for each
 * record and the orders by name, by owner and version, and by due time. Slots stay when a record is
 * replaced, so the orders rarely move, and a snapshot can be taken slot by slot while the table
 * changes. Layer: store. Knows no file.
 *
 * Readers call table_hash, table_find, the index's fetches, trec_read, trec_key and table_slot, inside a
 * read section of RCU; everything else is the writer's.
 */
#pragma once

#include "base/ordset.h"
#include "store/index.h"
#include "store/store.h"
#include "store/tally.h"
#include "store/trec.h"

#define SLOTS_PER_CHUNK 65536u
#define SLOT_CHUNKS     65536u

/* Each word is a record, or the number of the next free slot shifted left with bit 0 set. */
struct slot_chunk {
	uintptr_t word[SLOTS_PER_CHUNK];
};

/* Names that are not in the order by name yet: the slots of their records, some of which may have gone
 * or hold another by now, and the order's keys of those that are there, ascending, when sorted. */
struct fresh_names {
	uint32_t *slot;
	uint8_t *keys;
	size_t n, cap, nkeys;
	bool sorted;
};

struct table {
	struct index index; /* by name */
	uint64_t seed;
	struct trec_pool pool;
	struct owners owners;
	struct tally tally;       /* this server's own records by sender, see table_tally */
	struct ordset by_name;    /* name 16, slot 4: records without scope */
	struct ordset by_scope;   /* name 16, scope 255, slot 4: records with one */
	struct ordset by_version; /* owner's number 2, version 8, slot 4 */
	struct ordset by_due;     /* time 4, slot 4: not later than the record is due */
	struct fresh_names fresh; /* not in by_name */
	struct slot_chunk *chunk[SLOT_CHUNKS];
	uint32_t slots;     /* ever used; atomic */
	uint32_t free_slot; /* first of the free ones; UINT32_MAX: none */
	size_t promised; /* changes that table_reserve was called for and that are not made yet */
	bool loading;    /* no orders yet, no readers */
};

/* hint: how many records to expect. NBT_ENOMEM. */
int table_new(uint64_t hint, struct table **ret);
void table_free(struct table *t); /* accepts NULL; no reader may be left */

uint64_t table_hash(const struct table *t, const struct nb_key *key);
struct trec *table_find(const struct table *t, uint64_t hash, const struct nb_key *key);
uint64_t table_records(const struct table *t);
/* Any reader: the record in slot i < table_slots, or NULL. */
uint32_t table_slots(const struct table *t);
const struct trec *table_slot(const struct table *t, uint32_t i);

/* Filling a table that has no readers and no orders yet. NBT_ENOMEM, NBT_EINVAL. First a snapshot's
 * records: raw ones are found by name only after table_load_index, which comes before all else. */
int table_load_raw(struct table *t, const struct rec *rec);
int table_load_index(struct table *t);
int table_load(struct table *t, const struct rec *rec);
void table_unload(struct table *t, const struct nb_key *key);
int table_loaded(struct table *t); /* builds the orders; after it the calls below */

/* After it n changes, scoped of them of names with a scope, cannot fail, until table_settle, whatever is
 * walked meanwhile. NBT_ENOMEM. */
int table_reserve(struct table *t, size_t n, size_t scoped);
/* Takes r (trec_new), whose key has no record. */
void table_add(struct table *t, uint64_t hash, struct trec *r);
/* Takes r, which has cur's key. */
void table_replace(struct table *t, struct trec *cur, struct trec *r);
/* Only due times and stamps of cur change (trec_differs_in_time). */
void table_stamp(struct table *t, struct trec *cur, const struct rec *rec);
/* Who registered r; counted under it from now on. */
void table_note_sender(struct table *t, struct trec *r, struct ip4 sender, bool unproven);
void table_del(struct table *t, uint64_t hash, const struct nb_key *key);
/* After a batch of n changes, or what was reserved will not be made: gives back spare memory, lets the index grow. */
void table_settle(struct table *t, size_t n);

/* First record in the order from a place on, or NULL. */
struct trec *table_by_name(struct table *t, const struct nb_key *key, bool incl);
struct trec *table_by_version(const struct table *t, struct ip4 owner, struct version from);
/* A walk over an owner's records from a place on, ascending; the table must not change meanwhile. */
struct version_walk {
	uint8_t place[14];
	bool over;
};
void table_versions(
    const struct table *t, struct version_walk *walk, struct ip4 owner, struct store_place first);
struct trec *table_versions_next(const struct table *t, struct version_walk *walk);
/* A walk over the due ones, earliest first. It moves on those whose time became later, at most some
 * hundreds a walk: it may then end early. Begins zeroed; the table must not change meanwhile. */
struct due_walk {
	uint8_t place[8];
	unsigned moved;
};
struct trec *table_due(struct table *t, struct due_walk *walk, struct wall now);
struct wall table_next_due(struct table *t);
size_t table_bytes(const struct table *t);
