/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Demands to give a name up (netbt-name-service.md 3.6, 8.2 rules 5 to 7). After MS00-047 nobody is
 * believed on the strength of one packet: a demand from the server that the name is registered with
 * makes us ask that server, and its answer decides. All others are told and ignored. Layer: node.
 */
#include <stdio.h>

#include "node/claim.h"
#include "node/defend.h"
#include "node/release.h"

static void
ignored(struct node *n, int event, const struct hold *h, struct ip4 peer, const char *why)
{
	char text[120];

	snprintf(text, sizeof(text), "interface %s; %s", h->ifc->c.name, why);
	n->stats.n[NS_DEMANDS_IGNORED]++;
	node_tell(n, event, &h->name->key, peer, h->adv, text);
}

/* The one who asked for a release waits for an answer, unless that was by broadcast (1.8.6). */
static void
answer_release(
    struct node *n, const struct hold *h, uint16_t id, const struct node_path *path, unsigned rcode)
{
	struct nb_msg m = { .id = id,
		.flags = (uint16_t)(NB_F_R | NB_F_AA | NB_OP_RELEASE << 11 | rcode),
		.kind = NB_RELEASE_RESP,
		.key = h->name->key,
		.naddr = 1,
		.addr = { { node_nb_flags(n, h->name->group), h->adv } } };

	if (!path->broadcast)
		node_reply(n, &m, path);
}

static int
event_of(const struct hold *h)
{
	return h->demand_release ? EV_NODE_RELEASE_DEMAND : EV_NODE_DUPLICATE;
}

static void
keep(struct node *n, struct hold *h, const char *why)
{
	if (h->demand_release)
		answer_release(n, h, h->demand_id, &h->demand, NB_RC_ACT);
	ignored(n, event_of(h), h, h->demand.peer, why);
}

static void
give_up(struct node *n, struct hold *h, int state, struct ip4 offender)
{
	char text[120];

	snprintf(text, sizeof(text),
	    "interface %s; the server confirmed it and the name was given up", h->ifc->c.name);
	n->stats.n[NS_DEMANDS_OBEYED]++;
	hold_untold(h, h->wins);
	if (h->demand_release)
		answer_release(n, h, h->demand_id, &h->demand, NB_RC_OK);
	node_tell(n, event_of(h), &h->name->key, h->demand.peer, offender, text);
	claim_lost(n, h, offender);
	h->state = (uint8_t)state;
}

/* Whose address is this? One of the name's own holds means that it is still ours. */
static bool
is_own_address(const struct name *nm, struct ip4 ip)
{
	for (const struct hold *h = nm->holds; h; h = h->next)
		if (ip4_eq(h->adv, ip))
			return true;
	return false;
}

static void
heard_verification(struct node *n, struct ask *a, const struct nb_msg *m,
    const struct node_path *path, struct mono now)
{
	struct hold *h = OWNER_OF(a, struct hold, ask);
	struct ip4 stranger = IP4_ANY;
	bool here = false;

	if (m && m->kind == NB_REDIRECT)
		return;
	ask_close(n, a);
	h->step = STEP_NONE;
	for (unsigned i = 0; m && i < m->naddr; i++) {
		here |= ip4_eq(m->addr[i].ip, h->adv);
		if (!is_own_address(h->name, m->addr[i].ip))
			stranger = m->addr[i].ip;
	}
	if (!m) {
		keep(n, h, "the server did not confirm it, so it was ignored");
	} else if (here) {
		keep(n, h, "it is not true, so it was ignored");
	} else if (stranger.v) {
		give_up(n, h, NODE_CONFLICT, stranger);
		return;
	} else if (m->kind == NB_QUERY_FAIL && h->demand_release) {
		give_up(n, h, NODE_RELEASED, IP4_ANY);
		return;
	} else {
		keep(n, h, "the server knows nobody else, so the name is registered again");
		claim_hurry(n, h, now);
		return;
	}
	claim_schedule(n, h);
}

static void
verify(struct node *n, struct hold *h, const struct nb_msg *m, const struct node_path *path,
    struct mono now)
{
	struct ask_what w = claim_to_server(n, h, h->wins, NB_QUERY_REQ, NB_F_RD);

	if (h->ask.open)
		return; /* a refresh or claim is on its way, and its answer will say the same */
	h->demand = *path;
	h->demand_id = m->id;
	h->demand_release = m->kind == NB_RELEASE_REQ;
	h->step = STEP_VERIFY;
	timer_set(n, &h->due, MONO_NEVER);
	ask_open(n, &h->ask, &w, heard_verification, now);
}

/* With NoNameReleaseOnDemand only the server that has the name may ask, else any of the interface's:
 * in both cases it is the former that decides. */
static bool
may_demand(const struct node *n, const struct hold *h, struct ip4 peer)
{
	if (!h->by_wins)
		return false;
	return ip4_eq(peer, h->wins) ||
	       (!n->conf.no_release_on_demand && if_wins_index(h->ifc, peer) >= 0);
}

void
demand_release(
    struct node *n, const struct nb_msg *m, const struct node_path *path, struct mono now)
{
	const struct iface *ifc = if_by_key(n, path->key);
	const struct name *nm = name_find(n, &m->key);
	struct hold *h = nm ? hold_on(nm, ifc) : NULL;
	struct cache_entry e;

	if (if_by_ip(n, path->peer))
		return; /* our own broadcast */
	if (cache_get(n->cache, &m->key, path->key, now, &e))
		for (unsigned i = 0; i < e.naddr; i++)
			if (ip4_eq(e.addr[i], path->peer) && ip4_eq(e.addr[i], m->addr[0].ip))
				cache_drop(n->cache, &m->key, path->key);
	if (!h || h->state != NODE_REGISTERED || (nm->group && path->broadcast) ||
	    (path->broadcast && !ip4_eq(m->addr[0].ip, h->adv)))
		return;
	if (nm->group || path->broadcast || !may_demand(n, h, path->peer)) {
		answer_release(n, h, m->id, path, NB_RC_ACT);
		ignored(n, EV_NODE_RELEASE_DEMAND, h, path->peer,
		    nm->group
			? "groups are never given up on demand (KB 314696), so it was ignored"
			: "it is not the server the name is registered with, so it was ignored");
		return;
	}
	verify(n, h, m, path, now);
}

void
demand_conflict(
    struct node *n, const struct nb_msg *m, const struct node_path *path, struct mono now)
{
	const struct iface *ifc = if_by_key(n, path->key);
	const struct name *nm = name_find(n, &m->key);
	struct hold *h = nm ? hold_on(nm, ifc) : NULL;

	if (nb_rcode(m) != NB_RC_CFT || !h || h->state != NODE_REGISTERED || path->broadcast ||
	    if_by_ip(n, path->peer))
		return;
	if (nm->group) {
		ignored(n, EV_NODE_DUPLICATE, h, path->peer,
		    "a group has many members, so it was ignored");
	} else if (n->conf.strict_rfc_conflict) {
		n->stats.n[NS_DEMANDS_OBEYED]++;
		claim_lost(n, h, path->peer);
		node_tell(n, EV_NODE_DUPLICATE, &nm->key, path->peer, h->adv,
		    "the name is in conflict now, as strict-rfc-conflict wants it");
	} else if (h->by_wins && ip4_eq(path->peer, h->wins)) {
		verify(n, h, m, path, now);
	} else {
		ignored(n, EV_NODE_DUPLICATE, h, path->peer,
		    "it answers no claim of ours, so it was ignored (MS00-047)");
	}
}

void
demand_late_release(
    struct node *n, const struct nb_msg *m, const struct node_path *path, struct mono now)
{
	const struct iface *ifc = if_by_key(n, path->key);
	const struct name *nm = name_find(n, &m->key);
	struct hold *h = nm ? hold_on(nm, ifc) : NULL;

	struct mono when = now;

	/* Believing a forger here costs a refresh a second at most. */
	if (h && when.ns < mono_add_ms(h->granted, 1000).ns)
		when = mono_add_ms(h->granted, 1000);
	if (h && h->state == NODE_REGISTERED && h->by_wins && ip4_eq(path->peer, h->wins))
		claim_hurry(n, h, when);
}

void
demand_late_grant(
    struct node *n, const struct nb_msg *m, const struct node_path *path, struct mono now)
{
	const struct iface *ifc = if_by_key(n, path->key);
	const struct name *nm = name_find(n, &m->key);
	const struct hold *h = nm ? hold_on(nm, ifc) : NULL;

	if (!(m->flags & NB_F_RA) || if_wins_index(ifc, path->peer) < 0 ||
	    !ip4_eq(path->local, ifc->c.ip) || !ip4_eq(m->addr[0].ip, if_advertised(&ifc->c)) ||
	    m->key.name.b[0] == '*')
		return;
	/* While we want the name, the server is welcome to it: its answer to what is open, or the next
	 * refresh, says more. */
	if (!h || h->state == NODE_RELEASING)
		release_stray(n, ifc, &m->key, m->addr[0].flags & NB_G, path->peer, now);
}
