/* SPDX-License-Identifier: Apache-2.0 */
/* The virtual network and clock of the simulation. See world.h. */
#include "world.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RENEWAL_S 21600 /* a server forgets a name unrefreshed for so long by itself */

struct flight {
	struct flight *next;
	struct mono at;
	struct ip4 from, to;
	uint32_t key; /* broadcasts: the card that sent it; its network hears it */
	bool broadcast;
	uint16_t len;
	uint8_t data[NB_UDP_MAX + 64];
};

static void
must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "the simulation cannot go on: %s\n", what);
	abort();
}

/* splitmix64: one seed, one world */
static uint32_t
next_random(void *arg)
{
	struct world *w = arg;
	uint64_t z = w->random += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (uint32_t)(z >> 32);
}

uint32_t
world_random(struct world *w, uint32_t below)
{
	return next_random(w) % below;
}

/* ---- sending ---- */

static void
fly(struct world *w, const struct flight *model)
{
	struct flight **at = &w->flights, *f;

	w->sent++;
	if (world_random(w, 1000) < w->loss) {
		w->lost++;
		return;
	}
	f = malloc(sizeof(*f));
	must(f, "memory");
	*f = *model;
	f->at = mono_add_ms(w->mono, 1 + world_random(w, w->delay_ms + 1));
	while (*at && (*at)->at.ns <= f->at.ns)
		at = &(*at)->next;
	f->next = *at;
	*at = f;
}

static void
send_packet(struct world *w, struct flight *f, const uint8_t *data, size_t len)
{
	must(len <= sizeof(f->data), "a packet is too long");
	memcpy(f->data, data, len);
	f->len = (uint16_t)len;
	fly(w, f);
	if (world_random(w, 1000) < w->doubled)
		fly(w, f);
}

static void
pump_host(struct world *w, struct host *h)
{
	const struct node_out *out;

	while ((out = node_out(h->node))) {
		struct flight f = { .from = out->path.local,
			.to = out->path.peer,
			.key = out->path.key,
			.broadcast = out->path.broadcast };

		must(out->path.port == 137, "an odd port");
		must(h->up[out->path.key - 1], "a packet leaves by a card that is down");
		send_packet(w, &f, out->data, out->len);
	}
}

static void
pump_server(struct world *w, struct server *s)
{
	const struct wins_out *out;

	must(!wins_commit(s->wins, w->wall), "the store");
	while ((out = wins_out(s->wins))) {
		struct flight f = { .from = out->path.local, .to = out->path.peer };

		send_packet(w, &f, out->data, out->len);
	}
}

/* ---- receiving ---- */

static void
trace(struct world *w, const struct flight *f)
{
	char from[IP4_STRLEN], to[IP4_STRLEN], key[NB_KEY_STRLEN], ip[IP4_STRLEN];
	struct nb_msg m;

	if (!w->trace || nb_decode(f->data, f->len, &m))
		return;
	fprintf(w->trace, "# %10.3f %s > %s id %04x flags %04x %s %s %s\n",
	    (double)w->mono.ns / 1e9, ip4_print(f->from, from), ip4_print(f->to, to), m.id, m.flags,
	    nb_kind_text(m.kind), nb_key_print(&m.key, key),
	    m.naddr ? ip4_print(m.addr[0].ip, ip) : "");
}

static void
arrive_at_card(struct world *w, const struct flight *f, struct host *h, unsigned card)
{
	const struct node_path path = { .key = card + 1,
		.peer = f->from,
		.local = h->ifs[card].ip,
		.port = 137,
		.broadcast = f->broadcast };

	node_in(h->node, f->data, f->len, &path, w->mono);
	pump_host(w, h);
}

static void
arrive_at_server(struct world *w, const struct flight *f, struct server *s, struct ip4 ip)
{
	const struct wins_path path = { .peer = f->from, .local = ip, .port = 137 };
	static struct wins_stats stats;
	uint8_t out[NB_UDP_MAX];
	enum nb_drop drop;
	size_t len;

	if (!s->up)
		return;
	len = wins_query(s->store, wins_view(s->wins), &stats, f->data, f->len, out, &drop);
	if (len) {
		struct flight back = { .from = ip, .to = f->from };

		send_packet(w, &back, out, len);
	} else if (drop == NB_DROP_NONE) {
		wins_in(s->wins, f->data, f->len, &path, w->mono, w->wall);
		pump_server(w, s);
	}
}

static void
arrive(struct world *w, const struct flight *f)
{
	trace(w, f);
	for (unsigned s = 0; s < w->nservers; s++)
		if (!f->broadcast && ip4_eq(f->to, SERVER_IP(s)))
			arrive_at_server(w, f, &w->server[s], SERVER_IP(s));
	for (unsigned i = 0; i < HOSTS; i++)
		for (unsigned k = 0; k < CARDS; k++) {
			struct host *h = &w->host[i];

			if (!h->up[k])
				continue;
			if (f->broadcast ? f->key == k + 1 && !ip4_eq(f->from, h->ifs[k].ip)
					 : ip4_eq(f->to, h->ifs[k].ip))
				arrive_at_card(w, f, h, k);
		}
}

/* ---- time ---- */

static struct mono
next_event(const struct world *w)
{
	struct mono next = w->flights ? w->flights->at : MONO_NEVER;

	for (unsigned i = 0; i < HOSTS; i++)
		if (node_next(w->host[i].node).ns < next.ns)
			next = node_next(w->host[i].node);
	for (unsigned s = 0; s < w->nservers; s++) {
		struct mono at = wins_next(w->server[s].wins, w->mono, w->wall);

		if (at.ns < next.ns)
			next = at;
	}
	return next;
}

static void
set_time(struct world *w, struct mono to)
{
	if (to.ns <= w->mono.ns)
		return;
	w->wall_rest += to.ns - w->mono.ns;
	w->wall.s += (uint32_t)(w->wall_rest / 1000000000);
	w->wall_rest %= 1000000000;
	w->mono = to;
}

static void
step(struct world *w)
{
	while (w->flights && w->flights->at.ns <= w->mono.ns) {
		struct flight *f = w->flights;

		w->flights = f->next;
		arrive(w, f);
		free(f);
	}
	for (unsigned i = 0; i < HOSTS; i++)
		if (node_next(w->host[i].node).ns <= w->mono.ns) {
			node_tick(w->host[i].node, w->mono);
			pump_host(w, &w->host[i]);
		}
	for (unsigned s = 0; s < w->nservers; s++) {
		wins_tick(w->server[s].wins, w->mono, w->wall);
		pump_server(w, &w->server[s]);
	}
}

void
world_pass(struct world *w, int64_t ms)
{
	struct mono end = mono_add_ms(w->mono, ms), next;

	/* Wishes of the test have been made since the last call: their packets leave now. */
	for (unsigned i = 0; i < HOSTS; i++)
		pump_host(w, &w->host[i]);
	while ((next = next_event(w)).ns <= end.ns) {
		/* A second's grain is what the server's wall clock has. */
		set_time(w, next.ns > w->mono.ns ? next : mono_add_ms(w->mono, 1));
		step(w);
	}
	set_time(w, end);
	step(w);
}

/* ---- life ---- */

static void
host_event(void *arg, const struct event *ev)
{
	struct host *h = arg;
	char buf[EVENT_STRLEN];

	if (h->w->trace)
		fprintf(h->w->trace, "# %10.3f host %u: %s\n", (double)h->w->mono.ns / 1e9,
		    (unsigned)(h - h->w->host), event_print(ev, buf));
	/* Over a name that two hosts want there must be some. */
	if (ev->has_key && !memcmp(ev->key.name.b, "BOTH ", 5))
		return;
	h->conflicts += ev->id == EV_NODE_DUPLICATE || ev->id == EV_NODE_RELEASE_DEMAND ||
			ev->id == EV_NODE_NAME_REFUSED;
}

static uint32_t
host_random(void *arg)
{
	return next_random(((struct host *)arg)->w);
}

static void
host_answer(void *arg, const struct node_answer *a)
{
}

static void
server_event(void *arg, const struct event *ev)
{
}

static void
set_ifs(struct world *w, struct host *h)
{
	struct node_if now[CARDS];
	unsigned count = 0;

	for (unsigned k = 0; k < CARDS; k++)
		if (h->up[k])
			now[count++] = h->ifs[k];
	must(!node_set_ifs(h->node, now, count, w->mono), "node_set_ifs");
	pump_host(w, h);
}

void
world_set_card(struct world *w, unsigned host, unsigned card, bool up)
{
	pump_host(w, &w->host[host]); /* what was said while the card was there */
	w->host[host].up[card] = up;
	set_ifs(w, &w->host[host]);
}

static void
host_init(struct world *w, unsigned i, const struct node_conf *conf, unsigned cards)
{
	struct host *h = &w->host[i];
	const struct node_host host = { h, host_random, host_event, host_answer, NULL, NULL };

	h->w = w;
	must(!node_new(conf, &host, w->mono, &h->node), "node_new");
	for (unsigned k = 0; k < CARDS; k++) {
		struct node_if *c = &h->ifs[k];

		*c = (struct node_if){ .key = k + 1,
			.ip = CARD_IP(i, k),
			.mask = IP4(255, 255, 255, 0),
			.broadcast = IP4(192, 0, 10 + k, 255),
			.nwins = (uint8_t)w->nservers };
		snprintf(c->name, sizeof(c->name), "host%u-%u", i, k);
		for (unsigned s = 0; s < w->nservers; s++)
			c->wins[s] = SERVER_IP(s);
		h->up[k] = k < cards;
	}
	set_ifs(w, h);
}

static void
server_start(struct world *w, unsigned i)
{
	const struct wins_conf conf = { .intervals = { .renewal = RENEWAL_S },
		.chl_interval_ms = 500,
		.chl_tries = 3,
		.challenges_max = 100,
		.scavenge_slice = 100,
		.propagate_releases = true,
		.doctor_max = 100,
		.names_max = 100000,
		.nself = 1,
		.self = { SERVER_IP(i) } };
	const struct wins_host host = { .arg = w, .random = next_random, .event = server_event };
	struct server *s = &w->server[i];
	struct store_opts opts = { 0 };
	struct store_report report;

	must(!vfs_posix_open(s->dir, &opts.vfs), "the folder of a store");
	must(!store_open(&opts, &s->store, &report), "store_open");
	must(!wins_new(&conf, s->store, &host, w->wall, &s->wins), "wins_new");
}

static void
server_stop(struct server *s)
{
	wins_free(s->wins);
	store_close(s->store);
}

void
world_restart_server(struct world *w, unsigned server)
{
	server_stop(&w->server[server]);
	server_start(w, server);
}

void
world_init(struct world *w, uint64_t seed, unsigned type, unsigned cards, unsigned nservers)
{
	struct node_conf conf;

	*w = (struct world){
		.random = seed, .mono = { 1000000000 }, .wall = { 1000000 }, .nservers = nservers
	};
	node_conf_init(&conf);
	conf.type = (uint8_t)type;
	store_reader_register();
	for (unsigned s = 0; s < nservers; s++) {
		/* In memory where that is possible: what a disk does is not simulated here. */
		strcpy(w->server[s].dir, access("/dev/shm", W_OK) ? "/tmp/winsome-sim-XXXXXX"
								  : "/dev/shm/winsome-sim-XXXXXX");
		must(mkdtemp(w->server[s].dir), "mkdtemp");
		w->server[s].up = true;
		server_start(w, s);
	}
	for (unsigned i = 0; i < HOSTS; i++)
		host_init(w, i, &conf, cards);
}

void
world_end(struct world *w)
{
	char cmd[128];

	for (unsigned i = 0; i < HOSTS; i++)
		node_free(w->host[i].node);
	for (unsigned s = 0; s < w->nservers; s++) {
		server_stop(&w->server[s]);
		snprintf(cmd, sizeof(cmd), "rm -rf '%s'", w->server[s].dir);
		must(!system(cmd), "rm");
	}
	store_reader_unregister();
	while (w->flights) {
		struct flight *f = w->flights;

		w->flights = f->next;
		free(f);
	}
}
