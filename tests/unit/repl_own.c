/* SPDX-License-Identifier: Apache-2.0 */
/* The version counter's guard (wins 1.6): takeover, lost disks, backups, late partners. */
#include "repl_net.h"

/* Server 0 loses its disk. */
static void
lose(struct world *w, int i)
{
	char cmd[128];

	server_down(w, i);
	snprintf(cmd, sizeof(cmd), "rm -rf '%s'/*", w->s[i].n.dir);
	assert_int_equal(system(cmd), 0);
}

static void
lost_disk_comes_back_and_no_version_is_given_twice(void **state)
{
	struct world *w = *state;
	struct rec rec;

	world_up(w, 3);
	server_fill(w, 0, 0, 40, 1);
	server_pull(w, 1, SITE(0));
	server_fill(w, 0, 40, 60, 1);
	server_pull(w, 2, SITE(0));
	lose(w, 0);
	server_open(w, 0, true);
	assert_true(wins_paused(w->s[0].n.w));
	assert_true(net_told(&w->s[0].n, EV_VERSIONS_ASKED));
	net_ask(&w->s[0].n, NB_OP_REGISTER, 3, "EARLY<20>", 0x6000, HOST(9));
	net_silent(&w->s[0].n);
	world_pass(w, 0);
	assert_false(wins_paused(w->s[0].n.w));
	assert_true(net_told(&w->s[0].n, EV_VERSIONS_KNOWN));
	assert_true(net_told(&w->s[0].n, EV_ADJ_VERS_NO));
	assert_int_equal(store_records(w->s[0].n.store), 100);
	assert_true(server_has(w, 0, "NAME000099<20>", &rec));
	assert_true(rec_is_own(&rec));
	assert_int_equal(rec.version.v, 100);
	net_registers(&w->s[0].n, NB_OP_REGISTER, "LATE<20>", 0x6000, HOST(9));
	assert_true(server_has(w, 0, "LATE<20>", &rec));
	assert_true(rec.version.v > 100);
	server_pull(w, 1, SITE(0));
	assert_true(server_has(w, 1, "LATE<20>", &rec));
}

static void
versions_that_no_partner_saw_are_leapt_over(void **state)
{
	struct world *w = *state;

	w->s[0].conf.npartners = 1;
	world_up(w, 2);
	server_fill(w, 0, 0, 50, 1);
	server_pull(w, 1, SITE(0));
	server_fill(w, 0, 50, 10, 1); /* on their way to somebody, perhaps */
	lose(w, 0);
	server_open(w, 0, true);
	world_pass(w, 0);
	assert_false(wins_paused(w->s[0].n.w));
	assert_int_equal(store_records(w->s[0].n.store), 50);
	assert_true(store_next_version(w->s[0].n.store).v > 60);
}

static void
partner_that_saw_more_gives_it_back_after_the_leap(void **state)
{
	struct world *w = *state;
	uint64_t next;

	world_up(w, 3);
	server_fill(w, 0, 0, 50, 1);
	server_pull(w, 1, SITE(0));
	server_fill(w, 0, 50, 10, 1);
	server_pull(w, 2, SITE(0));
	lose(w, 0);
	w->s[2].unreachable = true;
	server_open(w, 0, true);
	world_pass(w, 0);
	world_pass(w, 120000);
	assert_false(wins_paused(w->s[0].n.w));
	assert_int_equal(store_records(w->s[0].n.store), 50);
	next = store_next_version(w->s[0].n.store).v;
	w->s[2].unreachable = false;
	server_pull(w, 0, SITE(2));
	assert_int_equal(store_records(w->s[0].n.store), 60);
	assert_int_equal(store_next_version(w->s[0].n.store).v, next);
}

static void
older_copy_of_a_disk_leaps_too(void **state)
{
	struct world *w = *state;

	w->s[0].conf.npartners = 1;
	world_up(w, 2);
	server_fill(w, 0, 0, 50, 1);
	server_down(w, 0);
	w->s[0].conf.pause = REPL_PAUSE_ALWAYS;
	server_open(w, 0, false);
	world_pass(w, 0);
	assert_false(wins_paused(w->s[0].n.w));
	assert_true(store_next_version(w->s[0].n.store).v > 1000);
}

static void
fresh_server_without_partners_does_not_wait(void **state)
{
	struct world *w = *state;

	w->s[0].conf.npartners = 0;
	server_open(w, 0, true);
	assert_false(wins_paused(w->s[0].n.w));
}

static void
pause_never_does_not_wait_and_always_does(void **state)
{
	struct world *w = *state;

	w->s[0].conf.pause = REPL_PAUSE_NEVER;
	server_open(w, 0, true);
	assert_false(wins_paused(w->s[0].n.w));
	w->s[1].conf.pause = REPL_PAUSE_ALWAYS;
	server_open(w, 1, false);
	assert_true(wins_paused(w->s[1].n.w));
}

static void
silent_partner_is_waited_for_so_long_and_no_longer(void **state)
{
	struct world *w = *state;

	server_open(w, 1, false);
	server_open(w, 0, true);
	world_pass(w, 0);
	world_pass(w, 119000);
	assert_true(wins_paused(w->s[0].n.w));
	assert_false(net_told(&w->s[0].n, EV_VERSIONS_UNSURE));
	world_pass(w, 1000);
	assert_false(wins_paused(w->s[0].n.w));
	assert_true(net_told(&w->s[0].n, EV_VERSIONS_UNSURE));
}

/* The partner answers and then gives nothing of what it said it has: the wait has an end all the same,
 * and what is handed out then lies above the claim. */
static void
own_records_that_do_not_come_are_waited_for_so_long(void **state)
{
	struct world *w = *state;
	struct pipe_ *p;
	struct rec rec;

	w->s[0].conf.npartners = 1;
	world_up(w, 2);
	server_fill(w, 0, 0, 50, 1);
	server_pull(w, 1, SITE(0));
	lose(w, 0);
	w->s[0].conf.message_timeout = 1000;
	server_open(w, 0, true);
	repl_tick(w->s[0].r, w->mnow, w->now);
	while (store_next_version(w->s[0].n.store).v == 1)
		for (int i = 0; i < 2; i++) {
			int e;

			(void)server_drain(w, i);
			p = pipe_of(w, 0, REPL_CONN_OURS + 1, &e);
			(void)(p && pipe_move(w, p, 0));
			p = pipe_of(w, 0, REPL_CONN_OURS + 1, &e);
			(void)(p && pipe_move(w, p, 1));
			(void)repl_step(w->s[i].r, w->mnow, w->now);
		}
	/* From here on the partner is mute. */
	w->s[1].up = false;
	world_pass(w, 119000);
	assert_true(wins_paused(w->s[0].n.w));
	world_pass(w, 1000);
	assert_false(wins_paused(w->s[0].n.w));
	assert_true(net_told(&w->s[0].n, EV_VERSIONS_UNSURE));
	assert_false(net_told(&w->s[0].n, EV_VERSIONS_KNOWN));
	net_registers(&w->s[0].n, NB_OP_REGISTER, "LATE<20>", 0x6000, HOST(9));
	assert_true(server_has(w, 0, "LATE<20>", &rec));
	assert_true(rec.version.v > 50);
	w->s[1].up = true;
}

static void
partner_heard_later_still_raises_the_counter(void **state)
{
	struct world *w = *state;
	struct rec rec;

	world_up(w, 3);
	server_fill(w, 0, 0, 50, 1);
	server_pull(w, 1, SITE(0));
	lose(w, 0);
	w->s[1].unreachable = true;
	server_open(w, 0, true);
	world_pass(w, 0);
	world_pass(w, 120000);
	assert_false(wins_paused(w->s[0].n.w));
	/* It hands out 1 and 2, which mean something else to the partner. */
	net_registers(&w->s[0].n, NB_OP_REGISTER, "NEW1<20>", 0x6000, HOST(1));
	net_registers(&w->s[0].n, NB_OP_REGISTER, "NEW2<20>", 0x6000, HOST(2));
	w->s[1].unreachable = false;
	world_pass(w, 10000);
	server_pull(w, 0, SITE(1));
	assert_true(net_told(&w->s[0].n, EV_ADJ_VERS_NO));
	assert_true(server_has(w, 0, "NEW1<20>", &rec));
	assert_true(rec.version.v > 50);
	assert_true(store_next_version(w->s[0].n.store).v > 51);
	server_pull(w, 1, SITE(0));
	assert_true(server_has(w, 1, "NEW1<20>", &rec));
	assert_true(server_has(w, 1, "NEW2<20>", &rec));
	assert_true(server_has(w, 0, "NAME000049<20>", &rec));
}

static void
impossible_claim_does_not_move_the_counter(void **state)
{
	struct world *w = *state;

	world_up(w, 2);
	assert_int_equal(
	    store_known_set(w->s[1].n.store, SITE(0), (struct version){ UINT64_MAX }), 0);
	assert_int_equal(store_commit(w->s[1].n.store), 0);
	server_pull(w, 0, SITE(1));
	assert_int_equal(store_next_version(w->s[0].n.store).v, 1);
	assert_true(net_told(&w->s[0].n, EV_VERSION_NOT_BELIEVED));
}

/* Server 1 says that it has seen so much of server 0, and server 0 asks it. */
static void
claim(struct world *w, uint64_t version)
{
	assert_int_equal(store_known_set(w->s[1].n.store, SITE(0), (struct version){ version }), 0);
	assert_int_equal(store_commit(w->s[1].n.store), 0);
	server_pull(w, 0, SITE(1));
}

#define LEAP_MAX (UINT64_C(1) << 40)

static void
leap_beyond_a_life_needs_an_administrator(void **state)
{
	struct world *w = *state;
	struct repl *r;
	struct rec rec;

	world_up(w, 2);
	r = w->s[0].r;
	server_fill(w, 0, 0, 5, 1);
	claim(w, 6 + LEAP_MAX);
	assert_int_equal(store_next_version(w->s[0].n.store).v, 6);
	assert_true(net_told(&w->s[0].n, EV_VERSION_HELD));
	assert_false(net_told(&w->s[0].n, EV_ADJ_VERS_NO));
	assert_int_equal(repl_raise_version(r, UINT64_C(1) << 59, w->mnow, w->now), NBT_EINVAL);
	assert_int_equal(repl_raise_version(r, 5, w->mnow, w->now), NBT_EEXIST);
	assert_int_equal(repl_raise_version(r, 6 + LEAP_MAX, w->mnow, w->now), 0);
	assert_true(store_next_version(w->s[0].n.store).v > 6 + LEAP_MAX);
	assert_true(net_told(&w->s[0].n, EV_VERSION_ACCEPTED));
	/* What the partner believes to know gets versions above it. */
	server_pull(w, 0, SITE(1));
	server_pull(w, 1, SITE(0));
	assert_true(server_has(w, 1, "NAME000004<20>", &rec));
}

static void
leaps_add_up_over_claims_and_restarts(void **state)
{
	struct world *w = *state;

	world_up(w, 2);
	claim(w, LEAP_MAX / 2);
	assert_int_equal(store_next_version(w->s[0].n.store).v, LEAP_MAX / 2 + 1);
	server_down(w, 0);
	server_open(w, 0, false);
	claim(w, LEAP_MAX);
	assert_int_equal(store_next_version(w->s[0].n.store).v, LEAP_MAX + 1);
	claim(w, LEAP_MAX + 10000001);
	assert_int_equal(store_next_version(w->s[0].n.store).v, LEAP_MAX + 1);
	assert_true(net_told(&w->s[0].n, EV_VERSION_HELD));
	server_down(w, 0);
	server_open(w, 0, false);
	claim(w, LEAP_MAX + 10000001);
	assert_int_equal(store_next_version(w->s[0].n.store).v, LEAP_MAX + 1);
	/* A few more: such leaps lead nowhere. */
	claim(w, LEAP_MAX + 10000000);
	assert_int_equal(store_next_version(w->s[0].n.store).v, LEAP_MAX + 10000001);
}

static void
owners_own_word_undoes_what_others_said_of_it(void **state)
{
	struct world *w = *state;
	struct rec rec;

	world_up(w, 2);
	server_fill(w, 1, 0, 5, 1);
	assert_int_equal(
	    store_known_set(w->s[0].n.store, SITE(1), (struct version){ WREPL_VERSION_MAX }), 0);
	assert_int_equal(store_commit(w->s[0].n.store), 0);
	server_pull(w, 0, SITE(1));
	assert_true(server_has(w, 0, "NAME000004<20>", &rec));
	assert_int_equal(server_knows(w, 0, SITE(1)), 5);
	assert_true(net_told(&w->s[0].n, EV_KNOWN_FORGOTTEN));
	/* A little more is no lie for certain. */
	assert_int_equal(
	    store_known_set(w->s[0].n.store, SITE(1), (struct version){ LEAP_MAX - 1 }), 0);
	assert_int_equal(store_commit(w->s[0].n.store), 0);
	server_pull(w, 0, SITE(1));
	assert_int_equal(server_knows(w, 0, SITE(1)), LEAP_MAX - 1);
}

static void
claim_of_what_is_there_moves_nothing(void **state)
{
	struct world *w = *state;

	world_up(w, 2);
	server_fill(w, 0, 0, 5, 1);
	server_pull(w, 1, SITE(0));
	server_pull(w, 0, SITE(1));
	assert_int_equal(store_next_version(w->s[0].n.store).v, 6);
	assert_false(net_told(&w->s[0].n, EV_ADJ_VERS_NO));
	assert_int_equal(w->records_requests, 1);
}

static void
what_was_lost_is_remembered_over_a_restart(void **state)
{
	struct world *w = *state;

	world_up(w, 2);
	server_fill(w, 0, 0, 50, 1);
	server_pull(w, 1, SITE(0));
	lose(w, 0);
	server_open(w, 0, false);
	/* The map was seen and the counter raised; then it ends before the records came. */
	assert_int_equal(repl_pull_now(w->s[0].r, SITE(1), w->mnow, w->now), 0);
	while (store_next_version(w->s[0].n.store).v == 1)
		for (int i = 0; i < 2; i++) {
			(void)server_drain(w, i);
			(void)pipe_move(w, &w->pipe[0], i);
			(void)repl_step(w->s[i].r, w->mnow, w->now);
		}
	assert_int_equal(store_records(w->s[0].n.store), 0);
	server_down(w, 0);
	server_open(w, 0, false);
	server_pull(w, 0, SITE(1));
	assert_int_equal(store_records(w->s[0].n.store), 50);
	assert_true(store_next_version(w->s[0].n.store).v > 50);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(t) cmocka_unit_test_setup_teardown(t, setup_three, teardown)
		T(lost_disk_comes_back_and_no_version_is_given_twice),
		T(versions_that_no_partner_saw_are_leapt_over),
		T(partner_that_saw_more_gives_it_back_after_the_leap),
		T(older_copy_of_a_disk_leaps_too),
		T(fresh_server_without_partners_does_not_wait),
		T(pause_never_does_not_wait_and_always_does),
		T(silent_partner_is_waited_for_so_long_and_no_longer),
		T(own_records_that_do_not_come_are_waited_for_so_long),
		T(partner_heard_later_still_raises_the_counter),
		T(impossible_claim_does_not_move_the_counter),
		T(leap_beyond_a_life_needs_an_administrator),
		T(leaps_add_up_over_claims_and_restarts),
		T(owners_own_word_undoes_what_others_said_of_it),
		T(claim_of_what_is_there_moves_nothing),
		T(what_was_lost_is_remembered_over_a_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
