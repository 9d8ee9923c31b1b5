/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of options: text to field, field to text, and the sentence that says what is allowed.
 * Layer: conf, private to it. Knows types, not options: bounds come with the table's line.
 */
#pragma once

#include "conf/conf.h"

enum value_type {
	VALUE_NUMBER,
	VALUE_SECONDS,
	VALUE_MILLIS,
	VALUE_SIZE,
	VALUE_CHOICE,
	VALUE_CHOICES,
	VALUE_BOOL,
	VALUE_TEXT,
	VALUE_ADDRESS,
	VALUE_ADDRESSES,
	VALUE_NAMES,
	VALUE_NETWORKS,
	VALUE_TEXTS,
	VALUE_CLOCK,
	VALUE_PARTNERS, /* a list, but of maps: partners.h */
};

#define VALUE_WHY_MAX 320

static inline bool
value_is_list(const struct conf_option *o)
{
	return o->type == VALUE_ADDRESSES || o->type == VALUE_NAMES || o->type == VALUE_NETWORKS ||
	       o->type == VALUE_TEXTS || o->type == VALUE_CHOICES;
}

/* The field's size in bytes. */
size_t value_size(const struct conf_option *o);
/* Sets the field to the value in text; a list is written "a, b" with or without [ ]. 0, or NBT_EINVAL
 * with the reason in why; the field is spoilt then. */
int value_set(const struct conf_option *o, void *field, const char *text, char why[VALUE_WHY_MAX]);
/* For lists that come entry by entry: empty the field first. */
void value_clear(const struct conf_option *o, void *field);
int value_add(const struct conf_option *o, void *field, const char *text, char why[VALUE_WHY_MAX]);
/* Writes the value as YAML that value_set (quotes removed) reads back. */
void value_print(const struct conf_option *o, const void *field, FILE *to);
/* Writes the reason and returns NBT_EINVAL. */
__attribute__((format(printf, 2, 3))) int value_refuse(
    char why[VALUE_WHY_MAX], const char *fmt, ...);
/* Text in quotes, cut at some 60 characters, not printable bytes as \xNN. Returns buf. */
#define VALUE_QUOTE_MAX 260
char *value_quote(const char *text, char buf[static VALUE_QUOTE_MAX]);
