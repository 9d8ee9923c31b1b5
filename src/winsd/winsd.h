/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the threads of winsd share: configuration, sockets, rings, events. One process has one of
 * these; main.c makes it, nothing else does. Layer: program.
 *
 * Threads: the main one (libuv: signals, control socket, TCP 137), the registrar, the workers, and
 * the store's own for snapshots.
 */
#pragma once

#include <stdatomic.h>

#include "conf/conf.h"
#include "daemon/teller.h"
#include "io/ring.h"
#include "io/udp.h"
#include "wins/wins.h"

#define WINSD_SOCKETS_MAX 16 /* what the option listen allows, and wins_conf holds */

/* What workers obey and a reload may change. */
struct live {
	atomic_bool burst_handling;
	atomic_uint burst_queue;
	atomic_bool fair_shares;
};

struct own_node;
struct repl_tcp;
struct worker;
struct xdp;
struct registrar;

struct winsd {
	struct conf conf;
	struct ip4 self[WINSD_SOCKETS_MAX];
	uint8_t nself;
	struct ip4 fast[WINSD_SOCKETS_MAX]; /* of the option xdp's interface; own.c keeps them */
	uint8_t nfast;
	struct ip4
	    server_address; /* under which records are owned; the store's from the first start on */
	struct teller teller;
	struct live live;
	struct registrar *registrar;
	const struct store *store; /* the registrar's; for queries */
	const struct wins *wins;   /* likewise, for wins_view */
	struct repl_tcp *repl_tcp; /* the sockets of replication */
	struct own_node *node;     /* NULL: this machine has no names of its own */
	struct worker *workers;
	unsigned nworkers;
	struct xdp *xdp; /* NULL: all packets come through sockets */
	struct wall started;
	struct mono begun;                  /* the same on the clock that nobody sets */
	const struct udp_stats *sender_udp; /* of what the registrar sends */
	struct wins_stats *tcp_stats;       /* NULL: no TCP */
};

/* The engine's options from the configuration's. */
struct wins_conf winsd_wins_conf(const struct winsd *d, const struct conf *conf);
