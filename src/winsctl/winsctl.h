/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of winsctl share. winsctl turns a command line into one request of the control
 * protocol (more when a listing has pages) and its answer into a table. The commands and their
 * arguments are those of ctl/commands.def. Layer: program.
 */
#pragma once

#include <stdio.h>
#include <time.h>

#include "ctl/commands.h"

#define WINSCTL_SOCKET      "/run/winsome/winsd.sock"
#define WINSCTL_NODE_SOCKET "/run/winsome/netbtd.sock"
#define WINSCTL_DATA_DIR    "/var/lib/winsome"

/* A command line. Texts are borrowed from it. */
struct winsctl {
	const char *socket; /* NULL: winsd's, or netbtd's when there is no winsd */
	unsigned timeout;   /* seconds for each answer; 0 = for ever */
	bool json;
	bool keep_case; /* names are not made upper case */
	bool help, version;
	enum ctl_command_id command; /* unless version, or help alone */
	bool has_command;
	json_t *arguments; /* for the server */
	json_t *local;     /* for winsctl: limit, follow, data-dir ... */
};

/* winsctl_args.c: false with a sentence in *ret_error. Release in both cases. */
bool winsctl_parse(int argc, char **argv, struct winsctl *ret, struct ctl_error *ret_error);
void winsctl_release(struct winsctl *w);

/* winsctl_help.c: all commands, or one */
void winsctl_usage(FILE *out);
void winsctl_explain(FILE *out, enum ctl_command_id command);

/* winsctl_text.c: all write into buf of the size and return it */
#define WINSCTL_TEXT 80
char *winsctl_span(int64_t seconds, char buf[static WINSCTL_TEXT]);      /* "5 d 23 h" */
char *winsctl_when(time_t t, time_t now, char buf[static WINSCTL_TEXT]); /* "... (in 5 d)" */
char *winsctl_bytes(uint64_t n, char buf[static WINSCTL_TEXT]);          /* "1.5 MiB" */
/* Makes the letters of a name upper case, but not those of its escapes, suffix and scope. */
void winsctl_upcase(char *name);

/* How an answer is printed. */
struct winsctl_view {
	FILE *out;
	bool tty; /* out is a terminal: long sentences are wrapped */
	bool json;
	bool first; /* of several pages: headings come with it */
	time_t now;
};

/* winsctl_doctor.c: what the doctor found */
void winsctl_show_findings(const struct winsctl_view *v, const json_t *result);

/* winsctl_show.c: an answer. Returns the exit code: 0, or 1 when the answer is bad news. */
int winsctl_show(const struct winsctl_view *v, enum ctl_command_id command, const json_t *result);

/* winsctl_repl.c: partners, convergence, what a replication brought */
void winsctl_show_replication(
    const struct winsctl_view *v, enum ctl_command_id command, const json_t *result);

/* winsctl_node.c: an answer about the node, in words */
void winsctl_show_node(
    const struct winsctl_view *v, enum ctl_command_id command, const json_t *result);

/* winsctl_store.c: look at a data folder without a server. Returns the exit code. */
int winsctl_store(const struct winsctl *w, FILE *out, FILE *err);
