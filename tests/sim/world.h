/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A world in one process: hosts with several cards (node engines), WINS servers (wins engines on real
 * stores), networks that lose, delay and double packets, and a clock of its own. The only place where
 * both engines meet. Everything follows from the seed.
 */
#pragma once

#include <stdio.h>

#include "node/node.h"
#include "wins/wins.h"

#define HOSTS               4
#define CARDS               3
#define SERVERS             2
#define CARD_IP(host, card) IP4(192, 0, 10 + (card), 10 + (host))
#define SERVER_IP(s)        IP4(10, 0, 0, 1 + (s))

struct world;

struct host {
	struct world *w;
	struct node *node;
	struct node_if ifs[CARDS]; /* all it has */
	bool up[CARDS];
	bool asleep;
	unsigned conflicts; /* events 4319, 4320, 4321 */
};

struct server {
	struct wins *wins;
	struct store *store;
	char dir[64];
	bool up; /* else what is sent to it is lost */
};

struct flight; /* a packet on its way */

struct world {
	uint64_t random;
	struct mono mono;
	struct wall wall;
	int64_t wall_rest; /* nanoseconds that make no second yet */
	struct host host[HOSTS];
	struct server server[SERVERS];
	unsigned nservers;
	/* the network's vices: of a thousand packets so many are lost, or doubled; and how long one
	 * takes at most */
	unsigned loss, doubled, delay_ms;
	struct flight *flights; /* by time of arrival */
	uint64_t sent, lost;
	FILE *trace; /* NULL: none */
};

/* Hosts with cards cards each, of one node type, with nservers servers in their lists. */
void world_init(struct world *w, uint64_t seed, unsigned type, unsigned cards, unsigned nservers);
void world_end(struct world *w);
/* Lets so much time pass, with all that happens in it. */
void world_pass(struct world *w, int64_t ms);
uint32_t world_random(struct world *w, uint32_t below);

void world_set_card(struct world *w, unsigned host, unsigned card, bool up);
/* Ends the engine and its store as a crash does, and starts another on the same files. */
void world_restart_server(struct world *w, unsigned server);
