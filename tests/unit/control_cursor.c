/* SPDX-License-Identifier: Apache-2.0 */
/* Cursors of listings: each key comes back as it was, everything else is refused. */
#include "control/cursor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static void
each_key_comes_back_as_it_was(void **state)
{
	char text[CONTROL_CURSOR_STRLEN];
	struct nb_key key = { 0 }, back;

	for (int scope = 0; scope <= NB_SCOPE_WIRE; scope++) {
		for (int i = 0; i < NB_NAME_LEN; i++)
			key.name.b[i] = (uint8_t)(scope + 17 * i);
		key.scope.len = (uint8_t)scope;
		for (int i = 0; i < scope; i++)
			key.scope.b[i] = (uint8_t)(scope - i);
		memset(&back, 0xaa, sizeof(back));
		assert_true(control_cursor_parse(control_cursor_print(&key, text), &back));
		assert_memory_equal(&back, &key, sizeof(key));
	}
}

static void
what_is_no_cursor_is_refused(void **state)
{
	struct nb_key key = { .scope.len = 7 };
	char text[600];

	for (int n = 0; n <= 544; n++) {
		bool good = n % 2 == 0 && n >= 32 && n <= 542;

		snprintf(text, sizeof(text), "%0*d", n, 0);
		text[n] = 0; /* a width of 0 prints a digit still */
		assert_int_equal(control_cursor_parse(text, &key), good);
	}
	key.scope.len = 7;
	assert_false(control_cursor_parse("4142434445464748494a4b4c4d4e4f2G", &key));
	assert_false(control_cursor_parse("4142434445464748494A4b4c4d4e4f20", &key));
	assert_int_equal(key.scope.len, 7);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_key_comes_back_as_it_was),
		cmocka_unit_test(what_is_no_cursor_is_refused),
	};

	return cmocka_run_group_tests_name("control_cursor", tests, NULL, NULL);
}
