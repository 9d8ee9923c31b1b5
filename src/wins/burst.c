/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Burst handling (wins 2.11): while the queue is over its threshold, registrations and refreshes get
 * a positive answer with a short lifetime, unseen and unstored, so that a building that boots at once
 * comes back spread out. Layer: wins. The caller decides when; off by default, because what is
 * acknowledged here is not kept.
 */
#include "wins/wins.h"

#define LADDER_STEP  100 /* answers with the same lifetime */
#define LADDER_STEPS 10  /* 5, 10 ... 50 minutes, then from 5 again */

size_t
wins_burst_answer(struct wins_burst *b, struct wins_stats *stats, const uint8_t *packet, size_t len,
    uint8_t out[static NB_UDP_MAX])
{
	struct nb_msg m;

	if (nb_decode(packet, len, &m) || m.flags & NB_F_B ||
	    (m.kind != NB_REGISTER_REQ && m.kind != NB_REFRESH_REQ))
		return 0;
	m.kind = NB_REGISTER_RESP;
	m.flags = NB_F_R | NB_OP_REGISTER << 11 | NB_F_AA | NB_F_RD | NB_F_RA;
	m.rr_type = NB_TYPE_NB;
	m.ttl = WINS_BURST_TTL_MIN * (1 + b->answered / LADDER_STEP % LADDER_STEPS);
	m.naddr = 1;
	b->answered++;
	wins_count(&stats->n[WS_BURST]);
	return nb_encode(&m, out, NB_UDP_MAX);
}
