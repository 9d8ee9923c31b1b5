/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ordered set: a B+tree. Inner chunks hold the first key of each child, always exactly, so the next
 * key of any is found on the way down. A chunk in the tree is never empty; of two neighbours under one
 * parent one is half full. Layer: base.
 */
#include "base/ordset.h"

#include <assert.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define CHUNK_KEYS 64
#define CACHE_LINE 64
#define HEIGHT_MAX 12 /* levels; on average a chunk holds sixteen at least */
#define AHEAD      8  /* of sorted keys, one is looked for while another is inserted */

struct ordset_chunk {
	struct ordset_chunk *spare; /* the next one, while it is one */
	uint16_t n, klen;
	uint32_t level; /* 0: a leaf, which holds the set's keys */
	uint8_t keys[]; /* room for CHUNK_KEYS; behind it an inner one's children */
};

/* The way down to a leaf: the chunk at each level and the child that was taken. */
struct step {
	struct ordset_chunk *c;
	size_t at;
};

static inline uint64_t
word_at(const uint8_t *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof(w));
	return be64toh(w);
}

/* memcmp for at least eight bytes, word by word: called some forty times for one insert, where a
 * function call costs more than what it does. The last word may overlap the one before. */
static inline int
key_cmp(const uint8_t *a, const uint8_t *b, size_t klen)
{
	for (size_t at = 0;; at = at + 8 < klen - 8 ? at + 8 : klen - 8) {
		uint64_t x = word_at(a + at), y = word_at(b + at);

		if (x != y)
			return x < y ? -1 : 1;
		if (at == klen - 8)
			return 0;
	}
}

static inline uint8_t *
key_at(const struct ordset_chunk *c, size_t i)
{
	return (uint8_t *)c->keys + i * c->klen;
}

static inline struct ordset_chunk **
child_at(const struct ordset_chunk *c, size_t i)
{
	return (struct ordset_chunk **)key_at(c, CHUNK_KEYS) + i;
}

/* ---- chunks ---- */

static size_t
chunk_bytes(const struct ordset *set, bool inner)
{
	return sizeof(struct ordset_chunk) +
	       CHUNK_KEYS * (set->klen + (inner ? sizeof(struct ordset_chunk *) : 0));
}

static struct ordset_chunks *
chunks_of(struct ordset *set, uint32_t level)
{
	return level ? &set->inner : &set->leaves;
}

static struct ordset_chunk *
take_chunk(struct ordset *set, uint32_t level)
{
	struct ordset_chunks *k = chunks_of(set, level);
	struct ordset_chunk *c = k->spare;

	assert(c && level < HEIGHT_MAX);
	k->spare = c->spare;
	k->nspare--;
	k->used++;
	c->n = 0;
	c->level = level;
	return c;
}

static void
give_chunk(struct ordset *set, struct ordset_chunk *c)
{
	struct ordset_chunks *k = chunks_of(set, c->level);

	c->spare = k->spare;
	k->spare = c;
	k->nspare++;
	k->used--;
}

static int
reserve(struct ordset *set, uint32_t level, size_t n)
{
	struct ordset_chunks *k = chunks_of(set, level);

	while (k->nspare < n) {
		struct ordset_chunk *c = malloc(chunk_bytes(set, level));

		if (!c)
			return NBT_ENOMEM;
		c->klen = (uint16_t)set->klen;
		c->spare = k->spare;
		k->spare = c;
		k->nspare++;
	}
	return 0;
}

static void
trim(struct ordset_chunks *k, size_t n)
{
	while (k->nspare > n) {
		struct ordset_chunk *c = k->spare;

		k->spare = c->spare;
		k->nspare--;
		free(c);
	}
}

/* How many inner chunks n inserts may need. Each that is there may be full; one that was split or merged
 * since takes sixteen more before it is; and the tree may rise. */
static size_t
inner_for(const struct ordset *set, size_t n)
{
	size_t full = set->inner.used < n * HEIGHT_MAX ? set->inner.used : n * HEIGHT_MAX;

	return n ? full + n / 15 + HEIGHT_MAX : 0;
}

/* ---- life ---- */

void
ordset_init(struct ordset *set, size_t klen)
{
	assert(klen >= ORDSET_KEY_MIN && klen <= ORDSET_KEY_MAX);
	*set = (struct ordset){ .klen = klen };
}

void
ordset_trim(struct ordset *set, size_t n)
{
	trim(&set->leaves, n);
	trim(&set->inner, inner_for(set, n));
}

int
ordset_reserve(struct ordset *set, size_t n)
{
	int err = reserve(set, 0, n);

	return err ? err : reserve(set, 1, inner_for(set, n));
}

void
ordset_clear(struct ordset *set)
{
	struct step way[HEIGHT_MAX] = { { 0 } };
	struct ordset_chunk *c = set->root;

	/* down to the first child that is left, up when none is */
	while (c) {
		struct step *s = &way[c->level];

		s->c = c;
		if (c->level && s->at < c->n) {
			c = *child_at(c, s->at++);
			continue;
		}
		s->at = 0;
		c = c == set->root ? NULL : way[c->level + 1].c;
		free(s->c);
	}
	trim(&set->leaves, 0);
	trim(&set->inner, 0);
	ordset_init(set, set->klen);
}

/* ---- looking ---- */

/* Index of the first key in c that is not less than key; *ret_equal says whether it is the key. */
static inline size_t
index_of(const struct ordset_chunk *c, const uint8_t *key, bool *ret_equal)
{
	size_t lo = 0, hi = c->n;

	*ret_equal = false;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int d = key_cmp(key_at(c, mid), key, c->klen);

		if (!d)
			*ret_equal = true;
		if (d < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* The child of an inner chunk that key belongs to: the last whose first key is not greater, or the
 * first. */
static inline size_t
child_of(const struct ordset_chunk *c, const uint8_t *key)
{
	bool equal;
	size_t i = index_of(c, key, &equal);

	return equal || !i ? i : i - 1;
}

/* The leaf that key belongs to, of a set that is not empty. Does not look into it. */
static struct ordset_chunk *
descend(const struct ordset *set, const uint8_t *key, struct step way[static HEIGHT_MAX])
{
	struct ordset_chunk *c = set->root;

	for (uint32_t level = c->level; level; level--) {
		size_t i = child_of(c, key);

		way[level] = (struct step){ c, i };
		c = *child_at(c, i);
	}
	return c;
}

const void *
ordset_from(const struct ordset *set, const void *key)
{
	const struct ordset_chunk *c = set->root;
	const uint8_t *next = NULL;
	bool there;
	size_t i;

	if (!c || !key)
		return c ? c->keys : NULL; /* the root's first key is that of all */
	for (; c->level; c = *child_at(c, i)) {
		i = child_of(c, key);
		if (i + 1 < c->n)
			next = key_at(c, i + 1);
	}
	i = index_of(c, key, &there);
	return i < c->n ? key_at(c, i) : next;
}

/* ---- inserting ---- */

/* child: of an inner chunk. */
static void
insert_at(struct ordset_chunk *c, size_t i, const uint8_t *key, struct ordset_chunk *child)
{
	memmove(key_at(c, i + 1), key_at(c, i), (c->n - i) * c->klen);
	memcpy(key_at(c, i), key, c->klen);
	if (c->level) {
		memmove(child_at(c, i + 1), child_at(c, i), (c->n - i) * sizeof(child));
		*child_at(c, i) = child;
	}
	c->n++;
}

/* The keys of from from place i on, behind those of to. */
static void
move_keys(struct ordset_chunk *to, struct ordset_chunk *from, size_t i)
{
	size_t n = from->n - i;

	memcpy(key_at(to, to->n), key_at(from, i), n * to->klen);
	if (to->level)
		memcpy(child_at(to, to->n), child_at(from, i), n * sizeof(to));
	to->n = (uint16_t)(to->n + n);
	from->n = (uint16_t)i;
}

/* Inserts at place i of the full chunk c and returns a new one behind it: with nothing from it when
 * key goes to the very end (so that keys that only rise leave full chunks), with its upper half
 * otherwise. */
static struct ordset_chunk *
split(struct ordset *set, struct ordset_chunk *c, size_t i, const uint8_t *key,
    struct ordset_chunk *child)
{
	struct ordset_chunk *up = take_chunk(set, c->level);
	bool end = i == c->n && key_cmp(key, set->last->keys, set->klen) >= 0;
	size_t keep = end ? c->n : c->n / 2;

	move_keys(up, c, keep);
	if (i >= keep)
		insert_at(up, i - keep, key, child);
	else
		insert_at(c, i, key, child);
	if (c == set->last)
		set->last = up;
	return up;
}

/* Makes up, which stands behind c, known to the levels above. */
static void
attach(struct ordset *set, const struct step *way, struct ordset_chunk *c, struct ordset_chunk *up)
{
	while (c != set->root) {
		const struct step *s = &way[c->level + 1];

		c = s->c;
		if (c->n < CHUNK_KEYS) {
			insert_at(c, s->at + 1, up->keys, up);
			return;
		}
		up = split(set, c, s->at + 1, up->keys, up);
	}
	set->root = take_chunk(set, c->level + 1);
	insert_at(set->root, 0, c->keys, c);
	insert_at(set->root, 1, up->keys, up);
}

/* c, on the way, has another first key. */
static void
tell_first(const struct ordset *set, const struct step *way, const struct ordset_chunk *c,
    const uint8_t *key)
{
	for (uint32_t level = c->level + 1; level <= set->root->level; level++) {
		memcpy(key_at(way[level].c, way[level].at), key, set->klen);
		if (way[level].at)
			return;
	}
}

/* c: the leaf that key belongs to, at the end of way. */
static bool
insert_in(struct ordset *set, const struct step *way, struct ordset_chunk *c, const uint8_t *key)
{
	bool there;
	size_t i = index_of(c, key, &there);

	if (there)
		return false;
	if (!i && c != set->root)
		tell_first(set, way, c, key);
	if (c->n < CHUNK_KEYS)
		insert_at(c, i, key, NULL);
	else
		attach(set, way, c, split(set, c, i, key, NULL));
	set->count++;
	return true;
}

bool
ordset_insert(struct ordset *set, const void *key)
{
	struct step way[HEIGHT_MAX];
	struct ordset_chunk *c = set->last;

	if (!c)
		c = set->root = set->last = take_chunk(set, 0);
	else if (c->n == CHUNK_KEYS || key_cmp(c->keys, key, set->klen) > 0)
		c = descend(set, key, way);
	return insert_in(set, way, c, key);
}

/* Has the memory fetched that the last step of the way down to key's leaf reads. */
static void
look_far_ahead(const struct ordset *set, const uint8_t *key)
{
	const struct ordset_chunk *c = set->root;

	if (!c || c->level < 2)
		return;
	for (uint32_t level = c->level; level > 1; level--)
		c = *child_at(c, child_of(c, key));
	for (size_t at = 0; at < chunk_bytes(set, true); at += CACHE_LINE)
		__builtin_prefetch((const uint8_t *)c + at);
}

/* A key's leaf, found ahead; good while no chunk was added since. */
struct ahead {
	struct step way[HEIGHT_MAX];
	struct ordset_chunk *leaf;
	size_t leaves;
};

static void
look_ahead(const struct ordset *set, const uint8_t *key, struct ahead *ret)
{
	ret->leaves = set->leaves.used;
	ret->leaf = set->root ? descend(set, key, ret->way) : NULL;
	for (size_t at = 0; ret->leaf && at < chunk_bytes(set, false) * 3 / 4; at += CACHE_LINE)
		__builtin_prefetch((const uint8_t *)ret->leaf + at, 1);
}

int
ordset_insert_sorted(struct ordset *set, const uint8_t *keys, size_t n)
{
	struct ahead ahead[AHEAD];

	for (size_t i = 0; i < n && i < AHEAD; i++)
		look_ahead(set, keys + i * set->klen, &ahead[i]);
	for (size_t i = 0; i < n; i++) {
		struct ahead *a = &ahead[i % AHEAD];
		const uint8_t *key = keys + i * set->klen;
		int err = ordset_reserve(set, 1);

		if (err)
			return err;
		if (a->leaves == set->leaves.used && a->leaf)
			(void)insert_in(set, a->way, a->leaf, key);
		else
			(void)ordset_insert(set, key);
		if (i + 2 * AHEAD < n)
			look_far_ahead(set, key + 2 * AHEAD * set->klen);
		if (i + AHEAD < n)
			look_ahead(set, key + AHEAD * set->klen, a);
	}
	return 0;
}

/* ---- removing ---- */

static void
remove_at(struct ordset_chunk *c, size_t i)
{
	c->n--;
	memmove(key_at(c, i), key_at(c, i + 1), (c->n - i) * c->klen);
	if (c->level)
		memmove(child_at(c, i), child_at(c, i + 1), (c->n - i) * sizeof(c));
}

/* Empties the child at place i + 1 into the one before it when both fit in three quarters of one. */
static bool
join(struct ordset_chunk *parent, size_t i)
{
	struct ordset_chunk *left = *child_at(parent, i), *right = *child_at(parent, i + 1);

	if (left->n + right->n > CHUNK_KEYS * 3 / 4)
		return false;
	move_keys(left, right, 0);
	return true;
}

/* A child of s->c that is to go because it is empty, now or after a join with a neighbour; false: none. */
static bool
emptied(const struct step *s, size_t *ret_at)
{
	*ret_at = s->at;
	if (!(*child_at(s->c, s->at))->n || (s->at && join(s->c, s->at - 1)))
		return true;
	*ret_at = s->at + 1;
	return s->at + 1 < s->c->n && join(s->c, s->at);
}

/* The root gives way to its only child, or is the empty set's. */
static void
sink(struct ordset *set)
{
	struct ordset_chunk *c = set->root;

	for (; c && c->n < 2 && (c->level || !c->n); c = set->root) {
		set->root = c->level ? *child_at(c, 0) : NULL;
		give_chunk(set, c);
	}
	while (c && c->level)
		c = *child_at(c, c->n - 1u);
	set->last = c;
}

bool
ordset_remove(struct ordset *set, const void *key)
{
	struct step way[HEIGHT_MAX];
	struct ordset_chunk *c = set->root ? descend(set, key, way) : NULL, *gone;
	bool there;
	size_t i;

	if (!c)
		return false;
	i = index_of(c, key, &there);
	if (!there)
		return false;
	set->count--;
	for (;;) {
		remove_at(c, i);
		if (!i && c->n)
			tell_first(set, way, c, c->keys);
		if (c == set->root || c->n >= CHUNK_KEYS / 2 || !emptied(&way[c->level + 1], &i))
			break;
		c = way[c->level + 1].c;
		gone = *child_at(c, i);
		give_chunk(set, gone);
	}
	sink(set);
	return true;
}

/* ---- all at once ---- */

/* The first keys of n as a full leaf, behind all others; returns how many of them. */
static size_t
append_leaf(struct ordset *set, const uint8_t *keys, size_t n)
{
	struct step way[HEIGHT_MAX];
	struct ordset_chunk *c = take_chunk(set, 0), *last = set->last;
	size_t i = 0;

	for (; i < n && c->n < CHUNK_KEYS; i++) {
		const uint8_t *key = keys + i * set->klen;

		if (i + 1 < n && !key_cmp(key, key + set->klen, set->klen))
			continue; /* a double: the last one is enough */
		memcpy(key_at(c, c->n++), key, set->klen);
	}
	set->count += c->n;
	set->last = c;
	if (!last) {
		set->root = c;
	} else {
		(void)descend(set, c->keys, way);
		attach(set, way, last, c);
	}
	return i;
}

int
ordset_build(struct ordset *set, const uint8_t *keys, size_t n)
{
	assert(!set->count);
	for (size_t at = 0; at < n;) {
		int err = ordset_reserve(set, 1);

		if (err)
			return err;
		at += append_leaf(set, keys + at * set->klen, n - at);
	}
	return 0;
}

size_t
ordset_bytes(const struct ordset *set)
{
	return (set->leaves.used + set->leaves.nspare) * (chunk_bytes(set, false) + 8) +
	       (set->inner.used + set->inner.nspare) * (chunk_bytes(set, true) + 8);
}
