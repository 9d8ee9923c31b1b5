/* SPDX-License-Identifier: Apache-2.0 */
/* nbperf without its sockets: command line, names from a pattern, a file and a capture, latencies. */
#include "nbperf/nbperf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "nbperf/hist.h"
#include "nbperf/load.h"
#include "nbperf/names.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* Parses a command line given as one string, words parted by blanks. */
static enum perf_call
parse(const char *line, struct perf *ret, char why[static PERF_WHY_LEN])
{
	static char copy[512]; /* struct perf borrows from it */
	char program[] = "nbperf", *argv[64] = { program };
	int argc = 1;

	assert_true(strlen(line) < sizeof(copy));
	strcpy(copy, line);
	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	why[0] = 0;
	return perf_parse(argc, argv, ret, why);
}

/* ---- command line ---- */

static void
what_is_not_given_has_its_default(void **state)
{
	char why[PERF_WHY_LEN];
	struct perf p;

	assert_int_equal(parse("@192.0.2.1", &p, why), PERF_RUN);
	assert_int_equal(p.mode, PERF_QUERY);
	assert_string_equal(p.server, "192.0.2.1");
	assert_int_equal(p.port, 137);
	assert_int_equal(p.names, 10000);
	assert_int_equal(p.window, 64);
	assert_int_equal(p.time_ms, 10000);
	assert_int_equal(p.count, UINT64_MAX);
	assert_int_equal(p.retries, 2);
	assert_int_equal(p.interval_ms, 1500);
	assert_int_equal(p.hits, 10000);
}

static void
every_load_is_bounded_in_time_or_count(void **state)
{
	char why[PERF_WHY_LEN];
	struct perf p;

	assert_int_equal(parse("@192.0.2.1 register -n 5", &p, why), PERF_RUN);
	assert_int_equal(p.count, 0); /* as many as there are names */
	assert_int_equal(p.time_ms, 600000);
	assert_int_equal(parse("@192.0.2.1 query -c 7", &p, why), PERF_RUN);
	assert_int_equal(p.count, 7);
	assert_int_equal(p.time_ms, 600000);
	assert_int_equal(parse("@192.0.2.1 mixed -t 3s", &p, why), PERF_RUN);
	assert_int_equal(p.time_ms, 3000);
	assert_int_equal(parse("@192.0.2.1 storm -N 50 -s 2s", &p, why), PERF_RUN);
	assert_int_equal(p.count, 50 * STORM_NAMES);
	assert_true(p.rate == 25 * STORM_NAMES);
	assert_int_equal(parse("--responder", &p, why), PERF_RUN);
	assert_int_equal(p.time_ms, 600000);
}

static void
a_pull_has_defaults_of_its_own(void **state)
{
	char why[PERF_WHY_LEN];
	struct perf p;

	assert_int_equal(parse("@192.0.2.1 pull", &p, why), PERF_RUN);
	assert_int_equal(p.mode, PERF_PULL);
	assert_int_equal(p.port, 42);
	assert_int_equal(p.window, 2);
	assert_int_equal(p.count, 1);
	assert_int_equal(p.time_ms, 600000);
	assert_int_equal(p.interval_ms, 60000);
	assert_int_equal(p.range, 30000);
	assert_int_equal(parse("@a pull -p 1042 -w 64 -c 3 -t 2s -i 4s -b 192.0.2.9 --range 0 "
			       "--json -q",
			     &p, why),
	    PERF_RUN);
	assert_int_equal(p.port, 1042);
	assert_int_equal(p.window, 64);
	assert_int_equal(p.count, 3);
	assert_int_equal(p.time_ms, 2000);
	assert_int_equal(p.interval_ms, 4000);
	assert_int_equal(p.sources.a[0].v, 0xc0000209);
	assert_int_equal(p.range, 0);
}

static void
what_is_given_arrives(void **state)
{
	char why[PERF_WHY_LEN];
	struct perf p;

	assert_int_equal(
	    parse("-p 1137 -n 3 -f 9 -P HOST%4x<00> -a 192.0.2.9 -A 5 -H 12.5% -b "
		  "127.0.0.2,127.0.0.3 -S 2 -w 8 -B 4 -r 1000 -c 11 -R 0 -i 200ms -e 77 -m "
		  "1,2,3,4 -x -q -j -k 6 @wins mixed",
		&p, why),
	    PERF_RUN);
	assert_int_equal(p.mode, PERF_MIXED);
	assert_int_equal(p.port, 1137);
	assert_int_equal(p.names, 3);
	assert_int_equal(p.first, 9);
	assert_string_equal(p.pattern, "HOST%4x<00>");
	assert_int_equal(p.address.v, 0xc0000209);
	assert_int_equal(p.addresses, 5);
	assert_int_equal(p.hits, 1250);
	assert_int_equal(p.fresh, 6);
	assert_int_equal(p.sources.n, 2);
	assert_int_equal(p.sources.a[1].v, 0x7f000003);
	assert_int_equal(p.sockets, 2);
	assert_int_equal(p.window, 8);
	assert_int_equal(p.batch, 4);
	assert_true(p.rate == 1000);
	assert_int_equal(p.count, 11);
	assert_int_equal(p.retries, 0);
	assert_int_equal(p.interval_ms, 200);
	assert_int_equal(p.seed, 77);
	assert_int_equal(p.mix[0] + 10 * p.mix[1] + 100 * p.mix[2] + 1000 * p.mix[3], 4321);
	assert_true(p.any_answer && p.quiet && p.json);
	assert_int_equal(
	    parse("@s challenge -O 192.0.2.4 -o denying -a own -b 192.0.2.5", &p, why), PERF_RUN);
	assert_int_equal(p.owner, PERF_DENYING);
	assert_int_equal(p.owners.n, 1);
	assert_true(p.own && !p.dns);
	assert_int_equal(parse("@s --dns", &p, why), PERF_RUN);
	assert_true(p.dns);
}

static void
a_wrong_call_says_what_is_allowed(void **state)
{
	static const struct {
		const char *line, *why;
	} rows[] = {
		{ "", "no server" },
		{ "query", "no server" },
		{ "@", "'@' is not a load; give query, register" },
		{ "@a @b", "two servers: 'a' and 'b'" },
		{ "@a query register", "two loads: 'query' and 'register'" },
		{ "@a flood", "'flood' is not a load; give query, register" },
		{ "@a --responder", "needs no server" },
		{ "--responder -r 5", "--rate goes with" },
		{ "@a -p 0", "--port: '0' is not allowed; give a number from 1 to 65535" },
		{ "@a -p 65536", "--port: '65536'" },
		{ "@a -n 0", "--names: '0'" },
		{ "@a -n 5x", "--names: '5x'" },
		{ "@a -n -5", "--names: '-5'" },
		{ "@a -n 9999999999999999999", "--names: '9999999999999999999'" },
		{ "@a -S 257", "--sockets: '257' is not allowed; give a number from 1 to 256" },
		{ "@a -B 257", "--batch: '257'" },
		{ "@a -w 65537", "--window: with 1 sockets give 1 to 65536" },
		{ "@a -S 4 -w 3", "--window: with 4 sockets give 4 to 262144" },
		{ "@a -t 0s", "--time: '0s' is not allowed; give 1ms to 86400s" },
		{ "@a -t 25h", "--time: '25h'" },
		{ "@a -t 5y", "--time: '5y'" },
		{ "@a -H 101", "--hits: '101' is not allowed; give 0 to 100 percent" },
		{ "@a -H nan", "--hits: 'nan'" },
		{ "@a mixed -m 1,2,3", "--mix: '1,2,3' is not allowed; give four numbers" },
		{ "@a mixed -m 0,0,0,0", "--mix: '0,0,0,0'" },
		{ "@a mixed -m 1,2,3,1000", "--mix: '1,2,3,1000'" },
		{ "@a mixed -m 1,2,3,-1", "--mix: '1,2,3,-1'" },
		{ "@a -m 1,1,1,1", "--mix goes with mixed" },
		{ "@a -k 5", "--skip goes with mixed" },
		{ "@a register -H 5", "--hits goes with query and mixed" },
		{ "@a register --dns", "--dns goes with query" },
		{ "@a storm -n 5", "--names goes with every load but storm" },
		{ "@a query -l 5", "--range goes with pull" },
		{ "@a pull -l 1000000001", "--range: '1000000001' is not allowed; give a number" },
		{ "@a pull -w 65", "--window: with pull give 1 to 64" },
		{ "@a pull -b 127.0.0.1,127.0.0.2", "pull goes with one --source" },
		{ "@a pull -n 5", "--names does not go with pull" },
		{ "@a pull -x", "--any-answer does not go with pull" },
		{ "@a pull -R 1", "--retries does not go with pull" },
		{ "@a query -N 5", "--hosts goes with storm" },
		{ "@a query -O 127.0.0.1", "--owners goes with challenge" },
		{ "@a challenge", "challenge needs --owners" },
		{ "@a challenge -O 127.0.0.1 -o absent", "give living, dead or denying" },
		{ "@a -a 10.0.0", "--address: '10.0.0' is not a host's" },
		{ "@a -a 127.0.0.1", "--address: '127.0.0.1' is not a host's" },
		{ "@a -a 223.255.255.255 -A 2", "--addresses: so many" },
		{ "@a -a own -b 127.0.0.1,127.0.0.2", "--address own goes with one --source" },
		{ "@a -a own -A 2", "--address own goes with" },
		{ "@a -b 127.0.0.1,", "--source: '' is not an IPv4 address" },
		{ "@a -P WS%3d -n 1001", "--pattern: 'WS%3d' makes 1000 names" },
		{ "@a -P WS%3d -n 1 -f 1000", "numbers 1000 to 1000 are asked for" },
		{ "@a -P WS -n 2", "'WS' makes 1 names" },
		{ "@a -P WS%d", "--pattern: 'WS%d' is not allowed; give a NetBIOS name" },
		{ "@a -F x -C y", "exclude each other" },
		{ "@a -P WS%8d -F x", "exclude each other" },
		{ "@a -p", "--port needs a value" },
		{ "@a --json=1", "--json takes no value" },
		{ "@a -Z", "-Z is not an option" },
		{ "@a --bogus", "--bogus is not an option" },
	};
	char why[PERF_WHY_LEN];
	struct perf p;

	for (size_t i = 0; i < COUNT(rows); i++) {
		print_message("# %s\n", rows[i].line);
		assert_int_equal(parse(rows[i].line, &p, why), PERF_WRONG);
		if (!strstr(why, rows[i].why))
			fail_msg("said: %s", why);
	}
}

static void
help_and_version_win_over_what_is_missing(void **state)
{
	char why[PERF_WHY_LEN];
	struct perf p;

	assert_int_equal(parse("--help", &p, why), PERF_HELP);
	assert_int_equal(parse("-V", &p, why), PERF_VERSION);
}

/* ---- names ---- */

static void
a_pattern_counts_in_its_field(void **state)
{
	static const struct {
		const char *pattern;
		uint64_t number;
		const char *name;
	} rows[] = {
		{ "WS-%8d<20>", 0, "WS-00000000<20>" },
		{ "WS-%8d<20>", 12345678, "WS-12345678<20>" },
		{ "WS-%8d<20>", 100000001, "WS-00000001<20>" },
		{ "%4xEND#1b", 0xbeef, "BEEFEND<1b>" },
		{ "%4xEND#1b", 0x1beef, "BEEFEND<1b>" },
		{ "%15d", 42, "000000000000042<20>" },
		{ "FIXED", 42, "FIXED<20>" },
		{ "H%2d<00>.LAB", 7, "H07<00>.LAB" },
	};
	char name[NB_KEY_STRLEN];
	struct pattern p;
	struct nb_key want, got;

	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_true(pattern_parse(rows[i].pattern, &p));
		pattern_get(&p, rows[i].number, &got);
		assert_int_equal(nb_key_parse(rows[i].name, 0, &want), 0);
		if (!nb_key_eq(&want, &got))
			fail_msg("%s: %s", rows[i].name, nb_key_print(&got, name));
	}
}

static void
what_is_no_pattern_is_refused(void **state)
{
	static const char *const rows[] = { "", "%", "%d", "%0d", "%16d", "%2d%2d", "WS%8s",
		"ABCDEFGHIJ%6d", "ABCDEFGHIJKLMNOP", "A#%2d", "\\x41%2d" };
	struct pattern p;

	for (size_t i = 0; i < COUNT(rows); i++)
		if (pattern_parse(rows[i], &p))
			fail_msg("%s is taken", rows[i]);
}

static char *
file_with(const void *bytes, size_t len)
{
	char *path = strdup("nbperf-test-XXXXXX");
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
	return path;
}

static struct perf
listed(const char *file, const char *capture)
{
	return (struct perf){ .file = file,
		.capture = capture,
		.address = IP4(10, 0, 0, 1),
		.addresses = 100,
		.sockets = 1 };
}

static void
a_file_gives_names_and_addresses(void **state)
{
	static const char text[] = "FRED\n\nBARNEY<1b>\t192.0.2.3\r\nMY PC#00.LAB\n";
	char *path = file_with(text, sizeof(text) - 1), why[PERF_WHY_LEN];
	struct perf p = listed(path, NULL);
	struct names *n;
	struct nb_key key, want;
	struct ip4 ip;

	assert_true(names_open(&p, &n, why));
	assert_int_equal(p.names, 3);
	assert_int_equal(p.count, 3);
	names_get(n, 2, &key);
	assert_int_equal(nb_key_parse("MY PC<00>.LAB", 0, &want), 0);
	assert_true(nb_key_eq(&key, &want));
	assert_true(names_address(n, 1, &ip));
	assert_int_equal(ip.v, 0xc0000203);
	assert_false(names_address(n, 2, &ip));
	names_free(n);
	p.names = 4;
	assert_false(names_open(&p, &n, why));
	assert_non_null(strstr(why, "has 3 names; --names asks for 4"));
	unlink(path);
	free(path);
}

static void
a_file_that_would_never_end_is_not_read(void **state)
{
	struct perf rows[] = { listed("/dev/zero", NULL), listed(NULL, "/dev/zero") };
	char why[PERF_WHY_LEN];
	struct names *n;

	for (size_t i = 0; i < 2; i++) {
		assert_false(names_open(&rows[i], &n, why));
		assert_string_equal(why, "/dev/zero: not a regular file");
	}
}

static void
a_wrong_line_of_a_file_is_told_by_its_number(void **state)
{
	static const char *const rows[] = { "FRED\nABCDEFGHIJKLMNOP\n", "FRED\nB\tx\n" };
	char why[PERF_WHY_LEN];
	struct names *n;

	for (size_t i = 0; i < COUNT(rows); i++) {
		char *path = file_with(rows[i], strlen(rows[i]));
		struct perf p = listed(path, NULL);

		assert_false(names_open(&p, &n, why));
		assert_non_null(strstr(why, ":2: not a NetBIOS name"));
		unlink(path);
		free(path);
	}
}

/* A pcap file with one Ethernet frame in it, which carries the packet to port. */
static size_t
make_capture(uint8_t *out, size_t cap, uint16_t port, const uint8_t *packet, size_t len)
{
	static const uint8_t ip[] = { 0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0,
		2, 2 };
	struct wr w = wr_init(out, cap);
	uint8_t *total;

	wr_bytes(&w, "\xa1\xb2\xc3\xd4\0\2\0\4\0\0\0\0\0\0\0\0\0\0\xff\xff\0\0\0\1", 24);
	wr_bytes(&w, "\0\0\0\0\0\0\0\0", 8);
	wr_u32(&w, (uint32_t)(42 + len));
	wr_u32(&w, (uint32_t)(42 + len));
	wr_bytes(&w, "\0\0\0\0\0\0\0\0\0\0\0\0\x08\0", 14);
	total = w.p + 2;
	wr_bytes(&w, ip, sizeof(ip));
	total[0] = (uint8_t)((28 + len) >> 8);
	total[1] = (uint8_t)(28 + len);
	wr_u16(&w, 1024);
	wr_u16(&w, port);
	wr_u16(&w, (uint16_t)(8 + len));
	wr_u16(&w, 0);
	wr_bytes(&w, packet, len);
	assert_false(w.bad);
	return (size_t)(w.p - out);
}

static void
a_capture_gives_the_names_asked_for(void **state)
{
	struct nb_msg m = { .id = 1, .flags = NB_F_RD, .kind = NB_QUERY_REQ };
	uint8_t packet[NB_UDP_MAX], capture[1024];
	char why[PERF_WHY_LEN];
	struct nb_key key;
	size_t len;

	assert_int_equal(nb_key_parse("FRED<20>", 0, &m.key), 0);
	len = nb_encode(&m, packet, sizeof(packet));
	/* as captured; and to another port, cut short and not a capture at all: no name */
	for (int i = 0; i < 4; i++) {
		size_t size = make_capture(
		    capture, sizeof(capture), i == 1 ? 138 : 137, packet, i == 2 ? len - 5 : len);
		char *path = file_with(capture, i == 3 ? 20 : size);
		struct perf p = listed(NULL, path);
		struct names *n = NULL;

		if (i == 0) {
			assert_true(names_open(&p, &n, why));
			assert_int_equal(p.names, 1);
			names_get(n, 0, &key);
			assert_true(nb_key_eq(&key, &m.key));
		} else {
			assert_false(names_open(&p, &n, why));
			assert_non_null(strstr(why, i == 3 ? "too short" : "has 0 names"));
		}
		names_free(n);
		unlink(path);
		free(path);
	}
}

static void
every_cut_of_a_capture_is_survived(void **state)
{
	struct nb_msg m = { .id = 1, .flags = NB_F_RD, .kind = NB_QUERY_REQ };
	uint8_t packet[NB_UDP_MAX], capture[1024];
	char why[PERF_WHY_LEN];
	size_t len;

	assert_int_equal(nb_key_parse("FRED<20>", 0, &m.key), 0);
	len = nb_encode(&m, packet, sizeof(packet));
	len = make_capture(capture, sizeof(capture), 137, packet, len);
	for (size_t i = 0; i < len; i++) {
		char *path = file_with(capture, i);
		struct perf p = listed(NULL, path);
		struct names *n;

		assert_false(names_open(&p, &n, why));
		unlink(path);
		free(path);
	}
}

/* ---- latencies ---- */

static void
a_latency_is_told_within_one_part_in_128(void **state)
{
	static const uint64_t values[] = { 0, 1, 127, 128, 129, 255, 256, 1000, 999999,
		UINT64_C(1) << 40, UINT64_MAX / 3, UINT64_MAX };
	struct hist *h = calloc(1, sizeof(*h));

	assert_non_null(h);
	for (size_t i = 0; i < COUNT(values); i++) {
		uint64_t got;

		memset(h, 0, sizeof(*h));
		hist_add(h, values[i]);
		hist_add(h, UINT64_MAX); /* so that the greatest seen does not bound it */
		got = hist_at(h, 0.5);
		assert_true(got >= values[i]);
		assert_true(got - values[i] <= values[i] / 128);
		assert_int_equal(h->min, values[i]);
	}
	free(h);
}

static void
percentiles_are_those_of_the_sorted_values(void **state)
{
	struct hist *h = calloc(2, sizeof(*h));

	assert_non_null(h);
	assert_int_equal(hist_at(h, 0.5), 0);
	for (unsigned i = 100; i > 0; i--)
		hist_add(&h[i % 2], i);
	hist_merge(&h[0], &h[1]);
	assert_int_equal(h->n, 100);
	assert_int_equal(h->min, 1);
	assert_int_equal(hist_at(h, 0), 1);
	assert_int_equal(hist_at(h, 0.5), 50);
	assert_int_equal(hist_at(h, 0.9), 90);
	assert_int_equal(hist_at(h, 0.99), 99);
	assert_int_equal(hist_at(h, 0.999), 100);
	assert_int_equal(hist_at(h, 1), 100);
	free(h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_given_has_its_default),
		cmocka_unit_test(every_load_is_bounded_in_time_or_count),
		cmocka_unit_test(a_pull_has_defaults_of_its_own),
		cmocka_unit_test(what_is_given_arrives),
		cmocka_unit_test(a_wrong_call_says_what_is_allowed),
		cmocka_unit_test(help_and_version_win_over_what_is_missing),
		cmocka_unit_test(a_pattern_counts_in_its_field),
		cmocka_unit_test(what_is_no_pattern_is_refused),
		cmocka_unit_test(a_file_gives_names_and_addresses),
		cmocka_unit_test(a_file_that_would_never_end_is_not_read),
		cmocka_unit_test(a_wrong_line_of_a_file_is_told_by_its_number),
		cmocka_unit_test(a_capture_gives_the_names_asked_for),
		cmocka_unit_test(every_cut_of_a_capture_is_survived),
		cmocka_unit_test(a_latency_is_told_within_one_part_in_128),
		cmocka_unit_test(percentiles_are_those_of_the_sorted_values),
	};

	return cmocka_run_group_tests_name("nbperf_nbperf", tests, NULL, NULL);
}
