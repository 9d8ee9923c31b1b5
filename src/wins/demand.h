/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Release demands: a host whose name went to another by replication is told to give it up (wins 3.9.5).
 * Asked a few times, and what it says to it is all one. Layer: wins. Bounded.
 */
#pragma once

#include "wins/engine.h"

void demands_init(struct wins *w);
void demands_release(struct wins *w);

/* Tells the host at ip to give up the name of r, as soon as the batch is durable. False: there is no
 * room to wait for its answer, it is not told. */
bool demands_begin(struct wins *w, const struct rec *r, struct ip4 ip, struct mono mnow);
/* It answered. */
void demands_answer(struct wins *w, struct txn *x);
/* It did not: tell it again, or let it be. */
void demands_waited(struct wins *w, struct txn *x, bool again);
/* The batch that is staged demands something. */
bool demands_are_fresh(const struct wins *w);
/* The batch is durable, or is lost and with it what it demanded. */
void demands_committed(struct wins *w, bool kept);
