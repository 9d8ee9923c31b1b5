/* SPDX-License-Identifier: Apache-2.0 */
/* See wait.h. Layer: program. */
#include "queue/repeats.h"

#include <stdlib.h>
#include <string.h>

struct wait {
	size_t mask;
	uint32_t number[];
};

/* As many as places: sometimes two need the same one, and then a repeat is taken for a new request. */
int
wait_new(size_t places, struct wait **ret)
{
	size_t size = 2;
	struct wait *w;

	while (size < places)
		size *= 2;
	w = calloc(1, sizeof(*w) + size * sizeof(*w->number));
	if (!w)
		return NBT_ENOMEM;
	w->mask = size - 1;
	*ret = w;
	return 0;
}

void
wait_free(struct wait *w)
{
	free(w);
}

static size_t
place_of(const struct wait *w, const struct worker_packet *p)
{
	uint64_t sender = (uint64_t)p->path.peer.v << 32 | (uint64_t)p->path.port << 16 |
			  (uint64_t)p->data[0] << 8 | p->data[1]; /* and its transaction id */

	return ((p->hash ^ sender) * UINT64_C(0x9e3779b97f4a7c15) >> 32) & w->mask;
}

static bool
is_short(const struct worker_packet *p)
{
	return p->len >= 2 && p->len <= WORKER_PLACE_MAX;
}

bool
wait_same(const struct wait *w, const struct ring *ring, const struct worker_packet *p)
{
	const struct worker_packet *there;

	if (!is_short(p))
		return false;
	there = ring_waiting(ring, w->number[place_of(w, p)]);
	return there && there->len == p->len && there->path.port == p->path.port &&
	       ip4_eq(there->path.peer, p->path.peer) && ip4_eq(there->path.local, p->path.local) &&
	       !memcmp(there->data, p->data, p->len);
}

void
wait_note(struct wait *w, const struct worker_packet *p, uint32_t number)
{
	if (is_short(p))
		w->number[place_of(w, p)] = number;
}

/* A release is carried out whenever its turn comes: who shuts down does not wait for the answer. And an
 * answer to a question of ours (R, netbt 1.2) counts as long as that is open. */
bool
wait_late(const struct worker_packet *p, const uint8_t *data, struct mono now)
{
	uint8_t first = p->len > 2 ? data[2] : 0;
	bool claim = !(first & 0x80) && (first >> 3 & 15) != NB_OP_RELEASE;

	return claim && now.ns > mono_add_ms(p->since, WAIT_PATIENCE_MS).ns;
}
