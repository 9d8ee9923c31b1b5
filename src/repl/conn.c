/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections: their bytes, whole messages cut from them, what a peer has yet to read, and every
 * timeout. Layer: repl. Owns the conns; knows nothing of what messages mean.
 */
#include <stdlib.h>
#include <string.h>

#include "repl/engine.h"

struct conn *
conn_find(const struct repl *r, uint32_t id)
{
	for (size_t i = 0; i < r->nconns; i++)
		if (r->conn[i]->id == id)
			return r->conn[i];
	return NULL;
}

static struct conn *
add(struct repl *r, uint32_t id, struct ip4 peer, enum use use)
{
	struct conn *c;

	if (r->nconns == r->cap_conns) {
		size_t cap = r->cap_conns ? 2 * r->cap_conns : 16;
		struct conn **v = reallocarray(r->conn, cap, sizeof(*v));

		if (!v)
			return NULL;
		r->conn = v;
		r->cap_conns = cap;
	}
	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->id = id;
	c->peer = peer;
	c->use = (uint8_t)use;
	c->moved_at = r->mnow;
	r->conn[r->nconns++] = c;
	return c;
}

struct conn *
conn_open(struct repl *r, struct ip4 peer, enum use use)
{
	struct repl_out out = { .what = REPL_CONNECT, .peer = peer };
	struct conn *c;

	do {
		r->next_id = (r->next_id + 1) | REPL_CONN_OURS;
	} while (conn_find(r, r->next_id));
	c = add(r, r->next_id, peer, use);
	if (!c)
		return NULL;
	out.conn = c->id;
	repl_push_out(r, &out);
	conn_await(r, c, AWAITS_CONNECT);
	return c;
}

void
conn_await(struct repl *r, struct conn *c, enum awaits what)
{
	c->awaits = (uint8_t)what;
	c->asked_at = r->mnow;
}

bool
conn_whole(const struct conn *c)
{
	return c->whole && c->in.len >= c->whole;
}

/* ---- out ---- */

void
conn_send_bytes(struct repl *r, struct conn *c, uint8_t *bytes, size_t len)
{
	struct repl_out out = {
		.what = REPL_SEND, .conn = c->id, .peer = c->peer, .data = bytes, .len = len
	};

	if (!c->unsent)
		c->sent_at = r->mnow;
	c->unsent += len;
	c->moved_at = r->mnow;
	r->stats.reply_bytes += len;
	repl_push_out(r, &out);
}

void
conn_send(struct repl *r, struct conn *c, struct wrepl_msg *m, const struct wrepl_owner *owners)
{
	size_t cap = 64 + (size_t)m->count * WREPL_OWNER_SIZE, len;
	uint8_t *bytes = malloc(cap);

	if (!bytes) {
		conn_break(r, c, nbt_strerror(NBT_ENOMEM));
		return;
	}
	m->wins_bits = true;
	if (m->kind != WREPL_START_REQ)
		m->handle = c->theirs;
	len = wrepl_encode(m, owners, bytes, cap);
	conn_send_bytes(r, c, bytes, len);
}

static void
shut(struct repl *r, struct conn *c)
{
	struct repl_out out = { .what = REPL_CLOSE, .conn = c->id, .peer = c->peer };

	c->closing = true;
	reply_free(r, c);
	repl_push_out(r, &out);
}

void
conn_stop(struct repl *r, struct conn *c, uint32_t reason)
{
	struct wrepl_msg m = { .kind = WREPL_STOP, .reason = reason };

	if (c->closing)
		return;
	conn_leave(r, c, reason ? "this server ended the association" : NULL);
	if (c->stands && !c->closing)
		conn_send(r, c, &m, NULL);
	if (!c->closing)
		shut(r, c);
}

void
conn_break(struct repl *r, struct conn *c, const char *why)
{
	if (c->closing)
		return;
	/* First closed, so that nobody who is told sends anything more over it. */
	shut(r, c);
	conn_leave(r, c, why);
}

void
conn_leave(struct repl *r, struct conn *c, const char *why)
{
	struct pull *pull = c->pull;

	for (size_t i = 0; i < r->npartners; i++) {
		struct partner *p = r->partner[i];

		if (p->pull_conn == c)
			p->pull_conn = NULL;
		if (p->push_conn == c) {
			p->push_conn = NULL;
			if (why && c->awaits != AWAITS_NOTHING)
				push_broken(r, c, why);
		}
	}
	c->pull = NULL;
	if (pull) {
		pull->conn = NULL;
		if (why)
			pull_broken(r, pull, why);
	}
	if (r->verify.conn == c) {
		r->verify.conn = NULL;
		if (why)
			verify_broken(r, why);
	}
}

/* It ended in the middle of something. */
static void
tell_aborted(struct repl *r, const struct conn *c, const char *why)
{
	int event = partner_of(r, c->peer) ? EV_CONN_ABORTED : EV_STRANGER_CONN_ABORTED;

	repl_tell(r, event, c->peer, IP4_ANY, 0, why);
}

/* ---- in ---- */

bool
repl_accepted(struct repl *r, uint32_t id, struct ip4 peer, struct mono mnow, struct wall now)
{
	unsigned same = 0;
	int event = -1;

	r->mnow = mnow;
	r->now = now;
	for (size_t i = 0; i < r->nconns; i++)
		same += r->conn[i]->use == USE_PEER && ip4_eq(r->conn[i]->peer, peer);
	if (r->naccepted >= r->conf.connections_max)
		event = EV_REPLICATION_FULL;
	else if (same >= PEER_CONNS_MAX)
		event = EV_REPLICATION_PEER_FULL;
	else if (!add(r, id, peer, USE_PEER))
		event = EV_REPLICATION_NO_MEMORY;
	if (event >= 0) {
		r->stats.refused++;
		repl_tell(r, event, peer, IP4_ANY, same, "");
		return false;
	}
	r->naccepted++;
	r->stats.accepted++;
	return true;
}

/* Learns how long the message is that the buffer begins with; false: no such message may come. */
static bool
measure(struct repl *r, struct conn *c)
{
	bool large = c->awaits == AWAITS_MAP || c->awaits == AWAITS_RECORDS;

	if (c->whole || c->in.len < WREPL_LENGTH_SIZE)
		return true;
	c->whole = wrepl_frame(c->in.p);
	if (c->whole && (large || c->whole <= REQUEST_MAX))
		return true;
	r->stats.dropped[WREPL_DROP_LENGTH]++;
	repl_tell(
	    r, EV_REPLICATION_MALFORMED, c->peer, IP4_ANY, 0, wrepl_drop_text(WREPL_DROP_LENGTH));
	if (c->pull && c->awaits == AWAITS_RECORDS && c->pull->nparts) {
		struct partner *p = partner_of(r, c->peer);

		/* The range held more than fits: a narrower one next time. */
		if (p)
			p->size_max = c->pull->part[c->pull->nparts - 1].size / 2 + 1;
	}
	conn_break(r, c, wrepl_drop_text(WREPL_DROP_LENGTH));
	return false;
}

bool
repl_data(struct repl *r, uint32_t id, const uint8_t *bytes, size_t len, struct mono mnow,
    struct wall now)
{
	struct conn *c = conn_find(r, id);

	r->mnow = mnow;
	r->now = now;
	if (!c || c->closing || !len)
		return true;
	if (!c->in.len)
		c->message_at = mnow;
	c->moved_at = mnow;
	if (c->awaits != AWAITS_NOTHING)
		c->asked_at = mnow;
	if (buf_room(&c->in, len)) {
		conn_break(r, c, nbt_strerror(NBT_ENOMEM));
		return true;
	}
	memcpy(c->in.p + c->in.len, bytes, len);
	c->in.len += len;
	return !measure(r, c) || !conn_whole(c);
}

void
conn_consume(struct repl *r, struct conn *c)
{
	if (c->closing)
		return;
	c->in.len -= c->whole;
	memmove(c->in.p, c->in.p + c->whole, c->in.len);
	c->whole = 0;
	c->message_at = r->mnow;
	(void)measure(r, c); /* false: it is closed now */
}

struct buf
conn_take(struct repl *r, struct conn *c)
{
	struct buf message = buf_take(&c->in);
	size_t rest = message.len - c->whole;

	message.len = c->whole;
	c->whole = 0;
	c->taken = true;
	c->message_at = r->mnow;
	if (!rest)
		return message;
	if (buf_room(&c->in, rest)) {
		conn_break(r, c, nbt_strerror(NBT_ENOMEM));
		return message;
	}
	memcpy(c->in.p, message.p + message.len, rest);
	c->in.len = rest;
	(void)measure(r, c); /* false: it is closed now */
	return message;
}

bool
repl_reads(const struct repl *r, uint32_t id)
{
	const struct conn *c = conn_find(r, id);

	return !c || c->closing || !conn_whole(c);
}

void
repl_sent(struct repl *r, uint32_t id, size_t len, struct mono mnow)
{
	struct conn *c = conn_find(r, id);

	r->mnow = mnow;
	if (!c)
		return;
	if (len > c->unsent)
		len = c->unsent;
	c->unsent -= len;
	r->stats.reply_bytes -= len;
	c->sent_at = c->moved_at = mnow;
}

void
repl_closed(struct repl *r, uint32_t id, struct mono mnow, struct wall now)
{
	struct conn *c = conn_find(r, id);
	bool never = c && c->awaits == AWAITS_CONNECT;

	r->mnow = mnow;
	r->now = now;
	if (!c)
		return;
	if (!c->closing && c->in.len && !conn_whole(c))
		tell_aborted(r, c, "the rest of a message never came");
	if (!c->closing) {
		c->closing = true;
		conn_leave(r, c, never ? "it cannot be connected" : "it closed the connection");
	}
	reply_free(r, c);
	r->stats.reply_bytes -= c->unsent;
	repl_drop_outs(r, id);
	if (c->use == USE_PEER)
		r->naccepted--;
	for (size_t i = 0; i < r->nconns; i++)
		if (r->conn[i] == c)
			r->conn[i] = r->conn[--r->nconns];
	buf_free(&c->in);
	free(c);
}

/* ---- work ---- */

static bool
can_work(const struct repl *r, const struct conn *c)
{
	if (c->closing)
		return false;
	if (c->reply)
		return true;
	if (!conn_whole(c) || c->unsent > UNSENT_MAX)
		return false;
	if (c->awaits != AWAITS_RECORDS)
		return true;
	/* What came before is applied first: two responses are the most that one connection holds. */
	return c->pull ? pull_takes_records(c->pull) : verify_takes_records(r);
}

bool
conn_step(struct repl *r)
{
	for (size_t i = 0; i < r->nconns; i++) {
		struct conn *c = r->conn[(r->turn_conn + i) % r->nconns];

		if (!can_work(r, c))
			continue;
		r->turn_conn = (r->turn_conn + i + 1) % r->nconns;
		if (c->reply)
			reply_step(r, c);
		else
			assoc_message(r, c);
		return true;
	}
	return false;
}

/* ---- time ---- */

static bool
may_idle(const struct repl *r, const struct conn *c)
{
	const struct partner *p = partner_of(r, c->peer);

	if (c->persistent || c->reply || c->pull || r->verify.conn == c || conn_whole(c))
		return true;
	/* A partner's connection that it keeps open is its own to end. */
	return c->use == USE_PEER && c->handle && p && p->conf.persistent && c->minor >= 5;
}

static struct mono
due(const struct repl *r, const struct conn *c)
{
	struct mono d = MONO_NEVER;

	if (c->closing)
		return d;
	if (c->awaits != AWAITS_NOTHING && !conn_whole(c))
		d = mono_add_s(c->asked_at, r->conf.message_timeout);
	else if (c->in.len && !conn_whole(c))
		d = mono_add_s(c->message_at, r->conf.message_timeout);
	if (c->unsent)
		d = mono_min(d, mono_add_s(c->sent_at, r->conf.message_timeout));
	if (!may_idle(r, c))
		d = mono_min(d, mono_add_s(c->moved_at, r->conf.idle_timeout));
	return d;
}

static void
time_out(struct repl *r, struct conn *c)
{
	bool half = c->in.len && !conn_whole(c);

	if (half || c->unsent) {
		const char *why = half ? "the rest of a message did not come in time"
				       : "it does not read what it asked for";

		tell_aborted(r, c, why);
		conn_break(r, c, why);
	} else if (c->awaits != AWAITS_NOTHING) {
		conn_break(r, c,
		    c->awaits == AWAITS_CONNECT ? "it cannot be connected in time"
						: "it does not answer");
	} else {
		conn_stop(r, c, 0);
	}
}

void
conn_tick(struct repl *r)
{
	/* Whoever is told may open new connections: they come behind, and are not due. */
	for (size_t i = 0; i < r->nconns; i++)
		if (mono_reached(due(r, r->conn[i]), r->mnow))
			time_out(r, r->conn[i]);
}

struct mono
conn_next(const struct repl *r)
{
	struct mono next = MONO_NEVER;

	for (size_t i = 0; i < r->nconns; i++)
		next = mono_min(next, due(r, r->conn[i]));
	return next;
}
