/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of a record that came from a partner (wins-server-and-replication.md 3.9): the order of
 * tests of 3.9.1, the matrix of 3.9.2 as data, the challenge of 3.9.4. The merge of special groups is
 * in replica_merge.c. Layer: rules. Pure.
 *
 * A pull moves on and never brings the same version again, so a verdict here is for good: what is
 * not taken over now is taken over when its owner, or a server that was told of it, changes it.
 */
#include "rules/parts.h"

#include <assert.h>
#include <string.h>

enum action {
	UNSET,
	R, /* the replica takes the record's place */
	K, /* the record stays */
	P, /* it stays, gets a new version of ours, and the partners are told */
	D, /* the replica takes its place, and its holder is told to give the name up */
	C, /* its holder is asked, unless the replica has all its addresses: then R */
	M, /* two special groups: 3.9.3 */
};

/*
 * 3.9.2: [this server's][type][state of the record][type, dead or alive, of the replica]. The row of
 * an owned group's tombstone is MS-WINSRA's C4 and C5, as in the table above it: observed were only
 * the two rows before.
 */
static const uint8_t matrix[2][4][3][8] = {
	[false] = {
		/*                                      Ua Ut Ga Gt Sa St Ma Mt */
		[REC_UNIQUE][REC_ACTIVE]          = { R, K, R, K, K, K, R, K },
		[REC_UNIQUE][REC_RELEASED]        = { R, R, R, R, R, R, R, R },
		[REC_UNIQUE][REC_TOMBSTONE]       = { R, R, R, R, R, R, R, R },
		[REC_GROUP][REC_ACTIVE]           = { K, K, K, K, K, K, K, K },
		[REC_GROUP][REC_RELEASED]         = { K, K, R, R, R, K, K, K },
		[REC_GROUP][REC_TOMBSTONE]        = { K, K, R, R, R, R, R, R },
		[REC_SPECIAL][REC_ACTIVE]         = { K, K, K, K, M, R, K, K },
		[REC_SPECIAL][REC_RELEASED]       = { R, R, R, R, R, R, R, R },
		[REC_SPECIAL][REC_TOMBSTONE]      = { R, R, R, R, R, R, R, R },
		[REC_MULTIHOMED][REC_ACTIVE]      = { R, K, R, K, K, K, R, K },
		[REC_MULTIHOMED][REC_RELEASED]    = { R, R, R, R, R, R, R, R },
		[REC_MULTIHOMED][REC_TOMBSTONE]   = { R, R, R, R, R, R, R, R },
	},
	[true] = {
		[REC_UNIQUE][REC_ACTIVE]          = { C, P, D, P, D, P, C, P },
		[REC_UNIQUE][REC_RELEASED]        = { R, R, R, R, R, R, R, R },
		[REC_UNIQUE][REC_TOMBSTONE]       = { R, R, R, R, R, R, R, R },
		[REC_GROUP][REC_ACTIVE]           = { P, P, R, P, P, P, P, P },
		[REC_GROUP][REC_RELEASED]         = { P, P, R, R, P, P, P, P },
		[REC_GROUP][REC_TOMBSTONE]        = { P, P, R, R, R, R, R, R },
		[REC_SPECIAL][REC_ACTIVE]         = { P, P, P, P, M, P, P, P },
		[REC_SPECIAL][REC_RELEASED]       = { R, R, R, R, R, R, R, R },
		[REC_SPECIAL][REC_TOMBSTONE]      = { R, R, R, R, R, R, R, R },
		[REC_MULTIHOMED][REC_ACTIVE]      = { C, P, D, P, D, P, C, P },
		[REC_MULTIHOMED][REC_RELEASED]    = { R, R, R, R, R, R, R, R },
		[REC_MULTIHOMED][REC_TOMBSTONE]   = { R, R, R, R, R, R, R, R },
	},
};

bool
rules_replica_fits(const struct rec *in)
{
	assert(in->naddr <= REC_ADDR_MAX);
	if (in->type > REC_MULTIHOMED || in->state > REC_TOMBSTONE || !in->version.v)
		return false;
	if (in->type == REC_UNIQUE)
		return in->naddr == 1;
	if (in->type == REC_GROUP)
		return in->naddr <= 1;
	/* A special group may be alive without members (3.9.3); a computer has an address. */
	return in->type != REC_MULTIHOMED || in->naddr || in->state != REC_ACTIVE;
}

struct rec_addr
rules_replica_member(const struct rec *cur, const struct rec_addr *m, const struct rule_env *env)
{
	bool own = ip4_eq(m->owner, OWNER_SELF);
	int i = cur ? rec_find(cur, m->ip) : -1;
	struct rec_addr a = {
		.ip = m->ip,
		.owner = m->owner,
		/* Ours have time for one refresh; those of others their owner looks after. */
		.due = wall_add(env->now, own ? env->renewal : env->verify),
		.since = env->now,
	};

	if (i < 0)
		return a;
	a.since = cur->addr[i].since;
	if (own && ip4_eq(cur->addr[i].owner, OWNER_SELF) && !cur->is_static)
		a.due = cur->addr[i].due;
	return a;
}

void
rules_replica_write(struct verdict *v, enum rule_id rule, const struct rec *cur,
    const struct rec *in, const struct rule_env *env)
{
	struct rec *next = &v->next;
	struct rec_addr a;

	/* What comes back to life is registered now. */
	if (cur && cur->state != REC_ACTIVE && in->state == REC_ACTIVE)
		cur = NULL;
	rules_write(v, rule, 0);
	rules_key_copy(&next->key, &in->key);
	next->type = in->type;
	next->state = in->state;
	next->node = in->node & 3;
	/* Nothing but a static active record lives for ever. */
	next->is_static = in->is_static && in->state == REC_ACTIVE;
	next->owner = in->owner;
	next->version = in->version;
	for (int i = 0; i < in->naddr; i++) {
		a = rules_replica_member(cur, &in->addr[i], env);
		if (in->type == REC_UNIQUE || in->type == REC_GROUP) {
			a.owner = in->owner;
			a.due = wall_add(env->now, rec_is_own(in) ? env->renewal : env->verify);
		}
		rules_place_member(next, &a);
	}
	/* A group without members is nobody's: Windows does not pass it on, and it gives way. */
	if (next->type == REC_SPECIAL && next->state == REC_ACTIVE && !next->naddr &&
	    !next->is_static)
		next->state = REC_RELEASED;
	if (next->is_static)
		rules_set_due(next, WALL_NEVER);
	else if (next->state != REC_ACTIVE)
		rules_set_due(next, wall_add(env->now, env->extinction_timeout));
	else if (next->naddr)
		rules_due_of_members(next);
	else
		next->due = wall_add(env->now, rec_is_own(next) ? env->renewal : env->verify);
}

/* Those of the addresses at which somebody else can be told to give the name up. */
static void
demand(struct verdict *v, const struct ip4 *list, unsigned n, const struct rule_env *env)
{
	for (unsigned i = 0; i < n; i++)
		if (ip4_is_host(list[i]) && !rules_is_ours(list[i], env) &&
		    !rules_is_among(list[i], v->demand, v->ndemand))
			v->demand[v->ndemand++] = list[i];
}

static bool
is_computer(const struct rec *r)
{
	return !rules_is_group(r->type);
}

/* The replica goes before a living computer of ours, whose holder is told (3.9.5), but for the
 * addresses that it keeps. Returns whether there is anybody to be told. */
static bool
displace(struct verdict *v, enum rule_id rule, const struct rec *cur, const struct rec *in,
    const struct rule_env *env)
{
	rules_replica_write(v, rule, cur, in, env);
	if (!rec_is_own(cur) || cur->state != REC_ACTIVE || !is_computer(cur))
		return false;
	for (int i = 0; i < cur->naddr; i++)
		if (!is_computer(in) || rec_find(in, cur->addr[i].ip) < 0)
			demand(v, &cur->addr[i].ip, 1, env);
	return v->ndemand > 0;
}

/* Does this machine's own node have the name that cur gives it? Then the node is alive, and nobody
 * has to ask it (netbt 1.6). */
static bool
is_our_nodes(const struct rec *cur, const struct rule_env *env)
{
	for (int i = 0; i < cur->naddr; i++)
		if (rules_is_among(cur->addr[i].ip, env->held, env->nheld))
			return true;
	return false;
}

static bool
has_all(const struct ip4 *list, unsigned n, const struct rec *of)
{
	for (int i = 0; i < of->naddr; i++)
		if (!rules_is_among(of->addr[i].ip, list, n))
			return false;
	return true;
}

/* cur without those addresses that the replica's server took, and does not have any more: nobody else
 * expires them (3.9.6, C5). Static ones stay. */
static void
without_gone(struct rec *ret, const struct rec *cur, const struct rec *in)
{
	memset(ret, 0, sizeof(*ret));
	rules_copy(ret, cur);
	for (int i = ret->naddr - 1; i >= 0; i--)
		if (!cur->is_static && ip4_eq(ret->addr[i].owner, in->owner) &&
		    rec_find(in, ret->addr[i].ip) < 0)
			rules_remove_member(ret, i);
}

/* A living special group without members tells nothing to whom the group is dead already. */
static bool
is_empty_of_dead(const struct rec *cur, const struct rec *in)
{
	return in->type == REC_SPECIAL && in->state == REC_ACTIVE && !in->naddr &&
	       cur->type == REC_SPECIAL && cur->state != REC_ACTIVE;
}

static bool
is_part_of(const struct rec *r, const struct rec *whole)
{
	for (int i = 0; i < r->naddr; i++)
		if (rec_find(whole, r->addr[i].ip) < 0)
			return false;
	return true;
}

/* 3.9.4: one multihomed computer that registered with two servers. The record is the partner's, the
 * addresses that only we know stay ours. All were in one answer, so there is room. */
static void
write_same_host(struct verdict *v, enum rule_id rule, const struct rec *cur, const struct rec *in,
    const struct rule_env *env)
{
	struct rec_addr a;

	rules_replica_write(v, rule, cur, in, env);
	v->next.type = REC_MULTIHOMED;
	for (int i = 0; i < cur->naddr; i++) {
		a = cur->addr[i];
		a.owner = OWNER_SELF;
		a = rules_replica_member(cur, &a, env);
		rules_place_member(&v->next, &a);
	}
	if (v->next.is_static)
		rules_set_due(&v->next, WALL_NEVER);
	else
		rules_due_of_members(&v->next);
}

/* The holder of cur says which addresses it has the name on. */
struct holder_says {
	/* not the replica's; not all of cur's, and the replica brings no new one; not all of cur's; both */
	enum rule_id other, known, part, same;
	const struct ip4 *addr;
	unsigned naddr;
};

/* 3.9.4, positive answers. */
static void
on_answer(struct verdict *v, const struct rec *cur, const struct rec *in,
    const struct holder_says *says, const struct rule_env *env)
{
	if (!has_all(says->addr, says->naddr, in)) {
		rules_keep(v, says->other);
	} else if (!has_all(says->addr, says->naddr, cur) && is_part_of(in, cur)) {
		rules_keep(v, says->known);
	} else if (!has_all(says->addr, says->naddr, cur)) {
		rules_keep(v, says->part);
		demand(v, says->addr, says->naddr, env);
	} else {
		write_same_host(v, says->same, cur, in, env);
	}
}

/* Both are living computers, cur is ours. */
static void
contest(struct verdict *v, const struct rec *cur, const struct rec *in, const struct rule_env *env)
{
	const struct holder_says node = { RULE_RPL_72, RULE_RPL_72, RULE_RPL_72, RULE_RPL_73,
		env->held, env->nheld };
	struct rec left;

	without_gone(&left, cur, in);
	if (is_part_of(cur, in)) {
		rules_replica_write(v, RULE_RPL_34, cur, in, env);
	} else if (is_part_of(&left, in)) {
		rules_replica_write(v, RULE_RPL_35, cur, in, env);
	} else if (is_our_nodes(&left, env)) {
		on_answer(v, &left, in, &node, env);
	} else if ((v->nprobe = (uint8_t)rules_askable(&left, env, v->probe)) > 0) {
		v->action = ACT_CHALLENGE;
		v->rule = RULE_RPL_70;
	} else {
		rules_replica_write(v, RULE_RPL_71, cur, in, env);
	}
}

static void
keep_and_tell(
    struct verdict *v, enum rule_id rule, const struct rec *cur, const struct rule_env *env)
{
	rules_write(v, rule, 0);
	rules_copy(&v->next, cur);
	rules_take(&v->next, env);
	v->propagate = true;
}

/*
 * Both computers live, and Windows leaves each its name at its own server, for ever. Where that is to
 * be settled, the server with the lower address keeps its record and tells it anew, because third
 * servers have either; the other one takes that over and its computer is told. All decide alike.
 */
static void
settle(struct verdict *v, const struct rec *cur, const struct rec *in, const struct rule_env *env)
{
	if (env->server.v < in->owner.v)
		keep_and_tell(v, RULE_RPB_08, cur, env);
	else
		(void)displace(v, RULE_RPB_09, cur, in, env);
}

/*
 * A server says that a name of ours is dead, which it knows of its own members. Windows keeps those too,
 * until they expire here (but see 3.9.6, C5); but who expires a member is its owner (1.5), so they would
 * come back to life there and be told to us again, for ever: the ghosts of KB Q184832.
 */
static void
on_dead_members(
    struct verdict *v, const struct rec *cur, const struct rec *in, const struct rule_env *env)
{
	bool group = cur->type == REC_SPECIAL;
	int n = cur->naddr;

	keep_and_tell(v, group ? RULE_RPL_52 : RULE_RPL_50, cur, env);
	for (int i = n - 1; i >= 0; i--)
		if (ip4_eq(v->next.addr[i].owner, in->owner))
			rules_remove_member(&v->next, i);
	if (v->next.naddr == n)
		return;
	if (v->next.naddr) {
		v->rule = group ? RULE_RPL_54 : RULE_RPL_61;
		rules_due_of_members(&v->next);
		return;
	}
	memset(v, 0, sizeof(*v));
	rules_replica_write(v, group ? RULE_RPL_55 : RULE_RPL_62, cur, in, env);
}

static enum rule_id
why_replaced(const struct rec *cur)
{
	if (cur->state != REC_ACTIVE)
		return RULE_RPL_30;
	switch (cur->type) {
	case REC_GROUP:
		return RULE_RPL_32;
	case REC_SPECIAL:
		return RULE_RPL_33;
	default:
		return RULE_RPL_31;
	}
}

static void
keep_own(struct verdict *v, const struct rec *cur, const struct rec *in, const struct rule_env *env)
{
	/* Where the partner's cell is P too, both would tell each other for ever; one of them is silent. */
	if (cur->type == REC_GROUP && cur->state == REC_TOMBSTONE && in->state == REC_ACTIVE)
		rules_keep(v, RULE_RPL_57);
	else if (cur->type == REC_SPECIAL && in->type == REC_GROUP && in->state == REC_ACTIVE)
		rules_keep(v, RULE_RPL_58);
	else if (cur->type == REC_GROUP)
		keep_and_tell(v, RULE_RPL_51, cur, env);
	else if (cur->type == REC_MULTIHOMED && is_computer(in) && !cur->is_static)
		on_dead_members(v, cur, in, env);
	else if (cur->type != REC_SPECIAL)
		keep_and_tell(v, RULE_RPL_50, cur, env);
	else if (in->type == REC_SPECIAL)
		on_dead_members(v, cur, in, env);
	else
		keep_and_tell(v, RULE_RPL_53, cur, env);
}

/*
 * Another server's living name whose addresses are all of a third one, which says that they are dead.
 * Where those two are no partners, the record's owner hears it only if we pass it on, and nothing else
 * ends it there (RPL_62) before a verify interval.
 */
static bool
has_outlived_itself(const struct rec *cur, const struct rec *in)
{
	if (cur->type != REC_MULTIHOMED || cur->is_static || in->state != REC_TOMBSTONE ||
	    !is_computer(in) || !is_part_of(cur, in))
		return false;
	for (int i = 0; i < cur->naddr; i++)
		if (!ip4_eq(cur->addr[i].owner, in->owner))
			return false;
	return true;
}

static void
keep_theirs(
    struct verdict *v, const struct rec *cur, const struct rec *in, const struct rule_env *env)
{
	if (has_outlived_itself(cur, in))
		rules_replica_write(v, RULE_RPL_64, cur, in, env);
	else if (cur->type == REC_GROUP)
		rules_keep(v, RULE_RPL_41);
	else if (cur->type == REC_SPECIAL)
		rules_keep(v, RULE_RPL_42);
	else if (in->state == REC_TOMBSTONE)
		rules_keep(v, RULE_RPL_40);
	else
		rules_keep(v, RULE_RPL_43);
}

/* A living name whose addresses are all of this server, where the name is dead. Its server finds our
 * tombstone when it is told, or verifies; under a new version each time both would miss each other. */
static bool
is_ghost(const struct rec *cur, const struct rec *in)
{
	if (!rec_is_own(cur) || cur->state != REC_TOMBSTONE || in->type != REC_MULTIHOMED ||
	    in->state != REC_ACTIVE || !is_computer(cur))
		return false;
	for (int i = 0; i < in->naddr; i++)
		if (!ip4_eq(in->addr[i].owner, OWNER_SELF))
			return false;
	return true;
}

static void
by_matrix(
    struct verdict *v, const struct rec *cur, const struct rec *in, const struct rule_env *env)
{
	unsigned kind = in->type * 2u + (in->state == REC_TOMBSTONE);

	switch ((enum action)matrix[rec_is_own(cur)][cur->type][cur->state][kind]) {
	case UNSET:
		assert(!"the matrix has no empty cell");
		break;
	case R:
		rules_replica_write(v, why_replaced(cur), cur, in, env);
		break;
	case K:
		keep_theirs(v, cur, in, env);
		break;
	case P:
		keep_own(v, cur, in, env);
		break;
	case D:
		if (is_our_nodes(cur, env))
			keep_and_tell(v, RULE_RPL_56, cur, env);
		else
			(void)displace(v, RULE_RPL_60, cur, in, env);
		break;
	case C:
		contest(v, cur, in, env);
		break;
	case M:
		rules_replica_merge(v, cur, in, env);
	}
}

/* 3.9.1: does the static record cur stay? With migration a computer's does not against a computer's,
 * unless it is what allows a blocked name (as for registrations). */
static bool
stays_static(const struct rec *cur, const struct rec *in, const struct rule_env *env)
{
	if (!cur->is_static)
		return false;
	return !env->migrate_on || !is_computer(cur) || !is_computer(in) ||
	       rules_blocked(&cur->key, env);
}

struct verdict
rule_replica(const struct rec *cur, const struct rec *in, const struct rule_env *env)
{
	bool same = cur && ip4_eq(cur->owner, in->owner);
	struct verdict v;

	assert(!rec_is_own(in));
	memset(&v, 0, sizeof(v));
	if (!rules_replica_fits(in))
		rules_keep(&v, in->state > REC_TOMBSTONE ? RULE_RPL_01 : RULE_RPL_02);
	else if (in->state == REC_RELEASED && !same)
		rules_keep(&v, RULE_RPL_03);
	else if (in->state == REC_RELEASED)
		rules_replica_write(&v, RULE_RPL_04, cur, in, env);
	else if (!cur)
		rules_replica_write(&v, RULE_RPL_10, cur, in, env);
	else if (same)
		rules_replica_write(&v, RULE_RPL_11, cur, in, env);
	else if (is_empty_of_dead(cur, in))
		rules_keep(&v, RULE_RPL_81);
	else if (stays_static(cur, in, env))
		rules_keep(&v, RULE_RPL_20);
	else if (!cur->is_static && in->is_static && in->state == REC_ACTIVE)
		v.rule = displace(&v, RULE_RPL_21, cur, in, env) ? RULE_RPL_22 : RULE_RPL_21;
	else if (is_ghost(cur, in))
		rules_keep(&v, RULE_RPL_63);
	else
		by_matrix(&v, cur, in, env);
	return v;
}

struct verdict
rule_replica_probed(const struct rec *cur, const struct rec *in, const struct probe_in *probe,
    const struct rule_env *env)
{
	const struct holder_says says = { RULE_RPB_05, RULE_RPB_10, RULE_RPB_06, RULE_RPB_07,
		probe->addr, probe->naddr };
	struct verdict v;
	struct rec left;

	assert(probe->naddr <= REC_ADDR_MAX);
	memset(&v, 0, sizeof(v));
	/* The pull went on while the holder was asked, and may have brought what came of in. */
	if (cur && ip4_eq(cur->owner, in->owner) && cur->version.v >= in->version.v) {
		rules_keep(&v, RULE_RPB_01);
		return v;
	}
	v = rule_replica(cur, in, env);
	if (v.action != ACT_CHALLENGE)
		return v;
	memset(&v, 0, sizeof(v));
	without_gone(&left, cur, in);
	/* Somebody registered meanwhile and is alive. Nothing is lost by keeping that: its version is new,
	 * so the partners pull it and decide against in, and what comes of that comes back. */
	if (cur->version.v != probe->seen.v || !ip4_eq(cur->owner, probe->seen_owner))
		rules_keep(&v, RULE_RPB_02);
	else if (probe->end == PROBE_SILENT)
		rules_replica_write(&v, RULE_RPB_03, cur, in, env);
	else if (probe->end == PROBE_NEGATIVE)
		rules_replica_write(&v, RULE_RPB_04, cur, in, env);
	else
		on_answer(&v, &left, in, &says, env);
	if (v.rule == RULE_RPB_05 && env->settle_conflicts) {
		memset(&v, 0, sizeof(v));
		settle(&v, cur, in, env);
	}
	return v;
}
