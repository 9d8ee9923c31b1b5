/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The changes that are staged: the frame that will be written, being filled, and what each key's last
 * change will do to the table. Layer: store. The writer's alone.
 */
#pragma once

#include "store/image.h"

#define BATCH_CHANGES_MAX 4096

enum change_kind {
	CHANGE_PUT,   /* next becomes the record */
	CHANGE_STAMP, /* only due times and stamps of cur change */
	CHANGE_DEL,
};

struct change {
	uint64_t hash;
	uint8_t kind;  /* enum change_kind */
	uint16_t home; /* its place in index */
	uint32_t off;  /* of its entry in the payload */
	struct store_sender from;
	struct trec *next, *cur; /* PUT, STAMP: what stands in the table now, or NULL */
};

#define BATCH_INDEX (2 * BATCH_CHANGES_MAX)

struct batch {
	struct table *table;
	uint8_t *buf; /* a frame's room: header, payload, zeros */
	size_t cap;   /* of the payload */
	size_t len;
	uint32_t entries;
	uint32_t n; /* changes: one for each key */
	uint32_t scoped;
	uint32_t news,
	    others_news;    /* names that have no record in the table; of them other servers' */
	bool counter;       /* the version counter was lifted by hand */
	struct metas metas; /* as they will be */
	unsigned nmetas;    /* how many entries set one */
	struct knowns knowns;
	unsigned nknowns;
	struct change change[BATCH_CHANGES_MAX];
	uint16_t index[BATCH_INDEX]; /* number of a change + 1, 0 = free; by hash, linear probing */
};

/* cap: bytes of payload, 0 = default. NBT_ENOMEM. */
int batch_new(struct table *t, size_t cap, struct batch **ret);
void batch_free(struct batch *b); /* accepts NULL */

/* These stage one change. NBT_ELIMIT full, NBT_ENOMEM, NBT_EINVAL: nothing was staged. from: who sent it; NULL =
 * whoever it was before. */
int batch_put(struct batch *b, const struct rec *rec, const struct store_sender *from);
int batch_del(struct batch *b, const struct nb_key *key);
int batch_meta(struct batch *b, const struct metas *now, const char *key, uint64_t value);

int batch_known(struct batch *b, const struct knowns *now, struct ip4 owner, struct version v);

/* The change of key, or NULL. */
const struct change *batch_find(const struct batch *b, uint64_t hash, const struct nb_key *key);
/* What c's entry says. */
void batch_entry(const struct batch *b, const struct change *c, struct entry *ret);

/* How much is staged. */
static inline size_t
batch_staged(const struct batch *b)
{
	return b->n + b->nmetas + b->nknowns + b->counter;
}

/* The table can take it all without failing. NBT_ENOMEM. */
int batch_reserve(struct batch *b);
void batch_apply(struct batch *b); /* and is empty */
void batch_drop(struct batch *b);  /* likewise */
