/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The events that decisions raise: which one by which rule is a table, rule_events.def, and not a choice of
 * whoever carries the verdict out. Layer: wins.
 */
#pragma once

#include "wins/engine.h"

/* What a decision was about, as far as an event may name it; unused parts are zero. */
struct subject {
	const struct nb_key *key;
	const struct rec *cur; /* the record before; NULL: there was none */
	struct ip4 sender;     /* where the packet came from */
	struct ip4 address;    /* that is claimed, released, brought or taken away */
	struct ip4 server;     /* that owns the replica */
	struct ip4 answered;   /* who answered when it was asked */
	uint64_t number;       /* as the event's sentence has it */
};

/* Raises the event of the verdict's rule, if it has one. */
void tell_decision(
    struct wins *w, const struct verdict *v, const struct subject *s, struct wall now);

/* EV_COUNT: none. */
int tell_event_of(int rule);
