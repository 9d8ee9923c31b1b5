/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A place in the order of names as the opaque text that a listing hands out and gets back: the key's
 * bytes in hexadecimal, so that each key has one. Layer: program. Pure.
 */
#pragma once

#include "wire/name.h"

#define CONTROL_CURSOR_STRLEN (2 * (NB_NAME_LEN + NB_SCOPE_WIRE) + 1)

char *control_cursor_print(const struct nb_key *key, char buf[static CONTROL_CURSOR_STRLEN]);
/* False: no such text came from control_cursor_print; *ret is untouched. */
bool control_cursor_parse(const char *text, struct nb_key *ret);
