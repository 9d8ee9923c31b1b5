/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nbtstat: Windows' command, its options and columns (netbt-name-service.md section 4). Its parts: the
 * command line (nbtstat_args.c), the columns (nbtstat_show.c), this machine's TCP sessions
 * (nbtstat_tcp.c), what daemon and network say (nbtstat_ask.c), main (nbtstat.c). The first three are
 * without effect and tested. Layer: program. Decides nothing about a name.
 */
#pragma once

#include <jansson.h>
#include <stdio.h>

#include <netbt/netbt.h>

#include "wire/ns.h"

enum nbtstat_action {
	NBTSTAT_HELP,
	NBTSTAT_VERSION,
	NBTSTAT_NAME,        /* -a */
	NBTSTAT_ADDRESS,     /* -A */
	NBTSTAT_CACHE,       /* -c */
	NBTSTAT_LOCAL,       /* -n */
	NBTSTAT_COUNTERS,    /* -r */
	NBTSTAT_PURGE,       /* -R */
	NBTSTAT_REFRESH,     /* -RR */
	NBTSTAT_SESSIONS,    /* -s */
	NBTSTAT_SESSIONS_IP, /* -S */
};

/* A command line; texts are borrowed from it. */
struct nbtstat {
	enum nbtstat_action action;
	struct nb_key key;  /* -a */
	bool has_suffix;    /* of key; else the usual ones are tried */
	struct ip4 ip;      /* -A */
	unsigned interval;  /* seconds between displays; 0 = one display */
	const char *socket; /* NULL: the usual ones */
	unsigned nwins;
	struct ip4 wins[NBT_SERVERS_MAX];
	bool json;
};

/* ---- nbtstat_args.c ---- */

#define NBTSTAT_WHY 300
/* False: why holds a sentence that says what is wrong. */
bool nbtstat_parse(int argc, char **argv, struct nbtstat *ret, char why[static NBTSTAT_WHY]);
void nbtstat_usage(FILE *out);

/* ---- nbtstat_show.c ---- */

/* The adapter that a display is about. */
struct nbtstat_adapter {
	char name[40];
	struct ip4 ip;
	char scope[NBT_SCOPE_LEN + 1];
};

struct nbtstat_name {
	struct nb_name name;
	bool group;
	char status[16];
};

struct nbtstat_cached {
	struct nb_name name;
	bool group;
	struct ip4 ip;    /* the first of its addresses */
	long long life_s; /* -1 = for ever */
};

struct nbtstat_session {
	struct nb_name local;
	const char *state;
	bool in, out;          /* neither: an endpoint that listens */
	struct nb_name remote; /* when has_remote, */
	bool has_remote;
	struct ip4 remote_ip; /* else this */
	bool has_bytes;       /* the system counts them */
	uint64_t input, output;
};

void nbtstat_show_adapter(FILE *out, const struct nbtstat_adapter *a);
void nbtstat_show_local(FILE *out, const struct nbtstat_name *names, size_t n);
/* mac NULL: the machine did not say. */
void nbtstat_show_remote(
    FILE *out, const struct nbtstat_name *names, size_t n, const unsigned char *mac);
void nbtstat_show_cache(FILE *out, const struct nbtstat_cached *entries, size_t n);
void nbtstat_show_sessions(FILE *out, const struct nbtstat_session *sessions, size_t n);

struct nbtstat_counters {
	long long resolved_bcast, resolved_wins, registered_bcast, registered_wins;
};
void nbtstat_show_counters(FILE *out, const struct nbtstat_counters *c);

/* The status word of an entry of a node status response. */
const char *nbtstat_status_word(uint16_t name_flags);

/* ---- nbtstat_tcp.c ---- */

#define NBTSTAT_SESSION_PORT 139

/* A line of /proc/net/tcp or tcp6 that is about port 139. */
struct nbtstat_tcp {
	struct ip4 local, remote;
	const char *state; /* as nbtstat names it */
	bool in, out;
};

/* False: it is about another port, over, or no such line. */
bool nbtstat_tcp_parse(const char *line, struct nbtstat_tcp *ret);

/* ---- nbtstat_ask.c ---- */

/* Does what the command line says once. Returns the exit code. */
int nbtstat_run(const struct nbtstat *s, FILE *out);
void nbtstat_print_json(FILE *out, json_t *take_o);

/* ---- nbtstat_session.c ---- */

int nbtstat_sessions(const struct nbtstat *s, FILE *out);
