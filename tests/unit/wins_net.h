/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A WINS server engine on a real store, with a virtual clock and network: what tests of the engine
 * are written in. Packets are made and read with the codec; time moves only when a test says so.
 */
#pragma once

#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "wins/wins.h"

#define SERVER  IP4(192, 0, 2, 1)
#define HOST(n) IP4(192, 0, 2, (n))

struct net {
	size_t batch_max;
	/* of the store; 0 = its default */
	struct wins *w;
	struct store *store;
	struct vfs *vfs; /* what the store uses; tests may replace its functions */
	char dir[64];
	struct mono mnow;
	struct wall now;
	uint32_t random;
	struct event events[64];
	size_t nevents;
	struct wins_conf conf;
	/* of the server's own node, which has the name "OWN<20>" */
	bool own_defended;
	unsigned nown;
	struct ip4 own[2];
};

static inline uint32_t
net_random(void *arg)
{
	struct net *n = arg;

	return n->random = n->random * 1664525 + 1013904223;
}

static inline void
net_event(void *arg, const struct event *ev)
{
	struct net *n = arg;

	if (n->nevents < 64)
		n->events[n->nevents++] = *ev;
}

static inline unsigned
net_held(void *arg, const struct nb_key *key, struct ip4 ret[REC_ADDR_MAX], bool *ret_defended)
{
	const struct net *n = arg;

	if (memcmp(key->name.b, "OWN            \x20", NB_NAME_LEN) != 0)
		return 0;
	*ret_defended = n->own_defended;
	memcpy(ret, n->own, n->nown * sizeof(*ret));
	return n->nown;
}

static inline bool
net_told(const struct net *n, int event)
{
	for (size_t i = 0; i < n->nevents; i++)
		if (n->events[i].id == event)
			return true;
	return false;
}

static inline void
net_up(struct net *n)
{
	struct store_opts opts = { .batch_max = n->batch_max, .flights = true };
	struct store_report report;
	struct wins_host host = { n, net_random, net_event, net_held };

	assert_int_equal(vfs_posix_open(n->dir, &opts.vfs), 0);
	n->vfs = opts.vfs;
	assert_int_equal(store_open(&opts, &n->store, &report), 0);
	assert_int_equal(wins_new(&n->conf, n->store, &host, n->now, &n->w), 0);
}

static inline void
net_down(struct net *n)
{
	wins_free(n->w);
	store_close(n->store);
}

static inline void
net_init(struct net *n)
{
	*n = (struct net){
		.mnow = { 1000000000 },
		.now = { 1000000 },
		.random = 1,
		.conf = { .chl_interval_ms = 500,
		    .chl_tries = 3,
		    .challenges_max = 100,
		    .names_max = 100000,
		    .scavenge_slice = 10,
		    .propagate_releases = true,
		    .prepend_1b = true,
		    .nself = 1,
		    .self = { SERVER } },
	};
	strcpy(n->dir, "/tmp/winsome-test-XXXXXX");
	assert_non_null(mkdtemp(n->dir));
	store_reader_register();
	net_up(n);
}

static inline void
net_end(struct net *n)
{
	char cmd[128];

	net_down(n);
	store_reader_unregister();
	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", n->dir);
	assert_int_equal(system(cmd), 0);
}

static inline struct nb_key
net_key(const char *text)
{
	struct nb_key key;

	assert_int_equal(nb_key_parse(text, 0, &key), 0);
	return key;
}

static inline void
net_send(struct net *n, const struct nb_msg *m, struct ip4 from, uint16_t port)
{
	uint8_t buf[NB_UDP_MAX];
	size_t len = nb_encode(m, buf, sizeof(buf));
	struct wins_path path = { .peer = from, .local = SERVER, .port = port };

	assert_true(len > 0);
	wins_in(n->w, buf, len, &path, n->mnow, n->now);
}

/* A request about name for ip, sent from ip, port 137. op: any of the registering ones, or 6. */
static inline struct nb_msg
net_request(unsigned op, uint16_t id, const char *name, uint16_t nb_flags, struct ip4 ip)
{
	struct nb_msg m = { .id = id,
		.kind = op == NB_OP_RELEASE                              ? NB_RELEASE_REQ
			: op == NB_OP_REFRESH || op == NB_OP_REFRESH_ALT ? NB_REFRESH_REQ
									 : NB_REGISTER_REQ,
		.flags = (uint16_t)(op << 11 | (op == NB_OP_REGISTER || op == 15 ? NB_F_RD : 0)),
		.rr_type = NB_TYPE_NB,
		.ttl = 300000,
		.naddr = 1 };

	m.key = net_key(name);
	m.addr[0] = (struct nb_addr){ nb_flags, ip };
	return m;
}

static inline void
net_ask(struct net *n, unsigned op, uint16_t id, const char *name, uint16_t nb_flags, struct ip4 ip)
{
	struct nb_msg m = net_request(op, id, name, nb_flags, ip);

	net_send(n, &m, ip, 137);
}

/* What an end node says to a challenge: "mine" with these addresses, or "not mine" (naddr 0). */
static inline void
net_node_answers(struct net *n, const struct nb_msg *probe, struct ip4 from, unsigned naddr,
    const struct ip4 *addr)
{
	struct nb_msg m = { .id = probe->id,
		.kind = naddr ? NB_QUERY_OK : NB_QUERY_FAIL,
		.flags = naddr ? 0x8500 : 0x8503,
		.key = probe->key,
		.rr_type = naddr ? NB_TYPE_NB : NB_TYPE_NULL,
		.naddr = (uint16_t)naddr };

	for (unsigned i = 0; i < naddr; i++)
		m.addr[i].ip = addr[i];
	net_send(n, &m, from, 137);
}

/* The next packet the server sends, read; false when there is none. */
static inline bool
net_out(struct net *n, struct nb_msg *ret, struct wins_path *ret_path)
{
	const struct wins_out *out = wins_out(n->w);

	if (!out)
		return false;
	assert_int_equal(nb_decode(out->data, out->len, ret), NB_DROP_NONE);
	if (ret_path)
		*ret_path = out->path;
	return true;
}

static inline void
net_silent(struct net *n)
{
	assert_int_equal(wins_commit(n->w, n->now), 0);
	assert_null(wins_out(n->w));
}

/* Commits, and expects exactly one packet, of this kind and rcode, to peer. */
static inline struct nb_msg
net_expect(struct net *n, unsigned kind, unsigned rcode, struct ip4 peer)
{
	struct wins_path path;
	struct nb_msg m;

	(void)wins_commit(n->w, n->now);
	assert_true(net_out(n, &m, &path));
	assert_int_equal(m.kind, kind);
	assert_int_equal(nb_rcode(&m), rcode);
	assert_int_equal(path.peer.v, peer.v);
	assert_null(wins_out(n->w));
	return m;
}

/* Expects the WACK to claimant and then the probe to owner; returns the probe. */
static inline struct nb_msg
net_expect_challenge(struct net *n, struct ip4 claimant, struct ip4 owner)
{
	struct wins_path path;
	struct nb_msg m;

	(void)wins_commit(n->w, n->now);
	assert_true(net_out(n, &m, &path));
	assert_int_equal(m.kind, NB_WACK);
	assert_int_equal(path.peer.v, claimant.v);
	assert_true(net_out(n, &m, &path));
	assert_int_equal(m.kind, NB_QUERY_REQ);
	assert_int_equal(path.peer.v, owner.v);
	assert_int_equal(path.port, 137);
	assert_int_equal(path.local.v, SERVER.v);
	assert_int_equal(m.flags, 0);
	assert_null(wins_out(n->w));
	return m;
}

static inline void
net_pass_ms(struct net *n, int64_t ms)
{
	n->mnow = mono_add_ms(n->mnow, ms);
	n->now.s += (uint32_t)(ms / 1000);
	wins_tick(n->w, n->mnow, n->now);
}

static inline void
net_registers(struct net *n, unsigned op, const char *name, uint16_t nb_flags, struct ip4 ip)
{
	net_ask(n, op, 1, name, nb_flags, ip);
	(void)net_expect(n, NB_REGISTER_RESP, NB_RC_OK, ip);
}

/* Asks as a client does; returns how many addresses came, -1 = negative. */
static inline int
net_query(struct net *n, const char *name, struct nb_msg *ret)
{
	struct nb_msg m = {
		.id = 77, .kind = NB_QUERY_REQ, .flags = NB_F_RD, .rr_type = NB_TYPE_NB
	};
	static struct wins_stats stats;
	uint8_t buf[NB_UDP_MAX], out[NB_UDP_MAX];
	enum nb_drop drop;
	size_t len;

	m.key = net_key(name);
	len = nb_encode(&m, buf, sizeof(buf));
	len = wins_query(n->store, wins_view(n->w), &stats, buf, len, out, &drop);
	assert_true(len > 0);
	assert_int_equal(nb_decode(out, len, ret), NB_DROP_NONE);
	assert_int_equal(ret->id, 77);
	return ret->kind == NB_QUERY_OK ? ret->naddr : -1;
}

static inline uint64_t
net_count(const struct net *n, enum wins_stat stat)
{
	return wins_registrar_stats(n->w)->n[stat];
}
