/* SPDX-License-Identifier: Apache-2.0 */
/* Every row of netbt 1.6, "Dispatch in a process that is node and NBNS on one socket". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "../support/hex.h"
#include "front/dispatch.h"

#define HELD "ALPHA<20>" /* what the packets of tests/data are about */

static struct nb_key
key_of(const char *text)
{
	struct nb_key key;

	assert_int_equal(nb_key_parse(text, 0, &key), 0);
	return key;
}

static struct dispatch_names *
names_of(const char *text)
{
	const struct nb_key key = key_of(text);
	struct dispatch_names *names;

	assert_int_equal(dispatch_names_new(&key, 1, &names), 0);
	return names;
}

static enum dispatch
query(const char *name, uint16_t flags, const struct dispatch_names *names)
{
	const struct nb_msg m = {
		.id = 1, .flags = flags, .kind = NB_QUERY_REQ, .key = key_of(name)
	};
	uint8_t packet[NB_UDP_MAX];
	size_t len = nb_encode(&m, packet, sizeof(packet));

	assert_true(len > 0);
	return dispatch(packet, len, false, names);
}

static void
every_row_of_the_table(void **state)
{
	static const struct {
		const char *file;
		enum dispatch is, when_held;
	} rows[] = {
		{ "query-broadcast", DISPATCH_NODE, DISPATCH_NODE },
		{ "status-request", DISPATCH_NODE, DISPATCH_NODE },
		{ "query-nbns", DISPATCH_WINS, DISPATCH_NODE },
		{ "query-challenge", DISPATCH_NODE, DISPATCH_NODE },
		{ "register", DISPATCH_WINS, DISPATCH_WINS },
		{ "register-multihomed", DISPATCH_WINS, DISPATCH_WINS },
		{ "overwrite", DISPATCH_NODE, DISPATCH_NODE }, /* broadcast */
		{ "refresh", DISPATCH_WINS, DISPATCH_WINS },
		{ "refresh-9", DISPATCH_WINS, DISPATCH_WINS },
		{ "release", DISPATCH_WINS, DISPATCH_WINS },
		{ "query-positive", DISPATCH_BOTH, DISPATCH_BOTH },
		{ "query-negative", DISPATCH_BOTH, DISPATCH_BOTH },
		{ "redirect", DISPATCH_BOTH, DISPATCH_BOTH },
		{ "status-response", DISPATCH_BOTH, DISPATCH_BOTH },
		{ "release-positive", DISPATCH_BOTH, DISPATCH_BOTH },
		{ "register-positive", DISPATCH_NODE, DISPATCH_NODE },
		{ "register-negative", DISPATCH_NODE, DISPATCH_NODE },
		{ "conflict-demand", DISPATCH_NODE, DISPATCH_NODE },
		{ "wack", DISPATCH_NODE, DISPATCH_NODE },
	};
	struct dispatch_names *names = names_of(HELD);

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		uint8_t packet[NB_UDP_MAX];
		char path[64];
		size_t len;

		snprintf(path, sizeof(path), "ns/%s.hex", rows[i].file);
		len = hex_read(path, packet, sizeof(packet));
		if (dispatch(packet, len, false, NULL) != rows[i].is ||
		    dispatch(packet, len, false, names) != rows[i].when_held)
			fail_msg("%s", rows[i].file);
		/* Sent to everybody, whatever its B bit says; and its B bit, however it was sent. */
		assert_int_equal(dispatch(packet, len, true, NULL), DISPATCH_NODE);
		packet[3] |= NB_F_B;
		assert_int_equal(dispatch(packet, len, false, NULL), DISPATCH_NODE);
	}
	dispatch_names_free(names);
}

static void
a_status_request_with_rd_goes_to_the_node(void **state)
{
	uint8_t packet[NB_UDP_MAX];
	size_t len = hex_read("ns/status-request.hex", packet, sizeof(packet));

	packet[2] |= NB_F_RD >> 8;
	assert_int_equal(dispatch(packet, len, false, NULL), DISPATCH_NODE);
}

static void
only_the_whole_name_is_the_nodes(void **state)
{
	struct dispatch_names *plain = names_of("PC<20>"), *scoped = names_of("PC<20>.EXAMPLE.LAB");

	assert_int_equal(query("PC<20>", NB_F_RD, plain), DISPATCH_NODE);
	assert_int_equal(query("PC<00>", NB_F_RD, plain), DISPATCH_WINS);
	assert_int_equal(query("pc<20>", NB_F_RD, plain), DISPATCH_WINS);
	assert_int_equal(query("PC<20>.EXAMPLE.LAB", NB_F_RD, plain), DISPATCH_WINS);
	assert_int_equal(query("PC<20>.EXAMPLE.LAB", NB_F_RD, scoped), DISPATCH_NODE);
	assert_int_equal(query("PC<20>.EXAMPLE", NB_F_RD, scoped), DISPATCH_WINS);
	assert_int_equal(query("PC<20>", NB_F_RD, scoped), DISPATCH_WINS);
	assert_int_equal(query("PC<20>", 0, scoped), DISPATCH_NODE);
	dispatch_names_free(plain);
	dispatch_names_free(scoped);
}

static void
as_many_names_as_a_node_can_have_are_found(void **state)
{
	static struct nb_key keys[DISPATCH_NAMES_MAX + 1];
	struct dispatch_names *names;
	char text[16];

	for (unsigned i = 0; i <= DISPATCH_NAMES_MAX; i++) {
		snprintf(text, sizeof(text), "PC%u<20>", i);
		keys[i] = key_of(text);
	}
	assert_int_equal(dispatch_names_new(keys, DISPATCH_NAMES_MAX + 1, &names), 0);
	for (unsigned i = 0; i <= DISPATCH_NAMES_MAX; i++) {
		snprintf(text, sizeof(text), "PC%u<20>", i);
		assert_int_equal(query(text, NB_F_RD, names),
		    i < DISPATCH_NAMES_MAX ? DISPATCH_NODE : DISPATCH_WINS);
	}
	dispatch_names_free(names);
}

/* The server drops and counts it; and nothing is read past its end (the sanitizers look). */
static void
a_packet_cut_anywhere_goes_somewhere(void **state)
{
	struct dispatch_names *names = names_of(HELD);
	uint8_t packet[NB_UDP_MAX];
	size_t len = hex_read("ns/query-nbns.hex", packet, sizeof(packet));

	for (size_t cut = 0; cut < len; cut++) {
		uint8_t *exact = malloc(cut ? cut : 1);
		enum dispatch to;

		memcpy(exact, packet, cut);
		to = dispatch(exact, cut, false, names);
		free(exact);
		/* The name ends at 46: from there on it is known. */
		assert_int_equal(to, cut >= 46 ? DISPATCH_NODE : DISPATCH_WINS);
	}
	for (unsigned byte = 0; byte < 256; byte++) {
		packet[12] = (uint8_t)byte; /* labels and pointers of every length */
		(void)dispatch(packet, len, false, names);
	}
	dispatch_names_free(names);
}

static void
unknown_opcodes_go_to_the_server_that_counts_them(void **state)
{
	uint8_t packet[NB_UDP_MAX];
	size_t len = hex_read("ns/query-nbns.hex", packet, sizeof(packet));

	packet[2] = 0x08;
	assert_int_equal(dispatch(packet, len, false, NULL), DISPATCH_WINS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_of_the_table),
		cmocka_unit_test(a_status_request_with_rd_goes_to_the_node),
		cmocka_unit_test(only_the_whole_name_is_the_nodes),
		cmocka_unit_test(as_many_names_as_a_node_can_have_are_found),
		cmocka_unit_test(a_packet_cut_anywhere_goes_somewhere),
		cmocka_unit_test(unknown_opcodes_go_to_the_server_that_counts_them),
	};

	return cmocka_run_group_tests_name("front_dispatch", tests, NULL, NULL);
}
