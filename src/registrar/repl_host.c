/* SPDX-License-Identifier: Apache-2.0 */
/* See repl_host.h. Layer: program. */
#include "registrar/repl_host.h"

#include <inttypes.h>
#include <stdlib.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "io/clock.h"
#include "registrar/repl_conf.h"
#include "registrar/pace.h"
#include "front/worker.h"

#define BUCKETS 64

/* A connection and what came over it that the engine has not taken: bytes, and at last its end. */
struct feed {
	struct feed *next, **prev;
	uint32_t number;
	struct repl_in *first, **last;
};

struct repl_line {
	struct repl *repl;
	struct repl_tcp *tcp;
	struct winsd *d;
	struct feed *bucket[BUCKETS];
	unsigned waiting; /* entries of all feeds */
	struct repl_pace pace;
	bool more; /* the last step left something to do at once */
};

/* ---- the engine's wishes ---- */

static void
give(struct repl_line *l)
{
	struct repl_out out;

	while (repl_out(l->repl, &out))
		repl_tcp_do(l->tcp, &out);
}

static struct feed *
find(struct repl_line *l, uint32_t number)
{
	struct feed *f = l->bucket[number % BUCKETS];

	while (f && f->number != number)
		f = f->next;
	return f;
}

static void
forget_first(struct repl_line *l, struct feed *f)
{
	struct repl_in *in = f->first;

	f->first = in->next;
	if (!f->first)
		f->last = &f->first;
	l->waiting--;
	free(in);
}

static void
feed_free(struct repl_line *l, struct feed *f)
{
	while (f->first)
		forget_first(l, f);
	*f->prev = f->next;
	if (f->next)
		f->next->prev = f->prev;
	free(f);
}

static bool
feed_new(struct repl_line *l, uint32_t number)
{
	struct feed *f = calloc(1, sizeof(*f)), **first = &l->bucket[number % BUCKETS];

	if (!f)
		return false;
	f->number = number;
	f->last = &f->first;
	f->next = *first;
	f->prev = first;
	if (f->next)
		f->next->prev = &f->next;
	*first = f;
	return true;
}

static void
drop_conn(struct repl_line *l, uint32_t number)
{
	repl_tcp_do(l->tcp, &(struct repl_out){ .what = REPL_CLOSE, .conn = number });
}

/* ---- what came ---- */

static void
accepted(struct repl_line *l, const struct repl_in *in, struct mono mnow, struct wall now)
{
	if (!feed_new(l, in->conn)) {
		drop_conn(l, in->conn);
		return;
	}
	if (repl_accepted(l->repl, in->conn, in->peer, mnow, now))
		return;
	feed_free(l, find(l, in->conn));
	drop_conn(l, in->conn);
}

static void
connected(struct repl_line *l, const struct repl_in *in, struct mono mnow, struct wall now)
{
	int err = in->err;

	if (!err && !feed_new(l, in->conn)) {
		drop_conn(l, in->conn);
		err = NBT_ENOMEM;
	}
	repl_connected(l->repl, in->conn, err, mnow, now);
}

/* Bytes and the end of a connection wait behind what came before. */
static bool
queue(struct repl_line *l, struct repl_in *in)
{
	struct feed *f = find(l, in->conn);

	if (!f)
		return false; /* refused, or never known to the engine */
	in->next = NULL;
	*f->last = in;
	f->last = &in->next;
	l->waiting++;
	return true;
}

static void
take(struct repl_line *l, struct repl_in *in, struct mono mnow, struct wall now)
{
	switch (in->kind) {
	case REPL_IN_ACCEPTED:
		accepted(l, in, mnow, now);
		break;
	case REPL_IN_CONNECTED:
		connected(l, in, mnow, now);
		break;
	case REPL_IN_DATA:
	case REPL_IN_CLOSED:
		if (queue(l, in))
			return;
		break;
	case REPL_IN_SENT:
		if (find(l, in->conn))
			repl_sent(l->repl, in->conn, in->len, mnow);
		break;
	case REPL_IN_DISCOVERED:
		repl_discovered(l->repl, in->data, in->len, in->peer, mnow, now);
		break;
	case REPL_IN_CLOCK:
		repl_clock(l->repl, in->peer, in->ms, now);
		break;
	}
	free(in);
}

/* The engine takes bytes as long as it reads. The end of a connection waits until it has worked them off,
 * but not when it cannot: an answer that has no way to leave must not keep the connection. */
static void
pump(struct repl_line *l, struct feed *f, struct mono mnow, struct wall now)
{
	struct repl_in *end = NULL;

	while (f->first && f->first->kind == REPL_IN_DATA && repl_reads(l->repl, f->number)) {
		(void)repl_data(l->repl, f->number, f->first->data, f->first->len, mnow,
		    now); /* repl_reads is asked before the next */
		repl_tcp_taken(l->tcp, f->number, f->first->len);
		forget_first(l, f);
		l->more = true; /* it may be a message now */
	}
	for (struct repl_in *in = f->first; in; in = in->next)
		if (in->kind == REPL_IN_CLOSED)
			end = in;
	if (!end || (l->more && (f->first != end || !repl_reads(l->repl, f->number))))
		return;
	repl_closed(l->repl, f->number, mnow, now);
	feed_free(l, f);
}

static void
pump_all(struct repl_line *l, struct mono mnow, struct wall now)
{
	for (int i = 0; l->waiting && i < BUCKETS; i++)
		for (struct feed *f = l->bucket[i], *next; f; f = next) {
			next = f->next;
			if (f->first)
				pump(l, f, mnow, now);
		}
}

/* ---- turns ---- */

/* A step, when it is time for one. */
static bool
step(struct repl_line *l, struct mono mnow, struct wall now)
{
	int64_t before;

	if (mnow.ns < l->pace.not_before.ns)
		return false;
	before = clock_thread();
	l->more = repl_step(l->repl, mnow, now);
	if (repl_pace_used(&l->pace, clock_thread() - before))
		repl_pace_look(&l->pace, workers_waited(l->d), clock_mono());
	return l->more;
}

bool
repl_host_turn(struct repl_line *l, struct mono mnow, struct wall now)
{
	struct repl_in *in, *next;
	bool busy;

	for (in = repl_tcp_take(l->tcp); in; in = next) {
		next = in->next;
		take(l, in, mnow, now);
	}
	pump_all(l, mnow, now);
	if (repl_next(l->repl, mnow, now).ns <= mnow.ns)
		repl_tick(l->repl, mnow, now);
	busy = step(l, mnow, now);
	pump_all(l, mnow, now); /* what the step worked off makes room */
	give(l);
	return busy;
}

struct mono
repl_host_next(const struct repl_line *l, struct mono mnow, struct wall now)
{
	struct mono next = repl_next(l->repl, mnow, now);

	return l->more && l->pace.not_before.ns < next.ns ? l->pace.not_before : next;
}

bool
repl_host_waits(const struct repl_line *l)
{
	return repl_tcp_waits(l->tcp);
}

/* ---- life ---- */

static uint32_t
draw(void *arg)
{
	(void)arg;
	return arc4random();
}

static void
event(void *arg, const struct event *ev)
{
	teller_tell(&((struct repl_line *)arg)->d->teller, ev);
}

int
repl_host_new(
    const struct repl_host_opts *opts, struct mono mnow, struct wall now, struct repl_line **ret)
{
	struct repl_line *l = calloc(1, sizeof(*l));
	const struct repl_host host = { .arg = l, .random = draw, .event = event };
	struct winsd *d = opts->d;
	struct repl_conf conf;
	int err;

	if (!l)
		return NBT_ENOMEM;
	l->d = d;
	l->tcp = opts->tcp;
	l->pace.share = (unsigned)d->conf.replication_share;
	repl_conf_of(&d->conf, d->self, d->nself, d->server_address, &conf);
	err = repl_new(&conf, opts->store, opts->wins, &host, opts->fresh, mnow, now, &l->repl);
	if (err) {
		free(l);
		return err;
	}
	*ret = l;
	return 0;
}

void
repl_host_free(struct repl_line *l, struct mono mnow, struct wall now)
{
	if (!l)
		return;
	repl_end(l->repl, mnow, now);
	give(l);
	repl_free(l->repl);
	for (int i = 0; i < BUCKETS; i++)
		while (l->bucket[i])
			feed_free(l, l->bucket[i]);
	free(l);
}

void
repl_host_reconf(struct repl_line *l, const struct repl_conf *conf, unsigned share,
    struct mono mnow, struct wall now)
{
	l->pace.share = share;
	repl_reconf(l->repl, conf, mnow, now);
	give(l);
}

struct repl *
repl_host_engine(struct repl_line *l)
{
	return l->repl;
}
