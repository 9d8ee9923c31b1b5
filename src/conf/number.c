/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers of all kinds: each ends as one unsigned 64-bit integer and shares the range check, whose
 * bounds are read by the same parser, so that an error names them as a person would write them. Times
 * of day too. Layer: conf.
 */
#include "conf/number.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

struct unit {
	const char *suffix;
	uint64_t factor;
};

/* Largest first: the printer takes the first that divides. */
static const struct unit time_units[] = {
	{ "d", 86400000 },
	{ "h", 3600000 },
	{ "min", 60000 },
	{ "s", 1000 },
	{ "ms", 1 },
	{ NULL, 0 },
};
static const struct unit size_units[] = {
	{ "GiB", 1 << 30 },
	{ "MiB", 1 << 20 },
	{ "KiB", 1 << 10 },
	{ "", 1 },
	{ NULL, 0 },
};
static const struct unit no_units[] = {
	{ "", 1 },
	{ NULL, 0 },
};

/* Digits and one of the units behind them; nothing else, and no overflow. */
static bool
read_scaled(const char *text, const struct unit *units, uint64_t *ret)
{
	uint64_t v = 0;

	if (!isdigit((unsigned char)*text))
		return false;
	for (; isdigit((unsigned char)*text); text++)
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*text - '0'), &v))
			return false;
	if (v == 0 && !*text) {
		*ret = 0; /* nothing is nothing in every unit */
		return true;
	}
	for (; units->suffix; units++)
		if (!strcmp(text, units->suffix))
			return !__builtin_mul_overflow(v, units->factor, ret);
	return false;
}

static const struct unit *
units_of(const struct conf_option *o)
{
	switch (o->type) {
	case VALUE_SECONDS:
	case VALUE_MILLIS:
		return time_units;
	case VALUE_SIZE:
		return size_units;
	default:
		return no_units;
	}
}

static const char *
kind_of(const struct conf_option *o)
{
	switch (o->type) {
	case VALUE_SECONDS:
		return "a duration in whole seconds (write 3s, 40min, 2h, 6d)";
	case VALUE_MILLIS:
		return "a duration (write 500ms, 3s, 40min, 6d)";
	case VALUE_SIZE:
		return "a size (write 4096, 64KiB, 256MiB, 2GiB)";
	default:
		return "a whole number";
	}
}

bool
number_read(const struct conf_option *o, const char *text, uint64_t *ret)
{
	uint64_t v;

	if (!read_scaled(text, units_of(o), &v))
		return false;
	if (o->type == VALUE_SECONDS) {
		if (v % 1000)
			return false;
		v /= 1000;
	}
	*ret = v;
	return true;
}

int
number_set(const struct conf_option *o, uint64_t *field, const char *text, char why[VALUE_WHY_MAX])
{
	char quoted[VALUE_QUOTE_MAX];
	uint64_t min = 0, max = 0;
	bool known = number_read(o, o->min, &min) && number_read(o, o->max, &max);

	assert(known);
	(void)known; /* for builds without assertions */
	if (!number_read(o, text, field))
		return value_refuse(why, "%s is not %s", value_quote(text, quoted), kind_of(o));
	if (*field < min || *field > max)
		return value_refuse(why, "%s is out of range (allowed are %s to %s)",
		    value_quote(text, quoted), o->min, o->max);
	return 0;
}

void
number_print(const struct conf_option *o, uint64_t v, FILE *to)
{
	const struct unit *u = units_of(o);

	if (o->type == VALUE_SECONDS)
		v *= 1000;
	if (v == 0) {
		fputs("0", to);
		return;
	}
	while (v % u->factor)
		u++;
	fprintf(to, "%" PRIu64 "%s", v / u->factor, u->suffix);
}

/* ---- times of day ---- */

static bool
is_clock(const char *text)
{
	static const char form[] = "dd:dd:dd";

	for (size_t i = 0; i < sizeof(form); i++)
		if (form[i] == 'd' ? !isdigit((unsigned char)text[i]) : text[i] != form[i])
			return false;
	return true;
}

static unsigned
two_digits(const char *text)
{
	return (unsigned)(text[0] - '0') * 10 + (unsigned)(text[1] - '0');
}

int
number_clock_set(uint64_t *field, const char *text, char why[VALUE_WHY_MAX])
{
	char quoted[VALUE_QUOTE_MAX];
	unsigned h, m, s;

	*field = CONF_NO_CLOCK;
	if (!*text)
		return 0;
	if (!is_clock(text))
		return value_refuse(
		    why, "%s is not a time of day (write 02:00:00)", value_quote(text, quoted));
	h = two_digits(text);
	m = two_digits(text + 3);
	s = two_digits(text + 6);
	if (h > 23 || m > 59 || s > 59)
		return value_refuse(
		    why, "%s is no time of day (it ends with 23:59:59)", value_quote(text, quoted));
	*field = (h * 60 + m) * 60 + s;
	return 0;
}

void
number_clock_print(uint64_t v, FILE *to)
{
	if (v == CONF_NO_CLOCK)
		fputs("\"\"", to);
	else /* in quotes: some readers of YAML take the bare form for a number to the base 60 */
		fprintf(to, "\"%02u:%02u:%02u\"", (unsigned)(v / 3600), (unsigned)(v / 60 % 60),
		    (unsigned)(v % 60));
}
