/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What nbtstat displays of names, from where it is known: the daemon's control socket, and the network
 * by libnetbt. Layer: program.
 */
#include "nbtstat/nbtstat.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "ctl/client.h"
#include "io/addrs.h"

#define WINSD_SOCKET  "/run/winsome/winsd.sock"
#define NETBTD_SOCKET "/run/winsome/netbtd.sock"
#define ANSWER_S      30 /* the daemon itself may wait for the network */
#define ADAPTERS_MAX  64

/* ---- the daemon ---- */

static void
say_refused(const struct ctl_refusal *refusal, int err)
{
	fprintf(stderr, "nbtstat: %s%s\n",
	    refusal->message[0] ? refusal->message : nbt_strerror(err),
	    refusal->message[0] ? "" : ".");
}

/* One command to the daemon at a path; NULL and what was wrong. */
static json_t *
call_at(const char *path, const char *command, json_t *arguments, struct ctl_refusal *ret_refusal,
    int *ret_err)
{
	struct ctl_client *c;
	json_t *result = NULL;

	ret_refusal->code[0] = ret_refusal->message[0] = 0;
	*ret_err = ctl_client_open(path, ANSWER_S, &c);
	if (*ret_err)
		return NULL;
	*ret_err = ctl_client_call(c, command, json_incref(arguments), &result, ret_refusal);
	ctl_client_close(c);
	return *ret_err ? NULL : result;
}

/* To the daemon with the node: the one named, else winsd, else netbtd. NULL after saying why not. */
static json_t *
call(const struct nbtstat *s, const char *command, json_t *take_arguments)
{
	struct ctl_refusal refusal;
	int err;
	json_t *result =
	    call_at(s->socket ? s->socket : WINSD_SOCKET, command, take_arguments, &refusal, &err);
	bool no_node = err == NBT_ENOENT || err == NBT_ECLOSED || !strcmp(refusal.code, "refused");

	if (!result && no_node && !s->socket) {
		struct ctl_refusal second;
		int err2;

		result = call_at(NETBTD_SOCKET, command, take_arguments, &second, &err2);
		if (err2 != NBT_ENOENT && err2 != NBT_ECLOSED) {
			refusal = second;
			err = err2;
		}
	}
	json_decref(take_arguments);
	if (!result && (err == NBT_ENOENT || err == NBT_ECLOSED))
		fprintf(stderr,
		    "nbtstat: no daemon with a NetBT node listens on %s: is netbtd or winsd "
		    "running? --socket names another socket.\n",
		    s->socket ? s->socket : NETBTD_SOCKET);
	else if (!result)
		say_refused(&refusal, err);
	return result;
}

/* All pages of a listing as one list; NULL after saying why not. */
static json_t *
call_all(const struct nbtstat *s, const char *command, const char *member)
{
	json_t *all = json_array(), *arguments = json_object();

	for (;;) {
		json_t *page = call(s, command, json_copy(arguments)), *cursor;

		if (!page) {
			json_decref(all);
			json_decref(arguments);
			return NULL;
		}
		json_array_extend(all, json_object_get(page, member));
		cursor = json_object_get(page, "cursor");
		json_object_set(arguments, "cursor", cursor);
		json_decref(page);
		if (!json_is_string(json_object_get(arguments, "cursor")))
			break;
	}
	json_decref(arguments);
	return all;
}

/* ---- values of an answer ---- */

static const char *
text_of(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s ? s : "";
}

static struct ip4
ip_of(const json_t *text)
{
	struct ip4 ip = IP4_ANY;

	(void)ip4_parse(json_string_value(text) ? json_string_value(text) : "", &ip);
	return ip;
}

static struct nb_name
name_of(const json_t *o)
{
	struct nb_key key = { 0 };

	(void)nb_key_parse(text_of(o, "name"), 0, &key);
	return key.name;
}

void
nbtstat_print_json(FILE *out, json_t *take_o)
{
	json_dumpf(take_o, out, JSON_INDENT(2));
	fputc('\n', out);
	json_decref(take_o);
}

/* ---- -n and -c: a table for each adapter ---- */

static struct nbtstat_adapter
adapter_of(const json_t *ifc, const char *scope)
{
	struct nbtstat_adapter a = { .ip = ip_of(json_object_get(ifc, "address")) };

	snprintf(a.name, sizeof(a.name), "%s", text_of(ifc, "interface"));
	snprintf(a.scope, sizeof(a.scope), "%s", scope);
	return a;
}

/* Those entries that are about the interface, or about none: preloaded names. */
static json_t *
entries_of(const json_t *entries, const json_t *ifc)
{
	json_int_t key = json_integer_value(json_object_get(ifc, "key"));
	json_t *some = json_array(), *e;
	size_t i;

	json_array_foreach(entries, i, e)
	{
		json_int_t k = json_integer_value(json_object_get(e, "key"));

		if (k == key || k == 0)
			json_array_append(some, e);
	}
	return some;
}

static void
show_names(FILE *out, const json_t *list)
{
	size_t n = json_array_size(list), i;
	struct nbtstat_name *names = calloc(n + 1, sizeof(*names));
	json_t *e;

	json_array_foreach(list, i, e)
	{
		names[i].name = name_of(e);
		names[i].group = json_is_true(json_object_get(e, "group"));
		snprintf(names[i].status, sizeof(names[i].status), "%s", text_of(e, "state"));
	}
	nbtstat_show_local(out, names, n);
	free(names);
}

static void
show_cache(FILE *out, const json_t *list)
{
	size_t n = json_array_size(list), i;
	struct nbtstat_cached *entries = calloc(n + 1, sizeof(*entries));
	json_t *e;

	json_array_foreach(list, i, e)
	{
		const json_t *life = json_object_get(e, "life");

		entries[i].name = name_of(e);
		entries[i].group = json_is_true(json_object_get(e, "group"));
		entries[i].ip = ip_of(json_array_get(json_object_get(e, "addresses"), 0));
		entries[i].life_s = json_is_integer(life) ? json_integer_value(life) : -1;
	}
	nbtstat_show_cache(out, entries, n);
	free(entries);
}

static int
per_adapter(const struct nbtstat *s, FILE *out)
{
	bool cache = s->action == NBTSTAT_CACHE;
	json_t *node = call(s, "node-interfaces", json_object());
	const char *member = cache ? "cache" : "names";
	json_t *all = node ? call_all(s, cache ? "node-cache" : "node-list", member) : NULL, *ifc;
	size_t i;

	if (!all) {
		json_decref(node);
		return 1;
	}
	json_array_foreach(json_object_get(node, "interfaces"), i, ifc)
	{
		json_t *some = entries_of(all, ifc);

		if (s->json) {
			json_object_set(ifc, member, some);
		} else {
			const struct nbtstat_adapter a = adapter_of(ifc, text_of(node, "scope"));

			nbtstat_show_adapter(out, &a);
			(cache ? show_cache : show_names)(out, some);
		}
		json_decref(some);
	}
	json_decref(all);
	if (s->json)
		nbtstat_print_json(out, node);
	else
		json_decref(node);
	return 0;
}

/* ---- -r, -R, -RR ---- */

static int
counters(const struct nbtstat *s, FILE *out)
{
	json_t *r = call(s, "node-stats", json_object());
	const json_t *c = json_object_get(r, "counters");
	const struct nbtstat_counters counters = {
		.resolved_bcast = json_integer_value(json_object_get(c, "resolved-broadcast")),
		.resolved_wins = json_integer_value(json_object_get(c, "resolved-wins")),
		.registered_bcast = json_integer_value(json_object_get(c, "registered-broadcast")),
		.registered_wins = json_integer_value(json_object_get(c, "registered-wins")),
	};

	if (!r)
		return 1;
	if (s->json) {
		nbtstat_print_json(out, r);
		return 0;
	}
	nbtstat_show_counters(out, &counters);
	json_decref(r);
	return 0;
}

static int
order(const struct nbtstat *s, FILE *out, const char *command, const char *done)
{
	json_t *r = call(s, command, json_object());

	if (!r)
		return 1;
	if (s->json) {
		nbtstat_print_json(out, r);
		return 0;
	}
	fprintf(out, "    %s\n", done);
	json_decref(r);
	return 0;
}

/* ---- -a and -A: a table of another machine ---- */

static struct nbt_options
options_of(const struct nbtstat *s)
{
	struct nbt_options o;

	nbt_options_init(&o);
	o.socket = s->socket;
	o.from_port_137 = 1; /* some answer nowhere else (netbt-name-service.md 1.5) */
	o.nserver = s->nwins;
	for (unsigned i = 0; i < s->nwins; i++)
		o.server[i].s_addr = htonl(s->wins[i].v);
	return o;
}

/* The adapter from which a machine is reached, as the kernel would send. */
static struct nbtstat_adapter
route_to(struct ip4 peer)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons(137),
		.sin_addr.s_addr = htonl(peer.v) },
			   from = { 0 };
	struct nbtstat_adapter a = { .name = "no adapter" };
	struct addrs_entry all[ADAPTERS_MAX];
	socklen_t len = sizeof(from);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	size_t n = 0;

	if (fd < 0)
		return a;
	if (!connect(fd, (struct sockaddr *)&to, sizeof(to)) &&
	    !getsockname(fd, (struct sockaddr *)&from, &len))
		a.ip.v = ntohl(from.sin_addr.s_addr);
	close(fd);
	(void)addrs_list(all, ADAPTERS_MAX, &n);
	for (size_t i = 0; i < n && i < ADAPTERS_MAX; i++)
		if (ip4_eq(all[i].ip, a.ip))
			snprintf(a.name, sizeof(a.name), "%s", all[i].name);
	return a;
}

static json_t *
status_json(struct ip4 peer, const struct nbt_packet *p)
{
	char ip[IP4_STRLEN], text[NB_KEY_STRLEN], mac[18];
	json_t *names = json_array(), *o;

	for (unsigned i = 0; i < p->nnode; i++) {
		struct nb_key key = { 0 };

		memcpy(key.name.b, p->node[i].b, NB_NAME_LEN);
		json_array_append_new(
		    names, json_pack("{s:s, s:b, s:s}", "name", nb_key_print(&key, text), "group",
			       !!(p->node[i].flags & NB_NF_GROUP), "state",
			       nbtstat_status_word(p->node[i].flags)));
	}
	o = json_pack(
	    "{s:b, s:s, s:o}", "found", 1, "address", ip4_print(peer, ip), "names", names);
	snprintf(mac, sizeof(mac), "%02X-%02X-%02X-%02X-%02X-%02X", p->mac[0], p->mac[1], p->mac[2],
	    p->mac[3], p->mac[4], p->mac[5]);
	if (p->has_mac)
		json_object_set_new(o, "mac", json_string(mac));
	return o;
}

static void
show_status(FILE *out, const struct nbt_packet *p)
{
	struct nbtstat_name names[NBT_NODES_MAX];

	for (unsigned i = 0; i < p->nnode; i++) {
		memcpy(names[i].name.b, p->node[i].b, NB_NAME_LEN);
		names[i].group = p->node[i].flags & NB_NF_GROUP;
		snprintf(names[i].status, sizeof(names[i].status), "%s",
		    nbtstat_status_word(p->node[i].flags));
	}
	nbtstat_show_remote(out, names, p->nnode, p->has_mac ? p->mac : NULL);
}

static int
not_found(const struct nbtstat *s, FILE *out)
{
	if (s->json)
		nbtstat_print_json(out, json_pack("{s:b}", "found", 0));
	else
		fputs("    Host not found.\n", out);
	return 1;
}

static int
status(const struct nbtstat *s, FILE *out, struct ip4 peer)
{
	const struct nbt_options o = options_of(s);
	const struct nbtstat_adapter a = route_to(peer);
	struct nbt_packet p;
	int r = nbt_node_status((struct in_addr){ htonl(peer.v) }, NULL, &o, &p);

	if (!s->json)
		nbtstat_show_adapter(out, &a);
	if (r)
		return not_found(s, out);
	if (s->json)
		nbtstat_print_json(out, status_json(peer, &p));
	else
		show_status(out, &p);
	return 0;
}

/* By NetBIOS means, not DNS (KB 249874): the file server's name, else the workstation's. */
static bool
find(const struct nbtstat *s, struct ip4 *ret)
{
	static const uint8_t suffixes[] = { 0x20, 0x00 };
	const struct nbt_options o = options_of(s);
	struct nb_key key = s->key;
	char text[NB_KEY_STRLEN];
	struct nbt_answer answer;
	struct nbt_name name;

	for (int i = 0; i < (s->has_suffix ? 1 : 2); i++) {
		if (!s->has_suffix)
			key.name.b[NB_NAME_LEN - 1] = suffixes[i];
		if (nbt_name_parse(nb_key_print(&key, text), 0, &name) ||
		    nbt_resolve(&name, &o, &answer))
			continue;
		ret->v = ntohl(answer.address[0].s_addr);
		return ip4_is_host(*ret);
	}
	return false;
}

int
nbtstat_run(const struct nbtstat *s, FILE *out)
{
	struct ip4 ip;

	switch (s->action) {
	case NBTSTAT_NAME:
		return find(s, &ip) ? status(s, out, ip) : not_found(s, out);
	case NBTSTAT_ADDRESS:
		return status(s, out, s->ip);
	case NBTSTAT_CACHE:
	case NBTSTAT_LOCAL:
		return per_adapter(s, out);
	case NBTSTAT_COUNTERS:
		return counters(s, out);
	case NBTSTAT_PURGE:
		return order(s, out, "node-purge",
		    "Successful purge and preload of the NBT Remote Cache Name Table.");
	case NBTSTAT_REFRESH:
		return order(s, out, "node-release-refresh",
		    "The NetBIOS names registered by this computer have been refreshed.");
	case NBTSTAT_SESSIONS:
	case NBTSTAT_SESSIONS_IP:
		return nbtstat_sessions(s, out);
	default:
		nbtstat_usage(out);
		return 0;
	}
}
