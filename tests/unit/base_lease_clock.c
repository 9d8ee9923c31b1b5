/* SPDX-License-Identifier: Apache-2.0 */
/* The clock of leases: readings of the machine's clocks in, what it says out, as a table. */
#include "base/lease_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define SECOND INT64_C(1000000000)
#define DAY    86400
#define YEAR   (INT64_C(365) * DAY)
#define START  1700000000

/* So many readings, one every so many seconds, with the machine's clock set by so much before the first. */
struct row {
	const char *label;
	int64_t set_by; /* seconds */
	unsigned readings;
	int64_t every;  /* seconds */
	int64_t step;   /* what the first reading tells */
	int64_t passes; /* seconds by which the clock of leases goes on */
	int64_t offset; /* afterwards */
};

static const struct row rows[] = {
	{ "nothing is set: it goes on with the time", 0, 100, 1, 0, 100, 0 },
	{ "a minute forward: followed, slowly", 60, 64 * 60, 1, 0, 64 * 60 + 60, 0 },
	{ "a minute back: followed, slowly", -60, 64 * 60, 1, 0, 64 * 60 - 60, 0 },
	{ "a second forward: there after 64 seconds", 1, 64, 1, 0, 65, 0 },
	{ "a second forward, not yet there after 32", 1, 32, 1, 0, 32, 0 },
	{ "a minute and a second forward: a step", 61, 100, 1, 61, 100, 61 },
	{ "a minute and a second back: a step", -61, 100, 1, -61, 100, -61 },
	{ "13 days forward: nothing comes sooner", 13 * DAY, 3, 1, 13 * DAY, 3, 13 * DAY },
	{ "ten years back: nothing stays longer", -10 * YEAR, 3, 1, -10 * YEAR, 3, -10 * YEAR },
	{ "ten years forward", 10 * YEAR, 3, 1, 10 * YEAR, 3, 10 * YEAR },
	{ "a long wait between two readings passes", 0, 1, 13 * DAY, 0, 13 * DAY, 0 },
	{ "set while it waited", -DAY, 1, 13 * DAY, -DAY, 13 * DAY, -DAY },
};

struct machine {
	struct lease_clock c;
	struct real real;
	struct mono mono;
};

static void
begin(struct machine *m)
{
	m->real.ns = START * SECOND;
	m->mono.ns = 5 * SECOND;
	lease_clock_start(&m->c, (struct wall){ 0 }, m->real, m->mono);
	assert_int_equal(lease_clock_wall(&m->c).s, START);
}

static int64_t
pass(struct machine *m, int64_t ns)
{
	m->real.ns += ns;
	m->mono.ns += ns;
	return lease_clock_read(&m->c, m->real, m->mono);
}

/* What the machine's clock says more, in seconds, rounded. */
static int64_t
offset_of(const struct lease_clock *c)
{
	return (c->offset_ns + (c->offset_ns < 0 ? -SECOND / 2 : SECOND / 2)) / SECOND;
}

static void
goes_on_with_the_time_whatever_the_machines_clock_is_set_to(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct row *r = &rows[i];
		struct machine m;
		int64_t step = 0;

		begin(&m);
		m.real.ns += r->set_by * SECOND;
		for (unsigned n = 0; n < r->readings; n++) {
			int64_t s = pass(&m, r->every * SECOND);

			if (n == 0)
				step = s;
			else if (s)
				fail_msg("%s: told twice", r->label);
		}
		if (step != r->step || (int64_t)lease_clock_wall(&m.c).s != START + r->passes ||
		    offset_of(&m.c) != r->offset)
			fail_msg("%s: step %lld, passed %lld, offset %lld", r->label,
			    (long long)step, (long long)lease_clock_wall(&m.c).s - START,
			    (long long)offset_of(&m.c));
	}
}

/* 13 days forward for 2.5 seconds, and back. */
static void
a_step_that_is_taken_back_leaves_nothing(void **state)
{
	struct machine m;

	begin(&m);
	m.real.ns += 13 * DAY * SECOND;
	assert_int_equal(pass(&m, SECOND / 2), 13 * DAY);
	assert_int_equal(pass(&m, 2 * SECOND), 0);
	m.real.ns -= 13 * DAY * SECOND;
	assert_int_equal(pass(&m, SECOND / 2), -13 * DAY);
	assert_int_equal(lease_clock_wall(&m.c).s, START + 3);
	assert_int_equal(offset_of(&m.c), 0);
}

/* Steps that are each too small to be told add up to one that is. */
static void
many_small_steps_are_one_large_one(void **state)
{
	struct machine m;
	int64_t told = 0;

	begin(&m);
	for (int i = 0; i < 10000; i++) {
		m.real.ns += 59 * SECOND;
		told += pass(&m, SECOND / 10);
	}
	assert_in_range(lease_clock_wall(&m.c).s - START, 1000, 1000 + 1000 / LEASE_SLEW);
	assert_in_range(told, INT64_C(10000) * 59 - 100, INT64_C(10000) * 59);
}

static void
never_goes_back(void **state)
{
	struct machine m;
	int64_t last;

	begin(&m);
	srandom(1);
	last = m.c.ns;
	for (int i = 0; i < 100000; i++) {
		m.real.ns +=
		    (random() % 2001 - 1000) * (random() % 10 ? SECOND / 10 : SECOND * DAY);
		(void)pass(&m, random() % (2 * SECOND));
		assert_true(m.c.ns >= last);
		last = m.c.ns;
	}
}

static void
a_machine_that_is_too_early_starts_where_the_records_end(void **state)
{
	struct lease_clock c;
	struct mono mono = { 1 };

	lease_clock_start(
	    &c, (struct wall){ START }, (struct real){ (START - YEAR) * SECOND }, mono);
	assert_int_equal(lease_clock_wall(&c).s, START);
	assert_int_equal(offset_of(&c), -YEAR);
	/* the machine's clock is set right after a while */
	mono.ns += 100 * SECOND;
	assert_int_equal(
	    lease_clock_read(&c, (struct real){ (START + 500) * SECOND }, mono), YEAR + 400);
	assert_int_equal(lease_clock_wall(&c).s, START + 100);
}

static void
bears_clocks_that_no_machine_should_have(void **state)
{
	static const int64_t real[] = { INT64_MIN, -1, 0, 1, INT64_MAX,
		INT64_C(4294967296) * SECOND };
	struct lease_clock c;

	for (size_t i = 0; i < sizeof(real) / sizeof(*real); i++) {
		lease_clock_start(
		    &c, (struct wall){ 0 }, (struct real){ real[i] }, (struct mono){ 9 });
		assert_in_range(lease_clock_wall(&c).s, 1, UINT32_MAX - 1);
		for (size_t j = 0; j < sizeof(real) / sizeof(*real); j++) {
			(void)lease_clock_read(&c, (struct real){ real[j] }, (struct mono){ 10 });
			assert_in_range(lease_clock_wall(&c).s, 1, UINT32_MAX - 1);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goes_on_with_the_time_whatever_the_machines_clock_is_set_to),
		cmocka_unit_test(a_step_that_is_taken_back_leaves_nothing),
		cmocka_unit_test(many_small_steps_are_one_large_one),
		cmocka_unit_test(never_goes_back),
		cmocka_unit_test(a_machine_that_is_too_early_starts_where_the_records_end),
		cmocka_unit_test(bears_clocks_that_no_machine_should_have),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
