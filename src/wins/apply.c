/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verdicts into effects: one switch, one arm an action, and how an answer is laid out. Nothing here
 * decides. Layer: wins. See apply.h.
 */
#include "wins/apply.h"

#include <assert.h>
#include <string.h>

static bool
is_release(const struct asked *a)
{
	return (a->flags & NB_F_OPCODE) >> 11 == NB_OP_RELEASE;
}

/*
 * The answer repeats name, flags and address of the request (wins 2.1). Registrations of all
 * opcodes are answered with opcode 5 (netbt 0.3 rule 3) and the lifetime granted, which a refusal
 * does not have; releases repeat the request's TTL.
 */
static void
answer(struct wins *w, const struct verdict *v, const struct asked *a, bool promises)
{
	bool release = is_release(a);
	struct wins_reply *r = wins_reply_new(w, a->path);
	struct nb_msg m;

	if (!r)
		return;
	m.id = a->id;
	m.kind = release ? NB_RELEASE_RESP : NB_REGISTER_RESP;
	m.flags = (uint16_t)(release ? NB_F_R | NB_OP_RELEASE << 11 | NB_F_AA
				     : NB_F_R | NB_OP_REGISTER << 11 | NB_F_AA | NB_F_RD | NB_F_RA);
	m.flags |= v->rcode;
	m.key = a->key;
	m.rr_type = NB_TYPE_NB;
	m.ttl = release ? a->ttl : v->rcode ? 0 : v->ttl;
	m.naddr = 1;
	m.addr[0] = a->addr;
	r->out.len = (uint16_t)nb_encode(&m, r->out.data, sizeof(r->out.data));
	r->promises = promises;
	if (!release) {
		r->ok = !v->rcode               ? WS_REGISTER_OK
			: v->rcode == NB_RC_RFS ? WS_REGISTER_REFUSED
						: WS_COUNT;
		r->fail = WS_REGISTER_FAIL;
	} else {
		r->ok = v->action == ACT_WRITE ? WS_RELEASES_OK : WS_RELEASES_NONE;
		r->fail = WS_COUNT;
	}
}

static void
answer_failure(struct wins *w, const struct asked *a)
{
	const struct verdict v = { .action = ACT_REPLY, .rcode = NB_RC_SRV };

	answer(w, &v, a, false);
	wins_count(&w->stats.n[WS_REGISTER_FAIL]);
}

void
apply_wack(struct wins *w, const struct asked *a, uint32_t seconds)
{
	struct wins_reply *r = wins_reply_new(w, a->path);
	struct nb_msg m;

	if (!r)
		return;
	m.id = a->id;
	m.kind = NB_WACK;
	m.flags = NB_F_R | NB_OP_WACK << 11 | NB_F_AA;
	m.key = a->key;
	m.rr_type = NB_TYPE_NB;
	m.ttl = seconds;
	m.wack_flags = a->flags;
	m.naddr = 0;
	wins_count(&w->stats.n[WS_WACKS]);
	r->out.len = (uint16_t)nb_encode(&m, r->out.data, sizeof(r->out.data));
}

/* A claim that was granted: is it of a holder that the record had already? A group's members are not told apart. */
static bool
is_refresh(const struct rec *cur, const struct rec *next)
{
	if (!cur || cur->state != REC_ACTIVE || cur->type == REC_GROUP || next->type == REC_GROUP)
		return cur && cur->state == REC_ACTIVE && cur->type == next->type;
	for (int i = 0; i < next->naddr; i++)
		if (rec_find(cur, next->addr[i].ip) >= 0)
			return true;
	return false;
}

static int
put(struct wins *w, const struct verdict *v, const struct rec *cur, const struct asked *asked)
{
	struct store_sender from;

	/* Who loses a claim registers nothing, though it may cause that something is restored. */
	if (!asked || v->rcode || is_release(asked))
		return store_put(w->store, &v->next);
	from = (struct store_sender){ asked->path->peer, !is_refresh(cur, &v->next) };
	return store_put_from(w->store, &v->next, &from);
}

void
apply_proven(struct wins *w, const struct nb_key *key)
{
	store_prove(w->store, key);
}

/* Notes what partners are to be told of: a name that moved to other addresses (wins 3.7), which shows
 * only under a new version, and what the verdict says. */
static void
note_push(struct wins *w, const struct verdict *v, const struct rec *cur)
{
	if (v->propagate)
		w->push |= WINS_PUSH_PROPAGATE;
	if (cur && rec_is_own(&v->next) && v->next.state == REC_ACTIVE &&
	    v->next.version.v != cur->version.v && !rec_same_addresses(cur, &v->next))
		w->push |= WINS_PUSH_ADDRESS;
}

int
apply(struct wins *w, const struct verdict *v, const struct rec *cur, const struct asked *asked)
{
	bool promises = asked && asked->staged;
	int err = 0;

	switch ((enum rule_action)v->action) {
	case ACT_DROP:
		wins_count(&w->stats.drop[NB_DROP_POLICY]);
		asked = NULL;
		break;
	case ACT_REPLY:
	case ACT_KEEP:
		break;
	case ACT_WRITE:
		err = wins_lacks(w, put(w, v, cur, asked));
		if (!err)
			note_push(w, v, cur);
		promises = true;
		break;
	case ACT_DELETE:
		err = wins_lacks(w, store_del(w->store, &v->next.key));
		promises = true;
		break;
	case ACT_CHALLENGE:
		assert(!"a challenge is not applied, it is waited for");
	}
	if (err == NBT_ELIMIT)
		return err;
	if (err && asked) /* no memory to stage it: a failure of ours, told as one */
		answer_failure(w, asked);
	if (err)
		return err;
	wins_count(&w->stats.rule[v->rule]);
	if (asked)
		answer(w, v, asked, promises);
	return 0;
}

bool
apply_again(struct wins *w, int err, struct wall now)
{
	if (err != NBT_ELIMIT)
		return false;
	(void)wins_commit(w, now); /* a failure was told and its answers became SRV_ERR */
	return true;
}
