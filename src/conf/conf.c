/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The option table and what is done with it option by option: defaults, one assignment, print,
 * compare. Layer: conf. The file's syntax is yaml.c's, the values' is value.c's.
 */
#include "conf/conf.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "conf/set.h"
#include "conf/value.h"

static const struct conf_option table[CONF_COUNT] = {
#define X(field, key, type, preset, min, max, reload, text) \
	{ key, preset, min, max, text, offsetof(struct conf, field), VALUE_##type, reload },
#include "conf/options.def"
#undef X
};

const struct conf_option *
conf_option(int id)
{
	assert(id >= 0 && id < CONF_COUNT);
	return &table[id];
}

static void *
field_of(struct conf *conf, const struct conf_option *o)
{
	return (char *)conf + o->offset;
}

static const void *
const_field_of(const struct conf *conf, const struct conf_option *o)
{
	return (const char *)conf + o->offset;
}

void
conf_init(struct conf *conf)
{
	char why[VALUE_WHY_MAX];

	memset(conf, 0, sizeof(*conf));
	for (int id = 0; id < CONF_COUNT; id++) {
		int err = value_set(&table[id], field_of(conf, &table[id]), table[id].preset, why);

		assert(!err);
		(void)err; /* for builds without assertions */
	}
}

/* ---- one assignment ---- */

int
set_find(const char *key)
{
	for (int id = 0; id < CONF_COUNT; id++)
		if (!strcmp(table[id].key, key))
			return id;
	return -1;
}

/* How many letters must be put in, taken out or exchanged to make b of a (Levenshtein). */
static size_t
distance(const char *a, const char *b)
{
	size_t row[SET_KEY_MAX], len = strlen(b);

	assert(len < SET_KEY_MAX);
	for (size_t i = 0; i <= len; i++)
		row[i] = i;
	for (size_t n = 1; *a; a++, n++) {
		size_t diagonal = row[0];

		row[0] = n;
		for (size_t i = 1; i <= len; i++) {
			size_t best = diagonal + (*a != b[i - 1]);

			best = row[i] + 1 < best ? row[i] + 1 : best;
			best = row[i - 1] + 1 < best ? row[i - 1] + 1 : best;
			diagonal = row[i];
			row[i] = best;
		}
	}
	return row[len];
}

/* The option meant by a misspelt key, or NULL when none is near. */
static const char *
nearest(const char *key)
{
	size_t best = strlen(key) / 3 + 1;
	const char *ret = NULL;

	if (strlen(key) >= SET_KEY_MAX)
		return NULL;
	for (int id = 0; id < CONF_COUNT; id++) {
		size_t d = distance(key, table[id].key);

		if (d < best || (d == best && !ret)) {
			best = d;
			ret = table[id].key;
		}
	}
	return ret;
}

void
set_unknown(const char *key, char why[VALUE_WHY_MAX])
{
	const char *near = nearest(key);
	char quoted[VALUE_QUOTE_MAX];

	value_quote(key, quoted);
	if (near)
		snprintf(why, VALUE_WHY_MAX, "unknown option %s (did you mean %s?)", quoted, near);
	else
		snprintf(why, VALUE_WHY_MAX, "unknown option %s", quoted);
}

void *
set_field(struct conf *conf, int id)
{
	return field_of(conf, &table[id]);
}

/* The right side of an assignment, into a copy; why holds the whole complaint without "-o". */
static int
assign(struct conf *conf, const char *key, const char *value, char why[SET_SENTENCE_MAX])
{
	int id = set_find(key), err;
	char reason[VALUE_WHY_MAX];

	if (id < 0) {
		set_unknown(key, why);
		return NBT_EINVAL;
	}
	err = value_set(&table[id], set_field(conf, id), value, reason);
	if (err)
		snprintf(why, SET_SENTENCE_MAX, "%s: %s", key, reason);
	return err;
}

/* A list of maps is written as in a file, on one line. */
static int
override_partners(struct conf *conf, const char *key, const char *value, const struct conf_say *say)
{
	char sentence[SET_SENTENCE_MAX], *line;
	size_t len = strlen(key) + strlen(value) + 4;
	int err;

	for (const char *p = value; *p; p++)
		if ((unsigned char)*p < 0x20) {
			snprintf(sentence, sizeof(sentence),
			    "-o %s: must be one line of text, [{address: 198.51.100.20}]", key);
			say->fn(say->arg, sentence);
			return NBT_EINVAL;
		}
	line = malloc(len);
	if (!line) {
		say->fn(say->arg, nbt_strerror(NBT_ENOMEM));
		return NBT_ENOMEM;
	}
	snprintf(line, len, "%s: %s", key, value);
	err = conf_parse(conf, "-o", line, strlen(line), say);
	free(line);
	return err;
}

int
conf_override(struct conf *conf, const char *assignment, const struct conf_say *say)
{
	const char *eq = strchr(assignment, '=');
	char key[SET_KEY_MAX], why[SET_SENTENCE_MAX], sentence[SET_SENTENCE_MAX + 4];
	char quoted[VALUE_QUOTE_MAX];
	struct conf next = *conf;
	int err = NBT_EINVAL;

	if (eq) {
		snprintf(key, sizeof(key), "%.*s", (int)(eq - assignment), assignment);
		if (!strcmp(key, table[CONF_replication_partners].key))
			return override_partners(conf, key, eq + 1, say);
		err = assign(&next, key, eq + 1, why);
	} else {
		snprintf(why, sizeof(why), "%s is not of the form option=value",
		    value_quote(assignment, quoted));
	}
	if (err) {
		snprintf(sentence, sizeof(sentence), "-o %s", why);
		say->fn(say->arg, sentence);
		return err;
	}
	*conf = next;
	return 0;
}

/* ---- the whole ---- */

void
conf_print(const struct conf *conf, FILE *to)
{
	for (int id = 0; id < CONF_COUNT; id++) {
		fprintf(to, "%s: ", table[id].key);
		value_print(&table[id], const_field_of(conf, &table[id]), to);
		fputc('\n', to);
	}
}

int
conf_diff_reload(const struct conf *old, const struct conf *new, conf_changed *changed, void *arg)
{
	int n = 0;

	for (int id = 0; id < CONF_COUNT; id++) {
		const struct conf_option *o = &table[id];

		if (!memcmp(const_field_of(old, o), const_field_of(new, o), value_size(o)))
			continue;
		changed(arg, o);
		n++;
	}
	return n;
}

void
conf_take_reloadable(struct conf *conf, const struct conf *from)
{
	for (int id = 0; id < CONF_COUNT; id++) {
		const struct conf_option *o = &table[id];

		if (o->reload)
			memcpy(field_of(conf, o), const_field_of(from, o), value_size(o));
	}
}
