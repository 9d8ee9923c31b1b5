/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The answers of a DNS server to NetBIOS name queries. A query for a name without scope is, byte for byte,
 * a DNS query for a name of 32 characters in the root, with a type that DNS writes TYPE32 (RFC 3597) and
 * class IN; what comes back differs in that it repeats the question, has a record for each address, and
 * may have an authority and an additional section, which say nothing about the name. Layer: program; pure.
 */
#include "nbperf/load.h"

#define HEADER    12
#define CLASS_IN  1
#define ENTRY_LEN 6 /* an ADDR_ENTRY */

static enum nb_drop
question(struct rd *r, const struct rd *packet, struct nb_msg *ret)
{
	enum nb_drop drop = (enum nb_drop)nb_name_decode(r, packet, &ret->key);
	uint16_t type = rd_u16(r), class = rd_u16(r);

	if (drop)
		return drop;
	if (r->bad)
		return NB_DROP_SHORT;
	if (type != NB_TYPE_NB)
		return NB_DROP_TYPE;
	return class == CLASS_IN ? NB_DROP_NONE : NB_DROP_CLASS;
}

static enum nb_drop
record(struct rd *r, const struct rd *packet, struct nb_msg *ret)
{
	struct nb_key key;
	struct rd data;
	uint16_t class, flags;
	enum nb_drop drop = (enum nb_drop)nb_name_decode(r, packet, &key);

	ret->rr_type = rd_u16(r);
	class = rd_u16(r);
	ret->ttl = rd_u32(r);
	data = rd_sub(r, rd_u16(r));
	if (drop)
		return drop;
	if (r->bad)
		return NB_DROP_SHORT;
	if (!nb_key_eq(&key, &ret->key))
		return NB_DROP_NAME_MISMATCH;
	if (class != CLASS_IN)
		return NB_DROP_CLASS;
	if (ret->rr_type != NB_TYPE_NB)
		return NB_DROP_TYPE;
	if (rd_left(&data) != ENTRY_LEN)
		return NB_DROP_RDATA;
	flags = rd_u16(&data);
	if (ret->naddr < NB_ADDR_MAX)
		ret->addr[ret->naddr++] = (struct nb_addr){ flags, { rd_u32(&data) } };
	return NB_DROP_NONE;
}

enum nb_drop
dns_decode(const uint8_t *packet, size_t len, struct nb_msg *ret)
{
	const struct rd whole = rd_init(packet, len);
	struct rd r = whole;
	unsigned questions, records;
	enum nb_drop drop;

	if (len < HEADER)
		return NB_DROP_SHORT;
	ret->id = rd_u16(&r);
	ret->flags = rd_u16(&r);
	questions = rd_u16(&r);
	records = rd_u16(&r);
	(void)rd_u32(&r);
	if (!(ret->flags & NB_F_R) || nb_opcode(ret) != NB_OP_QUERY)
		return NB_DROP_OPCODE;
	if (questions != 1)
		return NB_DROP_COUNTS;
	ret->kind = nb_rcode(ret) ? NB_QUERY_FAIL : NB_QUERY_OK;
	ret->rr_type = 0;
	ret->naddr = 0;
	drop = question(&r, &whole, ret);
	if (drop || nb_rcode(ret))
		return drop;
	if (!records)
		return NB_DROP_NO_RECORD;
	for (; records && !drop; records--)
		drop = record(&r, &whole, ret);
	return drop;
}
