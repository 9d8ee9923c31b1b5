/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sockets of replication on the main loop: TCP connections in and out, the multicast socket of
 * autodiscovery. The engine is on the registrar's thread, behind two queues (repl_queue.h). Knows
 * no message: bytes come and go. Layer: program.
 *
 * Bounds: accepted connections; REPL_TCP_UNREAD bytes a connection that the registrar has not taken,
 * then it is not read on. What is to be sent is bounded by the engine (reply memory).
 */
#pragma once

#include <uv.h>

#include "queue/replication.h"

#define REPL_TCP_UNREAD (1 << 20)

struct repl_tcp;

struct repl_tcp_conf {
	uint16_t port;
	unsigned accepted_max;
	unsigned connect_ms; /* how long a connection of ours may take */
	/* Main loop's or any other thread, when something was put where nothing was. */
	void (*wake)(void *arg);
	void *arg;
};

int repl_tcp_open(uv_loop_t *loop, const struct repl_tcp_conf *conf, struct repl_tcp **ret);
/* Sends what repl_tcp_do was given, closes everything; memory goes when the loop has run the closing
 * callbacks. The registrar's thread has ended. Accepts NULL. */
void repl_tcp_close(struct repl_tcp *t);

/* ---- main loop ---- */

/* At most 16 addresses. A negative uv error. */
int repl_tcp_listen(struct repl_tcp *t, struct ip4 address);
/* Opens the socket of autodiscovery, before repl_tcp_own. A negative uv error. */
int repl_tcp_discover(struct repl_tcp *t);
/* This machine's addresses now: where announcements leave and are heard, and the one from which
 * connections are made (IP4_ANY: as the kernel likes), because partners know us by it (wins 3.1). */
void repl_tcp_own(struct repl_tcp *t, const struct ip4 *own, unsigned n, struct ip4 source);
/* After a reload: accepted_max and connect_ms may be others. */
void repl_tcp_reconf(struct repl_tcp *t, const struct repl_tcp_conf *conf);
/* For the registrar: the clock of a partner, minus ours. */
void repl_tcp_clock(struct repl_tcp *t, struct ip4 partner, int64_t ms);

/* ---- registrar ---- */

/* As repl_queue_take and repl_queue_waits. */
struct repl_in *repl_tcp_take(struct repl_tcp *t);
bool repl_tcp_waits(struct repl_tcp *t);
/* So many bytes of a connection's REPL_IN_DATA were made use of: it may be read on. */
void repl_tcp_taken(struct repl_tcp *t, uint32_t conn, size_t len);
/* Takes out->data. Without memory all connections are closed: on a stream nothing may be missing. */
void repl_tcp_do(struct repl_tcp *t, const struct repl_out *out);
