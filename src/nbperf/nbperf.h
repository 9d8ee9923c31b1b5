/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nbperf loads a NetBIOS name server and measures it. This is the call as the command line gives it;
 * its parts: the command line (nbperf_args.c), names (nbperf_names.h), latencies (nbperf_hist.h), which
 * request comes next and what counts as its answer (nbperf_load.h), sockets (nbperf_link.h), the loop
 * and what is shown at its end (nbperf_run.h), replication (nbperf_pull.h). Layer: program. Never decides about a name.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/ip4.h"

enum perf_mode {
	PERF_QUERY,
	PERF_REGISTER,
	PERF_REFRESH,
	PERF_RELEASE,
	PERF_MIXED,
	PERF_CHALLENGE,
	PERF_STORM,
	PERF_PULL,
	PERF_RESPONDER,
};

/* What the holder of a challenged name does when the server asks it. */
enum perf_owner { PERF_LIVING, PERF_DEAD, PERF_DENYING };

#define PERF_ADDRESSES_MAX 256
struct perf_addresses {
	unsigned n;
	struct ip4 a[PERF_ADDRESSES_MAX];
};

/* Shares of a mixed load: queries, registrations, refreshes, releases. */
#define PERF_OPS 4

#define PERF_SOCKETS_MAX 256
#define PERF_BATCH_MAX   256
#define PERF_SLOTS_MAX   65536 /* requests open on one socket: one for each transaction id */
#define PERF_ASK_MAX     64    /* requests open in a pull */

struct perf {
	enum perf_mode mode;
	const char *server; /* address or host name; borrowed from argv, as all texts here */
	uint16_t port;

	const char *pattern;
	const char *file, *capture; /* names from there instead of the pattern; may be NULL */
	uint64_t first, names; /* the names held: so many from that number on, 0 = a whole file */
	struct ip4 address;    /* of the name with number 0 */
	uint64_t addresses;    /* how many there are before they repeat */
	bool own;              /* instead, all names have the address that requests leave from */
	struct ip4 self;       /* that address, once there are sockets */
	bool group;
	uint32_t hits; /* of 10,000 queries */
	unsigned mix[PERF_OPS];
	uint64_t fresh;  /* mixed: the first new name stands so far behind those held */
	bool dns;        /* the server speaks DNS */
	bool any_answer; /* do not check the result and the address, only whose answer it is */

	struct perf_addresses sources; /* none: the kernel's choice */
	unsigned sockets, window, batch;
	double rate; /* requests a second to begin, 0 = as soon as the window has room */
	uint64_t count, time_ms; /* begin no more; count 0 = as many as names */
	unsigned retries;
	uint32_t interval_ms;
	uint64_t seed;

	struct perf_addresses owners; /* challenge: who holds the names */
	enum perf_owner owner;

	uint64_t hosts, over_ms; /* storm */
	uint64_t range;          /* pull: versions to a request, 0 = all of an owner */

	bool json, quiet;
};

enum perf_call { PERF_RUN, PERF_HELP, PERF_VERSION, PERF_WRONG };

#define PERF_WHY_LEN 512
/* Reads the command line. PERF_WRONG: why holds one line saying what is wrong and what is allowed. */
enum perf_call perf_parse(int argc, char **argv, struct perf *ret, char why[static PERF_WHY_LEN]);
void perf_usage(FILE *out);
const char *perf_mode_text(enum perf_mode mode);
