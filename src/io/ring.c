/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The single-producer single-consumer ring of ring.h. Layer: io. Two counters that only rise: the
 * filler stores tail, the emptier stores head, each on a cache line of its own, with a private copy
 * of the other's beside it, so that a line moves between processors only when the copy ran out.
 */
#include "io/ring.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"

#define LINE  64
#define PARTS 16        /* of a large ring, given back one by one */
#define LARGE (1 << 20) /* bytes: below, giving back is not worth a system call */

struct ring {
	_Alignas(LINE) _Atomic size_t tail; /* slots ever filled */
	size_t head_seen;                   /* the filler's copy of head */
	size_t given;                       /* parts ever emptied, and given back */
	_Alignas(LINE) _Atomic size_t head; /* slots ever emptied */
	size_t tail_seen;                   /* the emptier's copy of tail */
	_Alignas(LINE) size_t capacity, stride;
	size_t part; /* slots, a power of two; 0: it is small */
	size_t page;
	unsigned char *slots;
};

int
ring_new(size_t capacity, size_t slot_size, struct ring **ret)
{
	size_t stride = (slot_size + LINE - 1) / LINE * LINE;
	struct ring *r;

	assert(capacity >= 2 && (capacity & (capacity - 1)) == 0 && slot_size > 0);
	if (stride < slot_size || capacity > (SIZE_MAX - sizeof(*r)) / stride)
		return NBT_ENOMEM;
	r = aligned_alloc(LINE, sizeof(*r));
	if (!r)
		return NBT_ENOMEM;
	r->slots = mmap(NULL, capacity * stride, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (r->slots == MAP_FAILED) {
		free(r);
		return NBT_ENOMEM;
	}
	/* A huge page would be zeroed while packets wait. Refused by kernels that have none. */
	(void)madvise(r->slots, capacity * stride, MADV_NOHUGEPAGE);
	atomic_init(&r->tail, 0);
	atomic_init(&r->head, 0);
	r->head_seen = r->tail_seen = r->given = 0;
	r->capacity = capacity;
	r->stride = stride;
	r->part = capacity * stride >= LARGE && capacity >= PARTS ? capacity / PARTS : 0;
	r->page = (size_t)sysconf(_SC_PAGESIZE);
	*ret = r;
	return 0;
}

void
ring_free(struct ring *r)
{
	if (r)
		(void)munmap(r->slots, r->capacity * r->stride); /* it was mapped so */
	free(r);
}

static void *
slot(const struct ring *r, size_t n)
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

static void
give_back(struct ring *r, size_t part)
{
	uintptr_t from = (uintptr_t)slot(r, part * r->part), to = from + r->part * r->stride;

	from = (from + r->page - 1) / r->page * r->page;
	to = to / r->page * r->page;
	(void)madvise((void *)from, to - from, MADV_DONTNEED); /* a wish */
}

/* Parts behind head are the filler's alone, unless it filled them anew already. */
void
ring_tidy(struct ring *r)
{
	size_t emptied, tail;

	if (!r->part)
		return;
	emptied = atomic_load_explicit(&r->head, memory_order_acquire) / r->part;
	tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
	for (; r->given < emptied; r->given++)
		if (tail <= r->given * r->part + r->capacity)
			give_back(r, r->given);
}

uint32_t
ring_push(struct ring *r)
{
	size_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

	assert(tail - r->head_seen < r->capacity);
	/* release: the slot is whole before it is seen */
	atomic_store_explicit(&r->tail, tail + 1, memory_order_release);
	if (r->part && !((tail + 1) & (r->part - 1)))
		ring_tidy(r);
	return (uint32_t)tail;
}

const void *
ring_waiting(const struct ring *r, uint32_t number)
{
	size_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
	/* how long ago it was put in: numbers are cut to 32 bits, a ring is never that large */
	uint32_t back = (uint32_t)tail - number;

	if (!back || back > tail - atomic_load_explicit(&r->head, memory_order_acquire))
		return NULL;
	return slot(r, tail - back);
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
