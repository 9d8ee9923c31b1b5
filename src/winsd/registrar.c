/* SPDX-License-Identifier: Apache-2.0 */
/* See registrar.h. Layer: program. */
#include "winsd/registrar.h"

#include <assert.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/wake.h"
#include "winsd/data.h"
#include "winsd/own_node.h"
#include "winsd/registrar_queue.h"
#include "winsd/repl_host.h"
#include "winsd/wait.h"
#include "winsd/way.h"
#include "winsd/winsd.h"
#include "winsd/worker.h"

#define BATCH_MAX \
	1024         /* packets a commit: bounds the first one's wait for the last one's decision */
#define GROUP   16   /* packets looked at before the first is decided */
#define IDLE_MS 1000 /* the store is tended at least so often */
/* While packets come without end, all but them has its turn so often: it waits for the disk, packets
 * need not. */
#define OTHERS_NS 10000000

struct registrar {
	struct winsd *d;
	pthread_t thread;
	int wake;
	atomic_bool sleeping, stop;
	atomic_uint_fast64_t beats;

	struct store *store;
	struct wins *wins;
	struct repl_line *repl;
	struct mono mnow;
	struct wall now;
	struct wall tended;
	struct mono others; /* when all but packets had its turn last */
	struct worker_sender *out;
	struct way way;
	struct wins_stats stats; /* of what never comes to the engine */

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t stands;
	int state; /* 1 = not yet, 0 = stands, negative = why not */
	struct queue todo, finished;
	struct registrar_store_state store_state;
	void (*done)(void *arg);
	void *done_arg;
};

/* ---- work from the main loop ---- */

int
registrar_call(struct registrar *r, const struct registrar_work *work)
{
	bool taken;

	pthread_mutex_lock(&r->lock);
	/* What is finished but not fetched counts too, so that its queue can never be full. */
	taken = r->todo.n + r->finished.n < WORK_MAX - 1 && queue_put(&r->todo, work);
	pthread_mutex_unlock(&r->lock);
	if (!taken)
		return NBT_ELIMIT;
	registrar_wake(r);
	return 0;
}

void
registrar_finish(struct registrar *r)
{
	struct registrar_work work;
	bool got;

	do {
		pthread_mutex_lock(&r->lock);
		got = queue_get(&r->finished, &work);
		pthread_mutex_unlock(&r->lock);
		if (got)
			work.done(work.arg);
	} while (got);
}

/* One step of the first work that waits; unfinished work goes behind the others. */
static bool
do_work(struct registrar *r)
{
	struct registrar_work work;
	bool got, finished;

	pthread_mutex_lock(&r->lock);
	got = queue_get(&r->todo, &work);
	pthread_mutex_unlock(&r->lock);
	if (!got)
		return false;
	finished = work.step(work.arg, r);
	pthread_mutex_lock(&r->lock);
	(void)queue_put(finished ? &r->finished : &r->todo, &work); /* its place is still free */
	pthread_mutex_unlock(&r->lock);
	if (finished)
		r->done(r->done_arg);
	return true;
}

/* Nobody can be answered any more; what has not ended is only given back. */
static void
give_up_work(struct registrar *r)
{
	struct registrar_work work;

	pthread_mutex_lock(&r->lock);
	while (queue_get(&r->todo, &work))
		(void)queue_put(&r->finished, &work); /* there is room, see registrar_call */
	pthread_mutex_unlock(&r->lock);
}

/* ---- packets ---- */

/* Has the memory fetched that the next packets' names need; returns how many they are. */
static size_t
look_ahead(struct registrar *r, struct ring *ring)
{
	const struct worker_packet *p;
	size_t n = 0;

	if (!ring_peek(ring))
		return 0;
	for (; n < GROUP && (p = ring_peek_behind(ring, n)); n++)
		store_fetch(r->store, p->hash);
	for (size_t i = 0; i < n; i++) {
		p = ring_peek_behind(ring, i);
		store_fetch_record(r->store, p->hash);
	}
	return n;
}

static void
take_packet(struct registrar *r, unsigned worker, const struct worker_packet *p)
{
	const uint8_t *data = worker_packet_data(r->d, worker, p);

	if (wait_late(p, data, r->mnow))
		wins_count(&r->stats.n[WS_LATE]);
	else
		wins_in(r->wins, data, p->len, &p->path, r->mnow, r->now);
}

static size_t
take_group(struct registrar *r, unsigned worker)
{
	struct ring *ring = worker_ring(r->d, worker);
	size_t n = look_ahead(r, ring);

	for (size_t i = 0; i < n; i++) {
		const struct worker_packet *p = ring_peek(ring);

		take_packet(r, worker, p);
		worker_taken(r->d, worker, p);
		ring_pop(ring);
	}
	return n;
}

static size_t
take_packets(struct registrar *r)
{
	size_t taken = 0, most = BATCH_MAX / r->d->nworkers;

	for (unsigned i = 0; i < r->d->nworkers; i++) {
		size_t n, sum = 0;

		for (; sum < most && (n = take_group(r, i)) > 0; sum += n)
			;
		taken += sum;
	}
	return taken;
}

static void
send_all(struct registrar *r)
{
	const struct wins_out *out;

	while ((out = wins_out(r->wins)))
		worker_send(r->out, out);
	worker_send_flush(r->out);
}

/* ---- the store's needs ---- */

static void
note_news(struct registrar *r, enum store_news news)
{
	struct registrar_store_state *st = &r->store_state;

	pthread_mutex_lock(&r->lock);
	st->snapshot_running = news == STORE_NEWS_SNAPSHOT_STARTED;
	if (news == STORE_NEWS_SNAPSHOT_DONE)
		st->snapshot_done = r->now;
	if (news == STORE_NEWS_BACKUP_DONE || news == STORE_NEWS_BACKUP_FAILED) {
		st->backups_ended++;
		snprintf(st->backup_error, sizeof(st->backup_error), "%s",
		    news == STORE_NEWS_BACKUP_FAILED ? store_last_error(r->store) : "");
	}
	pthread_mutex_unlock(&r->lock);
}

static void
tell_news(struct registrar *r, enum store_news news)
{
	static const int event[] = { [STORE_NEWS_SNAPSHOT_DONE] = EV_SNAPSHOT_DONE,
		[STORE_NEWS_SNAPSHOT_FAILED] = EV_SNAPSHOT_FAILED,
		[STORE_NEWS_JOURNAL_REOPENED] = EV_JOURNAL_WRITABLE,
		[STORE_NEWS_BACKUP_DONE] = EV_BACKUP_DONE,
		[STORE_NEWS_BACKUP_FAILED] = EV_BACKUP_FAILED };
	struct store_stats stats;

	if (news == STORE_NEWS_NONE || news == STORE_NEWS_SNAPSHOT_STARTED)
		return;
	store_stats(r->store, &stats);
	teller_say(&r->d->teller, event[news], stats.records, store_last_error(r->store));
}

static void
tend(struct registrar *r)
{
	enum store_news news;

	if (r->now.s == r->tended.s)
		return;
	r->tended = r->now;
	while ((news = store_tend(r->store)) != STORE_NEWS_NONE) {
		note_news(r, news);
		tell_news(r, news);
	}
}

/* ---- the loop ---- */

void
registrar_wake(struct registrar *r)
{
	/* What was put into a ring is seen before a sleeper is thought awake; see rest. */
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_exchange(&r->sleeping, false))
		wake(r->wake);
}

static bool
rings_wait(const struct registrar *r)
{
	for (unsigned i = 0; i < r->d->nworkers; i++)
		if (ring_peek(worker_ring(r->d, i)))
			return true;
	return false;
}

static bool
anything_waits(struct registrar *r)
{
	bool waits;

	if (rings_wait(r) || atomic_load(&r->stop) || repl_host_waits(r->repl))
		return true;
	pthread_mutex_lock(&r->lock);
	waits = r->todo.n > 0;
	pthread_mutex_unlock(&r->lock);
	return waits;
}

static struct mono
earlier(struct mono a, struct mono b)
{
	return a.ns < b.ns ? a : b;
}

static void
rest(struct registrar *r)
{
	struct mono next =
	    earlier(wins_next(r->wins, r->mnow, r->now), repl_host_next(r->repl, r->mnow, r->now));
	struct pollfd p = { .fd = r->wake, .events = POLLIN };
	int64_t ms = (next.ns - r->mnow.ns + 999999) / 1000000;

	assert(!store_commit_flies(r->store)); /* its end wakes nobody */
	if (next.ns == MONO_NEVER.ns || ms > IDLE_MS)
		ms = IDLE_MS;
	if (ms <= 0)
		return;
	atomic_store(&r->sleeping, true);
	atomic_thread_fence(memory_order_seq_cst);
	if (!anything_waits(r)) {
		store_reader_offline();
		(void)poll(&p, 1, (int)ms); /* whatever ends it, the loop looks again */
		store_reader_online();
	}
	atomic_store(&r->sleeping, false);
	(void)wake_clear(r->wake);
}

/* Has anything but packets and their answers been waiting long enough? */
static bool
others_wait(struct registrar *r)
{
	bool waits;

	if (r->mnow.ns - r->others.ns >= OTHERS_NS || repl_host_waits(r->repl))
		return true;
	pthread_mutex_lock(&r->lock);
	waits = r->todo.n > 0;
	pthread_mutex_unlock(&r->lock);
	return waits;
}

static void
settle(struct registrar *r)
{
	(void)wins_commit(r->wins, r->now); /* a failure was told and answered */
	send_all(r);
}

/* All but packets: nothing is on its way to the disk then. */
static bool
turn_to_others(struct registrar *r)
{
	bool busy;

	settle(r);
	busy = repl_host_turn(r->repl, r->mnow, r->now);
	busy |= do_work(r);
	send_all(r);
	tend(r);
	r->others =
	    clock_mono(); /* not before: where a sync takes longer than that, all turns would be theirs */
	return busy;
}

static void
look_at_clocks(struct registrar *r)
{
	r->mnow = clock_mono();
	r->now = clock_wall();
}

static void
turn(struct registrar *r)
{
	bool busy;

	way_make(&r->way, r->d);
	look_at_clocks(r);
	wins_tick(r->wins, r->mnow, r->now);
	busy = take_packets(r) > 0;
	if (!busy && store_commit_flies(r->store)) {
		/* Whoever came meanwhile goes with the next batch, which begins before the answers leave. */
		store_commit_await(r->store);
		look_at_clocks(r); /* a disk can take seconds */
		busy = take_packets(r) > 0;
	}
	/* What no packet began is on its way, too: a challenge that got no answer. */
	busy |= wins_commit_step(r->wins, r->now);
	send_all(r);
	if (!busy || others_wait(r))
		busy |= turn_to_others(r);
	store_reader_quiescent();
	atomic_fetch_add_explicit(&r->beats, 1, memory_order_relaxed);
	if (!busy)
		rest(r);
}

/* ---- life ---- */

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
	r->now = clock_wall();
	err = wins_new(&conf, r->store, &host, r->now, &r->wins);
	if (err)
		return err;
	r->d->store = r->store;
	r->d->wins = r->wins;
	repl = (struct repl_host_opts){ r->d, r->d->repl_tcp, r->store, r->wins, fresh };
	return repl_host_new(&repl, clock_mono(), r->now, &r->repl);
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
		turn(r);
	/* The workers have ended: what they left in the rings is still answered. */
	while (!err && rings_wait(r))
		turn(r);
	if (!err)
		settle(r);
	for (int i = 0; !err && i < WORK_MAX && do_work(r); i++)
		continue; /* what changes something is one step; nobody waits for the rest */
	give_up_work(r);
	repl_host_free(r->repl, clock_mono(), clock_wall());
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
