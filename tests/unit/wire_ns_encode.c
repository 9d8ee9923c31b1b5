/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the encoder does at the edge of a packet: how many addresses and names fit in 548 bytes, what
 * is cut with TC and what then makes no packet (netbt-name-service.md 1.5, 1.8).
 */
#include "wire/ns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "../support/hex.h"
#include "../support/ns_same.h"

/* An empty message of a kind for ALPHA<20>. */
static struct nb_msg
message(enum nb_kind kind, uint16_t flags)
{
	struct nb_msg m = { .id = 7, .flags = flags, .kind = kind };

	assert_int_equal(nb_key_parse("ALPHA<20>", 0, &m.key), 0);
	return m;
}

static struct nb_msg
answer_with(uint16_t naddr)
{
	struct nb_msg m = message(NB_QUERY_OK, 0x8580);

	m.naddr = naddr;
	for (unsigned i = 0; i < naddr; i++)
		m.addr[i] = (struct nb_addr){ 0, { 0x0a000000 + i } };
	return m;
}

static void
eighty_two_addresses_fit_in_a_datagram(void **state)
{
	struct nb_msg m = answer_with(NB_ADDR_MAX), back;
	uint8_t out[NB_UDP_MAX];
	size_t len = nb_encode(&m, out, sizeof(out));

	assert_int_equal(len, 56 + 6 * 82);
	assert_int_equal(nb_decode(out, len, &back), NB_DROP_NONE);
	m.rr_type = NB_TYPE_NB;
	assert_true(ns_same(&m, &back));
}

static void
addresses_that_do_not_fit_are_cut_with_tc(void **state)
{
	struct nb_msg m = answer_with(NB_ADDR_MAX), back;
	uint8_t out[NB_UDP_MAX];

	for (size_t cap = 56; cap < 56 + 6 * 82; cap++) {
		size_t len = nb_encode(&m, out, cap);

		assert_int_equal(len, 56 + (cap - 56) / 6 * 6);
		assert_int_equal(nb_decode(out, len, &back), NB_DROP_NONE);
		assert_int_equal(back.naddr, (cap - 56) / 6);
		assert_int_equal(back.flags, 0x8780);
	}
	assert_int_equal(nb_encode(&m, out, 55), 0);
}

static void
a_scope_takes_the_place_of_addresses(void **state)
{
	struct nb_msg m = answer_with(NB_ADDR_MAX), back;
	uint8_t out[NB_UDP_MAX];
	size_t len;

	m.key.scope.len = 7;
	memcpy(m.key.scope.b, "\6SCOPE1", 7);
	len = nb_encode(&m, out, sizeof(out));
	assert_int_equal(nb_decode(out, len, &back), NB_DROP_NONE);
	assert_int_equal(back.naddr, 80);
	assert_true(back.flags & NB_F_TC);
	assert_true(nb_key_eq(&back.key, &m.key));
}

/* Encodes a node status of n names with stats_len bytes of statistics into 548 bytes, decodes it. */
static void
status_round(unsigned n, uint16_t stats_len, uint8_t out[static NB_UDP_MAX], struct nb_msg *ret)
{
	static const uint8_t stats[NB_STATS_LEN] = { 2, 0, 0, 0, 0, 1 };
	struct nb_msg m = message(NB_STATUS_RESP, 0x8400);
	uint8_t nodes[255 * NB_NODE_LEN];
	struct wr w = wr_init(nodes, sizeof(nodes));
	size_t len;

	for (unsigned i = 0; i < n; i++) {
		struct nb_node node = { .flags = NB_NF_ACTIVE };

		memset(node.name.b, (int)i, sizeof(node.name.b));
		nb_node_encode(&w, &node);
	}
	m.nnode = (uint8_t)n;
	m.node = nodes;
	m.stats_len = stats_len;
	m.stats = stats;
	len = nb_encode(&m, out, NB_UDP_MAX);
	assert_int_equal(nb_decode(out, len, ret), NB_DROP_NONE);
	for (unsigned i = 0; i < ret->nnode; i++)
		assert_int_equal(nb_node_at(ret, i).name.b[15], i);
	assert_int_equal(ret->stats_len, stats_len);
	assert_int_equal(len, 12 + 34 + 10 + 1 + 18u * ret->nnode + stats_len);
}

static void
node_status_lists_24_names_and_cuts_the_25th_with_tc(void **state)
{
	uint8_t out[NB_UDP_MAX];
	struct nb_msg m;

	status_round(24, NB_STATS_LEN, out, &m);
	assert_int_equal(m.nnode, 24);
	assert_int_equal(m.flags, 0x8400);
	status_round(25, NB_STATS_LEN, out, &m);
	assert_int_equal(m.nnode, 24);
	assert_int_equal(m.flags, 0x8600);
	status_round(255, NB_STATS_LEN, out, &m);
	assert_int_equal(m.nnode, 24);
	assert_int_equal(m.flags, 0x8600);
}

static void
node_status_without_statistics_has_room_for_more_names(void **state)
{
	uint8_t out[NB_UDP_MAX];
	struct nb_msg m;

	status_round(27, 0, out, &m);
	assert_int_equal(m.nnode, 27);
	status_round(28, 0, out, &m);
	assert_int_equal(m.nnode, 27);
	assert_true(m.flags & NB_F_TC);
	status_round(26, 6, out, &m);
	assert_int_equal(m.nnode, 26);
	assert_false(m.flags & NB_F_TC);
	status_round(0, 6, out, &m);
	assert_int_equal(m.nnode, 0);
	assert_false(m.flags & NB_F_TC);
}

static void
node_status_lists_what_any_room_holds(void **state)
{
	static const uint8_t nodes[30 * NB_NODE_LEN], stats[NB_STATS_LEN];
	struct nb_msg m = message(NB_STATUS_RESP, 0x8400), back;
	uint8_t out[NB_UDP_MAX];

	m.nnode = 30;
	m.node = nodes;
	m.stats_len = NB_STATS_LEN;
	m.stats = stats;
	for (size_t cap = 103; cap <= sizeof(out); cap++) {
		size_t len = nb_encode(&m, out, cap);

		assert_int_equal(len, 103 + (cap - 103) / 18 * 18);
		assert_int_equal(nb_decode(out, len, &back), NB_DROP_NONE);
		assert_int_equal(back.nnode, (cap - 103) / 18);
	}
	assert_int_equal(nb_encode(&m, out, 102), 0);
}

static void
record_types_left_out_are_those_of_the_catalogue(void **state)
{
	struct nb_msg fail = message(NB_QUERY_FAIL, 0x8583), wack = message(NB_WACK, 0xbc00);
	uint8_t out[NB_UDP_MAX];
	struct nb_msg back;

	assert_int_equal(nb_encode(&fail, out, sizeof(out)), 56);
	assert_int_equal(nb_decode(out, 56, &back), NB_DROP_NONE);
	assert_int_equal(back.rr_type, NB_TYPE_NULL);
	wack.wack_flags = 0x7900;
	assert_int_equal(nb_encode(&wack, out, sizeof(out)), 58);
	assert_int_equal(nb_decode(out, 58, &back), NB_DROP_NONE);
	assert_int_equal(back.rr_type, NB_TYPE_NB);
	assert_int_equal(back.wack_flags, 0x7900);
}

static void
the_longest_scope_fits_every_request_and_its_answer(void **state)
{
	static const enum nb_kind kinds[] = { NB_QUERY_REQ, NB_STATUS_REQ, NB_REGISTER_REQ,
		NB_REFRESH_REQ, NB_RELEASE_REQ, NB_REGISTER_RESP, NB_RELEASE_RESP, NB_QUERY_FAIL,
		NB_WACK };
	static const uint16_t flags[] = { 0x0100, 0, 0x2900, 0x4000, 0x3000, 0xad82, 0xb400, 0x8583,
		0xbc00 };
	uint8_t out[NB_UDP_MAX], *again = malloc(65535);

	assert_non_null(again);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		struct nb_msg m = message(kinds[i], flags[i]), back;
		size_t len;

		m.key.scope.len = 255;
		memset(m.key.scope.b, 'S', 255);
		for (int label = 0; label < 4; label++)
			m.key.scope.b[64 * label] = label < 3 ? 63 : 62;
		m.naddr = kinds[i] != NB_QUERY_REQ && kinds[i] != NB_STATUS_REQ;
		len = nb_encode(&m, out, sizeof(out));
		assert_in_range(len, 305, 323);
		assert_int_equal(nb_decode(out, len, &back), NB_DROP_NONE);
		assert_true(nb_key_eq(&back.key, &m.key));
		assert_true(ns_survives(&back, again));
	}
	free(again);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(eighty_two_addresses_fit_in_a_datagram),
		cmocka_unit_test(addresses_that_do_not_fit_are_cut_with_tc),
		cmocka_unit_test(a_scope_takes_the_place_of_addresses),
		cmocka_unit_test(node_status_lists_24_names_and_cuts_the_25th_with_tc),
		cmocka_unit_test(node_status_without_statistics_has_room_for_more_names),
		cmocka_unit_test(node_status_lists_what_any_room_holds),
		cmocka_unit_test(record_types_left_out_are_those_of_the_catalogue),
		cmocka_unit_test(the_longest_scope_fits_every_request_and_its_answer),
	};

	return cmocka_run_group_tests_name("wire_ns_encode", tests, NULL, NULL);
}
