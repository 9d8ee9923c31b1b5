/* SPDX-License-Identifier: Apache-2.0 */
/* Verification (wins 3.10) and removing an owner (3.14). */
#include "repl_net.h"

static int
setup(void **state)
{
	world_up(world_new(state, 3), 3);
	return 0;
}

static void
forget(struct world *w, int i, const char *name)
{
	struct nb_key key = net_key(name);

	assert_int_equal(store_del(w->s[i].n.store, &key), 0);
	assert_int_equal(store_commit(w->s[i].n.store), 0);
}

static void
verify(struct world *w, int i, struct ip4 owner)
{
	assert_int_equal(repl_verify_now(w->s[i].r, owner, w->mnow, w->now), 0);
	world_run(w);
}

static void
record_the_owner_no_longer_has_goes(void **state)
{
	struct world *w = *state;
	struct rec rec;

	server_fill(w, 0, 0, 10, 1);
	server_pull(w, 1, SITE(0));
	forget(w, 0, "NAME000004<20>");
	verify(w, 1, SITE(0));
	assert_false(server_has(w, 1, "NAME000004<20>", &rec));
	assert_int_equal(store_records(w->s[1].n.store), 9);
}

static void
records_the_owner_has_get_a_new_stamp(void **state)
{
	struct world *w = *state;
	struct rec before, after;

	server_fill(w, 0, 0, 10, 1);
	server_pull(w, 1, SITE(0));
	assert_true(server_has(w, 1, "NAME000004<20>", &before));
	world_pass(w, 1000000);
	verify(w, 1, SITE(0));
	assert_true(server_has(w, 1, "NAME000004<20>", &after));
	assert_int_equal(after.due.s, before.due.s + 1000);
	assert_int_equal(store_records(w->s[1].n.store), 10);
}

/* More than one read of replicas brings, and more than one read for a reply. */
static void
replicas_beyond_a_slice_are_compared_too(void **state)
{
	struct world *w = *state;
	struct rec rec;

	server_fill(w, 0, 0, 4500, 1);
	server_pull(w, 1, SITE(0));
	forget(w, 0, "NAME004498<20>");
	verify(w, 1, SITE(0));
	assert_false(server_has(w, 1, "NAME004498<20>", &rec));
	assert_int_equal(store_records(w->s[1].n.store), 4499);
}

static void
move(struct world *w)
{
	struct nb_key key = net_key("NAME000004<20>");
	struct rec rec;

	assert_true(store_get(w->s[0].n.store, &key, &rec));
	rec.version = store_next_version(w->s[0].n.store);
	rec.addr[0].ip = HOST(77);
	assert_int_equal(store_put(w->s[0].n.store, &rec), 0);
	assert_int_equal(store_commit(w->s[0].n.store), 0);
}

static void
record_that_moved_on_at_its_owner_stays(void **state)
{
	struct world *w = *state;
	struct rec rec;

	server_fill(w, 0, 0, 10, 1);
	server_pull(w, 1, SITE(0));
	move(w);
	verify(w, 1, SITE(0));
	assert_true(server_has(w, 1, "NAME000004<20>", &rec));
	assert_int_equal(rec.addr[0].ip.v, HOST(77).v);
	assert_int_equal(store_records(w->s[1].n.store), 10);
}

/* The owner gives a record a new version behind the map that it sent. */
static void
move_when_asked(void *arg, const struct wrepl_msg *m, int from, int to)
{
	struct world *w = arg;

	if (m->kind != WREPL_RECORDS_REQ)
		return;
	w->tap = NULL;
	move(w);
}

static void
record_that_moves_while_its_owner_is_verified_stays(void **state)
{
	struct world *w = *state;
	struct rec rec;

	server_fill(w, 0, 0, 10, 1);
	server_pull(w, 1, SITE(0));
	w->tap = move_when_asked;
	w->tap_arg = w;
	verify(w, 1, SITE(0));
	assert_true(server_has(w, 1, "NAME000004<20>", &rec));
	assert_int_equal(rec.addr[0].ip.v, HOST(77).v);
	assert_int_equal(store_records(w->s[1].n.store), 10);
	assert_int_equal(server_knows(w, 1, SITE(0)), 11);
}

static void
owner_whose_counter_went_back_deletes_nothing(void **state)
{
	struct world *w = *state;
	char cmd[128];

	server_fill(w, 0, 0, 10, 1);
	server_pull(w, 1, SITE(0));
	server_down(w, 0);
	snprintf(cmd, sizeof(cmd), "rm -rf '%s'/*", w->s[0].n.dir);
	assert_int_equal(system(cmd), 0);
	w->s[0].conf.pause = REPL_PAUSE_NEVER;
	server_open(w, 0, false);
	verify(w, 1, SITE(0));
	assert_int_equal(store_records(w->s[1].n.store), 10);
	assert_true(net_told(&w->s[1].n, EV_UNABLE_TO_VERIFY));
}

static void
unreachable_owner_is_asked_for_at_a_partner(void **state)
{
	struct world *w = *state;

	server_fill(w, 0, 0, 10, 1);
	server_pull(w, 1, SITE(0));
	server_pull(w, 2, SITE(0));
	server_pull(w, 1, SITE(2));
	forget(w, 2, "NAME000004<20>");
	w->s[0].unreachable = true;
	verify(w, 1, SITE(0));
	assert_int_equal(store_records(w->s[1].n.store), 9);
}

/* UseRplPnrs: an owner that is no partner is left alone, if a partner has its records (3.10). */
static void
stranger_is_verified_with_a_partner_when_wished(void **state)
{
	for (int wished = 0; wished < 2; wished++) {
		struct world *w = *state;
		unsigned before;

		if (wished) {
			(void)teardown(state);
			(void)setup(state);
			w = *state;
		}
		server_down(w, 1);
		w->s[1].conf.npartners = 1;
		w->s[1].conf.partner[0].address = SITE(2);
		w->s[1].conf.check_with_partner = wished;
		server_open(w, 1, false);
		server_fill(w, 0, 0, 10, 1);
		server_pull(w, 2, SITE(0));
		server_pull(w, 1, SITE(2));
		forget(w, 2, "NAME000004<20>");
		before = w->s[0].next_accepted;
		verify(w, 1, SITE(0));
		assert_int_equal(w->s[0].next_accepted - before, !wished);
		assert_int_equal(store_records(w->s[1].n.store), wished ? 9 : 10);
	}
}

/* wins 3.10: the owner answers, and has none of them. */
static void
owner_without_any_of_its_records_is_told(void **state)
{
	struct world *w = *state;

	server_fill(w, 0, 0, 2, 1);
	server_pull(w, 1, SITE(0));
	forget(w, 0, "NAME000000<20>");
	verify(w, 1, SITE(0));
	assert_false(net_told(&w->s[1].n, EV_CC_NO_RECS));
	forget(w, 0, "NAME000001<20>");
	verify(w, 1, SITE(0));
	assert_true(net_told(&w->s[1].n, EV_CC_NO_RECS));
	assert_int_equal(store_records(w->s[1].n.store), 0);
}

static void
nobody_to_ask_is_told_and_nothing_deleted(void **state)
{
	struct world *w = *state;

	server_fill(w, 0, 0, 10, 1);
	server_pull(w, 1, SITE(0));
	w->s[0].unreachable = true;
	verify(w, 1, SITE(0));
	assert_int_equal(store_records(w->s[1].n.store), 10);
	assert_true(net_told(&w->s[1].n, EV_UNABLE_TO_VERIFY));
}

static void
other_name_under_the_version_is_told_and_left(void **state)
{
	struct world *w = *state;
	struct rec rec;

	server_fill(w, 0, 0, 3, 1);
	server_pull(w, 1, SITE(0));
	assert_true(server_has(w, 0, "NAME000001<20>", &rec));
	forget(w, 0, "NAME000001<20>");
	rec.key = net_key("OTHER<20>");
	assert_int_equal(store_put(w->s[0].n.store, &rec), 0);
	assert_int_equal(store_commit(w->s[0].n.store), 0);
	verify(w, 1, SITE(0));
	assert_true(net_told(&w->s[1].n, EV_NAME_MISMATCH));
	assert_true(server_has(w, 1, "NAME000001<20>", &rec));
}

static void
ranges_of_a_large_owner_are_compared_one_by_one(void **state)
{
	struct world *w = *state;
	struct repl_stats stats;

	w->s[1].conf.range_max = 100;
	repl_reconf(w->s[1].r, &w->s[1].conf, w->mnow, w->now);
	server_fill(w, 0, 0, 1050, 1);
	server_pull(w, 1, SITE(0));
	w->records_requests = 0;
	forget(w, 0, "NAME001049<20>");
	forget(w, 0, "NAME000100<20>");
	verify(w, 1, SITE(0));
	assert_int_equal(w->records_requests, 11);
	assert_int_equal(store_records(w->s[1].n.store), 1048);
	repl_stats(w->s[1].r, &stats);
	assert_int_equal(stats.verified, 1050);
}

static void
planned_cycle_stops_at_its_limit_and_goes_on_there(void **state)
{
	struct world *w = *state;
	struct repl_stats stats;

	server_down(w, 1);
	w->s[1].conf.check_interval = 21600;
	w->s[1].conf.check_records_max = 1000;
	w->s[1].conf.range_max = 500;
	server_open(w, 1, false);
	server_fill(w, 0, 0, 1600, 1);
	server_pull(w, 1, SITE(0));
	world_pass(w, 21599000);
	repl_stats(w->s[1].r, &stats);
	assert_int_equal(stats.verified, 0);
	world_pass(w, 1000);
	repl_stats(w->s[1].r, &stats);
	assert_int_equal(stats.verified, 1000);
	world_pass(w, 21600000);
	repl_stats(w->s[1].r, &stats);
	assert_int_equal(stats.verified, 1600);
}

static void
record_that_is_missing_here_is_found(void **state)
{
	struct world *w = *state;
	struct rec rec;

	/* Another server's kept it out when it came (3.9.2), and is gone. */
	server_fill(w, 0, 0, 10, 1);
	server_pull(w, 1, SITE(0));
	forget(w, 1, "NAME000000<20>");
	verify(w, 1, SITE(0));
	assert_true(server_has(w, 1, "NAME000000<20>", &rec));
	for (unsigned i = 0; i < 10; i++) {
		char name[32];

		snprintf(name, sizeof(name), "NAME%06u<20>", i);
		forget(w, 1, name);
	}
	verify(w, 1, IP4_ANY);
	assert_int_equal(store_records(w->s[1].n.store), 10);
}

static void
what_came_from_beyond_is_known(void **state)
{
	struct world *w = *state;

	server_fill(w, 0, 0, 10, 1);
	server_pull(w, 1, SITE(0));
	server_fill(w, 0, 10, 5, 1);
	verify(w, 1, SITE(0));
	assert_int_equal(store_records(w->s[1].n.store), 15);
	assert_int_equal(server_knows(w, 1, SITE(0)), 15);
}

static void
unknown_owner_cannot_be_verified(void **state)
{
	struct world *w = *state;

	assert_int_equal(repl_verify_now(w->s[1].r, SITE(0), w->mnow, w->now), NBT_ENOENT);
}

static void
removed_owner_leaves_nothing_and_comes_back_with_the_next_pull(void **state)
{
	struct world *w = *state;
	struct repl_owner_view v;
	struct ip4 at = SITE(0);

	server_fill(w, 0, 0, 2500, 1);
	server_fill(w, 2, 5000, 5, 1);
	server_pull(w, 1, IP4_ANY);
	assert_int_equal(repl_delete_owner(w->s[1].r, SITE(0), false, w->now), 0);
	assert_int_equal(repl_delete_owner(w->s[1].r, SITE(2), false, w->now), NBT_EBUSY);
	world_run(w);
	assert_int_equal(store_records(w->s[1].n.store), 5);
	assert_int_equal(server_knows(w, 1, SITE(0)), 0);
	assert_true(net_told(&w->s[1].n, EV_OWNER_REMOVED));
	assert_int_equal(w->s[1].n.events[w->s[1].n.nevents - 1].number, 2500);
	assert_true(repl_owner_next(w->s[1].r, &at, &v));
	assert_int_equal(v.owner.v, SITE(1).v);
	server_pull(w, 1, SITE(0));
	assert_int_equal(store_records(w->s[1].n.store), 2505);
}

/* Server 1 registered a member of the same group: its record has both, and nothing else would ever end
 * the other one here. */
static void
removed_owners_members_of_our_groups_go_and_partners_learn_it(void **state)
{
	static const bool tombstone[] = { false, true };
	struct world *w = *state;
	struct rec rec;

	net_registers(&w->s[0].n, NB_OP_REGISTER, "CORP<1C>", 0x8000 | 0x6000, HOST(10));
	net_registers(&w->s[1].n, NB_OP_REGISTER, "CORP<1C>", 0x8000 | 0x6000, HOST(11));
	net_registers(&w->s[1].n, NB_OP_REGISTER, "LAST<20>", 0x6000, HOST(12));
	for (int i = 0; i < 2; i++) {
		server_pull(w, 1, SITE(0));
		server_pull(w, 2, SITE(1));
		assert_true(server_has(w, 2, "CORP<1C>", &rec));
		assert_int_equal(rec.naddr, 2);
		assert_int_equal(repl_delete_owner(w->s[1].r, SITE(0), tombstone[i], w->now), 0);
		world_run(w);
		assert_true(server_has(w, 1, "CORP<1C>", &rec));
		assert_true(rec_is_own(&rec));
		assert_int_equal(rec.naddr, 1);
		assert_int_equal(rec.addr[0].ip.v, HOST(11).v);
		server_pull(w, 2, SITE(1));
		assert_true(server_has(w, 2, "CORP<1C>", &rec));
		assert_int_equal(rec.naddr, 1);
		assert_true(server_has(w, 1, "LAST<20>", &rec));
		/* What is known of it is gone: so it comes back, as its records do (3.14). */
	}
}

/* More records of ours than are looked at in one step, and each commit fails once. */
static void
removal_of_an_owner_survives_commits_that_fail(void **state)
{
	struct world *w = *state;
	int (*sync)(struct vfs *, struct vfs_file *) = w->s[1].n.vfs->sync;
	struct rec rec;

	net_registers(&w->s[0].n, NB_OP_REGISTER, "CORP<1C>", 0x8000 | 0x6000, HOST(10));
	server_fill(w, 0, 0, 1500, 1);
	server_fill(w, 1, 5000, 2500, 1);
	net_registers(&w->s[1].n, NB_OP_REGISTER, "CORP<1C>", 0x8000 | 0x6000, HOST(11));
	server_pull(w, 1, SITE(0));
	assert_true(server_has(w, 1, "CORP<1C>", &rec));
	assert_int_equal(rec.naddr, 2);
	assert_int_equal(repl_delete_owner(w->s[1].r, SITE(0), false, w->now), 0);
	for (int i = 0; i < 3; i++) {
		w->s[1].n.vfs->sync = failing_sync;
		(void)repl_step(w->s[1].r, w->mnow, w->now);
		assert_false(net_told(&w->s[1].n, EV_OWNER_REMOVED));
		w->s[1].n.vfs->sync = sync;
		while (!store_writable(w->s[1].n.store))
			(void)store_tend(w->s[1].n.store);
		(void)repl_step(w->s[1].r, w->mnow, w->now);
	}
	world_run(w);
	assert_true(net_told(&w->s[1].n, EV_OWNER_REMOVED));
	assert_int_equal(w->s[1].n.events[w->s[1].n.nevents - 1].number, 1500);
	assert_int_equal(store_records(w->s[1].n.store), 2501);
	assert_true(server_has(w, 1, "CORP<1C>", &rec));
	assert_int_equal(rec.naddr, 1);
}

static void
removed_with_tombstones_it_stays_away(void **state)
{
	struct world *w = *state;
	struct rec rec;

	server_fill(w, 0, 0, 40, 1);
	server_pull(w, 1, SITE(0));
	assert_int_equal(repl_delete_owner(w->s[1].r, SITE(0), true, w->now), 0);
	world_run(w);
	assert_true(server_has(w, 1, "NAME000039<20>", &rec));
	assert_true(rec_is_own(&rec));
	assert_int_equal(rec.state, REC_TOMBSTONE);
	server_pull(w, 1, SITE(0));
	assert_true(server_has(w, 1, "NAME000039<20>", &rec));
	assert_int_equal(rec.state, REC_TOMBSTONE);
}

static void
records_of_one_version_are_all_verified_and_removed(void **state)
{
	struct world *w = *state;
	struct repl_stats stats;
	struct rec rec;

	/* More than are compared in one step, and than are tombstoned in one. */
	server_fill_version(w, 0, 600, 7);
	server_pull(w, 1, SITE(0));
	server_pull(w, 2, SITE(0));
	assert_int_equal(store_records(w->s[1].n.store), 600);
	verify(w, 1, SITE(0));
	repl_stats(w->s[1].r, &stats);
	assert_int_equal(stats.verified, 600);
	assert_false(net_told(&w->s[1].n, EV_NAME_MISMATCH));
	assert_int_equal(repl_delete_owner(w->s[1].r, SITE(0), true, w->now), 0);
	assert_int_equal(repl_delete_owner(w->s[2].r, SITE(0), false, w->now), 0);
	world_run(w);
	assert_false(store_by_version(w->s[1].n.store, SITE(0), (struct version){ 0 }, &rec));
	assert_int_equal(store_records(w->s[1].n.store), 600);
	assert_int_equal(w->s[2].n.events[w->s[2].n.nevents - 1].number, 600);
	assert_int_equal(store_records(w->s[2].n.store), 0);
}

static void
this_server_and_unknown_owners_are_not_removed(void **state)
{
	struct world *w = *state;

	assert_int_equal(repl_delete_owner(w->s[1].r, SITE(1), false, w->now), NBT_EINVAL);
	assert_int_equal(repl_delete_owner(w->s[1].r, IP4_ANY, false, w->now), NBT_EINVAL);
	assert_int_equal(repl_delete_owner(w->s[1].r, SITE(0), false, w->now), NBT_ENOENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
		T(record_the_owner_no_longer_has_goes),
		T(records_the_owner_has_get_a_new_stamp),
		T(replicas_beyond_a_slice_are_compared_too),
		T(record_that_moved_on_at_its_owner_stays),
		T(record_that_moves_while_its_owner_is_verified_stays),
		T(owner_whose_counter_went_back_deletes_nothing),
		T(unreachable_owner_is_asked_for_at_a_partner),
		T(stranger_is_verified_with_a_partner_when_wished),
		T(owner_without_any_of_its_records_is_told),
		T(nobody_to_ask_is_told_and_nothing_deleted),
		T(other_name_under_the_version_is_told_and_left),
		T(ranges_of_a_large_owner_are_compared_one_by_one),
		T(planned_cycle_stops_at_its_limit_and_goes_on_there),
		T(record_that_is_missing_here_is_found),
		T(what_came_from_beyond_is_known),
		T(unknown_owner_cannot_be_verified),
		T(removed_owner_leaves_nothing_and_comes_back_with_the_next_pull),
		T(removed_owners_members_of_our_groups_go_and_partners_learn_it),
		T(removal_of_an_owner_survives_commits_that_fail),
		T(removed_with_tombstones_it_stays_away),
		T(records_of_one_version_are_all_verified_and_removed),
		T(this_server_and_unknown_owners_are_not_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
