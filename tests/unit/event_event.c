/* SPDX-License-Identifier: Apache-2.0 */
/* The event table and its sentences: every event prints, nothing a peer sent breaks a line. */
#include "event/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* The widest an event can be: every byte of name, scope and text needs four characters. */
static struct event
widest(int id)
{
	struct event ev = { .id = (uint16_t)id,
		.has_key = true,
		.peer = IP4_BROADCAST,
		.other = IP4_BROADCAST,
		.number = UINT64_MAX,
		.suppressed = UINT32_MAX };

	memset(&ev.key.name, 0xff, sizeof(ev.key.name));
	memset(ev.key.scope.b, 0xff, sizeof(ev.key.scope.b));
	for (int i = 0; i < 4; i++)
		ev.key.scope.b[i * 64] = i < 3 ? 63 : 62;
	ev.key.scope.len = NB_SCOPE_WIRE;
	memset(ev.text, 0x80, sizeof(ev.text));
	return ev;
}

static bool
is_one_clean_line(const char *text)
{
	for (; *text; text++)
		if (*text < 0x20 || *text >= 0x7f)
			return false;
	return true;
}

static void
every_event_prints_whole_at_its_widest(void **state)
{
	char buf[EVENT_STRLEN + 1];

	for (int id = 0; id < EV_COUNT; id++) {
		struct event ev = widest(id);

		buf[EVENT_STRLEN] = 'x';
		assert_ptr_equal(event_print(&ev, buf), buf);
		assert_int_equal(buf[EVENT_STRLEN], 'x');
		assert_true(is_one_clean_line(buf));
		/* whole: what comes last was not cut off */
		assert_non_null(strstr(buf, " (4294967295 more like it were not told.)"));
	}
}

static void
every_event_has_a_sentence_a_number_and_advice_when_something_is_wrong(void **state)
{
	for (int id = 0; id < EV_COUNT; id++) {
		const char *sentence = event_sentence(id), *advice = event_advice(id);

		assert_true(strlen(sentence) > 20);
		assert_int_equal(sentence[strlen(sentence) - 1], '.');
		if (event_severity(id) <= EVENT_WARNING)
			assert_true(strlen(advice) > 20);
		if (id > 0)
			assert_true(event_number(id) > event_number(id - 1));
		assert_int_equal(event_number(id) >= 10000, !strcmp(event_source(id), "Winsome"));
	}
}

static void
windows_numbers_are_windows_numbers(void **state)
{
	assert_int_equal(event_number(EV_WINS_OPERATIONAL), 4097);
	assert_int_equal(event_number(EV_ORDERLY_SHUTDOWN), 4098);
	assert_int_equal(event_number(EV_INVALID_OPCODE), 4101);
	assert_int_equal(event_number(EV_ADJ_TIME_INTVL), 4151);
	assert_int_equal(event_number(EV_ADMIN_SCV_INITIATED), 4328);
	assert_string_equal(event_source(EV_WINS_OPERATIONAL), "Wins");
	assert_string_equal(event_symbol(EV_WINS_OPERATIONAL), "WINS_OPERATIONAL");
	assert_string_equal(event_severity_name(event_severity(EV_WINS_OPERATIONAL)), "notice");
	assert_string_equal(event_severity_name(EVENT_ERROR), "error");
	assert_string_equal(event_severity_name(EVENT_INFO), "info");
}

static void
a_defended_name_shows_name_claimant_and_owner(void **state)
{
	struct event ev = { .id = EV_NAME_DEFENDED,
		.has_key = true,
		.peer = IP4(192, 0, 2, 7),
		.other = IP4(198, 51, 100, 9) };
	char buf[EVENT_STRLEN];

	memcpy(ev.key.name.b, "OFFICE          ", NB_NAME_LEN);
	ev.key.name.b[15] = 0x20;
	assert_string_equal(event_print(&ev, buf),
	    "The claim of 192.0.2.7 to the name OFFICE<20> was refused: 198.51.100.9 has the name "
	    "and answered for it.");
}

static void
hostile_names_and_texts_are_escaped(void **state)
{
	struct event ev = { .id = EV_RECORD_DELETED, .has_key = true };
	char buf[EVENT_STRLEN];

	memcpy(ev.key.name.b, "A\nB\x1b<%d>        ", NB_NAME_LEN);
	ev.key.name.b[15] = 0;
	event_print(&ev, buf);
	assert_true(is_one_clean_line(buf));
	assert_non_null(strstr(buf, "A\\x0aB\\x1b\\x3c%d\\x3e<00>"));

	ev = (struct event){ .id = EV_SNAPSHOT_FAILED, .text = "a\nb\x1b[2J\x7f" };
	event_print(&ev, buf);
	assert_true(is_one_clean_line(buf));
	assert_non_null(strstr(buf, ": a\\x0ab\\x1b[2J\\x7f."));
}

static void
a_missing_name_is_told_as_missing(void **state)
{
	struct event ev = { .id = EV_RECORD_DELETED, .number = 7 };
	char buf[EVENT_STRLEN];

	assert_string_equal(
	    event_print(&ev, buf), "An administrator (user 7) deleted the record (no name).");
}

static void
what_strangers_bring_about_is_limited(void **state)
{
	static const int theirs[] = { EV_NAME_DEFENDED, EV_NAME_TAKEN_OVER, EV_NAME_GIVEN_UP,
		EV_CLAIM_REFUSED_STATIC, EV_CLAIM_REFUSED_GROUP, EV_CLAIM_REFUSED_SOURCE,
		EV_NAME_BLOCKED, EV_RELEASE_ADDRESS_MISMATCH, EV_RELEASE_TYPE_MISMATCH,
		EV_PROBE_TABLE_FULL, EV_CHALLENGE_CROWDED, EV_QUEUE_FULL, EV_BURST_BEGAN,
		EV_BURST_ENDED, EV_TCP_FULL, EV_FLOOD, EV_FLOOD_ENDED, EV_QUEUE_SHARE,
		EV_ADDRESS_FULL, EV_NAMES_FULL, EV_RELEASE_BY_STRANGER, EV_NAME_TAKEN_UNASKED,
		EV_CLAIM_REFUSED_DEAD_GROUP, EV_CLAIM_REFUSED_OWN, EV_NAME_SETTLED_HERE,
		EV_NO_MEMORY, EV_NAME_TAKEN_AFTER_RELEASE, EV_RELEASE_DENIED, EV_NAMES_RESERVED,
		EV_NAME_MADE_ROOM };

	for (size_t i = 0; i < sizeof(theirs) / sizeof(*theirs); i++)
		if (!event_limited(theirs[i]))
			fail_msg("%s", event_symbol(theirs[i]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_event_prints_whole_at_its_widest),
		cmocka_unit_test(
		    every_event_has_a_sentence_a_number_and_advice_when_something_is_wrong),
		cmocka_unit_test(windows_numbers_are_windows_numbers),
		cmocka_unit_test(a_defended_name_shows_name_claimant_and_owner),
		cmocka_unit_test(hostile_names_and_texts_are_escaped),
		cmocka_unit_test(a_missing_name_is_told_as_missing),
		cmocka_unit_test(what_strangers_bring_about_is_limited),
	};

	return cmocka_run_group_tests_name("event_event", tests, NULL, NULL);
}
