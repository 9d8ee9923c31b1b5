/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an administrator may do to a record by hand: make it static, tombstone it
 * (wins-server-and-replication.md 1.2, 1.3), remove a server that is gone (3.14). Stands above the registrations of clients, but not above
 * what a record can be. Layer: rules. Pure.
 */
#include "rules/parts.h"

#include <string.h>

static bool
count_fits(const struct rec *rec)
{
	switch (rec->type) {
	case REC_GROUP:
		return rec->naddr == 0;
	case REC_UNIQUE:
		return rec->naddr == 1;
	case REC_SPECIAL:
	case REC_MULTIHOMED:
		return rec->naddr >= 1 && rec->naddr <= REC_ADDR_MAX;
	default:
		return false;
	}
}

static bool
addresses_fit(const struct rec *rec)
{
	for (int i = 0; i < rec->naddr; i++)
		if (!ip4_is_host(rec->addr[i].ip) || rec_find(rec, rec->addr[i].ip) != i)
			return false;
	return true;
}

static bool
suffix_fits(const struct rec *rec)
{
	switch (nb_suffix(&rec->key)) {
	case SUFFIX_DOMAIN_MASTER:
		return !rules_is_group(rec->type);
	case SUFFIX_DOMAIN_CONTROLLERS:
		return rec->type == REC_SPECIAL;
	case SUFFIX_SEGMENT_MASTER:
		return false; /* it would never be answered (2.7) */
	case SUFFIX_ELECTION:
		return rec->type == REC_GROUP;
	default:
		return true;
	}
}

struct verdict
rule_admin_add(const struct rec *cur, const struct rec *rec, const struct rule_env *env)
{
	struct verdict v;
	int old;

	memset(&v, 0, sizeof(v));
	if (!count_fits(rec))
		rules_reply(&v, RULE_ADM_02, NB_RC_FMT);
	else if (!addresses_fit(rec))
		rules_reply(&v, RULE_ADM_03, NB_RC_FMT);
	else if (!suffix_fits(rec))
		rules_reply(&v, RULE_ADM_04, NB_RC_RFS);
	else if (rules_scope_too_long(&rec->key))
		rules_reply(&v, RULE_ADM_05, NB_RC_SRV);
	if (v.rule)
		return v;
	rules_copy(&v.next, rec);
	v.next.state = REC_ACTIVE;
	v.next.is_static = true;
	v.next.node &= 3;
	rules_take(&v.next, env);
	rules_set_due(&v.next, WALL_NEVER);
	for (int i = 0; i < v.next.naddr; i++) {
		old = cur && cur->state == REC_ACTIVE ? rec_find(cur, v.next.addr[i].ip) : -1;
		v.next.addr[i].owner = OWNER_SELF;
		v.next.addr[i].since = old < 0 ? env->now : cur->addr[old].since;
	}
	rules_write(&v, RULE_ADM_01, 0);
	return v;
}

struct verdict
rule_admin_tombstone(const struct rec *cur, const struct rule_env *env)
{
	struct verdict v;

	memset(&v, 0, sizeof(v));
	if (!cur) {
		rules_reply(&v, RULE_ADM_06, NB_RC_NAM);
		return v;
	}
	rules_copy(&v.next, cur);
	rules_tombstone(&v.next, wall_add(env->now, env->extinction_timeout), env);
	rules_write(&v, RULE_ADM_07, 0);
	return v;
}

/* ---- a server that is gone for good ---- */

/* Leaves the members that are not owner's; returns whether it had others. */
static bool
without(struct rec *r, struct ip4 owner)
{
	int before = r->naddr;

	for (int i = r->naddr - 1; i >= 0; i--)
		if (ip4_eq(r->addr[i].owner, owner))
			rules_remove_member(r, i);
	return r->naddr != before;
}

static void
its_record(struct verdict *v, const struct rec *cur, bool tombstone, const struct rule_env *env)
{
	struct rec *next = &v->next;
	bool lives = cur->state == REC_ACTIVE && !cur->is_static && rules_has_members(cur->type);

	rules_copy(next, cur);
	if (lives)
		(void)without(next, cur->owner); /* it may have none itself */
	if (lives && next->naddr) {
		rules_take(next, env);
		rules_due_of_members(next);
		rules_write(v, RULE_ADM_11, 0);
	} else if (tombstone && cur->state != REC_TOMBSTONE) {
		memset(next, 0, sizeof(*next));
		rules_copy(next, cur);
		rules_tombstone(next, wall_add(env->now, env->extinction_timeout), env);
		rules_write(v, RULE_ADM_10, 0);
	} else {
		memset(v, 0, sizeof(*v));
		v->action = ACT_DELETE;
		v->rule = RULE_ADM_09;
	}
}

/* Nobody else would ever expire them here (DUE_14). */
static bool
its_members(struct verdict *v, const struct rec *cur, struct ip4 owner, const struct rule_env *env)
{
	struct rec *next = &v->next;

	if (!rec_is_own(cur) || cur->state != REC_ACTIVE || cur->is_static ||
	    !rules_has_members(cur->type))
		return false;
	rules_copy(next, cur);
	if (!without(next, owner)) {
		memset(next, 0, sizeof(*next));
		return false;
	}
	if (next->naddr) {
		rules_take(next, env);
		rules_due_of_members(next);
		rules_write(v, RULE_ADM_12, 0);
	} else {
		/* Those that went last stay in the record, for people. */
		rules_copy(next, cur);
		(void)rules_give_up(next, env);
		rules_write(v, RULE_ADM_13, 0);
	}
	return true;
}

struct verdict
rule_owner_removed(
    const struct rec *cur, struct ip4 owner, bool tombstone, const struct rule_env *env)
{
	struct verdict v;

	memset(&v, 0, sizeof(v));
	if (ip4_eq(cur->owner, owner))
		its_record(&v, cur, tombstone, env);
	/* In a third server's record they are that server's to tell of: without them here, the version
	 * that it gave the record would mean two things. */
	else if (!its_members(&v, cur, owner, env))
		rules_keep(&v, RULE_ADM_08);
	return v;
}
