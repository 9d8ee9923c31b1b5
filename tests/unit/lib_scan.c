/* SPDX-License-Identifier: Apache-2.0 */
/* Looking things up in JSON without a library: what is there is found, what is no JSON is not. */
#include "lib/scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* The value as text, "(none)" when it is not there. */
static const char *
text(struct span v)
{
	static char buf[200];

	if (!v.p)
		return "(none)";
	assert_in_range(v.end - v.p, 1, sizeof(buf) - 1);
	memcpy(buf, v.p, (size_t)(v.end - v.p));
	buf[v.end - v.p] = 0;
	return buf;
}

static struct span
whole(const char *json)
{
	return span_of(json, strlen(json));
}

static void
members_and_elements_are_found(void **state)
{
	struct span o =
	    whole(" {\"a\":1, \"b\" : {\"a\":2} ,\"c\":[ 10,\"x\",[1,2],{} ],\"d\":true}\n");

	assert_string_equal(text(span_member(o, "a")), "1");
	assert_string_equal(text(span_member(o, "b")), "{\"a\":2}");
	assert_string_equal(text(span_member(span_member(o, "b"), "a")), "2");
	assert_string_equal(text(span_member(o, "e")), "(none)");
	assert_string_equal(text(span_element(span_member(o, "c"), 0)), "10");
	assert_string_equal(text(span_element(span_member(o, "c"), 2)), "[1,2]");
	assert_string_equal(text(span_element(span_member(o, "c"), 3)), "{}");
	assert_string_equal(text(span_element(span_member(o, "c"), 4)), "(none)");
	assert_string_equal(text(span_element(o, 0)), "(none)");
	assert_true(span_is_true(span_member(o, "d")));
	assert_false(span_is_true(span_member(o, "a")));
	assert_false(span_is_true(span_member(o, "e")));
	assert_string_equal(text(span_element(whole("[]"), 0)), "(none)");
	assert_string_equal(text(span_member(whole("{}"), "a")), "(none)");
}

/* A member's name inside a text or deeper down is not the member. */
static void
texts_hide_what_looks_like_structure(void **state)
{
	struct span o = whole("{\"x\":\"\\\"ok\\\":true,{[\",\"n\":{\"ok\":false},\"ok\":true}");

	assert_true(span_is_true(span_member(o, "ok")));
	assert_string_equal(text(span_member(o, "true,{[")), "(none)");
}

static void
texts_are_unescaped_and_cut(void **state)
{
	char buf[20];

	assert_true(span_text(whole("\"a\\\\x20\\n\\\"\\/\\u00e9z\""), buf, sizeof(buf)));
	assert_string_equal(buf, "a\\x20\n\"/?z");
	assert_true(span_text(whole("\"\""), buf, sizeof(buf)));
	assert_string_equal(buf, "");
	assert_true(span_text(whole("\"12345\""), buf, 6));
	assert_string_equal(buf, "12345");
	assert_true(span_text(whole("\"12345\""), buf, 5));
	assert_string_equal(buf, "1234");
	assert_false(span_text(whole("17"), buf, sizeof(buf)));
	assert_false(span_text((struct span){ NULL, NULL }, buf, sizeof(buf)));
}

static void
what_is_cut_off_is_not_there(void **state)
{
	const char *json =
	    "{\"ok\":true,\"result\":{\"found\":true,\"addresses\":[\"192.0.2.1\"]}}";

	for (size_t n = 0; n < strlen(json); n++) {
		char *exact = malloc(n + 1);
		struct span o;

		memcpy(exact, json, n);
		o = span_of(exact, n);
		assert_null(span_member(span_member(o, "result"), "addresses").p);
		free(exact);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_and_elements_are_found),
		cmocka_unit_test(texts_hide_what_looks_like_structure),
		cmocka_unit_test(texts_are_unescaped_and_cut),
		cmocka_unit_test(what_is_cut_off_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
