/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The members of an answer, where one that is missing says nothing: the server may be of another
 * version. Layer: program; private to winsctl.
 */
#pragma once

#include <string.h>

#include "winsctl/winsctl.h"

/* What a counter means, as the .def files say it: name and sentence. */
struct meaning {
	const char *name, *sentence;
};

static inline const char *
text_of(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s ? s : "";
}

static inline long long
number_of(const json_t *o, const char *name)
{
	return json_integer_value(json_object_get(o, name));
}

static inline bool
flag_of(const json_t *o, const char *name)
{
	return json_is_true(json_object_get(o, name));
}

static inline const char *
meaning_of(const char *name, const struct meaning *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(v[i].name, name))
			return v[i].sentence;
	return "";
}
