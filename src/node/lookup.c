/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resolution: the walk, and its ways through WINS and broadcast. Layer: node. See lookup.h.
 *
 * Interfaces are asked in parallel and by themselves (3.1 #10): broadcasts go out on all of them at once,
 * on an H node also at once on those that have no WINS server. WINS servers are asked one by one, those
 * of all interfaces in the interfaces' order.
 */
#include "node/lookup.h"

#include <stdlib.h>
#include <string.h>

#define DEMANDS_MAX 4 /* conflict demands that one resolution may lead to */

/* ---- life ---- */

static void
lookup_free(struct node *n, struct lookup *l)
{
	ask_release(n, &l->wins);
	for (unsigned i = 0; i < l->nshouts; i++)
		ask_release(n, &l->shouts[i].ask);
	free(l->shouts);
	free(l);
	n->nlookups--;
}

void
lookup_free_all(struct node *n)
{
	while (n->lookups) {
		struct lookup *l = n->lookups;

		n->lookups = l->next;
		lookup_free(n, l);
	}
}

void
lookup_reap(struct node *n)
{
	struct lookup **at = &n->lookups;

	if (!n->reap_lookups)
		return;
	n->reap_lookups = false;
	while (*at) {
		struct lookup *l = *at;

		if (!l->over) {
			at = &l->next;
			continue;
		}
		*at = l->next;
		lookup_free(n, l);
	}
}

static int
shouts_init(struct node *n, struct lookup *l)
{
	l->shouts = calloc(n->nifs ? n->nifs : 1, sizeof(*l->shouts));
	if (!l->shouts)
		return NBT_ENOMEM;
	for (; l->nshouts < n->nifs; l->nshouts++) {
		if (ask_init(n, &l->shouts[l->nshouts].ask))
			return NBT_ENOMEM;
		l->shouts[l->nshouts].of = l;
	}
	return 0;
}

int
lookup_new(
    struct node *n, const struct nb_key *key, uint32_t if_key, uint32_t ticket, struct lookup **ret)
{
	struct lookup *l, **end = &n->lookups;

	lookup_reap(n);
	if (n->nlookups == NODE_ASKS_MAX)
		return NBT_ELIMIT;
	l = calloc(1, sizeof(*l));
	if (!l)
		return NBT_ENOMEM;
	if (ask_init(n, &l->wins)) {
		free(l);
		return NBT_ENOMEM;
	}
	n->nlookups++;
	l->key = *key;
	l->if_key = if_key;
	l->ticket = l->answer.ticket = ticket;
	if (shouts_init(n, l)) {
		lookup_free(n, l);
		return NBT_ENOMEM;
	}
	while (*end)
		end = &(*end)->next;
	*end = l;
	*ret = l;
	return 0;
}

/* ---- the end ---- */

void
lookup_finish(struct node *n, struct lookup *l)
{
	ask_close(n, &l->wins);
	for (unsigned i = 0; i < l->nshouts; i++)
		ask_close(n, &l->shouts[i].ask);
	l->over = n->reap_lookups = true;
}

static void
tell(struct node *n, struct lookup *l, uint8_t source, enum node_stat stat)
{
	l->answer.found = l->answer.naddr > 0;
	l->answer.source = source;
	if (l->answer.found)
		order_addresses(
		    n, l->if_key ? if_by_key(n, l->if_key) : NULL, l->answer.addr, l->answer.naddr);
	n->stats.n[stat]++;
	l->told = true;
	n->host.answer(n->host.arg, &l->answer);
}

void
lookup_end(struct node *n, struct lookup *l, uint8_t source, enum node_stat stat)
{
	tell(n, l, source, stat);
	lookup_finish(n, l);
}

/* ---- answers ---- */

/* May such an address stand in an answer (8.2 rule 10)? */
static bool
usable(const struct nb_addr *a)
{
	return ip4_is_host(a->ip) || (a->flags & NB_G && ip4_eq(a->ip, IP4_BROADCAST));
}

static bool
has_addr(const struct node_answer *a, struct ip4 ip)
{
	for (unsigned i = 0; i < a->naddr; i++)
		if (ip4_eq(a->addr[i], ip))
			return true;
	return false;
}

/* Adds what is usable to the answer; false: nothing was. */
static bool
collect(struct lookup *l, const struct nb_msg *m, struct ip4 from)
{
	bool any = false;

	for (unsigned i = 0; i < m->naddr && l->answer.naddr < REC_ADDR_MAX; i++) {
		if (!usable(&m->addr[i]))
			continue;
		any = true;
		l->answer.group |= !!(m->addr[i].flags & NB_G);
		if (!has_addr(&l->answer, m->addr[i].ip))
			l->answer.addr[l->answer.naddr++] = m->addr[i].ip;
	}
	if (any && !l->answer.from.v)
		l->answer.from = from;
	return any;
}

static void
remember(struct node *n, const struct lookup *l, uint32_t if_key, struct mono now)
{
	struct cache_entry e = {
		.key = l->key, .if_key = if_key, .group = l->answer.group, .naddr = l->answer.naddr
	};

	memcpy(e.addr, l->answer.addr, sizeof(e.addr));
	(void)cache_put(n->cache, &e, n->conf.cache_ms, now); /* preloaded, or no memory */
}

static void advance(struct node *n, struct lookup *l, struct mono now);

/* ---- broadcast ---- */

/* R1 15.1.3.5: exact duplicates and members of one group are no conflict, nor is one host that
 * answers from two addresses. */
static bool
contradicts(const struct lookup *l, const struct nb_msg *m, struct ip4 peer)
{
	bool group = l->answer.group;

	if (ip4_eq(peer, l->first) || !m->naddr)
		return false;
	for (unsigned i = 0; i < m->naddr; i++) {
		group &= !!(m->addr[i].flags & NB_G);
		if (has_addr(&l->answer, m->addr[i].ip))
			return false;
	}
	return !group;
}

static void
send_conflict(struct node *n, struct lookup *l, const struct ask *a, struct ip4 peer)
{
	const struct node_path path = {
		.key = a->what.if_key, .peer = peer, .local = a->what.from, .port = 137
	};
	const struct nb_msg m = { .id = (uint16_t)n->host.random(n->host.arg),
		.flags = NB_F_R | NB_OP_REGISTER << 11 | NB_F_AA | NB_F_RD | NB_F_RA | NB_RC_CFT,
		.kind = NB_REGISTER_RESP,
		.key = l->key,
		.naddr = 1 };

	cache_drop(n->cache, &l->key, a->what.if_key);
	if (l->demands++ >= DEMANDS_MAX)
		return;
	n->stats.n[NS_CONFLICTS_SENT]++;
	(void)node_send(
	    n, &m, &path); /* never repeated (RFC 1002 5.1): not when the queue is full */
	node_tell(n, EV_NODE_TWO_ANSWERS, &l->key, peer, l->first, "");
}

static void
heard_shout(struct node *n, struct ask *a, const struct nb_msg *m, const struct node_path *path,
    struct mono now)
{
	struct lookup *l = OWNER_OF(a, struct shout, ask)->of;

	if (!m) {
		l->open--;
		if (l->told)
			lookup_finish(n, l);
		else
			advance(n, l, now);
		return;
	}
	if (m->kind != NB_QUERY_OK)
		return;
	if (l->told) {
		if (contradicts(l, m, path->peer))
			send_conflict(n, l, a, path->peer);
		return;
	}
	if (!collect(l, m, path->peer) || l->merging)
		return;
	for (unsigned i = 0; i < l->nshouts; i++)
		if (&l->shouts[i].ask != a)
			ask_close(n, &l->shouts[i].ask);
	ask_close(n, &l->wins);
	l->first = path->peer;
	ask_linger(n, a, mono_add_ms(now, n->conf.conflict_ms));
	remember(n, l, path->key, now);
	tell(n, l, NODE_FROM_BROADCAST, NS_RESOLVED_BCAST);
}

/* On all interfaces concerned, or on those with or without WINS servers. */
static void
shout(struct node *n, struct lookup *l, bool with_wins, bool without_wins, struct mono now)
{
	if (node_blocked(n, &l->key))
		return;
	for (unsigned i = 0; i < n->nifs && i < l->nshouts; i++) {
		const struct node_if *c = &n->ifs[i]->c;
		const struct ask_what w = { .key = &l->key,
			.kind = NB_QUERY_REQ,
			.flags = NB_F_RD | NB_F_B,
			.if_key = c->key,
			.from = c->ip,
			.to = c->broadcast,
			.broadcast = true,
			.interval_ms = n->conf.bcast_timeout_ms,
			.tries = l->merging ? 1 : n->conf.bcast_count };

		if (c->leaving || (l->if_key && l->if_key != c->key) ||
		    !(c->nwins ? with_wins : without_wins) || l->shouts[i].ask.open)
			continue;
		l->open++;
		ask_open(n, &l->shouts[i].ask, &w, heard_shout, now);
	}
}

/* ---- WINS ---- */

static bool ask_next_server(struct node *n, struct lookup *l, struct mono now);

/* KB 140473: a P node broadcasts once when WINS has no address for it, or a list of servers. */
static bool
shout_once(struct node *n, struct lookup *l, const struct nb_msg *m, struct mono now)
{
	bool empty = false;

	for (unsigned i = 0; i < m->naddr; i++)
		empty |= !m->addr[i].ip.v;
	if (node_type(n) != NODE_P || (!empty && nb_suffix(&l->key) != 0x1c))
		return false;
	l->merging = l->shouted = true;
	shout(n, l, true, true, now);
	return l->open > 0;
}

static bool
follow_redirect(struct node *n, struct lookup *l, const struct nb_msg *m, struct mono now)
{
	const struct iface *ifc = if_by_key(n, l->wins.what.if_key);
	struct ask_what w = l->wins.what;

	/* 8.2 rule 11: once, and to a server we know. */
	if (l->redirected || !ifc || if_wins_index(ifc, m->ns_ip) < 0)
		return false;
	l->redirected = true;
	w.to = m->ns_ip;
	ask_open(n, &l->wins, &w, l->wins.heard, now);
	return true;
}

static void
server_silent(struct node *n, const struct lookup *l, struct ip4 server, struct mono now)
{
	struct iface *ifc;
	bool all = true;
	unsigned i = 0;

	while (i < n->nifs && n->ifs[i]->c.key != l->wins.what.if_key)
		i++;
	if (i == n->nifs)
		return;
	ifc = n->ifs[i];
	if_wins_silent(n, ifc, server);
	/* KB 247559: a secondary that stops answering is left at once. */
	if (if_wins_index(ifc, server) == ifc->cur)
		ifc->cur = 0;
	for (unsigned k = 0; k < ifc->c.nwins; k++)
		all &= ifc->silent[k] && l->asked[i] & 1u << k;
	if (all)
		ifc->down_until = mono_add_ms(now, n->conf.wins_down_ms);
}

static void
heard_wins(struct node *n, struct ask *a, const struct nb_msg *m, const struct node_path *path,
    struct mono now)
{
	struct lookup *l = OWNER_OF(a, struct lookup, wins);

	if (m)
		ask_close(n, a);
	else
		server_silent(n, l, a->what.to, now);
	if (m && m->kind == NB_REDIRECT && follow_redirect(n, l, m, now))
		return;
	if (m && m->kind == NB_QUERY_OK) {
		bool any = collect(l, m, path->peer);

		if (shout_once(n, l, m, now))
			return;
		if (any) {
			remember(n, l, a->what.if_key, now);
			lookup_end(n, l, NODE_FROM_WINS, NS_RESOLVED_WINS);
			return;
		}
	}
	/* KB 137780: also after a "no". */
	if (!ask_next_server(n, l, now))
		advance(n, l, now);
}

static bool
asked_before(const struct node *n, const struct lookup *l, struct ip4 server)
{
	for (unsigned i = 0; i < n->nifs; i++)
		for (unsigned k = 0; k < n->ifs[i]->c.nwins; k++)
			if (l->asked[i] & 1u << k && ip4_eq(n->ifs[i]->c.wins[k], server))
				return true;
	return false;
}

/* The next of the interfaces' lists one behind the other, the server in use first in each. */
static bool
next_server(const struct node *n, struct lookup *l, struct mono now, const struct iface **ret_ifc,
    struct ip4 *ret)
{
	for (unsigned i = 0; i < n->nifs; i++) {
		const struct iface *ifc = n->ifs[i];

		if (ifc->c.leaving || (l->if_key && l->if_key != ifc->c.key) ||
		    now.ns < ifc->down_until.ns)
			continue;
		for (unsigned k = 0; k < ifc->c.nwins; k++) {
			unsigned at = (ifc->cur + k) % ifc->c.nwins;

			if (l->asked[i] & 1u << at || asked_before(n, l, ifc->c.wins[at]))
				continue;
			l->asked[i] |= (uint16_t)(1u << at);
			*ret_ifc = ifc;
			*ret = ifc->c.wins[at];
			return true;
		}
	}
	return false;
}

static bool
ask_next_server(struct node *n, struct lookup *l, struct mono now)
{
	const struct iface *ifc;
	struct ask_what w;
	struct ip4 server;

	if (node_type(n) == NODE_B || !next_server(n, l, now, &ifc, &server))
		return false;
	w = (struct ask_what){ .key = &l->key,
		.kind = NB_QUERY_REQ,
		.flags = NB_F_RD,
		.if_key = ifc->c.key,
		.from = ifc->c.ip,
		.to = server,
		.interval_ms = n->conf.server_timeout_ms,
		.tries = n->conf.server_count };
	ask_open(n, &l->wins, &w, heard_wins, now);
	return true;
}

/* ---- the order ---- */

/* One way came to its end: is another still open, or is it the next one's turn? */
static void
advance(struct node *n, struct lookup *l, struct mono now)
{
	unsigned type = node_type(n);

	if (l->wins.open)
		return;
	if (!l->shouted && type != NODE_P) {
		l->shouted = true;
		shout(n, l, true, type != NODE_H, now);
	}
	if (l->open)
		return;
	if (type == NODE_M && ask_next_server(n, l, now))
		return;
	if (l->answer.naddr)
		lookup_end(
		    n, l, NODE_FROM_WINS, NS_RESOLVED_WINS); /* and by a P node's broadcast */
	else
		lookup_fall_back(n, l);
}

static void
begin(struct node *n, struct lookup *l, struct mono now)
{
	const struct name *nm = name_find(n, &l->key);

	/* A group of ours has other members: they are asked for. */
	if (nm && !nm->group && lookup_own_names(n, l)) {
		lookup_end(n, l, NODE_FROM_LOCAL, NS_CACHE_HITS);
		return;
	}
	if (lookup_cached(n, l, now)) {
		lookup_end(n, l, NODE_FROM_CACHE, NS_CACHE_HITS);
		return;
	}
	switch (node_type(n)) {
	case NODE_H:
		shout(n, l, false, true, now);
		/* fallthrough */
	case NODE_P:
		if (ask_next_server(n, l, now))
			return;
	}
	advance(n, l, now);
}

int
node_resolve(
    struct node *n, const struct nb_key *key, uint32_t if_key, uint32_t ticket, struct mono now)
{
	struct lookup *l;
	int err = lookup_new(n, key, if_key, ticket, &l);

	if (err)
		return err;
	begin(n, l, now);
	lookup_reap(n);
	return 0;
}
