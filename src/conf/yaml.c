/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration file: YAML events to assignments, with the line in every complaint. Layer: conf.
 * Goes on after an error so that all of them are told, but works on a copy: a file with one error
 * changes nothing. Nesting, size and number of complaints are bounded; nothing recurses deeper than
 * NEST_MAX. Aliases are refused: they only serve to blow a small file up.
 */
#include "conf/conf.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "conf/partners.h"
#include "conf/set.h"
#include "file/file.h"

#define NEST_MAX 8

struct reader {
	yaml_parser_t parser;
	struct conf conf; /* the copy */
	const char *name;
	const struct conf_say *say;
	size_t line[CONF_COUNT]; /* where an option was given; 0 = not yet */
	unsigned errors;
	bool broken; /* nothing more can be read */
};

static void
complain(struct reader *r, size_t line, const char *key, const char *why)
{
	char sentence[SET_SENTENCE_MAX];

	if (++r->errors > CONF_ERRORS_MAX)
		return;
	if (r->errors == CONF_ERRORS_MAX)
		snprintf(sentence, sizeof(sentence),
		    "%s:%zu: there are more errors than can be told", r->name, line);
	else
		snprintf(sentence, sizeof(sentence), "%s:%zu: %s%s%s", r->name, line, key,
		    *key ? ": " : "", why);
	r->say->fn(r->say->arg, sentence);
}

static size_t
line_of(const yaml_event_t *ev)
{
	return ev->start_mark.line + 1;
}

/* False: the end, or a file that is no YAML. Otherwise the caller deletes *ev. */
static bool
next(struct reader *r, yaml_event_t *ev)
{
	char why[VALUE_WHY_MAX];

	if (r->broken)
		return false;
	if (yaml_parser_parse(&r->parser, ev))
		return true;
	r->broken = true;
	if (r->parser.error == YAML_READER_ERROR) {
		snprintf(why, sizeof(why), "it is not text in UTF-8 (byte %zu: %s)",
		    r->parser.problem_offset, r->parser.problem);
		complain(r, 1, "", why);
		return false;
	}
	snprintf(why, sizeof(why), "it is not YAML here: %s%s%s",
	    r->parser.context ? r->parser.context : "", r->parser.context ? ", " : "",
	    r->parser.problem ? r->parser.problem : "out of memory");
	complain(r, r->parser.problem_mark.line + 1, "", why);
	return false;
}

static bool
opens(const yaml_event_t *ev)
{
	return ev->type == YAML_MAPPING_START_EVENT || ev->type == YAML_SEQUENCE_START_EVENT;
}

static bool
closes(const yaml_event_t *ev)
{
	return ev->type == YAML_MAPPING_END_EVENT || ev->type == YAML_SEQUENCE_END_EVENT;
}

static void
too_deep(struct reader *r, size_t line)
{
	complain(r, line, "", "nested too deep");
	r->broken = true;
}

/* Passes over the rest of the node that began with *ev. */
static void
skip(struct reader *r, const yaml_event_t *first)
{
	yaml_event_t ev;

	for (int depth = opens(first); depth && next(r, &ev);) {
		depth += opens(&ev) - closes(&ev);
		if (depth > NEST_MAX)
			too_deep(r, line_of(&ev));
		yaml_event_delete(&ev);
	}
}

/* The scalar's text, or NULL when a NUL byte in it would hide the rest. */
static const char *
text_of(const yaml_event_t *ev)
{
	const char *text = (const char *)ev->data.scalar.value;

	return memchr(text, 0, ev->data.scalar.length) ? NULL : text;
}

static void
read_list(struct reader *r, int id)
{
	const struct conf_option *o = conf_option(id);
	void *field = set_field(&r->conf, id);
	char why[VALUE_WHY_MAX];
	yaml_event_t ev;

	value_clear(o, field);
	while (next(r, &ev)) {
		bool end = ev.type == YAML_SEQUENCE_END_EVENT;

		if (!end) {
			const char *text = ev.type == YAML_SCALAR_EVENT ? text_of(&ev) : NULL;

			if (!text) {
				complain(
				    r, line_of(&ev), o->key, "an entry must be one plain value");
				skip(r, &ev);
			} else if (value_add(o, field, text, why)) {
				complain(r, line_of(&ev), o->key, why);
			}
		}
		yaml_event_delete(&ev);
		if (end)
			return;
	}
}

/* ---- the list of maps ---- */

/* What is wrong with one key of an entry. */
static void
complain_of_key(
    struct reader *r, size_t line, const struct conf_option *list, const char *key, const char *why)
{
	char both[SET_KEY_MAX];

	snprintf(both, sizeof(both), "%s: %s", list->key, key);
	complain(r, line, both, why);
}

/* The value of the key of the entry p. */
static void
read_partner_value(
    struct reader *r, const struct conf_option *list, struct conf_partner *p, int key)
{
	const struct conf_option *o = partners_option(key);
	char why[VALUE_WHY_MAX];
	yaml_event_t ev;

	if (!next(r, &ev))
		return;
	if (ev.type != YAML_SCALAR_EVENT || !text_of(&ev)) {
		complain_of_key(r, line_of(&ev), list, o->key, "takes one value");
		skip(r, &ev);
	} else if (value_set(o, partners_field(p, key), text_of(&ev), why)) {
		complain_of_key(r, line_of(&ev), list, o->key, why);
	}
	yaml_event_delete(&ev);
}

/* A key of an entry that began in *p; its value is read too. given: bits of the keys before. */
static void
read_partner_key(struct reader *r, const struct conf_option *list, struct conf_partner *p,
    const yaml_event_t *ev, unsigned *given)
{
	char why[VALUE_WHY_MAX];
	int key = partners_find(text_of(ev), why);
	yaml_event_t value;

	if (key >= 0 && !(*given >> key & 1)) {
		*given |= 1u << key;
		read_partner_value(r, list, p, key);
		return;
	}
	if (key >= 0)
		snprintf(why, sizeof(why), "%s is given twice in one entry", text_of(ev));
	complain(r, line_of(ev), list->key, why);
	if (next(r, &value)) {
		skip(r, &value);
		yaml_event_delete(&value);
	}
}

/* One entry, whose start is read already. */
static void
read_partner(
    struct reader *r, const struct conf_option *list, struct conf_partners *field, size_t line)
{
	unsigned given = 0, errors = r->errors;
	struct conf_partner p;
	char why[VALUE_WHY_MAX];
	yaml_event_t ev;

	partners_begin(&p);
	while (next(r, &ev)) {
		bool end = ev.type == YAML_MAPPING_END_EVENT;

		if (ev.type == YAML_SCALAR_EVENT && text_of(&ev)) {
			read_partner_key(r, list, &p, &ev, &given);
		} else if (!end) {
			complain(r, line_of(&ev), list->key, "a key of the entry must stand here");
			r->broken = true; /* what follows would be taken for keys wrongly */
		}
		yaml_event_delete(&ev);
		if (!end)
			continue;
		if (errors == r->errors && partners_add(field, &p, why))
			complain(r, line, list->key, why);
		return;
	}
}

static void
read_partners(struct reader *r, int id)
{
	const struct conf_option *o = conf_option(id);
	struct conf_partners *field = set_field(&r->conf, id);
	yaml_event_t ev;

	value_clear(o, field);
	while (next(r, &ev)) {
		bool end = ev.type == YAML_SEQUENCE_END_EVENT;

		if (ev.type == YAML_MAPPING_START_EVENT) {
			read_partner(r, o, field, line_of(&ev));
		} else if (!end) {
			complain(r, line_of(&ev), o->key,
			    "an entry must be a map (write - address: 198.51.100.20)");
			skip(r, &ev);
		}
		yaml_event_delete(&ev);
		if (end)
			return;
	}
}

/* ---- options ---- */

/* Is it the option's first value in this file; complains if not. */
static bool
is_first(struct reader *r, int id, size_t line)
{
	char why[VALUE_WHY_MAX];

	if (r->line[id]) {
		snprintf(why, sizeof(why), "given twice (first in line %zu)", r->line[id]);
		complain(r, line, conf_option(id)->key, why);
		return false;
	}
	r->line[id] = line;
	return true;
}

/* line: of the option's name. */
static void
read_value(struct reader *r, int id, size_t line, const yaml_event_t *ev)
{
	const struct conf_option *o = conf_option(id);
	char why[VALUE_WHY_MAX];

	if (!is_first(r, id, line)) {
		skip(r, ev);
		return;
	}
	if (ev->type == YAML_SEQUENCE_START_EVENT && o->type == VALUE_PARTNERS) {
		read_partners(r, id);
		return;
	}
	if (ev->type == YAML_SEQUENCE_START_EVENT && value_is_list(o)) {
		read_list(r, id);
		return;
	}
	if (ev->type != YAML_SCALAR_EVENT || !text_of(ev)) {
		complain(r, line_of(ev), o->key,
		    o->type == VALUE_PARTNERS ? "takes a list of maps"
		    : value_is_list(o)        ? "takes a list of values"
					      : "takes one value");
		skip(r, ev);
		return;
	}
	if (value_set(o, set_field(&r->conf, id), text_of(ev), why))
		complain(r, line_of(ev), o->key, why);
}

static void read_mapping(struct reader *r, const char *prefix, int depth);

/* A key was read (it lives in full, dotted): its value, which may be a mapping of further keys. */
static void
read_pair(struct reader *r, const char *full, size_t line, int depth)
{
	int id = set_find(full);
	char why[VALUE_WHY_MAX];
	yaml_event_t ev;

	if (!next(r, &ev))
		return;
	if (id >= 0) {
		read_value(r, id, line, &ev);
	} else if (ev.type != YAML_MAPPING_START_EVENT) {
		set_unknown(full, why);
		complain(r, line, "", why);
		skip(r, &ev);
	} else if (depth == NEST_MAX) {
		too_deep(r, line);
	} else {
		read_mapping(r, full, depth + 1);
	}
	yaml_event_delete(&ev);
}

/* The mapping's start is read already. */
static void
read_mapping(struct reader *r, const char *prefix, int depth)
{
	yaml_event_t ev;

	while (next(r, &ev)) {
		bool end = ev.type == YAML_MAPPING_END_EVENT;
		const char *key = ev.type == YAML_SCALAR_EVENT ? text_of(&ev) : NULL;
		char full[SET_KEY_MAX];

		if (key) {
			snprintf(full, sizeof(full), "%s%s%s", prefix, *prefix ? "." : "", key);
			read_pair(r, full, line_of(&ev), depth);
		} else if (!end) {
			complain(r, line_of(&ev), "", "the name of an option must stand here");
			r->broken =
			    true; /* what follows would be taken for keys and values wrongly */
		}
		yaml_event_delete(&ev);
		if (end)
			return;
	}
}

static bool
is_empty(const yaml_event_t *ev)
{
	return ev->type == YAML_SCALAR_EVENT && ev->data.scalar.length == 0;
}

/* Stream and document events around the one mapping; an empty file is a working configuration. */
static void
read_stream(struct reader *r)
{
	bool end = false, seen = false;
	yaml_event_t ev;

	while (!end && next(r, &ev)) {
		switch (ev.type) {
		case YAML_STREAM_START_EVENT:
		case YAML_DOCUMENT_END_EVENT:
			break;
		case YAML_STREAM_END_EVENT:
			end = true;
			break;
		case YAML_DOCUMENT_START_EVENT:
			if (seen) {
				complain(r, line_of(&ev), "", "a second document is not allowed");
				r->broken = true;
			}
			seen = true;
			break;
		case YAML_MAPPING_START_EVENT:
			read_mapping(r, "", 1);
			break;
		default:
			if (is_empty(&ev))
				break;
			complain(r, line_of(&ev), "", "the file must consist of \"option: value\"");
			r->broken = true;
		}
		yaml_event_delete(&ev);
	}
}

int
conf_parse(
    struct conf *conf, const char *name, const char *text, size_t len, const struct conf_say *say)
{
	struct reader r = { .conf = *conf, .name = name, .say = say };

	if (!yaml_parser_initialize(&r.parser)) {
		say->fn(say->arg, nbt_strerror(NBT_ENOMEM));
		return NBT_ENOMEM;
	}
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, len);
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	read_stream(&r);
	yaml_parser_delete(&r.parser);
	if (r.errors)
		return NBT_EINVAL;
	*conf = r.conf;
	return 0;
}

int
conf_load(struct conf *conf, const char *path, const struct conf_say *say)
{
	char *text = NULL, sentence[SET_SENTENCE_MAX];
	const char *why = NULL;
	size_t len = 0;
	int err = file_read(path, CONF_FILE_MAX, &text, &len, &why);

	if (err) {
		snprintf(sentence, sizeof(sentence), "%s: %s", path, why);
		say->fn(say->arg, sentence);
		return err;
	}
	err = conf_parse(conf, path, text, len, say);
	free(text);
	return err;
}
