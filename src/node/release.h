/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a name goes: one release for each name, address and server, from the address it releases, until
 * the server confirms it (netbt-name-service.md 2.4, 3.5; KB 184832). What nobody confirmed is a
 * ghost: remembered, told, and tried again. Layer: node.
 */
#pragma once

#include "node/engine.h"

/* Releases the hold; it is gone when all is answered or given up. */
void release_start(struct node *n, struct hold *h, struct mono now);
/* Its address is gone already: what servers hold of it are ghosts from now on. */
void release_lost(struct node *n, struct hold *h, struct mono now);
/* The hold's address is about to be claimed: a release of it must not be sent any more. */
void release_forget(struct node *n, struct hold *h, struct mono now);
/* Ghosts are tried now: a server is back, or (wins 0.0.0.0) an address is. */
void release_hurry(struct node *n, struct ip4 wins, struct ip4 ip, struct mono now);
/* A server has an address of ours that we gave up, or never wanted there. */
void release_stray(struct node *n, const struct iface *ifc, const struct nb_key *key, bool group,
    struct ip4 wins, struct mono now);
void release_free_all(struct node *n);
