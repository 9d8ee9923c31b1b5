/* SPDX-License-Identifier: Apache-2.0 */
/* Reading requests and writing responses. Layer: ctl. jansson parses; what is here are the limits. */
#include "ctl/request.h"

#include <stdlib.h>
#include <string.h>

#define ID_MAX 64

/* Deepest nesting of a JSON text, counted before it is parsed: the parser recurses. */
static unsigned
depth_of(const char *line, size_t len)
{
	unsigned depth = 0, deepest = 0;
	bool in_string = false;

	for (size_t i = 0; i < len; i++) {
		char c = line[i];

		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '{' || c == '[') {
			if (++depth > deepest)
				deepest = depth;
		} else if ((c == '}' || c == ']') && depth) {
			depth--;
		}
	}
	return deepest;
}

static bool
take_id(json_t *root, struct ctl_request *ret, struct ctl_error *ret_error)
{
	json_t *id = json_object_get(root, "id");

	if (!id || json_is_null(id))
		return true;
	if (!json_is_integer(id) && !(json_is_string(id) && json_string_length(id) <= ID_MAX))
		return ctl_error_set(ret_error, CTL_BAD_REQUEST,
		    "\"id\" is a whole number or a text of at most %d bytes.", ID_MAX);
	json_decref(ret->id);
	ret->id = json_incref(id);
	return true;
}

static bool
members_are_known(json_t *root, struct ctl_error *ret_error)
{
	const char *name;
	json_t *value;

	json_object_foreach(root, name,
	    value) if (strcmp(name, "id") && strcmp(name, "command") &&
		       strcmp(name, "arguments")) return ctl_error_set(ret_error, CTL_BAD_REQUEST,
	    "A request has the members id, command and arguments, not \"%.40s\".", name);
	return true;
}

static bool
take_command(json_t *root, struct ctl_request *ret, struct ctl_error *ret_error)
{
	const char *name = json_string_value(json_object_get(root, "command"));
	int id;

	if (!name)
		return ctl_error_set(
		    ret_error, CTL_BAD_REQUEST, "A request names its command as a text.");
	id = ctl_command_find(name);
	if (id < 0 || ctl_command(id)->access == CTL_ACCESS_LOCAL)
		return ctl_error_set(ret_error, CTL_NO_SUCH_COMMAND,
		    "There is no command \"%.40s\"; \"winsctl help\" lists them.", name);
	ret->command = id;
	return true;
}

static bool
take_arguments(json_t *root, struct ctl_request *ret, struct ctl_error *ret_error)
{
	json_t *arguments = json_object_get(root, "arguments");

	if (arguments && !json_is_object(arguments))
		return ctl_error_set(
		    ret_error, CTL_BAD_REQUEST, "The arguments of a request are an object.");
	ret->arguments = arguments ? json_incref(arguments) : json_object();
	return ctl_args_check(ret->command, ret->arguments, ret_error);
}

bool
ctl_request_parse(
    const char *line, size_t len, struct ctl_request *ret, struct ctl_error *ret_error)
{
	json_error_t why;
	json_t *root;
	bool ok;

	*ret = (struct ctl_request){ .id = json_null() };
	if (depth_of(line, len) > CTL_DEPTH_MAX)
		return ctl_error_set(ret_error, CTL_BAD_REQUEST,
		    "The request is nested more than %d deep.", CTL_DEPTH_MAX);
	root = json_loadb(line, len, JSON_REJECT_DUPLICATES, &why);
	if (!root)
		return ctl_error_set(ret_error, CTL_BAD_REQUEST,
		    "The request is not JSON: %s at byte %d.", why.text, why.position);
	if (!json_is_object(root)) {
		json_decref(root);
		return ctl_error_set(ret_error, CTL_BAD_REQUEST, "A request is a JSON object.");
	}
	ok = take_id(root, ret, ret_error) && members_are_known(root, ret_error) &&
	     take_command(root, ret, ret_error) && take_arguments(root, ret, ret_error);
	json_decref(root);
	return ok;
}

void
ctl_request_release(struct ctl_request *r)
{
	json_decref(r->id);
	json_decref(r->arguments);
	*r = (struct ctl_request){ 0 };
}

static char *
print_line(json_t *take_root, size_t *ret_len)
{
	char *text = take_root ? json_dumps(take_root, JSON_COMPACT) : NULL;
	size_t n = text ? strlen(text) : 0;
	char *line = text ? realloc(text, n + 1) : NULL;

	json_decref(take_root);
	if (!line) {
		free(text);
		return NULL;
	}
	line[n] = '\n'; /* in the place of the NUL: a line has a length */
	*ret_len = n + 1;
	return line;
}

char *
ctl_response_result(json_t *id, json_t *take_result, size_t *ret_len)
{
	return print_line(
	    json_pack("{s:O, s:b, s:o}", "id", id, "ok", 1, "result", take_result), ret_len);
}

char *
ctl_response_error(json_t *id, const struct ctl_error *error, size_t *ret_len)
{
	return print_line(json_pack("{s:O, s:b, s:{s:s, s:s}}", "id", id, "ok", 0, "error", "code",
			      ctl_code_text(error->code), "message", error->message),
	    ret_len);
}
