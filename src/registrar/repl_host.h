/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host of the replication engine on the registrar's thread: carries what repl_tcp brought to the
 * engine and the engine's wishes back, in the order of each connection, and gives it its turns. Layer:
 * program. Decides nothing.
 */
#pragma once

#include "replnet/tcp.h"
#include "winsd/winsd.h"

struct repl_line;

struct repl_host_opts {
	struct winsd *d; /* for its events and options, at start */
	struct repl_tcp *tcp;
	struct store *store;
	struct wins *wins;
	bool fresh; /* as repl_new */
};

/* All on the registrar's thread. NBT_ENOMEM. */
int repl_host_new(
    const struct repl_host_opts *opts, struct mono mnow, struct wall now, struct repl_line **ret);
/* Announces the end and gives repl_tcp the last orders. Accepts NULL. */
void repl_host_free(struct repl_line *l, struct mono mnow, struct wall now);
void repl_host_reconf(struct repl_line *l, const struct repl_conf *conf, unsigned share,
    struct mono mnow, struct wall now);
/* What came, timers, one step. True: there is more to do at once. */
bool repl_host_turn(struct repl_line *l, struct mono mnow, struct wall now);
/* When to be called again though nothing came. */
struct mono repl_host_next(const struct repl_line *l, struct mono mnow, struct wall now);
/* Has something come? */
bool repl_host_waits(const struct repl_line *l);
struct repl *repl_host_engine(struct repl_line *l);
