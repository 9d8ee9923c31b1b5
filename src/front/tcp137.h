/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCP 137: queries whose answer did not fit in a datagram, framed by a 16-bit length (RFC 1002
 * 4.2.1). Queries only: everything else is dropped and counted. On the main loop. Layer: program.
 */
#pragma once

#include <uv.h>

#include "winsd/winsd.h"

struct tcp;

/* Listens on the addresses of the configuration; errors are told. Nothing is served before the loop
 * runs, so it can be called as root before the store stands. */
int tcp_open(uv_loop_t *loop, struct winsd *d, struct tcp **ret);
/* Closes everything; memory goes when the loop has run the closing callbacks. Accepts NULL. */
void tcp_close(struct tcp *t);
struct wins_stats *tcp_stats(struct tcp *t);
