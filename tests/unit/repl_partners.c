/* SPDX-License-Identifier: Apache-2.0 */
/* Partners as people see them: plans, convergence, clocks, and those that find themselves. */
#include "repl_net.h"

static void
first_pull_waits_for_its_time_of_day(void **state)
{
	struct world *w = *state;
	struct repl_partner_view v;
	uint32_t today = w->now.s % 86400;

	w->s[1].conf.partner[0].pull_interval = 600;
	w->s[1].conf.partner[0].pull_start = today + 5000;
	w->s[1].conf.partner[1].pull_interval = 600;
	w->s[1].conf.partner[1].pull_start = today - 1;
	world_up(w, 2);
	world_pass(w, 4999000);
	assert_true(repl_partner_at(w->s[1].r, 0, &v));
	assert_int_equal(v.last_pull_tried.s, 0);
	assert_true(repl_partner_at(w->s[1].r, 1, &v));
	assert_int_not_equal(v.last_pull_tried.s, 0);
	world_pass(w, 1000);
	assert_true(repl_partner_at(w->s[1].r, 0, &v));
	assert_int_equal(v.pulls, 1);
}

static void
clock_that_differs_is_told_once_until_it_is_right(void **state)
{
	struct world *w = *state;
	struct repl_partner_view v;

	server_open(w, 0, false);
	repl_clock(w->s[0].r, SITE(1), 60999, w->now);
	assert_false(net_told(&w->s[0].n, EV_PARTNER_SKEW));
	repl_clock(w->s[0].r, SITE(1), -61000, w->now);
	repl_clock(w->s[0].r, SITE(1), -62000, w->now);
	assert_int_equal(w->s[0].n.nevents, 1);
	assert_int_equal(w->s[0].n.events[0].number, 61);
	assert_true(repl_partner_at(w->s[0].r, 0, &v));
	assert_true(v.has_clock);
	assert_int_equal(v.clock_ms, -62000);
	repl_clock(w->s[0].r, SITE(1), 0, w->now);
	repl_clock(w->s[0].r, SITE(1), 61000, w->now);
	assert_int_equal(w->s[0].n.nevents, 2);
}

static struct repl_owner_view
owner(struct world *w, int i, struct ip4 which)
{
	struct repl_owner_view v;
	struct ip4 at = which;

	assert_true(repl_owner_next(w->s[i].r, &at, &v));
	assert_int_equal(v.owner.v, which.v);
	return v;
}

static void
convergence_says_who_lacks_what(void **state)
{
	struct world *w = *state;
	struct repl_owner_view v;
	struct repl_partner_view p;

	world_up(w, 3);
	server_fill(w, 0, 0, 10, 1);
	server_pull(w, 1, SITE(0));
	server_fill(w, 0, 10, 10, 1);
	server_pull(w, 2, SITE(0));
	server_pull(w, 2, SITE(1));
	v = owner(w, 2, SITE(0));
	assert_int_equal(v.here, 20);
	assert_int_equal(v.highest, 20);
	assert_int_equal(v.nlacking, 1);
	assert_int_equal(v.lacking[0].server.v, SITE(1).v);
	assert_int_equal(v.lacking[0].max, 10);
	assert_int_equal(v.lacking[0].since.s, w->now.s);
	server_pull(w, 1, SITE(0));
	server_pull(w, 2, SITE(1));
	assert_int_equal(owner(w, 2, SITE(0)).nlacking, 0);
	assert_true(repl_partner_at(w->s[2].r, 0, &p));
	assert_int_equal(p.lag, 0);
	v = owner(w, 2, SITE(2));
	assert_true(v.own);
}

static void
own_lag_is_seen_of_a_blocked_owner(void **state)
{
	struct world *w = *state;
	struct repl_owner_view v;

	w->s[2].conf.nfilter = 1;
	w->s[2].conf.filter[0] = SITE(0);
	world_up(w, 3);
	server_fill(w, 0, 0, 10, 1);
	server_pull(w, 2, SITE(0));
	v = owner(w, 2, SITE(0));
	assert_true(v.blocked);
	assert_int_equal(v.here, 0);
	assert_int_equal(v.highest, 10);
	assert_int_equal(v.highest_at.v, SITE(0).v);
}

static void
announce(struct world *w, int to, bool up, struct ip4 from, unsigned n, const struct ip4 *addr)
{
	struct wrepl_discovery d = { .up = up, .naddr = (uint8_t)n };
	uint8_t buf[WREPL_DISCOVERY_MAX];
	size_t len;

	memcpy(d.addr, addr, n * sizeof(*addr));
	len = wrepl_discovery_encode(&d, buf);
	repl_discovered(w->s[to].r, buf, len, from, w->mnow, w->now);
}

static void
announced_server_becomes_a_partner_until_it_ends(void **state)
{
	struct world *w = *state;
	struct ip4 two[2] = { SITE(1), SITE(2) };
	struct repl_partner_view v;

	w->s[0].conf.npartners = 1; /* SITE(1) */
	w->s[0].conf.discover = true;
	server_open(w, 0, false);
	world_pass(w, 0);
	assert_true(w->s[0].announced > 0);
	announce(w, 0, true, SITE(2), 2, two);
	assert_int_equal(repl_partners(w->s[0].r), 2);
	assert_true(repl_partner_at(w->s[0].r, 1, &v));
	assert_true(v.self_found);
	assert_int_equal(v.conf.pull_interval, 7200);
	assert_true(net_told(&w->s[0].n, EV_PARTNER_FOUND));
	announce(w, 0, false, SITE(2), 2, two);
	assert_int_equal(repl_partners(w->s[0].r), 1);
	assert_true(net_told(&w->s[0].n, EV_PARTNER_LOST));
}

static void
announcements_that_do_not_count_change_nothing(void **state)
{
	struct world *w = *state;
	struct ip4 other = SITE(2), self = SITE(0), silly = IP4(127, 0, 0, 1);

	w->s[0].conf.npartners = 0;
	server_open(w, 0, false);
	announce(w, 0, true, SITE(2), 1, &other); /* the option is off */
	w->s[0].conf.discover = true;
	repl_reconf(w->s[0].r, &w->s[0].conf, w->mnow, w->now);
	announce(w, 0, true, SITE(0), 1, &self);  /* its own */
	announce(w, 0, true, SITE(1), 1, &other); /* for somebody else */
	announce(w, 0, true, silly, 1, &silly);   /* no host's */
	repl_discovered(w->s[0].r, (const uint8_t *)"x", 1, SITE(2), w->mnow, w->now);
	assert_int_equal(repl_partners(w->s[0].r), 0);
}

static void
partners_are_bounded(void **state)
{
	struct world *w = *state;

	w->s[0].conf.npartners = 0;
	w->s[0].conf.discover = true;
	server_open(w, 0, false);
	for (unsigned i = 0; i < REPL_PARTNERS_MAX + 5; i++) {
		struct ip4 ip = { IP4(10, 7, 0, 0).v + i + 1 };

		announce(w, 0, true, ip, 1, &ip);
	}
	assert_int_equal(repl_partners(w->s[0].r), REPL_PARTNERS_MAX);
}

static void
end_is_announced(void **state)
{
	struct wrepl_discovery d;
	struct world *w = *state;

	w->s[0].conf.discover = true;
	server_open(w, 0, false);
	repl_end(w->s[0].r, w->mnow, w->now);
	world_run(w);
	assert_int_equal(
	    wrepl_discovery_decode(w->s[0].announcement, w->s[0].announced, &d), WREPL_DROP_NONE);
	assert_false(d.up);
	assert_int_equal(d.addr[0].v, SITE(0).v);
}

static void
new_partner_of_a_reload_is_pulled_from(void **state)
{
	struct world *w = *state;

	w->s[1].conf.npartners = 0;
	w->s[1].conf.pull_at_start = true;
	world_up(w, 2);
	server_fill(w, 0, 0, 4, 1);
	world_pass(w, 1000);
	assert_int_equal(store_records(w->s[1].n.store), 0);
	w->s[1].conf.npartners = 1;
	repl_reconf(w->s[1].r, &w->s[1].conf, w->mnow, w->now);
	world_pass(w, 0);
	assert_int_equal(store_records(w->s[1].n.store), 4);
}

static void
wishes_for_unknown_partners_are_refused(void **state)
{
	struct world *w = *state;

	server_open(w, 0, false);
	assert_int_equal(repl_pull_now(w->s[0].r, IP4(10, 9, 9, 9), w->mnow, w->now), NBT_ENOENT);
	assert_int_equal(repl_pull_now(w->s[0].r, SITE(1), w->mnow, w->now), 0);
	assert_int_equal(repl_pull_now(w->s[0].r, SITE(1), w->mnow, w->now), NBT_EBUSY);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(t) cmocka_unit_test_setup_teardown(t, setup_three, teardown)
		T(first_pull_waits_for_its_time_of_day),
		T(clock_that_differs_is_told_once_until_it_is_right),
		T(convergence_says_who_lacks_what),
		T(own_lag_is_seen_of_a_blocked_owner),
		T(announced_server_becomes_a_partner_until_it_ends),
		T(announcements_that_do_not_count_change_nothing),
		T(partners_are_bounded),
		T(end_is_announced),
		T(new_partner_of_a_reload_is_pulled_from),
		T(wishes_for_unknown_partners_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
