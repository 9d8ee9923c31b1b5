/* SPDX-License-Identifier: Apache-2.0 */
/* What a node knows as JSON. Layer: program. */
#include "nodehost/json.h"

#include <stdio.h>

static json_t *
ip_json(struct ip4 ip)
{
	char buf[IP4_STRLEN];

	return json_string(ip4_print(ip, buf));
}

/* null when there is none. */
static json_t *
some_ip_json(struct ip4 ip)
{
	return ip4_eq(ip, IP4_ANY) ? json_null() : ip_json(ip);
}

static json_t *
ips_json(const struct ip4 *ip, unsigned n)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(list, ip_json(ip[i]));
	return list;
}

static json_t *
key_json(const struct nb_key *key)
{
	char buf[NB_KEY_STRLEN];

	return json_string(nb_key_print(key, buf));
}

static json_t *
mac_json(const uint8_t *mac)
{
	char text[18];

	snprintf(text, sizeof(text), "%02X-%02X-%02X-%02X-%02X-%02X", mac[0], mac[1], mac[2],
	    mac[3], mac[4], mac[5]);
	return json_string(text);
}

static json_t *
ms_json(int64_t ms)
{
	return ms < 0 ? json_null() : json_integer(ms / 1000);
}

/* The network gave us the text: whatever is not printable ASCII is shown as '?'. */
static json_t *
text_json(const char *text, size_t cap)
{
	char out[64];
	size_t n = 0;

	while (n < cap && n < sizeof(out) - 1 && text[n]) {
		out[n] = text[n] >= ' ' && text[n] <= '~' ? text[n] : '?';
		n++;
	}
	out[n] = 0;
	return json_string(out);
}

const char *
node_type_word(unsigned type)
{
	switch (type) {
	case NODE_B:
		return "b";
	case NODE_P:
		return "p";
	case NODE_M:
		return "m";
	default:
		return "h";
	}
}

json_t *
node_if_json(const struct node_if *c)
{
	return json_pack("{s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:b, s:o}", "interface",
	    text_json(c->name, sizeof(c->name)), "key", (json_int_t)c->key, "address",
	    ip_json(c->ip), "advertise", some_ip_json(c->advertise), "mask", ip_json(c->mask),
	    "broadcast", some_ip_json(c->broadcast), "mac", mac_json(c->mac), "leaving", c->leaving,
	    "wins", ips_json(c->wins, c->nwins));
}

json_t *
node_entry_json(const struct node_entry *e)
{
	return json_pack("{s:o, s:b, s:b, s:o, s:I, s:o, s:s, s:s, s:o, s:I, s:o, s:o}", "name",
	    key_json(&e->key), "group", e->group, "permanent", e->permanent, "interface",
	    text_json(e->if_name, sizeof(e->if_name)), "key", (json_int_t)e->if_key, "address",
	    ip_json(e->ip), "state", node_state_text(e->state), "by",
	    e->by_wins ? "wins" : "broadcast", "server", some_ip_json(e->wins), "ttl",
	    (json_int_t)e->ttl, "refresh-in", ms_json(e->refresh_in_ms), "offender",
	    some_ip_json(e->offender));
}

json_t *
node_ghost_json(const struct node_ghost *g)
{
	return json_pack("{s:o, s:b, s:o, s:o, s:I, s:o}", "name", key_json(&g->key), "group",
	    g->group, "address", ip_json(g->ip), "server", ip_json(g->wins), "tries",
	    (json_int_t)g->tries, "retry-in", ms_json(g->retry_in_ms));
}

json_t *
node_cache_json(const struct node_cache_entry *e)
{
	return json_pack("{s:o, s:I, s:b, s:b, s:o, s:o}", "name", key_json(&e->key), "key",
	    (json_int_t)e->if_key, "group", e->group, "preloaded", e->preloaded, "addresses",
	    ips_json(e->addr, e->naddr), "life", e->preloaded ? json_null() : ms_json(e->life_ms));
}

static const char *
source_word(int source)
{
	static const char *const words[] = {
		[NODE_FROM_LOCAL] = "local",
		[NODE_FROM_CACHE] = "cache",
		[NODE_FROM_WINS] = "wins",
		[NODE_FROM_BROADCAST] = "broadcast",
		[NODE_FROM_LMHOSTS] = "lmhosts",
		[NODE_FROM_DNS] = "dns",
	};

	return source >= 0 && source <= NODE_FROM_DNS ? words[source] : "unknown";
}

json_t *
node_answer_json(const struct node_answer *a)
{
	if (!a->found)
		return json_pack("{s:b}", "found", 0);
	return json_pack("{s:b, s:s, s:b, s:o, s:o}", "found", 1, "source", source_word(a->source),
	    "group", a->group, "addresses", ips_json(a->addr, a->naddr), "from",
	    some_ip_json(a->from));
}

static json_t *
status_names_json(const struct nb_msg *m)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < m->nnode; i++) {
		struct nb_node node = nb_node_at(m, i);
		struct nb_key key = { .name = node.name };

		json_array_append_new(list,
		    json_pack("{s:o, s:b, s:b, s:b, s:b, s:b}", "name", key_json(&key), "group",
			!!(node.flags & NB_NF_GROUP), "active", !!(node.flags & NB_NF_ACTIVE),
			"conflict", !!(node.flags & NB_NF_CONFLICT), "deregistering",
			!!(node.flags & NB_NF_DEREGISTER), "permanent",
			!!(node.flags & NB_NF_PERMANENT)));
	}
	return list;
}

json_t *
node_status_json(const struct node_answer *a)
{
	struct nb_msg m;
	json_t *o;

	if (!a->found || nb_decode(a->status, a->status_len, &m) || m.kind != NB_STATUS_RESP)
		return json_pack("{s:b}", "found", 0);
	o = json_pack("{s:b, s:o, s:b, s:o}", "found", 1, "from", some_ip_json(a->from),
	    "truncated", !!(m.flags & NB_F_TC), "names", status_names_json(&m));
	if (m.stats_len >= 6)
		json_object_set_new(o, "mac", mac_json(m.stats));
	return o;
}

json_t *
node_stats_json(const struct node_stats *s)
{
	json_t *counters = json_object(), *drops = json_object();

	for (int i = 0; i < NS_COUNT; i++)
		json_object_set_new(counters, node_stat_name(i), json_integer((json_int_t)s->n[i]));
	for (int i = NB_DROP_NONE + 1; i < NB_DROP_COUNT; i++)
		json_object_set_new(drops, nb_drop_id(i), json_integer((json_int_t)s->drop[i]));
	return json_pack("{s:o, s:o}", "counters", counters, "drops", drops);
}
