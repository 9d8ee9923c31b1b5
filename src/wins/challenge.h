/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims and replicas that wait, and the questions they wait for: one challenge a name, any number of
 * them behind it, the stored addresses asked in turn (wins 2.4, netbt 3.4). Layer: wins.
 */
#pragma once

#include "wins/apply.h"
#include "wins/engine.h"

void challenge_init(struct wins *w);
void challenge_release(struct wins *w);

/* What waits behind a challenge: the first member of a claim, which this module keeps to itself, or of
 * a replica, whose end is replica.c's. */
struct waiter {
	struct waiter *next;
	bool is_replica;
};
struct replica_waiter {
	struct waiter waiter;
	struct rec in;
	uint32_t pull;
};
/* Does a replica wait for the end of this name's challenge? What comes later must stand behind it. */
bool challenge_holds_replica(const struct wins *w, const struct nb_key *key);
/* Puts r behind the challenge of its name; there is none yet: begins it by v, about look's record. Takes
 * r when it returns 0. NBT_EBUSY: no room now. */
int challenge_replica(struct wins *w, struct replica_waiter *r, const struct verdict *v,
    const struct wins_look *look, struct mono mnow);

/* A registration, multihomed registration or refresh: decided, or put behind a challenge. */
void challenge_claim(struct wins *w, const struct asked *asked, const struct reg_in *in,
    struct mono mnow, struct wall now);
/* The answer to a challenge's question: its end. */
void challenge_answer(
    struct wins *w, struct txn *x, const struct nb_msg *m, struct mono mnow, struct wall now);
/* A wait of a challenge's is over: ask again, or go on to the next address, or end. */
void challenge_waited(struct wins *w, struct txn *x, bool again, struct mono mnow, struct wall now);
/* Forgets refusals that are old. */
void challenge_tick(struct wins *w, struct mono mnow);
