/* SPDX-License-Identifier: Apache-2.0 */
/* The event history: what it keeps, what it forgets, and the limit of ten a minute. */
#include "event/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static bool
tell(struct event_log *log, int id, uint32_t now)
{
	struct event ev = { .id = (uint16_t)id, .when = { now } };

	return event_log_add(log, &ev, NULL);
}

static void
numbers_events_from_one_and_reads_them_back(void **state)
{
	struct event_log *log;
	struct event got[4];

	assert_int_equal(event_log_new(4, &log), 0);
	assert_int_equal(event_log_last(log), 0);
	assert_int_equal(event_log_read(log, 0, got, 4), 0);
	assert_true(tell(log, EV_WINS_OPERATIONAL, 1));
	assert_true(tell(log, EV_ORDERLY_SHUTDOWN, 2));
	assert_int_equal(event_log_last(log), 2);
	assert_int_equal(event_log_read(log, 0, got, 4), 2);
	assert_int_equal(got[0].seq, 1);
	assert_int_equal(got[0].id, EV_WINS_OPERATIONAL);
	assert_int_equal(got[1].seq, 2);
	assert_int_equal(event_log_read(log, 1, got, 4), 1);
	assert_int_equal(got[0].seq, 2);
	assert_int_equal(event_log_read(log, 2, got, 4), 0);
	assert_int_equal(event_log_read(log, 99, got, 4), 0);
	event_log_free(log);
	event_log_free(NULL);
}

static void
forgets_the_oldest_and_only_that_past_its_capacity(void **state)
{
	struct event_log *log;
	struct event got[4];

	assert_int_equal(event_log_new(3, &log), 0);
	for (uint32_t i = 1; i <= 3; i++)
		tell(log, EV_WINS_OPERATIONAL, i);
	assert_int_equal(event_log_read(log, 0, got, 4), 3);
	assert_int_equal(got[0].seq, 1);
	tell(log, EV_WINS_OPERATIONAL, 4);
	assert_int_equal(event_log_read(log, 0, got, 4), 3);
	assert_int_equal(got[0].seq, 2);
	assert_int_equal(got[2].seq, 4);
	assert_int_equal(got[2].when.s, 4);
	assert_int_equal(event_log_read(log, 0, got, 2), 2);
	assert_int_equal(got[1].seq, 3);
	event_log_free(log);
}

static void
ten_a_minute_pass_and_the_eleventh_is_counted(void **state)
{
	struct event ev = { .id = EV_NAME_DEFENDED, .when = { 1060 } }, kept;
	struct event_log *log;

	assert_int_equal(event_log_new(100, &log), 0);
	for (uint32_t i = 0; i < EVENT_LIMIT_COUNT; i++)
		assert_true(tell(log, EV_NAME_DEFENDED, 1000 + i));
	assert_false(tell(log, EV_NAME_DEFENDED, 1010));
	assert_false(tell(log, EV_NAME_DEFENDED, 1059));
	assert_int_equal(event_log_last(log), 10);
	/* the first was told at 1000: one place is free again, the rest of the limit is not */
	assert_true(event_log_add(log, &ev, &kept));
	assert_int_equal(kept.suppressed, 2);
	assert_int_equal(kept.seq, 11);
	assert_false(event_log_add(log, &ev, &kept));
	ev.when.s = 1061;
	assert_true(event_log_add(log, &ev, &kept));
	assert_int_equal(kept.suppressed, 1);
	event_log_free(log);
}

static void
the_limit_of_one_event_does_not_silence_another(void **state)
{
	struct event_log *log;

	assert_int_equal(event_log_new(100, &log), 0);
	for (int i = 0; i <= EVENT_LIMIT_COUNT; i++)
		tell(log, EV_NAME_DEFENDED, 5);
	assert_true(tell(log, EV_NAME_BLOCKED, 5));
	event_log_free(log);
}

static void
what_no_packet_can_trigger_is_never_limited(void **state)
{
	struct event_log *log;

	assert_false(event_limited(EV_STATIC_ADDED));
	assert_int_equal(event_log_new(1, &log), 0);
	for (int i = 0; i < 100; i++)
		assert_true(tell(log, EV_STATIC_ADDED, 5));
	event_log_free(log);
}

static void
a_clock_set_back_does_not_silence_the_log(void **state)
{
	struct event_log *log;

	assert_int_equal(event_log_new(100, &log), 0);
	for (int i = 0; i < EVENT_LIMIT_COUNT; i++)
		assert_true(tell(log, EV_NAME_DEFENDED, 1000000));
	for (int i = 0; i < EVENT_LIMIT_COUNT; i++)
		assert_true(tell(log, EV_NAME_DEFENDED, 1000));
	assert_false(tell(log, EV_NAME_DEFENDED, 1000));
	event_log_free(log);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_events_from_one_and_reads_them_back),
		cmocka_unit_test(forgets_the_oldest_and_only_that_past_its_capacity),
		cmocka_unit_test(ten_a_minute_pass_and_the_eleventh_is_counted),
		cmocka_unit_test(the_limit_of_one_event_does_not_silence_another),
		cmocka_unit_test(what_no_packet_can_trigger_is_never_limited),
		cmocka_unit_test(a_clock_set_back_does_not_silence_the_log),
	};

	return cmocka_run_group_tests_name("event_history", tests, NULL, NULL);
}
