/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The texts of events are true of who is named: a table of what a peer does, what it is to this server, and
 * the event that comes of it. Only a configured partner is called one.
 */
#include "repl_net.h"

#define STRANGER IP4(203, 0, 113, 9)
#define FULL     SITE(1) /* pulled from and told */
#define TOLD     SITE(2) /* told only: nothing is pulled from it */

enum act {
	HALF_CLOSED,
	HALF_TIMED_OUT,
	NOTICE,
	ASKS,
	READS_NOTHING,
	CONNECTS_17_TIMES,
	OTHER_HANDLE
};

static const struct row {
	enum act act;
	struct ip4 peer;
	bool anybody; /* only_partners is off */
	int event;
	const char *says;
} rows[] = {
	{ HALF_CLOSED, { 0x0a000002 }, false, EV_CONN_ABORTED, "replication partner 10.0.0.2" },
	{ HALF_CLOSED, { 0x0a000003 }, false, EV_CONN_ABORTED, "replication partner 10.0.0.3" },
	{ HALF_CLOSED, { 0xcb007109 }, false, EV_STRANGER_CONN_ABORTED,
	    "the computer at 203.0.113.9, which is no partner" },
	{ HALF_CLOSED, { 0xcb007109 }, true, EV_STRANGER_CONN_ABORTED, "which is no partner" },
	{ HALF_TIMED_OUT, { 0x0a000002 }, false, EV_CONN_ABORTED, "did not come in time" },
	{ HALF_TIMED_OUT, { 0xcb007109 }, false, EV_STRANGER_CONN_ABORTED, "did not come in time" },
	{ NOTICE, { 0x0a000003 }, false, EV_NOTICE_NOT_PULLED, "The replication partner 10.0.0.3" },
	{ NOTICE, { 0xcb007109 }, false, EV_UPD_NTF_NOT_ACCEPTED, "is not a replication partner" },
	{ ASKS, { 0xcb007109 }, false, EV_ADD_VERS_MAP_REQ_NOT_ACCEPTED,
	    "is not a replication partner" },
	{ READS_NOTHING, { 0x0a000002 }, false, EV_CONN_ABORTED, "does not read" },
	{ READS_NOTHING, { 0xcb007109 }, true, EV_STRANGER_CONN_ABORTED, "does not read" },
	{ CONNECTS_17_TIMES, { 0xcb007109 }, false, EV_REPLICATION_PEER_FULL,
	    "has 16 replication" },
	{ CONNECTS_17_TIMES, { 0x0a000002 }, false, EV_REPLICATION_PEER_FULL,
	    "has 16 replication" },
	{ OTHER_HANDLE, { 0x0a000002 }, false, EV_CANT_LOOKUP_ASSOC, "10.0.0.2 sent" },
	{ OTHER_HANDLE, { 0xcb007109 }, false, EV_CANT_LOOKUP_ASSOC, "203.0.113.9 sent" },
};

static void
act(struct world *w, const struct row *row)
{
	static const uint8_t half[] = { 0, 0, 0, 41, 0, 0 };
	struct end *e = raw_open(w, 0, row->peer);
	struct wrepl_owner owner = { .ip = SITE(0), .max = 1 };
	struct wrepl_msg m = { .kind = WREPL_NOTIFY, .count = 1 };

	switch (row->act) {
	case HALF_CLOSED:
	case HALF_TIMED_OUT:
		fifo_put(&raw_pipe(e)->end[1].in, half, sizeof(half));
		world_run(w);
		if (row->act == HALF_CLOSED)
			pipe_cut(w, raw_pipe(e));
		world_pass(w, 31000);
		break;
	case NOTICE:
		m.handle = raw_start(w, e);
		raw_send(e, m, &owner);
		break;
	case READS_NOTHING:
		m = (struct wrepl_msg){ .kind = WREPL_MAP_REQ, .handle = raw_start(w, e) };
		e->deaf = true;
		raw_send(e, m, NULL);
		world_run(w);
		world_pass(w, 31000);
		break;
	case ASKS:
	case OTHER_HANDLE:
		m = (struct wrepl_msg){ .kind = WREPL_MAP_REQ, .handle = raw_start(w, e) };
		m.handle += row->act == OTHER_HANDLE;
		raw_send(e, m, NULL);
		break;
	case CONNECTS_17_TIMES:
		for (int i = 1; i < 16; i++)
			assert_non_null(raw_open(w, 0, row->peer));
		assert_null(raw_open(w, 0, row->peer));
		break;
	}
	world_run(w);
}

static void
one(void **state, const struct row *row)
{
	struct world *w = world_new(state, 1);
	struct repl_conf *c = &w->s[0].conf;
	char text[EVENT_STRLEN];
	bool found = false;

	c->only_partners = !row->anybody;
	c->partner[0] = (struct repl_partner_conf){ .address = FULL, .pull = true, .push = true };
	c->partner[1] = (struct repl_partner_conf){ .address = TOLD, .push = true };
	c->npartners = 2;
	server_open(w, 0, false);
	act(w, row);
	for (size_t i = 0; i < w->s[0].n.nevents; i++) {
		const struct event *ev = &w->s[0].n.events[i];

		if (ev->id != row->event)
			continue;
		found = true;
		assert_true(ip4_eq(ev->peer, row->peer));
		assert_non_null(strstr(event_print(ev, text), row->says));
		if (ip4_eq(row->peer, STRANGER))
			assert_null(strstr(text, "the replication partner"));
	}
	assert_true(found);
}

static void
each_text_is_true_of_the_peer_that_it_names(void **state)
{
	const size_t n = sizeof(rows) / sizeof(*rows);

	for (size_t i = 0; i < n; i++) {
		print_message("# row %zu\n", i);
		one(state, &rows[i]);
		if (i + 1 < n)
			(void)teardown(state);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(each_text_is_true_of_the_peer_that_it_names, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
