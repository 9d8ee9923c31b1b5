/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The workers: each a thread with its own sockets (SO_REUSEPORT), which answers queries at once and
 * hands everything that changes state to the registrar through a ring of its own. Layer: program.
 */
#pragma once

#include "winsd/winsd.h"

/* Longest packet that can change state: name and RR_NAME written out with the longest scope. */
#define WORKER_PACKET_MAX 640

/* Of a packet, kept in its place of the queue: a registration whose scope has up to 28 bytes. */
#define WORKER_PLACE_MAX 96

/* A packet on its way to the registrar. */
struct worker_packet {
	struct wins_path path; /* path.socket: index into conf.listen, 0 when that is empty */
	uint16_t len;          /* more than WORKER_PLACE_MAX: it is in a queue of long ones */
	uint64_t hash;         /* of its name, for store_fetch */
	struct mono since;     /* it waits */
	uint8_t data[WORKER_PLACE_MAX];
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
/* The bytes of the oldest packet of a ring. */
const uint8_t *worker_packet_data(
    const struct winsd *d, unsigned i, const struct worker_packet *oldest);
/* The registrar has dealt with the oldest packet: its place is free, but for ring_pop. */
void worker_taken(struct winsd *d, unsigned i, const struct worker_packet *oldest);
/* ns that the workers have waited for a processor, those of which the kernel tells. */
int64_t workers_waited(const struct winsd *d);
/* Do fewer than enough packets wait for the registrar, while there are some that no worker has read? */
bool workers_unread(const struct winsd *d, size_t enough);
/* Does the receive buffer of one of them fill, while its queue has room? */
bool workers_pressed(const struct winsd *d);
const struct wins_stats *worker_stats(const struct winsd *d, unsigned i);
/* The registrar's sender too; after registrar_start. */
void worker_udp_stats(const struct winsd *d, struct udp_stats *ret_sum);

/* The registrar's way out: one batch that leaves through the first worker's sockets. */
struct worker_sender;
int worker_sender_new(struct winsd *d, struct worker_sender **ret);
void worker_sender_free(struct worker_sender *s); /* accepts NULL */
void worker_send(struct worker_sender *s, const struct wins_out *out);
void worker_send_flush(struct worker_sender *s);
