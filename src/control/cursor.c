/* SPDX-License-Identifier: Apache-2.0 */
/* A place in the order of names as text. Layer: program. Pure. */
#include "control/cursor.h"

static const char digits[] = "0123456789abcdef";

static char *
print_bytes(char *p, const uint8_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		*p++ = digits[b[i] >> 4];
		*p++ = digits[b[i] & 15];
	}
	return p;
}

char *
control_cursor_print(const struct nb_key *key, char buf[static CONTROL_CURSOR_STRLEN])
{
	char *p = print_bytes(buf, key->name.b, NB_NAME_LEN);

	*print_bytes(p, key->scope.b, key->scope.len) = 0;
	return buf;
}

static uint8_t
byte_at(const char *text)
{
	return (
	    uint8_t)((strchr(digits, text[0]) - digits) << 4 | (strchr(digits, text[1]) - digits));
}

bool
control_cursor_parse(const char *text, struct nb_key *ret)
{
	struct nb_key key = { .scope.len = 0 };
	size_t n = strlen(text);

	if (n % 2 || n < 2 * NB_NAME_LEN || n >= CONTROL_CURSOR_STRLEN || strspn(text, digits) != n)
		return false;
	for (int i = 0; i < NB_NAME_LEN; i++)
		key.name.b[i] = byte_at(text + 2 * i);
	key.scope.len = (uint8_t)(n / 2 - NB_NAME_LEN);
	for (int i = 0; i < key.scope.len; i++)
		key.scope.b[i] = byte_at(text + 2 * (NB_NAME_LEN + i));
	*ret = key;
	return true;
}
