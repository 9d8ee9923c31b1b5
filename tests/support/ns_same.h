/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether two name service messages say the same, and the claim that every decoder test leans on: what
 * decodes, encodes to a packet that decodes to the same. Layer: tests; shared by the unit tests and
 * the fuzz target. Compares only what the decoder promises to set.
 */
#pragma once

#include <assert.h>
#include <string.h>

#include "wire/ns.h"

static inline bool
ns_same_bytes(const void *a, const void *b, size_t n)
{
	return !n || !memcmp(a, b, n);
}

static inline bool
ns_same(const struct nb_msg *a, const struct nb_msg *b)
{
	if (a->id != b->id || a->flags != b->flags || a->kind != b->kind || a->ttl != b->ttl ||
	    a->rr_type != b->rr_type || memcmp(&a->key, &b->key, sizeof(a->key)) ||
	    a->naddr != b->naddr || a->wack_flags != b->wack_flags || a->ns_ip.v != b->ns_ip.v ||
	    a->nnode != b->nnode || a->stats_len != b->stats_len)
		return false;
	for (unsigned i = 0; i < a->naddr; i++)
		if (a->addr[i].flags != b->addr[i].flags || a->addr[i].ip.v != b->addr[i].ip.v)
			return false;
	if (a->kind == NB_REDIRECT && memcmp(&a->ns_key, &b->ns_key, sizeof(a->ns_key)))
		return false;
	return ns_same_bytes(a->node, b->node, (size_t)a->nnode * NB_NODE_LEN) &&
	       ns_same_bytes(a->stats, b->stats, a->stats_len);
}

/* False: m, which was decoded from a packet, encodes to something else. buf: 65535 bytes. */
static inline bool
ns_survives(const struct nb_msg *m, uint8_t *buf)
{
	struct nb_msg want = *m, again;
	size_t len = nb_encode(m, buf, 65535);

	/* A negative answer may come without its record; we write it always. */
	if (want.kind == NB_QUERY_FAIL && !want.rr_type)
		want.rr_type = NB_TYPE_NULL;
	return len && nb_decode(buf, len, &again) == NB_DROP_NONE && ns_same(&want, &again);
}
