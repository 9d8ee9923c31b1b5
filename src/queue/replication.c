/* SPDX-License-Identifier: Apache-2.0 */
/* See repl_queue.h. Layer: program. */
#include "queue/replication.h"

#include <stdlib.h>

void
repl_queue_init(struct repl_queue *q)
{
	*q = (struct repl_queue){ .in_last = &q->in, .out_last = &q->out };
	pthread_mutex_init(&q->lock, NULL);
}

void
repl_queue_release(struct repl_queue *q)
{
	struct repl_in *in;
	struct repl_order *o;

	while ((in = q->in)) {
		q->in = in->next;
		free(in);
	}
	while ((o = q->out)) {
		q->out = o->next;
		free(o->out.data);
		free(o);
	}
	pthread_mutex_destroy(&q->lock);
}

struct repl_in *
repl_in_new(enum repl_in_kind kind, uint32_t conn, struct ip4 peer, size_t len)
{
	struct repl_in *in = malloc(sizeof(*in) + len);

	if (in)
		*in = (struct repl_in){
			.kind = (uint8_t)kind, .conn = conn, .peer = peer, .len = len
		};
	return in;
}

bool
repl_queue_tell(struct repl_queue *q, struct repl_in *in)
{
	bool first;

	in->next = NULL;
	pthread_mutex_lock(&q->lock);
	first = !q->in;
	*q->in_last = in;
	q->in_last = &in->next;
	pthread_mutex_unlock(&q->lock);
	return first;
}

bool
repl_queue_datagram(struct repl_queue *q)
{
	bool room;

	pthread_mutex_lock(&q->lock);
	room = q->datagrams < REPL_QUEUE_DATAGRAMS;
	q->datagrams += room;
	pthread_mutex_unlock(&q->lock);
	return room;
}

struct repl_in *
repl_queue_take(struct repl_queue *q)
{
	struct repl_in *all;

	pthread_mutex_lock(&q->lock);
	all = q->in;
	q->in = NULL;
	q->in_last = &q->in;
	q->datagrams = 0;
	pthread_mutex_unlock(&q->lock);
	return all;
}

bool
repl_queue_waits(struct repl_queue *q)
{
	bool waits;

	pthread_mutex_lock(&q->lock);
	waits = q->in;
	pthread_mutex_unlock(&q->lock);
	return waits;
}

void
repl_queue_order(struct repl_queue *q, const struct repl_out *out)
{
	struct repl_order *o = malloc(sizeof(*o));

	if (o)
		*o = (struct repl_order){ .out = *out };
	else
		free(out->data);
	pthread_mutex_lock(&q->lock);
	if (o) {
		*q->out_last = o;
		q->out_last = &o->next;
	}
	q->lost |= !o;
	pthread_mutex_unlock(&q->lock);
}

struct repl_order *
repl_queue_orders(struct repl_queue *q, bool *ret_lost)
{
	struct repl_order *all;

	pthread_mutex_lock(&q->lock);
	all = q->out;
	*ret_lost = q->lost;
	q->out = NULL;
	q->out_last = &q->out;
	q->lost = false;
	pthread_mutex_unlock(&q->lock);
	return all;
}
