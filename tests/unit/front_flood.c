/* SPDX-License-Identifier: Apache-2.0 */
/* Who floods, how much of theirs is let in, and when that ends. */
#include "front/flood.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define FAIR (FLOOD_WINDOW / FLOOD_FAIR)
#define BAD  IP4(192, 0, 2, 66)

static const struct mono begin = { 1000000000 };

static struct ip4
host(unsigned n)
{
	return (struct ip4){ 0x0a000000 + n };
}

/* A window in which each of the first n hosts sends `each`, all the time, and the rest are one packet each. */
static void
window(struct flood *f, unsigned n, unsigned each)
{
	unsigned sent = 0;
	bool over = false;

	(void)flood_pressed(f, begin);
	assert_true(f->counting);
	for (unsigned noted = 0; noted < FLOOD_WINDOW; noted++) {
		bool theirs = (noted + 1) * n * each / FLOOD_WINDOW > sent;

		assert_false(over);
		over = flood_note(f, host(theirs ? sent++ % n : 1000000 + noted));
	}
	assert_int_equal(sent, n * each);
	assert_true(over);
}

static struct flood_found
judged(struct flood *f, bool changed)
{
	struct flood_found found;

	assert_int_equal(flood_judge(f, true, begin, &found), changed);
	assert_false(f->counting);
	return found;
}

/* With no more senders than places each count is exact. */
static void
one_above_the_fair_share_floods_and_one_at_it_does_not(void **state)
{
	for (unsigned bad = FAIR; bad <= FAIR + 1; bad++) {
		struct flood f = { 0 };

		(void)state;
		(void)flood_pressed(&f, begin);
		for (unsigned i = 0, sent = 0; i < FLOOD_WINDOW; i++) {
			bool theirs = (i + 1) * bad / FLOOD_WINDOW > sent;

			sent += theirs;
			(void)flood_note(&f, theirs ? BAD : host(0));
		}
		(void)judged(&f, true);
		assert_int_equal(f.nsources, bad > FAIR ? 2 : 1);
	}
}

static void
one_among_thousands_is_found_alone(void **state)
{
	struct flood f = { 0 };
	struct flood_found found;

	(void)state;
	window(&f, 1, FLOOD_WINDOW / 8);
	found = judged(&f, true);
	assert_int_equal(found.fresh, 1);
	assert_int_equal(found.worst.v, host(0).v);
	assert_in_range(found.share, 10, 12);
	assert_int_equal(f.nsources, 1);
}

/* Sites that boot, and a load with several sockets, come one after the other: each in its turn sends much. */
static void
sites_that_come_by_turns_do_not_flood(void **state)
{
	struct flood f = { 0 };

	(void)state;
	for (unsigned missing = 0; missing < 8; missing++) {
		(void)flood_pressed(&f, begin);
		for (unsigned i = 0; i < FLOOD_WINDOW; i++)
			(void)flood_note(&f, i / (FLOOD_WINDOW / 8) == missing ? host(i) : BAD);
		assert_int_equal(judged(&f, false).fresh, 0);
	}
	assert_int_equal(f.shift, 0);
}

static void
who_is_there_in_each_eighth_floods(void **state)
{
	struct flood f = { 0 };

	(void)state;
	(void)flood_pressed(&f, begin);
	for (unsigned i = 0; i < FLOOD_WINDOW; i++) {
		unsigned at = i % (FLOOD_WINDOW / 8);

		/* fewer in each than fair, more in all */
		(void)flood_note(&f, at < FAIR / 8 + 1 ? BAD : host(i / (FLOOD_WINDOW / 16)));
	}
	assert_int_equal(judged(&f, true).fresh, 1);
	assert_int_equal(f.source[0].v, BAD.v);
}

static void
thousands_alike_are_let_in(void **state)
{
	struct flood f = { 0 };

	(void)state;
	window(&f, 0, 0);
	assert_int_equal(judged(&f, false).fresh, 0);
	assert_int_equal(f.shift, 0);
}

static void
nobody_is_kept_out_when_the_buffer_emptied_meanwhile(void **state)
{
	struct flood f = { 0 };
	struct flood_found found;

	(void)state;
	window(&f, 1, FLOOD_WINDOW);
	assert_false(flood_judge(&f, false, begin, &found));
	assert_int_equal(f.nsources, 0);
	assert_int_equal(f.shift, 0);
}

static void
less_is_let_in_while_the_buffer_does_not_empty_but_never_nothing(void **state)
{
	struct flood f = { 0 };

	(void)state;
	assert_false(flood_pressed(&f, begin)); /* nobody is known to flood */
	window(&f, 1, FLOOD_WINDOW);
	assert_int_equal(judged(&f, true).fresh, 1);
	for (unsigned shift = 1; shift < FLOOD_SHIFT; shift++) {
		assert_int_equal(f.shift, shift);
		assert_true(flood_pressed(&f, begin));
	}
	assert_int_equal(f.shift, FLOOD_SHIFT);
	assert_false(flood_pressed(&f, begin));
	assert_int_equal(f.shift, FLOOD_SHIFT);
}

static void
shift_stays_while_the_buffer_empties(void **state)
{
	struct flood f = { 0 };

	(void)state;
	window(&f, 1, FLOOD_WINDOW);
	(void)judged(&f, true);
	flood_wait(&f, f.fall);
	assert_int_equal(f.fall.ns, mono_add_ms(begin, 2 * FLOOD_FALL_MS).ns);
	assert_int_equal(f.shift, 1);
}

static void
known_flooders_are_no_news(void **state)
{
	struct flood f = { 0 };

	(void)state;
	window(&f, 1, FLOOD_WINDOW);
	(void)judged(&f, true);
	window(&f, 1, FLOOD_WINDOW);
	assert_int_equal(judged(&f, false).fresh, 0);
	assert_int_equal(f.nsources, 1);
}

static void
more_is_let_in_by_and_by_until_all_are(void **state)
{
	struct flood f = { 0 };
	struct mono now = begin;

	(void)state;
	window(&f, 3, FLOOD_WINDOW / 4);
	(void)judged(&f, true);
	(void)flood_pressed(&f, begin);
	for (unsigned shift = 2; shift > 0; shift--) {
		assert_int_equal(f.shift, shift);
		assert_int_equal(f.nsources, 3);
		assert_false(flood_calm(&f, (struct mono){ f.fall.ns - 1 }));
		now = f.fall;
		assert_true(flood_calm(&f, now));
	}
	assert_int_equal(f.shift, 0);
	assert_int_equal(f.nsources, 0);
	assert_false(flood_calm(&f, mono_add_ms(now, FLOOD_FALL_MS)));
	assert_int_equal(now.ns, mono_add_ms(begin, 2 * FLOOD_FALL_MS).ns);
}

static void
window_that_nobody_fills_does_not_keep_anybody_out(void **state)
{
	struct flood f = { 0 };

	(void)state;
	window(&f, 1, FLOOD_WINDOW);
	(void)judged(&f, true);
	(void)flood_pressed(&f, begin);
	(void)flood_note(&f, BAD);
	assert_int_equal(f.shift, 2);
	assert_true(flood_calm(&f, f.fall));
	assert_int_equal(f.shift, 1);
	assert_false(f.counting);
}

static void
more_flooders_than_places_are_bounded(void **state)
{
	struct flood f = { 0 };

	(void)state;
	window(&f, 40, FLOOD_WINDOW / 40);
	assert_int_equal(judged(&f, true).fresh, 40);
	(void)flood_pressed(&f, begin);
	while (f.seen < FLOOD_WINDOW)
		(void)flood_note(&f, host(100 + f.seen % 40));
	assert_int_equal(judged(&f, true).fresh, FLOOD_SOURCES - 40);
	assert_int_equal(f.nsources, FLOOD_SOURCES);
}

static void
pressure_while_counting_does_not_begin_anew(void **state)
{
	struct flood f = { 0 };

	(void)state;
	(void)flood_pressed(&f, begin);
	(void)flood_note(&f, BAD);
	(void)flood_pressed(&f, begin);
	assert_int_equal(f.seen, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_above_the_fair_share_floods_and_one_at_it_does_not),
		cmocka_unit_test(one_among_thousands_is_found_alone),
		cmocka_unit_test(sites_that_come_by_turns_do_not_flood),
		cmocka_unit_test(who_is_there_in_each_eighth_floods),
		cmocka_unit_test(thousands_alike_are_let_in),
		cmocka_unit_test(nobody_is_kept_out_when_the_buffer_emptied_meanwhile),
		cmocka_unit_test(less_is_let_in_while_the_buffer_does_not_empty_but_never_nothing),
		cmocka_unit_test(shift_stays_while_the_buffer_empties),
		cmocka_unit_test(known_flooders_are_no_news),
		cmocka_unit_test(more_is_let_in_by_and_by_until_all_are),
		cmocka_unit_test(window_that_nobody_fills_does_not_keep_anybody_out),
		cmocka_unit_test(more_flooders_than_places_are_bounded),
		cmocka_unit_test(pressure_while_counting_does_not_begin_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
