/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A computer of the simulation, as simple as an honest one can be: one name, on one card or several. It
 * registers, refreshes at half of the lifetime, tries its other server when one is silent, says the
 * truth when it is asked, and gives the name up when it is told to. See mesh_world.h.
 */
#include <stdlib.h>
#include <string.h>

#include "mesh_world.h"

#define RETRY_MS  1500
#define TRIES     3
#define PAUSE_MS  (5 * MINUTE) /* after all servers were silent, or one refused */
#define NAME_FORM "%c%-14u"

static void on_timer(struct mesh *m, struct ev *ev);

bool
card_holds(const struct card *card)
{
	return card->state == CARD_HELD || card->state == CARD_REFRESHING;
}

/* What it says when it is asked: registered, or being so. */
static bool
card_claims(const struct card *card)
{
	return card_holds(card) || card->state == CARD_REGISTERING;
}

static void
take_address(struct mesh *m, struct card *card)
{
	unsigned h;

	do {
		h = mesh_random(m, m->nhosts);
	} while (m->host[h]);
	card->host = (int)h;
	m->host[h] = card;
}

static void
leave_address(struct mesh *m, struct card *card)
{
	if (card->host >= 0)
		m->host[card->host] = NULL;
	card->host = -1;
	card->state = CARD_IDLE;
	mesh_cancel(m, &card->timer);
}

void
client_init(struct mesh *m, unsigned i)
{
	static const char letters[] = "UMGS";
	struct client *c = &m->client[i];
	unsigned number = i;
	char text[16], letter;

	c->kind = (uint8_t)(i % 8 < 4   ? KIND_UNIQUE
			    : i % 8 < 6 ? KIND_MULTIHOMED
					: KIND_GROUP + i % 2);
	if (kind_is_group(c->kind))
		number = i / 2 % (1 + m->nclients / 32); /* a few computers each */
	letter = letters[c->kind];
	if (m->plan.contested && i % 8 == 3) {
		letter = 'C';
		number = i / 16;
	}
	snprintf(text, sizeof(text), NAME_FORM, letter, number);
	memcpy(c->key.name.b, text, 15);
	c->key.name.b[15] = c->kind == KIND_SPECIAL ? 0x1c : 0x20;
	c->ncards = c->kind == KIND_MULTIHOMED ? 2 + i % 2 : 1;
	c->home = mesh_random(m, m->nservers);
	c->backup = mesh_random(m, m->nservers);
	for (unsigned k = 0; k < MESH_CARDS; k++)
		c->card[k] = (struct card){
			.timer = { HEAP_ITEM_INIT, on_timer, false }, .client = c, .host = -1
		};
}

/* ---- asking ---- */

static void
send_request(struct mesh *m, struct card *card, unsigned op)
{
	const struct client *c = card->client;
	struct ip4 ip = HOST_IP((unsigned)card->host);
	uint8_t buf[NB_UDP_MAX];
	struct nb_msg r = { .id = card->id,
		.flags = (uint16_t)(op << 11 | (op == NB_OP_REFRESH ? 0 : NB_F_RD)),
		.kind = op == NB_OP_RELEASE   ? NB_RELEASE_REQ
			: op == NB_OP_REFRESH ? NB_REFRESH_REQ
					      : NB_REGISTER_REQ,
		.rr_type = NB_TYPE_NB,
		.ttl = 300000,
		.key = c->key,
		.naddr = 1,
		.addr = { { (uint16_t)(0x6000 | (kind_is_group(c->kind) ? NB_G : 0)), ip } } };
	size_t len = nb_encode(&r, buf, sizeof(buf));

	mesh_must(len > 0, "a request");
	mesh_udp(m, ip, SERVER_IP(card->server), buf, len);
}

static void
ask(struct mesh *m, struct card *card)
{
	unsigned op = card->client->kind == KIND_MULTIHOMED ? NB_OP_MULTIHOMED : NB_OP_REGISTER;

	if (card->state == CARD_RELEASING)
		op = NB_OP_RELEASE;
	else if (card->state == CARD_REFRESHING && !card->failovers)
		op = NB_OP_REFRESH;
	send_request(m, card, op);
	mesh_at(m, &card->timer, mono_add_ms(m->now, RETRY_MS));
}

static void
begin(struct mesh *m, struct card *card, uint8_t state)
{
	card->state = state;
	card->id = (uint16_t)mesh_random(m, 0x10000);
	card->tries = card->failovers = 0;
	ask(m, card);
}

/* A server that is silent: the other one, then a pause. */
static void
silence(struct mesh *m, struct card *card)
{
	const struct client *c = card->client;

	if (++card->tries < TRIES) {
		ask(m, card);
	} else if (card->state == CARD_RELEASING) {
		leave_address(m, card);
	} else if (!card->failovers) {
		card->tries = 0;
		card->failovers = 1;
		card->id = (uint16_t)mesh_random(m, 0x10000);
		card->server = card->server == c->home ? c->backup : c->home;
		ask(m, card);
	} else {
		card->tries = TRIES;
		mesh_at(m, &card->timer, mono_add_ms(m->now, PAUSE_MS));
		card->server = c->home;
		card->failovers = 0;
		card->tries = 0;
	}
}

static void
on_timer(struct mesh *m, struct ev *ev)
{
	struct card *card = (struct card *)ev;

	if (card->state == CARD_HELD) {
		/* Home again, once its server may be back. */
		if (!m->quiet && card->server != card->client->home && !mesh_random(m, 4))
			card->server = card->client->home;
		begin(m, card, CARD_REFRESHING);
	} else if (card->state == CARD_REFUSED) {
		begin(m, card, CARD_REGISTERING);
	} else {
		silence(m, card);
	}
}

/* ---- answers ---- */

static void
answered(struct mesh *m, struct card *card, const struct nb_msg *r)
{
	if (card->state == CARD_RELEASING) {
		leave_address(m, card);
		return;
	}
	if (nb_rcode(r) == NB_RC_OK) {
		card->state = CARD_HELD;
		card->ttl = r->ttl;
		mesh_at(m, &card->timer, mono_add_ms(m->now, (int64_t)r->ttl * (SECOND / 2)));
		return;
	}
	mesh_trace(m, "%.15s on %d: refused %u by server %u", card->client->key.name.b, card->host,
	    nb_rcode(r), card->server);
	card->state = CARD_REFUSED;
	mesh_at(m, &card->timer, mono_add_ms(m->now, PAUSE_MS));
}

/* A challenge: what it has, whatever card is asked. */
static void
challenged(struct mesh *m, struct card *card, struct ip4 from, const struct nb_msg *q)
{
	const struct client *c = card->client;
	uint8_t buf[NB_UDP_MAX];
	struct nb_msg r = { .id = q->id, .key = q->key, .rr_type = NB_TYPE_NB };
	bool has = nb_key_eq(&q->key, &c->key) && card_claims(card);

	for (unsigned k = 0; has && k < c->ncards; k++)
		if (card_claims(&c->card[k]))
			r.addr[r.naddr++] =
			    (struct nb_addr){ 0x6000, HOST_IP((unsigned)c->card[k].host) };
	r.kind = has ? NB_QUERY_OK : NB_QUERY_FAIL;
	r.flags = has ? 0x8500 : 0x8503;
	if (!has)
		r.rr_type = NB_TYPE_NULL;
	mesh_udp(m, HOST_IP((unsigned)card->host), from, buf, nb_encode(&r, buf, sizeof(buf)));
}

/* A server says that the name is another's. */
static void
demanded(struct mesh *m, struct card *card, struct ip4 from, const struct nb_msg *q)
{
	struct client *c = card->client;
	uint8_t buf[NB_UDP_MAX];
	struct nb_msg r = { .id = q->id,
		.flags = 0x8400 | NB_OP_RELEASE << 11,
		.kind = NB_RELEASE_RESP,
		.rr_type = NB_TYPE_NB,
		.key = q->key,
		.naddr = 1,
		.addr = { q->addr[0] } };

	mesh_udp(m, HOST_IP((unsigned)card->host), from, buf, nb_encode(&r, buf, sizeof(buf)));
	if (!nb_key_eq(&q->key, &c->key))
		return;
	mesh_trace(m, "%.15s on %d: told to give it up", c->key.name.b, card->host);
	c->gave_up = true;
	for (unsigned k = 0; k < c->ncards; k++) {
		mesh_cancel(m, &c->card[k].timer);
		c->card[k].state = CARD_IDLE;
	}
}

void
client_udp(struct mesh *m, struct card *card, struct ip4 from, const uint8_t *data, size_t len)
{
	struct nb_msg r;
	bool open = card->state == CARD_REGISTERING || card->state == CARD_REFRESHING ||
		    card->state == CARD_RELEASING;

	mesh_must(!nb_decode(data, len, &r), "a packet of a server cannot be read");
	if (r.kind == NB_QUERY_REQ)
		challenged(m, card, from, &r);
	else if (r.kind == NB_RELEASE_REQ)
		demanded(m, card, from, &r);
	else if (!open || r.id != card->id || !ip4_eq(from, SERVER_IP(card->server)))
		return;
	else if (r.kind == NB_WACK)
		mesh_at(m, &card->timer, mono_add_ms(m->now, (int64_t)r.ttl * SECOND));
	else if ((r.kind == NB_REGISTER_RESP && card->state != CARD_RELEASING) ||
		 (r.kind == NB_RELEASE_RESP && card->state == CARD_RELEASING))
		answered(m, card, &r);
}

/* ---- what people do with it ---- */

void
client_register(struct mesh *m, struct client *c)
{
	c->alive = true;
	c->gave_up = false;
	for (unsigned k = 0; k < c->ncards; k++) {
		struct card *card = &c->card[k];

		if (card_claims(card))
			continue;
		leave_address(m, card);
		take_address(m, card);
		card->server = c->home;
		begin(m, card, CARD_REGISTERING);
	}
}

void
client_release(struct mesh *m, struct client *c)
{
	c->alive = false;
	for (unsigned k = 0; k < c->ncards; k++) {
		struct card *card = &c->card[k];

		if (card_claims(card))
			begin(m, card, CARD_RELEASING);
		else if (card->state != CARD_RELEASING)
			leave_address(m, card);
	}
}

void
client_die(struct mesh *m, struct client *c)
{
	c->alive = false;
	for (unsigned k = 0; k < c->ncards; k++)
		leave_address(m, &c->card[k]);
}

void
client_move(struct mesh *m, struct client *c, bool releases)
{
	struct card *card = &c->card[mesh_random(m, c->ncards)];

	if (!c->alive || c->gave_up || !card_claims(card))
		return;
	if (releases) {
		card->id = (uint16_t)mesh_random(m, 0x10000);
		send_request(m, card, NB_OP_RELEASE);
	}
	leave_address(m, card);
	take_address(m, card);
	card->server = c->home;
	begin(m, card, CARD_REGISTERING);
}
