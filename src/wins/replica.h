/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What partners bring, inside the engine: the ends of the challenges that replicas waited for, and what
 * the batch and the scavenger mean to replication. Its front is in wins.h. Layer: wins.
 */
#pragma once

#include "wins/challenge.h"

void replica_release(struct wins *w);

/* The challenge that r waited for has ended. Takes r. */
void replica_judge(struct wins *w, struct replica_waiter *r, const struct probe_in *p,
    struct mono mnow, struct wall now);
/* Nobody could be asked. Takes r. */
void replica_abandon(struct wins *w, struct replica_waiter *r);
/* The batch is durable, or lost. */
void replica_committed(struct wins *w, bool kept);
/* The scavenger did with cur what v says. */
void replica_scavenged(struct wins *w, const struct rec *cur, const struct verdict *v);
