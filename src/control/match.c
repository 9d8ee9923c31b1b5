/* SPDX-License-Identifier: Apache-2.0 */
/* Which records a listing shows. Layer: program. Pure. */
#include "control/match.h"

#include <string.h>

struct control_filter
control_filter_all(void)
{
	return (struct control_filter){ .suffix = CONTROL_ANY,
		.type = CONTROL_ANY,
		.state = CONTROL_ANY,
		.is_static = CONTROL_ANY };
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Two hexadecimal digits, or -1. */
static int
hex_byte(const char *p)
{
	int hi = hex_digit(p[0]), lo = hi < 0 ? -1 : hex_digit(p[1]);

	return lo < 0 ? -1 : hi << 4 | lo;
}

/* "<20>" or "#20" and nothing behind it: the suffix; else -1. */
static int
read_suffix(const char *p)
{
	int b = hex_byte(p + 1);

	if (b < 0 || strcmp(p + 3, *p == '<' ? ">" : ""))
		return -1;
	return b;
}

/* One byte or wildcard of a pattern; returns how many characters it took, 0 = not a pattern. */
static size_t
read_token(const char *p, uint16_t *ret)
{
	int b;

	switch (*p) {
	case '*':
		*ret = PATTERN_MANY;
		return 1;
	case '?':
		*ret = PATTERN_ONE;
		return 1;
	case '>':
		return 0;
	case '\\':
		b = p[1] == 'x' ? hex_byte(p + 2) : -1;
		*ret = (uint16_t)b;
		return b < 0 ? 0 : 4;
	}
	*ret = (uint8_t)*p;
	return 1;
}

bool
control_filter_pattern(struct control_filter *f, const char *text)
{
	struct control_filter next = *f;

	next.has_pattern = true;
	next.npattern = 0;
	while (*text) {
		size_t n;

		if (*text == '<' || *text == '#') {
			next.suffix = read_suffix(text);
			if (next.suffix < 0)
				return false;
			break;
		}
		if (next.npattern == CONTROL_PATTERN_MAX)
			return false;
		n = read_token(text, &next.pattern[next.npattern++]);
		if (!n)
			return false;
		text += n;
	}
	*f = next;
	return true;
}

/* Length of a name as it is printed: without suffix and the blanks before it. */
static size_t
name_len(const struct nb_name *name)
{
	size_t n = NB_NAME_LEN - 1;

	while (n && name->b[n - 1] == ' ')
		n--;
	return n;
}

/* The usual walk with one way back: to the last MANY, which then takes a byte more. */
static bool
pattern_fits(const struct control_filter *f, const struct nb_name *name)
{
	size_t len = name_len(name), i = 0, p = 0, back_i = 0, back_p = SIZE_MAX;

	while (i < len) {
		uint16_t token = p < f->npattern ? f->pattern[p] : UINT16_MAX;

		if (token == PATTERN_MANY) {
			back_p = p++;
			back_i = i;
		} else if (token == PATTERN_ONE || token == name->b[i]) {
			p++;
			i++;
		} else if (back_p != SIZE_MAX) {
			p = back_p + 1;
			i = ++back_i;
		} else {
			return false;
		}
	}
	while (p < f->npattern && f->pattern[p] == PATTERN_MANY)
		p++;
	return p == f->npattern;
}

bool
control_match(const struct control_filter *f, const struct rec *r)
{
	return (f->suffix == CONTROL_ANY || nb_suffix(&r->key) == f->suffix) &&
	       (f->type == CONTROL_ANY || r->type == f->type) &&
	       (f->state == CONTROL_ANY || r->state == f->state) &&
	       (f->is_static == CONTROL_ANY || r->is_static == f->is_static) &&
	       (!f->has_owner || ip4_eq(r->owner, f->owner)) &&
	       (!f->has_ip || rec_find(r, f->ip) >= 0) &&
	       (!f->has_pattern || pattern_fits(f, &r->key.name));
}

size_t
control_filter_prefix(const struct control_filter *f, uint8_t ret[static NB_NAME_LEN])
{
	size_t n = 0;

	if (!f->has_pattern)
		return 0;
	while (n < NB_NAME_LEN - 1 && n < f->npattern && f->pattern[n] < PATTERN_ONE) {
		ret[n] = (uint8_t)f->pattern[n];
		n++;
	}
	return n;
}
