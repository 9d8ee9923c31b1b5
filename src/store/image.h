/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a directory's files say when they are read from first to last: records, named values and the
 * version counter; and the reading itself, which start, check, salvage and backup share.
 * Layer: store. Never changes a file.
 */
#pragma once

#include "store/folder.h"
#include "store/known.h"
#include "store/scan.h"
#include "store/store.h"
#include "store/table.h"

#define METAS_MAX 64

struct metas {
	unsigned n;
	struct {
		char key[META_KEY_MAX + 1];
		uint64_t value;
	} m[METAS_MAX];
};

/* False: there are METAS_MAX others. */
bool metas_set(struct metas *m, const char *key, uint64_t value);
bool metas_get(const struct metas *m, const char *key, uint64_t *ret);

struct image {
	/* in */
	struct vfs *vfs;
	bool lenient;  /* after damage go on with what is whole, telling each loss */
	bool no_table; /* only look whether all is there */
	void (*say)(void *arg, const char *sentence); /* NULL: only the report is wanted */
	void *arg;
	struct store_report *report; /* zeroed by image_read */
	/* out */
	struct table *table; /* taken from here by who wants it (set to NULL) */
	struct metas metas;
	struct knowns knowns;
	uint64_t next_version, next_seq;
	struct folder folder;
	bool raw;                /* a snapshot is being read: no name comes twice but by accident */
	bool damaged;            /* only with lenient */
	uint64_t base;           /* number of the snapshot it began with, 0: with nothing */
	struct file_header last; /* of the last journal */
	uint64_t last_frame;     /* where its last frame begins: only that may not be durable */
	uint64_t last_end;       /* where its frames end */
	uint64_t bytes;          /* of frames in the journals */
};

/* 0: img is whole. NBT_ENOENT: no store here. NBT_ECORRUPT, NBT_EFORMAT, and the vfs's: report has
 * the sentence. To be released in any case. */
int image_read(struct image *img);
void image_release(struct image *img);

/* Reads one snapshot to its end mark, into img's table if it has one. NBT_ECORRUPT, ... */
int image_snapshot(struct image *img, uint64_t number, const char *name);
