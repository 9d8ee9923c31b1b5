/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replication messages between bytes and structs: the common header, its eight kinds of message, and
 * the autodiscovery datagram. Layer: wire. Never allocates, never decides. What stands behind the
 * fields of a message is passed over: those bytes are reserved, and some servers fill them.
 * Facts: wins-server-and-replication.md 3.2, 3.3, 3.13. Name records are in wrepl_record.c.
 */
#include "wire/wrepl.h"

#include <assert.h>

#include "wire/wrepl_record.h"

#define HEADER_LEN   16 /* with the length field */
#define WINS_BITS    0x7800
#define OWNER_TYPE   1 /* the last word of an owner (3.3) */
#define START_LENGTH 41
#define STOP_LENGTH  40
#define WANT_LENGTH  40

#define SIGNATURE     0xabcd
#define SIGNATURE_END 0xabcf /* the last one to accept (3.13) */
#define GONE          1

enum type { TYPE_START_REQ, TYPE_START_RESP, TYPE_STOP, TYPE_REPLICATION };

/* RplOpCode of the replication messages; the notifications are 4 and these bits. */
enum op {
	OP_MAP_REQ,
	OP_MAP_RESP,
	OP_RECORDS_REQ,
	OP_RECORDS_RESP,
	OP_NOTIFY,
	OP_PROPAGATE = 1,
	OP_PERSISTENT = 4,
};

const char *
wrepl_drop_text(int drop)
{
	static const char *const text[] = {
#define X(symbol, id, sentence) sentence,
#include "wire/wrepl_drops.def"
#undef X
	};

	assert(drop >= 0 && drop < WREPL_DROP_COUNT);
	return text[drop];
}

const char *
wrepl_drop_id(int drop)
{
	static const char *const ids[] = {
#define X(symbol, id, sentence) id,
#include "wire/wrepl_drops.def"
#undef X
	};

	assert(drop >= 0 && drop < WREPL_DROP_COUNT);
	return ids[drop];
}

const char *
wrepl_kind_text(int kind)
{
	static const char *const text[WREPL_KIND_COUNT] = {
		[WREPL_START_REQ] = "association start request",
		[WREPL_START_RESP] = "association start response",
		[WREPL_STOP] = "association stop",
		[WREPL_MAP_REQ] = "owner map request",
		[WREPL_MAP_RESP] = "owner map response",
		[WREPL_RECORDS_REQ] = "name records request",
		[WREPL_RECORDS_RESP] = "name records response",
		[WREPL_NOTIFY] = "update notification",
	};

	assert(kind >= 0 && kind < WREPL_KIND_COUNT);
	return text[kind];
}

size_t
wrepl_frame(const uint8_t head[static WREPL_LENGTH_SIZE])
{
	struct rd r = rd_init(head, WREPL_LENGTH_SIZE);
	uint32_t length = rd_u32(&r);

	if (length < WREPL_LENGTH_MIN || length > WREPL_LENGTH_MAX)
		return 0;
	return WREPL_LENGTH_SIZE + (size_t)length;
}

static struct wrepl_owner
owner_decode(struct rd *r)
{
	struct wrepl_owner owner = { .ip.v = rd_u32(r) };

	owner.max = rd_u64(r);
	owner.min = rd_u64(r);
	(void)rd_u32(r); /* "type", 1 of everybody and without a meaning of its own */
	return owner;
}

/* Shorter ones belong to the protocol before NT 4's, which is another (3.3). */
static enum wrepl_drop
start_decode(struct rd *r, size_t length, struct wrepl_msg *ret)
{
	if (length < START_LENGTH)
		return WREPL_DROP_LENGTH;
	ret->sender = rd_u32(r);
	ret->major = rd_u16(r);
	ret->minor = rd_u16(r);
	return ret->major == WREPL_MAJOR ? WREPL_DROP_NONE : WREPL_DROP_VERSION;
}

static enum wrepl_drop
stop_decode(struct rd *r, size_t length, struct wrepl_msg *ret)
{
	ret->kind = WREPL_STOP;
	ret->reason = rd_u32(r);
	return length < STOP_LENGTH ? WREPL_DROP_LENGTH : WREPL_DROP_NONE;
}

/* A map response ends with a reserved word where a notification has its initiator (3.3). */
static enum wrepl_drop
owners_decode(struct rd *r, struct wrepl_msg *ret)
{
	ret->count = rd_u32(r);
	if (r->bad || rd_left(r) < 4 || ret->count > (rd_left(r) - 4) / WREPL_OWNER_SIZE)
		return WREPL_DROP_COUNTS;
	ret->body = rd_sub(r, (size_t)ret->count * WREPL_OWNER_SIZE);
	if (ret->kind == WREPL_NOTIFY)
		ret->initiator.v = rd_u32(r);
	return WREPL_DROP_NONE;
}

static enum wrepl_drop
want_decode(struct rd *r, size_t length, struct wrepl_msg *ret)
{
	ret->kind = WREPL_RECORDS_REQ;
	ret->wanted = owner_decode(r);
	return length < WANT_LENGTH ? WREPL_DROP_LENGTH : WREPL_DROP_NONE;
}

static enum wrepl_drop
replication_decode(struct rd *r, size_t length, struct wrepl_msg *ret)
{
	uint32_t op = rd_u32(r);

	if (r->bad)
		return WREPL_DROP_SHORT;
	switch (op) {
	case OP_MAP_REQ:
		ret->kind = WREPL_MAP_REQ;
		return WREPL_DROP_NONE;
	case OP_MAP_RESP:
		ret->kind = WREPL_MAP_RESP;
		return owners_decode(r, ret);
	case OP_RECORDS_REQ:
		return want_decode(r, length, ret);
	case OP_RECORDS_RESP:
		ret->kind = WREPL_RECORDS_RESP;
		ret->count = rd_u32(r);
		return r->bad ? WREPL_DROP_SHORT : wrepl_records_check(r, ret);
	case OP_NOTIFY:
	case OP_NOTIFY | OP_PROPAGATE:
	case OP_NOTIFY + OP_PERSISTENT:
	case (OP_NOTIFY + OP_PERSISTENT) | OP_PROPAGATE:
		ret->kind = WREPL_NOTIFY;
		ret->propagate = op & OP_PROPAGATE;
		ret->persistent = op >= OP_NOTIFY + OP_PERSISTENT;
		return owners_decode(r, ret);
	}
	return WREPL_DROP_TYPE; /* 6 and 7 exist, but nobody has told how they look (3.3) */
}

enum wrepl_drop
wrepl_decode(const uint8_t *bytes, size_t len, struct wrepl_msg *ret)
{
	struct rd r = rd_init(bytes, len);
	uint32_t length = rd_u32(&r), type;

	memset(ret, 0, sizeof(*ret));
	ret->wins_bits = (rd_u32(&r) & WINS_BITS) == WINS_BITS;
	ret->handle = rd_u32(&r);
	type = rd_u32(&r);
	if (r.bad || length > len - WREPL_LENGTH_SIZE)
		return WREPL_DROP_SHORT;
	if (length != len - WREPL_LENGTH_SIZE || length > WREPL_LENGTH_MAX)
		return WREPL_DROP_LENGTH;
	switch (type) {
	case TYPE_START_REQ:
	case TYPE_START_RESP:
		ret->kind = type == TYPE_START_REQ ? WREPL_START_REQ : WREPL_START_RESP;
		return start_decode(&r, length, ret);
	case TYPE_STOP:
		return stop_decode(&r, length, ret);
	case TYPE_REPLICATION:
		return replication_decode(&r, length, ret);
	}
	return WREPL_DROP_TYPE;
}

uint64_t
wrepl_version(uint64_t claimed, uint64_t *ret_beyond)
{
	bool believed = claimed <= WREPL_VERSION_MAX;

	*ret_beyond = believed ? 0 : claimed;
	return believed ? claimed : 0;
}

struct wrepl_owner
wrepl_owner_at(const struct wrepl_msg *m, uint32_t i)
{
	struct wrepl_owner owner;
	struct rd r;

	assert((m->kind == WREPL_MAP_RESP || m->kind == WREPL_NOTIFY) && i < m->count);
	r = rd_init(m->body.p + (size_t)i * WREPL_OWNER_SIZE, WREPL_OWNER_SIZE);
	owner = owner_decode(&r);
	owner.max = wrepl_version(owner.max, &owner.beyond);
	return owner;
}

static void
zeros(struct wr *w, size_t n)
{
	uint8_t *p = wr_room(w, n);

	if (p)
		memset(p, 0, n);
}

/* The length stands first and is known last. */
static void
header_put(uint8_t *out, size_t whole, uint32_t handle, enum type type)
{
	const uint32_t words[] = { htobe32((uint32_t)(whole - WREPL_LENGTH_SIZE)),
		htobe32(WINS_BITS), htobe32(handle), htobe32(type) };

	memcpy(out, words, sizeof(words));
}

static void
owner_encode(struct wr *w, const struct wrepl_owner *owner)
{
	wr_u32(w, owner->ip.v);
	wr_u64(w, owner->beyond ? owner->beyond : owner->max); /* as it was read */
	wr_u64(w, owner->min);
}

static void
owners_encode(struct wr *w, uint32_t op, const struct wrepl_msg *m, const struct wrepl_owner *owner)
{
	wr_u32(w, op);
	wr_u32(w, m->count);
	for (uint32_t i = 0; i < m->count && !w->bad; i++) {
		owner_encode(w, &owner[i]);
		wr_u32(w, OWNER_TYPE);
	}
	wr_u32(w, m->kind == WREPL_NOTIFY ? m->initiator.v : 0);
}

/* What stands behind the header; returns the header's type. */
static enum type
body_encode(struct wr *w, const struct wrepl_msg *m, const struct wrepl_owner *owners)
{
	switch (m->kind) {
	case WREPL_START_REQ:
	case WREPL_START_RESP:
		wr_u32(w, m->sender);
		wr_u16(w, m->major);
		wr_u16(w, m->minor);
		zeros(w, 21);
		return m->kind == WREPL_START_REQ ? TYPE_START_REQ : TYPE_START_RESP;
	case WREPL_STOP:
		wr_u32(w, m->reason);
		zeros(w, 24);
		return TYPE_STOP;
	case WREPL_MAP_REQ:
		wr_u32(w, OP_MAP_REQ);
		return TYPE_REPLICATION;
	case WREPL_MAP_RESP:
		owners_encode(w, OP_MAP_RESP, m, owners);
		return TYPE_REPLICATION;
	case WREPL_RECORDS_REQ:
		wr_u32(w, OP_RECORDS_REQ);
		owner_encode(w, &m->wanted);
		wr_u32(w, 0);
		return TYPE_REPLICATION;
	case WREPL_NOTIFY:
		owners_encode(w,
		    OP_NOTIFY + (m->propagate ? OP_PROPAGATE : 0u) +
			(m->persistent ? OP_PERSISTENT : 0u),
		    m, owners);
		return TYPE_REPLICATION;
	}
	assert(!"a records response is laid out piecewise");
	return TYPE_REPLICATION;
}

size_t
wrepl_encode(const struct wrepl_msg *m, const struct wrepl_owner *owners, uint8_t *out, size_t cap)
{
	struct wr w = wr_init(out, cap);
	enum type type;

	if (!wr_room(&w, HEADER_LEN))
		return 0;
	type = body_encode(&w, m, owners);
	if (w.bad)
		return 0;
	header_put(out, (size_t)(w.p - out), m->handle, type);
	return (size_t)(w.p - out);
}

void
wrepl_records_head(
    uint8_t out[static WREPL_RECORDS_HEAD], uint32_t handle, uint32_t count, size_t whole)
{
	const uint32_t words[] = { htobe32(OP_RECORDS_RESP), htobe32(count) };

	/* Whoever asks for a large range gets it whole: WREPL_LENGTH_MAX is for what we take. */
	assert(whole >= WREPL_RECORDS_HEAD && whole - WREPL_LENGTH_SIZE <= UINT32_MAX);
	header_put(out, whole, handle, TYPE_REPLICATION);
	memcpy(out + HEADER_LEN, words, sizeof(words));
}

/* Behind the two little-endian words everything is big-endian (3.13). */
enum wrepl_drop
wrepl_discovery_decode(const uint8_t *bytes, size_t len, struct wrepl_discovery *ret)
{
	struct rd r = rd_init(bytes, len);
	uint32_t signature = rd_le32(&r);
	struct ip4 ip;

	memset(ret, 0, sizeof(*ret));
	ret->up = rd_le32(&r) == 0;
	if (r.bad)
		return WREPL_DROP_SHORT;
	if (signature < SIGNATURE || signature > SIGNATURE_END)
		return WREPL_DROP_SIGNATURE;
	while (ret->naddr < REC_ADDR_MAX && (ip.v = rd_u32(&r)))
		ret->addr[ret->naddr++] = ip;
	return WREPL_DROP_NONE;
}

size_t
wrepl_discovery_encode(const struct wrepl_discovery *d, uint8_t out[static WREPL_DISCOVERY_MAX])
{
	struct wr w = wr_init(out, WREPL_DISCOVERY_MAX);

	assert(d->naddr <= REC_ADDR_MAX);
	wr_le32(&w, SIGNATURE);
	wr_le32(&w, d->up ? 0 : GONE);
	for (unsigned i = 0; i < d->naddr; i++)
		wr_u32(&w, d->addr[i].v);
	wr_u32(&w, 0);
	return (size_t)(w.p - out);
}
