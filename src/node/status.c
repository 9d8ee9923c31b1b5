/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Node status: our names on the interface asked, with its MAC and statistics of zeros, which say nothing
 * about the host (netbt-name-service.md 1.8.12, 8.2 rule 9). Layer: node. A request of 50 bytes has an
 * answer up to ten times as long, so by default only neighbours get one, and not too often.
 */
#include <string.h>

#include "node/defend.h"
#include "node/lookup.h"

#define WINDOW_MS 1000

/* The peer's place in the table, else the one that was longest unused. */
static struct status_peer *
place_of(struct node *n, struct ip4 peer)
{
	struct status_peer *oldest = &n->status[0];

	for (unsigned i = 0; i < STATUS_PEERS; i++) {
		if (ip4_eq(n->status[i].peer, peer))
			return &n->status[i];
		if (n->status[i].since.ns < oldest->since.ns)
			oldest = &n->status[i];
	}
	*oldest = (struct status_peer){ .peer = peer };
	return oldest;
}

static bool
over_rate(struct node *n, struct ip4 peer, struct mono now)
{
	struct status_peer *p = place_of(n, peer);

	if (!n->conf.status_rate)
		return false;
	if (now.ns >= mono_add_ms(p->since, WINDOW_MS).ns) {
		p->since = now;
		p->count = 0;
	}
	return p->count++ >= n->conf.status_rate;
}

static bool
may_ask(struct node *n, const struct iface *ifc, const struct node_path *path, struct mono now)
{
	switch (n->conf.status_policy) {
	case NODE_STATUS_OFF:
		return false;
	case NODE_STATUS_ON_LINK:
		/* Asking oneself is nbtstat -A of an own address. */
		if (!if_on_link(ifc, path->peer) && !if_by_ip(n, path->peer))
			return false;
	}
	/* An answer to a broadcast address would go to everybody. */
	if (!ip4_is_host(path->peer) || ip4_eq(path->peer, ifc->c.broadcast))
		return false;
	return !over_rate(n, path->peer, now);
}

static uint16_t
name_flags(const struct node *n, const struct hold *h)
{
	uint16_t flags = node_nb_flags(n, h->name->group) | NB_NF_ACTIVE;

	if (h->state == NODE_CONFLICT)
		flags |= NB_NF_CONFLICT;
	if (h->state == NODE_RELEASING || h->state == NODE_RELEASED)
		flags |= NB_NF_DEREGISTER;
	if (h->name->permanent)
		flags |= NB_NF_PERMANENT;
	return flags;
}

static bool
is_any(const struct nb_name *name)
{
	static const struct nb_name any = { { '*' } };

	return !memcmp(name, &any, sizeof(any));
}

void
status_answer(struct node *n, const struct nb_msg *m, const struct node_path *path, struct mono now)
{
	const struct iface *ifc = if_by_key(n, path->key);
	const struct name *asked = name_find(n, &m->key);
	uint8_t nodes[UINT8_MAX * NB_NODE_LEN], stats[NB_STATS_LEN] = { 0 };
	struct wr w = wr_init(nodes, sizeof(nodes));
	struct nb_msg answer = { .id = m->id,
		.flags = NB_F_R | NB_F_AA,
		.kind = NB_STATUS_RESP,
		.key = m->key,
		.node = nodes,
		.stats = stats,
		.stats_len = sizeof(stats) };

	if (!is_any(&m->key.name) && !(asked && hold_on(asked, ifc)))
		return;
	if (!may_ask(n, ifc, path, now)) {
		n->stats.n[NS_STATUS_LIMITED]++;
		return;
	}
	for (unsigned i = 0; i < n->nnames && answer.nnode < UINT8_MAX; i++) {
		const struct name *nm = n->names[i];
		const struct hold *h = hold_on(nm, ifc);
		struct nb_node node;

		/* Only names of the asker's scope (RFC 1002 5.1.1.5). */
		if (!h || nm->key.scope.len != m->key.scope.len ||
		    memcmp(nm->key.scope.b, m->key.scope.b, nm->key.scope.len) != 0)
			continue;
		node = (struct nb_node){ nm->key.name, name_flags(n, h) };
		nb_node_encode(&w, &node);
		answer.nnode++;
	}
	memcpy(stats, ifc->c.mac, sizeof(ifc->c.mac));
	n->stats.n[NS_STATUS]++;
	node_reply(n, &answer, path);
}

/* ---- asking others ---- */

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
	lookup_finish(n, l);
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
