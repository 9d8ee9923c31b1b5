/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The load of nbperf without sockets and clock: which requests it makes, what it takes for their answer,
 * when it repeats and gives up, and what the bare responder and the report say.
 */
#include "nbperf/load.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../support/hex.h"
#include "nbperf/run.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define MS       INT64_C(1000000)

struct bed {
	struct perf p;
	struct names *names;
	struct load *load;
	uint8_t packet[NB_UDP_MAX];
	size_t len;
};

static void
bed_names(struct bed *b)
{
	char why[PERF_WHY_LEN];

	names_free(b->names);
	assert_true(names_open(&b->p, &b->names, why));
}

static int
set_up(void **state)
{
	struct bed *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	b->p = (struct perf){ .mode = PERF_QUERY,
		.server = "192.0.2.1",
		.pattern = "WS%4d<20>",
		.names = 100,
		.address = IP4(10, 0, 0, 1),
		.addresses = 1000,
		.hits = 10000,
		.mix = { 70, 10, 18, 2 },
		.sockets = 1,
		.window = 4,
		.batch = 4,
		.count = 10,
		.time_ms = 60000,
		.retries = 2,
		.interval_ms = 1500,
		.seed = 1,
		.self = IP4(192, 0, 2, 9) };
	bed_names(b);
	*state = b;
	return 0;
}

static int
tear_down(void **state)
{
	struct bed *b = *state;

	load_free(b->load);
	names_free(b->names);
	free(b);
	return 0;
}

static struct account *
start(struct bed *b)
{
	b->load = load_new(&b->p, b->names, false, 0);
	assert_non_null(b->load);
	return load_account(b->load);
}

static bool
begin(struct bed *b, unsigned socket, int64_t now)
{
	b->len = load_begin(b->load, socket, now, b->packet);
	return b->len > 0;
}

/* The answer that a good server gives to the packet just begun, its fields open to spoiling. */
static struct nb_msg
good_answer(struct bed *b, struct ip4 ip)
{
	struct nb_msg m;

	assert_int_equal(nb_decode(b->packet, b->len, &m), 0);
	m.rr_type = 0;
	if (m.kind == NB_QUERY_REQ) {
		m.kind = NB_QUERY_OK;
		m.flags = NB_F_R | NB_F_AA | NB_F_RD | NB_F_RA;
		m.naddr = 1;
		m.addr[0] = (struct nb_addr){ NB_ONT, ip };
	} else if (m.kind == NB_RELEASE_REQ) {
		m.kind = NB_RELEASE_RESP;
		m.flags = NB_F_R | NB_OP_RELEASE << 11 | NB_F_AA;
	} else {
		m.kind = NB_REGISTER_RESP;
		m.flags = NB_F_R | NB_OP_REGISTER << 11 | NB_F_AA | NB_F_RD | NB_F_RA;
	}
	return m;
}

static void
answer(struct bed *b, const struct nb_msg *m, int64_t now)
{
	uint8_t packet[NB_UDP_MAX];
	size_t len = nb_encode(m, packet, sizeof(packet));

	assert_true(len > 0);
	load_take(b->load, 0, packet, len, now);
}

/* ---- requests ---- */

static void
requests_are_those_of_the_catalogue(void **state)
{
	static const struct {
		enum perf_op op;
		uint16_t id;
		const char *file;
	} rows[] = {
		{ OP_QUERY, 0x1001, "query-nbns" },
		{ OP_REGISTER, 0x1004, "register" },
		{ OP_REFRESH, 0x1007, "refresh" },
		{ OP_RELEASE, 0x1006, "release" },
	};
	struct bed *b = *state;

	b->p.pattern = "ALPHA<20>";
	b->p.address = IP4(192, 0, 2, 10);
	bed_names(b);
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct ask ask = { .op = rows[i].op };
		uint8_t want[256], got[256];
		struct nb_msg m;
		char path[64];
		size_t len;

		snprintf(path, sizeof(path), "ns/%s.hex", rows[i].file);
		len = hex_read(path, want, sizeof(want));
		ask_message(&b->p, b->names, &ask, rows[i].id, &m);
		assert_int_equal(nb_encode(&m, got, sizeof(got)), len);
		assert_memory_equal(got, want, len);
	}
}

static void
hosts_of_a_storm_claim_their_usual_names(void **state)
{
	static const struct {
		uint64_t number;
		const char *name;
		bool group;
		uint32_t ip;
	} rows[] = {
		{ 0, "WS0000<00>", false, 0x0a000001 },
		{ 1, "WS0000<20>", false, 0x0a000001 },
		{ 2, "WS0000<03>", false, 0x0a000001 },
		{ 3, "$S0000<03>", false, 0x0a000001 },
		{ 4, "GROUP0000000<00>", true, 0x0a000001 },
		{ 5, "GROUP0000000<1e>", true, 0x0a000001 },
		{ 6, "WS0001<00>", false, 0x0a000002 },
		{ 249 * STORM_NAMES + 4, "GROUP0000000<00>", true, 0x0a0000fa },
		{ 250 * STORM_NAMES + 4, "GROUP0000001<00>", true, 0x0a0000fb },
	};
	struct bed *b = *state;

	b->p.mode = PERF_STORM;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct ask ask = { .op = OP_REGISTER, .number = rows[i].number };
		char name[NB_KEY_STRLEN];
		struct nb_key want;
		struct nb_msg m;

		ask_message(&b->p, b->names, &ask, 1, &m);
		assert_int_equal(nb_key_parse(rows[i].name, 0, &want), 0);
		if (!nb_key_eq(&want, &m.key))
			fail_msg("%s: %s", rows[i].name, nb_key_print(&m.key, name));
		assert_int_equal(m.addr[0].flags, NB_ONT | (rows[i].group ? NB_G : 0));
		assert_int_equal(m.addr[0].ip.v, rows[i].ip);
	}
}

/* ---- the plan ---- */

static void
each_name_is_registered_once(void **state)
{
	struct bed *b = *state;
	struct plan plan;
	struct ask ask;

	b->p.mode = PERF_REGISTER;
	b->p.first = 7;
	plan_init(&plan, &b->p, false);
	for (unsigned i = 0; i < 100; i++) {
		plan_next(&plan, 0, &ask);
		assert_int_equal(ask.number, 7 + i);
		assert_int_equal(ask.op, OP_REGISTER);
	}
	plan_next(&plan, 0, &ask);
	assert_int_equal(ask.number, 7);
}

static void
shares_and_hits_are_met(void **state)
{
	struct bed *b = *state;
	unsigned op[PERF_OPS] = { 0 }, absent = 0;
	struct plan plan;
	struct ask ask;

	b->p.mode = PERF_MIXED;
	b->p.hits = 7500;
	plan_init(&plan, &b->p, false);
	for (unsigned i = 0; i < 100000; i++) {
		plan_next(&plan, 64, &ask);
		op[ask.op]++;
		absent += ask.absent;
		assert_true(!ask.absent || ask.op == OP_QUERY);
		if (ask.op == OP_QUERY || ask.op == OP_REFRESH)
			assert_in_range(ask.number, 0, 99);
	}
	assert_in_range(op[OP_QUERY], 69000, 71000);
	assert_in_range(op[OP_REGISTER], 9500, 10500);
	assert_in_range(op[OP_REFRESH], 17500, 19000);
	assert_in_range(op[OP_RELEASE], 1800, 2200);
	assert_in_range(absent, 16500, 18500);
}

static void
what_is_released_was_registered_and_answered_before(void **state)
{
	struct bed *b = *state;
	uint64_t registered = 0, released = 0;
	struct plan plan;
	struct ask ask;

	b->p.mode = PERF_MIXED;
	b->p.mix[OP_RELEASE] = 500;
	b->p.fresh = 1000;
	plan_init(&plan, &b->p, false);
	for (unsigned i = 0; i < 10000; i++) {
		plan_next(&plan, 8, &ask);
		if (ask.op == OP_REGISTER)
			assert_int_equal(ask.number, 1100 + registered++);
		if (ask.op != OP_RELEASE)
			continue;
		assert_int_equal(ask.number, 1100 + released++);
		assert_true(released + 8 <= registered);
	}
	assert_true(released > 100);
}

/* ---- answers ---- */

static void
only_the_right_answer_is_right(void **state)
{
	struct bed *b = *state;
	const struct ip4 ip = IP4(10, 0, 0, 6), other = IP4(10, 0, 0, 7);
	struct ask ask = { .op = OP_QUERY, .number = 5 };
	struct nb_msg m, spoilt;

	ask_message(&b->p, b->names, &ask, 9, &m);
	b->len = nb_encode(&m, b->packet, sizeof(b->packet));
	m = good_answer(b, ip);
	assert_int_equal(ask_judge(&b->p, b->names, &ask, &m), FIND_RIGHT);
	spoilt = good_answer(b, other);
	assert_int_equal(ask_judge(&b->p, b->names, &ask, &spoilt), FIND_ADDRESS);
	spoilt.naddr = 2;
	spoilt.addr[1].ip = ip;
	assert_int_equal(ask_judge(&b->p, b->names, &ask, &spoilt), FIND_RIGHT);
	spoilt = m;
	spoilt.key.name.b[0] ^= 1;
	assert_int_equal(ask_judge(&b->p, b->names, &ask, &spoilt), FIND_NAME);
	spoilt = m;
	spoilt.kind = NB_RELEASE_RESP;
	assert_int_equal(ask_judge(&b->p, b->names, &ask, &spoilt), FIND_KIND);
	spoilt = m;
	spoilt.kind = NB_QUERY_FAIL;
	spoilt.flags |= NB_RC_NAM;
	assert_int_equal(ask_judge(&b->p, b->names, &ask, &spoilt), FIND_RESULT);
	ask.absent = true;
	spoilt.key.name.b[15] = m.key.name.b[15] = 0x7f;
	assert_int_equal(ask_judge(&b->p, b->names, &ask, &spoilt), FIND_RIGHT);
	assert_int_equal(ask_judge(&b->p, b->names, &ask, &m), FIND_RESULT);
	b->p.any_answer = true;
	assert_int_equal(ask_judge(&b->p, b->names, &ask, &m), FIND_RIGHT);
}

static void
ad00_is_no_success_and_a_wack_no_answer(void **state)
{
	struct bed *b = *state;
	const struct ask ask = { .op = OP_REGISTER, .number = 5 };
	struct nb_msg m;

	ask_message(&b->p, b->names, &ask, 9, &m);
	b->len = nb_encode(&m, b->packet, sizeof(b->packet));
	m = good_answer(b, IP4_ANY);
	assert_int_equal(ask_judge(&b->p, b->names, &ask, &m), FIND_RIGHT);
	m.flags &= (uint16_t)~NB_F_RA;
	assert_int_equal(ask_judge(&b->p, b->names, &ask, &m), FIND_KIND);
	m.kind = NB_WACK;
	assert_int_equal(ask_judge(&b->p, b->names, &ask, &m), FIND_WAIT);
}

static void
the_claim_of_a_living_owners_name_must_be_refused(void **state)
{
	struct bed *b = *state;
	struct ask ask = { .op = OP_REGISTER, .number = 5 };
	struct nb_msg m;

	b->p.mode = PERF_CHALLENGE;
	b->p.owners = (struct perf_addresses){ 1, { IP4(192, 0, 2, 7) } };
	ask_message(&b->p, b->names, &ask, 9, &m);
	b->len = nb_encode(&m, b->packet, sizeof(b->packet));
	m = good_answer(b, IP4_ANY);
	assert_int_equal(ask_judge(&b->p, b->names, &ask, &m), FIND_RESULT);
	m.flags |= NB_RC_ACT;
	assert_int_equal(ask_judge(&b->p, b->names, &ask, &m), FIND_RIGHT);
	b->p.owner = PERF_DEAD;
	assert_int_equal(ask_judge(&b->p, b->names, &ask, &m), FIND_RESULT);
	ask.owners = true;
	ask_message(&b->p, b->names, &ask, 9, &m);
	assert_int_equal(m.addr[0].ip.v, 0xc0000207);
}

/* ---- the load ---- */

static void
no_more_are_open_than_the_window_allows(void **state)
{
	struct bed *b = *state;
	struct account *a = start(b);
	struct nb_msg m;

	for (int i = 0; i < 4; i++)
		assert_true(begin(b, 0, i));
	m = good_answer(b, IP4_ANY);
	assert_false(begin(b, 0, 4));
	assert_int_equal(load_open(b->load), 4);
	answer(b, &m, 5);
	assert_true(begin(b, 0, 6));
	assert_int_equal(a->begun, 5);
	assert_int_equal(a->answered, 1);
}

static void
silence_is_asked_again_with_the_same_id_and_then_lost(void **state)
{
	struct bed *b = *state;
	struct account *a = start(b);
	uint8_t first[NB_UDP_MAX];
	unsigned socket;

	assert_true(begin(b, 0, 0));
	memcpy(first, b->packet, b->len);
	assert_int_equal(load_again(b->load, 1500 * MS - 1, &socket, b->packet), 0);
	for (int i = 1; i <= 2; i++) {
		assert_int_equal(load_again(b->load, 1500 * i * MS, &socket, b->packet), b->len);
		assert_memory_equal(first, b->packet, b->len);
	}
	assert_int_equal(load_again(b->load, 4500 * MS - 1, &socket, b->packet), 0);
	assert_int_equal(a->lost, 0);
	assert_int_equal(load_again(b->load, 4500 * MS, &socket, b->packet), 0);
	assert_int_equal(a->lost, 1);
	assert_int_equal(a->repeated, 2);
	assert_int_equal(a->sent, 3);
	assert_int_equal(load_open(b->load), 0);
}

static void
an_answer_counts_once_and_only_for_its_own_request(void **state)
{
	struct bed *b = *state;
	struct account *a = start(b);
	struct nb_msg m;

	assert_true(begin(b, 0, 0));
	m = good_answer(b, IP4_ANY);
	m.id ^= 0x4000; /* the same slot, another turn of it */
	answer(b, &m, 1);
	assert_int_equal(a->late, 1);
	m.id ^= 0x4001; /* a slot that is free */
	answer(b, &m, 1);
	assert_int_equal(a->late, 2);
	m.id ^= 1;
	answer(b, &m, 1);
	answer(b, &m, 1);
	assert_int_equal(a->late, 3);
	assert_int_equal(a->answered, 1);
	load_take(b->load, 0, (const uint8_t *)"junk", 4, 2);
	assert_int_equal(a->malformed, 1);
}

static void
a_wack_buys_time_but_not_for_ever(void **state)
{
	struct bed *b = *state;
	struct account *a;
	struct nb_msg m;
	unsigned socket;
	int64_t now = 0;

	b->p.mode = PERF_REGISTER;
	b->p.retries = 0;
	a = start(b);
	assert_true(begin(b, 0, 0));
	m = good_answer(b, IP4_ANY);
	m.kind = NB_WACK;
	m.flags = NB_F_R | NB_OP_WACK << 11 | NB_F_AA;
	m.wack_flags = 0x2900;
	m.ttl = 100;
	for (int i = 0; i < 10; i++) {
		answer(b, &m, now);
		now += 60000 * MS - 1; /* no longer, whatever the server says */
		assert_int_equal(load_again(b->load, now, &socket, b->packet), 0);
		assert_int_equal(a->lost, 0);
	}
	answer(b, &m, now);
	(void)load_again(b->load, now + 1, &socket, b->packet);
	assert_int_equal(a->lost, 1);
	assert_int_equal(a->wacks, 11);
}

static void
a_rate_is_kept_and_lateness_counts_as_latency(void **state)
{
	struct bed *b = *state;
	struct account *a;
	struct nb_msg m;

	b->p.rate = 1000;
	a = start(b);
	assert_true(begin(b, 0, 0));
	assert_false(begin(b, 0, MS - 1));
	assert_int_equal(load_next(b->load), MS);
	assert_true(begin(b, 0, 3 * MS)); /* due at 1 ms */
	m = good_answer(b, IP4_ANY);
	answer(b, &m, 4 * MS);
	assert_int_equal(a->op[OP_QUERY].latency.max, 3 * MS);
	assert_true(begin(b, 0, 4 * MS));
	assert_true(begin(b, 0, 4 * MS));
	assert_int_equal(a->begun, 4);
}

static void
it_ends_with_the_last_answer(void **state)
{
	struct bed *b = *state;
	struct nb_msg m;

	b->p.count = 1;
	start(b);
	assert_false(load_over(b->load, 0));
	assert_true(begin(b, 0, 0));
	m = good_answer(b, IP4_ANY);
	assert_false(begin(b, 0, 1));
	assert_false(load_over(b->load, 1));
	answer(b, &m, 2);
	assert_true(load_over(b->load, 2));
}

static void
it_ends_when_its_time_is_over_or_it_is_stopped(void **state)
{
	struct bed *b = *state;
	unsigned socket;

	start(b);
	assert_true(begin(b, 0, 60000 * MS - 1));
	assert_false(begin(b, 0, 60000 * MS));
	load_stop(b->load);
	assert_false(begin(b, 0, 0));
	assert_false(load_over(b->load, 60000 * MS));
	assert_int_equal(load_again(b->load, 120000 * MS, &socket, b->packet), 0);
	assert_true(load_over(b->load, 120000 * MS));
}

static void
sockets_share_the_window(void **state)
{
	struct bed *b = *state;

	b->p.sockets = 2;
	start(b);
	assert_true(begin(b, 0, 0) && begin(b, 0, 0));
	assert_false(begin(b, 0, 0));
	assert_true(begin(b, 1, 0) && begin(b, 1, 0));
	assert_false(begin(b, 1, 0));
}

static void
ids_come_back_as_late_as_they_can(void **state)
{
	struct bed *b = *state;
	uint8_t seen[65536] = { 0 };

	b->p.count = UINT64_MAX;
	start(b);
	for (unsigned i = 0; i < 65536; i++) {
		struct nb_msg m;

		assert_true(begin(b, 0, 0));
		m = good_answer(b, IP4_ANY);
		assert_int_equal(seen[m.id]++, 0);
		answer(b, &m, 0);
	}
}

/* ---- the other sides, the report ---- */

static void
the_bare_responder_gives_answers_that_count(void **state)
{
	struct bed *b = *state;
	struct account *a;

	b->p.any_answer = true;
	b->p.mode = PERF_MIXED;
	b->p.mix[OP_RELEASE] = 30;
	b->p.count = 200;
	a = start(b);
	while (begin(b, 0, 0)) {
		uint8_t *buf = b->packet;
		size_t len = bare_answer(buf, b->len);

		load_take(b->load, 0, buf, len, 1);
	}
	assert_int_equal(a->right, 200);
	assert_true(a->op[OP_RELEASE].right && a->op[OP_REFRESH].right);
}

static void
the_bare_responder_is_silent_on_everything_else(void **state)
{
	struct bed *b = *state;
	size_t len;

	start(b);
	assert_true(begin(b, 0, 0));
	for (len = 0; len < b->len; len++)
		assert_int_equal(bare_answer(b->packet, len), 0);
	b->packet[12] = 31;
	assert_int_equal(bare_answer(b->packet, len), 0);
	b->packet[12] = 32;
	b->packet[2] |= 0x80;
	assert_int_equal(bare_answer(b->packet, len), 0);
}

static void
the_end_tells_whether_all_was_right(void **state)
{
	struct account *a = calloc(1, sizeof(*a));

	assert_non_null(a);
	a->begun = 3;
	assert_int_equal(report_end(a), RUN_FAILED);
	a->answered = 3;
	a->right = 2;
	assert_int_equal(report_end(a), RUN_NOT_ALL);
	a->right = 3;
	assert_int_equal(report_end(a), RUN_ALL_RIGHT);
	free(a);
}

static void
the_report_says_what_was_wrong(void **state)
{
	struct bed *b = *state;
	struct owners owners = { 0 };
	struct report r = { .p = &b->p, .owners = &owners, .seconds = 1 };
	struct nb_msg m;
	char *text = NULL;
	size_t size;
	FILE *out;

	r.account = start(b);
	assert_true(begin(b, 0, 0));
	m = good_answer(b, IP4_BROADCAST);
	answer(b, &m, 5 * MS);
	for (int json = 0; json < 2; json++) {
		static const char *const words[][4] = {
			{ "0 right, 1 not the address expected, 0 lost", "p50 5.000", "1 success",
			    "first wrong query number" },
			{ "\"not the address expected\": 1", "\"p99.9\": 5.0", "\"success\": 1",
			    "\"first_wrong\": \"query number" },
		};

		out = open_memstream(&text, &size);
		assert_non_null(out);
		if (json)
			report_json(&r, out);
		else
			report_show(&r, out);
		fclose(out);
		for (int i = 0; i < 4; i++)
			if (!strstr(text, words[json][i]))
				fail_msg("%s is not in: %s", words[json][i], text);
		free(text);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(requests_are_those_of_the_catalogue),
		TEST(hosts_of_a_storm_claim_their_usual_names),
		TEST(each_name_is_registered_once),
		TEST(shares_and_hits_are_met),
		TEST(what_is_released_was_registered_and_answered_before),
		TEST(only_the_right_answer_is_right),
		TEST(ad00_is_no_success_and_a_wack_no_answer),
		TEST(the_claim_of_a_living_owners_name_must_be_refused),
		TEST(no_more_are_open_than_the_window_allows),
		TEST(silence_is_asked_again_with_the_same_id_and_then_lost),
		TEST(an_answer_counts_once_and_only_for_its_own_request),
		TEST(a_wack_buys_time_but_not_for_ever),
		TEST(a_rate_is_kept_and_lateness_counts_as_latency),
		TEST(it_ends_with_the_last_answer),
		TEST(it_ends_when_its_time_is_over_or_it_is_stopped),
		TEST(sockets_share_the_window),
		TEST(ids_come_back_as_late_as_they_can),
		TEST(the_bare_responder_gives_answers_that_count),
		TEST(the_bare_responder_is_silent_on_everything_else),
		TEST(the_end_tells_whether_all_was_right),
		TEST(the_report_says_what_was_wrong),
	};

	return cmocka_run_group_tests_name("nbperf_load", tests, NULL, NULL);
}
