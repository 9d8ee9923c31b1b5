/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of struct worker, shared by the files worker*.c and nobody else. Layer: program.
 */
#pragma once

#include <assert.h>
#include <poll.h>

#include "io/ring.h"
#include "io/udp.h"
#include "io/xdp.h"
#include "front/dispatch.h"
#include "front/fairness.h"
#include "front/share.h"
#include "queue/repeats.h"
#include "front/worker.h"

/* Packets that are looked at before the first is answered: more would not stay in the nearest cache. */
#define WORKER_GROUP 16

/* Places for packets that do not fit into one of the queue; a power of two. */
#define WORKER_LONG 1024

static_assert(sizeof(struct worker_packet) == 128, "two lines of the cache, and no more memory");

struct worker_item {
	struct udp_packet p;
	struct wins_packet read;
	bool there;
};

struct worker {
	struct winsd *d;
	unsigned index;
	pthread_t thread;
	bool running;
	atomic_bool stop;
	int wake;             /* ends the wait for packets */
	int processor;        /* that it stays on; -1: any */
	atomic_int schedstat; /* how long its thread ran and waited; -1: the kernel does not say */
	atomic_bool pressed;  /* one of its doors fills */
	int fd[WINSD_SOCKETS_MAX];
	struct door door[WINSD_SOCKETS_MAX];
	unsigned nfd;
	bool untold; /* the packets do not tell where they came in: at conf.listen's address */
	struct door fast_door[XDP_QUEUES_MAX]; /* of its share of the interface's queues */
	unsigned nfast;
	struct udp_in *in;
	struct udp_out *out;
	struct ring *ring;
	struct share share;     /* of the ring */
	struct ring *long_ring; /* what is too long for a place of it; both are in the same order */
	struct share long_share;
	struct wait *waiting; /* in the ring */
	struct wins_burst burst;
	bool bursting;
	bool handed;        /* something to the registrar, since it rested */
	uint32_t full_told; /* second of the last "queue full", or "its share" */
	uint32_t bad_told;  /* second of the last "damaged packets" */
	uint64_t bad;       /* of them since then */
	struct worker_item group[WORKER_GROUP];
	struct udp_stats udp;
	struct wins_stats stats;
};

/* What all packets of a batch are looked at with. */
struct worker_batch {
	const struct wins_view *view;
	const struct dispatch_names *names; /* of the own node, NULL = none */
	unsigned socket;                    /* index of the one that they came through */
	bool to_registrar, to_node;         /* something was handed over */
	struct mono now;                    /* set when it first was, to the registrar */
};

/* What every batch begins and ends with. */
struct worker_batch worker_begin(struct worker *w, unsigned socket);
void worker_end(struct worker *w, const struct worker_batch *b);
/* A batch is served in groups of at most WORKER_GROUP; how many of those left are the next one. */
static inline unsigned
worker_group_size(unsigned left)
{
	return left < WORKER_GROUP ? left : WORKER_GROUP;
}
/* Reads the packets of a group and has the memory that their names need fetched. */
void worker_look_ahead(struct worker *w, unsigned n);

/* ---- past the kernel's network code (option xdp): worker_fast.c, workers_fast too ---- */

/* Why not is told. NBT_EINVAL: built without libxdp; else as xdp_open. */
int worker_fast_open(struct winsd *d);
void worker_fast_close(struct winsd *d);
/* One batch of each queue; false when nothing was there. */
bool worker_fast_serve(struct worker *w);
/* What to wait for; returns how many, at most XDP_QUEUES_MAX. */
unsigned worker_fast_poll(const struct worker *w, struct pollfd *ret);

/* The length of the answer in out, 0 when there is none now. b->socket is where a later one leaves. */
size_t worker_handle(struct worker *w, struct worker_batch *b, struct worker_item *it,
    uint8_t out[static NB_UDP_MAX]);

/* What udp_put is to be told: nothing where the socket's own address is meant. */
static inline struct ip4
worker_leaves_from(const struct winsd *d, unsigned socket, struct ip4 local)
{
	const struct conf_addresses *listen = &d->conf.listen;

	return socket < listen->n && ip4_eq(listen->a[socket], local) ? IP4_ANY : local;
}
