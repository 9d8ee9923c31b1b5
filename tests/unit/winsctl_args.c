/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of winsctl: what becomes of it, and what is refused with which words. */
#include "winsctl/winsctl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define WORDS_MAX 40

/* Splits at blanks; a word may not hold one. */
static bool
parse(const char *line, struct winsctl *w, struct ctl_error *error)
{
	static char buf[1000]; /* the texts are borrowed */
	char program[] = "winsctl", *argv[WORDS_MAX] = { program };
	int argc = 1;

	snprintf(buf, sizeof(buf), "%s", line);
	for (char *p = strtok(buf, " "); p; p = strtok(NULL, " "))
		argv[argc++] = p;
	return winsctl_parse(argc, argv, w, error);
}

static void
expect(const char *line, const char *command, const char *arguments, const char *local)
{
	struct winsctl w;
	struct ctl_error error = { .message = "" };
	json_t *a = json_loads(arguments, 0, NULL), *l = json_loads(local, 0, NULL);

	if (!parse(line, &w, &error))
		fail_msg("%s: %s", line, error.message);
	assert_string_equal(ctl_command(w.command)->name, command);
	if (!json_equal(w.arguments, a) || !json_equal(w.local, l))
		fail_msg("%s: %s %s", line, json_dumps(w.arguments, 0), json_dumps(w.local, 0));
	winsctl_release(&w);
	json_decref(a);
	json_decref(l);
}

static void
words_become_arguments(void **state)
{
	expect("status", "status", "{}", "{}");
	expect("list", "list", "{}", "{}");
	expect("list al*<20>", "list", "{\"name\":\"AL*<20>\"}", "{}");
	expect("list --suffix 20 --type=unique --limit 5 --static yes", "list",
	    "{\"suffix\":\"20\",\"type\":\"unique\",\"static\":\"yes\"}", "{\"limit\":5}");
	expect("add team<20> special 192.0.2.1 192.0.2.2 --node b", "add",
	    "{\"name\":\"TEAM<20>\",\"type\":\"special\",\"addresses\":[\"192.0.2.1\",\"192.0.2."
	    "2\"],\"node\":\"b\"}",
	    "{}");
	expect("explain a#20 --group register --from 192.0.2.9 192.0.2.1", "explain",
	    "{\"name\":\"A#20\",\"request\":\"register\",\"address\":\"192.0.2.1\",\"group\":true,"
	    "\"from\":\"192.0.2.9\"}",
	    "{}");
	expect("events -f --after 7", "events", "{\"after\":7}", "{\"follow\":true}");
	expect("store check --data-dir /x", "store", "{\"action\":\"check\"}",
	    "{\"data-dir\":\"/x\"}");
	expect("show -- --odd<20>", "show", "{\"name\":\"--ODD<20>\"}", "{}");
	expect("node add alpha<20> --group", "node-add", "{\"name\":\"ALPHA<20>\",\"group\":true}",
	    "{}");
	expect("node-list --limit 3", "node-list", "{}", "{\"limit\":3}");
	expect("replicate now 198.51.100.20", "replicate-now", "{\"partner\":\"198.51.100.20\"}",
	    "{}");
	expect("replicate now", "replicate-now", "{}", "{}");
	expect("delete-owner 198.51.100.20 --tombstone", "delete-owner",
	    "{\"owner\":\"198.51.100.20\",\"tombstone\":true}", "{}");
	expect("push --propagate", "push", "{\"propagate\":true}", "{}");
	expect("node release-refresh", "node-release-refresh", "{}", "{}");
	expect("help list", "help", "{\"command\":\"list\"}", "{}");
}

static void
options_of_winsctl_stand_before_and_behind_the_command(void **state)
{
	struct winsctl w;
	struct ctl_error error;

	assert_true(parse("-j --socket /a/s -t 9 status", &w, &error));
	assert_true(w.json);
	assert_string_equal(w.socket, "/a/s");
	assert_int_equal(w.timeout, 9);
	winsctl_release(&w);
	assert_true(parse("show --json --socket=/b/s --case Alpha<20>", &w, &error));
	assert_true(w.json && w.keep_case);
	assert_string_equal(w.socket, "/b/s");
	assert_string_equal(json_string_value(json_object_get(w.arguments, "name")), "Alpha<20>");
	winsctl_release(&w);
	assert_true(parse("list --help", &w, &error));
	assert_true(w.help && w.has_command && w.command == CTL_CMD_LIST);
	winsctl_release(&w);
	assert_true(parse("-V", &w, &error));
	assert_true(w.version);
	winsctl_release(&w);
}

static void
the_socket_comes_from_option_environment_default_in_this_order(void **state)
{
	struct winsctl w;
	struct ctl_error error;

	unsetenv("WINSCTL_SOCKET");
	assert_true(parse("status", &w, &error));
	assert_null(w.socket); /* winsd's, or netbtd's where there is no winsd */
	winsctl_release(&w);
	setenv("WINSCTL_SOCKET", "/env/s", 1);
	assert_true(parse("status", &w, &error));
	assert_string_equal(w.socket, "/env/s");
	winsctl_release(&w);
	assert_true(parse("status -s /opt/s", &w, &error));
	assert_string_equal(w.socket, "/opt/s");
	winsctl_release(&w);
	unsetenv("WINSCTL_SOCKET");
}

static void
wrong_calls_are_told_what_is_wrong(void **state)
{
	static const struct {
		const char *line, *says;
	} row[] = {
		{ "", "command is needed" },
		{ "lits", "no command \"lits\"" },
		{ "show", "needs the argument \"name\"" },
		{ "show A<20> B<20>", "one word too many" },
		{ "list --sufix 20", "no option --sufix" },
		{ "list --page 5", "no option --page" }, /* for programs alone */
		{ "list --cursor 00", "no option --cursor" },
		{ "list --name A", "no option --name" }, /* stands without option */
		{ "node", "no command \"node\"" },
		{ "node nonsense", "no command \"node\"" },
		{ "list --suffix", "--suffix needs a value" },
		{ "list --suffix 200", "2-2 bytes" },
		{ "list --type uniqe", "unique|group|special|multihomed" },
		{ "list --limit 0", "\"limit\" is a number" },
		{ "list --limit x", "\"x\" is no whole number" },
		{ "list --limit -1", "\"-1\" is no whole number" },
		{ "list --limit 99999999999999999999", "no whole number" },
		{ "list --suffix 20 --suffix 1c", "\"suffix\" is given twice" },
		{ "list --address 1.2.3", "IPv4 address" },
		{ "stats --rules=1", "--rules takes no value" },
		{ "explain A<20> renew 192.0.2.1", "register|refresh|release" },
		{ "add A<20> unique 192.0.2", "\"addresses\" is a list" },
		{ "-x", "no option -x" },
		{ "status -f", "no option -f" },
		{ "status -t x", "--timeout takes seconds" },
		{ "status -t 86401", "--timeout takes seconds" },
		{ "status -s", "-s needs a value" },
		{ "show \xff<20>", "no text" },
	};
	struct winsctl w;
	struct ctl_error error;

	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		if (parse(row[i].line, &w, &error))
			fail_msg("%s was taken", row[i].line);
		if (!strstr(error.message, row[i].says))
			fail_msg("%s: %s", row[i].line, error.message);
		winsctl_release(&w);
	}
}

static void
help_explains_every_command_and_option(void **state)
{
	for (int id = 0; id < CTL_CMD_COUNT; id++) {
		const struct ctl_arg *a = NULL;
		char *text = NULL;
		size_t len;
		FILE *out = open_memstream(&text, &len);

		winsctl_explain(out, id);
		fclose(out);
		assert_non_null(strstr(text, ctl_command(id)->name));
		while ((a = ctl_arg_next(id, a))) {
			char option[50];

			snprintf(option, sizeof(option), "--%s", a->name);
			assert_int_equal(strstr(text, option) != NULL,
			    a->how == CTL_HOW_OPTION || a->how == CTL_HOW_LOCAL);
		}
		for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
			assert_true(strlen(line) <= 80);
		free(text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_become_arguments),
		cmocka_unit_test(options_of_winsctl_stand_before_and_behind_the_command),
		cmocka_unit_test(the_socket_comes_from_option_environment_default_in_this_order),
		cmocka_unit_test(wrong_calls_are_told_what_is_wrong),
		cmocka_unit_test(help_explains_every_command_and_option),
	};

	return cmocka_run_group_tests_name("winsctl_args", tests, NULL, NULL);
}
