/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nbdig asks one name service question by hand and shows what comes back. Its parts: the command line
 * (nbdig_args.c), the packet to send and what counts as an answer to it (nbdig_ask.c), showing
 * (nbdig_show.c), sockets (nbdig_net.c), main (nbdig.c). All but the last two are pure and tested.
 * Layer: program; above wire. Never decides about a name.
 */
#pragma once

#include <jansson.h>
#include <stdio.h>

#include "wire/ns.h"

enum dig_op { DIG_QUERY, DIG_STATUS, DIG_REGISTER, DIG_REFRESH, DIG_RELEASE };

/* One call, as asked for on the command line. */
struct dig {
	enum dig_op op;
	const char *server; /* address or host name; borrowed from argv */
	struct nb_key key;
	struct ip4 address; /* to register, refresh or release */
	bool has_address;
	bool group, multihomed, no_recursion, opcode9, tcp, json, hex;
	uint16_t node_type; /* NB_ONT bits */
	bool has_id;
	uint16_t id;
	struct ip4 source;
	uint16_t source_port, port;
	unsigned retries;
	uint32_t timeout_ms;
	uint32_t ttl;
};

/* ---- nbdig_args.c ---- */

enum dig_call { DIG_RUN, DIG_HELP, DIG_VERSION, DIG_WRONG };

#define DIG_WHY_LEN 512
/* Reads the command line. DIG_WRONG: why holds one line saying what is wrong and what is allowed. */
enum dig_call dig_parse(int argc, char **argv, struct dig *ret, char why[static DIG_WHY_LEN]);
void dig_usage(FILE *out);

/* ---- nbdig_ask.c ---- */

void dig_request(const struct dig *d, uint16_t id, struct nb_msg *ret);

/* What a packet means to whoever waits for the answer to a request. */
enum dig_answer {
	DIG_ANSWER,   /* it is the answer */
	DIG_WAIT,     /* WACK: the answer comes later */
	DIG_OTHER_ID, /* the rest is no answer */
	DIG_OTHER_NAME,
	DIG_OTHER_KIND,
};
enum dig_answer dig_judge(const struct nb_msg *request, const struct nb_msg *got);
/* Why a packet is no answer; NULL for the two that are. */
const char *dig_answer_text(enum dig_answer a);
/* An answer that gives what was asked for: not an error, a redirect, or AD00 (1.8.1). */
bool dig_positive(const struct nb_msg *answer);

/* ---- nbdig_show.c ---- */

/* The message in words, a field a line. */
void dig_show(FILE *out, const struct nb_msg *m);
void dig_show_hex(FILE *out, const uint8_t *packet, size_t len);
/* The message as an object; the caller owns the reference. */
json_t *dig_json(const struct nb_msg *m);
/* "NAM_ERR (the name does not exist)" */
const char *dig_rcode_meaning(unsigned rcode);

/* ---- nbdig_net.c ---- */

/* A server may not make us wait longer, nor ask us to wait more often (8.2 rule 8). */
#define DIG_WACK_SECONDS 60
#define DIG_WACKS        10

enum dig_end { DIG_END_POSITIVE = 0, DIG_END_NEGATIVE = 1, DIG_END_SILENT = 3 };

/* Asks, shows everything on out as it happens (json: one object at the end). Errors go to stderr. */
enum dig_end dig_run(const struct dig *d, FILE *out);
