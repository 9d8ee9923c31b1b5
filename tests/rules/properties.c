/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What holds for every verdict, tried on random well-formed records, events and policies, and on
 * every combination of the decision tables. The seed is fixed unless WINSOME_SEED gives another, and
 * printed. Layer: tests; base and rules are all that is linked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "random.h"

#define ROUNDS 200000

/* Few addresses, so that they meet; some that no host can have, some the server's. */
static struct ip4
random_ip(struct random *r)
{
	static const struct ip4 odd[] = { { 0 }, { 0x7f404001 }, { 0xe0000001 }, { 0xffffffff },
		{ 0xc00002c8 } };

	return below(r, 12) ? IP4(192, 0, 2, 1 + below(r, 30)) : odd[below(r, 5)];
}

static struct ip4
random_owner(struct random *r)
{
	return below(r, 2) ? OWNER_SELF : IP4(198, 51, 100, 9 + below(r, 2));
}

static struct wall
random_due(struct random *r)
{
	return (struct wall){ TEXT_NOW - 2 + below(r, 5) };
}

static void
random_key(struct random *r, struct nb_key *ret)
{
	static const uint8_t suffixes[] = { 0x00, 0x20, 0x03, 0x1b, 0x1c, 0x1c, 0x1d, 0x1e };
	static const unsigned scopes[] = { 0, 0, 0, 0, 0, 11, 237, 238 };
	static const char *const names[] = { "NAME", "NAME", "NAME", "WPAD", "wpad" };

	text_key(names[below(r, 5)], suffixes[below(r, 8)], scopes[below(r, 8)], ret);
}

/* A record as rec.h promises it. */
static void
random_rec(struct random *r, const struct nb_key *key, struct rec *ret)
{
	unsigned want;

	memset(ret, 0, sizeof(*ret));
	ret->key = *key;
	ret->type = (uint8_t)below(r, 4);
	ret->state = (uint8_t)below(r, 3);
	ret->node = (uint8_t)below(r, 4);
	ret->is_static = ret->state == REC_ACTIVE && below(r, 4) == 0;
	ret->owner = random_owner(r);
	ret->version.v = 1 + below(r, 3);
	ret->due = ret->is_static ? WALL_NEVER : random_due(r);
	want = ret->type == REC_GROUP ? 0 : ret->type == REC_UNIQUE ? 1 : 1 + below(r, 25);
	while (ret->naddr < want) {
		struct rec_addr a = { .ip = random_ip(r), .owner = ret->owner, .due = ret->due };

		if (rec_find(ret, a.ip) >= 0)
			continue;
		if (ret->type != REC_UNIQUE) {
			a.owner = random_owner(r);
			if (ret->state == REC_ACTIVE && !ret->is_static)
				a.due = random_due(r);
		}
		a.since.s = TEXT_NOW - 100 + ret->naddr;
		ret->addr[ret->naddr++] = a;
	}
	for (int i = 0; i < ret->naddr; i++)
		if (i == 0 || ret->addr[i].due.s < ret->due.s)
			ret->due = ret->addr[i].due;
}

static void
random_env(struct random *r, struct rule_env *ret)
{
	text_env("", ret);
	ret->migrate_on = below(r, 3) == 0;
	ret->strict_source = below(r, 6) == 0;
	ret->challenge_released = below(r, 2);
	ret->propagate_releases = below(r, 2);
	ret->uptime = below(r, 2) ? 259200 : 259199;
	ret->chl_tries = below(r, 5);
	ret->held_here = below(r, 8) == 0;
	for (unsigned n = below(r, 2) ? 0 : below(r, 26); ret->nheld < n; ret->nheld++)
		ret->held[ret->nheld] = random_ip(r);
}

static void
random_claim(struct random *r, const struct nb_key *key, struct reg_in *ret)
{
	static const uint8_t ops[] = { NB_OP_REGISTER, NB_OP_REFRESH, NB_OP_REFRESH_ALT,
		NB_OP_MULTIHOMED };

	memset(ret, 0, sizeof(*ret));
	ret->key = *key;
	ret->opcode = ops[below(r, 4)];
	ret->flags = (uint16_t)(below(r, 4) << 13 | (below(r, 2) ? NB_G : 0));
	ret->ip = random_ip(r);
	ret->from = below(r, 4) ? ret->ip : random_ip(r);
	ret->pdc = below(r, 3) ? IP4_ANY : random_ip(r);
}

static void
random_probe(struct random *r, const struct rec *cur, const struct reg_in *in, struct probe_in *ret)
{
	unsigned want = below(r, 26);

	memset(ret, 0, sizeof(*ret));
	ret->end = (uint8_t)below(r, 3);
	ret->seen = cur ? cur->version : (struct version){ 1 };
	ret->seen_owner = cur ? cur->owner : OWNER_SELF;
	if (below(r, 8) == 0)
		ret->seen.v++;
	while (ret->naddr < want)
		ret->addr[ret->naddr++] = below(r, 8) ? random_ip(r) : in->ip;
}

struct trial {
	struct rule_env env;
	struct rec value;
	const struct rec *cur;
	struct reg_in in;
	struct release_in rel;
	struct probe_in probe;
};

static void
random_trial(struct random *r, struct trial *t)
{
	struct nb_key key;

	random_key(r, &key);
	random_env(r, &t->env);
	random_rec(r, &key, &t->value);
	t->cur = below(r, 16) ? &t->value : NULL;
	random_claim(r, &key, &t->in);
	t->rel = (struct release_in){
		.key = key, .flags = t->in.flags, .ip = t->in.ip, .from = t->in.from
	};
	random_probe(r, t->cur, &t->in, &t->probe);
}

enum event { CLAIM, CLAIM_PROBED, RELEASE, TIME, TOMBSTONE, EVENTS };

static struct verdict
run(const struct trial *t, enum event event)
{
	switch (event) {
	case CLAIM:
		return rule_register(t->cur, &t->in, &t->env);
	case CLAIM_PROBED:
		return rule_probed(t->cur, &t->in, &t->probe, &t->env);
	case RELEASE:
		return rule_release(t->cur, &t->rel, &t->env);
	case TIME:
		return rule_due(t->cur ? t->cur : &t->value, &t->env);
	default:
		return rule_admin_tombstone(t->cur, &t->env);
	}
}

static bool
all_zero(const void *p, size_t n)
{
	const uint8_t *b = p;

	while (n && !*b)
		b++, n--;
	return n == 0;
}

static const char *
sound_write(const struct trial *t, const struct verdict *v)
{
	const struct rec *cur = t->cur ? t->cur : &t->value;
	const char *broken = well_formed(&v->next);

	if (broken)
		return broken;
	HOLDS(v->next.type == REC_GROUP || v->next.naddr >= 1);
	HOLDS(memcmp(&v->next.key, &t->in.key, sizeof(t->in.key)) == 0);
	HOLDS(v->next.version.v == t->env.next.v || v->next.version.v == cur->version.v);
	/* Without a new version nothing changes that partners are told. */
	if (v->next.version.v != t->env.next.v) {
		HOLDS(v->next.type == cur->type && v->next.node == cur->node);
		HOLDS(v->next.is_static == cur->is_static);
		HOLDS(ip4_eq(v->next.owner, cur->owner));
		HOLDS(v->next.state == cur->state || v->next.state == REC_RELEASED);
		HOLDS(v->next.naddr <= cur->naddr);
	} else {
		HOLDS(rec_is_own(&v->next));
	}
	HOLDS(v->next.state == REC_ACTIVE || !ip4_eq(v->next.owner, OWNER_SELF) ||
	      v->next.due.s > t->env.now.s);
	return NULL;
}

/* Every part of a verdict that its action does not use is zero. */
static const char *
sound(const struct trial *t, enum event event, const struct verdict *v)
{
	HOLDS(v->rule > RULE_NONE && v->rule < RULE_COUNT);
	HOLDS(v->action != ACT_DROP);
	HOLDS(event == TIME || (v->action != ACT_DELETE && v->action != ACT_KEEP));
	HOLDS(event == CLAIM || v->action != ACT_CHALLENGE);
	HOLDS(v->nprobe <= REC_ADDR_MAX);
	HOLDS(all_zero(v->probe + v->nprobe, (REC_ADDR_MAX - v->nprobe) * sizeof(*v->probe)));
	HOLDS((v->action == ACT_CHALLENGE) == (v->nprobe > 0));
	HOLDS(v->rcode == NB_RC_OK || v->ttl == 0);
	if (v->action == ACT_WRITE)
		return sound_write(t, v);
	HOLDS(all_zero(&v->next, sizeof(v->next)));
	return NULL;
}

static void
every_verdict_is_well_formed(void **state)
{
	struct random r = seeded();
	struct trial t;
	struct verdict v, again;
	const char *broken;

	for (int i = 0; i < ROUNDS; i++) {
		enum event event = (enum event)below(&r, EVENTS);

		random_trial(&r, &t);
		v = run(&t, event);
		again = run(&t, event);
		assert_memory_equal(&v, &again, sizeof(v));
		broken = sound(&t, event, &v);
		if (broken) {
			text_print_verdict(stdout, &v);
			fail_msg("round %d, event %d: broken: %s", i, event, broken);
		}
	}
}

static void
what_is_due_moves_on(void **state)
{
	struct random r = seeded();
	struct trial t;
	struct verdict v;

	for (int i = 0; i < ROUNDS; i++) {
		random_trial(&r, &t);
		v = rule_due(&t.value, &t.env);
		if (t.value.is_static || t.value.due.s > TEXT_NOW)
			assert_int_equal(v.action, ACT_KEEP);
		else if (v.action == ACT_WRITE)
			assert_true(v.next.due.s > TEXT_NOW);
		else
			assert_int_equal(v.action, ACT_DELETE);
	}
}

static void
clients_never_change_a_static_record_without_migration(void **state)
{
	struct random r = seeded();
	struct trial t;

	for (int i = 0; i < ROUNDS; i++) {
		random_trial(&r, &t);
		t.env.migrate_on = false;
		if (!t.cur || !t.cur->is_static)
			continue;
		for (int event = CLAIM; event <= TIME; event++)
			assert_int_not_equal(run(&t, (enum event)event).action, ACT_WRITE);
	}
}

static bool
is_ours(struct ip4 ip, const struct rule_env *env)
{
	for (int i = 0; i < env->nheld; i++)
		if (ip4_eq(ip, env->held[i]))
			return true;
	return ip4_eq(ip, env->self[0]);
}

/* Can anybody else be asked about it? */
static bool
can_be_asked(const struct rec *r, const struct rule_env *env)
{
	for (int i = 0; i < r->naddr; i++)
		if (ip4_is_host(r->addr[i].ip) && !is_ours(r->addr[i].ip, env))
			return true;
	return false;
}

static void
an_active_unique_changes_hands_only_by_a_probe(void **state)
{
	struct random r = seeded();
	struct trial t;
	struct verdict v;
	int challenges = 0;

	for (int i = 0; i < ROUNDS; i++) {
		random_trial(&r, &t);
		if (!t.cur || t.cur->state != REC_ACTIVE || t.cur->type == REC_GROUP ||
		    t.cur->type == REC_SPECIAL || !can_be_asked(t.cur, &t.env))
			continue;
		v = rule_register(t.cur, &t.in, &t.env);
		challenges += v.action == ACT_CHALLENGE;
		if (v.action != ACT_WRITE)
			continue;
		assert_true(rec_find(t.cur, t.in.ip) >= 0);
		assert_int_equal(v.next.type, t.cur->type);
		assert_int_equal(v.next.naddr, t.cur->naddr);
		for (int k = 0; k < v.next.naddr; k++)
			assert_int_equal(v.next.addr[k].ip.v, t.cur->addr[k].ip.v);
	}
	assert_true(challenges > 1000);
}

static void
a_name_that_we_defend_is_written_for_nobody_else(void **state)
{
	struct random r = seeded();
	struct trial t;
	int refused = 0;

	for (int i = 0; i < ROUNDS; i++) {
		random_trial(&r, &t);
		t.env.held_here = true;
		if (is_ours(t.in.from, &t.env))
			continue;
		for (int event = CLAIM; event <= CLAIM_PROBED; event++) {
			struct verdict v = run(&t, (enum event)event);

			assert_int_not_equal(v.action, ACT_WRITE);
			refused += v.rule == RULE_REG_09;
		}
	}
	assert_true(refused > 1000);
}

static void
a_stranger_releases_nothing(void **state)
{
	struct random r = seeded();
	struct trial t;
	struct verdict v;

	for (int i = 0; i < ROUNDS; i++) {
		random_trial(&r, &t);
		if (!t.cur || t.cur->type == REC_GROUP || rec_find(t.cur, t.rel.from) >= 0)
			continue;
		v = rule_release(t.cur, &t.rel, &t.env);
		assert_int_equal(v.action, ACT_REPLY);
	}
}

static void
a_release_takes_away_one_address_at_most(void **state)
{
	struct random r = seeded();
	struct trial t;
	struct verdict v;

	for (int i = 0; i < ROUNDS; i++) {
		random_trial(&r, &t);
		v = rule_release(t.cur, &t.rel, &t.env);
		if (v.action != ACT_WRITE || t.cur->type == REC_GROUP)
			continue;
		if (v.next.state != REC_ACTIVE) {
			assert_int_equal(t.cur->naddr, 1);
			continue;
		}
		assert_int_equal(v.next.naddr, t.cur->naddr - 1);
		assert_int_equal(rec_find(&v.next, t.rel.ip), -1);
	}
}

/* A yes that was stored is a yes to the next query, with the claimant's address in it. */
static void
what_was_granted_resolves(void **state)
{
	struct random r = seeded();
	struct trial t;
	struct verdict v;
	struct answer a;
	uint8_t suffix;

	for (int i = 0; i < ROUNDS; i++) {
		random_trial(&r, &t);
		v = rule_register(t.cur, &t.in, &t.env);
		suffix = nb_suffix(&t.in.key);
		if (v.action != ACT_WRITE || suffix == 0x1d)
			continue;
		rule_query(&t.in.key, &v.next, NULL, &t.env, &a);
		assert_int_equal(a.rcode, NB_RC_OK);
		assert_int_equal(a.naddr, v.next.type == REC_GROUP ? 1 : v.next.naddr);
		if (v.next.type == REC_GROUP)
			continue;
		for (int k = 0; k < a.naddr; k++)
			assert_true(rec_find(&v.next, a.addr[k]) >= 0);
		assert_true(rec_find(&v.next, t.in.ip) >= 0);
	}
}

/* The whole thing of 2.3 as one sentence, tried on all its cells. */
static const char *
whole_rule(const struct rec *cur, const struct reg_in *in, const struct verdict *v)
{
	bool group = in->flags & NB_G, special = nb_suffix(&in->key) == 0x1c;
	bool unique = cur->type == REC_UNIQUE || cur->type == REC_MULTIHOMED;
	int kind = special ? REC_SPECIAL : REC_GROUP;

	if (unique && cur->state != REC_ACTIVE) {
		HOLDS(v->action == ACT_WRITE); /* dead uniques never cost a challenge */
	} else if (unique) {
		/* live uniques always do, own address never does */
		HOLDS((v->action == ACT_WRITE) == (!group && rec_find(cur, in->ip) >= 0));
		HOLDS(v->action == ACT_WRITE || v->action == ACT_CHALLENGE);
	} else if (cur->type == REC_SPECIAL && cur->state != REC_ACTIVE) {
		HOLDS(v->action == ACT_WRITE);
	} else {
		/* groups are refused against each other by kind */
		HOLDS((v->action == ACT_WRITE) == (group && cur->type == kind));
		HOLDS(v->action == ACT_WRITE || v->rcode == NB_RC_ACT);
	}
	if (v->action == ACT_WRITE) {
		bool plain = rec_is_own(cur) && cur->state == REC_ACTIVE &&
			     (cur->type == REC_GROUP || rec_find(cur, in->ip) >= 0);

		HOLDS((v->next.version.v == cur->version.v) == plain);
	}
	return NULL;
}

static void
every_cell_of_the_tables_follows_the_whole_rule(void **state)
{
	static const char *const claims[] = { "reg 20 A", "mh 20 A", "ref8 20 A", "reg 20g A",
		"reg 1cg A", "reg 20 B", "mh 20 B", "ref9 20 B", "reg 20g B", "reg 1cg B" };
	struct rule_env env;
	struct reg_in in;
	struct rec cur;
	struct verdict v;
	char text[64];
	const char *broken;

	text_env("", &env);
	for (int type = 0; type < 4; type++)
		for (int st = 0; st < 3; st++)
			for (int own = 0; own < 2; own++)
				for (size_t c = 0; c < sizeof(claims) / sizeof(*claims); c++) {
					snprintf(text, sizeof(text), "%c%c %s v7 H due=60%s",
					    "UGSM"[type], "art"[st], own ? "own" : "rep",
					    type == REC_GROUP ? "" : " A");
					text_rec(text, &cur);
					text_claim(claims[c], &in);
					cur.key = in.key;
					v = rule_register(&cur, &in, &env);
					broken = whole_rule(&cur, &in, &v);
					if (broken)
						fail_msg(
						    "%s, %s: broken: %s", text, claims[c], broken);
				}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_verdict_is_well_formed),
		cmocka_unit_test(what_is_due_moves_on),
		cmocka_unit_test(clients_never_change_a_static_record_without_migration),
		cmocka_unit_test(an_active_unique_changes_hands_only_by_a_probe),
		cmocka_unit_test(a_name_that_we_defend_is_written_for_nobody_else),
		cmocka_unit_test(a_stranger_releases_nothing),
		cmocka_unit_test(a_release_takes_away_one_address_at_most),
		cmocka_unit_test(what_was_granted_resolves),
		cmocka_unit_test(every_cell_of_the_tables_follows_the_whole_rule),
	};

	return cmocka_run_group_tests_name("rules_properties", tests, NULL, NULL);
}
