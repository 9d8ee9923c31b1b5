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
/* A query response: the end of a challenge, or nothing we asked. */
void challenge_answer(struct wins *w, const struct nb_msg *m, const struct wins_path *path,
    struct mono mnow, struct wall now);
/* Repeats what is unanswered, goes on to the next address, ends what nobody answers. */
void challenge_tick(struct wins *w, struct mono mnow, struct wall now);
