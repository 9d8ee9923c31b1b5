/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Port 137 of a machine that is NetBT node and WINS server at once: which of the two a packet is for
 * (netbt 1.6, "Dispatch in a process that is node and NBNS on one socket"). Pure: looks at the packet,
 * at how it was sent and at the node's own names; no lock, no allocation. Layer: program. Decides
 * nothing else: a damaged packet goes where its header says, and is dropped and counted there.
 */
#pragma once

#include "wire/ns.h"

enum dispatch {
	DISPATCH_WINS,
	DISPATCH_NODE,
	DISPATCH_BOTH, /* an answer: whoever asked knows it, the other drops it */
};

#define DISPATCH_NAMES_MAX 1000 /* as many as a node can have */

/*
 * The unique names that the node holds, for queries; a value that is made once and then only read.
 * A hash table with open addressing of the names as they are on the wire.
 */
struct dispatch_names;
/* Takes a name of keys with its scope; those past DISPATCH_NAMES_MAX are left out. NBT_ENOMEM. */
int dispatch_names_new(const struct nb_key *keys, size_t n, struct dispatch_names **ret);
void dispatch_names_free(struct dispatch_names *names); /* accepts NULL */

/*
 * Where a packet goes when there is a node. broadcast: it was sent to a broadcast or multicast
 * address. names NULL: the node holds none.
 */
enum dispatch dispatch(
    const uint8_t *packet, size_t len, bool broadcast, const struct dispatch_names *names);
