/* SPDX-License-Identifier: Apache-2.0 */
/* See partners.h. Layer: conf. */
#include "conf/partners.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

static const struct conf_option table[PARTNERS_KEYS] = {
#define X(field, key, type, preset, min, max, text) \
	{ key, preset, min, max, text, offsetof(struct conf_partner, field), VALUE_##type, true },
#include "conf/partners.def"
#undef X
};

int
partners_find(const char *key, char why[VALUE_WHY_MAX])
{
	char quoted[VALUE_QUOTE_MAX];
	size_t used;

	for (int i = 0; i < PARTNERS_KEYS; i++)
		if (!strcmp(table[i].key, key))
			return i;
	used = (size_t)snprintf(why, VALUE_WHY_MAX, "%.80s is none of", value_quote(key, quoted));
	for (int i = 0; i < PARTNERS_KEYS; i++)
		used += (size_t)snprintf(
		    why + used, VALUE_WHY_MAX - used, "%s %s", i ? "," : "", table[i].key);
	return -1;
}

const struct conf_option *
partners_option(int key)
{
	assert(key >= 0 && key < PARTNERS_KEYS);
	return &table[key];
}

void *
partners_field(struct conf_partner *p, int key)
{
	return (char *)p + partners_option(key)->offset;
}

int
partners_set(struct conf_partners *list, const char *text, char why[VALUE_WHY_MAX])
{
	memset(list, 0, sizeof(*list));
	if (*text && strcmp(text, "[]"))
		return value_refuse(
		    why, "takes a list of maps (write [{address: 198.51.100.20, pull: true}])");
	return 0;
}

void
partners_begin(struct conf_partner *ret)
{
	char why[VALUE_WHY_MAX];

	memset(ret, 0, sizeof(*ret));
	for (int i = 0; i < PARTNERS_KEYS; i++) {
		int err = value_set(&table[i], partners_field(ret, i), table[i].preset, why);

		assert(!err);
		(void)err; /* for builds without assertions */
	}
}

int
partners_add(struct conf_partners *list, const struct conf_partner *p, char why[VALUE_WHY_MAX])
{
	char text[IP4_STRLEN];

	if (ip4_eq(p->address, IP4_ANY))
		return value_refuse(why, "an entry has no address");
	for (int i = 0; i < list->n; i++)
		if (ip4_eq(list->v[i].address, p->address))
			return value_refuse(
			    why, "%s is in the list twice", ip4_print(p->address, text));
	if (list->n == CONF_PARTNERS_MAX)
		return value_refuse(why, "has more than %d entries", CONF_PARTNERS_MAX);
	/* The bytes between fields too: configurations are compared as bytes. */
	memcpy(&list->v[list->n++], p, sizeof(*p));
	return 0;
}

void
partners_print(const struct conf_partners *list, FILE *to)
{
	fputc('[', to);
	for (int i = 0; i < list->n; i++) {
		fputs(i ? ", {" : "{", to);
		for (int k = 0; k < PARTNERS_KEYS; k++) {
			fprintf(to, "%s%s: ", k ? ", " : "", table[k].key);
			value_print(&table[k], (const char *)&list->v[i] + table[k].offset, to);
		}
		fputc('}', to);
	}
	fputc(']', to);
}
