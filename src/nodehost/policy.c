/* SPDX-License-Identifier: Apache-2.0 */
/* See policy.h. Layer: nodehost. */
#include "nodehost/policy.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

/* ---- names ---- */

/* A text of the options as 15 bytes of a name: upper case, padded. */
static void
set_name(struct nb_name *ret, const char *text, uint8_t suffix)
{
	size_t len = strlen(text);

	memset(ret->b, ' ', NB_NAME_LEN - 1);
	for (size_t i = 0; i < len && i < NB_NAME_LEN - 1; i++)
		ret->b[i] = (uint8_t)toupper((unsigned char)text[i]);
	ret->b[NB_NAME_LEN - 1] = suffix;
}

/* "NAME<00>.scope" is the notation of scopes too. */
static int
read_scope(const struct conf *conf, struct nb_scope *ret)
{
	char text[CONF_TEXT_MAX + 8];
	struct nb_key key;
	int err;

	memset(ret, 0, sizeof(*ret));
	if (!conf->node_scope[0])
		return 0;
	snprintf(text, sizeof(text), "X<00>.%s", conf->node_scope);
	err = nb_key_parse(text, 0, &key);
	if (!err)
		*ret = key.scope;
	return err;
}

/* With its suffix and without scope, which is the machine's. False: it is no such name. */
static bool
read_key(const char *text, struct nb_key *ret)
{
	struct nb_key other;

	/* Without a suffix each default gives another name. */
	return !nb_key_parse(text, 0, ret) && !nb_key_parse(text, 1, &other) &&
	       nb_key_eq(ret, &other) && !ret->scope.len;
}

struct names {
	struct policy_name *v;
	unsigned n;
	struct nb_scope scope;
};

static void
add_key(struct names *names, const struct nb_key *key, bool group)
{
	struct policy_name *p = &names->v[names->n];

	for (unsigned i = 0; i < names->n; i++)
		if (!memcmp(names->v[i].key.name.b, key->name.b, NB_NAME_LEN))
			return;
	*p = (struct policy_name){ .key = *key, .group = group };
	p->key.scope = names->scope;
	names->n++;
}

static void
add_listed(struct names *names, const struct conf_texts *list, bool group)
{
	struct nb_key key;

	for (unsigned i = 0; i < list->n; i++)
		if (read_key(list->t[i], &key))
			add_key(names, &key, group);
}

unsigned
policy_names(const struct conf *conf, struct policy_name ret[POLICY_NAMES_MAX])
{
	/* In the order of the words of node.services (netbt 1.4). */
	static const struct {
		unsigned service;
		bool workgroup, group;
		uint8_t suffix;
	} rows[] = {
		{ 0, false, false, 0x00 },                          /* workstation */
		{ 0, true, true, 0x00 }, { 1, false, false, 0x20 }, /* server */
		{ 2, false, false, 0x03 },                          /* messenger */
		{ 3, true, true, 0x1e },                            /* browser */
		{ 4, true, false, 0x1b },                           /* domain-master */
		{ 5, true, true, 0x1c },                            /* domain-controller */
	};
	struct names names = { .v = ret };
	struct nb_key key;

	memset(&key, 0, sizeof(key));
	(void)read_scope(conf, &names.scope); /* checked */
	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (!(conf->node_services >> rows[i].service & 1))
			continue;
		set_name(&key.name, rows[i].workgroup ? conf->node_workgroup : conf->node_name,
		    rows[i].suffix);
		add_key(&names, &key, rows[i].group);
	}
	add_listed(&names, &conf->node_names, false);
	add_listed(&names, &conf->node_groups, true);
	return names.n;
}

/* ---- interfaces ---- */

struct pattern {
	bool no;
	const char *name; /* NULL: a network */
	struct ip4 net, mask;
};

/* 192.0.2.0/24, or 192.0.2.1 for a network of one. */
static bool
read_network(const char *text, struct ip4 *ret_net, struct ip4 *ret_mask)
{
	const char *slash = strchr(text, '/');
	char address[CONF_ENTRY_MAX], *end;
	unsigned long bits = 32;

	snprintf(address, sizeof(address), "%.*s", (int)strcspn(text, "/"), text);
	if (!ip4_parse(address, ret_net))
		return false;
	if (slash) {
		if (!isdigit((unsigned char)slash[1]))
			return false;
		bits = strtoul(slash + 1, &end, 10);
		if (*end || bits > 32)
			return false;
	}
	ret_mask->v = bits ? UINT32_MAX << (32 - bits) : 0;
	ret_net->v &= ret_mask->v;
	return true;
}

/* False: it is neither the name of an interface nor a network. */
static bool
read_pattern(const char *text, struct pattern *ret)
{
	*ret = (struct pattern){ .no = *text == '!' };
	text += ret->no;
	if (read_network(text, &ret->net, &ret->mask))
		return true;
	ret->name = text;
	return *text && !strpbrk(text, "/ =!,");
}

static bool
fits(const struct pattern *p, const struct ifmon_entry *e)
{
	return p->name ? fnmatch(p->name, e->name, 0) == 0 : !((e->ip.v ^ p->net.v) & p->mask.v);
}

static bool
takes_part(const struct conf *conf, const struct ifmon_entry *e)
{
	bool any_yes = false, decided = false, yes = false;
	struct pattern p;

	for (unsigned i = 0; i < conf->node_interfaces.n; i++) {
		if (!read_pattern(conf->node_interfaces.t[i], &p))
			continue;
		any_yes |= !p.no;
		if (fits(&p, e)) {
			decided = true;
			yes = !p.no;
		}
	}
	return decided ? yes : !any_yes && !e->loopback;
}

/* The server does not answer on others, and its sockets cannot send from them. */
static bool
is_listened_on(const struct conf *conf, struct ip4 ip)
{
	for (unsigned i = 0; i < conf->listen.n; i++)
		if (ip4_eq(conf->listen.a[i], ip))
			return true;
	return conf->listen.n == 0;
}

/* "NAME=REST": the rest when the entry is about this interface, else NULL. */
static const char *
entry_for(const char *entry, const char *ifname)
{
	const char *eq = strchr(entry, '=');
	char pattern[CONF_ENTRY_MAX];

	if (!eq)
		return NULL;
	snprintf(pattern, sizeof(pattern), "%.*s", (int)(eq - entry), entry);
	return fnmatch(pattern, ifname, 0) == 0 ? eq + 1 : NULL;
}

static void
set_servers(const struct conf *conf, bool self, struct node_if *ret)
{
	bool own = false;

	for (unsigned i = 0; i < conf->node_interface_wins.n; i++) {
		const char *rest = entry_for(conf->node_interface_wins.t[i], ret->name);
		struct ip4 ip;

		own |= rest != NULL;
		if (rest && ip4_parse(rest, &ip) && ret->nwins < NODE_WINS_MAX)
			ret->wins[ret->nwins++] = ip;
	}
	for (unsigned i = 0; !own && i < conf->node_wins_servers.n; i++)
		ret->wins[ret->nwins++] = conf->node_wins_servers.a[i];
	if (!own && self && !ret->nwins)
		ret->wins[ret->nwins++] = ret->ip;
}

static void
set_if(const struct conf *conf, bool self, const struct ifmon_entry *e, struct node_if *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->key = e->ifindex;
	memcpy(ret->name, e->name, sizeof(ret->name));
	ret->ip = e->ip;
	ret->mask = e->mask;
	ret->broadcast = e->broadcast;
	memcpy(ret->mac, e->mac, sizeof(ret->mac));
	for (unsigned i = 0; i < conf->node_advertise.n; i++) {
		const char *rest = entry_for(conf->node_advertise.t[i], e->name);

		if (rest)
			(void)ip4_parse(rest, &ret->advertise); /* checked */
	}
	set_servers(conf, self, ret);
}

static bool
has_key(const struct node_if *ifs, unsigned n, uint32_t key)
{
	for (unsigned i = 0; i < n; i++)
		if (ifs[i].key == key)
			return true;
	return false;
}

unsigned
policy_ifs(const struct conf *conf, bool self, const struct ifmon_entry *all, size_t n,
    struct node_if ret[NODE_IF_MAX])
{
	unsigned count = 0;

	for (size_t i = 0; i < n && count < NODE_IF_MAX; i++) {
		const struct ifmon_entry *e = &all[i];

		/* One address of each interface, as Windows NT (netbt 3.1 #1). */
		if (e->up && ip4_is_host(e->ip) && is_listened_on(conf, e->ip) &&
		    takes_part(conf, e) && !has_key(ret, count, e->ifindex))
			set_if(conf, self, e, &ret[count++]);
	}
	return count;
}

/* ---- the engine's options ---- */

void
policy_node_conf(const struct conf *conf, struct node_conf *ret)
{
	static const uint8_t types[] = { 0, NODE_B, NODE_P, NODE_M, NODE_H };

	node_conf_init(ret);
	ret->type = types[conf->node_type];
	ret->refresh_opcode = (uint8_t)conf->node_refresh_opcode;
	ret->status_policy = (uint8_t)conf->node_status_policy;
	(void)read_scope(conf, &ret->scope); /* checked */
	ret->bcast_timeout_ms = (uint32_t)conf->node_bcast_timeout;
	ret->bcast_count = (uint32_t)conf->node_bcast_count;
	ret->server_timeout_ms = (uint32_t)conf->node_server_timeout;
	ret->server_count = (uint32_t)conf->node_server_count;
	ret->wins_down_ms = (uint32_t)conf->node_wins_down_timeout;
	ret->cache_ms = (uint32_t)conf->node_cache_timeout;
	ret->conflict_ms = (uint32_t)conf->node_conflict_timer;
	ret->initial_refresh_ms = (uint32_t)conf->node_initial_refresh;
	ret->wack_max_s = (uint32_t)conf->node_wack_max;
	ret->ttl = (uint32_t)conf->node_ttl;
	ret->status_rate = (uint32_t)conf->node_status_rate;
	ret->no_release_on_demand = conf->node_no_release_on_demand;
	ret->strict_rfc_conflict = conf->node_strict_rfc_conflict;
	ret->random_adapter = conf->node_random_adapter;
	ret->single_response = conf->node_single_response;
	ret->dns = conf->node_dns;
	snprintf(ret->lmhosts, sizeof(ret->lmhosts), "%s", conf->node_lmhosts);
	ret->nblocked = conf->node_blocked_names.n;
	memcpy(ret->blocked, conf->node_blocked_names.name, sizeof(ret->blocked));
}

/* ---- the check ---- */

struct check {
	const struct conf_say *say;
	int err;
};

static void
complain(struct check *c, const char *key, const char *entry, const char *why)
{
	char sentence[400];

	snprintf(sentence, sizeof(sentence), "%s: \"%s\" is not %s", key, entry, why);
	c->say->fn(c->say->arg, sentence);
	c->err = NBT_EINVAL;
}

static void
check_interface_entries(
    struct check *c, const char *key, const struct conf_texts *list, bool none_allowed)
{
	for (unsigned i = 0; i < list->n; i++) {
		const char *eq = strchr(list->t[i], '=');
		struct ip4 ip;

		if (eq && eq > list->t[i] && none_allowed && !strcmp(eq + 1, "none"))
			continue;
		if (!eq || eq == list->t[i] || !ip4_parse(eq + 1, &ip) || !ip4_is_host(ip))
			complain(
			    c, key, list->t[i], "an interface and an address (eth0=192.0.2.10)");
	}
}

static void
check_names(struct check *c, const char *key, const struct conf_texts *list)
{
	struct nb_key name;

	for (unsigned i = 0; i < list->n; i++)
		if (!read_key(list->t[i], &name))
			complain(c, key, list->t[i], "a name with its suffix (NAME<20>)");
}

static bool
is_name(const char *text)
{
	return !strpbrk(text, "\\/:*?\"<>|");
}

int
policy_check(const struct conf *conf, const struct conf_say *say)
{
	struct check c = { .say = say };
	struct pattern pattern;
	struct nb_scope scope;

	if (!is_name(conf->node_name))
		complain(&c, "node.name", conf->node_name, "a name that Windows would take");
	if (!is_name(conf->node_workgroup))
		complain(
		    &c, "node.workgroup", conf->node_workgroup, "a name that Windows would take");
	if (read_scope(conf, &scope))
		complain(&c, "node.scope", conf->node_scope, "a scope (EXAMPLE.LAB)");
	check_names(&c, "node.names", &conf->node_names);
	check_names(&c, "node.groups", &conf->node_groups);
	for (unsigned i = 0; i < conf->node_interfaces.n; i++)
		if (!read_pattern(conf->node_interfaces.t[i], &pattern))
			complain(&c, "node.interfaces", conf->node_interfaces.t[i],
			    "an interface or a network (eth*, !tun*, 192.0.2.0/24)");
	check_interface_entries(&c, "node.advertise", &conf->node_advertise, false);
	check_interface_entries(&c, "node.interface-wins", &conf->node_interface_wins, true);
	return c.err;
}
