/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions, timers and the queue of packets to send. Layer: node. See ask.h.
 */
#include "node/ask.h"

#include <stdlib.h>

#include "node/engine.h"

#define LATER_MS 100 /* until a question that met a full queue is tried again */
#define WACK_MAX 4   /* a server that says "wait" more often is not believed (8.2 rule 8) */

/* ---- timers ---- */

int
timer_init(struct node *n, struct timer *t, timer_fire fire)
{
	t->item = HEAP_ITEM_INIT;
	t->fire = fire;
	return heap_put(&n->timers, &t->item, MONO_NEVER.ns);
}

void
timer_set(struct node *n, struct timer *t, struct mono when)
{
	heap_del(&n->timers, &t->item);
	/* Cannot fail: the place that was just left is still allocated. */
	(void)heap_put(&n->timers, &t->item, when.ns);
}

struct mono
timer_when(const struct timer *t)
{
	return (struct mono){ t->item.key };
}

void
timer_release(struct node *n, struct timer *t)
{
	heap_del(&n->timers, &t->item);
}

/* ---- packets out ---- */

static bool
out_grow(struct node *n)
{
	size_t cap = n->out_cap ? 2 * n->out_cap : 32;
	struct node_out *out;

	if (cap > NODE_OUT_MAX)
		return false;
	out = calloc(cap, sizeof(*out));
	if (!out)
		return false;
	for (size_t i = 0; i < n->out_n; i++)
		out[i] = n->out[(n->out_at + i) % n->out_cap];
	free(n->out);
	n->out = out;
	n->out_cap = cap;
	n->out_at = 0;
	return true;
}

bool
node_send(struct node *n, const struct nb_msg *m, const struct node_path *path)
{
	struct node_out *out;

	if (n->out_n == n->out_cap && !out_grow(n)) {
		n->stats.n[NS_OUT_FULL]++;
		return false;
	}
	out = &n->out[(n->out_at + n->out_n) % n->out_cap];
	out->path = *path;
	/* Claims with the longest scope are longer than what an answer may have (8.3 rule 9). */
	out->len =
	    (uint16_t)nb_encode(m, out->data, m->flags & NB_F_R ? NB_UDP_MAX : sizeof(out->data));
	if (out->len)
		n->out_n++;
	return true;
}

void
node_reply(struct node *n, const struct nb_msg *m, const struct node_path *path)
{
	struct node_path back = *path;
	const struct iface *ifc = if_by_key(n, path->key);

	back.broadcast = false;
	if (path->broadcast && ifc)
		back.local = ifc->c.ip;
	(void)node_send(n, m, &back); /* a full queue: who asked asks again */
}

const struct node_out *
node_out(struct node *n)
{
	const struct node_out *out;

	if (!n->out_n)
		return NULL;
	out = &n->out[n->out_at];
	n->out_at = (n->out_at + 1) % n->out_cap;
	n->out_n--;
	return out;
}

/* ---- asks ---- */

/* txn's own timer must never fire: the ask's does the work and closes it before. */
static const struct txn_schedule no_schedule = { .interval_ms = UINT32_MAX, .tries = 1 };

static bool
ask_send(struct node *n, const struct ask *a)
{
	const struct ask_what *w = &a->what;
	const struct iface *ifc = if_by_key(n, w->if_key);
	struct nb_msg m = { .id = a->txn.id, .flags = w->flags, .kind = w->kind, .key = *w->key };
	const struct node_path path = { .key = w->if_key,
		.peer = w->to,
		.local = w->from,
		.port = 137,
		.broadcast = w->broadcast };

	/* The card went, or has another address now: a try like one that is lost on the way. */
	if (!ifc || !ip4_eq(ifc->c.ip, w->from))
		return true;
	if (w->kind == NB_REGISTER_REQ || w->kind == NB_REFRESH_REQ || w->kind == NB_RELEASE_REQ) {
		m.ttl = w->ttl;
		m.naddr = 1;
		m.addr[0] = (struct nb_addr){ w->nb_flags, w->addr };
	}
	return node_send(n, &m, &path);
}

static void
ask_try(struct node *n, struct ask *a, struct mono now)
{
	if (!a->has_id) {
		a->has_id = !txn_open(&n->txns, &a->txn, a->what.to, &no_schedule, now);
		if (!a->has_id) {
			timer_set(n, &a->timer, mono_add_ms(now, 10 * LATER_MS));
			return;
		}
	}
	if (!ask_send(n, a)) {
		timer_set(n, &a->timer, mono_add_ms(now, LATER_MS));
		return;
	}
	a->tries_left--;
	a->sent = now;
	timer_set(n, &a->timer, mono_add_ms(now, a->what.interval_ms));
}

static void
ask_fire(struct node *n, struct timer *t, struct mono now)
{
	struct ask *a = OWNER_OF(t, struct ask, timer);

	if (a->tries_left) {
		ask_try(n, a, now);
	} else {
		ask_close(n, a);
		a->heard(n, a, NULL, NULL, now);
	}
}

int
ask_init(struct node *n, struct ask *a)
{
	*a = (struct ask){ 0 };
	return timer_init(n, &a->timer, ask_fire);
}

void
ask_open(
    struct node *n, struct ask *a, const struct ask_what *what, ask_heard heard, struct mono now)
{
	ask_close(n, a);
	a->what = *what;
	a->heard = heard;
	a->tries_left = what->tries;
	a->wacks = 0;
	a->open = true;
	ask_try(n, a, now);
}

void
ask_close(struct node *n, struct ask *a)
{
	if (a->has_id)
		txn_close(&n->txns, &a->txn);
	a->has_id = a->open = false;
	timer_set(n, &a->timer, MONO_NEVER);
}

void
ask_linger(struct node *n, struct ask *a, struct mono until)
{
	a->tries_left = 0;
	timer_set(n, &a->timer, until);
}

void
ask_release(struct node *n, struct ask *a)
{
	ask_close(n, a);
	timer_release(n, &a->timer);
}

/* ---- answers ---- */

static bool
kind_fits(const struct ask *a, const struct nb_msg *m)
{
	switch (m->kind) {
	case NB_REGISTER_RESP:
		return a->what.kind == NB_REGISTER_REQ || a->what.kind == NB_REFRESH_REQ;
	case NB_RELEASE_RESP:
		return a->what.kind == NB_RELEASE_REQ;
	case NB_QUERY_OK:
	case NB_QUERY_FAIL:
	case NB_REDIRECT:
		return a->what.kind == NB_QUERY_REQ;
	case NB_STATUS_RESP:
		return a->what.kind == NB_STATUS_REQ;
	}
	return m->kind == NB_WACK;
}

/* Some answers may leave the name out: "not found" (1.8.8) and WACK (1.8.11). */
static bool
name_fits(const struct ask *a, const struct nb_msg *m)
{
	static const struct nb_key none;

	if ((m->kind == NB_QUERY_FAIL || m->kind == NB_WACK) && nb_key_eq(&m->key, &none))
		return true;
	return nb_key_eq(&m->key, a->what.key);
}

/* The open ask that a response with this id may be for: of this peer, or broadcast on its network. */
static struct ask *
ask_find(struct node *n, uint16_t id, const struct node_path *path)
{
	const struct iface *ifc = if_by_key(n, path->key);
	struct txn *x = txn_match(&n->txns, path->peer, id);
	struct ask *a = x ? OWNER_OF(x, struct ask, txn) : NULL;

	if (a && !a->what.broadcast)
		return ip4_eq(a->what.from, path->local) ? a : NULL;
	if (!ifc || !if_on_link(ifc, path->peer) || if_by_ip(n, path->peer))
		return NULL;
	x = txn_match(&n->txns, ifc->c.broadcast, id);
	a = x ? OWNER_OF(x, struct ask, txn) : NULL;
	return a && a->what.broadcast && a->what.if_key == path->key ? a : NULL;
}

static void
ask_wait(struct node *n, struct ask *a, uint32_t seconds, struct mono now)
{
	/* 0 means that the server does not know how long it takes. */
	if (!seconds || seconds > n->conf.wack_max_s)
		seconds = n->conf.wack_max_s;
	if (a->wacks == WACK_MAX)
		return;
	a->wacks++;
	timer_set(n, &a->timer, mono_add_ms(now, (int64_t)seconds * 1000));
}

bool
ask_in(struct node *n, const struct nb_msg *m, const uint8_t *packet, size_t len,
    const struct node_path *path, struct mono now)
{
	struct ask *a = ask_find(n, m->id, path);
	struct iface *ifc;

	if (!a || !kind_fits(a, m) || !name_fits(a, m))
		return false;
	ifc = if_by_key(n, a->what.if_key);
	if (!a->what.broadcast && ifc)
		if_wins_answered(n, ifc, path->peer, now);
	if (m->kind == NB_WACK) {
		if (!a->what.broadcast)
			ask_wait(n, a, m->ttl, now);
		return true;
	}
	a->packet = packet;
	a->packet_len = len;
	a->heard(n, a, m, path, now);
	return true;
}
