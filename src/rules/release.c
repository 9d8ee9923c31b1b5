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
		v->counts_type_mismatch = true;
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
	v->counts_address_mismatch = true;
	return true;
}

struct verdict
rule_release(const struct rec *cur, const struct release_in *in, const struct rule_env *env)
{
	struct verdict v;

	memset(&v, 0, sizeof(v));
	if (decided_early(&v, cur, in, env) || not_the_holder(&v, cur, in, env))
		return v;
	rules_copy(&v.next, cur);
	if (cur->naddr > 1) {
		rules_remove_member(&v.next, rec_find(cur, in->ip));
		rules_due_of_members(&v.next);
		if (!rec_is_own(cur))
			rules_write(&v, RULE_REL_16, 0);
		else
			rules_write(&v, env->propagate_releases ? RULE_REL_15 : RULE_REL_14, 0);
		if (v.rule != RULE_REL_14)
			rules_take(&v.next, env);
	} else {
		/* The last address stays in the record, for people and for its return. */
		rules_write(&v, rules_give_up(&v.next, env) ? RULE_REL_13 : RULE_REL_12, 0);
	}
	return v;
}
