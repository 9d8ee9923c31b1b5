/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many WINS servers in one process: each a real store on a disk that can lose power, the wins engine and
 * the replication engine; between them TCP and UDP with all their vices, round them computers that
 * register names; one queue of events is the only time there is. Everything follows from the seed.
 * mesh_world.c has time and UDP, mesh_tcp.c TCP, mesh_server.c servers and their disks, mesh_client.c
 * computers, mesh_check.c what must be true; mesh.c says what happens in which world.
 */
#pragma once

#include <stdio.h>

#include "base/heap.h"
#include "repl/repl.h"

#define MESH_SERVERS_MAX 100
#define MESH_HOSTS_MAX   16384 /* addresses of computers */
#define MESH_CARDS       3
#define SERVER_IP(s)     IP4(10, 0, 0, 1 + (s))
#define HOST_IP(h)       IP4(10, 1, (h) >> 8, (h)&0xff)
#define SECOND           1000
#define MINUTE           (60 * SECOND)

struct mesh;

/* Something that will happen. Embedded in whoever it happens to, or freed after it did. */
struct ev {
	struct heap_item item; /* first */
	void (*run)(struct mesh *m, struct ev *ev);
	bool freed;
};

struct crashfs;
struct mserver {
	struct ev wake; /* first */
	struct mesh *m;
	unsigned id;
	bool up;
	bool unsure; /* versions may have been given twice: partners could not be asked */
	bool
	    paused_start; /* each start waits for partners, till one has: an administrator's restore */
	unsigned life;    /* connections of an earlier life are dead */
	uint32_t next_conn;       /* for accepted ones */
	int64_t skew;             /* of its wall clock, seconds */
	uint64_t random;          /* its own numbers */
	uint64_t seen_next;       /* its version counter, in this life */
	uint64_t given;           /* its counter one round before the end */
	uint64_t exposed;         /* the highest version of its own that left it */
	struct mono tended, lost; /* lost: when its disk was */
	struct crashfs *fs, *backup;
	uint64_t backup_exposed; /* when the backup was made */
	struct store *store;
	struct wins *wins;
	struct repl *repl;
	struct rec *kept; /* what was committed when it crashed */
	size_t nkept;
	bool has_kept;
};

enum kind { KIND_UNIQUE, KIND_MULTIHOMED, KIND_GROUP, KIND_SPECIAL };
enum card_state {
	CARD_IDLE,        /* the name is not registered on it, nor to be */
	CARD_REGISTERING, /* for the first time: the name is not defended yet */
	CARD_HELD,        /* acknowledged; the timer is the refresh */
	CARD_REFRESHING,
	CARD_REFUSED, /* somebody else's, said the server; the timer is the next try */
	CARD_RELEASING,
};
struct client;
struct card {
	struct ev timer; /* first */
	struct client *client;
	uint8_t state; /* enum card_state */
	int host;      /* whose address it has, -1 none */
	uint16_t id;   /* of the open request */
	unsigned tries, failovers;
	unsigned server; /* that is asked, or that acknowledged */
	uint32_t ttl;
};
struct client {
	struct nb_key key;
	uint8_t kind; /* enum kind */
	bool alive;   /* wants the name */
	bool gave_up; /* was told to */
	unsigned home, backup, ncards;
	uint8_t side; /* of a partition */
	struct card card[MESH_CARDS];
};

/* How a world is built. */
struct plan {
	unsigned nservers, nclients;
	uint8_t graph; /* enum graph */
	uint32_t renewal, pull_interval;
	unsigned loss, doubled, delay_ms; /* of a thousand packets; the longest way */
	unsigned update_count;
	bool persistent, push_on_address;
	bool contested; /* some names are wanted by two computers, and that is settled */
	int64_t skew_max;
};
enum graph { GRAPH_RING, GRAPH_HUB, GRAPH_MESH, GRAPH_RANDOM };

struct link;
struct said;

struct mesh {
	uint64_t seed, random;
	uint64_t hash; /* of all that happened */
	uint64_t events, packets, bytes, records, crashes, faults;
	struct mono now;
	struct heap queue;
	struct plan plan;
	unsigned nservers, nclients, hops;
	struct mserver *server;
	struct client *client;
	bool partner[MESH_SERVERS_MAX][MESH_SERVERS_MAX];
	uint8_t side[MESH_SERVERS_MAX];
	struct card *host[MESH_HOSTS_MAX]; /* who has the address now */
	unsigned nhosts;
	unsigned loss, doubled, delay_ms;
	bool quiet;
	struct link *links;
	size_t nlinks;
	struct said *said; /* what was said under each version: open addressing */
	size_t nsaid, cap_said;
	FILE *trace;
};

/* ---- mesh_world.c ---- */
void mesh_init(struct mesh *m, uint64_t seed, const struct plan *plan, FILE *trace);
void mesh_end(struct mesh *m);
void mesh_pass(struct mesh *m, int64_t ms);
uint32_t mesh_random(struct mesh *m, uint32_t below);
uint64_t mesh_mix(uint64_t *state);
void mesh_hash(struct mesh *m, const void *bytes, size_t len);
void mesh_at(struct mesh *m, struct ev *ev, struct mono when);
void mesh_cancel(struct mesh *m, struct ev *ev);
void mesh_udp(struct mesh *m, struct ip4 from, struct ip4 to, const uint8_t *data, size_t len);
bool mesh_reachable(const struct mesh *m, struct ip4 a, struct ip4 b);
void mesh_must(bool ok, const char *what);
/* Something that must not be: counted and printed with the seed and the time. */
void mesh_fault(struct mesh *m, const char *form, ...) __attribute__((format(printf, 2, 3)));
void mesh_trace(struct mesh *m, const char *form, ...) __attribute__((format(printf, 2, 3)));

/* ---- mesh_tcp.c ---- */
void tcp_out(struct mesh *m, struct mserver *s, struct repl_out *out); /* takes out->data */
void tcp_reset_some(struct mesh *m);
void tcp_end(struct mesh *m);

/* ---- mesh_server.c ---- */
enum disk { DISK_AS_IT_IS, DISK_BACKUP, DISK_EMPTY };
void server_init(struct mesh *m, unsigned id);
void server_start(struct mesh *m, struct mserver *s, enum disk disk);
void server_crash(struct mesh *m, struct mserver *s);
void server_crash_soon(struct mesh *m, struct mserver *s); /* in the middle of a write */
void server_spare(struct mesh *m, struct mserver *s); /* starts it; no power is lost any more */
void server_backup(struct mesh *m, struct mserver *s);
void server_end(struct mserver *s);
void server_udp(
    struct mesh *m, struct mserver *s, struct ip4 from, const uint8_t *data, size_t len);
/* Something came for it: it works soon. */
void server_poke(struct mesh *m, struct mserver *s);
struct wall server_wall(const struct mserver *s);

/* ---- mesh_client.c ---- */
void client_init(struct mesh *m, unsigned i);
void client_register(struct mesh *m, struct client *c);
void client_release(struct mesh *m, struct client *c);
void client_die(struct mesh *m, struct client *c);
void client_move(struct mesh *m, struct client *c, bool releases); /* one card to another address */
void client_udp(
    struct mesh *m, struct card *card, struct ip4 from, const uint8_t *data, size_t len);
bool card_holds(const struct card *card);
static inline bool
kind_is_group(uint8_t kind)
{
	return kind == KIND_GROUP || kind == KIND_SPECIAL;
}

/* ---- mesh_check.c ---- */
/* A message that a server sends: what it says under a version must be what was said before. */
void check_records(
    struct mesh *m, struct mserver *from, struct ip4 owner, const struct wrepl_msg *msg);
void check_quiet(struct mesh *m);
void check_end(struct mesh *m);
