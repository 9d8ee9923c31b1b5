/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store: table, journal, snapshot and batch put together. The rule that everything here serves:
 * a change is in a synced frame before any reader can see it. Layer: store. The writer's thread.
 */
#include "store/store.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "store/background.h"
#include "store/batch.h"

#define JOURNAL_MAX_DEFAULT (256ull << 20)
#define JOURNALS_MAX        16 /* files since the last snapshot: each start begins one */
#define WAIT_MAX            64 /* calls of store_tend between tries of what fails */

struct store {
	struct vfs *vfs;
	struct table *table;
	struct batch *batch;
	struct metas metas;
	uint64_t next_version;
	uint64_t journal_max;

	struct journal journal; /* .file NULL: closed, a new one is to be begun */
	/* Found at start and to be the first frame of the next journal. Only the last frame of a file
	 * that was read may be missing on the disk (its program may have been killed before the sync,
	 * or the sync may have failed), and writing it again where it is might damage it. */
	struct frame carry; /* payload NULL: none */
	uint8_t *carried;   /* its payload's memory */
	bool stale;         /* a sync failed: no commit until a snapshot was taken after it */
	uint64_t base;      /* the snapshot that a start would begin with; 0: none */
	uint64_t bytes, bytes_before; /* in the journals since base; of them before the rotation */
	unsigned wait, waited; /* calls of store_tend until the next try; what the last wait was */
	struct background bg;
	char error[200];

	uint64_t commits, changes, failed, snapshots;
};

/* ---- opening ---- */

static int
say_error(struct store *s, const char *what, int err)
{
	snprintf(s->error, sizeof(s->error), "%s: %s", what, nbt_strerror(err));
	return err;
}

/* Begins the next journal; the old one, if open, goes on when that fails cleanly. */
static int
rotate(struct store *s, uint64_t number)
{
	struct file_header h = { .number = number, .first_seq = s->journal.next_seq };
	const struct frame *first = s->carry.payload ? &s->carry : NULL;
	struct journal next;
	int err = 0;

	h.next_version = s->next_version;
	if (first)
		h.first_seq = first->seq;
	switch (journal_begin(&next, s->vfs, &h, first, &err)) {
	case JOURNAL_BEGUN:
		/* The new one's header says where the old one ends; the mark only lets a start
		 * notice should the new file be lost as a whole. */
		if (s->journal.file)
			(void)journal_end(&s->journal, number);
		s->journal = next;
		s->bytes_before = s->bytes;
		s->carry.payload = NULL;
		return 0;
	case JOURNAL_UNSURE:
		/* If it is there after a crash it says that the old one ends here. So it does. */
		journal_drop(&s->journal);
		s->journal.header.number = number - 1;
		break;
	default:
		break;
	}
	return say_error(s, "beginning a new journal", err);
}

static int
make_new(struct store *s)
{
	int err = table_new(0, &s->table);

	s->next_version = 1;
	s->journal.next_seq = 1;
	if (!err)
		err = table_loaded(s->table);
	if (!err)
		err = rotate(s, 1);
	return err;
}

/* Reads the last frame of the last journal, if that has one, to be carried over. */
static int
read_carry(struct store *s, const struct image *img)
{
	size_t size = (size_t)(img->last_end - img->last_frame);
	struct vfs_file *f;
	char name[32];
	ssize_t got;
	int err;

	if (!size)
		return 0;
	journal_name(img->last.number, name);
	s->carried = malloc(size);
	err = s->carried ? s->vfs->open(s->vfs, name, false, &f) : NBT_ENOMEM;
	if (err)
		return err;
	got = s->vfs->pread(s->vfs, f, s->carried, size, img->last_frame);
	s->vfs->close(s->vfs, f);
	if (got < 0)
		return (int)got;
	if ((size_t)got < size ||
	    !format_frame_open(s->carried, size, format_crc_start(&img->last), &s->carry))
		return NBT_ECORRUPT; /* it was whole a moment ago */
	return 0;
}

static void
take_image(struct store *s, struct image *img)
{
	s->table = img->table;
	img->table = NULL;
	s->metas = img->metas;
	s->next_version = img->next_version;
	s->journal.next_seq = img->next_seq;
	s->journal.header.number = img->last.number;
	s->base = img->base;
	s->bytes = img->bytes;
}

/* A store that was read goes on in a new journal: what the old file holds behind its last whole frame
 * is nothing to write over. A full disk is no reason not to answer queries. */
static int
go_on(struct store *s, struct image *img, struct store_report *report)
{
	uint64_t next = img->last.number + 1;
	bool carries;
	int err = table_loaded(img->table);

	if (!err)
		err = read_carry(s, img);
	if (err)
		return say_error(s, "going on from the last journal", err);
	take_image(s, img);
	carries = s->carry.payload;
	err = rotate(s, next);
	if (err == NBT_ENOSPC) {
		snprintf(report->sentence, sizeof(report->sentence),
		    "the disk is full: nothing can be changed until there is space");
		return 0;
	}
	if (err)
		return err;
	(void)journal_end_found(s->vfs, &img->last, carries ? img->last_frame : img->last_end,
	    s->journal.header.first_seq, next); /* see rotate */
	if (!img->snapshots.n || img->snapshots.v[img->snapshots.n - 1] == img->base)
		snapshot_sweep(s->vfs, img->base);
	else
		s->bytes +=
		    s->journal_max + 1; /* the newest snapshot is damaged: take another soon */
	return 0;
}

static int
read_or_make(struct store *s, struct store_report *report)
{
	struct image img = { .vfs = s->vfs, .report = report };
	int err = image_read(&img);

	if (err == NBT_ENOENT && img.foreign) {
		snprintf(report->sentence, sizeof(report->sentence),
		    "the folder is not empty and holds no store");
		err = NBT_EFORMAT;
	} else if (err == NBT_ENOENT) {
		err = make_new(s);
	} else if (!err) {
		err = go_on(s, &img, report);
	}
	image_release(&img);
	return err;
}

int
store_open(const struct store_opts *opts, struct store **ret, struct store_report *ret_report)
{
	struct store *s = calloc(1, sizeof(*s));
	int err;

	*ret_report = (struct store_report){ 0 };
	if (!s) {
		opts->vfs->close_dir(opts->vfs);
		return NBT_ENOMEM;
	}
	s->vfs = opts->vfs;
	s->journal_max = opts->journal_max ? opts->journal_max : JOURNAL_MAX_DEFAULT;
	err = s->vfs->lock(s->vfs);
	if (err == NBT_EBUSY)
		say_error(s, "the folder", err);
	if (!err)
		err = read_or_make(s, ret_report);
	if (!err)
		err = batch_new(s->table, opts->batch_max, &s->batch);
	if (err) {
		if (!ret_report->sentence[0])
			snprintf(ret_report->sentence, sizeof(ret_report->sentence), "%s",
			    s->error[0] ? s->error : nbt_strerror(err));
		store_close(s);
		return err;
	}
	*ret = s;
	return 0;
}

static void
wind_up(struct store *s)
{
	if (s->bg.kind != BACKGROUND_NONE) {
		__atomic_store_n(&s->bg.cancel, true, __ATOMIC_RELAXED);
		rcu_thread_offline();
		(void)background_join(&s->bg); /* given up or not, nobody waits for it now */
		rcu_thread_online();
	}
	/* The mark only tells the next start that nothing was cut off; all is durable already. */
	if (s->journal.file)
		(void)journal_end(&s->journal, 0);
	s->vfs->close_dir(s->vfs);
	s->vfs = NULL;
}

void
store_close(struct store *s)
{
	if (!s)
		return;
	if (s->vfs)
		wind_up(s);
	batch_free(s->batch);
	table_free(s->table);
	free(s->carried);
	free(s);
}

void
store_leave(struct store *s)
{
	if (s)
		wind_up(s);
}

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

/* ---- the batch ---- */

static void
read_whole(const struct store *s, const struct trec *r, struct rec *ret)
{
	memset(ret, 0, sizeof(*ret));
	trec_key(r, &ret->key);
	trec_read(r, &s->table->owners, ret);
}

bool
store_peek(struct store *s, const struct nb_key *key, struct rec *ret, bool *ret_staged)
{
	uint64_t hash = table_hash(s->table, key);
	const struct change *c = batch_find(s->batch, hash, key);
	const struct trec *r;
	struct entry e;

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
store_put(struct store *s, const struct rec *rec)
{
	int err = batch_put(s->batch, rec);

	if (!err && rec_is_own(rec) && rec->version.v >= s->next_version)
		s->next_version = rec->version.v + 1;
	return err;
}

int
store_del(struct store *s, const struct nb_key *key)
{
	return batch_del(s->batch, key);
}

int
store_meta_set(struct store *s, const char *key, uint64_t value)
{
	return batch_meta(s->batch, &s->metas, key, value);
}

bool
store_meta_get(const struct store *s, const char *key, uint64_t *ret)
{
	return metas_get(&s->metas, key, ret);
}

size_t
store_staged(const struct store *s)
{
	return s->batch->n + s->batch->nmetas + s->batch->counter;
}

/* Writes the batch's frame. The thread holds nothing meanwhile, so readers' memory can be freed. */
static int
write_batch(struct store *s)
{
	struct batch *b = s->batch;
	struct frame f = { .count = b->entries, .len = (uint32_t)b->len };
	uint64_t before = s->journal.pos;
	int err, sync_err = 0;

	f.next_version = s->next_version;
	rcu_thread_offline();
	err = journal_append(&s->journal, b->buf, &f, &sync_err);
	rcu_thread_online();
	if (err == NBT_ECLOSED) {
		journal_drop(&s->journal);
		s->stale = true;
		s->wait = s->waited = 0;
		(void)say_error(s, "syncing the journal", sync_err);
		return sync_err;
	}
	if (err)
		return say_error(s, "writing the journal", err);
	s->bytes += s->journal.pos - before;
	return 0;
}

int
store_commit(struct store *s)
{
	struct batch *b = s->batch;
	size_t staged = store_staged(s);
	int err;

	if (!staged)
		return 0;
	err = store_writable(s) ? batch_reserve(b) : NBT_ECLOSED;
	if (!err)
		err = write_batch(s);
	if (err) {
		s->failed++;
		batch_drop(b);
		return err;
	}
	if (b->nmetas)
		s->metas = b->metas;
	batch_apply(b);
	s->commits++;
	s->changes += staged;
	return 0;
}

/* ---- looking after it ---- */

bool
store_writable(const struct store *s)
{
	return s->journal.file && !s->stale;
}

const char *
store_last_error(const struct store *s)
{
	return s->error;
}

/* Begins the journal that the work's snapshot goes with, then the work. */
static int
start_work(struct store *s, enum background_kind kind, struct vfs *where)
{
	uint64_t number = s->journal.header.number;
	int err = 0;

	/* One that was begun after a failed sync and has no frame yet will do. */
	if (!s->stale || !s->journal.file)
		err = rotate(s, ++number);
	if (err)
		return err;
	s->bg = (struct background){
		.vfs = s->vfs,
		.journal = &s->journal,
		.job = { .vfs = where, .table = s->table, .number = number },
	};
	s->bg.job.metas = s->metas;
	s->bg.job.next_version = s->next_version;
	err = background_start(&s->bg, kind);
	return err ? say_error(s, "starting the thread", err) : 0;
}

int
store_snapshot(struct store *s)
{
	if (s->bg.kind != BACKGROUND_NONE)
		return NBT_EBUSY;
	return start_work(s, BACKGROUND_SNAPSHOT, s->vfs);
}

static void
note_name(void *arg, const char *name)
{
	if (strcmp(name, "lock"))
		*(bool *)arg = true;
}

int
store_backup(struct store *s, struct vfs *into)
{
	bool full = false;
	int err;

	if (s->bg.kind != BACKGROUND_NONE)
		err = NBT_EBUSY;
	else
		err = store_writable(s) ? into->lock(into) : NBT_ECLOSED;
	if (!err)
		err = into->list(into, note_name, &full);
	if (!err && full)
		err = NBT_EEXIST;
	if (!err)
		err = start_work(s, BACKGROUND_BACKUP, into);
	if (err)
		into->close_dir(into);
	return err;
}

/* What failed is tried again after 1, 2, 4 ... calls. */
static void
back_off(struct store *s)
{
	s->waited = s->waited ? s->waited * 2 : 1;
	if (s->waited > WAIT_MAX)
		s->waited = WAIT_MAX;
	s->wait = s->waited;
}

static enum store_news
work_ended(struct store *s)
{
	enum background_kind kind = s->bg.kind;
	int err = background_join(&s->bg);

	if (err)
		(void)say_error(s, s->bg.step, err);
	if (kind == BACKGROUND_BACKUP)
		return err ? STORE_NEWS_BACKUP_FAILED : STORE_NEWS_BACKUP_DONE;
	if (err) {
		back_off(s);
		return STORE_NEWS_SNAPSHOT_FAILED;
	}
	s->snapshots++;
	s->base = s->bg.job.number;
	s->bytes -= s->bytes_before;
	s->wait = s->waited = 0;
	if (!s->stale)
		return STORE_NEWS_SNAPSHOT_DONE;
	s->stale = false;
	return store_writable(s) ? STORE_NEWS_JOURNAL_REOPENED : STORE_NEWS_SNAPSHOT_DONE;
}

static bool
snapshot_is_due(const struct store *s)
{
	return s->stale || s->bytes > s->journal_max ||
	       s->journal.header.number - s->base > JOURNALS_MAX;
}

enum store_news
store_tend(struct store *s)
{
	if (s->bg.kind != BACKGROUND_NONE)
		return background_is_done(&s->bg) ? work_ended(s) : STORE_NEWS_NONE;
	if (s->wait) {
		s->wait--;
		return STORE_NEWS_NONE;
	}
	if (snapshot_is_due(s)) {
		if (!store_snapshot(s))
			return STORE_NEWS_SNAPSHOT_STARTED;
		back_off(s);
		return STORE_NEWS_SNAPSHOT_FAILED;
	}
	if (s->journal.file)
		return STORE_NEWS_NONE;
	if (!rotate(s, s->journal.header.number + 1)) {
		s->waited = 0;
		return STORE_NEWS_JOURNAL_REOPENED;
	}
	back_off(s);
	return STORE_NEWS_NONE;
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

void
store_stats(const struct store *s, struct store_stats *ret)
{
	*ret = (struct store_stats){
		.records = s->table->count,
		.commits = s->commits,
		.changes = s->changes,
		.failed_commits = s->failed,
		.journal_bytes = s->bytes,
		.snapshots = s->snapshots,
		.bytes_in_memory = table_bytes(s->table),
	};
}
