/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See dispatch.h. Layer: program. What is most of the traffic, a query to the name server, is decided
 * from the header and one look at an empty bucket.
 */
#include "front/dispatch.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define HEADER    12
#define NAME_WIRE 34   /* 32 EGFC... 00: a name without scope */
#define SLOTS     2048 /* twice DISPATCH_NAMES_MAX: short ways to an empty slot */

struct slot {
	uint16_t len; /* 0 = empty */
	uint8_t wire[NAME_WIRE + NB_SCOPE_WIRE];
};

struct dispatch_names {
	size_t n;
	uint16_t at[SLOTS]; /* 1 + index into slot; 0 = empty */
	struct slot slot[];
};

_Static_assert(SLOTS >= 2 * DISPATCH_NAMES_MAX, "a look-up ends");

/* ---- the node's names ---- */

/* The first bytes differ between most names; the last two say the suffix. */
static unsigned
hash(const uint8_t *wire)
{
	uint64_t h = 0, part;

	for (unsigned i = 1; i < 33; i += sizeof(part)) {
		memcpy(&part, wire + i, sizeof(part));
		h = (h ^ part) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 29;
	}
	return (unsigned)(h % SLOTS);
}

static bool
holds(const struct dispatch_names *names, const uint8_t *wire, size_t len)
{
	for (unsigned i = hash(wire); names->at[i]; i = (i + 1) % SLOTS) {
		const struct slot *s = &names->slot[names->at[i] - 1];

		if (s->len == len && !memcmp(s->wire, wire, len))
			return true;
	}
	return false;
}

int
dispatch_names_new(const struct nb_key *keys, size_t n, struct dispatch_names **ret)
{
	struct dispatch_names *names;

	if (n > DISPATCH_NAMES_MAX)
		n = DISPATCH_NAMES_MAX;
	names = calloc(1, sizeof(*names) + n * sizeof(*names->slot));
	if (!names)
		return NBT_ENOMEM;
	for (size_t k = 0; k < n; k++) {
		struct slot *s = &names->slot[names->n];
		struct wr w = wr_init(s->wire, sizeof(s->wire));
		unsigned i;

		nb_name_encode(&w, &keys[k]);
		s->len = (uint16_t)(w.p - s->wire);
		for (i = hash(s->wire); names->at[i]; i = (i + 1) % SLOTS)
			continue;
		names->at[i] = (uint16_t)++names->n;
	}
	*ret = names;
	return 0;
}

void
dispatch_names_free(struct dispatch_names *names)
{
	free(names);
}

/* ---- packets ---- */

static unsigned
u16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

/* The length of the question's name, plain labels to the root; 0 when it is not whole. */
static size_t
name_length(const uint8_t *p, size_t left)
{
	size_t n = 0;

	while (n < left && p[n] && p[n] < 0x40)
		n += p[n] + 1u;
	return n < left && !p[n] ? n + 1 : 0;
}

/* A question of somebody, to this machine alone. */
static enum dispatch
question(const uint8_t *packet, size_t len, const struct dispatch_names *names)
{
	const uint8_t *name = packet + HEADER;
	size_t n;

	if (!(u16(packet + 2) & NB_F_RD)) /* a challenge or a node's verification */
		return DISPATCH_NODE;
	n = name_length(name, len - HEADER);
	if (n && len - HEADER >= n + 2 && u16(name + n) == NB_TYPE_NBSTAT)
		return DISPATCH_NODE;
	/* Own names first, as Samba: the claim of a second card is verified so (netbt 3.4). */
	return names && n >= NAME_WIRE && name[0] == 32 && holds(names, name, n) ? DISPATCH_NODE
										 : DISPATCH_WINS;
}

enum dispatch
dispatch(const uint8_t *packet, size_t len, bool broadcast, const struct dispatch_names *names)
{
	unsigned flags;

	if (len < HEADER)
		return DISPATCH_WINS;
	flags = u16(packet + 2);
	if (broadcast || flags & NB_F_B)
		return DISPATCH_NODE;
	switch ((flags & (NB_F_R | NB_F_OPCODE)) >> 11) {
	case NB_OP_QUERY:
		return question(packet, len, names);
	case 16 | NB_OP_QUERY:   /* to a challenge, or to the node's own question */
	case 16 | NB_OP_RELEASE: /* to a demand of the server, or to the node's release */
		return DISPATCH_BOTH;
	case 16 | NB_OP_REGISTER: /* only nodes register; conflict demands look alike */
	case 16 | NB_OP_WACK:
		return DISPATCH_NODE;
	default:
		return DISPATCH_WINS;
	}
}
