/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The load itself, without socket and clock: which request comes next, which wait for an answer, when
 * to repeat one, whether a packet is the answer that must come, and the account of it all. Packets and
 * time in (nanoseconds of a monotonic clock), packets out. Layer: program; above wire.
 */
#pragma once

#include "base/heap.h"
#include "nbperf/hist.h"
#include "nbperf/names.h"
#include "wire/ns.h"

/* ---- one request (nbperf_ask.c) ---- */

enum perf_op { OP_QUERY, OP_REGISTER, OP_REFRESH, OP_RELEASE };

/* What is asked, as short as it can be remembered while it waits. */
struct ask {
	uint64_t number;
	uint8_t op;  /* enum perf_op */
	bool absent; /* a query for a name that nobody has: suffix 7F */
	bool owners; /* a registration for the owner that is to be challenged */
	bool self;   /* for the address that requests leave from: its release has an effect */
};

/* What a packet means to whoever waits for the answer to a request. */
enum finding {
	FIND_RIGHT,
	FIND_WAIT,    /* WACK: the answer comes later */
	FIND_NAME,    /* about another name */
	FIND_KIND,    /* not the answer to such a request */
	FIND_RESULT,  /* positive instead of negative, the other way round, another error */
	FIND_ADDRESS, /* positive, with another address */
	FIND_COUNT
};

void ask_message(const struct perf *p, const struct names *n, const struct ask *a, uint16_t id,
    struct nb_msg *ret);
enum finding ask_judge(
    const struct perf *p, const struct names *n, const struct ask *a, const struct nb_msg *answer);
const char *finding_text(enum finding f);
const char *op_text(enum perf_op op);
/* The names a host of a boot storm has. */
#define STORM_NAMES 6

/* ---- the answer of a DNS server (nbperf_dns.c) ---- */

/* Like nb_decode; in ret what a name server would have said. ret->ttl is not set without a record. */
enum nb_drop dns_decode(const uint8_t *packet, size_t len, struct nb_msg *ret);

/* ---- which comes next (nbperf_plan.c) ---- */

struct plan {
	const struct perf *p;
	bool owners; /* the preparation of a challenge: the owners register the names */
	uint64_t random, made, registered, released;
};

void plan_init(struct plan *plan, const struct perf *p, bool owners);
/* open: how many requests wait for an answer, of which none may be overtaken by its release. */
void plan_next(struct plan *plan, uint64_t open, struct ask *ret);

/* ---- the account ---- */

struct account {
	uint64_t begun, answered, right, lost; /* begun = answered + lost at the end */
	uint64_t sent, repeated;               /* packets */
	uint64_t wacks, late;                  /* late: answers to requests that are not open */
	uint64_t malformed;
	uint64_t finding[FIND_COUNT]; /* of the final answers */
	uint64_t rcode[16];
	struct {
		uint64_t begun, right, lost;
		struct hist latency;
	} op[PERF_OPS];
	int64_t start_ns, end_ns; /* first request, last answer */
	char wrong[256];          /* the first answer that was not right, in words */
};

/* ---- the load (nbperf_load.c) ---- */

struct load;

/* owners: see struct plan. Borrows p and names. NULL: no memory. */
struct load *load_new(const struct perf *p, const struct names *names, bool owners, int64_t now);
void load_free(struct load *l); /* accepts NULL */
void load_stop(struct load *l); /* begin no more */

/* The next request into buf; its length, or 0 when none is to begin on this socket now. */
size_t load_begin(struct load *l, unsigned socket, int64_t now, uint8_t buf[static NB_UDP_MAX]);
/* The next repetition that is due, or 0. Requests whose patience is over end here. */
size_t load_again(
    struct load *l, int64_t now, unsigned *ret_socket, uint8_t buf[static NB_UDP_MAX]);
void load_take(struct load *l, unsigned socket, const uint8_t *packet, size_t len, int64_t now);
/* When load_begin or load_again have something next, INT64_MAX = only an answer changes anything. */
int64_t load_next(const struct load *l);
bool load_over(const struct load *l, int64_t now);
uint64_t load_open(const struct load *l);
struct account *load_account(struct load *l);
