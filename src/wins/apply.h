/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one place where verdicts become effects. Layer: wins.
 */
#pragma once

#include "wins/engine.h"

/* Who asked, and how the answer is to look. */
struct asked {
	const struct wins_path *path;
	uint16_t id;
	uint16_t flags; /* flags word of the request, for the WACK and the opcode */
	struct nb_key key;
	uint32_t ttl;        /* of the request: release answers repeat it */
	struct nb_addr addr; /* of the request: all answers repeat it */
	bool staged;         /* the decision rested on a change that is not durable yet */
};

/*
 * Stages what the verdict asks for and queues the answer. asked is NULL for the scavenger and the
 * administrator. ACT_CHALLENGE is not for here: waiting is the challenge table's.
 * cur is the record that the decision was about, NULL when there is none.
 * NBT_ELIMIT: the batch is full, nothing was done: commit, look again, decide again.
 */
int apply(
    struct wins *w, const struct verdict *v, const struct rec *cur, const struct asked *asked);

/* Is the decision to be made again, because apply found the batch full? It is empty now. */
bool apply_again(struct wins *w, int err, struct wall now);

/* Queues an answer without a verdict: WACK of a claim. */
void apply_wack(struct wins *w, const struct asked *asked, uint32_t seconds);
/* The holder of a name answered for it: the name is never taken to make room (rule_make_room). */
void apply_proven(struct wins *w, const struct nb_key *key);
