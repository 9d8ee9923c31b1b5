/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of struct registrar, shared by the files registrar*.c and nobody else. Layer: program.
 */
#pragma once

#include <stdatomic.h>

#include "base/lease_clock.h"
#include "registrar/registrar.h"
#include "registrar/repl_host.h"
#include "registrar/sync_pace.h"
#include "registrar/yield.h"
#include "winsd/winsd.h"
#include "front/worker.h"

/* What the main loop gave to do, first in, first out, and never more than a bound. Under the lock. */
#define WORK_MAX 256

struct queue {
	struct registrar_work v[WORK_MAX];
	size_t first, n;
};

static inline bool
queue_put(struct queue *q, const struct registrar_work *work)
{
	if (q->n == WORK_MAX)
		return false;
	q->v[(q->first + q->n++) % WORK_MAX] = *work;
	return true;
}

static inline bool
queue_get(struct queue *q, struct registrar_work *ret)
{
	if (!q->n)
		return false;
	*ret = q->v[q->first];
	q->first = (q->first + 1) % WORK_MAX;
	q->n--;
	return true;
}

enum sleep {
	AWAKE,
	DOZES, /* until the workers have read what there is */
	SLEEPS,
};

struct registrar {
	struct winsd *d;
	pthread_t thread;
	int wake;
	atomic_int sleep; /* enum sleep */
	atomic_bool stop;
	atomic_uint_fast64_t beats;

	struct store *store;
	struct wins *wins;
	struct repl_line *repl;
	struct mono mnow;
	struct wall now; /* what the clock says */
	struct lease_clock clock;
	struct mono tended; /* when the store was looked after last */
	struct mono looked; /* when it was seen that a start would find it */
	struct mono others; /* when all but packets had its turn last */
	struct worker_sender *out;
	struct way way;
	struct sync_pace disk;
	struct wins_stats stats; /* of what never comes to the engine */

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t stands;
	int state; /* 1 = not yet, 0 = stands, negative = why not */
	struct queue todo, finished;
	struct registrar_store_state store_state;
	void (*done)(void *arg);
	void *done_arg;
};

/* Once round: packets, what became of them, and others when it is their turn; sleeps when there is nothing. */
void registrar_turn(struct registrar *r);
/* Nothing is on its way to the disk afterwards, and all answers have left. */
void registrar_settle(struct registrar *r);
bool registrar_rings_wait(const struct registrar *r);
/* One step of the first work that waits; unfinished work goes behind the others. False: there is none. */
bool registrar_do_work(struct registrar *r);
/* Nobody can be answered any more; what has not ended is only given back. */
void registrar_give_up_work(struct registrar *r);
