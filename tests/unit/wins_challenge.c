/* SPDX-License-Identifier: Apache-2.0 */
/* Challenges: who is asked, when again, whose answer counts, what becomes of every claim. */
#include "wins_net.h"

#define OWNER    HOST(10)
#define CLAIMANT HOST(20)

/* OWNER holds PC<20>, CLAIMANT claims it with id 5. */
static struct nb_msg
challenged(struct net *n)
{
	net_init(n);
	net_registers(n, NB_OP_REGISTER, "PC<20>", 0, OWNER);
	net_ask(n, NB_OP_REGISTER, 5, "PC<20>", 0, CLAIMANT);
	return net_expect_challenge(n, CLAIMANT, OWNER);
}

static void
assert_owner(struct net *n, struct ip4 owner)
{
	struct nb_msg m;

	assert_int_equal(net_query(n, "PC<20>", &m), 1);
	assert_int_equal(m.addr[0].ip.v, owner.v);
}

static void
wack_tells_the_time_and_repeats_the_flags_of_the_claim(void **state)
{
	struct nb_msg m;
	struct net n;

	net_init(&n);
	net_registers(&n, NB_OP_REGISTER, "PC<20>", 0, OWNER);
	net_ask(&n, NB_OP_MULTIHOMED, 5, "PC<20>", 0, CLAIMANT);
	assert_int_equal(wins_commit(n.w, n.now), 0);
	assert_true(net_out(&n, &m, NULL));
	assert_int_equal(m.kind, NB_WACK);
	assert_int_equal(m.id, 5);
	assert_int_equal(m.wack_flags, 0x7900);
	assert_true(m.ttl >= 4); /* 0.5 + 1 + 2 s, rounded up */
	net_end(&n);
}

static void
silence_is_asked_thrice_with_doubling_waits_then_gives_the_name_away(void **state)
{
	struct net n;
	struct nb_msg first = challenged(&n), again;

	for (int i = 0; i < 2; i++) {
		net_pass_ms(&n, (500 << i) - 1);
		net_silent(&n);
		net_pass_ms(&n, 1);
		again = net_expect(&n, NB_QUERY_REQ, 0, OWNER);
		assert_int_equal(again.id, first.id);
	}
	net_pass_ms(&n, 1999);
	net_silent(&n);
	assert_owner(&n, OWNER);
	net_pass_ms(&n, 1);
	assert_int_equal(net_expect(&n, NB_REGISTER_RESP, NB_RC_OK, CLAIMANT).id, 5);
	assert_owner(&n, CLAIMANT);
	assert_true(net_told(&n, EV_NAME_TAKEN_OVER));
	assert_int_equal(wins_open_challenges(n.w), 0);
	net_end(&n);
}

static void
not_mine_gives_the_name_away_at_once(void **state)
{
	struct net n;
	struct nb_msg probe = challenged(&n);

	net_node_answers(&n, &probe, OWNER, 0, NULL);
	(void)net_expect(&n, NB_REGISTER_RESP, NB_RC_OK, CLAIMANT);
	assert_owner(&n, CLAIMANT);
	assert_true(net_told(&n, EV_NAME_GIVEN_UP));
	net_end(&n);
}

static void
a_living_owner_keeps_its_name_and_the_repeated_claim_hears_the_same(void **state)
{
	struct net n;
	struct nb_msg probe = challenged(&n);

	net_node_answers(&n, &probe, OWNER, 1, &OWNER);
	assert_int_equal(net_expect(&n, NB_REGISTER_RESP, NB_RC_ACT, CLAIMANT).id, 5);
	assert_owner(&n, OWNER);
	assert_true(net_told(&n, EV_NAME_DEFENDED));
	assert_int_equal(n.events[n.nevents - 1].other.v, OWNER.v);

	net_ask(&n, NB_OP_REGISTER, 5, "PC<20>", 0, CLAIMANT);
	assert_int_equal(net_expect(&n, NB_REGISTER_RESP, NB_RC_ACT, CLAIMANT).id, 5);
	assert_int_equal(net_count(&n, WS_CHALLENGES), 1);

	/* Another id, or the same much later, is a new claim. */
	net_ask(&n, NB_OP_REGISTER, 6, "PC<20>", 0, CLAIMANT);
	probe = net_expect_challenge(&n, CLAIMANT, OWNER);
	net_node_answers(&n, &probe, OWNER, 1, &OWNER);
	(void)net_expect(&n, NB_REGISTER_RESP, NB_RC_ACT, CLAIMANT);
	net_pass_ms(&n, 60000);
	net_ask(&n, NB_OP_REGISTER, 5, "PC<20>", 0, CLAIMANT);
	(void)net_expect_challenge(&n, CLAIMANT, OWNER);
	assert_int_equal(net_count(&n, WS_CHALLENGES), 3);
	net_end(&n);
}

static void
a_claim_repeated_during_its_challenge_is_ignored(void **state)
{
	struct net n;
	struct nb_msg probe = challenged(&n);

	net_ask(&n, NB_OP_REGISTER, 5, "PC<20>", 0, CLAIMANT);
	net_silent(&n);
	assert_int_equal(wins_registrar_stats(n.w)->drop[NB_DROP_DUPLICATE], 1);
	net_node_answers(&n, &probe, OWNER, 0, NULL);
	(void)net_expect(&n, NB_REGISTER_RESP, NB_RC_OK, CLAIMANT);
	net_end(&n);
}

static void
answers_from_elsewhere_with_another_id_or_name_count_nothing(void **state)
{
	struct net n;
	struct nb_msg probe = challenged(&n), wrong = probe;

	net_node_answers(&n, &probe, CLAIMANT, 0, NULL); /* the claimant answers for the owner */
	wrong.id++;
	net_node_answers(&n, &wrong, OWNER, 0, NULL);
	wrong = probe;
	wrong.key = net_key("OTHER<20>");
	net_node_answers(&n, &wrong, OWNER, 0, NULL);
	net_silent(&n);
	assert_int_equal(net_count(&n, WS_PROBES_IGNORED), 3);
	assert_int_equal(wins_open_challenges(n.w), 1);

	net_node_answers(&n, &probe, OWNER, 1, &OWNER);
	(void)net_expect(&n, NB_REGISTER_RESP, NB_RC_ACT, CLAIMANT);
	net_node_answers(&n, &probe, OWNER, 0, NULL); /* late: nothing is open any more */
	net_silent(&n);
	assert_owner(&n, OWNER);
	net_end(&n);
}

static void
the_owner_may_refresh_while_it_is_asked(void **state)
{
	struct net n;
	struct nb_msg probe = challenged(&n);

	net_ask(&n, NB_OP_REFRESH, 9, "PC<20>", 0, OWNER);
	(void)net_expect(&n, NB_REGISTER_RESP, NB_RC_OK, OWNER);
	net_node_answers(&n, &probe, OWNER, 1, &OWNER);
	(void)net_expect(&n, NB_REGISTER_RESP, NB_RC_ACT, CLAIMANT);
	net_end(&n);
}

static void
a_release_during_the_challenge_is_read_again_at_its_end(void **state)
{
	struct net n;
	struct nb_msg probe = challenged(&n);

	net_ask(&n, NB_OP_RELEASE, 9, "PC<20>", 0, OWNER);
	(void)net_expect(&n, NB_RELEASE_RESP, NB_RC_OK, OWNER);
	/* The old "mine" was on its way: the record says that it gave the name up since. */
	net_node_answers(&n, &probe, OWNER, 1, &OWNER);
	(void)net_expect(&n, NB_REGISTER_RESP, NB_RC_OK, CLAIMANT);
	assert_owner(&n, CLAIMANT);
	net_end(&n);
}

static void
three_cards_of_one_host_at_once_become_one_multihomed_name(void **state)
{
	const struct ip4 cards[] = { HOST(31), HOST(32), HOST(33) };
	struct wins_path path;
	struct nb_msg m, probe;
	struct net n;

	net_init(&n);
	for (uint16_t i = 0; i < 3; i++)
		net_ask(&n, NB_OP_MULTIHOMED, i, "PC<20>", 0, cards[i]);
	assert_int_equal(wins_commit(n.w, n.now), 0);
	/* positive for the first, WACK and probe for the second, WACK for the third */
	assert_true(net_out(&n, &m, &path) && m.kind == NB_REGISTER_RESP && !nb_rcode(&m));
	assert_true(net_out(&n, &m, &path) && m.kind == NB_WACK && m.id == 1);
	assert_true(net_out(&n, &probe, &path) && probe.kind == NB_QUERY_REQ);
	assert_int_equal(path.peer.v, cards[0].v);
	assert_true(net_out(&n, &m, &path) && m.kind == NB_WACK && m.id == 2);
	assert_false(net_out(&n, &m, &path));

	net_node_answers(&n, &probe, cards[0], 3, cards);
	assert_int_equal(wins_commit(n.w, n.now), 0);
	for (unsigned i = 1; i < 3; i++) {
		assert_true(net_out(&n, &m, &path));
		assert_int_equal(m.kind, NB_REGISTER_RESP);
		assert_int_equal(nb_rcode(&m), 0);
		assert_int_equal(path.peer.v, cards[i].v);
	}
	assert_int_equal(net_query(&n, "PC<20>", &m), 3);

	/* The server's half of KB Q184832: one address goes, the others stay; the last ends it. */
	net_ask(&n, NB_OP_RELEASE, 8, "PC<20>", 0, cards[1]);
	(void)net_expect(&n, NB_RELEASE_RESP, NB_RC_OK, cards[1]);
	assert_int_equal(net_query(&n, "PC<20>", &m), 2);
	net_ask(&n, NB_OP_RELEASE, 8, "PC<20>", 0, cards[0]);
	(void)net_expect(&n, NB_RELEASE_RESP, NB_RC_OK, cards[0]);
	net_ask(&n, NB_OP_RELEASE, 8, "PC<20>", 0, cards[2]);
	(void)net_expect(&n, NB_RELEASE_RESP, NB_RC_OK, cards[2]);
	assert_int_equal(net_query(&n, "PC<20>", &m), -1);
	net_end(&n);
}

static void
two_strangers_behind_a_dead_owner_do_not_both_get_the_name(void **state)
{
	struct net n;
	struct nb_msg m, probe = challenged(&n);
	struct wins_path path;

	net_ask(&n, NB_OP_REGISTER, 6, "PC<20>", 0, HOST(21));
	(void)net_expect(&n, NB_WACK, 0, HOST(21));
	net_node_answers(&n, &probe, OWNER, 0, NULL);
	assert_int_equal(wins_commit(n.w, n.now), 0);
	assert_true(net_out(&n, &m, &path) && m.kind == NB_REGISTER_RESP && !nb_rcode(&m));
	assert_int_equal(path.peer.v, CLAIMANT.v);
	/* The second starts again: now the new owner is asked. */
	assert_true(net_out(&n, &m, &path) && m.kind == NB_WACK);
	assert_int_equal(path.peer.v, HOST(21).v);
	assert_true(net_out(&n, &probe, &path) && probe.kind == NB_QUERY_REQ);
	assert_int_equal(path.peer.v, CLAIMANT.v);
	net_node_answers(&n, &probe, CLAIMANT, 1, &CLAIMANT);
	(void)net_expect(&n, NB_REGISTER_RESP, NB_RC_ACT, HOST(21));
	net_end(&n);
}

static void
stored_addresses_are_asked_in_turn_until_one_speaks(void **state)
{
	const struct ip4 cards[] = { HOST(31), HOST(32) };
	struct nb_msg probe, m;
	struct net n;

	net_init(&n);
	net_registers(&n, NB_OP_MULTIHOMED, "PC<20>", 0, cards[0]);
	net_ask(&n, NB_OP_MULTIHOMED, 2, "PC<20>", 0, cards[1]);
	probe = net_expect_challenge(&n, cards[1], cards[0]);
	net_node_answers(&n, &probe, cards[0], 2, cards);
	(void)net_expect(&n, NB_REGISTER_RESP, NB_RC_OK, cards[1]);

	net_ask(&n, NB_OP_REGISTER, 5, "PC<20>", 0, CLAIMANT);
	(void)net_expect_challenge(&n, CLAIMANT, cards[0]);
	for (int i = 0; i < 2; i++) {
		net_pass_ms(&n, 500 << i);
		(void)net_expect(&n, NB_QUERY_REQ, 0, cards[0]);
	}
	net_pass_ms(&n, 2000);
	m = net_expect(&n, NB_QUERY_REQ, 0, cards[1]);
	net_node_answers(&n, &m, cards[1], 1, &cards[1]);
	(void)net_expect(&n, NB_REGISTER_RESP, NB_RC_ACT, CLAIMANT);
	net_end(&n);
}

static void
no_packet_goes_to_its_own_or_an_impossible_address(void **state)
{
	const struct ip4 nobody[] = { SERVER, IP4(127, 64, 64, 1), IP4(224, 0, 0, 1), IP4_BROADCAST,
		IP4_ANY };
	struct net n;

	net_init(&n);
	for (unsigned i = 0; i < sizeof(nobody) / sizeof(*nobody); i++) {
		struct nb_msg m = net_request(NB_OP_REGISTER, 1, "GHOST<20>", 0, nobody[i]);

		net_send(&n, &m, OWNER, 137);
		(void)net_expect(&n, NB_REGISTER_RESP, NB_RC_OK, OWNER);
	}
	assert_int_equal(net_count(&n, WS_PROBES_SENT), 0);
	net_end(&n);
}

static void
a_claim_too_many_behind_one_name_is_told_as_that(void **state)
{
	struct net n;

	net_init(&n);
	net_registers(&n, NB_OP_REGISTER, "PC<20>", 0, OWNER);
	net_ask(&n, NB_OP_REGISTER, 5, "PC<20>", 0, CLAIMANT);
	(void)net_expect_challenge(&n, CLAIMANT, OWNER);
	for (uint16_t id = 6; id < 5 + 32; id++) {
		net_ask(&n, NB_OP_REGISTER, id, "PC<20>", 0, CLAIMANT);
		(void)net_expect(&n, NB_WACK, 0, CLAIMANT);
	}
	assert_false(net_told(&n, EV_CHALLENGE_CROWDED));

	net_ask(&n, NB_OP_REGISTER, 5 + 32, "PC<20>", 0, CLAIMANT);
	(void)net_expect(&n, NB_WACK, 0, CLAIMANT);
	assert_true(net_told(&n, EV_CHALLENGE_CROWDED));
	assert_false(net_told(&n, EV_PROBE_TABLE_FULL));
	net_end(&n);
}

static void
a_full_table_says_ask_again_or_with_burst_handling_yes_for_a_while(void **state)
{
	struct nb_msg m;
	struct net n;

	net_init(&n);
	n.conf.challenges_max = 1;
	assert_int_equal(wins_reconf(n.w, &n.conf, n.now), 0);
	net_registers(&n, NB_OP_REGISTER, "PC<20>", 0, OWNER);
	net_registers(&n, NB_OP_REGISTER, "PC2<20>", 0, OWNER);
	net_ask(&n, NB_OP_REGISTER, 5, "PC<20>", 0, CLAIMANT);
	(void)net_expect_challenge(&n, CLAIMANT, OWNER);

	net_ask(&n, NB_OP_REGISTER, 6, "PC2<20>", 0, CLAIMANT);
	(void)net_expect(&n, NB_WACK, 0, CLAIMANT);
	assert_true(net_told(&n, EV_PROBE_TABLE_FULL));
	n.conf.burst_handling = true;
	assert_int_equal(wins_reconf(n.w, &n.conf, n.now), 0);
	net_ask(&n, NB_OP_REGISTER, 7, "PC2<20>", 0, CLAIMANT);
	m = net_expect(&n, NB_REGISTER_RESP, NB_RC_OK, CLAIMANT);
	assert_int_equal(m.ttl, 300);
	assert_int_equal(net_query(&n, "PC2<20>", &m), 1);
	assert_int_equal(m.addr[0].ip.v, OWNER.v);
	net_end(&n);
}

static void
remembered_refusals_are_bounded(void **state)
{
	struct net n;

	net_init(&n);
	n.conf.challenges_max = 2;
	assert_int_equal(wins_reconf(n.w, &n.conf, n.now), 0);
	net_registers(&n, NB_OP_REGISTER, "PC<20>", 0, OWNER);
	for (uint16_t id = 10; id < 30; id++) {
		struct nb_msg probe;

		net_ask(&n, NB_OP_REGISTER, id, "PC<20>", 0, CLAIMANT);
		probe = net_expect_challenge(&n, CLAIMANT, OWNER);
		net_node_answers(&n, &probe, OWNER, 1, &OWNER);
		(void)net_expect(&n, NB_REGISTER_RESP, NB_RC_ACT, CLAIMANT);
	}
	/* Of 20 only the last four are known: the 17th is, the 16th is asked for again. */
	net_ask(&n, NB_OP_REGISTER, 26, "PC<20>", 0, CLAIMANT);
	(void)net_expect(&n, NB_REGISTER_RESP, NB_RC_ACT, CLAIMANT);
	net_ask(&n, NB_OP_REGISTER, 25, "PC<20>", 0, CLAIMANT);
	(void)net_expect_challenge(&n, CLAIMANT, OWNER);
	net_end(&n);
}

static void
silence_passes(struct net *n)
{
	for (int i = 0; i < 3; i++) {
		assert_int_equal(wins_commit(n->w, n->now), 0);
		while (wins_out(n->w))
			continue;
		net_pass_ms(n, 500 << i);
	}
}

/* The name changes hands during each challenge: the claim begins anew three times and is refused. */
static void
a_name_that_does_not_stand_still_is_refused_without_saying_that_somebody_answered(void **state)
{
	struct net n;

	(void)challenged(&n);
	for (uint8_t i = 0; i < 4; i++) {
		struct ip4 from = HOST(10 + i), to = HOST(11 + i);

		if (i)
			(void)net_expect_challenge(&n, CLAIMANT, from);
		net_ask(&n, NB_OP_RELEASE, 90, "PC<20>", 0, from);
		(void)net_expect(&n, NB_RELEASE_RESP, NB_RC_OK, from);
		net_registers(&n, NB_OP_REGISTER, "PC<20>", 0, to);
		silence_passes(&n);
	}
	(void)net_expect(&n, NB_REGISTER_RESP, NB_RC_ACT, CLAIMANT);
	assert_int_equal(net_count(&n, WS_CONFLICT_UNIQUE), 1);
	assert_false(net_told(&n, EV_NAME_DEFENDED));
	assert_owner(&n, HOST(14));
	net_end(&n);
}

/* Two datagrams in the owner's and another's name, and then the same from a third. */
static void
a_name_whose_release_was_forged_is_the_owners_again(void **state)
{
	struct nb_msg probe;
	struct net n;

	(void)state;
	net_init(&n);
	n.conf.challenge_released = true;
	assert_int_equal(wins_reconf(n.w, &n.conf, n.now), 0);
	net_registers(&n, NB_OP_REGISTER, "PC<20>", 0, OWNER);
	net_ask(&n, NB_OP_RELEASE, 2, "PC<20>", 0, OWNER);
	(void)net_expect(&n, NB_RELEASE_RESP, NB_RC_OK, OWNER);
	net_ask(&n, NB_OP_REGISTER, 5, "PC<20>", 0, CLAIMANT);
	probe = net_expect_challenge(&n, CLAIMANT, OWNER);
	net_ask(&n, NB_OP_REGISTER, 6, "PC<20>", 0, HOST(30));
	(void)net_expect(&n, NB_WACK, NB_RC_OK, HOST(30));
	for (unsigned i = 0; i < 4 && wins_open_challenges(n.w); i++) {
		struct wins_path path;

		net_node_answers(&n, &probe, OWNER, 1, &OWNER);
		(void)wins_commit(n.w, n.now);
		while (net_out(&n, &probe, &path))
			if (probe.kind == NB_REGISTER_RESP)
				assert_int_equal(nb_rcode(&probe), NB_RC_ACT);
			else
				break;
	}
	assert_int_equal(wins_open_challenges(n.w), 0);
	assert_owner(&n, OWNER);
	assert_int_equal(net_count(&n, WS_CONFLICT_UNIQUE), 2);
	net_end(&n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wack_tells_the_time_and_repeats_the_flags_of_the_claim),
		cmocka_unit_test(
		    silence_is_asked_thrice_with_doubling_waits_then_gives_the_name_away),
		cmocka_unit_test(not_mine_gives_the_name_away_at_once),
		cmocka_unit_test(a_name_whose_release_was_forged_is_the_owners_again),
		cmocka_unit_test(
		    a_living_owner_keeps_its_name_and_the_repeated_claim_hears_the_same),
		cmocka_unit_test(a_claim_repeated_during_its_challenge_is_ignored),
		cmocka_unit_test(answers_from_elsewhere_with_another_id_or_name_count_nothing),
		cmocka_unit_test(the_owner_may_refresh_while_it_is_asked),
		cmocka_unit_test(a_release_during_the_challenge_is_read_again_at_its_end),
		cmocka_unit_test(three_cards_of_one_host_at_once_become_one_multihomed_name),
		cmocka_unit_test(two_strangers_behind_a_dead_owner_do_not_both_get_the_name),
		cmocka_unit_test(stored_addresses_are_asked_in_turn_until_one_speaks),
		cmocka_unit_test(no_packet_goes_to_its_own_or_an_impossible_address),
		cmocka_unit_test(a_claim_too_many_behind_one_name_is_told_as_that),
		cmocka_unit_test(
		    a_full_table_says_ask_again_or_with_burst_handling_yes_for_a_while),
		cmocka_unit_test(remembered_refusals_are_bounded),
		cmocka_unit_test(
		    a_name_that_does_not_stand_still_is_refused_without_saying_that_somebody_answered),
	};

	return cmocka_run_group_tests_name("wins_challenge", tests, NULL, NULL);
}
