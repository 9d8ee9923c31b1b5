/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is said of a decision is true of the record that it names: for each rule that has an event
 * (rule_events.def) the engine is driven into that rule, and the whole sentence is compared. Claimant, sender,
 * address, holder and who answered are different computers here wherever they can be.
 */
#include "wins/tell.h"
#include "wins_net.h"

#define OWNER    HOST(10)
#define SECOND   HOST(11) /* the owner's other address */
#define CLAIMED  HOST(20)
#define SENDER   HOST(30)
#define LOOPBACK IP4(127, 0, 0, 1)
#define PARTNER  IP4(198, 51, 100, 1)

/* ---- means ---- */

static void
reconf(struct net *n)
{
	assert_int_equal(wins_reconf(n->w, &n->conf, n->now), 0);
}

static void
drain(struct net *n)
{
	(void)wins_commit(n->w, n->now);
	while (wins_out(n->w))
		;
}

/* A request about ip, sent by SENDER. */
static void
sends(struct net *n, unsigned op, uint16_t nb_flags, const char *name, struct ip4 ip)
{
	struct nb_msg m = net_request(op, 5, name, nb_flags, ip);

	net_send(n, &m, SENDER, 137);
}

static void
claims(struct net *n)
{
	sends(n, NB_OP_REGISTER, 0, "PC<20>", CLAIMED);
}

static void
owned(struct net *n)
{
	net_registers(n, NB_OP_REGISTER, "PC<20>", 0, OWNER);
}

static void
owned_twice(struct net *n)
{
	struct ip4 both[] = { OWNER, SECOND };
	struct nb_msg probe;

	net_registers(n, NB_OP_MULTIHOMED, "PC<20>", 0, OWNER);
	net_ask(n, NB_OP_MULTIHOMED, 2, "PC<20>", 0, SECOND);
	probe = net_expect_challenge(n, SECOND, OWNER);
	net_node_answers(n, &probe, OWNER, 2, both);
	drain(n);
}

/* The computer at who answers as often as it is asked, "not mine" with naddr 0; the others are silent. */
static void
answers(struct net *n, struct ip4 who, unsigned naddr)
{
	struct wins_path path;
	struct nb_msg m;
	unsigned heard = 0;

	for (unsigned i = 0; i < 60; i++) {
		(void)wins_commit(n->w, n->now);
		while (net_out(n, &m, &path))
			if (m.kind == NB_QUERY_REQ && ip4_eq(path.peer, who)) {
				net_node_answers(n, &m, who, naddr, &who);
				heard++;
			}
		if (!heard || i < 3)
			net_pass_ms(n, 500);
	}
}

static void
silence(struct net *n)
{
	answers(n, IP4_ANY, 0);
}

static struct rec
replica(uint8_t state, struct ip4 owner, uint64_t version)
{
	struct rec r;

	memset(&r, 0, sizeof(r));
	r.key = net_key("PC<20>");
	r.state = state;
	r.node = 3;
	r.owner = owner;
	r.version.v = version;
	r.naddr = 1;
	r.addr[0] = (struct rec_addr){ .ip = CLAIMED, .owner = owner };
	return r;
}

static void
gives(struct net *n, uint8_t state, struct ip4 owner, uint64_t version)
{
	struct rec r = replica(state, owner, version);

	assert_int_equal(wins_replica(n->w, &r, 1, n->mnow, n->now), 0);
	(void)wins_commit(n->w, n->now);
}

static void
gives_two(struct net *n)
{
	struct rec r = replica(REC_ACTIVE, PARTNER, 9);

	r.type = REC_MULTIHOMED;
	r.naddr = 2;
	r.addr[0] = (struct rec_addr){ .ip = OWNER, .owner = PARTNER };
	r.addr[1] = (struct rec_addr){ .ip = SECOND, .owner = PARTNER };
	assert_int_equal(wins_replica(n->w, &r, 1, n->mnow, n->now), 0);
	drain(n);
}

static void
add_static(struct net *n)
{
	struct rec r = replica(REC_ACTIVE, OWNER_SELF, 0);

	r.addr[0].ip = OWNER;
	assert_int_equal(wins_admin_add(n->w, &r, 1000, n->now), 0);
}

/* ---- claims ---- */

static void
reg_06(struct net *n)
{
	n->conf.nblocked = 1;
	memcpy(n->conf.blocked[0], "PC             ", 15);
	reconf(n);
	claims(n);
}

static void
reg_07(struct net *n)
{
	n->conf.strict_source = true;
	reconf(n);
	claims(n);
}

static void
reg_09(struct net *n)
{
	n->own[0] = SERVER;
	n->nown = 1;
	net_registers(n, NB_OP_REGISTER, "OWN<20>", 0, SERVER);
	n->own_defended = true;
	sends(n, NB_OP_REGISTER, 0, "OWN<20>", CLAIMED);
}

static void
reg_11(struct net *n)
{
	net_registers(n, NB_OP_REGISTER, "OTHER<20>", 0, OWNER);
	n->conf.names_max = 1;
	reconf(n);
	claims(n);
}

static void
reg_12(struct net *n)
{
	sends(n, NB_OP_REGISTER, 0, "OTHER<20>", OWNER);
	drain(n);
	n->conf.names_per_address = 1;
	reconf(n);
	claims(n);
}

/* One computer registers so many names, each for an address of its own. */
static void
fills(struct net *n, struct ip4 sender, unsigned names)
{
	char name[16];

	for (unsigned i = 0; i < names; i++) {
		struct nb_msg m;

		snprintf(name, sizeof(name), "N%u<20>", i);
		m = net_request(NB_OP_REGISTER, 5, name, 0, (struct ip4){ 0x0a000001u + i });
		net_send(n, &m, sender, 137);
	}
	drain(n);
}

static void
reg_61(struct net *n)
{
	n->conf.names_per_address = 100;
	n->conf.names_max = 40;
	reconf(n);
	fills(n, SENDER, 36);
	claims(n);
}

static void
reg_62(struct net *n)
{
	n->conf.names_per_address = 100;
	n->conf.names_max = 2;
	reconf(n);
	fills(n, OWNER, 2);
	net_ask(n, NB_OP_REFRESH, 1, "N1<20>", 0, (struct ip4){ 0x0a000002u });
	drain(n);
	claims(n);
}

static void
reg_20(struct net *n)
{
	add_static(n);
	claims(n);
}

static void
reg_33(struct net *n)
{
	net_registers(n, NB_OP_REGISTER, "PC<20>", NB_G, OWNER);
	claims(n);
}

static void
reg_34(struct net *n)
{
	net_registers(n, NB_OP_REGISTER, "PC<20>", NB_G, OWNER);
	net_ask(n, NB_OP_RELEASE, 2, "PC<20>", NB_G, OWNER);
	drain(n);
	claims(n);
}

static void
reg_55(struct net *n)
{
	struct rec r = replica(REC_ACTIVE, PARTNER, 9);

	r.type = REC_SPECIAL;
	assert_int_equal(wins_replica(n->w, &r, 1, n->mnow, n->now), 0);
	claims(n);
}

static void
prb_04(struct net *n)
{
	owned_twice(n);
	sends(n, NB_OP_REGISTER, NB_G, "PC<20>", CLAIMED);
	answers(n, SECOND, 1);
}

static void
prb_06(struct net *n)
{
	owned_twice(n);
	claims(n);
	answers(n, SECOND, 1);
}

static void
reg_44(struct net *n)
{
	net_registers(n, NB_OP_REGISTER, "PC<20>", 0, LOOPBACK);
	claims(n);
}

static void
prb_02(struct net *n)
{
	owned(n);
	claims(n);
	silence(n);
}

static void
prb_03(struct net *n)
{
	owned_twice(n);
	claims(n);
	answers(n, SECOND, 0);
}

/* The owner of PC<20> released it seven seconds before somebody claims it. */
static void
released(struct net *n, bool ask)
{
	n->conf.challenge_released = ask;
	reconf(n);
	owned(n);
	net_ask(n, NB_OP_RELEASE, 2, "PC<20>", 0, OWNER);
	drain(n);
	net_pass_ms(n, 7000);
	claims(n);
}

static void
reg_59(struct net *n)
{
	released(n, false);
}

static void
prb_21(struct net *n)
{
	released(n, true);
	answers(n, OWNER, 1);
}

static void
prb_22(struct net *n)
{
	released(n, true);
	silence(n);
}

static void
prb_23(struct net *n)
{
	released(n, true);
	answers(n, OWNER, 0);
}

/* ---- releases ---- */

static void
rel_05(struct net *n)
{
	owned(n);
	n->conf.strict_source = true;
	reconf(n);
	sends(n, NB_OP_RELEASE, 0, "PC<20>", OWNER);
}

static void
rel_08(struct net *n)
{
	owned(n);
	sends(n, NB_OP_RELEASE, NB_G, "PC<20>", OWNER);
}

static void
rel_09(struct net *n)
{
	owned(n);
	sends(n, NB_OP_RELEASE, 0, "PC<20>", CLAIMED);
}

static void
rel_10(struct net *n)
{
	owned(n);
	sends(n, NB_OP_RELEASE, 0, "PC<20>", OWNER);
}

static void
rel_11(struct net *n)
{
	owned(n);
	n->conf.strict_source = true;
	reconf(n);
	net_ask(n, NB_OP_RELEASE, 2, "PC<20>", 0, CLAIMED);
}

/* ---- addresses taken away ---- */

/* SECOND's host says that the name is not its own, OWNER's is well. */
static void
disowns_one(struct net *n)
{
	struct nb_key key = net_key("PC<20>");
	struct wins_path path;
	struct ip4 owner = OWNER;
	struct nb_msg m;

	assert_int_equal(wins_admin_examine(n->w, &key, n->mnow, n->now), 0);
	for (unsigned i = 0; i < 20; i++) {
		wins_tick(n->w, n->mnow, n->now);
		(void)wins_commit(n->w, n->now);
		while (net_out(n, &m, &path))
			net_node_answers(n, &m, path.peer, ip4_eq(path.peer, OWNER), &owner);
		net_pass_ms(n, 100);
	}
}

/* CLAIMED's host, the only one, does. */
static void
disowns_last(struct net *n)
{
	struct nb_key key = net_key("PC<20>");

	assert_int_equal(wins_admin_examine(n->w, &key, n->mnow, n->now), 0);
	wins_tick(n->w, n->mnow, n->now);
	answers(n, CLAIMED, 0);
}

static void
doc_03(struct net *n)
{
	n->conf.propagate_releases = false;
	reconf(n);
	owned_twice(n);
	disowns_one(n);
}

static void
doc_04(struct net *n)
{
	owned_twice(n);
	disowns_one(n);
}

static void
doc_05(struct net *n)
{
	gives_two(n);
	disowns_one(n);
}

static void
doc_06(struct net *n)
{
	gives(n, REC_ACTIVE, PARTNER, 9);
	disowns_last(n);
}

static void
doc_07(struct net *n)
{
	net_registers(n, NB_OP_REGISTER, "PC<20>", 0, CLAIMED);
	disowns_last(n);
}

static void
excludes(struct net *n, struct ip4 ip)
{
	struct nb_key key = net_key("PC<20>");
	struct wins_removed gone;

	n->conf.nexcluded = 1;
	n->conf.excluded[0] = (struct ip4_net){ ip, 32 };
	reconf(n);
	assert_int_equal(wins_admin_exclude(n->w, &key, 1000, n->now, &gone), 0);
}

static void
doc_10(struct net *n)
{
	n->conf.propagate_releases = false;
	owned_twice(n);
	excludes(n, SECOND);
}

static void
doc_11(struct net *n)
{
	owned_twice(n);
	excludes(n, SECOND);
}

static void
doc_12(struct net *n)
{
	gives_two(n);
	excludes(n, SECOND);
}

static void
doc_13(struct net *n)
{
	gives(n, REC_ACTIVE, PARTNER, 9);
	excludes(n, CLAIMED);
}

static void
doc_14(struct net *n)
{
	owned(n);
	excludes(n, OWNER);
}

/* ---- replicas ---- */

static void
rpl_01(struct net *n)
{
	gives(n, REC_TOMBSTONE + 1, PARTNER, 9);
}

static void
rpl_03(struct net *n)
{
	gives(n, REC_RELEASED, PARTNER, 9);
}

static void
rpl_20(struct net *n)
{
	add_static(n);
	gives(n, REC_ACTIVE, PARTNER, 9);
}

static void
rpl_71(struct net *n)
{
	net_registers(n, NB_OP_REGISTER, "PC<20>", 0, LOOPBACK);
	gives(n, REC_ACTIVE, PARTNER, 9);
}

static void
rpb_03(struct net *n)
{
	owned(n);
	gives(n, REC_ACTIVE, PARTNER, 9);
	silence(n);
}

static void
rpb_04(struct net *n)
{
	owned_twice(n);
	gives(n, REC_ACTIVE, PARTNER, 9);
	answers(n, SECOND, 0);
}

static void
rpb_05(struct net *n)
{
	owned_twice(n);
	gives(n, REC_ACTIVE, PARTNER, 9);
	answers(n, SECOND, 1);
}

static void
rpb_08(struct net *n)
{
	n->conf.settle_conflicts = true;
	n->conf.server = SERVER;
	reconf(n);
	owned_twice(n);
	gives(n, REC_ACTIVE, PARTNER, 9);
	answers(n, SECOND, 1);
}

static void
ver_02(struct net *n)
{
	struct nb_key key = net_key("PC<20>");

	gives(n, REC_ACTIVE, PARTNER, 9);
	assert_int_equal(wins_verified(n->w, &key, NULL, n->now), 0);
}

static void
ver_06(struct net *n)
{
	struct rec dead = replica(REC_TOMBSTONE, PARTNER, 10);

	gives(n, REC_TOMBSTONE, PARTNER, 9);
	assert_int_equal(wins_verified(n->w, &dead.key, &dead, n->now), 0);
}

/* ---- an administrator's wishes ---- */

static void
adm_07(struct net *n)
{
	struct nb_key key = net_key("PC<20>");

	owned(n);
	assert_int_equal(wins_admin_tombstone(n->w, &key, 1000, n->now), 0);
}

/* ---- each rule ---- */

#define OWNER_TEXT   "192.0.2.10"
#define SECOND_TEXT  "192.0.2.11"
#define CLAIMED_TEXT "192.0.2.20"
#define SENDER_TEXT  "192.0.2.30"
#define PARTNER_TEXT "198.51.100.1"

#define CLAIM_REFUSED "The claim of " SENDER_TEXT " to the name PC<20> was refused: "
#define DEFENDED      CLAIM_REFUSED SECOND_TEXT " has the name and answered for it."
#define WENT          "The name PC<20> went to " CLAIMED_TEXT ": "
#define SILENT        WENT "the former owner " OWNER_TEXT " did not answer the challenge."
#define GIVEN_UP      WENT "the former owner " SECOND_TEXT " said it no longer has it."
#define UNASKED \
	WENT "the former owner had only addresses that cannot be asked, 127.0.0.1 the first."
#define AFTER_RELEASE(seconds)                                                   \
	"The name PC<20> went from " OWNER_TEXT " to " CLAIMED_TEXT ", " seconds \
	" seconds after it was released."
#define DENIED(seconds)                                                                   \
	CLAIM_REFUSED "the name was released " seconds " seconds before, but " OWNER_TEXT \
		      " has it and answered for it. Its registration was restored."
#define STRANGERS                                                    \
	"The release of the name PC<20> for the address " OWNER_TEXT \
	" had no effect: it came from " SENDER_TEXT ", which does not speak for that address."
#define GHOST_AT(text)                                                                 \
	"The address " text                                                            \
	" was taken away from the name PC<20>: the computer there says that the name " \
	"is not its own."
#define EXCLUDED_AT(text)                                     \
	"An administrator (user 1000) took the address " text \
	" away from the name PC<20>: it is in a "             \
	"network of the option doctor-excluded-networks."
#define STATE_ERROR                                        \
	"A record of PC<20> that the server " PARTNER_TEXT \
	" owns came in a state that is never replicated: it was left out."
#define UNVERIFIED "The record of PC<20> was removed: its owner " PARTNER_TEXT " has it no more."
#define AT_TWO                                                     \
	"Two living computers have the name PC<20>: " CLAIMED_TEXT \
	" at another WINS server, and " SECOND_TEXT " here, which answered for it. "

static const struct {
	int rule;
	void (*drive)(struct net *n);
	const char *sentence;
} rows[] = {
	{ RULE_REG_06, reg_06, CLAIM_REFUSED "the name is blocked." },
	{ RULE_REG_07, reg_07,
	    "The claim to the name PC<20> for the address " CLAIMED_TEXT
	    " was refused: it came from " SENDER_TEXT "." },
	{ RULE_REG_09, reg_09,
	    "The claim of " SENDER_TEXT
	    " to the name OWN<20> was refused: this server's own computer "
	    "has the name." },
	{ RULE_REG_11, reg_11,
	    "The server holds as many names as it may; the new name PC<20> of " SENDER_TEXT
	    " was refused." },
	{ RULE_REG_12, reg_12,
	    SENDER_TEXT " registered as many names as one sender may; its new name PC<20> for the "
			"address " CLAIMED_TEXT " was refused." },
	{ RULE_REG_61, reg_61,
	    "The last tenth of the places for names is for senders that have few; the new name "
	    "PC<20> of " SENDER_TEXT ", which has 36, was refused." },
	{ RULE_REG_62, reg_62,
	    "The server holds as many names as it may: N0<20>, never refreshed and one of 2 "
	    "that " OWNER_TEXT " registered, was deleted for a new name of " SENDER_TEXT "." },
	{ RULE_REG_20, reg_20, CLAIM_REFUSED "a static record gives it to " OWNER_TEXT "." },
	{ RULE_REG_33, reg_33, CLAIM_REFUSED "the name is a group." },
	{ RULE_REG_34, reg_34,
	    CLAIM_REFUSED "the name was a group, and stays closed until its record is deleted." },
	{ RULE_REG_55, reg_55, CLAIM_REFUSED "the name is a group." },
	{ RULE_PRB_04, prb_04, DEFENDED },
	{ RULE_PRB_06, prb_06, DEFENDED },
	{ RULE_REG_44, reg_44, UNASKED },
	{ RULE_PRB_02, prb_02, SILENT },
	{ RULE_PRB_03, prb_03, GIVEN_UP },
	{ RULE_REG_59, reg_59, AFTER_RELEASE("7") },
	{ RULE_PRB_21, prb_21, DENIED("7") },
	{ RULE_PRB_22, prb_22, AFTER_RELEASE("7") },
	{ RULE_PRB_23, prb_23, AFTER_RELEASE("7") },
	{ RULE_RPL_71, rpl_71, UNASKED },
	{ RULE_RPB_03, rpb_03, SILENT },
	{ RULE_RPB_04, rpb_04, GIVEN_UP },
	{ RULE_REL_05, rel_05, STRANGERS },
	{ RULE_REL_08, rel_08,
	    "The release of the name PC<20> by " SENDER_TEXT
	    " had no effect: one of release and record is of a group." },
	{ RULE_REL_09, rel_09,
	    "The release of the name PC<20> by " SENDER_TEXT
	    " had no effect: the name does not have the address " CLAIMED_TEXT "." },
	{ RULE_REL_10, rel_10, STRANGERS },
	{ RULE_REL_11, rel_11,
	    "The release of the name PC<20> by " CLAIMED_TEXT
	    " had no effect: the name does not have the address " CLAIMED_TEXT "." },
	{ RULE_DOC_03, doc_03, GHOST_AT(SECOND_TEXT) },
	{ RULE_DOC_04, doc_04, GHOST_AT(SECOND_TEXT) },
	{ RULE_DOC_05, doc_05, GHOST_AT(SECOND_TEXT) },
	{ RULE_DOC_06, doc_06, GHOST_AT(CLAIMED_TEXT) },
	{ RULE_DOC_07, doc_07, GHOST_AT(CLAIMED_TEXT) },
	{ RULE_DOC_10, doc_10, EXCLUDED_AT(SECOND_TEXT) },
	{ RULE_DOC_11, doc_11, EXCLUDED_AT(SECOND_TEXT) },
	{ RULE_DOC_12, doc_12, EXCLUDED_AT(SECOND_TEXT) },
	{ RULE_DOC_13, doc_13, EXCLUDED_AT(CLAIMED_TEXT) },
	{ RULE_DOC_14, doc_14, EXCLUDED_AT(OWNER_TEXT) },
	{ RULE_RPL_01, rpl_01, STATE_ERROR },
	{ RULE_RPL_03, rpl_03, STATE_ERROR },
	{ RULE_RPL_20, rpl_20,
	    "The record of PC<20> that " PARTNER_TEXT
	    " owns, pulled from another server, clashes with a static record here, which stays." },
	{ RULE_RPB_05, rpb_05, AT_TWO "Each server keeps its own." },
	{ RULE_RPB_08, rpb_08,
	    AT_TWO "This server's record stays and the other server gives its own up." },
	{ RULE_VER_02, ver_02, UNVERIFIED },
	{ RULE_VER_06, ver_06, UNVERIFIED },
	{ RULE_ADM_01, add_static, "An administrator (user 1000) added the static record PC<20>." },
	{ RULE_ADM_07, adm_07, "An administrator (user 1000) made the record PC<20> a tombstone." },
};
#define NROWS (sizeof(rows) / sizeof(*rows))

static const struct event *
told_by(const struct net *n, int rule)
{
	for (size_t i = 0; i < n->nevents; i++)
		if (n->events[i].rule == rule)
			return &n->events[i];
	return NULL;
}

static void
what_a_rule_says_is_true_of_its_record(void **state)
{
	char buf[EVENT_STRLEN];
	struct net n;

	(void)state;
	for (size_t i = 0; i < NROWS; i++) {
		const struct event *ev;

		net_init(&n);
		rows[i].drive(&n);
		ev = told_by(&n, rows[i].rule);
		if (!ev)
			fail_msg("%s: no event", rule_name(rows[i].rule));
		else if (strcmp(event_print(ev, buf), rows[i].sentence) != 0)
			fail_msg("%s: %s", rule_name(rows[i].rule), buf);
		net_end(&n);
	}
}

static void
every_rule_with_an_event_is_driven_and_no_other(void **state)
{
	int count[RULE_COUNT] = { 0 };

	(void)state;
	for (size_t i = 0; i < NROWS; i++)
		count[rows[i].rule]++;
	for (int rule = 0; rule < RULE_COUNT; rule++)
		if (count[rule] != (tell_event_of(rule) < EV_COUNT))
			fail_msg("%s: %d rows", rule_name(rule), count[rule]);
}

/* A claim that began anew three times, as its record was another one each time, is decided in the end by
 * whatever is there: nobody was silent, nobody gave anything up, and the name is free. */
static void
what_changed_during_a_challenge_is_not_told_as_silence(void **state)
{
	struct nb_key key = net_key("PC<20>");
	struct net n;

	(void)state;
	net_init(&n);
	owned(&n);
	claims(&n);
	for (unsigned i = 0; i < 4; i++) {
		drain(&n);
		assert_int_equal(wins_open_challenges(n.w), 1);
		assert_int_equal(wins_admin_delete(n.w, &key, 1000, n.now), 0);
		if (i < 3)
			owned(&n);
		net_pass_ms(&n, 500);
		net_pass_ms(&n, 1000);
		net_pass_ms(&n, 2000);
	}
	drain(&n);
	assert_int_equal(wins_open_challenges(n.w), 0);
	assert_false(net_told(&n, EV_NAME_TAKEN_OVER));
	assert_int_equal(net_query(&n, "PC<20>", &(struct nb_msg){ 0 }), 1);
	net_end(&n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_rule_says_is_true_of_its_record),
		cmocka_unit_test(every_rule_with_an_event_is_driven_and_no_other),
		cmocka_unit_test(what_changed_during_a_challenge_is_not_told_as_silence),
	};

	return cmocka_run_group_tests_name("wins_tell", tests, NULL, NULL);
}
