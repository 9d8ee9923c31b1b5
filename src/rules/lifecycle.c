/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What time does to a record (wins-server-and-replication.md 1.3, 1.5), and the intervals with their
 * clamps (1.4). Layer: rules. Pure: the clock is an argument.
 *
 * A record that is due always gets a verdict that moves it on, even if only its due time: whoever
 * walks the records by due time would else meet it again at once and never get past it.
 */
#include "rules/parts.h"

#include <string.h>

#define DAY            86400u
#define SIX_DAYS       (6 * DAY)
#define RENEWAL_MIN    2400u     /* 40 min */
#define EXTINCTION_MIN (4 * DAY) /* unless the renewal interval is shorter */
#define VERIFY_MIN     (24 * DAY)
#define REPLICA_WAIT   (3 * DAY) /* uptime before another server's tombstones go */

static void
remove_it(struct verdict *v, enum rule_id rule)
{
	v->action = ACT_DELETE;
	v->rule = rule;
}

/* A member's owner expires it and says so. Its stamp here never moves while it is refreshed there,
 * which needs no version: without asking, a living member would go when it passes. */
static bool
is_looked_after(const struct rec *r, int i, const struct rule_env *env)
{
	return env->verify_replicas && r->type == REC_SPECIAL &&
	       !ip4_eq(r->addr[i].owner, OWNER_SELF);
}

static void
own_active(struct verdict *v, const struct rec *cur, const struct rule_env *env)
{
	struct rec *next = &v->next;

	rules_copy(next, cur);
	for (int i = next->naddr - 1; i >= 0 && rules_has_members(next->type); i--)
		if (!wall_reached(next->addr[i].due, env->now))
			continue;
		else if (is_looked_after(next, i, env))
			next->addr[i].due = wall_add(env->now, env->verify);
		else
			rules_remove_member(next, i);
	if (next->naddr && rules_has_members(next->type)) {
		rules_due_of_members(next);
		if (next->naddr == cur->naddr) {
			rules_write(v, RULE_DUE_14, 0);
			return;
		}
		rules_write(v, env->propagate_releases ? RULE_DUE_05 : RULE_DUE_04, 0);
		if (env->propagate_releases)
			rules_take(next, env);
		return;
	}
	/* Those that went last stay in the record, for people. */
	memset(next, 0, sizeof(*next));
	rules_copy(next, cur);
	rules_give_up(next, env);
	rules_write(v, RULE_DUE_03, 0);
}

static void
own_due(struct verdict *v, const struct rec *cur, const struct rule_env *env)
{
	if (cur->state == REC_ACTIVE) {
		own_active(v, cur, env);
	} else if (cur->state == REC_RELEASED) {
		rules_copy(&v->next, cur);
		rules_tombstone(&v->next, wall_add(env->now, env->extinction_timeout), env);
		rules_write(v, RULE_DUE_06, 0);
		/* A server with living members revives it (KB216585). */
		v->propagate = cur->type == REC_SPECIAL;
	} else {
		remove_it(v, RULE_DUE_07);
	}
}

/* The record as it is, to be looked at again after so many seconds. Living members of ours keep their
 * time. */
static void
postpone(struct verdict *v, enum rule_id rule, const struct rec *cur, uint32_t seconds,
    const struct rule_env *env)
{
	struct rec *next = &v->next;

	rules_copy(next, cur);
	next->due = wall_add(env->now, seconds);
	for (int i = 0; i < next->naddr; i++)
		if (cur->state != REC_ACTIVE || !ip4_eq(cur->addr[i].owner, OWNER_SELF))
			next->addr[i].due = next->due;
	if (next->naddr)
		rules_due_of_members(next);
	rules_write(v, rule, 0);
}

/* Members of ours in another server's record expire here: nobody else looks after them. False: none
 * did. */
static bool
own_members_due(struct verdict *v, const struct rec *cur, const struct rule_env *env)
{
	struct rec *next = &v->next;

	rules_copy(next, cur);
	for (int i = next->naddr - 1; i >= 0; i--)
		if (ip4_eq(next->addr[i].owner, OWNER_SELF) &&
		    wall_reached(next->addr[i].due, env->now))
			rules_remove_member(next, i);
	if (next->naddr == cur->naddr) {
		memset(next, 0, sizeof(*next));
		return false;
	}
	if (next->naddr) {
		rules_take(next, env);
		/* Others' may be due at the same second: they wait for the next look. */
		for (int i = 0; i < next->naddr; i++)
			if (wall_reached(next->addr[i].due, env->now))
				next->addr[i].due = wall_add(env->now, env->verify);
		rules_due_of_members(next);
		rules_write(v, RULE_DUE_15, 0);
	} else {
		rules_copy(next, cur);
		rules_give_up(next, env);
		rules_write(v, RULE_DUE_16, 0);
		v->propagate = next->type == REC_SPECIAL;
	}
	return true;
}

/*
 * A tombstone is asked for once: until the answer comes it is as released, a state that is not passed
 * on and makes way for every replica, and that ends in one extinction timeout without an answer. A
 * released group would keep more out than a dead one (3.9.2), so groups go at once.
 */
static void
replica_tombstone_due(struct verdict *v, const struct rec *cur, const struct rule_env *env)
{
	if (env->uptime < REPLICA_WAIT) {
		postpone(v, RULE_DUE_08, cur, REPLICA_WAIT - env->uptime, env);
	} else if (env->verify_replicas && cur->type != REC_GROUP) {
		postpone(v, RULE_DUE_13, cur, env->extinction_timeout, env);
		v->next.state = REC_RELEASED;
		v->next.is_static = false;
		v->verify = true;
	} else {
		remove_it(v, RULE_DUE_09);
	}
}

static void
replica_due(struct verdict *v, const struct rec *cur, const struct rule_env *env)
{
	if (cur->state == REC_TOMBSTONE) {
		replica_tombstone_due(v, cur, env);
	} else if (cur->state == REC_RELEASED) {
		remove_it(v, RULE_DUE_10);
	} else if (own_members_due(v, cur, env)) {
		return;
	} else if (env->verify_replicas) {
		postpone(v, RULE_DUE_12, cur, DAY, env);
		v->verify = true;
	} else {
		postpone(v, RULE_DUE_11, cur, env->verify, env);
	}
}

struct verdict
rule_due(const struct rec *cur, const struct rule_env *env)
{
	struct verdict v;

	memset(&v, 0, sizeof(v));
	if (cur->is_static && cur->state == REC_ACTIVE)
		rules_keep(&v, RULE_DUE_02);
	else if (!wall_reached(cur->due, env->now))
		rules_keep(&v, RULE_DUE_01);
	else if (rec_is_own(cur))
		own_due(&v, cur, env);
	else
		replica_due(&v, cur, env);
	return v;
}

static uint32_t
at_least(uint32_t wish, uint64_t least, uint32_t otherwise, unsigned bit, unsigned *adjusted)
{
	uint32_t bound = least < UINT32_MAX ? (uint32_t)least : UINT32_MAX;
	uint32_t from = wish ? wish : otherwise;

	if (from >= bound)
		return from;
	if (wish)
		*adjusted |= bit;
	return bound;
}

struct rule_intervals
rule_clamp(struct rule_intervals wish, unsigned *ret_adjusted)
{
	struct rule_intervals r;
	unsigned adjusted = 0;
	uint32_t four_days;

	r.renewal = at_least(wish.renewal, RENEWAL_MIN, SIX_DAYS, 1, &adjusted);
	four_days = r.renewal < EXTINCTION_MIN ? r.renewal : EXTINCTION_MIN;
	r.extinction = at_least(wish.extinction, four_days, SIX_DAYS, 2, &adjusted);
	r.extinction_timeout =
	    at_least(wish.extinction_timeout, r.renewal > DAY ? r.renewal : DAY, DAY, 4, &adjusted);
	r.verify = at_least(wish.verify,
	    3ull * r.extinction > VERIFY_MIN ? 3ull * r.extinction : VERIFY_MIN, VERIFY_MIN, 8,
	    &adjusted);
	*ret_adjusted = adjusted;
	return r;
}
