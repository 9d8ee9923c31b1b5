/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing all records to a file while they change: slot by slot, in short read sections. What changed
 * meanwhile stands in the journal of the same number, and reading that over it gives the same end.
 * Layer: store. For a thread of its own, registered as a reader.
 */
#pragma once

#include "store/image.h"

struct snapshot_job {
	struct vfs *vfs;           /* where to */
	const struct table *table; /* of a running store */
	struct metas metas;        /* as they were when the journal was begun */
	struct knowns knowns;      /* likewise */
	uint64_t number;           /* of that journal, and of the snapshot */
	uint64_t next_version;     /* likewise */
	const bool *cancel;        /* atomic: give up (NBT_ECLOSED); NULL = never */
	uint64_t records;          /* out: written */
};

/* Written under another name, synced, read back, renamed, the directory synced. 0: it counts. */
int snapshot_write(struct snapshot_job *job);
/* Removes the snapshots and journals before number, and what unfinished work left. */
void snapshot_sweep(struct vfs *vfs, uint64_t number);
