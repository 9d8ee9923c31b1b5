/* SPDX-License-Identifier: Apache-2.0 */
/* Looking things up in JSON. Layer: lib. One way through the text, without recursion. */
#include "lib/scan.h"

#include <string.h>

static const struct span nothing = { NULL, NULL };

static const char *
skip_blanks(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
		p++;
	return p;
}

/* Behind the text that begins at p with its quote; NULL when it does not end. */
static const char *
skip_text(const char *p, const char *end)
{
	for (p++; p < end; p++) {
		if (*p == '"')
			return p + 1;
		if (*p == '\\' && p + 1 < end)
			p++;
	}
	return NULL;
}

/* Behind an object or list: brackets inside texts do not count. */
static const char *
skip_nested(const char *p, const char *end)
{
	unsigned depth = 0;

	while (p && p < end) {
		if (*p == '"') {
			p = skip_text(p, end);
			continue;
		}
		depth += *p == '{' || *p == '[';
		if ((*p == '}' || *p == ']') && --depth == 0)
			return p + 1;
		p++;
	}
	return NULL;
}

/* Behind the value at p, or NULL. */
static const char *
skip_value(const char *p, const char *end)
{
	const char *begin = p;

	if (p >= end)
		return NULL;
	if (*p == '"')
		return skip_text(p, end);
	if (*p == '{' || *p == '[')
		return skip_nested(p, end);
	while (p < end && !strchr(",]} \t\r\n", *p))
		p++;
	return p > begin ? p : NULL;
}

struct span
span_of(const char *text, size_t len)
{
	const char *end = text + len, *p = skip_blanks(text, end);
	const char *behind = skip_value(p, end);

	return behind ? (struct span){ p, behind } : nothing;
}

/* Is the text at p, quotes included, this one? Names of members need no escapes. */
static bool
is_named(const char *p, const char *behind, const char *name)
{
	size_t n = strlen(name);

	return (size_t)(behind - p) == n + 2 && !memcmp(p + 1, name, n);
}

struct span
span_member(struct span o, const char *name)
{
	const char *p = o.p;

	if (!p || *p != '{')
		return nothing;
	do {
		const char *key = skip_blanks(p + 1, o.end), *behind, *value;

		if (key >= o.end || *key != '"')
			return nothing;
		behind = skip_text(key, o.end);
		value = behind ? skip_blanks(behind, o.end) : o.end;
		if (value >= o.end || *value != ':')
			return nothing;
		value = skip_blanks(value + 1, o.end);
		p = skip_value(value, o.end);
		if (!p)
			return nothing;
		if (is_named(key, behind, name))
			return (struct span){ value, p };
		p = skip_blanks(p, o.end);
	} while (p < o.end && *p == ',');
	return nothing;
}

struct span
span_element(struct span list, unsigned i)
{
	const char *p = list.p;

	if (!p || *p != '[')
		return nothing;
	do {
		const char *value = skip_blanks(p + 1, list.end);

		p = skip_value(value, list.end);
		if (!p)
			return nothing;
		if (!i--)
			return (struct span){ value, p };
		p = skip_blanks(p, list.end);
	} while (p < list.end && *p == ',');
	return nothing;
}

bool
span_is_true(struct span v)
{
	return v.p && v.end - v.p == 4 && !memcmp(v.p, "true", 4);
}

static char
unescaped(char c)
{
	switch (c) {
	case 'b':
		return '\b';
	case 'f':
		return '\f';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	default:
		return c;
	}
}

bool
span_text(struct span v, char *ret, size_t cap)
{
	const char *p = v.p;
	size_t n = 0;

	if (!p || *p != '"')
		return false;
	for (p++; p < v.end - 1 && n + 1 < cap; p++) {
		char c = *p;

		if (c == '\\' && ++p < v.end - 1) {
			c = unescaped(*p);
			if (*p == 'u') {
				c = '?';
				p += v.end - 1 - p > 4 ? 4 : v.end - 2 - p;
			}
		}
		ret[n++] = c;
	}
	ret[n] = 0;
	return true;
}
