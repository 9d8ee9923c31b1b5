/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The texts of the name service tables, and node status entries, which both the decoder and the
 * encoder leave as bytes. Layer: wire. Owns nothing.
 */
#include "wire/ns.h"

#include <assert.h>

const char *
nb_drop_text(int drop)
{
	static const char *const text[] = {
#define X(symbol, id, sentence) sentence,
#include "wire/drops.def"
#undef X
	};

	assert(drop >= 0 && drop < NB_DROP_COUNT);
	return text[drop];
}

const char *
nb_drop_id(int drop)
{
	static const char *const ids[] = {
#define X(symbol, id, sentence) id,
#include "wire/drops.def"
#undef X
	};

	assert(drop >= 0 && drop < NB_DROP_COUNT);
	return ids[drop];
}

const char *
nb_kind_text(int kind)
{
	static const char *const text[NB_KIND_COUNT] = {
		[NB_QUERY_REQ] = "name query request",
		[NB_QUERY_OK] = "positive name query response",
		[NB_QUERY_FAIL] = "negative name query response",
		[NB_REDIRECT] = "redirect name query response",
		[NB_STATUS_REQ] = "node status request",
		[NB_STATUS_RESP] = "node status response",
		[NB_REGISTER_REQ] = "name registration request",
		[NB_REFRESH_REQ] = "name refresh request",
		[NB_REGISTER_RESP] = "name registration response",
		[NB_RELEASE_REQ] = "name release request",
		[NB_RELEASE_RESP] = "name release response",
		[NB_WACK] = "wait acknowledgement",
	};

	assert(kind >= 0 && kind < NB_KIND_COUNT);
	return text[kind];
}

const char *
nb_rcode_text(unsigned rcode)
{
	static const char *const text[] = {
		[NB_RC_OK] = "success",
		[NB_RC_FMT] = "FMT_ERR",
		[NB_RC_SRV] = "SRV_ERR",
		[NB_RC_NAM] = "NAM_ERR",
		[NB_RC_IMP] = "IMP_ERR",
		[NB_RC_RFS] = "RFS_ERR",
		[NB_RC_ACT] = "ACT_ERR",
		[NB_RC_CFT] = "CFT_ERR",
	};

	return rcode < sizeof(text) / sizeof(*text) ? text[rcode] : "unknown";
}

struct nb_node
nb_node_at(const struct nb_msg *m, unsigned i)
{
	struct nb_node node;
	struct rd r;

	assert(i < m->nnode);
	r = rd_init(m->node + (size_t)i * NB_NODE_LEN, NB_NODE_LEN);
	memcpy(node.name.b, rd_bytes(&r, NB_NAME_LEN), NB_NAME_LEN);
	node.flags = rd_u16(&r);
	return node;
}

void
nb_node_encode(struct wr *w, const struct nb_node *node)
{
	wr_bytes(w, node->name.b, NB_NAME_LEN);
	wr_u16(w, node->flags);
}
