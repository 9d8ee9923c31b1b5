/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two queues between the main loop, which has the sockets of replication, and the registrar's thread,
 * which has the engine. One lock guards both; each side takes a whole queue at once and works it off
 * without the lock. Layer: program. What may be in them is bounded by those who fill them.
 */
#pragma once

#include <pthread.h>

#include "repl/repl.h"

#define REPL_QUEUE_DATAGRAMS 64 /* announcements that the registrar has not taken */

/* ---- main loop to registrar ---- */

enum repl_in_kind {
	REPL_IN_ACCEPTED,
	REPL_IN_CONNECTED, /* err: 0, or it is gone */
	REPL_IN_DATA,
	REPL_IN_SENT, /* len */
	REPL_IN_CLOSED,
	REPL_IN_DISCOVERED, /* data from peer */
	REPL_IN_CLOCK,      /* ms, of peer */
};
struct repl_in {
	struct repl_in *next;
	uint8_t kind; /* enum repl_in_kind */
	uint32_t conn;
	struct ip4 peer;
	int err; /* enum nbt_err */
	int64_t ms;
	size_t len;
	uint8_t data[];
};

/* ---- registrar to main loop ---- */

enum { REPL_DO_TAKEN = 100 }; /* beside enum repl_do: len bytes of conn were made use of */
struct repl_order {
	struct repl_order *next;
	struct repl_out out;
};

struct repl_queue {
	pthread_mutex_t lock; /* of what follows */
	struct repl_in *in, **in_last;
	unsigned datagrams;
	struct repl_order *out, **out_last;
	bool lost; /* an order could not be kept */
};

void repl_queue_init(struct repl_queue *q);
/* Frees what nobody took. */
void repl_queue_release(struct repl_queue *q);

/* For malloc(sizeof(struct repl_in) + len) and free; len: of its data. NULL without memory. */
struct repl_in *repl_in_new(enum repl_in_kind kind, uint32_t conn, struct ip4 peer, size_t len);
/* Takes in. True: nothing was there before, so that whoever takes must be woken. */
bool repl_queue_tell(struct repl_queue *q, struct repl_in *in);
/* Counts an announcement that is about to be told. False: there are enough. */
bool repl_queue_datagram(struct repl_queue *q);
/* All that was told since the last time, in order, each to be freed; NULL: nothing. */
struct repl_in *repl_queue_take(struct repl_queue *q);
bool repl_queue_waits(struct repl_queue *q);

/* Takes out->data. Without memory it is lost, and repl_queue_orders says so. */
void repl_queue_order(struct repl_queue *q, const struct repl_out *out);
/* All orders since the last time, in order, each to be freed. */
struct repl_order *repl_queue_orders(struct repl_queue *q, bool *ret_lost);
