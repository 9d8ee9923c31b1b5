/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Challenges. A claim that meets a living record waits here while the stored addresses are asked
 * one after another; any answer from the address asked ends it. Claims of other cards of the same
 * host, or of other hosts, queue behind the one challenge of their name. What the end means is
 * decided by rules, on the record as it is then: no record is remembered across the wait.
 * Layer: wins. See challenge.h.
 */
#include "wins/challenge.h"
#include "wins/dispute.h"
#include "wins/doctor.h"

#include <stdlib.h>
#include <string.h>

#define WAITING_MAX  32 /* claims behind one challenge: more than 25 cards of one host */
#define RESTARTS_MAX 3  /* of one claim, when the record moved under its challenge */
#define REMEMBER_MS \
	15000         /* a refusal is repeated to whoever repeats the claim: 3 tries of 1.5 s
                                 and a WACK's wait, generously */
#define FULL_WACK_S 5 /* "ask again then" when the table is full */

struct claim {
	RB_ENTRY(claim) node;
	struct heap_item forget; /* when refused: until when the answer is remembered */
	struct claim *next;      /* behind the same challenge */
	struct wins_path path;
	struct asked asked; /* path points here */
	struct reg_in in;
	unsigned restarts;
	struct verdict_end {
		uint8_t rcode;
		uint16_t rule;
	} refused;
	bool waiting;
};

struct challenge {
	RB_ENTRY(challenge) node;
	struct nb_key key;
	struct txn txn;
	uint8_t nprobe, at;
	struct ip4 probe[REC_ADDR_MAX];
	struct version seen;
	struct ip4 seen_owner;
	struct claim *first, **last;
	unsigned waiting;
};

/* A transaction is its asker and id (RFC 1002 5.1); opcode and name make it one claim (wins 2.2). */
static int
compare_claims(const struct claim *a, const struct claim *b)
{
	uint64_t x = (uint64_t)a->path.peer.v << 32 | (uint64_t)a->path.port << 16 | a->asked.id;
	uint64_t y = (uint64_t)b->path.peer.v << 32 | (uint64_t)b->path.port << 16 | b->asked.id;

	if (x != y)
		return x < y ? -1 : 1;
	if ((a->asked.flags ^ b->asked.flags) & NB_F_OPCODE)
		return (int)(a->asked.flags & NB_F_OPCODE) - (int)(b->asked.flags & NB_F_OPCODE);
	return wins_key_compare(&a->asked.key, &b->asked.key);
}

static int
compare_challenges(const struct challenge *a, const struct challenge *b)
{
	return wins_key_compare(&a->key, &b->key);
}

RB_GENERATE_INTERNAL(claim_tree, claim, node, compare_claims, static __attribute__((unused)))
RB_GENERATE_INTERNAL(
    challenge_tree, challenge, node, compare_challenges, static __attribute__((unused)))

static struct challenge *
of_txn(struct txn *x)
{
	return (struct challenge *)((char *)x - offsetof(struct challenge, txn));
}

/* ---- claims ---- */

static void
claim_free(struct wins *w, struct claim *c)
{
	RB_REMOVE(claim_tree, &w->claims, c);
	heap_del(&w->answered, &c->forget);
	w->nclaims--;
	free(c);
}

static struct claim *
oldest_answered(struct wins *w)
{
	struct heap_item *it = heap_min(&w->answered);

	return it ? (struct claim *)((char *)it - offsetof(struct claim, forget)) : NULL;
}

/* NULL: the table is full of waiting claims, or memory is out. */
static struct claim *
claim_new(struct wins *w, const struct asked *asked, const struct reg_in *in)
{
	struct claim *c;

	/* As many remembered refusals as waiting claims; the oldest give way. */
	if (w->nclaims >= 2 * (size_t)w->conf.challenges_max) {
		if (!oldest_answered(w))
			return NULL;
		claim_free(w, oldest_answered(w));
	}
	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->path = *asked->path;
	c->asked = *asked;
	c->asked.path = &c->path;
	c->in = *in;
	c->forget = HEAP_ITEM_INIT;
	c->waiting = true;
	RB_INSERT(claim_tree, &w->claims, c);
	w->nclaims++;
	return c;
}

/* The claim was decided: a refusal is remembered, unless it rests on what is not durable yet; anything
 * else would be decided alike again. */
static void
claim_done(struct wins *w, struct claim *c, const struct verdict *v, struct mono mnow)
{
	c->waiting = false;
	c->refused = (struct verdict_end){ v->rcode, v->rule };
	if (!v->rcode || c->asked.staged ||
	    heap_put(&w->answered, &c->forget, mono_add_ms(mnow, REMEMBER_MS).ns))
		claim_free(w, c);
}

/*
 * Is this the repetition of a claim that waits (say nothing: it has its WACK, and Windows ignores
 * it, wins 2.2) or that was refused a moment ago (say it again)?
 */
static bool
repeated(struct wins *w, const struct asked *asked, struct mono mnow, struct wall now)
{
	struct claim want = { .path = *asked->path, .asked = *asked };
	struct claim *c = RB_FIND(claim_tree, &w->claims, &want);
	struct verdict v = { .action = ACT_REPLY };

	if (!c)
		return false;
	if (!c->waiting && c->forget.key <= mnow.ns) {
		claim_free(w, c);
		return false;
	}
	if (c->waiting) {
		wins_count(&w->stats.drop[NB_DROP_DUPLICATE]);
		return true;
	}
	v.rcode = c->refused.rcode;
	v.rule = c->refused.rule;
	(void)apply(w, &v, asked, now); /* a reply cannot fill the batch */
	return true;
}

/* ---- probes ---- */

/* Asks the address ch->at. 0, or why it could not be asked. */
static int
probe_open(struct wins *w, struct challenge *ch, struct mono mnow)
{
	const struct txn_schedule s = { w->conf.chl_interval_ms, w->conf.chl_tries };
	int err = txn_open(&w->txns, &ch->txn, ch->probe[ch->at], &s, mnow);

	ch->txn.asker = ASKER_CHALLENGE;
	if (!err)
		wins_probe(w, &ch->first->path, &ch->txn, &ch->key);
	return err;
}

/* ---- beginning ---- */

static void
join(struct wins *w, struct challenge *ch, struct claim *c, uint32_t wack)
{
	c->next = NULL;
	*ch->last = c;
	ch->last = &c->next;
	ch->waiting++;
	w->nwaiting++;
	apply_wack(w, &c->asked, wack);
}

static struct challenge *
find(struct wins *w, const struct nb_key *key)
{
	struct challenge want;

	want.key = *key;
	return RB_FIND(challenge_tree, &w->challenges, &want);
}

static struct challenge *
begin(struct wins *w, const struct verdict *v, const struct rec *cur)
{
	struct challenge *ch = calloc(1, sizeof(*ch));

	if (!ch)
		return NULL;
	ch->key = cur->key;
	ch->seen = cur->version;
	ch->seen_owner = cur->owner;
	ch->nprobe = v->nprobe;
	memcpy(ch->probe, v->probe, sizeof(ch->probe));
	ch->last = &ch->first;
	ch->txn.timer = HEAP_ITEM_INIT;
	RB_INSERT(challenge_tree, &w->challenges, ch);
	w->nchallenges++;
	wins_count(&w->stats.n[WS_CHALLENGES]);
	return ch;
}

/* No room to wait: burst handling says yes for a while (2.11), else "ask again". */
static void
no_room(struct wins *w, const struct asked *asked, struct wall now)
{
	struct verdict v = { .action = ACT_REPLY, .ttl = WINS_BURST_TTL_MIN };

	wins_count(&w->stats.n[WS_OVERLOAD]);
	if (!w->table_full)
		wins_tell(w, EV_PROBE_TABLE_FULL, &asked->key, asked->path->peer, IP4_ANY,
		    w->nchallenges, 0, now);
	w->table_full = true;
	if (!w->conf.burst_handling) {
		apply_wack(w, asked, FULL_WACK_S);
		return;
	}
	wins_count(&w->stats.n[WS_BURST]);
	(void)apply(w, &v, asked, now);
}

/* Out of the tables; returns the claims that waited. */
static struct claim *
dissolve(struct wins *w, struct challenge *ch)
{
	struct claim *first = ch->first;

	txn_close(&w->txns, &ch->txn);
	RB_REMOVE(challenge_tree, &w->challenges, ch);
	w->nchallenges--;
	w->nwaiting -= ch->waiting;
	w->table_full = false;
	free(ch);
	return first;
}

/* The owner could not be asked (no memory, no free id): nothing was learnt, so nobody may get the
 * name. The claims have their WACK and will come again. */
static void
abandon(struct wins *w, struct challenge *ch)
{
	wins_count(&w->stats.n[WS_OVERLOAD]);
	for (struct claim *c = dissolve(w, ch), *next; c; c = next) {
		next = c->next;
		claim_free(w, c);
	}
}

/* c: the waiting claim, when it is one that starts again; else NULL. */
static void
wait_for(struct wins *w, const struct verdict *v, const struct asked *asked,
    const struct reg_in *in, struct claim *c, const struct wins_look *look, struct mono mnow,
    struct wall now)
{
	struct challenge *ch = find(w, &in->key);
	bool fresh = !ch;

	if ((ch && ch->waiting >= WAITING_MAX) || w->nwaiting >= w->conf.challenges_max ||
	    (!c && !(c = claim_new(w, asked, in))) || (!ch && !(ch = begin(w, v, &look->rec)))) {
		no_room(w, asked, now);
		if (c)
			claim_free(w, c);
		return;
	}
	join(w, ch, c, v->ttl);
	if (fresh && probe_open(w, ch, mnow))
		abandon(w, ch);
}

/* Counts a refusal, and tells whose name it is that was claimed, or which policy refused. */
static void
tell_refusal(struct wins *w, const struct verdict *v, const struct reg_in *in,
    const struct wins_look *look, struct ip4 defender, struct wall now)
{
	const struct rec *cur = &look->rec;
	struct ip4 owner = look->found && cur->naddr ? cur->addr[0].ip : IP4_ANY;
	int event;

	if (v->rcode == NB_RC_ACT)
		wins_count(&w->stats.n[in->flags & NB_G ? WS_CONFLICT_GROUP : WS_CONFLICT_UNIQUE]);
	if (v->rule == RULE_PRB_01) {
		return; /* nobody spoke for the name: it went from hand to hand */
	} else if (v->rcode == NB_RC_ACT && look->found) {
		event = cur->is_static ? EV_CLAIM_REFUSED_STATIC
			: cur->type == REC_GROUP || cur->type == REC_SPECIAL
			    ? EV_CLAIM_REFUSED_GROUP
			    : EV_NAME_DEFENDED;
		owner = event == EV_NAME_DEFENDED && defender.v ? defender : owner;
	} else if (v->rule == RULE_REG_11) {
		event = EV_NAMES_FULL;
	} else if (v->rule == RULE_REG_06) {
		event = EV_NAME_BLOCKED;
	} else if (v->rule == RULE_REG_07) {
		event = EV_CLAIM_REFUSED_SOURCE;
		owner = in->ip;
	} else {
		return;
	}
	wins_tell(w, event, &in->key, in->from, owner, 0, v->rule, now);
	if (event == EV_NAME_DEFENDED || event == EV_CLAIM_REFUSED_STATIC)
		dispute_refused(w, &in->key,
		    &(struct dispute_parties){ owner, in->ip, event == EV_CLAIM_REFUSED_STATIC },
		    now);
}

static void
tell_taken(struct wins *w, const struct claim *c, const struct probe_in *p, const struct verdict *v,
    struct ip4 from, struct wall now)
{
	wins_tell(w, p->end == PROBE_SILENT ? EV_NAME_TAKEN_OVER : EV_NAME_GIVEN_UP, &c->in.key,
	    c->in.ip, from, 0, v->rule, now);
	dispute_taken(w, &c->in.key, &(struct dispute_parties){ from, c->in.ip, false }, now);
}

/* An address of a host with several was registered or refreshed: the doctor looks at the others. */
static void
watch(struct wins *w, const struct verdict *v, const struct asked *asked, struct ip4 ip,
    struct mono mnow, struct wall now)
{
	if (v->action == ACT_WRITE && v->next.type == REC_MULTIHOMED)
		doctor_refreshed(w, &v->next, ip, asked->path, mnow, now);
}

/* Decides a claim by the record as it is now. True: it is answered; false: it waits. */
static bool
decide(struct wins *w, struct asked *asked, const struct reg_in *in, struct claim *c,
    struct verdict *v, struct mono mnow, struct wall now)
{
	struct wins_look look;

	do {
		*v = rule_register(wins_look_up(w, &in->key, now, &look), in, &look.env);
		asked->staged = look.staged;
		if (v->action == ACT_CHALLENGE) {
			wait_for(w, v, asked, in, c, &look, mnow, now);
			return false;
		}
	} while (apply_again(w, apply(w, v, asked, now), now));
	tell_refusal(w, v, in, &look, IP4_ANY, now);
	watch(w, v, asked, in->ip, mnow, now);
	return true;
}

void
challenge_claim(struct wins *w, const struct asked *asked, const struct reg_in *in,
    struct mono mnow, struct wall now)
{
	struct asked a = *asked;
	struct verdict v;

	if (!repeated(w, asked, mnow, now))
		(void)decide(w, &a, in, NULL, &v, mnow, now);
}

/* ---- end ---- */

static struct probe_in
evidence(const struct challenge *ch, const struct nb_msg *answer)
{
	struct probe_in p = { .end = PROBE_SILENT, .seen = ch->seen, .seen_owner = ch->seen_owner };

	if (!answer)
		return p;
	p.from = ch->txn.peer;
	p.end = PROBE_NEGATIVE;
	if (answer->kind != NB_QUERY_OK)
		return p;
	p.end = PROBE_POSITIVE;
	for (unsigned i = 0; i < answer->naddr && p.naddr < REC_ADDR_MAX; i++)
		p.addr[p.naddr++] = answer->addr[i].ip;
	return p;
}

/*
 * Judges one claim by what the challenge brought. The evidence is about the record that was
 * challenged; when another one stands there now, the claim starts again from the beginning
 * (anchors 4.3), a few times.
 */
static void
judge(struct wins *w, struct claim *c, struct probe_in *p, struct mono mnow, struct wall now)
{
	struct wins_look look;
	const struct rec *cur;
	struct verdict v;

	do {
		cur = wins_look_up(w, &c->in.key, now, &look);
		c->asked.staged = look.staged;
		if ((!cur || cur->state != REC_ACTIVE || cur->version.v != p->seen.v ||
			!ip4_eq(cur->owner, p->seen_owner)) &&
		    c->restarts++ < RESTARTS_MAX) {
			if (decide(w, &c->asked, &c->in, c, &v, mnow, now))
				claim_done(w, c, &v, mnow);
			return;
		}
		v = rule_probed(cur, &c->in, p, &look.env);
	} while (apply_again(w, apply(w, &v, &c->asked, now), now));

	/* Other cards of the same host wait behind this one: what the host said holds for them too,
	 * over the record as we have just changed it. Silence of the old owner says nothing about
	 * the new one. */
	if (v.action == ACT_WRITE && p->end == PROBE_POSITIVE) {
		p->seen = v.next.version;
		p->seen_owner = v.next.owner;
	}
	if (v.rcode)
		tell_refusal(w, &v, &c->in, &look, p->from, now);
	else if (p->end != PROBE_POSITIVE)
		tell_taken(w, c, p, &v, look.rec.naddr ? look.rec.addr[0].ip : IP4_ANY, now);
	watch(w, &v, &c->asked, c->in.ip, mnow, now);
	claim_done(w, c, &v, mnow);
}

static void
end(struct wins *w, struct challenge *ch, const struct nb_msg *answer, struct mono mnow,
    struct wall now)
{
	static const enum wins_stat stat[] = { [PROBE_SILENT] = WS_CHALLENGE_SILENT,
		[PROBE_NEGATIVE] = WS_CHALLENGE_NEGATIVE,
		[PROBE_POSITIVE] = WS_CHALLENGE_POSITIVE };
	struct probe_in p = evidence(ch, answer);
	/* Out of the tables first: a claim that starts again may open a new challenge. */
	struct claim *c = dissolve(w, ch), *next;

	wins_count(&w->stats.n[stat[p.end]]);
	for (; c; c = next) {
		next = c->next;
		judge(w, c, &p, mnow, now);
	}
}

void
challenge_answer(
    struct wins *w, struct txn *x, const struct nb_msg *m, struct mono mnow, struct wall now)
{
	if (nb_key_eq(&of_txn(x)->key, &m->key))
		end(w, of_txn(x), m, mnow, now);
	else
		wins_count(&w->stats.n[WS_PROBES_IGNORED]);
}

void
challenge_waited(struct wins *w, struct txn *x, bool again, struct mono mnow, struct wall now)
{
	struct challenge *ch = of_txn(x);

	if (again)
		wins_probe(w, &ch->first->path, x, &ch->key);
	else if (++ch->at == ch->nprobe)
		end(w, ch, NULL, mnow, now);
	else if (probe_open(w, ch, mnow))
		abandon(w, ch);
}

void
challenge_tick(struct wins *w, struct mono mnow)
{
	while (oldest_answered(w) && oldest_answered(w)->forget.key <= mnow.ns)
		claim_free(w, oldest_answered(w));
}

/* ---- life ---- */

void
challenge_init(struct wins *w)
{
	RB_INIT(&w->claims);
	RB_INIT(&w->challenges);
	heap_init(&w->answered);
}

void
challenge_release(struct wins *w)
{
	struct challenge *ch;
	struct claim *c;

	while ((ch = RB_ROOT(&w->challenges))) {
		RB_REMOVE(challenge_tree, &w->challenges, ch);
		free(ch);
	}
	while ((c = RB_ROOT(&w->claims))) {
		RB_REMOVE(claim_tree, &w->claims, c);
		free(c);
	}
	heap_release(&w->answered);
}
