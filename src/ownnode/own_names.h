/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What other threads know of the node's unique names: which to defend and where they are, for the
 * registrar, and which queries are the node's, for the workers. Layer: program. Written by the main
 * loop's thread alone, as a whole.
 *
 * Workers never wait: they put the table they use into a place of their own (a hazard pointer), and an
 * old one is freed when it stands in none. The registrar takes a lock, for the time of one copy.
 */
#pragma once

#include "node/node.h"
#include "front/dispatch.h"

struct own_names;

int own_names_new(unsigned workers, struct own_names **ret); /* NBT_ENOMEM */
void own_names_free(struct own_names *o);                    /* accepts NULL */

/* The names changed: as the node has them now. Without memory the old ones stay. */
void own_names_publish(struct own_names *o, const struct node *n);

/* As wins_host.held. */
unsigned own_names_held(struct own_names *o, const struct nb_key *key, struct ip4 ret[REC_ADDR_MAX],
    bool *ret_defended);

/* For dispatch; NULL: none. Good until own_names_drop of the same worker. */
const struct dispatch_names *own_names_hold(struct own_names *o, unsigned worker);
void own_names_drop(struct own_names *o, unsigned worker);
