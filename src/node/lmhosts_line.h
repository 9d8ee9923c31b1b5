/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line of an LMHOSTS file, read by itself (netbt-name-service.md 5.1). Total: each byte sequence
 * gives one kind of line. Layer: node, part of lmhosts. No state, no allocation.
 */
#pragma once

#include "node/lmhosts.h"

enum lmhosts_kind {
	LMHOSTS_NOTHING, /* blank, a comment, or wrong: then mistake says why */
	LMHOSTS_ENTRY,
	LMHOSTS_INCLUDE,
	LMHOSTS_BEGIN_ALTERNATE,
	LMHOSTS_END_ALTERNATE,
};

struct lmhosts_line {
	enum lmhosts_kind kind;
	struct lmhosts_entry entry;
	char path[LMHOSTS_PATH_MAX]; /* LMHOSTS_INCLUDE */
	const char *mistake;         /* also of a line that counts all the same; NULL = none */
};

/* text: the line without its line end. */
void lmhosts_line_parse(const char *text, size_t len, struct lmhosts_line *ret);
