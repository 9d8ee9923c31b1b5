/* SPDX-License-Identifier: Apache-2.0 */
/* Resolution in every node type's order (netbt-name-service.md 2.4 "Query", 3.1, 3.6, 5.2, 8.2). */
#include "node_net.h"

#define NAME "THEM<20>"

static void
resolve(struct net *t, const char *name, uint32_t if_key)
{
	struct nb_key key = net_key(name);

	assert_int_equal(node_resolve(t->n, &key, if_key, 7, t->now), 0);
}

static struct nb_msg
answer_to(const struct sent *s, unsigned naddr, struct ip4 first)
{
	struct nb_msg m = net_reply_to(s, NB_QUERY_OK, 0x8580);

	m.naddr = (uint16_t)naddr;
	for (unsigned i = 0; i < naddr; i++)
		m.addr[i].ip.v = first.v + i;
	return m;
}

static void
deny(struct net *t, const struct sent *s)
{
	net_reply(t, s, net_reply_to(s, NB_QUERY_FAIL, 0x8583));
}

/* Exactly one answer came for the ticket. */
static struct node_answer
answered(struct net *t)
{
	struct node_answer a;

	assert_int_equal(t->nanswers, 1);
	a = t->answers[0];
	assert_int_equal(a.ticket, 7);
	t->nanswers = 0;
	return a;
}

static void
silent_broadcast(struct net *t, unsigned card)
{
	for (int i = 0; i < 3; i++) {
		struct sent s = net_expect_only(t, NB_QUERY_REQ, 0x0110, BCAST(card));

		assert_true(s.path.broadcast);
		net_pass(t, 750);
	}
}

static void
silent_server(struct net *t, struct ip4 server)
{
	for (int i = 0; i < 3; i++) {
		(void)net_expect_only(t, NB_QUERY_REQ, 0x0100, server);
		net_pass(t, 1500);
	}
}

/* ---- the order ---- */

static void
own_names_come_first(void **state)
{
	struct node_answer a;
	struct net t;

	net_start(&t, NODE_H, 2, 1);
	net_register(&t, "PC<20>", false, 518400);
	resolve(&t, "PC<20>", 0);
	a = answered(&t);
	assert_true(a.found);
	assert_int_equal(a.source, NODE_FROM_LOCAL);
	assert_int_equal(a.naddr, 2);
	net_silent(&t);
	net_end(&t);
}

static void
a_b_node_asks_by_broadcast_three_times_and_gives_up(void **state)
{
	struct net t;

	net_start(&t, NODE_B, 1, 1);
	resolve(&t, NAME, 0);
	silent_broadcast(&t, 0);
	net_silent(&t);
	assert_false(answered(&t).found);
	assert_int_equal(net_count(&t, NS_UNRESOLVED), 1);
	net_end(&t);
}

static void
a_p_node_asks_the_servers_and_nobody_else(void **state)
{
	struct net t;

	net_start(&t, NODE_P, 1, 2);
	resolve(&t, NAME, 0);
	silent_server(&t, W1);
	silent_server(&t, W2);
	net_silent(&t);
	assert_false(answered(&t).found);
	net_end(&t);
}

static void
an_m_node_asks_by_broadcast_then_the_server(void **state)
{
	struct net t;
	struct sent s;

	net_start(&t, NODE_M, 1, 1);
	resolve(&t, NAME, 0);
	silent_broadcast(&t, 0);
	s = net_expect_only(&t, NB_QUERY_REQ, 0x0100, W1);
	net_reply(&t, &s, answer_to(&s, 1, STRANGER));
	assert_int_equal(answered(&t).source, NODE_FROM_WINS);
	net_end(&t);
}

static void
an_h_node_asks_the_server_then_by_broadcast(void **state)
{
	struct net t;
	struct sent s;

	net_start(&t, NODE_H, 1, 1);
	resolve(&t, NAME, 0);
	s = net_expect_only(&t, NB_QUERY_REQ, 0x0100, W1);
	deny(&t, &s); /* no wait after a "no" (KB 238966) */
	s = net_expect_only(&t, NB_QUERY_REQ, 0x0110, BCAST(0));
	net_reply_from(&t, &s, answer_to(&s, 1, PEER(0, 7)), PEER(0, 7));
	assert_int_equal(answered(&t).source, NODE_FROM_BROADCAST);
	assert_int_equal(net_count(&t, NS_RESOLVED_BCAST), 1);
	net_end(&t);
}

static void
the_next_server_is_asked_after_a_no_too(void **state)
{
	struct node_answer a;
	struct net t;
	struct sent s;

	net_start(&t, NODE_P, 1, 2);
	resolve(&t, NAME, 0);
	s = net_expect_only(&t, NB_QUERY_REQ, 0x0100, W1);
	deny(&t, &s);
	s = net_expect_only(&t, NB_QUERY_REQ, 0x0100, W2);
	net_reply(&t, &s, answer_to(&s, 2, STRANGER));
	a = answered(&t);
	assert_true(a.found);
	assert_int_equal(a.naddr, 2);
	assert_int_equal(a.from.v, W2.v);
	assert_int_equal(net_count(&t, NS_RESOLVED_WINS), 1);
	net_end(&t);
}

static void
the_lists_of_all_cards_are_asked_each_server_once(void **state)
{
	struct net t;
	struct sent s;

	net_init(&t, NODE_P, 2, 2);
	t.ifs[1].wins[1] = W3; /* W1 W2, W1 W3 */
	net_up(&t);
	resolve(&t, NAME, 0);
	s = net_expect_only(&t, NB_QUERY_REQ, 0x0100, W1);
	deny(&t, &s);
	s = net_expect_only(&t, NB_QUERY_REQ, 0x0100, W2);
	deny(&t, &s);
	s = net_expect_only(&t, NB_QUERY_REQ, 0x0100, W3);
	assert_int_equal(s.path.local.v, CARD(1).v);
	deny(&t, &s);
	assert_false(answered(&t).found);

	resolve(&t, NAME, 2); /* the second card's alone */
	s = net_expect_only(&t, NB_QUERY_REQ, 0x0100, W1);
	assert_int_equal(s.path.local.v, CARD(1).v);
	deny(&t, &s);
	s = net_expect_only(&t, NB_QUERY_REQ, 0x0100, W3);
	net_end(&t);
}

static void
broadcasts_leave_by_all_cards_and_one_answer_ends_them(void **state)
{
	struct net t;
	struct sent a, b;

	net_start(&t, NODE_B, 2, 0);
	resolve(&t, NAME, 0);
	a = net_expect(&t, NB_QUERY_REQ, 0x0110, BCAST(0));
	b = net_expect_only(&t, NB_QUERY_REQ, 0x0110, BCAST(1));
	assert_int_equal(a.path.local.v, CARD(0).v);
	net_reply_from(&t, &b, answer_to(&b, 1, PEER(1, 7)), PEER(1, 7));
	assert_int_equal(answered(&t).addr[0].v, PEER(1, 7).v);
	net_reply_from(&t, &a, answer_to(&a, 1, PEER(0, 7)), PEER(0, 7)); /* too late */
	net_pass(&t, MINUTE);
	net_silent(&t);
	assert_int_equal(t.nanswers, 0);
	net_end(&t);
}

static void
a_card_without_server_broadcasts_at_once_on_an_h_node(void **state)
{
	struct net t;
	struct sent s;

	net_init(&t, NODE_H, 2, 1);
	t.ifs[1].nwins = 0;
	net_up(&t);
	resolve(&t, NAME, 0);
	(void)net_expect(&t, NB_QUERY_REQ, 0x0110, BCAST(1));
	s = net_expect_only(&t, NB_QUERY_REQ, 0x0100, W1);
	deny(&t, &s);
	(void)net_expect_only(&t, NB_QUERY_REQ, 0x0110, BCAST(0)); /* and card 1 not again */
	net_pass(&t, 10 * SECOND);
	assert_int_equal(net_drain(&t), 4);
	assert_false(answered(&t).found);
	net_end(&t);
}

static void
servers_that_are_down_are_not_waited_for(void **state)
{
	struct net t;

	net_start(&t, NODE_H, 1, 1);
	resolve(&t, NAME, 0);
	silent_server(&t, W1);
	silent_broadcast(&t, 0);
	(void)answered(&t);
	resolve(&t, NAME, 0); /* WinsDownTimeout */
	silent_broadcast(&t, 0);
	(void)answered(&t);
	net_pass(&t, 15 * SECOND);
	resolve(&t, NAME, 0);
	(void)net_expect_only(&t, NB_QUERY_REQ, 0x0100, W1);
	net_end(&t);
}

static void
a_secondary_that_stops_answering_is_left_at_once(void **state)
{
	struct net t;
	struct sent s;

	net_start(&t, NODE_P, 1, 2);
	net_add(&t, "PC<20>", false);
	net_pass(&t, 4500);
	while (net_out(&t, &s))
		;
	net_grant(&t, &s, 518400); /* by W2: it is asked first now */
	resolve(&t, NAME, 0);
	silent_server(&t, W2);
	s = net_expect_only(&t, NB_QUERY_REQ, 0x0100, W1);
	deny(&t, &s);
	(void)answered(&t);
	resolve(&t, NAME, 0); /* KB 247559 */
	(void)net_expect_only(&t, NB_QUERY_REQ, 0x0100, W1);
	net_end(&t);
}

static void
a_group_of_ours_is_asked_for_and_ours_if_nobody_knows_it(void **state)
{
	struct node_answer a;
	struct net t;
	struct sent s;

	net_start(&t, NODE_P, 1, 1);
	net_register(&t, "OFFICE<1c>", true, 518400);
	resolve(&t, "OFFICE<1c>", 0);
	s = net_expect_only(&t, NB_QUERY_REQ, 0x0100, W1);
	deny(&t, &s);
	a = answered(&t);
	assert_int_equal(a.source, NODE_FROM_LOCAL);
	assert_true(a.group);
	assert_int_equal(a.addr[0].v, CARD(0).v);
	net_end(&t);
}

/* ---- P nodes' one broadcast (KB 140473) ---- */

static void
a_p_node_broadcasts_once_for_an_empty_address_or_a_domain(void **state)
{
	struct node_answer a;
	struct net t;
	struct sent s;

	net_start(&t, NODE_P, 1, 1);
	resolve(&t, NAME, 0);
	s = net_expect_only(&t, NB_QUERY_REQ, 0x0100, W1);
	net_reply(&t, &s, answer_to(&s, 1, IP4_ANY));
	s = net_expect_only(&t, NB_QUERY_REQ, 0x0110, BCAST(0));
	net_reply_from(&t, &s, answer_to(&s, 1, PEER(0, 7)), PEER(0, 7));
	net_pass(&t, 750);
	net_silent(&t);
	a = answered(&t);
	assert_int_equal(a.naddr, 1);
	assert_int_equal(a.addr[0].v, PEER(0, 7).v);

	resolve(&t, "LAB<1c>", 0);
	s = net_expect_only(&t, NB_QUERY_REQ, 0x0100, W1);
	net_reply(&t, &s, answer_to(&s, 2, STRANGER));
	s = net_expect_only(&t, NB_QUERY_REQ, 0x0110, BCAST(0));
	net_reply_from(&t, &s, answer_to(&s, 1, PEER(0, 8)), PEER(0, 8));
	net_pass(&t, 750);
	a = answered(&t);
	assert_int_equal(a.naddr, 3);
	assert_int_equal(a.addr[0].v, PEER(0, 8).v); /* the neighbour first */
	net_end(&t);
}

/* ---- whose answers count ---- */

static void
answers_count_only_from_where_they_may_come(void **state)
{
	struct nb_msg m;
	struct net t;
	struct sent s;

	net_start(&t, NODE_H, 2, 2);
	resolve(&t, NAME, 0);
	s = net_expect_only(&t, NB_QUERY_REQ, 0x0100, W1);
	m = answer_to(&s, 1, STRANGER);
	net_in(&t, &m, 0, W2, false);
	net_in(&t, &m, 0, PEER(0, 66), false);
	net_in(&t, &m, 1, W1, false);
	m.id ^= 1;
	net_in(&t, &m, 0, W1, false);
	m.id ^= 1;
	m.key = net_key("OTHER<20>");
	net_in(&t, &m, 0, W1, false);
	assert_int_equal(t.nanswers, 0);
	deny(&t, &s);
	s = net_expect_only(&t, NB_QUERY_REQ, 0x0100, W2);
	deny(&t, &s);
	s = net_expect(&t, NB_QUERY_REQ, 0x0110, BCAST(0));
	m = answer_to(&s, 1, STRANGER);
	net_in(&t, &m, 0, STRANGER, false); /* off link: BadTunnel */
	net_in(&t, &m, 1, PEER(1, 66), false);
	assert_int_equal(t.nanswers, 0);
	net_in(&t, &m, 0, PEER(0, 7), false);
	assert_true(answered(&t).found);
	net_end(&t);
}

static void
addresses_no_host_can_have_are_dropped(void **state)
{
	static const struct ip4 bad[] = { { 0 }, { 0x7f000001 }, { 0xe0000001 }, { 0xffffffff } };
	struct node_answer a;
	struct nb_msg m;
	struct net t;
	struct sent s;

	net_start(&t, NODE_H, 1, 1);
	resolve(&t, NAME, 0);
	s = net_expect_only(&t, NB_QUERY_REQ, 0x0100, W1);
	m = answer_to(&s, 5, STRANGER);
	for (unsigned i = 0; i < 4; i++)
		m.addr[i].ip = bad[i];
	net_reply(&t, &s, m);
	a = answered(&t);
	assert_int_equal(a.naddr, 1);
	assert_int_equal(a.addr[0].v, STRANGER.v + 4);

	resolve(&t, "OFFICE<00>", 0); /* for a group 255.255.255.255 is right */
	s = net_expect_only(&t, NB_QUERY_REQ, 0x0100, W1);
	m = answer_to(&s, 1, IP4_BROADCAST);
	m.addr[0].flags = NB_G;
	net_reply(&t, &s, m);
	a = answered(&t);
	assert_true(a.found && a.group);
	assert_int_equal(a.addr[0].v, IP4_BROADCAST.v);
	net_end(&t);
}

static void
an_answer_without_a_usable_address_is_a_no(void **state)
{
	struct net t;
	struct sent s;

	net_start(&t, NODE_H, 1, 1);
	resolve(&t, NAME, 0);
	s = net_expect_only(&t, NB_QUERY_REQ, 0x0100, W1);
	net_reply(&t, &s, answer_to(&s, 1, IP4(127, 0, 0, 1)));
	(void)net_expect_only(&t, NB_QUERY_REQ, 0x0110, BCAST(0));
	net_end(&t);
}

static void
a_long_list_is_cut_at_25(void **state)
{
	struct net t;
	struct sent s;

	net_start(&t, NODE_H, 1, 1);
	resolve(&t, NAME, 0);
	s = net_expect_only(&t, NB_QUERY_REQ, 0x0100, W1);
	net_reply(&t, &s, answer_to(&s, 26, STRANGER));
	assert_int_equal(answered(&t).naddr, 25);
	net_end(&t);
}

static void
a_redirect_is_followed_once_and_only_to_a_server_of_ours(void **state)
{
	struct nb_msg m;
	struct net t;
	struct sent s;

	net_start(&t, NODE_P, 1, 2);
	resolve(&t, NAME, 0);
	s = net_expect_only(&t, NB_QUERY_REQ, 0x0100, W1);
	m = net_reply_to(&s, NB_REDIRECT, 0x8100);
	m.ns_key = net_key("WINS<20>");
	m.ns_ip = W2;
	net_reply(&t, &s, m);
	s = net_expect_only(&t, NB_QUERY_REQ, 0x0100, W2);
	m.id = s.m.id;
	m.ns_ip = W1;
	net_reply(&t, &s, m); /* a second one: as a "no" */
	(void)net_expect_only(&t, NB_QUERY_REQ, 0x0100, W2);
	net_end(&t);

	net_start(&t, NODE_P, 1, 1);
	resolve(&t, NAME, 0);
	s = net_expect_only(&t, NB_QUERY_REQ, 0x0100, W1);
	m.id = s.m.id;
	m.ns_ip = STRANGER;
	net_reply(&t, &s, m);
	assert_false(answered(&t).found);
	net_silent(&t);
	net_end(&t);
}

/* ---- two answers (3.6) ---- */

static struct sent
one_answer(struct net *t, uint16_t nb_flags)
{
	struct nb_msg m;
	struct sent s;

	net_start(t, NODE_B, 1, 0);
	resolve(t, NAME, 0);
	s = net_expect_only(t, NB_QUERY_REQ, 0x0110, BCAST(0));
	m = answer_to(&s, 1, PEER(0, 7));
	m.addr[0].flags = nb_flags;
	net_reply_from(t, &s, m, PEER(0, 7));
	assert_true(answered(t).found);
	return s;
}

static void
a_second_different_answer_within_the_timer_is_a_conflict_of_the_later(void **state)
{
	struct node_cache_entry e;
	struct nb_msg m;
	struct net t;
	struct sent s = one_answer(&t, 0);

	net_pass(&t, 999);
	m = answer_to(&s, 1, PEER(0, 8));
	net_reply_from(&t, &s, m, PEER(0, 8));
	s = net_expect_only(&t, NB_REGISTER_RESP, 0xad87, PEER(0, 8));
	assert_int_equal(s.path.port, 137);
	assert_int_equal(s.m.addr[0].ip.v, 0);
	assert_int_equal(s.m.ttl, 0);
	assert_int_equal(t.nanswers, 0); /* the first stays authoritative */
	assert_false(node_cache_at(t.n, 0, t.now, &e));
	assert_int_equal(net_told(&t, EV_NODE_TWO_ANSWERS)->peer.v, PEER(0, 8).v);
	assert_int_equal(net_told(&t, EV_NODE_TWO_ANSWERS)->other.v, PEER(0, 7).v);
	net_end(&t);
}

static void
a_second_answer_after_the_timer_is_too_late(void **state)
{
	struct net t;
	struct sent s = one_answer(&t, 0);

	net_pass(&t, 1000);
	net_reply_from(&t, &s, answer_to(&s, 1, PEER(0, 8)), PEER(0, 8));
	net_silent(&t);
	net_end(&t);
}

static void
duplicates_members_and_one_host_twice_are_no_conflict(void **state)
{
	struct nb_msg m;
	struct net t;
	struct sent s = one_answer(&t, 0);

	net_reply_from(&t, &s, answer_to(&s, 1, PEER(0, 7)), PEER(0, 7));
	m = answer_to(&s, 2, PEER(0, 7)); /* from its second address, the first among them */
	net_reply_from(&t, &s, m, PEER(0, 8));
	net_silent(&t);
	net_end(&t);

	s = one_answer(&t, NB_G);
	m = answer_to(&s, 1, PEER(0, 8));
	m.addr[0].flags = NB_G;
	net_reply_from(&t, &s, m, PEER(0, 8));
	net_silent(&t);
	m.addr[0].flags = 0; /* a computer called like the group */
	net_reply_from(&t, &s, m, PEER(0, 8));
	(void)net_expect_only(&t, NB_REGISTER_RESP, 0xad87, PEER(0, 8));
	net_end(&t);
}

static void
conflict_demands_are_bounded(void **state)
{
	struct net t;
	struct sent s = one_answer(&t, 0);

	for (unsigned i = 20; i < 40; i++)
		net_reply_from(&t, &s, answer_to(&s, 1, PEER(0, i)), PEER(0, i));
	assert_int_equal(net_drain(&t), 4);
	net_end(&t);
}

/* ---- cache, LMHOSTS, DNS ---- */

static void
what_was_learned_is_remembered_for_its_time_and_listed(void **state)
{
	struct node_cache_entry e;
	struct net t;
	struct sent s;

	net_start(&t, NODE_P, 1, 1);
	resolve(&t, NAME, 0);
	s = net_expect_only(&t, NB_QUERY_REQ, 0x0100, W1);
	net_reply(&t, &s, answer_to(&s, 1, STRANGER));
	(void)answered(&t);
	assert_true(node_cache_at(t.n, 0, t.now, &e));
	assert_int_equal(e.life_ms, 600000);
	assert_int_equal(e.if_key, 1);
	net_pass(&t, 599999);
	resolve(&t, NAME, 0);
	net_silent(&t);
	assert_int_equal(answered(&t).source, NODE_FROM_CACHE);
	net_pass(&t, 1);
	resolve(&t, NAME, 0);
	(void)net_expect_only(&t, NB_QUERY_REQ, 0x0100, W1);
	net_end(&t);
}

static void
a_goodbye_clears_the_cache_only_from_the_one_who_goes(void **state)
{
	struct node_cache_entry e;
	struct nb_msg bye, taken;
	struct net t;
	struct sent s = one_answer(&t, 0);

	(void)s;
	bye = net_request(NB_RELEASE_REQ, 0x3010, NAME, 0, PEER(0, 7));
	net_in(&t, &bye, 0, PEER(0, 66), true);
	assert_true(node_cache_at(t.n, 0, t.now, &e));
	net_in(&t, &bye, 0, PEER(0, 7), true);
	assert_false(node_cache_at(t.n, 0, t.now, &e));
	net_end(&t);

	(void)one_answer(&t, 0);
	taken = net_request(NB_REGISTER_REQ, 0x2810, NAME, 0, PEER(0, 9));
	net_in(&t, &taken, 0, PEER(0, 9), true); /* overwrite: it is somebody else's now */
	assert_false(node_cache_at(t.n, 0, t.now, &e));
	net_end(&t);
}

static void
lmhosts_preloads_and_answers_after_the_network(void **state)
{
	struct node_cache_entry e;
	struct node_answer a;
	struct net t;

	net_init(&t, NODE_B, 1, 0);
	strcpy(t.conf.lmhosts, "/etc/lmhosts");
	t.lmhosts = "10.9.9.1 FIRST #PRE\n10.9.9.2 LATER\nnonsense here\n";
	net_up(&t);
	assert_non_null(net_told(&t, EV_NODE_LMHOSTS));
	assert_non_null(strstr(net_told(&t, EV_NODE_LMHOSTS)->text, "line 3"));
	resolve(&t, "FIRST<20>", 0);
	a = answered(&t);
	assert_int_equal(a.source, NODE_FROM_CACHE);
	assert_int_equal(a.addr[0].v, IP4(10, 9, 9, 1).v);
	net_silent(&t);
	assert_true(node_cache_at(t.n, 0, t.now, &e));
	assert_true(e.preloaded);
	assert_int_equal(e.life_ms, -1);
	resolve(&t, "LATER<20>", 0);
	silent_broadcast(&t, 0);
	a = answered(&t);
	assert_int_equal(a.source, NODE_FROM_LMHOSTS);
	assert_int_equal(a.addr[0].v, IP4(10, 9, 9, 2).v);

	t.lmhosts = "10.9.9.3 FIRST #PRE\n";
	node_cache_reload(t.n, t.now);
	resolve(&t, "FIRST<20>", 0);
	assert_int_equal(answered(&t).addr[0].v, IP4(10, 9, 9, 3).v);
	t.lmhosts = NULL;
	node_cache_reload(t.n, t.now);
	assert_false(node_cache_at(t.n, 0, t.now, &e));
	net_end(&t);
}

static void
dns_is_asked_last_for_names_of_computers_only(void **state)
{
	struct ip4 found[] = { STRANGER, IP4(127, 0, 0, 1) };
	struct node_answer a;
	struct net t;

	net_init(&t, NODE_B, 0, 0);
	t.conf.dns = true;
	net_up(&t);
	resolve(&t, NAME, 0);
	assert_string_equal(t.dns, "THEM");
	assert_int_equal(t.nanswers, 0);
	node_dns_done(t.n, 8, found, 2, t.now); /* another ticket */
	assert_int_equal(t.nanswers, 0);
	node_dns_done(t.n, 7, found, 2, t.now);
	a = answered(&t);
	assert_int_equal(a.source, NODE_FROM_DNS);
	assert_int_equal(a.naddr, 1);
	node_dns_done(t.n, 7, found, 2, t.now);
	assert_int_equal(t.nanswers, 0);

	t.dns[0] = '\0';
	resolve(&t, "OFFICE<1c>", 0);
	resolve(&t, "A B<20>", 0);
	resolve(&t, "THEM<20>.LAB", 0);
	assert_string_equal(t.dns, "");
	assert_int_equal(t.nanswers, 3);
	t.nanswers = 0;
	resolve(&t, NAME, 0);
	node_dns_done(t.n, 7, NULL, 0, t.now);
	assert_false(answered(&t).found);
	net_end(&t);
}

/* ---- bounds ---- */

static void
resolutions_are_bounded(void **state)
{
	struct nb_key key = net_key(NAME);
	struct net t;

	net_start(&t, NODE_P, 1, 1);
	for (uint32_t i = 0; i < NODE_ASKS_MAX; i++)
		assert_int_equal(node_resolve(t.n, &key, 0, i, t.now), 0);
	assert_int_equal(node_resolve(t.n, &key, 0, 9999, t.now), NBT_ELIMIT);
	assert_int_equal(node_ask_status(t.n, W1, NULL, 9999, t.now), NBT_ELIMIT);
	net_end(&t);
}

static void
blocked_names_are_never_asked_for_by_broadcast(void **state)
{
	struct net t;

	net_start(&t, NODE_B, 1, 0);
	resolve(&t, "WPAD<00>", 0);
	net_silent(&t);
	assert_false(answered(&t).found);
	net_end(&t);
}

static void
cards_that_go_in_the_middle_leave_the_answer_intact(void **state)
{
	struct net t;

	net_start(&t, NODE_H, 2, 2);
	resolve(&t, NAME, 0);
	(void)net_drain(&t);
	t.nifs = 0;
	net_set_ifs(&t);
	net_pass(&t, MINUTE);
	net_silent(&t); /* nothing can leave from there */
	assert_false(answered(&t).found);
	net_end(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_names_come_first),
		cmocka_unit_test(a_b_node_asks_by_broadcast_three_times_and_gives_up),
		cmocka_unit_test(a_p_node_asks_the_servers_and_nobody_else),
		cmocka_unit_test(an_m_node_asks_by_broadcast_then_the_server),
		cmocka_unit_test(an_h_node_asks_the_server_then_by_broadcast),
		cmocka_unit_test(the_next_server_is_asked_after_a_no_too),
		cmocka_unit_test(the_lists_of_all_cards_are_asked_each_server_once),
		cmocka_unit_test(broadcasts_leave_by_all_cards_and_one_answer_ends_them),
		cmocka_unit_test(a_card_without_server_broadcasts_at_once_on_an_h_node),
		cmocka_unit_test(servers_that_are_down_are_not_waited_for),
		cmocka_unit_test(a_secondary_that_stops_answering_is_left_at_once),
		cmocka_unit_test(a_group_of_ours_is_asked_for_and_ours_if_nobody_knows_it),
		cmocka_unit_test(a_p_node_broadcasts_once_for_an_empty_address_or_a_domain),
		cmocka_unit_test(answers_count_only_from_where_they_may_come),
		cmocka_unit_test(addresses_no_host_can_have_are_dropped),
		cmocka_unit_test(an_answer_without_a_usable_address_is_a_no),
		cmocka_unit_test(a_long_list_is_cut_at_25),
		cmocka_unit_test(a_redirect_is_followed_once_and_only_to_a_server_of_ours),
		cmocka_unit_test(
		    a_second_different_answer_within_the_timer_is_a_conflict_of_the_later),
		cmocka_unit_test(a_second_answer_after_the_timer_is_too_late),
		cmocka_unit_test(duplicates_members_and_one_host_twice_are_no_conflict),
		cmocka_unit_test(conflict_demands_are_bounded),
		cmocka_unit_test(what_was_learned_is_remembered_for_its_time_and_listed),
		cmocka_unit_test(a_goodbye_clears_the_cache_only_from_the_one_who_goes),
		cmocka_unit_test(lmhosts_preloads_and_answers_after_the_network),
		cmocka_unit_test(dns_is_asked_last_for_names_of_computers_only),
		cmocka_unit_test(resolutions_are_bounded),
		cmocka_unit_test(blocked_names_are_never_asked_for_by_broadcast),
		cmocka_unit_test(cards_that_go_in_the_middle_leave_the_answer_intact),
	};

	return cmocka_run_group_tests_name("node_lookup", tests, NULL, NULL);
}
