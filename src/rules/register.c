/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may have a name: registration and refresh (wins-server-and-replication.md 2.2, 2.3, 2.6, 2.9),
 * and what the end of a challenge means (2.4). Layer: rules. Pure.
 *
 * One function per decision table; a static record that gives way (MigrateOn) goes through the table
 * of its type as if it were dynamic.
 */
#include "rules/parts.h"

#include <assert.h>
#include <string.h>

/* A positive answer that leaves the database as it is. */
static void
accept_unstored(struct verdict *v, enum rule_id rule, const struct rule_env *env)
{
	rules_reply(v, rule, NB_RC_OK);
	v->ttl = env->renewal;
}

/* Replaces whatever was there by a new record for the claim. */
static void
write_fresh(struct verdict *v, enum rule_id rule, const struct reg_in *in, enum rec_type type,
    const struct rule_env *env)
{
	rules_write(v, rule, env->renewal);
	rules_fresh(&v->next, in, type, env);
}

/* Writes cur again, to be changed by the caller. */
static void
write_same(struct verdict *v, enum rule_id rule, const struct rec *cur, const struct rule_env *env)
{
	rules_write(v, rule, env->renewal);
	rules_copy(&v->next, cur);
	rules_thaw(&v->next, env);
}

/* As write_same, and this server owns the record from now on, as the claimant says it is. */
static void
write_taken(struct verdict *v, enum rule_id rule, const struct rec *cur, const struct reg_in *in,
    const struct rule_env *env)
{
	write_same(v, rule, cur, env);
	rules_take(&v->next, env);
	v->next.node = (in->flags & NB_ONT) >> 13;
}

/* The checks of 2.2 that need no record, in its order. True: the verdict is made. */
static bool
decided_by_name(
    struct verdict *v, const struct rec *cur, const struct reg_in *in, const struct rule_env *env)
{
	bool group = in->flags & NB_G;
	uint8_t suffix = nb_suffix(&in->key);

	if (suffix == SUFFIX_SEGMENT_MASTER && !group)
		accept_unstored(v, RULE_REG_01, env);
	else if (suffix == SUFFIX_DOMAIN_MASTER && group)
		rules_reply(v, RULE_REG_02, NB_RC_RFS);
	else if (suffix == SUFFIX_DOMAIN_CONTROLLERS && !group)
		rules_reply(v, RULE_REG_03, NB_RC_RFS);
	else if (suffix == SUFFIX_ELECTION && !group)
		rules_reply(v, RULE_REG_04, NB_RC_RFS);
	else if (rules_scope_too_long(&in->key))
		rules_reply(v, RULE_REG_05, NB_RC_SRV);
	else if (rules_blocked(&in->key, env) && !(cur && cur->is_static))
		rules_reply(v, RULE_REG_06, NB_RC_RFS);
	else if (env->strict_source && !ip4_eq(in->ip, in->from))
		rules_reply(v, RULE_REG_07, NB_RC_RFS);
	else if (env->strict_source && !ip4_is_host(in->ip))
		rules_reply(v, RULE_REG_08, NB_RC_RFS);
	else if (env->held_here && !rules_is_ours(in->from, env))
		rules_reply(v, RULE_REG_09, NB_RC_ACT);
	else
		return false;
	return true;
}

/* MigrateOn: does this static record yield to this claim (table B)? */
static bool
gives_way(const struct rec *cur, enum rec_type type, const struct rule_env *env)
{
	if (!env->migrate_on || cur->type == REC_GROUP)
		return false;
	/* The static record is what allows a blocked name; no stranger may have it instead. */
	if (rules_blocked(&cur->key, env))
		return false;
	/* Only a 1C, only to its own kind, only at the server that owns it (KB171794). */
	if (cur->type == REC_SPECIAL)
		return type == REC_SPECIAL && rec_is_own(cur) &&
		       nb_suffix(&cur->key) == SUFFIX_DOMAIN_CONTROLLERS;
	return true;
}

static void
on_static(struct verdict *v, const struct rec *cur, const struct rule_env *env)
{
	if (cur->type == REC_GROUP)
		accept_unstored(v, RULE_REG_21, env);
	else if (cur->type == REC_SPECIAL)
		accept_unstored(v, RULE_REG_22, env);
	else
		rules_reply(v, RULE_REG_20, NB_RC_ACT);
}

/* Table C. */
static void
on_group(struct verdict *v, const struct rec *cur, const struct reg_in *in, enum rec_type type,
    const struct rule_env *env)
{
	bool active = cur->state == REC_ACTIVE;

	if (type != REC_GROUP) {
		rules_reply(v, active ? RULE_REG_33 : RULE_REG_34, NB_RC_ACT);
	} else if (!active) {
		write_fresh(v, RULE_REG_32, in, type, env);
	} else {
		if (rec_is_own(cur))
			write_same(v, RULE_REG_30, cur, env);
		else
			write_taken(v, RULE_REG_31, cur, in, env);
		rules_set_due(&v->next, wall_add(env->now, env->renewal));
	}
}

/* The WACK's time: the longest the challenge can take, rounded up, and a second for the way. */
static uint32_t
wack_time(unsigned nprobe, const struct rule_env *env)
{
	const uint64_t most = (uint64_t)UINT32_MAX * 1000 - 1000;
	uint64_t one = 0, wait = env->chl_interval_ms;

	for (uint32_t i = 0; i < env->chl_tries && wait && one < most; i++, wait *= 2)
		one += wait;
	one = one < most / REC_ADDR_MAX ? one * nprobe : most;
	return (uint32_t)((one + 999) / 1000 + 1);
}

/* Asks those of cur's addresses that somebody else can answer for; returns how many there are. */
static unsigned
challenge(struct verdict *v, enum rule_id rule, const struct rec *cur, const struct rule_env *env)
{
	v->action = ACT_CHALLENGE;
	v->rule = rule;
	v->nprobe = (uint8_t)rules_askable(cur, env, v->probe);
	v->ttl = wack_time(v->nprobe, env);
	return v->nprobe;
}

/* The addresses on which the holder of a name says that it has it. */
struct host_says {
	enum rule_id rule; /* that believes it */
	const struct ip4 *addr;
	unsigned naddr;
};

/* 2.5: what the host did not confirm goes, what it did is as good as refreshed. The new address is
 * in the answer, so at most REC_ADDR_MAX - 1 old ones can be. */
static void
write_same_host(struct verdict *v, const struct rec *cur, const struct reg_in *in,
    const struct host_says *host, const struct rule_env *env)
{
	struct rec *next = &v->next;

	write_taken(v, host->rule, cur, in, env);
	for (int i = next->naddr - 1; i >= 0; i--)
		if (rules_is_among(next->addr[i].ip, host->addr, host->naddr))
			rules_refresh_member(next, i, env);
		else
			rules_remove_member(next, i);
	rules_add_member(next, in->ip, env);
	rules_due_of_members(next);
	next->type = (uint8_t)(next->naddr > 1 ? REC_MULTIHOMED : rules_claimed_type(in));
}

/* Table D, the active half. */
static void
on_active_unique(struct verdict *v, const struct rec *cur, const struct reg_in *in,
    enum rec_type type, const struct rule_env *env)
{
	const struct host_says own = { RULE_REG_48, env->held, env->nheld };
	int i = rec_find(cur, in->ip);

	if (i >= 0 && !rules_is_group(type)) {
		/* The type stays: a refresh does not tell whether its computer is multihomed. */
		if (cur->is_static)
			write_taken(v, RULE_REG_23, cur, in, env);
		else if (!rec_is_own(cur))
			write_taken(v, RULE_REG_41, cur, in, env);
		else if (!ip4_eq(cur->addr[i].owner, OWNER_SELF))
			write_taken(v, RULE_REG_49, cur, in, env);
		else
			write_same(v, RULE_REG_40, cur, env);
		rules_refresh_member(&v->next, i, env);
		return;
	}
	if (challenge(v, rules_is_group(type) ? RULE_REG_43 : RULE_REG_42, cur, env))
		return;
	/* Our own node is not asked by packet: it has said already where it has the name. */
	if (!rules_is_group(type) && rules_is_among(in->ip, env->held, env->nheld))
		write_same_host(v, cur, in, &own, env);
	else
		write_fresh(v, RULE_REG_44, in, type, env);
}

#define JUST_RELEASED 600 /* seconds */

/*
 * A forged release and a claim take a name in two datagrams, with Windows too, which does not ask. A release
 * long before the claim is no such trick: its holder would have registered again (netbt 2.4).
 */
static void
on_just_released(struct verdict *v, const struct rec *cur, const struct reg_in *in,
    enum rec_type type, const struct rule_env *env)
{
	if (env->challenge_released && challenge(v, RULE_REG_60, cur, env))
		return;
	memset(v, 0, sizeof(*v));
	write_fresh(v, RULE_REG_59, in, type, env);
}

/* Table D. */
static void
on_unique(struct verdict *v, const struct rec *cur, const struct reg_in *in, enum rec_type type,
    const struct rule_env *env)
{
	if (cur->state == REC_ACTIVE)
		on_active_unique(v, cur, in, type, env);
	else if (rec_find(cur, in->ip) >= 0)
		write_fresh(v, rules_is_group(type) ? RULE_REG_47 : RULE_REG_45, in, type, env);
	else if (rule_released_ago(cur, env) < JUST_RELEASED)
		on_just_released(v, cur, in, type, env);
	else if (rules_is_group(type))
		write_fresh(v, RULE_REG_47, in, type, env);
	else
		write_fresh(v, RULE_REG_46, in, type, env);
}

/* Whose place a local newcomer takes in a full group: the oldest member of another server, else the
 * oldest of ours; the domain master browser's stays (netbt 3.2). */
static int
oldest_to_evict(const struct rec *r, struct ip4 pdc)
{
	int own = -1;

	for (int i = 0; i < r->naddr; i++) {
		if (!ip4_eq(pdc, IP4_ANY) && ip4_eq(r->addr[i].ip, pdc))
			continue;
		if (!ip4_eq(r->addr[i].owner, OWNER_SELF))
			return i;
		if (own < 0)
			own = i;
	}
	return own;
}

static void
join(struct verdict *v, const struct rec *cur, const struct reg_in *in, const struct rule_env *env)
{
	int evict;

	write_taken(v, RULE_REG_52, cur, in, env);
	if (cur->naddr == REC_ADDR_MAX) {
		evict = oldest_to_evict(cur, in->pdc);
		v->rule = ip4_eq(cur->addr[evict].owner, OWNER_SELF) ? RULE_REG_54 : RULE_REG_53;
		rules_remove_member(&v->next, evict);
	}
	rules_add_member(&v->next, in->ip, env);
	rules_due_of_members(&v->next);
}

/* Table E, the active half. */
static void
on_active_special(
    struct verdict *v, const struct rec *cur, const struct reg_in *in, const struct rule_env *env)
{
	int i = rec_find(cur, in->ip);

	if (i < 0) {
		join(v, cur, in, env);
	} else {
		if (!rec_is_own(cur) || cur->is_static)
			write_taken(v, RULE_REG_51, cur, in, env);
		else if (!ip4_eq(cur->addr[i].owner, OWNER_SELF))
			write_taken(v, RULE_REG_58, cur, in, env);
		else
			write_same(v, RULE_REG_50, cur, env);
		rules_refresh_member(&v->next, i, env);
	}
	/* KB171794: the whole record turns dynamic; its other members have one interval to show
	 * themselves. */
	if (cur->is_static)
		v->rule = RULE_REG_24;
}

/* Table E. */
static void
on_special(struct verdict *v, const struct rec *cur, const struct reg_in *in, enum rec_type type,
    const struct rule_env *env)
{
	if (cur->state != REC_ACTIVE)
		write_fresh(v, type == REC_SPECIAL ? RULE_REG_56 : RULE_REG_57, in, type, env);
	else if (type != REC_SPECIAL)
		rules_reply(v, RULE_REG_55, NB_RC_ACT);
	else
		on_active_special(v, cur, in, env);
}

struct verdict
rule_register(const struct rec *cur, const struct reg_in *in, const struct rule_env *env)
{
	enum rec_type type = rules_claimed_type(in);
	struct verdict v;

	memset(&v, 0, sizeof(v));
	if (decided_by_name(&v, cur, in, env))
		return v;
	if (!cur && env->full)
		rules_reply(&v, RULE_REG_11, NB_RC_SRV);
	else if (!cur && env->crowded)
		rules_reply(&v, RULE_REG_12, NB_RC_RFS);
	else if (!cur && env->reserved)
		rules_reply(&v, RULE_REG_61, NB_RC_SRV);
	else if (!cur)
		write_fresh(&v, RULE_REG_10, in, type, env);
	else if (cur->is_static && !gives_way(cur, type, env))
		on_static(&v, cur, env);
	else if (cur->type == REC_GROUP)
		on_group(&v, cur, in, type, env);
	else if (cur->type == REC_SPECIAL)
		on_special(&v, cur, in, type, env);
	else
		on_unique(&v, cur, in, type, env);
	return v;
}

/* The former holder has the name: what it said of its addresses is as good as a registration, under a new
 * version, as partners may have heard of the end. */
static void
write_restored(struct verdict *v, const struct rec *cur, const struct probe_in *probe,
    const struct rule_env *env)
{
	struct rec *next = &v->next;

	rules_write(v, RULE_PRB_21, 0);
	v->rcode = NB_RC_ACT;
	rules_copy(next, cur);
	rules_thaw(next, env);
	rules_take(next, env);
	next->state = REC_ACTIVE;
	for (int i = next->naddr - 1; i >= 0; i--)
		if (ip4_eq(next->addr[i].ip, probe->from) ||
		    rules_is_among(next->addr[i].ip, probe->addr, probe->naddr))
			rules_refresh_member(next, i, env);
		else if (next->naddr > 1)
			rules_remove_member(next, i);
	rules_due_of_members(next);
}

/* The former holder was asked whether it gave the name up. */
static void
on_released_probed(struct verdict *v, const struct rec *cur, const struct reg_in *in,
    const struct probe_in *probe, const struct rule_env *env)
{
	enum rec_type type = rules_claimed_type(in);

	if (probe->end == PROBE_SILENT)
		write_fresh(v, RULE_PRB_22, in, type, env);
	else if (probe->end == PROBE_NEGATIVE)
		write_fresh(v, RULE_PRB_23, in, type, env);
	else if (!rules_is_group(type) && rules_is_among(in->ip, probe->addr, probe->naddr))
		write_fresh(v, RULE_PRB_20, in, type, env);
	else
		write_restored(v, cur, probe, env);
}

struct verdict
rule_make_room(uint32_t theirs, uint32_t claimants)
{
	struct verdict v;

	memset(&v, 0, sizeof(v));
	/* Both have equally many afterwards, or the claimant fewer: no two take names from each other by turns. */
	if (theirs > (uint64_t)claimants + 1) {
		v.action = ACT_DELETE;
		v.rule = RULE_REG_62;
	} else {
		rules_keep(&v, RULE_REG_63);
	}
	return v;
}

struct verdict
rule_probed(const struct rec *cur, const struct reg_in *in, const struct probe_in *probe,
    const struct rule_env *env)
{
	const struct host_says host = { RULE_PRB_05, probe->addr, probe->naddr };
	enum rec_type type = rules_claimed_type(in);
	struct verdict v;

	assert(probe->naddr <= REC_ADDR_MAX);
	memset(&v, 0, sizeof(v));
	if (cur && (cur->version.v != probe->seen.v || !ip4_eq(cur->owner, probe->seen_owner))) {
		rules_reply(&v, RULE_PRB_01, NB_RC_ACT);
		return v;
	}
	/* What needs no version may have changed too: the record was released or deleted, the policy
	 * is another one. The answer matters only if the claim would still cause a challenge. */
	v = rule_register(cur, in, env);
	if (v.action != ACT_CHALLENGE)
		return v;
	memset(&v, 0, sizeof(v));
	if (cur->state != probe->seen_state)
		rules_reply(&v, RULE_PRB_01, NB_RC_ACT);
	else if (cur->state != REC_ACTIVE)
		on_released_probed(&v, cur, in, probe, env);
	else if (probe->end == PROBE_SILENT)
		write_fresh(&v, RULE_PRB_02, in, type, env);
	else if (probe->end == PROBE_NEGATIVE)
		write_fresh(&v, RULE_PRB_03, in, type, env);
	else if (rules_is_group(type))
		rules_reply(&v, RULE_PRB_04, NB_RC_ACT);
	else if (rules_is_among(in->ip, probe->addr, probe->naddr))
		write_same_host(&v, cur, in, &host, env);
	else
		rules_reply(&v, RULE_PRB_06, NB_RC_ACT);
	return v;
}
