/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of maps that replication.partners is: its table of keys, an entry's defaults, what makes an
 * entry whole, and the printer. The reader of maps is yaml.c's. Layer: conf, private to it.
 */
#pragma once

#include "conf/value.h"

enum partners_key {
#define X(field, key, type, default, min, max, text) PARTNERS_##field,
#include "conf/partners.def"
#undef X
	PARTNERS_KEYS
};

/* The key's enum partners_key, or -1 with all keys there are in why. */
int partners_find(const char *key, char why[VALUE_WHY_MAX]);
const struct conf_option *partners_option(int key);
void *partners_field(struct conf_partner *p, int key);

/* A scalar in the place of the list: only an empty one. As value_set. */
int partners_set(struct conf_partners *list, const char *text, char why[VALUE_WHY_MAX]);
/* An entry with all defaults. */
void partners_begin(struct conf_partner *ret);
/* Appends it. NBT_EINVAL with the reason: it has no address or another one's, or there is no room. */
int partners_add(struct conf_partners *list, const struct conf_partner *p, char why[VALUE_WHY_MAX]);
void partners_print(const struct conf_partners *list, FILE *to);
