/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The single-producer single-consumer ring of ring.h. Layer: io. Two counters that only rise: the
 * filler stores tail, the emptier stores head, each on a cache line of its own, with a private copy
 * of the other's beside it, so that a line moves between processors only when the copy ran out.
 */
#include "io/ring.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/err.h"

#define LINE 64

struct ring {
	_Alignas(LINE) _Atomic size_t tail; /* slots ever filled */
	size_t head_seen;                   /* the filler's copy of head */
	_Alignas(LINE) _Atomic size_t head; /* slots ever emptied */
	size_t tail_seen;                   /* the emptier's copy of tail */
	_Alignas(LINE) size_t capacity, stride;
	_Alignas(LINE) unsigned char slots[];
};

int
ring_new(size_t capacity, size_t slot_size, struct ring **ret)
{
	size_t stride = (slot_size + LINE - 1) / LINE * LINE;
	struct ring *r;

	assert(capacity >= 2 && (capacity & (capacity - 1)) == 0 && slot_size > 0);
	if (stride < slot_size || capacity > (SIZE_MAX - sizeof(*r)) / stride)
		return NBT_ENOMEM;
	r = aligned_alloc(LINE, sizeof(*r) + capacity * stride);
	if (!r)
		return NBT_ENOMEM;
	atomic_init(&r->tail, 0);
	atomic_init(&r->head, 0);
	r->head_seen = r->tail_seen = 0;
	r->capacity = capacity;
	r->stride = stride;
	*ret = r;
	return 0;
}

void
ring_free(struct ring *r)
{
	free(r);
}

static void *
slot(struct ring *r, size_t n)
{
	return r->slots + (n & (r->capacity - 1)) * r->stride;
}

void *
ring_room(struct ring *r)
{
	size_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

	if (tail - r->head_seen == r->capacity) {
		/* acquire: the emptier is done reading the slot before it is filled anew */
		r->head_seen = atomic_load_explicit(&r->head, memory_order_acquire);
		if (tail - r->head_seen == r->capacity)
			return NULL;
	}
	return slot(r, tail);
}

void
ring_push(struct ring *r)
{
	size_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

	assert(tail - r->head_seen < r->capacity);
	/* release: the slot is whole before it is seen */
	atomic_store_explicit(&r->tail, tail + 1, memory_order_release);
}

void *
ring_peek(struct ring *r)
{
	size_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

	if (head == r->tail_seen) {
		r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
		if (head == r->tail_seen)
			return NULL;
	}
	return slot(r, head);
}

void *
ring_peek_behind(struct ring *r, size_t n)
{
	size_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

	return n < r->tail_seen - head ? slot(r, head + n) : NULL;
}

void
ring_pop(struct ring *r)
{
	size_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

	assert(head != r->tail_seen);
	atomic_store_explicit(&r->head, head + 1, memory_order_release);
}

size_t
ring_used(const struct ring *r)
{
	/* head first: tail may only have moved on since, and the difference stays at least 0 */
	size_t head = atomic_load_explicit(&r->head, memory_order_acquire);

	return atomic_load_explicit(&r->tail, memory_order_acquire) - head;
}
