/* SPDX-License-Identifier: Apache-2.0 */
/* See door.h. Layer: program. */
#include "winsd/door.h"

#include <assert.h>
#include <stdio.h>

#include "io/clock.h"
#include "io/shed.h"
#include "winsd/winsd.h"

/* Full batches after which the buffer is looked at: 1,024 packets. A buffer is half full with several
 * times as many. */
#define LOOK_EVERY 16

static_assert(FLOOD_SOURCES <= SHED_ADDRESSES_MAX && FLOOD_SHIFT <= SHED_SHIFT_MAX,
    "whoever is found can be shed");

/* Whether the receive buffer is half full. What the kernel dropped meanwhile is counted: as shed while
 * some are kept out, though it can be that others' packets are among them. */
static bool
look(struct door *door)
{
	struct shed_load load;
	uint32_t lost;

	door->full = 0;
	if (!shed_load(door->fd, &load))
		return false;
	lost = load.dropped - door->dropped;
	door->dropped = load.dropped;
	if (door->flood.shift)
		door->shed += lost;
	wins_count_more(&door->stats->n[door->flood.shift ? WS_SHED : WS_LOST], lost);
	return load.used > load.size / 2;
}

static void
obey(struct door *door)
{
	/* Refused for want of memory: the next judgement tries again. */
	(void)shed_set(door->fd, door->flood.source, door->flood.nsources, door->flood.shift);
}

static void
judge(struct door *door)
{
	struct flood_found found;
	struct event ev = { .id = EV_FLOOD };

	door->judge = false;
	if (!flood_judge(&door->flood, look(door), clock_mono(), &found))
		return;
	obey(door);
	if (!found.fresh)
		return;
	ev.peer = found.worst;
	ev.number = found.share;
	if (door->flood.nsources > 1)
		snprintf(ev.text, sizeof(ev.text), " and of those of %u other addresses",
		    door->flood.nsources - 1);
	teller_tell(&door->d->teller, &ev);
}

static void
over(struct door *door)
{
	teller_say(&door->d->teller, EV_FLOOD_ENDED, door->shed, "");
	door->shed = 0;
}

/* Somebody is kept out: is it time to let more of theirs in? */
static void
relax(struct door *door, struct mono mnow)
{
	if (door->flood.fall.ns > mnow.ns)
		return;
	if (look(door)) {
		flood_pressed(&door->flood);
	} else if (flood_calm(&door->flood, mnow)) {
		obey(door);
		if (!door->flood.shift)
			over(door);
	}
}

void
door_tend(struct door *door, unsigned came, unsigned most)
{
	if (!atomic_load_explicit(&door->d->live.fair_shares, memory_order_relaxed)) {
		if (door->flood.shift)
			(void)shed_set(door->fd, NULL, 0, 0); /* taking away cannot fail */
		door->flood = (struct flood){ 0 };
		return;
	}
	door->full += came == most;
	if (door->judge)
		judge(door);
	else if ((door->full >= LOOK_EVERY || (door->full && !came)) && look(door))
		flood_pressed(&door->flood);
	if (door->flood.shift && !door->flood.counting)
		relax(door, clock_mono());
}
