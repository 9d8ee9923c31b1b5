/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One parser and one printer for each option type. Layer: conf. Numbers are number.c's, the list of
 * partners is partners.c's.
 */
#include "conf/value.h"

#include <assert.h>
#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#include "conf/number.h"
#include "conf/partners.h"

int
value_refuse(char why[VALUE_WHY_MAX], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, VALUE_WHY_MAX, fmt, ap);
	va_end(ap);
	return NBT_EINVAL;
}

char *
value_quote(const char *text, char buf[static VALUE_QUOTE_MAX])
{
	char *p = buf;

	*p++ = '"';
	for (int n = 0; *text; n++, text++) {
		if (n == 60) {
			p += sprintf(p, "...");
			break;
		}
		if (*text >= 0x20 && *text < 0x7f)
			*p++ = *text;
		else
			p += sprintf(p, "\\x%02x", (unsigned char)*text);
	}
	*p++ = '"';
	*p = '\0';
	return buf;
}

/* ---- words ---- */

/* The words of a CHOICE stand in its min, separated by '|'. False: there are not so many. */
static bool
choice(const struct conf_option *o, uint64_t which, const char **ret_word, int *ret_len)
{
	const char *word = o->min;

	for (; which && word; which--)
		word = strchr(word, '|') ? strchr(word, '|') + 1 : NULL;
	if (!word)
		return false;
	*ret_word = word;
	*ret_len = (int)strcspn(word, "|");
	return true;
}

static int
find_choice(const struct conf_option *o, uint64_t *ret, const char *text, char *why)
{
	char quoted[VALUE_QUOTE_MAX], all[VALUE_WHY_MAX / 2] = "";
	const char *word;
	size_t used = 0;
	int len;

	for (uint64_t i = 0; choice(o, i, &word, &len); i++) {
		if (strlen(text) == (size_t)len && !memcmp(text, word, (size_t)len)) {
			*ret = i;
			return 0;
		}
		used += (size_t)snprintf(
		    all + used, sizeof(all) - used, "%s%.*s", i ? ", " : "", len, word);
	}
	return value_refuse(why, "%s is none of %s", value_quote(text, quoted), all);
}

static int
set_bool(bool *field, const char *text, char *why)
{
	static const char *const words[] = { "false", "true", "no", "yes", "off", "on" };
	char quoted[VALUE_QUOTE_MAX];

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcmp(text, words[i])) {
			*field = i & 1;
			return 0;
		}
	return value_refuse(why, "%s is neither true nor false", value_quote(text, quoted));
}

static bool
is_printable(const char *text)
{
	for (; *text; text++)
		if (*text < 0x20 || *text >= 0x7f)
			return false;
	return true;
}

static int
set_text(const struct conf_option *o, char field[CONF_TEXT_MAX], const char *text, char *why)
{
	char quoted[VALUE_QUOTE_MAX];
	size_t len = strlen(text);
	uint64_t min = 0, max = 0;
	bool known = number_read(o, o->min, &min) && number_read(o, o->max, &max);

	assert(known && max < CONF_TEXT_MAX);
	(void)known; /* for builds without assertions */
	if (!is_printable(text))
		return value_refuse(why, "%s has a character that is not printable ASCII",
		    value_quote(text, quoted));
	if (len < min)
		return value_refuse(why, "must not be empty");
	if (len > max)
		return value_refuse(
		    why, "%s is longer than %s characters", value_quote(text, quoted), o->max);
	memset(field, 0, CONF_TEXT_MAX);
	memcpy(field, text, len);
	return 0;
}

/* Loopback is allowed, for trying things out. */
static bool
read_address(const char *text, struct ip4 *ret)
{
	return ip4_parse(text, ret) && ret->v >> 24 != 0 && ret->v >> 24 < 224;
}

static int
set_address(struct ip4 *field, const char *text, char *why)
{
	char quoted[VALUE_QUOTE_MAX];

	*field = IP4_ANY;
	if (*text && !read_address(text, field))
		return value_refuse(why, "%s is not a machine's IPv4 address (write 192.0.2.10)",
		    value_quote(text, quoted));
	return 0;
}

/* ---- lists ---- */

static int
add_address(struct conf_addresses *list, const char *text, char *why)
{
	char quoted[VALUE_QUOTE_MAX];
	struct ip4 a;

	if (!read_address(text, &a))
		return value_refuse(why,
		    "%s is not a machine's IPv4 address (write 192.0.2.10; no entry means all)",
		    value_quote(text, quoted));
	for (int i = 0; i < list->n; i++)
		if (ip4_eq(list->a[i], a))
			return value_refuse(
			    why, "%s is in the list twice", value_quote(text, quoted));
	list->a[list->n++] = a;
	return 0;
}

static int
add_name(struct conf_names *list, const char *text, char *why)
{
	char quoted[VALUE_QUOTE_MAX];
	uint8_t name[CONF_NAME_LEN];
	size_t len = strlen(text);

	if (!len || !is_printable(text))
		return value_refuse(why, "%s is not a name of printable ASCII characters",
		    value_quote(text, quoted));
	if (len > CONF_NAME_LEN)
		return value_refuse(
		    why, "%s is longer than 15 characters", value_quote(text, quoted));
	memset(name, ' ', sizeof(name));
	for (size_t i = 0; i < len; i++)
		name[i] = (uint8_t)toupper((unsigned char)text[i]);
	for (int i = 0; i < list->n; i++)
		if (!memcmp(list->name[i], name, sizeof(name)))
			return value_refuse(
			    why, "%s is in the list twice", value_quote(text, quoted));
	memcpy(list->name[list->n++], name, sizeof(name));
	return 0;
}

static int
add_network(struct conf_networks *list, const char *text, char *why)
{
	char quoted[VALUE_QUOTE_MAX];
	struct ip4_net net;

	if (!ip4_net_parse(text, &net))
		return value_refuse(why,
		    "%s is not an IPv4 network (write 169.254.0.0/16, no bits set behind the 16)",
		    value_quote(text, quoted));
	for (int i = 0; i < list->n; i++)
		if (ip4_eq(list->net[i].base, net.base) && list->net[i].bits == net.bits)
			return value_refuse(
			    why, "%s is in the list twice", value_quote(text, quoted));
	/* Field by field: configurations are compared as bytes, and those between fields are zero. */
	list->net[list->n].base = net.base;
	list->net[list->n++].bits = net.bits;
	return 0;
}

static int
add_text(struct conf_texts *list, const char *text, char *why)
{
	char quoted[VALUE_QUOTE_MAX];

	if (!*text || !is_printable(text))
		return value_refuse(
		    why, "%s is not a text of printable ASCII", value_quote(text, quoted));
	if (strlen(text) >= CONF_ENTRY_MAX)
		return value_refuse(why, "%s is longer than %d characters",
		    value_quote(text, quoted), CONF_ENTRY_MAX - 1);
	for (int i = 0; i < list->n; i++)
		if (!strcmp(list->t[i], text))
			return value_refuse(
			    why, "%s is in the list twice", value_quote(text, quoted));
	strcpy(list->t[list->n++], text);
	return 0;
}

static int
add_choice(const struct conf_option *o, uint64_t *set, const char *text, char *why)
{
	char quoted[VALUE_QUOTE_MAX];
	uint64_t i;
	int err = find_choice(o, &i, text, why);

	if (err)
		return err;
	if (*set >> i & 1)
		return value_refuse(why, "%s is in the list twice", value_quote(text, quoted));
	*set |= UINT64_C(1) << i;
	return 0;
}

static int
add_entry(const struct conf_option *o, void *field, const char *text, char *why)
{
	uint8_t n = *(const uint8_t *)field; /* all lists but this one begin with their count */
	uint64_t max = 0;
	bool known;

	if (o->type == VALUE_CHOICES)
		return add_choice(o, field, text, why);
	known = number_read(o, o->max, &max);
	assert(known);
	(void)known; /* for builds without assertions */
	if (n >= max)
		return value_refuse(why, "has more than %s entries", o->max);
	switch (o->type) {
	case VALUE_NAMES:
		return add_name(field, text, why);
	case VALUE_NETWORKS:
		return add_network(field, text, why);
	case VALUE_TEXTS:
		return add_text(field, text, why);
	default:
		return add_address(field, text, why);
	}
}

/* "[a, b]" or "a,b" into its entries. */
static int
set_list(const struct conf_option *o, void *field, const char *text, char *why)
{
	size_t len = strlen(text);
	bool more = true;

	value_clear(o, field);
	if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	if (strspn(text, " ") >= len)
		return 0;
	while (more) {
		const char *comma = memchr(text, ',', len);
		size_t n = comma ? (size_t)(comma - text) : len, skip = strspn(text, " ");
		char entry[CONF_TEXT_MAX];
		int err;

		more = comma != NULL;
		len -= more ? n + 1 : n;
		skip = skip < n ? skip : n;
		snprintf(entry, sizeof(entry), "%.*s", (int)(n - skip), text + skip);
		for (size_t e = strlen(entry); e && entry[e - 1] == ' '; e--)
			entry[e - 1] = '\0';
		err = add_entry(o, field, entry, why);
		if (err)
			return err;
		text += n + 1;
	}
	return 0;
}

/* ---- all types ---- */

size_t
value_size(const struct conf_option *o)
{
	switch (o->type) {
	case VALUE_BOOL:
		return sizeof(bool);
	case VALUE_TEXT:
		return CONF_TEXT_MAX;
	case VALUE_ADDRESS:
		return sizeof(struct ip4);
	case VALUE_ADDRESSES:
		return sizeof(struct conf_addresses);
	case VALUE_NAMES:
		return sizeof(struct conf_names);
	case VALUE_NETWORKS:
		return sizeof(struct conf_networks);
	case VALUE_TEXTS:
		return sizeof(struct conf_texts);
	case VALUE_PARTNERS:
		return sizeof(struct conf_partners);
	default:
		return sizeof(uint64_t);
	}
}

void
value_clear(const struct conf_option *o, void *field)
{
	memset(field, 0, value_size(o));
}

int
value_add(const struct conf_option *o, void *field, const char *text, char why[VALUE_WHY_MAX])
{
	assert(value_is_list(o));
	return add_entry(o, field, text, why);
}

int
value_set(const struct conf_option *o, void *field, const char *text, char why[VALUE_WHY_MAX])
{
	switch (o->type) {
	case VALUE_CHOICE:
		return find_choice(o, field, text, why);
	case VALUE_BOOL:
		return set_bool(field, text, why);
	case VALUE_TEXT:
		return set_text(o, field, text, why);
	case VALUE_ADDRESS:
		return set_address(field, text, why);
	case VALUE_ADDRESSES:
	case VALUE_NAMES:
	case VALUE_NETWORKS:
	case VALUE_TEXTS:
	case VALUE_CHOICES:
		return set_list(o, field, text, why);
	case VALUE_CLOCK:
		return number_clock_set(field, text, why);
	case VALUE_PARTNERS:
		return partners_set(field, text, why);
	default:
		return number_set(o, field, text, why);
	}
}

/* Plain when no YAML reader can take it for anything but a word, else in double quotes. */
static void
print_text(const char *text, FILE *to)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789/_.-";

	if (*text && *text != '-' && !text[strspn(text, plain)]) {
		fputs(text, to);
		return;
	}
	fputc('"', to);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', to);
		fputc(*text, to);
	}
	fputc('"', to);
}

static void
print_entry(const struct conf_option *o, const void *field, int i, FILE *to)
{
	const struct conf_names *names = field;
	char text[IP4_NET_STRLEN] = { 0 }; /* longer than an address or a name */

	switch (o->type) {
	case VALUE_TEXTS:
		print_text(((const struct conf_texts *)field)->t[i], to);
		return;
	case VALUE_ADDRESSES:
		ip4_print(((const struct conf_addresses *)field)->a[i], text);
		break;
	case VALUE_NETWORKS:
		ip4_net_print(((const struct conf_networks *)field)->net[i], text);
		break;
	default:
		memcpy(text, names->name[i], CONF_NAME_LEN);
		for (int e = CONF_NAME_LEN; e && text[e - 1] == ' '; e--)
			text[e - 1] = '\0';
	}
	print_text(text, to);
}

static void
print_list(const struct conf_option *o, const void *field, FILE *to)
{
	uint8_t n = *(const uint8_t *)field;

	fputc('[', to);
	for (int i = 0; i < n; i++) {
		fputs(i ? ", " : "", to);
		print_entry(o, field, i, to);
	}
	fputc(']', to);
}

static void
print_choices(const struct conf_option *o, uint64_t set, FILE *to)
{
	const char *word, *comma = "";
	int len;

	fputc('[', to);
	for (uint64_t i = 0; choice(o, i, &word, &len); i++)
		if (set >> i & 1) {
			fprintf(to, "%s%.*s", comma, len, word);
			comma = ", ";
		}
	fputc(']', to);
}

void
value_print(const struct conf_option *o, const void *field, FILE *to)
{
	char text[IP4_STRLEN];
	const char *word;
	int len;

	switch (o->type) {
	case VALUE_CHOICE:
		if (choice(o, *(const uint64_t *)field, &word, &len))
			fprintf(to, "%.*s", len, word);
		break;
	case VALUE_BOOL:
		fputs(*(const bool *)field ? "true" : "false", to);
		break;
	case VALUE_TEXT:
		print_text(field, to);
		break;
	case VALUE_ADDRESS:
		if (ip4_eq(*(const struct ip4 *)field, IP4_ANY))
			fputs("\"\"", to);
		else
			fputs(ip4_print(*(const struct ip4 *)field, text), to);
		break;
	case VALUE_ADDRESSES:
	case VALUE_NAMES:
	case VALUE_NETWORKS:
	case VALUE_TEXTS:
		print_list(o, field, to);
		break;
	case VALUE_CHOICES:
		print_choices(o, *(const uint64_t *)field, to);
		break;
	case VALUE_CLOCK:
		number_clock_print(*(const uint64_t *)field, to);
		break;
	case VALUE_PARTNERS:
		partners_print(field, to);
		break;
	default:
		number_print(o, *(const uint64_t *)field, to);
	}
}
