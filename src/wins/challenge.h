/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims that wait, and the questions they wait for: one challenge a name, any number of claims
 * behind it, the stored addresses asked in turn (wins 2.4, netbt 3.4). Layer: wins.
 */
#pragma once

#include "wins/apply.h"
#include "wins/engine.h"

void challenge_init(struct wins *w);
void challenge_release(struct wins *w);

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
