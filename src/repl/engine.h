/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of struct repl, shared by the files of this folder and nobody else. A conn is a TCP
 * connection with its association; a pull works over one and belongs to a round, whose pulls wait for
 * each other's maps, so that each owner is asked for where most is known; a pull fetches owners, an
 * owner in parts. Layer: repl. The time of the call under way is kept in struct repl.
 */
#pragma once

#include "repl/repl.h"

/* Requests are small; a large message is taken only where one was asked for. */
#define REQUEST_MAX    (24 + 24 * (STORE_KNOWN_MAX + 1) + 4)
#define PEER_CONNS_MAX 16   /* accepted ones of one address */
#define PARTS_MAX      16   /* of a pull: asked for, being applied, waiting for challenges */
#define APPLY_SLICE    4096 /* records applied in one step, and to a commit: what a batch holds */
#define REPLY_SLICE    2000 /* records read for a reply in one step */
#define VERIFY_SLICE   256  /* replicas compared in one step; no more than REPLY_SLICE */
#define NOTICES_MAX    16   /* a partner waits for; more become one of everything */
#define VERIFY_MAX     STORE_KNOWN_MAX /* owners that wait to be verified */
#define UNSENT_MAX     65536 /* bytes a peer has yet to read, before its next request is looked at */
#define WAIT_MS        100 /* until a full challenge table or an open challenge is looked at again */
#define PUSH_PAUSE_MS  1000 /* between two notices to one partner */
#define FAIL_SECONDS   300  /* more than FAIL_MAX failed notices in this time: none is sent (3.7) */
#define FAIL_MAX       2
#define FOUND_INTERVAL 7200 /* seconds between pulls from self-found partners (3.8) */
#define LEAP_MAX \
	(UINT64_C(1) << 40) /* what no server gives in its life: 30,000 a second for a year */
/* Over versions that were given and of which no partner knows yet: what was on its way when the disk was
 * lost, what a server that is no partner came for. As many as no server gives in a pull interval. */
#define VERSION_LEAP 10000000u

/* What a partner, or anybody, has seen of the owners' versions: ascending by owner. */
struct seen {
	struct ip4 owner;
	uint64_t max;
	struct wall since; /* the server lags behind the highest since then; 0 = it does not */
};
struct seen_map {
	struct seen *v;
	size_t n, cap;
};

struct notice {
	bool propagate;
	struct ip4 initiator; /* only when propagated */
};

struct partner {
	struct repl_partner_conf conf;
	bool self_found;
	struct mono pull_due, push_due; /* MONO_NEVER = nothing planned */
	bool again;                     /* pull once more when what is under way has ended */
	bool together;                  /* with the others that are due, in one round */
	bool asked;                     /* its map was seen since start (1.6) */
	bool full_told;
	uint32_t tries;
	uint64_t size_max; /* a wider range brought a message too long; 0 = none did */
	struct seen_map map;
	struct conn *pull_conn, *push_conn;
	uint64_t told; /* the version counter when it was last told */
	struct notice notice[NOTICES_MAX];
	unsigned nnotices;
	struct mono failed[FAIL_MAX + 1]; /* the last failed notices, as a ring */
	unsigned nfailed;
	bool told_down, told_skew;
	struct repl_partner_view view; /* counts, times, error; the rest is filled in when asked */
};

struct buf {
	uint8_t *p;
	size_t len, cap;
};

enum use { USE_PEER, USE_PULL, USE_PUSH, USE_VERIFY };
enum awaits { AWAITS_NOTHING, AWAITS_CONNECT, AWAITS_START, AWAITS_MAP, AWAITS_RECORDS };

/* A records request that is being answered, in slices. */
struct reply {
	struct ip4 owner; /* in our terms */
	struct store_place at;
	uint64_t to;
	uint32_t count;
	bool only_dynamic;
	struct buf out;
};

struct conn {
	uint32_t id;
	struct ip4 peer;
	uint8_t use, awaits;
	bool closing;
	bool taken; /* the message that is being worked off was taken out of in */
	bool persistent;
	uint32_t handle; /* ours; 0 = none yet */
	bool stands;     /* the peer named its handle, which may be any number, 0 too */
	uint32_t theirs;
	uint16_t minor;
	struct buf in;
	size_t whole; /* bytes of the message that in begins with; 0 = not known yet */
	size_t unsent;
	struct mono asked_at, message_at, sent_at, moved_at;
	struct reply *reply;
	struct pull *pull;
};

struct fetch {
	struct ip4 owner;
	uint64_t next, to; /* yet to be asked for */
	uint64_t size;     /* versions to ask for at a time */
	bool own;          /* records of this server's origin that come back (1.6) */
	bool stopped;      /* something of it could not be kept */
};

enum part_state { PART_ASKED, PART_APPLYING, PART_SETTLING };
struct part {
	size_t fetch;
	uint64_t from, to, size;
	uint32_t number; /* what wins knows it by */
	uint8_t state;   /* enum part_state */
	struct buf in;   /* its records response */
	struct rd rest;
	uint32_t left;
};

/* Pulls that wait for each other's maps. */
struct round {
	unsigned waiting, pulls;
};

struct pull {
	struct ip4 server;
	struct round *round;
	struct conn *conn;       /* NULL: it broke */
	struct wrepl_owner *map; /* until the round is planned */
	uint32_t nmap;
	bool mapped, planned, failed, whole;
	bool unkept;  /* something could not be kept here: not the partner's fault */
	bool over;    /* over a notice's own connection, roles swapped: who pulls ends it (3.5) */
	bool forward; /* tell partners on when something came */
	struct ip4 initiator;
	struct fetch *fetch;
	size_t nfetch, cap_fetch, at;
	struct part part[PARTS_MAX]; /* in the order they were asked for */
	unsigned nparts;
	uint64_t records;
	struct mono wait;
};

struct verify_wish {
	struct ip4 owner;
	bool limited; /* by check_records_max, beginning where the last one ended */
};
enum verify_state {
	VERIFY_IDLE,
	VERIFY_SEEKING, /* the next replica to verify; or the association is yet to stand */
	VERIFY_ASKING,
	VERIFY_APPLYING,
	VERIFY_COMPARING,
};
struct verify {
	uint8_t state; /* enum verify_state */
	struct ip4 owner, server;
	struct conn *conn;
	bool limited;
	bool ready;            /* the server's map was good: seek and ask */
	bool ahead;            /* the range under way lies above what is compared */
	bool again;            /* all is compared: the map was asked for once more */
	uint64_t top;          /* what the last map said */
	uint32_t number;       /* what wins knows that range by */
	uint64_t next, high;   /* versions yet to be compared */
	uint64_t size;         /* versions to ask for at a time */
	uint64_t from, to;     /* the range asked for */
	struct store_place at; /* in it, while comparing */
	uint64_t seen, came;
	struct buf in;
	struct rd rest;
	uint32_t left, nversions;
	uint64_t *versions; /* that came, ascending while comparing */
	struct mono wait;
	struct verify_wish wish[VERIFY_MAX];
	unsigned nwishes;
	/* planned cycles: where the next one goes on, and what is left of this one */
	struct mono check_due;
	struct ip4 check_owner;
	uint64_t check_from, check_left;
};

struct repl {
	struct repl_conf conf;
	struct repl_host host;
	struct store *store;
	struct wins *wins;
	struct mono mnow;
	struct wall now;
	struct partner *partner[REPL_PARTNERS_MAX];
	size_t npartners;
	struct conn **conn;
	size_t nconns, cap_conns, naccepted, turn_conn;
	uint32_t next_id;
	struct pull **pull;
	size_t npulls, cap_pulls, turn_pull;
	uint32_t numbers;
	struct repl_out *out;
	size_t out_first, nouts, cap_outs;
	struct seen_map high; /* the highest of all maps; since: when it last rose */
	struct seen_map lag;  /* what this server lacks: since when */
	struct rec *scratch;  /* REPLY_SLICE */
	struct verify verify;
	struct {
		bool active;
		struct wins_removal wins;
		uint64_t removed;
	} removing;
	struct {
		bool paused, need_renumber;
		struct mono pause_until;
		uint64_t from, to; /* own versions that partners have and we lack; 0 = none */
		uint64_t
		    leapt; /* the counter leapt to this over versions that were never given since */
		uint64_t renumber_to;
		uint64_t returned;
		/* Versions that the counter leapt over because others said so, since an administrator
		 * last accepted a claim: at most LEAP_MAX, however many claims there are. Leaps below
		 * VERSION_LEAP do not count: they end nowhere in a server's life. */
		uint64_t believed;
		uint64_t held; /* the highest claim that waits for an administrator; 0 = none */
		struct mono tell_held;
		struct mono wait;
	} own;
	struct mono announce_due;
	unsigned turn;
	struct repl_stats stats;
};

/* ---- repl.c ---- */
struct buf buf_take(struct buf *b);
void buf_free(struct buf *b);
/* Room for len more bytes behind b->len; NBT_ENOMEM. */
int buf_room(struct buf *b, size_t len);
void repl_tell(struct repl *r, int event, struct ip4 peer, struct ip4 other, uint64_t number,
    const char *text);
void repl_push_out(struct repl *r, const struct repl_out *out); /* takes out->data */
void repl_drop_outs(struct repl *r, uint32_t conn);
/* All owners of whom something is known; *ret is to be freed. NBT_ENOMEM. */
int repl_known(const struct repl *r, struct store_known **ret, size_t *ret_n);
bool repl_is_own(const struct repl *r, struct ip4 ip);
/* Raises an event about a record that peer gave (IP4_ANY: it matters not who). */
void repl_tell_record(struct repl *r, int event, const struct nb_key *key, struct ip4 peer,
    struct ip4 owner, uint64_t number);
/* A record that a server gave was left out for its version: not what it was asked for, or none at all. */
void repl_left_out(
    struct repl *r, struct ip4 server, struct ip4 owner, const struct wrepl_record *in);
static inline bool
mono_reached(struct mono due, struct mono now)
{
	return due.ns <= now.ns;
}
static inline struct mono
mono_min(struct mono a, struct mono b)
{
	return a.ns < b.ns ? a : b;
}
static inline struct mono
mono_add_s(struct mono t, uint32_t seconds)
{
	return mono_add_ms(t, (int64_t)seconds * 1000);
}

/* ---- conn.c ---- */
struct conn *conn_open(struct repl *r, struct ip4 peer, enum use use);
struct conn *conn_find(const struct repl *r, uint32_t id);
/* Lays the message out and sends it; the connection breaks when there is no memory. */
void conn_send(
    struct repl *r, struct conn *c, struct wrepl_msg *m, const struct wrepl_owner *owners);
void conn_send_bytes(struct repl *r, struct conn *c, uint8_t *bytes, size_t len); /* takes them */
/* Stop and close, in good order. */
void conn_stop(struct repl *r, struct conn *c, uint32_t reason);
/* Something is wrong with it: whoever works over it is told why, then it is closed. */
void conn_break(struct repl *r, struct conn *c, const char *why);
/* Takes it from whoever works over it; an ordinary end when why is NULL. */
void conn_leave(struct repl *r, struct conn *c, const char *why);
bool conn_step(struct repl *r);
void conn_tick(struct repl *r);
struct mono conn_next(const struct repl *r);
void conn_await(struct repl *r, struct conn *c, enum awaits what);
bool conn_whole(const struct conn *c);
/* The whole message at the head of c->in: it is done with, or it is taken (what points into it stays). */
void conn_consume(struct repl *r, struct conn *c);
struct buf conn_take(struct repl *r, struct conn *c);

/* ---- assoc.c ---- */
void assoc_begin(struct repl *r, struct conn *c);
/* Works off the whole message at the head of c->in. */
void assoc_message(struct repl *r, struct conn *c);

/* ---- reply.c ---- */
void reply_map(struct repl *r, struct conn *c);
void reply_records(struct repl *r, struct conn *c, const struct wrepl_msg *m);
void reply_step(struct repl *r, struct conn *c);
void reply_free(struct repl *r, struct conn *c);
/* This server's map, self first; *ret is to be freed. Returns how many, 0 without memory. */
uint32_t reply_owners(const struct repl *r, struct wrepl_owner **ret);

/* ---- maps.c ---- */
struct seen *seen_find(const struct seen_map *m, struct ip4 owner);
struct seen *seen_put(struct seen_map *m, struct ip4 owner); /* NULL: full, or no memory */
void seen_del(struct seen_map *m, struct ip4 owner);
void seen_free(struct seen_map *m);
/* A server's map came, whole or a part of it. p: NULL = a stranger's. */
void map_taken(struct repl *r, struct partner *p, struct ip4 server, const struct wrepl_owner *v,
    uint32_t n, bool whole);
/* Tells of a claim that is not to be believed; nothing when it is. */
void map_doubt(struct repl *r, struct ip4 server, const struct wrepl_owner *claim);
/* What is known here of an owner changed. */
void map_known(struct repl *r, struct ip4 owner);

/* ---- pull.c ---- */
/* With map: it is used instead of a map request. over: the connection to use, or NULL. */
struct pull_wish {
	struct ip4 server;
	struct conn *over;
	const struct wrepl_msg *notice;
};
struct pull *pull_new(struct repl *r, const struct pull_wish *wish, struct round *round);
struct pull *pull_of(const struct repl *r, struct ip4 server);
bool pull_fetches(const struct repl *r, struct ip4 owner, uint64_t *ret_to);
/* Everybody is in the round that its maker counted itself into. */
void pull_round_close(struct repl *r, struct round *round);
/* The association of its connection stands. */
void pull_go(struct repl *r, struct pull *p);
void pull_map(struct repl *r, struct pull *p, const struct wrepl_msg *m, bool whole);
/* The records response at the head of c->in, whole. */
void pull_records(struct repl *r, struct pull *p, const struct wrepl_msg *m);
void pull_broken(struct repl *r, struct pull *p, const char *why);
bool pull_takes_records(const struct pull *p);
void pull_free(struct repl *r, struct pull *p);
void pull_ask(struct repl *r, struct pull *p);
void pull_end_if_done(struct repl *r, struct pull *p);

/* ---- take.c ---- */
bool take_step(struct repl *r);
/* The server said of itself what its highest version is. */
void take_word(struct repl *r, struct ip4 server, uint64_t max);
struct mono take_next(const struct repl *r);
void part_free(struct repl *r, struct part *x);

/* ---- partners.c ---- */
struct partner *partner_of(const struct repl *r, struct ip4 ip);
int partner_add(struct repl *r, const struct repl_partner_conf *conf, bool self_found);
void partner_remove(struct repl *r, struct partner *p);
void partner_first_pull(struct repl *r, struct partner *p);
/* whole: by its whole map, as planned pulls are, not by what a notice named. */
void partner_pulled(struct repl *r, struct partner *p, uint64_t records, bool whole);
/* It is pulled from by plan, and was reached when that was last tried. */
bool partner_tells(const struct partner *p);
/* Tells wins which ones that are now: before records are given to it. */
void partners_near(struct repl *r);
void partner_failed(struct repl *r, struct partner *p, const char *why);
void partner_free(struct partner *p);
void partners_reconf(struct repl *r);
void partners_tick(struct repl *r);
struct mono partners_next(const struct repl *r);
int partners_pull(struct repl *r, struct ip4 which);
/* The next time of day of a plan, or interval from now when it is past or not set. */
struct mono next_at(const struct repl *r, uint32_t start, uint32_t interval);

/* ---- push.c ---- */
void push_want(struct repl *r, struct partner *p, bool propagate, struct ip4 initiator);
void push_all(struct repl *r, bool propagate, struct ip4 initiator, struct ip4 but);
void push_flush(struct repl *r, struct partner *p);
void push_broken(struct repl *r, struct conn *c, const char *why);
/* What the engine below wants told, and who is to be told by the number of changes. */
void push_watch(struct repl *r);
void push_tick(struct repl *r);
struct mono push_next(const struct repl *r);

/* ---- own.c ---- */
void own_init(struct repl *r, bool fresh);
void own_seen(struct repl *r, struct ip4 server, uint64_t max);
void own_fetched(struct repl *r, uint64_t upto);
bool own_step(struct repl *r);
void own_tick(struct repl *r);
struct mono own_next(const struct repl *r);

/* ---- verify.c ---- */
void verify_init(struct repl *r);
void verify_release(struct repl *r);
int verify_want(struct repl *r, struct ip4 owner, bool limited);
void verify_go(struct repl *r, struct conn *c);
void verify_map(struct repl *r, struct conn *c, const struct wrepl_msg *m);
void verify_records(struct repl *r, struct conn *c, const struct wrepl_msg *m);
bool verify_takes_records(const struct repl *r);
void verify_broken(struct repl *r, const char *why);
bool verify_step(struct repl *r);
void verify_tick(struct repl *r);
struct mono verify_next(const struct repl *r);

/* ---- discover.c ---- */
void discover_announce(struct repl *r, bool up);
void discover_tick(struct repl *r);

/* ---- remove.c ---- */
bool remove_step(struct repl *r);

/* ---- filter.c ---- */
bool filter_accepts(const struct repl *r, struct ip4 owner);
/* Of the few names that partial replication carries (3.11). */
bool filter_partial(const struct rec *rec);

/* ---- convert.c ---- */
/* owner: in our terms. False: nothing that could be kept; *ret_state_error says whether by its state. */
bool convert_in(const struct repl *r, struct ip4 owner, const struct wrepl_record *in,
    struct rec *ret, bool *ret_state_error);
void convert_out(const struct repl *r, const struct rec *rec, struct wrepl_record *ret);
struct ip4 convert_owner_in(const struct repl *r, struct ip4 owner);
