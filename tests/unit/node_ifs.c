/* SPDX-License-Identifier: Apache-2.0 */
/* Cards that come, go and change their address or servers (netbt-name-service.md 2.4, 3.1, 3.6). */
#include "node_net.h"

#define NAME "PC<20>"

static void
a_new_card_gets_all_names(void **state)
{
	struct net t;
	struct sent s;

	net_start(&t, NODE_H, 1, 1);
	net_register(&t, NAME, false, 518400);
	net_register(&t, "OFFICE<00>", true, 518400);
	net_add_card(&t, 1, 1);
	net_set_ifs(&t);
	s = net_expect(&t, NB_REGISTER_REQ, 0x7900, W1);
	assert_int_equal(s.m.addr[0].ip.v, CARD(1).v);
	(void)net_expect_only(&t, NB_REGISTER_REQ, 0x2900, W1);
	assert_int_equal(net_state(&t, NAME, 0), NODE_REGISTERED); /* untouched */
	net_end(&t);
}

static void
the_same_cards_again_change_nothing(void **state)
{
	struct net t;

	net_start(&t, NODE_H, 2, 1);
	net_register(&t, NAME, false, 518400);
	net_set_ifs(&t);
	net_silent(&t);
	assert_int_equal(net_state(&t, NAME, 1), NODE_REGISTERED);
	net_end(&t);
}

static void
a_card_that_is_gone_leaves_ghosts_that_go_when_it_is_back(void **state)
{
	struct net t;
	struct sent s;

	net_start(&t, NODE_P, 2, 1);
	net_register(&t, NAME, false, 518400);
	t.nifs = 1;
	net_set_ifs(&t);
	net_silent(&t); /* nothing can leave from an address that is no more */
	assert_int_equal(net_state(&t, NAME, 1), 255);
	assert_int_equal(net_state(&t, NAME, 0), NODE_REGISTERED);
	assert_int_equal(net_ghosts(&t), 1);
	assert_int_equal(net_told(&t, EV_NODE_GHOST)->other.v, CARD(1).v);
	net_remove(&t, NAME);
	s = net_expect_only(&t, NB_RELEASE_REQ, 0x3000, W1);
	net_released(&t, &s);
	net_pass(&t, 10 * MINUTE);
	net_silent(&t);
	t.nifs = 2;
	net_set_ifs(&t);
	net_pass(&t, 0);
	s = net_expect_only(&t, NB_RELEASE_REQ, 0x3000, W1);
	assert_int_equal(s.path.local.v, CARD(1).v);
	net_released(&t, &s);
	assert_int_equal(net_ghosts(&t), 0);
	net_end(&t);
}

static void
a_card_that_is_back_while_the_name_is_wanted_claims_it_again(void **state)
{
	struct net t;
	struct sent s;

	net_start(&t, NODE_P, 2, 1);
	net_register(&t, NAME, false, 518400);
	t.nifs = 1;
	net_set_ifs(&t);
	t.nifs = 2;
	net_set_ifs(&t);
	s = net_expect_only(&t, NB_REGISTER_REQ, 0x7900, W1);
	assert_int_equal(s.m.addr[0].ip.v, CARD(1).v);
	assert_int_equal(net_ghosts(&t), 0);
	net_pass(&t, 0);
	net_silent(&t);
	net_end(&t);
}

static void
a_changed_address_is_claimed_and_the_old_one_a_ghost(void **state)
{
	struct node_ghost g;
	struct net t;
	struct sent s;

	net_start(&t, NODE_P, 2, 1);
	net_register(&t, NAME, false, 518400);
	t.ifs[1].ip = PEER(1, 77);
	net_set_ifs(&t);
	s = net_expect_only(&t, NB_REGISTER_REQ, 0x7900, W1);
	assert_int_equal(s.path.local.v, PEER(1, 77).v);
	assert_int_equal(s.m.addr[0].ip.v, PEER(1, 77).v);
	assert_true(node_ghost_at(t.n, 0, t.now, &g));
	assert_int_equal(g.ip.v, CARD(1).v);
	assert_int_equal(net_state(&t, NAME, 0), NODE_REGISTERED);
	net_end(&t);
}

static void
a_changed_address_leads_out_of_a_conflict(void **state)
{
	struct net t;
	struct sent s;

	net_start(&t, NODE_P, 1, 1);
	net_add(&t, NAME, false);
	s = net_expect_only(&t, NB_REGISTER_REQ, 0x2900, W1);
	net_refuse(&t, &s, NB_RC_ACT, STRANGER);
	t.ifs[0].ip = PEER(0, 77);
	net_set_ifs(&t);
	(void)net_expect_only(&t, NB_REGISTER_REQ, 0x2900, W1);
	assert_int_equal(net_state(&t, NAME, 0), NODE_REGISTERING);
	net_end(&t);
}

static void
a_changed_advertised_address_is_a_changed_address(void **state)
{
	struct net t;
	struct sent s;

	net_start(&t, NODE_P, 1, 1);
	net_register(&t, NAME, false, 518400);
	t.ifs[0].advertise = STRANGER;
	net_set_ifs(&t);
	s = net_expect_only(&t, NB_REGISTER_REQ, 0x2900, W1);
	assert_int_equal(s.m.addr[0].ip.v, STRANGER.v);
	assert_int_equal(net_ghosts(&t), 1);
	net_end(&t);
}

static void
a_leaving_card_releases_while_it_can_and_gets_no_new_names(void **state)
{
	struct net t;
	struct sent s;

	net_start(&t, NODE_P, 2, 1);
	net_register(&t, NAME, false, 518400);
	t.ifs[1].leaving = true;
	net_set_ifs(&t);
	s = net_expect_only(&t, NB_RELEASE_REQ, 0x3000, W1);
	assert_int_equal(s.path.local.v, CARD(1).v);
	net_released(&t, &s);
	assert_true(node_quiet(t.n));
	net_add(&t, "LATER<20>", false);
	s = net_expect_only(&t, NB_REGISTER_REQ, 0x2900, W1); /* one card is left */
	assert_int_equal(s.path.local.v, CARD(0).v);
	t.nifs = 1;
	net_set_ifs(&t);
	assert_int_equal(net_ghosts(&t), 0);
	net_end(&t);
}

static void
a_card_gone_in_the_middle_of_its_release_leaves_a_ghost(void **state)
{
	struct net t;

	net_start(&t, NODE_P, 1, 1);
	net_register(&t, NAME, false, 518400);
	net_remove(&t, NAME);
	(void)net_expect_only(&t, NB_RELEASE_REQ, 0x3000, W1);
	t.nifs = 0;
	net_set_ifs(&t);
	assert_true(node_quiet(t.n));
	assert_int_equal(net_ghosts(&t), 1);
	net_end(&t);
}

static void
a_ghost_is_not_sent_from_a_card_that_goes_while_it_is_asked(void **state)
{
	struct net t;

	net_start(&t, NODE_P, 1, 1);
	net_register(&t, NAME, false, 518400);
	net_remove(&t, NAME);
	net_pass(&t, 4500 + 30 * SECOND);
	assert_int_equal(net_drain(&t), 4);
	t.nifs = 0;
	net_set_ifs(&t);
	net_pass(&t, 10 * MINUTE);
	net_silent(&t);
	assert_int_equal(net_ghosts(&t), 1);
	net_end(&t);
}

static void
an_address_that_moves_to_another_card_is_not_released_behind_its_back(void **state)
{
	struct net t;
	struct sent s;

	net_start(&t, NODE_P, 1, 1);
	net_register(&t, NAME, false, 518400);
	t.ifs[0].key = 9;
	net_set_ifs(&t);
	s = net_expect_only(&t, NB_REGISTER_REQ, 0x2900, W1);
	assert_int_equal(s.path.key, 9);
	assert_int_equal(net_ghosts(&t), 0);
	net_end(&t);
}

static void
new_servers_get_the_names(void **state)
{
	struct net t;
	struct sent s;

	net_start(&t, 0, 1, 0);
	net_register_b(&t, NAME, false);
	t.ifs[0].nwins = 1; /* B becomes H */
	t.ifs[0].wins[0] = W1;
	net_set_ifs(&t);
	net_pass(&t, 0);
	s = net_expect_only(&t, NB_REGISTER_REQ, 0x2900, W1);
	assert_int_equal(net_state(&t, NAME, 0), NODE_REGISTERED);
	net_grant(&t, &s, 518400);
	t.ifs[0].nwins = 2; /* its server is still there */
	t.ifs[0].wins[1] = W2;
	net_set_ifs(&t);
	net_pass(&t, 0);
	net_silent(&t);
	t.ifs[0].nwins = 1;
	t.ifs[0].wins[0] = W3; /* it is not */
	net_set_ifs(&t);
	s = net_expect_only(&t, NB_REGISTER_REQ, 0x2900, W3);
	net_grant(&t, &s, 518400);
	net_remove(&t, NAME); /* the old one is not forgotten */
	(void)net_expect(&t, NB_RELEASE_REQ, 0x3000, W1);
	(void)net_expect_only(&t, NB_RELEASE_REQ, 0x3000, W3);
	net_end(&t);
}

static void
a_list_that_shrinks_in_the_middle_of_a_claim_starts_it_anew(void **state)
{
	struct net t;

	net_start(&t, NODE_P, 1, 3);
	net_add(&t, NAME, false);
	net_pass(&t, 9 * SECOND); /* the third server is asked */
	(void)net_drain(&t);
	t.ifs[0].nwins = 1;
	net_set_ifs(&t);
	(void)net_expect_only(&t, NB_REGISTER_REQ, 0x2900, W1);
	t.ifs[0].nwins = 0;
	net_set_ifs(&t);
	net_pass(&t, 60 * MINUTE);
	net_silent(&t); /* a P node without a server has nobody to ask */
	assert_int_equal(net_state(&t, NAME, 0), NODE_RETRYING);
	net_end(&t);
}

static void
a_name_in_conflict_on_one_card_cannot_be_registered_on_another(void **state)
{
	struct nb_key key = net_key(NAME);
	struct net t;
	struct sent s;

	net_start(&t, NODE_P, 1, 1);
	net_add(&t, NAME, false);
	s = net_expect_only(&t, NB_REGISTER_REQ, 0x2900, W1);
	net_refuse(&t, &s, NB_RC_ACT, STRANGER);
	net_add_card(&t, 1, 1);
	net_set_ifs(&t);
	net_silent(&t);
	assert_int_equal(net_state(&t, NAME, 1), NODE_CONFLICT);
	assert_int_equal(net_entry(&t, NAME, 1).offender.v, STRANGER.v);
	assert_int_equal(node_add(t.n, &key, false, false, t.now), NBT_EOWNER);
	net_end(&t);
}

static void
impossible_cards_are_refused_and_change_nothing(void **state)
{
	struct node_if many[NODE_IF_MAX + 1];
	struct node_if c;
	struct net t;

	net_start(&t, NODE_H, 2, 1);
	t.ifs[1].key = t.ifs[0].key;
	assert_int_equal(node_set_ifs(t.n, t.ifs, 2, t.now), NBT_EINVAL);
	t.ifs[1].key = 0;
	assert_int_equal(node_set_ifs(t.n, t.ifs, 2, t.now), NBT_EINVAL);
	t.ifs[1].key = 2;
	t.ifs[1].ip = IP4(127, 0, 0, 1);
	assert_int_equal(node_set_ifs(t.n, t.ifs, 2, t.now), NBT_EINVAL);
	assert_true(node_if_at(t.n, 1, &c));
	assert_int_equal(c.ip.v, CARD(1).v);
	assert_false(node_if_at(t.n, 2, &c));
	for (unsigned i = 0; i <= NODE_IF_MAX; i++) {
		many[i] = t.ifs[0];
		many[i].key = i + 1;
		many[i].ip.v += i;
	}
	assert_int_equal(node_set_ifs(t.n, many, NODE_IF_MAX + 1, t.now), NBT_ELIMIT);
	assert_int_equal(node_set_ifs(t.n, many, NODE_IF_MAX, t.now), 0);
	assert_true(node_if_at(t.n, NODE_IF_MAX - 1, &c));
	net_end(&t);
}

static void
names_are_bounded_and_of_one_kind(void **state)
{
	struct nb_key key = net_key("N<20>");
	struct net t;

	net_start(&t, NODE_B, 0, 0);
	for (unsigned i = 0; i < NODE_NAMES_MAX; i++) {
		memcpy(key.name.b + 1, &i, sizeof(i));
		assert_int_equal(node_add(t.n, &key, false, false, t.now), 0);
	}
	assert_int_equal(node_add(t.n, &key, true, false, t.now), NBT_EEXIST);
	assert_int_equal(node_add(t.n, &key, false, false, t.now), 0);
	key = net_key("LAST<20>");
	assert_int_equal(node_add(t.n, &key, false, false, t.now), NBT_ELIMIT);
	assert_int_equal(node_remove(t.n, &key, t.now), NBT_ENOENT);
	net_end(&t);
}

static void
a_name_released_as_one_kind_cannot_be_added_as_the_other_meanwhile(void **state)
{
	struct nb_key key = net_key(NAME);
	struct net t;
	struct sent s;

	net_start(&t, NODE_P, 1, 1);
	net_register(&t, NAME, false, 518400);
	net_remove(&t, NAME);
	assert_int_equal(node_add(t.n, &key, true, false, t.now), NBT_EBUSY);
	s = net_expect_only(&t, NB_RELEASE_REQ, 0x3000, W1);
	net_released(&t, &s);
	assert_int_equal(node_add(t.n, &key, true, false, t.now), 0);
	net_end(&t);
}

static void
more_packets_than_fit_are_sent_later_and_none_is_lost(void **state)
{
	struct nb_key key = net_key("N<20>");
	unsigned seen = 0;
	struct net t;
	struct sent s;

	net_start(&t, NODE_P, 2, 1);
	for (unsigned i = 0; i < NODE_NAMES_MAX; i++) {
		memcpy(key.name.b + 1, &i, sizeof(i));
		assert_int_equal(node_add(t.n, &key, false, false, t.now), 0);
	}
	assert_true(net_count(&t, NS_OUT_FULL) > 0);
	for (int i = 0; i < 10 && seen < 2 * NODE_NAMES_MAX; i++) {
		while (net_out(&t, &s)) {
			seen++;
			net_grant(&t, &s, 518400);
		}
		net_pass(&t, 100);
	}
	assert_int_equal(seen, 2 * NODE_NAMES_MAX);
	assert_int_equal(net_count(&t, NS_REGISTERED_WINS), 2 * NODE_NAMES_MAX);
	net_end(&t);
}

static void
holding_a_name_is_told_with_its_addresses(void **state)
{
	struct nb_key key = net_key(NAME), group = net_key("OFFICE<00>");
	struct ip4 addr[2];
	struct net t;
	unsigned count;

	net_start(&t, NODE_P, 2, 1);
	assert_false(node_holds(t.n, &key, addr, 2, &count));
	net_add(&t, NAME, false); /* registering is enough */
	net_add(&t, "OFFICE<00>", true);
	assert_true(node_holds(t.n, &key, addr, 2, &count));
	assert_int_equal(count, 2);
	assert_int_equal(addr[1].v, CARD(1).v);
	assert_true(node_holds(t.n, &key, addr, 1, &count));
	assert_int_equal(count, 1);
	assert_false(node_holds(t.n, &group, addr, 2, &count)); /* only unique names are held */
	net_end(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_card_gets_all_names),
		cmocka_unit_test(the_same_cards_again_change_nothing),
		cmocka_unit_test(a_card_that_is_gone_leaves_ghosts_that_go_when_it_is_back),
		cmocka_unit_test(a_card_that_is_back_while_the_name_is_wanted_claims_it_again),
		cmocka_unit_test(a_changed_address_is_claimed_and_the_old_one_a_ghost),
		cmocka_unit_test(a_changed_address_leads_out_of_a_conflict),
		cmocka_unit_test(a_changed_advertised_address_is_a_changed_address),
		cmocka_unit_test(a_leaving_card_releases_while_it_can_and_gets_no_new_names),
		cmocka_unit_test(a_card_gone_in_the_middle_of_its_release_leaves_a_ghost),
		cmocka_unit_test(a_ghost_is_not_sent_from_a_card_that_goes_while_it_is_asked),
		cmocka_unit_test(
		    an_address_that_moves_to_another_card_is_not_released_behind_its_back),
		cmocka_unit_test(new_servers_get_the_names),
		cmocka_unit_test(a_list_that_shrinks_in_the_middle_of_a_claim_starts_it_anew),
		cmocka_unit_test(a_name_in_conflict_on_one_card_cannot_be_registered_on_another),
		cmocka_unit_test(impossible_cards_are_refused_and_change_nothing),
		cmocka_unit_test(names_are_bounded_and_of_one_kind),
		cmocka_unit_test(
		    a_name_released_as_one_kind_cannot_be_added_as_the_other_meanwhile),
		cmocka_unit_test(more_packets_than_fit_are_sent_later_and_none_is_lost),
		cmocka_unit_test(holding_a_name_is_told_with_its_addresses),
	};

	return cmocka_run_group_tests_name("node_ifs", tests, NULL, NULL);
}
