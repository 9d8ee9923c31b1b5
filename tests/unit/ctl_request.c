/* SPDX-License-Identifier: Apache-2.0 */
/* A line of the control protocol: what is a request, what is refused and with which code. */
#include "ctl/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void
a_whole_request_is_read(void **state)
{
	const char *line = "{\"id\":7,\"command\":\"show\",\"arguments\":{\"name\":\"A<20>\"}}";
	struct ctl_request r;
	struct ctl_error e;

	assert_true(ctl_request_parse(line, strlen(line), &r, &e));
	assert_int_equal(json_integer_value(r.id), 7);
	assert_int_equal(r.command, CTL_CMD_SHOW);
	assert_string_equal(json_string_value(json_object_get(r.arguments, "name")), "A<20>");
	ctl_request_release(&r);
}

static void
id_and_arguments_may_be_left_out(void **state)
{
	const char *line = "{\"command\":\"status\"}";
	struct ctl_request r;
	struct ctl_error e;

	assert_true(ctl_request_parse(line, strlen(line), &r, &e));
	assert_true(json_is_null(r.id));
	assert_int_equal(json_object_size(r.arguments), 0);
	ctl_request_release(&r);
}

static void
everything_else_is_refused_with_its_code(void **state)
{
	static const struct {
		const char *line;
		enum ctl_code code;
	} row[] = {
		{ "", CTL_BAD_REQUEST },
		{ "hello", CTL_BAD_REQUEST },
		{ "[]", CTL_BAD_REQUEST },
		{ "\"status\"", CTL_BAD_REQUEST },
		{ "{}", CTL_BAD_REQUEST },
		{ "{\"command\":1}", CTL_BAD_REQUEST },
		{ "{\"command\":\"status\"} {}", CTL_BAD_REQUEST },
		{ "{\"command\":\"status\",\"command\":\"stats\"}", CTL_BAD_REQUEST },
		{ "{\"command\":\"status\",\"argument\":{}}", CTL_BAD_REQUEST },
		{ "{\"command\":\"status\",\"arguments\":[]}", CTL_BAD_REQUEST },
		{ "{\"command\":\"status\",\"arguments\":null}", CTL_BAD_REQUEST },
		{ "{\"id\":1.5,\"command\":\"status\"}", CTL_BAD_REQUEST },
		{ "{\"id\":[1],\"command\":\"status\"}", CTL_BAD_REQUEST },
		{ "{\"command\":\"st\\u0000atus\"}", CTL_BAD_REQUEST },
		{ "{\"command\":\"\xff\"}", CTL_BAD_REQUEST },
		{ "{\"command\":\"reboot\"}", CTL_NO_SUCH_COMMAND },
		{ "{\"command\":\"help\"}", CTL_NO_SUCH_COMMAND },
		{ "{\"command\":\"store\",\"arguments\":{\"action\":\"check\"}}",
		    CTL_NO_SUCH_COMMAND },
		{ "{\"command\":\"show\"}", CTL_MISSING_ARGUMENT },
		{ "{\"command\":\"show\",\"arguments\":{\"name\":1}}", CTL_BAD_ARGUMENT },
		{ "{\"command\":\"status\",\"arguments\":{\"x\":1}}", CTL_NO_SUCH_ARGUMENT },
	};
	struct ctl_request r;
	struct ctl_error e;

	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		assert_false(ctl_request_parse(row[i].line, strlen(row[i].line), &r, &e));
		assert_int_equal(e.code, row[i].code);
		assert_int_equal(e.message[strlen(e.message) - 1], '.');
		ctl_request_release(&r);
	}
}

static void
a_refused_request_keeps_its_id(void **state)
{
	const char *line = "{\"id\":\"q1\",\"command\":\"reboot\"}";
	struct ctl_request r;
	struct ctl_error e;

	assert_false(ctl_request_parse(line, strlen(line), &r, &e));
	assert_string_equal(json_string_value(r.id), "q1");
	ctl_request_release(&r);
}

static void
text_ids_end_at_64_bytes(void **state)
{
	char line[200];
	struct ctl_request r;
	struct ctl_error e;

	for (int n = 64; n <= 65; n++) {
		snprintf(line, sizeof(line), "{\"id\":\"%0*d\",\"command\":\"status\"}", n, 0);
		assert_int_equal(ctl_request_parse(line, strlen(line), &r, &e), n == 64);
		ctl_request_release(&r);
	}
}

/* One past the limit is told as such; at the limit the nesting is not what is wrong. */
static void
nesting_ends_at_8(void **state)
{
	char line[200];
	struct ctl_request r;
	struct ctl_error e;

	for (int n = CTL_DEPTH_MAX - 1; n <= CTL_DEPTH_MAX; n++) {
		snprintf(line, sizeof(line), "{\"id\":%.*s1%.*s,\"command\":\"status\"}", n,
		    "[[[[[[[[[[", n, "]]]]]]]]]]");
		assert_false(ctl_request_parse(line, strlen(line), &r, &e));
		assert_int_equal(strstr(e.message, "nested") != NULL, n == CTL_DEPTH_MAX);
		ctl_request_release(&r);
	}
}

static void
brackets_inside_texts_are_no_nesting(void **state)
{
	const char *line = "{\"id\":\"[[[[[[[[[[\\\"{{{{{{{{{{\",\"command\":\"status\"}";
	struct ctl_request r;
	struct ctl_error e;

	assert_true(ctl_request_parse(line, strlen(line), &r, &e));
	ctl_request_release(&r);
}

static void
nesting_as_long_as_a_line_is_survived(void **state)
{
	char *line = malloc(CTL_LINE_MAX);
	struct ctl_request r;
	struct ctl_error e;

	memset(line, '[', CTL_LINE_MAX);
	assert_false(ctl_request_parse(line, CTL_LINE_MAX, &r, &e));
	ctl_request_release(&r);
	free(line);
}

static void
answers_are_one_line_of_json(void **state)
{
	struct ctl_error error = { CTL_BUSY, "Later." };
	json_t *id = json_integer(3);
	size_t n;
	char *line = ctl_response_result(id, json_pack("{s:s}", "a", "x\ny"), &n);

	assert_memory_equal(line, "{\"id\":3,\"ok\":true,\"result\":{\"a\":\"x\\ny\"}}\n", n);
	free(line);
	line = ctl_response_error(id, &error, &n);
	assert_memory_equal(line,
	    "{\"id\":3,\"ok\":false,\"error\":{\"code\":\"busy\",\"message\":\"Later.\"}}\n", n);
	free(line);
	json_decref(id);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_request_is_read),
		cmocka_unit_test(id_and_arguments_may_be_left_out),
		cmocka_unit_test(everything_else_is_refused_with_its_code),
		cmocka_unit_test(a_refused_request_keeps_its_id),
		cmocka_unit_test(text_ids_end_at_64_bytes),
		cmocka_unit_test(nesting_ends_at_8),
		cmocka_unit_test(brackets_inside_texts_are_no_nesting),
		cmocka_unit_test(nesting_as_long_as_a_line_is_survived),
		cmocka_unit_test(answers_are_one_line_of_json),
	};

	return cmocka_run_group_tests_name("ctl_request", tests, NULL, NULL);
}
