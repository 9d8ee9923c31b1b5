/* SPDX-License-Identifier: Apache-2.0 */
/* The engine: nothing is promised before it is durable, queries, releases, time, administration. */
#include "wins_net.h"

#define OWNER HOST(10)

static void
an_answer_leaves_only_after_the_commit(void **state)
{
	struct nb_msg m;
	struct net n;

	net_init(&n);
	net_ask(&n, NB_OP_REGISTER, 5, "PC<20>", 0, OWNER);
	assert_null(wins_out(n.w));
	assert_int_equal(net_query(&n, "PC<20>", &m), -1);
	m = net_expect(&n, NB_REGISTER_RESP, NB_RC_OK, OWNER);
	assert_int_equal(m.ttl, 518400); /* the renewal interval, not what the client asked for */
	assert_int_equal(m.flags, 0xad80);
	assert_int_equal(net_query(&n, "PC<20>", &m), 1);
	assert_int_equal(m.flags, 0x8580);
	assert_int_equal(m.ttl, 0);
	net_end(&n);
}

static int
no_space(struct vfs *v, struct vfs_file *f, const void *buf, size_t len, uint64_t off)
{
	return NBT_ENOSPC;
}

static void
what_cannot_be_kept_is_answered_server_failure(void **state)
{
	int (*real)(struct vfs *, struct vfs_file *, const void *, size_t, uint64_t);
	struct nb_msg m;
	struct net n;

	net_init(&n);
	net_registers(&n, NB_OP_REGISTER, "OLD<20>", 0, OWNER);
	real = n.vfs->pwrite;
	n.vfs->pwrite = no_space;
	net_ask(&n, NB_OP_REGISTER, 5, "PC<20>", 0, OWNER);
	m = net_expect(&n, NB_REGISTER_RESP, NB_RC_SRV, OWNER);
	assert_int_equal(m.ttl, 0);
	assert_int_equal(m.addr[0].ip.v, OWNER.v);
	assert_true(net_told(&n, EV_DISK_FULL));
	assert_false(wins_writable(n.w));
	assert_int_equal(net_query(&n, "PC<20>", &m), -1);

	/* A refusal that rests on what could not be kept is no refusal. */
	net_ask(&n, NB_OP_REGISTER, 6, "GRP<00>", NB_G, HOST(11));
	net_ask(&n, NB_OP_REGISTER, 7, "GRP<00>", 0, HOST(12));
	assert_int_not_equal(wins_commit(n.w, n.now), 0);
	assert_true(net_out(&n, &m, NULL) && nb_rcode(&m) == NB_RC_SRV);
	assert_true(net_out(&n, &m, NULL) && nb_rcode(&m) == NB_RC_SRV);
	/* Releases too; what promises nothing is answered as ever, and so are queries. */
	net_ask(&n, NB_OP_RELEASE, 8, "OLD<20>", 0, OWNER);
	(void)net_expect(&n, NB_RELEASE_RESP, NB_RC_SRV, OWNER);
	net_ask(&n, NB_OP_RELEASE, 8, "NEVER<20>", 0, OWNER);
	(void)net_expect(&n, NB_RELEASE_RESP, NB_RC_OK, OWNER);
	assert_int_equal(net_query(&n, "OLD<20>", &m), 1);

	n.vfs->pwrite = real;
	net_registers(&n, NB_OP_REGISTER, "PC<20>", 0, OWNER);
	assert_true(net_told(&n, EV_JOURNAL_WRITABLE));
	assert_true(wins_writable(n.w));
	assert_int_equal(net_query(&n, "PC<20>", &m), 1);
	net_end(&n);
}

static void
a_restart_keeps_names_and_versions_rise(void **state)
{
	struct version before, after;
	struct nb_msg m;
	struct net n;

	net_init(&n);
	net_registers(&n, NB_OP_REGISTER, "PC<20>", 0, OWNER);
	before = store_next_version(n.store);
	net_down(&n);
	net_up(&n);
	after = store_next_version(n.store);
	assert_true(after.v >= before.v);
	assert_int_equal(net_query(&n, "PC<20>", &m), 1);
	net_end(&n);
}

static void
refreshes_of_both_numbers_are_registrations(void **state)
{
	struct nb_msg m;
	struct net n;

	net_init(&n);
	net_registers(&n, NB_OP_REFRESH, "A<20>", 0, OWNER);
	net_registers(&n, NB_OP_REFRESH_ALT, "B<20>", 0, OWNER);
	assert_int_equal(net_query(&n, "A<20>", &m), 1);
	assert_int_equal(net_query(&n, "B<20>", &m), 1);
	assert_int_equal(net_count(&n, WS_REFRESH_UNIQUE), 2);
	assert_int_equal(net_count(&n, WS_REFRESH_9), 1);
	assert_int_equal(net_count(&n, WS_REGISTER_OK), 2);
	net_end(&n);
}

static void
queries_answer_groups_and_domains_as_windows_does(void **state)
{
	struct nb_msg m;
	struct net n;

	net_init(&n);
	net_registers(&n, NB_OP_REGISTER, "LAB<00>", NB_G, HOST(11));
	assert_int_equal(net_query(&n, "LAB<00>", &m), 1);
	assert_int_equal(m.addr[0].ip.v, IP4_BROADCAST.v);
	assert_int_equal(m.addr[0].flags & NB_G, NB_G);

	net_registers(&n, NB_OP_REGISTER, "LAB<1C>", NB_G, HOST(11));
	net_registers(&n, NB_OP_REGISTER, "LAB<1C>", NB_G, HOST(12));
	net_registers(&n, NB_OP_REGISTER, "LAB<1B>", 0, HOST(11));
	assert_int_equal(net_query(&n, "LAB<1C>", &m), 2);
	assert_int_equal(m.addr[0].ip.v, HOST(11).v); /* the domain master, not the newest */
	net_registers(&n, NB_OP_REGISTER, "LAB<1D>", 0, HOST(11));
	assert_int_equal(net_query(&n, "LAB<1D>", &m), -1);
	assert_int_equal(m.flags, 0x8583);
	assert_int_equal(net_query(&n, "lab<00>", &m), -1);
	net_end(&n);
}

static void
a_randomized_domain_list_turns_behind_its_master(void **state)
{
	struct nb_msg q = { .kind = NB_QUERY_REQ, .flags = NB_F_RD }, m;
	static struct wins_stats stats;
	bool led[256] = { 0 };
	struct net n;

	net_init(&n);
	n.conf.randomize_1c = true;
	assert_int_equal(wins_reconf(n.w, &n.conf, n.now), 0);
	for (unsigned i = 11; i < 16; i++)
		net_registers(&n, NB_OP_REGISTER, "LAB<1C>", NB_G, HOST(i));
	net_registers(&n, NB_OP_REGISTER, "LAB<1B>", 0, HOST(11));
	q.key = net_key("LAB<1C>");
	for (q.id = 0; q.id < 50; q.id++) {
		uint8_t buf[NB_UDP_MAX], out[NB_UDP_MAX];
		enum nb_drop drop;
		size_t len = nb_encode(&q, buf, sizeof(buf));

		len = wins_query(n.store, wins_view(n.w), &stats, buf, len, out, &drop);
		assert_int_equal(nb_decode(out, len, &m), 0);
		assert_int_equal(m.naddr, 5);
		assert_int_equal(m.addr[0].ip.v, HOST(11).v);
		led[m.addr[1].ip.v & 255] = true;
	}
	assert_true(led[12] && led[13] && led[14] && led[15] && !led[11]);
	net_end(&n);
}

static void
what_is_not_for_a_name_server_is_dropped_and_counted(void **state)
{
	static const uint8_t garbage[] = { 1, 2, 3 };
	const struct wins_path path = { .peer = OWNER, .local = SERVER, .port = 137 };
	static struct wins_stats stats;
	struct nb_msg m = net_request(NB_OP_REGISTER, 1, "PC<20>", 0, OWNER);
	uint8_t buf[NB_UDP_MAX], out[NB_UDP_MAX];
	enum nb_drop drop;
	struct net n;
	size_t len;

	net_init(&n);
	m.flags |= NB_F_B;
	net_send(&n, &m, OWNER, 137);
	wins_in(n.w, garbage, sizeof(garbage), &path, n.mnow, n.now);
	net_silent(&n);
	assert_int_equal(wins_registrar_stats(n.w)->drop[NB_DROP_BROADCAST], 1);
	assert_int_equal(wins_registrar_stats(n.w)->drop[NB_DROP_SHORT], 1);

	m = (struct nb_msg){ .kind = NB_QUERY_REQ, .key = net_key("PC<20>") };
	len = nb_encode(&m, buf, sizeof(buf)); /* RD clear: a question to a node */
	assert_int_equal(wins_query(n.store, wins_view(n.w), &stats, buf, len, out, &drop), 0);
	assert_int_equal(drop, NB_DROP_NOT_FOR_US);
	m.flags = NB_F_RD | NB_F_B;
	len = nb_encode(&m, buf, sizeof(buf));
	assert_int_equal(wins_query(n.store, wins_view(n.w), &stats, buf, len, out, &drop), 0);
	assert_int_equal(drop, NB_DROP_BROADCAST);
	net_end(&n);
}

static void
names_that_are_not_refreshed_are_released_tombstoned_deleted(void **state)
{
	struct nb_key key = net_key("PC<20>");
	struct nb_msg m;
	struct rec rec;
	struct net n;

	net_init(&n);
	net_registers(&n, NB_OP_REGISTER, "PC<20>", 0, OWNER);
	n.now.s += 518399;
	wins_tick(n.w, n.mnow, n.now);
	net_silent(&n);
	assert_int_equal(net_query(&n, "PC<20>", &m), 1);
	assert_true(wins_next(n.w, n.mnow, n.now).ns <= n.mnow.ns + 1000000000);

	n.now.s += 1;
	wins_tick(n.w, n.mnow, n.now);
	net_silent(&n);
	assert_int_equal(net_query(&n, "PC<20>", &m), -1);
	assert_true(store_get(n.store, &key, &rec) && rec.state == REC_RELEASED);
	n.now.s += 518400;
	wins_tick(n.w, n.mnow, n.now);
	net_silent(&n);
	assert_true(store_get(n.store, &key, &rec) && rec.state == REC_TOMBSTONE);
	n.now.s += 518400;
	wins_tick(n.w, n.mnow, n.now);
	net_silent(&n);
	assert_false(store_get(n.store, &key, &rec));
	assert_int_equal(net_count(&n, WS_SCAVENGED_RELEASED), 1);
	assert_int_equal(net_count(&n, WS_SCAVENGED_TOMBSTONE), 1);
	assert_int_equal(net_count(&n, WS_SCAVENGED_DELETED), 1);
	net_end(&n);
}

static void
scavenging_goes_in_slices_and_spares_statics(void **state)
{
	struct rec fixed = { .type = REC_UNIQUE, .naddr = 1, .addr[0].ip = HOST(99) };
	char name[32];
	struct nb_msg m;
	struct net n;

	net_init(&n);
	fixed.key = net_key("FIXED<20>");
	assert_int_equal(wins_admin_add(n.w, &fixed, 0, n.now), 0);
	for (int i = 0; i < 25; i++) {
		snprintf(name, sizeof(name), "PC%d<20>", i);
		net_registers(&n, NB_OP_REGISTER, name, 0, HOST(100 + i));
	}
	n.now.s += 518400;
	wins_admin_scavenge(n.w, n.now);
	for (int done = 10; done <= 30; done += 10) {
		assert_int_equal(wins_next(n.w, n.mnow, n.now).ns, n.mnow.ns);
		wins_tick(n.w, n.mnow, n.now);
		net_silent(&n);
		assert_int_equal(net_count(&n, WS_SCAVENGED_RELEASED), done < 25 ? done : 25);
		assert_false(net_told(&n, EV_ADMIN_SCV_COMPLETED));
	}
	wins_tick(n.w, n.mnow, n.now);
	assert_true(net_told(&n, EV_ADMIN_SCV_COMPLETED));
	assert_int_equal(net_query(&n, "FIXED<20>", &m), 1);
	net_end(&n);
}

static void
explaining_changes_nothing(void **state)
{
	struct reg_in in = { .key = net_key("PC<20>"), .opcode = 5, .ip = OWNER, .from = OWNER };
	struct wins_explain x;
	struct nb_msg m;
	struct net n;

	net_init(&n);
	wins_explain_register(n.w, &in, n.now, &x);
	assert_int_equal(x.verdict.action, ACT_WRITE);
	assert_false(x.found);
	net_silent(&n);
	assert_int_equal(net_query(&n, "PC<20>", &m), -1);
	net_registers(&n, NB_OP_REGISTER, "PC<20>", 0, OWNER);
	in.ip = in.from = HOST(20);
	wins_explain_register(n.w, &in, n.now, &x);
	assert_int_equal(x.verdict.action, ACT_CHALLENGE);
	assert_true(x.found);
	net_silent(&n);
	assert_int_equal(wins_open_challenges(n.w), 0);
	net_end(&n);
}

static void
an_administrator_adds_tombstones_and_deletes(void **state)
{
	struct rec fixed = { .type = REC_UNIQUE, .naddr = 1, .addr[0].ip = HOST(99) }, rec;
	struct nb_msg m;
	struct net n;

	net_init(&n);
	fixed.key = net_key("FIXED<20>");
	assert_int_equal(wins_admin_delete(n.w, &fixed.key, 0, n.now), NBT_ENOENT);
	assert_int_equal(wins_admin_tombstone(n.w, &fixed.key, 0, n.now), NBT_ENOENT);
	assert_int_equal(wins_admin_add(n.w, &fixed, 0, n.now), 0);
	assert_int_equal(net_query(&n, "FIXED<20>", &m), 1);
	net_ask(&n, NB_OP_REGISTER, 5, "FIXED<20>", 0, HOST(20));
	(void)net_expect(&n, NB_REGISTER_RESP, NB_RC_ACT, HOST(20));
	assert_true(net_told(&n, EV_CLAIM_REFUSED_STATIC));
	assert_int_equal(wins_admin_tombstone(n.w, &fixed.key, 0, n.now), 0);
	assert_true(store_get(n.store, &fixed.key, &rec) && rec.state == REC_TOMBSTONE);
	assert_int_equal(net_query(&n, "FIXED<20>", &m), -1);
	assert_int_equal(wins_admin_delete(n.w, &fixed.key, 0, n.now), 0);
	assert_false(store_get(n.store, &fixed.key, &rec));
	fixed.naddr = 0;
	assert_int_equal(wins_admin_add(n.w, &fixed, 0, n.now), NBT_EINVAL);
	net_end(&n);
}

static void
what_a_policy_refuses_is_counted_apart_from_conflicts(void **state)
{
	struct net n;

	net_init(&n);
	net_ask(&n, NB_OP_REGISTER, 5, "LAB<1B>", NB_G, OWNER);
	(void)net_expect(&n, NB_REGISTER_RESP, NB_RC_RFS, OWNER);
	assert_int_equal(net_count(&n, WS_REGISTER_REFUSED), 1);
	assert_int_equal(net_count(&n, WS_CONFLICT_GROUP), 0);
	net_registers(&n, NB_OP_REGISTER, "LAB<00>", NB_G, OWNER);
	net_ask(&n, NB_OP_MULTIHOMED, 6, "LAB<00>", 0, OWNER);
	(void)net_expect(&n, NB_REGISTER_RESP, NB_RC_ACT, OWNER);
	assert_int_equal(net_count(&n, WS_CONFLICT_UNIQUE), 1);
	assert_int_equal(net_count(&n, WS_REGISTER_MULTIHOMED), 1);
	net_end(&n);
}

static void
the_burst_ladder_climbs_by_hundreds_and_begins_again(void **state)
{
	struct nb_msg m = net_request(NB_OP_REGISTER, 3, "PC<20>", 0, OWNER);
	struct wins_burst b = { 0 };
	static struct wins_stats stats;
	uint8_t buf[NB_UDP_MAX], out[NB_UDP_MAX];
	size_t len = nb_encode(&m, buf, sizeof(buf)), n;

	for (unsigned i = 0; i <= 1000; i++) {
		n = wins_burst_answer(&b, &stats, buf, len, out);
		assert_int_equal(nb_decode(out, n, &m), 0);
		assert_int_equal(m.kind, NB_REGISTER_RESP);
		assert_int_equal(m.flags, 0xad80);
		assert_int_equal(m.ttl, 300 * (1 + i / 100 % 10));
	}
	m = net_request(NB_OP_RELEASE, 3, "PC<20>", 0, OWNER);
	len = nb_encode(&m, buf, sizeof(buf));
	assert_int_equal(wins_burst_answer(&b, &stats, buf, len, out), 0);
}

static void
intervals_out_of_bounds_are_moved_and_told(void **state)
{
	struct nb_msg m;
	struct net n;

	net_init(&n);
	n.conf.intervals.renewal = 60;
	assert_int_equal(wins_reconf(n.w, &n.conf, n.now), 0);
	assert_true(net_told(&n, EV_ADJ_TIME_INTVL));
	net_ask(&n, NB_OP_REGISTER, 5, "PC<20>", 0, OWNER);
	m = net_expect(&n, NB_REGISTER_RESP, NB_RC_OK, OWNER);
	assert_int_equal(m.ttl, 2400);
	net_end(&n);
}

/* n names, all due at once. */
static void
register_many(struct net *n, unsigned names)
{
	char name[NB_KEY_STRLEN];

	for (unsigned i = 0; i < names; i++) {
		snprintf(name, sizeof(name), "MANY%u<20>", i);
		net_ask(n, NB_OP_REGISTER, (uint16_t)i, name, 0, OWNER);
	}
	assert_int_equal(wins_commit(n->w, n->now), 0);
	while (wins_out(n->w))
		continue;
}

static void
a_reload_leaves_the_scavenger_its_slice(void **state)
{
	struct net n;

	net_init(&n);
	register_many(&n, 2 * n.conf.scavenge_slice);
	n.conf.scavenge_slice *= 100;
	assert_int_equal(wins_reconf(n.w, &n.conf, n.now), 0);
	n.now.s += 518400;
	wins_tick(n.w, n.mnow, n.now);
	assert_int_equal(wins_commit(n.w, n.now), 0);
	assert_int_equal(net_count(&n, WS_SCAVENGED_RELEASED), n.conf.scavenge_slice / 100);
	net_end(&n);
}

/* A batch holds 4,096 changes. */
static void
what_did_not_fit_into_the_batch_is_scavenged_and_counted_once(void **state)
{
	struct net n;

	net_init(&n);
	net_down(&n);
	n.conf.scavenge_slice = 10000;
	net_up(&n);
	register_many(&n, 5000);
	n.now.s += 518400;
	for (int i = 0; i < 40; i++) { /* those moved on are passed in slices too */
		wins_tick(n.w, n.mnow, n.now);
		assert_int_equal(wins_commit(n.w, n.now), 0);
	}
	assert_int_equal(net_count(&n, WS_SCAVENGED_RELEASED), 5000);
	net_end(&n);
}

/* Whoever drives the engine sleeps until wins_next: never at once again, whatever the clock does. */
static void
scavenging_rests_a_second_after_a_commit_that_failed(void **state)
{
	int (*real)(struct vfs *, struct vfs_file *, const void *, size_t, uint64_t);
	struct net n;

	net_init(&n);
	net_registers(&n, NB_OP_REGISTER, "PC<20>", 0, OWNER);
	n.now.s += 518400;
	wins_admin_scavenge(n.w, n.now);
	assert_int_equal(wins_next(n.w, n.mnow, n.now).ns, n.mnow.ns);
	real = n.vfs->pwrite;
	n.vfs->pwrite = no_space;
	wins_tick(n.w, n.mnow, n.now);
	assert_int_not_equal(wins_commit(n.w, n.now), 0);
	assert_int_equal(wins_next(n.w, n.mnow, n.now).ns, mono_add_ms(n.mnow, 1000).ns);
	wins_tick(n.w, n.mnow, n.now);
	net_silent(&n); /* nothing was staged */

	n.vfs->pwrite = real;
	n.now.s -= 3600; /* set back */
	assert_int_equal(wins_next(n.w, n.mnow, n.now).ns, n.mnow.ns);
	n.now.s += 3600 + 1;
	wins_tick(n.w, n.mnow, n.now);
	assert_int_equal(wins_commit(n.w, n.now), 0);
	assert_int_equal(net_count(&n, WS_SCAVENGED_RELEASED), 1);
	net_end(&n);
}

static void
names_of_the_own_node_join_and_are_defended(void **state)
{
	struct nb_msg m;
	struct net n;

	net_init(&n);
	n.own[0] = HOST(101);
	n.own[1] = HOST(102);
	n.nown = 2;
	net_registers(&n, NB_OP_MULTIHOMED, "OWN<20>", 0, HOST(101));
	net_registers(&n, NB_OP_MULTIHOMED, "OWN<20>", 0, HOST(102)); /* and no challenge */
	assert_int_equal(net_query(&n, "OWN<20>", &m), 2);
	n.own_defended = true;
	net_ask(&n, NB_OP_REGISTER, 5, "OWN<20>", 0, HOST(9));
	(void)net_expect(&n, NB_REGISTER_RESP, NB_RC_ACT, HOST(9));
	net_registers(&n, NB_OP_REGISTER, "OTHER<20>", 0, HOST(9));
	net_end(&n);
}

static void
crowd(struct net *n, uint32_t most)
{
	n->conf.names_per_address = most;
	assert_int_equal(wins_reconf(n->w, &n->conf, n->now), 0);
}

static void
an_address_gets_so_many_names_and_no_more(void **state)
{
	struct net n;

	(void)state;
	net_init(&n);
	crowd(&n, 3);
	net_registers(&n, NB_OP_REGISTER, "ONE<20>", 0, OWNER);
	net_registers(&n, NB_OP_REGISTER, "TWO<20>", 0, OWNER);
	net_registers(&n, 15, "THREE<20>", 0, OWNER);
	assert_false(net_told(&n, EV_ADDRESS_FULL));
	net_ask(&n, NB_OP_REGISTER, 2, "FOUR<20>", 0, OWNER);
	(void)net_expect(&n, NB_REGISTER_RESP, NB_RC_RFS, OWNER);
	assert_true(net_told(&n, EV_ADDRESS_FULL));
	assert_int_equal(net_count(&n, WS_REGISTER_REFUSED), 1);
	net_registers(&n, NB_OP_REFRESH, "TWO<20>", 0, OWNER);
	net_registers(&n, NB_OP_REGISTER, "FOUR<20>", 0, HOST(11));
	/* A released name still takes its place. */
	net_ask(&n, NB_OP_RELEASE, 3, "ONE<20>", 0, OWNER);
	(void)net_expect(&n, NB_RELEASE_RESP, NB_RC_OK, OWNER);
	net_ask(&n, NB_OP_REGISTER, 4, "FIVE<20>", 0, OWNER);
	(void)net_expect(&n, NB_REGISTER_RESP, NB_RC_RFS, OWNER);
	net_down(&n);
	net_up(&n);
	net_ask(&n, NB_OP_REGISTER, 5, "FIVE<20>", 0, OWNER);
	(void)net_expect(&n, NB_REGISTER_RESP, NB_RC_RFS, OWNER);
	crowd(&n, 4);
	net_registers(&n, NB_OP_REGISTER, "FIVE<20>", 0, OWNER);
	crowd(&n, 0);
	net_registers(&n, NB_OP_REGISTER, "SIX<20>", 0, OWNER);
	net_end(&n);
}

/* From one computer, for whatever address, and groups. */
static void
claims_from(struct net *n, const char *name, uint16_t nb_flags, struct ip4 ip, struct ip4 sender,
    unsigned rcode)
{
	struct nb_msg m = net_request(NB_OP_REGISTER, 7, name, nb_flags, ip);

	net_send(n, &m, sender, 137);
	(void)net_expect(n, NB_REGISTER_RESP, rcode, sender);
}

static void
a_sender_is_counted_whatever_addresses_it_names(void **state)
{
	struct net n;

	(void)state;
	net_init(&n);
	crowd(&n, 3);
	claims_from(&n, "ONE<20>", 0, HOST(101), HOST(66), NB_RC_OK);
	claims_from(&n, "TWO<20>", NB_G, HOST(102), HOST(66), NB_RC_OK);
	claims_from(&n, "THREE<1C>", NB_G, HOST(103), HOST(66), NB_RC_OK);
	claims_from(&n, "FOUR<20>", 0, HOST(104), HOST(66), NB_RC_RFS);
	claims_from(&n, "FOUR<20>", NB_G, HOST(104), HOST(66), NB_RC_RFS);
	/* Those whose addresses it named are as free as before. */
	claims_from(&n, "FOUR<20>", 0, HOST(101), HOST(101), NB_RC_OK);
	/* A refresh by somebody else moves nothing. */
	claims_from(&n, "ONE<20>", 0, HOST(101), HOST(101), NB_RC_OK);
	claims_from(&n, "FIVE<20>", 0, HOST(104), HOST(66), NB_RC_RFS);
	assert_int_equal(store_names_of(n.store, HOST(66)), 3);
	assert_int_equal(store_names_of(n.store, HOST(101)), 1);
	/* After a start the names are their addresses' until their sender comes again; groups are nobody's. */
	net_down(&n);
	net_up(&n);
	assert_int_equal(store_names_of(n.store, HOST(66)), 0);
	assert_int_equal(store_names_of(n.store, HOST(101)), 2);
	claims_from(&n, "ONE<20>", 0, HOST(101), HOST(66), NB_RC_OK);
	claims_from(&n, "TWO<20>", NB_G, HOST(102), HOST(66), NB_RC_OK);
	assert_int_equal(store_names_of(n.store, HOST(66)), 2);
	assert_int_equal(store_names_of(n.store, HOST(101)), 1);
	net_end(&n);
}

static void
numbered(struct net *n, unsigned first, unsigned end, struct ip4 sender, unsigned rcode)
{
	char name[16];

	for (unsigned i = first; i < end; i++) {
		snprintf(name, sizeof(name), "N%u<20>", i);
		claims_from(n, name, 0, (struct ip4){ 0x0a000001u + i }, sender, rcode);
	}
}

static void
the_last_tenth_is_for_those_with_few_names(void **state)
{
	struct net n;

	(void)state;
	net_init(&n);
	n.conf.names_max = 100;
	crowd(&n, 1000); /* 100 are few */
	numbered(&n, 0, 90, HOST(66), NB_RC_OK);
	crowd(&n, 900); /* 90 are many */
	numbered(&n, 90, 91, HOST(66), NB_RC_SRV);
	assert_true(net_told(&n, EV_NAMES_RESERVED));
	numbered(&n, 100, 109, HOST(67), NB_RC_OK);
	/* The last place within one batch. */
	net_ask(&n, NB_OP_REGISTER, 1, "M0<20>", 0, HOST(67));
	assert_int_equal(store_held(n.store).records, 100);
	(void)net_expect(&n, NB_REGISTER_RESP, NB_RC_OK, HOST(67));
	numbered(&n, 90, 91, HOST(66), NB_RC_SRV);
	assert_int_equal(store_records(n.store), 100);
	net_end(&n);
}

static void
a_full_server_takes_names_from_who_has_most_but_not_what_was_refreshed(void **state)
{
	struct nb_key gone = net_key("N3<20>");
	struct nb_msg probe;
	struct rec r;
	struct net n;

	(void)state;
	net_init(&n);
	n.conf.names_max = 6;
	crowd(&n, 0);
	numbered(&n, 0, 4, HOST(66), NB_RC_OK);
	numbered(&n, 10, 12, HOST(67), NB_RC_OK);
	numbered(&n, 0, 2, HOST(66), NB_RC_OK); /* refreshed */
	net_ask(&n, NB_OP_REGISTER, 5, "N2<20>", 0, HOST(68));
	probe = net_expect_challenge(&n, HOST(68), (struct ip4){ 0x0a000003u });
	for (unsigned i = 0; i < 4 && wins_open_challenges(n.w); i++) { /* defended */
		struct ip4 ip = { 0x0a000003u };

		net_node_answers(&n, &probe, ip, 1, &ip);
		(void)wins_commit(n.w, n.now);
		while (net_out(&n, &probe, NULL))
			;
	}
	numbered(&n, 20, 21, HOST(68), NB_RC_OK);
	assert_true(net_told(&n, EV_NAME_MADE_ROOM));
	assert_int_equal(store_records(n.store), 6);
	assert_false(store_get(n.store, &gone, &r));
	/* What is left was refreshed or defended, or belongs to somebody with hardly more names. */
	numbered(&n, 21, 22, HOST(68), NB_RC_SRV);
	assert_int_equal(store_records(n.store), 6);
	net_end(&n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_leaves_only_after_the_commit),
		cmocka_unit_test(what_cannot_be_kept_is_answered_server_failure),
		cmocka_unit_test(a_restart_keeps_names_and_versions_rise),
		cmocka_unit_test(refreshes_of_both_numbers_are_registrations),
		cmocka_unit_test(queries_answer_groups_and_domains_as_windows_does),
		cmocka_unit_test(a_randomized_domain_list_turns_behind_its_master),
		cmocka_unit_test(what_is_not_for_a_name_server_is_dropped_and_counted),
		cmocka_unit_test(names_that_are_not_refreshed_are_released_tombstoned_deleted),
		cmocka_unit_test(scavenging_goes_in_slices_and_spares_statics),
		cmocka_unit_test(explaining_changes_nothing),
		cmocka_unit_test(an_administrator_adds_tombstones_and_deletes),
		cmocka_unit_test(what_a_policy_refuses_is_counted_apart_from_conflicts),
		cmocka_unit_test(the_burst_ladder_climbs_by_hundreds_and_begins_again),
		cmocka_unit_test(intervals_out_of_bounds_are_moved_and_told),
		cmocka_unit_test(a_reload_leaves_the_scavenger_its_slice),
		cmocka_unit_test(what_did_not_fit_into_the_batch_is_scavenged_and_counted_once),
		cmocka_unit_test(scavenging_rests_a_second_after_a_commit_that_failed),
		cmocka_unit_test(names_of_the_own_node_join_and_are_defended),
		cmocka_unit_test(an_address_gets_so_many_names_and_no_more),
		cmocka_unit_test(a_sender_is_counted_whatever_addresses_it_names),
		cmocka_unit_test(the_last_tenth_is_for_those_with_few_names),
		cmocka_unit_test(
		    a_full_server_takes_names_from_who_has_most_but_not_what_was_refreshed),
	};

	return cmocka_run_group_tests_name("wins_wins", tests, NULL, NULL);
}
