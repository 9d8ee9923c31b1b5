/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of struct node, shared by the files of this folder and nobody else: interfaces, names,
 * a name on an interface (a hold), and the timers and packets all of them use. Layer: node.
 *
 * Nothing is freed while lists are walked: a hold that has ended is marked and taken away by
 * names_tend, which every call of node.h ends with.
 */
#pragma once

#include "base/heap.h"
#include "node/ask.h"
#include "node/cache.h"
#include "node/lmhosts.h"
#include "node/node.h"

#define TOLD_MAX (2 * NODE_WINS_MAX)

struct iface {
	struct node_if c;
	uint8_t cur;                /* the server that new claims and queries begin with */
	bool silent[NODE_WINS_MAX]; /* a server's last question had no answer */
	struct mono down_until;     /* no server answered: no WINS traffic until then (2.3) */
};

/* What a hold's ask is about. */
enum hold_step {
	STEP_NONE,
	STEP_BCAST,     /* claim by broadcast */
	STEP_WINS,      /* claim at a server */
	STEP_CHALLENGE, /* "ask the owner yourself" (AD00) */
	STEP_UPDATE,    /* the owner was silent: tell the server */
	STEP_REFRESH,
	STEP_HOME,   /* claim at the primary, while the secondary has the name */
	STEP_VERIFY, /* is a demand true? */
	STEP_GOODBYE /* release by broadcast */
};

/* A name on an interface: a state of its own, so that one failing card disturbs no other. */
struct hold {
	struct hold *next; /* of the same name */
	struct name *name;
	struct iface *ifc;
	struct ip4 ip,
	    adv;       /* where packets leave from, and what is registered: as they were then */
	uint8_t state; /* enum node_name_state */
	uint8_t step;  /* enum hold_step */
	bool by_wins;
	bool announce;  /* it was ours: broadcast nodes are to hear of the release */
	bool confirmed; /* the server that the name was registered with confirmed the release */
	bool gone;      /* to be reaped */
	struct ip4 wins, offender;
	uint8_t server, servers_left; /* of STEP_WINS: whose turn it is, how many are left */
	uint8_t unanswered;           /* refreshes in a row */
	uint8_t home_tries;
	uint8_t ntold;
	struct ip4 told[TOLD_MAX]; /* servers that may hold the address, newest last */
	uint32_t ttl;              /* granted, floor applied; 0 = infinite or none */
	struct mono granted, refresh_at, home_at;
	struct timer due;
	struct ask ask;
	unsigned partings;       /* releases on the way */
	struct node_path demand; /* STEP_VERIFY: whose demand */
	uint16_t demand_id;
	bool demand_release; /* else a conflict demand */
};

struct name {
	struct nb_key key;
	bool group, permanent;
	unsigned users; /* 0: it goes with its last hold */
	struct hold *holds;
};

struct parting;
struct lookup;

/* Who asked for the node status lately, for the rate limit. */
#define STATUS_PEERS 64
struct status_peer {
	struct ip4 peer;
	struct mono since;
	uint32_t count;
};

struct node {
	struct node_conf conf;
	struct node_host host;
	struct node_stats stats;
	struct txn_table txns;
	struct heap timers;

	struct iface *ifs[NODE_IF_MAX];
	unsigned nifs;
	struct name *names[NODE_NAMES_MAX];
	unsigned nnames;
	bool suspended;
	bool reregister;              /* nbtstat -RR: resume when all is released */
	struct mono reregister_again; /* not before */
	bool reap;

	struct parting *partings; /* oldest first */
	struct parting **partings_end;
	unsigned nghosts; /* without a hold */

	struct lookup *lookups;
	unsigned nlookups;
	bool reap_lookups;
	struct cache *cache;
	struct lmhosts *lmhosts; /* NULL: none */
	struct status_peer status[STATUS_PEERS];

	struct node_out *out; /* a ring */
	size_t out_cap, out_n, out_at;
};

/* The interface with this key, or whose card has this address; NULL = none. */
struct iface *if_by_key(const struct node *n, uint32_t key);
struct iface *if_by_ip(const struct node *n, struct ip4 ip);
bool if_on_link(const struct iface *ifc, struct ip4 peer);
/* The servers' index in the interface's list, or -1. */
int if_wins_index(const struct iface *ifc, struct ip4 wins);
struct ip4 if_advertised(const struct node_if *c);
/* A server answered, or did not: told when that changes. */
void if_wins_answered(struct node *n, struct iface *ifc, struct ip4 wins, struct mono now);
void if_wins_silent(struct node *n, struct iface *ifc, struct ip4 wins);

struct name *name_find(const struct node *n, const struct nb_key *key);
struct hold *hold_on(const struct name *nm, const struct iface *ifc);
/* A hold for each name on each interface that has none, unless suspended; claims are begun. */
int names_spread(struct node *n, struct mono now);
/* Takes away what is gone; _tend also registers again what was wanted meanwhile. */
void names_reap(struct node *n);
void names_tend(struct node *n, struct mono now);
void names_free_all(struct node *n);
/* NB_FLAGS of our own entries: group bit and node type. */
uint16_t node_nb_flags(const struct node *n, bool group);
/* Is a broadcast about this name unwanted (8.2 rule 12)? */
bool node_blocked(const struct node *n, const struct nb_key *key);

void node_tell(struct node *n, int event, const struct nb_key *key, struct ip4 peer,
    struct ip4 other, const char *text);
