/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether two replication messages say the same, and the claim that every test of their decoder leans
 * on: what decodes, encodes to bytes that decode to the same. Layer: tests; shared by the unit tests
 * and the fuzz target.
 */
#pragma once

#include "wire/wrepl.h"

/* Room for what a message of len bytes encodes to: names may get a NUL and another word of padding. */
#define WREPL_SAME_ROOM(len) (2 * (len) + 64)

static inline bool
wrepl_same_owner(const struct wrepl_owner *a, const struct wrepl_owner *b)
{
	return ip4_eq(a->ip, b->ip) && a->max == b->max && a->min == b->min;
}

static inline bool
wrepl_same_record(const struct wrepl_record *a, const struct wrepl_record *b)
{
	if (memcmp(&a->key, &b->key, sizeof(a->key)) || a->type != b->type ||
	    a->state != b->state || a->node != b->node || a->is_static != b->is_static ||
	    a->replica != b->replica || a->version != b->version || a->naddr != b->naddr)
		return false;
	for (unsigned i = 0; i < a->naddr; i++)
		if (!ip4_eq(a->addr[i].owner, b->addr[i].owner) ||
		    !ip4_eq(a->addr[i].ip, b->addr[i].ip))
			return false;
	return true;
}

/* All but what a message borrows, and what the encoder always says in its own way. */
static inline bool
wrepl_same(const struct wrepl_msg *a, const struct wrepl_msg *b)
{
	return a->kind == b->kind && a->handle == b->handle && a->sender == b->sender &&
	       a->major == b->major && a->minor == b->minor && a->reason == b->reason &&
	       wrepl_same_owner(&a->wanted, &b->wanted) && a->propagate == b->propagate &&
	       a->persistent == b->persistent && ip4_eq(a->initiator, b->initiator) &&
	       a->count == b->count;
}

static inline size_t
wrepl_same_put_owners(const struct wrepl_msg *m, uint8_t *out, size_t cap)
{
	struct wrepl_owner *owner = malloc((m->count + 1) * sizeof(*owner));
	size_t len;

	if (!owner)
		abort();
	for (uint32_t i = 0; i < m->count; i++)
		owner[i] = wrepl_owner_at(m, i);
	len = wrepl_encode(m, owner, out, cap);
	free(owner);
	return len;
}

/* Encodes what was decoded. */
static inline size_t
wrepl_same_encode(const struct wrepl_msg *m, uint8_t *out, size_t cap)
{
	size_t len = WREPL_RECORDS_HEAD;
	struct rd body = m->body;

	if (m->kind == WREPL_MAP_RESP || m->kind == WREPL_NOTIFY)
		return wrepl_same_put_owners(m, out, cap);
	if (m->kind != WREPL_RECORDS_RESP)
		return wrepl_encode(m, NULL, out, cap);
	for (uint32_t i = 0; i < m->count; i++) {
		struct wrepl_record record;
		size_t used;

		wrepl_record_next(&body, &record);
		used = wrepl_record_encode(&record, out + len, cap - len);
		if (!used || used > WREPL_RECORD_MAX)
			return 0;
		len += used;
	}
	wrepl_records_head(out, m->handle, m->count, len);
	return len;
}

static inline bool
wrepl_same_body(const struct wrepl_msg *a, const struct wrepl_msg *b)
{
	struct rd from_a = a->body, from_b = b->body;

	for (uint32_t i = 0; i < a->count; i++) {
		if (a->kind == WREPL_RECORDS_RESP) {
			struct wrepl_record in_a, in_b;

			wrepl_record_next(&from_a, &in_a);
			wrepl_record_next(&from_b, &in_b);
			if (!wrepl_same_record(&in_a, &in_b) || !wrepl_key_travels(&in_a.key))
				return false;
		} else {
			struct wrepl_owner in_a = wrepl_owner_at(a, i), in_b = wrepl_owner_at(b, i);

			if (!wrepl_same_owner(&in_a, &in_b))
				return false;
		}
	}
	return true;
}

/* False: m, decoded from a message of len bytes, encodes to something else. */
static inline bool
wrepl_survives(const struct wrepl_msg *m, size_t len)
{
	size_t cap = WREPL_SAME_ROOM(len);
	uint8_t *out = malloc(cap);
	struct wrepl_msg again;
	bool same;

	if (!out)
		abort();
	len = wrepl_same_encode(m, out, cap);
	same = len && wrepl_frame(out) == len &&
	       wrepl_decode(out, len, &again) == WREPL_DROP_NONE && again.wins_bits &&
	       !again.unnamed && wrepl_same(m, &again) && wrepl_same_body(m, &again);
	free(out);
	return same;
}
