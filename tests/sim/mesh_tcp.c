/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCP between the servers: bytes arrive in order, split anywhere, late; a partition holds them up, a
 * crashed end knows nothing of its connections, which the other end learns when it says something or
 * by being kept waiting. See mesh_world.h.
 */
#include <stdlib.h>
#include <string.h>

#include "mesh_world.h"

#define LOOK_MS    (2 * MINUTE) /* between two looks at whether the other end is there */
#define MISSED_MAX 2
#define CONNECT_MS (30 * SECOND) /* until a connection that nobody answers has failed */
#define LINKS_MAX  40000

struct dir {
	struct ev arrival; /* first */
	struct link *link;
	uint8_t from; /* 0 or 1 */
	bool fin;
	uint8_t *buf;
	size_t len;
};

struct link {
	struct link *next;
	struct ev look;
	struct dir dir[2];
	unsigned server[2], life[2];
	uint32_t conn[2];
	bool open[2]; /* that end knows it */
	bool connecting;
	unsigned missed;
	struct ip4 wanted[2]; /* the owner that end asked for last */
};

static struct link *
of_look(struct ev *ev)
{
	return (struct link *)((char *)ev - offsetof(struct link, look));
}

static struct mserver *
server_of(struct mesh *m, const struct link *l, int end)
{
	return &m->server[l->server[end]];
}

/* The process that had this end still lives. */
static bool
lives(struct mesh *m, const struct link *l, int end)
{
	const struct mserver *s = server_of(m, l, end);

	return s->up && s->life == l->life[end] && l->open[end];
}

static bool
passes(const struct mesh *m, const struct link *l)
{
	return mesh_reachable(m, SERVER_IP(l->server[0]), SERVER_IP(l->server[1]));
}

static void
link_free(struct mesh *m, struct link *l)
{
	struct link **at = &m->links;

	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	m->nlinks--;
	mesh_cancel(m, &l->look);
	for (int i = 0; i < 2; i++) {
		mesh_cancel(m, &l->dir[i].arrival);
		free(l->dir[i].buf);
	}
	free(l);
}

/* That end's engine is told, if there is one. */
static void
shut(struct mesh *m, struct link *l, int end)
{
	struct mserver *s = server_of(m, l, end);

	if (lives(m, l, end)) {
		repl_closed(s->repl, l->conn[end], m->now, server_wall(s));
		server_poke(m, s);
	}
	l->open[end] = false;
}

static void
reset(struct mesh *m, struct link *l)
{
	shut(m, l, 0);
	shut(m, l, 1);
	link_free(m, l);
}

/* ---- bytes ---- */

static void
arrive_later(struct mesh *m, struct dir *d, int64_t ms)
{
	if (d->arrival.item.pos == SIZE_MAX)
		mesh_at(m, &d->arrival, mono_add_ms(m->now, ms));
}

/* A piece of what is on its way, mostly all. */
static void
hand_over(struct mesh *m, struct dir *d)
{
	struct link *l = d->link;
	struct mserver *to = server_of(m, l, !d->from), *from = server_of(m, l, d->from);
	size_t n = mesh_random(m, 4) ? d->len : 1 + mesh_random(m, (uint32_t)d->len);

	mesh_hash(m, d->buf, n);
	(void)repl_data(to->repl, l->conn[!d->from], d->buf, n, m->now, server_wall(to));
	d->len -= n;
	memmove(d->buf, d->buf + n, d->len);
	if (lives(m, l, d->from))
		repl_sent(from->repl, l->conn[d->from], n, m->now);
	server_poke(m, to);
	server_poke(m, from);
}

static void
arrived(struct mesh *m, struct ev *ev)
{
	struct dir *d = (struct dir *)ev;
	struct link *l = d->link;
	struct mserver *to = server_of(m, l, !d->from);

	if (!passes(m, l) || (!to->up && d->len)) {
		arrive_later(m, d, 1 * SECOND + mesh_random(m, 2 * SECOND));
	} else if (d->len && !lives(m, l, !d->from)) {
		reset(m, l);
	} else if (d->len && !repl_reads(to->repl, l->conn[!d->from])) {
		arrive_later(m, d, 20);
	} else if (d->len) {
		hand_over(m, d);
		arrive_later(m, d, 1 + mesh_random(m, m->delay_ms / 4 + 1));
	} else if (d->fin) {
		reset(m, l);
	}
}

static void
look(struct mesh *m, struct ev *ev)
{
	struct link *l = of_look(ev);
	bool well = passes(m, l) && lives(m, l, 0) && lives(m, l, 1);

	l->missed = well ? 0 : l->missed + 1;
	if (l->missed > MISSED_MAX)
		reset(m, l);
	else
		mesh_at(m, &l->look, mono_add_ms(m->now, LOOK_MS));
}

/* ---- what an engine wants ---- */

static void
connect_end(struct mesh *m, struct ev *ev)
{
	struct link *l = of_look(ev);
	struct mserver *a = server_of(m, l, 0), *b = server_of(m, l, 1);
	bool there = passes(m, l) && b->up;

	l->connecting = false;
	if (!lives(m, l, 0)) {
		link_free(m, l);
		return;
	}
	l->life[1] = b->life;
	if (there) {
		l->conn[1] = ++b->next_conn;
		l->open[1] =
		    repl_accepted(b->repl, l->conn[1], SERVER_IP(a->id), m->now, server_wall(b));
		server_poke(m, b);
	}
	repl_connected(a->repl, l->conn[0], l->open[1] ? 0 : NBT_EIO, m->now, server_wall(a));
	server_poke(m, a);
	if (!l->open[1]) {
		link_free(m, l);
		return;
	}
	l->look.run = look;
	mesh_at(m, &l->look, mono_add_ms(m->now, LOOK_MS));
}

static void
begin(struct mesh *m, struct mserver *s, const struct repl_out *out)
{
	struct link *l = calloc(1, sizeof(*l));
	int64_t wait = 1 + mesh_random(m, m->delay_ms + 1);

	mesh_must(l && m->nlinks < LINKS_MAX, "too many connections");
	*l = (struct link){ .next = m->links,
		.look = { HEAP_ITEM_INIT, connect_end, false },
		.server = { s->id, (out->peer.v & 0xff) - 1 },
		.life = { s->life, 0 },
		.conn = { out->conn, 0 },
		.open = { true, false },
		.connecting = true };
	for (uint8_t i = 0; i < 2; i++)
		l->dir[i] =
		    (struct dir){ { HEAP_ITEM_INIT, arrived, false }, l, i, false, NULL, 0 };
	m->links = l;
	m->nlinks++;
	mesh_must(l->server[1] < m->nservers, "a connection to nowhere");
	if (!passes(m, l))
		wait = CONNECT_MS;
	mesh_at(m, &l->look, mono_add_ms(m->now, wait));
}

static struct link *
find(struct mesh *m, const struct mserver *s, uint32_t conn, int *ret_end)
{
	for (struct link *l = m->links; l; l = l->next)
		for (int i = 0; i < 2; i++)
			if (l->server[i] == s->id && l->conn[i] == conn && l->life[i] == s->life &&
			    l->open[i]) {
				*ret_end = i;
				return l;
			}
	return NULL;
}

/* What goes over the wire is looked at: each send is one whole message. */
static void
tap(struct mesh *m, struct mserver *s, struct link *l, int end, const struct repl_out *out)
{
	struct wrepl_msg msg = { 0 };

	if (wrepl_frame(out->data) != out->len || wrepl_decode(out->data, out->len, &msg)) {
		mesh_fault(m, "server %u sends what is no message", s->id);
		return;
	}
	mesh_trace(m, "server %u to %u conn %x: %s, %u", s->id, l->server[!end], out->conn,
	    wrepl_kind_text(msg.kind), msg.count);
	if (msg.kind == WREPL_RECORDS_REQ)
		l->wanted[end] = msg.wanted.ip;
	else if (msg.kind == WREPL_RECORDS_RESP)
		check_records(m, s, l->wanted[!end], &msg);
}

static void
put(struct mesh *m, struct mserver *s, struct link *l, int end, const struct repl_out *out)
{
	struct dir *d = &l->dir[end];

	m->bytes += out->len;
	if (d->fin)
		mesh_fault(m, "server %u sends after it closed", s->id);
	d->buf = realloc(d->buf, d->len + out->len);
	mesh_must(d->buf, "memory");
	memcpy(d->buf + d->len, out->data, out->len);
	d->len += out->len;
	tap(m, s, l, end, out);
	arrive_later(m, d, 1 + mesh_random(m, m->delay_ms + 1));
}

void
tcp_out(struct mesh *m, struct mserver *s, struct repl_out *out)
{
	struct link *l;
	int end = 0;

	if (out->what == REPL_CONNECT) {
		begin(m, s, out);
		return;
	}
	l = out->what == REPL_ANNOUNCE ? NULL : find(m, s, out->conn, &end);
	if (out->what == REPL_SEND && l) {
		put(m, s, l, end, out);
	} else if (out->what == REPL_CLOSE && l && l->connecting) {
		shut(m, l, 0);
	} else if (out->what == REPL_CLOSE && l) {
		l->dir[end].fin = true;
		arrive_later(m, &l->dir[end], 1 + mesh_random(m, m->delay_ms + 1));
	}
	free(out->data);
}

void
tcp_reset_some(struct mesh *m)
{
	struct link *l = m->links;

	for (unsigned n = m->nlinks ? mesh_random(m, (uint32_t)m->nlinks) : 0; n; n--)
		l = l->next;
	if (l && !l->connecting)
		reset(m, l);
}

void
tcp_end(struct mesh *m)
{
	while (m->links)
		link_free(m, m->links);
}
