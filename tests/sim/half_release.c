/* SPDX-License-Identifier: Apache-2.0 */
/*
 * KB Q184832 in a simulated world: hosts with several cards register, release and register again while
 * packets are lost, delayed and doubled, cards come and go, servers stop and start. When all is quiet,
 * the server's addresses for a name must be exactly the cards on which it is registered, and when all
 * names were given up, nothing may be left.
 *
 * usage: half_release [-t] [SEEDS [FIRST]]      -t prints every packet and event of each world
 */
#include <stdlib.h>
#include <string.h>

#include "world.h"

#define WORLDS    24 /* in the normal test run */
#define NAMES     7
#define CONTESTED 6   /* the name that hosts 0 and 1 both want */
#define TROUBLES  150 /* wishes and faults of a world */
#define MINUTE    (60 * 1000)

/* What all hosts may have (a group, a domain's list), each has for itself, and two of them want. */
struct wish {
	struct nb_key key;
	bool group;
	bool wanted[HOSTS];
};

static struct nb_key
key_of(const char *text)
{
	struct nb_key key;

	if (nb_key_parse(text, 0, &key))
		abort();
	return key;
}

static void
wishes_init(struct wish *wish)
{
	static const char *const own[] = { "HOST0<20>", "HOST1<20>", "HOST2<20>", "HOST3<20>" };

	memset(wish, 0, NAMES * sizeof(*wish));
	for (unsigned i = 0; i < HOSTS; i++)
		wish[i].key = key_of(own[i]);
	wish[4] = (struct wish){ .key = key_of("OFFICE<00>"), .group = true };
	wish[5] = (struct wish){ .key = key_of("LAB<1c>"), .group = true };
	wish[CONTESTED].key = key_of("BOTH<20>");
}

static void
set_wish(struct world *w, struct wish *wish, unsigned host, bool wanted)
{
	if (wish->wanted[host] == wanted)
		return;
	wish->wanted[host] = wanted;
	if (wanted)
		(void)node_add(w->host[host].node, &wish->key, wish->group, false, w->mono);
	else
		(void)node_remove(w->host[host].node, &wish->key, w->mono);
}

/* ---- trouble ---- */

static void
trouble(struct world *w, struct wish *wish, unsigned cards)
{
	unsigned host = world_random(w, HOSTS), card = world_random(w, cards);
	unsigned server = world_random(w, w->nservers), name = world_random(w, 4);
	struct host *h = &w->host[host];

	switch (world_random(w, 10)) {
	case 0:
	case 1:
	case 2: /* a service stops or starts; its name is the host's own, a group, or contested */
		name = name ? 3 + name : host;
		if (name == CONTESTED)
			host %= 2;
		set_wish(w, &wish[name], host, !wish[name].wanted[host]);
		break;
	case 3:
	case 4:
	case 5:
		world_set_card(w, host, card, !h->up[card]);
		break;
	case 6:
		w->server[server].up = !w->server[server].up;
		break;
	case 7:
		world_restart_server(w, server);
		break;
	case 8:
		h->asleep = !h->asleep;
		if (h->asleep)
			node_suspend(h->node, w->mono);
		else
			node_resume(h->node, w->mono);
		break;
	case 9:
		(void)node_release_refresh(h->node, w->mono); /* refused when too soon */
		break;
	}
}

static void
be_quiet(struct world *w, unsigned cards)
{
	w->loss = w->doubled = 0;
	w->delay_ms = 5;
	for (unsigned s = 0; s < w->nservers; s++)
		w->server[s].up = true;
	for (unsigned i = 0; i < HOSTS; i++) {
		for (unsigned k = 0; k < cards; k++)
			if (!w->host[i].up[k])
				world_set_card(w, i, k, true);
		if (w->host[i].asleep)
			node_resume(w->host[i].node, w->mono);
		w->host[i].asleep = false;
	}
	/* Past every retry and the first refresh (half of the lifetime of six hours), well before a
	 * server forgets anything by itself. */
	world_pass(w, 200 * MINUTE);
}

/* ---- what must be true then ---- */

static bool
listed(const struct world *w, unsigned server, const struct wish *wish, struct ip4 ip)
{
	struct rec r;

	return store_get(w->server[server].store, &wish->key, &r) && r.state == REC_ACTIVE &&
	       rec_find(&r, ip) >= 0;
}

static bool
registered(
    const struct world *w, unsigned host, unsigned card, const struct wish *wish, struct ip4 server)
{
	struct node_entry e;

	for (unsigned i = 0; node_entry_at(w->host[host].node, i, w->mono, &e); i++)
		if (e.if_key == card + 1 && nb_key_eq(&e.key, &wish->key))
			return e.state == NODE_REGISTERED && e.by_wins && ip4_eq(e.wins, server);
	return false;
}

static unsigned
wrong(const struct wish *wish, unsigned host, unsigned card, const char *what)
{
	char key[NB_KEY_STRLEN];

	printf("# %s on card %u of host %u: %s\n", nb_key_print(&wish->key, key), card, host, what);
	return 1;
}

/*
 * A wished name is registered on every card, an unwished one on none, and a contested one by one host
 * at most; the server that has it lists
 * the card, and no server lists a card that nobody wants it on. With two servers that do not
 * replicate, the one a name was moved away from lists it until it forgets it; that is why only the
 * first kind is asked of them.
 */
static unsigned
check(const struct world *w, const struct wish *wishes, unsigned cards)
{
	unsigned bad = 0;

	for (unsigned n = 0; n < NAMES; n++) {
		const struct wish *wish = &wishes[n];
		unsigned holders = 0;
		bool members = !wish->group || nb_suffix(&wish->key) == 0x1c;

		for (unsigned i = 0; i < HOSTS; i++)
			for (unsigned k = 0; k < cards; k++) {
				bool anywhere = false;

				for (unsigned s = 0; s < w->nservers; s++) {
					bool has = registered(w, i, k, wish, SERVER_IP(s));
					bool lists = listed(w, s, wish, CARD_IP(i, k));

					anywhere |= has;
					if (members && has && !lists)
						bad += wrong(wish, i, k, "the server lost it");
					if (lists && !wish->wanted[i])
						bad += wrong(wish, i, k, "a ghost");
					if (lists && !has && w->nservers == 1)
						bad += wrong(wish, i, k, "listed, not held");
				}
				if (n == CONTESTED ? anywhere && !wish->wanted[i]
						   : anywhere != wish->wanted[i])
					bad += wrong(wish, i, k, "held is not as wished");
				holders |= anywhere ? 1u << i : 0;
			}
		if (n == CONTESTED && holders == 3)
			bad += wrong(wish, 0, 0, "two hosts hold it");
	}
	for (unsigned i = 0; i < HOSTS; i++) {
		struct node_ghost g;

		if (node_ghost_at(w->host[i].node, 0, w->mono, &g))
			bad += wrong(&wishes[0], i, 0, "(host) remembers a ghost");
		if (w->host[i].conflicts)
			bad += wrong(&wishes[0], i, 0, "(host) was told of a conflict");
	}
	return bad;
}

/* ---- a world ---- */

static unsigned
run(uint64_t seed, bool traced)
{
	static const unsigned types[] = { NODE_P, NODE_M, NODE_H };
	unsigned cards = 2 + seed % (CARDS - 1), nservers = 1 + seed / 2 % SERVERS;
	struct wish wish[NAMES];
	struct world w;
	unsigned bad;

	world_init(&w, seed, types[seed % 3], cards, nservers);
	w.trace = traced ? stdout : NULL;
	wishes_init(wish);
	w.loss = world_random(&w, 300);
	w.doubled = world_random(&w, 300);
	w.delay_ms = 1 + world_random(&w, 2000);
	for (unsigned n = 0; n < NAMES; n++)
		for (unsigned i = 0; i < HOSTS; i++)
			set_wish(&w, &wish[n], i, n == CONTESTED ? i < 2 : n >= HOSTS || n == i);
	for (unsigned i = 0; i < TROUBLES; i++) {
		trouble(&w, wish, cards);
		world_pass(&w, world_random(&w, world_random(&w, 2) ? 2 * MINUTE : 3000));
	}
	be_quiet(&w, cards);
	bad = check(&w, wish, cards);
	if (bad)
		printf("# after the trouble\n");
	for (unsigned n = 0; n < NAMES; n++)
		for (unsigned i = 0; i < HOSTS; i++)
			set_wish(&w, &wish[n], i, false);
	world_pass(&w, MINUTE);
	bad += check(&w, wish, cards);
	printf("# seed %llu: type %u, %u cards, %u servers, %llu packets, %llu lost\n",
	    (unsigned long long)seed, types[seed % 3], cards, nservers, (unsigned long long)w.sent,
	    (unsigned long long)w.lost);
	world_end(&w);
	return bad;
}

int
main(int argc, char **argv)
{
	bool traced = argc > 1 && !strcmp(argv[1], "-t");
	char **arg = argv + 1 + traced;
	unsigned long worlds = arg[0] ? strtoul(arg[0], NULL, 10) : WORLDS;
	unsigned long first = arg[0] && arg[1] ? strtoul(arg[1], NULL, 10) : 0;
	bool failed = false;

	printf("1..%lu\n", worlds);
	for (unsigned long i = 0; i < worlds; i++) {
		bool bad = run(first + i, traced) > 0;

		failed |= bad;
		printf("%sok %lu - seed_%lu_ends_without_ghosts\n", bad ? "not " : "", i + 1,
		    first + i);
		fflush(stdout);
	}
	return failed;
}
