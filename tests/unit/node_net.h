/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A node engine with a virtual clock and network: what tests of the engine are written in. Packets are
 * made and read with the codec; time moves only when a test says so. Card k (from 0) has interface key
 * k + 1 and a network of its own; the WINS servers are elsewhere.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "node/node.h"

#define W1 IP4(10, 0, 0, 1)
#define W2 IP4(10, 0, 0, 2)
#define W3 IP4(10, 0, 0, 3)

#define CARD(k)    IP4(192, 0, 2 + (k), 10)
#define PEER(k, h) IP4(192, 0, 2 + (k), (h)) /* another host on card k's network */
#define BCAST(k)   IP4(192, 0, 2 + (k), 255)
#define STRANGER   IP4(203, 0, 113, 66) /* on no network of ours */
#define SECOND     1000
#define MINUTE     (60 * SECOND)

struct net {
	struct node *n;
	struct mono now;
	uint32_t random;
	struct node_conf conf;
	struct node_if ifs[NODE_IF_MAX];
	unsigned nifs;
	struct event events[64];
	size_t nevents;
	struct node_answer answers[16];
	size_t nanswers;
	char dns[32];
	uint32_t dns_ticket;
	const char *lmhosts;
	uint8_t kept[4][NB_UDP_MAX + 64]; /* the last packets, which their messages borrow from */
	unsigned nkept;
};

struct sent {
	struct nb_msg m;
	struct node_path path;
	uint16_t len;
};

static inline uint32_t
net_random(void *arg)
{
	struct net *t = arg;

	t->random = t->random * 1664525 + 1013904223;
	return t->random >> 8;
}

static inline void
net_event(void *arg, const struct event *ev)
{
	struct net *t = arg;

	if (t->nevents < 64)
		t->events[t->nevents++] = *ev;
}

static inline const struct event *
net_told(const struct net *t, int event)
{
	for (size_t i = t->nevents; i-- > 0;)
		if (t->events[i].id == event)
			return &t->events[i];
	return NULL;
}

static inline void
net_answered(void *arg, const struct node_answer *a)
{
	struct net *t = arg;

	assert_true(t->nanswers < 16);
	t->answers[t->nanswers++] = *a;
}

static inline void
net_dns(void *arg, uint32_t ticket, const char *name)
{
	struct net *t = arg;

	snprintf(t->dns, sizeof(t->dns), "%s", name);
	t->dns_ticket = ticket;
}

static inline int
net_read_file(void *arg, const char *path, char **ret, size_t *ret_len, const char **ret_why)
{
	const struct net *t = arg;

	if (!t->lmhosts)
		return NBT_ENOENT;
	*ret_len = strlen(t->lmhosts);
	*ret = strdup(t->lmhosts);
	return 0;
}

static inline void
net_add_card(struct net *t, unsigned k, unsigned nwins)
{
	static const struct ip4 wins[] = { { 0x0a000001 }, { 0x0a000002 }, { 0x0a000003 } };
	struct node_if *c = &t->ifs[t->nifs++];

	*c = (struct node_if){ .key = k + 1,
		.ip = CARD(k),
		.mask = IP4(255, 255, 255, 0),
		.broadcast = BCAST(k),
		.mac = { 2, 0, 0, 0, 0, (uint8_t)(k + 1) },
		.nwins = (uint8_t)nwins };
	snprintf(c->name, sizeof(c->name), "card%u", k);
	memcpy(c->wins, wins, nwins * sizeof(*wins));
}

/* Before net_up a test may change conf and ifs. */
static inline void
net_init(struct net *t, unsigned type, unsigned cards, unsigned nwins)
{
	*t = (struct net){ .now = { 1000000000 }, .random = 1 };
	node_conf_init(&t->conf);
	t->conf.type = (uint8_t)type;
	t->conf.settle_ms = 0; /* tests register and release in one instant */
	for (unsigned k = 0; k < cards; k++)
		net_add_card(t, k, nwins);
}

static inline void
net_set_ifs(struct net *t)
{
	assert_int_equal(node_set_ifs(t->n, t->ifs, t->nifs, t->now), 0);
}

static inline void
net_up(struct net *t)
{
	struct node_host host = { t, net_random, net_event, net_answered, net_dns, net_read_file };

	assert_int_equal(node_new(&t->conf, &host, t->now, &t->n), 0);
	net_set_ifs(t);
}

static inline void
net_start(struct net *t, unsigned type, unsigned cards, unsigned nwins)
{
	net_init(t, type, cards, nwins);
	net_up(t);
}

static inline void
net_end(struct net *t)
{
	node_free(t->n);
}

static inline struct nb_key
net_key(const char *text)
{
	struct nb_key key;

	assert_int_equal(nb_key_parse(text, 0, &key), 0);
	return key;
}

static inline void
net_add(struct net *t, const char *name, bool group)
{
	struct nb_key key = net_key(name);

	assert_int_equal(node_add(t->n, &key, group, false, t->now), 0);
}

static inline void
net_remove(struct net *t, const char *name)
{
	struct nb_key key = net_key(name);

	assert_int_equal(node_remove(t->n, &key, t->now), 0);
}

/* ---- packets out ---- */

static inline bool
net_out(struct net *t, struct sent *ret)
{
	const struct node_out *out = node_out(t->n);
	uint8_t *data = t->kept[t->nkept++ % 4];

	if (!out)
		return false;
	memcpy(data, out->data, out->len);
	ret->len = out->len;
	ret->path = out->path;
	assert_int_equal(nb_decode(data, ret->len, &ret->m), NB_DROP_NONE);
	/* Whatever it is, it leaves from a card's own address, by that card. */
	for (unsigned i = 0; i < t->nifs; i++)
		if (t->ifs[i].key == out->path.key && ip4_eq(t->ifs[i].ip, out->path.local))
			return true;
	fail_msg("a packet leaves by interface %u from a foreign address", out->path.key);
	return false;
}

static inline void
net_silent(struct net *t)
{
	assert_null(node_out(t->n));
}

/* The next packet: of this kind, flags word and destination. */
static inline struct sent
net_expect(struct net *t, unsigned kind, unsigned flags, struct ip4 peer)
{
	struct sent s;

	assert_true(net_out(t, &s));
	assert_int_equal(s.m.kind, kind);
	assert_int_equal(s.m.flags, flags);
	assert_int_equal(s.path.peer.v, peer.v);
	return s;
}

static inline struct sent
net_expect_only(struct net *t, unsigned kind, unsigned flags, struct ip4 peer)
{
	struct sent s = net_expect(t, kind, flags, peer);

	net_silent(t);
	return s;
}

static inline unsigned
net_drain(struct net *t)
{
	unsigned count = 0;

	while (node_out(t->n))
		count++;
	return count;
}

/* ---- time ---- */

/* Ticks at every deadline on the way, as a host does. */
static inline void
net_pass(struct net *t, int64_t ms)
{
	struct mono end = mono_add_ms(t->now, ms);

	while (node_next(t->n).ns <= end.ns) {
		if (node_next(t->n).ns > t->now.ns)
			t->now = node_next(t->n);
		node_tick(t->n, t->now);
	}
	t->now = end;
	node_tick(t->n, t->now);
}

/* ---- packets in ---- */

static inline void
net_in(struct net *t, const struct nb_msg *m, unsigned card, struct ip4 from, bool broadcast)
{
	const struct node_path path = { .key = card + 1,
		.peer = from,
		.local = CARD(card),
		.port = 137,
		.broadcast = broadcast };
	uint8_t buf[NB_UDP_MAX + 64];
	size_t len = nb_encode(m, buf, sizeof(buf));

	assert_true(len > 0);
	node_in(t->n, buf, len, &path, t->now);
}

/* An answer to what was sent, from whom it was sent to. */
static inline struct nb_msg
net_reply_to(const struct sent *s, unsigned kind, unsigned flags)
{
	struct nb_msg m = {
		.id = s->m.id, .kind = (uint8_t)kind, .flags = (uint16_t)flags, .key = s->m.key
	};

	if (kind == NB_REGISTER_RESP || kind == NB_RELEASE_RESP) {
		m.naddr = 1;
		m.addr[0] = s->m.addr[0];
	}
	return m;
}

static inline void
net_reply_from(struct net *t, const struct sent *s, struct nb_msg m, struct ip4 from)
{
	net_in(t, &m, s->path.key - 1, from, false);
}

static inline void
net_reply(struct net *t, const struct sent *s, struct nb_msg m)
{
	net_reply_from(t, s, m, s->path.peer);
}

/* A server's positive answer to a claim or refresh. */
static inline void
net_grant(struct net *t, const struct sent *s, uint32_t ttl)
{
	struct nb_msg m = net_reply_to(s, NB_REGISTER_RESP, 0xad80);

	m.ttl = ttl;
	net_reply(t, s, m);
}

static inline void
net_refuse(struct net *t, const struct sent *s, unsigned rcode, struct ip4 owner)
{
	struct nb_msg m = net_reply_to(s, NB_REGISTER_RESP, 0xad80 | rcode);

	m.addr[0].ip = owner;
	net_reply(t, s, m);
}

static inline void
net_released(struct net *t, const struct sent *s)
{
	net_reply(t, s, net_reply_to(s, NB_RELEASE_RESP, 0xb400));
}

/* A request of another host. */
static inline struct nb_msg
net_request(unsigned kind, unsigned flags, const char *name, uint16_t nb_flags, struct ip4 ip)
{
	struct nb_msg m = {
		.id = 0x4242, .kind = (uint8_t)kind, .flags = (uint16_t)flags, .key = net_key(name)
	};

	if (kind != NB_QUERY_REQ && kind != NB_STATUS_REQ) {
		m.naddr = 1;
		m.addr[0] = (struct nb_addr){ nb_flags, ip };
	}
	return m;
}

/* ---- what the node says of itself ---- */

static inline struct node_entry
net_entry(struct net *t, const char *name, unsigned card)
{
	struct nb_key key = net_key(name);
	struct node_entry e;

	for (unsigned i = 0; node_entry_at(t->n, i, t->now, &e); i++)
		if (nb_key_eq(&e.key, &key) && e.if_key == card + 1)
			return e;
	return (struct node_entry){ .state = 255 };
}

static inline unsigned
net_state(struct net *t, const char *name, unsigned card)
{
	return net_entry(t, name, card).state;
}

static inline unsigned
net_ghosts(struct net *t)
{
	struct node_ghost g;
	unsigned i = 0;

	while (node_ghost_at(t->n, i, t->now, &g))
		i++;
	return i;
}

static inline uint64_t
net_count(const struct net *t, enum node_stat stat)
{
	return node_stats(t->n)->n[stat];
}

/* Registered at the first server of every card, which answers at once. */
static inline void
net_register(struct net *t, const char *name, bool group, uint32_t ttl)
{
	struct sent s;

	net_add(t, name, group);
	while (net_out(t, &s))
		net_grant(t, &s, ttl);
	for (unsigned k = 0; k < t->nifs; k++)
		assert_int_equal(net_state(t, name, t->ifs[k].key - 1), NODE_REGISTERED);
}

/* Registered on a node that only broadcasts. */
static inline void
net_register_b(struct net *t, const char *name, bool group)
{
	net_add(t, name, group);
	net_pass(t, 5 * SECOND);
	(void)net_drain(t);
	for (unsigned k = 0; k < t->nifs; k++)
		assert_int_equal(net_state(t, name, t->ifs[k].key - 1), NODE_REGISTERED);
}
