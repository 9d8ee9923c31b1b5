/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One engine and a partner that is the test itself: partners that differ from this server, and ends of
 * pulls that no partner of our own makes.
 */
#include "repl_net.h"

#define PARTNER SITE(1)
#define THEIRS  0x55667788 /* the handle that the test gives itself */

static int
setup(void **state)
{
	struct world *w = world_new(state, 2);

	server_open(w, 0, false);
	w->raw = PARTNER;
	return 0;
}

/* The server pulls: its start is answered, and its map request. Returns its handle. */
static uint32_t
answer_map(struct world *w, uint32_t theirs, uint16_t minor, uint64_t max)
{
	const struct wrepl_owner owner = { .ip = PARTNER, .max = max, .min = 1 };
	struct end *e = w->answering;
	uint32_t handle = raw_expect(w, e, WREPL_START_REQ).sender;
	struct wrepl_msg start = { .kind = WREPL_START_RESP,
		.handle = handle,
		.sender = theirs,
		.major = 2,
		.minor = minor },
			 map = { .kind = WREPL_MAP_RESP, .handle = handle, .count = 1 };

	raw_send(e, start, NULL);
	assert_int_equal(raw_expect(w, e, WREPL_MAP_REQ).handle, theirs);
	raw_send(e, map, &owner);
	return handle;
}

static void
send_no_records(struct end *e, uint32_t handle)
{
	uint8_t none[WREPL_RECORDS_HEAD];

	wrepl_records_head(none, handle, 0, sizeof(none));
	fifo_put(&raw_pipe(e)->end[1].in, none, sizeof(none));
}

static uint64_t
pulls(struct world *w)
{
	struct repl_partner_view v;

	assert_true(repl_partner_at(w->s[0].r, 0, &v));
	return v.pulls;
}

/* wins 3.5: NT 4 ends each association itself and expects the same. */
static void
connection_of_minor_version_1_is_not_kept(void **state)
{
	struct world *w = *state;
	uint16_t minor[] = { 5, 1 };

	for (int i = 0; i < 2; i++) {
		uint32_t handle;

		server_pull(w, 0, PARTNER);
		handle = answer_map(w, THEIRS, minor[i], (uint64_t)i + 1);
		(void)raw_expect(w, w->answering, WREPL_RECORDS_REQ);
		send_no_records(w->answering, handle);
		world_run(w);
		assert_int_equal(pulls(w), i + 1);
		assert_int_equal(server_knows(w, 0, PARTNER), i + 1);
		assert_int_equal(raw_closed(w->answering), minor[i] == 1);
		if (minor[i] == 5) /* the next pull is to make a new one */
			pipe_cut(w, raw_pipe(w->answering));
		else
			assert_int_equal(raw_expect(w, w->answering, WREPL_STOP).reason, 0);
	}
	assert_int_equal(w->s[0].connects, 2);
}

/* Also not the one that it made, which of a newer partner may idle for ever. */
static void
accepted_connection_of_minor_version_1_may_not_idle(void **state)
{
	struct wrepl_msg start = {
		.kind = WREPL_START_REQ, .sender = THEIRS, .major = 2, .minor = 1
	};
	struct world *w = *state;
	struct end *e = raw_open(w, 0, PARTNER);

	raw_send(e, start, NULL);
	(void)raw_expect(w, e, WREPL_START_RESP);
	world_pass(w, 59999);
	assert_false(raw_closed(e));
	world_pass(w, 1);
	assert_true(raw_closed(e));
}

static void
handle_may_be_0(void **state)
{
	struct world *w = *state;
	uint32_t handle;

	server_pull(w, 0, PARTNER);
	handle = answer_map(w, 0, 5, 9);
	assert_int_equal(raw_expect(w, w->answering, WREPL_RECORDS_REQ).handle, 0);
	send_no_records(w->answering, handle);
	world_run(w);
	assert_int_equal(pulls(w), 1);
	/* The association stands and serves again. */
	server_pull(w, 0, PARTNER);
	assert_int_equal(raw_expect(w, w->answering, WREPL_MAP_REQ).handle, 0);
	assert_int_equal(w->s[0].connects, 1);
}

/* wins 3.5: over a notice's own connection the puller is the one that stops it, with the partner's
 * handle, whatever number that is. */
static void
pull_over_a_notices_connection_ends_with_a_stop(void **state)
{
	struct world *w = *state;

	for (uint32_t theirs = 0; theirs < 2; theirs++) {
		const struct wrepl_owner owner = { .ip = PARTNER, .max = theirs + 4, .min = 1 };
		struct wrepl_msg m = {
			.kind = WREPL_START_REQ, .sender = theirs, .major = 2, .minor = 5
		};
		struct end *e = raw_open(w, 0, PARTNER);
		uint32_t handle;

		raw_send(e, m, NULL);
		handle = raw_expect(w, e, WREPL_START_RESP).sender;
		m = (struct wrepl_msg){
			.kind = WREPL_NOTIFY, .handle = handle, .initiator = PARTNER, .count = 1
		};
		raw_send(e, m, &owner);
		assert_int_equal(raw_expect(w, e, WREPL_RECORDS_REQ).handle, theirs);
		send_no_records(e, handle);
		m = raw_expect(w, e, WREPL_STOP);
		assert_int_equal(m.handle, theirs);
		assert_int_equal(m.reason, 0);
		assert_true(raw_closed(e));
		assert_int_equal(server_knows(w, 0, PARTNER), theirs + 4);
		pipe_cut(w, raw_pipe(e));
	}
	assert_int_equal(w->s[0].connects, 0);
}

/* wins 3.2: 16 MiB are the most that is taken; the next try asks for half. */
static void
range_that_brings_too_much_is_asked_for_in_halves(void **state)
{
	static const uint64_t asked[] = { 30000, 15001, 7501, 3751 };
	struct world *w = *state;
	uint32_t handle;

	server_pull(w, 0, PARTNER);
	for (int i = 0; i < 4; i++) {
		const uint32_t length =
		    htobe32((16u << 20) + (i < 3)); /* at the bound: not too much */
		struct wrepl_msg m;

		handle = answer_map(w, THEIRS, 5, 100000);
		m = raw_expect(w, w->answering, WREPL_RECORDS_REQ);
		assert_int_equal(m.wanted.min, 1);
		assert_int_equal(m.wanted.max, asked[i]);
		fifo_put(&raw_pipe(w->answering)->end[1].in, (const uint8_t *)&length, 4);
		world_run(w);
		assert_int_equal(raw_closed(w->answering), i < 3);
		assert_int_equal(server_knows(w, 0, PARTNER), 0);
		if (i == 3)
			break;
		pipe_cut(w, raw_pipe(w->answering));
		world_pass(w, 10000);
	}
	/* It was tried as often as is to be; what was learned is kept until a pull goes well. */
	pipe_cut(w, raw_pipe(w->answering));
	server_pull(w, 0, PARTNER);
	handle = answer_map(w, THEIRS, 5, 3751 + 2);
	assert_int_equal(raw_expect(w, w->answering, WREPL_RECORDS_REQ).wanted.max, 3751);
	send_no_records(w->answering, handle);
	/* An empty range is no reason to widen past the size that was too much. */
	assert_int_equal(raw_expect(w, w->answering, WREPL_RECORDS_REQ).wanted.max, 3753);
	send_no_records(w->answering, handle);
	world_run(w);
	assert_int_equal(pulls(w), 1);
	assert_int_equal(server_knows(w, 0, PARTNER), 3753);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
		T(connection_of_minor_version_1_is_not_kept),
		T(accepted_connection_of_minor_version_1_may_not_idle),
		T(handle_may_be_0),
		T(pull_over_a_notices_connection_ends_with_a_stop),
		T(range_that_brings_too_much_is_asked_for_in_halves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
