/* SPDX-License-Identifier: Apache-2.0 */
/* What each record must be for itself. Layer: program. Pure. Facts: wins 1.1, 1.3, 1.5. */
#include "control/check.h"

static const char *
check_addresses(const struct rec *r)
{
	if (r->naddr > REC_ADDR_MAX)
		return "has more addresses than a record can";
	if (r->type == REC_UNIQUE && r->naddr != 1)
		return "is unique and has not one address";
	if (r->type == REC_GROUP && r->naddr != 0)
		return "is a group and has addresses";
	if (r->type >= REC_SPECIAL && r->state == REC_ACTIVE && r->naddr == 0)
		return "is active and has no address";
	for (int i = 0; i < r->naddr; i++)
		if (rec_find(r, r->addr[i].ip) != i)
			return "has an address twice";
	return NULL;
}

const char *
control_check_rec(const struct rec *r, struct version next)
{
	if (r->type > REC_MULTIHOMED)
		return "has an unknown type";
	if (r->state > REC_TOMBSTONE)
		return "has an unknown state";
	if (r->node > 3)
		return "has an unknown node type";
	if (r->version.v == 0)
		return "has no version";
	if (rec_is_own(r) && r->version.v >= next.v)
		return "has a version that was not given out yet";
	if (r->state == REC_ACTIVE && r->is_static != (r->due.s == WALL_NEVER.s))
		return r->is_static ? "is static and expires" : "is not static and never expires";
	return check_addresses(r);
}
