/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resolution and node status questions. Layer: node. See lookup.h.
 *
 * Interfaces are asked in parallel and by themselves (3.1 #10): broadcasts go out on all of them at once,
 * on an H node also at once on those that have no WINS server. WINS servers are asked one by one, those
 * of all interfaces in the interfaces' order.
 */
#include "node/lookup.h"

#include <stdlib.h>
#include <string.h>

#define DEMANDS_MAX 4 /* conflict demands that one resolution may lead to */

struct shout {
	struct ask ask;
	struct lookup *of;
};

struct lookup {
	struct lookup *next;
	struct nb_key key;
	uint32_t ticket, if_key;
	bool waits_for_dns;
	bool told, over; /* the ticket was answered; nothing is awaited any more */
	bool shouted;    /* broadcast has had its turn */
	bool merging;    /* what broadcast brings is added to what WINS said */
	bool redirected;
	unsigned server;      /* of the concatenated lists, whose turn is next */
	struct ask wins;      /* also the node status question */
	struct shout *shouts; /* one an interface that was there when it began */
	unsigned nshouts, open;
	uint8_t demands;
	struct ip4 first; /* who answered the broadcast first, and with what: answer's list */
	struct node_answer answer;
};

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

static int
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

static void
finish(struct node *n, struct lookup *l)
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

static void
end_with(struct node *n, struct lookup *l, uint8_t source, enum node_stat stat)
{
	tell(n, l, source, stat);
	finish(n, l);
}

/* ---- what needs no network ---- */

static bool
in_node_scope(const struct node *n, const struct nb_key *key)
{
	return key->scope.len == n->conf.scope.len &&
	       !memcmp(key->scope.b, n->conf.scope.b, key->scope.len);
}

static bool
from_own_names(const struct node *n, struct lookup *l)
{
	const struct name *nm = name_find(n, &l->key);

	for (const struct hold *h = nm ? nm->holds : NULL; h; h = h->next)
		if (h->state == NODE_REGISTERED && !h->gone && l->answer.naddr < REC_ADDR_MAX)
			l->answer.addr[l->answer.naddr++] = h->adv;
	l->answer.group = nm && nm->group;
	return l->answer.naddr > 0;
}

static bool
from_cache(struct node *n, struct lookup *l, struct mono now)
{
	struct cache_entry e;

	if (!cache_get(n->cache, &l->key, l->if_key, now, &e))
		return false;
	l->answer.group = e.group;
	l->answer.naddr = e.naddr;
	memcpy(l->answer.addr, e.addr, sizeof(l->answer.addr));
	return true;
}

static bool
from_lmhosts(const struct node *n, struct lookup *l)
{
	struct lmhosts_preload found;

	if (!n->lmhosts || !in_node_scope(n, &l->key) ||
	    !lmhosts_find(n->lmhosts, &l->key.name, &found))
		return false;
	l->answer.group = found.group;
	l->answer.naddr = found.naddr;
	memcpy(l->answer.addr, found.addr, found.naddr * sizeof(*found.addr));
	return true;
}

/* The name as DNS may know it: a computer's, of characters a host name has. */
static bool
host_name(const struct nb_key *key, char buf[static NB_NAME_LEN])
{
	uint8_t suffix = nb_suffix(key);
	unsigned len = NB_NAME_LEN - 1;

	if (suffix != 0x00 && suffix != 0x03 && suffix != 0x20)
		return false;
	while (len && key->name.b[len - 1] == ' ')
		len--;
	for (unsigned i = 0; i < len; i++) {
		uint8_t c = key->name.b[i];

		if (!(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    c != '-' && c != '_')
			return false;
		buf[i] = (char)c;
	}
	buf[len] = '\0';
	return len > 0;
}

/* The network did not know it. */
static void
fall_back(struct node *n, struct lookup *l)
{
	char name[NB_NAME_LEN];

	if (from_lmhosts(n, l)) {
		end_with(n, l, NODE_FROM_LMHOSTS, NS_RESOLVED_LMHOSTS);
	} else if (from_own_names(n, l)) {
		end_with(n, l, NODE_FROM_LOCAL, NS_CACHE_HITS);
	} else if (n->conf.dns && n->host.dns && in_node_scope(n, &l->key) &&
		   host_name(&l->key, name)) {
		l->waits_for_dns = true;
		n->host.dns(n->host.arg, l->ticket, name);
	} else {
		end_with(n, l, NODE_FROM_LOCAL, NS_UNRESOLVED);
	}
}

void
node_dns_done(
    struct node *n, uint32_t ticket, const struct ip4 *addr, unsigned naddr, struct mono now)
{
	struct lookup *l = n->lookups;

	while (l && !(l->waits_for_dns && l->ticket == ticket))
		l = l->next;
	if (!l)
		return;
	l->waits_for_dns = false;
	for (unsigned i = 0; i < naddr && l->answer.naddr < REC_ADDR_MAX; i++)
		if (ip4_is_host(addr[i]))
			l->answer.addr[l->answer.naddr++] = addr[i];
	end_with(n, l, NODE_FROM_DNS, l->answer.naddr ? NS_RESOLVED_DNS : NS_UNRESOLVED);
	/* Freed with the next packet or tick: the caller may be inside the walk that asked DNS. */
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
			finish(n, l);
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
server_silent(struct node *n, struct iface *ifc, struct ip4 server, struct mono now)
{
	bool all = true;

	if_wins_silent(n, ifc, server);
	/* KB 247559: a secondary that stops answering is left at once. */
	if (if_wins_index(ifc, server) == ifc->cur)
		ifc->cur = 0;
	for (unsigned i = 0; i < ifc->c.nwins; i++)
		all &= ifc->silent[i];
	if (all)
		ifc->down_until = mono_add_ms(now, n->conf.wins_down_ms);
}

static void
heard_wins(struct node *n, struct ask *a, const struct nb_msg *m, const struct node_path *path,
    struct mono now)
{
	struct lookup *l = OWNER_OF(a, struct lookup, wins);
	struct iface *ifc = if_by_key(n, a->what.if_key);

	if (!m && ifc)
		server_silent(n, ifc, a->what.to, now);
	if (m)
		ask_close(n, a);
	if (m && m->kind == NB_REDIRECT && follow_redirect(n, l, m, now))
		return;
	if (m && m->kind == NB_QUERY_OK) {
		bool any = collect(l, m, path->peer);

		if (shout_once(n, l, m, now))
			return;
		if (any) {
			remember(n, l, a->what.if_key, now);
			end_with(n, l, NODE_FROM_WINS, NS_RESOLVED_WINS);
			return;
		}
	}
	/* KB 137780: also after a "no". */
	if (!ask_next_server(n, l, now))
		advance(n, l, now);
}

/* Server number at of the interfaces' lists one behind the other, the one in use first in each. */
static bool
server_at(const struct node *n, const struct lookup *l, unsigned at, const struct iface **ret_ifc,
    struct ip4 *ret)
{
	for (unsigned i = 0; i < n->nifs; i++) {
		const struct iface *ifc = n->ifs[i];

		if (ifc->c.leaving || (l->if_key && l->if_key != ifc->c.key))
			continue;
		if (at < ifc->c.nwins) {
			*ret_ifc = ifc;
			*ret = ifc->c.wins[(ifc->cur + at) % ifc->c.nwins];
			return true;
		}
		at -= ifc->c.nwins;
	}
	return false;
}

static bool
asked_before(const struct node *n, const struct lookup *l, unsigned at, struct ip4 server)
{
	const struct iface *ifc;
	struct ip4 other;

	for (unsigned i = 0; i < at; i++)
		if (server_at(n, l, i, &ifc, &other) && ip4_eq(other, server))
			return true;
	return false;
}

static bool
ask_next_server(struct node *n, struct lookup *l, struct mono now)
{
	const struct iface *ifc;
	struct ip4 server;

	if (node_type(n) == NODE_B)
		return false;
	while (server_at(n, l, l->server++, &ifc, &server)) {
		const struct ask_what w = { .key = &l->key,
			.kind = NB_QUERY_REQ,
			.flags = NB_F_RD,
			.if_key = ifc->c.key,
			.from = ifc->c.ip,
			.to = server,
			.interval_ms = n->conf.server_timeout_ms,
			.tries = n->conf.server_count };

		if (now.ns < ifc->down_until.ns || asked_before(n, l, l->server - 1, server))
			continue;
		ask_open(n, &l->wins, &w, heard_wins, now);
		return true;
	}
	return false;
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
		end_with(n, l, NODE_FROM_WINS, NS_RESOLVED_WINS); /* and by a P node's broadcast */
	else
		fall_back(n, l);
}

static void
begin(struct node *n, struct lookup *l, struct mono now)
{
	const struct name *nm = name_find(n, &l->key);

	/* A group of ours has other members: they are asked for. */
	if (nm && !nm->group && from_own_names(n, l)) {
		end_with(n, l, NODE_FROM_LOCAL, NS_CACHE_HITS);
		return;
	}
	if (from_cache(n, l, now)) {
		end_with(n, l, NODE_FROM_CACHE, NS_CACHE_HITS);
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

/* ---- node status ---- */

static void
heard_status(struct node *n, struct ask *a, const struct nb_msg *m, const struct node_path *path,
    struct mono now)
{
	struct lookup *l = OWNER_OF(a, struct lookup, wins);

	if (m) {
		l->answer.found = true;
		l->answer.from = path->peer;
		l->answer.status = a->packet;
		l->answer.status_len = (uint16_t)a->packet_len;
	}
	l->told = true;
	n->host.answer(n->host.arg, &l->answer);
	finish(n, l);
}

/* The interface on the peer's network, else the first. */
static const struct iface *
if_towards(const struct node *n, struct ip4 peer)
{
	for (unsigned i = 0; i < n->nifs; i++)
		if (if_on_link(n->ifs[i], peer))
			return n->ifs[i];
	return n->nifs ? n->ifs[0] : NULL;
}

int
node_ask_status(
    struct node *n, struct ip4 peer, const struct nb_key *key, uint32_t ticket, struct mono now)
{
	const struct iface *ifc = if_towards(n, peer);
	struct nb_key any = { .name = { { '*' } }, .scope = n->conf.scope };
	struct lookup *l;
	struct ask_what w;
	int err = lookup_new(n, key ? key : &any, 0, ticket, &l);

	if (err)
		return err;
	if (!ifc) {
		heard_status(n, &l->wins, NULL, NULL, now);
		lookup_reap(n);
		return 0;
	}
	w = (struct ask_what){ .key = &l->key,
		.kind = NB_STATUS_REQ,
		.if_key = ifc->c.key,
		.from = ifc->c.ip,
		.to = peer,
		.interval_ms = n->conf.server_timeout_ms,
		.tries = n->conf.server_count };
	ask_open(n, &l->wins, &w, heard_status, now);
	return 0;
}
