/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server of the simulation: its disk, its life, its turn. A turn does what winsd's registrar does: time,
 * a few pieces of replication, the commit, then what may leave. See mesh_world.h.
 */
#include "store_crashfs.h"

#include "mesh_world.h"

#define STEPS_MAX   6
#define TEND_MS     (20 * MINUTE)
#define JOURNAL_MAX (1u << 20)

static void turn(struct mesh *m, struct ev *ev);

static uint32_t
server_random(void *arg)
{
	struct mserver *s = arg;

	return (uint32_t)(mesh_mix(&s->random) >> 32);
}

static void
server_event(void *arg, const struct event *ev)
{
	struct mserver *s = arg;
	char text[EVENT_STRLEN];

	mesh_hash(s->m, &ev->id, sizeof(ev->id));
	/* It serves though it may give versions that somebody has seen, as it says. */
	if (ev->id == EV_VERSIONS_UNSURE)
		s->unsure = true;
	mesh_trace(s->m, "server %u: %s", s->id, event_print(ev, text));
}

struct wall
server_wall(const struct mserver *s)
{
	return (struct wall){ (uint32_t)(1700000000 + s->m->now.ns / 1000000000 + s->skew) };
}

/* ---- life ---- */

static struct wins_conf
wins_conf_of(const struct mserver *s)
{
	return (struct wins_conf){ .intervals = { .renewal = s->m->plan.renewal,
				       .extinction = s->m->plan.renewal },
		.chl_interval_ms = 500,
		.chl_tries = 3,
		.challenges_max = 1000,
		.names_max = 100000,
		.scavenge_slice = 100,
		.propagate_releases = true,
		.prepend_1b = true,
		.verify_replicas = true,
		.settle_conflicts = s->m->plan.contested,
		.doctor_max = 100,
		.server = SERVER_IP(s->id),
		.nself = 1,
		.self = { SERVER_IP(s->id) } };
}

static void
repl_conf_of(const struct mserver *s, struct repl_conf *ret)
{
	const struct mesh *m = s->m;

	*ret = (struct repl_conf){ .self = SERVER_IP(s->id),
		.nself = 1,
		.own = { SERVER_IP(s->id) },
		/* In a mesh all are partners; else those who are none must be able to ask an owner
		 * what it has (3.10), or what it dropped stays where only others told of it. */
		.only_partners = m->plan.graph == GRAPH_MESH,
		.pull_at_start = true,
		.push_at_start = s->id % 2 == 0,
		.push_on_address_change = m->plan.push_on_address,
		.propagate = true,
		.retry_count = 3,
		.retry_interval = 10,
		.message_timeout = 60,
		.idle_timeout = 120,
		.connections_max = 256,
		.range_max = 30000,
		.reply_memory = 16u << 20,
		.pause = s->paused_start ? REPL_PAUSE_ALWAYS : REPL_PAUSE_AUTO,
		.pause_max = 3600,
		.check_start = UINT32_MAX,
		.check_records_max = 30000,
		.discover_interval = 2400,
		.skew_limit = 60 };
	for (unsigned i = 0; i < m->nservers; i++)
		if (m->partner[s->id][i])
			ret->partner[ret->npartners++] =
			    (struct repl_partner_conf){ .address = SERVER_IP(i),
				    .pull = true,
				    .push = true,
				    .persistent = m->plan.persistent,
				    .pull_interval = m->plan.pull_interval,
				    .pull_start = UINT32_MAX,
				    .update_count = m->plan.update_count };
}

/* What was committed when it crashed must be there. */
static void
compare_kept(struct mesh *m, struct mserver *s)
{
	char key[NB_KEY_STRLEN];
	struct rec r;

	for (size_t i = 0; s->has_kept && i < s->nkept; i++) {
		memset(&r, 0, sizeof(r));
		if (!store_get(s->store, &s->kept[i].key, &r) || memcmp(&r, &s->kept[i], sizeof(r)))
			mesh_fault(m, "server %u lost what was durable of %s", s->id,
			    nb_key_print(&s->kept[i].key, key));
	}
	if (s->has_kept && store_records(s->store) != s->nkept)
		mesh_fault(m, "server %u has records that were deleted", s->id);
	free(s->kept);
	s->kept = NULL;
	s->has_kept = false;
	s->nkept = 0;
}

static void
open_engines(struct mesh *m, struct mserver *s)
{
	const struct wins_conf wins = wins_conf_of(s);
	const struct wins_host wins_host = { s, server_random, server_event, NULL };
	const struct repl_host repl_host = { s, server_random, server_event };
	struct store_opts opts = { .journal_max = JOURNAL_MAX, .vfs = crashfs_vfs(s->fs) };
	struct store_report report;
	struct repl_conf *repl = malloc(sizeof(*repl));
	bool fresh;

	mesh_must(repl, "memory");
	if (store_open(&opts, &s->store, &report)) {
		printf("# server %u does not start: %s\n", s->id, report.sentence);
		mesh_must(false, "a store does not open after a crash");
	}
	fresh = !store_records(s->store) && store_next_version(s->store).v == 1;
	repl_conf_of(s, repl);
	mesh_must(!wins_new(&wins, s->store, &wins_host, server_wall(s), &s->wins), "wins_new");
	mesh_must(
	    !repl_new(repl, s->store, s->wins, &repl_host, fresh, m->now, server_wall(s), &s->repl),
	    "repl_new");
	free(repl);
}

void
server_start(struct mesh *m, struct mserver *s, enum disk disk)
{
	struct crashfs *old = s->fs;
	struct repl_stats stats;

	mesh_must(!s->up, "it runs");
	mesh_trace(m, "server %u starts, disk %d", s->id, disk);
	if (disk == DISK_BACKUP && !s->backup)
		disk = DISK_EMPTY;
	/* Who restored it waits till it has heard its partners, also when it crashes before. */
	s->paused_start = disk == DISK_BACKUP || (disk == DISK_AS_IT_IS && s->paused_start);
	if (disk == DISK_EMPTY)
		s->fs = crashfs_new(mesh_mix(&s->random));
	else
		s->fs = crashfs_after_loss(
		    disk == DISK_BACKUP ? s->backup : old, FS_RANDOM, mesh_mix(&s->random));
	if (old)
		crashfs_free(old);
	if (disk != DISK_AS_IT_IS) {
		s->lost = m->now;
		free(s->kept);
		s->kept = NULL;
		s->has_kept = false;
	}
	s->life++;
	s->up = true;
	open_engines(m, s);
	compare_kept(m, s);
	s->seen_next = store_next_version(s->store).v;
	repl_stats(s->repl, &stats);
	if (disk == DISK_AS_IT_IS && s->seen_next <= s->exposed && !stats.paused)
		mesh_fault(m, "server %u would give a version again", s->id);
	s->tended = m->now;
	server_poke(m, s);
}

void
server_init(struct mesh *m, unsigned id)
{
	struct mserver *s = &m->server[id];
	int64_t max = m->plan.skew_max;

	*s = (struct mserver){ .wake = { HEAP_ITEM_INIT, turn, false },
		.m = m,
		.id = id,
		.random = m->seed * 1000003 + id };
	s->skew = max ? (int64_t)mesh_random(m, (uint32_t)(2 * max)) - max : 0;
	server_start(m, s, DISK_EMPTY);
}

static void
stop(struct mesh *m, struct mserver *s)
{
	mesh_cancel(m, &s->wake);
	repl_free(s->repl);
	wins_free(s->wins);
	store_close(s->store);
	s->up = false;
}

static void
keep_committed(struct mserver *s)
{
	size_t n = store_records(s->store);
	struct rec *r;

	s->kept = calloc(n + 1, sizeof(*r));
	mesh_must(s->kept, "memory");
	for (s->nkept = 0; s->nkept < n; s->nkept++) {
		r = &s->kept[s->nkept];
		if (!store_by_name(s->store, s->nkept ? &r[-1].key : NULL, false, r))
			break;
	}
	s->has_kept = true;
}

void
server_crash(struct mesh *m, struct mserver *s)
{
	if (!s->up)
		return;
	mesh_trace(m, "server %u crashes", s->id);
	m->crashes++;
	/* In the middle of a commit, nobody can say which of its records are durable. */
	if (!s->fs->dead)
		keep_committed(s);
	s->fs->dead = true;
	stop(m, s);
}

void
server_crash_soon(struct mesh *m, struct mserver *s)
{
	if (s->up)
		s->fs->cut_at = s->fs->calls + 1 + mesh_random(m, 12);
}

void
server_spare(struct mesh *m, struct mserver *s)
{
	if (!s->up)
		server_start(m, s, DISK_AS_IT_IS);
	s->fs->cut_at = 0;
}

void
server_backup(struct mesh *m, struct mserver *s)
{
	if (s->backup)
		crashfs_free(s->backup);
	s->backup = crashfs_after_loss(s->fs, FS_DROP_ALL, mesh_mix(&s->random));
}

void
server_end(struct mserver *s)
{
	if (s->up)
		stop(s->m, s);
	crashfs_free(s->fs);
	if (s->backup)
		crashfs_free(s->backup);
	free(s->kept);
}

/* ---- its turn ---- */

/* Snapshots run in a thread: it is waited for, so that the order of events stays the seed's. */
static void
tend(struct mesh *m, struct mserver *s)
{
	enum store_news news;

	if (m->now.ns - s->tended.ns < TEND_MS * 1000000ll)
		return;
	s->tended = m->now;
	news = store_tend(s->store);
	if (news != STORE_NEWS_SNAPSHOT_STARTED)
		return;
	do {
		store_reader_offline();
		usleep(100);
		store_reader_online();
		news = store_tend(s->store);
	} while (news == STORE_NEWS_NONE);
	if (news == STORE_NEWS_SNAPSHOT_FAILED && !s->fs->dead)
		mesh_fault(m, "server %u: no snapshot: %s", s->id, store_last_error(s->store));
}

static void
send_all(struct mesh *m, struct mserver *s)
{
	const struct wins_out *w;
	struct repl_out r;

	while ((w = wins_out(s->wins)))
		mesh_udp(m, SERVER_IP(s->id), w->path.peer, w->data, w->len);
	while (repl_out(s->repl, &r)) {
		tcp_out(m, s, &r);
		r = (struct repl_out){ 0 };
	}
}

static void
turn(struct mesh *m, struct ev *ev)
{
	struct mserver *s = (struct mserver *)ev;
	unsigned steps = 1 + mesh_random(m, STEPS_MAX);
	struct wall now = server_wall(s);
	struct repl_stats stats;
	bool more = true;
	struct mono next;
	int err;

	wins_tick(s->wins, m->now, now);
	repl_tick(s->repl, m->now, now);
	while (more && steps--)
		more = repl_step(s->repl, m->now, now);
	err = wins_commit(s->wins, now);
	if (s->fs->dead) {
		server_crash(m, s);
		return;
	}
	if (err)
		mesh_fault(m, "server %u cannot commit: %s", s->id, nbt_strerror(err));
	if (store_next_version(s->store).v < s->seen_next)
		mesh_fault(m, "server %u counts backwards", s->id);
	s->seen_next = store_next_version(s->store).v;
	repl_stats(s->repl, &stats);
	s->paused_start &= stats.paused;
	send_all(m, s);
	tend(m, s);
	if (s->fs->dead) {
		server_crash(m, s);
		return;
	}
	next = wins_next(s->wins, m->now, now);
	if (repl_next(s->repl, m->now, now).ns < next.ns)
		next = repl_next(s->repl, m->now, now);
	if (more || next.ns < mono_add_ms(m->now, 1).ns)
		next = mono_add_ms(m->now, 1);
	/* Something may have come for it while it sent. */
	if (s->wake.item.pos == SIZE_MAX || next.ns < s->wake.item.key)
		mesh_at(m, &s->wake, next);
}

void
server_poke(struct mesh *m, struct mserver *s)
{
	if (!s->up)
		return;
	if (s->wake.item.pos == SIZE_MAX || s->wake.item.key > m->now.ns)
		mesh_at(m, &s->wake, m->now);
}

void
server_udp(struct mesh *m, struct mserver *s, struct ip4 from, const uint8_t *data, size_t len)
{
	const struct wins_path path = { .peer = from, .local = SERVER_IP(s->id), .port = 137 };

	if (!s->up)
		return;
	wins_in(s->wins, data, len, &path, m->now, server_wall(s));
	server_poke(m, s);
}
