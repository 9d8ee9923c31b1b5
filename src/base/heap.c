/* SPDX-License-Identifier: Apache-2.0 */
/* See heap.h. Layer: base. */
#include "base/heap.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/err.h"

static bool
before(const struct heap_item *a, const struct heap_item *b)
{
	return a->key != b->key ? a->key < b->key : a->order < b->order;
}

static void
place(struct heap *h, size_t pos, struct heap_item *it)
{
	h->v[pos] = it;
	it->pos = pos;
}

static void
sift_up(struct heap *h, struct heap_item *it)
{
	size_t pos = it->pos;

	while (pos > 0 && before(it, h->v[(pos - 1) / 2])) {
		place(h, pos, h->v[(pos - 1) / 2]);
		pos = (pos - 1) / 2;
	}
	place(h, pos, it);
}

static void
sift_down(struct heap *h, struct heap_item *it)
{
	size_t pos = it->pos;

	for (size_t child; (child = 2 * pos + 1) < h->n; pos = child) {
		if (child + 1 < h->n && before(h->v[child + 1], h->v[child]))
			child++;
		if (!before(h->v[child], it))
			break;
		place(h, pos, h->v[child]);
	}
	place(h, pos, it);
}

void
heap_init(struct heap *h)
{
	*h = (struct heap){ 0 };
}

void
heap_release(struct heap *h)
{
	free(h->v);
	heap_init(h);
}

int
heap_put(struct heap *h, struct heap_item *it, int64_t key)
{
	if (h->n == h->cap) {
		size_t cap = h->cap ? 2 * h->cap : 64;
		struct heap_item **v = reallocarray(h->v, cap, sizeof(*v));

		if (!v)
			return NBT_ENOMEM;
		h->v = v;
		h->cap = cap;
	}
	it->key = key;
	it->order = h->puts++;
	place(h, h->n++, it);
	sift_up(h, it);
	return 0;
}

void
heap_del(struct heap *h, struct heap_item *it)
{
	struct heap_item *last;

	if (it->pos == SIZE_MAX)
		return;
	last = h->v[--h->n];
	if (last != it) {
		place(h, it->pos, last);
		sift_up(h, last);
		sift_down(h, last);
	}
	it->pos = SIZE_MAX;
}

struct heap_item *
heap_min(const struct heap *h)
{
	return h->n ? h->v[0] : NULL;
}
