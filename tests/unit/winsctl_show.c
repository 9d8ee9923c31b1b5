/* SPDX-License-Identifier: Apache-2.0 */
/* What winsctl prints: times, sizes, names, and answers as tables that lose nothing. */
#include "winsctl/winsctl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void
spans_have_the_two_largest_units(void **state)
{
	static const struct {
		int64_t seconds;
		const char *text;
	} row[] = { { 0, "0 s" }, { 59, "59 s" }, { 60, "1 min" }, { 61, "1 min 1 s" },
		{ 3599, "59 min 59 s" }, { 3600, "1 h" }, { 7265, "2 h 1 min" },
		{ 86399, "23 h 59 min" }, { 86400, "1 d" }, { 518399, "5 d 23 h" },
		{ 518400, "6 d" }, { 86400LL * 40000, "40000 d" } };
	char buf[WINSCTL_TEXT];

	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++)
		assert_string_equal(winsctl_span(row[i].seconds, buf), row[i].text);
}

static void
times_are_local_and_relative(void **state)
{
	char buf[WINSCTL_TEXT];

	setenv("TZ", "EST5", 1);
	tzset();
	assert_string_equal(winsctl_when(1000000000, 1000000000 - 518399, buf),
	    "2001-09-08 20:46:40 (in 5 d 23 h)");
	assert_string_equal(
	    winsctl_when(1000000000, 1000000000 + 61, buf), "2001-09-08 20:46:40 (1 min 1 s ago)");
	assert_string_equal(winsctl_when(1000000000, 1000000000, buf), "2001-09-08 20:46:40 (now)");
	setenv("TZ", "UTC0", 1);
	tzset();
	assert_string_equal(
	    winsctl_when(4294967294, 0, buf), "2106-02-07 06:28:14 (in 49710 d 6 h)");
}

static void
sizes_have_a_unit(void **state)
{
	char buf[WINSCTL_TEXT];

	assert_string_equal(winsctl_bytes(1023, buf), "1023 bytes");
	assert_string_equal(winsctl_bytes(1024, buf), "1.0 KiB");
	assert_string_equal(winsctl_bytes(1536 * 1024, buf), "1.5 MiB");
	assert_string_equal(winsctl_bytes(UINT64_MAX, buf), "16777216.0 TiB");
}

static void
escapes_suffix_and_scope_keep_their_case(void **state)
{
	static const char *const row[][2] = { { "alpha<1b>", "ALPHA<1b>" },
		{ "alpha#1b", "ALPHA#1b" }, { "a\\x61b<20>.lab", "A\\x61B<20>.lab" },
		{ "a\\x6", "A\\X6" }, { "", "" }, { "al?h*", "AL?H*" } };
	char buf[40];

	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		strcpy(buf, row[i][0]);
		winsctl_upcase(buf);
		assert_string_equal(buf, row[i][1]);
	}
}

/* What winsctl prints of an answer; the caller frees. */
static char *
print(const char *command, const char *answer, bool json, int *ret_code)
{
	struct winsctl_view v = { .json = json, .first = true, .now = 1000000000 };
	json_t *o = json_loads(answer, 0, NULL);
	char *text = NULL;
	size_t len;

	assert_non_null(o);
	v.out = open_memstream(&text, &len);
	*ret_code = winsctl_show(&v, ctl_command_find(command), o);
	fclose(v.out);
	json_decref(o);
	return text;
}

static const char record[] =
    "{\"name\":\"\\\\x01A<1c>\",\"type\":\"special\",\"state\":\"active\",\"node\":\"h\","
    "\"static\":false,\"owner\":\"self\",\"version\":12345678901,\"due\":1000518400,"
    "\"addresses\":[%s]}";

/* 25 addresses are more than a terminal is wide; escapes stay as the server wrote them. */
static void
listings_in_pipes_are_whole_and_names_untouched(void **state)
{
	char addresses[4000] = "", answer[5000], one[4500];
	char *text;
	int code;

	for (int i = 0; i < 25; i++)
		sprintf(addresses + strlen(addresses),
		    "%s{\"address\":\"192.0.2.%d\",\"owner\":\"self\",\"due\":1000518400,\"since\":"
		    "null}",
		    i ? "," : "", 100 + i);
	snprintf(one, sizeof(one), record, addresses);
	snprintf(answer, sizeof(answer), "{\"records\":[%s],\"cursor\":null}", one);
	text = print("list", answer, false, &code);
	assert_int_equal(code, 0);
	assert_non_null(strstr(text, "\\x01A<1c> "));
	assert_non_null(strstr(text, "12345678901"));
	assert_non_null(strstr(text, "(in 6 d)"));
	assert_non_null(strstr(text, "192.0.2.100 192.0.2.101"));
	assert_non_null(strstr(text, "192.0.2.123 192.0.2.124\n"));
	free(text);
	text = print("show", one, false, &code);
	assert_non_null(strstr(text, "192.0.2.124"));
	assert_non_null(strstr(text, "unknown"));
	free(text);
}

static void
json_has_one_object_a_line(void **state)
{
	char *text;
	int code;

	text =
	    print("list", "{\"records\":[{\"name\":\"A<20>\"},{\"name\":\"B<20>\"}]}", true, &code);
	assert_string_equal(text, "{\"name\":\"A<20>\"}\n{\"name\":\"B<20>\"}\n");
	free(text);
	text = print("status", "{\"records\":7,\"version\":\"1\"}", true, &code);
	assert_string_equal(text, "{\"records\":7,\"version\":\"1\"}\n");
	free(text);
}

static void
faults_found_are_failure(void **state)
{
	static const char bad[] = "{\"records\":9,\"faults\":1,\"sentences\":[\"A<20> is odd.\"]}";
	char *text;
	int code;

	text = print("check", bad, false, &code);
	assert_int_equal(code, 1);
	assert_string_equal(text, "A<20> is odd.\n9 records, 1 faults.\n");
	free(text);
	text = print("check", bad, true, &code);
	assert_int_equal(code, 1);
	free(text);
	text = print("check", "{\"records\":9,\"faults\":0,\"sentences\":[]}", false, &code);
	assert_int_equal(code, 0);
	free(text);
}

/* One line of each answer about the node, as it stands on the terminal. */
static void
node_answers_are_told_in_words(void **state)
{
	static const struct {
		const char *command, *answer, *text;
		int code;
	} row[] = {
		{ "node-list",
		    "{\"names\":[{\"name\":\"ALPHA<20>\",\"group\":false,\"interface\":\"eth0\","
		    "\"address\":\"192.0.2.10\",\"state\":\"Registered\",\"by\":\"wins\","
		    "\"server\":\"192.0.2.1\",\"refresh-in\":3600,\"offender\":null}]}",
		    "ALPHA<20>            unique  eth0       192.0.2.10      Registered   WINS "
		    "192.0.2.1, refresh in 1 h\n",
		    0 },
		{ "node-list",
		    "{\"names\":[{\"name\":\"LAB<00>\",\"group\":true,\"interface\":\"eth0\","
		    "\"address\":\"192.0.2.10\",\"state\":\"Conflict\",\"by\":\"broadcast\","
		    "\"server\":null,\"offender\":\"192.0.2.66\"}]}",
		    "LAB<00>              group   eth0       192.0.2.10      Conflict     "
		    "192.0.2.66 says so\n",
		    0 },
		{ "node-ghosts",
		    "{\"ghosts\":[{\"name\":\"ALPHA<20>\",\"group\":false,\"address\":"
		    "\"192.0.2.10\",\"server\":\"192.0.2.1\",\"tries\":3,\"retry-in\":null}]}",
		    "ALPHA<20>            unique  192.0.2.10      192.0.2.1           3  when the "
		    "card is back\n",
		    0 },
		{ "node-cache",
		    "{\"cache\":[{\"name\":\"B<20>\",\"group\":false,\"life\":null,\"addresses\":"
		    "[\"192.0.2.2\",\"192.0.2.3\"]}]}",
		    "B<20>                unique  from LMHOSTS       192.0.2.2 192.0.2.3\n", 0 },
		{ "node-resolve",
		    "{\"found\":true,\"source\":\"wins\",\"group\":false,\"addresses\":[\"192.0.2."
		    "2\"],\"from\":\"192.0.2.1\"}",
		    "unique, from wins (192.0.2.1): 192.0.2.2\n", 0 },
		{ "node-resolve", "{\"found\":false}", "Nobody has this name.\n", 1 },
		{ "node-status-of",
		    "{\"found\":true,\"truncated\":false,\"mac\":\"02-00-00-00-00-01\",\"names\":[{"
		    "\"name\":\"A<00>\",\"group\":true,\"conflict\":true,\"deregistering\":false}]"
		    "}",
		    "A<00>                group   conflict\nhardware address 02-00-00-00-00-01\n",
		    0 },
		{ "node-status-of", "{\"found\":false}", "The machine does not answer.\n", 1 },
		{ "node-remove", "{\"name\":\"A<20>\",\"names\":[],\"ghosts\":[]}",
		    "A<20> is on no interface.\n", 0 },
		{ "node-stats", "{\"counters\":{\"released\":7},\"drops\":{\"short\":0}}",
		    "released                            7  releases that a WINS server "
		    "confirmed\n",
		    0 },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		int code;
		char *text = print(row[i].command, row[i].answer, false, &code);
		char *line = strncmp(text, "NAME ", 5) ? text : strchr(text, '\n') + 1;

		assert_string_equal(line, row[i].text);
		assert_int_equal(code, row[i].code);
		free(text);
	}
}

static void
findings_are_paragraphs_and_pages_join(void **state)
{
	static const char two[] =
	    "{\"findings\":[{\"name\":\"A<20>\",\"finding\":\"doubtful\",\"since\":999999999,"
	    "\"what\":\"W.\",\"why\":\"Y.\",\"repair\":\"R.\",\"command\":\"C\"},"
	    "{\"name\":\"B<20>\",\"finding\":\"disputed\",\"since\":null}]}";
	char *text;
	int code;

	setenv("TZ", "UTC0", 1);
	text = print("doctor", two, false, &code);
	assert_int_equal(code, 0);
	assert_string_equal(text, "A<20>: doubtful, since 2001-09-09 01:46:39 (1 s ago)\n"
				  "  what:    W.\n  why:     Y.\n  repair:  R.\n  command: C\n"
				  "\nB<20>: disputed\n");
	free(text);
	text = print("doctor", two, true, &code);
	assert_int_equal(strchr(text, '\n') - text, strstr(text, "{\"name\":\"B") - text - 1);
	free(text);
}

static void
findings_are_wrapped_where_somebody_looks(void **state)
{
	struct winsctl_view v = { .tty = true, .first = true };
	char words[400] = "", *text = NULL;
	json_t *o;
	size_t len;

	for (int i = 0; i < 20; i++)
		strcat(words, i == 7 ? "seven-and-seventy-times-seven " : "eight888 ");
	memset(words + strlen(words) - 1, 'x', 100); /* and a word wider than a line */
	o = json_pack("{s:[{s:s, s:s, s:s}]}", "findings", "name", "A<20>", "finding", "doubtful",
	    "what", words);
	v.out = open_memstream(&text, &len);
	winsctl_show_findings(&v, o);
	fclose(v.out);
	json_decref(o);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		assert_true(strlen(line) <= 80);
	free(text);
}

static void
partners_show_how_they_are(void **state)
{
	static const char answer[] =
	    "{\"partners\":[{\"address\":\"198.51.100.20\",\"pull\":true,\"push\":true,"
	    "\"state\":\"idle\",\"last-pull\":999999940,\"next-pull\":1000001740,"
	    "\"last-push\":null,\"lag\":0,\"clock-ms\":-61250,\"error\":\"\"},"
	    "{\"address\":\"198.51.100.21\",\"pull\":true,\"push\":false,\"state\":\"failed\","
	    "\"last-pull\":null,\"next-pull\":null,\"last-push\":null,\"lag\":12,"
	    "\"clock-ms\":null,\"error\":\"no answer in time\"}]}";
	char *text;
	int code;

	text = print("partners", answer, false, &code);
	assert_int_equal(code, 0);
	assert_non_null(strstr(text, "1 min ago"));
	assert_non_null(strstr(text, "in 29 min"));
	assert_non_null(strstr(text, "-61.2 s"));
	assert_non_null(strstr(text, "unknown no answer in time\n"));
	free(text);
	text = print("partners", answer, true, &code);
	assert_int_equal(strchr(text, '\n')[1], '{'); /* one object a line */
	free(text);
	text = print("partners", "{\"partners\":[]}", false, &code);
	assert_string_equal(text, "There are no partners.\n");
	free(text);
}

static void
unequal_servers_are_bad_news(void **state)
{
	char *text;
	int code;

	text = print("convergence",
	    "{\"equal\":false,\"unknown\":[\"198.51.100.22\"],\"owners\":[{\"owner\":"
	    "\"192.0.2.10\",\"highest-anywhere\":40,\"highest-at\":\"192.0.2.10\",\"blocked\":"
	    "false,\"lacking\":[{\"server\":\"198.51.100.20\",\"lacks\":7,\"since\":999999999}]}"
	    "]}",
	    false, &code);
	assert_int_equal(code, 1);
	assert_non_null(strstr(text, "198.51.100.20"));
	assert_non_null(strstr(text, "1 s ago"));
	assert_non_null(strstr(text, "What 198.51.100.22 has is not known yet.\n"));
	free(text);
	text = print("convergence",
	    "{\"equal\":true,\"unknown\":[],\"owners\":[{\"owner\":\"192.0.2.10\",\"lacking\":"
	    "[]}]}",
	    false, &code);
	assert_int_equal(code, 0);
	assert_string_equal(text, "All servers have the same of all 1 owners.\n");
	free(text);
}

static void
a_pull_that_failed_is_bad_news(void **state)
{
	char *text;
	int code;

	text = print("replicate-now",
	    "{\"failed\":1,\"pulls\":[{\"partner\":\"198.51.100.20\",\"done\":true,"
	    "\"records\":1,\"error\":\"\"},{\"partner\":\"198.51.100.21\",\"done\":false,"
	    "\"records\":0,\"error\":\"no answer in time\"}]}",
	    false, &code);
	assert_int_equal(code, 1);
	assert_string_equal(text, "198.51.100.20: 1 record came.\n"
				  "198.51.100.21: failed, no answer in time.\n");
	free(text);
}

/* A newer or older server may leave anything out. */
static void
empty_answers_are_survived(void **state)
{
	for (int id = 0; id < CTL_CMD_COUNT; id++) {
		char *text;
		int code;

		text = print(ctl_command(id)->name, "{}", false, &code);
		free(text);
		text = print(ctl_command(id)->name, "{}", true, &code);
		assert_string_equal(text, "{}\n");
		free(text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spans_have_the_two_largest_units),
		cmocka_unit_test(times_are_local_and_relative),
		cmocka_unit_test(sizes_have_a_unit),
		cmocka_unit_test(escapes_suffix_and_scope_keep_their_case),
		cmocka_unit_test(listings_in_pipes_are_whole_and_names_untouched),
		cmocka_unit_test(json_has_one_object_a_line),
		cmocka_unit_test(faults_found_are_failure),
		cmocka_unit_test(node_answers_are_told_in_words),
		cmocka_unit_test(findings_are_paragraphs_and_pages_join),
		cmocka_unit_test(findings_are_wrapped_where_somebody_looks),
		cmocka_unit_test(partners_show_how_they_are),
		cmocka_unit_test(unequal_servers_are_bad_news),
		cmocka_unit_test(a_pull_that_failed_is_bad_news),
		cmocka_unit_test(empty_answers_are_survived),
	};

	return cmocka_run_group_tests_name("winsctl_show", tests, NULL, NULL);
}
