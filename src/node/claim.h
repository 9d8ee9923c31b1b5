/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a hold becomes and stays registered: claim by broadcast and at WINS servers, refresh, return to
 * the primary (netbt-name-service.md 2.4, 3.1). Layer: node.
 */
#pragma once

#include "node/engine.h"

/* Begins anew, whatever the hold was doing. */
void claim_start(struct node *n, struct hold *h, struct mono now);
/* Its time has come: refresh, or WINS once more. The timer's. */
void claim_due(struct node *n, struct timer *t, struct mono now);
/* The servers of its interface changed. */
void claim_servers_changed(struct node *n, struct hold *h, struct mono now);
/* Asks WINS then, unless a question is open already: what it has there may be gone. */
void claim_hurry(struct node *n, struct hold *h, struct mono when);
/* Sets when WINS is asked next, for this hold and the others of its name (KB 164308). */
void claim_schedule(struct node *n, struct hold *h);
/* A packet about this hold from its address, to a server or to everybody on its network. */
struct ask_what claim_to_server(
    const struct node *n, const struct hold *h, struct ip4 server, uint8_t kind, uint16_t flags);
struct ask_what claim_to_all(
    const struct node *n, const struct hold *h, uint8_t kind, uint16_t flags);
/* Somebody else has the name: in conflict on this interface (3.6). */
void claim_lost(struct node *n, struct hold *h, struct ip4 offender);
/* Server holds, or no longer holds, the hold's address. */
void hold_told(struct hold *h, struct ip4 server);
void hold_untold(struct hold *h, struct ip4 server);
