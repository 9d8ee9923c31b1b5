/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fair shares at one socket of a worker: looks now and then how full its receive buffer is, lets flood.h
 * decide, has the kernel drop what is not to be let in (io/shed.h), counts and tells. Layer: program. The
 * worker's thread alone.
 */
#pragma once

#include "wins/wins.h"
#include "winsd/flood.h"

struct winsd;

/* Zeroed but for what it belongs to. */
struct door {
	struct winsd *d;
	struct wins_stats *stats;
	int fd;
	struct flood flood;
	unsigned full;    /* batches since the buffer was looked at */
	bool fills;       /* half of much waited at the last look, and each batch since was full */
	bool judge;       /* a window is over */
	uint32_t dropped; /* by the kernel, when it was last asked */
	uint32_t used;    /* bytes of the buffer, likewise */
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
