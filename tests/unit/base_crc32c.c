/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32C: the published vectors, and that both ways of computing it agree. */
#include "base/crc32c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

/* RFC 3720 B.4, and the check value every catalogue of CRCs gives. */
static void
gives_the_published_values(void **state)
{
	uint8_t b[32];

	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
	memset(b, 0, sizeof(b));
	assert_int_equal(crc32c(0, b, sizeof(b)), 0x8a9136aa);
	memset(b, 0xff, sizeof(b));
	assert_int_equal(crc32c(0, b, sizeof(b)), 0x62a8ab43);
	for (int i = 0; i < 32; i++)
		b[i] = (uint8_t)i;
	assert_int_equal(crc32c(0, b, sizeof(b)), 0x46dd794e);
	assert_int_equal(crc32c(0, b, 0), 0);
}

static void
table_and_instruction_agree_at_every_length_and_alignment(void **state)
{
	uint8_t b[80];

	for (size_t i = 0; i < sizeof(b); i++)
		b[i] = (uint8_t)(i * 37 + 11);
	for (size_t at = 0; at < 9; at++)
		for (size_t n = 0; n <= 64; n++)
			assert_int_equal(crc32c(5, b + at, n), crc32c_portable(5, b + at, n));
}

static void
goes_on_where_it_stopped(void **state)
{
	const char *text = "released by the primary card only";

	for (size_t n = 0; n <= strlen(text); n++)
		assert_int_equal(crc32c(crc32c(0, text, n), text + n, strlen(text) - n),
		    crc32c(0, text, strlen(text)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_the_published_values),
		cmocka_unit_test(table_and_instruction_agree_at_every_length_and_alignment),
		cmocka_unit_test(goes_on_where_it_stopped),
	};

	return cmocka_run_group_tests_name("base_crc32c", tests, NULL, NULL);
}
