/* SPDX-License-Identifier: Apache-2.0 */
/* Releases and ghosts (netbt-name-service.md 2.4 "Release", 3.5, KB 184832). */
#include "node_net.h"

#define NAME "PC<20>"

/* Three releases in the order of the cards, from the address each releases, and nothing else. */
static void
expect_releases(struct net *t, unsigned cards, struct ip4 server, struct sent *ret)
{
	for (unsigned k = 0; k < cards; k++) {
		ret[k] = net_expect(t, NB_RELEASE_REQ, 0x3000, server);
		assert_int_equal(ret[k].m.ttl, 0);
		assert_int_equal(ret[k].path.local.v, CARD(k).v);
		assert_int_equal(ret[k].m.addr[0].ip.v, CARD(k).v);
	}
	net_silent(t);
}

static void
each_address_is_released_from_itself_and_the_answer_awaited(void **state)
{
	struct sent s[3];
	struct net t;

	net_start(&t, NODE_H, 3, 1);
	net_register(&t, NAME, false, 518400);
	net_remove(&t, NAME);
	expect_releases(&t, 3, W1, s);
	assert_false(node_quiet(t.n));
	net_released(&t, &s[0]);
	net_released(&t, &s[2]);
	assert_int_equal(net_state(&t, NAME, 0), 255);
	assert_int_equal(net_state(&t, NAME, 1), NODE_RELEASING);
	assert_false(node_quiet(t.n));
	net_pass(&t, 1500);
	s[1] = net_expect_only(&t, NB_RELEASE_REQ, 0x3000, W1); /* silence is repeated */
	assert_int_equal(s[1].path.local.v, CARD(1).v);
	net_released(&t, &s[1]);
	assert_true(node_quiet(t.n));
	net_pass(&t, 60 * MINUTE);
	net_silent(&t); /* trap 18: no broadcast after a positive answer */
	assert_int_equal(net_count(&t, NS_RELEASED), 3);
	assert_int_equal(net_ghosts(&t), 0);
	net_end(&t);
}

static void
count_entry(void *arg, const struct node_entry *e)
{
	unsigned *n = arg;
	assert_string_equal(e->if_name, *n ? "card1" : "card0");
	++*n;
}

static void
the_digest_changes_with_every_state_and_with_nothing_else(void **state)
{
	uint64_t empty, registered, releasing;
	unsigned entries = 0;
	struct net t;
	struct sent s[2];

	net_start(&t, NODE_P, 2, 1);
	empty = node_digest(t.n);
	net_register(&t, "OTHER<20>", false, 518400);
	registered = node_digest(t.n);
	assert_int_not_equal(registered, empty);
	net_pass(&t, MINUTE);
	assert_int_equal(node_digest(t.n), registered);
	node_each_entry(t.n, t.now, count_entry, &entries);
	assert_int_equal(entries, 2);
	net_remove(&t, "OTHER<20>");
	releasing = node_digest(t.n);
	assert_int_not_equal(releasing, registered);
	expect_releases(&t, 2, W1, s);
	net_released(&t, &s[0]);
	assert_int_not_equal(node_digest(t.n), releasing);
	net_released(&t, &s[1]);
	assert_int_equal(node_digest(t.n), empty);
	net_add(&t, NAME, false);
	assert_int_not_equal(node_digest(t.n), empty);
	net_end(&t);
}

static void
a_name_used_twice_goes_with_its_last_user(void **state)
{
	struct nb_key key = net_key(NAME);
	struct net t;

	net_start(&t, NODE_H, 1, 1);
	net_register(&t, NAME, false, 518400);
	net_add(&t, NAME, false);
	net_silent(&t);
	net_remove(&t, NAME);
	net_silent(&t);
	assert_int_equal(net_state(&t, NAME, 0), NODE_REGISTERED);
	net_remove(&t, NAME);
	(void)net_expect_only(&t, NB_RELEASE_REQ, 0x3000, W1);
	assert_int_equal(node_remove(t.n, &key, t.now), NBT_ENOENT);
	net_end(&t);
}

static void
every_server_that_may_hold_the_name_is_told(void **state)
{
	struct sent s, first, second;
	struct net t;

	net_start(&t, NODE_P, 1, 2);
	net_add(&t, NAME, false);
	net_pass(&t, 4500); /* the primary is silent, but may have heard */
	while (net_out(&t, &s))
		;
	net_grant(&t, &s, 518400);
	net_remove(&t, NAME);
	first = net_expect(&t, NB_RELEASE_REQ, 0x3000, W1);
	second = net_expect_only(&t, NB_RELEASE_REQ, 0x3000, W2);
	net_released(&t, &second);
	assert_false(node_quiet(t.n));
	net_released(&t, &first);
	assert_true(node_quiet(t.n));
	net_end(&t);
}

static void
a_server_that_refused_the_claim_is_not_told(void **state)
{
	struct net t;
	struct sent s;

	net_start(&t, NODE_H, 1, 1);
	net_add(&t, NAME, false);
	s = net_expect_only(&t, NB_REGISTER_REQ, 0x2900, W1);
	net_refuse(&t, &s, NB_RC_ACT, STRANGER);
	net_remove(&t, NAME);
	net_silent(&t);
	assert_int_equal(net_state(&t, NAME, 0), 255);
	net_end(&t);
}

/* ---- goodbyes by broadcast ---- */

static void
a_b_node_says_goodbye_three_times(void **state)
{
	struct net t;

	net_start(&t, NODE_B, 1, 0);
	net_register_b(&t, NAME, false);
	net_remove(&t, NAME);
	for (int i = 0; i < 3; i++) {
		(void)net_expect_only(&t, NB_RELEASE_REQ, 0x3010, BCAST(0));
		net_pass(&t, 750);
	}
	net_silent(&t);
	assert_int_equal(net_state(&t, NAME, 0), 255);
	assert_true(node_quiet(t.n));
	net_end(&t);
}

static void
a_p_node_never_says_goodbye_by_broadcast(void **state)
{
	struct net t;

	net_start(&t, NODE_P, 1, 1);
	net_register(&t, NAME, false, 518400);
	net_remove(&t, NAME);
	net_pass(&t, 4500);
	assert_int_equal(net_drain(&t), 3);
	assert_true(node_quiet(t.n));
	net_end(&t);
}

static void
an_m_node_says_goodbye_only_after_the_server_agreed(void **state)
{
	struct net t;
	struct sent s;

	for (int agreed = 0; agreed < 2; agreed++) {
		net_start(&t, NODE_M, 1, 1);
		net_add(&t, NAME, false);
		net_pass(&t, 2250);
		while (net_out(&t, &s))
			;
		net_grant(&t, &s, 518400);
		net_remove(&t, NAME);
		s = net_expect_only(&t, NB_RELEASE_REQ, 0x3000, W1);
		if (agreed) {
			net_released(&t, &s);
			(void)net_expect_only(&t, NB_RELEASE_REQ, 0x3010, BCAST(0));
		} else {
			net_reply(&t, &s, net_reply_to(&s, NB_RELEASE_RESP, 0xb406));
			net_silent(&t);
			assert_non_null(net_told(&t, EV_NODE_RELEASE_REFUSED));
		}
		net_end(&t);
	}
}

static void
an_h_node_says_goodbye_when_the_server_refused_or_was_silent(void **state)
{
	struct net t;
	struct sent s;

	for (int silent = 0; silent < 2; silent++) {
		net_start(&t, NODE_H, 1, 1);
		net_register(&t, NAME, false, 518400);
		net_remove(&t, NAME);
		s = net_expect_only(&t, NB_RELEASE_REQ, 0x3000, W1);
		if (silent) {
			net_pass(&t, 4500);
			(void)net_expect(&t, NB_RELEASE_REQ, 0x3000, W1);
			(void)net_expect(&t, NB_RELEASE_REQ, 0x3000, W1);
		} else {
			net_reply(&t, &s, net_reply_to(&s, NB_RELEASE_RESP, 0xb405));
		}
		(void)net_expect_only(&t, NB_RELEASE_REQ, 0x3010, BCAST(0));
		assert_int_equal(net_ghosts(&t), silent);
		net_end(&t);
	}
}

static void
a_name_in_conflict_is_not_said_goodbye_to(void **state)
{
	struct net t;
	struct sent s;

	net_start(&t, NODE_B, 1, 0);
	net_add(&t, NAME, false);
	s = net_expect_only(&t, NB_REGISTER_REQ, 0x2910, BCAST(0));
	net_reply_from(&t, &s, net_reply_to(&s, NB_REGISTER_RESP, 0xad86), PEER(0, 7));
	net_remove(&t, NAME);
	net_pass(&t, 10 * SECOND);
	net_silent(&t);
	net_end(&t);
}

static void
a_wack_makes_the_release_wait(void **state)
{
	struct nb_msg wack;
	struct net t;
	struct sent s;

	net_start(&t, NODE_H, 1, 1);
	net_register(&t, NAME, false, 518400);
	net_remove(&t, NAME);
	s = net_expect_only(&t, NB_RELEASE_REQ, 0x3000, W1);
	wack = net_reply_to(&s, NB_WACK, 0xbc00);
	wack.ttl = 20;
	net_reply(&t, &s, wack);
	net_pass(&t, 19999);
	net_silent(&t);
	net_released(&t, &s);
	assert_true(node_quiet(t.n));
	net_end(&t);
}

static void
a_name_samba_no_longer_knows_is_released(void **state)
{
	struct net t;
	struct sent s;

	net_start(&t, NODE_H, 1, 1);
	net_register(&t, NAME, false, 518400);
	net_remove(&t, NAME);
	s = net_expect_only(&t, NB_RELEASE_REQ, 0x3000, W1);
	net_reply(&t, &s, net_reply_to(&s, NB_RELEASE_RESP, 0xb403));
	assert_int_equal(net_count(&t, NS_RELEASED), 1);
	net_silent(&t);
	net_end(&t);
}

/* ---- ghosts ---- */

/* Registered on both cards, removed while the server is silent. */
static void
haunted(struct net *t)
{
	net_start(t, NODE_P, 2, 1);
	net_register(t, NAME, false, 518400);
	net_remove(t, NAME);
	net_pass(t, 4500);
	(void)net_drain(t);
	assert_true(node_quiet(t->n));
	assert_int_equal(net_ghosts(t), 2);
}

static void
an_unconfirmed_release_is_told_remembered_and_tried_again(void **state)
{
	const struct event *ev;
	struct node_ghost g;
	struct net t;
	struct sent s;

	haunted(&t);
	ev = net_told(&t, EV_NODE_GHOST);
	assert_non_null(ev);
	assert_int_equal(ev->peer.v, W1.v);
	assert_int_equal(ev->other.v, CARD(1).v);
	assert_string_equal(ev->text, "card1");
	assert_true(node_ghost_at(t.n, 0, t.now, &g));
	assert_int_equal(g.ip.v, CARD(0).v);
	assert_int_equal(g.wins.v, W1.v);
	assert_int_equal(g.retry_in_ms, 30 * SECOND);
	net_pass(&t, 30 * SECOND - 1);
	net_silent(&t);
	net_pass(&t, 1);
	for (unsigned k = 0; k < 2; k++) {
		s = net_expect(&t, NB_RELEASE_REQ, 0x3000, W1);
		assert_int_equal(s.path.local.v, CARD(k).v);
		net_released(&t, &s);
	}
	assert_int_equal(net_ghosts(&t), 0);
	assert_non_null(net_told(&t, EV_NODE_GHOST_CLEARED));
	assert_int_equal(net_count(&t, NS_GHOSTS_CLEARED), 2);
	net_pass(&t, 24 * 60 * MINUTE);
	net_silent(&t);
	net_end(&t);
}

static void
the_wait_between_tries_doubles_up_to_an_hour(void **state)
{
	static const int64_t waits[] = { 30, 60, 120, 240, 480, 960, 1920, 3600, 3600 };
	struct net t;

	haunted(&t);
	for (unsigned i = 0; i < sizeof(waits) / sizeof(*waits); i++) {
		net_pass(&t, waits[i] * SECOND - 1);
		net_silent(&t);
		net_pass(&t, 1 + 4500);
		assert_int_equal(net_drain(&t), 6);
	}
	net_end(&t);
}

static void
a_server_that_answers_anything_again_gets_the_releases_at_once(void **state)
{
	struct net t;
	struct sent s;

	haunted(&t);
	net_pass(&t, 15 * SECOND);
	net_add(&t, "OTHER<20>", false);
	s = net_expect(&t, NB_REGISTER_REQ, 0x7900, W1);
	(void)net_drain(&t);
	net_grant(&t, &s, 518400);
	net_pass(&t, 0);
	s = net_expect(&t, NB_RELEASE_REQ, 0x3000, W1);
	net_end(&t);
}

static void
a_ghost_whose_name_is_claimed_again_is_not_released_any_more(void **state)
{
	struct net t;
	struct sent s;

	haunted(&t);
	net_add(&t, NAME, false);
	assert_int_equal(net_ghosts(&t), 0);
	(void)net_drain(&t);
	net_pass(&t, 60 * MINUTE);
	while (net_out(&t, &s))
		assert_int_not_equal(s.m.kind, NB_RELEASE_REQ);
	net_end(&t);
}

static void
a_ghost_goes_when_the_server_has_forgotten_the_name_by_itself(void **state)
{
	struct net t;

	net_start(&t, NODE_P, 1, 1);
	net_register(&t, NAME, false, 2400);
	net_pass(&t, 600 * SECOND);
	net_remove(&t, NAME);
	net_pass(&t, 1799 * SECOND);
	assert_int_equal(net_ghosts(&t), 1);
	net_pass(&t, 60 * MINUTE);
	assert_int_equal(net_ghosts(&t), 0);
	assert_non_null(net_told(&t, EV_NODE_GHOST_FORGOTTEN));
	net_end(&t);
}

static struct node_ghost
ghost_of_an_earlier_run(unsigned card)
{
	return (struct node_ghost){
		.key = net_key(NAME), .ip = CARD(card), .from = CARD(card), .wins = W1
	};
}

static void
a_ghost_of_an_earlier_run_is_tried_at_once(void **state)
{
	const struct node_ghost g = ghost_of_an_earlier_run(1), gone = ghost_of_an_earlier_run(7);
	struct net t;
	struct sent s;

	net_start(&t, NODE_P, 2, 1);
	assert_int_equal(node_remember(t.n, &g, t.now), 0);
	assert_int_equal(node_remember(t.n, &g, t.now), 0);
	assert_int_equal(node_remember(t.n, &gone, t.now), 0); /* waits for its address */
	assert_int_equal(net_ghosts(&t), 2);
	net_pass(&t, 0);
	s = net_expect_only(&t, NB_RELEASE_REQ, 0x3000, W1);
	assert_int_equal(s.path.local.v, CARD(1).v);
	assert_int_equal(s.m.addr[0].ip.v, CARD(1).v);
	net_released(&t, &s);
	assert_int_equal(net_ghosts(&t), 1);
	net_end(&t);
}

static void
a_ghost_of_an_earlier_run_whose_name_is_back_is_none(void **state)
{
	const struct node_ghost g = ghost_of_an_earlier_run(0);
	struct net t;

	net_start(&t, NODE_P, 2, 1);
	net_register(&t, NAME, false, 518400);
	assert_int_equal(node_remember(t.n, &g, t.now), 0);
	assert_int_equal(net_ghosts(&t), 0);
	net_pass(&t, 0);
	net_silent(&t);
	net_end(&t);
}

static void
ghosts_of_an_earlier_run_are_bounded_too(void **state)
{
	struct node_ghost g = ghost_of_an_earlier_run(0);
	struct net t;

	net_start(&t, NODE_P, 1, 1);
	for (unsigned i = 0; i < NODE_GHOSTS_MAX; i++) {
		g.ip.v = IP4(10, 99, 0, 0).v + i;
		g.from = g.ip;
		assert_int_equal(node_remember(t.n, &g, t.now), 0);
	}
	g.ip.v++;
	assert_int_equal(node_remember(t.n, &g, t.now), NBT_ELIMIT);
	net_end(&t);
}

/* Names that are registered and lose their card: ghosts at once, without a packet. */
static void
add_ghosts(struct net *t, unsigned first, unsigned count)
{
	struct nb_key key = net_key("N<20>");
	struct sent s;

	for (unsigned i = first; i < first + count; i++) {
		memcpy(key.name.b + 1, &i, sizeof(i));
		assert_int_equal(node_add(t->n, &key, false, false, t->now), 0);
		while (net_out(t, &s))
			net_grant(t, &s, 518400);
	}
	assert_int_equal(node_set_ifs(t->n, NULL, 0, t->now), 0);
	for (unsigned i = first; i < first + count; i++) {
		memcpy(key.name.b + 1, &i, sizeof(i));
		assert_int_equal(node_remove(t->n, &key, t->now), 0);
	}
	net_set_ifs(t);
	(void)net_drain(t);
}

static void
the_number_of_ghosts_is_bounded_and_the_oldest_goes(void **state)
{
	struct nb_key first = net_key("N<20>");
	struct node_ghost g;
	struct net t;

	memset(first.name.b + 1, 0, 4);
	net_init(&t, NODE_P, 1, 1);
	net_up(&t);
	for (unsigned i = 0; i < NODE_GHOSTS_MAX; i += 512)
		add_ghosts(&t, i, 512);
	assert_int_equal(net_ghosts(&t), NODE_GHOSTS_MAX);
	assert_int_equal(net_count(&t, NS_GHOSTS_FORGOTTEN), 0);
	assert_true(node_ghost_at(t.n, 0, t.now, &g));
	assert_true(nb_key_eq(&g.key, &first));
	add_ghosts(&t, NODE_GHOSTS_MAX, 1);
	assert_int_equal(net_ghosts(&t), NODE_GHOSTS_MAX);
	assert_int_equal(net_count(&t, NS_GHOSTS_FORGOTTEN), 1);
	assert_true(node_ghost_at(t.n, 0, t.now, &g));
	assert_false(nb_key_eq(&g.key, &first));
	net_end(&t);
}

/* ---- everything goes, everything returns ---- */

static void
suspend_releases_all_names_and_resume_registers_them_again(void **state)
{
	struct sent s[2];
	struct net t;

	net_start(&t, NODE_H, 2, 1);
	net_register(&t, NAME, false, 518400);
	node_suspend(t.n, t.now);
	expect_releases(&t, 2, W1, s);
	net_released(&t, &s[0]);
	net_released(&t, &s[1]);
	assert_true(node_quiet(t.n));
	assert_int_equal(net_state(&t, NAME, 0), 255);
	net_add(&t, "LATER<20>", false); /* remembered */
	net_set_ifs(&t);
	net_pass(&t, 60 * MINUTE);
	net_silent(&t);
	node_resume(t.n, t.now);
	for (int i = 0; i < 4; i++)
		(void)net_expect(&t, NB_REGISTER_REQ, 0x7900, W1);
	net_silent(&t);
	net_end(&t);
}

static void
a_name_wanted_again_while_it_is_released_is_claimed_after_the_answer(void **state)
{
	struct net t;
	struct sent s;

	net_start(&t, NODE_H, 1, 1);
	net_register(&t, NAME, false, 518400);
	net_remove(&t, NAME);
	s = net_expect_only(&t, NB_RELEASE_REQ, 0x3000, W1);
	net_add(&t, NAME, false);
	net_silent(&t); /* KB 228453: not before the release was answered */
	net_released(&t, &s);
	(void)net_expect_only(&t, NB_REGISTER_REQ, 0x2900, W1);
	net_end(&t);
}

static void
rr_releases_waits_for_the_answers_and_registers_on_all_cards(void **state)
{
	struct sent s[2];
	struct net t;

	net_start(&t, NODE_H, 2, 1);
	net_register(&t, NAME, false, 518400);
	assert_int_equal(node_release_refresh(t.n, t.now), 0);
	expect_releases(&t, 2, W1, s);
	net_released(&t, &s[1]);
	net_silent(&t);
	net_released(&t, &s[0]);
	(void)net_expect(&t, NB_REGISTER_REQ, 0x7900, W1);
	(void)net_expect_only(&t, NB_REGISTER_REQ, 0x7900, W1);
	net_pass(&t, 2 * MINUTE - 1);
	assert_int_equal(node_release_refresh(t.n, t.now), NBT_EBUSY);
	net_pass(&t, 1);
	assert_int_equal(node_release_refresh(t.n, t.now), 0);
	node_suspend(t.n, t.now);
	net_pass(&t, 3 * MINUTE);
	assert_int_equal(node_release_refresh(t.n, t.now), NBT_EBUSY);
	net_end(&t);
}

static void
rr_leads_out_of_a_conflict_and_works_without_names(void **state)
{
	struct net t;
	struct sent s;

	net_start(&t, NODE_H, 1, 1);
	assert_int_equal(node_release_refresh(t.n, t.now), 0);
	net_add(&t, NAME, false);
	s = net_expect_only(&t, NB_REGISTER_REQ, 0x2900, W1);
	net_refuse(&t, &s, NB_RC_ACT, STRANGER);
	net_pass(&t, 2 * MINUTE);
	assert_int_equal(node_release_refresh(t.n, t.now), 0);
	(void)net_expect_only(&t, NB_REGISTER_REQ, 0x2900, W1);
	net_end(&t);
}

static void
rr_ends_when_the_card_goes_before_the_answer(void **state)
{
	struct net t;

	net_start(&t, NODE_P, 1, 1);
	net_register(&t, NAME, false, 518400);
	assert_int_equal(node_release_refresh(t.n, t.now), 0);
	(void)net_expect_only(&t, NB_RELEASE_REQ, 0x3000, W1);
	t.nifs = 0;
	net_set_ifs(&t);
	t.nifs = 1;
	net_set_ifs(&t);
	(void)net_expect_only(&t, NB_REGISTER_REQ, 0x2900, W1);
	net_end(&t);
}

static void
rr_registers_again_although_the_server_was_silent(void **state)
{
	struct net t;
	struct sent s;

	net_start(&t, NODE_P, 1, 1);
	net_register(&t, NAME, false, 518400);
	assert_int_equal(node_release_refresh(t.n, t.now), 0);
	net_pass(&t, 4500);
	for (int i = 0; i < 3; i++)
		s = net_expect(&t, NB_RELEASE_REQ, 0x3000, W1);
	(void)net_expect_only(&t, NB_REGISTER_REQ, 0x2900, W1);
	assert_int_equal(net_ghosts(&t), 0); /* claimed again: the release must not come late */
	net_released(&t, &s);
	net_end(&t);
}

/* A claim was sent a moment ago; the release of it is confirmed. */
static void
released_soon_after_a_claim(struct net *t)
{
	struct sent s;

	net_init(t, NODE_P, 1, 1);
	t->conf.settle_ms = 10000;
	net_up(t);
	net_register(t, NAME, false, 518400);
	net_pass(t, 9 * SECOND);
	net_remove(t, NAME);
	s = net_expect_only(t, NB_RELEASE_REQ, 0x3000, W1);
	net_released(t, &s);
	assert_true(node_quiet(t->n));
	assert_int_equal(net_ghosts(t), 0);
}

static void
a_release_soon_after_a_claim_is_repeated_when_no_copy_can_be_on_its_way(void **state)
{
	struct net t;
	struct sent s;

	released_soon_after_a_claim(&t);
	net_pass(&t, SECOND - 1);
	net_silent(&t);
	net_pass(&t, 1);
	s = net_expect_only(&t, NB_RELEASE_REQ, 0x3000, W1);
	net_released(&t, &s);
	assert_int_equal(net_count(&t, NS_RELEASED), 1); /* told and counted once */
	assert_int_equal(t.nevents, 0);
	net_pass(&t, 60 * MINUTE);
	net_silent(&t);
	net_end(&t);

	net_init(&t, NODE_P, 1, 1);
	t.conf.settle_ms = 10000;
	net_up(&t);
	net_register(&t, NAME, false, 518400);
	net_pass(&t, 10 * SECOND); /* long enough ago */
	net_remove(&t, NAME);
	s = net_expect_only(&t, NB_RELEASE_REQ, 0x3000, W1);
	net_released(&t, &s);
	net_pass(&t, 60 * MINUTE);
	net_silent(&t);
	net_end(&t);
}

static void
a_repeated_release_is_a_ghost_when_unconfirmed_and_dropped_when_the_name_is_claimed(void **state)
{
	struct net t;

	released_soon_after_a_claim(&t);
	net_pass(&t, SECOND + 4500);
	assert_int_equal(net_drain(&t), 3);
	assert_int_equal(net_ghosts(&t), 1);
	assert_non_null(net_told(&t, EV_NODE_GHOST));
	net_end(&t);

	released_soon_after_a_claim(&t);
	net_register(&t, NAME, false, 518400);
	net_pass(&t, MINUTE);
	net_silent(&t);
	net_end(&t);
}

static void
a_late_copy_of_a_claim_that_comes_true_is_released(void **state)
{
	struct nb_msg late;
	struct sent s, r;
	struct net t;

	net_start(&t, NODE_P, 1, 1);
	net_add(&t, NAME, false);
	s = net_expect_only(&t, NB_REGISTER_REQ, 0x2900, W1);
	net_grant(&t, &s, 518400);
	late = net_reply_to(&s, NB_REGISTER_RESP, 0xad80);
	net_in(&t, &late, 0, W1, false); /* while we want the name it is welcome */
	net_silent(&t);
	net_remove(&t, NAME);
	r = net_expect_only(&t, NB_RELEASE_REQ, 0x3000, W1);
	net_released(&t, &r);
	late.addr[0].ip = STRANGER;
	net_in(&t, &late, 0, W1, false); /* about somebody else */
	late.addr[0].ip = CARD(0);
	net_in(&t, &late, 0, W2, false); /* from no server of ours */
	late.flags = 0xad00;
	net_in(&t, &late, 0, W1, false); /* an end-node challenge */
	net_pass(&t, MINUTE);
	net_silent(&t);
	late.flags = 0xad80;
	net_in(&t, &late, 0, W1, false);
	net_in(&t, &late, 0, W1, false);
	net_pass(&t, 0);
	r = net_expect_only(&t, NB_RELEASE_REQ, 0x3000, W1);
	assert_int_equal(r.m.addr[0].ip.v, CARD(0).v);
	net_released(&t, &r);
	net_pass(&t, MINUTE);
	net_silent(&t);
	net_end(&t);
}

static void
forged_grants_take_at_most_half_of_the_table(void **state)
{
	struct nb_msg late = net_request(NB_REGISTER_RESP, 0xad80, "N<20>", 0, CARD(0));
	struct net t;

	net_start(&t, NODE_P, 1, 1);
	for (unsigned i = 0; i < NODE_GHOSTS_MAX; i++) {
		memcpy(late.key.name.b + 1, &i, sizeof(i));
		net_in(&t, &late, 0, W1, false);
	}
	for (int i = 0; i < 300; i++) {
		net_pass(&t, 100);
		(void)net_drain(&t);
	}
	assert_int_equal(net_ghosts(&t), NODE_GHOSTS_MAX / 2);
	net_end(&t);
}

static void
a_late_copy_of_a_release_is_repaired_by_a_refresh(void **state)
{
	struct nb_msg late;
	struct sent s;
	struct net t;

	net_start(&t, NODE_H, 1, 1);
	net_register(&t, NAME, false, 518400);
	net_remove(&t, NAME);
	s = net_expect_only(&t, NB_RELEASE_REQ, 0x3000, W1);
	late = net_reply_to(&s, NB_RELEASE_RESP, 0xb400);
	net_released(&t, &s);
	net_register(&t, NAME, false, 518400);
	net_in(&t, &late, 0, W1, false); /* the server has just carried it out once more */
	net_pass(&t, SECOND - 1);
	net_silent(&t);
	net_pass(&t, 1);
	s = net_expect_only(&t, NB_REFRESH_REQ, 0x4000, W1);
	net_grant(&t, &s, 518400);
	net_in(&t, &late, 0, W2, false); /* not from the server that has the name */
	net_pass(&t, MINUTE);
	net_silent(&t);
	net_end(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_address_is_released_from_itself_and_the_answer_awaited),
		cmocka_unit_test(the_digest_changes_with_every_state_and_with_nothing_else),
		cmocka_unit_test(a_name_used_twice_goes_with_its_last_user),
		cmocka_unit_test(every_server_that_may_hold_the_name_is_told),
		cmocka_unit_test(a_server_that_refused_the_claim_is_not_told),
		cmocka_unit_test(a_b_node_says_goodbye_three_times),
		cmocka_unit_test(a_p_node_never_says_goodbye_by_broadcast),
		cmocka_unit_test(an_m_node_says_goodbye_only_after_the_server_agreed),
		cmocka_unit_test(an_h_node_says_goodbye_when_the_server_refused_or_was_silent),
		cmocka_unit_test(a_name_in_conflict_is_not_said_goodbye_to),
		cmocka_unit_test(a_wack_makes_the_release_wait),
		cmocka_unit_test(a_name_samba_no_longer_knows_is_released),
		cmocka_unit_test(an_unconfirmed_release_is_told_remembered_and_tried_again),
		cmocka_unit_test(the_wait_between_tries_doubles_up_to_an_hour),
		cmocka_unit_test(a_server_that_answers_anything_again_gets_the_releases_at_once),
		cmocka_unit_test(a_ghost_whose_name_is_claimed_again_is_not_released_any_more),
		cmocka_unit_test(a_ghost_goes_when_the_server_has_forgotten_the_name_by_itself),
		cmocka_unit_test(a_ghost_of_an_earlier_run_is_tried_at_once),
		cmocka_unit_test(a_ghost_of_an_earlier_run_whose_name_is_back_is_none),
		cmocka_unit_test(ghosts_of_an_earlier_run_are_bounded_too),
		cmocka_unit_test(the_number_of_ghosts_is_bounded_and_the_oldest_goes),
		cmocka_unit_test(suspend_releases_all_names_and_resume_registers_them_again),
		cmocka_unit_test(
		    a_name_wanted_again_while_it_is_released_is_claimed_after_the_answer),
		cmocka_unit_test(rr_releases_waits_for_the_answers_and_registers_on_all_cards),
		cmocka_unit_test(rr_leads_out_of_a_conflict_and_works_without_names),
		cmocka_unit_test(rr_ends_when_the_card_goes_before_the_answer),
		cmocka_unit_test(rr_registers_again_although_the_server_was_silent),
		cmocka_unit_test(
		    a_release_soon_after_a_claim_is_repeated_when_no_copy_can_be_on_its_way),
		cmocka_unit_test(
		    a_repeated_release_is_a_ghost_when_unconfirmed_and_dropped_when_the_name_is_claimed),
		cmocka_unit_test(a_late_copy_of_a_claim_that_comes_true_is_released),
		cmocka_unit_test(forged_grants_take_at_most_half_of_the_table),
		cmocka_unit_test(a_late_copy_of_a_release_is_repaired_by_a_refresh),
	};

	return cmocka_run_group_tests_name("node_release", tests, NULL, NULL);
}
