/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of one packet that a worker received: answered, handed to the registrar or to the own
 * node, put off, or dropped and counted. Layer: program.
 */
#include <stdio.h>
#include <string.h>

#include "io/clock.h"
#include "ownnode/own_node.h"
#include "front/worker_inside.h"

#define BAD_TOLD_S 10 /* seconds between two words about damaged packets */

/* ---- what the registrar takes ---- */

static void
put_off(struct worker *w, int event, const struct udp_packet *p, uint64_t number)
{
	struct event ev = { .id = (uint16_t)event, .peer = p->peer, .number = number };
	uint32_t now = clock_wall().s;

	wins_count(&w->stats.drop[NB_DROP_OVERLOAD]);
	if (now != w->full_told) /* once a second is enough for the event's own limit to count */
		teller_tell(&w->d->teller, &ev);
	w->full_told = now;
}

static bool
fair(const struct worker *w)
{
	return atomic_load_explicit(&w->d->live.fair_shares, memory_order_relaxed);
}

/* Has this client as many of so many places of the queue as it may? */
static bool
exceeds_share(const struct worker *w, const struct udp_packet *p, size_t size)
{
	return fair(w) && share_exceeded(&w->share, p->peer, ring_used(w->ring), size);
}

/* Likewise, of the places for long packets, if it needs one. */
static bool
exceeds_long_share(const struct worker *w, const struct udp_packet *p)
{
	return p->len > WORKER_PLACE_MAX && fair(w) &&
	       share_exceeded(&w->long_share, p->peer, ring_used(w->long_ring), WORKER_LONG);
}

/* Reading is four times cheaper than answering: while the receive buffer fills, what comes is put where it
 * is safe, and is stored in the end, as long as half of the queue is free. */
static bool
better_queued(const struct worker *w, size_t waiting)
{
	return atomic_load_explicit(&w->pressed, memory_order_relaxed) &&
	       waiting < w->d->conf.queue_max / 2;
}

/* Burst handling (wins 2.11): the length of the answer when the packet gets it here. Who has his share of
 * the queue up to where it begins gets such answers already: he shall not be the reason that others do. */
static size_t
burst(struct worker *w, const struct udp_packet *p, uint8_t out[static NB_UDP_MAX])
{
	size_t waiting = ring_used(w->ring), len;
	size_t most = atomic_load_explicit(&w->d->live.burst_queue, memory_order_relaxed);

	if (!atomic_load_explicit(&w->d->live.burst_handling, memory_order_relaxed) ||
	    (waiting < most && !exceeds_share(w, p, most))) {
		if (w->bursting && waiting == 0) {
			teller_say(&w->d->teller, EV_BURST_ENDED, w->burst.answered, "");
			w->bursting = false;
			w->burst.answered = 0;
		}
		return 0;
	}
	if (better_queued(w, waiting))
		return 0;
	len = wins_burst_answer(&w->burst, &w->stats, p->data, p->len, out);
	if (!len)
		return 0;
	if (!w->bursting)
		teller_say(&w->d->teller, EV_BURST_BEGAN, waiting, "");
	w->bursting = true;
	return len;
}

static void
fill(struct worker *w, struct worker_packet *slot, const struct worker_item *it, unsigned socket)
{
	const struct udp_packet *p = &it->p;
	void *place = p->len > WORKER_PLACE_MAX ? ring_room(w->long_ring) : slot->data;

	slot->path = (struct wins_path){
		.peer = p->peer, .local = p->local, .port = p->port, .socket = (uint16_t)socket
	};
	slot->hash = it->read.hash;
	slot->len = p->len;
	memcpy(place, p->data, p->len);
}

/* The place is filled: now it waits. */
static void
put(struct worker *w, const struct worker_packet *slot, bool deep)
{
	uint32_t number;

	share_in(&w->share, slot->path.peer);
	if (slot->len > WORKER_PLACE_MAX) {
		share_in(&w->long_share, slot->path.peer);
		(void)ring_push(w->long_ring);
	}
	number = ring_push(w->ring);
	if (deep)
		wait_note(w->waiting, slot, number);
}

/* NULL: the queue is full. */
static struct worker_packet *
place_for(struct worker *w, const struct udp_packet *p)
{
	if (ring_used(w->ring) >= w->d->conf.queue_max)
		return NULL;
	return p->len > WORKER_PLACE_MAX && !ring_room(w->long_ring) ? NULL : ring_room(w->ring);
}

static void
hand_over(struct worker *w, struct worker_batch *b, const struct worker_item *it)
{
	const struct udp_packet *p = &it->p;
	bool deep = ring_used(w->ring) >= WAIT_DEEP;
	struct worker_packet *slot;

	if (p->len > WORKER_PACKET_MAX) {
		wins_count(&w->stats.drop[NB_DROP_LONG]);
		return;
	}
	if (exceeds_share(w, p, w->d->conf.queue_max) || exceeds_long_share(w, p)) {
		wins_count(&w->stats.n[WS_OVER_SHARE]);
		put_off(w, EV_QUEUE_SHARE, p, share_of(&w->share, p->peer));
		return;
	}
	slot = place_for(w, p);
	if (!slot) {
		put_off(w, EV_QUEUE_FULL, p, ring_used(w->ring));
		return;
	}
	fill(w, slot, it, b->socket);
	if (deep && wait_same(w->waiting, w->ring, slot)) {
		wins_count(&w->stats.n[WS_SAME]);
		return;
	}
	if (!b->to_registrar)
		b->now = clock_mono();
	b->to_registrar = true;
	slot->since = b->now;
	put(w, slot, deep);
}

/* ---- one packet ---- */

/* Counted by wins_answer already; a person is told now and then, with how many there were. */
static void
note_damaged(struct worker *w, enum nb_drop drop, const struct udp_packet *p)
{
	struct event ev = { .id = drop == NB_DROP_OPCODE ? EV_INVALID_OPCODE : EV_PACKET_FLOOD,
		.peer = p->peer };
	uint32_t now = clock_wall().s;

	if (drop == NB_DROP_BROADCAST || drop == NB_DROP_NOT_FOR_US)
		return;
	w->bad++;
	if (now - w->bad_told < BAD_TOLD_S)
		return;
	ev.number = drop == NB_DROP_OPCODE && p->len > 2 ? p->data[2] >> 3 & 15 : w->bad;
	snprintf(ev.text, sizeof(ev.text), "%s", nb_drop_text(drop));
	teller_tell(&w->d->teller, &ev);
	w->bad_told = now;
	w->bad = 0;
}

/* To the own node. The kernel gives every socket its copy of a broadcast; one of them goes on. */
static void
hand_to_node(struct worker *w, struct worker_batch *b, const struct udp_packet *p)
{
	if (p->broadcast && w->index > 0)
		return;
	if (own_node_put(w->d->node, w->index, p))
		b->to_node = true;
	else
		wins_count(&w->stats.drop[NB_DROP_OVERLOAD]);
}

size_t
worker_handle(struct worker *w, struct worker_batch *b, struct worker_item *it,
    uint8_t out[static NB_UDP_MAX])
{
	const struct udp_packet *p = &it->p;
	enum dispatch where = DISPATCH_WINS;
	size_t len;

	if (w->d->node)
		where = dispatch(p->data, p->len, p->broadcast, b->names);
	if (where != DISPATCH_WINS)
		hand_to_node(w, b, p);
	if (where == DISPATCH_NODE)
		return 0;
	/* Sent to everybody, whatever its B bit says: not for a name server (netbt 8.3 rule 1). The
	 * kernel gives every socket its copy; one of them is counted. */
	if (p->broadcast) {
		if (w->index == 0)
			wins_count(&w->stats.drop[NB_DROP_BROADCAST]);
		return 0;
	}
	len = wins_answer(w->d->store, b->view, &w->stats, &it->read, out);
	if (len)
		return len;
	if (it->read.drop != NB_DROP_NONE) {
		note_damaged(w, it->read.drop, p);
		return 0;
	}
	len = burst(w, p, out);
	if (!len)
		hand_over(w, b, it);
	return len;
}
