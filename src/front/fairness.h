/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fair shares at one socket of a worker: looks now and then how full its receive buffer, or ring, is, lets
 * flood.h decide, has the kernel drop what is not to be let in, counts and tells. Layer: program. The
 * worker's thread alone.
 */
#pragma once

#include "io/shed.h"
#include "wins/wins.h"
#include "front/flood.h"

struct door;
struct winsd;
struct xdp_socket;

/* How the kernel is asked and told; the calls are those of io/shed.h. */
struct door_kernel {
	bool (*load)(const struct door *door, struct shed_load *ret);
	bool (*shed)(const struct door *door, const struct ip4 *addr, unsigned n, unsigned shift);
};
extern const struct door_kernel door_of_socket;

/* Zeroed but for what it belongs to. */
struct door {
	struct winsd *d;
	struct wins_stats *stats;
	const struct door_kernel *kernel;
	int fd;                  /* of an ordinary socket */
	struct xdp_socket *fast; /* one past the kernel's network code */
	struct flood flood;
	unsigned full;    /* batches since the buffer was looked at */
	bool fills;       /* half of much waited at the last look, and each batch since was full */
	bool judge;       /* a window is over */
	uint32_t dropped; /* by the kernel, when it was last asked */
	uint32_t used;    /* of the buffer, likewise */
	uint64_t shed;    /* in this flood */
};

/* For each packet, a branch only as long as nobody floods. */
static inline void
door_note(struct door *door, struct ip4 from)
{
	if (door->flood.counting)
		door->judge |= flood_note(&door->flood, from);
}

/* After each attempt to receive: how many came, of so many at most. Without fair shares only fills is kept. */
void door_tend(struct door *door, unsigned came, unsigned most);

/* Milliseconds after which door_tend is to be called although nothing came; -1: no need. */
static inline int
door_patience(const struct door *door)
{
	return door->flood.shift ? FLOOD_FALL_MS : -1;
}
