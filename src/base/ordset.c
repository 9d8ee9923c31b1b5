/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ordered set: chunks of sorted keys in a red-black tree ordered by their first keys. A chunk in
 * the tree is never empty. Layer: base.
 */
#include "base/ordset.h"

#include <assert.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/sys/tree.h>

#include "base/err.h"

#define CHUNK_KEYS 64

struct ordset_chunk {
	RB_ENTRY(ordset_chunk) link; /* of a spare one only the left pointer: the next spare */
	uint16_t n, klen;
	uint8_t keys[];
};

RB_HEAD(chunk_tree, ordset_chunk);

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

static inline int
chunk_cmp(const struct ordset_chunk *a, const struct ordset_chunk *b)
{
	return key_cmp(a->keys, b->keys, a->klen);
}

/* Not RB_GENERATE_STATIC: glibc leaves the __unused it wants undefined. */
RB_GENERATE_INTERNAL(chunk_tree, ordset_chunk, link, chunk_cmp, __attribute__((unused)) static)

static inline uint8_t *
key_at(const struct ordset_chunk *c, size_t i)
{
	return (uint8_t *)c->keys + i * c->klen;
}

/* The tree's calls want a head of their own type; the set holds the same one pointer. */
static void
tree_insert(struct ordset *set, struct ordset_chunk *c)
{
	struct chunk_tree head = { set->root };

	chunk_tree_RB_INSERT(&head, c);
	set->root = head.rbh_root;
	set->chunks++;
}

static struct ordset_chunk *
take_spare(struct ordset *set)
{
	struct ordset_chunk *c = set->spare;

	assert(c);
	set->spare = RB_LEFT(c, link);
	set->nspare--;
	c->n = 0;
	return c;
}

static void
put_spare(struct ordset *set, struct ordset_chunk *c)
{
	RB_LEFT(c, link) = set->spare;
	set->spare = c;
	set->nspare++;
}

static void
tree_remove(struct ordset *set, struct ordset_chunk *c)
{
	struct chunk_tree head = { set->root };

	if (set->last == c)
		set->last = chunk_tree_RB_PREV(c);
	chunk_tree_RB_REMOVE(&head, c);
	set->root = head.rbh_root;
	set->chunks--;
	free(c);
}

void
ordset_init(struct ordset *set, size_t klen)
{
	assert(klen >= ORDSET_KEY_MIN && klen <= ORDSET_KEY_MAX);
	*set = (struct ordset){ .klen = klen };
}

void
ordset_trim(struct ordset *set, size_t n)
{
	while (set->nspare > n)
		free(take_spare(set));
}

void
ordset_clear(struct ordset *set)
{
	struct chunk_tree head = { set->root };
	struct ordset_chunk *c, *next;

	for (c = RB_MIN(chunk_tree, &head); c; c = next) {
		next = chunk_tree_RB_NEXT(c);
		chunk_tree_RB_REMOVE(&head, c);
		free(c);
	}
	ordset_trim(set, 0);
	ordset_init(set, set->klen);
}

int
ordset_reserve(struct ordset *set, size_t n)
{
	while (set->nspare < n) {
		struct ordset_chunk *c =
		    malloc(sizeof(struct ordset_chunk) + CHUNK_KEYS * set->klen);

		if (!c)
			return NBT_ENOMEM;
		c->n = 0;
		c->klen = (uint16_t)set->klen;
		put_spare(set, c);
	}
	return 0;
}

/* The last chunk whose first key is not greater than key; NULL when key comes before all. */
static struct ordset_chunk *
chunk_of(const struct ordset *set, const uint8_t *key)
{
	struct ordset_chunk *c = set->root, *best = NULL;

	if (set->last && key_cmp(set->last->keys, key, set->klen) <= 0)
		return set->last;
	while (c) {
		if (key_cmp(c->keys, key, set->klen) <= 0) {
			best = c;
			c = RB_RIGHT(c, link);
		} else {
			c = RB_LEFT(c, link);
		}
	}
	return best;
}

/* Index of the first key in c that is not less than key; *ret_equal says whether it is the key. */
static size_t
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

static void
insert_at(struct ordset_chunk *c, size_t i, const void *key)
{
	memmove(key_at(c, i + 1), key_at(c, i), (c->n - i) * c->klen);
	memcpy(key_at(c, i), key, c->klen);
	c->n++;
}

/* A new chunk behind the full chunk c: with nothing from it when key goes to the very end (so that
 * keys that only rise leave full chunks), with its upper half otherwise. */
static struct ordset_chunk *
split(struct ordset *set, struct ordset_chunk *c, const void *key, size_t i)
{
	struct ordset_chunk *up = take_spare(set);
	size_t keep = c == set->last && i == c->n ? c->n : c->n / 2;

	up->n = (uint16_t)(c->n - keep);
	memcpy(up->keys, key_at(c, keep), up->n * set->klen);
	c->n = (uint16_t)keep;
	if (i >= keep) {
		insert_at(up, i - keep, key);
	} else {
		insert_at(c, i, key);
	}
	tree_insert(set, up);
	if (c == set->last)
		set->last = up;
	return up;
}

bool
ordset_insert(struct ordset *set, const void *key)
{
	struct ordset_chunk *c = chunk_of(set, key);
	struct chunk_tree head = { set->root };
	bool there;
	size_t i;

	if (!c)
		c = RB_MIN(chunk_tree, &head);
	if (!c) {
		c = take_spare(set);
		insert_at(c, 0, key);
		tree_insert(set, c);
		set->last = c;
		set->count++;
		return true;
	}
	i = index_of(c, key, &there);
	if (there)
		return false;
	if (c->n < CHUNK_KEYS)
		insert_at(c, i, key);
	else
		split(set, c, key, i);
	set->count++;
	return true;
}

/* Joins c with its right neighbour when both fit in three quarters of one. */
static void
merge(struct ordset *set, struct ordset_chunk *c)
{
	struct ordset_chunk *next = chunk_tree_RB_NEXT(c);

	if (!next || c->n + next->n > CHUNK_KEYS * 3 / 4)
		return;
	memcpy(key_at(c, c->n), next->keys, next->n * set->klen);
	c->n = (uint16_t)(c->n + next->n);
	if (next == set->last)
		set->last = c;
	tree_remove(set, next);
}

bool
ordset_remove(struct ordset *set, const void *key)
{
	struct ordset_chunk *c = chunk_of(set, key), *prev;
	bool there;
	size_t i;

	if (!c)
		return false;
	i = index_of(c, key, &there);
	if (!there)
		return false;
	if (c->n == 1) {
		tree_remove(set, c);
	} else {
		c->n--;
		memmove(key_at(c, i), key_at(c, i + 1), (c->n - i) * set->klen);
		if (c->n < CHUNK_KEYS / 2) {
			merge(set, c);
			prev = chunk_tree_RB_PREV(c);
			if (prev)
				merge(set, prev);
		}
	}
	set->count--;
	return true;
}

const void *
ordset_from(const struct ordset *set, const void *key)
{
	struct chunk_tree head = { set->root };
	struct ordset_chunk *c = key ? chunk_of(set, key) : NULL;
	bool there;
	size_t i;

	if (!c) {
		c = RB_MIN(chunk_tree, &head);
		return c ? c->keys : NULL;
	}
	i = index_of(c, key, &there);
	if (i < c->n)
		return key_at(c, i);
	c = chunk_tree_RB_NEXT(c);
	return c ? c->keys : NULL;
}

/* The first keys of n as a full chunk, behind all others; *ret_used of them. */
static int
append_chunk(struct ordset *set, const uint8_t *keys, size_t n, size_t *ret_used)
{
	struct ordset_chunk *c;
	size_t i = 0;
	int err = set->nspare ? 0 : ordset_reserve(set, 1);

	if (err)
		return err;
	c = take_spare(set);
	for (; i < n && c->n < CHUNK_KEYS; i++) {
		const uint8_t *key = keys + i * set->klen;

		if (i + 1 < n && !key_cmp(key, key + set->klen, set->klen))
			continue; /* a double: the last one is enough */
		memcpy(key_at(c, c->n++), key, set->klen);
	}
	tree_insert(set, c);
	set->last = c;
	set->count += c->n;
	*ret_used = i;
	return 0;
}

int
ordset_build(struct ordset *set, const uint8_t *keys, size_t n)
{
	assert(!set->count);
	for (size_t at = 0, used = 0; at < n; at += used) {
		int err = append_chunk(set, keys + at * set->klen, n - at, &used);

		if (err)
			return err;
	}
	return 0;
}

size_t
ordset_bytes(const struct ordset *set)
{
	return (set->chunks + set->nspare) *
	       (sizeof(struct ordset_chunk) + CHUNK_KEYS * set->klen + 8);
}
