/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may give a name up, and what is left of it (wins-server-and-replication.md 2.8, 1.3;
 * netbt-name-service.md 3.5). Always answered, and positively unless the name is a static group or
 * strict source is on. Layer: rules. Pure.
 *
 * A release takes away exactly the address in the packet, and only for its holder: the packet came
 * from that address, or from another address of the same multihomed record, which is the same
 * computer. Members of a special group are different computers and cannot speak for one another.
 */
#include "rules/parts.h"

#include <string.h>

/* What is decided before the addresses are looked at. */
static bool
decided_early(struct verdict *v, const struct rec *cur, const struct release_in *in,
    const struct rule_env *env)
{
	bool group = in->flags & NB_G;

	if (nb_suffix(&in->key) == SUFFIX_SEGMENT_MASTER) {
		rules_reply(v, RULE_REL_01, NB_RC_OK);
	} else if (rules_scope_too_long(&in->key)) {
		rules_reply(v, RULE_REL_02, NB_RC_OK);
	} else if (env->strict_source && !ip4_eq(in->ip, in->from)) {
		rules_reply(v, RULE_REL_05, NB_RC_RFS);
	} else if (!cur) {
		rules_reply(v, RULE_REL_03, NB_RC_OK);
	} else if (cur->state != REC_ACTIVE) {
		rules_reply(v, RULE_REL_04, NB_RC_OK);
	} else if (cur->is_static && rules_is_group(cur->type)) {
		rules_reply(v, RULE_REL_07, NB_RC_ACT);
	} else if (cur->is_static) {
		rules_reply(v, RULE_REL_06, NB_RC_OK);
	} else if (group != rules_is_group(cur->type)) {
		rules_reply(v, RULE_REL_08, NB_RC_OK);
	} else {
		return false;
	}
	return true;
}

/* Is in from a holder of the address it names? True: the verdict says no. */
static bool
not_the_holder(struct verdict *v, const struct rec *cur, const struct release_in *in,
    const struct rule_env *env)
{
	if (cur->type == REC_GROUP)
		return false; /* it has no members to compare with */
	if (rec_find(cur, in->ip) < 0) {
		if (env->strict_source)
			rules_reply(v, RULE_REL_11, NB_RC_ACT);
		else
			rules_reply(v, RULE_REL_09, NB_RC_OK);
	} else if (!ip4_eq(in->ip, in->from) &&
		   !(cur->type == REC_MULTIHOMED && rec_find(cur, in->from) >= 0)) {
		rules_reply(v, RULE_REL_10, NB_RC_OK);
	} else {
		return false;
	}
	return true;
}

/* Takes ip, one of several or the last, away from the record. */
static void
take_away(struct verdict *v, const struct rec *cur, struct ip4 ip, const struct rule_env *env,
    const enum rule_id rule[static 5])
{
	rules_copy(&v->next, cur);
	if (cur->naddr > 1) {
		rules_remove_member(&v->next, rec_find(cur, ip));
		rules_due_of_members(&v->next);
		if (!rec_is_own(cur))
			rules_write(v, rule[2], 0);
		else
			rules_write(v, rule[env->propagate_releases], 0);
		if (!rec_is_own(cur) || env->propagate_releases)
			rules_take(&v->next, env);
	} else {
		/* The last address stays in the record, for people and for its return. */
		bool tombstoned = rules_give_up(&v->next, env);

		rules_write(v, tombstoned ? rule[3] : rule[4], 0);
		/* A server with living members revives it (KB216585). */
		v->propagate = tombstoned && cur->type == REC_SPECIAL;
	}
}

uint32_t
rule_released_ago(const struct rec *cur, const struct rule_env *env)
{
	/* What rules_give_up added. */
	uint64_t wait = env->extinction;

	if (!rec_is_own(cur) || cur->state == REC_ACTIVE || cur->due.s == WALL_NEVER.s)
		return UINT32_MAX;
	if (cur->state == REC_TOMBSTONE)
		wait += env->extinction_timeout;
	if (cur->due.s < wait || cur->due.s - wait > env->now.s)
		return UINT32_MAX;
	return (uint32_t)(env->now.s - (cur->due.s - wait));
}

struct verdict
rule_release(const struct rec *cur, const struct release_in *in, const struct rule_env *env)
{
	static const enum rule_id rule[] = { RULE_REL_14, RULE_REL_15, RULE_REL_16, RULE_REL_13,
		RULE_REL_12 };
	struct verdict v;

	memset(&v, 0, sizeof(v));
	if (!decided_early(&v, cur, in, env) && !not_the_holder(&v, cur, in, env))
		take_away(&v, cur, in->ip, env, rule);
	return v;
}

struct verdict
rule_unwanted(const struct rec *cur, struct ip4 ip, const struct rule_env *env)
{
	static const enum rule_id rule[] = { RULE_DOC_10, RULE_DOC_11, RULE_DOC_12, RULE_DOC_13,
		RULE_DOC_14 };
	struct verdict v;

	memset(&v, 0, sizeof(v));
	v.action = ACT_KEEP;
	if (!cur || cur->state != REC_ACTIVE || rec_find(cur, ip) < 0)
		v.rule = RULE_DOC_08;
	else if (cur->is_static)
		v.rule = RULE_DOC_09;
	else
		take_away(&v, cur, ip, env, rule);
	return v;
}

struct verdict
rule_disowned(const struct rec *cur, struct ip4 ip, const struct rule_env *env)
{
	static const enum rule_id rule[] = { RULE_DOC_03, RULE_DOC_04, RULE_DOC_05, RULE_DOC_06,
		RULE_DOC_07 };
	struct verdict v;

	memset(&v, 0, sizeof(v));
	v.action = ACT_KEEP;
	if (!cur || cur->state != REC_ACTIVE || rules_is_group(cur->type) || rec_find(cur, ip) < 0)
		v.rule = RULE_DOC_01;
	else if (cur->is_static)
		v.rule = RULE_DOC_02;
	else
		take_away(&v, cur, ip, env, rule);
	return v;
}
