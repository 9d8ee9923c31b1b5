/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the tables of the decision core: one test per row, and one that fails when a rule has no row.
 * The rows are in the .def files beside this one, which tools/gen_conformance.py reads too; their
 * grammar is in text.h. Layer: tests; base and rules are all that is linked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "text.h"

enum kind {
	REGISTER,
	MAKE_ROOM,
	PROBED,
	RELEASE,
	DISOWNED,
	UNWANTED,
	QUERY,
	DUE_TIME,
	ADMIN,
	REMOVED,
	REPLICA,
	REPLICA_PROBED,
	RETURNED,
	VERIFIED,
};

/* For rows that make no claim. */
#define ANY_NAME "reg 20 A"

struct row {
	const char *label;
	enum kind kind;
	int rule;
	const char *env, *cur, *event, *extra, *expect, *probe;
};

static const struct row rows[] = {
#define REG(l, r, env, cur, event, expect) \
	{ l, REGISTER, RULE_##r, env, cur, event, "", expect, "" },
#define ROO(l, r, names, expect) \
	{ l, MAKE_ROOM, RULE_##r, "", "none", ANY_NAME, names, expect, "" },
#define PRB(l, r, env, cur, event, probe, expect) \
	{ l, PROBED, RULE_##r, env, cur, event, probe, expect, "" },
#define REL(l, r, env, cur, event, expect) \
	{ l, RELEASE, RULE_##r, env, cur, event, "", expect, "" },
#define DOC(l, r, env, cur, event, expect) \
	{ l, DISOWNED, RULE_##r, env, cur, event, "", expect, "" },
#define UNW(l, r, env, cur, event, expect) \
	{ l, UNWANTED, RULE_##r, env, cur, event, "", expect, "" },
#define QRY(l, r, env, cur, event, pdc, expect) \
	{ l, QUERY, RULE_##r, env, cur, event, pdc, expect, "" },
#define DUE(l, r, env, cur, expect) { l, DUE_TIME, RULE_##r, env, cur, ANY_NAME, "", expect, "" },
#define ADM(l, r, env, cur, event, rec, expect) \
	{ l, ADMIN, RULE_##r, env, cur, event, rec, expect, "" },
#define REM(l, r, env, cur, how, expect) \
	{ l, REMOVED, RULE_##r, env, cur, ANY_NAME, how, expect, "" },
#define RPL(l, r, env, cur, rec, expect) \
	{ l, REPLICA, RULE_##r, env, cur, ANY_NAME, rec, expect, "" },
#define RPB(l, r, env, cur, rec, probe, expect) \
	{ l, REPLICA_PROBED, RULE_##r, env, cur, ANY_NAME, rec, expect, probe },
#define RTN(l, r, env, cur, rec, expect) \
	{ l, RETURNED, RULE_##r, env, cur, ANY_NAME, rec, expect, "" },
#define VER(l, r, env, cur, rec, expect) \
	{ l, VERIFIED, RULE_##r, env, cur, ANY_NAME, rec, expect, "" },
#include "register.def"
#include "probed.def"
#include "release.def"
#include "doctor.def"
#include "query.def"
#include "due.def"
#include "admin.def"
#include "replica.def"
#include "merge.def"
#include "replica_probed.def"
#include "origin.def"
};

#define NROWS (sizeof(rows) / sizeof(*rows))

static bool hit[RULE_COUNT];

/* A row's texts as values. */
struct parsed {
	struct rule_env env;
	struct rec cur_value;
	const struct rec *cur;
	struct reg_in in;
	uint8_t stamps; /* what a partner's record has where its stamps will be */
};

static void
parse(const struct row *row, struct parsed *p)
{
	p->stamps = 0;
	text_env(row->env, &p->env);
	text_claim(row->event, &p->in);
	p->cur = text_rec(row->cur, &p->cur_value) ? &p->cur_value : NULL;
	p->cur_value.key = p->in.key;
}

static struct verdict
run_admin(const struct row *row, const struct parsed *p)
{
	struct rec wish;

	if (!text_rec(row->extra, &wish))
		return rule_admin_tombstone(p->cur, &p->env);
	wish.key = p->in.key;
	return rule_admin_add(p->cur, &wish, &p->env);
}

/* A partner's record, as far as the engine fills it in: it knows no stamps, but what is hearsay. */
static const struct rec *
partners(const struct row *row, const struct parsed *p, uint8_t stamps, struct rec *ret)
{
	if (!text_rec(row->extra, ret))
		return NULL;
	ret->key = p->in.key;
	memset(&ret->due, stamps, sizeof(ret->due));
	for (int i = 0; i < ret->naddr; i++) {
		memset(&ret->addr[i].due, stamps, sizeof(ret->addr[i].due));
		if (ret->addr[i].since.s != REC_HEARSAY.s)
			memset(&ret->addr[i].since, stamps / 2, sizeof(ret->addr[i].since));
	}
	return ret;
}

static struct verdict
run_replica(const struct row *row, const struct parsed *p)
{
	struct probe_in probe;
	struct rec value;
	const struct rec *in = partners(row, p, p->stamps, &value);

	switch (row->kind) {
	case REPLICA:
		return rule_replica(p->cur, in, &p->env);
	case RETURNED:
		return rule_returned(p->cur, in, &p->env);
	case VERIFIED:
		return rule_verified(p->cur, in, &p->env);
	default:
		text_probe(row->probe, p->cur, &probe);
		return rule_replica_probed(p->cur, in, &probe, &p->env);
	}
}

/* Everything but a query. */
static struct verdict
run(const struct row *row, const struct parsed *p)
{
	struct release_in rel = {
		.key = p->in.key, .flags = p->in.flags, .ip = p->in.ip, .from = p->in.from
	};
	unsigned theirs = 0, claimants = 0;
	struct probe_in probe;
	struct rec gone;

	switch (row->kind) {
	case REGISTER:
		return rule_register(p->cur, &p->in, &p->env);
	case MAKE_ROOM:
		assert_int_equal(sscanf(row->extra, "%u %u", &theirs, &claimants), 2);
		return rule_make_room(theirs, claimants);
	case PROBED:
		text_probe(row->extra, p->cur, &probe);
		return rule_probed(p->cur, &p->in, &probe, &p->env);
	case RELEASE:
		return rule_release(p->cur, &rel, &p->env);
	case DISOWNED:
		return rule_disowned(p->cur, p->in.ip, &p->env);
	case UNWANTED:
		return rule_unwanted(p->cur, p->in.ip, &p->env);
	case DUE_TIME:
		return rule_due(p->cur, &p->env);
	case ADMIN:
		return run_admin(row, p);
	case REMOVED:
		text_rec("Ua rep v1 H due=0 A", &gone);
		return rule_owner_removed(
		    p->cur, gone.owner, !strcmp(row->extra, "tombstone"), &p->env);
	default:
		return run_replica(row, p);
	}
}

static bool
same_verdict(const struct verdict *is, const struct verdict *should, FILE *out)
{
	if (memcmp(is, should, sizeof(*is)) == 0)
		return true;
	if (out) {
		fprintf(out, "# is      ");
		text_print_verdict(out, is);
		fprintf(out, "# should  ");
		text_print_verdict(out, should);
	}
	return false;
}

static bool
same_answer(const struct answer *is, const struct answer *should, FILE *out)
{
	if (is->rule == should->rule && is->rcode == should->rcode && is->flags == should->flags &&
	    is->naddr == should->naddr &&
	    memcmp(is->addr, should->addr, is->naddr * sizeof(*is->addr)) == 0)
		return true;
	if (out) {
		fprintf(out, "# is      ");
		text_print_answer(out, is);
		fprintf(out, "# should  ");
		text_print_answer(out, should);
	}
	return false;
}

static bool
check_query(const struct row *row, int rule, const struct parsed *p, FILE *out)
{
	struct answer is, should;
	struct rec pdc;
	bool has_pdc = text_rec(row->extra, &pdc);

	memset(&is, 0xa5, sizeof(is));
	rule_query(&p->in.key, p->cur, has_pdc ? &pdc : NULL, &p->env, &is);
	text_answer(row->expect, &should);
	should.rule = (uint16_t)rule;
	return same_answer(&is, &should, out);
}

/* Does the row give its verdict under this rule? */
static bool
check(const struct row *row, int rule, const struct parsed *p, FILE *out)
{
	bool claim = row->kind == REGISTER || row->kind == PROBED;
	struct verdict is, should;

	if (row->kind == QUERY)
		return check_query(row, rule, p, out);
	is = run(row, p);
	text_verdict(row->expect, &p->in.key, claim ? p->env.renewal : 0, &should);
	should.rule = (uint16_t)rule;
	return same_verdict(&is, &should, out);
}

/* What a store that copies no more than it must may leave behind the record's addresses. */
static void
soil(struct rec *r)
{
	memset(&r->addr[r->naddr], 0xa5, (REC_ADDR_MAX - r->naddr) * sizeof(*r->addr));
	memset(r->key.scope.b + r->key.scope.len, 0xa5, sizeof(r->key.scope.b) - r->key.scope.len);
}

static void
row_gives_its_verdict(void **state)
{
	const struct row *row = *state;
	struct parsed p;

	hit[row->rule] = true;
	parse(row, &p);
	assert_true(check(row, row->rule, &p, stdout));
	soil(&p.cur_value);
	p.stamps = 0xa5;
	assert_true(check(row, row->rule, &p, stdout));
	/* A scope changes nothing but the key. */
	if (!strstr(row->event, "scope=")) {
		parse(row, &p);
		memcpy(p.in.key.scope.b, "\3LAB", 4);
		p.in.key.scope.len = 4;
		if (p.cur)
			p.cur_value.key = p.in.key;
		if (row->kind != DUE_TIME || p.cur)
			assert_true(check(row, row->rule, &p, stdout));
	}
}

/* The first rule that is not marked, or RULE_COUNT. */
static int
first_without_row(const bool marked[static RULE_COUNT])
{
	int i = RULE_NONE + 1;

	while (i < RULE_COUNT && marked[i])
		i++;
	return i;
}

static void
mark_all(bool marked[static RULE_COUNT])
{
	memset(marked, 0, RULE_COUNT * sizeof(*marked));
	for (size_t i = 0; i < NROWS; i++)
		marked[rows[i].rule] = true;
}

static void
every_rule_has_a_row_that_ran(void **state)
{
	int i = first_without_row(hit);

	if (i < RULE_COUNT)
		fail_msg("%s (%s) has no row", rule_name(i), rule_sentence(i));
}

static void
a_rule_without_a_row_is_found(void **state)
{
	bool marked[RULE_COUNT];

	for (int i = RULE_NONE + 1; i < RULE_COUNT; i++) {
		mark_all(marked);
		marked[i] = false;
		assert_int_equal(first_without_row(marked), i);
	}
}

static void
a_row_with_a_wrong_rule_fails(void **state)
{
	struct parsed p;

	for (size_t i = 0; i < NROWS; i++) {
		parse(&rows[i], &p);
		assert_false(check(&rows[i], rows[i].rule % (RULE_COUNT - 1) + 1, &p, NULL));
	}
}

static void
a_row_with_another_verdict_fails(void **state)
{
	struct row wrong;
	struct parsed p;

	for (size_t i = 0; i < NROWS; i++) {
		wrong = rows[i];
		wrong.expect = wrong.kind == QUERY ? "pos 1000 Q" : "write Ua own v9 H due=77 Q";
		parse(&wrong, &p);
		assert_false(check(&wrong, wrong.rule, &p, NULL));
	}
}

/* wins 3.9.2: each state of a record, of this server or of another, meets each kind of replica. */
static void
every_cell_of_the_matrix_has_a_row(void **state)
{
	static const struct rec none;
	bool cell[2][4][3][4][2] = { 0 };
	struct parsed p;
	struct rec in;

	for (size_t i = 0; i < NROWS; i++) {
		if (rows[i].kind != REPLICA)
			continue;
		parse(&rows[i], &p);
		in = none;
		partners(&rows[i], &p, 0, &in);
		if (p.cur && !p.cur->is_static && !in.is_static && in.type < 4 &&
		    (in.state == REC_ACTIVE || in.state == REC_TOMBSTONE) &&
		    !ip4_eq(in.owner, p.cur->owner))
			cell[rec_is_own(p.cur)][p.cur->type][p.cur->state][in.type]
			    [in.state == REC_TOMBSTONE] = true;
	}
	for (size_t i = 0; i < sizeof(cell); i++)
		if (!((bool *)cell)[i])
			fail_msg("cell %zu has no row", i);
}

static void
every_rule_has_its_texts(void **state)
{
	for (int i = RULE_NONE + 1; i < RULE_COUNT; i++) {
		assert_int_equal(strlen(rule_name(i)), 6);
		assert_true(strlen(rule_spec(i)) > 4);
		assert_true(strlen(rule_sentence(i)) > 10);
	}
	assert_string_equal(rule_name(RULE_REG_01), "REG_01");
	assert_string_equal(rule_name(RULE_NONE), "none");
}

static void
no_label_is_given_twice(void **state)
{
	for (size_t i = 0; i < NROWS; i++)
		for (size_t j = 0; j < i; j++)
			if (rows[i].kind == rows[j].kind &&
			    strcmp(rows[i].label, rows[j].label) == 0)
				fail_msg("twice: %s", rows[i].label);
}

int
main(void)
{
	const struct CMUnitTest after[] = {
		cmocka_unit_test(every_rule_has_a_row_that_ran),
		cmocka_unit_test(a_rule_without_a_row_is_found),
		cmocka_unit_test(a_row_with_a_wrong_rule_fails),
		cmocka_unit_test(a_row_with_another_verdict_fails),
		cmocka_unit_test(every_cell_of_the_matrix_has_a_row),
		cmocka_unit_test(every_rule_has_its_texts),
		cmocka_unit_test(no_label_is_given_twice),
	};
	struct CMUnitTest tests[NROWS + sizeof(after) / sizeof(*after)];

	for (size_t i = 0; i < NROWS; i++)
		tests[i] = (struct CMUnitTest){ rows[i].label, row_gives_its_verdict, NULL, NULL,
			(void *)&rows[i] };
	memcpy(tests + NROWS, after, sizeof(after));
	return cmocka_run_group_tests_name("rules_rows", tests, NULL, NULL);
}
