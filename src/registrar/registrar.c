/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the registrar does, turn by turn: packets, the disk, and all others in between. Layer: program. See
 * registrar.h.
 */
#include "registrar/inside.h"

#include <assert.h>
#include <poll.h>

#include "io/clock.h"
#include "io/wake.h"
#include "queue/repeats.h"

#define BATCH_MAX \
	1024     /* packets a commit: bounds the first one's wait for the last one's decision */
#define GROUP 16 /* packets looked at before the first is decided */
/* The store is tended so often; and while it refuses changes, which it may get over at the next try. */
#define TEND_NS      1000000000
#define TEND_SOON_NS 50000000
/* While packets come without end, all but them has its turn so often: it waits for the disk, packets
 * need not. */
#define OTHERS_NS 10000000
#define GATHER    64     /* packets that are enough for a commit */
#define GATHER_NS 200000 /* a wait for more */

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

bool
registrar_do_work(struct registrar *r)
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

void
registrar_give_up_work(struct registrar *r)
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

/* What is acknowledged rests on a look that is not older: one second, and what a slow machine needs for a turn. */
#define LOOK_NS 900000000

static void
note_news(struct registrar *r, enum store_news news)
{
	struct registrar_store_state *st = &r->store_state;

	pthread_mutex_lock(&r->lock);
	st->snapshot_running = news == STORE_NEWS_SNAPSHOT_STARTED;
	if (news == STORE_NEWS_SNAPSHOT_DONE)
		st->snapshot_done = clock_wall();
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
		[STORE_NEWS_BACKUP_FAILED] = EV_BACKUP_FAILED,
		[STORE_NEWS_LOST] = EV_FOLDER_LOST,
		[STORE_NEWS_FOUND] = EV_FOLDER_FOUND };
	struct store_stats stats;

	if (news == STORE_NEWS_NONE || news == STORE_NEWS_SNAPSHOT_STARTED)
		return;
	store_stats(r->store, &stats);
	teller_say(&r->d->teller, event[news], stats.records, store_last_error(r->store));
}

static void
look_at_folder(struct registrar *r)
{
	if (r->mnow.ns - r->looked.ns < LOOK_NS)
		return;
	r->looked = r->mnow;
	tell_news(r, store_look(r->store));
}

static int64_t
tend_every(const struct registrar *r)
{
	return store_writable(r->store) ? TEND_NS : TEND_SOON_NS;
}

static void
tend(struct registrar *r)
{
	enum store_news news;

	if (r->mnow.ns - r->tended.ns < tend_every(r))
		return;
	r->tended = r->mnow;
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
	if (atomic_exchange(&r->sleep, AWAKE) != AWAKE)
		wake(r->wake);
}

void
registrar_note(struct registrar *r)
{
	int is = SLEEPS;

	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_compare_exchange_strong(&r->sleep, &is, AWAKE))
		wake(r->wake);
}

bool
registrar_rings_wait(const struct registrar *r)
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

	if (registrar_rings_wait(r) || atomic_load(&r->stop) || repl_host_waits(r->repl))
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
	int64_t ms;

	assert(!store_commit_flies(r->store)); /* its end wakes nobody */
	next = earlier(next, (struct mono){ r->tended.ns + tend_every(r) });
	ms = (next.ns - r->mnow.ns + 999999) / 1000000;
	if (ms <= 0)
		return;
	atomic_store(&r->sleep, SLEEPS);
	atomic_thread_fence(memory_order_seq_cst);
	if (!anything_waits(r)) {
		store_reader_offline();
		(void)poll(&p, 1, (int)ms); /* whatever ends it, the loop looks again */
		store_reader_online();
	}
	atomic_store(&r->sleep, AWAKE);
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

/* What the thread waited since it began, but for a constant. */
static int64_t
waited(void)
{
	return clock_mono().ns - clock_thread();
}

void
registrar_settle(struct registrar *r)
{
	bool any = store_staged(r->store) > 0;
	int64_t before = 0;

	if (any) {
		store_commit_await(r->store);
		before = waited();
	}
	(void)wins_commit(r->wins, r->now); /* a failure was told and answered */
	if (any)
		sync_pace_note(&r->disk, waited() - before);
	send_all(r);
}

/* A commit costs much the same whatever is in it: before a small one the workers read what came meanwhile.
 * Not for long, because they may have more to do than can be done. */
static void
gather(struct registrar *r)
{
	const struct timespec most = { .tv_nsec = GATHER_NS };
	struct pollfd p = { .fd = r->wake, .events = POLLIN };

	if (!workers_unread(r->d, GATHER))
		return;
	atomic_store(&r->sleep, DOZES);
	store_reader_offline();
	(void)ppoll(&p, 1, &most, NULL); /* whatever ends it */
	store_reader_online();
	atomic_store(&r->sleep, AWAKE);
	(void)wake_clear(r->wake);
}

/* What was decided is made durable, or is on its way, then true. */
static bool
commit(struct registrar *r)
{
	bool flies;

	if (!sync_pace_slow(&r->disk)) {
		registrar_settle(r);
		return false;
	}
	flies = wins_commit_step(r->wins, r->now);
	send_all(r);
	return flies;
}

/* All but packets: nothing is on its way to the disk then. */
static bool
turn_to_others(struct registrar *r)
{
	bool busy;

	registrar_settle(r);
	busy = repl_host_turn(r->repl, r->mnow, r->now);
	busy |= registrar_do_work(r);
	send_all(r);
	tend(r);
	r->others =
	    clock_mono(); /* not before: where a sync takes longer than that, all turns would be theirs */
	return busy;
}

static void
look_at_clocks(struct registrar *r)
{
	int64_t step;

	r->mnow = clock_mono();
	step = lease_clock_read(&r->clock, clock_real(), r->mnow);
	r->now = lease_clock_wall(&r->clock);
	if (step)
		teller_say(&r->d->teller, EV_CLOCK_SET, (uint64_t)(step < 0 ? -step : step),
		    step < 0 ? "back" : "forward");
}

void
registrar_turn(struct registrar *r)
{
	bool busy;

	way_make(&r->way, r->d);
	gather(r);
	look_at_clocks(r);
	wins_tick(r->wins, r->mnow, r->now);
	busy = take_packets(r) > 0;
	if (!busy && store_commit_flies(r->store)) {
		/* Whoever came meanwhile goes with the next batch, which begins before the answers leave. */
		store_commit_await(r->store);
		look_at_clocks(r); /* a disk can take seconds */
		busy = take_packets(r) > 0;
	}
	look_at_folder(r);
	/* What no packet began is on its way, too: a challenge that got no answer. */
	busy |= commit(r);
	if (!busy || others_wait(r))
		busy |= turn_to_others(r);
	store_reader_quiescent();
	atomic_fetch_add_explicit(&r->beats, 1, memory_order_relaxed);
	if (!busy)
		rest(r);
}
