/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who floods a socket, and how much of what they send is to be let in: the decisions of fair shares, for
 * one socket. Layer: program; pure, the time is an argument. Who acts on them: src/front/worker.c. Why it
 * is as it is: doc/design/stress.md.
 *
 * Nothing is counted until the receive buffer is half full. Then the sources of the next packets are: who
 * surely sent more than one in FLOOD_FAIR of them, and some in each eighth of them, floods; whose packets come
 * all together is a site that has its turn. Of those who flood one packet in 2^shift is let in.
 * shift rises whenever the buffer is half full and does not empty, and falls by one for each quarter of a
 * second in which it is not half full, until all are let in.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/ip4.h"
#include "base/when.h"

#define FLOOD_WINDOW  4096 /* packets whose sources are counted */
#define FLOOD_FAIR    64   /* more than one in so many of them is too much */
#define FLOOD_SOURCES 64   /* who are remembered at once */
#define FLOOD_SHIFT   12   /* at most: one packet in 4096 */
#define FLOOD_FALL_MS 250

/* Zeroed: nobody floods. */
struct flood {
	bool counting;
	unsigned seen; /* packets of this window */
	struct flood_count {
		struct ip4 ip;
		uint32_t n;   /* 0: free */
		uint8_t when; /* the eighths of the window in which it was seen, a bit each */
	} count[FLOOD_SOURCES];
	unsigned nsources; /* who flood */
	struct ip4 source[FLOOD_SOURCES];
	unsigned shift;
	struct mono fall; /* when shift falls, if it is not 0 */
};

/* The receive buffer is half full and does not empty: less is let in of those who are known to flood, and
 * others are looked for, if they are not yet. True: shift changed. */
bool flood_pressed(struct flood *f, struct mono mnow);
/* Counts a packet. True: the window is over, flood_judge is due. Only while ->counting. */
bool flood_note(struct flood *f, struct ip4 from);

struct flood_found {
	unsigned fresh; /* how many more flood than before */
	struct ip4 worst;
	uint32_t share; /* percent of the window that the worst of all sent */
};
/* The window is over; half_full says how the buffer is now. True: sources changed, perhaps shift. */
bool flood_judge(struct flood *f, bool half_full, struct mono mnow, struct flood_found *ret_found);
/* When f->fall is reached and the buffer is not half full. True: shift changed; 0: the flood is over. */
bool flood_calm(struct flood *f, struct mono mnow);
/* It is half full, but empties: shift stays for another while. */
void flood_wait(struct flood *f, struct mono mnow);
