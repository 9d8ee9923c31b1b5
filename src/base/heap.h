/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A binary min-heap of items the caller embeds, for timers: earliest first, equal keys in the order
 * they were put in, so that runs repeat exactly. Layer: base. Owns the array of pointers, never the
 * items.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct heap_item {
	int64_t key;
	uint64_t order; /* set by heap_put */
	size_t pos;     /* set by heap; SIZE_MAX = in no heap */
};

struct heap {
	struct heap_item **v;
	size_t n, cap;
	uint64_t puts;
};

#define HEAP_ITEM_INIT ((struct heap_item){ .pos = SIZE_MAX })

void heap_init(struct heap *h);
void heap_release(struct heap *h);
/* 0 or NBT_ENOMEM. The item must be in no heap. */
int heap_put(struct heap *h, struct heap_item *it, int64_t key);
/* Takes it out, wherever it is; an item in no heap is left alone. */
void heap_del(struct heap *h, struct heap_item *it);
/* The earliest, or NULL. */
struct heap_item *heap_min(const struct heap *h);
