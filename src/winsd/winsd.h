/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the threads of winsd share: configuration, sockets, rings, events. One process has one of
 * these; main.c makes it, nothing else does. Layer: program.
 *
 * Threads: the main one (libuv: signals, control socket, TCP 137), the registrar, the workers, and
 * the store's own for snapshots.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "conf/conf.h"
#include "event/event.h"
#include "io/ring.h"
#include "io/udp.h"
#include "wins/wins.h"

#define WINSD_SOCKETS_MAX CONF_ADDRESSES_MAX

/* Whoever tells events: the history, the log, one lock. */
struct teller {
	pthread_mutex_t lock;
	struct event_log *log;
};

int teller_init(struct teller *t, size_t history);
void teller_release(struct teller *t);
/* Any thread. Fills in the time when it is 0. */
void teller_tell(struct teller *t, const struct event *ev);
/* The same for events without more than an id, a number and a text. */
void teller_say(struct teller *t, int event, uint64_t number, const char *text);

/* What workers obey and a reload may change. */
struct live {
	atomic_bool burst_handling;
	atomic_uint burst_queue;
};

struct worker;
struct registrar;

struct winsd {
	struct conf conf;
	const char *conf_path; /* NULL: none was given */
	struct ip4 self[CONF_ADDRESSES_MAX];
	uint8_t nself;
	struct ip4
	    server_address; /* under which records are owned; the store's from the first start on */
	struct teller teller;
	struct live live;
	struct registrar *registrar;
	const struct store *store; /* the registrar's; for queries */
	const struct wins *wins;   /* likewise, for wins_view */
	struct worker *workers;
	unsigned nworkers;
	struct wall started;
	struct mono begun;            /* the same on the clock that nobody sets */
	struct wins_stats *tcp_stats; /* NULL: no TCP */
};

/* The engine's options from the configuration's. */
struct wins_conf winsd_wins_conf(const struct winsd *d, const struct conf *conf);

struct wall winsd_wall(void);
struct mono winsd_mono(void);
