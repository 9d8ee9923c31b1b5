/* SPDX-License-Identifier: Apache-2.0 */
/* Registration and refresh on every node type (netbt-name-service.md 2.4, 3.1): each row a test. */
#include "node_net.h"

#define NAME "PC<20>"

/* ---- by broadcast ---- */

static void
a_b_node_claims_three_times_then_announces_and_owns_the_name(void **state)
{
	struct net t;
	struct sent s, first;

	net_start(&t, NODE_B, 1, 0);
	net_add(&t, NAME, false);
	first = net_expect_only(&t, NB_REGISTER_REQ, 0x2910, BCAST(0));
	assert_true(first.path.broadcast);
	assert_int_equal(first.m.ttl, 0);
	assert_int_equal(first.m.addr[0].ip.v, CARD(0).v);
	assert_int_equal(first.m.addr[0].flags, 0); /* ONT B */
	for (int i = 0; i < 2; i++) {
		net_pass(&t, 749);
		net_silent(&t);
		net_pass(&t, 1);
		s = net_expect_only(&t, NB_REGISTER_REQ, 0x2910, BCAST(0));
		assert_int_equal(s.m.id, first.m.id); /* a repetition keeps its id */
	}
	assert_int_equal(net_state(&t, NAME, 0), NODE_REGISTERING);
	net_pass(&t, 750);
	s = net_expect_only(&t, NB_REGISTER_REQ, 0x2810, BCAST(0)); /* overwrite */
	assert_int_equal(net_state(&t, NAME, 0), NODE_REGISTERED);
	assert_int_equal(net_count(&t, NS_REGISTERED_BCAST), 1);
	assert_false(net_entry(&t, NAME, 0).by_wins);
	net_pass(&t, 24 * 60 * MINUTE);
	net_silent(&t); /* B nodes do not refresh */
	net_end(&t);
}

static void
an_objection_to_a_broadcast_claim_is_a_conflict_on_that_card_alone(void **state)
{
	const struct event *ev;
	struct net t;
	struct sent s, other;

	net_start(&t, NODE_B, 2, 0);
	net_add(&t, NAME, false);
	s = net_expect(&t, NB_REGISTER_REQ, 0x2910, BCAST(0));
	other = net_expect_only(&t, NB_REGISTER_REQ, 0x2910, BCAST(1));
	assert_int_not_equal(s.m.id, other.m.id);
	net_reply_from(&t, &s, net_reply_to(&s, NB_REGISTER_RESP, 0xad86), PEER(0, 7));
	assert_int_equal(net_state(&t, NAME, 0), NODE_CONFLICT);
	assert_int_equal(net_entry(&t, NAME, 0).offender.v, PEER(0, 7).v);
	net_pass(&t, 5 * SECOND);
	assert_int_equal(net_state(&t, NAME, 1), NODE_REGISTERED);
	ev = net_told(&t, EV_NODE_NAME_REFUSED);
	assert_non_null(ev);
	assert_int_equal(event_number(ev->id), 4321);
	assert_int_equal(ev->other.v, PEER(0, 7).v);
	assert_non_null(strstr(ev->text, "card0"));
	net_end(&t);
}

static void
an_objection_counts_only_from_the_network_asked_with_id_and_name(void **state)
{
	struct net t;
	struct nb_msg no;
	struct sent s;

	net_start(&t, NODE_B, 2, 0);
	net_add(&t, NAME, false);
	s = net_expect(&t, NB_REGISTER_REQ, 0x2910, BCAST(0));
	no = net_reply_to(&s, NB_REGISTER_RESP, 0xad86);
	net_in(&t, &no, 0, STRANGER, false);   /* not on link */
	net_in(&t, &no, 1, PEER(1, 7), false); /* on the other card's */
	net_in(&t, &no, 0, CARD(0), false);    /* ourselves */
	no.id++;
	net_in(&t, &no, 0, PEER(0, 7), false);
	no.id--;
	no.key = net_key("OTHER<20>");
	net_in(&t, &no, 0, PEER(0, 7), false);
	no = net_reply_to(&s, NB_RELEASE_RESP, 0xb406); /* answers no claim */
	net_in(&t, &no, 0, PEER(0, 7), false);
	assert_int_equal(net_state(&t, NAME, 0), NODE_REGISTERING);
	assert_int_equal(net_count(&t, NS_ANSWERS_IGNORED), 6);
	no = net_reply_to(&s, NB_REGISTER_RESP, 0xad86);
	net_in(&t, &no, 0, PEER(0, 7), false);
	assert_int_equal(net_state(&t, NAME, 0), NODE_CONFLICT);
	net_end(&t);
}

static void
a_positive_answer_to_a_broadcast_claim_means_nothing(void **state)
{
	struct net t;
	struct sent s;

	net_start(&t, NODE_B, 1, 0);
	net_add(&t, NAME, false);
	s = net_expect_only(&t, NB_REGISTER_REQ, 0x2910, BCAST(0));
	net_reply_from(&t, &s, net_reply_to(&s, NB_REGISTER_RESP, 0xad80), PEER(0, 7));
	assert_int_equal(net_state(&t, NAME, 0), NODE_REGISTERING);
	net_pass(&t, 750);
	(void)net_expect_only(&t, NB_REGISTER_REQ, 0x2910, BCAST(0));
	net_end(&t);
}

/* ---- at WINS ---- */

static void
a_p_node_claims_at_the_server_and_keeps_what_it_grants(void **state)
{
	struct node_entry e;
	struct net t;
	struct sent s;

	net_start(&t, NODE_P, 1, 1);
	net_add(&t, NAME, false);
	s = net_expect_only(&t, NB_REGISTER_REQ, 0x2900, W1);
	assert_int_equal(s.m.ttl, 300000);
	assert_int_equal(s.m.addr[0].flags, 0x2000); /* ONT P */
	assert_false(s.path.broadcast);
	assert_int_equal(s.path.port, 137);
	net_pass(&t, 1499);
	net_silent(&t);
	net_pass(&t, 1);
	s = net_expect_only(&t, NB_REGISTER_REQ, 0x2900, W1);
	net_grant(&t, &s, 518400);
	e = net_entry(&t, NAME, 0);
	assert_int_equal(e.state, NODE_REGISTERED);
	assert_true(e.by_wins);
	assert_int_equal(e.wins.v, W1.v);
	assert_int_equal(e.ttl, 518400);
	assert_int_equal(e.refresh_in_ms, 518400 * 1000 / 2);
	assert_int_equal(net_count(&t, NS_REGISTERED_WINS), 1);
	net_end(&t);
}

static void
a_p_node_without_answer_keeps_trying_and_never_broadcasts(void **state)
{
	struct net t;
	struct sent s;

	net_start(&t, NODE_P, 1, 2);
	net_add(&t, NAME, false);
	for (int i = 0; i < 6; i++) { /* three times each server, from the primary on */
		s = net_expect_only(&t, NB_REGISTER_REQ, 0x2900, i < 3 ? W1 : W2);
		net_pass(&t, 1500);
	}
	net_silent(&t);
	assert_int_equal(net_state(&t, NAME, 0), NODE_RETRYING);
	assert_non_null(net_told(&t, EV_NODE_WINS_SILENT));
	net_pass(&t, 2 * MINUTE - 1);
	net_silent(&t);
	net_pass(&t, 1);
	s = net_expect_only(&t, NB_REGISTER_REQ, 0x2900, W1);
	net_grant(&t, &s, 518400);
	assert_int_equal(net_state(&t, NAME, 0), NODE_REGISTERED);
	assert_non_null(net_told(&t, EV_NODE_WINS_BACK));
	net_end(&t);
}

static void
an_m_node_broadcasts_first_then_claims_at_the_server(void **state)
{
	struct net t;
	struct sent s;

	net_start(&t, NODE_M, 1, 1);
	net_add(&t, NAME, false);
	for (int i = 0; i < 3; i++) {
		s = net_expect_only(&t, NB_REGISTER_REQ, 0x2910, BCAST(0));
		assert_int_equal(s.m.addr[0].flags, 0x4000); /* ONT M */
		net_pass(&t, 750);
	}
	(void)net_expect(&t, NB_REGISTER_REQ, 0x2810, BCAST(0));
	s = net_expect_only(&t, NB_REGISTER_REQ, 0x2900, W1);
	net_refuse(&t, &s, NB_RC_ACT, STRANGER);
	assert_int_equal(net_state(&t, NAME, 0), NODE_CONFLICT);
	assert_int_equal(net_entry(&t, NAME, 0).offender.v, STRANGER.v);
	net_end(&t);
}

static void
an_m_node_whose_server_is_silent_stays_registered_by_broadcast(void **state)
{
	struct net t;

	net_start(&t, NODE_M, 1, 1);
	net_add(&t, NAME, false);
	net_pass(&t, 10 * SECOND);
	(void)net_drain(&t);
	assert_int_equal(net_state(&t, NAME, 0), NODE_REGISTERED);
	net_pass(&t, 2 * MINUTE);
	(void)net_expect(&t, NB_REGISTER_REQ, 0x2900, W1);
	net_end(&t);
}

static void
an_h_node_broadcasts_only_after_every_server_was_silent(void **state)
{
	struct net t;
	struct sent s;

	net_start(&t, NODE_H, 1, 1);
	net_add(&t, NAME, false);
	for (int i = 0; i < 3; i++) {
		s = net_expect_only(&t, NB_REGISTER_REQ, 0x2900, W1);
		assert_int_equal(s.m.addr[0].flags, 0x6000); /* ONT H */
		net_pass(&t, 1500);
	}
	for (int i = 0; i < 3; i++) {
		(void)net_expect_only(&t, NB_REGISTER_REQ, 0x2910, BCAST(0));
		net_pass(&t, 750);
	}
	(void)net_expect_only(&t, NB_REGISTER_REQ, 0x2810, BCAST(0));
	assert_int_equal(net_state(&t, NAME, 0), NODE_REGISTERED);
	/* It behaves as B and keeps trying the server (KB 119493), and stays registered meanwhile. */
	net_pass(&t, 2 * MINUTE);
	s = net_expect_only(&t, NB_REGISTER_REQ, 0x2900, W1);
	assert_int_equal(net_state(&t, NAME, 0), NODE_REGISTERED);
	net_grant(&t, &s, 518400);
	assert_true(net_entry(&t, NAME, 0).by_wins);
	net_end(&t);
}

static void
a_refusal_by_the_server_ends_the_claim_without_a_broadcast(void **state)
{
	struct net t;
	struct sent s;

	net_start(&t, NODE_H, 1, 2);
	net_add(&t, NAME, false);
	s = net_expect_only(&t, NB_REGISTER_REQ, 0x2900, W1);
	net_refuse(&t, &s, NB_RC_ACT, CARD(0)); /* some servers echo our own address */
	assert_int_equal(net_state(&t, NAME, 0), NODE_CONFLICT);
	assert_int_equal(net_entry(&t, NAME, 0).offender.v, W1.v);
	net_pass(&t, 60 * MINUTE);
	net_silent(&t);
	net_end(&t);
}

static void
a_server_that_cannot_is_passed_over_for_the_next(void **state)
{
	struct net t;
	struct sent s;

	net_start(&t, NODE_H, 1, 2);
	net_add(&t, NAME, false);
	s = net_expect_only(&t, NB_REGISTER_REQ, 0x2900, W1);
	net_refuse(&t, &s, NB_RC_SRV, CARD(0));
	s = net_expect_only(&t, NB_REGISTER_REQ, 0x2900, W2);
	net_grant(&t, &s, 518400);
	assert_int_equal(net_entry(&t, NAME, 0).wins.v, W2.v);
	net_end(&t);
}

static void
an_answer_counts_only_from_the_server_asked(void **state)
{
	struct net t;
	struct nb_msg no, yes;
	struct sent s;

	net_start(&t, NODE_H, 2, 2);
	net_add(&t, NAME, false);
	s = net_expect(&t, NB_REGISTER_REQ, 0x7900, W1);
	no = net_reply_to(&s, NB_REGISTER_RESP, 0xad86);
	yes = net_reply_to(&s, NB_REGISTER_RESP, 0xad80);
	net_in(&t, &no, 0, W2, false);
	net_in(&t, &no, 0, PEER(0, 7), false);
	net_in(&t, &yes, 0, W2, false);
	net_in(&t, &no, 1, W1, false); /* to an address that did not ask */
	yes.id++;
	net_in(&t, &yes, 0, W1, false);
	assert_int_equal(net_state(&t, NAME, 0), NODE_REGISTERING);
	net_grant(&t, &s, 1000);
	assert_int_equal(net_state(&t, NAME, 0), NODE_REGISTERED);
	net_end(&t);
}

static void
a_wack_stretches_the_wait_up_to_its_cap_and_not_for_ever(void **state)
{
	struct net t;
	struct nb_msg wack;
	struct sent s;

	net_start(&t, NODE_H, 1, 1);
	net_add(&t, NAME, false);
	s = net_expect_only(&t, NB_REGISTER_REQ, 0x2900, W1);
	wack = net_reply_to(&s, NB_WACK, 0xbc00);
	wack.ttl = 9;
	net_reply(&t, &s, wack);
	net_pass(&t, 8999);
	net_silent(&t);
	net_pass(&t, 1);
	s = net_expect_only(&t, NB_REGISTER_REQ, 0x2900, W1); /* the same question again */
	assert_int_equal(s.m.id, wack.id);
	wack.ttl = 86400; /* cut to 60 s (8.2 rule 8) */
	net_reply(&t, &s, wack);
	net_pass(&t, 59999);
	net_silent(&t);
	wack.ttl = 0; /* unknown: the cap */
	net_reply(&t, &s, wack);
	net_pass(&t, 59999);
	net_silent(&t);
	net_reply(&t, &s, wack); /* the fourth and last that is obeyed */
	net_pass(&t, 59999);
	net_reply(&t, &s, wack);
	net_pass(&t, 1);
	s = net_expect_only(&t, NB_REGISTER_REQ, 0x2900, W1);
	net_grant(&t, &s, 518400);
	assert_int_equal(net_state(&t, NAME, 0), NODE_REGISTERED);
	net_end(&t);
}

/* ---- END-NODE CHALLENGE ---- */

static struct sent
challenged(struct net *t, struct ip4 owner)
{
	struct nb_msg m;
	struct sent s;

	net_start(t, NODE_P, 1, 1);
	net_add(t, NAME, false);
	s = net_expect_only(t, NB_REGISTER_REQ, 0x2900, W1);
	m = net_reply_to(&s, NB_REGISTER_RESP, 0xad00);
	m.addr[0].ip = owner;
	net_reply(t, &s, m);
	assert_int_equal(net_state(t, NAME, 0), NODE_REGISTERING); /* AD00 is not success */
	return s;
}

static void
a_challenged_owner_that_denies_is_overwritten_at_the_server(void **state)
{
	struct net t;
	struct sent s;

	(void)challenged(&t, STRANGER);
	s = net_expect_only(&t, NB_QUERY_REQ, 0x0000, STRANGER);
	net_reply(&t, &s, net_reply_to(&s, NB_QUERY_FAIL, 0x8503));
	s = net_expect_only(&t, NB_REGISTER_REQ, 0x2800, W1);
	net_grant(&t, &s, 518400);
	assert_int_equal(net_state(&t, NAME, 0), NODE_REGISTERED);
	net_end(&t);
}

static void
a_challenged_owner_that_is_silent_three_times_is_overwritten(void **state)
{
	struct net t;

	(void)challenged(&t, STRANGER);
	for (int i = 0; i < 3; i++) {
		(void)net_expect_only(&t, NB_QUERY_REQ, 0x0000, STRANGER);
		net_pass(&t, 1500);
	}
	(void)net_expect_only(&t, NB_REGISTER_REQ, 0x2800, W1);
	net_end(&t);
}

static void
a_challenged_owner_that_answers_keeps_the_name(void **state)
{
	struct nb_msg m;
	struct net t;
	struct sent s;

	(void)challenged(&t, STRANGER);
	s = net_expect_only(&t, NB_QUERY_REQ, 0x0000, STRANGER);
	m = net_reply_to(&s, NB_QUERY_OK, 0x8500);
	m.naddr = 1;
	m.addr[0].ip = STRANGER;
	net_reply(&t, &s, m);
	assert_int_equal(net_state(&t, NAME, 0), NODE_CONFLICT);
	assert_int_equal(net_entry(&t, NAME, 0).offender.v, STRANGER.v);
	net_silent(&t);
	net_end(&t);
}

static void
an_update_that_is_refused_is_a_conflict(void **state)
{
	struct net t;
	struct sent s;

	(void)challenged(&t, CARD(0)); /* the owner is this host: nobody needs to be asked */
	s = net_expect_only(&t, NB_REGISTER_REQ, 0x2800, W1);
	net_refuse(&t, &s, NB_RC_IMP, STRANGER);
	assert_int_equal(net_state(&t, NAME, 0), NODE_CONFLICT);
	net_end(&t);
}

/* ---- several cards ---- */

static void
unique_names_have_opcode_15_on_several_cards_and_groups_never(void **state)
{
	struct net t;
	struct sent s;

	net_start(&t, NODE_H, 3, 1);
	net_add(&t, NAME, false);
	for (unsigned k = 0; k < 3; k++) {
		s = net_expect(&t, NB_REGISTER_REQ, 0x7900, W1);
		assert_int_equal(s.path.local.v, CARD(k).v); /* from what it registers (3.1 #5) */
		assert_int_equal(s.m.addr[0].ip.v, CARD(k).v);
		assert_int_equal(s.m.naddr, 1);
	}
	net_silent(&t);
	net_add(&t, "OFFICE<00>", true);
	for (unsigned k = 0; k < 3; k++) {
		s = net_expect(&t, NB_REGISTER_REQ, 0x2900, W1);
		assert_int_equal(s.m.addr[0].flags, 0xe000);
		assert_int_equal(s.m.addr[0].ip.v, CARD(k).v);
	}
	net_silent(&t);
	net_end(&t);
}

static void
each_card_registers_at_its_own_servers(void **state)
{
	struct net t;

	net_init(&t, NODE_H, 2, 1);
	t.ifs[1].wins[0] = W2;
	net_up(&t);
	net_add(&t, NAME, false);
	(void)net_expect(&t, NB_REGISTER_REQ, 0x7900, W1);
	(void)net_expect_only(&t, NB_REGISTER_REQ, 0x7900, W2);
	net_end(&t);
}

static void
a_card_without_server_broadcasts_at_once_on_an_h_node(void **state)
{
	struct net t;

	net_init(&t, NODE_H, 2, 1);
	t.ifs[1].nwins = 0;
	net_up(&t);
	net_add(&t, NAME, false);
	(void)net_expect(&t, NB_REGISTER_REQ, 0x7900, W1);
	(void)net_expect_only(&t, NB_REGISTER_REQ, 0x2910, BCAST(1));
	net_end(&t);
}

static void
the_type_follows_the_servers_unless_it_is_set(void **state)
{
	struct net t;

	net_start(&t, 0, 1, 0);
	assert_int_equal(node_type(t.n), NODE_B);
	t.ifs[0].nwins = 1;
	t.ifs[0].wins[0] = W1;
	net_set_ifs(&t);
	assert_int_equal(node_type(t.n), NODE_H);
	net_end(&t);
	net_start(&t, NODE_M, 1, 0);
	assert_int_equal(node_type(t.n), NODE_M);
	net_end(&t);
}

static void
an_advertised_address_is_registered_instead_of_the_cards(void **state)
{
	struct net t;
	struct sent s;

	net_init(&t, NODE_H, 1, 1);
	t.ifs[0].advertise = STRANGER;
	net_up(&t);
	net_add(&t, NAME, false);
	s = net_expect_only(&t, NB_REGISTER_REQ, 0x2900, W1);
	assert_int_equal(s.path.local.v, CARD(0).v);
	assert_int_equal(s.m.addr[0].ip.v, STRANGER.v);
	net_end(&t);
}

static void
a_name_with_a_star_is_listed_and_never_sent(void **state)
{
	struct net t;

	net_start(&t, NODE_H, 1, 1);
	net_add(&t, "*SMBSERVER<20>", false);
	net_silent(&t);
	assert_int_equal(net_state(&t, "*SMBSERVER<20>", 0), NODE_REGISTERED);
	net_remove(&t, "*SMBSERVER<20>");
	net_silent(&t);
	assert_int_equal(net_state(&t, "*SMBSERVER<20>", 0), 255);
	net_end(&t);
}

/* ---- refresh ---- */

static void
a_refresh_leaves_at_half_of_the_lifetime_and_starts_it_anew(void **state)
{
	struct net t;
	struct sent s;

	net_start(&t, NODE_H, 1, 1);
	net_register(&t, NAME, false, 2400);
	net_pass(&t, 1200 * SECOND - 1);
	net_silent(&t);
	net_pass(&t, 1);
	s = net_expect_only(&t, NB_REFRESH_REQ, 0x4000, W1);
	assert_int_equal(s.m.ttl, 300000);
	assert_int_equal(s.m.addr[0].ip.v, CARD(0).v);
	net_grant(&t, &s, 2400);
	assert_int_equal(net_count(&t, NS_REFRESHED), 1);
	net_pass(&t, 1200 * SECOND - 1);
	net_silent(&t);
	net_pass(&t, 1);
	(void)net_expect_only(&t, NB_REFRESH_REQ, 0x4000, W1);
	net_end(&t);
}

static void
the_refresh_opcode_is_an_option(void **state)
{
	struct net t;

	net_init(&t, NODE_H, 1, 1);
	t.conf.refresh_opcode = 9;
	net_up(&t);
	net_register(&t, NAME, false, 2400);
	net_pass(&t, 1200 * SECOND);
	(void)net_expect_only(&t, NB_REFRESH_REQ, 0x4800, W1);
	net_end(&t);
}

static void
an_infinite_lifetime_is_never_refreshed_and_a_short_one_has_a_floor(void **state)
{
	struct net t;

	net_start(&t, NODE_H, 1, 1);
	net_register(&t, NAME, false, 0);
	assert_int_equal(net_entry(&t, NAME, 0).refresh_in_ms, -1);
	net_pass(&t, 24 * 60 * MINUTE);
	net_silent(&t);
	net_register(&t, "SHORT<20>", false, 60);
	assert_int_equal(net_entry(&t, "SHORT<20>", 0).ttl, 300);
	net_register(&t, "EDGE<20>", false, 301);
	assert_int_equal(net_entry(&t, "EDGE<20>", 0).ttl, 301);
	net_end(&t);
}

static void
the_smallest_lifetime_of_any_card_sets_the_pace_for_all(void **state)
{
	struct net t;
	struct sent a, b;

	net_start(&t, NODE_H, 2, 1);
	net_add(&t, NAME, false);
	a = net_expect(&t, NB_REGISTER_REQ, 0x7900, W1);
	b = net_expect_only(&t, NB_REGISTER_REQ, 0x7900, W1);
	net_grant(&t, &a, 518400);
	net_grant(&t, &b, 2400);
	assert_int_equal(net_entry(&t, NAME, 0).refresh_in_ms, 1200 * SECOND);
	assert_int_equal(net_entry(&t, NAME, 1).refresh_in_ms, 1200 * SECOND);
	net_end(&t);
}

static void
a_card_whose_refresh_fails_disturbs_no_other(void **state)
{
	struct net t;
	struct sent a, b;

	net_start(&t, NODE_H, 2, 1);
	net_register(&t, NAME, false, 518400);
	net_pass(&t, 259200 * (int64_t)SECOND);
	a = net_expect(&t, NB_REFRESH_REQ, 0x4000, W1);
	b = net_expect_only(&t, NB_REFRESH_REQ, 0x4000, W1);
	assert_int_equal(b.path.local.v, CARD(1).v);
	net_grant(&t, &a, 518400);
	net_pass(&t, 4500);
	assert_int_equal(net_drain(&t), 2); /* card 1 repeats */
	for (int i = 0; i < 5; i++) {       /* KB 164308: every ten minutes, on that card alone */
		net_pass(&t, 10 * MINUTE);
		b = net_expect_only(&t, NB_REFRESH_REQ, 0x4000, W1);
		assert_int_equal(b.path.local.v, CARD(1).v);
		net_pass(&t, 4500);
		assert_int_equal(net_drain(&t), 2);
	}
	assert_int_equal(net_state(&t, NAME, 1), NODE_REGISTERED);
	net_end(&t);
}

static void
a_refused_refresh_is_a_conflict(void **state)
{
	struct net t;
	struct sent s;

	net_start(&t, NODE_H, 1, 1);
	net_register(&t, NAME, false, 2400);
	net_pass(&t, 1200 * SECOND);
	s = net_expect_only(&t, NB_REFRESH_REQ, 0x4000, W1);
	net_refuse(&t, &s, NB_RC_ACT, STRANGER);
	assert_int_equal(net_state(&t, NAME, 0), NODE_CONFLICT);
	assert_non_null(strstr(net_told(&t, EV_NODE_NAME_REFUSED)->text, "refresh"));
	net_end(&t);
}

static void
after_an_hour_of_silence_the_next_server_is_refreshed(void **state)
{
	struct net t;
	struct sent s;

	net_start(&t, NODE_H, 1, 2);
	net_register(&t, NAME, false, 518400);
	net_pass(&t, 259200 * (int64_t)SECOND);
	for (int i = 0; i < 6; i++) {
		for (int k = 0; k < 3; k++) {
			(void)net_expect_only(&t, NB_REFRESH_REQ, 0x4000, W1);
			net_pass(&t, 1500);
		}
		net_pass(&t, 10 * MINUTE);
	}
	s = net_expect_only(&t, NB_REFRESH_REQ, 0x4000, W2);
	net_grant(&t, &s, 518400);
	assert_int_equal(net_entry(&t, NAME, 0).wins.v, W2.v);
	net_end(&t);
}

static void
a_lifetime_that_ends_unrefreshed_begins_a_new_claim(void **state)
{
	struct net t;

	net_start(&t, NODE_P, 1, 1);
	net_register(&t, NAME, false, 1200);
	net_pass(&t, 1199 * SECOND);
	(void)net_drain(&t);
	assert_int_equal(net_state(&t, NAME, 0), NODE_REGISTERED);
	net_pass(&t, 2 * SECOND);
	(void)net_expect(&t, NB_REGISTER_REQ, 0x2900, W1);
	assert_int_equal(net_state(&t, NAME, 0), NODE_REGISTERING);
	net_end(&t);
}

/* ---- primary and secondary ---- */

/* The primary is silent, the secondary grants. */
static void
on_the_secondary(struct net *t, uint32_t ttl)
{
	struct sent s;

	net_start(t, NODE_H, 1, 2);
	net_add(t, NAME, false);
	for (int i = 0; i < 3; i++) {
		(void)net_expect_only(t, NB_REGISTER_REQ, 0x2900, W1);
		net_pass(t, 1500);
	}
	s = net_expect_only(t, NB_REGISTER_REQ, 0x2900, W2);
	net_grant(t, &s, ttl);
	assert_int_equal(net_entry(t, NAME, 0).wins.v, W2.v);
}

static void
a_name_on_the_secondary_is_offered_to_the_primary_for_an_hour(void **state)
{
	struct net t;
	struct sent s;

	on_the_secondary(&t, 518400);
	for (int i = 0; i < 6; i++) {
		net_pass(&t, 10 * MINUTE - 1);
		net_silent(&t);
		net_pass(&t, 1);
		for (int k = 0; k < 3; k++) {
			(void)net_expect_only(&t, NB_REGISTER_REQ, 0x2900, W1);
			net_pass(&t, 1500);
		}
	}
	net_silent(&t);
	net_pass(&t, 259200 * (int64_t)SECOND - 6 * (10 * MINUTE + 4500) - 1);
	net_silent(&t); /* then not before half of the lifetime */
	net_pass(&t, 1);
	for (int k = 0; k < 3; k++) {
		(void)net_expect_only(&t, NB_REGISTER_REQ, 0x2900, W1);
		net_pass(&t, 1500);
	}
	s = net_expect_only(&t, NB_REFRESH_REQ, 0x4000, W2); /* it must not run out meanwhile */
	net_grant(&t, &s, 518400);
	net_end(&t);
}

static void
a_primary_that_is_back_gets_the_name(void **state)
{
	struct net t;
	struct sent s;

	on_the_secondary(&t, 518400);
	net_pass(&t, 10 * MINUTE);
	s = net_expect_only(&t, NB_REGISTER_REQ, 0x2900, W1);
	net_grant(&t, &s, 518400);
	assert_int_equal(net_entry(&t, NAME, 0).wins.v, W1.v);
	/* Further names go there at once. */
	net_add(&t, "NEXT<20>", false);
	(void)net_expect_only(&t, NB_REGISTER_REQ, 0x2900, W1);
	net_end(&t);
}

static void
further_names_begin_with_the_server_that_answered(void **state)
{
	struct net t;

	on_the_secondary(&t, 518400);
	net_add(&t, "NEXT<20>", false);
	(void)net_expect_only(&t, NB_REGISTER_REQ, 0x2900, W2);
	net_end(&t);
}

static void
no_wins_traffic_for_a_while_after_no_server_answered(void **state)
{
	struct net t;

	net_start(&t, NODE_H, 1, 1);
	net_add(&t, NAME, false);
	net_pass(&t, 4500);
	(void)net_drain(&t);
	net_add(&t, "NEXT<20>", false);
	(void)net_expect_only(&t, NB_REGISTER_REQ, 0x2910, BCAST(0));
	net_pass(&t, 15 * SECOND);
	(void)net_drain(&t);
	net_add(&t, "THIRD<20>", false);
	(void)net_expect_only(&t, NB_REGISTER_REQ, 0x2900, W1);
	net_end(&t);
}

static void
up_to_twelve_servers_are_tried_in_order(void **state)
{
	struct net t;
	struct sent s;

	net_init(&t, NODE_P, 1, 0);
	t.ifs[0].nwins = NODE_WINS_MAX;
	for (unsigned i = 0; i < NODE_WINS_MAX; i++)
		t.ifs[0].wins[i] = IP4(10, 0, 1, i + 1);
	net_up(&t);
	net_add(&t, NAME, false);
	for (unsigned i = 0; i < NODE_WINS_MAX; i++)
		for (int k = 0; k < 3; k++) {
			(void)net_expect_only(&t, NB_REGISTER_REQ, 0x2900, IP4(10, 0, 1, i + 1));
			net_pass(&t, 1500);
		}
	net_silent(&t);
	assert_false(net_out(&t, &s));
	t.ifs[0].nwins = NODE_WINS_MAX + 1;
	assert_int_equal(node_set_ifs(t.n, t.ifs, 1, t.now), NBT_EINVAL);
	net_end(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_b_node_claims_three_times_then_announces_and_owns_the_name),
		cmocka_unit_test(
		    an_objection_to_a_broadcast_claim_is_a_conflict_on_that_card_alone),
		cmocka_unit_test(an_objection_counts_only_from_the_network_asked_with_id_and_name),
		cmocka_unit_test(a_positive_answer_to_a_broadcast_claim_means_nothing),
		cmocka_unit_test(a_p_node_claims_at_the_server_and_keeps_what_it_grants),
		cmocka_unit_test(a_p_node_without_answer_keeps_trying_and_never_broadcasts),
		cmocka_unit_test(an_m_node_broadcasts_first_then_claims_at_the_server),
		cmocka_unit_test(an_m_node_whose_server_is_silent_stays_registered_by_broadcast),
		cmocka_unit_test(an_h_node_broadcasts_only_after_every_server_was_silent),
		cmocka_unit_test(a_refusal_by_the_server_ends_the_claim_without_a_broadcast),
		cmocka_unit_test(a_server_that_cannot_is_passed_over_for_the_next),
		cmocka_unit_test(an_answer_counts_only_from_the_server_asked),
		cmocka_unit_test(a_wack_stretches_the_wait_up_to_its_cap_and_not_for_ever),
		cmocka_unit_test(a_challenged_owner_that_denies_is_overwritten_at_the_server),
		cmocka_unit_test(a_challenged_owner_that_is_silent_three_times_is_overwritten),
		cmocka_unit_test(a_challenged_owner_that_answers_keeps_the_name),
		cmocka_unit_test(an_update_that_is_refused_is_a_conflict),
		cmocka_unit_test(unique_names_have_opcode_15_on_several_cards_and_groups_never),
		cmocka_unit_test(each_card_registers_at_its_own_servers),
		cmocka_unit_test(a_card_without_server_broadcasts_at_once_on_an_h_node),
		cmocka_unit_test(the_type_follows_the_servers_unless_it_is_set),
		cmocka_unit_test(an_advertised_address_is_registered_instead_of_the_cards),
		cmocka_unit_test(a_name_with_a_star_is_listed_and_never_sent),
		cmocka_unit_test(a_refresh_leaves_at_half_of_the_lifetime_and_starts_it_anew),
		cmocka_unit_test(the_refresh_opcode_is_an_option),
		cmocka_unit_test(
		    an_infinite_lifetime_is_never_refreshed_and_a_short_one_has_a_floor),
		cmocka_unit_test(the_smallest_lifetime_of_any_card_sets_the_pace_for_all),
		cmocka_unit_test(a_card_whose_refresh_fails_disturbs_no_other),
		cmocka_unit_test(a_refused_refresh_is_a_conflict),
		cmocka_unit_test(after_an_hour_of_silence_the_next_server_is_refreshed),
		cmocka_unit_test(a_lifetime_that_ends_unrefreshed_begins_a_new_claim),
		cmocka_unit_test(a_name_on_the_secondary_is_offered_to_the_primary_for_an_hour),
		cmocka_unit_test(a_primary_that_is_back_gets_the_name),
		cmocka_unit_test(further_names_begin_with_the_server_that_answered),
		cmocka_unit_test(no_wins_traffic_for_a_while_after_no_server_answered),
		cmocka_unit_test(up_to_twelve_servers_are_tried_in_order),
	};

	return cmocka_run_group_tests_name("node_claim", tests, NULL, NULL);
}
