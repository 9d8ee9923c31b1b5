/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of winsctl, read by the table of commands. Layer: program. No effect. */
#include "winsctl/winsctl.h"

#include <stdlib.h>
#include <string.h>

/* What is read while words are being read. */
struct words {
	int argc, at;
	char **argv;
	struct winsctl *w;
	const struct ctl_arg *place; /* the positional argument that took the last word */
	struct ctl_error *error;
};

enum { NO_VALUE, WITH_VALUE };

static const struct {
	char letter;
	const char *name;
	int value;
} globals[] = {
	{ 's', "socket", WITH_VALUE },
	{ 't', "timeout", WITH_VALUE },
	{ 'j', "json", NO_VALUE },
	{ 'C', "case", NO_VALUE },
	{ 'V', "version", NO_VALUE },
	{ 'h', "help", NO_VALUE },
};

#define NGLOBALS ((int)(sizeof(globals) / sizeof(*globals)))

static bool
wrong(struct words *l, const char *what, const char *word)
{
	return ctl_error_set(l->error, CTL_BAD_ARGUMENT, what, word);
}

static bool
take_timeout(struct words *l, const char *value)
{
	char *end;
	unsigned long n = strtoul(value, &end, 10);

	if (!*value || *end || *value == '-' || n > 86400)
		return wrong(l, "--timeout takes seconds, 0 to 86400, not \"%.80s\".", value);
	l->w->timeout = (unsigned)n;
	return true;
}

static bool
take_global(struct words *l, int i, const char *value)
{
	switch (globals[i].letter) {
	case 's':
		l->w->socket = value;
		break;
	case 't':
		return take_timeout(l, value);
	case 'j':
		l->w->json = true;
		break;
	case 'C':
		l->w->keep_case = true;
		break;
	case 'V':
		l->w->version = true;
		break;
	case 'h':
		l->w->help = true;
		break;
	}
	return true;
}

/* A word as the JSON value of an argument; NULL when it cannot be one at all. */
static json_t *
value_of(const struct ctl_arg *a, const char *word)
{
	char *end;
	unsigned long long n;

	if (a->type == CTL_TYPE_FLAG)
		return json_true();
	if (a->type == CTL_TYPE_INTEGER) {
		n = strtoull(word, &end, 10);
		if (*end || end == word || *word == '-' || n > INT64_MAX)
			return NULL;
		return json_integer((json_int_t)n);
	}
	return json_string(word);
}

static bool
take_argument(struct words *l, const struct ctl_arg *a, const char *word)
{
	json_t *into = a->how == CTL_HOW_LOCAL ? l->w->local : l->w->arguments;
	json_t *value = value_of(a, word);
	json_t *list = json_object_get(into, a->name);

	if (!value)
		return ctl_error_set(l->error, CTL_BAD_ARGUMENT, "\"%.80s\" is no %s.", word,
		    a->type == CTL_TYPE_INTEGER ? "whole number" : "text that can be sent");
	if (a->type == CTL_TYPE_ADDRESSES) {
		if (!list) {
			list = json_array();
			json_object_set_new(into, a->name, list);
		}
		json_array_append_new(list, value);
		return true; /* the list is checked when it is complete */
	}
	if (list) {
		json_decref(value);
		return wrong(l, "\"%s\" is given twice.", a->name);
	}
	json_object_set_new(into, a->name, value);
	return ctl_arg_check(a, value, l->error);
}

/* The next positional argument of the command; a list takes all words that are left. */
static const struct ctl_arg *
next_place(struct words *l)
{
	const struct ctl_arg *a = l->place;

	if (a && a->type == CTL_TYPE_ADDRESSES)
		return a;
	while ((a = ctl_arg_next(l->w->command, a)))
		if (a->how <= CTL_HOW_POSITIONAL)
			return l->place = a;
	return NULL;
}

/* The command that a word names, or the word with the next one: "node add" is node-add. */
static int
take_command(struct words *l, const char *word)
{
	int id = ctl_command_find(word);
	char joined[40];

	if (id >= 0 || l->at + 1 >= l->argc)
		return id;
	snprintf(joined, sizeof(joined), "%.19s-%.19s", word, l->argv[l->at + 1]);
	id = ctl_command_find(joined);
	if (id >= 0)
		l->at++;
	return id;
}

static bool
take_word(struct words *l, const char *word)
{
	const struct ctl_arg *a;
	int id;

	if (!l->w->has_command) {
		id = take_command(l, word);
		if (id < 0)
			return wrong(
			    l, "There is no command \"%.80s\"; \"winsctl help\" lists them.", word);
		l->w->command = (enum ctl_command_id)id;
		l->w->has_command = true;
		return true;
	}
	a = next_place(l);
	if (!a)
		return wrong(l, "\"%.80s\" is one word too many.", word);
	return take_argument(l, a, word);
}

/* The option's value: behind its '=', or the next word. */
static const char *
option_value(struct words *l, const char *equals)
{
	if (equals)
		return equals + 1;
	return ++l->at < l->argc ? l->argv[l->at] : NULL;
}

static const struct ctl_arg *
find_option(const struct words *l, const char *name)
{
	const struct ctl_arg *a = l->w->has_command ? ctl_arg_find(l->w->command, name) : NULL;

	return a && (a->how == CTL_HOW_OPTION || a->how == CTL_HOW_LOCAL) ? a : NULL;
}

static bool
take_long(struct words *l, const char *word)
{
	const char *equals = strchr(word, '='), *value = "";
	char name[40];
	const struct ctl_arg *a;
	int i = 0;

	snprintf(name, sizeof(name), "%.*s", equals ? (int)(equals - word) : 39, word);
	while (i < NGLOBALS && strcmp(globals[i].name, name))
		i++;
	a = i < NGLOBALS ? NULL : find_option(l, name);
	if (i == NGLOBALS && !a)
		return ctl_error_set(l->error, CTL_BAD_ARGUMENT,
		    "There is no option --%s; \"winsctl help%s%s\" lists them.", name,
		    l->w->has_command ? " " : "",
		    l->w->has_command ? ctl_command(l->w->command)->name : "");
	if (a ? a->type != CTL_TYPE_FLAG : globals[i].value == WITH_VALUE)
		value = option_value(l, equals);
	else if (equals)
		return wrong(l, "--%s takes no value.", name);
	if (!value)
		return wrong(l, "--%s needs a value.", name);
	return a ? take_argument(l, a, value) : take_global(l, i, value);
}

/* One letter a word: winsctl has so few that joining them is not worth its rules. */
static bool
take_short(struct words *l, const char *word)
{
	const struct ctl_arg *follow = find_option(l, "follow");
	const char *value = "";

	if (word[1] == 'f' && !word[2] && follow)
		return take_argument(l, follow, "");
	for (int i = 0; i < NGLOBALS; i++) {
		if (word[1] != globals[i].letter || word[2])
			continue;
		if (globals[i].value == WITH_VALUE)
			value = option_value(l, NULL);
		return value ? take_global(l, i, value) : wrong(l, "%s needs a value.", word);
	}
	return wrong(l, "There is no option %.40s; \"winsctl help\" lists them.", word);
}

static bool
take_words(struct words *l)
{
	bool options = true;

	for (; l->at < l->argc; l->at++) {
		const char *word = l->argv[l->at];
		bool ok;

		if (options && !strcmp(word, "--")) {
			options = false;
			continue;
		}
		if (options && word[0] == '-' && word[1] == '-')
			ok = take_long(l, word + 2);
		else if (options && word[0] == '-' && word[1])
			ok = take_short(l, word);
		else
			ok = take_word(l, word);
		if (!ok)
			return false;
	}
	return true;
}

/* Windows registers names in upper case, and people type them as they like. */
static void
upcase_name(struct winsctl *w)
{
	const char *text = json_string_value(json_object_get(w->arguments, "name"));
	char *name = text ? strdup(text) : NULL;

	if (!name)
		return;
	winsctl_upcase(name);
	json_object_set_new(w->arguments, "name", json_string(name));
	free(name);
}

bool
winsctl_parse(int argc, char **argv, struct winsctl *ret, struct ctl_error *ret_error)
{
	struct words l = { .argc = argc, .at = 1, .argv = argv, .w = ret, .error = ret_error };
	const char *socket = getenv("WINSCTL_SOCKET");

	*ret = (struct winsctl){ .socket = socket && *socket ? socket : NULL,
		.arguments = json_object(),
		.local = json_object() };
	if (!take_words(&l))
		return false;
	if (ret->help || ret->version)
		return true;
	if (!ret->has_command)
		return ctl_error_set(ret_error, CTL_MISSING_ARGUMENT,
		    "A command is needed; \"winsctl help\" lists them.");
	if (!ret->keep_case)
		upcase_name(ret);
	return ctl_args_check(ret->command, ret->arguments, ret_error);
}

void
winsctl_release(struct winsctl *w)
{
	json_decref(w->arguments);
	json_decref(w->local);
	*w = (struct winsctl){ 0 };
}
