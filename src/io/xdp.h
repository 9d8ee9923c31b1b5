/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Datagrams of one interface past the kernel's network code (AF_XDP): a program of ours in the driver
 * picks those that are wanted (io/xdp_filter.h), all others take their usual way. Layer: io. Knows no
 * protocol above UDP. Order: xdp_open, a socket for each queue, give up root, then xdp_receive. What is
 * not picked up here is lost as in a full socket buffer. The functions are there only in builds with
 * libxdp.
 *
 * All memory is taken when a socket is opened. With the program's end, however it comes, the kernel
 * takes the program out of the driver.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "io/shed.h"
#include "io/udp.h"

#define XDP_QUEUES_MAX 64 /* as in xdp_program.c; further ones go the usual way */
#define XDP_WHY_MAX    256

struct xdp;
struct xdp_socket;

struct xdp_opts {
	const char *interface;
	uint16_t port; /* host byte order */
	uint8_t mask[4],
	    value[4];      /* wanted: those whose first bytes are value where mask has ones */
	uint16_t min, max; /* bytes of a datagram that is wanted, 4 at least */
};

/* ---- as root ---- */

/*
 * NBT_ENOENT: no such interface. NBT_EIO, NBT_EDENIED, NBT_EBUSY: kernel or
 * driver will not. *why is a sentence without capital or full stop. No address is wanted yet.
 */
int xdp_open(const struct xdp_opts *opts, struct xdp **ret, char why[XDP_WHY_MAX]);
/* After its sockets. Accepts NULL. */
void xdp_close(struct xdp *x);
unsigned xdp_queues(const struct xdp *x);

/* The socket of a queue < xdp_queues; borrows stats, which its thread writes. */
int xdp_socket_open(struct xdp *x, unsigned queue, struct udp_stats *stats, struct xdp_socket **ret,
    char why[XDP_WHY_MAX]);
void xdp_socket_close(struct xdp_socket *s);   /* accepts NULL */
int xdp_socket_fd(const struct xdp_socket *s); /* to wait for POLLIN */

/* ---- one thread at a time, any user ---- */

/* Our addresses are now these; those past the sixteenth go the usual way. */
void xdp_addresses(struct xdp *x, const struct ip4 *address, unsigned n);

/* ---- the thread of a socket ---- */

/* What waits, at most UDP_BATCH; 0 when nothing does: then poll. */
unsigned xdp_receive(struct xdp_socket *s);
/* Datagram i, valid until xdp_send. False: there is none, it was damaged (and is counted). */
bool xdp_packet(const struct xdp_socket *s, unsigned i, struct udp_packet *ret);
/* UDP_SEND_MAX bytes to write the next answer into. NULL: all memory waits to be sent. */
uint8_t *xdp_room(struct xdp_socket *s);
/* What was written there goes to whom datagram i came from. */
void xdp_put(struct xdp_socket *s, unsigned i, size_t len);
/* There was an answer to datagram i, but no room for it. */
void xdp_drop(struct xdp_socket *s);
/* Gives back what xdp_receive gave and sends all answers. Once after each xdp_receive. */
void xdp_send(struct xdp_socket *s);

/* What shed.h is to a socket, in frames: how many wait beside the batch; and whose the program in the driver
 * drops before they take a place. What a driver that receives into our memory itself has no place for,
 * only its own counters tell. */
bool xdp_shed_load(const struct xdp_socket *s, struct shed_load *ret);
void xdp_shed_set(struct xdp_socket *s, const struct ip4 *addr, unsigned n, unsigned shift);
