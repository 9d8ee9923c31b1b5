/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Challenges. A claim that meets a living record waits here while the stored addresses are asked
 * one after another; any answer from the address asked ends it. Claims of other cards of the same
 * host, or of other hosts, and replicas queue behind the one challenge of their name. What the end means is
 * decided by rules, on the record as it is then: no record is remembered across the wait.
 * Layer: wins. See challenge.h.
 */
#include "wins/challenge.h"
#include "wins/doctor.h"
#include "wins/replica.h"
#include "wins/tell.h"

#include <stdlib.h>
#include <string.h>

#define WAITING_MAX \
	32 /* claims and replicas behind one challenge: more than 25 cards of one host */
#define RESTARTS_MAX 3 /* of one claim, when the record moved under its challenge */
#define REMEMBER_MS \
	15000         /* a refusal is repeated to whoever repeats the claim: 3 tries of 1.5 s
                                 and a WACK's wait, generously */
#define FULL_WACK_S 5 /* "ask again then" when the table is full */

struct claim {
	struct waiter waiter;
	RB_ENTRY(claim) node;
	struct heap_item forget; /* when refused: until when the answer is remembered */
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
	uint8_t seen_state;
	struct wins_path path; /* how the questions leave: as the first that waited came */
	struct waiter *first, **last;
	unsigned waiting;
	bool crowded; /* told already that no more may wait here */
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
	c = wins_alloc(w, sizeof(*c));
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
	if (!v->rcode || v->action == ACT_WRITE || c->asked.staged ||
	    wins_lacks(w, heap_put(&w->answered, &c->forget, mono_add_ms(mnow, REMEMBER_MS).ns)))
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
	(void)apply(w, &v, NULL, asked); /* a reply cannot fill the batch */
	return true;
}

/* ---- probes ---- */

/* Asks the address ch->at. 0, or why it could not be asked. */
static int
probe_open(struct wins *w, struct challenge *ch, struct mono mnow)
{
	const struct txn_schedule s = { w->conf.chl_interval_ms, w->conf.chl_tries };
	int err = wins_lacks(w, txn_open(&w->txns, &ch->txn, ch->probe[ch->at], &s, mnow));

	ch->txn.asker = ASKER_CHALLENGE;
	if (!err)
		wins_probe(w, &ch->path, &ch->txn, &ch->key);
	return err;
}

/* ---- beginning ---- */

static void
join(struct wins *w, struct challenge *ch, struct waiter *who)
{
	who->next = NULL;
	*ch->last = who;
	ch->last = &who->next;
	ch->waiting++;
	w->nwaiting++;
	w->nreplicas += who->is_replica;
}

static struct challenge *
find(const struct wins *w, const struct nb_key *key)
{
	struct challenge_tree head = w->challenges;
	struct challenge want;

	want.key = *key;
	return RB_FIND(challenge_tree, &head, &want);
}

static struct challenge *
begin(struct wins *w, const struct verdict *v, const struct rec *cur, const struct wins_path *path)
{
	struct challenge *ch = wins_alloc(w, sizeof(*ch));

	if (!ch)
		return NULL;
	ch->key = cur->key;
	ch->path = *path;
	ch->seen = cur->version;
	ch->seen_owner = cur->owner;
	ch->seen_state = cur->state;
	ch->nprobe = v->nprobe;
	memcpy(ch->probe, v->probe, sizeof(ch->probe));
	ch->last = &ch->first;
	ch->txn.timer = HEAP_ITEM_INIT;
	RB_INSERT(challenge_tree, &w->challenges, ch);
	w->nchallenges++;
	wins_count(&w->stats.n[WS_CHALLENGES]);
	return ch;
}

static bool
crowded(const struct challenge *ch)
{
	return ch && ch->waiting >= WAITING_MAX;
}

/* Raises an event that says which room is full, once until some of it is free again. */
static void
tell_no_room(struct wins *w, struct challenge *ch, const struct asked *asked, struct wall now)
{
	bool *told = crowded(ch) ? &ch->crowded : &w->table_full;

	if (!*told)
		wins_tell(w, crowded(ch) ? EV_CHALLENGE_CROWDED : EV_PROBE_TABLE_FULL, &asked->key,
		    asked->path->peer, IP4_ANY, crowded(ch) ? ch->waiting : w->nwaiting, 0, now);
	*told = true;
}

/* No room to wait: burst handling says yes for a while (2.11), else "ask again". memory: that was out, which
 * is told by itself. */
static void
no_room(
    struct wins *w, struct challenge *ch, const struct asked *asked, bool memory, struct wall now)
{
	struct verdict v = { .action = ACT_REPLY, .ttl = WINS_BURST_TTL_MIN };

	wins_count(&w->stats.n[WS_OVERLOAD]);
	if (!memory)
		tell_no_room(w, ch, asked, now);
	if (!w->conf.burst_handling) {
		apply_wack(w, asked, FULL_WACK_S);
		return;
	}
	wins_count(&w->stats.n[WS_BURST]);
	(void)apply(w, &v, NULL, asked);
}

/* Out of the tables; returns those that waited. */
static struct waiter *
dissolve(struct wins *w, struct challenge *ch)
{
	struct waiter *first = ch->first;

	for (const struct waiter *who = first; who; who = who->next)
		w->nreplicas -= who->is_replica;

	txn_close(&w->txns, &ch->txn);
	RB_REMOVE(challenge_tree, &w->challenges, ch);
	w->nchallenges--;
	w->nwaiting -= ch->waiting;
	w->table_full = false;
	free(ch);
	return first;
}

static struct claim *
claim_of(struct waiter *who)
{
	return (struct claim *)who;
}

static struct replica_waiter *
replica_of(struct waiter *who)
{
	return (struct replica_waiter *)who;
}

/* The owner could not be asked (no memory, no free id): nothing was learnt, so nobody may get the
 * name. The claims have their WACK and will come again, the replicas are pulled again. */
static void
abandon(struct wins *w, struct challenge *ch)
{
	wins_count(&w->stats.n[WS_OVERLOAD]);
	for (struct waiter *who = dissolve(w, ch), *next; who; who = next) {
		next = who->next;
		if (who->is_replica)
			replica_abandon(w, replica_of(who));
		else
			claim_free(w, claim_of(who));
	}
}

/* c: the waiting claim, when it is one that starts again; else NULL. */
static void
wait_for(struct wins *w, const struct verdict *v, const struct asked *asked,
    const struct reg_in *in, struct claim *c, const struct wins_look *look, struct mono mnow,
    struct wall now)
{
	struct challenge *ch = find(w, &in->key);
	uint64_t lacked = w->lacked;
	bool fresh = !ch;

	if (crowded(ch) || w->nwaiting >= w->conf.challenges_max ||
	    (!c && !(c = claim_new(w, asked, in))) ||
	    (!ch && !(ch = begin(w, v, &look->rec, &c->path)))) {
		no_room(w, ch, asked, w->lacked != lacked, now);
		if (c)
			claim_free(w, c);
		return;
	}
	join(w, ch, &c->waiter);
	apply_wack(w, &c->asked, v->ttl);
	if (fresh && probe_open(w, ch, mnow))
		abandon(w, ch);
}

bool
challenge_holds_replica(const struct wins *w, const struct nb_key *key)
{
	const struct challenge *ch = w->nreplicas ? find(w, key) : NULL;

	for (const struct waiter *who = ch ? ch->first : NULL; who; who = who->next)
		if (who->is_replica)
			return true;
	return false;
}

/* Replicas have half of the table at most: a pull can wait, a computer that starts cannot. */
int
challenge_replica(struct wins *w, struct replica_waiter *r, const struct verdict *v,
    const struct wins_look *look, struct mono mnow)
{
	struct challenge *ch = find(w, &r->in.key);
	struct wins_path path = wins_path_to(w, IP4_ANY);
	bool fresh = !ch;
	int err;

	if (w->nreplicas >= (w->conf.challenges_max + 1) / 2 ||
	    w->nwaiting >= w->conf.challenges_max || crowded(ch))
		return NBT_EBUSY;
	if (fresh)
		ch = begin(w, v, &look->rec, &path);
	if (!ch)
		return NBT_ENOMEM;
	err = fresh ? probe_open(w, ch, mnow) : 0;
	if (err) {
		(void)dissolve(w, ch); /* nobody waited for it yet */
		return err == NBT_ELIMIT ? NBT_EBUSY : err;
	}
	r->waiter.is_replica = true;
	join(w, ch, &r->waiter);
	return 0;
}

/* Counts a refusal, and raises what the decision is worth an event. answered: the address that spoke for the
 * name, or against it. */
static void
tell_claim(struct wins *w, const struct verdict *v, const struct reg_in *in,
    const struct wins_look *look, struct ip4 answered, struct wall now)
{
	struct subject s = { .key = &in->key, .sender = in->from, .address = in->ip };

	if (v->rcode == NB_RC_ACT)
		wins_count(&w->stats.n[in->flags & NB_G ? WS_CONFLICT_GROUP : WS_CONFLICT_UNIQUE]);
	if (tell_event_of(v->rule) == EV_COUNT)
		return; /* nearly every claim: nothing is looked up for it */
	s.cur = look->found ? &look->rec : NULL;
	s.answered = answered;
	s.number = look->found ? rule_released_ago(&look->rec, &look->env)
			       : store_names_of(w->store, in->from);
	tell_decision(w, v, &s, now);
}

/* An address of a host with several was registered or refreshed: the doctor looks at the others. */
static void
watch(struct wins *w, const struct verdict *v, const struct asked *asked, struct ip4 ip,
    struct mono mnow, struct wall now)
{
	if (v->action == ACT_WRITE && v->next.type == REC_MULTIHOMED)
		doctor_refreshed(w, &v->next, ip, asked->path, mnow, now);
}

#define LOOKS 128 /* records looked at for one that makes room: some microseconds */

/* The server is full: takes a name away from the sender who has most of those looked at, if the claimant has
 * few. False: none is. */
static bool
made_room(struct wins *w, const struct reg_in *in, const struct rule_env *env, struct wall now)
{
	uint32_t has = store_names_of(w->store, in->from);
	struct store_crowding most;
	struct verdict v;
	int err;

	if (env->crowded || has >= wins_few(w) ||
	    !store_crowding(w->store, &w->room_at, LOOKS, &most))
		return false;
	v = rule_make_room(most.names, has);
	if (v.action != ACT_DELETE)
		return false;
	v.next.key = most.key; /* all that apply needs of it */
	do
		err = apply(w, &v, NULL, NULL);
	while (apply_again(w, err, now));
	if (!err)
		tell_decision(w, &v,
		    &(struct subject){ .key = &most.key,
			.sender = in->from,
			.address = most.sender,
			.number = most.names },
		    now);
	return !err;
}

/* Decides a claim by the record as it is now. True: it is answered; false: it waits. */
static bool
decide(struct wins *w, struct asked *asked, const struct reg_in *in, struct claim *c,
    struct verdict *v, struct mono mnow, struct wall now)
{
	struct wins_look look;
	const struct rec *cur;

	do {
		cur = wins_look_up_claim(w, in, now, &look);
		*v = rule_register(cur, in, &look.env);
		if (v->rule == RULE_REG_11 && made_room(w, in, &look.env, now)) {
			look.env.full = false;
			look.env.next = store_next_version(w->store);
			*v = rule_register(cur, in, &look.env);
		}
		asked->staged = look.staged;
		if (v->action == ACT_CHALLENGE) {
			wait_for(w, v, asked, in, c, &look, mnow, now);
			return false;
		}
	} while (apply_again(w, apply(w, v, cur, asked), now));
	tell_claim(w, v, in, &look, IP4_ANY, now);
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
	struct probe_in p = { .end = PROBE_SILENT,
		.seen = ch->seen,
		.seen_owner = ch->seen_owner,
		.seen_state = ch->seen_state };

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

	if (w->paused) { /* it comes again, as all others do */
		wins_count(&w->stats.n[WS_PAUSED]);
		claim_free(w, c);
		return;
	}
	do {
		cur = wins_look_up_claim(w, &c->in, now, &look);
		c->asked.staged = look.staged;
		if ((!cur || cur->state != p->seen_state || cur->version.v != p->seen.v ||
			!ip4_eq(cur->owner, p->seen_owner)) &&
		    c->restarts++ < RESTARTS_MAX) {
			if (decide(w, &c->asked, &c->in, c, &v, mnow, now))
				claim_done(w, c, &v, mnow);
			return;
		}
		v = rule_probed(cur, &c->in, p, &look.env);
	} while (apply_again(w, apply(w, &v, cur, &c->asked), now));

	if (v.rcode == NB_RC_ACT && p->end == PROBE_POSITIVE)
		apply_proven(w, &c->in.key);
	/* Other cards of the same host wait behind this one: what the host said holds for them too,
	 * over the record as we have just changed it. Silence of the old owner says nothing about
	 * the new one. */
	if (v.action == ACT_WRITE && p->end == PROBE_POSITIVE) {
		p->seen = v.next.version;
		p->seen_owner = v.next.owner;
		p->seen_state = v.next.state;
	}
	tell_claim(w, &v, &c->in, &look, p->from, now);
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
	struct waiter *who = dissolve(w, ch), *next;

	wins_count(&w->stats.n[stat[p.end]]);
	for (; who; who = next) {
		next = who->next;
		if (who->is_replica)
			replica_judge(w, replica_of(who), &p, mnow, now);
		else
			judge(w, claim_of(who), &p, mnow, now);
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
		wins_probe(w, &ch->path, x, &ch->key);
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

/* Claims are in the tree of their own. */
static void
free_replicas(struct waiter *who)
{
	for (struct waiter *next; who; who = next) {
		next = who->next;
		if (who->is_replica)
			free(replica_of(who));
	}
}

void
challenge_release(struct wins *w)
{
	struct challenge *ch;
	struct claim *c;

	while ((ch = RB_ROOT(&w->challenges))) {
		RB_REMOVE(challenge_tree, &w->challenges, ch);
		free_replicas(ch->first);
		free(ch);
	}
	while ((c = RB_ROOT(&w->claims))) {
		RB_REMOVE(claim_tree, &w->claims, c);
		free(c);
	}
	heap_release(&w->answered);
}
