/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the file reader needs of the option table: find an option, reach its field, say that a key is
 * none. Layer: conf, private to it.
 */
#pragma once

#include "conf/value.h"

#define SET_KEY_MAX      64 /* dotted, with its NUL; longer keys are unknown ones */
#define SET_SENTENCE_MAX 1024

/* The option's id, or -1. */
int set_find(const char *key);
void *set_field(struct conf *conf, int id);
/* "unknown option ..." and which one is near. */
void set_unknown(const char *key, char why[VALUE_WHY_MAX]);
