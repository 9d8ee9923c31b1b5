/* SPDX-License-Identifier: Apache-2.0 */
/* See door.h. Layer: program. */
#include "front/fairness.h"

#include <assert.h>
#include <stdio.h>

#include "io/clock.h"
#include "winsd/winsd.h"

/* Full batches after which the buffer is looked at: 512 packets. A buffer of the default size is half full
 * with twenty times as many. */
#define LOOK_EVERY 8

/* Bytes waiting that are much, however large the buffer is: what lies beyond is for storms, in which nobody
 * sends more than others. Half of 8 MiB, which the kernel doubles: ten thousand packets. */
#define MUCH (8 << 20)

static_assert(FLOOD_SOURCES <= SHED_ADDRESSES_MAX && FLOOD_SHIFT <= SHED_SHIFT_MAX,
    "whoever is found can be shed");

static bool
socket_load(const struct door *door, struct shed_load *ret)
{
	return shed_load(door->fd, ret);
}

static bool
socket_shed(const struct door *door, const struct ip4 *addr, unsigned n, unsigned shift)
{
	return shed_set(door->fd, addr, n, shift);
}

const struct door_kernel door_of_socket = { socket_load, socket_shed };

enum state {
	CALM,
	EASING,
	PRESSED
}; /* less than half full, or not much; more, but less than before; not less */

/* What the kernel dropped meanwhile is counted: as shed while some are kept out, though it can be that
 * others' packets are among them. */
static enum state
look(struct door *door)
{
	struct shed_load load;
	uint32_t lost, much, used = door->used;

	door->full = 0;
	if (!door->kernel->load(door, &load))
		return CALM;
	lost = load.dropped - door->dropped;
	door->dropped = load.dropped;
	door->used = load.used;
	much = load.size / 2 < MUCH ? load.size / 2 : MUCH;
	door->fills = load.used > much / 2;
	if (door->flood.shift)
		door->shed += lost;
	wins_count_more(&door->stats->n[door->flood.shift ? WS_SHED : WS_LOST], lost);
	return load.used <= much ? CALM : load.used < used ? EASING : PRESSED;
}

static void
obey(struct door *door)
{
	/* Refused for want of memory: the next judgement tries again. */
	(void)door->kernel->shed(door, door->flood.source, door->flood.nsources, door->flood.shift);
}

static void
judge(struct door *door)
{
	struct flood_found found;
	struct event ev = { .id = EV_FLOOD };

	door->judge = false;
	if (!flood_judge(&door->flood, look(door) != CALM, clock_mono(), &found))
		return;
	obey(door);
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

static void
pressed(struct door *door, struct mono mnow)
{
	if (flood_pressed(&door->flood, mnow))
		obey(door);
}

/* Somebody is kept out, and it is time to see whether more of theirs can be let in. */
static void
relax(struct door *door, struct mono mnow)
{
	enum state state = look(door);

	if (state == PRESSED) {
		pressed(door, mnow);
	} else if (state == EASING) {
		flood_wait(&door->flood, mnow);
	} else if (flood_calm(&door->flood, mnow)) {
		obey(door);
		if (!door->flood.shift)
			over(door);
	}
}

void
door_tend(struct door *door, unsigned came, unsigned most)
{
	struct mono mnow;

	door->full += came == most;
	if (came < most)
		door->fills = false;
	if (!atomic_load_explicit(&door->d->live.fair_shares, memory_order_relaxed)) {
		if (door->flood.shift)
			(void)door->kernel->shed(door, NULL, 0, 0); /* taking away cannot fail */
		door->flood = (struct flood){ 0 };
		if (door->full >= LOOK_EVERY)
			(void)look(door);
		return;
	}
	if (door->judge)
		judge(door);
	else if ((door->full >= LOOK_EVERY || (door->full && !came)) && look(door) == PRESSED)
		pressed(door, clock_mono());
	if (door->flood.shift) {
		mnow = clock_mono();
		if (door->flood.fall.ns <= mnow.ns)
			relax(door, mnow);
	}
}
