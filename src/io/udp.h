/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UDP in batches: a socket that knows which of our addresses was asked, up to 64 datagrams with one
 * system call, answers that leave from that address. Layer: io. Knows no protocol. All memory is
 * taken when a batch is made; receiving and sending take none and never block longer than said.
 */
#pragma once

#include <stdatomic.h>

#include "base/err.h"
#include "base/ip4.h"

#define UDP_BATCH    64
#define UDP_RECV_MAX 1472 /* bytes kept of a datagram (NB_PACKET_MAX) */
#define UDP_SEND_MAX 1472

struct udp_opts {
	struct ip4 address; /* IP4_ANY = all */
	uint16_t port;      /* host byte order; 0 = any free one */
	/* False: the first socket on this address and port, NBT_EBUSY if anybody has it already.
	 * True: one more beside it; the kernel spreads the clients over them. */
	bool join;
	bool broadcast; /* broadcasts may be sent */
	/* Of a socket with an address of its own, whose owner needs no interface's number: its packets do
	 * not tell local and ifindex, and receiving them is cheaper. */
	bool untold;
	size_t receive_buffer; /* bytes wished; the kernel may grant less */
};

/*
 * Opens a socket that does not block. NBT_EBUSY: taken; NBT_EDENIED: the port needs root; NBT_ENOENT:
 * no such address here; NBT_ELIMIT: too many open files; NBT_EIO. errno tells more.
 */
int udp_open(const struct udp_opts *opts, int *ret_fd);
/*
 * fd is the first of sockets that share address and port, and all of them are open: what processor[i] of
 * this machine receives from the network comes to the i-th of them, in the order they were opened; what
 * others receive is spread over all as ever. n <= UDP_STEER_MAX. NBT_EIO with errno.
 */
#define UDP_STEER_MAX 64
int udp_steer(int fd, const unsigned *processor, unsigned n);
/* The port that a socket opened with port 0 got. */
uint16_t udp_port(int fd);

/* Counters: written by the thread whose batch it is, read by anybody. */
struct udp_stats {
	_Atomic uint64_t received, truncated, receive_errors;
	_Atomic uint64_t sent,
	    send_failed;               /* refused by the kernel for this one: no route, filter */
	_Atomic uint64_t send_dropped; /* the send buffer stayed full */
};

/* ---- in ---- */

struct udp_in;
struct udp_packet {
	const uint8_t *data; /* valid until the next udp_receive */
	uint16_t len;
	uint16_t port; /* of the sender */
	struct ip4 peer;
	struct ip4 local; /* our address: the one asked, or for a broadcast the interface's own */
	uint32_t ifindex;
	bool broadcast; /* or multicast: not sent to our address alone */
	bool truncated; /* it was longer than UDP_RECV_MAX */
};

int udp_in_new(struct udp_stats *stats, struct udp_in **ret); /* borrows stats */
void udp_in_free(struct udp_in *in);                          /* accepts NULL */
/* What waits in the socket, at most UDP_BATCH; 0 when nothing does: then poll. Never fails: errors
 * of the network are counted and are no reason to stop. */
unsigned udp_receive(struct udp_in *in, int fd);
struct udp_packet udp_packet(const struct udp_in *in, unsigned i); /* i < what udp_receive said */

/* ---- out ---- */

struct udp_out;
struct udp_to {
	struct ip4 peer;
	/* leave from this address; IP4_ANY = the socket's own, or let the kernel choose: cheaper */
	struct ip4 local;
	uint32_t ifindex; /* and on this interface; 0 = as the routes say */
	uint16_t port;
};

int udp_out_new(struct udp_stats *stats, struct udp_out **ret); /* borrows stats */
void udp_out_free(struct udp_out *out);                         /* accepts NULL */
/* UDP_SEND_MAX bytes to write the next datagram into, or NULL: UDP_BATCH of them wait, send first. */
uint8_t *udp_room(struct udp_out *out);
/* Puts what was written there into the batch; len <= UDP_SEND_MAX. */
void udp_put(struct udp_out *out, const struct udp_to *to, size_t len);
/* Sends the batch and empties it. When the send buffer is full it waits at most 20 ms for room, then
 * drops the rest: clients repeat. Returns how many the kernel took. */
unsigned udp_send(struct udp_out *out, int fd);
