/* SPDX-License-Identifier: Apache-2.0 */
/* Pulling and answering between whole engines: maps merged, ranges, what is known and when. */
#include "repl_net.h"

static void
registered_name_appears_at_the_partner_that_pulls(void **state)
{
	struct world *w = *state;
	struct repl_stats stats;
	struct rec rec;

	world_up(w, 2);
	net_registers(&w->s[0].n, NB_OP_REGISTER, "HOSTA<20>", 0x6000, HOST(10));
	server_pull(w, 1, SITE(0));
	assert_true(server_has(w, 1, "HOSTA<20>", &rec));
	assert_int_equal(rec.owner.v, SITE(0).v);
	assert_int_equal(rec.state, REC_ACTIVE);
	assert_int_equal(rec.addr[0].ip.v, HOST(10).v);
	assert_int_equal(server_knows(w, 1, SITE(0)), 1);
	repl_stats(w->s[1].r, &stats);
	assert_int_equal(stats.records_in, 1);
	assert_int_equal(stats.written, 1);
	assert_int_equal(stats.kept, 0);
	assert_int_equal(stats.pulls, 1);
}

static void
group_has_no_address_here_and_all_ones_on_the_wire(void **state)
{
	struct world *w = *state;
	struct rec rec;

	world_up(w, 2);
	net_registers(&w->s[0].n, NB_OP_REGISTER, "OFFICE<1E>", 0x8000 | 0x6000, HOST(10));
	server_pull(w, 1, SITE(0));
	assert_true(server_has(w, 1, "OFFICE<1E>", &rec));
	assert_int_equal(rec.type, REC_GROUP);
	assert_int_equal(rec.naddr, 0);
}

static uint64_t
commits_of_a_pull(struct world *w, unsigned first, unsigned count)
{
	struct store_stats before, after;

	server_fill(w, 0, first, count, 1);
	store_stats(w->s[1].n.store, &before);
	server_pull(w, 1, SITE(0));
	store_stats(w->s[1].n.store, &after);
	assert_int_equal(after.records - before.records, count);
	return after.commits - before.commits;
}

static void
records_are_committed_by_the_4096(void **state)
{
	struct world *w = *state;

	world_up(w, 2);
	assert_int_equal(commits_of_a_pull(w, 0, 4096), 1);
	assert_int_equal(commits_of_a_pull(w, 5000, 4097), 2);
}

/* 40 names without scope and with one address are 1,760 bytes of journal: what is known of their owner
 * finds no room beside them. */
static void
range_is_known_though_its_records_fill_the_batch(void **state)
{
	struct world *w = *state;
	struct repl_stats stats;

	w->s[1].n.batch_max = 1760;
	world_up(w, 2);
	assert_int_equal(commits_of_a_pull(w, 0, 40), 2);
	assert_int_equal(server_knows(w, 1, SITE(0)), 40);
	repl_stats(w->s[1].r, &stats);
	assert_int_equal(stats.pulls, 1);
	assert_int_equal(stats.pull_failures, 0);
}

struct asked {
	struct wrepl_owner v[64];
	int to[64];
	unsigned n;
};

static void
note_requests(void *arg, const struct wrepl_msg *m, int from, int to)
{
	struct asked *a = arg;

	if (m->kind != WREPL_RECORDS_REQ)
		return;
	assert_true(a->n < 64);
	a->to[a->n] = to;
	a->v[a->n++] = m->wanted;
}

static bool
was_asked(const struct asked *a, int to, struct ip4 owner, uint64_t min, uint64_t max)
{
	for (unsigned i = 0; i < a->n; i++)
		if (a->to[i] == to && ip4_eq(a->v[i].ip, owner) && a->v[i].min == min &&
		    a->v[i].max == max)
			return true;
	return false;
}

static void
knows(struct world *w, int i, struct ip4 owner, uint64_t v)
{
	assert_int_equal(store_known_set(w->s[i].n.store, owner, (struct version){ v }), 0);
	assert_int_equal(store_commit(w->s[i].n.store), 0);
}

/* wins 3.6, RA 4.1. Server 0 is A, B to E are owners elsewhere, servers 1 and 2 the partners. */
static void
merged_maps_ask_as_in_the_worked_example(void **state)
{
	struct ip4 a = SITE(0), b = IP4(10, 1, 0, 2), c = IP4(10, 1, 0, 3), d = IP4(10, 1, 0, 4),
		   e = IP4(10, 1, 0, 5);
	struct asked asked = { 0 };
	struct world *w = *state;

	world_up(w, 3);
	store_raise_version(w->s[0].n.store, (struct version){ 1024 });
	knows(w, 0, b, 521);
	knows(w, 0, c, 643);
	knows(w, 0, d, 758);
	knows(w, 1, a, 764);
	knows(w, 1, b, 900);
	knows(w, 1, c, 326);
	knows(w, 1, d, 958);
	knows(w, 2, a, 679);
	knows(w, 2, b, 745);
	knows(w, 2, c, 1329);
	knows(w, 2, e, 453);
	w->tap = note_requests;
	w->tap_arg = &asked;
	server_pull(w, 0, IP4_ANY);
	assert_int_equal(asked.n, 4);
	assert_true(was_asked(&asked, 1, b, 522, 900));
	assert_true(was_asked(&asked, 1, d, 759, 958));
	assert_true(was_asked(&asked, 2, c, 644, 1329));
	assert_true(was_asked(&asked, 2, e, 1, 453));
	/* Fewer records came, none in fact; all of it is known (3.6 step 4). */
	assert_int_equal(server_knows(w, 0, b), 900);
	assert_int_equal(server_knows(w, 0, c), 1329);
	assert_int_equal(server_knows(w, 0, d), 958);
	assert_int_equal(server_knows(w, 0, e), 453);
}

static void
dense_ranges_are_asked_for_one_after_another(void **state)
{
	struct asked asked = { 0 };
	struct world *w = *state;

	w->s[1].conf.range_max = 1000;
	world_up(w, 2);
	server_fill(w, 0, 0, 3500, 1);
	w->tap = note_requests;
	w->tap_arg = &asked;
	server_pull(w, 1, SITE(0));
	assert_int_equal(asked.n, 4);
	assert_true(was_asked(&asked, 0, SITE(0), 1, 1000));
	assert_true(was_asked(&asked, 0, SITE(0), 3001, 3500));
	assert_int_equal(store_records(w->s[1].n.store), 3500);
	assert_int_equal(server_knows(w, 1, SITE(0)), 3500);
}

static void
sparse_ranges_grow_and_dense_ones_shrink_them_again(void **state)
{
	struct asked asked = { 0 };
	struct world *w = *state;

	w->s[1].conf.range_max = 1000;
	world_up(w, 2);
	server_fill(w, 0, 0, 10, 1);
	store_raise_version(w->s[0].n.store, (struct version){ 1000001 });
	server_fill(w, 0, 10, 2500, 1);
	w->tap = note_requests;
	w->tap_arg = &asked;
	server_pull(w, 1, SITE(0));
	assert_true(asked.n < 16);
	assert_true(was_asked(&asked, 0, SITE(0), 1001, 3000));
	assert_int_equal(store_records(w->s[1].n.store), 2510);
	assert_int_equal(server_knows(w, 1, SITE(0)), 1002500);
}

static void
released_records_do_not_leave_but_count_as_known(void **state)
{
	struct world *w = *state;
	struct rec rec;

	world_up(w, 2);
	net_registers(&w->s[0].n, NB_OP_REGISTER, "HOSTA<20>", 0x6000, HOST(10));
	net_registers(&w->s[0].n, NB_OP_REGISTER, "HOSTB<20>", 0x6000, HOST(11));
	net_ask(&w->s[0].n, NB_OP_RELEASE, 9, "HOSTB<20>", 0x6000, HOST(11));
	assert_int_equal(wins_commit(w->s[0].n.w, w->now), 0);
	server_pull(w, 1, SITE(0));
	assert_true(server_has(w, 1, "HOSTA<20>", &rec));
	assert_false(server_has(w, 1, "HOSTB<20>", &rec));
	assert_int_equal(server_knows(w, 1, SITE(0)), 2);
}

static void
persistent_connection_is_used_again(void **state)
{
	struct world *w = *state;

	world_up(w, 2);
	server_fill(w, 0, 0, 1, 1);
	server_pull(w, 1, SITE(0));
	server_fill(w, 0, 1, 1, 1);
	server_pull(w, 1, SITE(0));
	assert_int_equal(w->s[1].connects, 1);
	assert_int_equal(store_records(w->s[1].n.store), 2);
}

static void
other_connection_ends_with_the_pull(void **state)
{
	struct repl_stats stats;
	struct world *w = *state;

	w->s[1].conf.partner[0].persistent = false;
	world_up(w, 2);
	server_fill(w, 0, 0, 1, 1);
	server_pull(w, 1, SITE(0));
	repl_stats(w->s[1].r, &stats);
	assert_int_equal(stats.connections, 0);
	repl_stats(w->s[0].r, &stats);
	assert_int_equal(stats.connections, 0);
}

static void
pulls_by_interval_and_at_start(void **state)
{
	struct world *w = *state;
	struct repl_partner_view v;

	w->s[1].conf.pull_at_start = true;
	w->s[1].conf.partner[0].pull_interval = 1800;
	world_up(w, 2);
	server_fill(w, 0, 0, 1, 1);
	world_pass(w, 0);
	assert_int_equal(store_records(w->s[1].n.store), 1);
	server_fill(w, 0, 1, 1, 1);
	world_pass(w, 1799000);
	assert_int_equal(store_records(w->s[1].n.store), 1);
	world_pass(w, 1000);
	assert_int_equal(store_records(w->s[1].n.store), 2);
	assert_true(repl_partner_at(w->s[1].r, 0, &v));
	assert_int_equal(v.pulls, 2);
	assert_int_equal(v.records_in, 2);
	assert_int_equal(v.next_pull.s, w->now.s + 1800);
}

static void
unreachable_partner_is_tried_again_and_told_once(void **state)
{
	struct world *w = *state;
	struct repl_partner_view v;

	w->s[1].conf.partner[0].pull_interval = 1800;
	world_up(w, 2);
	w->s[0].unreachable = true;
	server_fill(w, 0, 0, 1, 1);
	server_pull(w, 1, SITE(0));
	for (int i = 0; i < 3; i++) {
		assert_false(net_told(&w->s[1].n, EV_CONN_RETRIES_FAILED));
		world_pass(w, 10000);
	}
	assert_int_equal(w->s[1].connects, 4);
	assert_true(net_told(&w->s[1].n, EV_CONN_RETRIES_FAILED));
	assert_true(repl_partner_at(w->s[1].r, 0, &v));
	assert_int_equal(v.state, REPL_FAILED);
	assert_int_equal(v.failures, 4);
	assert_true(v.failing_since.s != 0);
	world_pass(w, 100000);
	assert_int_equal(w->s[1].connects, 4);
	w->s[0].unreachable = false;
	world_pass(w, 1700000);
	assert_int_equal(store_records(w->s[1].n.store), 1);
	assert_true(net_told(&w->s[1].n, EV_PARTNER_BACK));
	assert_true(repl_partner_at(w->s[1].r, 0, &v));
	assert_int_equal(v.failures, 0);
	assert_int_equal(v.error[0], 0);
}

static void
failed_commit_does_not_move_what_is_known(void **state)
{
	struct world *w = *state;
	int (*sync)(struct vfs *, struct vfs_file *);

	world_up(w, 2);
	server_fill(w, 0, 0, 600, 1);
	sync = w->s[1].n.vfs->sync;
	w->s[1].n.vfs->sync = failing_sync;
	server_pull(w, 1, SITE(0));
	assert_int_equal(server_knows(w, 1, SITE(0)), 0);
	assert_true(net_told(&w->s[1].n, EV_RPL_REG_ERR));
	w->s[1].n.vfs->sync = sync;
	while (!store_writable(w->s[1].n.store))
		(void)store_tend(w->s[1].n.store);
	world_pass(w, 10000);
	assert_int_equal(store_records(w->s[1].n.store), 600);
	assert_int_equal(server_knows(w, 1, SITE(0)), 600);
}

static void
broken_transfer_goes_on_where_it_was_kept(void **state)
{
	struct world *w = *state;
	uint64_t known = 0;

	w->s[1].conf.range_max = 500;
	world_up(w, 2);
	server_fill(w, 0, 0, 3000, 1);
	assert_int_equal(repl_pull_now(w->s[1].r, SITE(0), w->mnow, w->now), 0);
	while (known < 1000) {
		for (int i = 0; i < 2; i++) {
			(void)server_drain(w, i);
			(void)repl_step(w->s[i].r, w->mnow, w->now);
		}
		for (int e = 0; e < 2; e++)
			(void)pipe_move(w, &w->pipe[0], e);
		known = server_knows(w, 1, SITE(0));
	}
	assert_true(known < 3000);
	pipe_cut(w, &w->pipe[0]);
	world_run(w);
	assert_int_equal(server_knows(w, 1, SITE(0)) % 500, 0);
	assert_true(server_knows(w, 1, SITE(0)) < 3000);
	world_pass(w, 10000);
	assert_int_equal(server_knows(w, 1, SITE(0)), 3000);
	assert_int_equal(store_records(w->s[1].n.store), 3000);
}

static void
blocked_owner_is_not_pulled_and_listed_one_alone_is(void **state)
{
	struct world *w = *state;

	w->s[2].conf.nfilter = 1;
	w->s[2].conf.filter[0] = SITE(0);
	world_up(w, 3);
	server_fill(w, 0, 0, 5, 1);
	server_fill(w, 1, 100, 7, 1);
	server_pull(w, 2, IP4_ANY);
	assert_int_equal(server_knows(w, 2, SITE(0)), 0);
	assert_int_equal(store_records(w->s[2].n.store), 7);
	w->s[2].conf.accept_only = true;
	repl_reconf(w->s[2].r, &w->s[2].conf, w->mnow, w->now);
	server_pull(w, 2, IP4_ANY);
	assert_int_equal(server_knows(w, 2, SITE(0)), 5);
	assert_int_equal(store_records(w->s[2].n.store), 12);
}

static void
blocked_owners_members_are_dropped_from_a_group(void **state)
{
	struct world *w = *state;
	struct rec rec;

	w->s[2].conf.nfilter = 1;
	w->s[2].conf.filter[0] = SITE(0);
	world_up(w, 3);
	net_registers(&w->s[0].n, NB_OP_REGISTER, "CORP<1C>", 0x8000 | 0x6000, HOST(10));
	net_registers(&w->s[1].n, NB_OP_REGISTER, "CORP<1C>", 0x8000 | 0x6000, HOST(11));
	server_pull(w, 1, SITE(0));
	assert_true(server_has(w, 1, "CORP<1C>", &rec));
	assert_int_equal(rec.naddr, 2);
	server_pull(w, 2, SITE(1));
	assert_true(server_has(w, 2, "CORP<1C>", &rec));
	assert_int_equal(rec.naddr, 1);
	assert_int_equal(rec.addr[0].ip.v, HOST(11).v);
}

static void
members_of_three_servers_come_together_everywhere(void **state)
{
	struct world *w = *state;
	struct rec rec;

	world_up(w, 3);
	for (int i = 0; i < 3; i++)
		net_registers(&w->s[i].n, NB_OP_REGISTER, "CORP<1C>", 0x8000 | 0x6000,
		    HOST((unsigned)(10 + i)));
	for (int round = 0; round < 6; round++)
		for (int i = 0; i < 3; i++)
			server_pull(w, i, IP4_ANY);
	for (int i = 0; i < 3; i++) {
		assert_true(server_has(w, i, "CORP<1C>", &rec));
		assert_int_equal(rec.naddr, 3);
		for (unsigned k = 0; k < 3; k++)
			assert_true(rec_find(&rec, HOST(10 + k)) >= 0);
	}
}

/* Server 0 is the middle of a hub, and server 2 drops the member of server 1. Returns how many it has when
 * it has told that and pulled once more. */
static unsigned
members_of_a_spoke_that_dropped_one(struct world *w)
{
	struct rec rec;

	for (int i = 1; i < 3; i++) {
		w->s[i].conf.npartners = 1;
		w->s[i].conf.partner[0].address = SITE(0);
		w->s[0].conf.partner[i - 1].pull_interval = 3600;
	}
	world_up(w, 3);
	for (int i = 0; i < 3; i++)
		net_registers(&w->s[i].n, NB_OP_REGISTER, "CORP<1C>", 0x8000 | 0x6000,
		    HOST((unsigned)(10 + i)));
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < 3; i++)
			server_pull(w, i, IP4_ANY);
	assert_true(server_has(w, 2, "CORP<1C>", &rec));
	assert_int_equal(rec.naddr, 3);
	rec.addr[rec_find(&rec, HOST(11))] = rec.addr[2];
	rec.naddr = 2;
	rec.owner = OWNER_SELF;
	rec.version = store_next_version(w->s[2].n.store);
	assert_int_equal(store_put(w->s[2].n.store, &rec), 0);
	assert_int_equal(store_commit(w->s[2].n.store), 0);
	server_pull(w, 0, SITE(2));
	server_pull(w, 2, SITE(0));
	assert_true(server_has(w, 2, "CORP<1C>", &rec));
	return rec.naddr;
}

/* Only the middle can tell it (wins 3.9.3). */
static void
spoke_that_lacks_a_member_of_another_is_told_by_the_hub(void **state)
{
	assert_int_equal(members_of_a_spoke_that_dropped_one(*state), 3);
}

/* Two of them would tell each other without end. */
static void
hub_that_filters_owners_tells_nobody_of_their_members(void **state)
{
	struct world *w = *state;

	w->s[0].conf.nfilter = 1;
	w->s[0].conf.filter[0] = SITE(3);
	assert_int_equal(members_of_a_spoke_that_dropped_one(w), 2);
}

static void
third_servers_records_come_through_a_hub(void **state)
{
	struct world *w = *state;
	struct rec rec;

	world_up(w, 3);
	net_registers(&w->s[0].n, NB_OP_REGISTER, "HOSTA<20>", 0x6000, HOST(10));
	server_pull(w, 1, SITE(0));
	server_pull(w, 2, SITE(1));
	assert_true(server_has(w, 2, "HOSTA<20>", &rec));
	assert_int_equal(rec.owner.v, SITE(0).v);
	assert_int_equal(server_knows(w, 2, SITE(0)), 1);
}

static void
records_of_a_partner_come_from_itself(void **state)
{
	struct world *w = *state;

	for (unsigned i = 0; i < 2; i++)
		w->s[1].conf.partner[i].pull_interval = 1000;
	world_up(w, 3);
	server_pull(w, 1, IP4_ANY);
	server_fill(w, 2, 0, 5, 1);
	server_pull(w, 0, SITE(2));
	/* Server 0 has perhaps merged some of them into records of its own (3.9.3). */
	server_pull(w, 1, SITE(0));
	assert_int_equal(server_knows(w, 1, SITE(2)), 0);
	server_pull(w, 1, SITE(2));
	assert_int_equal(server_knows(w, 1, SITE(2)), 5);
	/* From others when it cannot be reached. */
	server_fill(w, 2, 5, 5, 1);
	server_pull(w, 0, SITE(2));
	w->s[2].unreachable = true;
	for (unsigned i = 0; i < PIPES; i++)
		if (w->pipe[i].used)
			pipe_cut(w, &w->pipe[i]);
	server_pull(w, 1, SITE(2));
	server_pull(w, 1, SITE(0));
	assert_int_equal(server_knows(w, 1, SITE(2)), 10);
}

static void
challenge_is_waited_for_before_the_range_is_known(void **state)
{
	struct world *w = *state;
	struct wins_path path;
	struct nb_msg probe;
	struct rec rec;

	world_up(w, 2);
	net_registers(&w->s[0].n, NB_OP_REGISTER, "HOSTA<20>", 0x6000, HOST(10));
	net_registers(&w->s[1].n, NB_OP_REGISTER, "HOSTA<20>", 0x6000, HOST(20));
	server_pull(w, 1, SITE(0));
	assert_int_equal(server_knows(w, 1, SITE(0)), 0);
	assert_true(net_out(&w->s[1].n, &probe, &path));
	assert_int_equal(path.peer.v, HOST(20).v);
	/* Nobody answers: the replica replaces it (3.9.4 N). */
	for (int i = 0; i < 20; i++)
		world_pass(w, 500);
	assert_int_equal(server_knows(w, 1, SITE(0)), 1);
	assert_true(server_has(w, 1, "HOSTA<20>", &rec));
	assert_int_equal(rec.owner.v, SITE(0).v);
}

/* The last version of a slice of the reply (2,000 records) is shared by some that do not fit in it. */
static void
records_of_one_version_leave_together(void **state)
{
	struct world *w = *state;

	world_up(w, 2);
	server_fill(w, 0, 0, 1998, 1);
	server_fill_version(w, 0, 5, 1999);
	server_fill(w, 0, 2000, 3, 1);
	server_pull(w, 1, SITE(0));
	assert_int_equal(store_records(w->s[1].n.store), 2006);
}

/* One challenge at a time: the next record that needs one waits, and nothing of it is lost. */
static void
full_challenge_table_delays_a_pull_and_loses_nothing(void **state)
{
	struct world *w = *state;
	struct rec rec;

	w->s[1].n.conf.challenges_max = 1;
	world_up(w, 2);
	for (unsigned i = 0; i < 3; i++) {
		char name[] = "HOST0<20>";

		name[4] = (char)('0' + i);
		net_registers(&w->s[0].n, NB_OP_REGISTER, name, 0x6000, HOST(10 + i));
		net_registers(&w->s[1].n, NB_OP_REGISTER, name, 0x6000, HOST(20 + i));
	}
	net_registers(&w->s[0].n, NB_OP_REGISTER, "FREE<20>", 0x6000, HOST(30));
	server_pull(w, 1, SITE(0));
	assert_int_equal(server_knows(w, 1, SITE(0)), 0);
	assert_int_equal(wins_open_challenges(w->s[1].n.w), 1);
	assert_false(server_has(w, 1, "FREE<20>", &rec));
	/* Nobody answers, so that each replica takes its turn and the name. */
	for (int i = 0; i < 200 && !server_knows(w, 1, SITE(0)); i++) {
		world_pass(w, 100);
		assert_true(wins_open_challenges(w->s[1].n.w) <= 1);
	}
	assert_int_equal(server_knows(w, 1, SITE(0)), 4);
	for (unsigned i = 0; i < 3; i++) {
		char name[] = "HOST0<20>";

		name[4] = (char)('0' + i);
		assert_true(server_has(w, 1, name, &rec));
		assert_int_equal(rec.addr[0].ip.v, HOST(10 + i).v);
	}
	assert_true(server_has(w, 1, "FREE<20>", &rec));
	assert_false(net_told(&w->s[1].n, EV_RPL_REG_ERR));
}

/* names_max is reached in the middle of a range: the range is not known, and comes again. */
static void
full_store_stops_a_pull_that_goes_on_when_there_is_room(void **state)
{
	struct world *w = *state;
	struct repl_partner_view v;

	w->s[1].n.conf.names_max = 900;
	w->s[1].conf.range_max = 600;
	world_up(w, 2);
	server_fill(w, 0, 0, 1500, 1);
	server_pull(w, 1, SITE(0));
	/* It is full once a batch was committed that reached the bound: no range behind it is known. */
	assert_in_range(store_records(w->s[1].n.store), 900, 1499);
	assert_true(server_knows(w, 1, SITE(0)) < 1500);
	assert_int_equal(server_knows(w, 1, SITE(0)) % 600, 0);
	assert_true(net_told(&w->s[1].n, EV_RPL_REG_ERR));
	assert_true(repl_partner_at(w->s[1].r, 0, &v));
	assert_int_equal(v.state, REPL_FAILED);
	w->s[1].n.conf.names_max = 1500;
	assert_int_equal(wins_reconf(w->s[1].n.w, &w->s[1].n.conf, w->now), 0);
	world_pass(w, 10000);
	assert_int_equal(store_records(w->s[1].n.store), 1500);
	assert_int_equal(server_knows(w, 1, SITE(0)), 1500);
}

/* wins 3.11: 1B names, and groups that users made. */
static void
partial_replication_carries_few_names_either_way(void **state)
{
	static const char *const name[] = { "DOMAIN<1B>", "DOMAIN<1C>", "HOST<20>", "OFFICE<1E>" };
	struct world *w = *state;
	struct repl_stats stats;
	struct rec rec, users = { .type = REC_SPECIAL, .naddr = 1, .addr[0].ip = HOST(40) };

	w->s[0].conf.partial = true;
	world_up(w, 2);
	for (unsigned i = 0; i < 4; i++)
		net_registers(
		    &w->s[0].n, NB_OP_REGISTER, name[i], i % 2 ? 0xe000 : 0x6000, HOST(10 + i));
	users.key = net_key("USERS<20>");
	assert_int_equal(wins_admin_add(w->s[0].n.w, &users, 0, w->now), 0);
	server_pull(w, 1, SITE(0));
	assert_true(server_has(w, 1, "DOMAIN<1B>", &rec));
	assert_true(server_has(w, 1, "USERS<20>", &rec));
	assert_int_equal(store_records(w->s[1].n.store), 2);
	/* What was left out is not missed: it is known. */
	assert_int_equal(server_knows(w, 1, SITE(0)), 5);
	repl_stats(w->s[0].r, &stats);
	assert_int_equal(stats.records_out, 2);
}

/* wins 3.6: no room to keep what is known of one owner more; the others come all the same. */
static void
owner_past_the_bound_is_told_and_the_others_come(void **state)
{
	struct world *w = *state;

	world_up(w, 3);
	for (uint32_t i = 0; i < STORE_KNOWN_MAX - 1; i++) {
		if (store_known_set(w->s[2].n.store, (struct ip4){ 0x0b000000 + i },
			(struct version){ 1 }) == NBT_ELIMIT) {
			assert_int_equal(store_commit(w->s[2].n.store), 0);
			i--;
		}
	}
	assert_int_equal(store_commit(w->s[2].n.store), 0);
	server_fill(w, 0, 0, 5, 1);
	server_fill(w, 1, 100, 7, 1);
	server_pull(w, 2, SITE(0)); /* at the bound */
	assert_false(net_told(&w->s[2].n, EV_OWNERS_FULL));
	assert_int_equal(server_knows(w, 2, SITE(0)), 5);
	server_pull(w, 2, SITE(1)); /* one past it */
	assert_true(net_told(&w->s[2].n, EV_OWNERS_FULL));
	assert_int_equal(server_knows(w, 2, SITE(1)), 0);
	server_fill(w, 0, 50, 5, 1);
	server_pull(w, 2, IP4_ANY);
	assert_int_equal(server_knows(w, 2, SITE(0)), 10);
}

static void
pull_that_brought_something_is_told(void **state)
{
	struct world *w = *state;
	const struct event *ev;

	world_up(w, 2);
	server_pull(w, 1, SITE(0));
	assert_false(net_told(&w->s[1].n, EV_REC_PULLED));
	server_fill(w, 0, 0, 3, 1);
	server_pull(w, 1, SITE(0));
	ev = &w->s[1].n.events[w->s[1].n.nevents - 1];
	assert_int_equal(ev->id, EV_REC_PULLED);
	assert_int_equal(ev->peer.v, SITE(0).v);
	assert_int_equal(ev->number, 3);
}

static void
second_partner_is_not_asked_for_a_range_under_way(void **state)
{
	struct world *w = *state;
	struct asked asked = { 0 };

	world_up(w, 3);
	server_fill(w, 0, 0, 100, 1);
	server_pull(w, 1, SITE(0));
	w->tap = note_requests;
	w->tap_arg = &asked;
	assert_int_equal(repl_pull_now(w->s[2].r, SITE(0), w->mnow, w->now), 0);
	assert_int_equal(repl_pull_now(w->s[2].r, SITE(1), w->mnow, w->now), 0);
	world_run(w);
	assert_int_equal(asked.n, 1);
	assert_int_equal(store_records(w->s[2].n.store), 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TWO(t)   cmocka_unit_test_setup_teardown(t, setup_two, teardown)
#define THREE(t) cmocka_unit_test_setup_teardown(t, setup_three, teardown)
		TWO(registered_name_appears_at_the_partner_that_pulls),
		TWO(group_has_no_address_here_and_all_ones_on_the_wire),
		TWO(records_are_committed_by_the_4096),
		TWO(range_is_known_though_its_records_fill_the_batch),
		THREE(merged_maps_ask_as_in_the_worked_example),
		TWO(dense_ranges_are_asked_for_one_after_another),
		TWO(sparse_ranges_grow_and_dense_ones_shrink_them_again),
		TWO(released_records_do_not_leave_but_count_as_known),
		TWO(persistent_connection_is_used_again),
		TWO(other_connection_ends_with_the_pull),
		TWO(pulls_by_interval_and_at_start),
		TWO(unreachable_partner_is_tried_again_and_told_once),
		TWO(failed_commit_does_not_move_what_is_known),
		TWO(broken_transfer_goes_on_where_it_was_kept),
		THREE(blocked_owner_is_not_pulled_and_listed_one_alone_is),
		THREE(blocked_owners_members_are_dropped_from_a_group),
		THREE(members_of_three_servers_come_together_everywhere),
		THREE(spoke_that_lacks_a_member_of_another_is_told_by_the_hub),
		THREE(hub_that_filters_owners_tells_nobody_of_their_members),
		THREE(third_servers_records_come_through_a_hub),
		THREE(records_of_a_partner_come_from_itself),
		TWO(challenge_is_waited_for_before_the_range_is_known),
		TWO(records_of_one_version_leave_together),
		TWO(full_challenge_table_delays_a_pull_and_loses_nothing),
		TWO(full_store_stops_a_pull_that_goes_on_when_there_is_room),
		TWO(partial_replication_carries_few_names_either_way),
		THREE(owner_past_the_bound_is_told_and_the_others_come),
		TWO(pull_that_brought_something_is_told),
		THREE(second_partner_is_not_asked_for_a_range_under_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
