/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal that is being written: begun beside the old one, appended to one synced frame at a
 * time, ended with a mark. Layer: store. The writer's; pos may be read by any thread.
 */
#pragma once

#include "store/format.h"
#include "store/vfs.h"

struct journal {
	struct vfs *vfs;
	struct vfs_file *file; /* NULL: none is open */
	struct file_header header;
	uint32_t crc_start;
	uint64_t next_seq;
	uint64_t pos;    /* where the next frame goes; all before it is durable; atomic */
	uint64_t zeroed; /* the file is really written with zeros up to here */
};

/* What a try to begin one came to. */
enum journal_begin {
	JOURNAL_BEGUN,  /* it is the one that counts */
	JOURNAL_NOT,    /* nothing happened: the old one goes on */
	JOURNAL_UNSURE, /* it may be there after a crash: the old one must not be written to */
};

/* Writes the file under another name, renames it, syncs the directory. h->salt is made here. first, if
 * not NULL, is its first frame. */
enum journal_begin journal_begin(struct journal *j, struct vfs *vfs, const struct file_header *h,
    const struct frame *first, int *ret_err);

/* buf: a frame's room, payload in place (format_frame_seal); seq is set here. 0: it is durable.
 * NBT_ECLOSED: the sync failed, *ret_err says how, and nothing may be written to it any more. Other:
 * nothing was changed, the next may succeed. */
int journal_append(struct journal *j, uint8_t *buf, const struct frame *f, int *ret_err);

/* The same without the sync: for a copy, which is synced as a whole by its end mark. */
int journal_copy(struct journal *j, uint8_t *buf, const struct frame *f);

/* Marks the end: next is the number of the journal that goes on, 0 when the store is closed in good
 * order. Gives the space behind it back. */
int journal_end(struct journal *j, uint64_t next);
/* The same for a journal found at start, whose frames end at pos, before seq. */
int journal_end_found(
    struct vfs *vfs, const struct file_header *h, uint64_t pos, uint64_t seq, uint64_t next);
/* Is the file still ours alone? False: its name or folder means another one (vfs.h), somebody else wrote to it
 * or cut it off, or began a journal after it; why says it in a clause. While a frame is written, too. */
bool journal_same(const struct journal *j, char *why, size_t cap);
/* Without a mark: after a failure. */
void journal_drop(struct journal *j);
