/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The packet of a request, and whether a packet is the answer that must come to it
 * (netbt-name-service.md 1.8). Layer: program; pure.
 */
#include "nbperf/load.h"

#define REQUEST_TTL   300000 /* what Windows asks for (netbt 2.1) */
#define SUFFIX_ABSENT 0x7f   /* no program registers it */
#define HOSTS_A_GROUP 250

/*
 * What a Windows computer claims when it starts: itself as workstation, messenger and server, its user,
 * and its workgroup twice (netbt 1.4).
 */
static const struct {
	uint8_t suffix;
	char first; /* of the user's name, to differ from the computer's; 0: as it is */
	bool group;
} storm[STORM_NAMES] = {
	{ 0x00, 0, false },
	{ 0x20, 0, false },
	{ 0x03, 0, false },
	{ 0x03, '$', false },
	{ 0x00, 0, true },
	{ 0x1e, 0, true },
};

static void
group_key(uint64_t group, struct nb_key *key)
{
	memset(key, 0, sizeof(*key));
	memcpy(key->name.b, "GROUP0000000   ", NB_NAME_LEN - 1);
	for (unsigned i = 12; i > 5; i--, group /= 10)
		key->name.b[i - 1] = (uint8_t)('0' + group % 10);
}

/* The name, its address; returns whether it is a group's. */
static bool
subject(const struct perf *p, const struct names *n, const struct ask *a, struct nb_key *key,
    struct ip4 *ip)
{
	uint64_t host = a->number;
	unsigned which = 0;

	if (p->mode == PERF_STORM) {
		which = (unsigned)(a->number % STORM_NAMES);
		host = a->number / STORM_NAMES;
	}
	(void)names_address(
	    n, host, ip); /* what is claimed, even if answers are not checked for it */
	if (a->self || p->own)
		*ip = p->self;
	if (a->owners)
		*ip = p->owners.a[a->number % p->owners.n];
	if (p->mode != PERF_STORM || !storm[which].group)
		names_get(n, host, key);
	else
		group_key(host / HOSTS_A_GROUP, key);
	if (a->absent)
		key->name.b[NB_NAME_LEN - 1] = SUFFIX_ABSENT;
	if (p->mode != PERF_STORM)
		return p->group;
	key->name.b[NB_NAME_LEN - 1] = storm[which].suffix;
	if (storm[which].first)
		key->name.b[0] = (uint8_t)storm[which].first;
	return storm[which].group;
}

void
ask_message(const struct perf *p, const struct names *n, const struct ask *a, uint16_t id,
    struct nb_msg *ret)
{
	static const struct {
		uint8_t kind;
		uint16_t flags;
	} packet[] = {
		[OP_QUERY] = { NB_QUERY_REQ, NB_F_RD },
		[OP_REGISTER] = { NB_REGISTER_REQ, NB_OP_REGISTER << 11 | NB_F_RD },
		[OP_REFRESH] = { NB_REFRESH_REQ, NB_OP_REFRESH << 11 },
		[OP_RELEASE] = { NB_RELEASE_REQ, NB_OP_RELEASE << 11 },
	};
	bool group = subject(p, n, a, &ret->key, &ret->addr[0].ip);

	ret->id = id;
	ret->kind = packet[a->op].kind;
	ret->flags = packet[a->op].flags;
	ret->rr_type = 0;
	ret->ttl = a->op == OP_RELEASE ? 0 : REQUEST_TTL;
	ret->naddr = a->op != OP_QUERY;
	ret->addr[0].flags = (uint16_t)((group ? NB_G : 0) | NB_ONT);
}

/* The result code that must come. */
static unsigned
result_of(const struct perf *p, const struct ask *a)
{
	if (a->absent)
		return NB_RC_NAM;
	if (p->mode == PERF_CHALLENGE && !a->owners && p->owner == PERF_LIVING)
		return NB_RC_ACT;
	return NB_RC_OK;
}

static bool
has_address(const struct nb_msg *m, struct ip4 ip)
{
	for (unsigned i = 0; i < m->naddr; i++)
		if (ip4_eq(m->addr[i].ip, ip))
			return true;
	return false;
}

/* RA clear in a positive answer to a registration means "challenge the owner yourself" (1.8.1). */
static bool
is_kind(const struct ask *a, const struct nb_msg *m)
{
	switch ((enum nb_kind)m->kind) {
	case NB_QUERY_OK:
	case NB_QUERY_FAIL:
		return a->op == OP_QUERY;
	case NB_REGISTER_RESP:
		return (a->op == OP_REGISTER || a->op == OP_REFRESH) &&
		       (nb_rcode(m) || m->flags & NB_F_RA);
	case NB_RELEASE_RESP:
		return a->op == OP_RELEASE;
	default:
		return false;
	}
}

enum finding
ask_judge(
    const struct perf *p, const struct names *n, const struct ask *a, const struct nb_msg *answer)
{
	struct nb_key key;
	struct ip4 ip;
	bool known;

	(void)subject(p, n, a, &key, &ip);
	if (!nb_key_eq(&key, &answer->key))
		return FIND_NAME;
	if (answer->kind == NB_WACK && a->op != OP_QUERY)
		return FIND_WAIT;
	if (!is_kind(a, answer))
		return FIND_KIND;
	if (p->any_answer)
		return FIND_RIGHT;
	if (nb_rcode(answer) != result_of(p, a))
		return FIND_RESULT;
	known = a->op != OP_QUERY || p->own || names_address(n, a->number, &ip);
	if (nb_rcode(answer) == NB_RC_OK && known && !has_address(answer, ip))
		return FIND_ADDRESS;
	return FIND_RIGHT;
}

const char *
finding_text(enum finding f)
{
	static const char *const text[FIND_COUNT] = {
		[FIND_RIGHT] = "right",
		[FIND_WAIT] = "wait",
		[FIND_NAME] = "about another name",
		[FIND_KIND] = "no answer to such a request",
		[FIND_RESULT] = "not the result expected",
		[FIND_ADDRESS] = "not the address expected",
	};

	return text[f];
}

const char *
op_text(enum perf_op op)
{
	static const char *const text[PERF_OPS] = {
		[OP_QUERY] = "query",
		[OP_REGISTER] = "register",
		[OP_REFRESH] = "refresh",
		[OP_RELEASE] = "release",
	};

	return text[op];
}
