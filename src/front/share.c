/* SPDX-License-Identifier: Apache-2.0 */
/* See share.h. Layer: program. */
#include "front/share.h"

static unsigned
slot_of(const struct share *s, int row, struct ip4 ip)
{
	uint64_t h = ((uint64_t)ip.v ^ s->seed[row]) * UINT64_C(0x9e3779b97f4a7c15);

	return (unsigned)((h ^ (uint64_t)s->seed[row] << 32) * UINT64_C(0xd6e8feb86659fd93) >> 32) %
	       SHARE_SLOTS;
}

static void
count(_Atomic uint32_t *counter)
{
	uint32_t v = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, v + 1, memory_order_relaxed);
}

void
share_init(struct share *s, uint32_t seed0, uint32_t seed1)
{
	s->seed[0] = seed0;
	s->seed[1] = seed1;
}

void
share_in(struct share *s, struct ip4 ip)
{
	count(&s->in[0][slot_of(s, 0, ip)]);
	count(&s->in[1][slot_of(s, 1, ip)]);
}

void
share_out(struct share *s, struct ip4 ip)
{
	count(&s->out[0][slot_of(s, 0, ip)]);
	count(&s->out[1][slot_of(s, 1, ip)]);
}

uint32_t
share_of(const struct share *s, struct ip4 ip)
{
	uint32_t n[2];

	for (int row = 0; row < 2; row++) {
		unsigned i = slot_of(s, row, ip);

		n[row] = atomic_load_explicit(&s->in[row][i], memory_order_relaxed) -
			 atomic_load_explicit(&s->out[row][i], memory_order_relaxed);
	}
	return n[0] < n[1] ? n[0] : n[1];
}

bool
share_exceeded(const struct share *s, struct ip4 ip, size_t used, size_t size)
{
	size_t left = used < size ? size - used : 0, mine;

	if (used < left && used < SHARE_MOST) /* nobody can have more than all */
		return false;
	mine = share_of(s, ip);
	return mine >= SHARE_MOST || (mine >= SHARE_LEAST && mine >= left);
}
