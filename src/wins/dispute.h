/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names that two hosts claim by turns, and static records that keep a name from a living host: which,
 * who, how often. A restart forgets them; what is wrong shows itself again. Layer: wins. Bounded.
 */
#pragma once

#include "wins/engine.h"

void dispute_init(struct wins *w);
void dispute_release(struct wins *w);

struct dispute_parties {
	struct ip4 holder, claimant;
	bool is_static; /* the holder's record */
};

/* A claim was refused in favour of the holder. */
void dispute_refused(
    struct wins *w, const struct nb_key *key, const struct dispute_parties *who, struct wall now);
/* The claimant got the name of a holder that was silent or said "not mine". That is how a computer with
 * a new address goes on; it is a dispute when the former holder takes the name back. */
void dispute_taken(
    struct wins *w, const struct nb_key *key, const struct dispute_parties *who, struct wall now);
/* As wins_finding_next. */
bool dispute_next(
    struct wins *w, struct nb_key *at, bool incl, struct wall now, struct wins_finding *ret);
