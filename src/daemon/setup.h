/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What winsd and netbtd do alike before and around their work: command line, configuration and its
 * reload, who may use the control socket, giving up root. Layer: daemon, above conf, ctl, event and
 * io. Knows no NetBIOS. Not a library for others: it writes to stderr and may end the program.
 */
#pragma once

#include "conf/conf.h"
#include "ctl/access.h"
#include "daemon/teller.h"

#define SETUP_OVERRIDES_MAX 64
#define SETUP_WRONG_CALL    2 /* exit code */

struct setup {
	const char *program;
	const char *manual; /* of the configuration: "winsd.conf(5)" */
	const char *version;
	/* Defaults of this program that are not those of the table, "key=value", NULL at the end. */
	const char *const *presets;
	/* Fills in what the configuration leaves to the program. May be NULL. */
	void (*complete)(struct conf *conf);
	/* Is there something wrong that only the program can see? Says so. May be NULL. */
	int (*check)(const struct conf *conf, const struct conf_say *say);
	/* Of the command line: */
	const char *conf_path; /* NULL: none was given */
	const char *overrides[SETUP_OVERRIDES_MAX];
	unsigned noverrides;
	bool check_only, print_only;
};

/* Reads the command line into *s. Ends the program after -h and -V and when it is called wrongly. */
void setup_args(struct setup *s, int argc, char **argv);
/* Table, presets, file, -o, and the program's own check; all errors are told. 0 or the first one. */
int setup_load(const struct setup *s, struct conf *conf, const struct conf_say *say);
/* The same at the start of the program: errors go to stderr and end it, as do -n and -p when done. */
void setup_begin(const struct setup *s, struct conf *conf);

/*
 * Reads the configuration again, as HUP asks. take makes the rest of the program obey it; of
 * the new one it sees what counts without a restart. What came of it is told as events,
 * and in a whole sentence in ret. False: the old one stays.
 */
struct setup_reload {
	struct conf *conf;
	struct teller *teller;
	int (*take)(void *arg, const struct conf *next);
	void *arg;
};
bool setup_reload(const struct setup *s, const struct setup_reload *re, char *ret, size_t cap);

/* When the other threads have ended and the program ends by itself: a second TERM, for whose handler
 * the loop is gone, must not cut that short. */
void setup_deaf(void);

struct ctl_policy setup_policy(const struct conf *conf);

/* The folders of the control socket and of the data first, because only root can give them away.
 * Errors are told; store_event is for the data folder. */
int setup_give_up_root(const struct conf *conf, struct teller *teller, int store_event);
