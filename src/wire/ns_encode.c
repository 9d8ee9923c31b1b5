/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Name service packets, struct to bytes. What does not fit of a list is left out and TC is set; what
 * else does not fit makes no packet at all. Layer: wire. Never allocates; every byte of the packet is
 * written here, so none of an earlier one can leak (MS03-034).
 * Facts: netbt-name-service.md 1.6-1.8.
 */
#include "wire/ns.h"

#include <assert.h>

#define CLASS_IN      1
#define ENTRY_LEN     6      /* an ADDR_ENTRY */
#define QUESTION_NAME 0xc00c /* pointer to the name behind the header */

static void
header_encode(struct wr *w, const struct nb_msg *m)
{
	bool claim =
	    m->kind == NB_REGISTER_REQ || m->kind == NB_REFRESH_REQ || m->kind == NB_RELEASE_REQ;
	bool request = claim || m->kind == NB_QUERY_REQ || m->kind == NB_STATUS_REQ;
	bool redirect = m->kind == NB_REDIRECT;

	assert(request == !(m->flags & NB_F_R));
	wr_u16(w, m->id);
	wr_u16(w, m->flags);
	wr_u16(w, request);
	wr_u16(w, !request && !redirect);
	wr_u16(w, redirect);
	wr_u16(w, claim || redirect);
}

/* TYPE, CLASS, TTL and the data's length. */
static void
record_encode(struct wr *w, uint16_t type, uint32_t ttl, size_t rdlength)
{
	wr_u16(w, type);
	wr_u16(w, CLASS_IN);
	wr_u32(w, ttl);
	wr_u16(w, (uint16_t)rdlength);
}

static void
question_encode(struct wr *w, const struct nb_msg *m, uint16_t type)
{
	nb_name_encode(w, &m->key);
	wr_u16(w, type);
	wr_u16(w, CLASS_IN);
}

static void
addr_encode(struct wr *w, const struct nb_addr *a)
{
	wr_u16(w, a->flags);
	wr_u32(w, a->ip.v);
}

static void
claim_encode(struct wr *w, const struct nb_msg *m)
{
	assert(m->naddr == 1);
	question_encode(w, m, NB_TYPE_NB);
	wr_u16(w, QUESTION_NAME);
	record_encode(w, NB_TYPE_NB, m->ttl, ENTRY_LEN);
	addr_encode(w, &m->addr[0]);
}

static void
claim_answer_encode(struct wr *w, const struct nb_msg *m)
{
	assert(m->naddr == 1);
	nb_name_encode(w, &m->key);
	record_encode(w, NB_TYPE_NB, m->ttl, ENTRY_LEN);
	addr_encode(w, &m->addr[0]);
}

/* How many of n pieces fit behind what is still to be written first. */
static size_t
fitting(const struct wr *w, size_t first, size_t piece, size_t n)
{
	size_t room = (size_t)(w->end - w->p);
	size_t fit = room < first ? 0 : (room - first) / piece;

	return fit < n ? fit : n;
}

/* False: some addresses were left out. */
static bool
addrs_encode(struct wr *w, const struct nb_msg *m)
{
	size_t n;

	assert(m->naddr <= NB_ADDR_MAX);
	nb_name_encode(w, &m->key);
	n = fitting(w, 10, ENTRY_LEN, m->naddr);
	record_encode(w, NB_TYPE_NB, m->ttl, n * ENTRY_LEN);
	for (size_t i = 0; i < n; i++)
		addr_encode(w, &m->addr[i]);
	return n == m->naddr;
}

/* False: some names were left out. The statistics always stand whole behind them. */
static bool
status_encode(struct wr *w, const struct nb_msg *m)
{
	size_t n;

	assert(m->stats_len <= NB_STATS_LEN);
	nb_name_encode(w, &m->key);
	n = fitting(w, 10 + 1 + m->stats_len, NB_NODE_LEN, m->nnode);
	record_encode(w, NB_TYPE_NBSTAT, m->ttl, 1 + n * NB_NODE_LEN + m->stats_len);
	wr_u8(w, (uint8_t)n);
	wr_bytes(w, m->node, n * NB_NODE_LEN);
	wr_bytes(w, m->stats, m->stats_len);
	return n == m->nnode;
}

static void
redirect_encode(struct wr *w, const struct nb_msg *m)
{
	nb_name_encode(w, &m->key);
	record_encode(w, NB_TYPE_NS, m->ttl, 2u + 2 * NB_NAME_LEN + m->ns_key.scope.len);
	nb_name_encode(w, &m->ns_key);
	nb_name_encode(w, &m->ns_key);
	record_encode(w, NB_TYPE_A, m->ttl, 4);
	wr_u32(w, m->ns_ip.v);
}

/* What stands behind the header. False: something of a list was left out. */
static bool
body_encode(struct wr *w, const struct nb_msg *m)
{
	switch ((enum nb_kind)m->kind) {
	case NB_QUERY_REQ:
		question_encode(w, m, NB_TYPE_NB);
		return true;
	case NB_STATUS_REQ:
		question_encode(w, m, NB_TYPE_NBSTAT);
		return true;
	case NB_REGISTER_REQ:
	case NB_REFRESH_REQ:
	case NB_RELEASE_REQ:
		claim_encode(w, m);
		return true;
	case NB_REGISTER_RESP:
	case NB_RELEASE_RESP:
		claim_answer_encode(w, m);
		return true;
	case NB_QUERY_OK:
		return addrs_encode(w, m);
	case NB_STATUS_RESP:
		return status_encode(w, m);
	case NB_QUERY_FAIL:
		nb_name_encode(w, &m->key);
		record_encode(w, m->rr_type ? m->rr_type : NB_TYPE_NULL, m->ttl, 0);
		return true;
	case NB_WACK:
		nb_name_encode(w, &m->key);
		record_encode(w, m->rr_type ? m->rr_type : NB_TYPE_NB, m->ttl, 2);
		wr_u16(w, m->wack_flags);
		return true;
	case NB_REDIRECT:
		redirect_encode(w, m);
		return true;
	case NB_KIND_COUNT:
		break;
	}
	assert(!"no such kind");
	return true;
}

size_t
nb_encode(const struct nb_msg *m, uint8_t *out, size_t cap)
{
	struct wr w = wr_init(out, cap);

	header_encode(&w, m);
	if (!body_encode(&w, m) && !w.bad)
		out[2] |= NB_F_TC >> 8;
	return w.bad ? 0 : (size_t)(w.p - out);
}
