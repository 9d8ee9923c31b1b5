/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who has a name: the walk through own names, cache, WINS, broadcast, LMHOSTS and DNS
 * (netbt-name-service.md 2.4 "Query", 5.2). What callers use stands in node.h. Layer: node.
 */
#pragma once

#include "node/engine.h"

void lookup_free_all(struct node *n);
void lookup_reap(struct node *n); /* frees those that are over */

/* Best first, as seen from ifc, or from all interfaces when it is NULL (3.1; order.c). */
void order_addresses(
    const struct node *n, const struct iface *ifc, struct ip4 *addr, unsigned naddr);
