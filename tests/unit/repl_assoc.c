/* SPDX-License-Identifier: Apache-2.0 */
/* Associations with a peer that is the test itself: handles, limits, timeouts, strangers, faults. */
#include "repl_net.h"

#define STRANGER IP4(203, 0, 113, 9)
#define PARTNER  SITE(1)
#define HANDLE   0x11223344

/* Server 0 alone; its partner, 10.0.0.2, is the test. */
static int
setup(void **state)
{
	server_open(world_new(state, 2), 0, false);
	return 0;
}

static struct wrepl_msg
map_request(uint32_t handle)
{
	return (struct wrepl_msg){ .kind = WREPL_MAP_REQ, .handle = handle };
}

static struct wrepl_msg
records_request(uint32_t handle, struct ip4 owner, uint64_t min, uint64_t max)
{
	return (struct wrepl_msg){
		.kind = WREPL_RECORDS_REQ, .handle = handle, .wanted = { owner, max, min, 0 }
	};
}

/* Expects one message of this kind to the test and nothing behind it; returns its count. */
static uint32_t
expect(struct world *w, struct end *e, enum wrepl_kind kind)
{
	struct wrepl_msg m = raw_expect(w, e, kind);

	assert_int_equal(m.handle, HANDLE);
	assert_int_equal(e->in.len, 0);
	return m.count;
}

static void
silent(struct world *w, const struct end *e)
{
	world_run(w);
	assert_int_equal(e->in.len, 0);
	assert_false(raw_closed(e));
}

static void
repeated_start_gets_the_same_handle(void **state)
{
	struct world *w = *state;
	struct end *e = raw_open(w, 0, PARTNER);
	uint32_t handle = raw_start(w, e);

	assert_int_equal(raw_start(w, e), handle);
}

static void
handles_differ_and_fit_their_own_connection_only(void **state)
{
	struct world *w = *state;
	struct end *a = raw_open(w, 0, PARTNER), *b = raw_open(w, 0, PARTNER);
	uint32_t ha = raw_start(w, a), hb = raw_start(w, b);

	assert_int_not_equal(ha, hb);
	raw_send(b, map_request(ha), NULL);
	silent(w, b);
	silent(w, a);
	assert_true(net_told(&w->s[0].n, EV_CANT_LOOKUP_ASSOC));
	raw_send(b, map_request(hb), NULL);
	assert_int_equal(expect(w, b, WREPL_MAP_RESP), 1);
}

static void
handle_0_of_an_established_association_is_its_connections(void **state)
{
	struct wrepl_msg stop = { .kind = WREPL_STOP };
	struct world *w = *state;
	struct end *a = raw_open(w, 0, PARTNER), *b = raw_open(w, 0, PARTNER);

	(void)raw_start(w, a);
	(void)raw_start(w, b);
	raw_send(b, map_request(0), NULL);
	assert_int_equal(expect(w, b, WREPL_MAP_RESP), 1);
	silent(w, a);
	raw_send(b, records_request(0, SITE(0), 1, 1), NULL);
	assert_int_equal(expect(w, b, WREPL_RECORDS_RESP), 0);
	silent(w, a);
	assert_false(net_told(&w->s[0].n, EV_CANT_LOOKUP_ASSOC));
	raw_send(b, stop, NULL);
	world_run(w);
	assert_true(raw_closed(b));
	assert_false(raw_closed(a));
}

static void
request_before_any_start_is_ignored(void **state)
{
	struct world *w = *state;
	struct end *e = raw_open(w, 0, PARTNER);

	raw_send(e, map_request(0), NULL);
	silent(w, e);
}

static void
stop_with_another_handle_is_ignored_else_it_closes(void **state)
{
	struct wrepl_msg stop = { .kind = WREPL_STOP };
	struct world *w = *state;
	struct end *e = raw_open(w, 0, PARTNER);
	uint32_t handle = raw_start(w, e);

	stop.handle = handle + 1;
	raw_send(e, stop, NULL);
	silent(w, e);
	stop.handle = handle;
	raw_send(e, stop, NULL);
	world_run(w);
	assert_int_equal(e->in.len, 0);
	assert_true(raw_closed(e));
}

static void
other_major_version_is_ignored(void **state)
{
	struct wrepl_msg m = { .kind = WREPL_START_REQ, .sender = 5, .major = 2, .minor = 5 };
	struct world *w = *state;
	struct end *e = raw_open(w, 0, PARTNER);
	uint8_t buf[64] = { 0 };
	size_t len;

	m.wins_bits = true;
	len = wrepl_encode(&m, NULL, buf, sizeof(buf));
	buf[21] = 3;
	fifo_put(&raw_pipe(e)->end[1].in, buf, len);
	silent(w, e);
	(void)raw_start(w, e);
}

static void
unknown_operation_is_ignored(void **state)
{
	struct world *w = *state;
	struct end *e = raw_open(w, 0, PARTNER);
	struct wrepl_msg m = map_request(raw_start(w, e));
	uint8_t buf[64];
	size_t len;

	m.wins_bits = true;
	len = wrepl_encode(&m, NULL, buf, sizeof(buf));
	buf[19] = 6;
	fifo_put(&raw_pipe(e)->end[1].in, buf, len);
	silent(w, e);
	m.wins_bits = false;
	raw_send(e, m, NULL);
	assert_int_equal(expect(w, e, WREPL_MAP_RESP), 1);
}

static void
name_service_packet_before_an_association_closes(void **state)
{
	static const uint8_t query[] = { 0, 0, 0, 16, 0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0 };
	struct world *w = *state;
	struct end *e = raw_open(w, 0, PARTNER);

	fifo_put(&raw_pipe(e)->end[1].in, query, sizeof(query));
	world_run(w);
	assert_true(raw_closed(e));
}

/* Every split of every message: start, map request, records request, stop. */
static void
messages_are_whole_wherever_they_are_split(void **state)
{
	struct world *w = *state;
	struct wrepl_msg stop = { .kind = WREPL_STOP };

	w->whole = true;
	server_fill(w, 0, 0, 3, 1);
	for (size_t split = 1; split < 45 + 20 + 44 + 44; split++) {
		struct end *e = raw_open(w, 0, PARTNER);
		struct fifo *in = &raw_pipe(e)->end[1].in, rest;
		struct wrepl_msg m = {
			.kind = WREPL_START_REQ, .sender = HANDLE, .major = 2, .minor = 5
		};
		uint8_t *bytes;
		uint32_t handle = w->s[0].n.random;

		/* The handle is the next random number: all can be laid out before. */
		handle = handle * 1664525 + 1013904223;
		raw_send(e, m, NULL);
		raw_send(e, map_request(handle), NULL);
		raw_send(e, records_request(handle, SITE(0), 1, 3), NULL);
		stop.handle = handle;
		raw_send(e, stop, NULL);
		rest = *in;
		in->len = split;
		world_run(w);
		*in = (struct fifo){ .p = in->p, .cap = in->cap };
		memmove(in->p, rest.p + split, rest.len - split);
		in->len = rest.len - split;
		world_run(w);
		assert_true(raw_next(e, &m, &bytes));
		free(bytes);
		assert_int_equal(m.kind, WREPL_START_RESP);
		assert_true(raw_next(e, &m, &bytes));
		free(bytes);
		assert_int_equal(m.kind, WREPL_MAP_RESP);
		assert_true(raw_next(e, &m, &bytes));
		free(bytes);
		assert_int_equal(m.kind, WREPL_RECORDS_RESP);
		assert_int_equal(m.count, 3);
		assert_true(raw_closed(e));
		pipe_cut(w, raw_pipe(e));
	}
}

static void
half_a_message_is_waited_for_so_long_and_no_longer(void **state)
{
	struct world *w = *state;
	struct end *e = raw_open(w, 0, PARTNER);

	(void)raw_start(w, e);
	raw_send(e, map_request(1), NULL);
	raw_pipe(e)->end[1].in.len = 19;
	world_run(w);
	world_pass(w, 29999);
	assert_false(raw_closed(e));
	world_pass(w, 1);
	assert_true(raw_closed(e));
	assert_true(net_told(&w->s[0].n, EV_CONN_ABORTED));
}

static void
bytes_of_a_half_message_do_not_renew_its_time(void **state)
{
	static const uint8_t zero;
	struct world *w = *state;
	struct end *e = raw_open(w, 0, PARTNER);

	raw_send(e, map_request(1), NULL);
	raw_pipe(e)->end[1].in.len = 5;
	world_run(w);
	for (int i = 0; i < 3; i++) {
		world_pass(w, 9000);
		fifo_put(&raw_pipe(e)->end[1].in, &zero, 1);
		world_run(w);
	}
	assert_false(raw_closed(e));
	world_pass(w, 3000);
	assert_true(raw_closed(e));
}

static void
idle_stranger_is_stopped(void **state)
{
	struct wrepl_msg m;
	struct world *w = *state;
	struct end *e = raw_open(w, 0, STRANGER);
	uint8_t *bytes;

	(void)raw_start(w, e);
	world_pass(w, 59999);
	assert_false(raw_closed(e));
	world_pass(w, 1);
	assert_true(raw_closed(e));
	assert_true(raw_next(e, &m, &bytes));
	free(bytes);
	assert_int_equal(m.kind, WREPL_STOP);
	assert_int_equal(m.reason, 0);
}

static void
partners_persistent_connection_may_idle(void **state)
{
	struct world *w = *state;
	struct end *e = raw_open(w, 0, PARTNER);

	(void)raw_start(w, e);
	world_pass(w, 86400000);
	assert_false(raw_closed(e));
}

static void
peer_that_does_not_read_is_cut_off(void **state)
{
	struct world *w = *state;
	struct end *e = raw_open(w, 0, PARTNER);

	raw_send(e, map_request(raw_start(w, e)), NULL);
	e->deaf = true;
	world_run(w);
	world_pass(w, 30000);
	assert_true(raw_closed(e));
}

static void
stranger_is_refused_records_and_notices(void **state)
{
	static const int told[] = { EV_ADD_VERS_MAP_REQ_NOT_ACCEPTED,
		EV_ADD_VERS_MAP_REQ_NOT_ACCEPTED, EV_UPD_NTF_NOT_ACCEPTED };
	struct world *w = *state;

	for (int i = 0; i < 3; i++) {
		struct end *e = raw_open(w, 0, STRANGER);
		struct wrepl_msg m = { .kind = WREPL_NOTIFY, .handle = raw_start(w, e) };
		uint8_t *bytes;

		if (i < 2)
			m = i ? records_request(m.handle, SITE(0), 1, 0) : map_request(m.handle);
		w->s[0].n.nevents = 0;
		raw_send(e, m, NULL);
		world_run(w);
		assert_true(net_told(&w->s[0].n, told[i]));
		assert_true(raw_closed(e));
		assert_true(raw_next(e, &m, &bytes));
		free(bytes);
		assert_int_equal(m.kind, WREPL_STOP);
		assert_int_equal(m.reason, 4);
	}
}

static void
add_static(struct world *w, const char *name)
{
	struct rec rec = { .type = REC_UNIQUE, .naddr = 1 };

	rec.key = net_key(name);
	rec.is_static = true;
	rec.addr[0].ip = HOST(50);
	assert_int_equal(wins_admin_add(w->s[0].n.w, &rec, 0, w->now), 0);
}

static void
stranger_gets_dynamic_records_only_and_a_partner_all(void **state)
{
	struct world *w = *state;
	struct end *e;

	w->s[0].conf.only_partners = false;
	repl_reconf(w->s[0].r, &w->s[0].conf, w->mnow, w->now);
	server_fill(w, 0, 0, 2, 1);
	add_static(w, "PRINTER<20>");
	e = raw_open(w, 0, STRANGER);
	raw_send(e, records_request(raw_start(w, e), SITE(0), 1, 0), NULL);
	assert_int_equal(expect(w, e, WREPL_RECORDS_RESP), 2);
	e = raw_open(w, 0, PARTNER);
	raw_send(e, records_request(raw_start(w, e), SITE(0), 1, 0), NULL);
	assert_int_equal(expect(w, e, WREPL_RECORDS_RESP), 3);
}

static void
partner_with_only_dynamic_gets_no_static_record(void **state)
{
	struct world *w = *state;
	struct end *e = raw_open(w, 0, PARTNER);

	w->s[0].conf.partner[0].only_dynamic = true;
	repl_reconf(w->s[0].r, &w->s[0].conf, w->mnow, w->now);
	server_fill(w, 0, 0, 2, 1);
	add_static(w, "PRINTER<20>");
	raw_send(e, records_request(raw_start(w, e), SITE(0), 1, 0), NULL);
	assert_int_equal(expect(w, e, WREPL_RECORDS_RESP), 2);
}

static void
ranges_are_answered_to_their_bounds_and_empty_ones_empty(void **state)
{
	static const struct {
		uint64_t min, max;
		uint32_t count;
	} rows[] = { { 1, 5, 5 }, { 2, 4, 3 }, { 5, 5, 1 }, { 6, 9, 0 }, { 4, 2, 0 }, { 3, 0, 3 },
		{ 0, 1, 1 } };
	struct world *w = *state;
	struct end *e = raw_open(w, 0, PARTNER);
	uint32_t handle = raw_start(w, e);

	server_fill(w, 0, 0, 5, 1);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		raw_send(e, records_request(handle, SITE(0), rows[i].min, rows[i].max), NULL);
		assert_int_equal(expect(w, e, WREPL_RECORDS_RESP), rows[i].count);
	}
	raw_send(e, records_request(handle, IP4(10, 9, 9, 9), 1, 0), NULL);
	assert_int_equal(expect(w, e, WREPL_RECORDS_RESP), 0);
	raw_send(e, records_request(handle, IP4_ANY, 1, 0), NULL);
	assert_int_equal(expect(w, e, WREPL_RECORDS_RESP), 0);
}

static void
reply_of_several_slices_is_whole(void **state)
{
	struct world *w = *state;
	struct end *e = raw_open(w, 0, PARTNER);

	server_fill(w, 0, 0, 4001, 1);
	raw_send(e, records_request(raw_start(w, e), SITE(0), 1, 0), NULL);
	assert_int_equal(expect(w, e, WREPL_RECORDS_RESP), 4001);
}

static void
reply_past_its_memory_is_refused(void **state)
{
	struct wrepl_msg m;
	struct repl_stats stats;
	struct world *w = *state;
	struct end *e = raw_open(w, 0, PARTNER);
	uint8_t *bytes;

	w->s[0].conf.reply_memory = 100000;
	repl_reconf(w->s[0].r, &w->s[0].conf, w->mnow, w->now);
	server_fill(w, 0, 0, 5000, 1);
	raw_send(e, records_request(raw_start(w, e), SITE(0), 1, 0), NULL);
	world_run(w);
	assert_true(net_told(&w->s[0].n, EV_REPLY_TOO_LARGE));
	assert_true(raw_next(e, &m, &bytes));
	free(bytes);
	assert_int_equal(m.kind, WREPL_STOP);
	assert_int_equal(m.reason, 4);
	assert_true(raw_closed(e));
	pipe_cut(w, raw_pipe(e));
	repl_stats(w->s[0].r, &stats);
	assert_int_equal(stats.reply_bytes, 0);
}

static void
pipelined_requests_are_answered_one_after_another(void **state)
{
	struct wrepl_msg m;
	struct world *w = *state;
	struct end *e = raw_open(w, 0, PARTNER);
	uint32_t handle = raw_start(w, e);
	uint8_t *bytes;

	server_fill(w, 0, 0, 9, 1);
	for (uint64_t i = 1; i <= 9; i++)
		raw_send(e, records_request(handle, SITE(0), 1, i), NULL);
	world_run(w);
	for (uint32_t i = 1; i <= 9; i++) {
		assert_true(raw_next(e, &m, &bytes));
		free(bytes);
		assert_int_equal(m.count, i);
	}
}

static void
connections_end_at_their_limits(void **state)
{
	struct world *w = *state;
	struct end *last = NULL;

	w->s[0].conf.connections_max = 20;
	repl_reconf(w->s[0].r, &w->s[0].conf, w->mnow, w->now);
	for (int i = 0; i < 16; i++)
		assert_non_null(last = raw_open(w, 0, STRANGER));
	assert_null(raw_open(w, 0, STRANGER));
	assert_true(net_told(&w->s[0].n, EV_REPLICATION_PEER_FULL));
	for (uint8_t i = 0; i < 4; i++)
		assert_non_null(raw_open(w, 0, IP4(203, 0, 113, 20u + i)));
	assert_null(raw_open(w, 0, IP4(203, 0, 113, 30)));
	assert_true(net_told(&w->s[0].n, EV_REPLICATION_FULL));
	pipe_cut(w, raw_pipe(last));
	assert_non_null(raw_open(w, 0, IP4(203, 0, 113, 30)));
}

/* 98,356 bytes are a notification of all owners there can be. */
static void
large_message_nobody_asked_for_is_cut_off(void **state)
{
	static const uint8_t most[] = { 0, 1, 128, 48, 0, 0, 120, 0 },
			     more[] = { 0, 1, 128, 49, 0, 0, 120, 0 };
	struct world *w = *state;
	struct end *e = raw_open(w, 0, PARTNER);

	fifo_put(&raw_pipe(e)->end[1].in, most, sizeof(most));
	silent(w, e);
	e = raw_open(w, 0, PARTNER);
	fifo_put(&raw_pipe(e)->end[1].in, more, sizeof(more));
	world_run(w);
	assert_true(raw_closed(e));
	assert_true(net_told(&w->s[0].n, EV_REPLICATION_MALFORMED));
}

static void
unreadable_message_ends_the_connection(void **state)
{
	static const uint8_t junk[] = { 0, 0, 0, 12, 0, 0, 120, 0, 0, 0, 0, 0, 0, 0, 0, 2 };
	struct world *w = *state;
	struct end *e = raw_open(w, 0, PARTNER);

	(void)raw_start(w, e);
	fifo_put(&raw_pipe(e)->end[1].in, junk, sizeof(junk));
	world_run(w);
	assert_true(raw_closed(e));
	assert_true(net_told(&w->s[0].n, EV_REPLICATION_MALFORMED));
}

static void
answers_nobody_asked_for_are_ignored(void **state)
{
	struct wrepl_owner owner = { IP4(10, 9, 9, 9), 500, 1, 0 };
	struct world *w = *state;
	struct end *e = raw_open(w, 0, PARTNER);
	struct wrepl_msg m = { .kind = WREPL_MAP_RESP, .handle = raw_start(w, e), .count = 1 };

	raw_send(e, m, &owner);
	silent(w, e);
	assert_int_equal(server_knows(w, 0, owner.ip), 0);
}

static void
end_of_service_stops_associations(void **state)
{
	struct wrepl_msg m;
	struct world *w = *state;
	struct end *e = raw_open(w, 0, PARTNER);
	uint8_t *bytes;

	(void)raw_start(w, e);
	repl_end(w->s[0].r, w->mnow, w->now);
	world_run(w);
	assert_true(raw_next(e, &m, &bytes));
	free(bytes);
	assert_int_equal(m.kind, WREPL_STOP);
	assert_true(raw_closed(e));
}

static void
partner_that_is_configured_away_loses_its_connections(void **state)
{
	struct world *w = *state;
	struct end *e = raw_open(w, 0, PARTNER);

	(void)raw_start(w, e);
	w->s[0].conf.npartners = 0;
	repl_reconf(w->s[0].r, &w->s[0].conf, w->mnow, w->now);
	world_run(w);
	assert_true(raw_closed(e));
	assert_int_equal(repl_partners(w->s[0].r), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
		T(repeated_start_gets_the_same_handle),
		T(handles_differ_and_fit_their_own_connection_only),
		T(handle_0_of_an_established_association_is_its_connections),
		T(request_before_any_start_is_ignored),
		T(stop_with_another_handle_is_ignored_else_it_closes),
		T(other_major_version_is_ignored),
		T(unknown_operation_is_ignored),
		T(name_service_packet_before_an_association_closes),
		T(messages_are_whole_wherever_they_are_split),
		T(half_a_message_is_waited_for_so_long_and_no_longer),
		T(bytes_of_a_half_message_do_not_renew_its_time),
		T(idle_stranger_is_stopped),
		T(partners_persistent_connection_may_idle),
		T(peer_that_does_not_read_is_cut_off),
		T(stranger_is_refused_records_and_notices),
		T(stranger_gets_dynamic_records_only_and_a_partner_all),
		T(partner_with_only_dynamic_gets_no_static_record),
		T(ranges_are_answered_to_their_bounds_and_empty_ones_empty),
		T(reply_of_several_slices_is_whole),
		T(reply_past_its_memory_is_refused),
		T(pipelined_requests_are_answered_one_after_another),
		T(connections_end_at_their_limits),
		T(large_message_nobody_asked_for_is_cut_off),
		T(unreadable_message_ends_the_connection),
		T(answers_nobody_asked_for_are_ignored),
		T(end_of_service_stops_associations),
		T(partner_that_is_configured_away_loses_its_connections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
