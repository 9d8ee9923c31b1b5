/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread of slow work, beside the writer's and the journal's (flight.h): it takes a snapshot of the running store, or makes a backup.
 * Layer: store. It reads the table as any reader does and touches nothing else of the store's.
 */
#pragma once

#include <pthread.h>

#include "store/journal.h"
#include "store/snapshot.h"

enum background_kind {
	BACKGROUND_NONE,
	BACKGROUND_SNAPSHOT,
	BACKGROUND_BACKUP,
};

struct background {
	enum background_kind kind;
	pthread_t thread;
	bool done, cancel; /* atomic */
	int err;           /* once done */
	const char *step;  /* what failed, once done */
	struct snapshot_job job;
	struct vfs *vfs;               /* of the store */
	const struct journal *journal; /* the one begun for it: its pos is read */
};

/* job and vfs are filled in; a backup's job.vfs is where to, locked and empty, and is closed when it
 * ends. NBT_ENOMEM: no thread, nothing was taken. */
int background_start(struct background *bg, enum background_kind kind);
bool background_is_done(const struct background *bg);
/* Waits for its end and returns what it came to; kind is NONE then. */
int background_join(struct background *bg);
