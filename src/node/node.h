/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The NetBT end node of one host with any number of interfaces: registers, refreshes, defends and
 * releases its names on every one of them, resolves the names of others. An engine: packets, ticks and
 * wishes in; packets, answers and events out. No socket, no clock, no thread, no log, no file.
 * Layer: node. Facts: netbt-name-service.md 2-6 and 8. One thread uses a node.
 *
 * Packets are fed with node_in and fetched with node_out until it says NULL; node_tick is due at
 * node_next. Callbacks of struct node_host may be made inside any call that has a struct mono; they
 * must not call the node, except those that say so.
 */
#pragma once

#include "base/err.h"
#include "event/event.h"
#include "wire/ns.h"

struct node;

#define NODE_IF_MAX     64
#define NODE_WINS_MAX   12   /* WINS servers of an interface (KB 870623) */
#define NODE_NAMES_MAX  1000 /* names of this host */
#define NODE_GHOSTS_MAX 4096 /* unconfirmed releases that are remembered */
#define NODE_ASKS_MAX   256  /* resolutions and node status questions at once */
#define NODE_OUT_MAX    1024 /* packets waiting for node_out; more are sent a little later */

enum node_type { NODE_B = 1, NODE_P = 2, NODE_M = 4, NODE_H = 8 }; /* DHCP option 46's numbers */

enum node_status_policy { NODE_STATUS_OFF, NODE_STATUS_ON_LINK, NODE_STATUS_ALL };

/* Windows' timers and counts (2.2, 2.3), as options. Counts are at least 1. */
struct node_conf {
	uint8_t type; /* enum node_type; 0 = H with a WINS server on any interface, else B */
	uint8_t refresh_opcode;                   /* 8 or 9 */
	uint8_t status_policy;                    /* enum node_status_policy */
	struct nb_scope scope;                    /* of names that DNS is asked for, and "*" */
	uint32_t bcast_timeout_ms, bcast_count;   /* 750, 3 */
	uint32_t server_timeout_ms, server_count; /* 1500, 3 */
	uint32_t wins_down_ms;       /* 15000: no WINS traffic for so long when none answered */
	uint32_t cache_ms;           /* 600000: life of a remote cache entry */
	uint32_t conflict_ms;        /* 1000: CONFLICT_TIMER */
	uint32_t initial_refresh_ms; /* 960000: without a grant WINS is tried at an eighth of it */
	uint32_t wack_max_s;         /* 60: a longer WACK is cut (8.2 rule 8) */
	uint32_t settle_ms;          /* 10000: how long a packet may be on its way; a release sooner
				      * after a claim is repeated, for the claim may come later */
	uint32_t ttl;                /* proposed lifetime, 300000 s */
	uint32_t status_rate;        /* node status answers a second for one peer, 10; 0 = any */
	bool no_release_on_demand;   /* NoNameReleaseOnDemand: see doc/design/node.md */
	bool strict_rfc_conflict;    /* obey unsolicited conflict demands, against MS00-047 */
	bool random_adapter, single_response; /* 2.3; never in answers to verification queries */
	bool dns;                             /* EnableDns */
	char lmhosts[256];                    /* path of the LMHOSTS file; "" = none */
	uint8_t nblocked; /* names never asked for or answered by broadcast: WPAD, ISATAP */
	uint8_t blocked[8][15];
};

/* Windows' defaults, node status on-link only, WPAD and ISATAP blocked. */
void node_conf_init(struct node_conf *conf);

/* One card that takes part in NetBT. key names it across changes of its address. */
struct node_if {
	uint32_t key; /* interface index, or any number that stays; not 0 */
	char name[16];
	struct ip4 ip;        /* packets leave from here */
	struct ip4 advertise; /* registered and answered instead of ip (NAT, containers); 0 = ip */
	struct ip4 mask, broadcast;
	uint8_t mac[6];
	bool leaving; /* still there, but to go: its names are released from it while it can be */
	uint8_t nwins;
	struct ip4 wins[NODE_WINS_MAX]; /* primary first */
};

/* Where a packet came in, or is to go out. */
struct node_path {
	uint32_t key;           /* the interface */
	struct ip4 peer, local; /* the other one; our address: out packets must leave from it */
	uint16_t port;          /* of the other one */
	bool broadcast;         /* sent to a broadcast address, whatever its B bit says */
};

enum node_name_state { /* of a name on one interface */
	NODE_REGISTERING,
	NODE_REGISTERED,
	NODE_RETRYING,  /* no WINS server answered; tried again */
	NODE_CONFLICT,  /* somebody else has it (3.6) */
	NODE_RELEASING, /* answers of WINS servers are awaited */
	NODE_RELEASED,  /* withdrawn by the WINS server (3.6) */
};
const char *node_state_text(int state); /* as nbtstat prints it: "Registered" */

/* One name on one interface, for listings. */
struct node_entry {
	struct nb_key key;
	bool group, permanent;
	uint32_t if_key;
	char if_name[16];
	struct ip4 ip; /* what is registered: advertise or ip */
	uint8_t state; /* enum node_name_state */
	bool by_wins;  /* registered with a WINS server, else by broadcast */
	struct ip4 wins;
	uint32_t ttl;          /* granted, seconds; 0 = infinite or none */
	int64_t refresh_in_ms; /* until WINS is asked next; -1 = never */
	struct ip4 offender;   /* NODE_CONFLICT: who has it, or who said so */
};

/* A release that no server confirmed; it is tried again until one does, so that no ghost stays. */
struct node_ghost {
	struct nb_key key;
	bool group;
	struct ip4 ip, wins; /* the address to be released, and where */
	struct ip4 from;     /* what it must leave from; differs from ip when that is advertised */
	uint32_t tries;
	int64_t retry_in_ms;
};

struct node_cache_entry {
	struct nb_key key;
	uint32_t if_key; /* where it was learned; 0 = preloaded */
	bool group;
	bool preloaded; /* #PRE: never expires, immutable from the network */
	uint8_t naddr;
	struct ip4 addr[REC_ADDR_MAX];
	int64_t life_ms; /* -1 = for ever */
};

enum node_source {
	NODE_FROM_LOCAL,
	NODE_FROM_CACHE,
	NODE_FROM_WINS,
	NODE_FROM_BROADCAST,
	NODE_FROM_LMHOSTS,
	NODE_FROM_DNS,
};

/* To node_resolve and node_ask_status. */
struct node_answer {
	uint32_t ticket;
	bool found;
	uint8_t source; /* enum node_source */
	bool group;
	uint8_t naddr;
	struct ip4 addr[REC_ADDR_MAX]; /* best first (3.1) */
	struct ip4 from;               /* who answered; 0 = nobody on the network */
	const uint8_t *status;         /* a whole node status response, borrowed for the call */
	uint16_t status_len;
};

struct node_host {
	void *arg;
	uint32_t (*random)(void *arg); /* unpredictable */
	/* ->when is not set: the engine knows no wall clock. */
	void (*event)(void *arg, const struct event *ev);
	/* Exactly once for each ticket that was taken, also inside the call that took it. */
	void (*answer)(void *arg, const struct node_answer *a);
	/* The addresses of a host name are wanted: call node_dns_done, now or later. NULL: no DNS. */
	void (*dns)(void *arg, uint32_t ticket, const char *name);
	/* The bytes of the LMHOSTS file or of one it includes, as lmhosts_host's. NULL: no LMHOSTS. */
	int (*read_file)(
	    void *arg, const char *path, char **ret, size_t *ret_len, const char **ret_why);
};

/* Starts without interfaces and names. NBT_ENOMEM. */
int node_new(
    const struct node_conf *conf, const struct node_host *host, struct mono now, struct node **ret);
/* Open tickets are not answered, nothing is released. Accepts NULL. */
void node_free(struct node *n);

/*
 * The interfaces as they are now, count <= NODE_IF_MAX. New ones get all names registered. The names
 * of one that is gone, or has another address, can no longer be released from there: they are
 * remembered as ghosts and released when the address is back. NBT_EINVAL: a key of 0 or twice, an
 * address no host can have; NBT_ELIMIT; nothing was changed then.
 */
int node_set_ifs(struct node *n, const struct node_if *ifs, unsigned count, struct mono now);

/*
 * Names. Adding twice counts: the name goes with its last user. NBT_EEXIST: it is there as the other
 * kind (group or unique); NBT_EOWNER: it is in conflict (3.1 #6); NBT_ELIMIT, NBT_ENOMEM.
 */
int node_add(struct node *n, const struct nb_key *key, bool group, bool permanent, struct mono now);
/* Released on every interface when its last user goes. NBT_ENOENT. */
int node_remove(struct node *n, const struct nb_key *key, struct mono now);

/* Releases all names everywhere and remembers them (service stop, shutdown, before the machine
 * sleeps); node_resume registers them again. */
void node_suspend(struct node *n, struct mono now);
void node_resume(struct node *n, struct mono now);
/* Every release was answered or given up, and no packet waits. */
bool node_quiet(const struct node *n);
/*
 * A release that an earlier run of the program could not have confirmed (ip, wins, from, key and group
 * of *g): one more ghost, tried at once. Nothing is done when the name is on that address again, or
 * the ghost is there. NBT_ELIMIT, NBT_ENOMEM.
 */
int node_remember(struct node *n, const struct node_ghost *g, struct mono now);
/* nbtstat -RR: release all, wait for the answers, register again. NBT_EBUSY within two minutes of the
 * last time, or while suspended. */
int node_release_refresh(struct node *n, struct mono now);

void node_in(struct node *n, const uint8_t *packet, size_t len, const struct node_path *path,
    struct mono now);
void node_tick(struct node *n, struct mono now);
struct mono node_next(const struct node *n);

struct node_out {
	struct node_path path;
	uint16_t len;
	uint8_t data[NB_UDP_MAX + 64];
};
/* The next packet to send, or NULL. Valid until the next call of any of these. */
const struct node_out *node_out(struct node *n);

/*
 * Who has this name? In the node type's order (2.4, 5.2): own names, remote cache, WINS and broadcast,
 * LMHOSTS, DNS. if_key 0 = all interfaces. NBT_ELIMIT: too many at once; then no answer comes.
 */
int node_resolve(
    struct node *n, const struct nb_key *key, uint32_t if_key, uint32_t ticket, struct mono now);
/* Asks peer for its name table; key NULL = "*". */
int node_ask_status(
    struct node *n, struct ip4 peer, const struct nb_key *key, uint32_t ticket, struct mono now);
/* May be called from the dns callback. naddr 0: there is no such host. */
void node_dns_done(
    struct node *n, uint32_t ticket, const struct ip4 *addr, unsigned naddr, struct mono now);
/* nbtstat -R: empties the remote cache, reads LMHOSTS again and loads its #PRE entries. */
void node_cache_reload(struct node *n, struct mono now);

/* Does the node hold, or is it registering, this unique name? Fills at most cap of its addresses. For
 * the dispatch of port 137 and for winsd, which never challenges itself by packet. */
bool node_holds(const struct node *n, const struct nb_key *key, struct ip4 *ret_addr, unsigned cap,
    unsigned *ret_n);
unsigned node_type(const struct node *n); /* enum node_type, the effective one */

/* Listings by index, for nbtstat and winsctl: false past the end. */
bool node_if_at(const struct node *n, unsigned i, struct node_if *ret);
bool node_entry_at(const struct node *n, unsigned i, struct mono now, struct node_entry *ret);
/* All entries in one go, in the same order. */
void node_each_entry(const struct node *n, struct mono now,
    void (*each)(void *arg, const struct node_entry *e), void *arg);
/* Another number when a name came, went or changed its state, its server or its address, or a ghost
 * came or went; with the chance of a 64-bit hash. To see whether anything must be told or kept. */
uint64_t node_digest(const struct node *n);
bool node_ghost_at(const struct node *n, unsigned i, struct mono now, struct node_ghost *ret);
bool node_cache_at(const struct node *n, unsigned i, struct mono now, struct node_cache_entry *ret);

enum node_stat {
#define X(symbol, name, sentence) NS_##symbol,
#include "node/stats.def"
#undef X
	NS_COUNT
};
const char *node_stat_name(int stat); /* "resolved-broadcast" */
struct node_stats {
	uint64_t n[NS_COUNT];
	uint64_t drop[NB_DROP_COUNT]; /* damaged packets by reason */
};
const struct node_stats *node_stats(const struct node *n);
