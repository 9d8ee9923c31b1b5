/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision core: given a record, what happened and the time, what to do and which rule says so.
 * Pure functions on plain data: no effect, no clock, no allocation, nothing readable but the
 * arguments. Every branch has a rule id from rules.def. Layer: rules. Who acts on a verdict:
 * src/wins/apply.c and nobody else. Facts: wins-server-and-replication.md 1.2-1.6, 2.2-2.12, 3.9, 3.10;
 * netbt-name-service.md 3.3-3.5, 3.7.
 */
#pragma once

#include "rules/rec.h"

enum rule_id {
	RULE_NONE,
#define X(id, spec, sentence) RULE_##id,
#include "rules/rules.def"
#undef X
	RULE_COUNT
};

const char *rule_name(int id);     /* "REG_07" */
const char *rule_spec(int id);     /* "wins 2.3 table D" */
const char *rule_sentence(int id); /* why, for a person */

/* What the verdict asks for. Every action but DROP, EXPIRE and KEEP has an answer in rcode and ttl. */
enum rule_action {
	ACT_DROP,      /* say nothing */
	ACT_REPLY,     /* answer; the database stays as it is */
	ACT_WRITE,     /* make next the record, durably, then answer */
	ACT_CHALLENGE, /* WACK for ttl seconds, probe the addresses, then rule_probed */
	ACT_DELETE,    /* (rule_due, rule_verified, rule_owner_removed) remove the record */
	ACT_KEEP, /* nobody asked, nothing changes; what is due never gets this from rule_due */
};

struct rule_env {
	struct wall now;
	struct version next; /* the version a changed record gets; rules never count themselves */
	uint32_t renewal, extinction, extinction_timeout,
	    verify;      /* seconds, already clamped (1.4) */
	uint32_t uptime; /* seconds; replica tombstones wait for 3 days of it (1.5) */
	uint32_t chl_interval_ms,
	    chl_tries;           /* for the WACK's time: sum of the doubling intervals */
	bool migrate_on;         /* statics give way to living registrations (MigrateOn) */
	bool propagate_releases; /* releasing one of several addresses raises the version */
	bool
	    verify_replicas; /* ask the owner of a replica whose time came before anything is done to it */
	bool
	    settle_conflicts; /* two living computers of one name at two servers: one gives it up */
	struct ip4 server;    /* under which partners know this server's records; only for that */
	bool
	    challenge_released; /* a name released a moment ago is asked for before it is given away */
	bool strict_source;     /* an address must be registered and released from itself */
	bool prepend_1b; /* domain<1B>'s address first in a 1C answer (Prepend1BTo1CQueries) */
	uint8_t nself;   /* this server's own addresses: never challenged */
	struct ip4 self[16];
	/* What this machine's own NetBT node says of the name in question (netbt 1.6); registrations and
	 * replicas read it. */
	bool full;      /* as many names as may be (design 7): none is created */
	bool crowded;   /* as many names of the claim's sender as may be: likewise */
	bool reserved;  /* so many of both that only senders with few get one */
	bool held_here; /* it has the name, a unique one, and defends it */
	uint8_t nheld;  /* the addresses on which it has the name or is registering it */
	struct ip4 held[REC_ADDR_MAX];
	/* The servers that tell this one of their own records themselves; replicas read it. */
	uint16_t nnear;
	const struct ip4 *near;
	uint8_t nblocked; /* blocked names (2.12), upper case, padded with spaces */
	uint8_t blocked[32][15];
};

/* A registration, multihomed registration or refresh: one table for all of them (2.9). */
struct reg_in {
	struct nb_key key;
	uint8_t opcode;  /* enum nb_op: 5, 8, 9 or 15 */
	uint16_t flags;  /* NB_FLAGS of the address entry: group bit and node type */
	struct ip4 ip;   /* the address in the packet: the one that is registered (2.2) */
	struct ip4 from; /* the address the packet came from */
	/* For a 1C: the first address of the active DOMAIN<1B>, which a full group never evicts (netbt
	 * 3.2); 0.0.0.0 = none. */
	struct ip4 pdc;
};

struct release_in {
	struct nb_key key;
	uint16_t flags; /* NB_FLAGS of the address entry */
	struct ip4 ip, from;
};

enum probe_end {
	PROBE_SILENT,   /* nobody answered */
	PROBE_NEGATIVE, /* an owner said "not mine" */
	PROBE_POSITIVE, /* an owner said "mine", with these addresses */
};

struct probe_in {
	uint8_t end;         /* enum probe_end */
	struct version seen; /* of the record when the challenge began */
	struct ip4 seen_owner;
	uint8_t seen_state; /* likewise */
	struct ip4 from;    /* who answered; not for PROBE_SILENT */
	uint8_t naddr;      /* addresses in the positive answer, at most 25 kept */
	struct ip4 addr[REC_ADDR_MAX];
};

struct verdict {
	uint8_t action;  /* enum rule_action */
	uint8_t rcode;   /* enum nb_rcode */
	uint16_t rule;   /* enum rule_id */
	uint32_t ttl;    /* seconds: granted lifetime, or for ACT_CHALLENGE the WACK's time */
	struct rec next; /* ACT_WRITE: the whole next record */
	uint8_t nprobe;  /* ACT_CHALLENGE: ask these in turn */
	struct ip4 probe[REC_ADDR_MAX];
	/* What replication adds (wins 3.9). */
	bool propagate;  /* ACT_WRITE: partners are to be told at once, to tell it on */
	bool verify;     /* (rule_due) its owner is to be asked, see rule_verified */
	uint8_t ndemand; /* (write, keep) tell the hosts here to give the name up (3.9.5) */
	struct ip4 demand[REC_ADDR_MAX];
};

/* The answer to a query; small, because this is the hot path: addr is set up to naddr only. */
struct answer {
	uint16_t rule;
	uint8_t rcode;  /* 0 or NB_RC_NAM */
	uint16_t flags; /* NB_FLAGS of every entry */
	uint8_t naddr;
	struct ip4 addr[REC_ADDR_MAX];
};

/* cur == NULL: no record. Verdicts are whole values: unused parts are zero. */
struct verdict rule_register(
    const struct rec *cur, const struct reg_in *in, const struct rule_env *env);
/* The server is full: does a name of a sender with so many, which was never refreshed or defended, make room for a
 * new one of a sender with so many? ACT_DELETE or ACT_KEEP. */
struct verdict rule_make_room(uint32_t theirs, uint32_t claimants);
/* A challenge ended; cur is the record as it is now, in the claim that caused it. Never asks for
 * another challenge. */
struct verdict rule_probed(const struct rec *cur, const struct reg_in *in,
    const struct probe_in *probe, const struct rule_env *env);
/* Seconds since a record of this server was released or, taken over from another one, tombstoned instead;
 * UINT32_MAX: that cannot be told, or it is alive. It is told from the due time: an extinction interval that
 * was changed since then makes it wrong by as much. */
uint32_t rule_released_ago(const struct rec *cur, const struct rule_env *env);
struct verdict rule_release(
    const struct rec *cur, const struct release_in *in, const struct rule_env *env);
/* The host at ip, one of a unique or multihomed record's addresses, was asked and said that the name is
 * not its own: that address goes (the repair of KB Q184832). ACT_WRITE or ACT_KEEP. */
struct verdict rule_disowned(const struct rec *cur, struct ip4 ip, const struct rule_env *env);
/* An administrator wants ip, of an excluded network, gone from a record with addresses, a special
 * group's too. ACT_WRITE or ACT_KEEP. */
struct verdict rule_unwanted(const struct rec *cur, struct ip4 ip, const struct rule_env *env);
/* The record's time may have come: release, tombstone, delete, shed a member, or keep. */
struct verdict rule_due(const struct rec *cur, const struct rule_env *env);
/*
 * pdc: the record of DOMAIN<1B> when key is a 1C and env->prepend_1b, else NULL. Only fields of cur
 * that a query needs are read. Of env only nblocked, blocked and prepend_1b.
 */
void rule_query(const struct nb_key *key, const struct rec *cur, const struct rec *pdc,
    const struct rule_env *env, struct answer *ret);

/* An administrator's wish: give rec as a static record (state, due, version, owner are set here);
 * tombstone the record (1.3: takes ownership). Refused by ACT_REPLY with FMT (addresses), RFS (suffix
 * and type), SRV (scope), NAM (no record). */
struct verdict rule_admin_add(
    const struct rec *cur, const struct rec *rec, const struct rule_env *env);
struct verdict rule_admin_tombstone(const struct rec *cur, const struct rule_env *env);
/* A server is gone for good and was removed (3.14): what becomes of a record that it owns, with or
 * without tombstone, or of one of ours that has members of it. ACT_KEEP, ACT_WRITE or ACT_DELETE. */
struct verdict rule_owner_removed(
    const struct rec *cur, struct ip4 owner, bool tombstone, const struct rule_env *env);

/*
 * A replica came from a partner (wins 3.9). in is what was received, in our terms: owner is never
 * OWNER_SELF, members that this server owns have OWNER_SELF, stamps are not set, but see
 * REC_HEARSAY. ACT_KEEP, ACT_WRITE
 * (perhaps with propagate, demand), ACT_CHALLENGE: ask the addresses in probe, then
 * rule_replica_probed with the record as it is then, which never asks for another challenge.
 */
/* "since" of a member that another server than its owner tells of, while its owner tells us itself: no
 * such member joins a list that is here. Else one that its owner dropped would go round among those who
 * have yet to hear it, for ever. */
#define REC_HEARSAY ((struct wall){ UINT32_MAX })
struct verdict rule_replica(
    const struct rec *cur, const struct rec *in, const struct rule_env *env);
struct verdict rule_replica_probed(const struct rec *cur, const struct rec *in,
    const struct probe_in *probe, const struct rule_env *env);
/* A partner gave back a record of our own origin (1.6: the disk was lost, or this server took over
 * another's address); in->owner is OWNER_SELF and its version and state are the partner's.
 * ACT_KEEP or ACT_WRITE with that version. */
struct verdict rule_returned(
    const struct rec *cur, const struct rec *in, const struct rule_env *env);
/* The owner of the replica cur was asked (3.10): found is what it has under the name now, NULL when
 * the whole range was read and it is not there. ACT_KEEP, ACT_WRITE (its stamp moves, or it is
 * replaced) or ACT_DELETE. */
struct verdict rule_verified(
    const struct rec *cur, const struct rec *found, const struct rule_env *env);

/* The intervals of 1.4 with their clamps: 0 = default. Says in *ret_adjusted (bits 1 renewal, 2
 * extinction, 4 extinction timeout, 8 verify) which were moved. */
struct rule_intervals {
	uint32_t renewal, extinction, extinction_timeout, verify;
};
struct rule_intervals rule_clamp(struct rule_intervals wish, unsigned *ret_adjusted);
