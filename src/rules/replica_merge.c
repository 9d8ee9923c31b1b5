/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two servers' living special groups of one name become one (wins-server-and-replication.md 3.9.3,
 * 2.6). Layer: rules. Pure.
 *
 * Each member has an owner, the server that took its registration. What a server says of its own
 * members is believed; a server never loses a member of its own because another does not list it,
 * and is not told of members of its own by others: those it does not have are gone. Ownership of the
 * record is taken only when the list grew, else two servers would outbid each other for ever.
 */
#include "rules/parts.h"

/* Is each member of r one of whole, with the same owner? */
static bool
is_known(const struct rec *r, const struct rec *whole)
{
	for (int i = 0; i < r->naddr; i++) {
		int at = rec_find(whole, r->addr[i].ip);

		if (at < 0 || !ip4_eq(whole->addr[at].owner, r->addr[i].owner))
			return false;
	}
	return true;
}

static bool
has_member_of(const struct rec *r, struct ip4 owner)
{
	for (int i = 0; i < r->naddr; i++)
		if (ip4_eq(r->addr[i].owner, owner))
			return true;
	return false;
}

/* What changed from the old list to the merged one. */
struct change {
	bool grown;
	bool lost;  /* a member went or has another owner */
	bool ghost; /* the other list has members that it says are ours, and that we do not have */
};

static void
add_member(struct rec *next, const struct rec *cur, const struct rec *in, int i,
    const struct rule_env *env, struct change *c)
{
	struct rec_addr a = rules_replica_member(cur, &in->addr[i], env);
	bool theirs = ip4_eq(a.owner, in->owner), ours = ip4_eq(a.owner, OWNER_SELF);
	bool hearsay = in->addr[i].since.s == REC_HEARSAY.s;
	int at = rec_find(next, a.ip);

	if (at < 0 && ours && rec_is_own(cur)) {
		c->ghost = true;
	} else if (hearsay) {
		return;
	} else if (at < 0) {
		/* Full: an extra member of another server has no room (2.6: it may replace an older one of
		 * another server; then two full servers would replace each other's for ever). */
		if (next->naddr == REC_ADDR_MAX)
			return;
		rules_place_member(next, &a);
		c->grown = true;
	} else if (ip4_eq(next->addr[at].owner, a.owner)) {
		next->addr[at].due = a.due;
	} else if (theirs || !ip4_eq(next->addr[at].owner, OWNER_SELF)) {
		/* Who took our member over says so itself; a third server's list may be an old one. */
		next->addr[at].owner = a.owner;
		next->addr[at].due = a.due;
		c->lost = true;
	}
}

static struct change
merge_members(
    struct rec *next, const struct rec *cur, const struct rec *in, const struct rule_env *env)
{
	struct change c = { false, false, false };

	rules_copy(next, cur);
	for (int i = next->naddr - 1; i >= 0; i--)
		if (ip4_eq(next->addr[i].owner, in->owner) && rec_find(in, next->addr[i].ip) < 0) {
			rules_remove_member(next, i);
			c.lost = true;
		}
	for (int i = 0; i < in->naddr; i++)
		add_member(next, cur, in, i, env, &c);
	return c;
}

/* Is one of this server's members missing in its list? */
static bool
lacks_ours(const struct rec *in, const struct rec *cur)
{
	for (int i = 0; i < cur->naddr; i++) {
		int at = rec_find(in, cur->addr[i].ip);

		if (ip4_eq(cur->addr[i].owner, OWNER_SELF) &&
		    (at < 0 || !ip4_eq(in->addr[at].owner, OWNER_SELF)))
			return true;
	}
	return false;
}

static bool
is_near(struct ip4 owner, const struct rule_env *env)
{
	return rules_is_among(owner, env->near, env->nnear);
}

/*
 * The partner lacks a member of a third server, which tells us of it itself: so it is alive, and where
 * those two are no partners nobody else tells. What the partner lists beyond ours must be ghosts that we
 * know of in the same way: two servers that do not take each other's members for another reason would
 * tell each other of them without end.
 */
static bool
lacks_near(const struct rec *in, const struct rec *cur, const struct rule_env *env)
{
	for (int i = 0; i < in->naddr; i++)
		if (rec_find(cur, in->addr[i].ip) < 0 && !is_near(in->addr[i].owner, env))
			return false;
	for (int i = 0; i < cur->naddr; i++)
		if (rec_find(in, cur->addr[i].ip) < 0 && is_near(cur->addr[i].owner, env))
			return true;
	return false;
}

static void
merge(struct verdict *v, const struct rec *cur, const struct rec *in, const struct rule_env *env)
{
	struct rec *next = &v->next;
	struct change c = merge_members(next, cur, in, env);
	bool same = !c.grown && !c.lost, full = !rec_is_own(cur) || in->naddr == REC_ADDR_MAX;

	/* Nothing came of it. Ours is told again if the partner could learn from it; it could not if its
	 * list is full. */
	if (same && !c.ghost && (full || (!lacks_ours(in, cur) && !lacks_near(in, cur, env)))) {
		*v = (struct verdict){ 0 };
		rules_keep(v, full ? RULE_RPL_84 : RULE_RPL_89);
		return;
	}
	if (rec_is_own(cur))
		rules_write(v, RULE_RPL_85, 0);
	else if (!next->naddr)
		rules_write(v, RULE_RPL_88, 0);
	else
		rules_write(v, c.lost ? RULE_RPL_87 : RULE_RPL_86, 0);
	if (v->rule == RULE_RPL_87) {
		next->owner = in->owner;
		next->version = in->version;
		next->node = in->node & 3;
	} else {
		rules_take(next, env);
	}
	if (next->naddr) {
		rules_due_of_members(next);
	} else if (!in->naddr) {
		next->state = REC_RELEASED;
		next->due = wall_add(env->now, env->extinction);
	} else {
		next->due = wall_add(env->now, env->renewal);
	}
}

void
rules_replica_merge(
    struct verdict *v, const struct rec *cur, const struct rec *in, const struct rule_env *env)
{
	if (rec_is_own(cur)) {
		if (rec_same_addresses(cur, in) && is_known(in, cur))
			rules_keep(v, RULE_RPL_80);
		else
			merge(v, cur, in, env);
	} else if (!in->naddr && !has_member_of(cur, in->owner)) {
		rules_keep(v, RULE_RPL_81);
	} else if (in->naddr && is_known(in, cur)) {
		rules_keep(v, RULE_RPL_82);
	} else if (rec_same_addresses(cur, in)) {
		rules_replica_write(v, RULE_RPL_83, cur, in, env);
	} else {
		merge(v, cur, in, env);
	}
}
