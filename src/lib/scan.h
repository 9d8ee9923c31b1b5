/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking things up in the daemon's JSON answers without a JSON library: libnss_netbt is loaded into
 * programs of every kind, and a library's symbols there could clash with theirs. Reads what our
 * daemons write; bytes that are no JSON give "not there", never a read outside them.
 * Layer: lib. No allocation.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* A value: where it begins and ends in the text. Empty (NULL) = not there. */
struct span {
	const char *p, *end;
};

/* The whole text as one value. */
struct span span_of(const char *text, size_t len);
/* The member of an object; the element of a list. */
struct span span_member(struct span object, const char *name);
struct span span_element(struct span list, unsigned i);
bool span_is_true(struct span value);
/* A text value unescaped (beyond ASCII as '?'), cut to cap. False: it is no text. */
bool span_text(struct span value, char *ret, size_t cap);
