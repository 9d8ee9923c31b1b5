/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The replication engine (MS-WINSRA): connections' bytes and ticks in, bytes, connection wishes and
 * events out. It pulls what partners know, answers what they ask, tells them of changes, verifies
 * replicas and guards the version counter. No socket, no clock, no thread, no log. Layer: repl, above
 * wins. Decides nothing about a name: that is the rules', through wins. Facts:
 * wins-server-and-replication.md 1.6, 3.
 *
 * One thread, the registrar's, calls everything here. Work is done in bounded pieces by repl_step, so
 * that waiting registrations get their turn in between.
 */
#pragma once

#include "event/event.h"
#include "store/store.h"
#include "wins/wins.h"
#include "wire/wrepl.h"

struct repl;

#define REPL_PARTNERS_MAX 256 /* configured and self-found ones */
#define REPL_FILTER_MAX   99  /* owners in a filter list (3.12) */

struct repl_partner_conf {
	struct ip4 address;
	bool pull, push;        /* we pull from it; we tell it of changes */
	bool persistent;        /* keep the connections open (3.5) */
	bool only_dynamic;      /* give it no static records (OnlyDynRecs) */
	uint32_t pull_interval; /* seconds; 0 = only on notice and command */
	uint32_t
	    pull_start; /* seconds after midnight UTC of the first pull; UINT32_MAX = at once */
	uint32_t update_count; /* changes after which it is told; 0 = never by count */
};

enum repl_pause { REPL_PAUSE_AUTO, REPL_PAUSE_NEVER, REPL_PAUSE_ALWAYS };

struct repl_conf {
	struct ip4 self; /* under which this server owns its records, and which it gives partners */
	uint8_t nself;   /* all its addresses: never partners, never pulled */
	struct ip4 own[16];
	uint16_t npartners;
	struct repl_partner_conf partner[REPL_PARTNERS_MAX];
	bool only_partners; /* strangers are refused (RplOnlyWCnfPnrs) */
	bool pull_at_start, push_at_start, push_on_address_change, propagate;
	uint32_t retry_count;     /* of a failed connection before the interval is waited for */
	uint32_t retry_interval;  /* seconds */
	uint32_t message_timeout; /* seconds for the rest of a message, or an answer */
	uint32_t idle_timeout; /* seconds; a stranger's or temporary connection without traffic */
	uint32_t connections_max; /* accepted ones */
	uint32_t range_max;       /* versions asked for at a time while replies are dense */
	uint64_t reply_memory;    /* bytes of replies that wait to be sent, in all */
	bool accept_only; /* the list is of the only owners accepted, else of those blocked */
	uint8_t nfilter;
	struct ip4 filter[REPL_FILTER_MAX];
	bool partial; /* only 1B names and static or user-made internet groups (3.11) */
	/* version counter: 1.6 */
	uint8_t pause;      /* enum repl_pause; AUTO: with an empty store or a new address */
	uint32_t pause_max; /* seconds: partners that do not answer are not waited for longer */
	/* consistency checking: 3.10 */
	uint32_t check_interval; /* seconds, 0 = off */
	uint32_t check_start;    /* seconds after midnight UTC */
	uint32_t check_records_max;
	bool check_with_partner; /* UseRplPnrs: a partner instead of the owner */
	/* autodiscovery: 3.13 */
	bool discover; /* send and act on announcements */
	uint32_t discover_interval;
	uint32_t skew_limit; /* seconds of clock difference that are told */
};

struct repl_host {
	void *arg;
	uint32_t (*random)(void *arg);                    /* unpredictable: association handles */
	void (*event)(void *arg, const struct event *ev); /* ->when is set */
};

/* On an open store and engine, both borrowed. fresh: the store was empty or is another address's: 1.6
 * applies. NBT_ENOMEM. */
int repl_new(const struct repl_conf *conf, struct store *store, struct wins *wins,
    const struct repl_host *host, bool fresh, struct mono mnow, struct wall now, struct repl **ret);
void repl_free(struct repl *r); /* accepts NULL */
/* Takes a changed configuration over; connections with partners that are gone are closed. */
void repl_reconf(struct repl *r, const struct repl_conf *conf, struct mono mnow, struct wall now);
/* The service ends: announces that (3.13), stops what is not persistent. Send what repl_out gives. */
void repl_end(struct repl *r, struct mono mnow, struct wall now);

/* ---- in: the host numbers its connections; a number is free again after repl_closed ---- */

/* A peer connected. False: close it at once, it was told and counted why (too many, a stranger). */
bool repl_accepted(
    struct repl *r, uint32_t conn, struct ip4 peer, struct mono mnow, struct wall now);
/* A connection that repl_out wished for stands (err 0) or could not be made (then it is gone). */
void repl_connected(struct repl *r, uint32_t conn, int err, struct mono mnow, struct wall now);
/* Bytes arrived; copied. Returns false when the connection holds a message that repl_step has yet to
 * work off: read on only when repl_reads says so. */
bool repl_data(struct repl *r, uint32_t conn, const uint8_t *bytes, size_t len, struct mono mnow,
    struct wall now);
bool repl_reads(const struct repl *r, uint32_t conn);
/* So many bytes that repl_out gave have left. */
void repl_sent(struct repl *r, uint32_t conn, size_t len, struct mono mnow);
/* The peer closed, or it broke, or our close is carried out. */
void repl_closed(struct repl *r, uint32_t conn, struct mono mnow, struct wall now);
/* A datagram on the autodiscovery group. */
void repl_discovered(struct repl *r, const uint8_t *bytes, size_t len, struct ip4 from,
    struct mono mnow, struct wall now);
/* A partner's clock minus ours, as the host measured it. */
void repl_clock(struct repl *r, struct ip4 partner, int64_t ms, struct wall now);

/* ---- work and time ---- */

/* One bounded piece of work: at most some 256 records applied and committed, or 2,000 read for a reply.
 * True: more can be done at once. */
bool repl_step(struct repl *r, struct mono mnow, struct wall now);
/* Timers: pulls, retries, timeouts, verification. Call when repl_next is reached. */
void repl_tick(struct repl *r, struct mono mnow, struct wall now);
struct mono repl_next(const struct repl *r, struct mono mnow, struct wall now);

/* ---- out ---- */

enum repl_do {
	REPL_CONNECT,  /* to peer on port 42; conn is the number the host is to use for it */
	REPL_SEND,     /* data, len: the caller's to free */
	REPL_CLOSE,    /* after what was given before has left; then call repl_closed */
	REPL_ANNOUNCE, /* datagram to the autodiscovery group; data, len: the caller's to free */
};
struct repl_out {
	uint8_t what; /* enum repl_do */
	uint32_t conn;
	struct ip4 peer;
	uint8_t *data;
	size_t len;
};
/* The next thing to do, or false. Connections wished for here have numbers from REPL_CONN_OURS on,
 * those of repl_accepted lower ones. */
#define REPL_CONN_OURS 0x80000000u
bool repl_out(struct repl *r, struct repl_out *ret);

/* ---- what an administrator wants; partner or owner IP4_ANY = all ---- */

/* NBT_ENOENT: no such partner; NBT_EBUSY: under way already. repl_partner_view says how it ended: it
 * counts in pulls or in failures. */
int repl_pull_now(struct repl *r, struct ip4 partner, struct mono mnow, struct wall now);
int repl_push_now(
    struct repl *r, struct ip4 partner, bool propagate, struct mono mnow, struct wall now);
/* Verifies the replicas of an owner now (3.10), however many. NBT_ENOENT: it has none here. */
int repl_verify_now(struct repl *r, struct ip4 owner, struct mono mnow, struct wall now);
/* Deletes an owner's records and what is known of it (3.14), in steps. With tombstone each of them is
 * taken over and tombstoned instead, so that partners delete them too. NBT_EINVAL: it is this server;
 * NBT_ENOENT; NBT_EBUSY. */
int repl_delete_owner(struct repl *r, struct ip4 owner, bool tombstone, struct wall now);
/* Lifts the version counter above a version that a partner has seen of this server, which is not believed
 * without this. NBT_EINVAL: too near to where no partner would believe it; NBT_EEXIST: the counter is above
 * it; NBT_EIO: nothing can be kept. */
int repl_raise_version(struct repl *r, uint64_t version, struct mono mnow, struct wall now);

/* ---- what an administrator sees ---- */

enum repl_partner_state {
	REPL_IDLE, /* nothing under way */
	REPL_CONNECTING,
	REPL_PULLING,
	REPL_CONNECTED /* persistent */,
	REPL_FAILED, /* the last try failed; error says why */
};
struct repl_partner_view {
	struct repl_partner_conf conf;
	bool self_found;
	uint8_t state;                                                /* enum repl_partner_state */
	struct wall last_pull, last_pull_tried, last_push, next_pull; /* 0 = never */
	struct wall failing_since;                                    /* 0 = it does not */
	uint32_t failures;                                            /* in a row */
	char error[160]; /* in words; empty = the last pull went well */
	uint64_t pulls, pushes, records_in, records_out, notices_in;
	uint64_t lag; /* versions it has and we lack, of all owners, by its last map */
	bool has_clock;
	int64_t clock_ms; /* its clock minus ours */
	uint16_t minor;   /* protocol version it spoke; 0 = none yet */
};
size_t repl_partners(const struct repl *r);
bool repl_partner_at(const struct repl *r, size_t i, struct repl_partner_view *ret);

/* One owner as one server sees it (convergence): what the maps said. */
struct repl_owner_view {
	struct ip4 owner; /* OWNER_SELF shown as conf.self */
	uint64_t here;    /* what we know of it */
	uint64_t highest; /* of all servers' maps */
	struct ip4 highest_at;
	bool blocked, own, deleted;
	uint16_t nlacking; /* partners that lack something, with ours when we do */
	struct {
		struct ip4 server; /* conf.self: this one */
		uint64_t max;
		struct wall since; /* it lags; 0 = since before we looked */
	} lacking[32];             /* the first so many */
};
/* The first owner whose address is at least *at; *at becomes it. False: no more. */
bool repl_owner_next(const struct repl *r, struct ip4 *at, struct repl_owner_view *ret);

struct repl_stats {
	uint64_t accepted, refused, pulls, pull_failures, pushes, records_in, records_out, kept,
	    written, challenged, verified, dropped[WREPL_DROP_COUNT];
	size_t connections, reply_bytes;
	bool paused;
};
void repl_stats(const struct repl *r, struct repl_stats *ret);
