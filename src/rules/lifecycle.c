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

static void
own_active(struct verdict *v, const struct rec *cur, const struct rule_env *env)
{
	struct rec *next = &v->next;

	rules_copy(next, cur);
	for (int i = next->naddr - 1; i >= 0 && rules_has_members(next->type); i--)
		if (wall_reached(next->addr[i].due, env->now))
			rules_remove_member(next, i);
	if (next->naddr && rules_has_members(next->type)) {
		rules_due_of_members(next);
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
	} else {
		remove_it(v, RULE_DUE_07);
	}
}

/* The record as it is, to be looked at again after so many seconds. */
static void
postpone(struct verdict *v, enum rule_id rule, const struct rec *cur, uint32_t seconds,
    const struct rule_env *env)
{
	rules_copy(&v->next, cur);
	rules_set_due(&v->next, wall_add(env->now, seconds));
	rules_write(v, rule, 0);
}

static void
replica_due(struct verdict *v, const struct rec *cur, const struct rule_env *env)
{
	if (cur->state == REC_ACTIVE)
		postpone(v, RULE_DUE_11, cur, env->verify, env);
	else if (cur->state == REC_RELEASED)
		remove_it(v, RULE_DUE_10);
	else if (env->uptime < REPLICA_WAIT)
		postpone(v, RULE_DUE_08, cur, REPLICA_WAIT - env->uptime, env);
	else
		remove_it(v, RULE_DUE_09);
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
