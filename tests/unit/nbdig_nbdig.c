/* SPDX-License-Identifier: Apache-2.0 */
/* nbdig without its sockets: command line, the packet sent, what counts as an answer, what is shown. */
#include "nbdig/nbdig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "../support/hex.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* Parses a command line given as one string, words parted by blanks. */
static enum dig_call
parse(const char *line, struct dig *ret, char why[static DIG_WHY_LEN])
{
	static char copy[512]; /* struct dig borrows from it */
	char program[] = "nbdig", *argv[32] = { program };
	int argc = 1;

	assert_true(strlen(line) < sizeof(copy));
	strcpy(copy, line);
	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	why[0] = 0;
	return dig_parse(argc, argv, ret, why);
}

/* The request that a command line makes. */
static struct nb_msg
request(const char *line)
{
	char why[DIG_WHY_LEN];
	struct nb_msg m;
	struct dig d;

	print_message("# %s\n", line);
	assert_int_equal(parse(line, &d, why), DIG_RUN);
	dig_request(&d, d.id, &m);
	return m;
}

static void
the_catalogue_can_be_asked_for(void **state)
{
	static const struct {
		const char *line, *file;
	} rows[] = {
		{ "@10.0.0.1 ALPHA#20 -i 0x1001", "query-nbns" },
		{ "-i 0x1001 @10.0.0.1 query ALPHA<20>", "query-nbns" },
		{ "@10.0.0.1 ALPHA#20 --id=4099 --no-recursion", "query-challenge" },
		{ "-A 10.0.0.1 -i 0x1008", "status-request" },
		{ "@10.0.0.1 status -i 0x1008", "status-request" },
		{ "@10.0.0.1 status * -i 0x1008", "status-request" },
		{ "@10.0.0.1 register ALPHA#20 --address 192.0.2.10 -i 0x1004", "register" },
		{ "@10.0.0.1 register ALPHA#20 -a 192.0.2.10 -m -i 0x1005", "register-multihomed" },
		{ "@10.0.0.1 refresh ALPHA#20 -a 192.0.2.10 -i 0x1007 --ttl 5000min", "refresh" },
		{ "@10.0.0.1 refresh ALPHA#20.EXAMPLE.LAB -a 192.0.2.10 -9 -i 0x1004",
		    "refresh-9" },
		{ "@10.0.0.1 release ALPHA#20 -a 192.0.2.10 -i 0x1006", "release" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct nb_msg m = request(rows[i].line);
		uint8_t want[256], got[256];
		char path[128];
		size_t len;

		snprintf(path, sizeof(path), "ns/%s.hex", rows[i].file);
		len = hex_read(path, want, sizeof(want));
		assert_int_equal(nb_encode(&m, got, sizeof(got)), len);
		assert_memory_equal(got, want, len);
	}
}

static void
what_is_not_given_has_its_default(void **state)
{
	char why[DIG_WHY_LEN];
	struct dig d;

	assert_int_equal(parse("@10.0.0.1 FRED", &d, why), DIG_RUN);
	assert_string_equal(d.server, "10.0.0.1");
	assert_int_equal(d.port, 137);
	assert_int_equal(d.source_port, 0);
	assert_int_equal(d.retries, 2);
	assert_int_equal(d.timeout_ms, 1500);
	assert_int_equal(nb_suffix(&d.key), 0);
	assert_false(d.has_id);
	assert_false(d.tcp || d.json || d.hex);
}

static void
what_is_given_arrives(void **state)
{
	char why[DIG_WHY_LEN];
	struct dig d;
	struct nb_msg m;

	assert_int_equal(
	    parse("-b 10.0.0.9 -P 137 -p 1137 -r 0 -t 3s -T -j -x @wins query query", &d, why),
	    DIG_RUN);
	assert_string_equal(d.server, "wins");
	assert_int_equal(d.source.v, 0x0a000009);
	assert_int_equal(d.source_port, 137);
	assert_int_equal(d.port, 1137);
	assert_int_equal(d.retries, 0);
	assert_int_equal(d.timeout_ms, 3000);
	assert_true(d.tcp && d.json && d.hex);
	assert_memory_equal(d.key.name.b, "query          \0", 16);

	m = request("@s register LAB#1c -a 10.0.0.9 --group --node-type p --ttl 0");
	assert_int_equal(m.addr[0].flags, NB_G | 0x2000);
	assert_int_equal(m.ttl, 0);
	m = request("@s register FRED -a 10.0.0.9 -n b -R --ttl 4294967295");
	assert_int_equal(m.addr[0].flags, 0);
	assert_int_equal(m.flags, 0x2800);
	assert_int_equal(m.ttl, UINT32_MAX);
}

static void
a_wrong_call_says_what_is_wrong(void **state)
{
	static const struct {
		const char *line, *why;
	} rows[] = {
		{ "", "no server" },
		{ "FRED", "no server" },
		{ "@ FRED", "'@' without a server" },
		{ "@1.2.3.4 @1.2.3.5 FRED", "two servers: '1.2.3.4' and '1.2.3.5'" },
		{ "-A 1.2.3.4 -A 1.2.3.5", "two servers" },
		{ "@1.2.3.4", "query needs a name" },
		{ "@1.2.3.4 register", "register needs a name" },
		{ "@1.2.3.4 register FRED", "register needs --address" },
		{ "@1.2.3.4 release FRED", "release needs --address" },
		{ "@1.2.3.4 FRED BARNEY", "'BARNEY' is one word too many" },
		{ "@1.2.3.4 ABCDEFGHIJKLMNOP", "is not a NetBIOS name" },
		{ "@1.2.3.4 FRED#2", "is not a NetBIOS name" },
		{ "@1.2.3.4 FRED -a 1.2.3.4", "go with register, refresh and release" },
		{ "@1.2.3.4 FRED -g", "go with register, refresh and release" },
		{ "@1.2.3.4 FRED -n h", "go with register, refresh and release" },
		{ "@1.2.3.4 release FRED -a 1.2.3.4 -l 5s", "--ttl goes with" },
		{ "@1.2.3.4 refresh FRED -a 1.2.3.4 -m", "--multihomed goes with" },
		{ "@1.2.3.4 register FRED -a 1.2.3.4 -m -g", "exclude each other" },
		{ "@1.2.3.4 register FRED -a 1.2.3.4 -9", "--opcode9 goes with" },
		{ "@1.2.3.4 register FRED -a 1.2.3", "--address: '1.2.3' is not an IPv4" },
		{ "@1.2.3.4 register FRED -a 1.2.3.4 -n x", "give b, p, m or h" },
		{ "@1.2.3.4 register FRED -a 1.2.3.4 -l 1500ms", "--ttl: '1500ms'" },
		{ "@1.2.3.4 register FRED -a 1.2.3.4 -l 4294967296", "--ttl: '4294967296'" },
		{ "@1.2.3.4 FRED -b x", "--source: 'x' is not an IPv4" },
		{ "@1.2.3.4 FRED -p 0", "--port: '0' is not allowed; give a number from 1" },
		{ "@1.2.3.4 FRED -p 65536", "--port: '65536'" },
		{ "@1.2.3.4 FRED -P 0", "--source-port: '0'" },
		{ "@1.2.3.4 FRED -i 65536", "--id: '65536' is not allowed; give a number from 0" },
		{ "@1.2.3.4 FRED -i 0x", "--id: '0x'" },
		{ "@1.2.3.4 FRED -i -1", "--id: '-1'" },
		{ "@1.2.3.4 FRED -r 101", "--retries: '101'" },
		{ "@1.2.3.4 FRED -t 0", "--timeout: '0'" },
		{ "@1.2.3.4 FRED -t 2h", "--timeout: '2h' is not allowed; give 1ms to 1h" },
		{ "@1.2.3.4 FRED -t 5x", "--timeout: '5x'" },
		{ "@1.2.3.4 FRED -t 99999999999999999999", "--timeout: '9999" },
		{ "@1.2.3.4 FRED -i", "--id needs a value" },
		{ "@1.2.3.4 FRED --id", "--id needs a value" },
		{ "@1.2.3.4 FRED --json=1", "--json takes no value" },
		{ "@1.2.3.4 FRED -xZ", "-Z is not an option" },
		{ "@1.2.3.4 FRED --bogus", "--bogus is not an option" },
	};
	char why[DIG_WHY_LEN];
	struct dig d;

	for (size_t i = 0; i < COUNT(rows); i++) {
		print_message("# %s\n", rows[i].line);
		assert_int_equal(parse(rows[i].line, &d, why), DIG_WRONG);
		assert_non_null(strstr(why, rows[i].why));
	}
}

static void
help_and_version_win_over_what_is_missing(void **state)
{
	char why[DIG_WHY_LEN];
	struct dig d;

	assert_int_equal(parse("--help", &d, why), DIG_HELP);
	assert_int_equal(parse("-V", &d, why), DIG_VERSION);
}

static void
load(const char *file, struct nb_msg *ret)
{
	static uint8_t buf[256]; /* node status borrows from it */
	char path[128];
	size_t len;

	snprintf(path, sizeof(path), "ns/%s.hex", file);
	len = hex_read(path, buf, sizeof(buf));
	assert_int_equal(nb_decode(buf, len, ret), NB_DROP_NONE);
}

static void
only_what_fits_the_question_is_an_answer(void **state)
{
	static const struct {
		const char *question, *answer;
		enum dig_answer judged;
	} rows[] = {
		{ "query-nbns", "query-positive", DIG_ANSWER },
		{ "query-nbns", "query-negative", DIG_ANSWER },
		{ "query-nbns", "redirect", DIG_ANSWER },
		{ "query-challenge", "query-positive", DIG_OTHER_ID },
		{ "query-nbns", "query-nbns", DIG_OTHER_KIND },
		{ "status-request", "status-response", DIG_ANSWER },
		{ "register-multihomed", "wack", DIG_WAIT },
		{ "register-multihomed", "register-positive", DIG_ANSWER },
		{ "register-multihomed", "register-negative", DIG_ANSWER },
		{ "register", "register-positive", DIG_OTHER_ID },
		{ "release", "release-positive", DIG_ANSWER },
	};
	struct nb_msg question, answer;

	for (size_t i = 0; i < COUNT(rows); i++) {
		load(rows[i].question, &question);
		load(rows[i].answer, &answer);
		assert_int_equal(dig_judge(&question, &answer), rows[i].judged);
		assert_true(!dig_answer_text(rows[i].judged) == (rows[i].judged <= DIG_WAIT));
	}
}

static void
an_answer_of_another_kind_or_name_does_not_count(void **state)
{
	struct nb_msg question, answer;

	load("release", &question);
	load("register-positive", &answer);
	answer.id = question.id;
	assert_int_equal(dig_judge(&question, &answer), DIG_OTHER_KIND);
	load("release-positive", &answer);
	answer.key.name.b[15] ^= 1;
	assert_int_equal(dig_judge(&question, &answer), DIG_OTHER_NAME);
	load("wack", &answer);
	answer.id = question.id;
	memset(&answer.key, 0, sizeof(answer.key));
	assert_int_equal(dig_judge(&question, &answer), DIG_WAIT);
	answer.key.name.b[0] = 'X';
	assert_int_equal(dig_judge(&question, &answer), DIG_OTHER_NAME);
}

static void
ad00_and_redirect_are_not_success(void **state)
{
	struct nb_msg m;

	load("register-positive", &m);
	assert_true(dig_positive(&m));
	m.flags = 0xad00;
	assert_false(dig_positive(&m));
	load("register-negative", &m);
	assert_false(dig_positive(&m));
	load("redirect", &m);
	assert_false(dig_positive(&m));
	load("release-positive", &m);
	assert_true(dig_positive(&m));
	load("query-positive", &m);
	assert_true(dig_positive(&m));
}

/* What dig_show writes for a vector; the caller frees it. */
static char *
shown(const char *file)
{
	struct nb_msg m;
	size_t size;
	char *text;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	load(file, &m);
	dig_show(out, &m);
	fclose(out);
	return text;
}

static void
messages_are_shown_in_words(void **state)
{
	static const struct {
		const char *file, *text;
	} rows[] = {
		{ "query-positive",
		    "positive name query response\n"
		    "  id       0x1001\n"
		    "  flags    0x8580: response, query, authoritative, recursion desired, "
		    "recursion available, success\n"
		    "  name     ALPHA<20>\n"
		    "  record   NB, TTL 0 s\n"
		    "  address  192.0.2.10       unique, H node\n"
		    "  address  198.51.100.10    unique, H node\n" },
		{ "wack",
		    "wait acknowledgement\n"
		    "  id       0x1005\n"
		    "  flags    0xbc00: response, wait, authoritative, success\n"
		    "  name     ALPHA<20>\n"
		    "  record   NB, TTL 9 s\n"
		    "  about    0x7900: request, multihomed registration, recursion desired\n" },
		{ "overwrite", "name overwrite request\n"
			       "  id       0x100a\n"
			       "  flags    0x2810: request, registration, broadcast\n"
			       "  name     ALPHA<20>\n"
			       "  record   NB, TTL 0 s\n"
			       "  address  192.0.2.10       unique, B node\n" },
		{ "conflict-demand",
		    "negative name registration response\n"
		    "  id       0x1005\n"
		    "  flags    0xad87: response, registration, authoritative, recursion desired, "
		    "recursion available, CFT_ERR (the name is in conflict)\n"
		    "  name     ALPHA<20>\n"
		    "  record   NB, TTL 0 s\n"
		    "  address  0.0.0.0          unique, B node\n" },
		{ "status-response", "node status response\n"
				     "  id       0x1008\n"
				     "  flags    0x8400: response, query, authoritative, success\n"
				     "  name     *<00>\n"
				     "  record   NBSTAT, TTL 0 s\n"
				     "  has      ALPHA<00>             unique, H node, active\n"
				     "  has      LAB<00>               group, H node, active\n"
				     "  unit id  02-00-00-00-00-01\n" },
		{ "redirect", "redirect name query response\n"
			      "  id       0x1001\n"
			      "  flags    0x8100: response, query, recursion desired, success\n"
			      "  name     ALPHA<20>\n"
			      "  record   NS, TTL 3600 s\n"
			      "  ask      BETA<20> at 198.51.100.53\n" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		char *text = shown(rows[i].file);

		assert_string_equal(text, rows[i].text);
		free(text);
	}
}

static void
json_says_the_same(void **state)
{
	struct nb_msg m;
	json_t *o, *entry;

	load("query-positive", &m);
	o = dig_json(&m);
	assert_string_equal(json_string_value(json_object_get(o, "name")), "ALPHA<20>");
	assert_int_equal(json_integer_value(json_object_get(o, "rcode")), 0);
	assert_int_equal(json_array_size(json_object_get(o, "addresses")), 2);
	entry = json_array_get(json_object_get(o, "addresses"), 1);
	assert_string_equal(json_string_value(json_object_get(entry, "address")), "198.51.100.10");
	assert_true(json_is_false(json_object_get(entry, "group")));
	assert_string_equal(json_string_value(json_object_get(entry, "node_type")), "h");
	json_decref(o);

	load("status-response", &m);
	o = dig_json(&m);
	entry = json_array_get(json_object_get(o, "names"), 1);
	assert_string_equal(json_string_value(json_object_get(entry, "name")), "LAB<00>");
	assert_true(json_is_true(json_object_get(entry, "group")));
	assert_string_equal(json_string_value(json_object_get(o, "unit_id")), "02-00-00-00-00-01");
	json_decref(o);

	load("query-negative", &m);
	o = dig_json(&m);
	assert_string_equal(json_string_value(json_object_get(o, "rcode_name")), "NAM_ERR");
	assert_null(json_object_get(o, "addresses"));
	json_decref(o);
}

static void
hex_shows_every_byte_and_nothing_unprintable(void **state)
{
	static const uint8_t bytes[17] = { 'A', 0x1b, 0x7f, 0xff, ' ', '~' };
	size_t size;
	char *text;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	dig_show_hex(out, bytes, sizeof(bytes));
	fclose(out);
	assert_string_equal(text,
	    "  0000  41 1b 7f ff 20 7e 00 00 00 00 00 00 00 00 00 00  A... ~..........\n"
	    "  0010  00                                               .\n");
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_catalogue_can_be_asked_for),
		cmocka_unit_test(what_is_not_given_has_its_default),
		cmocka_unit_test(what_is_given_arrives),
		cmocka_unit_test(a_wrong_call_says_what_is_wrong),
		cmocka_unit_test(help_and_version_win_over_what_is_missing),
		cmocka_unit_test(only_what_fits_the_question_is_an_answer),
		cmocka_unit_test(an_answer_of_another_kind_or_name_does_not_count),
		cmocka_unit_test(ad00_and_redirect_are_not_success),
		cmocka_unit_test(messages_are_shown_in_words),
		cmocka_unit_test(json_says_the_same),
		cmocka_unit_test(hex_shows_every_byte_and_nothing_unprintable),
	};

	return cmocka_run_group_tests_name("nbdig_nbdig", tests, NULL, NULL);
}
