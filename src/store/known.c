/* SPDX-License-Identifier: Apache-2.0 */
/* A sorted array of owners and their versions. Layer: store. See known.h. */
#include "store/known.h"

#include <string.h>

/* The owner's place, or the one where it would go. */
static uint32_t
place_of(const struct knowns *k, struct ip4 owner)
{
	uint32_t from = 0, to = k->n;

	while (from < to) {
		uint32_t mid = from + (to - from) / 2;

		if (k->v[mid].owner.v < owner.v)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

bool
knowns_set(struct knowns *k, struct ip4 owner, struct version v)
{
	uint32_t i = place_of(k, owner);
	struct store_known *at = &k->v[i];
	bool there = i < k->n && ip4_eq(at->owner, owner);

	if (!there && !v.v)
		return true;
	if (!there && k->n == STORE_KNOWN_MAX)
		return false;
	if (!v.v) {
		k->n--;
		memmove(at, at + 1, (k->n - i) * sizeof(*at));
		return true;
	}
	if (!there) {
		memmove(at + 1, at, (k->n - i) * sizeof(*at));
		k->n++;
	}
	*at = (struct store_known){ .owner = owner, .v = v };
	return true;
}

struct version
knowns_get(const struct knowns *k, struct ip4 owner)
{
	uint32_t i = place_of(k, owner);

	if (i < k->n && ip4_eq(k->v[i].owner, owner))
		return k->v[i].v;
	return (struct version){ 0 };
}

void
knowns_copy(struct knowns *to, const struct knowns *from)
{
	to->n = from->n;
	memcpy(to->v, from->v, from->n * sizeof(*to->v));
}
