/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The query path, for any number of threads at once: decode, look up, rule, encode. No lock, no
 * allocation, no system call, no log line; nothing here changes state (wins 2.7). Layer: wins.
 */
#include "wins/wins.h"

#define SUFFIX_DOMAIN_MASTER      0x1b
#define SUFFIX_DOMAIN_CONTROLLERS 0x1c

/* Turns a 1C list by the client's transaction id, which is random or counts up: every start comes
 * up as often (Randomize1CList, KB 231305). The domain master, if it leads, keeps leading. */
static void
rotate(struct answer *a, unsigned fixed, uint16_t id)
{
	unsigned n = a->naddr - fixed;
	struct ip4 turned[REC_ADDR_MAX];

	if (a->naddr <= fixed + 1)
		return;
	for (unsigned i = 0; i < n; i++)
		turned[i] = a->addr[fixed + (i + id) % n];
	for (unsigned i = 0; i < n; i++)
		a->addr[fixed + i] = turned[i];
}

static const struct rec *
look_up_pdc(const struct store *store, const struct wins_view *view, const struct nb_key *key,
    struct rec *buf)
{
	struct nb_key pdc;

	if (nb_suffix(key) != SUFFIX_DOMAIN_CONTROLLERS || !view->env.prepend_1b)
		return NULL;
	pdc = *key;
	pdc.name.b[NB_NAME_LEN - 1] = SUFFIX_DOMAIN_MASTER;
	return store_get(store, &pdc, buf) ? buf : NULL;
}

static size_t
encode_answer(struct nb_msg *m, const struct answer *a, uint8_t out[static NB_UDP_MAX])
{
	m->kind = a->rcode ? NB_QUERY_FAIL : NB_QUERY_OK;
	m->flags = (uint16_t)(NB_F_R | NB_F_AA | NB_F_RA | (m->flags & NB_F_RD) | a->rcode);
	m->rr_type = a->rcode ? NB_TYPE_NULL : NB_TYPE_NB;
	m->ttl = 0; /* clients keep answers for their own CacheTimeout (netbt 2.1) */
	m->naddr = a->naddr;
	for (unsigned i = 0; i < a->naddr; i++)
		m->addr[i] = (struct nb_addr){ a->flags, a->addr[i] };
	return nb_encode(m, out, NB_UDP_MAX);
}

/* What is not a query to a name server: for the registrar (NONE), or dropped. */
static enum nb_drop
not_a_query(const struct nb_msg *m)
{
	if (m->flags & NB_F_B)
		return NB_DROP_BROADCAST;
	switch ((enum nb_kind)m->kind) {
	case NB_QUERY_REQ: /* RD clear: a question to the end node (RFC 1002 4.2.1.1) */
	case NB_STATUS_REQ:
		return NB_DROP_NOT_FOR_US;
	default:
		return NB_DROP_NONE;
	}
}

void
wins_read(const struct store *store, const uint8_t *packet, size_t len, struct wins_packet *ret)
{
	ret->drop = nb_decode(packet, len, &ret->m);
	if (ret->drop)
		return;
	ret->hash = store_hash(store, &ret->m.key);
	store_fetch(store, ret->hash);
}

void
wins_fetch(const struct store *store, const struct wins_packet *p)
{
	if (!p->drop)
		store_fetch_record(store, p->hash);
}

static size_t
answer(const struct store *store, const struct wins_view *view, struct wins_stats *stats,
    struct nb_msg *m, uint8_t out[static NB_UDP_MAX])
{
	struct rec rec, pdc_rec;
	const struct rec *cur = store_get(store, &m->key, &rec) ? &rec : NULL;
	const struct rec *pdc = cur ? look_up_pdc(store, view, &m->key, &pdc_rec) : NULL;
	struct answer a;

	rule_query(&m->key, cur, pdc, &view->env, &a);
	if (view->randomize_1c && cur && cur->type == REC_SPECIAL)
		rotate(&a, pdc && a.naddr && ip4_eq(a.addr[0], pdc->addr[0].ip), m->id);

	wins_count(&stats->n[WS_QUERIES]);
	wins_count(&stats->n[a.rcode ? WS_QUERIES_FAIL : WS_QUERIES_OK]);
	wins_count(&stats->rule[a.rule]);
	return encode_answer(m, &a, out);
}

size_t
wins_answer(const struct store *store, const struct wins_view *view, struct wins_stats *stats,
    struct wins_packet *p, uint8_t out[static NB_UDP_MAX])
{
	struct nb_msg *m = &p->m;

	if (!p->drop && m->kind == NB_QUERY_REQ && (m->flags & (NB_F_B | NB_F_RD)) == NB_F_RD)
		return answer(store, view, stats, m, out);
	if (!p->drop)
		p->drop = not_a_query(m);
	if (p->drop)
		wins_count(&stats->drop[p->drop]);
	return 0;
}

size_t
wins_query(const struct store *store, const struct wins_view *view, struct wins_stats *stats,
    const uint8_t *packet, size_t len, uint8_t out[static NB_UDP_MAX], enum nb_drop *ret_drop)
{
	struct wins_packet p;

	wins_read(store, packet, len, &p);
	len = wins_answer(store, view, stats, &p, out);
	*ret_drop = p.drop;
	return len;
}
