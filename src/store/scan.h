/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a journal or snapshot frame by frame, and what to know of the place where that stops.
 * Layer: store. Never changes a file.
 */
#pragma once

#include "store/format.h"
#include "store/vfs.h"

struct scan {
	struct vfs *vfs;
	struct vfs_file *file;
	struct file_header header;
	uint32_t crc_start;
	uint64_t size; /* of the file */
	uint64_t pos;  /* where the next frame is, or should be */
	uint64_t next_seq;
	uint8_t *buf; /* file bytes from at on, have of them, room for cap */
	uint64_t at;
	size_t have, cap;
};

/* Opens a file and reads its header. NBT_EFORMAT with *ret_version (0: not ours), NBT_ECORRUPT, or the
 * vfs's error. On success the scan is to be released. */
int scan_open(struct scan *s, struct vfs *vfs, const char *name, uint32_t *ret_version);
void scan_release(struct scan *s);

/* 1: the next frame, valid until the next call. 0: there is none at s->pos. Negative: could not read. */
int scan_next(struct scan *s, struct frame *ret);

struct scan_tail {
	uint64_t later; /* where the next whole frame after s->pos begins; 0 = nowhere */
	uint64_t dirty; /* bytes from s->pos to the last one that is not zero, 0 = all are zero */
};
/* After scan_next said 0: what lies behind. */
int scan_tail(struct scan *s, struct scan_tail *ret);
/* Goes on at a place that scan_tail found, whatever sequence it has. */
void scan_resume(struct scan *s, uint64_t pos);
