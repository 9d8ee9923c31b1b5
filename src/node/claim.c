/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims and refreshes of a name on one interface. Layer: node. See claim.h.
 *
 * Each hold walks through the servers of its interface by itself: a list that another name moves
 * on in the middle of a walk is how Windows skipped names (KB 252511, 238966).
 */
#include "node/claim.h"

#include <stdio.h>
#include <string.h>

#include "node/release.h"

#define TTL_FLOOR_S  300          /* MS-NBTE 3.1.4.1 */
#define RETRY_MS     (600 * 1000) /* between refreshes that nobody answers (KB 164308, 247559) */
#define TRIES_A_HOUR 6            /* so often before the next server, or the way home, is tried */

static void ask_server(struct node *n, struct hold *h, struct mono now);

/* ---- what is sent ---- */

struct ask_what
claim_to_server(
    const struct node *n, const struct hold *h, struct ip4 server, uint8_t kind, uint16_t flags)
{
	return (struct ask_what){ .key = &h->name->key,
		.kind = kind,
		.flags = flags,
		.nb_flags = node_nb_flags(n, h->name->group),
		.addr = h->adv,
		.ttl = kind == NB_RELEASE_REQ ? 0 : n->conf.ttl,
		.if_key = h->ifc->c.key,
		.from = h->ip,
		.to = server,
		.interval_ms = n->conf.server_timeout_ms,
		.tries = n->conf.server_count };
}

struct ask_what
claim_to_all(const struct node *n, const struct hold *h, uint8_t kind, uint16_t flags)
{
	struct ask_what w = claim_to_server(n, h, h->ifc->c.broadcast, kind, flags | NB_F_B);

	w.broadcast = true;
	w.ttl = 0; /* 2.1 */
	w.interval_ms = n->conf.bcast_timeout_ms;
	w.tries = n->conf.bcast_count;
	return w;
}

void
hold_told(struct hold *h, struct ip4 server)
{
	hold_untold(h, server);
	if (h->ntold == TOLD_MAX)
		memmove(h->told, h->told + 1, --h->ntold * sizeof(*h->told));
	h->told[h->ntold++] = server;
}

void
hold_untold(struct hold *h, struct ip4 server)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < h->ntold; i++)
		if (!ip4_eq(h->told[i], server))
			h->told[kept++] = h->told[i];
	h->ntold = (uint8_t)kept;
}

/* ---- when WINS is asked next ---- */

static struct mono
earlier(struct mono a, struct mono b)
{
	return a.ns < b.ns ? a : b;
}

/* Half of the smallest lifetime that any interface was granted for the name (KB 164308); 0 = never. */
static int64_t
refresh_interval_ms(const struct name *nm)
{
	uint32_t least = 0;

	for (const struct hold *h = nm->holds; h; h = h->next)
		if (h->state == NODE_REGISTERED && h->by_wins && h->ttl &&
		    (!least || h->ttl < least))
			least = h->ttl;
	return (int64_t)least * 1000 / 2;
}

static void
schedule_one(struct node *n, struct hold *h)
{
	int64_t interval;

	if (h->ask.open || h->gone)
		return;
	if (h->by_wins && h->state == NODE_REGISTERED && !h->unanswered) {
		interval = h->ttl ? refresh_interval_ms(h->name) : 0;
		h->refresh_at = interval ? mono_add_ms(h->granted, interval) : MONO_NEVER;
	}
	timer_set(n, &h->due, earlier(h->refresh_at, h->home_at));
}

void
claim_schedule(struct node *n, struct hold *h)
{
	for (struct hold *other = h->name->holds; other; other = other->next)
		if (other->state == NODE_REGISTERED || other->state == NODE_RETRYING)
			schedule_one(n, other);
}

/* Until a server granted something, WINS is tried at an eighth of the first interval (KB 154409). */
static void
retry_later(struct node *n, struct hold *h, struct mono now)
{
	h->refresh_at = h->ifc->c.nwins && node_type(n) != NODE_B
			    ? mono_add_ms(now, n->conf.initial_refresh_ms / 8)
			    : MONO_NEVER;
	h->home_at = MONO_NEVER;
	claim_schedule(n, h);
}

/* ---- how a claim ends ---- */

static void
registered_by_broadcast(struct node *n, struct hold *h, struct mono now)
{
	if (h->state != NODE_REGISTERED)
		n->stats.n[NS_REGISTERED_BCAST]++;
	h->state = NODE_REGISTERED;
	h->by_wins = false;
	h->ttl = 0;
	h->step = STEP_NONE;
	retry_later(n, h, now);
}

static void
granted(struct node *n, struct hold *h, const struct nb_msg *m, struct ip4 server, struct mono now)
{
	int at = if_wins_index(h->ifc, server);

	n->stats.n[h->step == STEP_REFRESH ? NS_REFRESHED : NS_REGISTERED_WINS]++;
	ask_close(n, &h->ask);
	if (at > 0 && !(h->by_wins && ip4_eq(h->wins, server)))
		h->home_tries = TRIES_A_HOUR;
	h->state = NODE_REGISTERED;
	h->step = STEP_NONE;
	h->by_wins = true;
	h->wins = server;
	h->ttl = m->ttl && m->ttl < TTL_FLOOR_S ? TTL_FLOOR_S : m->ttl;
	h->granted = now;
	h->unanswered = 0;
	h->home_at = at > 0 && h->home_tries ? mono_add_ms(now, RETRY_MS) : MONO_NEVER;
	if (at >= 0)
		h->ifc->cur = (uint8_t)at;
	claim_schedule(n, h);
}

void
claim_lost(struct node *n, struct hold *h, struct ip4 offender)
{
	ask_close(n, &h->ask);
	timer_set(n, &h->due, MONO_NEVER);
	h->step = STEP_NONE;
	h->state = NODE_CONFLICT;
	h->offender = offender;
}

/* Who has the name: the refusal says so, unless it echoes our own address (1.8.1). */
static struct ip4
owner_in(const struct node *n, const struct nb_msg *m, struct ip4 peer)
{
	struct ip4 ip = m->addr[0].ip;

	for (unsigned i = 0; i < n->nifs; i++)
		if (ip4_eq(ip, n->ifs[i]->c.ip) || ip4_eq(ip, if_advertised(&n->ifs[i]->c)))
			return peer;
	return ip4_is_host(ip) ? ip : peer;
}

static void
refused(struct node *n, struct hold *h, const struct nb_msg *m, struct ip4 peer)
{
	struct ip4 owner = owner_in(n, m, peer);
	char text[120];

	n->stats.n[NS_REGISTER_REFUSED]++;
	snprintf(text, sizeof(text), "%s, %s, %s", h->ifc->c.name,
	    h->step == STEP_REFRESH ? "refresh" : "claim", nb_rcode_text(nb_rcode(m)));
	hold_untold(h, peer);
	claim_lost(n, h, owner);
	node_tell(n, EV_NODE_NAME_REFUSED, &h->name->key, peer, owner, text);
}

/* ---- by broadcast ---- */

static void
heard_broadcast(struct node *n, struct ask *a, const struct nb_msg *m, const struct node_path *path,
    struct mono now)
{
	struct hold *h = OWNER_OF(a, struct hold, ask);
	struct ask_what w;

	if (m) {
		if (nb_rcode(m))
			refused(n, h, m, path->peer);
		return;
	}
	/* Nobody objected: told to everybody (RFC 1002 5.1.1.1). A lost packet costs nothing: the
	 * name is defended from now on. */
	w = claim_to_all(n, h, NB_REGISTER_REQ, NB_OP_REGISTER << 11);
	w.tries = 1;
	ask_open(n, &h->ask, &w, heard_broadcast, now);
	ask_close(n, &h->ask);
	if (node_type(n) == NODE_M && h->ifc->c.nwins) {
		registered_by_broadcast(n, h, now);
		claim_hurry(n, h, now);
	} else {
		registered_by_broadcast(n, h, now);
	}
}

static void
claim_by_broadcast(struct node *n, struct hold *h, struct mono now)
{
	struct ask_what w = claim_to_all(n, h, NB_REGISTER_REQ, NB_OP_REGISTER << 11 | NB_F_RD);

	h->step = STEP_BCAST;
	ask_open(n, &h->ask, &w, heard_broadcast, now);
}

/* ---- at WINS servers ---- */

/* No server answered, or there is none. */
static void
no_server(struct node *n, struct hold *h, struct mono now)
{
	unsigned type = node_type(n);

	h->step = STEP_NONE;
	if (type == NODE_P) {
		h->state = NODE_RETRYING;
		h->by_wins = false;
		retry_later(n, h, now);
	} else if (h->state == NODE_REGISTERED || type == NODE_M) {
		registered_by_broadcast(n, h, now);
	} else {
		claim_by_broadcast(n, h, now);
	}
}

static void
next_server(struct node *n, struct hold *h, struct mono now)
{
	if (h->servers_left) {
		h->server = (uint8_t)((h->server + 1) % h->ifc->c.nwins);
		ask_server(n, h, now);
		return;
	}
	h->ifc->down_until = mono_add_ms(now, n->conf.wins_down_ms);
	no_server(n, h, now);
}

static void
heard_update(struct node *n, struct ask *a, const struct nb_msg *m, const struct node_path *path,
    struct mono now)
{
	struct hold *h = OWNER_OF(a, struct hold, ask);

	if (!m) {
		next_server(n, h, now);
	} else if (nb_rcode(m)) {
		refused(n, h, m, path->peer);
	} else if (m->flags & NB_F_RA) {
		granted(n, h, m, path->peer, now);
	}
}

/* The name's owner does not have it any more: say so to a server that does not ask itself. */
static void
send_update(struct node *n, struct hold *h, struct mono now)
{
	struct ask_what w =
	    claim_to_server(n, h, h->ifc->c.wins[h->server], NB_REGISTER_REQ, NB_OP_REGISTER << 11);

	h->step = STEP_UPDATE;
	ask_open(n, &h->ask, &w, heard_update, now);
}

static void
heard_owner(struct node *n, struct ask *a, const struct nb_msg *m, const struct node_path *path,
    struct mono now)
{
	struct hold *h = OWNER_OF(a, struct hold, ask);
	struct nb_msg refusal = { .flags = NB_RC_ACT, .addr = { { 0, a->what.to } } };

	if (m && m->kind == NB_QUERY_OK)
		refused(n, h, &refusal, a->what.to);
	else
		send_update(n, h, now);
}

/* END-NODE CHALLENGE (RFC 1002 5.1.2.1): the server wants us to ask the owner it knows. */
static void
challenge_owner(struct node *n, struct hold *h, struct ip4 owner, struct mono now)
{
	struct ask_what w = claim_to_server(n, h, owner, NB_QUERY_REQ, 0);

	h->step = STEP_CHALLENGE;
	if (!ip4_is_host(owner) || if_by_ip(n, owner))
		send_update(n, h, now);
	else
		ask_open(n, &h->ask, &w, heard_owner, now);
}

static void
heard_server(struct node *n, struct ask *a, const struct nb_msg *m, const struct node_path *path,
    struct mono now)
{
	struct hold *h = OWNER_OF(a, struct hold, ask);

	if (!m) {
		if_wins_silent(n, h->ifc, a->what.to);
		next_server(n, h, now);
	} else if (nb_rcode(m) == NB_RC_SRV) {
		/* It cannot, which says nothing about the name. */
		ask_close(n, a);
		next_server(n, h, now);
	} else if (nb_rcode(m)) {
		refused(n, h, m, path->peer);
	} else if (m->flags & NB_F_RA) {
		granted(n, h, m, path->peer, now);
	} else {
		ask_close(n, a);
		challenge_owner(n, h, m->addr[0].ip, now);
	}
}

/* Unique names of a host with several interfaces have an opcode of their own (3.1 #3, #4). */
static uint16_t
claim_flags(const struct node *n, const struct hold *h)
{
	unsigned in_use = 0;

	for (unsigned i = 0; i < n->nifs; i++)
		in_use += !n->ifs[i]->c.leaving;
	return (uint16_t)(NB_F_RD |
			  (h->name->group || in_use < 2 ? NB_OP_REGISTER : NB_OP_MULTIHOMED) << 11);
}

static void
ask_server(struct node *n, struct hold *h, struct mono now)
{
	struct ip4 server = h->ifc->c.wins[h->server];
	struct ask_what w = claim_to_server(n, h, server, NB_REGISTER_REQ, claim_flags(n, h));

	h->step = STEP_WINS;
	h->servers_left--;
	hold_told(h, server);
	ask_open(n, &h->ask, &w, heard_server, now);
}

static void
claim_at_wins(struct node *n, struct hold *h, struct mono now)
{
	if (!h->ifc->c.nwins || now.ns < h->ifc->down_until.ns) {
		no_server(n, h, now);
		return;
	}
	h->server = h->ifc->cur;
	h->servers_left = h->ifc->c.nwins;
	ask_server(n, h, now);
}

/* ---- refresh ---- */

/* Silence, or a server that cannot: again in ten minutes, but not past the end of the lifetime. */
static void
refresh_unanswered(struct node *n, struct hold *h, struct mono now)
{
	struct mono again = mono_add_ms(now, RETRY_MS);

	h->step = STEP_NONE;
	if (h->unanswered < UINT8_MAX)
		h->unanswered++;
	if (h->ttl)
		again = earlier(again, mono_add_ms(h->granted, (int64_t)h->ttl * 1000));
	h->refresh_at = again;
	claim_schedule(n, h);
}

static void
heard_refresh(struct node *n, struct ask *a, const struct nb_msg *m, const struct node_path *path,
    struct mono now)
{
	struct hold *h = OWNER_OF(a, struct hold, ask);

	if (!m) {
		if_wins_silent(n, h->ifc, a->what.to);
		refresh_unanswered(n, h, now);
	} else if (nb_rcode(m) == NB_RC_SRV) {
		ask_close(n, a);
		refresh_unanswered(n, h, now);
	} else if (nb_rcode(m)) {
		refused(n, h, m, path->peer);
	} else if (m->flags & NB_F_RA) {
		granted(n, h, m, path->peer, now);
	}
}

/* At the server that has the name; after an hour of silence at the next one, and so on. */
static void
refresh(struct node *n, struct hold *h, struct mono now)
{
	int at = if_wins_index(h->ifc, h->wins);
	struct ip4 server = h->wins;
	struct ask_what w;

	if (at >= 0)
		server =
		    h->ifc->c.wins[((unsigned)at + h->unanswered / TRIES_A_HOUR) % h->ifc->c.nwins];
	w = claim_to_server(n, h, server, NB_REFRESH_REQ, (uint16_t)(n->conf.refresh_opcode << 11));
	h->step = STEP_REFRESH;
	hold_told(h, server);
	ask_open(n, &h->ask, &w, heard_refresh, now);
}

static void
heard_home(struct node *n, struct ask *a, const struct nb_msg *m, const struct node_path *path,
    struct mono now)
{
	struct hold *h = OWNER_OF(a, struct hold, ask);

	if (m && nb_rcode(m) != NB_RC_SRV) {
		if (nb_rcode(m))
			refused(n, h, m, path->peer);
		else if (m->flags & NB_F_RA)
			granted(n, h, m, path->peer, now);
		return;
	}
	if (m)
		ask_close(n, a);
	h->step = STEP_NONE;
	h->home_tries -= h->home_tries > 0;
	h->home_at = h->home_tries ? mono_add_ms(now, RETRY_MS) : MONO_NEVER;
	if (now.ns >= h->refresh_at.ns)
		refresh(n, h, now);
	else
		claim_schedule(n, h);
}

/* KB 247559: the primary is tried every ten minutes for an hour, then with each refresh. */
static void
try_home(struct node *n, struct hold *h, struct mono now)
{
	struct ip4 home = h->ifc->c.wins[0];
	struct ask_what w = claim_to_server(n, h, home, NB_REGISTER_REQ, claim_flags(n, h));

	h->step = STEP_HOME;
	hold_told(h, home);
	ask_open(n, &h->ask, &w, heard_home, now);
}

void
claim_due(struct node *n, struct timer *t, struct mono now)
{
	struct hold *h = OWNER_OF(t, struct hold, due);

	timer_set(n, t, MONO_NEVER);
	if (h->ask.open || (h->state != NODE_REGISTERED && h->state != NODE_RETRYING))
		return;
	if (!h->by_wins)
		claim_at_wins(n, h, now);
	else if (h->ttl && now.ns >= mono_add_ms(h->granted, (int64_t)h->ttl * 1000).ns)
		claim_start(n, h, now); /* the server has let it go by now */
	else if (if_wins_index(h->ifc, h->wins) > 0)
		try_home(n, h, now);
	else
		refresh(n, h, now);
}

/* ---- from outside ---- */

/* 3.1 #7: a name that is in conflict on one interface cannot be registered on another. */
static const struct hold *
flagged_sibling(const struct hold *h)
{
	for (const struct hold *o = h->name->holds; o; o = o->next)
		if (o != h && !o->gone && o->state == NODE_CONFLICT)
			return o;
	return NULL;
}

void
claim_start(struct node *n, struct hold *h, struct mono now)
{
	const struct hold *flagged = flagged_sibling(h);
	unsigned type = node_type(n);

	ask_close(n, &h->ask);
	timer_set(n, &h->due, MONO_NEVER);
	release_forget(n, h, now);
	h->refresh_at = h->home_at = MONO_NEVER;
	h->by_wins = false;
	h->unanswered = h->home_tries = 0;
	h->state = NODE_REGISTERING;
	if (h->name->key.name.b[0] == '*') {
		h->state = NODE_REGISTERED; /* never on the wire (MS-NBTE 3.1.4.1) */
		return;
	}
	if (flagged)
		claim_lost(n, h, flagged->offender);
	else if (type == NODE_B || type == NODE_M)
		claim_by_broadcast(n, h, now);
	else
		claim_at_wins(n, h, now);
}

void
claim_servers_changed(struct node *n, struct hold *h, struct mono now)
{
	bool at_wins = h->ask.open && (h->step == STEP_WINS || h->step == STEP_CHALLENGE ||
					  h->step == STEP_UPDATE || h->step == STEP_HOME);

	if (h->state == NODE_CONFLICT || h->state == NODE_RELEASING || h->state == NODE_RELEASED)
		return;
	if (h->state == NODE_REGISTERED && h->by_wins && !at_wins &&
	    if_wins_index(h->ifc, h->wins) >= 0)
		return;
	if (h->state == NODE_REGISTERED && !h->by_wins && !at_wins && h->ifc->c.nwins)
		claim_hurry(n, h, now);
	else
		claim_start(n, h, now);
}

void
claim_hurry(struct node *n, struct hold *h, struct mono when)
{
	if (h->ask.open || (h->state != NODE_REGISTERED && h->state != NODE_RETRYING))
		return;
	h->refresh_at = when;
	timer_set(n, &h->due, when);
}
