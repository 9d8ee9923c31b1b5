/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets for whoever sends as fast as it can: datagrams gathered into few system calls, those of one
 * length handed to the kernel as one packet that it cuts up (UDP_SEGMENT), where it can. Layer: program.
 * Knows no protocol. src/io/udp.h is the server's side: many peers, local addresses, nothing gathered.
 */
#pragma once

#include "base/ip4.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINK_DATA 600 /* bytes of a datagram sent */
#define LINK_RECV 1472

/* One socket, connected: the kernel passes only what comes from the peer. */
struct link;

/* source IP4_ANY: the kernel's choice. peer IP4_ANY: not connected, for who answers (see link_answer).
 * batch: datagrams gathered at most. 0, or an errno. */
struct link_opts {
	struct ip4 peer, source;
	uint16_t port, source_port; /* 0: any */
	unsigned batch;
};
int link_open(const struct link_opts *opts, struct link **ret);
void link_close(struct link *l); /* accepts NULL */
int link_fd(const struct link *l);
struct ip4 link_local(const struct link *l); /* the address that a connected one sends from */

/* LINK_DATA bytes for the next datagram, or NULL: the batch is full, send it first. */
uint8_t *link_room(struct link *l);
void link_put(struct link *l, size_t len);
/* Sends the batch, waiting for room in the socket. 0, or the errno of what could not be sent at all;
 * that the peer's port was closed a moment ago (ECONNREFUSED) is counted and is no error. */
int link_send(struct link *l);
uint64_t link_refused(const struct link *l);

/* What waits, at most a batch; 0: nothing. */
unsigned link_receive(struct link *l);
uint8_t *link_packet(const struct link *l, unsigned i, size_t *ret_len);
/* Answers datagram i with the first len bytes of what now stands in its place, once
 * link_answer_send is called; no use of link_room and link_put in between. */
void link_answer(struct link *l, unsigned i, size_t len);
int link_answer_send(struct link *l);
