/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's front: life, what leaves, whose turn it is. What is done in a turn is the other files'.
 * Layer: repl. See repl.h.
 */
#include <stdlib.h>
#include <string.h>

#include "repl/engine.h"

static void
enter(struct repl *r, struct mono mnow, struct wall now)
{
	r->mnow = mnow;
	r->now = now;
}

/* ---- buffers ---- */

struct buf
buf_take(struct buf *b)
{
	struct buf taken = *b;

	*b = (struct buf){ 0 };
	return taken;
}

void
buf_free(struct buf *b)
{
	free(b->p);
	*b = (struct buf){ 0 };
}

int
buf_room(struct buf *b, size_t len)
{
	size_t cap = b->cap ? b->cap : 256;
	uint8_t *p;

	if (b->cap - b->len >= len)
		return 0;
	while (cap - b->len < len)
		cap *= 2;
	p = realloc(b->p, cap);
	if (!p)
		return NBT_ENOMEM;
	b->p = p;
	b->cap = cap;
	return 0;
}

/* ---- out ---- */

void
repl_push_out(struct repl *r, const struct repl_out *out)
{
	if (r->out_first && r->out_first == r->nouts)
		r->out_first = r->nouts = 0;
	if (r->nouts == r->cap_outs) {
		size_t cap = r->cap_outs ? 2 * r->cap_outs : 64;
		struct repl_out *v = reallocarray(r->out, cap, sizeof(*v));

		/* A connection that misses a word ends by its timeout. */
		if (!v) {
			free(out->data);
			return;
		}
		r->out = v;
		r->cap_outs = cap;
	}
	r->out[r->nouts++] = *out;
}

bool
repl_out(struct repl *r, struct repl_out *ret)
{
	if (r->out_first == r->nouts)
		return false;
	*ret = r->out[r->out_first++];
	return true;
}

void
repl_drop_outs(struct repl *r, uint32_t conn)
{
	size_t kept = r->out_first;

	for (size_t i = r->out_first; i < r->nouts; i++) {
		if (r->out[i].conn == conn && r->out[i].what != REPL_ANNOUNCE)
			free(r->out[i].data);
		else
			r->out[kept++] = r->out[i];
	}
	r->nouts = kept;
}

void
repl_tell(
    struct repl *r, int event, struct ip4 peer, struct ip4 other, uint64_t number, const char *text)
{
	struct event ev = { .id = (uint16_t)event,
		.when = r->now,
		.peer = peer,
		.other = other,
		.number = number };
	size_t len = strnlen(text, sizeof(ev.text) - 1);

	memcpy(ev.text, text, len);
	r->host.event(r->host.arg, &ev);
}

bool
repl_is_own(const struct repl *r, struct ip4 ip)
{
	if (ip4_eq(ip, r->conf.self))
		return true;
	for (unsigned i = 0; i < r->conf.nself; i++)
		if (ip4_eq(ip, r->conf.own[i]))
			return true;
	return false;
}

void
repl_tell_record(struct repl *r, int event, const struct nb_key *key, struct ip4 peer,
    struct ip4 owner, uint64_t number)
{
	const struct event ev = { .id = (uint16_t)event,
		.when = r->now,
		.key = *key,
		.has_key = true,
		.peer = peer,
		.other = owner,
		.number = number };

	r->host.event(r->host.arg, &ev);
}

void
repl_left_out(struct repl *r, struct ip4 server, struct ip4 owner, const struct wrepl_record *in)
{
	repl_tell_record(
	    r, EV_RECORD_LEFT_OUT, &in->key, server, owner, in->beyond ? in->beyond : in->version);
}

int
repl_known(const struct repl *r, struct store_known **ret, size_t *ret_n)
{
	struct store_known one, *v;
	size_t n = store_known_all(r->store, &one, 0);

	v = calloc(n + 1, sizeof(*v));
	if (!v)
		return NBT_ENOMEM;
	*ret_n = store_known_all(r->store, v, n);
	*ret = v;
	return 0;
}

/* ---- life ---- */

static int
know(struct repl *r)
{
	struct store_known *all;
	size_t n;

	if (repl_known(r, &all, &n))
		return NBT_ENOMEM;
	for (size_t i = 0; i < n; i++)
		map_known(r, all[i].owner);
	free(all);
	return 0;
}

int
repl_new(const struct repl_conf *conf, struct store *store, struct wins *wins,
    const struct repl_host *host, bool fresh, struct mono mnow, struct wall now, struct repl **ret)
{
	struct repl *r = calloc(1, sizeof(*r));
	int err = NBT_ENOMEM;

	if (!r)
		return NBT_ENOMEM;
	enter(r, mnow, now);
	r->conf = *conf;
	r->host = *host;
	r->store = store;
	r->wins = wins;
	r->next_id = REPL_CONN_OURS;
	r->announce_due = mnow;
	r->scratch = calloc(REPLY_SLICE, sizeof(*r->scratch));
	if (r->scratch)
		err = know(r);
	for (unsigned i = 0; !err && i < conf->npartners; i++)
		err = partner_add(r, &conf->partner[i], false);
	if (err) {
		repl_free(r);
		return err;
	}
	own_init(r, fresh);
	for (size_t i = 0; i < r->npartners; i++)
		partner_first_pull(r, r->partner[i]);
	if (conf->push_at_start)
		push_all(r, false, IP4_ANY, IP4_ANY);
	verify_init(r);
	*ret = r;
	return 0;
}

void
repl_free(struct repl *r)
{
	if (!r)
		return;
	while (r->npulls)
		pull_free(r, r->pull[0]);
	for (size_t i = 0; i < r->nconns; i++) {
		reply_free(r, r->conn[i]);
		buf_free(&r->conn[i]->in);
		free(r->conn[i]);
	}
	for (size_t i = 0; i < r->npartners; i++)
		partner_free(r->partner[i]);
	for (size_t i = r->out_first; i < r->nouts; i++)
		free(r->out[i].data);
	verify_release(r);
	seen_free(&r->high);
	seen_free(&r->lag);
	free(r->conn);
	free(r->pull);
	free(r->out);
	free(r->scratch);
	free(r);
}

void
repl_reconf(struct repl *r, const struct repl_conf *conf, struct mono mnow, struct wall now)
{
	enter(r, mnow, now);
	r->conf = *conf;
	partners_reconf(r);
}

void
repl_end(struct repl *r, struct mono mnow, struct wall now)
{
	enter(r, mnow, now);
	if (r->conf.discover)
		discover_announce(r, false);
	for (size_t i = 0; i < r->nconns; i++)
		if (!r->conn[i]->closing && !r->conn[i]->persistent)
			conn_stop(r, r->conn[i], 0);
}

/* ---- work and time ---- */

bool
repl_step(struct repl *r, struct mono mnow, struct wall now)
{
	static bool (*const work[])(
	    struct repl *) = { conn_step, take_step, verify_step, own_step, remove_step };
	const unsigned n = sizeof(work) / sizeof(*work);

	enter(r, mnow, now);
	push_watch(r);
	for (unsigned i = 0; i < n; i++) {
		r->turn = (r->turn + 1) % n;
		if (work[r->turn](r))
			return true;
	}
	return false;
}

void
repl_tick(struct repl *r, struct mono mnow, struct wall now)
{
	enter(r, mnow, now);
	conn_tick(r);
	own_tick(r);
	partners_tick(r);
	push_tick(r);
	verify_tick(r);
	discover_tick(r);
}

struct mono
repl_next(const struct repl *r, struct mono mnow, struct wall now)
{
	struct mono next = mono_min(conn_next(r), partners_next(r));

	next = mono_min(next, mono_min(push_next(r), take_next(r)));
	next = mono_min(next, mono_min(own_next(r), verify_next(r)));
	if (r->conf.discover)
		next = mono_min(next, r->announce_due);
	return next;
}

/* ---- wishes ---- */

int
repl_pull_now(struct repl *r, struct ip4 partner, struct mono mnow, struct wall now)
{
	enter(r, mnow, now);
	return partners_pull(r, partner);
}

int
repl_push_now(struct repl *r, struct ip4 partner, bool propagate, struct mono mnow, struct wall now)
{
	struct partner *p = partner_of(r, partner);

	enter(r, mnow, now);
	if (ip4_eq(partner, IP4_ANY)) {
		push_all(r, propagate, r->conf.self, IP4_ANY);
		return 0;
	}
	if (!p)
		return NBT_ENOENT;
	push_want(r, p, propagate, r->conf.self);
	return 0;
}

int
repl_verify_now(struct repl *r, struct ip4 owner, struct mono mnow, struct wall now)
{
	size_t n = store_known_all(r->store, NULL, 0), told = 0;
	struct store_known *all = calloc(n + 1, sizeof(*all));

	enter(r, mnow, now);
	if (!all)
		return NBT_ENOMEM;
	n = store_known_all(r->store, all, n);
	for (size_t i = 0; i < n; i++)
		if ((ip4_eq(owner, IP4_ANY) || ip4_eq(all[i].owner, owner)) &&
		    verify_want(r, all[i].owner, false) == 0)
			told++;
	free(all);
	return told ? 0 : NBT_ENOENT;
}

void
repl_clock(struct repl *r, struct ip4 partner, int64_t ms, struct wall now)
{
	struct partner *p = partner_of(r, partner);
	uint64_t s = (uint64_t)(ms < 0 ? -ms : ms) / 1000;

	r->now = now;
	if (!p)
		return;
	p->view.has_clock = true;
	p->view.clock_ms = ms;
	if (s > r->conf.skew_limit && !p->told_skew)
		repl_tell(r, EV_PARTNER_SKEW, partner, IP4_ANY, s,
		    ms < 0 ? "it is behind" : "it is ahead");
	p->told_skew = s > r->conf.skew_limit;
}

void
repl_stats(const struct repl *r, struct repl_stats *ret)
{
	const struct wins_stats *w = wins_registrar_stats(r->wins);

	*ret = r->stats;
	ret->written = w->n[WS_REPLICAS_WRITTEN];
	ret->challenged = w->n[WS_REPLICAS_CHALLENGED];
	ret->kept = w->n[WS_REPLICAS] - ret->written;
	ret->connections = r->nconns;
	ret->paused = r->own.paused;
}

/* ---- what the other files take in, with its time ---- */

static struct conn *
open_conn(struct repl *r, uint32_t id, struct mono mnow, struct wall now)
{
	struct conn *c = conn_find(r, id);

	enter(r, mnow, now);
	return c && !c->closing ? c : NULL;
}

void
repl_connected(struct repl *r, uint32_t id, int err, struct mono mnow, struct wall now)
{
	struct conn *c = open_conn(r, id, mnow, now);

	if (err)
		repl_closed(r, id, mnow, now);
	else if (c)
		assoc_begin(r, c);
}
