/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What holds for every replica, tried on random well-formed records and policies. The seed is fixed
 * unless WINSOME_SEED gives another, and printed. What sets of replicas come to is in orders.c.
 * Layer: tests; base and rules are all that is linked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "random.h"

#define ROUNDS 200000

static struct ip4
random_owner(struct random *r)
{
	return below(r, 3) ? IP4(198, 51, 100, 9 + below(r, 3)) : OWNER_SELF;
}

/* A record as rec.h promises it, but that special groups may be empty (wins 3.9.3). */
static void
random_rec(struct random *r, bool replica, struct rec *ret)
{
	unsigned want;

	memset(ret, 0, sizeof(*ret));
	text_key("NAME", below(r, 2) ? 0x20 : 0x1c, 0, &ret->key);
	ret->type = (uint8_t)(below(r, 3) ? REC_SPECIAL : below(r, 4));
	ret->state = (uint8_t)(below(r, 2) ? REC_ACTIVE : below(r, 3));
	ret->node = (uint8_t)below(r, 4);
	ret->is_static = ret->state == REC_ACTIVE && below(r, 5) == 0;
	do
		ret->owner = random_owner(r);
	while (replica && rec_is_own(ret));
	ret->version.v = 1 + below(r, 5);
	ret->due = ret->is_static ? WALL_NEVER : (struct wall){ TEXT_NOW - 1 + below(r, 4) };
	want = below(r, 2) ? below(r, 4) : below(r, 26);
	if (ret->type == REC_MULTIHOMED && !want)
		want = 1;
	want = ret->type == REC_GROUP ? 0 : ret->type == REC_UNIQUE ? 1 : want;
	for (uint8_t i = 0; ret->naddr < want; i++) {
		struct rec_addr a = { .ip = IP4(192, 0, 2, 1 + below(r, 30)),
			.owner = ret->type == REC_UNIQUE ? ret->owner : random_owner(r),
			.due = ret->due,
			.since = { TEXT_NOW - 255 + i } };

		if (rec_find(ret, a.ip) < 0)
			ret->addr[ret->naddr++] = a;
	}
}

struct trial {
	struct rule_env env;
	struct rec value, in;
	const struct rec *cur;
	struct probe_in probe;
};

static void
random_trial(struct random *r, struct trial *t)
{
	text_env("", &t->env);
	t->env.migrate_on = below(r, 4) == 0;
	t->env.verify_replicas = below(r, 2);
	t->env.nheld = below(r, 6) == 0;
	t->env.held[0] = IP4(192, 0, 2, 1 + below(r, 30));
	random_rec(r, false, &t->value);
	random_rec(r, true, &t->in);
	t->in.key = t->value.key;
	t->cur = below(r, 16) ? &t->value : NULL;
	memset(&t->probe, 0, sizeof(t->probe));
	t->probe.end = (uint8_t)below(r, 3);
	t->probe.seen = t->value.version;
	t->probe.seen_owner = t->value.owner;
	if (below(r, 8) == 0)
		t->probe.seen.v++;
	for (unsigned n = below(r, 26); t->probe.naddr < n; t->probe.naddr++)
		t->probe.addr[t->probe.naddr] = IP4(192, 0, 2, 1 + below(r, 30));
}

enum event { CAME, CAME_PROBED, RETURNED, FOUND, NOT_FOUND, EVENTS };

static struct verdict
run(const struct trial *t, enum event event)
{
	struct rec own = t->in;

	switch (event) {
	case CAME:
		return rule_replica(t->cur, &t->in, &t->env);
	case CAME_PROBED:
		return rule_replica_probed(t->cur, &t->in, &t->probe, &t->env);
	case RETURNED:
		own.owner = OWNER_SELF;
		return rule_returned(t->cur, &own, &t->env);
	case FOUND:
		return rule_verified(&t->value, &t->in, &t->env);
	default:
		return rule_verified(&t->value, NULL, &t->env);
	}
}

static const char *
sound(const struct trial *t, enum event event, const struct verdict *v)
{
	const struct rec *cur = event < FOUND ? t->cur : &t->value;
	const char *broken;

	HOLDS(v->rule > RULE_NONE && v->rule < RULE_COUNT && v->ttl == 0 && v->rcode == 0);
	HOLDS(v->action == ACT_KEEP || v->action == ACT_WRITE ||
	      (v->action == ACT_CHALLENGE && event == CAME) ||
	      (v->action == ACT_DELETE && event >= FOUND));
	HOLDS((v->action == ACT_CHALLENGE) == (v->nprobe > 0));
	HOLDS(v->action == ACT_WRITE || !v->propagate);
	HOLDS(v->action == ACT_WRITE || v->action == ACT_KEEP || !v->ndemand);
	for (int i = 0; i < v->ndemand; i++)
		HOLDS(!t->env.nheld || !ip4_eq(v->demand[i], t->env.held[0]));
	if (v->action != ACT_WRITE)
		return NULL;
	broken = well_formed(&v->next);
	HOLDS(!broken || (fprintf(stderr, "%s\n", broken), false));
	HOLDS(memcmp(&v->next.key, &t->value.key, sizeof(t->value.key)) == 0);
	HOLDS(v->next.is_static || v->next.due.s >= t->env.now.s - 1);
	/* What is ours has a version of ours, and none that was ours before falls. */
	if (rec_is_own(&v->next) && event != RETURNED)
		HOLDS(v->next.version.v == t->env.next.v);
	if (rec_is_own(&v->next) && cur && rec_is_own(cur))
		HOLDS(v->next.version.v > cur->version.v);
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

/* A computer of ours that lives loses its name by being asked, told, or having all its addresses in the
 * replica; a member of a group of ours only by a server that has it, or by an administrator. */
static void
nothing_living_of_ours_is_lost_in_silence(void **state)
{
	struct random r = seeded();
	struct trial t;
	struct verdict v;
	int tried = 0;

	for (int i = 0; i < ROUNDS; i++) {
		random_trial(&r, &t);
		v = rule_replica(t.cur, &t.in, &t.env);
		if (!t.cur || !rec_is_own(t.cur) || t.cur->state != REC_ACTIVE ||
		    v.action != ACT_WRITE || v.next.is_static)
			continue;
		tried++;
		for (int k = 0; k < t.cur->naddr; k++) {
			struct rec_addr a = t.cur->addr[k];
			int at = rec_find(&v.next, a.ip);

			if (!ip4_eq(a.owner, OWNER_SELF) || at >= 0)
				continue;
			assert_int_not_equal(t.cur->type, REC_SPECIAL);
			assert_true(v.ndemand > 0 || t.env.nheld);
		}
	}
	assert_true(tried > 1000);
}

static void
a_static_record_of_ours_is_not_replaced_without_migration(void **state)
{
	struct random r = seeded();
	struct trial t;
	int tried = 0;

	for (int i = 0; i < ROUNDS; i++) {
		random_trial(&r, &t);
		t.env.migrate_on = false;
		if (!t.cur || !rec_is_own(t.cur) || !t.cur->is_static)
			continue;
		tried++;
		assert_int_equal(run(&t, CAME).action, ACT_KEEP);
		assert_int_equal(run(&t, CAME_PROBED).action, ACT_KEEP);
	}
	assert_true(tried > 1000);
}

/* But for a merge that becomes the partner's (RPL_87, RPB_07): its owner's record as such follows. */
static void
the_same_replica_twice_changes_nothing(void **state)
{
	struct random r = seeded();
	struct trial t;
	struct verdict v, again;
	struct rec stored;

	for (int i = 0; i < ROUNDS; i++) {
		random_trial(&r, &t);
		v = rule_replica(t.cur, &t.in, &t.env);
		if (v.action != ACT_WRITE || v.rule == RULE_RPL_87 || v.rule == RULE_RPL_73 ||
		    v.propagate)
			continue;
		stored = v.next;
		again = rule_replica(&stored, &t.in, &t.env);
		if (again.action == ACT_WRITE)
			assert_memory_equal(&again.next, &stored, sizeof(stored));
		else
			assert_int_equal(again.action, ACT_KEEP);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_verdict_is_well_formed),
		cmocka_unit_test(nothing_living_of_ours_is_lost_in_silence),
		cmocka_unit_test(a_static_record_of_ours_is_not_replaced_without_migration),
		cmocka_unit_test(the_same_replica_twice_changes_nothing),
	};

	return cmocka_run_group_tests_name("rules_replicas", tests, NULL, NULL);
}
