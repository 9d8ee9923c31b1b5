/* SPDX-License-Identifier: Apache-2.0 */
/* The table of commands: that it is sound, and that values are held against it at each bound. */
#include "ctl/commands.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static bool
fits(const char *command, const char *arguments)
{
	struct ctl_error error = { 0 };
	json_t *o = json_loads(arguments, 0, NULL);
	bool ok;

	assert_non_null(o);
	ok = ctl_args_check(ctl_command_find(command), o, &error);
	if (!ok)
		assert_true(strlen(error.message) > 10);
	json_decref(o);
	return ok;
}

static void
each_range_of_the_table_is_readable(void **state)
{
	for (int id = 0; id < CTL_CMD_COUNT; id++) {
		const struct ctl_arg *a = NULL;

		while ((a = ctl_arg_next(id, a))) {
			unsigned long long lo, hi;
			int n = sscanf(a->allowed, "%llu-%llu", &lo, &hi);
			bool range = a->type == CTL_TYPE_INTEGER || a->type == CTL_TYPE_TEXT ||
				     a->type == CTL_TYPE_ADDRESSES;

			assert_int_equal(n == 2, range);
			assert_true(!range || lo <= hi);
			assert_int_equal(
			    a->type == CTL_TYPE_CHOICE, strchr(a->allowed, '|') != NULL);
		}
	}
}

/* winsctl could not tell which word is meant. */
static void
nothing_positional_stands_behind_what_may_be_left_out(void **state)
{
	for (int id = 0; id < CTL_CMD_COUNT; id++) {
		const struct ctl_arg *a = NULL;
		bool left_out = false, list = false;

		while ((a = ctl_arg_next(id, a))) {
			assert_false(list && a->how <= CTL_HOW_POSITIONAL);
			assert_false(left_out && a->how == CTL_HOW_REQUIRED);
			left_out |= a->how == CTL_HOW_POSITIONAL;
			list |= a->type == CTL_TYPE_ADDRESSES;
		}
	}
}

static void
names_are_found_and_others_not(void **state)
{
	assert_int_equal(ctl_command_find("list"), CTL_CMD_LIST);
	assert_int_equal(ctl_command_find("lis"), -1);
	assert_int_equal(ctl_command_find(""), -1);
	assert_string_equal(ctl_arg_find(CTL_CMD_LIST, "suffix")->name, "suffix");
	assert_null(ctl_arg_find(CTL_CMD_SHOW, "suffix"));
	assert_string_equal(ctl_code_text(CTL_NO_SUCH_RECORD), "no-such-record");
}

static void
integers_end_at_their_bounds(void **state)
{
	assert_true(fits("list", "{\"page\":1}"));
	assert_true(fits("list", "{\"page\":1000}"));
	assert_false(fits("list", "{\"page\":0}"));
	assert_false(fits("list", "{\"page\":1001}"));
	assert_false(fits("list", "{\"page\":-1}"));
	assert_false(fits("list", "{\"page\":1.0}"));
	assert_false(fits("list", "{\"page\":\"1\"}"));
}

static void
texts_end_at_their_bounds(void **state)
{
	char arguments[1300];

	assert_true(fits("list", "{\"suffix\":\"20\"}"));
	assert_false(fits("list", "{\"suffix\":\"2\"}"));
	assert_false(fits("list", "{\"suffix\":\"200\"}"));
	assert_false(fits("list", "{\"suffix\":20}"));
	snprintf(arguments, sizeof(arguments), "{\"name\":\"%0*d\"}", 1200, 0);
	assert_true(fits("show", arguments));
	snprintf(arguments, sizeof(arguments), "{\"name\":\"%0*d\"}", 1201, 0);
	assert_false(fits("show", arguments));
	assert_false(fits("show", "{\"name\":\"\"}"));
}

static void
choices_are_whole_words(void **state)
{
	assert_true(fits("list", "{\"type\":\"unique\"}"));
	assert_true(fits("list", "{\"type\":\"multihomed\"}"));
	assert_false(fits("list", "{\"type\":\"uni\"}"));
	assert_false(fits("list", "{\"type\":\"unique|group\"}"));
	assert_false(fits("list", "{\"type\":\"\"}"));
	assert_false(fits("list", "{\"type\":null}"));
}

static json_t *
addresses(unsigned n, const char *last)
{
	json_t *o = json_pack("{s:s,s:s,s:[]}", "name", "A<20>", "type", "special", "addresses");
	json_t *list = json_object_get(o, "addresses");

	for (unsigned i = 1; i < n; i++)
		json_array_append_new(list, json_string("192.0.2.1"));
	if (n)
		json_array_append_new(list, json_string(last));
	return o;
}

static void
address_lists_hold_25_and_addresses_alone(void **state)
{
	struct ctl_error error;
	static const struct {
		unsigned n;
		const char *last;
		bool ok;
	} row[] = { { 0, "", true }, { 25, "192.0.2.9", true }, { 26, "192.0.2.9", false },
		{ 3, "192.0.2", false }, { 1, "::1", false } };

	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		json_t *o = addresses(row[i].n, row[i].last);

		assert_int_equal(ctl_args_check(CTL_CMD_ADD, o, &error), row[i].ok);
		json_decref(o);
	}
	assert_false(fits("list", "{\"address\":\"192.0.2.256\"}"));
	assert_true(fits("list", "{\"address\":\"192.0.2.255\"}"));
}

static void
what_is_missing_or_unknown_is_named(void **state)
{
	struct ctl_error error;
	json_t *empty = json_object(), *odd = json_pack("{s:s}", "nmae", "A");
	json_t *local = json_pack("{s:i}", "limit", 3);

	assert_false(ctl_args_check(CTL_CMD_SHOW, empty, &error));
	assert_int_equal(error.code, CTL_MISSING_ARGUMENT);
	assert_non_null(strstr(error.message, "\"name\""));
	assert_false(ctl_args_check(CTL_CMD_SHOW, odd, &error));
	assert_int_equal(error.code, CTL_NO_SUCH_ARGUMENT);
	assert_non_null(strstr(error.message, "\"nmae\""));
	assert_false(ctl_args_check(CTL_CMD_LIST, local, &error)); /* winsctl's own */
	assert_int_equal(error.code, CTL_NO_SUCH_ARGUMENT);
	json_decref(empty);
	json_decref(odd);
	json_decref(local);
}

static void
sentences_are_printable_whatever_was_sent(void **state)
{
	struct ctl_error error;

	ctl_error_set(&error, CTL_FAILED, "a\tb\n\x1b[31m\xc3\xa9.");
	assert_string_equal(error.message, "a?b??[31m??.");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_range_of_the_table_is_readable),
		cmocka_unit_test(nothing_positional_stands_behind_what_may_be_left_out),
		cmocka_unit_test(names_are_found_and_others_not),
		cmocka_unit_test(integers_end_at_their_bounds),
		cmocka_unit_test(texts_end_at_their_bounds),
		cmocka_unit_test(choices_are_whole_words),
		cmocka_unit_test(address_lists_hold_25_and_addresses_alone),
		cmocka_unit_test(what_is_missing_or_unknown_is_named),
		cmocka_unit_test(sentences_are_printable_whatever_was_sent),
	};

	return cmocka_run_group_tests_name("ctl_commands", tests, NULL, NULL);
}
