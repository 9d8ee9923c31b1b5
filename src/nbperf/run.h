/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nbperf at work: the loop between sockets and load, the other sides it can play (the holders of
 * challenged names, a bare responder), and the report. Layer: program.
 */
#pragma once

#include "nbperf/link.h"
#include "nbperf/load.h"

/* ---- nbperf_run.c ---- */

enum run_end { RUN_ALL_RIGHT = 0, RUN_NOT_ALL = 1, RUN_FAILED = 3 };

/* Runs the load, or the responder, and shows what came of it. Errors go to stderr. interrupted is
 * looked at now and then: begin no more, report. */
enum run_end run(struct perf *p, const volatile int *interrupted, FILE *out);
int64_t run_now_ns(void);
/* An address or host name; false: why says what is wrong. */
bool run_resolve(const char *server, struct ip4 *ret, char why[static PERF_WHY_LEN]);

/* ---- nbperf_play.c ---- */

/* The holders of the names: port 137 of each owner's address. */
struct owners {
	unsigned n;
	struct link *link[PERF_ADDRESSES_MAX];
	uint64_t asked, answered;
};

/* 0, or an errno with *ret_failed the address it is about. */
int owners_open(struct owners *o, const struct perf *p, struct ip4 *ret_failed);
void owners_close(struct owners *o);
/* Answers, or does not, what waits. */
void owners_serve(struct owners *o, const struct perf *p);

/* The answer to a request that knows nothing and promises nothing, in place: its length, or 0. The
 * least that any server on these sockets must do. room: what buf holds, at least 62. */
size_t bare_answer(uint8_t *buf, size_t len);
/* Answers everything until it is interrupted or p->time_ms is over. 0 or an errno. */
int respond(const struct perf *p, const volatile int *interrupted, uint64_t *ret_answered);

/* ---- nbperf_show.c ---- */

struct report {
	const struct perf *p;
	const struct account *account;
	double seconds;
	uint64_t refused; /* by the machine: nobody listened on the port */
	const struct owners *owners;
	bool interrupted;
};

void report_show(const struct report *r, FILE *out);
void report_json(const struct report *r, FILE *out);
/* One line: how far it is. */
void report_progress(const struct perf *p, const struct account *a, int64_t now, FILE *out);
enum run_end report_end(const struct account *a);
