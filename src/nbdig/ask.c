/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The packet that nbdig sends, and which packets answer it. Layer: program; pure.
 * Facts: netbt-name-service.md 1.8, 8.2 rule 3.
 */
#include "nbdig/nbdig.h"

void
dig_request(const struct dig *d, uint16_t id, struct nb_msg *ret)
{
	static const struct {
		uint8_t kind, opcode;
		bool recursion; /* RD, by the catalogue */
	} shape[] = {
		[DIG_QUERY] = { NB_QUERY_REQ, NB_OP_QUERY, true },
		[DIG_STATUS] = { NB_STATUS_REQ, NB_OP_QUERY, false },
		[DIG_REGISTER] = { NB_REGISTER_REQ, NB_OP_REGISTER, true },
		[DIG_REFRESH] = { NB_REFRESH_REQ, NB_OP_REFRESH, false },
		[DIG_RELEASE] = { NB_RELEASE_REQ, NB_OP_RELEASE, false },
	};
	unsigned opcode = shape[d->op].opcode;

	if (d->multihomed)
		opcode = NB_OP_MULTIHOMED;
	if (d->opcode9)
		opcode = NB_OP_REFRESH_ALT;
	*ret = (struct nb_msg){ .id = id, .kind = shape[d->op].kind, .key = d->key };
	ret->flags = (uint16_t)(opcode << 11);
	if (shape[d->op].recursion && !d->no_recursion)
		ret->flags |= NB_F_RD;
	if (!d->has_address)
		return;
	ret->rr_type = NB_TYPE_NB;
	ret->ttl = d->op == DIG_RELEASE ? 0 : d->ttl;
	ret->naddr = 1;
	ret->addr[0].flags = (uint16_t)(d->node_type | (d->group ? NB_G : 0));
	ret->addr[0].ip = d->address;
}

static bool
kind_fits(const struct nb_msg *request, const struct nb_msg *got)
{
	switch ((enum nb_kind)request->kind) {
	case NB_QUERY_REQ:
		return got->kind == NB_QUERY_OK || got->kind == NB_QUERY_FAIL ||
		       got->kind == NB_REDIRECT;
	case NB_STATUS_REQ:
		return got->kind == NB_STATUS_RESP || got->kind == NB_QUERY_FAIL;
	case NB_REGISTER_REQ:
	case NB_REFRESH_REQ:
		return got->kind == NB_REGISTER_RESP;
	case NB_RELEASE_REQ:
		return got->kind == NB_RELEASE_RESP;
	default:
		return false;
	}
}

/* Two kinds of answer may come without the name that they are about (1.8.8, 1.8.11). */
static bool
name_fits(const struct nb_msg *request, const struct nb_msg *got)
{
	static const struct nb_key none;

	if ((got->kind == NB_QUERY_FAIL || got->kind == NB_WACK) && nb_key_eq(&got->key, &none))
		return true;
	return nb_key_eq(&got->key, &request->key);
}

enum dig_answer
dig_judge(const struct nb_msg *request, const struct nb_msg *got)
{
	if (got->id != request->id)
		return DIG_OTHER_ID;
	if (got->kind != NB_WACK && !kind_fits(request, got))
		return DIG_OTHER_KIND;
	if (!name_fits(request, got))
		return DIG_OTHER_NAME;
	return got->kind == NB_WACK ? DIG_WAIT : DIG_ANSWER;
}

const char *
dig_answer_text(enum dig_answer a)
{
	switch (a) {
	case DIG_OTHER_ID:
		return "another transaction id";
	case DIG_OTHER_NAME:
		return "about another name";
	case DIG_OTHER_KIND:
		return "not a response to this request";
	case DIG_ANSWER:
	case DIG_WAIT:
		break;
	}
	return NULL;
}

bool
dig_positive(const struct nb_msg *answer)
{
	if (nb_rcode(answer) || answer->kind == NB_REDIRECT)
		return false;
	/* AD00, "challenge the owner yourself", differs from success in RA alone. */
	return answer->kind != NB_REGISTER_RESP || (answer->flags & NB_F_RA);
}
