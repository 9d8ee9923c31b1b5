/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records and their origin (wins-server-and-replication.md 1.6, 3.10): what a partner gives back to this
 * server, whose records they were, and what the owner of a replica says when it is asked for it.
 * Layer: rules. Pure.
 */
#include "rules/parts.h"

#include <assert.h>
#include <string.h>

/* Nobody knows when the holders registered last: they have a whole interval to show themselves. */
static void
renew_own_members(struct rec *r, const struct rule_env *env)
{
	for (int i = 0; i < r->naddr; i++)
		if (ip4_eq(r->addr[i].owner, OWNER_SELF))
			rules_refresh_member(r, i, env);
}

/* A partner lists members under the version that brought them, with what it merged (3.9.3, 3.9.4). */
static bool
may_be_merged(const struct rec *in)
{
	for (int i = 0; i < in->naddr && rules_has_members(in->type); i++)
		if (!ip4_eq(in->addr[i].owner, OWNER_SELF))
			return true;
	return false;
}

static void
write_returned(struct verdict *v, enum rule_id rule, const struct rec *cur, const struct rec *in,
    const struct rule_env *env)
{
	rules_replica_write(v, rule, cur, in, env);
	if (v->next.state == REC_ACTIVE && !v->next.is_static)
		renew_own_members(&v->next, env);
	/* Others may know another list under its version, from us. */
	if (may_be_merged(in)) {
		rules_take(&v->next, env);
		v->rule = RULE_RTN_07;
	}
}

/* in was ours, cur is another server's by now, which is the newer truth (3.9 decided it among servers).
 * But the members of a group are computers of their own: those of ours join again. */
static void
rejoin(struct verdict *v, const struct rec *cur, const struct rec *in, const struct rule_env *env)
{
	bool both = cur->type == REC_SPECIAL && cur->state == REC_ACTIVE && !cur->is_static &&
		    in->type == REC_SPECIAL && in->state == REC_ACTIVE;
	struct rec *next = &v->next;

	rules_copy(next, cur);
	for (int i = 0; i < in->naddr && next->naddr < REC_ADDR_MAX && both; i++)
		if (ip4_eq(in->addr[i].owner, OWNER_SELF) && rec_find(cur, in->addr[i].ip) < 0) {
			struct rec_addr a = rules_replica_member(cur, &in->addr[i], env);

			rules_place_member(next, &a);
		}
	if (next->naddr == cur->naddr) {
		memset(v, 0, sizeof(*v));
		rules_keep(v, RULE_RTN_05);
		return;
	}
	rules_write(v, RULE_RTN_06, 0);
	rules_take(next, env);
	rules_due_of_members(next);
}

struct verdict
rule_returned(const struct rec *cur, const struct rec *in, const struct rule_env *env)
{
	struct verdict v;

	assert(rec_is_own(in));
	memset(&v, 0, sizeof(v));
	if (!rules_replica_fits(in) || in->state == REC_RELEASED)
		rules_keep(&v, RULE_RTN_01);
	else if (!cur)
		write_returned(&v, RULE_RTN_02, cur, in, env);
	else if (!rec_is_own(cur))
		rejoin(&v, cur, in, env);
	else if (cur->version.v < in->version.v)
		write_returned(&v, RULE_RTN_03, cur, in, env);
	else
		rules_keep(&v, RULE_RTN_04);
	return v;
}

/* The owner does not have the replica cur any more. Members that this server took are no business of
 * that owner: they stay, in a record of ours. */
static void
gone(struct verdict *v, enum rule_id rule, const struct rec *cur, const struct rule_env *env)
{
	struct rec *next = &v->next;

	rules_copy(next, cur);
	for (int i = next->naddr - 1; i >= 0; i--)
		if (!ip4_eq(next->addr[i].owner, OWNER_SELF))
			rules_remove_member(next, i);
	if (cur->state == REC_ACTIVE && next->naddr) {
		rules_write(v, RULE_VER_03, 0);
		rules_take(next, env);
		rules_due_of_members(next);
		return;
	}
	memset(v, 0, sizeof(*v));
	if (cur->type == REC_GROUP && cur->state == REC_ACTIVE) {
		/* Groups move to whom a member refreshed last, and nothing of that came here while this
		 * one stood (3.9.2). It goes on being answered, and makes way for the living one. */
		rules_write(v, RULE_VER_08, 0);
		rules_copy(next, cur);
		next->state = REC_RELEASED;
		next->is_static = false;
		rules_set_due(next, wall_add(env->now, env->extinction_timeout));
		return;
	}
	v->action = ACT_DELETE;
	v->rule = rule;
}

struct verdict
rule_verified(const struct rec *cur, const struct rec *found, const struct rule_env *env)
{
	struct verdict v;

	memset(&v, 0, sizeof(v));
	/* Somebody registered, or another server's replica came, while the owner was asked. */
	if (rec_is_own(cur) || (found && !ip4_eq(found->owner, cur->owner)))
		rules_keep(&v, RULE_VER_01);
	else if (!found)
		gone(&v, RULE_VER_02, cur, env);
	else if (!rules_replica_fits(found))
		rules_keep(&v, RULE_VER_07);
	else if (cur->state != REC_ACTIVE && found->state != REC_ACTIVE)
		gone(&v, RULE_VER_06, cur, env);
	else if (cur->version.v == found->version.v)
		rules_replica_write(&v, RULE_VER_04, cur, found, env);
	else
		rules_replica_write(&v, RULE_VER_05, cur, found, env);
	return v;
}
