/* SPDX-License-Identifier: Apache-2.0 */
/* Notices: when partners are told, in which form, over which connection, and what is told on. */
#include "repl_net.h"

struct heard {
	struct {
		int from, to;
		struct wrepl_msg m;
		struct wrepl_owner owner[8];
	} v[32];
	unsigned n;
};

static void
hear(void *arg, const struct wrepl_msg *m, int from, int to)
{
	struct heard *h = arg;

	if (m->kind != WREPL_NOTIFY)
		return;
	assert_true(h->n < 32 && m->count <= 8);
	h->v[h->n].from = from;
	h->v[h->n].to = to;
	h->v[h->n].m = *m;
	for (uint32_t i = 0; i < m->count; i++)
		h->v[h->n].owner[i] = wrepl_owner_at(m, i);
	h->n++;
}

static struct heard heard;

static int
hear_all(void **state, int servers)
{
	struct world *w = world_new(state, servers);

	heard.n = 0;
	w->tap = hear;
	w->tap_arg = &heard;
	return 0;
}

static int
hear_two(void **state)
{
	return hear_all(state, 2);
}

static int
hear_three(void **state)
{
	return hear_all(state, 3);
}

static void
told_after_so_many_changes_and_not_before(void **state)
{
	struct world *w = *state;

	w->s[0].conf.partner[0].update_count = 20;
	world_up(w, 2);
	server_fill(w, 0, 0, 19, 1);
	world_run(w);
	assert_int_equal(heard.n, 0);
	server_fill(w, 0, 19, 1, 1);
	assert_true(repl_next(w->s[0].r, w->mnow, w->now).ns <= w->mnow.ns);
	world_run(w);
	assert_int_equal(heard.n, 1);
	assert_false(heard.v[0].m.propagate);
	assert_true(heard.v[0].m.persistent);
	assert_int_equal(store_records(w->s[1].n.store), 20);
}

static void
persistent_notice_is_pulled_over_the_pullers_own_connection(void **state)
{
	struct world *w = *state;

	world_up(w, 2);
	server_fill(w, 0, 0, 3, 1);
	assert_int_equal(repl_push_now(w->s[0].r, SITE(1), false, w->mnow, w->now), 0);
	world_run(w);
	assert_int_equal(heard.n, 1);
	assert_true(heard.v[0].m.persistent);
	assert_int_equal(heard.v[0].owner[0].ip.v, SITE(0).v);
	assert_int_equal(heard.v[0].owner[0].max, 3);
	assert_int_equal(w->s[0].connects, 1);
	assert_int_equal(w->s[1].connects, 1);
	assert_int_equal(store_records(w->s[1].n.store), 3);
}

static void
other_notice_is_pulled_over_the_same_stream_which_ends(void **state)
{
	struct repl_stats stats;
	struct world *w = *state;

	w->s[0].conf.partner[0].persistent = false;
	world_up(w, 2);
	server_fill(w, 0, 0, 3, 1);
	assert_int_equal(repl_push_now(w->s[0].r, SITE(1), false, w->mnow, w->now), 0);
	world_run(w);
	assert_int_equal(heard.n, 1);
	assert_false(heard.v[0].m.persistent);
	assert_int_equal(w->s[1].connects, 0);
	assert_int_equal(store_records(w->s[1].n.store), 3);
	world_pass(w, 60000);
	repl_stats(w->s[0].r, &stats);
	assert_int_equal(stats.connections, 0);
}

static void
told_at_start(void **state)
{
	struct world *w = *state;

	w->s[0].conf.push_at_start = true;
	server_open(w, 1, false);
	server_open(w, 0, false);
	world_run(w);
	assert_int_equal(heard.n, 1);
	assert_false(heard.v[0].m.propagate);
}

static void
plain_notice_lists_all_owners_propagated_one_only_itself(void **state)
{
	struct world *w = *state;

	world_up(w, 2);
	assert_int_equal(
	    store_known_set(w->s[0].n.store, IP4(10, 1, 0, 2), (struct version){ 7 }), 0);
	assert_int_equal(store_commit(w->s[0].n.store), 0);
	assert_int_equal(repl_push_now(w->s[0].r, SITE(1), false, w->mnow, w->now), 0);
	world_run(w);
	world_pass(w, 1000);
	assert_int_equal(repl_push_now(w->s[0].r, SITE(1), true, w->mnow, w->now), 0);
	world_run(w);
	assert_int_equal(heard.n, 2);
	assert_int_equal(heard.v[0].m.count, 2);
	assert_false(heard.v[0].m.propagate);
	assert_int_equal(heard.v[1].m.count, 1);
	assert_int_equal(heard.v[1].owner[0].ip.v, SITE(0).v);
	assert_true(heard.v[1].m.propagate);
	assert_int_equal(heard.v[1].m.initiator.v, SITE(0).v);
}

/* A line 0 - 1 - 2. */
static void
in_a_line(struct world *w)
{
	w->s[0].conf.npartners = 1;
	w->s[2].conf.npartners = 1;
	w->s[2].conf.partner[0].address = SITE(1);
	world_up(w, 3);
}

static void
propagated_notice_is_told_on_but_not_back(void **state)
{
	struct world *w = *state;
	struct rec rec;

	in_a_line(w);
	server_fill(w, 0, 0, 2, 1);
	assert_int_equal(repl_push_now(w->s[0].r, SITE(1), true, w->mnow, w->now), 0);
	world_run(w);
	assert_true(server_has(w, 2, "NAME000001<20>", &rec));
	assert_int_equal(heard.n, 2);
	assert_int_equal(heard.v[1].from, 1);
	assert_int_equal(heard.v[1].to, 2);
	assert_int_equal(heard.v[1].m.initiator.v, SITE(0).v);
	assert_int_equal(heard.v[1].m.count, 1);
	assert_int_equal(heard.v[1].owner[0].ip.v, SITE(0).v);
	assert_int_equal(heard.v[1].owner[0].max, 2);
}

static void
notices_do_not_put_the_planned_pull_off(void **state)
{
	struct world *w = *state;
	struct rec rec;

	in_a_line(w);
	server_down(w, 2);
	w->s[2].conf.partner[0].pull_interval = 100;
	server_open(w, 2, false);
	server_fill(w, 0, 0, 2, 1);
	server_pull(w, 1, SITE(0));
	/* Each tells of server 1's own records only. */
	for (unsigned i = 0; i < 3; i++) {
		server_fill(w, 1, 10 + i, 1, 1);
		assert_int_equal(repl_push_now(w->s[1].r, SITE(2), true, w->mnow, w->now), 0);
		world_run(w);
		assert_false(server_has(w, 2, "NAME000001<20>", &rec));
		world_pass(w, i < 2 ? 49000 : 2000);
	}
	assert_true(server_has(w, 2, "NAME000012<20>", &rec));
	assert_true(server_has(w, 2, "NAME000001<20>", &rec));
}

static void
notice_that_brought_nothing_or_may_not_is_not_told_on(void **state)
{
	struct world *w = *state;

	in_a_line(w);
	assert_int_equal(repl_push_now(w->s[0].r, SITE(1), true, w->mnow, w->now), 0);
	world_run(w);
	assert_int_equal(heard.n, 1);
	server_fill(w, 0, 0, 2, 1);
	w->s[1].conf.propagate = false;
	repl_reconf(w->s[1].r, &w->s[1].conf, w->mnow, w->now);
	world_pass(w, 1000);
	assert_int_equal(repl_push_now(w->s[0].r, SITE(1), true, w->mnow, w->now), 0);
	world_run(w);
	assert_int_equal(heard.n, 2);
	assert_int_equal(store_records(w->s[1].n.store), 2);
	assert_int_equal(store_records(w->s[2].n.store), 0);
}

static void
address_change_is_told_at_once_when_wished(void **state)
{
	struct world *w = *state;
	struct rec rec;

	w->s[0].conf.push_on_address_change = true;
	world_up(w, 2);
	net_registers(&w->s[0].n, NB_OP_REGISTER, "HOSTA<20>", 0x6000, HOST(10));
	world_pass(w, 1000);
	net_ask(&w->s[0].n, NB_OP_RELEASE, 2, "HOSTA<20>", 0x6000, HOST(10));
	(void)wins_commit(w->s[0].n.w, w->now);
	while (wins_out(w->s[0].n.w))
		;
	net_registers(&w->s[0].n, NB_OP_REGISTER, "HOSTA<20>", 0x6000, HOST(11));
	world_pass(w, 1000);
	assert_true(heard.n >= 1);
	/* Of this server alone, and all that it has (3.7). */
	assert_true(heard.v[heard.n - 1].m.propagate);
	assert_int_equal(heard.v[heard.n - 1].m.initiator.v, SITE(0).v);
	assert_int_equal(heard.v[heard.n - 1].m.count, 1);
	assert_int_equal(heard.v[heard.n - 1].owner[0].ip.v, SITE(0).v);
	assert_int_equal(
	    heard.v[heard.n - 1].owner[0].max, store_next_version(w->s[0].n.store).v - 1);
	assert_true(server_has(w, 1, "HOSTA<20>", &rec));
	assert_int_equal(rec.addr[0].ip.v, HOST(11).v);
}

static void
third_failure_in_five_minutes_silences_notices(void **state)
{
	struct world *w = *state;

	w->s[0].conf.retry_interval = 20;
	world_up(w, 2);
	w->s[1].unreachable = true;
	assert_int_equal(repl_push_now(w->s[0].r, SITE(1), false, w->mnow, w->now), 0);
	world_run(w);
	for (int i = 0; i < 4; i++)
		world_pass(w, 20000);
	assert_int_equal(w->s[0].connects, 3);
	assert_true(net_told(&w->s[0].n, EV_PUSH_NTF_FAILED));
	assert_int_equal(repl_push_now(w->s[0].r, SITE(1), false, w->mnow, w->now), 0);
	world_run(w);
	assert_int_equal(w->s[0].connects, 3);
	w->s[1].unreachable = false;
	world_pass(w, 300000);
	assert_int_equal(repl_push_now(w->s[0].r, SITE(1), false, w->mnow, w->now), 0);
	world_run(w);
	assert_int_equal(heard.n, 1);
}

static void
partner_that_is_not_to_be_told_is_not(void **state)
{
	struct world *w = *state;

	w->s[0].conf.partner[0].push = false;
	w->s[0].conf.partner[0].update_count = 1;
	world_up(w, 2);
	server_fill(w, 0, 0, 3, 1);
	world_pass(w, 1000);
	assert_int_equal(repl_push_now(w->s[0].r, IP4_ANY, false, w->mnow, w->now), 0);
	world_run(w);
	assert_int_equal(heard.n, 0);
	assert_int_equal(
	    repl_push_now(w->s[0].r, IP4(1, 2, 3, 4), false, w->mnow, w->now), NBT_ENOENT);
}

static void
changes_during_a_pull_are_pulled_after_it(void **state)
{
	struct world *w = *state;

	w->s[0].conf.partner[0].update_count = 1;
	world_up(w, 2);
	server_fill(w, 0, 0, 50, 1);
	assert_int_equal(repl_pull_now(w->s[1].r, SITE(0), w->mnow, w->now), 0);
	for (int i = 0; i < 10; i++) {
		for (int k = 0; k < 2; k++) {
			(void)server_drain(w, k);
			(void)pipe_move(w, &w->pipe[0], k);
			(void)repl_step(w->s[k].r, w->mnow, w->now);
		}
	}
	server_fill(w, 0, 50, 50, 1);
	world_run(w);
	world_pass(w, 1000);
	world_pass(w, 0);
	assert_int_equal(store_records(w->s[1].n.store), 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TWO(t)   cmocka_unit_test_setup_teardown(t, hear_two, teardown)
#define THREE(t) cmocka_unit_test_setup_teardown(t, hear_three, teardown)
		TWO(told_after_so_many_changes_and_not_before),
		TWO(persistent_notice_is_pulled_over_the_pullers_own_connection),
		TWO(other_notice_is_pulled_over_the_same_stream_which_ends),
		TWO(told_at_start),
		TWO(plain_notice_lists_all_owners_propagated_one_only_itself),
		THREE(propagated_notice_is_told_on_but_not_back),
		THREE(notices_do_not_put_the_planned_pull_off),
		THREE(notice_that_brought_nothing_or_may_not_is_not_told_on),
		TWO(address_change_is_told_at_once_when_wished),
		TWO(third_failure_in_five_minutes_silences_notices),
		TWO(partner_that_is_not_to_be_told_is_not),
		TWO(changes_during_a_pull_are_pulled_after_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
