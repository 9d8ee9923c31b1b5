/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bounded queue of fixed-size slots from one thread to one other, without a lock: packets on their
 * way from a worker to the registrar. Layer: io. Slots are written and read in place. Nobody waits
 * here: whoever wants to sleep brings a wake (io/wake.h). A large ring has memory only where something
 * waits: it is given back to the system by sixteenths.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct ring;

/* capacity: a power of two, at least 2. NBT_ENOMEM. */
int ring_new(size_t capacity, size_t slot_size, struct ring **ret);
void ring_free(struct ring *r); /* accepts NULL; nobody may use it any more */

/* ---- the one thread that fills ---- */

/* The slot to fill next, aligned to 64 bytes, or NULL: full. The same until ring_push. */
void *ring_room(struct ring *r);
/* Hands over what ring_room gave; returns its number, for ring_waiting. */
uint32_t ring_push(struct ring *r);
/* Gives back the memory of what was emptied; at other times that happens when the next sixteenth is begun. */
void ring_tidy(struct ring *r);
/* The slot with this number as long as it waits; NULL afterwards. It may be taken at any moment: what is
 * read there is true or was, or is zeros. */
const void *ring_waiting(const struct ring *r, uint32_t number);

/* ---- the one thread that empties ---- */

/* The oldest slot, or NULL: empty. Valid, and the same, until ring_pop. */
void *ring_peek(struct ring *r);
/* The slot n behind the oldest, if it was there when ring_peek last looked; NULL otherwise. */
void *ring_peek_behind(struct ring *r, size_t n);
/* Gives back what ring_peek gave. */
void ring_pop(struct ring *r);

/* ---- any thread ---- */

/* How many slots wait; true at some moment during the call when asked by one of the two threads. */
size_t ring_used(const struct ring *r);
