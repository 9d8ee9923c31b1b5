/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Name records of replication between bytes and structs: the name with its 1B exchange and its scope
 * as text, the padding that is never empty, and two lists of addresses. Layer: wire. Never allocates,
 * never decides. Facts: wins-server-and-replication.md 1.1, 3.1, 3.4, 9.1.
 */
#include "wire/wrepl_record.h"

#include <assert.h>

#define NAME_MAX_LEN 255 /* of NameLen */
#define RECORD_MIN   48  /* a name without scope, one address or none of a list */
#define BROWSER      0x1b
#define TRAILER      0xffffffff

#define FLAG_STATIC  0x80
#define FLAG_REPLICA 0x10
#define NODE_SHIFT   5
#define STATE_SHIFT  2

/* Types of more than one address, and types whose group field is set (3.4). */
enum { TYPE_UNIQUE, TYPE_GROUP, TYPE_SPECIAL, TYPE_MULTIHOMED };

/* 1 to 4 bytes behind a name: a length that fills its words has 4, not 0. */
static size_t
padding(size_t name_len)
{
	return 4 - name_len % 4;
}

/* Names ending in 1B are sorted together by their first byte, and travel as they are kept (1.1). */
static void
exchange(struct nb_name *name)
{
	uint8_t first = name->b[0];

	name->b[0] = name->b[NB_NAME_LEN - 1];
	name->b[NB_NAME_LEN - 1] = first;
}

/* Scopes are cut to 237 characters (1.1); a dot before the cut has no label behind it any more. */
static size_t
scope_cut(const uint8_t *text, size_t len)
{
	if (len <= NB_SCOPE_MAX)
		return len;
	return NB_SCOPE_MAX - (text[NB_SCOPE_MAX - 1] == '.');
}

/*
 * False: the text is no sequence of labels. A label may be longer than a packet of port 137 can carry
 * (63): here it is text, and Windows replicates it as it is (S4T). Nobody can ask for such a name.
 */
static bool
scope_parse(const uint8_t *text, size_t len, struct nb_scope *ret)
{
	size_t head = 0;

	len = scope_cut(text, len);
	if (!len)
		return true;
	memcpy(ret->b + 1, text, len);
	ret->len = (uint8_t)(1 + len);
	for (size_t i = 1; i <= ret->len; i++) {
		if (i < ret->len && ret->b[i] != '.')
			continue;
		if (i - head - 1 == 0)
			return false;
		ret->b[head] = (uint8_t)(i - head - 1);
		head = i;
	}
	return true;
}

static size_t
scope_text(const struct nb_scope *scope, uint8_t out[static NB_SCOPE_WIRE])
{
	if (!scope->len)
		return 0;
	memcpy(out, scope->b + 1, scope->len - 1u);
	for (unsigned i = 1u + scope->b[0]; i < scope->len; i += 1u + scope->b[i])
		out[i - 1] = '.';
	return scope_cut(out, scope->len - 1u);
}

/*
 * The 16 bytes, then the scope's text up to a NUL; a name of just 16 has neither. Some sources have a
 * dot before the scope, others have none: both are taken (9.1). *ret_named: false when the scope is
 * no sequence of labels.
 */
static void
name_decode(const uint8_t *name, size_t len, struct nb_key *ret, bool *ret_named)
{
	const uint8_t *scope = name + NB_NAME_LEN, *nul;
	size_t left = len - NB_NAME_LEN;

	memcpy(ret->name.b, name, NB_NAME_LEN);
	if (ret->name.b[0] == BROWSER)
		exchange(&ret->name);
	nul = left ? memchr(scope, 0, left) : NULL;
	if (nul)
		left = (size_t)(nul - scope);
	if (left > 1 && *scope == '.') {
		scope++;
		left--;
	}
	*ret_named = scope_parse(scope, left, &ret->scope);
}

static void
flags_decode(uint8_t flags, struct wrepl_record *ret)
{
	ret->type = flags & 3;
	ret->state = flags >> STATE_SHIFT & 3;
	ret->node = flags >> NODE_SHIFT & 3;
	ret->is_static = flags & FLAG_STATIC;
	ret->replica = flags & FLAG_REPLICA;
}

/* Count is one byte, three reserved ones behind it. */
static void
addrs_decode(struct rd *r, struct wrepl_record *ret)
{
	unsigned n = rd_le32(r) & 0xff;
	struct rd list = rd_sub(r, (size_t)n * 8);

	ret->naddr = (uint8_t)(n < REC_ADDR_MAX ? n : REC_ADDR_MAX);
	for (unsigned i = 0; i < ret->naddr; i++) {
		ret->addr[i].owner.v = rd_u32(&list);
		ret->addr[i].ip.v = rd_u32(&list);
	}
}

static enum wrepl_drop
record_decode(struct rd *r, struct wrepl_record *ret, bool *ret_named)
{
	uint32_t len = rd_u32(r);
	const uint8_t *name;

	if (r->bad)
		return WREPL_DROP_COUNTS;
	if (len < NB_NAME_LEN || len > NAME_MAX_LEN)
		return WREPL_DROP_NAME;
	name = rd_bytes(r, len);
	if (!name)
		return WREPL_DROP_SHORT;
	memset(ret, 0, sizeof(*ret));
	name_decode(name, len, &ret->key, ret_named);
	(void)rd_bytes(r, padding(len));
	flags_decode((uint8_t)rd_u32(r), ret);
	(void)rd_u32(r); /* the group field says nothing that the type does not */
	ret->version = wrepl_version(rd_u64(r), &ret->beyond);
	if (r->bad)
		return WREPL_DROP_PADDING;
	if (ret->type == TYPE_SPECIAL || ret->type == TYPE_MULTIHOMED) {
		addrs_decode(r, ret);
	} else {
		ret->naddr = 1;
		ret->addr[0].ip.v = rd_u32(r);
	}
	(void)rd_u32(r); /* the trailer, whatever it holds */
	return r->bad ? WREPL_DROP_ADDRESSES : WREPL_DROP_NONE;
}

/* The least size of a record bounds the loop before it begins. */
enum wrepl_drop
wrepl_records_check(struct rd *r, struct wrepl_msg *ret)
{
	const uint8_t *start = r->p;
	struct wrepl_record record;
	uint32_t counted = ret->count;

	if (counted > rd_left(r) / RECORD_MIN)
		return WREPL_DROP_COUNTS;
	for (uint32_t i = 0; i < counted; i++) {
		bool named = true;
		enum wrepl_drop drop = record_decode(r, &record, &named);

		if (drop)
			return drop;
		ret->unnamed += !named;
	}
	ret->count -= ret->unnamed;
	ret->body = rd_init(start, (size_t)(r->p - start));
	return WREPL_DROP_NONE;
}

void
wrepl_record_next(struct rd *body, struct wrepl_record *ret)
{
	enum wrepl_drop drop;
	bool named;

	do
		drop = record_decode(body, ret, &named);
	while (!drop && !named);
	assert(!drop);
	(void)drop; /* wrepl_decode has read the same bytes */
}

bool
wrepl_key_travels(const struct nb_key *key)
{
	const struct nb_scope *s = &key->scope;

	if (key->name.b[0] == BROWSER && nb_suffix(key) != BROWSER)
		return false;
	if (s->len > 1 + NB_SCOPE_MAX)
		return false;
	for (unsigned i = 0; i < s->len; i += 1u + s->b[i])
		if (memchr(s->b + i + 1, '.', s->b[i]) || memchr(s->b + i + 1, 0, s->b[i]))
			return false;
	return true;
}

/*
 * The scope goes without a dot before it: Samba reads it so, and Samba's tests ran against Windows,
 * while the dot is known from the administration protocol only (9.1).
 */
static void
name_encode(struct wr *w, const struct nb_key *key)
{
	struct nb_name name = key->name;
	uint8_t text[NB_SCOPE_WIRE];
	size_t scope = scope_text(&key->scope, text), len = NB_NAME_LEN + scope + 1;
	uint8_t *pad;

	if (nb_suffix(key) == BROWSER)
		exchange(&name);
	wr_u32(w, (uint32_t)len);
	wr_bytes(w, name.b, NB_NAME_LEN);
	wr_bytes(w, text, scope);
	pad = wr_room(w, 1 + padding(len));
	if (pad)
		memset(pad, 0, 1 + padding(len));
}

size_t
wrepl_record_encode(const struct wrepl_record *r, uint8_t *out, size_t cap)
{
	bool list = r->type == TYPE_SPECIAL || r->type == TYPE_MULTIHOMED;
	struct wr w = wr_init(out, cap);

	assert(r->type <= TYPE_MULTIHOMED && r->state <= 3 && r->node <= 3);
	assert(list ? r->naddr <= REC_ADDR_MAX : r->naddr == 1);
	name_encode(&w, &r->key);
	wr_u32(&w, (r->is_static ? FLAG_STATIC : 0u) | (unsigned)r->node << NODE_SHIFT |
		       (r->replica ? FLAG_REPLICA : 0u) | (unsigned)r->state << STATE_SHIFT |
		       r->type);
	wr_le32(&w, r->type == TYPE_GROUP || r->type == TYPE_SPECIAL);
	wr_u64(&w, r->beyond ? r->beyond : r->version); /* as it was read */
	if (list)
		wr_le32(&w, r->naddr);
	for (unsigned i = 0; i < r->naddr; i++) {
		if (list)
			wr_u32(&w, r->addr[i].owner.v);
		wr_u32(&w, r->addr[i].ip.v);
	}
	wr_u32(&w, TRAILER);
	return w.bad ? 0 : (size_t)(w.p - out);
}
