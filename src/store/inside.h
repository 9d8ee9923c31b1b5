/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the store's outside share: its state, and beginning the next journal. Layer: store.
 * The writer's thread; only store.c, open.c and tend.c see this.
 */
#pragma once

#include "store/background.h"
#include "store/batch.h"
#include "store/flight.h"
#include "store/store.h"

struct store {
	struct vfs *vfs;
	struct table *table;
	struct batch *batch; /* being staged */
	struct metas metas;
	struct knowns knowns;
	uint64_t next_version;
	uint64_t journal_max;

	struct journal journal; /* .file NULL: closed, a new one is to be begun */

	/* The two batches never hold the same name, so that each may fail without the other. */
	struct batch *spare;  /* NULL without store_opts.flights */
	struct batch *flying; /* store_commit_begin's, or NULL */
	struct flight flight; /* of it */
	bool begun;           /* store_commit_end was not called yet */
	int outcome;          /* of it, once it does not fly any more */

	/* Found at start and to be the first frame of the next journal. Only the last frame of a file
	 * that was read may be missing on the disk (its program may have been killed before the sync,
	 * or the sync may have failed), and writing it again where it is might damage it. */
	struct frame carry; /* payload NULL: none */
	uint8_t *carried;   /* its payload's memory */
	bool stale;         /* a sync failed: no commit until a snapshot was taken after it */
	bool lost;          /* a start would not find what is written: no commit (store_look) */
	uint64_t base;      /* the snapshot that a start would begin with; 0: none */
	uint64_t bytes, bytes_before; /* in the journals since base; of them before the rotation */
	unsigned wait, waited; /* calls of store_tend until the next try; what the last wait was */
	struct background bg;
	char error[200];

	uint64_t commits, changes, failed, snapshots;
};

/* Notes what failed and why, for store_last_error; returns err. */
int store_say_error(struct store *s, const char *what, int err);
/* Waits for the batch that is on its way, if any, and makes it visible. */
void store_settle(struct store *s);
/* Begins the journal with this number; the old one, if open, goes on when that fails cleanly. */
int store_rotate(struct store *s, uint64_t number);
