/* SPDX-License-Identifier: Apache-2.0 */
/* The file of what WINS servers may still hold: what is written, read back, and what is damaged. */
#include "nodehost/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define WINS IP4(192, 0, 2, 1)

struct place {
	char folder[40], path[60];
	struct node_ghost got[8];
	unsigned n;
};

static int
make_place(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	strcpy(p->folder, "/tmp/winsome-test-XXXXXX");
	assert_non_null(mkdtemp(p->folder));
	snprintf(p->path, sizeof(p->path), "%s/names", p->folder);
	*state = p;
	return 0;
}

static int
remove_place(void **state)
{
	struct place *p = *state;

	unlink(p->path);
	assert_int_equal(rmdir(p->folder), 0); /* nothing else was left */
	free(p);
	return 0;
}

static void
take(void *arg, const struct node_ghost *g)
{
	struct place *p = arg;

	assert_true(p->n < 8);
	p->got[p->n++] = *g;
}

static int
read_back(struct place *p, unsigned *ret_bad)
{
	p->n = 0;
	*ret_bad = 99;
	return state_read(p->path, take, p, ret_bad);
}

static uint32_t
draw(void *arg)
{
	static uint32_t last;

	return last += 40503;
}

static void
ignore_event(void *arg, const struct event *ev)
{
}

/* A node with a name on two cards, one of which advertises another address; and a ghost. */
static struct node *
make_node(struct mono now)
{
	const struct node_host host = { .random = draw, .event = ignore_event };
	const struct node_if ifs[] = {
		{ .key = 1, .ip = IP4(192, 0, 2, 10), .nwins = 1, .wins = { WINS } },
		{ .key = 2,
		    .ip = IP4(10, 0, 0, 10),
		    .advertise = IP4(203, 0, 113, 5),
		    .nwins = 1,
		    .wins = { WINS } }
	};
	struct node_ghost ghost = { .ip = IP4(198, 51, 100, 1),
		.from = IP4(198, 51, 100, 1),
		.wins = WINS,
		.group = true };
	struct node_conf conf;
	struct nb_key key;
	struct node *n;

	node_conf_init(&conf);
	conf.type = NODE_P;
	assert_int_equal(node_new(&conf, &host, now, &n), 0);
	assert_int_equal(node_set_ifs(n, ifs, 2, now), 0);
	assert_int_equal(nb_key_parse("A B\\x01<20>.LAB", 0, &key), 0);
	assert_int_equal(node_add(n, &key, false, false, now), 0);
	assert_int_equal(nb_key_parse("GHOST<1C>", 0, &ghost.key), 0);
	assert_int_equal(node_remember(n, &ghost, now), 0);
	return n;
}

/* The WINS server says yes to all. */
static void
grant_all(struct node *n, struct mono now)
{
	const struct node_out *out;
	struct nb_msg m;
	uint8_t packet[NB_UDP_MAX];

	while ((out = node_out(n))) {
		struct node_path path = out->path;

		assert_int_equal(nb_decode(out->data, out->len, &m), 0);
		m.kind = NB_REGISTER_RESP;
		m.flags = 0xad80;
		m.ttl = 518400;
		node_in(n, packet, nb_encode(&m, packet, sizeof(packet)), &path, now);
	}
}

static void
what_is_registered_or_haunts_is_kept_and_read_back(void **state)
{
	const struct mono now = { 1000000000 };
	struct node *n = make_node(now);
	struct place *p = *state;
	unsigned bad;
	char *text;

	grant_all(n, now);
	text = state_text(n, now);
	assert_string_equal(text, "winsome node state 1\n"
				  "unique 192.0.2.10 192.0.2.10 192.0.2.1 A B\\x01<20>.LAB\n"
				  "unique 203.0.113.5 10.0.0.10 192.0.2.1 A B\\x01<20>.LAB\n"
				  "group 198.51.100.1 198.51.100.1 192.0.2.1 GHOST<1C>\n");
	assert_int_equal(state_write(p->path, text), 0);
	free(text);
	assert_int_equal(read_back(p, &bad), 0);
	assert_int_equal(bad, 0);
	assert_int_equal(p->n, 3);
	assert_int_equal(p->got[1].ip.v, IP4(203, 0, 113, 5).v);
	assert_int_equal(p->got[1].from.v, IP4(10, 0, 0, 10).v);
	assert_int_equal(p->got[1].wins.v, WINS.v);
	assert_memory_equal(p->got[1].key.name.b, "A B\1           \x20", 16);
	assert_int_equal(p->got[1].key.scope.len, 4);
	assert_false(p->got[1].group);
	assert_true(p->got[2].group);
	node_free(n);
}

static void
nothing_to_keep_is_no_file(void **state)
{
	const struct node_host host = { .random = draw, .event = ignore_event };
	struct place *p = *state;
	struct node_conf conf;
	struct node *n;
	unsigned bad;
	char *text;

	node_conf_init(&conf);
	assert_int_equal(node_new(&conf, &host, (struct mono){ 1 }, &n), 0);
	text = state_text(n, (struct mono){ 1 });
	assert_string_equal(text, "");
	assert_int_equal(state_write(p->path, text), 0); /* nor was there one */
	assert_int_equal(state_write(p->path, "x"), 0);
	assert_int_equal(state_write(p->path, text), 0);
	assert_int_equal(read_back(p, &bad), NBT_ENOENT);
	free(text);
	node_free(n);
}

/* Whoever may write in the folder could keep the start waiting with a FIFO. */
static void
what_is_no_regular_file_is_not_read(void **state)
{
	struct place *p = *state;
	unsigned bad;

	assert_int_equal(mkfifo(p->path, 0600), 0);
	assert_int_equal(read_back(p, &bad), NBT_EINVAL);
	assert_int_equal(p->n, 0);
}

static void
damaged_lines_are_passed_over_and_counted(void **state)
{
	struct place *p = *state;
	unsigned bad;

	assert_int_equal(state_write(p->path,
			     "winsome node state 1\n"
			     "other 192.0.2.10 192.0.2.10 192.0.2.1 PC<20>\n"
			     "unique 192.0.2.10 192.0.2.10 PC<20>\n"
			     "unique 192.0.2.256 192.0.2.10 192.0.2.1 PC<20>\n"
			     "unique 127.0.0.1 192.0.2.10 192.0.2.1 PC<20>\n"
			     "unique 192.0.2.10 192.0.2.10 192.0.2.1 THIS NAME IS TOO LONG<20>\n"
			     "\n"
			     "unique 192.0.2.10 192.0.2.10 192.0.2.1 PC<20>\n"
			     "unique 192.0.2.11 192.0.2.11 192.0.2.1 PC<2"),
	    0);
	assert_int_equal(read_back(p, &bad), 0);
	assert_int_equal(p->n, 1);
	assert_int_equal(bad, 7);
}

static void
a_file_of_another_kind_is_not_read(void **state)
{
	static const char *const files[] = { "x",
		"winsome node state 2\nunique 192.0.2.10 192.0.2.10 "
		"192.0.2.1 PC<20>\n" };
	struct place *p = *state;
	unsigned bad;

	for (int i = 0; i < 2; i++) {
		assert_int_equal(state_write(p->path, files[i]), 0);
		assert_int_equal(read_back(p, &bad), 0);
		assert_int_equal(p->n, 0);
		assert_int_equal(bad, 1);
	}
}

static void
a_file_that_cannot_be_replaced_stays(void **state)
{
	struct place *p = *state;
	char beside[80];
	unsigned bad;

	assert_int_equal(state_write(p->path, "winsome node state 1\n"
					      "group 192.0.2.10 192.0.2.10 192.0.2.1 PC<20>\n"),
	    0);
	snprintf(beside, sizeof(beside), "%s.new", p->path);
	assert_int_equal(mkdir(beside, 0700), 0); /* in the way */
	assert_int_not_equal(state_write(p->path, "other"), 0);
	assert_int_equal(rmdir(beside), 0);
	assert_int_equal(read_back(p, &bad), 0);
	assert_int_equal(p->n, 1);
	assert_int_equal(state_write("/nonexistent/names", "x"), NBT_ENOENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_registered_or_haunts_is_kept_and_read_back),
		cmocka_unit_test(nothing_to_keep_is_no_file),
		cmocka_unit_test(what_is_no_regular_file_is_not_read),
		cmocka_unit_test(damaged_lines_are_passed_over_and_counted),
		cmocka_unit_test(a_file_of_another_kind_is_not_read),
		cmocka_unit_test(a_file_that_cannot_be_replaced_stays),
	};
	struct CMUnitTest placed[sizeof(tests) / sizeof(*tests)];

	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++) {
		placed[i] = tests[i];
		placed[i].setup_func = make_place;
		placed[i].teardown_func = remove_place;
	}
	return cmocka_run_group_tests_name("nodehost_state", placed, NULL, NULL);
}
