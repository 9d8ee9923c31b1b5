/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What waits in a worker's queue when the queue is long: whether the same request of the same client is there
 * already, for a client that got no answer sends it again; and whether a client still waits for the answer.
 * Layer: program; pure but for its memory. Why: doc/design/stress.md.
 */
#pragma once

#include "io/ring.h"
#include "front/worker.h"

/* Fewer are one or two batches of the registrar: nobody repeats that soon. */
#define WAIT_DEEP 1024
/* A client asks three times, 1.5 seconds apart (netbt 2.2), and is gone half a second after this. */
#define WAIT_PATIENCE_MS 4000

/* ---- the filler of the queue ---- */

/* Numbers of places, by hash of what is in them. */
struct wait;

int wait_new(size_t places, struct wait **ret); /* NBT_ENOMEM */
void wait_free(struct wait *w);                 /* accepts NULL */
/* Does this packet, which is not in the queue, wait there already? True: surely; not for long ones. */
bool wait_same(const struct wait *w, const struct ring *ring, const struct worker_packet *p);
/* It is there, at this number. */
void wait_note(struct wait *w, const struct worker_packet *p, uint32_t number);

/* ---- the emptier ---- */

/* Its client has given up: a registration or a refresh that nobody is answered for any more. */
bool wait_late(const struct worker_packet *p, const uint8_t *data, struct mono now);
