/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An ordered set of byte strings of one fixed length, compared by memcmp: integers in it are
 * big-endian. A B+tree: keys lie in chunks of up to 64, so a key costs little more than its bytes, and
 * what leads to the chunks is small enough for the caches; appending at the end is quick and leaves full
 * chunks, chunks that run empty are merged. Layer: base. Owns its chunks. One thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ORDSET_KEY_MIN 8
#define ORDSET_KEY_MAX 288

struct ordset_chunk;

struct ordset_chunks {
	struct ordset_chunk *spare;
	size_t nspare, used;
};

struct ordset {
	struct ordset_chunk *root, *last; /* the last one that holds keys */
	struct ordset_chunks leaves, inner;
	size_t klen, count;
};

void ordset_init(struct ordset *set, size_t klen);
void ordset_clear(struct ordset *set);

/* After it the next n inserts cannot fail. NBT_ENOMEM. */
int ordset_reserve(struct ordset *set, size_t n);
/* Gives back the spare chunks beyond n. */
void ordset_trim(struct ordset *set, size_t n);
/* False: the key was there. Takes a spare chunk when it needs one: reserve first. */
bool ordset_insert(struct ordset *set, const void *key);
/* Ascending keys, taking memory as needed: quicker than one by one. Those that are there already are
 * passed over. NBT_ENOMEM: some may be in. */
int ordset_insert_sorted(struct ordset *set, const uint8_t *keys, size_t n);
/* False: the key was not there. */
bool ordset_remove(struct ordset *set, const void *key);
/* The first key that is not less than key (NULL: the first of all), or NULL. Valid until the set
 * changes. */
const void *ordset_from(const struct ordset *set, const void *key);

/* Fills an empty set with n ascending keys; doubles are kept once. NBT_ENOMEM. */
int ordset_build(struct ordset *set, const uint8_t *keys, size_t n);

/* Bytes of memory, spare chunks included. */
size_t ordset_bytes(const struct ordset *set);
