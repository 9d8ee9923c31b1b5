/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names that a load is about, by number: made from a pattern, read from a file, or taken from the
 * requests in a capture; and which address each has, where that is known. Layer: program.
 */
#pragma once

#include "nbperf/nbperf.h"
#include "wire/name.h"

/* A name with a number of fixed width in it, such as WS-%7d<20>; %4x is hexadecimal. */
struct pattern {
	struct nb_key key;
	uint8_t at, width, base; /* width 0: no number in it */
	uint64_t capacity;       /* how many names it makes */
};

#define PATTERN_WIDTH_MAX 15

/* False: it is no such pattern; *ret is untouched. */
bool pattern_parse(const char *text, struct pattern *ret);
/* The name with this number, modulo the capacity. */
void pattern_get(const struct pattern *p, uint64_t number, struct nb_key *ret);

struct names;

/* False: why holds one line. p->names becomes as many as the file or capture has when it was 0, and
 * p->count as many as names: each has its turn. */
bool names_open(struct perf *p, struct names **ret, char why[static PERF_WHY_LEN]);
void names_free(struct names *n); /* accepts NULL */
void names_get(const struct names *n, uint64_t number, struct nb_key *ret);
/* False: a query for it may be answered with any address. */
bool names_address(const struct names *n, uint64_t number, struct ip4 *ret);

/*
 * Each name service request in a capture (pcap, not pcapng; Ethernet, Linux cooked or raw IPv4) sent to
 * port 137 over UDP. False: why. take returning false ends it.
 */
bool capture_names(const char *path, bool (*take)(void *arg, const struct nb_key *key), void *arg,
    char why[static PERF_WHY_LEN]);
