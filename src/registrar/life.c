/* SPDX-License-Identifier: Apache-2.0 */
/* The registrar's thread from start to end, and what others ask of it. Layer: program. See registrar.h. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/wake.h"
#include "registrar/data_folder.h"
#include "ownnode/own_node.h"
#include "registrar/inside.h"

static uint32_t
draw(void *arg)
{
	(void)arg;
	return arc4random();
}

static void
engine_event(void *arg, const struct event *ev)
{
	teller_tell(&((struct registrar *)arg)->d->teller, ev);
}

static unsigned
engine_held(void *arg, const struct nb_key *key, struct ip4 ret[REC_ADDR_MAX], bool *ret_defended)
{
	return own_node_held(((struct registrar *)arg)->d->node, key, ret, ret_defended);
}

static int
set_up(struct registrar *r)
{
	const struct wins_host host = { .arg = r,
		.random = draw,
		.event = engine_event,
		.held = r->d->node ? engine_held : NULL };
	struct repl_host_opts repl;
	struct wins_conf conf;
	bool fresh;
	const struct store_opts opts = { .flights = true };
	int err = data_open(r->d, &opts, &r->store, &fresh);

	if (err)
		return err;
	conf = winsd_wins_conf(r->d, &r->d->conf);
	r->mnow = clock_mono();
	lease_clock_start(&r->clock, (struct wall){ 0 }, clock_real(), r->mnow);
	r->now = lease_clock_wall(&r->clock);
	err = wins_new(&conf, r->store, &host, r->now, &r->wins);
	if (err)
		return err;
	r->d->store = r->store;
	r->d->wins = r->wins;
	repl = (struct repl_host_opts){ r->d, r->d->repl_tcp, r->store, r->wins, fresh };
	return repl_host_new(&repl, r->mnow, r->now, &r->repl);
}

static void
announce(struct registrar *r, int state)
{
	pthread_mutex_lock(&r->lock);
	r->state = state;
	pthread_cond_signal(&r->stands);
	pthread_mutex_unlock(&r->lock);
}

static void *
run(void *arg)
{
	struct registrar *r = arg;
	int err;

	pthread_setname_np(pthread_self(), "registrar");
	store_reader_register();
	err = set_up(r);
	announce(r, err);
	while (!err && !atomic_load(&r->stop))
		registrar_turn(r);
	/* The workers have ended: what they left in the rings is still answered. */
	while (!err && registrar_rings_wait(r))
		registrar_turn(r);
	if (!err)
		registrar_settle(r);
	for (int i = 0; !err && i < WORK_MAX && registrar_do_work(r); i++)
		continue; /* what changes something is one step; nobody waits for the rest */
	registrar_give_up_work(r);
	repl_host_free(r->repl, clock_mono(), r->now);
	wins_free(r->wins);
	store_leave(r->store);
	store_reader_unregister();
	return NULL;
}

static void
registrar_free(struct registrar *r)
{
	if (r->wake >= 0)
		close(r->wake);
	worker_sender_free(r->out);
	pthread_cond_destroy(&r->stands);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

int
registrar_start(struct winsd *d, void (*done)(void *arg), void *done_arg, struct registrar **ret)
{
	struct registrar *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return NBT_ENOMEM;
	r->d = d;
	r->done = done;
	r->done_arg = done_arg;
	r->state = 1;
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->stands, NULL);
	r->wake = -1;
	if (wake_open(&r->wake) || worker_sender_new(d, &r->out) ||
	    pthread_create(&r->thread, NULL, run, r)) {
		registrar_free(r);
		return NBT_ENOMEM;
	}
	pthread_mutex_lock(&r->lock);
	while (r->state > 0)
		pthread_cond_wait(&r->stands, &r->lock);
	err = r->state;
	pthread_mutex_unlock(&r->lock);
	if (err)
		registrar_stop(r);
	else
		*ret = r;
	return err;
}

void
registrar_stop(struct registrar *r)
{
	if (!r)
		return;
	atomic_store(&r->stop, true);
	registrar_wake(r);
	pthread_join(r->thread, NULL);
	registrar_finish(r);
	registrar_free(r);
}

/* ---- for others ---- */

struct wins *
registrar_wins(struct registrar *r)
{
	return r->wins;
}

struct store *
registrar_store(struct registrar *r)
{
	return r->store;
}

struct repl_line *
registrar_repl(struct registrar *r)
{
	return r->repl;
}

struct mono
registrar_mono(const struct registrar *r)
{
	return r->mnow;
}

struct wall
registrar_now(const struct registrar *r)
{
	return r->now;
}

uint64_t
registrar_beats(const struct registrar *r)
{
	return atomic_load_explicit(&r->beats, memory_order_relaxed);
}

void
registrar_stats(struct registrar *r, struct wins_stats *ret)
{
	memset(ret, 0, sizeof(*ret));
	wins_stats_sum(ret, wins_registrar_stats(r->wins));
	wins_stats_sum(ret, &r->stats);
	for (unsigned i = 0; i < r->d->nworkers; i++)
		wins_stats_sum(ret, worker_stats(r->d, i));
	if (r->d->tcp_stats)
		wins_stats_sum(ret, r->d->tcp_stats);
}

void
registrar_store_state(struct registrar *r, struct registrar_store_state *ret)
{
	pthread_mutex_lock(&r->lock);
	*ret = r->store_state;
	pthread_mutex_unlock(&r->lock);
}
