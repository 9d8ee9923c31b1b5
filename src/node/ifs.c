/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interfaces: which there are, which of their WINS servers answer, and what follows when they come,
 * go or change their address (netbt-name-service.md 2.4 "Switching", 3.1). Layer: node.
 */
#include <stdlib.h>

#include "node/claim.h"
#include "node/engine.h"
#include "node/release.h"

/* ---- questions ---- */

struct iface *
if_by_key(const struct node *n, uint32_t key)
{
	for (unsigned i = 0; i < n->nifs; i++)
		if (n->ifs[i]->c.key == key)
			return n->ifs[i];
	return NULL;
}

struct iface *
if_by_ip(const struct node *n, struct ip4 ip)
{
	for (unsigned i = 0; i < n->nifs; i++)
		if (ip4_eq(n->ifs[i]->c.ip, ip))
			return n->ifs[i];
	return NULL;
}

bool
if_on_link(const struct iface *ifc, struct ip4 peer)
{
	return ip4_is_host(peer) && !((peer.v ^ ifc->c.ip.v) & ifc->c.mask.v);
}

int
if_wins_index(const struct iface *ifc, struct ip4 wins)
{
	for (int i = 0; i < ifc->c.nwins; i++)
		if (ip4_eq(ifc->c.wins[i], wins))
			return i;
	return -1;
}

struct ip4
if_advertised(const struct node_if *c)
{
	return c->advertise.v ? c->advertise : c->ip;
}

/* ---- servers ---- */

void
if_wins_answered(struct node *n, struct iface *ifc, struct ip4 wins, struct mono now)
{
	int at = if_wins_index(ifc, wins);

	if (at < 0 || !ifc->silent[at])
		return;
	ifc->silent[at] = false;
	ifc->down_until = now;
	node_tell(n, EV_NODE_WINS_BACK, NULL, wins, ifc->c.ip, ifc->c.name);
	release_hurry(n, wins, IP4_ANY, now);
}

void
if_wins_silent(struct node *n, struct iface *ifc, struct ip4 wins)
{
	int at = if_wins_index(ifc, wins);

	if (at < 0 || ifc->silent[at])
		return;
	ifc->silent[at] = true;
	node_tell(n, EV_NODE_WINS_SILENT, NULL, wins, ifc->c.ip, ifc->c.name);
}

/* ---- changes ---- */

static int
check(const struct node_if *ifs, unsigned count)
{
	if (count > NODE_IF_MAX)
		return NBT_ELIMIT;
	for (unsigned i = 0; i < count; i++) {
		if (!ifs[i].key || !ip4_is_host(ifs[i].ip) || ifs[i].nwins > NODE_WINS_MAX)
			return NBT_EINVAL;
		for (unsigned k = 0; k < i; k++)
			if (ifs[k].key == ifs[i].key)
				return NBT_EINVAL;
	}
	return 0;
}

static const struct node_if *
find(const struct node_if *ifs, unsigned count, uint32_t key)
{
	for (unsigned i = 0; i < count; i++)
		if (ifs[i].key == key)
			return &ifs[i];
	return NULL;
}

typedef void (*hold_do)(struct node *n, struct hold *h, struct mono now);

static void
each_hold(struct node *n, const struct iface *ifc, hold_do what, struct mono now)
{
	for (unsigned i = 0; i < n->nnames; i++)
		for (struct hold *h = n->names[i]->holds; h; h = h->next)
			if (h->ifc == ifc && !h->gone)
				what(n, h, now);
}

static bool
same_servers(const struct node_if *a, const struct node_if *b)
{
	if (a->nwins != b->nwins)
		return false;
	for (unsigned i = 0; i < a->nwins; i++)
		if (!ip4_eq(a->wins[i], b->wins[i]))
			return false;
	return true;
}

/* What can be said before the new state counts: names of addresses that are no more are lost. */
static void
leave_old(struct node *n, const struct node_if *ifs, unsigned count, struct mono now)
{
	for (unsigned i = 0; i < n->nifs; i++) {
		struct iface *ifc = n->ifs[i];
		const struct node_if *c = find(ifs, count, ifc->c.key);

		if (!c || !ip4_eq(c->ip, ifc->c.ip) ||
		    !ip4_eq(if_advertised(c), if_advertised(&ifc->c)))
			each_hold(n, ifc, release_lost, now);
	}
	names_reap(n);
}

static void
take_over(struct iface *ifc, const struct node_if *c, struct mono now)
{
	if (!same_servers(&ifc->c, c)) {
		memset(ifc->silent, 0, sizeof(ifc->silent));
		ifc->cur = 0;
		ifc->down_until = now;
	}
	ifc->c = *c;
	ifc->c.name[sizeof(ifc->c.name) - 1] = '\0';
}

/* The new list of interfaces, of old ones and of fresh; nothing is changed when memory is out. */
static int
make_list(struct node *n, const struct node_if *ifs, unsigned count, struct iface **ret)
{
	unsigned fresh = 0;

	for (unsigned i = 0; i < count; i++) {
		ret[i] = if_by_key(n, ifs[i].key);
		if (ret[i])
			continue;
		ret[i] = calloc(1, sizeof(*ret[i]));
		if (!ret[i])
			break;
		ret[i]->c.key = ifs[i].key;
		fresh = i + 1;
	}
	if (!count || ret[count - 1])
		return 0;
	for (unsigned i = 0; i < fresh; i++)
		if (!if_by_key(n, ifs[i].key))
			free(ret[i]);
	return NBT_ENOMEM;
}

static void
swap_list(
    struct node *n, struct iface **list, const struct node_if *ifs, unsigned count, struct mono now)
{
	for (unsigned i = 0; i < n->nifs; i++)
		if (!find(ifs, count, n->ifs[i]->c.key))
			free(n->ifs[i]);
	memcpy(n->ifs, list, count * sizeof(*list));
	n->nifs = count;
}

int
node_set_ifs(struct node *n, const struct node_if *ifs, unsigned count, struct mono now)
{
	struct iface *list[NODE_IF_MAX] = { 0 };
	bool changed[NODE_IF_MAX];
	int err = check(ifs, count);

	if (!err)
		err = make_list(n, ifs, count, list);
	if (err)
		return err;
	leave_old(n, ifs, count, now);
	swap_list(n, list, ifs, count, now);
	for (unsigned i = 0; i < count; i++) {
		changed[i] = !same_servers(&list[i]->c, &ifs[i]);
		take_over(list[i], &ifs[i], now);
	}
	for (unsigned i = 0; i < count; i++) {
		if (ifs[i].leaving)
			each_hold(n, list[i], release_start, now);
		else if (changed[i])
			each_hold(n, list[i], claim_servers_changed, now);
	}
	err = names_spread(n, now);
	for (unsigned i = 0; i < count; i++)
		release_hurry(n, IP4_ANY, ifs[i].ip, now);
	names_tend(n, now);
	return err;
}

bool
node_if_at(const struct node *n, unsigned i, struct node_if *ret)
{
	if (i >= n->nifs)
		return false;
	*ret = n->ifs[i]->c;
	return true;
}
