/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which request of ours is waiting for which reply, and when to ask again. A reply counts only when
 * both the address asked and the random id fit (netbt-name-service.md 8.2 rules 1 and 3).
 * Layer: txn. No socket, no clock: the caller sends, and brings the time along.
 */
#pragma once

#include <bsd/sys/tree.h>

#include "base/heap.h"
#include "base/ip4.h"
#include "base/when.h"

/* How often to ask and how long to wait: interval, doubled after each try. */
struct txn_schedule {
	uint32_t interval_ms;
	uint32_t tries;
};

/* One request, embedded by whoever asks. Fields are read-only for the caller. */
struct txn {
	RB_ENTRY(txn) node;
	struct heap_item timer;
	struct ip4 peer;
	uint16_t id;
	uint8_t asker; /* the caller's own: whose question it is */
	uint32_t tries_left;
	uint32_t wait_ms;
};

RB_HEAD(txn_tree, txn);

struct txn_table {
	struct txn_tree tree;
	struct heap timers;
	uint32_t (*random)(void *arg);
	void *arg;
};

void txn_table_init(struct txn_table *t, uint32_t (*random)(void *arg), void *arg);
void txn_table_release(struct txn_table *t); /* open requests are forgotten, not freed */

/*
 * Opens a request to peer under a random id that no other open request to it has. The caller sends
 * the first packet now. 0; NBT_ELIMIT when no id was free in 64 draws; NBT_ENOMEM.
 */
int txn_open(struct txn_table *t, struct txn *x, struct ip4 peer, const struct txn_schedule *s,
    struct mono now);
void txn_close(struct txn_table *t, struct txn *x); /* also of one that is not open */

/* The open request that a reply from peer with id answers, or NULL. */
struct txn *txn_match(struct txn_table *t, struct ip4 peer, uint16_t id);

/* The next request whose wait is over at now, or NULL. *ret_again: send it once more (the next wait
 * has begun); else it has ended in silence and is closed. */
struct txn *txn_due(struct txn_table *t, struct mono now, bool *ret_again);
struct mono txn_next(const struct txn_table *t);
