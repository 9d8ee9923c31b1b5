/* SPDX-License-Identifier: Apache-2.0 */
/* The time in the answer to an SMB2 NEGOTIATE: every truncation, every field that makes it no answer. */
#include "replnet/smb_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define TIME_AT (4 + 64 + 40)

/* An answer of 4 + 64 + 65 bytes by MS-SMB2 2.2.4; the time is 2024-02-29 12:34:56.789. */
static void
fill(uint8_t p[static 133])
{
	static const uint8_t time[8] = { 0x50, 0x7c, 0xe6, 0xb3, 0x0b, 0x6b, 0xda, 0x01 };

	memset(p, 0, 133);
	p[3] = 129;
	memcpy(p + 4, "\xfeSMB", 4);
	p[8] = 64;
	p[20] = 1; /* it is an answer */
	p[68] = 65;
	memcpy(p + TIME_AT, time, 8);
}

static void
the_time_is_milliseconds_since_1970(void **state)
{
	uint8_t p[133];
	int64_t ms = 0;

	fill(p);
	assert_int_equal(smb_clock_read(p, sizeof(p), &ms), SMB_CLOCK_KNOWN);
	assert_int_equal(ms, INT64_C(1709210096789));
	memset(p + TIME_AT, 0, 8);
	p[TIME_AT] = 1; /* 1601, before 1970 */
	assert_int_equal(smb_clock_read(p, sizeof(p), &ms), SMB_CLOCK_KNOWN);
	assert_int_equal(ms, -INT64_C(11644473600000));
}

static void
every_truncation_waits_for_more(void **state)
{
	uint8_t whole[133];
	int64_t ms;

	fill(whole);
	for (size_t n = 0; n < SMB_CLOCK_ANSWER; n++) {
		uint8_t *p = malloc(n ? n : 1); /* of that size, for the sanitizer's eye */

		memcpy(p, whole, n);
		assert_int_equal(smb_clock_read(p, n, &ms), SMB_CLOCK_MORE);
		free(p);
	}
	assert_int_equal(smb_clock_read(whole, SMB_CLOCK_ANSWER, &ms), SMB_CLOCK_KNOWN);
}

static void
what_is_no_answer_is_refused(void **state)
{
	static const struct {
		size_t at;
		uint8_t byte;
	} wrong[] = {
		{ 0, 0x83 },           /* a session service's refusal */
		{ 1, 1 },              /* megabytes */
		{ 3, 111 },            /* ends before the time */
		{ 4, 0xff },           /* SMB1 */
		{ 12, 1 },             /* status */
		{ 16, 1 },             /* another command */
		{ 20, 0 },             /* a request */
		{ 68, 9 },             /* the body of an error */
		{ TIME_AT + 7, 0x80 }, /* past all times */
	};
	uint8_t p[133];
	int64_t ms = 7;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		fill(p);
		p[wrong[i].at] = wrong[i].byte;
		assert_int_equal(smb_clock_read(p, sizeof(p), &ms), SMB_CLOCK_NONE);
	}
	fill(p);
	p[3] = 112;
	assert_int_equal(smb_clock_read(p, SMB_CLOCK_ANSWER, &ms), SMB_CLOCK_KNOWN);
	memset(p + TIME_AT, 0, 8);
	assert_int_equal(smb_clock_read(p, sizeof(p), &ms), SMB_CLOCK_NONE);
}

static void
the_request_is_a_negotiate_of_two_dialects(void **state)
{
	static const uint8_t guid[16] = "0123456789abcdef";
	uint8_t p[SMB_CLOCK_ASK];

	smb_clock_ask(guid, p);
	assert_int_equal(p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3], sizeof(p) - 4);
	assert_memory_equal(p + 4, "\xfeSMB\x40\0", 6);
	assert_int_equal(p[68], 36);
	assert_int_equal(p[70], 2);
	assert_memory_equal(p + 80, guid, 16);
	assert_memory_equal(p + 104, "\x02\x02\x10\x02", 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_time_is_milliseconds_since_1970),
		cmocka_unit_test(every_truncation_waits_for_more),
		cmocka_unit_test(what_is_no_answer_is_refused),
		cmocka_unit_test(the_request_is_a_negotiate_of_two_dialects),
	};

	return cmocka_run_group_tests_name("replnet_smb_clock", tests, NULL, NULL);
}
