/* SPDX-License-Identifier: Apache-2.0 */
/* Node status, answered and asked (netbt-name-service.md 1.8.12, 8.2 rule 9). */
#include "node_net.h"

#define NAME "PC<20>"
#define THEM PEER(0, 7)

static void
ask(struct net *t, const char *name, struct ip4 from, bool broadcast)
{
	struct nb_msg m = net_request(NB_STATUS_REQ, broadcast ? 0x0010 : 0, name, 0, from);

	net_in(t, &m, 0, from, broadcast);
}

static void
names_mac_and_zero_statistics_are_listed(void **state)
{
	static const uint8_t zero[NB_STATS_LEN - 6];
	struct nb_node node;
	struct nb_key key = net_key("PERM<00>");
	struct net t;
	struct sent s;

	net_start(&t, NODE_H, 1, 0);
	net_register_b(&t, NAME, false);
	net_register_b(&t, "OFFICE<00>", true);
	assert_int_equal(node_add(t.n, &key, false, true, t.now), 0);
	(void)net_drain(&t);
	ask(&t, "*", THEM, false);
	s = net_expect_only(&t, NB_STATUS_RESP, 0x8400, THEM);
	assert_int_equal(s.m.nnode, 3);
	node = nb_node_at(&s.m, 0);
	assert_memory_equal(node.name.b, "PC             \x20", 16);
	assert_int_equal(node.flags, 0x6400);
	assert_int_equal(nb_node_at(&s.m, 1).flags, 0xe400);
	assert_int_equal(nb_node_at(&s.m, 2).flags, 0x6600); /* permanent */
	assert_int_equal(s.m.stats_len, NB_STATS_LEN);
	assert_memory_equal(s.m.stats, t.ifs[0].mac, 6);
	assert_memory_equal(s.m.stats + 6, zero, sizeof(zero));
	ask(&t, NAME, THEM, false); /* by a name of ours too, not by another */
	(void)net_expect_only(&t, NB_STATUS_RESP, 0x8400, THEM);
	ask(&t, "OTHER<20>", THEM, false);
	net_silent(&t);
	net_end(&t);
}

static void
conflict_and_release_show(void **state)
{
	struct net t;
	struct sent s;

	net_start(&t, NODE_H, 1, 1);
	net_add(&t, NAME, false);
	s = net_expect_only(&t, NB_REGISTER_REQ, 0x2900, W1);
	net_refuse(&t, &s, NB_RC_ACT, STRANGER);
	net_register(&t, "BYE<20>", false, 518400);
	net_remove(&t, "BYE<20>");
	(void)net_drain(&t);
	ask(&t, "*", THEM, false);
	s = net_expect_only(&t, NB_STATUS_RESP, 0x8400, THEM);
	assert_int_equal(nb_node_at(&s.m, 0).flags, 0x6c00);
	assert_int_equal(nb_node_at(&s.m, 1).flags, 0x7400);
	net_end(&t);
}

static void
only_the_askers_scope_is_listed(void **state)
{
	struct net t;
	struct sent s;

	net_start(&t, NODE_H, 1, 0);
	net_register_b(&t, NAME, false);
	net_register_b(&t, "PC<20>.LAB", false);
	net_register_b(&t, "PC<00>.LAB", false);
	ask(&t, "*", THEM, false);
	s = net_expect_only(&t, NB_STATUS_RESP, 0x8400, THEM);
	assert_int_equal(s.m.nnode, 1);
	ask(&t, "*<00>.LAB", THEM, false);
	s = net_expect_only(&t, NB_STATUS_RESP, 0x8400, THEM);
	assert_int_equal(s.m.nnode, 2);
	net_end(&t);
}

static void
more_names_than_fit_are_cut_and_said_to_be(void **state)
{
	struct nb_key key = net_key("N<20>");
	struct net t;
	struct sent s;

	net_start(&t, NODE_B, 1, 0);
	for (unsigned i = 0; i < 300; i++) {
		memcpy(key.name.b + 1, &i, sizeof(i));
		assert_int_equal(node_add(t.n, &key, false, false, t.now), 0);
		(void)net_drain(&t);
		if (i != 23 && i != 24 && i != 299)
			continue;
		ask(&t, "*", THEM, false);
		s = net_expect_only(&t, NB_STATUS_RESP, i == 23 ? 0x8400 : 0x8600, THEM);
		assert_int_equal(s.m.nnode, 24);
		assert_true(s.len <= NB_UDP_MAX);
	}
	net_end(&t);
}

static void
the_policy_says_who_gets_an_answer(void **state)
{
	static const bool gets[3][2] = { { false, false }, { true, false }, { true, true } };
	struct net t;

	for (unsigned policy = 0; policy < 3; policy++) {
		net_init(&t, NODE_H, 1, 0);
		t.conf.status_policy = (uint8_t)policy;
		net_up(&t);
		ask(&t, "*", THEM, false);
		assert_int_equal(net_drain(&t), gets[policy][0]);
		ask(&t, "*", STRANGER, false);
		assert_int_equal(net_drain(&t), gets[policy][1]);
		ask(&t, "*", BCAST(0), false); /* never to everybody */
		ask(&t, "*", IP4_BROADCAST, false);
		net_silent(&t);
		net_end(&t);
	}
}

static void
a_broadcast_request_is_answered_by_unicast(void **state)
{
	struct net t;
	struct sent s;

	net_start(&t, NODE_H, 1, 0);
	net_register_b(&t, NAME, false);
	ask(&t, NAME, THEM, true);
	s = net_expect_only(&t, NB_STATUS_RESP, 0x8400, THEM);
	assert_int_equal(s.path.local.v, CARD(0).v);
	net_end(&t);
}

static void
each_asker_gets_so_many_answers_a_second(void **state)
{
	struct net t;

	net_start(&t, NODE_H, 1, 0);
	for (int i = 0; i < 11; i++)
		ask(&t, "*", THEM, false);
	assert_int_equal(net_drain(&t), 10);
	assert_int_equal(net_count(&t, NS_STATUS_LIMITED), 1);
	ask(&t, "*", PEER(0, 8), false);
	assert_int_equal(net_drain(&t), 1);
	net_pass(&t, 999);
	ask(&t, "*", THEM, false);
	net_silent(&t);
	net_pass(&t, 1);
	ask(&t, "*", THEM, false);
	assert_int_equal(net_drain(&t), 1);
	net_end(&t);
}

static void
asking_gives_the_whole_packet_or_nothing_after_three_tries(void **state)
{
	struct nb_msg m;
	struct net t;
	struct sent s;

	net_start(&t, NODE_H, 2, 1);
	assert_int_equal(node_ask_status(t.n, PEER(1, 7), NULL, 5, t.now), 0);
	s = net_expect_only(&t, NB_STATUS_REQ, 0x0000, PEER(1, 7));
	assert_int_equal(s.path.local.v, CARD(1).v); /* the card on its network */
	assert_memory_equal(s.m.key.name.b, "*\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
	m = net_reply_to(&s, NB_STATUS_RESP, 0x8400);
	net_in(&t, &m, 1, PEER(1, 8), false);
	assert_int_equal(t.nanswers, 0);
	net_reply(&t, &s, m);
	assert_int_equal(t.nanswers, 1);
	assert_true(t.answers[0].found);
	assert_int_equal(t.answers[0].ticket, 5);
	assert_int_equal(t.answers[0].from.v, PEER(1, 7).v);
	assert_true(t.answers[0].status_len > 56);

	assert_int_equal(node_ask_status(t.n, STRANGER, NULL, 6, t.now), 0);
	net_pass(&t, 4500);
	assert_int_equal(net_drain(&t), 3);
	assert_int_equal(t.nanswers, 2);
	assert_false(t.answers[1].found);
	t.nifs = 0;
	net_set_ifs(&t);
	assert_int_equal(node_ask_status(t.n, STRANGER, NULL, 7, t.now), 0);
	assert_int_equal(t.nanswers, 3);
	net_end(&t);
}

static void
addresses_are_ordered_by_nearness_and_by_chance_within_it(void **state)
{
	static const struct ip4 given[] = { { 0x08080808 }, { 0xc0000307 }, { 0xc0000207 },
		{ 0xc0000208 } }; /* far, card 1's network, card 0's network twice */
	bool first[2] = { false, false };
	struct nb_key key = net_key("THEM<20>");
	struct nb_msg m;
	struct net t;
	struct sent s;

	net_init(&t, NODE_P, 2, 1);
	t.conf.cache_ms = 1;
	net_up(&t);
	for (int i = 0; i < 32; i++) {
		assert_int_equal(node_resolve(t.n, &key, 1, 1, t.now), 0);
		s = net_expect_only(&t, NB_QUERY_REQ, 0x0100, W1);
		m = net_reply_to(&s, NB_QUERY_OK, 0x8580);
		m.naddr = 4;
		for (unsigned k = 0; k < 4; k++)
			m.addr[k].ip = given[k];
		net_reply(&t, &s, m);
		assert_int_equal(t.nanswers, 1);
		t.nanswers = 0;
		first[ip4_eq(t.answers[0].addr[0], given[2])] = true;
		assert_int_equal(t.answers[0].addr[2].v, given[1].v);
		assert_int_equal(t.answers[0].addr[3].v, given[0].v);
		net_pass(&t, 10);
	}
	assert_true(first[0] && first[1]);
	net_end(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_mac_and_zero_statistics_are_listed),
		cmocka_unit_test(conflict_and_release_show),
		cmocka_unit_test(only_the_askers_scope_is_listed),
		cmocka_unit_test(more_names_than_fit_are_cut_and_said_to_be),
		cmocka_unit_test(the_policy_says_who_gets_an_answer),
		cmocka_unit_test(a_broadcast_request_is_answered_by_unicast),
		cmocka_unit_test(each_asker_gets_so_many_answers_a_second),
		cmocka_unit_test(asking_gives_the_whole_packet_or_nothing_after_three_tries),
		cmocka_unit_test(addresses_are_ordered_by_nearness_and_by_chance_within_it),
	};

	return cmocka_run_group_tests_name("node_status", tests, NULL, NULL);
}
