/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening and closing a store: a new one, or what its files say and a new journal after them.
 * Layer: store. The writer's thread.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "store/inside.h"

#define JOURNAL_MAX_DEFAULT (256ull << 20)

static int
make_new(struct store *s)
{
	int err = table_new(0, &s->table);

	s->next_version = 1;
	s->journal.next_seq = 1;
	if (!err)
		err = table_loaded(s->table);
	if (!err)
		err = store_rotate(s, 1);
	return err;
}

/* Reads the last frame of the last journal, if that has one, to be carried over. */
static int
read_carry(struct store *s, const struct image *img)
{
	size_t size = (size_t)(img->last_end - img->last_frame);
	struct vfs_file *f;
	char name[FILE_NAME_LEN];
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
	knowns_copy(&s->knowns, &img->knowns);
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
	const struct numbers *snapshots = &img->folder.snapshots;
	uint64_t next = img->last.number + 1;
	bool carries;
	int err = table_loaded(img->table);

	if (!err)
		err = read_carry(s, img);
	if (err)
		return store_say_error(s, "going on from the last journal", err);
	take_image(s, img);
	carries = s->carry.payload;
	err = store_rotate(s, next);
	if (err == NBT_ENOSPC) {
		snprintf(report->sentence, sizeof(report->sentence),
		    "the disk is full: nothing can be changed until there is space");
		return 0;
	}
	if (err)
		return err;
	(void)journal_end_found(s->vfs, &img->last, carries ? img->last_frame : img->last_end,
	    s->journal.header.first_seq, next); /* see rotate */
	if (!snapshots->n || snapshots->v[snapshots->n - 1] == img->base)
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

	if (err == NBT_ENOENT && img.folder.foreign) {
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
	flight_init(&s->flight, &s->journal);
	err = s->vfs->lock(s->vfs);
	if (err == NBT_EBUSY)
		store_say_error(s, "the folder", err);
	if (!err)
		err = read_or_make(s, ret_report);
	if (!err)
		err = batch_new(s->table, opts->batch_max, &s->batch);
	if (!err && opts->flights)
		err = batch_new(s->table, opts->batch_max, &s->spare);
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

/* Ends the threads and the journal, gives the folder back. */
static void
wind_up(struct store *s)
{
	store_settle(s);
	flight_release(&s->flight);
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
	batch_free(s->spare);
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
