/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The workers: each a thread with its own sockets (SO_REUSEPORT), which answers queries at once and
 * hands everything that changes state to the registrar through a ring of its own. Layer: program.
 */
#pragma once

#include "winsd/winsd.h"

/* Longest packet that can change state: name and RR_NAME written out with the longest scope. */
#define WORKER_PACKET_MAX 640

/* A packet on its way to the registrar. */
struct worker_packet {
	struct wins_path path; /* path.socket: index into conf.listen, 0 when that is empty */
	uint64_t hash;         /* of its name, for store_fetch */
	uint16_t len;
	uint8_t data[WORKER_PACKET_MAX];
};

/*
 * Opens the sockets and rings of all workers; no thread runs yet, so it can be done as root. Errors
 * are told. On failure workers_close cleans up.
 */
int workers_open(struct winsd *d);
int workers_start(struct winsd *d); /* after the registrar stands */
void workers_stop(struct winsd *d); /* the threads end; sockets and rings stay for the registrar */
void workers_close(struct winsd *d);
/* After d->fast has changed; the main thread. */
void workers_fast(struct winsd *d);

/* A socket of the first worker: of conf.listen's entry i, or 0. */
int worker_socket(const struct winsd *d, unsigned i);
/* A socket for this address could not be opened. */
void worker_tell_socket(struct winsd *d, struct ip4 address, int err);
struct ring *worker_ring(const struct winsd *d, unsigned i);
/* The registrar has dealt with a packet that came from there: its place in the queue is free. */
void worker_taken(struct winsd *d, unsigned i, const struct wins_path *path);
/* The kernel's account of this worker's thread: how long it ran, and waited for a processor. -1: not known. */
int worker_schedstat(const struct winsd *d, unsigned i);
const struct wins_stats *worker_stats(const struct winsd *d, unsigned i);
/* The registrar's sender too; after registrar_start. */
void worker_udp_stats(const struct winsd *d, struct udp_stats *ret_sum);

/* The registrar's way out: one batch that leaves through the first worker's sockets. */
struct worker_sender;
int worker_sender_new(struct winsd *d, struct worker_sender **ret);
void worker_sender_free(struct worker_sender *s); /* accepts NULL */
void worker_send(struct worker_sender *s, const struct wins_out *out);
void worker_send_flush(struct worker_sender *s);
