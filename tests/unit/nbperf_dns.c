/* SPDX-License-Identifier: Apache-2.0 */
/* What nbperf takes for the answer of a DNS server to a name query (option --dns). */
#include "nbperf/load.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

struct bed {
	struct perf p;
	struct names *names;
	struct load *load;
	uint8_t packet[NB_UDP_MAX];
	size_t len;
};

static int
set_up(void **state)
{
	struct bed *b = calloc(1, sizeof(*b));
	char why[PERF_WHY_LEN];

	assert_non_null(b);
	b->p = (struct perf){ .mode = PERF_QUERY,
		.dns = true,
		.server = "192.0.2.1",
		.pattern = "WS%4d<20>",
		.names = 1,
		.address = IP4(10, 0, 0, 1),
		.addresses = 1,
		.sockets = 1,
		.window = 4,
		.count = 1,
		.time_ms = 60000,
		.interval_ms = 1500 };
	assert_true(names_open(&b->p, &b->names, why));
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

/* As NSD 4.6 and Knot DNS 3.2 answered a query for WS0000<20>, byte for byte but for name and address. */
static size_t
answer(const struct bed *b, uint16_t flags, bool found, uint8_t *out)
{
	static const uint8_t record[] = { 0xc0, 12, 0, 32, 0, 1, 0, 7, 0xe9, 0, 0, 6, 0x60, 0, 10,
		0, 0, 1 };
	static const uint8_t soa[] = { 0, 0, 6, 0, 1, 0, 0, 1, 0x2c, 0, 31, 2, 'n', 's', 0, 5, 'a',
		'd', 'm', 'i', 'n', 0, 0, 0, 0, 1, 0, 0, 14, 16, 0, 0, 2, 0x58, 0, 1, 0x51, 0x80, 0,
		0, 1, 0x2c };

	memcpy(out, b->packet, b->len);
	out[2] = (uint8_t)(flags >> 8);
	out[3] = (uint8_t)flags;
	out[found ? 7 : 9] = 1;
	memcpy(out + b->len, found ? record : soa, found ? sizeof(record) : sizeof(soa));
	return b->len + (found ? sizeof(record) : sizeof(soa));
}

#define DNS_FOUND  0x8500
#define DNS_ABSENT 0x8503

static struct account *
asked(struct bed *b, bool absent)
{
	b->p.hits = absent ? 0 : 10000;
	b->load = load_new(&b->p, b->names, false, 0);
	assert_non_null(b->load);
	b->len = load_begin(b->load, 0, 0, b->packet);
	assert_int_equal(b->len, 50);
	return load_account(b->load);
}

static void
a_dns_servers_address_is_right(void **state)
{
	struct bed *b = *state;
	struct account *a = asked(b, false);
	uint8_t packet[NB_UDP_MAX];

	load_take(b->load, 0, packet, answer(b, DNS_FOUND, true, packet), 1);
	assert_int_equal(a->right, 1);
}

static void
a_dns_servers_denial_is_right_for_an_absent_name(void **state)
{
	struct bed *b = *state;
	struct account *a = asked(b, true);
	uint8_t packet[NB_UDP_MAX];

	load_take(b->load, 0, packet, answer(b, DNS_ABSENT, false, packet), 1);
	assert_int_equal(a->right, 1);
	assert_int_equal(a->rcode[NB_RC_NAM], 1);
}

static void
a_wrong_answer_of_a_dns_server_is_told(void **state)
{
	static const struct {
		unsigned at;
		uint8_t is;
		enum finding finding; /* FIND_RIGHT: no answer at all */
	} rows[] = {
		{ 0, 0xff, FIND_RIGHT },  /* another id */
		{ 2, 0x05, FIND_RIGHT },  /* a question */
		{ 2, 0xad, FIND_RIGHT },  /* another operation */
		{ 3, 0x03, FIND_RESULT }, /* no such name */
		{ 5, 0, FIND_RIGHT },     /* no question */
		{ 7, 0, FIND_RIGHT },     /* no record */
		{ 7, 2, FIND_RIGHT },     /* a second one that is not there */
		{ 13, 'G', FIND_NAME },   /* another name */
		{ 47, 33, FIND_RIGHT },   /* asked for another type */
		{ 49, 3, FIND_RIGHT },    /* asked for another class */
		{ 51, 11, FIND_RIGHT },   /* the record's name is none */
		{ 53, 33, FIND_RIGHT },   /* another type */
		{ 55, 3, FIND_RIGHT },    /* another class */
		{ 61, 5, FIND_RIGHT },    /* shorter data */
		{ 67, 2, FIND_ADDRESS },  /* another address */
	};
	struct bed *b = *state;
	uint8_t packet[NB_UDP_MAX];

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct account *a = asked(b, false);
		size_t len = answer(b, DNS_FOUND, true, packet);

		print_message("# byte %u\n", rows[i].at);
		packet[rows[i].at] = rows[i].is;
		load_take(b->load, 0, packet, len, 1);
		assert_int_equal(a->right, 0);
		assert_int_equal(a->answered, rows[i].finding != FIND_RIGHT);
		assert_int_equal(a->finding[rows[i].finding], rows[i].finding != FIND_RIGHT);
		load_free(b->load);
	}
	b->load = NULL;
}

static void
every_cut_of_a_dns_servers_answer_is_malformed(void **state)
{
	struct bed *b = *state;
	struct account *a = asked(b, false);
	uint8_t packet[NB_UDP_MAX];
	size_t len = answer(b, DNS_FOUND, true, packet);

	for (size_t cut = 0; cut < len; cut++) {
		uint8_t *exact = malloc(cut + 1); /* so that sanitizers see what is read behind */

		assert_non_null(exact);
		memcpy(exact + 1, packet, cut);
		load_take(b->load, 0, exact + 1, cut, 1);
		free(exact);
	}
	assert_int_equal(a->malformed, len);
	assert_int_equal(a->answered, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_dns_servers_address_is_right),
		TEST(a_dns_servers_denial_is_right_for_an_absent_name),
		TEST(a_wrong_answer_of_a_dns_server_is_told),
		TEST(every_cut_of_a_dns_servers_answer_is_malformed),
	};

	return cmocka_run_group_tests_name("nbperf_dns", tests, NULL, NULL);
}
