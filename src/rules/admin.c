/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an administrator may do to a record by hand: make it static, tombstone it
 * (wins-server-and-replication.md 1.2, 1.3). Stands above the registrations of clients, but not above
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
