/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What nbperf takes from a replication partner: answers read in pieces of any size, longer than any
 * buffer too, and what in them is wrong.
 */
#include "nbperf/replies.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define HANDLE   0x1234

static int
set_up(void **state)
{
	*state = replies_new();
	return *state ? 0 : -1;
}

static int
tear_down(void **state)
{
	replies_free(*state);
	return 0;
}

static struct wrepl_record
unique(uint64_t version)
{
	struct wrepl_record r = { .version = version, .node = 1, .naddr = 1 };

	assert_int_equal(nb_key_parse("FRED<20>", 0, &r.key), 0);
	r.addr[0].ip = IP4(192, 0, 2, 7);
	return r;
}

/* An answer with n records of versions from 1 on, every other one a list of addresses. */
static size_t
answer(uint8_t *out, size_t cap, uint32_t n)
{
	size_t len = WREPL_RECORDS_HEAD;

	for (uint32_t i = 0; i < n; i++) {
		struct wrepl_record r = unique(i + 1);

		if (i % 2) {
			r.type = 3;
			r.naddr = REC_ADDR_MAX;
		}
		len += wrepl_record_encode(&r, out + len, cap - len);
	}
	wrepl_records_head(out, HANDLE, n, len);
	return len;
}

static void
put(struct replies *s, const void *bytes, size_t len)
{
	size_t room;
	uint8_t *to = replies_room(s, &room);

	assert_true(len <= room);
	memcpy(to, bytes, len);
	replies_put(s, len);
}

/* The next step, fed with pieces of that size from *at on when more is wanted. */
static enum replies_step
feed(struct replies *s, struct rd *from, size_t piece, struct replies_event *e)
{
	enum replies_step step;

	while ((step = replies_next(s, e)) == REPLIES_WANT && rd_left(from)) {
		size_t n = rd_left(from) < piece ? rd_left(from) : piece;

		put(s, rd_bytes(from, n), n);
	}
	return step;
}

/* ---- pieces ---- */

static void
pieces_of_any_size_give_the_same_records(void **state)
{
	static const size_t pieces[] = { 1, 3, 24, 47, 48, 49, 1000, 100000 };
	static uint8_t bytes[8192];
	const struct wrepl_msg stop = { .kind = WREPL_STOP, .handle = HANDLE, .reason = 4 };
	size_t len = answer(bytes, sizeof(bytes), 9);
	struct replies_event e;

	len += wrepl_encode(&stop, NULL, bytes + len, sizeof(bytes) - len);
	for (size_t i = 0; i < COUNT(pieces); i++) {
		struct rd from = rd_init(bytes, len);

		assert_int_equal(feed(*state, &from, pieces[i], &e), REPLIES_HEAD);
		assert_int_equal(e.msg.handle, HANDLE);
		assert_int_equal(e.msg.count, 9);
		for (uint64_t v = 1; v <= 9; v++) {
			assert_int_equal(feed(*state, &from, pieces[i], &e), REPLIES_RECORD);
			assert_int_equal(e.record.version, v);
			assert_int_equal(e.record.naddr, v % 2 ? 1 : REC_ADDR_MAX);
		}
		assert_int_equal(feed(*state, &from, pieces[i], &e), REPLIES_END);
		assert_int_equal(feed(*state, &from, pieces[i], &e), REPLIES_MESSAGE);
		assert_int_equal(e.msg.kind, WREPL_STOP);
		assert_int_equal(e.msg.reason, 4);
		assert_int_equal(feed(*state, &from, pieces[i], &e), REPLIES_WANT);
	}
}

static void
answer_without_records_ends_at_once(void **state)
{
	uint8_t bytes[WREPL_RECORDS_HEAD];
	struct rd from = rd_init(bytes, answer(bytes, sizeof(bytes), 0));
	struct replies_event e;

	assert_int_equal(feed(*state, &from, 100, &e), REPLIES_HEAD);
	assert_int_equal(e.msg.count, 0);
	assert_int_equal(feed(*state, &from, 100, &e), REPLIES_END);
}

static void
answer_longer_than_any_message_taken_is_read_through(void **state)
{
	const uint32_t n = WREPL_LENGTH_MAX / 48 + 1000;
	uint8_t head[WREPL_RECORDS_HEAD], record[WREPL_RECORD_MAX];
	struct replies_event e;
	struct wrepl_record r = unique(1);
	size_t len = wrepl_record_encode(&r, record, sizeof(record));

	assert_true((uint64_t)n * len > WREPL_LENGTH_MAX);
	wrepl_records_head(head, HANDLE, n, sizeof(head) + n * len);
	put(*state, head, sizeof(head));
	assert_int_equal(replies_next(*state, &e), REPLIES_HEAD);
	for (uint32_t i = 0; i < n; i++) {
		put(*state, record, len);
		assert_int_equal(replies_next(*state, &e), REPLIES_RECORD);
	}
	assert_int_equal(replies_next(*state, &e), REPLIES_END);
}

static void
bytes_behind_the_records_are_passed_over(void **state)
{
	static uint8_t bytes[1024];
	size_t len = answer(bytes, sizeof(bytes), 1) + 7;
	struct replies_event e;

	wrepl_records_head(bytes, HANDLE, 1, len);
	for (int i = 0; i < 2; i++) {
		struct rd from = rd_init(bytes, len);

		assert_int_equal(feed(*state, &from, 5, &e), REPLIES_HEAD);
		assert_int_equal(feed(*state, &from, 5, &e), REPLIES_RECORD);
		assert_int_equal(feed(*state, &from, 5, &e), REPLIES_END);
	}
}

static void
name_that_cannot_be_held_is_told(void **state)
{
	uint8_t bytes[256];
	struct wrepl_record r = unique(1);
	struct replies_event e;
	size_t len;

	assert_int_equal(nb_key_parse("FRED<20>.A.B", 0, &r.key), 0);
	len = WREPL_RECORDS_HEAD;
	len += wrepl_record_encode(&r, bytes + len, sizeof(bytes) - len);
	memcpy(bytes + WREPL_RECORDS_HEAD + 4 + NB_NAME_LEN, "...", 3);
	wrepl_records_head(bytes, HANDLE, 1, len);
	put(*state, bytes, len);
	assert_int_equal(replies_next(*state, &e), REPLIES_HEAD);
	assert_int_equal(replies_next(*state, &e), REPLIES_UNNAMED);
	assert_int_equal(replies_next(*state, &e), REPLIES_END);
}

static void
what_is_malformed_is_told_and_never_waited_for(void **state)
{
	static const struct {
		size_t at; /* the byte that is wrong */
		uint8_t byte;
		enum wrepl_drop drop;
	} rows[] = {
		{ 3, 11, WREPL_DROP_LENGTH },                      /* less than a header */
		{ 3, 17, WREPL_DROP_SHORT },                       /* no room for a count */
		{ 15, 9, WREPL_DROP_TYPE },                        /* of the message */
		{ 23, 2, WREPL_DROP_COUNTS },                      /* one record more than came */
		{ WREPL_RECORDS_HEAD + 3, 15, WREPL_DROP_NAME },   /* a name too short */
		{ WREPL_RECORDS_HEAD + 3, 200, WREPL_DROP_SHORT }, /* a name behind the end */
	};
	uint8_t bytes[256];

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct replies *s = replies_new();
		size_t len = answer(bytes, sizeof(bytes), 1);
		struct rd from = rd_init(bytes, len);
		enum replies_step step;
		struct replies_event e;

		assert_non_null(s);
		bytes[rows[i].at] = rows[i].byte;
		do
			step = feed(s, &from, 10, &e);
		while (step == REPLIES_HEAD || step == REPLIES_RECORD);
		assert_int_equal(step, REPLIES_MALFORMED);
		assert_int_equal(e.drop, rows[i].drop);
		replies_free(s);
	}
}

static void
message_too_long_to_be_taken_is_malformed(void **state)
{
	uint8_t bytes[64];
	const struct wrepl_msg m = { .kind = WREPL_STOP };
	size_t len = wrepl_encode(&m, NULL, bytes, sizeof(bytes));
	struct wr w = wr_init(bytes, WREPL_LENGTH_SIZE);
	struct replies_event e;

	wr_u32(&w, WREPL_LENGTH_MAX);
	put(*state, bytes, len);
	assert_int_equal(replies_next(*state, &e), REPLIES_WANT);
	replies_free(*state);
	assert_int_equal(set_up(state), 0);
	w = wr_init(bytes, WREPL_LENGTH_SIZE);
	wr_u32(&w, WREPL_LENGTH_MAX + 1);
	put(*state, bytes, len);
	assert_int_equal(replies_next(*state, &e), REPLIES_MALFORMED);
	assert_int_equal(e.drop, WREPL_DROP_LENGTH);
}

/* ---- the check ---- */

static struct reply_check
asked(uint64_t min, uint64_t max)
{
	return (struct reply_check){ .owner = IP4(192, 0, 2, 1), .min = min, .max = max };
}

static enum reply_finding
versions(const uint64_t *v, size_t n)
{
	struct reply_check c = asked(10, 20);

	for (size_t i = 0; i < n; i++) {
		struct wrepl_record r = unique(v[i]);

		reply_check_record(&c, &r);
	}
	assert_int_equal(c.records, n);
	assert_int_equal(c.finding != REPLY_RIGHT, c.wrong[0] != 0);
	return c.finding;
}

static void
versions_asked_for_are_right_in_any_order(void **state)
{
	assert_int_equal(versions((uint64_t[]){ 10, 11, 20 }, 3), REPLY_RIGHT);
	assert_int_equal(versions((uint64_t[]){ 20, 10, 11 }, 3), REPLY_RIGHT);
	assert_int_equal(versions(NULL, 0), REPLY_RIGHT);
}

static void
version_outside_the_range_is_found(void **state)
{
	assert_int_equal(versions((uint64_t[]){ 9 }, 1), REPLY_RANGE);
	assert_int_equal(versions((uint64_t[]){ 10, 21 }, 2), REPLY_RANGE);
}

static void
version_twice_in_a_row_is_found(void **state)
{
	assert_int_equal(versions((uint64_t[]){ 10, 12, 12 }, 3), REPLY_TWICE);
}

static void
released_record_is_found_and_other_states_are_right(void **state)
{
	static const enum reply_finding findings[] = { REPLY_RIGHT, REPLY_RELEASED, REPLY_RIGHT,
		REPLY_RIGHT };

	for (uint8_t i = 0; i < COUNT(findings); i++) {
		struct reply_check c = asked(1, 1);
		struct wrepl_record r = unique(1);

		r.state = i;
		reply_check_record(&c, &r);
		assert_int_equal(c.finding, findings[i]);
	}
}

static void
own_records_and_replicas_in_one_answer_are_found(void **state)
{
	struct reply_check c = asked(1, 3);
	struct wrepl_record r = unique(1);

	r.replica = true;
	reply_check_record(&c, &r);
	r.version = 2;
	reply_check_record(&c, &r);
	assert_int_equal(c.finding, REPLY_RIGHT);
	r.version = 3;
	r.replica = false;
	reply_check_record(&c, &r);
	assert_int_equal(c.finding, REPLY_OWNERS);
}

static void
first_fault_is_told_with_owner_range_and_name(void **state)
{
	struct reply_check c = asked(10, 20);
	struct wrepl_record r = unique(21);

	reply_check_record(&c, &r);
	r.state = 1;
	r.version = 20;
	reply_check_record(&c, &r);
	reply_check_malformed(&c, "cut off");
	assert_int_equal(c.finding, REPLY_RANGE);
	assert_string_equal(c.wrong,
	    "owner 192.0.2.1, versions 10 to 20: with a version that was not asked for "
	    "(FRED<20>, version 21)");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    pieces_of_any_size_give_the_same_records, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    answer_without_records_ends_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    answer_longer_than_any_message_taken_is_read_through, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    bytes_behind_the_records_are_passed_over, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    name_that_cannot_be_held_is_told, set_up, tear_down),
		cmocka_unit_test(what_is_malformed_is_told_and_never_waited_for),
		cmocka_unit_test_setup_teardown(
		    message_too_long_to_be_taken_is_malformed, set_up, tear_down),
		cmocka_unit_test(versions_asked_for_are_right_in_any_order),
		cmocka_unit_test(version_outside_the_range_is_found),
		cmocka_unit_test(version_twice_in_a_row_is_found),
		cmocka_unit_test(released_record_is_found_and_other_states_are_right),
		cmocka_unit_test(own_records_and_replicas_in_one_answer_are_found),
		cmocka_unit_test(first_fault_is_told_with_owner_range_and_name),
	};

	return cmocka_run_group_tests_name("nbperf_pull", tests, NULL, NULL);
}
