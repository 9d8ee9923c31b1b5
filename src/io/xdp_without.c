/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/xdp.h of a build without libxdp: refuses. What else the header promises needs something that only
 * xdp_open or xdp_socket_open could give, and ends the program as the mistake of ours that it is. Layer: io.
 */
#include "io/xdp.h"

#include <stdio.h>
#include <stdlib.h>

int
xdp_open(const struct xdp_opts *opts, struct xdp **ret, char why[XDP_WHY_MAX])
{
	(void)opts;
	(void)ret;
	snprintf(why, XDP_WHY_MAX,
	    "this program was built without it; build it where libxdp, libbpf and clang are");
	return NBT_EINVAL;
}

void
xdp_close(struct xdp *x)
{
	if (x)
		abort();
}

unsigned
xdp_queues(const struct xdp *x)
{
	(void)x;
	abort();
}

int
xdp_socket_open(struct xdp *x, unsigned queue, struct udp_stats *stats, struct xdp_socket **ret,
    char why[XDP_WHY_MAX])
{
	(void)queue;
	(void)stats;
	(void)ret;
	(void)x;
	(void)why;
	abort();
}

void
xdp_socket_close(struct xdp_socket *s)
{
	if (s)
		abort();
}

int
xdp_socket_fd(const struct xdp_socket *s)
{
	(void)s;
	abort();
}

void
xdp_addresses(struct xdp *x, const struct ip4 *address, unsigned n)
{
	(void)x;
	(void)address;
	(void)n;
	abort();
}

unsigned
xdp_receive(struct xdp_socket *s)
{
	(void)s;
	abort();
}

bool
xdp_packet(const struct xdp_socket *s, unsigned i, struct udp_packet *ret)
{
	(void)s;
	(void)i;
	(void)ret;
	abort();
}

uint8_t *
xdp_room(struct xdp_socket *s)
{
	(void)s;
	abort();
}

void
xdp_put(struct xdp_socket *s, unsigned i, size_t len)
{
	(void)s;
	(void)i;
	(void)len;
	abort();
}

void
xdp_drop(struct xdp_socket *s)
{
	(void)s;
	abort();
}

void
xdp_send(struct xdp_socket *s)
{
	(void)s;
	abort();
}
