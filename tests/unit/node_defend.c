/* SPDX-License-Identifier: Apache-2.0 */
/* The table "Incoming packets at an end node" (netbt-name-service.md 2.4), a test a row; 3.4, 3.6. */
#include "node_net.h"

#define NAME  "PC<20>"
#define GROUP "OFFICE<00>"
#define THEM  PEER(0, 7)

static void
has_both(struct net *t, unsigned type)
{
	net_start(t, type, 2, 0);
	if (type == NODE_P) { /* needs a server to have anything */
		net_end(t);
		net_start(t, type, 2, 1);
		net_register(t, NAME, false, 518400);
		net_register(t, GROUP, true, 518400);
		return;
	}
	net_register_b(t, NAME, false);
	net_register_b(t, GROUP, true);
}

static void
claim(struct net *t, const char *name, uint16_t nb_flags, bool broadcast)
{
	struct nb_msg m =
	    net_request(NB_REGISTER_REQ, broadcast ? 0x2910 : 0x2900, name, nb_flags, THEM);

	net_in(t, &m, 0, THEM, broadcast);
}

static void
query(struct net *t, const char *name, unsigned flags, bool broadcast)
{
	struct nb_msg m = net_request(NB_QUERY_REQ, flags, name, 0, THEM);

	net_in(t, &m, 0, THEM, broadcast);
}

/* ---- claims ---- */

static void
a_claim_to_a_unique_name_of_ours_is_refused(void **state)
{
	static const unsigned types[] = { NODE_B, NODE_M, NODE_H };
	struct net t;
	struct sent s;

	for (unsigned i = 0; i < 3; i++) {
		has_both(&t, types[i]);
		claim(&t, NAME, 0, true);
		s = net_expect_only(&t, NB_REGISTER_RESP, 0xad86, THEM);
		assert_int_equal(s.m.id, 0x4242);
		assert_int_equal(s.path.local.v, CARD(0).v);
		assert_int_equal(s.m.addr[0].ip.v, CARD(0).v);
		claim(&t, NAME, NB_G, true); /* a group may not be called like us */
		(void)net_expect_only(&t, NB_REGISTER_RESP, 0xad86, THEM);
		claim(&t, GROUP, 0, true); /* nor a computer like a group */
		(void)net_expect_only(&t, NB_REGISTER_RESP, 0xad86, THEM);
		claim(&t, GROUP, NB_G, true); /* one more member */
		claim(&t, "OTHER<20>", 0, true);
		net_silent(&t);
		assert_int_equal(net_count(&t, NS_DEFENDED), 3);
		net_end(&t);
	}
}

static void
a_unicast_claim_is_refused_too(void **state)
{
	struct net t;

	has_both(&t, NODE_P);
	claim(&t, NAME, 0, false);
	(void)net_expect_only(&t, NB_REGISTER_RESP, 0xad86, THEM);
	net_end(&t);
}

static void
a_p_node_ignores_broadcasts(void **state)
{
	struct nb_msg m;
	struct net t;

	has_both(&t, NODE_P);
	claim(&t, NAME, 0, true);
	query(&t, NAME, 0x0110, true);
	query(&t, NAME, 0x0110, false); /* the B bit alone is enough */
	m = net_request(NB_STATUS_REQ, 0x0010, "*", 0, THEM);
	net_in(&t, &m, 0, THEM, true);
	net_silent(&t);
	net_end(&t);
}

static void
a_name_still_being_registered_is_not_defended(void **state)
{
	struct net t;

	net_start(&t, NODE_B, 1, 0);
	net_add(&t, NAME, false);
	(void)net_drain(&t);
	claim(&t, NAME, 0, true);
	net_silent(&t);
	net_end(&t);
}

static void
our_own_claims_heard_back_are_no_claims_of_others(void **state)
{
	struct nb_msg m = net_request(NB_REGISTER_REQ, 0x2910, NAME, 0, CARD(1));
	struct net t;

	has_both(&t, NODE_B);
	net_in(&t, &m, 0, CARD(1), true); /* two cards on one wire */
	m = net_request(NB_QUERY_REQ, 0x0110, NAME, 0, CARD(1));
	net_in(&t, &m, 0, CARD(1), true);
	net_silent(&t);
	net_end(&t);
}

static void
overwrites_are_refused_and_refreshes_that_are_no_broadcast(void **state)
{
	struct nb_msg m = net_request(NB_REGISTER_REQ, 0x2810, NAME, 0, THEM);
	struct net t;

	has_both(&t, NODE_B);
	net_in(&t, &m, 0, THEM, true);
	(void)net_expect(&t, NB_REGISTER_RESP, 0xad86, THEM);
	m = net_request(NB_REFRESH_REQ, 0x4000, NAME, 0, THEM);
	net_in(&t, &m, 0, THEM, false);
	(void)net_expect(&t, NB_REGISTER_RESP, 0xad86, THEM);
	m = net_request(NB_REFRESH_REQ, 0x4010, NAME, 0, THEM);
	net_in(&t, &m, 0, THEM, true);
	net_silent(&t);
	assert_int_equal(net_state(&t, NAME, 0), NODE_REGISTERED);
	net_end(&t);
}

/* A name in conflict on card 0, registered on card 1. */
static void
flagged(struct net *t)
{
	struct sent s;

	net_start(t, NODE_H, 2, 0);
	net_add(t, NAME, false);
	s = net_expect(t, NB_REGISTER_REQ, 0x2910, BCAST(0));
	net_reply_from(t, &s, net_reply_to(&s, NB_REGISTER_RESP, 0xad86), THEM);
	net_pass(t, 5 * SECOND);
	(void)net_drain(t);
	assert_int_equal(net_state(t, NAME, 1), NODE_REGISTERED);
}

static void
one_flagged_card_stops_the_defence_on_all(void **state)
{
	struct nb_msg m = net_request(NB_REGISTER_REQ, 0x2910, NAME, 0, PEER(1, 7));
	struct net t;

	flagged(&t);
	claim(&t, NAME, 0, true);
	net_in(&t, &m, 1, PEER(1, 7), true);
	net_silent(&t);
	net_end(&t);
}

static void
a_flagged_card_is_silent_to_broadcasts_and_says_no_to_others(void **state)
{
	struct nb_msg m = net_request(NB_QUERY_REQ, 0x0110, NAME, 0, THEM);
	struct net t;
	struct sent s;

	flagged(&t);
	query(&t, NAME, 0x0110, true);
	net_silent(&t);
	query(&t, NAME, 0x0000, false);
	(void)net_expect_only(&t, NB_QUERY_FAIL, 0x8503, THEM);
	net_in(&t, &m, 1, PEER(1, 7), true); /* trap 14: the other card still answers ... */
	s = net_expect_only(&t, NB_QUERY_OK, 0x8500, PEER(1, 7));
	assert_int_equal(s.m.naddr, 1); /* ... and not with the flagged card's address */
	assert_int_equal(s.m.addr[0].ip.v, CARD(1).v);
	net_end(&t);
}

/* ---- queries ---- */

static void
an_owned_name_is_answered_with_the_asked_cards_address_first(void **state)
{
	struct nb_msg m = net_request(NB_QUERY_REQ, 0x0110, NAME, 0, PEER(1, 7));
	struct net t;
	struct sent s;

	has_both(&t, NODE_H);
	net_in(&t, &m, 1, PEER(1, 7), true);
	s = net_expect_only(&t, NB_QUERY_OK, 0x8500, PEER(1, 7));
	assert_int_equal(s.path.local.v, CARD(1).v);
	assert_int_equal(s.m.naddr, 2);
	assert_int_equal(s.m.addr[0].ip.v, CARD(1).v);
	assert_int_equal(s.m.addr[1].ip.v, CARD(0).v);
	assert_int_equal(s.m.ttl, 0);
	query(&t, GROUP, 0x0110, true);
	s = net_expect_only(&t, NB_QUERY_OK, 0x8500, THEM);
	assert_int_equal(s.m.addr[0].flags, 0xe000);
	net_end(&t);
}

static void
a_name_we_lack_is_denied_to_unicast_only_and_never_by_b_nodes(void **state)
{
	static const unsigned types[] = { NODE_B, NODE_P, NODE_M, NODE_H };
	struct net t;

	for (unsigned i = 0; i < 4; i++) {
		net_start(&t, types[i], 1, 0);
		query(&t, "NONE<20>", 0x0110, true);
		net_silent(&t);
		query(&t, "NONE<20>", 0x0000, false);
		if (types[i] != NODE_B)
			(void)net_expect(&t, NB_QUERY_FAIL, 0x8503, THEM);
		net_silent(&t);
		query(&t, "NONE<20>", 0x0110, false); /* contradicts itself: no "no" */
		query(&t, "NONE<20>", 0x0000, true);
		net_silent(&t);
		net_end(&t);
	}
}

static void
case_and_scope_count(void **state)
{
	struct net t;

	has_both(&t, NODE_H);
	query(&t, "pc<20>", 0x0110, true);
	query(&t, "PC<20>.LAB", 0x0110, true);
	query(&t, "PC<00>", 0x0110, true);
	net_silent(&t);
	net_end(&t);
}

static void
a_verification_during_our_own_claims_lists_all_cards(void **state)
{
	struct net t;
	struct sent s, claims[3];
	struct nb_msg m;

	net_start(&t, NODE_H, 3, 1);
	net_add(&t, NAME, false);
	for (unsigned k = 0; k < 3; k++)
		claims[k] = net_expect(&t, NB_REGISTER_REQ, 0x7900, W1);
	net_grant(&t, &claims[0], 518400);
	m = net_request(NB_QUERY_REQ, 0x0000, NAME, 0, W1);
	net_in(&t, &m, 0, W1, false);
	s = net_expect_only(&t, NB_QUERY_OK, 0x8500, W1);
	assert_int_equal(s.m.naddr, 3);
	query(&t, NAME, 0x0110, true); /* 2.4: to a broadcast only what is registered */
	s = net_expect_only(&t, NB_QUERY_OK, 0x8500, THEM);
	assert_int_equal(s.m.naddr, 1);
	net_end(&t);
}

static void
single_response_and_random_adapter_never_touch_verifications(void **state)
{
	bool seen[2] = { false, false };
	struct net t;
	struct sent s;

	net_init(&t, NODE_H, 2, 0);
	t.conf.single_response = true;
	net_up(&t);
	net_register_b(&t, NAME, false);
	query(&t, NAME, 0x0110, true);
	s = net_expect_only(&t, NB_QUERY_OK, 0x8500, THEM);
	assert_int_equal(s.m.naddr, 1);
	assert_int_equal(s.m.addr[0].ip.v, CARD(0).v);
	query(&t, NAME, 0x0000, false); /* 3.4: else the second card's claim fails */
	s = net_expect_only(&t, NB_QUERY_OK, 0x8500, THEM);
	assert_int_equal(s.m.naddr, 2);
	net_end(&t);

	net_init(&t, NODE_H, 2, 0);
	t.conf.random_adapter = true;
	net_up(&t);
	net_register_b(&t, NAME, false);
	for (int i = 0; i < 32; i++) {
		query(&t, NAME, 0x0110, true);
		s = net_expect_only(&t, NB_QUERY_OK, 0x8500, THEM);
		assert_int_equal(s.m.naddr, 1);
		seen[ip4_eq(s.m.addr[0].ip, CARD(1))] = true;
	}
	assert_true(seen[0] && seen[1]);
	net_end(&t);
}

static void
blocked_names_are_not_answered_by_broadcast(void **state)
{
	struct net t;

	net_start(&t, NODE_H, 1, 0);
	net_register_b(&t, "WPAD<00>", false);
	query(&t, "WPAD<00>", 0x0110, true);
	net_silent(&t);
	query(&t, "WPAD<00>", 0x0100, false);
	(void)net_expect_only(&t, NB_QUERY_OK, 0x8500, THEM);
	net_end(&t);
}

static void
stars_are_never_answered(void **state)
{
	struct net t;

	net_start(&t, NODE_H, 1, 0);
	net_add(&t, "*SMBSERVER<20>", false);
	query(&t, "*SMBSERVER<20>", 0x0110, true);
	claim(&t, "*SMBSERVER<20>", 0, true);
	net_silent(&t);
	net_end(&t);
}

static void
packets_of_unknown_cards_and_damaged_ones_do_nothing(void **state)
{
	const struct node_path path = { .key = 9, .peer = THEM, .local = CARD(0), .port = 137 };
	struct nb_msg m = net_request(NB_QUERY_REQ, 0x0000, NAME, 0, THEM);
	uint8_t buf[NB_UDP_MAX];
	struct net t;
	size_t len = nb_encode(&m, buf, sizeof(buf));

	has_both(&t, NODE_H);
	node_in(t.n, buf, len, &path, t.now);
	node_in(t.n, buf, 11, &path, t.now);
	net_silent(&t);
	assert_int_equal(node_stats(t.n)->drop[NB_DROP_SHORT], 1);
	net_end(&t);
}

static void
answers_go_to_the_port_that_asked(void **state)
{
	const struct node_path path = {
		.key = 1, .peer = THEM, .local = BCAST(0), .port = 40000, .broadcast = true
	};
	struct nb_msg m = net_request(NB_QUERY_REQ, 0x0110, NAME, 0, THEM);
	uint8_t buf[NB_UDP_MAX];
	struct net t;
	struct sent s;
	size_t len = nb_encode(&m, buf, sizeof(buf));

	has_both(&t, NODE_H);
	node_in(t.n, buf, len, &path, t.now);
	s = net_expect_only(&t, NB_QUERY_OK, 0x8500, THEM);
	assert_int_equal(s.path.port, 40000);
	assert_int_equal(s.path.local.v, CARD(0).v); /* never from the broadcast address */
	assert_false(s.path.broadcast);
	net_end(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_claim_to_a_unique_name_of_ours_is_refused),
		cmocka_unit_test(a_unicast_claim_is_refused_too),
		cmocka_unit_test(a_p_node_ignores_broadcasts),
		cmocka_unit_test(a_name_still_being_registered_is_not_defended),
		cmocka_unit_test(our_own_claims_heard_back_are_no_claims_of_others),
		cmocka_unit_test(overwrites_are_refused_and_refreshes_that_are_no_broadcast),
		cmocka_unit_test(one_flagged_card_stops_the_defence_on_all),
		cmocka_unit_test(a_flagged_card_is_silent_to_broadcasts_and_says_no_to_others),
		cmocka_unit_test(an_owned_name_is_answered_with_the_asked_cards_address_first),
		cmocka_unit_test(a_name_we_lack_is_denied_to_unicast_only_and_never_by_b_nodes),
		cmocka_unit_test(case_and_scope_count),
		cmocka_unit_test(a_verification_during_our_own_claims_lists_all_cards),
		cmocka_unit_test(single_response_and_random_adapter_never_touch_verifications),
		cmocka_unit_test(blocked_names_are_not_answered_by_broadcast),
		cmocka_unit_test(stars_are_never_answered),
		cmocka_unit_test(packets_of_unknown_cards_and_damaged_ones_do_nothing),
		cmocka_unit_test(answers_go_to_the_port_that_asked),
	};

	return cmocka_run_group_tests_name("node_defend", tests, NULL, NULL);
}
