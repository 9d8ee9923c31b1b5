/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Name service packets, bytes to struct: first the header says which packet of the catalogue it must
 * be, then its parts are read as the catalogue draws them. Layer: wire. Never allocates, never decides
 * what to do. Nothing is read past the packet: the cursors see to that.
 * Facts: netbt-name-service.md 1.6-1.8, 8.3; wins-server-and-replication.md 2.1.
 */
#include "wire/ns.h"

#define CLASS_IN  1
#define ENTRY_LEN 6 /* an ADDR_ENTRY */

struct header {
	uint16_t qd, an, ns, ar;
};

/* A resource record as it stands: the data is still to be read. */
struct record {
	uint16_t type;
	uint32_t ttl;
	struct rd data;
};

static bool
counts_are(const struct header *h, unsigned qd, unsigned an, unsigned ns, unsigned ar)
{
	return h->qd == qd && h->an == an && h->ns == ns && h->ar == ar;
}

/* TYPE, CLASS, TTL and data, behind the record's name. */
static int
record_decode(struct rd *r, struct record *ret)
{
	uint16_t class;

	ret->type = rd_u16(r);
	class = rd_u16(r);
	ret->ttl = rd_u32(r);
	ret->data = rd_sub(r, rd_u16(r));
	if (r->bad)
		return NB_DROP_SHORT;
	return class == CLASS_IN ? 0 : NB_DROP_CLASS;
}

/* Whole ADDR_ENTRYs, no fewer than min; the first cap of them are kept. */
static int
addrs_decode(struct rd *data, unsigned min, unsigned cap, struct nb_msg *ret)
{
	size_t n = rd_left(data) / ENTRY_LEN;

	if (rd_left(data) % ENTRY_LEN || n < min)
		return NB_DROP_RDATA;
	ret->naddr = (uint16_t)(n < cap ? n : cap);
	for (unsigned i = 0; i < ret->naddr; i++) {
		ret->addr[i].flags = rd_u16(data);
		ret->addr[i].ip.v = rd_u32(data);
	}
	return 0;
}

static int
question_decode(struct rd *r, const struct rd *packet, uint16_t *ret_type, struct nb_key *ret)
{
	int drop = nb_name_decode(r, packet, ret);
	uint16_t class;

	if (drop)
		return drop;
	*ret_type = rd_u16(r);
	class = rd_u16(r);
	if (r->bad)
		return NB_DROP_SHORT;
	return class == CLASS_IN ? 0 : NB_DROP_CLASS;
}

/*
 * The RR_NAME of a request "must" be the pointer C0 0C (RFC 1002 4.2.2). A name written out in full
 * is taken too, as long as it is the question's.
 */
static int
same_name_decode(struct rd *r, const struct rd *packet, const struct nb_key *question)
{
	struct nb_key key;
	int drop;

	if (rd_left(r) >= 2 && r->p[0] == 0xc0 && r->p[1] == 0x0c) {
		r->p += 2;
		return 0;
	}
	drop = nb_name_decode(r, packet, &key);
	if (drop)
		return drop;
	return nb_key_eq(&key, question) ? 0 : NB_DROP_NAME_MISMATCH;
}

/* Queries and node status requests: a question and nothing else. */
static int
query_decode(struct rd *r, const struct rd *packet, const struct header *h, struct nb_msg *ret)
{
	uint16_t type;
	int drop;

	if (!counts_are(h, 1, 0, 0, 0))
		return h->qd ? NB_DROP_COUNTS : NB_DROP_NO_QUESTION;
	drop = question_decode(r, packet, &type, &ret->key);
	if (drop)
		return drop;
	if (type != NB_TYPE_NB && type != NB_TYPE_NBSTAT)
		return NB_DROP_TYPE;
	ret->kind = type == NB_TYPE_NB ? NB_QUERY_REQ : NB_STATUS_REQ;
	return 0;
}

/* Registration, refresh, release: a question and a record for the same name. */
static int
claim_decode(struct rd *r, const struct rd *packet, const struct header *h, struct nb_msg *ret)
{
	struct record rr;
	uint16_t type;
	int drop;

	if (!h->qd)
		return NB_DROP_NO_QUESTION;
	if (!h->ar)
		return NB_DROP_NO_RECORD;
	if (!counts_are(h, 1, 0, 0, 1))
		return NB_DROP_COUNTS;
	drop = question_decode(r, packet, &type, &ret->key);
	if (!drop)
		drop = same_name_decode(r, packet, &ret->key);
	if (!drop)
		drop = record_decode(r, &rr);
	if (drop)
		return drop;
	if (type != NB_TYPE_NB || rr.type != NB_TYPE_NB)
		return NB_DROP_TYPE;
	ret->rr_type = rr.type;
	ret->ttl = rr.ttl;
	return addrs_decode(&rr.data, 1, 1, ret);
}

static int
request_decode(struct rd *r, const struct rd *packet, const struct header *h, struct nb_msg *ret)
{
	switch (nb_opcode(ret)) {
	case NB_OP_QUERY:
		return query_decode(r, packet, h, ret);
	case NB_OP_REGISTER:
	case NB_OP_MULTIHOMED:
		ret->kind = NB_REGISTER_REQ;
		return claim_decode(r, packet, h, ret);
	case NB_OP_REFRESH:
	case NB_OP_REFRESH_ALT:
		ret->kind = NB_REFRESH_REQ;
		return claim_decode(r, packet, h, ret);
	case NB_OP_RELEASE:
		ret->kind = NB_RELEASE_REQ;
		return claim_decode(r, packet, h, ret);
	}
	return NB_DROP_OPCODE;
}

/* The one record of a response. */
static int
answer_decode(struct rd *r, const struct rd *packet, struct nb_msg *ret, struct rd *ret_data)
{
	struct record rr;
	int drop;

	/* A server that could not read the request's name writes the root (1.8.11). */
	if (ret->kind == NB_WACK && rd_left(r) && !r->p[0]) {
		memset(&ret->key, 0, sizeof(ret->key));
		r->p++;
		drop = 0;
	} else {
		drop = nb_name_decode(r, packet, &ret->key);
	}
	if (!drop)
		drop = record_decode(r, &rr);
	if (drop)
		return drop;
	ret->rr_type = rr.type;
	ret->ttl = rr.ttl;
	*ret_data = rr.data;
	return 0;
}

/*
 * RFC 1002 4.2.14 draws ANCOUNT 0 with a record behind it; both counts occur, and the record may be
 * missing (1.8.8). Its data says nothing, so whatever length it has is passed over.
 */
static int
query_fail_decode(struct rd *r, const struct rd *packet, const struct header *h, struct nb_msg *ret)
{
	struct rd data;
	int drop;

	ret->kind = NB_QUERY_FAIL;
	if (h->qd || h->an > 1 || h->ns || h->ar)
		return NB_DROP_COUNTS;
	if (!rd_left(r)) {
		memset(&ret->key, 0, sizeof(ret->key));
		return 0;
	}
	drop = answer_decode(r, packet, ret, &data);
	if (drop)
		return drop;
	return ret->rr_type == NB_TYPE_NULL || ret->rr_type == NB_TYPE_NB ? 0 : NB_DROP_TYPE;
}

static int
status_decode(struct rd *data, struct nb_msg *ret)
{
	ret->kind = NB_STATUS_RESP;
	ret->nnode = rd_u8(data);
	ret->node = rd_bytes(data, (size_t)ret->nnode * NB_NODE_LEN);
	if (data->bad)
		return NB_DROP_RDATA;
	/* Some stop after the 6 bytes of the unit id, some write none at all (1.8.12). */
	ret->stats_len = (uint16_t)(rd_left(data) < NB_STATS_LEN ? rd_left(data) : NB_STATS_LEN);
	ret->stats = rd_bytes(data, ret->stats_len);
	return 0;
}

/* NS record with the name of the server to ask, A record with its address (RFC 1002 4.2.15). */
static int
redirect_decode(struct rd *r, const struct rd *packet, struct nb_msg *ret)
{
	struct record rr;
	struct rd data;
	int drop;

	ret->kind = NB_REDIRECT;
	drop = answer_decode(r, packet, ret, &data);
	if (drop)
		return drop;
	if (ret->rr_type != NB_TYPE_NS)
		return NB_DROP_TYPE;
	drop = nb_name_decode(&data, packet, &ret->ns_key);
	if (drop)
		return drop == NB_DROP_SHORT ? NB_DROP_RDATA : drop;
	if (rd_left(&data))
		return NB_DROP_RDATA;
	drop = same_name_decode(r, packet, &ret->ns_key);
	if (!drop)
		drop = record_decode(r, &rr);
	if (drop)
		return drop;
	if (rr.type != NB_TYPE_A)
		return NB_DROP_TYPE;
	if (rd_left(&rr.data) != 4)
		return NB_DROP_RDATA;
	ret->ns_ip.v = rd_u32(&rr.data);
	return 0;
}

static int
query_answer_decode(
    struct rd *r, const struct rd *packet, const struct header *h, struct nb_msg *ret)
{
	struct rd data;
	int drop;

	if (nb_rcode(ret))
		return query_fail_decode(r, packet, h, ret);
	if (counts_are(h, 0, 0, 1, 1))
		return redirect_decode(r, packet, ret);
	if (!counts_are(h, 0, 1, 0, 0))
		return h->an || h->qd || h->ns || h->ar ? NB_DROP_COUNTS : NB_DROP_NO_RECORD;
	ret->kind = NB_QUERY_OK;
	drop = answer_decode(r, packet, ret, &data);
	if (drop)
		return drop;
	switch (ret->rr_type) {
	case NB_TYPE_NB:
		return addrs_decode(&data, 0, NB_ADDR_MAX, ret);
	case NB_TYPE_NBSTAT:
		return status_decode(&data, ret);
	}
	return NB_DROP_TYPE;
}

static int
wack_decode(struct rd *data, struct nb_msg *ret)
{
	if (ret->rr_type != NB_TYPE_NB && ret->rr_type != NB_TYPE_NULL)
		return NB_DROP_TYPE;
	if (rd_left(data) != 2)
		return NB_DROP_RDATA;
	ret->wack_flags = rd_u16(data);
	return 0;
}

/* Every answer to a registration or refresh has opcode 5 (1.8): 8, 9 and 15 are never responses. */
static int
response_decode(struct rd *r, const struct rd *packet, const struct header *h, struct nb_msg *ret)
{
	struct rd data;
	int drop;

	switch (nb_opcode(ret)) {
	case NB_OP_QUERY:
		return query_answer_decode(r, packet, h, ret);
	case NB_OP_REGISTER:
		ret->kind = NB_REGISTER_RESP;
		break;
	case NB_OP_RELEASE:
		ret->kind = NB_RELEASE_RESP;
		break;
	case NB_OP_WACK:
		ret->kind = NB_WACK;
		break;
	default:
		return NB_DROP_OPCODE;
	}
	if (!counts_are(h, 0, 1, 0, 0))
		return h->an ? NB_DROP_COUNTS : NB_DROP_NO_RECORD;
	drop = answer_decode(r, packet, ret, &data);
	if (drop)
		return drop;
	if (ret->kind == NB_WACK)
		return wack_decode(&data, ret);
	return ret->rr_type == NB_TYPE_NB ? addrs_decode(&data, 1, 1, ret) : NB_DROP_TYPE;
}

enum nb_drop
nb_decode(const uint8_t *packet, size_t len, struct nb_msg *ret)
{
	const struct rd whole = rd_init(packet, len);
	struct rd r = whole;
	struct header h;

	ret->id = rd_u16(&r);
	ret->flags = rd_u16(&r);
	h.qd = rd_u16(&r);
	h.an = rd_u16(&r);
	h.ns = rd_u16(&r);
	h.ar = rd_u16(&r);
	if (r.bad)
		return NB_DROP_SHORT;
	/* Member by member: the address array alone is longer than most packets. */
	ret->rr_type = 0;
	ret->ttl = 0;
	ret->naddr = 0;
	ret->wack_flags = 0;
	ret->ns_ip = IP4_ANY;
	ret->nnode = 0;
	ret->node = NULL;
	ret->stats_len = 0;
	ret->stats = NULL;
	if (ret->flags & NB_F_R)
		return (enum nb_drop)response_decode(&r, &whole, &h, ret);
	return (enum nb_drop)request_decode(&r, &whole, &h, ret);
}
