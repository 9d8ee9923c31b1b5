/* SPDX-License-Identifier: Apache-2.0 */
/* The table of commands.def and the checks it implies. Layer: ctl. */
#include "ctl/commands.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/ip4.h"

static const struct ctl_command commands[] = {
#define C(symbol, name_, access_, help_) \
	{ .name = name_, .help = help_, .access = CTL_ACCESS_##access_ },
#define A(command, name, type, how, allowed, help)
#include "ctl/commands.def"
#undef C
#undef A
};

static const struct ctl_arg args[] = {
#define C(symbol, name, access, help)
#define A(command_, name_, type_, how_, allowed_, help_) \
	{ CTL_CMD_##command_, CTL_TYPE_##type_, CTL_HOW_##how_, name_, allowed_, help_ },
#include "ctl/commands.def"
#undef C
#undef A
};

#define NARGS (sizeof(args) / sizeof(*args))

const struct ctl_command *
ctl_command(enum ctl_command_id id)
{
	return &commands[id];
}

int
ctl_command_find(const char *name)
{
	for (int i = 0; i < CTL_CMD_COUNT; i++)
		if (!strcmp(commands[i].name, name))
			return i;
	return -1;
}

const struct ctl_arg *
ctl_arg_next(enum ctl_command_id command, const struct ctl_arg *prev)
{
	for (const struct ctl_arg *a = prev ? prev + 1 : args; a < args + NARGS; a++)
		if (a->command == command)
			return a;
	return NULL;
}

const struct ctl_arg *
ctl_arg_find(enum ctl_command_id command, const char *name)
{
	const struct ctl_arg *a = NULL;

	while ((a = ctl_arg_next(command, a)))
		if (!strcmp(a->name, name))
			return a;
	return NULL;
}

const char *
ctl_code_text(enum ctl_code code)
{
	switch (code) {
#define X(symbol, text, meaning) \
	case CTL_##symbol:       \
		return text;
#include "ctl/codes.def"
#undef X
	}
	return "failed";
}

bool
ctl_error_set(struct ctl_error *error, enum ctl_code code, const char *format, ...)
{
	va_list ap;

	error->code = code;
	va_start(ap, format);
	vsnprintf(error->message, sizeof(error->message), format, ap);
	va_end(ap);
	/* It may repeat what a caller sent, and be cut within a character. */
	for (char *p = error->message; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	return false;
}

static bool
in_range(const char *allowed, uint64_t v)
{
	unsigned long long lo = 0, hi = 0;

	(void)sscanf(allowed, "%llu-%llu", &lo, &hi); /* our own table; its test reads each */
	return v >= lo && v <= hi;
}

/* Is text one of the words of "a|b|c"? */
static bool
is_choice(const char *allowed, const char *text)
{
	size_t n = strlen(text);

	for (const char *p = allowed; p; p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL)
		if (n == strcspn(p, "|") && !memcmp(p, text, n))
			return true;
	return false;
}

static bool
is_address(const json_t *value)
{
	struct ip4 ip;

	return json_is_string(value) && ip4_parse(json_string_value(value), &ip);
}

static bool
are_addresses(const char *allowed, const json_t *value)
{
	size_t i;
	json_t *v;

	if (!json_is_array(value) || !in_range(allowed, json_array_size(value)))
		return false;
	json_array_foreach(value, i, v) if (!is_address(v)) return false;
	return true;
}

bool
ctl_arg_check(const struct ctl_arg *arg, const json_t *value, struct ctl_error *ret_error)
{
	const char *a = arg->allowed, *n = arg->name;
	enum ctl_code bad = CTL_BAD_ARGUMENT;

	switch (arg->type) {
	case CTL_TYPE_FLAG:
		return json_is_boolean(value) ||
		       ctl_error_set(ret_error, bad, "\"%s\" is true or false.", n);
	case CTL_TYPE_INTEGER:
		return (json_is_integer(value) && json_integer_value(value) >= 0 &&
			   in_range(a, (uint64_t)json_integer_value(value))) ||
		       ctl_error_set(ret_error, bad, "\"%s\" is a number, %s.", n, a);
	case CTL_TYPE_TEXT:
		return (json_is_string(value) && in_range(a, json_string_length(value))) ||
		       ctl_error_set(ret_error, bad, "\"%s\" is a text of %s bytes.", n, a);
	case CTL_TYPE_CHOICE:
		return (json_is_string(value) && is_choice(a, json_string_value(value))) ||
		       ctl_error_set(ret_error, bad, "\"%s\" is one of %s.", n, a);
	case CTL_TYPE_ADDRESS:
		return is_address(value) || ctl_error_set(ret_error, bad,
						"\"%s\" is an IPv4 address such as 192.0.2.10.", n);
	case CTL_TYPE_ADDRESSES:
		return are_addresses(a, value) ||
		       ctl_error_set(
			   ret_error, bad, "\"%s\" is a list of %s IPv4 addresses.", n, a);
	}
	return ctl_error_set(ret_error, bad, "\"%s\" has an unknown type.", n);
}

static bool
has_required(enum ctl_command_id command, const json_t *arguments, struct ctl_error *ret_error)
{
	const struct ctl_arg *a = NULL;

	while ((a = ctl_arg_next(command, a)))
		if (a->how == CTL_HOW_REQUIRED && !json_object_get(arguments, a->name))
			return ctl_error_set(ret_error, CTL_MISSING_ARGUMENT,
			    "The command %s needs the argument \"%s\".", commands[command].name,
			    a->name);
	return true;
}

bool
ctl_args_check(enum ctl_command_id command, const json_t *arguments, struct ctl_error *ret_error)
{
	/* jansson iterates over non-const objects alone, though it changes nothing. */
	json_t *all = (json_t *)arguments;
	const char *name;
	json_t *value;

	json_object_foreach(all, name, value)
	{
		const struct ctl_arg *a = ctl_arg_find(command, name);

		if (!a || a->how == CTL_HOW_LOCAL)
			return ctl_error_set(ret_error, CTL_NO_SUCH_ARGUMENT,
			    "The command %s has no argument \"%.40s\".", commands[command].name,
			    name);
		if (!ctl_arg_check(a, value, ret_error))
			return false;
	}
	return has_required(command, arguments, ret_error);
}
