/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which records a listing shows: a filter as a value and a pure function on it. Layer: program.
 */
#pragma once

#include "rules/rec.h"

#define CONTROL_PATTERN_MAX 32 /* bytes and wildcards of a name pattern: a name has 15 bytes */
#define CONTROL_ANY         -1

enum { PATTERN_ONE = 256, PATTERN_MANY = 257 };

struct control_filter {
	bool has_pattern, has_owner, has_ip;
	uint8_t npattern;
	uint16_t pattern[CONTROL_PATTERN_MAX]; /* a byte, PATTERN_ONE or PATTERN_MANY */
	int suffix, type, state, is_static;    /* CONTROL_ANY or the value */
	struct ip4 owner, ip;
};

/* A filter that lets all pass. */
struct control_filter control_filter_all(void);

/*
 * Takes over a pattern: * any bytes, ? one, \xNN this byte; with <20> or #20 behind it the suffix
 * too. Fits a name's first 15 bytes without the blanks at their end. False: no pattern, *f untouched.
 */
bool control_filter_pattern(struct control_filter *f, const char *text);

bool control_match(const struct control_filter *f, const struct rec *r);

/* The bytes with which each name that fits begins: a walk in the order of names may start there and
 * stop behind. Returns how many, at most 15. */
size_t control_filter_prefix(const struct control_filter *f, uint8_t ret[static NB_NAME_LEN]);
