/* SPDX-License-Identifier: Apache-2.0 */
/* What the doctor tells a person: which records are findings, and what each sentence says. */
#include "control/finding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define A IP4(192, 0, 2, 1)
#define B IP4(192, 0, 2, 2)
#define X IP4(169, 254, 7, 7)

static struct rec
rec(const char *name, int type, bool is_static, struct ip4 first, struct ip4 second)
{
	struct rec r = { .type = (uint8_t)type, .is_static = is_static };

	assert_int_equal(nb_key_parse(name, 0, &r.key), 0);
	if (first.v)
		r.addr[r.naddr++].ip = first;
	if (second.v)
		r.addr[r.naddr++].ip = second;
	return r;
}

static bool
link_local(const void *arg, struct ip4 ip)
{
	(void)arg;
	return ip4_net_has((struct ip4_net){ IP4(169, 254, 0, 0), 16 }, ip);
}

static void
addresses_of_excluded_networks_are_found_in_living_records_of_every_type(void **state)
{
	struct control_finding f;
	struct rec r = rec("PC<20>", REC_MULTIHOMED, false, A, X);

	assert_true(control_finding_excluded(&r, link_local, NULL, &f));
	assert_int_equal(f.kind, FINDING_EXCLUDED);
	assert_int_equal(f.naddr, 1);
	assert_int_equal(f.addr[0].v, X.v);
	r.state = REC_RELEASED;
	assert_false(control_finding_excluded(&r, link_local, NULL, &f));
	r = rec("PC<20>", REC_MULTIHOMED, false, A, B);
	assert_false(control_finding_excluded(&r, link_local, NULL, &f));
	r = rec("DOMAIN<1c>", REC_SPECIAL, false, A, X);
	assert_true(control_finding_excluded(&r, link_local, NULL, &f));
	r = rec("PC<20>", REC_UNIQUE, true, X, IP4_ANY);
	assert_true(control_finding_excluded(&r, link_local, NULL, &f));
	assert_int_equal(f.kind, FINDING_EXCLUDED_STATIC);
	r = rec("GROUP<1e>", REC_GROUP, false, IP4_ANY, IP4_ANY);
	assert_false(control_finding_excluded(&r, link_local, NULL, &f));
}

static void
a_static_record_is_astray_when_its_computer_lives_elsewhere(void **state)
{
	struct rec fixed = rec("PC<00>", REC_UNIQUE, true, A, IP4_ANY);
	struct rec other = rec("PC<20>", REC_UNIQUE, false, B, IP4_ANY);
	struct control_finding f;

	assert_true(control_finding_astray(&fixed, &other, &f));
	assert_int_equal(f.kind, FINDING_STATIC_ASTRAY);
	assert_int_equal(f.other, 0x20);
	assert_int_equal(f.cause.v, B.v);
	assert_int_equal(f.addr[0].v, A.v);
	fixed.type = REC_MULTIHOMED;
	assert_true(control_finding_astray(&fixed, &other, &f));
}

static void
a_static_record_is_not_astray_otherwise(void **state)
{
	struct rec fixed = rec("PC<00>", REC_UNIQUE, true, A, IP4_ANY);
	const struct rec other[] = {
		rec("PC<20>", REC_MULTIHOMED, false, B, A),  /* one address in common */
		rec("PC<20>", REC_UNIQUE, true, B, IP4_ANY), /* static too: a person's word */
		rec("PD<20>", REC_UNIQUE, false, B, IP4_ANY),
		rec("PC<20>.LAB", REC_UNIQUE, false, B, IP4_ANY), /* another scope's computer */
		rec("PC<1e>", REC_GROUP, false, IP4_ANY, IP4_ANY),
		rec("PC<1c>", REC_SPECIAL, false, B, IP4_ANY),
		rec("PC<1b>", REC_UNIQUE, false, B, IP4_ANY), /* a domain of that name */
	};
	struct rec dead = rec("PC<20>", REC_UNIQUE, false, B, IP4_ANY);
	struct control_finding f;

	for (size_t i = 0; i < sizeof(other) / sizeof(*other); i++)
		assert_false(control_finding_astray(&fixed, &other[i], &f));
	dead.state = REC_RELEASED;
	assert_false(control_finding_astray(&fixed, &dead, &f));
	dead.state = REC_ACTIVE;
	assert_true(control_finding_astray(&fixed, &dead, &f));
	fixed.is_static = false;
	assert_false(control_finding_astray(&fixed, &dead, &f));
	fixed = rec("PC<1c>", REC_SPECIAL, true, A, IP4_ANY);
	assert_false(control_finding_may_be_astray(&fixed));
}

static struct control_finding
finding(int kind, const char *name, unsigned naddr)
{
	struct control_finding f = { .kind = (uint8_t)kind,
		.cause = IP4(192, 0, 2, 200),
		.count = 4000000000u,
		.naddr = (uint8_t)naddr };

	assert_int_equal(nb_key_parse(name, 0, &f.key), 0);
	for (unsigned i = 0; i < naddr; i++)
		f.addr[i] = IP4(255, 255, 255, 100 + i);
	return f;
}

static void
sentences_name_the_name_and_all_addresses(void **state)
{
	char buf[CONTROL_FINDING_STRLEN];
	struct control_finding f = finding(FINDING_HALF_RELEASED, "PC<20>", 3);

	assert_string_equal(control_finding_text(&f, FINDING_WHAT, buf),
	    "192.0.2.200 was released, but 255.255.255.100, 255.255.255.101 and "
	    "255.255.255.102 stayed registered for PC<20>.");
	f = finding(FINDING_STATIC_ASTRAY, "PC<00>", 1);
	f.other = 0x20;
	assert_string_equal(control_finding_text(&f, FINDING_WHAT, buf),
	    "A static record says that PC<00> is at 255.255.255.100, but the computer "
	    "registered PC<20> at 192.0.2.200.");
	f = finding(FINDING_DISPUTED, "PC<00>", 2);
	assert_non_null(strstr(control_finding_text(&f, FINDING_WHAT, buf), "4000000000 times"));
}

/* The longest: every byte of name and scope escaped, 25 addresses. */
static void
the_longest_sentences_are_whole(void **state)
{
	char buf[CONTROL_FINDING_STRLEN];

	for (int kind = 0; kind < FINDING_COUNT; kind++) {
		struct control_finding f = finding(kind, "PC<20>", REC_ADDR_MAX);

		memset(f.key.name.b, 1, NB_NAME_LEN);
		f.key.scope.len = NB_SCOPE_WIRE;
		memset(f.key.scope.b, 1, NB_SCOPE_WIRE);
		for (int part = FINDING_WHAT; part <= FINDING_REPAIR; part++) {
			control_finding_text(&f, (enum control_finding_part)part, buf);
			assert_true(strlen(buf) < CONTROL_FINDING_STRLEN - 1);
			assert_null(strchr(buf, '%'));
			assert_int_equal(buf[strlen(buf) - 1], '.');
		}
	}
}

static const char *
command_of(const json_t *o)
{
	return json_string_value(json_object_get(o, "command"));
}

static void
commands_can_be_pasted_whatever_the_name_is(void **state)
{
	struct control_finding f = finding(FINDING_DOUBTFUL, "$(x)`y`<20>", 1);
	json_t *o = control_finding_json(&f);

	assert_string_equal(command_of(o), "winsctl --case doctor --repair '$(x)`y`<20>'");
	json_decref(o);
	f = finding(FINDING_STATIC_CLASH, "a'; reboot '<20>", 1);
	o = control_finding_json(&f);
	assert_string_equal(command_of(o), "winsctl --case delete 'a\\x27; reboot \\x27<20>'");
	json_decref(o);
}

static void
json_has_what_there_is(void **state)
{
	struct control_finding f = finding(FINDING_EXCLUDED, "PC<20>", 2);
	json_t *o;

	f.count = 0;
	f.cause = IP4_ANY;
	o = control_finding_json(&f);
	assert_string_equal(json_string_value(json_object_get(o, "finding")), "excluded-address");
	assert_int_equal(json_array_size(json_object_get(o, "addresses")), 2);
	assert_true(json_is_null(json_object_get(o, "since")));
	assert_null(json_object_get(o, "other-address"));
	assert_null(json_object_get(o, "other-name"));
	assert_null(json_object_get(o, "count"));
	json_decref(o);
}

static void
each_finding_of_the_engine_is_one_here(void **state)
{
	static const struct {
		int is, becomes;
	} row[] = { { WINS_HALF_RELEASED, FINDING_HALF_RELEASED },
		{ WINS_HALF_REFRESHED, FINDING_HALF_REFRESHED },
		{ WINS_EXAMINED, FINDING_EXAMINED }, { WINS_DOUBTFUL, FINDING_DOUBTFUL },
		{ WINS_DISPUTED, FINDING_DISPUTED }, { WINS_STATIC_CLASH, FINDING_STATIC_CLASH } };

	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		struct wins_finding w = { .kind = (uint8_t)row[i].is,
			.naddr = 1,
			.addr = { A },
			.count = 7,
			.cause = B };
		struct control_finding f = control_finding_of(&w);

		assert_int_equal(f.kind, row[i].becomes);
		assert_int_equal(f.addr[0].v, A.v);
		assert_int_equal(f.cause.v, B.v);
		assert_int_equal(f.count, 7);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    addresses_of_excluded_networks_are_found_in_living_records_of_every_type),
		cmocka_unit_test(a_static_record_is_astray_when_its_computer_lives_elsewhere),
		cmocka_unit_test(a_static_record_is_not_astray_otherwise),
		cmocka_unit_test(sentences_name_the_name_and_all_addresses),
		cmocka_unit_test(the_longest_sentences_are_whole),
		cmocka_unit_test(commands_can_be_pasted_whatever_the_name_is),
		cmocka_unit_test(json_has_what_there_is),
		cmocka_unit_test(each_finding_of_the_engine_is_one_here),
	};

	return cmocka_run_group_tests_name("control_finding", tests, NULL, NULL);
}
