/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a resolution finds without the network: own names, the remote cache, and when nobody answered
 * LMHOSTS and DNS (netbt-name-service.md 5.2). Layer: node. See lookup.h.
 */
#include <string.h>

#include "node/lookup.h"

static bool
in_node_scope(const struct node *n, const struct nb_key *key)
{
	return key->scope.len == n->conf.scope.len &&
	       !memcmp(key->scope.b, n->conf.scope.b, key->scope.len);
}

bool
lookup_own_names(const struct node *n, struct lookup *l)
{
	const struct name *nm = name_find(n, &l->key);

	for (const struct hold *h = nm ? nm->holds : NULL; h; h = h->next)
		if (h->state == NODE_REGISTERED && !h->gone && l->answer.naddr < REC_ADDR_MAX)
			l->answer.addr[l->answer.naddr++] = h->adv;
	l->answer.group = nm && nm->group;
	return l->answer.naddr > 0;
}

bool
lookup_cached(struct node *n, struct lookup *l, struct mono now)
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
void
lookup_fall_back(struct node *n, struct lookup *l)
{
	char name[NB_NAME_LEN];

	if (from_lmhosts(n, l)) {
		lookup_end(n, l, NODE_FROM_LMHOSTS, NS_RESOLVED_LMHOSTS);
	} else if (lookup_own_names(n, l)) {
		lookup_end(n, l, NODE_FROM_LOCAL, NS_CACHE_HITS);
	} else if (n->conf.dns && n->host.dns && in_node_scope(n, &l->key) &&
		   host_name(&l->key, name)) {
		l->waits_for_dns = true;
		n->host.dns(n->host.arg, l->ticket, name);
	} else {
		lookup_end(n, l, NODE_FROM_LOCAL, NS_UNRESOLVED);
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
	lookup_end(n, l, NODE_FROM_DNS, l->answer.naddr ? NS_RESOLVED_DNS : NS_UNRESOLVED);
	/* Freed with the next packet or tick: the caller may be inside the walk that asked DNS. */
}
