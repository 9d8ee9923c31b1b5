/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nbtstat -s and -S: this machine's sessions on TCP port 139, from the kernel's table, and for -s the
 * names of the machines at the other end, which are asked for them. Layer: program.
 */
#include "nbtstat/nbtstat.h"

#include <arpa/inet.h>
#include <unistd.h>

#include "io/addrs.h"

#define ADAPTERS_MAX 64
#define SESSIONS_MAX 500
#define PEERS_MAX    8    /* machines asked for their names by -s, */
#define PEER_MS      1000 /* each for so long */

/* What -s has learned of the machines it asked. */
struct peers {
	unsigned n;
	struct {
		struct ip4 ip;
		bool known;
		struct nbt_packet status;
	} peer[PEERS_MAX];
};

/* The machine's unique name with the suffix that a session leads to, or else comes from. */
static bool
name_in(const struct nbt_packet *p, bool in, struct nb_name *ret)
{
	for (int pass = 0; pass < 2; pass++)
		for (unsigned i = 0; i < p->nnode; i++) {
			uint8_t want = (pass == 0) == in ? 0x00 : 0x20;

			if (p->node[i].flags & NB_NF_GROUP || p->node[i].b[NB_NAME_LEN - 1] != want)
				continue;
			memcpy(ret->b, p->node[i].b, NB_NAME_LEN);
			return true;
		}
	return false;
}

static bool
peer_name(struct peers *peers, struct ip4 ip, bool in, struct nb_name *ret)
{
	struct nbt_options o;
	unsigned i = 0;

	while (i < peers->n && !ip4_eq(peers->peer[i].ip, ip))
		i++;
	if (i == PEERS_MAX)
		return false;
	if (i == peers->n) {
		nbt_options_init(&o);
		o.timeout_ms = PEER_MS;
		peers->peer[i].ip = ip;
		peers->peer[i].known = !nbt_node_status(
		    (struct in_addr){ htonl(ip.v) }, NULL, &o, &peers->peer[i].status);
		peers->n++;
	}
	return peers->peer[i].known && name_in(&peers->peer[i].status, in, ret);
}

/* This machine's name: the host name's first label, as nodes register it when nothing else is said. */
static struct nb_name
own_name(uint8_t suffix)
{
	struct nb_name name;
	char host[256] = "";
	size_t n;

	(void)gethostname(host, sizeof(host) - 1);
	n = strcspn(host, ".");
	memset(name.b, ' ', NB_NAME_LEN);
	for (size_t i = 0; i < n && i < NB_NAME_LEN - 1; i++)
		name.b[i] =
		    (uint8_t)(host[i] >= 'a' && host[i] <= 'z' ? host[i] - 'a' + 'A' : host[i]);
	name.b[NB_NAME_LEN - 1] = suffix;
	return name;
}

/* tcp6 has the IPv4 connections of programs that listen on all addresses of both kinds. */
static size_t
read_tcp(struct nbtstat_tcp *ret, size_t cap)
{
	static const char *const files[] = { "/proc/net/tcp", "/proc/net/tcp6" };
	char line[300];
	size_t n = 0;

	for (int i = 0; i < 2; i++) {
		FILE *f = fopen(files[i], "re");

		while (f && n < cap && fgets(line, sizeof(line), f))
			n += nbtstat_tcp_parse(line, &ret[n]);
		if (f)
			fclose(f);
	}
	return n;
}

/* The sessions of one adapter. */
static size_t
sessions_at(
    const struct nbtstat *s, struct ip4 ip, struct peers *peers, struct nbtstat_session *ret)
{
	struct nbtstat_tcp all[SESSIONS_MAX];
	size_t count = read_tcp(all, SESSIONS_MAX), n = 0;

	for (size_t i = 0; i < count; i++) {
		const struct nbtstat_tcp *t = &all[i];

		if (!ip4_eq(t->local, ip) && !ip4_eq(t->local, IP4_ANY))
			continue;
		ret[n] = (struct nbtstat_session){ .local = own_name(t->out ? 0x00 : 0x20),
			.state = t->state,
			.in = t->in,
			.out = t->out,
			.remote_ip = t->remote };
		if (s->action == NBTSTAT_SESSIONS && (t->in || t->out))
			ret[n].has_remote = peer_name(peers, t->remote, t->in, &ret[n].remote);
		n++;
	}
	return n;
}

static json_t *
sessions_json(const struct addrs_entry *a, const struct nbtstat_session *list, size_t n)
{
	json_t *sessions = json_array();
	char text[NB_KEY_STRLEN], ip[IP4_STRLEN];

	for (size_t i = 0; i < n; i++) {
		const struct nbtstat_session *s = &list[i];
		struct nb_key local = { .name = s->local }, remote = { .name = s->remote };
		json_t *o =
		    json_pack("{s:s, s:s}", "local", nb_key_print(&local, text), "state", s->state);

		if (s->in || s->out) {
			json_object_set_new(o, "direction", json_string(s->in ? "in" : "out"));
			json_object_set_new(o, "address", json_string(ip4_print(s->remote_ip, ip)));
		}
		if (s->has_remote)
			json_object_set_new(o, "remote", json_string(nb_key_print(&remote, text)));
		json_array_append_new(sessions, o);
	}
	return json_pack("{s:s, s:s, s:o}", "interface", a->name, "address", ip4_print(a->ip, ip),
	    "sessions", sessions);
}

int
nbtstat_sessions(const struct nbtstat *s, FILE *out)
{
	struct nbtstat_session list[SESSIONS_MAX];
	struct peers peers;
	struct addrs_entry all[ADAPTERS_MAX];
	json_t *o = json_array();
	size_t n = 0;

	peers.n = 0;
	if (addrs_list(all, ADAPTERS_MAX, &n))
		fputs("nbtstat: the adapters of this machine cannot be listed.\n", stderr);
	for (size_t i = 0; i < n && i < ADAPTERS_MAX; i++) {
		struct nbtstat_adapter a = { .ip = all[i].ip };
		size_t count;

		if (all[i].loopback)
			continue;
		count = sessions_at(s, all[i].ip, &peers, list);
		snprintf(a.name, sizeof(a.name), "%s", all[i].name);
		if (s->json) {
			json_array_append_new(o, sessions_json(&all[i], list, count));
			continue;
		}
		nbtstat_show_adapter(out, &a);
		nbtstat_show_sessions(out, list, count);
	}
	if (s->json)
		nbtstat_print_json(out, json_pack("{s:O}", "interfaces", o));
	json_decref(o);
	return n ? 0 : 1;
}
