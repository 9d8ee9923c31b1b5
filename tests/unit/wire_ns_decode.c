/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the decoder refuses, with which reason, and what it tolerates because real peers do it:
 * vectors of tests/data/ns with one thing changed (netbt-name-service.md 1.8, 8.3; wins 2.1).
 */
#include "wire/ns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "../support/hex.h"
#include "../support/ns_same.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* Offsets in a packet for a name without scope. */
#define QTYPE    46
#define QCLASS   48
#define RR_NAME  50 /* of a request */
#define RR_TYPE  52
#define RR_CLASS 54
#define RR_LEN   60
#define AN_TYPE  46 /* of a response */
#define AN_CLASS 48
#define AN_LEN   54
#define AN_DATA  56

struct packet {
	uint8_t b[8192];
	size_t len;
};

static void
load(struct packet *p, const char *file)
{
	char path[128];

	memset(p, 0, sizeof(*p));
	snprintf(path, sizeof(path), "ns/%s.hex", file);
	p->len = hex_read(path, p->b, sizeof(p->b));
}

static void
poke(struct packet *p, size_t at, unsigned value)
{
	p->b[at] = (uint8_t)(value >> 8);
	p->b[at + 1] = (uint8_t)value;
}

static int
drop_of(const struct packet *p)
{
	struct nb_msg m;

	return nb_decode(p->b, p->len, &m);
}

static void
decode(const struct packet *p, struct nb_msg *ret)
{
	assert_int_equal(nb_decode(p->b, p->len, ret), NB_DROP_NONE);
}

static void
one_wrong_field_gives_its_reason(void **state)
{
	static const struct {
		const char *file;
		unsigned at, value;
		int drop;
	} rows[] = {
		{ "query-nbns", 4, 0, NB_DROP_NO_QUESTION },
		{ "query-nbns", 4, 2, NB_DROP_COUNTS },
		{ "query-nbns", 6, 1, NB_DROP_COUNTS },
		{ "query-nbns", 8, 1, NB_DROP_COUNTS },
		{ "query-nbns", 10, 1, NB_DROP_COUNTS },
		{ "query-nbns", QTYPE, 1, NB_DROP_TYPE },
		{ "query-nbns", QCLASS, 2, NB_DROP_CLASS },
		{ "query-nbns", 12, 0x2145, NB_DROP_LABEL },
		{ "query-nbns", 12, 0xc00c, NB_DROP_POINTER },
		{ "query-nbns", 12, 0xc000, NB_DROP_POINTER },
		{ "register", 4, 0, NB_DROP_NO_QUESTION },
		{ "register", 4, 2, NB_DROP_COUNTS },
		{ "register", 6, 1, NB_DROP_COUNTS },
		{ "register", 8, 1, NB_DROP_COUNTS },
		{ "register", 10, 0, NB_DROP_NO_RECORD },
		{ "register", 10, 2, NB_DROP_COUNTS },
		{ "register", QTYPE, 0x21, NB_DROP_TYPE },
		{ "register", QCLASS, 0, NB_DROP_CLASS },
		{ "register", RR_NAME, 0xc00d, NB_DROP_LABEL },
		{ "register", RR_NAME, 0xc032, NB_DROP_POINTER },
		{ "register", RR_TYPE, 0x0a, NB_DROP_TYPE },
		{ "register", RR_CLASS, 255, NB_DROP_CLASS },
		{ "register", RR_LEN, 0, NB_DROP_RDATA },
		{ "register", RR_LEN, 5, NB_DROP_RDATA },
		{ "register", RR_LEN, 7, NB_DROP_SHORT },
		{ "register-multihomed", RR_LEN, 5, NB_DROP_RDATA },
		{ "refresh", RR_LEN, 0, NB_DROP_RDATA },
		{ "release", RR_LEN, 5, NB_DROP_RDATA },
		{ "release", 10, 0, NB_DROP_NO_RECORD },
		{ "query-positive", 4, 1, NB_DROP_COUNTS },
		{ "query-positive", 6, 0, NB_DROP_NO_RECORD },
		{ "query-positive", 6, 2, NB_DROP_COUNTS },
		{ "query-positive", AN_TYPE, 0x0a, NB_DROP_TYPE },
		{ "query-positive", AN_CLASS, 3, NB_DROP_CLASS },
		{ "query-positive", AN_LEN, 11, NB_DROP_RDATA },
		{ "query-positive", AN_LEN, 13, NB_DROP_SHORT },
		{ "query-negative", 4, 1, NB_DROP_COUNTS },
		{ "query-negative", 6, 2, NB_DROP_COUNTS },
		{ "query-negative", 8, 1, NB_DROP_COUNTS },
		{ "query-negative", AN_TYPE, 0x21, NB_DROP_TYPE },
		{ "register-positive", 6, 0, NB_DROP_NO_RECORD },
		{ "register-positive", 4, 1, NB_DROP_COUNTS },
		{ "register-positive", AN_TYPE, 0x0a, NB_DROP_TYPE },
		{ "register-positive", AN_LEN, 0, NB_DROP_RDATA },
		{ "release-positive", AN_LEN, 4, NB_DROP_RDATA },
		{ "wack", AN_TYPE, 1, NB_DROP_TYPE },
		{ "wack", AN_LEN, 1, NB_DROP_RDATA },
		{ "wack", AN_LEN, 3, NB_DROP_SHORT },
		{ "redirect", AN_TYPE, 1, NB_DROP_TYPE },
		{ "redirect", AN_LEN, 33, NB_DROP_RDATA },
		{ "redirect", AN_LEN, 35, NB_DROP_RDATA },
		{ "redirect", 124, 2, NB_DROP_TYPE },
		{ "redirect", 126, 2, NB_DROP_CLASS },
		{ "redirect", 132, 3, NB_DROP_RDATA },
		{ "redirect", 10, 0, NB_DROP_COUNTS },
		{ "status-response", AN_DATA, 0x054c, NB_DROP_RDATA },
		{ "status-response", AN_LEN, 0, NB_DROP_RDATA },
		{ "status-response", AN_LEN, 36, NB_DROP_RDATA },
		{ "status-request", 4, 0, NB_DROP_NO_QUESTION },
	};
	struct packet p;

	for (size_t i = 0; i < COUNT(rows); i++) {
		load(&p, rows[i].file);
		poke(&p, rows[i].at, rows[i].value);
		print_message("# %s, %u at %u\n", rows[i].file, rows[i].value, rows[i].at);
		assert_int_equal(drop_of(&p), rows[i].drop);
	}
}

static void
only_defined_operations_are_taken(void **state)
{
	/* One bit an operation code: requests, then responses. */
	static const unsigned requests = 1 << 0 | 1 << 5 | 1 << 6 | 1 << 8 | 1 << 9 | 1 << 15;
	static const unsigned responses = 1 << 0 | 1 << 5 | 1 << 6 | 1 << 7;
	struct packet p;

	for (unsigned op = 0; op < 16; op++) {
		load(&p, op ? "register" : "query-nbns");
		poke(&p, 2, op << 11);
		assert_int_equal(drop_of(&p), requests >> op & 1 ? NB_DROP_NONE : NB_DROP_OPCODE);
		load(&p, op == NB_OP_WACK ? "wack" : "register-positive");
		poke(&p, 2, NB_F_R | op << 11);
		assert_int_equal(drop_of(&p), responses >> op & 1 ? NB_DROP_NONE : NB_DROP_OPCODE);
	}
}

static void
other_flags_of_a_request_are_kept_and_change_nothing(void **state)
{
	static const uint16_t flags[] = { NB_F_AA, NB_F_TC, NB_F_RD, NB_F_RA, NB_F_B, 0x60, 0x0f };
	struct packet p;
	struct nb_msg m;

	for (size_t i = 0; i < COUNT(flags); i++) {
		load(&p, "refresh");
		poke(&p, 2, 0x4000 | flags[i]);
		decode(&p, &m);
		assert_int_equal(m.kind, NB_REFRESH_REQ);
		assert_int_equal(m.flags, 0x4000 | flags[i]);
	}
}

/* The request with its RR_NAME written out instead of C0 0C. */
static void
write_out(struct packet *p)
{
	load(p, "register");
	memmove(p->b + RR_NAME + 34, p->b + RR_TYPE, p->len - RR_TYPE);
	memcpy(p->b + RR_NAME, p->b + 12, 34);
	p->len += 32;
}

static void
a_record_name_written_out_is_taken_when_it_is_the_questions(void **state)
{
	struct nb_msg want, got;
	struct packet p;

	load(&p, "register");
	decode(&p, &want);
	write_out(&p);
	decode(&p, &got);
	assert_true(ns_same(&want, &got));
	p.b[RR_NAME + 1] = 'F';
	assert_int_equal(drop_of(&p), NB_DROP_NAME_MISMATCH);
	write_out(&p);
	p.b[RR_NAME + 32] = 'B'; /* the suffix alone */
	assert_int_equal(drop_of(&p), NB_DROP_NAME_MISMATCH);
}

static void
a_record_for_another_scope_is_a_mismatch(void **state)
{
	struct packet p;

	write_out(&p);
	memmove(p.b + RR_NAME + 36, p.b + RR_NAME + 34, p.len - RR_NAME - 34);
	memcpy(p.b + RR_NAME + 33, "\1A", 3);
	p.len += 2;
	assert_int_equal(drop_of(&p), NB_DROP_NAME_MISMATCH);
}

static void
a_redirect_names_one_server_at_one_address(void **state)
{
	struct packet p;

	load(&p, "redirect");
	p.b[91] = 'F';
	assert_int_equal(drop_of(&p), NB_DROP_NAME_MISMATCH);
	load(&p, "redirect");
	poke(&p, 132, 5); /* and its address may not be longer than one */
	p.len++;
	assert_int_equal(drop_of(&p), NB_DROP_RDATA);
}

static void
of_several_addresses_in_a_claim_the_first_counts(void **state)
{
	struct packet p;
	struct nb_msg m;

	load(&p, "register");
	poke(&p, RR_LEN, 12);
	p.len += 6;
	decode(&p, &m);
	assert_int_equal(m.naddr, 1);
	assert_int_equal(m.addr[0].ip.v, 0xc000020a);
	poke(&p, RR_LEN, 11);
	assert_int_equal(drop_of(&p), NB_DROP_RDATA);
}

/* A positive query answer with n addresses 10.0.0.0, 10.0.0.1 ... */
static void
answer_with(struct packet *p, unsigned n)
{
	load(p, "query-positive");
	poke(p, AN_LEN, n * 6);
	for (unsigned i = 0; i < n; i++) {
		poke(p, AN_DATA + 6 * i, 0);
		poke(p, AN_DATA + 6 * i + 2, 0x0a00);
		poke(p, AN_DATA + 6 * i + 4, i);
	}
	p->len = AN_DATA + 6 * n;
}

static void
up_to_82_addresses_are_kept_and_the_rest_passed_over(void **state)
{
	static const unsigned counts[] = { 0, 1, 25, 81, 82, 83, 200 };
	struct packet p;
	struct nb_msg m;

	for (size_t i = 0; i < COUNT(counts); i++) {
		unsigned kept = counts[i] < NB_ADDR_MAX ? counts[i] : NB_ADDR_MAX;

		answer_with(&p, counts[i]);
		decode(&p, &m);
		assert_int_equal(m.naddr, kept);
		for (unsigned j = 0; j < kept; j++)
			assert_int_equal(m.addr[j].ip.v, 0x0a000000 + j);
	}
}

static void
a_negative_answer_is_the_same_with_ancount_0_and_1(void **state)
{
	struct nb_msg one, none;
	struct packet p;

	load(&p, "query-negative");
	decode(&p, &one);
	poke(&p, 6, 0);
	decode(&p, &none);
	assert_true(ns_same(&one, &none));
}

static void
a_negative_answer_may_lack_its_record(void **state)
{
	struct packet p;
	struct nb_msg m;

	for (unsigned an = 0; an < 2; an++) {
		load(&p, "query-negative");
		poke(&p, 6, an);
		p.len = 12;
		decode(&p, &m);
		assert_int_equal(m.kind, NB_QUERY_FAIL);
		assert_int_equal(m.rr_type, 0);
		assert_int_equal(m.key.name.b[0], 0);
		assert_int_equal(nb_rcode(&m), NB_RC_NAM);
	}
}

static void
a_negative_answer_may_have_an_nb_record_with_data(void **state)
{
	struct packet p;
	struct nb_msg m;

	load(&p, "query-negative");
	poke(&p, AN_TYPE, NB_TYPE_NB);
	poke(&p, AN_LEN, 6);
	p.len += 6;
	decode(&p, &m);
	assert_int_equal(m.kind, NB_QUERY_FAIL);
	assert_int_equal(m.naddr, 0);
}

static void
a_wack_may_be_of_type_null(void **state)
{
	struct packet p;
	struct nb_msg m;

	load(&p, "wack");
	poke(&p, AN_TYPE, NB_TYPE_NULL);
	decode(&p, &m);
	assert_int_equal(m.kind, NB_WACK);
	assert_int_equal(m.wack_flags, 0x7900);
}

static void
only_a_wack_may_have_the_root_as_its_name(void **state)
{
	struct packet p;
	struct nb_msg m;

	load(&p, "wack");
	memmove(p.b + 13, p.b + AN_TYPE, p.len - AN_TYPE);
	p.b[12] = 0;
	p.len -= 33;
	memset(&m, 0xa5, sizeof(m));
	decode(&p, &m);
	assert_int_equal(m.ttl, 9);
	for (size_t i = 0; i < sizeof(m.key); i++)
		assert_int_equal(((const uint8_t *)&m.key)[i], 0);
	poke(&p, 2, 0xad80);
	assert_int_equal(drop_of(&p), NB_DROP_LABEL);
}

static void
statistics_may_be_cut_anywhere_or_be_too_long(void **state)
{
	struct packet p;
	struct nb_msg m;

	for (unsigned stats = 0; stats < 60; stats++) {
		load(&p, "status-response");
		poke(&p, AN_LEN, 1 + 2 * NB_NODE_LEN + stats);
		p.len = AN_DATA + 1 + 2 * NB_NODE_LEN + stats;
		decode(&p, &m);
		assert_int_equal(m.nnode, 2);
		assert_int_equal(m.stats_len, stats < NB_STATS_LEN ? stats : NB_STATS_LEN);
		assert_ptr_equal(m.stats, p.b + AN_DATA + 1 + 2 * NB_NODE_LEN);
	}
}

static void
node_status_may_list_no_name_and_255(void **state)
{
	static const unsigned counts[] = { 0, 255 };
	struct packet p;
	struct nb_msg m;

	for (size_t i = 0; i < COUNT(counts); i++) {
		size_t rdlength = 1 + counts[i] * NB_NODE_LEN;

		load(&p, "status-response");
		p.b[AN_DATA] = (uint8_t)counts[i];
		poke(&p, AN_LEN, (unsigned)rdlength);
		p.len = AN_DATA + rdlength;
		decode(&p, &m);
		assert_int_equal(m.nnode, counts[i]);
		assert_int_equal(m.stats_len, 0);
	}
}

static void
a_scope_one_past_what_can_be_held_is_dropped(void **state)
{
	struct packet p;

	load(&p, "query-nbns");
	memmove(p.b + 45 + 256, p.b + 45, p.len - 45);
	for (unsigned label = 0; label < 4; label++) {
		p.b[45 + 64 * label] = 63;
		memset(p.b + 45 + 64 * label + 1, 'S', 63);
	}
	p.len += 256;
	assert_int_equal(drop_of(&p), NB_DROP_SCOPE);
	/* One character less: the last label gives its last byte to the root. */
	memmove(p.b + 45 + 255, p.b + 45 + 256, p.len - 45 - 256);
	p.b[45 + 64 * 3] = 62;
	p.len--;
	assert_int_equal(drop_of(&p), NB_DROP_NONE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_wrong_field_gives_its_reason),
		cmocka_unit_test(only_defined_operations_are_taken),
		cmocka_unit_test(other_flags_of_a_request_are_kept_and_change_nothing),
		cmocka_unit_test(a_record_name_written_out_is_taken_when_it_is_the_questions),
		cmocka_unit_test(a_record_for_another_scope_is_a_mismatch),
		cmocka_unit_test(a_redirect_names_one_server_at_one_address),
		cmocka_unit_test(of_several_addresses_in_a_claim_the_first_counts),
		cmocka_unit_test(up_to_82_addresses_are_kept_and_the_rest_passed_over),
		cmocka_unit_test(a_negative_answer_is_the_same_with_ancount_0_and_1),
		cmocka_unit_test(a_negative_answer_may_lack_its_record),
		cmocka_unit_test(a_negative_answer_may_have_an_nb_record_with_data),
		cmocka_unit_test(a_wack_may_be_of_type_null),
		cmocka_unit_test(only_a_wack_may_have_the_root_as_its_name),
		cmocka_unit_test(statistics_may_be_cut_anywhere_or_be_too_long),
		cmocka_unit_test(node_status_may_list_no_name_and_255),
		cmocka_unit_test(a_scope_one_past_what_can_be_held_is_dropped),
	};

	return cmocka_run_group_tests_name("wire_ns_decode", tests, NULL, NULL);
}
