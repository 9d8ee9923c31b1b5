/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a query is answered (wins-server-and-replication.md 2.7, 2.6; netbt-name-service.md 3.7). The
 * hot path: reads what it needs, writes what it says, zeroes and copies nothing else. Layer: rules.
 * Pure.
 */
#include "rules/parts.h"

static void
negative(struct answer *ret, enum rule_id rule)
{
	ret->rule = (uint16_t)rule;
	ret->rcode = NB_RC_NAM;
	ret->flags = 0;
	ret->naddr = 0;
}

static void
positive(struct answer *ret, enum rule_id rule, uint16_t flags)
{
	ret->rule = (uint16_t)rule;
	ret->rcode = NB_RC_OK;
	ret->flags = flags;
	ret->naddr = 0;
}

/* The domain master browser's address, or 0.0.0.0: only of a 1B that is alive (2.6). */
static struct ip4
master_of(const struct nb_key *key, const struct rec *pdc, const struct rule_env *env)
{
	if (!pdc || !env->prepend_1b || nb_suffix(key) != SUFFIX_DOMAIN_CONTROLLERS ||
	    pdc->state != REC_ACTIVE || rules_is_group(pdc->type) || !pdc->naddr)
		return IP4_ANY;
	return pdc->addr[0].ip;
}

/* Newest first: our own members, then those of other servers. The domain master browser is not repeated. */
static void
add_members(struct answer *ret, const struct rec *cur, bool own)
{
	for (int i = cur->naddr - 1; i >= 0 && ret->naddr < REC_ADDR_MAX; i--)
		if (ip4_eq(cur->addr[i].owner, OWNER_SELF) == own &&
		    !(ret->rule == RULE_QRY_06 && ip4_eq(cur->addr[i].ip, ret->addr[0])))
			ret->addr[ret->naddr++] = cur->addr[i].ip;
}

static void
special_group(struct answer *ret, const struct rec *cur, struct ip4 master)
{
	if (cur->state != REC_ACTIVE || !cur->naddr) {
		negative(ret, RULE_QRY_05);
		return;
	}
	if (ip4_eq(master, IP4_ANY)) {
		positive(ret, RULE_QRY_07, NB_G);
	} else {
		positive(ret, RULE_QRY_06, NB_G);
		ret->addr[ret->naddr++] = master;
	}
	add_members(ret, cur, true);
	add_members(ret, cur, false);
}

void
rule_query(const struct nb_key *key, const struct rec *cur, const struct rec *pdc,
    const struct rule_env *env, struct answer *ret)
{
	if (nb_suffix(key) == SUFFIX_SEGMENT_MASTER) {
		negative(ret, RULE_QRY_01);
	} else if (rules_blocked(key, env) && !(cur && cur->is_static)) {
		negative(ret, RULE_QRY_02);
	} else if (!cur) {
		negative(ret, RULE_QRY_03);
	} else if (cur->type == REC_GROUP) {
		positive(ret, RULE_QRY_04, NB_G);
		ret->addr[ret->naddr++] = IP4_BROADCAST;
	} else if (cur->type == REC_SPECIAL) {
		special_group(ret, cur, master_of(key, pdc, env));
	} else if (cur->state == REC_ACTIVE) {
		positive(ret, RULE_QRY_08, (uint16_t)(cur->node << 13));
		for (; ret->naddr < cur->naddr; ret->naddr++)
			ret->addr[ret->naddr] = cur->addr[ret->naddr].ip;
	} else {
		negative(ret, RULE_QRY_09);
	}
}
