/* SPDX-License-Identifier: Apache-2.0 */
/* Demands to give a name up (netbt-name-service.md 3.6, 8.2 rules 5 to 7, MS00-047, traps 20 and 21). */
#include "node_net.h"

#define NAME  "PC<20>"
#define GROUP "OFFICE<1c>"

static void
demand(struct net *t, unsigned kind, const char *name, struct ip4 from)
{
	struct nb_msg m = net_request(kind, kind == NB_RELEASE_REQ ? 0x3000 : 0xad87, name, 0,
	    kind == NB_RELEASE_REQ ? CARD(0) : IP4_ANY);

	net_in(t, &m, 0, from, false);
}

/* The server's answer to the verification that a trusted demand leads to. */
static void
verified(struct net *t, unsigned naddr, struct ip4 a, struct ip4 b)
{
	struct sent s = net_expect_only(t, NB_QUERY_REQ, 0x0100, W1);
	struct nb_msg m =
	    net_reply_to(&s, naddr ? NB_QUERY_OK : NB_QUERY_FAIL, naddr ? 0x8580 : 0x8583);

	m.naddr = (uint16_t)naddr;
	m.addr[0].ip = a;
	m.addr[1].ip = b;
	net_reply(t, &s, m);
}

static void
a_spoofed_conflict_changes_nothing_and_is_told(void **state)
{
	const struct event *ev;
	struct net t;

	net_start(&t, NODE_H, 1, 2);
	net_register(&t, NAME, false, 518400);
	demand(&t, NB_REGISTER_RESP, NAME, PEER(0, 66));
	demand(&t, NB_REGISTER_RESP, NAME, W2); /* a server, but not the one that has the name */
	net_silent(&t);
	assert_int_equal(net_state(&t, NAME, 0), NODE_REGISTERED);
	assert_int_equal(net_count(&t, NS_DEMANDS_IGNORED), 2);
	ev = net_told(&t, EV_NODE_DUPLICATE);
	assert_int_equal(event_number(ev->id), 4319);
	assert_int_equal(ev->peer.v, W2.v);
	net_end(&t);
}

static void
a_b_node_believes_no_conflict_demand(void **state)
{
	struct net t;

	net_start(&t, NODE_B, 1, 0);
	net_register_b(&t, NAME, false);
	demand(&t, NB_REGISTER_RESP, NAME, PEER(0, 66));
	assert_int_equal(net_state(&t, NAME, 0), NODE_REGISTERED);
	net_end(&t);
}

static void
strict_rfc_conflict_obeys_it(void **state)
{
	struct net t;

	net_init(&t, NODE_B, 1, 0);
	t.conf.strict_rfc_conflict = true;
	net_up(&t);
	net_register_b(&t, NAME, false);
	net_register_b(&t, GROUP, true);
	demand(&t, NB_REGISTER_RESP, NAME, PEER(0, 66));
	demand(&t, NB_REGISTER_RESP, GROUP, PEER(0, 66));
	assert_int_equal(net_state(&t, NAME, 0), NODE_CONFLICT);
	assert_int_equal(net_state(&t, GROUP, 0), NODE_REGISTERED); /* members are many */
	assert_int_equal(net_count(&t, NS_DEMANDS_OBEYED), 1);
	net_end(&t);
}

static void
a_negative_answer_that_is_no_conflict_is_no_demand(void **state)
{
	struct nb_msg m = net_request(NB_REGISTER_RESP, 0xad86, NAME, 0, IP4_ANY);
	struct net t;

	net_start(&t, NODE_H, 1, 1);
	net_register(&t, NAME, false, 518400);
	net_in(&t, &m, 0, W1, false);
	net_silent(&t);
	assert_int_equal(t.nevents, 0);
	net_end(&t);
}

static void
a_conflict_demand_of_the_server_is_verified_there(void **state)
{
	struct net t;

	net_start(&t, NODE_H, 1, 1);
	net_register(&t, NAME, false, 518400);
	demand(&t, NB_REGISTER_RESP, NAME, W1);
	demand(&t, NB_REGISTER_RESP, NAME, W1); /* asked once only */
	verified(&t, 1, CARD(0), IP4_ANY);
	assert_int_equal(net_state(&t, NAME, 0), NODE_REGISTERED);
	assert_int_equal(net_count(&t, NS_DEMANDS_IGNORED), 1);
	net_silent(&t);

	demand(&t, NB_REGISTER_RESP, NAME, W1);
	verified(&t, 1, STRANGER, IP4_ANY);
	assert_int_equal(net_state(&t, NAME, 0), NODE_CONFLICT);
	assert_int_equal(net_entry(&t, NAME, 0).offender.v, STRANGER.v);
	assert_int_equal(net_told(&t, EV_NODE_DUPLICATE)->other.v, STRANGER.v);
	net_remove(&t, NAME);
	net_silent(&t); /* the server holds nothing of ours any more */
	net_end(&t);
}

static void
a_conflict_demand_for_a_name_the_server_lacks_registers_it_again(void **state)
{
	struct net t;

	net_start(&t, NODE_H, 1, 1);
	net_register(&t, NAME, false, 518400);
	demand(&t, NB_REGISTER_RESP, NAME, W1);
	verified(&t, 0, IP4_ANY, IP4_ANY);
	assert_int_equal(net_state(&t, NAME, 0), NODE_REGISTERED);
	net_pass(&t, 0);
	(void)net_expect_only(&t, NB_REFRESH_REQ, 0x4000, W1);
	net_end(&t);
}

static void
a_demand_when_the_server_is_silent_changes_nothing(void **state)
{
	struct net t;

	net_start(&t, NODE_H, 1, 1);
	net_register(&t, NAME, false, 518400);
	demand(&t, NB_RELEASE_REQ, NAME, W1);
	net_pass(&t, 4500);
	for (int i = 0; i < 3; i++)
		(void)net_expect(&t, NB_QUERY_REQ, 0x0100, W1);
	(void)net_expect_only(&t, NB_RELEASE_RESP, 0xb406 & ~0x80, W1);
	assert_int_equal(net_state(&t, NAME, 0), NODE_REGISTERED);
	assert_int_equal(net_entry(&t, NAME, 0).refresh_in_ms, 518400 * 1000 / 2 - 4500);
	net_end(&t);
}

static void
a_release_demand_of_a_stranger_is_refused_and_told(void **state)
{
	const struct event *ev;
	struct net t;

	net_start(&t, NODE_H, 1, 1);
	net_register(&t, NAME, false, 518400);
	demand(&t, NB_RELEASE_REQ, NAME, PEER(0, 66));
	(void)net_expect_only(&t, NB_RELEASE_RESP, 0xb406, PEER(0, 66));
	assert_int_equal(net_state(&t, NAME, 0), NODE_REGISTERED);
	ev = net_told(&t, EV_NODE_RELEASE_DEMAND);
	assert_int_equal(event_number(ev->id), 4320);
	assert_int_equal(ev->peer.v, PEER(0, 66).v);
	net_end(&t);
}

static void
a_release_demand_of_the_server_is_verified_and_answered(void **state)
{
	struct net t;
	struct sent s;

	net_start(&t, NODE_H, 2, 1);
	net_register(&t, NAME, false, 518400);
	demand(&t, NB_RELEASE_REQ, NAME, W1);
	verified(&t, 2, CARD(1), CARD(0)); /* forged: the server has us */
	s = net_expect_only(&t, NB_RELEASE_RESP, 0xb406, W1);
	assert_int_equal(s.m.id, 0x4242);
	assert_int_equal(net_state(&t, NAME, 0), NODE_REGISTERED);

	demand(&t, NB_RELEASE_REQ, NAME, W1);
	verified(&t, 1, STRANGER, IP4_ANY);
	(void)net_expect_only(&t, NB_RELEASE_RESP, 0xb400, W1);
	assert_int_equal(net_state(&t, NAME, 0), NODE_CONFLICT);
	assert_int_equal(net_state(&t, NAME, 1), NODE_REGISTERED); /* the card it came in on */
	assert_int_equal(net_told(&t, EV_NODE_RELEASE_DEMAND)->other.v, STRANGER.v);
	net_end(&t);
}

static void
a_name_the_server_withdrew_is_released_without_a_release(void **state)
{
	struct net t;

	net_start(&t, NODE_H, 1, 1);
	net_register(&t, NAME, false, 518400);
	demand(&t, NB_RELEASE_REQ, NAME, W1);
	verified(&t, 0, IP4_ANY, IP4_ANY);
	(void)net_expect_only(&t, NB_RELEASE_RESP, 0xb400, W1);
	assert_int_equal(net_state(&t, NAME, 0), NODE_RELEASED);
	net_remove(&t, NAME);
	net_silent(&t);
	net_add(&t, NAME, false); /* it may be claimed again (R1 15.1.7) */
	(void)net_expect_only(&t, NB_REGISTER_REQ, 0x2900, W1);
	net_end(&t);
}

static void
a_card_the_server_lost_is_registered_again(void **state)
{
	struct net t;

	net_start(&t, NODE_H, 2, 1);
	net_register(&t, NAME, false, 518400);
	demand(&t, NB_RELEASE_REQ, NAME, W1);
	verified(&t, 1, CARD(1), IP4_ANY); /* only our other card: nobody else has the name */
	(void)net_expect_only(&t, NB_RELEASE_RESP, 0xb406, W1);
	net_pass(&t, 0);
	(void)net_expect_only(&t, NB_REFRESH_REQ, 0x4000, W1);
	net_end(&t);
}

static void
groups_are_never_given_up_on_demand(void **state)
{
	struct net t;

	net_start(&t, NODE_H, 1, 1);
	net_register(&t, GROUP, true, 518400);
	demand(&t, NB_RELEASE_REQ, GROUP, W1);
	(void)net_expect_only(&t, NB_RELEASE_RESP, 0xb406, W1);
	assert_int_equal(net_state(&t, GROUP, 0), NODE_REGISTERED);
	net_end(&t);
}

static void
any_configured_server_may_ask_unless_no_name_release_on_demand(void **state)
{
	struct net t;

	for (int strict = 0; strict < 2; strict++) {
		net_init(&t, NODE_H, 1, 2);
		t.conf.no_release_on_demand = strict;
		net_up(&t);
		net_register(&t, NAME, false, 518400);
		demand(&t, NB_RELEASE_REQ, NAME, W2);
		if (strict)
			(void)net_expect_only(&t, NB_RELEASE_RESP, 0xb406, W2);
		else
			(void)net_expect_only(
			    &t, NB_QUERY_REQ, 0x0100, W1); /* who has it decides */
		demand(&t, NB_RELEASE_REQ, NAME, W3);
		(void)net_expect_only(&t, NB_RELEASE_RESP, 0xb406, W3);
		net_end(&t);
	}
}

static void
a_broadcast_release_of_our_name_is_never_obeyed_nor_answered(void **state)
{
	struct nb_msg m = net_request(NB_RELEASE_REQ, 0x3010, NAME, 0, PEER(0, 66));
	struct net t;

	net_start(&t, NODE_H, 1, 1);
	net_register(&t, NAME, false, 518400);
	net_in(&t, &m, 0, PEER(0, 66), true); /* of its own address: the usual goodbye */
	assert_int_equal(t.nevents, 0);
	m.addr[0].ip = CARD(0); /* of ours: an attack */
	net_in(&t, &m, 0, PEER(0, 66), true);
	net_silent(&t);
	assert_int_equal(net_state(&t, NAME, 0), NODE_REGISTERED);
	assert_non_null(net_told(&t, EV_NODE_RELEASE_DEMAND));
	net_end(&t);
}

static void
a_demand_during_a_refresh_is_left_to_the_refresh(void **state)
{
	struct net t;
	struct sent s;

	net_start(&t, NODE_H, 1, 1);
	net_register(&t, NAME, false, 2400);
	net_pass(&t, 1200 * SECOND);
	s = net_expect_only(&t, NB_REFRESH_REQ, 0x4000, W1);
	demand(&t, NB_RELEASE_REQ, NAME, W1);
	net_silent(&t);
	net_refuse(&t, &s, NB_RC_ACT, STRANGER);
	assert_int_equal(net_state(&t, NAME, 0), NODE_CONFLICT);
	net_end(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_spoofed_conflict_changes_nothing_and_is_told),
		cmocka_unit_test(a_b_node_believes_no_conflict_demand),
		cmocka_unit_test(strict_rfc_conflict_obeys_it),
		cmocka_unit_test(a_negative_answer_that_is_no_conflict_is_no_demand),
		cmocka_unit_test(a_conflict_demand_of_the_server_is_verified_there),
		cmocka_unit_test(a_conflict_demand_for_a_name_the_server_lacks_registers_it_again),
		cmocka_unit_test(a_demand_when_the_server_is_silent_changes_nothing),
		cmocka_unit_test(a_release_demand_of_a_stranger_is_refused_and_told),
		cmocka_unit_test(a_release_demand_of_the_server_is_verified_and_answered),
		cmocka_unit_test(a_name_the_server_withdrew_is_released_without_a_release),
		cmocka_unit_test(a_card_the_server_lost_is_registered_again),
		cmocka_unit_test(groups_are_never_given_up_on_demand),
		cmocka_unit_test(any_configured_server_may_ask_unless_no_name_release_on_demand),
		cmocka_unit_test(a_broadcast_release_of_our_name_is_never_obeyed_nor_answered),
		cmocka_unit_test(a_demand_during_a_refresh_is_left_to_the_refresh),
	};

	return cmocka_run_group_tests_name("node_demand", tests, NULL, NULL);
}
