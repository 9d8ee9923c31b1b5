/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The node engine from a sequence of steps: wishes, cards, time, packets of strangers, and answers to
 * what it just asked (else no answer would ever fit its random ids). Claims: every packet it sends can
 * be read, and leaves from a card that is there; a tick leaves nothing due; a ticket is answered once;
 * at the end all names can be given up and nothing waits for ever. Layer: fuzz.
 */
#include "fuzz.h"

#include <string.h>

#include "node/node.h"

#define CARDS 3

struct world {
	struct node *n;
	struct mono now;
	struct node_if ifs[CARDS];
	bool up[CARDS];
	uint32_t random, tickets;
	uint8_t open[NODE_ASKS_MAX * 16]; /* tickets that wait for their answer */
	uint32_t dns;
	struct nb_msg last; /* what it sent last, and where */
	struct node_path path;
	uint8_t data[NB_UDP_MAX + 64]; /* last borrows from it */
	bool has_last;
};

static uint32_t
draw(void *arg)
{
	struct world *w = arg;

	return w->random = w->random * 1664525 + 1013904223;
}

static void
hear(void *arg, const struct event *ev)
{
	char buf[EVENT_STRLEN];

	(void)event_print(ev, buf);
}

static void
answered(void *arg, const struct node_answer *a)
{
	struct world *w = arg;

	must(a->ticket < w->tickets && w->open[a->ticket]);
	must(a->naddr <= REC_ADDR_MAX);
	w->open[a->ticket] = 0;
}

static void
dns(void *arg, uint32_t ticket, const char *name)
{
	struct world *w = arg;

	w->dns = ticket;
}

static void
drain(struct world *w)
{
	const struct node_out *out;

	while ((out = node_out(w->n))) {
		bool there = false;

		for (unsigned k = 0; k < CARDS; k++)
			there |= w->up[k] && w->ifs[k].key == out->path.key &&
				 ip4_eq(w->ifs[k].ip, out->path.local);
		must(there);
		memcpy(w->data, out->data, out->len);
		must(nb_decode(w->data, out->len, &w->last) == NB_DROP_NONE);
		w->path = out->path;
		w->has_last = true;
	}
}

static void
set_ifs(struct world *w)
{
	struct node_if now[CARDS];
	unsigned count = 0;

	for (unsigned k = 0; k < CARDS; k++)
		if (w->up[k])
			now[count++] = w->ifs[k];
	must(!node_set_ifs(w->n, now, count, w->now));
}

/* ---- steps; each takes what it needs of the input ---- */

static struct nb_key
some_key(struct rd *r)
{
	static const char *const names[] = { "PC<20>", "OFFICE<00>", "LAB<1c>", "*SMBSERVER<20>",
		"WPAD<00>", "PC<20>.LAB", "THEM<20>", "*" };
	struct nb_key key;

	must(!nb_key_parse(names[rd_u8(r) % 8], 0, &key));
	return key;
}

static struct ip4
some_ip(struct rd *r)
{
	static const struct ip4 ips[] = { { 0x0a000001 }, { 0x0a000002 }, { 0xc000020a },
		{ 0xc0000307 }, { 0xc0000207 }, { 0xcb007101 }, { 0 }, { 0xffffffff } };

	return ips[rd_u8(r) % 8];
}

static void
step_wish(struct world *w, struct rd *r)
{
	struct nb_key key = some_key(r);
	uint8_t how = rd_u8(r);

	switch (how % 6) {
	case 0:
	case 1:
		(void)node_add(w->n, &key, how & 8, how & 16, w->now);
		break;
	case 2:
		(void)node_remove(w->n, &key, w->now);
		break;
	case 3:
		node_suspend(w->n, w->now);
		break;
	case 4:
		node_resume(w->n, w->now);
		break;
	case 5:
		(void)node_release_refresh(w->n, w->now);
		break;
	}
}

static void
step_cards(struct world *w, struct rd *r)
{
	unsigned k = rd_u8(r) % CARDS;
	struct node_if *c = &w->ifs[k];
	uint8_t how = rd_u8(r);

	switch (how % 5) {
	case 0:
		w->up[k] = !w->up[k];
		break;
	case 1:
		c->ip.v = (c->ip.v & 0xffffff00) | (1 + rd_u8(r) % 250);
		break;
	case 2:
		c->nwins = rd_u8(r) % (NODE_WINS_MAX + 1);
		for (unsigned i = 0; i < c->nwins; i++)
			c->wins[i] = IP4(10, 0, 0, 1 + i);
		break;
	case 3:
		c->leaving = !c->leaving;
		break;
	case 4:
		c->advertise = some_ip(r);
		break;
	}
	set_ifs(w);
}

static void
step_ask(struct world *w, struct rd *r)
{
	struct nb_key key = some_key(r);
	uint8_t how = rd_u8(r);
	int err;

	if (w->tickets == sizeof(w->open))
		return;
	w->open[w->tickets++] = 1;
	if (how & 1)
		err = node_resolve(w->n, &key, how >> 1 & 3, w->tickets - 1, w->now);
	else
		err = node_ask_status(
		    w->n, some_ip(r), how & 2 ? &key : NULL, w->tickets - 1, w->now);
	if (err)
		w->open[w->tickets - 1] = 0;
}

static void
step_dns(struct world *w, struct rd *r)
{
	struct ip4 ip = some_ip(r);

	node_dns_done(w->n, w->dns, &ip, rd_u8(r) & 1, w->now);
}

/* Raw bytes, from somebody somewhere. */
static void
step_packet(struct world *w, struct rd *r)
{
	struct node_path path = { .key = rd_u8(r) % 4, .port = 137 };
	size_t len;

	path.peer = some_ip(r);
	path.local = path.key ? w->ifs[path.key - 1].ip : IP4_ANY;
	path.broadcast = rd_u8(r) & 1;
	len = rd_u8(r);
	if (len > rd_left(r))
		len = rd_left(r);
	node_in(w->n, rd_bytes(r, len), len, &path, w->now);
}

/* An answer to the last packet, or what it provokes, with a flags word of the input's choice. */
static void
step_answer(struct world *w, struct rd *r)
{
	static const uint8_t kinds[] = { NB_REGISTER_RESP, NB_RELEASE_RESP, NB_QUERY_OK,
		NB_QUERY_FAIL, NB_WACK, NB_REDIRECT, NB_STATUS_RESP, NB_QUERY_REQ, NB_RELEASE_REQ,
		NB_REGISTER_REQ };
	static const uint16_t flags[] = { 0xad80, 0xb400, 0x8580, 0x8583, 0xbc00, 0x8100, 0x8400, 0,
		0x3000, 0x2910 };
	unsigned kind = rd_u8(r) % sizeof(kinds);
	struct nb_msg m = { .id = w->last.id,
		.kind = kinds[kind],
		.flags = flags[kind],
		.key = w->last.key,
		.ttl = rd_u16(r),
		.naddr = kind < 3 || kind > 7 ? 1 : 0 };
	struct node_path path = w->path;
	uint8_t buf[NB_UDP_MAX + 64], how = rd_u8(r);
	size_t len;

	if (!w->has_last)
		return;
	if (kind == 0 || kind == 1)
		m.flags |= how & 7;
	if (kind == 0 && how & 8)
		m.flags &= (uint16_t)~NB_F_RA;
	m.addr[0] = (struct nb_addr){ how & 16 ? NB_G : 0, some_ip(r) };
	m.ns_ip = m.addr[0].ip;
	if (how & 32 || path.broadcast)
		path.peer = some_ip(r);
	path.local = w->ifs[path.key - 1].ip;
	path.broadcast = how & 64;
	len = nb_encode(&m, buf, sizeof(buf));
	must(len > 0);
	node_in(w->n, buf, len, &path, w->now);
}

static void
pass(struct world *w, int64_t ms)
{
	struct mono end = mono_add_ms(w->now, ms);

	for (int ticks = 0; ticks < 2000 && node_next(w->n).ns <= end.ns; ticks++) {
		if (node_next(w->n).ns > w->now.ns)
			w->now = node_next(w->n);
		node_tick(w->n, w->now);
		drain(w);
		must(node_next(w->n).ns > w->now.ns);
	}
	w->now = end;
	node_tick(w->n, w->now);
}

static void
world_init(struct world *w, uint8_t options)
{
	static const uint8_t types[] = { 0, NODE_B, NODE_P, NODE_M, NODE_H };
	const struct node_host host = { w, draw, hear, answered, dns, NULL };
	struct node_conf conf;

	memset(w, 0, sizeof(*w));
	w->now.ns = 1000000000;
	node_conf_init(&conf);
	conf.type = types[options % 5];
	conf.dns = options & 8;
	conf.strict_rfc_conflict = options & 16;
	conf.no_release_on_demand = options & 32;
	conf.single_response = options & 64;
	conf.status_policy = options & 128 ? NODE_STATUS_ALL : NODE_STATUS_ON_LINK;
	must(!node_new(&conf, &host, w->now, &w->n));
	for (unsigned k = 0; k < CARDS; k++) {
		w->ifs[k] = (struct node_if){ .key = k + 1,
			.ip = IP4(192, 0, 2 + k, 10),
			.mask = IP4(255, 255, 255, 0),
			.broadcast = IP4(192, 0, 2 + k, 255),
			.nwins = 2,
			.wins = { IP4(10, 0, 0, 1), IP4(10, 0, 0, 2) } };
		w->up[k] = k < 2;
	}
	set_ifs(w);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static void (*const steps[])(struct world * w, struct rd * r) = { step_wish, step_cards,
		step_ask, step_dns, step_packet, step_answer };
	struct rd r = rd_init(data, len);
	struct world w;

	world_init(&w, rd_u8(&r));
	for (int i = 0; i < 200 && rd_left(&r); i++) {
		uint8_t what = rd_u8(&r);

		if (what % 8 < 6)
			steps[what % 8](&w, &r);
		else
			pass(&w, what % 8 == 6 ? rd_u8(&r) * 100 : rd_u8(&r) * 60000);
		drain(&w);
	}
	node_suspend(w.n, w.now);
	drain(&w);
	/* Every WACK that may still be obeyed is waited for. */
	pass(&w, 600 * 1000);
	drain(&w);
	must(node_quiet(w.n));
	node_free(w.n);
	return 0;
}
