/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records between the wire's terms and ours: there this server is an address like all others, here it
 * is OWNER_SELF. Layer: repl. Pure; decides nothing but what cannot be a record at all.
 */
#include <string.h>

#include "repl/engine.h"

enum { WIRE_DELETED = 3 };

struct ip4
convert_owner_in(const struct repl *r, struct ip4 owner)
{
	return repl_is_own(r, owner) ? OWNER_SELF : owner;
}

/* Does the owner tell us itself? */
static bool
is_near(const struct repl *r, struct ip4 owner)
{
	const struct partner *p = partner_of(r, owner);

	return p && partner_tells(p);
}

static void
members_in(const struct repl *r, const struct wrepl_record *in, struct rec *rec)
{
	for (unsigned i = 0; i < in->naddr; i++) {
		struct ip4 owner = in->addr[i].owner;

		if (rec_find(rec, in->addr[i].ip) >= 0)
			continue;
		/* KB312141: a blocked owner's members of a group are not wanted either. */
		if (rec->type == REC_SPECIAL && !repl_is_own(r, owner) && !filter_accepts(r, owner))
			continue;
		rec->addr[rec->naddr] =
		    (struct rec_addr){ .ip = in->addr[i].ip, .owner = convert_owner_in(r, owner) };
		if (rec->type == REC_SPECIAL && !ip4_eq(owner, rec->owner) && is_near(r, owner))
			rec->addr[rec->naddr].since = REC_HEARSAY;
		rec->naddr++;
	}
}

bool
convert_in(const struct repl *r, struct ip4 owner, const struct wrepl_record *in, struct rec *ret,
    bool *ret_state_error)
{
	*ret_state_error = in->state >= WIRE_DELETED;
	if (*ret_state_error)
		return false;
	memset(ret, 0, sizeof(*ret));
	ret->key = in->key;
	ret->type = in->type;
	ret->state = in->state;
	ret->node = in->node;
	ret->is_static = in->is_static;
	ret->owner = owner;
	ret->version.v = in->version;
	/* A group's is passed on as it came, though nobody is answered with it (3.4). */
	if (in->naddr && (in->type == REC_UNIQUE ||
			     (in->type == REC_GROUP && !ip4_eq(in->addr[0].ip, IP4_BROADCAST))))
		ret->addr[ret->naddr++] = (struct rec_addr){ .ip = in->addr[0].ip, .owner = owner };
	else if (in->type == REC_SPECIAL || in->type == REC_MULTIHOMED)
		members_in(r, in, ret);
	return true;
}

void
convert_out(const struct repl *r, const struct rec *rec, struct wrepl_record *ret)
{
	ret->key = rec->key;
	ret->type = rec->type;
	ret->state = rec->state;
	ret->node = rec->node;
	ret->is_static = rec->is_static;
	ret->replica = !rec_is_own(rec);
	ret->version = rec->version.v;
	ret->naddr = rec->naddr;
	for (unsigned i = 0; i < rec->naddr; i++)
		ret->addr[i] = (struct wrepl_addr){ .ip = rec->addr[i].ip,
			.owner = ip4_eq(rec->addr[i].owner, OWNER_SELF) ? r->conf.self
									: rec->addr[i].owner };
	if (rec->type == REC_UNIQUE || rec->type == REC_GROUP) {
		/* One address is always there; a group of ours has this one (3.4). */
		if (!rec->naddr)
			ret->addr[0].ip = rec->type == REC_GROUP ? IP4_BROADCAST : IP4_ANY;
		ret->addr[0].owner = IP4_ANY;
		ret->naddr = 1;
	}
}
