/* SPDX-License-Identifier: Apache-2.0 */
/* The multihome doctor: KB Q184832 as the server sees and repairs it. */
#include "wins_net.h"

static const struct ip4 card[] = { HOST(31), HOST(32), HOST(33) };

/* A host with three cards holds PC<20>; the doctor waits 30 s and repairs. */
static void
multihomed(struct net *n)
{
	struct nb_msg probe;

	net_init(n);
	n->conf.half_release = WINS_HALF_REPAIR;
	n->conf.half_release_delay = 30;
	n->conf.doctor_max = 10;
	assert_int_equal(wins_reconf(n->w, &n->conf, n->now), 0);
	net_registers(n, NB_OP_MULTIHOMED, "PC<20>", 0, card[0]);
	for (uint16_t i = 1; i < 3; i++) {
		net_ask(n, NB_OP_MULTIHOMED, i, "PC<20>", 0, card[i]);
		probe = net_expect_challenge(n, card[i], card[0]);
		net_node_answers(n, &probe, card[0], 3, card);
		(void)net_expect(n, NB_REGISTER_RESP, NB_RC_OK, card[i]);
	}
}

static void
releases(struct net *n, struct ip4 ip)
{
	net_ask(n, NB_OP_RELEASE, 9, "PC<20>", 0, ip);
	(void)net_expect(n, NB_RELEASE_RESP, NB_RC_OK, ip);
}

static int
addresses(struct net *n)
{
	struct nb_msg m;

	return net_query(n, "PC<20>", &m);
}

/* How many stand; *ret is the last of them. */
static size_t
findings_of(struct net *n, enum wins_findings list, struct wins_finding *ret)
{
	struct nb_key at = { .scope.len = 0 };
	struct wins_finding f;
	bool incl = true;
	size_t count = 0;

	for (; wins_finding_next(n->w, list, &at, incl, n->now, &f); incl = false) {
		assert_true(nb_key_eq(&at, &f.key));
		if (!f.naddr)
			continue;
		*ret = f;
		count++;
	}
	return count;
}

static size_t
findings(struct net *n)
{
	struct wins_finding f;

	return findings_of(n, WINS_PATIENTS, &f) + findings_of(n, WINS_DISPUTES, &f);
}

static void
a_ghost_that_its_host_disowns_is_taken_away(void **state)
{
	struct wins_finding f;
	struct nb_msg probe;
	struct net n;

	multihomed(&n);
	releases(&n, card[0]); /* the primary card only, as NT 4.0 SP3 did */
	assert_int_equal(addresses(&n), 2);
	assert_int_equal(findings_of(&n, WINS_PATIENTS, &f), 1);
	assert_int_equal(f.kind, WINS_HALF_RELEASED);
	assert_int_equal(f.cause.v, card[0].v);
	assert_int_equal(f.naddr, 2);
	net_pass_ms(&n, 29999);
	net_silent(&n);
	net_pass_ms(&n, 1);
	probe = net_expect(&n, NB_QUERY_REQ, 0, card[1]);
	assert_int_equal(probe.flags, 0);
	net_node_answers(&n, &probe, card[1], 0, NULL);
	probe = net_expect(&n, NB_QUERY_REQ, 0, card[2]);
	assert_int_equal(addresses(&n), 1);
	net_node_answers(&n, &probe, card[2], 0, NULL);
	net_silent(&n);
	assert_int_equal(addresses(&n), -1);
	assert_int_equal(net_count(&n, WS_DOCTOR_REMOVED), 2);
	assert_true(net_told(&n, EV_GHOST_REMOVED));
	assert_int_equal(findings(&n), 0);

	/* The later claimant of the article meets nobody. */
	net_registers(&n, NB_OP_REGISTER, "PC<20>", 0, HOST(99));
	net_end(&n);
}

static void
without_the_doctor_the_claimant_meets_the_ghost(void **state)
{
	struct net n;

	multihomed(&n);
	n.conf.half_release = WINS_HALF_OFF;
	assert_int_equal(wins_reconf(n.w, &n.conf, n.now), 0);
	releases(&n, card[0]);
	net_pass_ms(&n, 3600000);
	net_silent(&n);
	assert_int_equal(findings(&n), 0);
	net_ask(&n, NB_OP_REGISTER, 5, "PC<20>", 0, HOST(99));
	(void)net_expect_challenge(&n, HOST(99), card[1]);
	net_end(&n);
}

static void
an_address_whose_host_still_has_the_name_stays(void **state)
{
	struct nb_msg probe;
	struct net n;

	multihomed(&n);
	releases(&n, card[0]);
	net_pass_ms(&n, 30000);
	for (int i = 1; i < 3; i++) {
		probe = net_expect(&n, NB_QUERY_REQ, 0, card[i]);
		net_node_answers(&n, &probe, card[i], 2, card + 1);
	}
	net_silent(&n);
	assert_int_equal(addresses(&n), 2);
	assert_int_equal(findings(&n), 0);
	assert_int_equal(net_count(&n, WS_DOCTOR_HEALTHY), 2);
	net_end(&n);
}

static void
silence_makes_an_address_doubtful_until_it_is_refreshed(void **state)
{
	struct wins_finding f;
	struct net n;

	multihomed(&n);
	releases(&n, card[0]);
	releases(&n, card[1]);
	net_pass_ms(&n, 30000);
	for (int i = 0; i < 3; i++) {
		(void)net_expect(&n, NB_QUERY_REQ, 0, card[2]);
		net_pass_ms(&n, 500 << i);
	}
	net_silent(&n);
	assert_int_equal(addresses(&n), 1);
	assert_true(net_told(&n, EV_ADDRESS_DOUBTFUL));
	assert_int_equal(findings_of(&n, WINS_PATIENTS, &f), 1);
	assert_int_equal(f.kind, WINS_DOUBTFUL);
	assert_int_equal(f.naddr, 1);
	assert_int_equal(f.addr[0].v, card[2].v);
	assert_int_equal(f.cause.v, card[1].v);

	net_registers(&n, NB_OP_REFRESH, "PC<20>", 0, card[2]);
	assert_int_equal(findings(&n), 0);
	net_end(&n);
}

static void
a_doubtful_address_that_is_released_is_settled(void **state)
{
	struct net n;

	multihomed(&n);
	releases(&n, card[0]);
	releases(&n, card[1]);
	net_pass_ms(&n, 30000);
	for (int i = 0; i < 3; i++) {
		(void)net_expect(&n, NB_QUERY_REQ, 0, card[2]);
		net_pass_ms(&n, 500 << i);
	}
	assert_int_equal(findings(&n), 1);
	releases(&n, card[2]);
	assert_int_equal(findings(&n), 0);
	net_end(&n);
}

/* Silence at all three questions, of one address. */
static void
nobody_answers(struct net *n, struct ip4 ip)
{
	for (int i = 0; i < 3; i++) {
		(void)net_expect(n, NB_QUERY_REQ, 0, ip);
		net_pass_ms(n, 500 << i);
	}
}

static void
a_wish_to_repair_counts_once(void **state)
{
	struct wins_finding f;
	struct nb_msg probe;
	struct nb_key key = net_key("PC<20>");
	struct net n;

	multihomed(&n);
	n.conf.half_release = WINS_HALF_LOG;
	assert_int_equal(wins_reconf(n.w, &n.conf, n.now), 0);
	releases(&n, card[0]);
	net_pass_ms(&n, 30000);
	nobody_answers(&n, card[1]);
	nobody_answers(&n, card[2]);
	assert_int_equal(wins_admin_examine(n.w, &key, n.mnow, n.now), 0);
	net_pass_ms(&n, 0);
	nobody_answers(&n, card[1]);
	nobody_answers(&n, card[2]);
	assert_int_equal(findings_of(&n, WINS_PATIENTS, &f), 1);
	assert_int_equal(f.kind, WINS_DOUBTFUL);
	assert_int_equal(f.naddr, 2);

	releases(&n, card[1]); /* half released again, and again only told of */
	net_pass_ms(&n, 30000);
	probe = net_expect(&n, NB_QUERY_REQ, 0, card[2]);
	net_node_answers(&n, &probe, card[2], 0, NULL);
	net_silent(&n);
	assert_int_equal(addresses(&n), 1);
	assert_int_equal(net_count(&n, WS_DOCTOR_REMOVED), 0);
	net_end(&n);
}

static void
an_administrator_has_a_healthy_name_asked(void **state)
{
	struct nb_key key = net_key("PC<20>");
	struct wins_finding f;
	struct nb_msg probe;
	struct net n;

	multihomed(&n);
	assert_int_equal(wins_admin_examine(n.w, &key, n.mnow, n.now), 0);
	assert_int_equal(findings_of(&n, WINS_PATIENTS, &f), 1);
	assert_int_equal(f.kind, WINS_EXAMINED);
	net_pass_ms(&n, 0);
	for (int i = 0; i < 3; i++) {
		probe = net_expect(&n, NB_QUERY_REQ, 0, card[i]);
		net_node_answers(&n, &probe, card[i], 3, card);
	}
	net_silent(&n);
	assert_int_equal(addresses(&n), 3);
	assert_int_equal(findings(&n), 0);
	net_end(&n);
}

static void
turning_the_doctor_off_ends_what_it_meant_to_ask(void **state)
{
	struct net n;

	multihomed(&n);
	releases(&n, card[0]);
	n.conf.half_release = WINS_HALF_OFF;
	assert_int_equal(wins_reconf(n.w, &n.conf, n.now), 0);
	net_pass_ms(&n, 30000);
	net_silent(&n);
	assert_int_equal(net_count(&n, WS_DOCTOR_ASKED), 0);
	assert_int_equal(findings(&n), 0);
	net_end(&n);
}

static void
addresses_of_excluded_networks_go_on_an_administrators_wish(void **state)
{
	struct rec fixed = { .type = REC_UNIQUE, .naddr = 1, .addr[0].ip = HOST(99) };
	struct nb_key key = net_key("PC<20>"), nobody = net_key("NOBODY<20>");
	struct wins_removed gone;
	struct nb_msg m;
	struct net n;

	multihomed(&n);
	assert_int_equal(wins_admin_exclude(n.w, &key, 0, n.now, &gone), 0);
	assert_int_equal(gone.naddr, 0);
	n.conf.nexcluded = 1;
	n.conf.excluded[0] = (struct ip4_net){ card[1], 31 }; /* 32 and 33 */
	assert_int_equal(wins_reconf(n.w, &n.conf, n.now), 0);
	assert_false(wins_is_excluded(n.w, card[0]));
	assert_true(wins_is_excluded(n.w, card[2]));
	assert_int_equal(wins_admin_exclude(n.w, &key, 0, n.now, &gone), 0);
	assert_int_equal(gone.naddr, 2);
	assert_int_equal(gone.addr[0].v, card[1].v);
	assert_int_equal(gone.addr[1].v, card[2].v);
	assert_true(net_told(&n, EV_ADDRESS_EXCLUDED));
	assert_int_equal(net_count(&n, WS_DOCTOR_REMOVED), 2);
	assert_int_equal(net_query(&n, "PC<20>", &m), 1);
	assert_int_equal(m.addr[0].ip.v, card[0].v);

	n.conf.excluded[0] = (struct ip4_net){ IP4_ANY, 0 }; /* everything */
	assert_int_equal(wins_reconf(n.w, &n.conf, n.now), 0);
	assert_int_equal(wins_admin_exclude(n.w, &key, 0, n.now, &gone), 0);
	assert_int_equal(gone.naddr, 1);
	assert_int_equal(addresses(&n), -1);
	assert_int_equal(wins_admin_exclude(n.w, &key, 0, n.now, &gone), NBT_ENOENT);
	assert_int_equal(wins_admin_exclude(n.w, &nobody, 0, n.now, &gone), NBT_ENOENT);
	fixed.key = nobody;
	assert_int_equal(wins_admin_add(n.w, &fixed, 0, n.now), 0);
	assert_int_equal(wins_admin_exclude(n.w, &nobody, 0, n.now, &gone), NBT_ENOENT);
	net_end(&n);
}

static void
a_static_record_is_not_examined(void **state)
{
	struct rec fixed = { .type = REC_UNIQUE, .naddr = 1, .addr[0].ip = HOST(99) };
	struct net n;

	multihomed(&n);
	fixed.key = net_key("FIXED<20>");
	assert_int_equal(wins_admin_add(n.w, &fixed, 0, n.now), 0);
	assert_int_equal(wins_admin_examine(n.w, &fixed.key, n.mnow, n.now), NBT_ENOENT);
	net_end(&n);
}

static void
a_host_that_releases_all_its_cards_is_not_asked(void **state)
{
	struct net n;

	multihomed(&n);
	for (int i = 0; i < 3; i++)
		releases(&n, card[i]);
	net_pass_ms(&n, 30000);
	net_silent(&n);
	assert_int_equal(net_count(&n, WS_DOCTOR_ASKED), 0);
	assert_int_equal(findings(&n), 0);
	net_end(&n);
}

static void
only_telling_leaves_the_record_alone(void **state)
{
	struct nb_msg probe;
	struct net n;

	multihomed(&n);
	n.conf.half_release = WINS_HALF_LOG;
	assert_int_equal(wins_reconf(n.w, &n.conf, n.now), 0);
	releases(&n, card[0]);
	releases(&n, card[1]);
	net_pass_ms(&n, 30000);
	probe = net_expect(&n, NB_QUERY_REQ, 0, card[2]);
	net_node_answers(&n, &probe, card[2], 0, NULL);
	net_silent(&n);
	assert_true(net_told(&n, EV_GHOST_FOUND));
	assert_int_equal(addresses(&n), 1);

	/* A person may say so nevertheless. */
	assert_int_equal(wins_admin_examine(n.w, &probe.key, n.mnow, n.now), 0);
	net_pass_ms(&n, 0);
	probe = net_expect(&n, NB_QUERY_REQ, 0, card[2]);
	net_node_answers(&n, &probe, card[2], 0, NULL);
	net_silent(&n);
	assert_int_equal(addresses(&n), -1);
	probe.key = net_key("NOBODY<20>");
	assert_int_equal(wins_admin_examine(n.w, &probe.key, n.mnow, n.now), NBT_ENOENT);
	net_end(&n);
}

static void
a_card_that_stops_refreshing_is_asked(void **state)
{
	struct nb_msg probe;
	struct net n;

	multihomed(&n);
	n.now.s += 259200; /* half of the renewal interval: all in time */
	net_registers(&n, NB_OP_REFRESH, "PC<20>", 0, card[0]);
	net_registers(&n, NB_OP_REFRESH, "PC<20>", 0, card[1]);
	assert_int_equal(findings(&n), 0);
	n.now.s += 129601; /* the third has less than a quarter left */
	net_registers(&n, NB_OP_REFRESH, "PC<20>", 0, card[0]);
	assert_int_equal(findings(&n), 1);
	assert_int_equal(net_count(&n, WS_HALF_REFRESHED), 1);
	net_pass_ms(&n, 30000);
	probe = net_expect(&n, NB_QUERY_REQ, 0, card[2]); /* and only that one */
	net_node_answers(&n, &probe, card[2], 0, NULL);
	net_silent(&n);
	assert_int_equal(addresses(&n), 2);
	net_end(&n);
}

static void
an_answer_from_another_address_or_for_another_name_counts_nothing(void **state)
{
	struct nb_msg probe, wrong;
	struct net n;

	multihomed(&n);
	releases(&n, card[0]);
	releases(&n, card[1]);
	net_pass_ms(&n, 30000);
	probe = wrong = net_expect(&n, NB_QUERY_REQ, 0, card[2]);
	net_node_answers(&n, &probe, HOST(66), 0, NULL);
	wrong.key = net_key("OTHER<20>");
	net_node_answers(&n, &wrong, card[2], 0, NULL);
	net_silent(&n);
	assert_int_equal(addresses(&n), 1);
	assert_int_equal(net_count(&n, WS_PROBES_IGNORED), 2);
	net_end(&n);
}

static void
a_record_that_changed_hands_meanwhile_is_judged_as_it_is_then(void **state)
{
	struct nb_msg probe;
	struct net n;

	multihomed(&n);
	releases(&n, card[0]);
	releases(&n, card[1]);
	net_pass_ms(&n, 30000);
	probe = net_expect(&n, NB_QUERY_REQ, 0, card[2]);
	releases(&n, card[2]);
	net_registers(&n, NB_OP_REGISTER, "PC<20>", 0, HOST(99));
	net_node_answers(&n, &probe, card[2], 0, NULL);
	net_silent(&n);
	assert_int_equal(addresses(&n), 1);
	assert_int_equal(net_count(&n, WS_DOCTOR_REMOVED), 0);
	net_end(&n);
}

static void
the_longest_watched_makes_room(void **state)
{
	struct net n;
	char name[24];

	multihomed(&n);
	for (unsigned i = 0; i < 11; i++) {
		struct nb_msg probe;
		struct ip4 a = HOST(100 + i), b = HOST(150 + i), both[] = { a, b };

		snprintf(name, sizeof(name), "PC%u<20>", i);
		net_registers(&n, NB_OP_MULTIHOMED, name, 0, a);
		net_ask(&n, NB_OP_MULTIHOMED, 2, name, 0, b);
		probe = net_expect_challenge(&n, b, a);
		net_node_answers(&n, &probe, a, 2, both);
		(void)net_expect(&n, NB_REGISTER_RESP, NB_RC_OK, b);
		net_ask(&n, NB_OP_RELEASE, 3, name, 0, a);
		(void)net_expect(&n, NB_RELEASE_RESP, NB_RC_OK, a);
		n.now.s++;
	}
	assert_int_equal(findings(&n), 10);
	net_end(&n);
}

static void
names_claimed_by_two_hosts_are_remembered(void **state)
{
	struct rec fixed = { .type = REC_UNIQUE, .naddr = 1, .addr[0].ip = HOST(99) };
	struct wins_finding f;
	struct nb_msg probe;
	struct net n;

	multihomed(&n);
	for (uint16_t i = 0; i < 3; i++) {
		net_ask(&n, NB_OP_REGISTER, (uint16_t)(50 + i), "PC<20>", 0, HOST(66));
		probe = net_expect_challenge(&n, HOST(66), card[0]);
		net_node_answers(&n, &probe, card[0], 3, card);
		(void)net_expect(&n, NB_REGISTER_RESP, NB_RC_ACT, HOST(66));
	}
	assert_int_equal(findings_of(&n, WINS_DISPUTES, &f), 1);
	assert_int_equal(f.kind, WINS_DISPUTED);
	assert_int_equal(f.count, 3);
	assert_int_equal(f.cause.v, HOST(66).v);
	assert_int_equal(f.addr[0].v, card[0].v);

	fixed.key = net_key("FIXED<20>");
	assert_int_equal(wins_admin_add(n.w, &fixed, 0, n.now), 0);
	net_ask(&n, NB_OP_REGISTER, 60, "FIXED<20>", 0, HOST(66));
	(void)net_expect(&n, NB_REGISTER_RESP, NB_RC_ACT, HOST(66));
	assert_int_equal(findings(&n), 2);
	assert_int_equal(wins_admin_delete(n.w, &fixed.key, 0, n.now), 0);
	assert_int_equal(findings(&n), 1); /* the clash is settled */
	net_end(&n);
}

/* ip claims MOBILE<20>, and whoever has it says "not mine". */
static void
takes_over(struct net *n, uint16_t id, struct ip4 ip, struct ip4 from)
{
	struct nb_msg probe;

	net_ask(n, NB_OP_REGISTER, id, "MOBILE<20>", 0, ip);
	probe = net_expect_challenge(n, ip, from);
	net_node_answers(n, &probe, from, 0, NULL);
	(void)net_expect(n, NB_REGISTER_RESP, NB_RC_OK, ip);
}

static void
a_name_that_moves_on_is_no_dispute_until_it_comes_back(void **state)
{
	struct wins_finding f;
	struct net n;

	multihomed(&n);
	net_registers(&n, NB_OP_REGISTER, "MOBILE<20>", 0, HOST(70));
	for (uint8_t i = 1; i < 5; i++) /* a new address each day */
		takes_over(&n, (uint16_t)(80 + i), HOST(70 + i), HOST(69 + i));
	assert_int_equal(findings(&n), 0);
	takes_over(&n, 90, HOST(73), HOST(74));
	assert_int_equal(findings_of(&n, WINS_DISPUTES, &f), 1);
	assert_int_equal(f.count, 1);
	assert_int_equal(f.cause.v, HOST(73).v);
	takes_over(&n, 91, HOST(74), HOST(73));
	assert_int_equal(findings_of(&n, WINS_DISPUTES, &f), 1);
	assert_int_equal(f.count, 2);
	net_end(&n);
}

static void
of_a_thousand_disputes_the_longest_untouched_makes_room(void **state)
{
	struct rec fixed = { .type = REC_UNIQUE, .naddr = 1, .addr[0].ip = HOST(99) };
	struct wins_finding f;
	struct net n;
	char name[24];

	multihomed(&n);
	for (unsigned i = 0; i <= 1000; i++) {
		snprintf(name, sizeof(name), "FIX%04u<20>", i);
		fixed.key = net_key(name);
		assert_int_equal(wins_admin_add(n.w, &fixed, 0, n.now), 0);
		net_ask(&n, NB_OP_REGISTER, (uint16_t)i, name, 0, HOST(66));
		(void)net_expect(&n, NB_REGISTER_RESP, NB_RC_ACT, HOST(66));
		n.now.s++;
		if (i == 999)
			assert_int_equal(findings_of(&n, WINS_DISPUTES, &f), 1000);
	}
	assert_int_equal(findings_of(&n, WINS_DISPUTES, &f), 1000);
	fixed.key = net_key("FIX0000<20>");
	assert_true(wins_finding_next(n.w, WINS_DISPUTES, &fixed.key, true, n.now, &f));
	fixed.key = net_key("FIX0001<20>");
	assert_true(nb_key_eq(&f.key, &fixed.key));
	net_end(&n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_ghost_that_its_host_disowns_is_taken_away),
		cmocka_unit_test(without_the_doctor_the_claimant_meets_the_ghost),
		cmocka_unit_test(an_address_whose_host_still_has_the_name_stays),
		cmocka_unit_test(silence_makes_an_address_doubtful_until_it_is_refreshed),
		cmocka_unit_test(a_host_that_releases_all_its_cards_is_not_asked),
		cmocka_unit_test(only_telling_leaves_the_record_alone),
		cmocka_unit_test(a_card_that_stops_refreshing_is_asked),
		cmocka_unit_test(an_answer_from_another_address_or_for_another_name_counts_nothing),
		cmocka_unit_test(a_record_that_changed_hands_meanwhile_is_judged_as_it_is_then),
		cmocka_unit_test(the_longest_watched_makes_room),
		cmocka_unit_test(names_claimed_by_two_hosts_are_remembered),
		cmocka_unit_test(a_doubtful_address_that_is_released_is_settled),
		cmocka_unit_test(a_wish_to_repair_counts_once),
		cmocka_unit_test(an_administrator_has_a_healthy_name_asked),
		cmocka_unit_test(turning_the_doctor_off_ends_what_it_meant_to_ask),
		cmocka_unit_test(addresses_of_excluded_networks_go_on_an_administrators_wish),
		cmocka_unit_test(a_static_record_is_not_examined),
		cmocka_unit_test(a_name_that_moves_on_is_no_dispute_until_it_comes_back),
		cmocka_unit_test(of_a_thousand_disputes_the_longest_untouched_makes_room),
	};

	return cmocka_run_group_tests_name("wins_doctor", tests, NULL, NULL);
}
