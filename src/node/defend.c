/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims to names of ours are refused, queries for them answered. Layer: node. See defend.h.
 */
#include "node/defend.h"

/* Windows end nodes answer 8500 whatever the question's RD bit was (1.8.7, 1.8 #12, #13). */
#define ANSWER_FLAGS (NB_F_R | NB_F_AA | NB_F_RD)

/* One flagged interface stops the defence of the name everywhere (0.3 #8). */
static bool
flagged_anywhere(const struct name *nm)
{
	for (const struct hold *h = nm->holds; h; h = h->next)
		if (h->state == NODE_CONFLICT)
			return true;
	return false;
}

void
defend_claim(struct node *n, const struct nb_msg *m, const struct node_path *path)
{
	const struct iface *ifc = if_by_key(n, path->key);
	const struct name *nm = name_find(n, &m->key);
	const struct hold *h = nm ? hold_on(nm, ifc) : NULL;
	bool demand = nb_opcode(m) == NB_OP_REGISTER && !(m->flags & NB_F_RD);
	struct nb_msg no = { .id = m->id,
		.flags = ANSWER_FLAGS | NB_F_RA | NB_OP_REGISTER << 11 | NB_RC_ACT,
		.kind = NB_REGISTER_RESP,
		.key = m->key,
		.naddr = 1 };

	if (demand)
		cache_drop(n->cache, &m->key, path->key); /* it has a new owner */
	/* A demand is refused as a claim is, and a refresh sent to us alone: smbtorture's nbt.register
	 * wants it so, from traces of Windows. Nobody defends against a broadcast refresh (2.4). */
	if ((m->kind == NB_REFRESH_REQ && path->broadcast) || !h || h->state != NODE_REGISTERED)
		return;
	if (m->key.name.b[0] == '*' || flagged_anywhere(nm) || if_by_ip(n, path->peer))
		return;
	if (nm->group && m->addr[0].flags & NB_G)
		return; /* one more member */
	no.addr[0] = (struct nb_addr){ node_nb_flags(n, nm->group), h->adv };
	n->stats.n[NS_DEFENDED]++;
	node_reply(n, &no, path);
}

/* ---- queries ---- */

static bool
answerable(const struct hold *h, bool while_registering)
{
	return h->state == NODE_REGISTERED ||
	       (while_registering && (h->state == NODE_REGISTERING || h->state == NODE_RETRYING));
}

static void
put_addr(const struct node *n, struct nb_msg *m, const struct hold *h)
{
	m->addr[m->naddr++] = (struct nb_addr){ node_nb_flags(n, h->name->group), h->adv };
}

/*
 * Our addresses for the name, the one of the interface asked first. A verification query gets all of
 * them, also those still being registered: the server that sends it does so because of one of our own
 * claims, and refuses that when the claimed address is missing here (3.4 step 8).
 */
static void
list_addresses(struct node *n, struct nb_msg *m, const struct name *nm, const struct hold *asked,
    bool verification, bool while_registering)
{
	const struct hold *all[NODE_IF_MAX];
	unsigned count = 0;

	if (asked && answerable(asked, while_registering))
		all[count++] = asked;
	for (const struct hold *h = nm->holds; h && count < NODE_IF_MAX; h = h->next)
		if (h != asked && !h->gone && answerable(h, while_registering))
			all[count++] = h;
	if (!count)
		return;
	if (verification || (!n->conf.random_adapter && !n->conf.single_response)) {
		for (unsigned i = 0; i < count; i++)
			put_addr(n, m, all[i]);
	} else {
		put_addr(
		    n, m, all[n->conf.random_adapter ? n->host.random(n->host.arg) % count : 0]);
	}
}

void
defend_query(struct node *n, const struct nb_msg *m, const struct node_path *path)
{
	const struct iface *ifc = if_by_key(n, path->key);
	const struct name *nm = name_find(n, &m->key);
	const struct hold *h = nm ? hold_on(nm, ifc) : NULL;
	bool flagged = h && (h->state == NODE_CONFLICT || h->state == NODE_RELEASED);
	struct nb_msg answer = { .id = m->id, .flags = ANSWER_FLAGS, .key = m->key };

	if (path->broadcast && (if_by_ip(n, path->peer) || node_blocked(n, &m->key)))
		return;
	if (nm && !flagged && m->key.name.b[0] != '*')
		list_addresses(
		    n, &answer, nm, h, !(m->flags & NB_F_RD) && !path->broadcast, !path->broadcast);
	if (answer.naddr) {
		answer.kind = NB_QUERY_OK;
		n->stats.n[NS_QUERIES_OK]++;
	} else if (path->broadcast || node_type(n) == NODE_B) {
		return; /* 2.4: broadcasts never get a "no", and B nodes never give one */
	} else {
		answer.kind = NB_QUERY_FAIL;
		answer.flags |= NB_RC_NAM;
		n->stats.n[NS_QUERIES_FAIL]++;
	}
	node_reply(n, &answer, path);
}
