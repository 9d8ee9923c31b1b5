/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LMHOSTS: names and addresses from a file, in Windows' syntax (MS-NBTE 2.2.3 and 3.1.8,
 * netbt-name-service.md 5.1). Bytes in, entries out: files come through a callback, mistakes go out
 * through another with file and line, and reading goes on behind them. Layer: node. Opens no file,
 * reads no clock.
 *
 * Choices where the sources are silent: a plain name stands for the suffixes 00, 03 and 20, preloaded
 * or not; keywords are capitals; the path of an include is taken from the folder of the file it
 * stands in; #SG members are kept for whoever imports the file and found by no lookup.
 */
#pragma once

#include "base/ip4.h"
#include "wire/name.h"

#define LMHOSTS_FILE_MAX    (1 << 20) /* bytes of one file */
#define LMHOSTS_PATH_MAX    1024
#define LMHOSTS_DEPTH_MAX   8    /* files open at once; more is taken for a circle */
#define LMHOSTS_FILES_MAX   64   /* files read in all */
#define LMHOSTS_ENTRIES_MAX 4096 /* lines with an address */
#define LMHOSTS_PRELOAD_MAX 4096 /* names of #PRE lines: a plain one is three */
#define LMHOSTS_ADDR_MAX    25   /* addresses of one name, as in WINS */
#define LMHOSTS_REPORT_MAX  50   /* mistakes told of one load */

struct lmhosts;

struct lmhosts_host {
	void *arg;
	/* 0 and the bytes of a file, malloc'd. NBT_ENOENT or another error, and *ret_why in words. */
	int (*read_file)(
	    void *arg, const char *path, char **ret, size_t *ret_len, const char **ret_why);
	/* A mistake in words, printable ASCII; line 0 = the file as a whole. May be NULL. */
	void (*report)(void *arg, const char *path, unsigned line, const char *sentence);
};

/* One line with an address. */
struct lmhosts_entry {
	struct ip4 ip;
	struct nb_name name;
	bool plain;            /* no suffix was written: stands for 00, 03 and 20 */
	bool pre, mh;          /* #PRE, #MH */
	bool has_dom, has_sg;  /* #DOM:, #SG: */
	struct nb_name domain; /* suffix 1C */
	struct nb_name group;  /* suffix 20 */
};

/* What #PRE lines make: one name with its addresses, or the list of a domain's controllers. */
struct lmhosts_preload {
	struct nb_name name;
	bool group; /* a domain <1C>: loaded, but not shown in listings (KB 192064) */
	uint8_t naddr;
	struct ip4 addr[LMHOSTS_ADDR_MAX];
};

/*
 * Reads the file at path and what it includes. 0, also when lines were wrong. NBT_ENOENT: there is no
 * such file, which is not reported. Else read_file's error, which is reported, or NBT_ENOMEM.
 */
int lmhosts_load(const char *path, const struct lmhosts_host *host, struct lmhosts **ret);
void lmhosts_free(struct lmhosts *l); /* accepts NULL */

/* By index; NULL past the end. */
const struct lmhosts_entry *lmhosts_entry_at(const struct lmhosts *l, unsigned i);
const struct lmhosts_preload *lmhosts_preload_at(const struct lmhosts *l, unsigned i);

/*
 * Looks a name up as MS-NBTE 3.1.8 says: domain lists, preloaded names, then the lines from the top.
 * False: not found, or the search came to the place where an include closed a circle, which ends it
 * (3.1.8.1). True fills *ret.
 */
bool lmhosts_find(const struct lmhosts *l, const struct nb_name *name, struct lmhosts_preload *ret);
