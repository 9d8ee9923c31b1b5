/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The multicast socket of autodiscovery (wins 3.13) on the main loop: announcements leave on each of this
 * machine's addresses and are heard on each. Layer: program. Knows no content.
 */
#pragma once

#include <uv.h>

#include "wire/wrepl.h"

#define REPL_MCAST_MAX 16 /* addresses */

struct repl_mcast {
	uv_udp_t udp;
	uint16_t port;
	struct ip4 own[REPL_MCAST_MAX];
	unsigned nown;
	void (*heard)(void *arg, struct ip4 from, const uint8_t *data, size_t len);
	void (*closed)(void *arg);
	void *arg;
	uint8_t buf[WREPL_DISCOVERY_MAX];
};

/* port, heard, closed and arg are set. A negative uv error; the socket must be closed then too. */
int repl_mcast_open(struct repl_mcast *m, uv_loop_t *loop);
void repl_mcast_own(struct repl_mcast *m, const struct ip4 *own, unsigned n);
void repl_mcast_send(struct repl_mcast *m, const uint8_t *data, size_t len);
/* Calls closed when it is done. */
void repl_mcast_close(struct repl_mcast *m);
