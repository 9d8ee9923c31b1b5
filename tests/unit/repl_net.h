/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several replication engines on real stores, joined by pipes that split bytes at random places, with
 * one virtual clock: what tests of replication are written in. A raw peer is the test itself. Nothing
 * runs but in world_run and world_pass.
 */
#pragma once

#include "repl/repl.h"
#include "wins_net.h"

#define SERVERS 4
#define PIPES   64
#define SITE(n) IP4(10, 0, 0, 1 + (n)) /* the address of server n */
#define RAW     -1                     /* the test's end of a pipe */

struct fifo {
	uint8_t *p;
	size_t len, cap;
	bool ended; /* its writer has closed */
};

struct end {
	int server; /* RAW */
	bool deaf;  /* a raw end that reads nothing */
	uint32_t conn;
	struct fifo in; /* bytes on their way to it */
};

struct pipe_ {
	bool used;
	struct end end[2];
};

struct server {
	struct net n;
	struct repl *r;
	struct repl_conf conf;
	bool up, unreachable;
	unsigned connects; /* that it wished for */
	uint32_t next_accepted;
	size_t announced;
	uint8_t announcement[WREPL_DISCOVERY_MAX];
};

struct world {
	struct server s[SERVERS];
	struct pipe_ pipe[PIPES];
	struct mono mnow;
	struct wall now;
	uint32_t random;
	bool whole; /* do not split */
	uint64_t records_requests;
	struct ip4 raw;        /* the test answers there itself */
	struct end *answering; /* the last connection that was made to it */
	void (*tap)(void *arg, const struct wrepl_msg *m, int from, int to);
	void *tap_arg;
};

static inline uint32_t
world_random(struct world *w)
{
	w->random = w->random * 1664525 + 1013904223;
	return w->random >> 8;
}

static inline uint32_t
server_random(void *arg)
{
	return net_random(arg);
}

static inline void
server_open(struct world *w, int i, bool fresh)
{
	struct server *s = &w->s[i];
	struct repl_host host = { &s->n, server_random, net_event };

	s->n.mnow = w->mnow;
	s->n.now = w->now;
	net_up(&s->n);
	assert_int_equal(
	    repl_new(&s->conf, s->n.store, s->n.w, &host, fresh, w->mnow, w->now, &s->r), 0);
	s->up = true;
}

/* All partners of each other unless a test changes conf before; pulls by command only. */
static inline void
world_init(struct world *w, int servers)
{
	memset(w, 0, sizeof(*w));
	w->mnow.ns = 1000000000;
	w->now.s = 1700000000;
	w->random = 1;
	for (int i = 0; i < servers; i++) {
		struct server *s = &w->s[i];

		s->n.random = (uint32_t)i + 1;
		s->n.conf = (struct wins_conf){ .chl_interval_ms = 500,
			.chl_tries = 3,
			.challenges_max = 100,
			.names_max = 1000000,
			.scavenge_slice = 1000,
			.propagate_releases = true,
			.prepend_1b = true,
			.verify_replicas = true,
			.nself = 1,
			.self = { SITE(i) } };
		s->conf = (struct repl_conf){ .self = SITE(i),
			.nself = 1,
			.own = { SITE(i) },
			.only_partners = true,
			.propagate = true,
			.retry_count = 3,
			.retry_interval = 10,
			.message_timeout = 30,
			.idle_timeout = 60,
			.connections_max = 32,
			.range_max = 30000,
			.reply_memory = 64 << 20,
			.pause_max = 120,
			.check_start = UINT32_MAX,
			.check_records_max = 30000,
			.discover_interval = 2400,
			.skew_limit = 60 };
		for (int k = 0; k < servers; k++)
			if (k != i)
				s->conf.partner[s->conf.npartners++] =
				    (struct repl_partner_conf){ .address = SITE(k),
					    .pull = true,
					    .push = true,
					    .persistent = true,
					    .pull_start = UINT32_MAX };
		strcpy(s->n.dir, "/tmp/winsome-test-XXXXXX");
		assert_non_null(mkdtemp(s->n.dir));
	}
	store_reader_register();
}

static inline void
world_up(struct world *w, int servers)
{
	for (int i = 0; i < servers; i++)
		server_open(w, i, false);
}

/* ---- pipes ---- */

static inline void
fifo_put(struct fifo *f, const uint8_t *bytes, size_t len)
{
	if (f->len + len > f->cap) {
		f->cap = 2 * (f->len + len);
		f->p = realloc(f->p, f->cap);
		assert_non_null(f->p);
	}
	memcpy(f->p + f->len, bytes, len);
	f->len += len;
}

static inline void
fifo_eat(struct fifo *f, size_t len)
{
	f->len -= len;
	memmove(f->p, f->p + len, f->len);
}

static inline struct pipe_ *
pipe_new(struct world *w, int a, uint32_t conn_a, int b, uint32_t conn_b)
{
	struct pipe_ *p = w->pipe;

	while (p->used)
		assert_true(++p < w->pipe + PIPES);
	*p = (struct pipe_){ .used = true,
		.end = { { .server = a, .conn = conn_a }, { .server = b, .conn = conn_b } } };
	return p;
}

static inline void
pipe_free(struct pipe_ *p)
{
	free(p->end[0].in.p);
	free(p->end[1].in.p);
	*p = (struct pipe_){ 0 };
}

static inline struct pipe_ *
pipe_of(struct world *w, int server, uint32_t conn, int *ret_end)
{
	for (struct pipe_ *p = w->pipe; p < w->pipe + PIPES; p++)
		for (int e = 0; e < 2; e++)
			if (p->used && p->end[e].server == server && p->end[e].conn == conn) {
				*ret_end = e;
				return p;
			}
	return NULL;
}

static inline void
pipe_close_end(struct world *w, struct end *e)
{
	if (e->server == RAW || !w->s[e->server].up)
		return;
	repl_closed(w->s[e->server].r, e->conn, w->mnow, w->now);
}

/* Both ends hear of it; what was on its way is lost. */
static inline void
pipe_cut(struct world *w, struct pipe_ *p)
{
	struct pipe_ was = *p;

	memset(p, 0, sizeof(*p));
	pipe_close_end(w, &was.end[0]);
	pipe_close_end(w, &was.end[1]);
	free(was.end[0].in.p);
	free(was.end[1].in.p);
}

static inline int
server_at(struct world *w, struct ip4 ip)
{
	for (int i = 0; i < SERVERS; i++)
		if (w->s[i].up && !w->s[i].unreachable && ip4_eq(w->s[i].conf.self, ip))
			return i;
	return -1;
}

static inline void
world_connect(struct world *w, int from, const struct repl_out *out)
{
	struct server *s = &w->s[from], *t;
	int to = server_at(w, out->peer);
	uint32_t id;

	s->connects++;
	if (w->raw.v && ip4_eq(w->raw, out->peer)) {
		w->answering = &pipe_new(w, RAW, out->conn, from, out->conn)->end[0];
		repl_connected(s->r, out->conn, 0, w->mnow, w->now);
		return;
	}
	if (to < 0) {
		repl_connected(s->r, out->conn, NBT_EIO, w->mnow, w->now);
		return;
	}
	t = &w->s[to];
	id = t->next_accepted++;
	(void)pipe_new(w, from, out->conn, to, id);
	if (!repl_accepted(t->r, id, s->conf.self, w->mnow, w->now)) {
		int e;

		pipe_free(pipe_of(w, from, out->conn, &e));
		repl_connected(s->r, out->conn, NBT_EIO, w->mnow, w->now);
		return;
	}
	repl_connected(s->r, out->conn, 0, w->mnow, w->now);
}

static inline void
world_tap(struct world *w, const struct repl_out *out, int from, int to)
{
	struct wrepl_msg m;

	assert_int_equal(wrepl_frame(out->data), out->len);
	assert_int_equal(wrepl_decode(out->data, out->len, &m), WREPL_DROP_NONE);
	assert_true(m.wins_bits);
	w->records_requests += m.kind == WREPL_RECORDS_REQ;
	if (w->tap)
		w->tap(w->tap_arg, &m, from, to);
}

static inline bool
server_drain(struct world *w, int i)
{
	struct server *s = &w->s[i];
	struct repl_out out;
	bool any = false;

	while (s->up && repl_out(s->r, &out)) {
		int e = 0;
		struct pipe_ *p = out.what == REPL_SEND || out.what == REPL_CLOSE
				      ? pipe_of(w, i, out.conn, &e)
				      : NULL;

		any = true;
		if (out.what == REPL_CONNECT) {
			world_connect(w, i, &out);
		} else if (out.what == REPL_ANNOUNCE) {
			s->announced = out.len;
			memcpy(s->announcement, out.data, out.len);
		} else if (p && out.what == REPL_SEND) {
			world_tap(w, &out, i, p->end[!e].server);
			fifo_put(&p->end[!e].in, out.data, out.len);
			if (p->end[!e].server == RAW && !p->end[!e].deaf)
				repl_sent(s->r, out.conn, out.len, w->mnow);
		} else if (p) {
			p->end[!e].in.ended = true;
		} else if (out.what == REPL_CLOSE) {
			repl_closed(s->r, out.conn, w->mnow, w->now);
		}
		free(out.data);
	}
	return any;
}

/* Carries some bytes to one end. */
static inline bool
pipe_move(struct world *w, struct pipe_ *p, int e)
{
	struct end *to = &p->end[e], *from = &p->end[!e];
	size_t len = to->in.len;

	if (to->server == RAW || !w->s[to->server].up)
		return false;
	if (!len) {
		if (to->in.ended)
			pipe_cut(w, p);
		return to->in.ended;
	}
	if (!repl_reads(w->s[to->server].r, to->conn))
		return false;
	if (!w->whole && len > 1)
		len = 1 + world_random(w) % (len < 40000 ? len : 40000);
	(void)repl_data(w->s[to->server].r, to->conn, to->in.p, len, w->mnow, w->now);
	fifo_eat(&to->in, len);
	if (from->server != RAW && w->s[from->server].up)
		repl_sent(w->s[from->server].r, from->conn, len, w->mnow);
	return true;
}

/* Until nothing moves. */
static inline void
world_run(struct world *w)
{
	bool any;

	do {
		any = false;
		for (int i = 0; i < SERVERS; i++)
			any |= w->s[i].up && server_drain(w, i);
		for (int i = 0; i < PIPES; i++)
			for (int e = 0; e < 2; e++)
				if (w->pipe[i].used)
					any |= pipe_move(w, &w->pipe[i], e);
		for (int i = 0; i < SERVERS; i++)
			if (w->s[i].up) {
				any |= repl_step(w->s[i].r, w->mnow, w->now);
				any |= server_drain(w, i);
				(void)wins_commit(w->s[i].n.w, w->now);
			}
	} while (any);
}

static inline void
world_pass(struct world *w, int64_t ms)
{
	w->mnow = mono_add_ms(w->mnow, ms);
	w->now.s += (uint32_t)(ms / 1000);
	for (int i = 0; i < SERVERS; i++)
		if (w->s[i].up) {
			w->s[i].n.mnow = w->mnow;
			w->s[i].n.now = w->now;
			wins_tick(w->s[i].n.w, w->mnow, w->now);
			repl_tick(w->s[i].r, w->mnow, w->now);
		}
	world_run(w);
}

static inline void
server_down(struct world *w, int i)
{
	struct server *s = &w->s[i];

	for (struct pipe_ *p = w->pipe; p < w->pipe + PIPES; p++)
		if (p->used && (p->end[0].server == i || p->end[1].server == i))
			pipe_cut(w, p);
	repl_free(s->r);
	net_down(&s->n);
	s->up = false;
}

static inline void
world_end(struct world *w)
{
	char cmd[128];

	for (struct pipe_ *p = w->pipe; p < w->pipe + PIPES; p++)
		pipe_free(p);
	for (int i = 0; i < SERVERS; i++) {
		if (w->s[i].up) {
			repl_free(w->s[i].r);
			net_down(&w->s[i].n);
		}
		if (!w->s[i].n.dir[0])
			continue;
		snprintf(cmd, sizeof(cmd), "rm -rf '%s'", w->s[i].n.dir);
		assert_int_equal(system(cmd), 0);
	}
	store_reader_unregister();
}

/* ---- a test's state: its world ---- */

static inline struct world *
world_new(void **state, int servers)
{
	struct world *w = malloc(sizeof(*w));

	assert_non_null(w);
	world_init(w, servers);
	*state = w;
	return w;
}

static inline int
setup_two(void **state)
{
	(void)world_new(state, 2);
	return 0;
}

static inline int
setup_three(void **state)
{
	(void)world_new(state, 3);
	return 0;
}

static inline int
teardown(void **state)
{
	world_end(*state);
	free(*state);
	return 0;
}

/* ---- what a test asks of a server ---- */

static inline void
server_pull(struct world *w, int i, struct ip4 from)
{
	assert_int_equal(repl_pull_now(w->s[i].r, from, w->mnow, w->now), 0);
	world_run(w);
}

/* Own active unique names NAMEnnnnn<20>, straight into the store, every step-th version. */
static inline void
server_fill(struct world *w, int i, unsigned first, unsigned count, unsigned step)
{
	struct store *store = w->s[i].n.store;

	for (unsigned k = 0; k < count; k++) {
		struct rec rec = { .type = REC_UNIQUE, .node = 3, .naddr = 1 };
		char name[32];

		snprintf(name, sizeof(name), "NAME%06u<20>", first + k);
		rec.key = net_key(name);
		rec.due = wall_add(w->now, 500000);
		rec.addr[0] = (struct rec_addr){ .ip = { 0xc0000000 + first + k }, .due = rec.due };
		rec.version.v = store_next_version(store).v + step - 1;
		assert_int_equal(store_put(store, &rec), 0);
		if (k % 256 == 255)
			assert_int_equal(store_commit(store), 0);
	}
	assert_int_equal(store_commit(store), 0);
}

/* For vfs->sync: a disk that does not keep what is written. */
static inline int
failing_sync(struct vfs *v, struct vfs_file *f)
{
	return NBT_EIO;
}

/* Own names SHAREDnnnnn<20>, all of one version: as an owner has them that lost its counter. */
static inline void
server_fill_version(struct world *w, int i, unsigned count, uint64_t version)
{
	struct store *store = w->s[i].n.store;

	for (unsigned k = 0; k < count; k++) {
		struct rec rec = { .type = REC_UNIQUE,
			.node = 3,
			.naddr = 1,
			.version = { version },
			.due = wall_add(w->now, 500000) };
		char name[32];

		snprintf(name, sizeof(name), "SHARED%05u<20>", k);
		rec.key = net_key(name);
		rec.addr[0] = (struct rec_addr){ .ip = { 0xc0100000 + k }, .due = rec.due };
		assert_int_equal(store_put(store, &rec), 0);
	}
	assert_int_equal(store_commit(store), 0);
}

static inline bool
server_has(struct world *w, int i, const char *name, struct rec *ret)
{
	struct nb_key key = net_key(name);

	memset(ret, 0, sizeof(*ret));
	return store_get(w->s[i].n.store, &key, ret);
}

static inline uint64_t
server_knows(struct world *w, int i, struct ip4 owner)
{
	return store_known(w->s[i].n.store, owner).v;
}

/* ---- the test as a peer ---- */

static inline struct end *
raw_open(struct world *w, int i, struct ip4 as)
{
	uint32_t id = w->s[i].next_accepted++;
	struct pipe_ *p = pipe_new(w, RAW, id, i, id);

	if (repl_accepted(w->s[i].r, id, as, w->mnow, w->now))
		return &p->end[0];
	pipe_free(p);
	return NULL;
}

static inline struct pipe_ *
raw_pipe(struct end *e)
{
	return (struct pipe_ *)((char *)e - offsetof(struct pipe_, end));
}

static inline void
raw_send(struct end *e, struct wrepl_msg m, const struct wrepl_owner *owners)
{
	uint8_t buf[4096];
	size_t len;

	m.wins_bits = true;
	len = wrepl_encode(&m, owners, buf, sizeof(buf));
	assert_true(len > 0);
	fifo_put(&raw_pipe(e)->end[1].in, buf, len);
}

/* The next message to the test; it borrows from *ret_bytes, which is to be freed. */
static inline bool
raw_next(struct end *e, struct wrepl_msg *ret, uint8_t **ret_bytes)
{
	size_t len;

	*ret_bytes = NULL;
	if (!raw_pipe(e)->used || e->in.len < WREPL_LENGTH_SIZE)
		return false;
	len = wrepl_frame(e->in.p);
	assert_true(len && len <= e->in.len);
	*ret_bytes = malloc(len);
	assert_non_null(*ret_bytes);
	memcpy(*ret_bytes, e->in.p, len);
	assert_int_equal(wrepl_decode(*ret_bytes, len, ret), WREPL_DROP_NONE);
	fifo_eat(&e->in, len);
	return true;
}

static inline bool
raw_closed(const struct end *e)
{
	return e->in.ended;
}

/* The next message to the test, of this kind; what its body borrowed is gone. */
static inline struct wrepl_msg
raw_expect(struct world *w, struct end *e, enum wrepl_kind kind)
{
	struct wrepl_msg m;
	uint8_t *bytes;

	world_run(w);
	assert_true(raw_next(e, &m, &bytes));
	free(bytes);
	assert_int_equal(m.kind, kind);
	return m;
}

/* Starts an association; returns the server's handle. */
static inline uint32_t
raw_start(struct world *w, struct end *e)
{
	struct wrepl_msg m = {
		.kind = WREPL_START_REQ, .sender = 0x11223344, .major = 2, .minor = 5
	};

	raw_send(e, m, NULL);
	m = raw_expect(w, e, WREPL_START_RESP);
	assert_int_equal(m.handle, 0x11223344);
	assert_int_not_equal(m.sender, 0);
	return m.sender;
}
