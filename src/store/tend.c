/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking after a running store: journals begun, snapshots and backups started and ended, failures
 * got over. Layer: store. The writer's thread.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "store/inside.h"

#define JOURNALS_MAX 16 /* files since the last snapshot: each start begins one */
#define WAIT_MAX     64 /* calls of store_tend between tries of what fails */

int
store_say_error(struct store *s, const char *what, int err)
{
	snprintf(s->error, sizeof(s->error), "%s: %s", what, nbt_strerror(err));
	return err;
}

int
store_rotate(struct store *s, uint64_t number)
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
	return store_say_error(s, "beginning a new journal", err);
}

bool
store_writable(const struct store *s)
{
	return s->journal.file && !s->stale && !s->lost;
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
	uint64_t number;
	int err = 0;

	store_settle(s);
	number = s->journal.header.number;
	/* One that was begun after a failed sync and has no frame yet will do. */
	if (!s->stale || !s->journal.file)
		err = store_rotate(s, ++number);
	if (err)
		return err;
	s->bg = (struct background){
		.vfs = s->vfs,
		.journal = &s->journal,
		.job = { .vfs = where, .table = s->table, .number = number },
	};
	s->bg.job.metas = s->metas;
	knowns_copy(&s->bg.job.knowns, &s->knowns);
	s->bg.job.next_version = s->next_version;
	err = background_start(&s->bg, kind);
	return err ? store_say_error(s, "starting the thread", err) : 0;
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

enum store_news
store_look(struct store *s)
{
	char why[sizeof(s->error)];
	bool same = s->journal.file ? journal_same(&s->journal, why, sizeof(why))
				    : s->vfs->same(s->vfs, NULL, NULL, why, sizeof(why));

	if (!same)
		memcpy(s->error, why, sizeof(why));
	if (same == !s->lost)
		return STORE_NEWS_NONE;
	s->lost = !same;
	return same ? STORE_NEWS_FOUND : STORE_NEWS_LOST;
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
		(void)store_say_error(s, s->bg.step, err);
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
	if (s->lost)
		return STORE_NEWS_NONE;
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
	store_settle(s);
	if (!store_rotate(s, s->journal.header.number + 1)) {
		s->waited = 0;
		return STORE_NEWS_JOURNAL_REOPENED;
	}
	back_off(s);
	return STORE_NEWS_NONE;
}
