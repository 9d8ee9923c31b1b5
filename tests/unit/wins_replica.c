/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What partners bring: every action of a verdict has its effect and no other, challenges end in order
 * and count for their pull, nothing counts before it is durable; and what replication asks for beside.
 */
#include "wins_net.h"

#define HOLDER  HOST(10)
#define OTHER   HOST(20)
#define PARTNER IP4(198, 51, 100, 1)
#define THIRD   IP4(198, 51, 100, 2)
#define PULL    7

/* ---- what comes from a partner ---- */

static struct rec
replica_at(struct ip4 owner, uint64_t version, const char *name, struct ip4 ip)
{
	struct rec r;

	memset(&r, 0, sizeof(r));
	r.key = net_key(name);
	r.node = 3;
	r.owner = owner;
	r.version.v = version;
	r.naddr = 1;
	r.addr[0] = (struct rec_addr){ .ip = ip, .owner = owner };
	return r;
}

static struct rec
replica(uint64_t version, const char *name, struct ip4 ip)
{
	return replica_at(PARTNER, version, name, ip);
}

static struct rec
tombstone(uint64_t version, const char *name, struct ip4 ip)
{
	struct rec r = replica(version, name, ip);

	r.state = REC_TOMBSTONE;
	return r;
}

/* A special group with n members of the partner's from first on. */
static struct rec
special(uint64_t version, const char *name, unsigned first, unsigned n)
{
	struct rec r = replica(version, name, HOST(0));

	r.type = REC_SPECIAL;
	r.naddr = (uint8_t)n;
	for (unsigned i = 0; i < n; i++)
		r.addr[i] = (struct rec_addr){ .ip = { 0x0a000000 + first + i }, .owner = PARTNER };
	return r;
}

static int
give(struct net *n, const struct rec *r)
{
	return wins_replica(n->w, r, PULL, n->mnow, n->now);
}

/* Given, and durable. */
static void
gives(struct net *n, struct rec r)
{
	assert_int_equal(give(n, &r), 0);
	assert_int_equal(wins_commit(n->w, n->now), 0);
}

static struct rec
record(struct net *n, const char *name)
{
	struct nb_key key = net_key(name);
	struct rec r;

	memset(&r, 0, sizeof(r));
	assert_true(store_get(n->store, &key, &r));
	return r;
}

static bool
there(struct net *n, const char *name)
{
	struct nb_key key = net_key(name);
	struct rec r;

	return store_get(n->store, &key, &r);
}

static void
assert_record(struct net *n, const char *name, struct ip4 owner, struct ip4 ip)
{
	struct rec r = record(n, name);

	assert_int_equal(r.owner.v, owner.v);
	assert_true(r.naddr > 0);
	assert_int_equal(r.addr[0].ip.v, ip.v);
}

static void
assert_pull(struct net *n, size_t open, bool failed)
{
	struct wins_pull p = wins_pull(n->w, PULL);

	assert_int_equal(p.open, open);
	assert_int_equal(p.failed, failed);
}

static int
no_space(struct vfs *v, struct vfs_file *f, const void *buf, size_t len, uint64_t off)
{
	return NBT_ENOSPC;
}

static void
commit_fails(struct net *n)
{
	int (*real)(struct vfs *, struct vfs_file *, const void *, size_t, uint64_t);

	real = n->vfs->pwrite;
	n->vfs->pwrite = no_space;
	assert_int_equal(wins_commit(n->w, n->now), NBT_ENOSPC);
	n->vfs->pwrite = real;
}

/* HOLDER has PC<20> here; a partner's PC<20> at OTHER came with PULL. Returns the question. */
static struct nb_msg
contested(struct net *n)
{
	struct rec r = replica(40, "PC<20>", OTHER);

	net_init(n);
	net_registers(n, NB_OP_REGISTER, "PC<20>", 0, HOLDER);
	assert_int_equal(give(n, &r), 0);
	assert_pull(n, 1, false);
	return net_expect(n, NB_QUERY_REQ, 0, HOLDER);
}

/* Nobody answers: 0.5 + 1 + 2 s. */
static void
silence(struct net *n)
{
	for (int i = 0; i < 3; i++) {
		net_pass_ms(n, 500 << i);
		if (i < 2)
			(void)net_expect(n, NB_QUERY_REQ, 0, HOLDER);
	}
}

/* No question is open: nobody is to be woken before a record is due. */
static void
assert_nothing_waits(struct net *n)
{
	assert_true(wins_next(n->w, n->mnow, n->now).ns > mono_add_ms(n->mnow, 3600000).ns);
}

/* ---- actions ---- */

static void
a_new_record_is_taken_with_the_commit(void **state)
{
	struct rec r = replica(40, "PC<20>", OTHER);
	struct nb_msg m;
	struct net n;

	net_init(&n);
	assert_int_equal(give(&n, &r), 0);
	assert_int_equal(net_query(&n, "PC<20>", &m), -1);
	net_silent(&n);
	assert_int_equal(net_query(&n, "PC<20>", &m), 1);
	assert_int_equal(m.addr[0].ip.v, OTHER.v);
	assert_record(&n, "PC<20>", PARTNER, OTHER);
	assert_int_equal(record(&n, "PC<20>").version.v, 40);
	assert_int_equal(store_next_version(n.store).v, 1); /* theirs is not from our counter */
	assert_pull(&n, 0, false);
	assert_int_equal(wins_take_push(n.w), 0);
	assert_int_equal(net_count(&n, WS_REPLICAS), 1);
	assert_int_equal(net_count(&n, WS_REPLICAS_WRITTEN), 1);
	net_down(&n);
	net_up(&n);
	assert_record(&n, "PC<20>", PARTNER, OTHER);
	net_end(&n);
}

static void
a_kept_record_stays_as_it_is(void **state)
{
	struct rec before, after;
	struct net n;

	net_init(&n);
	gives(&n, replica_at(THIRD, 3, "PC<20>", HOLDER));
	before = record(&n, "PC<20>");
	gives(&n, tombstone(40, "PC<20>", OTHER));
	after = record(&n, "PC<20>");
	assert_memory_equal(&before, &after, sizeof(before));
	assert_int_equal(net_count(&n, WS_REPLICAS), 2);
	assert_int_equal(net_count(&n, WS_REPLICAS_WRITTEN), 1);
	assert_int_equal(wins_take_push(n.w), 0);
	net_end(&n);
}

static void
a_living_own_record_answers_a_tombstone_with_a_new_version_that_is_pushed(void **state)
{
	struct net n;

	net_init(&n);
	net_registers(&n, NB_OP_REGISTER, "PC<20>", 0, HOLDER);
	assert_int_equal(record(&n, "PC<20>").version.v, 1);
	gives(&n, tombstone(40, "PC<20>", OTHER));
	assert_record(&n, "PC<20>", OWNER_SELF, HOLDER);
	assert_int_equal(record(&n, "PC<20>").version.v, 2);
	assert_int_equal(wins_take_push(n.w), WINS_PUSH_PROPAGATE);
	assert_int_equal(wins_take_push(n.w), 0); /* taken */
	net_end(&n);
}

static void
a_static_record_that_kept_a_replica_out_is_told(void **state)
{
	struct rec r;
	struct net n;

	net_init(&n);
	r = replica(0, "PC<20>", HOLDER);
	r.owner = r.addr[0].owner = OWNER_SELF;
	r.is_static = true;
	assert_int_equal(wins_admin_add(n.w, &r, 0, n.now), 0);
	gives(&n, replica(40, "PC<20>", OTHER));
	assert_record(&n, "PC<20>", OWNER_SELF, HOLDER);
	assert_true(net_told(&n, EV_REPLICA_CLASH_W_STATIC));
	assert_int_equal(n.events[n.nevents - 1].other.v, PARTNER.v);
	net_end(&n);
}

static void
a_state_that_is_never_replicated_is_told_and_left_out(void **state)
{
	struct rec r;
	struct net n;

	net_init(&n);
	r = replica(40, "PC<20>", OTHER);
	r.state = REC_RELEASED;
	gives(&n, r);
	assert_false(there(&n, "PC<20>"));
	assert_true(net_told(&n, EV_RPL_STATE_ERR));
	net_end(&n);
}

/* ---- release demands ---- */

/* A group takes the place of HOLDER's unique name: HOLDER is to be told. */
static struct rec
displacing(void)
{
	struct rec r = replica(40, "PC<20>", OTHER);

	r.type = REC_GROUP;
	r.naddr = 0;
	return r;
}

static struct nb_msg
expect_demand(struct net *n)
{
	struct nb_msg m = net_expect(n, NB_RELEASE_REQ, 0, HOLDER);

	assert_int_equal(nb_opcode(&m), NB_OP_RELEASE);
	assert_int_equal(m.flags & (NB_F_B | NB_F_R), 0);
	assert_int_equal(m.naddr, 1);
	assert_int_equal(m.addr[0].ip.v, HOLDER.v);
	assert_int_equal(m.addr[0].flags, 0x6000);
	return m;
}

static void
a_displaced_host_is_told_to_give_its_name_up_until_it_answers(void **state)
{
	struct wins_path path;
	struct nb_msg m, again;
	struct rec r = displacing();
	struct net n;

	net_init(&n);
	net_registers(&n, NB_OP_REGISTER, "PC<20>", 0x6000, HOLDER);
	assert_int_equal(give(&n, &r), 0);
	assert_null(wins_out(n.w)); /* not before the commit */
	assert_int_equal(wins_commit(n.w, n.now), 0);
	assert_true(net_out(&n, &m, &path));
	assert_int_equal(path.port, 137);
	assert_int_equal(path.local.v, SERVER.v);
	assert_int_equal(path.socket, 0);
	assert_null(wins_out(n.w));
	assert_true(net_told(&n, EV_RELEASE_DEMANDED));
	assert_int_equal(n.events[n.nevents - 1].peer.v, HOLDER.v);
	assert_int_equal(n.events[n.nevents - 1].other.v, PARTNER.v);

	net_pass_ms(&n, 499);
	net_silent(&n);
	net_pass_ms(&n, 1);
	again = expect_demand(&n);
	assert_int_equal(again.id, m.id);
	/* any answer will do: what it says is all one */
	again.kind = NB_RELEASE_RESP;
	again.flags = 0xb406;
	net_send(&n, &again, HOLDER, 137);
	assert_nothing_waits(&n);
	net_end(&n);
}

static void
a_displaced_host_that_is_silent_is_told_three_times(void **state)
{
	struct rec r = displacing();
	struct net n;

	net_init(&n);
	net_registers(&n, NB_OP_REGISTER, "PC<20>", 0x6000, HOLDER);
	assert_int_equal(give(&n, &r), 0);
	(void)expect_demand(&n);
	net_pass_ms(&n, 500);
	(void)expect_demand(&n);
	net_pass_ms(&n, 1000);
	(void)expect_demand(&n);
	net_pass_ms(&n, 2000);
	net_silent(&n);
	assert_nothing_waits(&n);
	assert_int_equal(net_count(&n, WS_RELEASE_DEMANDS), 1);
	net_end(&n);
}

static void
nobody_is_told_to_give_up_a_name_that_could_not_be_taken(void **state)
{
	struct rec r = displacing();
	struct net n;

	net_init(&n);
	net_registers(&n, NB_OP_REGISTER, "PC<20>", 0x6000, HOLDER);
	assert_int_equal(give(&n, &r), 0);
	commit_fails(&n);
	assert_null(wins_out(n.w));
	net_pass_ms(&n, 5000);
	net_silent(&n);
	assert_record(&n, "PC<20>", OWNER_SELF, HOLDER);
	net_end(&n);
}

static void
no_more_demands_are_open_than_the_bound(void **state)
{
	struct rec r;
	char name[20];
	struct net n;
	unsigned told = 0;

	net_init(&n);
	for (unsigned i = 0; i < 257; i++) {
		snprintf(name, sizeof(name), "PC%u<20>", i);
		net_registers(&n, NB_OP_REGISTER, name, 0, HOLDER);
	}
	for (unsigned i = 0; i < 257; i++) {
		snprintf(name, sizeof(name), "PC%u<20>", i);
		r = displacing();
		r.key = net_key(name);
		assert_int_equal(give(&n, &r), 0);
	}
	assert_int_equal(wins_commit(n.w, n.now), 0);
	while (wins_out(n.w))
		told++;
	assert_int_equal(told, 256);
	assert_int_equal(record(&n, "PC256<20>").type, REC_GROUP); /* taken all the same */
	assert_int_equal(net_count(&n, WS_OVERLOAD), 1);
	net_end(&n);
}

/* ---- challenges ---- */

static void
silence_gives_the_name_to_the_replica_and_counts_once_it_is_durable(void **state)
{
	struct wins_path path;
	struct nb_msg m;
	struct net n;
	struct rec r = replica(40, "PC<20>", OTHER);

	net_init(&n);
	net_registers(&n, NB_OP_REGISTER, "PC<20>", 0, HOLDER);
	assert_int_equal(give(&n, &r), 0);
	assert_int_equal(wins_commit(n.w, n.now), 0);
	assert_true(net_out(&n, &m, &path));
	assert_int_equal(m.kind, NB_QUERY_REQ);
	assert_int_equal(path.local.v, SERVER.v);
	assert_int_equal(path.port, 137);
	assert_int_equal(path.socket, 0);
	assert_null(wins_out(n.w));
	silence(&n);
	assert_pull(&n, 1, false); /* decided, not durable */
	assert_record(&n, "PC<20>", OWNER_SELF, HOLDER);
	net_silent(&n);
	assert_pull(&n, 0, false);
	assert_record(&n, "PC<20>", PARTNER, OTHER);
	assert_int_equal(net_count(&n, WS_REPLICAS_CHALLENGED), 1);
	assert_int_equal(net_count(&n, WS_REPLICAS), 1);
	net_end(&n);
}

static void
a_living_holder_keeps_its_name(void **state)
{
	struct net n;
	struct nb_msg probe = contested(&n);

	net_node_answers(&n, &probe, HOLDER, 1, &HOLDER);
	net_silent(&n);
	assert_pull(&n, 0, false);
	assert_record(&n, "PC<20>", OWNER_SELF, HOLDER);
	assert_int_equal(record(&n, "PC<20>").version.v, 1);
	assert_true(net_told(&n, EV_NAME_AT_TWO_SERVERS));
	net_end(&n);
}

static void
a_host_with_both_addresses_becomes_multihomed(void **state)
{
	const struct ip4 both[] = { HOLDER, OTHER };
	struct net n;
	struct nb_msg probe = contested(&n);
	struct rec r;

	net_node_answers(&n, &probe, HOLDER, 2, both);
	net_silent(&n);
	r = record(&n, "PC<20>");
	assert_int_equal(r.type, REC_MULTIHOMED);
	assert_int_equal(r.owner.v, PARTNER.v);
	assert_int_equal(r.naddr, 2);
	net_end(&n);
}

/* "Late release" (3.9.4): it has the replica's address, and ours no more. */
static void
a_host_that_moved_keeps_its_name_and_is_told_to_release_it(void **state)
{
	struct net n;
	struct nb_msg probe = contested(&n), m;

	net_node_answers(&n, &probe, HOLDER, 1, &OTHER);
	m = net_expect(&n, NB_RELEASE_REQ, 0, OTHER);
	assert_int_equal(m.addr[0].ip.v, OTHER.v);
	assert_record(&n, "PC<20>", OWNER_SELF, HOLDER);
	assert_pull(&n, 0, false);
	net_end(&n);
}

static void
an_end_that_is_not_durable_fails_its_pull_and_changes_nothing(void **state)
{
	struct net n;

	(void)contested(&n);
	silence(&n);
	assert_int_equal(
	    store_known_set(n.store, PARTNER, (struct version){ 40 }), 0); /* as a pull would */
	commit_fails(&n);
	assert_pull(&n, 0, true);
	assert_record(&n, "PC<20>", OWNER_SELF, HOLDER);
	assert_int_equal(store_known(n.store, PARTNER).v, 0);
	net_silent(&n);
	assert_pull(&n, 0, true); /* until it is forgotten */
	wins_pull_forget(n.w, PULL);
	assert_pull(&n, 0, false);
	net_end(&n);
}

static void
a_pull_that_is_forgotten_has_its_challenges_end_all_the_same(void **state)
{
	struct net n;

	(void)contested(&n);
	wins_pull_forget(n.w, PULL);
	assert_pull(&n, 0, false);
	silence(&n);
	net_silent(&n);
	assert_record(&n, "PC<20>", PARTNER, OTHER);
	assert_pull(&n, 0, false);
	net_end(&n);
}

static void
pulls_are_counted_apart_and_0_is_none(void **state)
{
	struct rec a = replica(40, "A<20>", OTHER), b = replica(41, "B<20>", OTHER),
		   c = replica(42, "C<20>", OTHER);
	struct net n;

	net_init(&n);
	net_registers(&n, NB_OP_REGISTER, "A<20>", 0, HOLDER);
	net_registers(&n, NB_OP_REGISTER, "B<20>", 0, HOLDER);
	net_registers(&n, NB_OP_REGISTER, "C<20>", 0, HOLDER);
	assert_int_equal(wins_replica(n.w, &a, 1, n.mnow, n.now), 0);
	assert_int_equal(wins_replica(n.w, &b, 2, n.mnow, n.now), 0);
	assert_int_equal(wins_replica(n.w, &c, 0, n.mnow, n.now), 0);
	assert_int_equal(wins_pull(n.w, 1).open, 1);
	assert_int_equal(wins_pull(n.w, 2).open, 1);
	assert_int_equal(wins_pull(n.w, 0).open, 0);
	assert_int_equal(wins_open_challenges(n.w), 3);
	for (int i = 0; i < 3; i++)
		net_pass_ms(&n, 500 << i);
	assert_int_equal(wins_commit(n.w, n.now), 0);
	assert_int_equal(wins_pull(n.w, 1).open, 0);
	assert_int_equal(wins_pull(n.w, 2).open, 0);
	assert_record(&n, "C<20>", PARTNER, OTHER);
	net_end(&n);
}

/* The owner has tombstoned the name while its older version waits: the older one must not win. */
static void
replicas_of_a_name_are_judged_in_the_order_they_came(void **state)
{
	struct rec dead = tombstone(41, "PC<20>", OTHER);
	struct net n;

	(void)contested(&n);
	assert_int_equal(give(&n, &dead), 0);
	assert_pull(&n, 2, false);
	assert_int_equal(wins_open_challenges(n.w), 1);
	silence(&n);
	net_silent(&n);
	assert_pull(&n, 0, false);
	assert_int_equal(record(&n, "PC<20>").state, REC_TOMBSTONE);
	assert_int_equal(record(&n, "PC<20>").version.v, 41);
	net_end(&n);
}

static void
a_claim_behind_a_replica_is_judged_by_what_became_of_it(void **state)
{
	struct net n;
	struct nb_msg probe = contested(&n);

	net_ask(&n, NB_OP_REGISTER, 5, "PC<20>", 0, HOST(30));
	(void)net_expect(&n, NB_WACK, 0, HOST(30)); /* no second question */
	assert_int_equal(wins_open_challenges(n.w), 1);
	net_node_answers(&n, &probe, HOLDER, 1, &HOLDER);
	assert_int_equal(net_expect(&n, NB_REGISTER_RESP, NB_RC_ACT, HOST(30)).id, 5);
	assert_record(&n, "PC<20>", OWNER_SELF, HOLDER);
	net_end(&n);
}

static void
a_claim_behind_a_replica_that_won_starts_again(void **state)
{
	struct net n;
	struct nb_msg probe = contested(&n);

	net_ask(&n, NB_OP_REGISTER, 5, "PC<20>", 0, HOST(30));
	(void)net_expect(&n, NB_WACK, 0, HOST(30));
	net_node_answers(&n, &probe, HOLDER, 0, NULL);
	/* the name is the partner's now, whose host is asked */
	probe = net_expect_challenge(&n, HOST(30), OTHER);
	assert_pull(&n, 0, false);
	net_node_answers(&n, &probe, OTHER, 0, NULL);
	(void)net_expect(&n, NB_REGISTER_RESP, NB_RC_OK, HOST(30));
	assert_record(&n, "PC<20>", OWNER_SELF, HOST(30));
	net_end(&n);
}

static void
a_replica_behind_a_claim_that_won_stays_out(void **state)
{
	struct rec r = replica(40, "PC<20>", OTHER);
	struct nb_msg probe;
	struct net n;

	net_init(&n);
	net_registers(&n, NB_OP_REGISTER, "PC<20>", 0, HOLDER);
	net_ask(&n, NB_OP_REGISTER, 5, "PC<20>", 0, HOST(30));
	probe = net_expect_challenge(&n, HOST(30), HOLDER);
	assert_int_equal(give(&n, &r), 0);
	net_silent(&n); /* no second question */
	net_node_answers(&n, &probe, HOLDER, 0, NULL);
	(void)net_expect(&n, NB_REGISTER_RESP, NB_RC_OK, HOST(30));
	assert_record(&n, "PC<20>", OWNER_SELF, HOST(30));
	assert_pull(&n, 0, false);
	net_end(&n);
}

static void
what_moved_meanwhile_is_read_again_at_the_end(void **state)
{
	struct nb_key key = net_key("PC<20>");
	struct net n;

	/* released: the replica has it */
	(void)contested(&n);
	net_ask(&n, NB_OP_RELEASE, 8, "PC<20>", 0, HOLDER);
	(void)net_expect(&n, NB_RELEASE_RESP, NB_RC_OK, HOLDER);
	silence(&n);
	net_silent(&n);
	assert_record(&n, "PC<20>", PARTNER, OTHER);
	net_end(&n);

	/* deleted: likewise */
	(void)contested(&n);
	assert_int_equal(wins_admin_delete(n.w, &key, 0, n.now), 0);
	silence(&n);
	net_silent(&n);
	assert_record(&n, "PC<20>", PARTNER, OTHER);
	net_end(&n);

	/* another has it, who was not asked: it stays */
	(void)contested(&n);
	net_ask(&n, NB_OP_RELEASE, 8, "PC<20>", 0, HOLDER);
	(void)net_expect(&n, NB_RELEASE_RESP, NB_RC_OK, HOLDER);
	net_registers(&n, NB_OP_REGISTER, "PC<20>", 0, HOST(30));
	silence(&n);
	net_silent(&n);
	assert_record(&n, "PC<20>", OWNER_SELF, HOST(30));
	assert_pull(&n, 0, false);
	net_end(&n);

	/* a newer version of the partner's came by another way: it stays */
	(void)contested(&n);
	net_ask(&n, NB_OP_RELEASE, 8, "PC<20>", 0, HOLDER);
	(void)net_expect(&n, NB_RELEASE_RESP, NB_RC_OK, HOLDER);
	gives(&n, tombstone(50, "OTHER<20>", OTHER)); /* others go their way meanwhile */
	assert_true(there(&n, "OTHER<20>"));
	silence(&n);
	net_silent(&n);
	assert_record(&n, "PC<20>", PARTNER, OTHER);
	net_end(&n);
}

static void
replicas_leave_half_of_the_table_to_claims(void **state)
{
	struct rec r;
	char name[20];
	struct net n;

	net_init(&n);
	n.conf.challenges_max = 3;
	assert_int_equal(wins_reconf(n.w, &n.conf, n.now), 0);
	for (unsigned i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "PC%u<20>", i);
		net_registers(&n, NB_OP_REGISTER, name, 0, HOLDER);
	}
	for (unsigned i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "PC%u<20>", i);
		r = replica(40 + i, name, OTHER);
		assert_int_equal(give(&n, &r), i < 2 ? 0 : NBT_EBUSY);
	}
	assert_pull(&n, 2, false);
	assert_int_equal(wins_commit(n.w, n.now), 0);
	while (wins_out(n.w))
		;
	net_ask(&n, NB_OP_REGISTER, 5, "PC3<20>", 0, OTHER);
	(void)net_expect_challenge(&n, OTHER, HOLDER);
	/* what needs no challenge is not held up, and there is room again after the end */
	gives(&n, replica(50, "NEW<20>", OTHER));
	for (int i = 0; i < 3; i++)
		net_pass_ms(&n, 500 << i);
	assert_int_equal(wins_commit(n.w, n.now), 0);
	assert_int_equal(give(&n, &r), 0);
	assert_pull(&n, 1, false);
	net_end(&n);
}

static void
a_queue_of_replicas_is_bounded(void **state)
{
	struct rec r;
	struct net n;
	int err = 0;
	unsigned i;

	(void)contested(&n);
	for (i = 1; !err && i < 100; i++) {
		r = tombstone(40 + i, "PC<20>", OTHER);
		err = give(&n, &r);
	}
	assert_int_equal(err, NBT_EBUSY);
	assert_pull(&n, 32, false);
	assert_int_equal(i, 33);
	net_end(&n); /* those that wait go with the engine */
}

/* ---- bounds ---- */

static void
a_full_batch_and_a_full_server_are_said_and_nothing_is_lost(void **state)
{
	struct rec r;
	char name[20];
	struct net n;
	unsigned i = 0;
	int err;

	net_init(&n);
	do {
		snprintf(name, sizeof(name), "PC%u<20>", i);
		r = replica(++i, name, OTHER);
		err = give(&n, &r);
	} while (!err);
	assert_int_equal(err, NBT_ELIMIT);
	net_silent(&n);
	assert_int_equal(give(&n, &r), 0);
	net_silent(&n);
	assert_int_equal(store_records(n.store), i);

	n.conf.names_max = i;
	assert_int_equal(wins_reconf(n.w, &n.conf, n.now), 0);
	r = replica(i + 1, "ONEMORE<20>", OTHER);
	assert_int_equal(give(&n, &r), NBT_EFULL);
	assert_int_equal(store_staged(n.store), 0);
	gives(&n, replica(i + 2, "PC0<20>", HOLDER)); /* no new name */
	assert_record(&n, "PC0<20>", PARTNER, HOLDER);
	net_end(&n);
}

static void
a_merge_holds_25_members_and_no_more(void **state)
{
	struct net n;

	net_init(&n);
	gives(&n, special(1, "DOM<1C>", 1, 25));
	assert_int_equal(record(&n, "DOM<1C>").naddr, 25);
	net_end(&n);

	net_init(&n);
	for (unsigned i = 0; i < 24; i++)
		net_registers(&n, NB_OP_REGISTER, "DOM<1C>", NB_G, HOST(100 + i));
	gives(&n, special(1, "DOM<1C>", 1, 1));
	assert_int_equal(record(&n, "DOM<1C>").naddr, 25);
	assert_int_equal(record(&n, "DOM<1C>").owner.v, OWNER_SELF.v);
	gives(&n, special(2, "DOM<1C>", 1, 2));
	assert_int_equal(record(&n, "DOM<1C>").naddr, 25);
	net_end(&n);
}

/* PARTNER lists its own and ours; a member of THIRD it cannot know from anybody but us. */
static void
a_member_of_a_server_that_tells_us_itself_is_told_to_who_lacks_it(void **state)
{
	const struct ip4 near[] = { OTHER, THIRD };
	struct rec r = special(1, "DOM<1C>", 1, 2);
	uint64_t before;
	struct net n;

	net_init(&n);
	net_registers(&n, NB_OP_REGISTER, "DOM<1C>", NB_G, HOST(100));
	r.owner = r.addr[0].owner = r.addr[1].owner = THIRD;
	gives(&n, r);
	r = special(1, "DOM<1C>", 11, 2);
	r.addr[1] = (struct rec_addr){ .ip = HOST(100), .owner = OWNER_SELF };
	gives(&n, r);
	before = record(&n, "DOM<1C>").version.v;
	r.version.v++;
	gives(&n, r); /* whether it is alive is not known here */
	assert_int_equal(record(&n, "DOM<1C>").version.v, before);
	wins_near(n.w, near, 2);
	r.version.v++;
	gives(&n, r);
	assert_true(record(&n, "DOM<1C>").version.v > before);
	assert_int_equal(record(&n, "DOM<1C>").naddr, 4);
	before = record(&n, "DOM<1C>").version.v;
	wins_near(n.w, near, 1);
	r.version.v++;
	gives(&n, r);
	assert_int_equal(record(&n, "DOM<1C>").version.v, before);
	net_end(&n);
}

/* ---- the version counter ---- */

static void
while_paused_nothing_is_promised_and_queries_go_on(void **state)
{
	struct nb_msg m;
	struct net n;

	net_init(&n);
	net_registers(&n, NB_OP_REGISTER, "PC<20>", 0, HOLDER);
	wins_pause(n.w, true);
	assert_true(wins_paused(n.w));
	net_ask(&n, NB_OP_REGISTER, 5, "NEW<20>", 0, HOLDER);
	net_ask(&n, NB_OP_REFRESH, 6, "PC<20>", 0, HOLDER);
	net_ask(&n, NB_OP_RELEASE, 7, "PC<20>", 0, HOLDER);
	net_silent(&n);
	assert_int_equal(net_count(&n, WS_PAUSED), 3);
	assert_int_equal(net_query(&n, "PC<20>", &m), 1);
	assert_int_equal(net_query(&n, "NEW<20>", &m), -1);
	gives(&n, replica(40, "THEIRS<20>", OTHER));
	assert_true(there(&n, "THEIRS<20>"));
	/* nor does time hand versions out, and nobody is woken for it */
	net_pass_ms(&n, 20 * 86400 * INT64_C(1000));
	net_silent(&n);
	assert_int_equal(record(&n, "PC<20>").state, REC_ACTIVE);
	assert_int_equal(wins_next(n.w, n.mnow, n.now).ns, MONO_NEVER.ns);
	assert_int_equal(store_next_version(n.store).v, 2);

	wins_pause(n.w, false);
	assert_int_equal(wins_next(n.w, n.mnow, n.now).ns, n.mnow.ns);
	net_registers(&n, NB_OP_REGISTER, "NEW<20>", 0, HOLDER);
	net_end(&n);
}

static void
a_claim_that_waits_when_the_pause_begins_is_dropped(void **state)
{
	struct nb_msg probe;
	struct net n;

	net_init(&n);
	net_registers(&n, NB_OP_REGISTER, "PC<20>", 0, HOLDER);
	net_ask(&n, NB_OP_REGISTER, 5, "PC<20>", 0, OTHER);
	probe = net_expect_challenge(&n, OTHER, HOLDER);
	wins_pause(n.w, true);
	net_node_answers(&n, &probe, HOLDER, 0, NULL);
	net_silent(&n);
	assert_record(&n, "PC<20>", OWNER_SELF, HOLDER);
	wins_pause(n.w, false);
	net_ask(&n, NB_OP_REGISTER, 5, "PC<20>", 0, OTHER);
	(void)net_expect_challenge(&n, OTHER, HOLDER);
	net_end(&n);
}

static void
an_own_record_that_comes_back_lifts_the_counter_for_good(void **state)
{
	struct rec r;
	struct net n;

	net_init(&n);
	r = replica_at(OWNER_SELF, 900, "PC<20>", HOLDER);
	assert_int_equal(wins_returned(n.w, &r, n.now), 0);
	net_silent(&n);
	assert_record(&n, "PC<20>", OWNER_SELF, HOLDER);
	assert_int_equal(record(&n, "PC<20>").version.v, 900);
	assert_int_equal(store_next_version(n.store).v, 901);
	net_down(&n);
	net_up(&n);
	assert_int_equal(store_next_version(n.store).v, 901);
	net_end(&n);
}

static void
own_records_get_versions_above_what_partners_know(void **state)
{
	struct rec r;
	char name[20];
	struct net n;
	bool more = true;
	unsigned calls = 0;

	net_init(&n);
	gives(&n, replica(3, "THEIRS<20>", OTHER));
	for (unsigned i = 0; i < 25; i++) {
		snprintf(name, sizeof(name), "PC%02u<20>", i);
		net_registers(&n, NB_OP_REGISTER, name, 0, HOLDER);
	}
	assert_int_equal(wins_renumber(n.w, (struct version){ UINT64_MAX }, &more), NBT_EINVAL);
	for (; more; calls++) {
		assert_int_equal(wins_renumber(n.w, (struct version){ 20 }, &more), 0);
		net_silent(&n);
	}
	assert_int_equal(calls, 3);         /* two slices of 10, one that is empty */
	for (unsigned i = 0; i < 25; i++) { /* in their order, above all there were */
		snprintf(name, sizeof(name), "PC%02u<20>", i);
		r = record(&n, name);
		assert_int_equal(r.version.v, i < 20 ? 26 + i : i + 1);
		assert_int_equal(r.state, REC_ACTIVE);
	}
	assert_int_equal(record(&n, "THEIRS<20>").version.v, 3);
	assert_int_equal(store_next_version(n.store).v, 46);

	/* the counter behind what partners know: above that */
	assert_int_equal(wins_renumber(n.w, (struct version){ 1000 }, &more), 0);
	net_silent(&n);
	assert_true(record(&n, "PC20<20>").version.v > 1000);
	net_end(&n);
}

static void
renumbering_leaves_what_the_batch_changed(void **state)
{
	struct net n;
	bool more;

	net_init(&n);
	net_registers(&n, NB_OP_REGISTER, "A<20>", 0, HOLDER);
	net_registers(&n, NB_OP_REGISTER, "B<20>", 0, HOLDER);
	net_ask(&n, NB_OP_RELEASE, 7, "A<20>", 0, HOLDER);
	assert_int_equal(wins_renumber(n.w, (struct version){ 2 }, &more), 0);
	assert_false(more);
	assert_int_equal(wins_commit(n.w, n.now), 0);
	assert_int_equal(record(&n, "A<20>").state, REC_RELEASED); /* not the old one again */
	assert_true(record(&n, "A<20>").version.v > 2);
	assert_true(record(&n, "B<20>").version.v > 2);
	net_end(&n);
}

/* ---- owners ---- */

static void
an_owner_is_deleted_in_slices_and_no_other(void **state)
{
	char name[20];
	struct wins_removal removal = { .owner = PARTNER };
	struct net n;
	bool more = true;
	unsigned calls = 0;
	size_t removed = 0;

	net_init(&n);
	net_registers(&n, NB_OP_REGISTER, "OURS<20>", 0, HOLDER);
	gives(&n, replica_at(THIRD, 3, "THIRDS<20>", OTHER));
	for (unsigned i = 0; i < 15; i++) {
		snprintf(name, sizeof(name), "PC%u<20>", i);
		gives(&n, replica(40 + i, name, OTHER));
	}
	/* one of them changes hands in the same batch */
	net_ask(&n, NB_OP_REGISTER, 5, "PC0<20>", 0, OTHER);
	for (; more; calls++) {
		size_t staged;

		assert_int_equal(wins_delete_owner(n.w, &removal, n.now, &staged, &more), 0);
		assert_int_equal(wins_commit(n.w, n.now), 0);
		removed += staged;
	}
	assert_int_equal(calls, 3); /* two of its own, one of ours */
	assert_int_equal(removed, 14);
	assert_int_equal(store_records(n.store), 3);
	assert_record(&n, "PC0<20>", OWNER_SELF, OTHER);
	removal.owner = OWNER_SELF;
	assert_int_equal(wins_delete_owner(n.w, &removal, n.now, &removed, &more), NBT_EINVAL);
	assert_true(there(&n, "OURS<20>"));
	net_end(&n);
}

static void
a_replica_whose_owner_has_it_no_more_goes(void **state)
{
	struct nb_key theirs = net_key("PC<20>"), ours = net_key("OURS<20>"),
		      nobodys = net_key("NONE<20>");
	struct rec found = replica(40, "PC<20>", OTHER);
	uint32_t due;
	struct net n;

	net_init(&n);
	net_registers(&n, NB_OP_REGISTER, "OURS<20>", 0, HOLDER);
	gives(&n, found);
	due = record(&n, "PC<20>").due.s;
	n.now.s += 100;
	assert_int_equal(wins_verified(n.w, &theirs, &found, n.now), 0);
	net_silent(&n);
	assert_int_equal(record(&n, "PC<20>").due.s, due + 100);
	assert_false(net_told(&n, EV_REPLICA_UNVERIFIED));

	assert_int_equal(wins_verified(n.w, &theirs, NULL, n.now), 0);
	assert_int_equal(wins_verified(n.w, &ours, NULL, n.now), 0);
	assert_int_equal(wins_verified(n.w, &nobodys, NULL, n.now), 0);
	net_silent(&n);
	assert_false(there(&n, "PC<20>"));
	assert_true(there(&n, "OURS<20>"));
	assert_true(net_told(&n, EV_REPLICA_UNVERIFIED));
	assert_int_equal(net_count(&n, WS_VERIFIED), 2);
	assert_int_equal(net_count(&n, WS_VERIFIED_REMOVED), 1);
	net_end(&n);
}

static void
owners_of_replicas_whose_time_came_are_named_once(void **state)
{
	struct ip4 owner;
	struct net n;

	net_init(&n);
	n.conf.verify_replicas = true;
	assert_int_equal(wins_reconf(n.w, &n.conf, n.now), 0);
	gives(&n, replica(40, "A<20>", OTHER));
	gives(&n, replica(41, "B<20>", OTHER));
	gives(&n, replica_at(THIRD, 3, "C<20>", OTHER));
	assert_false(wins_take_verify(n.w, &owner));
	net_pass_ms(&n, 24 * 86400 * INT64_C(1000));
	net_silent(&n);
	assert_true(wins_take_verify(n.w, &owner));
	assert_true(ip4_eq(owner, PARTNER) || ip4_eq(owner, THIRD));
	assert_true(wins_take_verify(n.w, &owner));
	assert_false(wins_take_verify(n.w, &owner));
	assert_int_equal(store_records(n.store), 3);
	net_end(&n);
}

/* 256 can wait to be asked: of 300 the rest is counted, and comes up again a day later (DUE_12). */
static void
owners_that_find_no_room_are_named_the_next_day(void **state)
{
	static bool named[300];
	struct ip4 owner;
	struct net n;

	memset(named, 0, sizeof(named));
	net_init(&n);
	n.conf.verify_replicas = true;
	assert_int_equal(wins_reconf(n.w, &n.conf, n.now), 0);
	for (unsigned i = 0; i < 300; i++) {
		char name[20];

		snprintf(name, sizeof(name), "PC%u<20>", i);
		gives(&n, replica_at((struct ip4){ 0x0b000000 + i }, 7, name, OTHER));
	}
	for (int day = 0; day < 2; day++) {
		unsigned taken = 0;

		net_pass_ms(&n, (day ? 1 : 24) * 86400 * INT64_C(1000));
		for (int slice = 0; slice < 50; slice++) {
			wins_tick(n.w, n.mnow, n.now);
			net_silent(&n);
		}
		for (; wins_take_verify(n.w, &owner); taken++)
			named[owner.v - 0x0b000000] = true;
		assert_int_equal(taken, 256);
		assert_int_equal(net_count(&n, WS_OVERLOAD), (uint64_t)(day + 1) * 44);
	}
	for (unsigned i = 0; i < 300; i++)
		assert_true(named[i]);
	net_end(&n);
}

/* ---- what is pushed ---- */

static void
a_name_at_a_new_address_is_pushed_and_nothing_less(void **state)
{
	struct net n;

	net_init(&n);
	net_registers(&n, NB_OP_REGISTER, "PC<20>", 0, HOLDER);
	assert_int_equal(wins_take_push(n.w), 0); /* new: pushed by count */
	net_registers(&n, NB_OP_REFRESH, "PC<20>", 0, HOLDER);
	assert_int_equal(wins_take_push(n.w), 0);
	net_ask(&n, NB_OP_RELEASE, 7, "PC<20>", 0, HOLDER);
	(void)net_expect(&n, NB_RELEASE_RESP, NB_RC_OK, HOLDER);
	assert_int_equal(wins_take_push(n.w), 0);
	net_registers(&n, NB_OP_REGISTER, "PC<20>", 0, HOLDER);
	assert_int_equal(wins_take_push(n.w), 0);
	net_ask(&n, NB_OP_RELEASE, 7, "PC<20>", 0, HOLDER);
	(void)net_expect(&n, NB_RELEASE_RESP, NB_RC_OK, HOLDER);
	net_registers(&n, NB_OP_REGISTER, "PC<20>", 0, OTHER);
	assert_int_equal(wins_take_push(n.w), WINS_PUSH_ADDRESS);
	assert_int_equal(wins_take_push(n.w), 0);
	gives(&n, replica(40, "THEIRS<20>", OTHER));
	gives(&n, replica(41, "THEIRS<20>", HOLDER)); /* their owner tells it */
	assert_int_equal(wins_take_push(n.w), 0);
	net_end(&n);
}

static void
one_address_of_several_that_goes_is_pushed(void **state)
{
	struct net n;

	net_init(&n);
	for (unsigned i = 0; i < 3; i++)
		net_registers(&n, NB_OP_REGISTER, "DOM<1C>", NB_G, HOST(100 + i));
	assert_int_equal(wins_take_push(n.w), WINS_PUSH_ADDRESS);
	net_ask(&n, NB_OP_RELEASE, 7, "DOM<1C>", NB_G, HOST(101));
	(void)net_expect(&n, NB_RELEASE_RESP, NB_RC_OK, HOST(101));
	assert_int_equal(wins_take_push(n.w), WINS_PUSH_ADDRESS);
	net_registers(&n, NB_OP_REFRESH, "DOM<1C>", NB_G, HOST(100));
	assert_int_equal(wins_take_push(n.w), 0);
	net_end(&n);
}

static void
a_domain_that_dies_here_is_told_on_at_once(void **state)
{
	struct net n;

	net_init(&n);
	net_registers(&n, NB_OP_REGISTER, "DOM<1C>", NB_G, HOLDER);
	net_registers(&n, NB_OP_REGISTER, "PC<20>", 0, HOLDER);
	net_ask(&n, NB_OP_RELEASE, 7, "PC<20>", 0, HOLDER);
	(void)net_expect(&n, NB_RELEASE_RESP, NB_RC_OK, HOLDER);
	net_pass_ms(&n, 6 * 86400 * INT64_C(1000)); /* DOM is released, PC a tombstone */
	net_silent(&n);
	assert_int_equal(record(&n, "DOM<1C>").state, REC_RELEASED);
	assert_int_equal(record(&n, "PC<20>").state, REC_TOMBSTONE);
	assert_int_equal(wins_take_push(n.w), 0);
	net_pass_ms(&n, 6 * 86400 * INT64_C(1000));
	net_silent(&n);
	assert_int_equal(record(&n, "DOM<1C>").state, REC_TOMBSTONE);
	assert_int_equal(wins_take_push(n.w), WINS_PUSH_PROPAGATE);
	net_end(&n);
}

static void
replicas_leave_this_servers_names_their_share(void **state)
{
	char name[16];
	struct net n;

	(void)state;
	net_init(&n);
	n.conf.names_max = 100;
	n.conf.names_local_share = 10;
	assert_int_equal(wins_reconf(n.w, &n.conf, n.now), 0);
	for (unsigned i = 0; i < 91; i++) {
		struct rec r;

		snprintf(name, sizeof(name), "R%u<20>", i);
		r = replica(i + 1, name, OTHER);
		assert_int_equal(give(&n, &r), i < 90 ? 0 : NBT_EFULL); /* in one batch */
	}
	assert_int_equal(wins_commit(n.w, n.now), 0);
	for (unsigned i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "L%u<20>", i);
		net_registers(&n, NB_OP_REGISTER, name, 0, HOLDER);
	}
	assert_int_equal(store_records(n.store), 100);
	assert_int_equal(store_held(n.store).others, 90);
	net_end(&n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_record_is_taken_with_the_commit),
		cmocka_unit_test(a_kept_record_stays_as_it_is),
		cmocka_unit_test(
		    a_living_own_record_answers_a_tombstone_with_a_new_version_that_is_pushed),
		cmocka_unit_test(a_static_record_that_kept_a_replica_out_is_told),
		cmocka_unit_test(a_state_that_is_never_replicated_is_told_and_left_out),
		cmocka_unit_test(a_displaced_host_is_told_to_give_its_name_up_until_it_answers),
		cmocka_unit_test(a_displaced_host_that_is_silent_is_told_three_times),
		cmocka_unit_test(nobody_is_told_to_give_up_a_name_that_could_not_be_taken),
		cmocka_unit_test(no_more_demands_are_open_than_the_bound),
		cmocka_unit_test(
		    silence_gives_the_name_to_the_replica_and_counts_once_it_is_durable),
		cmocka_unit_test(a_living_holder_keeps_its_name),
		cmocka_unit_test(a_host_with_both_addresses_becomes_multihomed),
		cmocka_unit_test(a_host_that_moved_keeps_its_name_and_is_told_to_release_it),
		cmocka_unit_test(an_end_that_is_not_durable_fails_its_pull_and_changes_nothing),
		cmocka_unit_test(a_pull_that_is_forgotten_has_its_challenges_end_all_the_same),
		cmocka_unit_test(pulls_are_counted_apart_and_0_is_none),
		cmocka_unit_test(replicas_of_a_name_are_judged_in_the_order_they_came),
		cmocka_unit_test(a_claim_behind_a_replica_is_judged_by_what_became_of_it),
		cmocka_unit_test(a_claim_behind_a_replica_that_won_starts_again),
		cmocka_unit_test(a_replica_behind_a_claim_that_won_stays_out),
		cmocka_unit_test(what_moved_meanwhile_is_read_again_at_the_end),
		cmocka_unit_test(replicas_leave_half_of_the_table_to_claims),
		cmocka_unit_test(a_queue_of_replicas_is_bounded),
		cmocka_unit_test(a_full_batch_and_a_full_server_are_said_and_nothing_is_lost),
		cmocka_unit_test(a_merge_holds_25_members_and_no_more),
		cmocka_unit_test(a_member_of_a_server_that_tells_us_itself_is_told_to_who_lacks_it),
		cmocka_unit_test(while_paused_nothing_is_promised_and_queries_go_on),
		cmocka_unit_test(a_claim_that_waits_when_the_pause_begins_is_dropped),
		cmocka_unit_test(an_own_record_that_comes_back_lifts_the_counter_for_good),
		cmocka_unit_test(own_records_get_versions_above_what_partners_know),
		cmocka_unit_test(renumbering_leaves_what_the_batch_changed),
		cmocka_unit_test(an_owner_is_deleted_in_slices_and_no_other),
		cmocka_unit_test(a_replica_whose_owner_has_it_no_more_goes),
		cmocka_unit_test(owners_of_replicas_whose_time_came_are_named_once),
		cmocka_unit_test(owners_that_find_no_room_are_named_the_next_day),
		cmocka_unit_test(a_name_at_a_new_address_is_pushed_and_nothing_less),
		cmocka_unit_test(one_address_of_several_that_goes_is_pushed),
		cmocka_unit_test(a_domain_that_dies_here_is_told_on_at_once),
		cmocka_unit_test(replicas_leave_this_servers_names_their_share),
	};

	return cmocka_run_group_tests_name("wins_replica", tests, NULL, NULL);
}
