/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a name's hash to its record: words of 48 bits address and 16 bits hash in open addressing, so that
 * a look-up touches one line of it and the record, and one for a name that is absent touches no record.
 * It grows into a second array in slices, while both are read. Layer: store, inside the table.
 *
 * Readers call index_find and the fetches, inside a read section of RCU; everything else is the writer's.
 */
#pragma once

#include "store/trec.h"

struct index_words;

struct index {
	struct index_words *now; /* atomic */
	uint64_t count;          /* records */
	bool shared;             /* there are readers */
	bool retired;            /* an array was left to liburcu's thread */
};

/* Alone until shared is set. hint: how many records to expect. NBT_ENOMEM. */
int index_init(struct index *ix, uint64_t hint);
void index_release(struct index *ix); /* accepts a zeroed one; the records stay */

struct trec *index_find(const struct index *ix, uint64_t hash, const struct nb_key *key);
/* The record with r's key, which may be r. */
struct trec *index_find_same(const struct index *ix, uint64_t hash, const struct trec *r);
/* Before a look-up, some time apart and in this order, because the second hangs on the first: they fetch
 * into the processor's caches what it will touch. */
void index_fetch_word(const struct index *ix, uint64_t hash);
void index_fetch_record(const struct index *ix, uint64_t hash);

/* After it n calls of index_add cannot fail. NBT_ENOMEM. */
int index_reserve(struct index *ix, size_t n);
/* r->hash is set, and no record of its key is there. */
void index_add(struct index *ix, struct trec *r);
void index_replace(struct index *ix, const struct trec *old, struct trec *r);
void index_del(struct index *ix, const struct trec *r);
/* Carries growing on by so many words; to its end in few calls when each change asks for sixteen. */
void index_move(struct index *ix, uint64_t words);

size_t index_bytes(const struct index *ix);
