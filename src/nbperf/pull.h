/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The load "pull": nbperf as a replication partner that fetches all records of all owners over TCP, as
 * often as it is told, and what it counted. Layer: program. Keeps no record.
 */
#pragma once

#include "nbperf/hist.h"
#include "nbperf/replies.h"
#include "nbperf/run.h"

struct pull_account {
	uint64_t pulls;                        /* that came to their end */
	uint64_t owners;                       /* of the last map */
	uint64_t messages, bytes;              /* that came, of whatever kind */
	uint64_t begun, answered, right, lost; /* requests for records */
	uint64_t records, unnamed;             /* unnamed: of names that cannot be held */
	uint64_t finding[REPLY_FINDINGS];      /* answers by the first fault found in them */
	char wrong[REPLY_WRONG_LEN];           /* the first of them */
	char broken[PERF_WHY_LEN];             /* why the last pull ended before its time, or "" */
	struct hist latency; /* from a request's sending to its answer's last byte */
	int64_t start_ns, end_ns;
};

/* ---- nbperf_pull.c ---- */

enum run_end pull_run(const struct perf *p, const volatile int *interrupted, FILE *out);

/* ---- nbperf_show.c ---- */

void pull_show(const struct perf *p, const struct pull_account *a, bool interrupted, FILE *out);
void pull_json(const struct perf *p, const struct pull_account *a, bool interrupted, FILE *out);
void pull_progress(const struct pull_account *a, int64_t now, FILE *out);
