/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See flood.h. Layer: program. Frequent sources are found as Misra and Gries do: with k places, nobody who
 * sent more than one in k + 1 packets is missed, whatever the order and however many others there are, and
 * each count is too low by at most one in k + 1.
 */
#include "front/flood.h"

#include <assert.h>
#include <string.h>

bool
flood_pressed(struct flood *f, struct mono mnow)
{
	f->fall = mono_add_ms(mnow, FLOOD_FALL_MS);
	if (!f->counting) {
		f->counting = true;
		f->seen = 0;
		memset(f->count, 0, sizeof(f->count));
	}
	if (!f->shift || f->shift == FLOOD_SHIFT)
		return false;
	f->shift++;
	return true;
}

/* One more of c's packets, the f->seen'th of the window. */
static void
count(const struct flood *f, struct flood_count *c)
{
	c->n++;
	c->when |= (uint8_t)(1u << (f->seen - 1) / (FLOOD_WINDOW / 8));
}

bool
flood_note(struct flood *f, struct ip4 from)
{
	struct flood_count *unused = NULL;

	assert(f->counting);
	f->seen++;
	for (int i = 0; i < FLOOD_SOURCES; i++) {
		if (f->count[i].n && ip4_eq(f->count[i].ip, from)) {
			count(f, &f->count[i]);
			return f->seen >= FLOOD_WINDOW;
		}
		if (!f->count[i].n)
			unused = &f->count[i];
	}
	if (unused) {
		*unused = (struct flood_count){ .ip = from };
		count(f, unused);
	} else {
		for (int i = 0; i < FLOOD_SOURCES; i++)
			f->count[i].n--;
	}
	return f->seen >= FLOOD_WINDOW;
}

static bool
is_known(const struct flood *f, struct ip4 ip)
{
	for (unsigned i = 0; i < f->nsources; i++)
		if (ip4_eq(f->source[i], ip))
			return true;
	return false;
}

bool
flood_judge(struct flood *f, bool half_full, struct mono mnow, struct flood_found *ret_found)
{
	struct flood_count worst = { 0 };

	*ret_found = (struct flood_found){ 0 };
	f->counting = false;
	if (!half_full)
		return false;
	for (int i = 0; i < FLOOD_SOURCES; i++) {
		const struct flood_count *c = &f->count[i];

		if (c->n <= FLOOD_WINDOW / FLOOD_FAIR || c->when != UINT8_MAX)
			continue;
		if (c->n > worst.n)
			worst = *c;
		if (f->nsources == FLOOD_SOURCES || is_known(f, c->ip))
			continue;
		f->source[f->nsources++] = c->ip;
		ret_found->fresh++;
	}
	ret_found->worst = worst.ip;
	ret_found->share = worst.n * 100 / FLOOD_WINDOW;
	/* When nobody stands out, each has a fair share of too much: the kernel drops whose it will. */
	if (!ret_found->fresh)
		return false;
	f->fall = mono_add_ms(mnow, FLOOD_FALL_MS);
	if (!f->shift)
		f->shift = 1;
	return true;
}

bool
flood_calm(struct flood *f, struct mono mnow)
{
	if (!f->shift || f->fall.ns > mnow.ns)
		return false;
	f->counting = false; /* a flood that ended may leave a window that nobody fills */
	f->fall = mono_add_ms(mnow, FLOOD_FALL_MS);
	if (!--f->shift)
		f->nsources = 0;
	return true;
}

void
flood_wait(struct flood *f, struct mono mnow)
{
	f->fall = mono_add_ms(mnow, FLOOD_FALL_MS);
}
