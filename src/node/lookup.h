/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who has a name: the walk through own names, cache, WINS, broadcast, LMHOSTS and DNS
 * (netbt-name-service.md 2.4 "Query", 5.2). What callers use stands in node.h. Layer: node.
 */
#pragma once

#include "node/engine.h"

struct shout {
	struct ask ask;
	struct lookup *of;
};

struct lookup {
	struct lookup *next;
	struct nb_key key;
	uint32_t ticket, if_key;
	bool waits_for_dns;
	bool told, over; /* the ticket was answered; nothing is awaited any more */
	bool shouted;    /* broadcast has had its turn */
	bool merging;    /* what broadcast brings is added to what WINS said */
	bool redirected;
	uint16_t asked[NODE_IF_MAX]; /* which of each interface's servers, a bit each */
	struct ask wins;             /* also the node status question */
	struct shout *shouts;        /* one an interface that was there when it began */
	unsigned nshouts, open;
	uint8_t demands;
	struct ip4 first; /* who answered the broadcast first, and with what: answer's list */
	struct node_answer answer;
};

/* NBT_ELIMIT, NBT_ENOMEM. */
int lookup_new(struct node *n, const struct nb_key *key, uint32_t if_key, uint32_t ticket,
    struct lookup **ret);
/* Closes all that is open and leaves the rest to lookup_reap. */
void lookup_finish(struct node *n, struct lookup *l);
/* Answers the ticket with what was collected, and finishes. */
void lookup_end(struct node *n, struct lookup *l, uint8_t source, enum node_stat stat);

/* known.c: fill the answer; false: not known. */
bool lookup_own_names(const struct node *n, struct lookup *l);
bool lookup_cached(struct node *n, struct lookup *l, struct mono now);
/* The network did not know it: LMHOSTS, DNS, or the end. */
void lookup_fall_back(struct node *n, struct lookup *l);

void lookup_free_all(struct node *n);
void lookup_reap(struct node *n); /* frees those that are over */

/* Best first, as seen from ifc, or from all interfaces when it is NULL (3.1; order.c). */
void order_addresses(
    const struct node *n, const struct iface *ifc, struct ip4 *addr, unsigned naddr);
