/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of struct wins, shared by the files of this folder and nobody else: the engine's state,
 * and the answers that wait for the batch to be durable. Layer: wins.
 */
#pragma once

#include <sys/queue.h>

#include "txn/txn.h"
#include "wins/wins.h"

/* A packet on its way out. The answers to what a batch changes are held back until it is durable. */
struct wins_reply {
	struct wins_out out;
	bool promises; /* it rests on staged changes: SRV_ERR instead when they could not be kept */
	bool with_batch;         /* nothing instead */
	enum wins_stat ok, fail; /* what to count when that is known; WS_COUNT = nothing */
};

struct wins_replies {
	struct wins_reply *v;
	size_t n, cap;
	size_t ready; /* the first so many may leave */
	size_t sent;
};

struct claim;
struct challenge;
RB_HEAD(claim_tree, claim);
RB_HEAD(challenge_tree, challenge);
struct patient;
struct dispute;
RB_HEAD(patient_tree, patient);
RB_HEAD(dispute_tree, dispute);
struct demand;
LIST_HEAD(demand_list, demand);
struct pull;

/* Whose question a transaction is. */
enum asker { ASKER_CHALLENGE, ASKER_DOCTOR, ASKER_DEMAND };

#define WINS_VERIFY_MAX 256 /* owners that wait to be asked; a replica's time comes again */

struct wins {
	struct wins_conf conf;
	struct rule_env env; /* now and next are set for each decision */
	_Atomic(const struct wins_view *) view;
	struct view_node *views; /* all that were ever published */
	struct wins_host host;
	struct store *store;
	struct wins_stats stats;
	struct wall started;

	/* Of the batch that is staged, of the one that is on its way, and of the one before. */
	struct wins_replies replies, flying, landed;

	struct txn_table txns;
	struct claim_tree claims;         /* by who asked: waiting, and lately answered */
	struct challenge_tree challenges; /* by name */
	struct heap answered;             /* claims to forget, by time */
	size_t nclaims, nchallenges, nwaiting;
	size_t nreplicas; /* of nwaiting */
	uint32_t room_at; /* the slot from which names that may make room are looked for */
	bool table_full;  /* told already that the challenge table is full */
	uint64_t lacked;  /* how often memory was out since that was told */

	struct patient_tree patients;
	struct heap patients_due;   /* those to be asked, by time */
	struct heap patients_known; /* all, the longest known first */
	size_t npatients, nasked;
	struct dispute_tree disputes;
	struct heap disputes_known;
	size_t ndisputes;

	struct pull *pulls; /* those with a challenge open or failed */
	struct demand_list demands;
	size_t ndemands;
	unsigned push;  /* WINS_PUSH_ bits since they were taken */
	size_t nverify; /* owners to be asked */
	struct ip4 verify[WINS_VERIFY_MAX];
	uint32_t verify_turn; /* who makes way when it is full */
	bool paused;
	unsigned nnear; /* servers that tell us of their records themselves */
	struct ip4 near[WINS_NEAR_MAX];

	bool refusing;      /* the last batch could not be written, though the journal stands */
	struct wall failed; /* when something could not be kept: the scavenger skips that second */
	uint32_t slice;     /* of the scavenger, fixed at start */
	struct rec *due;    /* its scratch: slice records */
	uint64_t scavenged[3]; /* in this batch: released, tombstoned, deleted */
	bool scavenge_asked;   /* by an administrator, who is told the end and the sum */
	uint64_t scavenged_asked;
};

/* The record as the batch would leave it, and a rule_env for a decision made now. */
struct wins_look {
	struct rec rec;
	bool found, staged;
	struct rule_env env;
};
const struct rec *wins_look_up(
    struct wins *w, const struct nb_key *key, struct wall now, struct wins_look *ret);

/* How many names still count as few: who has fewer gets a place of the last tenth, and room is made for it. */
uint32_t wins_few(const struct wins *w);
/* The same for a claim. */
const struct rec *wins_look_up_claim(
    struct wins *w, const struct reg_in *in, struct wall now, struct wins_look *ret);

#define WINS_NB_PORT 137 /* questions go where every node listens */

/* Name order of the engine's own tables: name, scope length, scope. */
int wins_key_compare(const struct nb_key *a, const struct nb_key *b);

/* Asks peer for the name as end nodes are asked: RD = 0, or Windows nodes would not say "not mine"
 * (netbt 3.4 step 3), from the local address and socket of path to port 137. */
void wins_probe(
    struct wins *w, const struct wins_path *path, const struct txn *x, const struct nb_key *key);

/* The way to a host that did not ask us anything: from our first address. */
struct wins_path wins_path_to(const struct wins *w, struct ip4 peer);

/* Queues a packet. NULL when memory is out: the client will ask again. */
struct wins_reply *wins_reply_new(struct wins *w, const struct wins_path *path);

/* Zeroed memory of the engine's own, or NULL, and then that is counted and told at the end of the batch. All
 * memory that a packet, a partner or the time can make the engine want comes from here ... */
void *wins_alloc(struct wins *w, size_t size);
/* ... or from another module, whose error passes here: err, of which NBT_ENOMEM is counted and told likewise. */
int wins_lacks(struct wins *w, int err);
/* Says how often memory was out, if it was. */
void wins_tell_lack(struct wins *w, struct wall now);

void wins_tell(struct wins *w, int event, const struct nb_key *key, struct ip4 peer,
    struct ip4 other, uint64_t number, uint16_t rule, struct wall now);
