/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line of nbperf while it is being read, shared by nbperf_args.c, which reads it word by
 * word, and nbperf_check.c, which looks at the whole and fills in what was not said. Layer: program.
 */
#pragma once

#include "nbperf/nbperf.h"

struct parse {
	struct perf perf;
	bool given[128]; /* by letter */
	bool has_mode;
	char *why;
};

/* Says why the call is wrong; always false. */
__attribute__((format(printf, 2, 3))) bool parse_wrong(struct parse *p, const char *format, ...);
/* The long name of an option. */
const char *parse_option_name(char letter);

/* Does it all go together? Fills in what depends on it. */
bool parse_check(struct parse *p);
