/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store's daily work: reading, staging, committing, walking. The rule that everything here serves:
 * a change is in a synced frame before any reader can see it. Layer: store.
 */
#include "store/store.h"

#include <assert.h>
#include <string.h>

#include "base/err.h"
#include "store/inside.h"

/* ---- readers ---- */

void
store_reader_register(void)
{
	rcu_register_thread();
}

void
store_reader_unregister(void)
{
	rcu_unregister_thread();
}

void
store_reader_quiescent(void)
{
	rcu_quiescent_state();
}

void
store_reader_offline(void)
{
	rcu_thread_offline();
}

void
store_reader_online(void)
{
	rcu_thread_online();
}

bool
store_get(const struct store *s, const struct nb_key *key, struct rec *ret)
{
	const struct trec *r = table_find(s->table, table_hash(s->table, key), key);

	if (!r)
		return false;
	ret->key = *key;
	trec_read(r, &s->table->owners, ret);
	return true;
}

uint64_t
store_hash(const struct store *s, const struct nb_key *key)
{
	return table_hash(s->table, key);
}

void
store_fetch(const struct store *s, uint64_t hash)
{
	index_fetch_word(&s->table->index, hash);
}

void
store_fetch_record(const struct store *s, uint64_t hash)
{
	index_fetch_record(&s->table->index, hash);
}

/* ---- the batch ---- */

static void
read_whole(const struct store *s, const struct trec *r, struct rec *ret)
{
	memset(ret, 0, sizeof(*ret));
	trec_key(r, &ret->key);
	trec_read(r, &s->table->owners, ret);
}

/* What is on its way has to be certain first. */
static void
settle_for(struct store *s, const struct nb_key *key)
{
	if (s->flying && batch_find(s->flying, table_hash(s->table, key), key))
		store_settle(s);
}

bool
store_peek(struct store *s, const struct nb_key *key, struct rec *ret, bool *ret_staged)
{
	uint64_t hash = table_hash(s->table, key);
	const struct change *c = batch_find(s->batch, hash, key);
	const struct trec *r;
	struct entry e;

	if (!c)
		settle_for(s, key);
	*ret_staged = c != NULL;
	if (c) {
		if (c->kind == CHANGE_DEL)
			return false;
		memset(&e, 0, sizeof(e));
		batch_entry(s->batch, c, &e);
		memcpy(ret, &e.rec, sizeof(*ret)); /* padding too */
		return true;
	}
	r = table_find(s->table, hash, key);
	if (r)
		read_whole(s, r, ret);
	return r != NULL;
}

struct version
store_next_version(const struct store *s)
{
	return (struct version){ s->next_version };
}

void
store_raise_version(struct store *s, struct version v)
{
	if (s->next_version >= v.v)
		return;
	s->next_version = v.v;
	s->batch->counter = true;
}

int
store_put_from(struct store *s, const struct rec *rec, const struct store_sender *from)
{
	int err;

	settle_for(s, &rec->key);
	err = batch_put(s->batch, rec, from);
	if (!err && rec_is_own(rec) && rec->version.v >= s->next_version)
		s->next_version = rec->version.v + 1;
	return err;
}

int
store_put(struct store *s, const struct rec *rec)
{
	return store_put_from(s, rec, NULL);
}

int
store_del(struct store *s, const struct nb_key *key)
{
	settle_for(s, key);
	return batch_del(s->batch, key);
}

int
store_meta_set(struct store *s, const char *key, uint64_t value)
{
	store_settle(s); /* all named values are in the batch that sets one */
	return batch_meta(s->batch, &s->metas, key, value);
}

bool
store_meta_get(const struct store *s, const char *key, uint64_t *ret)
{
	return metas_get(&s->metas, key, ret);
}

int
store_known_set(struct store *s, struct ip4 owner, struct version v)
{
	store_settle(s); /* likewise */
	return batch_known(s->batch, &s->knowns, owner, v);
}

struct version
store_known(const struct store *s, struct ip4 owner)
{
	return knowns_get(&s->knowns, owner);
}

size_t
store_known_all(const struct store *s, struct store_known *ret, size_t cap)
{
	size_t n = s->knowns.n < cap ? s->knowns.n : cap;

	if (n) /* without any there is no table */
		memcpy(ret, s->knowns.v, n * sizeof(*ret));
	return s->knowns.n;
}

size_t
store_staged(const struct store *s)
{
	return batch_staged(s->batch);
}

/* ---- commits ---- */

/* What writing the batch's frame came to (journal_append): all of it becomes visible, or it is gone. */
static int
land(struct store *s, struct batch *b, int err, int sync_err)
{
	size_t staged = batch_staged(b);

	if (!err && s->lost) /* found while it was written */
		err = NBT_ELOST;
	else if (err == NBT_ECLOSED) {
		journal_drop(&s->journal);
		s->stale = true;
		s->wait = s->waited = 0;
		err = store_say_error(s, "syncing the journal", sync_err);
	} else if (err) {
		(void)store_say_error(s, "writing the journal", err);
	}
	if (err) {
		s->failed++;
		batch_drop(b);
		return err;
	}
	s->bytes += format_frame_size(b->len);
	if (b->nmetas)
		s->metas = b->metas;
	if (b->nknowns)
		knowns_copy(&s->knowns, &b->knowns);
	batch_apply(b);
	s->commits++;
	s->changes += staged;
	return 0;
}

/* The staged batch's frame, when all is there that it needs. */
static int
take_off(struct store *s, struct frame *ret)
{
	struct batch *b = s->batch;
	int err = store_writable(s) ? batch_reserve(b) : s->lost ? NBT_ELOST : NBT_ECLOSED;

	*ret = (struct frame){
		.count = b->entries, .len = (uint32_t)b->len, .next_version = s->next_version
	};
	if (err) {
		s->failed++;
		batch_drop(b);
	}
	return err;
}

/* The thread holds nothing while it waits, so readers' memory can be freed. */
void
store_settle(struct store *s)
{
	struct batch *b = s->flying;
	int err, sync_err;

	if (!b)
		return;
	rcu_thread_offline();
	err = flight_end(&s->flight, &sync_err);
	rcu_thread_online();
	s->flying = NULL;
	s->outcome = land(s, b, err, sync_err);
	s->spare = b;
}

int
store_commit(struct store *s)
{
	struct frame frame;
	int err, sync_err = 0;

	store_settle(s);
	if (!store_staged(s))
		return 0;
	err = take_off(s, &frame);
	if (err)
		return err;
	rcu_thread_offline();
	err = journal_append(&s->journal, s->batch->buf, &frame, &sync_err);
	rcu_thread_online();
	return land(s, s->batch, err, sync_err);
}

bool
store_commit_flies(const struct store *s)
{
	return s->begun;
}

int
store_commit_begin(struct store *s)
{
	struct frame frame;
	int err;

	assert(!s->begun && s->spare);
	if (!store_staged(s))
		return 0;
	err = take_off(s, &frame);
	if (err)
		return err;
	if (flight_begin(&s->flight, s->batch->buf, &frame))
		return store_commit(s); /* no thread: with waiting, then */
	s->begun = true;
	s->flying = s->batch;
	s->batch = s->spare;
	s->spare = NULL;
	return 0;
}

bool
store_commit_landed(const struct store *s)
{
	return flight_has_landed(&s->flight);
}

void
store_commit_await(struct store *s)
{
	if (flight_has_landed(&s->flight))
		return;
	rcu_thread_offline();
	flight_await(&s->flight);
	rcu_thread_online();
}

int
store_commit_end(struct store *s)
{
	if (!s->begun)
		return 0;
	store_settle(s);
	s->begun = false;
	return s->outcome;
}

/* ---- orders ---- */

size_t
store_due(struct store *s, struct wall now, struct rec *ret, size_t cap)
{
	struct due_walk walk = { 0 };
	const struct trec *r;
	size_t n = 0;

	while (n < cap && (r = table_due(s->table, &walk, now)))
		read_whole(s, r, &ret[n++]);
	return n;
}

struct wall
store_next_due(struct store *s)
{
	return table_next_due(s->table);
}

bool
store_by_version(struct store *s, struct ip4 owner, struct version from, struct rec *ret)
{
	const struct trec *r = table_by_version(s->table, owner, from);

	if (r)
		read_whole(s, r, ret);
	return r != NULL;
}

size_t
store_versions(struct store *s, struct ip4 owner, struct store_place *at, struct version to,
    struct rec *ret, size_t cap)
{
	struct version_walk walk;
	const struct trec *r;
	size_t n = 0;

	table_versions(s->table, &walk, owner, *at);
	while (n < cap && (r = table_versions_next(s->table, &walk)) && r->version <= to.v) {
		*at = (struct store_place){ { r->version }, r->slot + 1 }; /* none is the last */
		read_whole(s, r, &ret[n++]);
	}
	return n;
}

bool
store_by_name(struct store *s, const struct nb_key *key, bool incl, struct rec *ret)
{
	const struct trec *r = table_by_name(s->table, key, incl);

	if (r)
		read_whole(s, r, ret);
	return r != NULL;
}

size_t
store_owners(const struct store *s, struct ip4 *ret, size_t cap)
{
	const struct owners *o = &s->table->owners;
	size_t n = 0;

	for (uint32_t i = 0; i < o->n; i++) {
		uint16_t number = o->sorted[i];

		if (!o->records[number])
			continue;
		if (n < cap)
			ret[n] = (struct ip4){ o->ip[number] };
		n++;
	}
	return n;
}

uint64_t
store_records(const struct store *s)
{
	return table_records(s->table);
}

struct store_held
store_held(const struct store *s)
{
	const struct batch *staged = s->batch, *flying = s->flying;
	uint64_t records = table_records(s->table);

	return (struct store_held){
		.records = records + staged->news + (flying ? flying->news : 0),
		.others = records - s->table->owners.records[0] + staged->others_news +
			  (flying ? flying->others_news : 0),
	};
}

uint32_t
store_names_of(const struct store *s, struct ip4 sender)
{
	return tally_of(&s->table->tally, sender);
}

void
store_prove(struct store *s, const struct nb_key *key)
{
	uint64_t hash = table_hash(s->table, key);
	struct trec *r = table_find(s->table, hash, key);

	if (r)
		r->unproven = false;
}

bool
store_crowding(struct store *s, uint32_t *slot, unsigned looks, struct store_crowding *ret)
{
	uint32_t slots = table_slots(s->table);

	ret->names = 0;
	for (unsigned i = 0; i < looks && i < slots; i++) {
		const struct trec *r = table_slot(s->table, (*slot)++ % slots);
		struct nb_key key;
		uint32_t names;

		if (!r || r->owner || !r->unproven)
			continue;
		names = tally_of(&s->table->tally, (struct ip4){ r->sender });
		trec_key(r, &key);
		if (names <= ret->names || batch_find(s->batch, r->hash, &key))
			continue;
		ret->key = key;
		ret->sender.v = r->sender;
		ret->names = names;
	}
	return ret->names > 0;
}

void
store_stats(const struct store *s, struct store_stats *ret)
{
	*ret = (struct store_stats){
		.records = table_records(s->table),
		.commits = s->commits,
		.changes = s->changes,
		.failed_commits = s->failed,
		.journal_bytes = s->bytes,
		.snapshots = s->snapshots,
		.bytes_in_memory = table_bytes(s->table),
	};
}
