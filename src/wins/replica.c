/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records that partners bring: looked up, decided by rules, applied; those that must wait for a
 * challenge counted for the pull that brought them, because a pull may only call a version known when
 * what became of it is durable (wins 3.6). And the writes that replication asks for beside it. Layer:
 * wins. Decides nothing.
 */
#include "wins/replica.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "wins/apply.h"
#include "wins/demand.h"
#include "wins/tell.h"

#define SLICE_MAX 1000 /* records a call of wins_renumber and wins_delete_owner */

/* ---- pulls ---- */

struct pull {
	struct pull *next;
	uint32_t number;
	size_t open;  /* the ended ones too */
	size_t ended; /* in this batch */
	bool failed;
};

/* Where the pull is, or the end of the list. Few pulls run at a time. */
static struct pull **
pull_at(struct wins *w, uint32_t number)
{
	struct pull **at = &w->pulls;

	while (*at && (*at)->number != number)
		at = &(*at)->next;
	return at;
}

static void
pull_free(struct pull **at)
{
	struct pull *p = *at;

	*at = p->next;
	free(p);
}

/* One more challenge is open. False: no memory. */
static bool
pull_waits(struct wins *w, uint32_t number)
{
	struct pull **at = pull_at(w, number);

	if (!number)
		return true;
	if (!*at) {
		*at = wins_alloc(w, sizeof(**at));
		if (!*at)
			return false;
		(*at)->number = number;
	}
	(*at)->open++;
	return true;
}

/* One is open no more, without a change to be made durable. */
static void
pull_loses(struct wins *w, uint32_t number, bool failed)
{
	struct pull **at = pull_at(w, number);

	if (!*at)
		return; /* it was forgotten */
	(*at)->open--;
	(*at)->failed |= failed;
	if (!(*at)->open && !(*at)->failed)
		pull_free(at);
}

void
replica_committed(struct wins *w, bool kept)
{
	struct pull **at = &w->pulls;

	while (*at) {
		struct pull *p = *at;

		p->failed |= p->ended && !kept;
		p->open -= p->ended;
		p->ended = 0;
		if (!p->open && !p->failed)
			pull_free(at);
		else
			at = &p->next;
	}
}

struct wins_pull
wins_pull(const struct wins *w, uint32_t pull)
{
	for (const struct pull *p = w->pulls; p; p = p->next)
		if (p->number == pull)
			return (struct wins_pull){ p->open, p->failed };
	return (struct wins_pull){ 0 };
}

void
wins_pull_forget(struct wins *w, uint32_t pull)
{
	struct pull **at = pull_at(w, pull);

	if (*at)
		pull_free(at);
}

void
replica_release(struct wins *w)
{
	while (w->pulls)
		pull_free(&w->pulls);
}

/* ---- decisions ---- */

/* A record from a partner, and what is decided of it. */
struct matter {
	const struct rec *in, *cur;
	struct mono mnow;
	struct wall now;
	struct ip4 answered; /* who was asked and answered, if anybody */
	struct wins_look look;
	struct verdict v;
};

static void
look_up(struct wins *w, struct matter *m)
{
	m->cur = wins_look_up(w, &m->in->key, m->now, &m->look);
}

/* NBT_EFULL: it would be one name too many. Else as apply. */
static int
carry_out(struct wins *w, struct matter *m)
{
	uint64_t max = w->conf.names_max;

	if (m->v.action == ACT_WRITE && !m->cur &&
	    (m->look.env.full ||
		(!rec_is_own(&m->v.next) &&
		    store_held(w->store).others >= max - max / 100 * w->conf.names_local_share)))
		return NBT_EFULL;
	return apply(w, &m->v, m->cur, NULL);
}

static void
tell(struct wins *w, const struct matter *m)
{
	const struct verdict *v = &m->v;
	const struct subject s = {
		.key = &m->in->key,
		.cur = m->cur,
		.address = m->in->naddr ? m->in->addr[0].ip : IP4_ANY,
		.server = m->in->owner,
		.answered = m->answered,
	};

	tell_decision(w, v, &s, m->now);
	for (int i = 0; i < v->ndemand; i++)
		if (demands_begin(w, m->cur, v->demand[i], m->mnow))
			wins_tell(w, EV_RELEASE_DEMANDED, s.key, v->demand[i], s.server, 0, v->rule,
			    m->now);
}

static void
decided(struct wins *w, const struct matter *m)
{
	wins_count(&w->stats.n[WS_REPLICAS]);
	if (m->v.action == ACT_WRITE)
		wins_count(&w->stats.n[WS_REPLICAS_WRITTEN]);
	tell(w, m);
}

static int
wait_for(struct wins *w, const struct matter *m, uint32_t pull)
{
	struct replica_waiter *r = wins_alloc(w, sizeof(*r));
	int err = NBT_ENOMEM;

	if (!r)
		return NBT_ENOMEM;
	r->in = *m->in;
	r->pull = pull;
	if (pull_waits(w, pull)) {
		err = challenge_replica(w, r, &m->v, &m->look, m->mnow);
		if (err)
			pull_loses(w, pull, false);
	}
	if (err)
		free(r);
	else
		wins_count(&w->stats.n[WS_REPLICAS_CHALLENGED]);
	return err;
}

int
wins_replica(struct wins *w, const struct rec *in, uint32_t pull, struct mono mnow, struct wall now)
{
	struct matter m;
	int err;

	m.in = in;
	m.mnow = mnow;
	m.now = now;
	m.answered = IP4_ANY;
	look_up(w, &m);
	m.v = rule_replica(m.cur, in, &m.look.env);
	/* Behind an older one of the name that waits, or that would come last and win. */
	if (m.v.action == ACT_CHALLENGE || challenge_holds_replica(w, &in->key))
		return wait_for(w, &m, pull);
	err = carry_out(w, &m);
	if (!err)
		decided(w, &m);
	return err;
}

void
replica_judge(struct wins *w, struct replica_waiter *r, const struct probe_in *p, struct mono mnow,
    struct wall now)
{
	struct pull *pull;
	struct matter m;
	int err;

	m.in = &r->in;
	m.mnow = mnow;
	m.now = now;
	m.answered = p->from;
	do {
		look_up(w, &m);
		m.v = rule_replica_probed(m.cur, m.in, p, &m.look.env);
		err = carry_out(w, &m);
	} while (apply_again(w, err, now));
	if (!err && p->end == PROBE_POSITIVE)
		apply_proven(w, &r->in.key);
	pull = *pull_at(w, r->pull);
	if (!err)
		decided(w, &m);
	if (err)
		pull_loses(w, r->pull, true);
	else if (pull)
		pull->ended++;
	free(r);
}

void
replica_abandon(struct wins *w, struct replica_waiter *r)
{
	pull_loses(w, r->pull, true);
	free(r);
}

void
wins_near(struct wins *w, const struct ip4 *list, unsigned n)
{
	assert(n <= WINS_NEAR_MAX);
	w->nnear = n;
	for (unsigned i = 0; i < n; i++)
		w->near[i] = list[i];
}

int
wins_returned(struct wins *w, const struct rec *in, struct wall now)
{
	struct matter m;
	int err;

	m.in = in;
	m.now = now;
	look_up(w, &m);
	m.v = rule_returned(m.cur, in, &m.look.env);
	err = carry_out(w, &m);
	if (!err && m.v.action == ACT_WRITE)
		wins_count(&w->stats.n[WS_RETURNED]);
	return err;
}

int
wins_verified(struct wins *w, const struct nb_key *key, const struct rec *found, struct wall now)
{
	struct wins_look look;
	const struct rec *cur = wins_look_up(w, key, now, &look);
	struct verdict v;
	int err;

	/* It may be gone, or ours, since its owner was asked. */
	if (!cur || rec_is_own(cur))
		return 0;
	v = rule_verified(cur, found, &look.env);
	if (v.action == ACT_DELETE)
		v.next.key = *key; /* all that apply needs of it */
	err = apply(w, &v, cur, NULL);
	if (err)
		return err;
	wins_count(&w->stats.n[WS_VERIFIED]);
	if (v.action == ACT_DELETE)
		wins_count(&w->stats.n[WS_VERIFIED_REMOVED]);
	tell_decision(
	    w, &v, &(struct subject){ .key = key, .cur = cur, .server = cur->owner }, now);
	return 0;
}

/* ---- what partners are to be told and asked ---- */

unsigned
wins_take_push(struct wins *w)
{
	unsigned push = w->push;

	w->push = 0;
	return push;
}

static void
note_verify(struct wins *w, struct ip4 owner)
{
	/* The last one first: replicas of one owner become due together. */
	for (size_t i = w->nverify; i-- > 0;)
		if (ip4_eq(w->verify[i], owner))
			return;
	if (w->nverify < WINS_VERIFY_MAX) {
		w->verify[w->nverify++] = owner;
		return;
	}
	/* One makes way, each time another: they all come again tomorrow in the same order, and those at
	 * the end of it would never be asked. */
	w->verify[w->verify_turn++ % WINS_VERIFY_MAX] = owner;
	wins_count(&w->stats.n[WS_OVERLOAD]);
}

void
replica_scavenged(struct wins *w, const struct rec *cur, const struct verdict *v)
{
	if (v->verify)
		note_verify(w, cur->owner);
	/* A server with living members is to bring the group back before anybody misses it (1.5). */
	if (cur->type == REC_SPECIAL && v->action == ACT_WRITE && v->next.state == REC_TOMBSTONE &&
	    cur->state != REC_TOMBSTONE)
		w->push |= WINS_PUSH_PROPAGATE;
}

bool
wins_take_verify(struct wins *w, struct ip4 *ret_owner)
{
	if (!w->nverify)
		return false;
	*ret_owner = w->verify[0];
	w->nverify--;
	memmove(w->verify, w->verify + 1, w->nverify * sizeof(*w->verify));
	return true;
}

void
wins_pause(struct wins *w, bool paused)
{
	w->paused = paused;
}

bool
wins_paused(const struct wins *w)
{
	return w->paused;
}

/* ---- many records at once ---- */

int
wins_renumber(struct wins *w, struct version upto, bool *ret_more)
{
	/* In the scavenger's scratch; those that have a new version stand behind. */
	size_t cap = w->slice < SLICE_MAX ? w->slice : SLICE_MAX;
	struct store_place first = { 0 };
	size_t n = store_versions(w->store, OWNER_SELF, &first, upto, w->due, cap);
	struct rec rec;
	bool staged;
	int err;

	if (upto.v == UINT64_MAX)
		return NBT_EINVAL; /* there is none above it */
	store_raise_version(w->store, (struct version){ upto.v + 1 });
	for (size_t i = 0; i < n; i++) {
		/* The batch may have changed it already. */
		if (!store_peek(w->store, &w->due[i].key, &rec, &staged) || !rec_is_own(&rec))
			continue;
		rec.version = store_next_version(w->store);
		err = wins_lacks(w, store_put(w->store, &rec));
		if (err)
			return err;
	}
	*ret_more = n == cap;
	return 0;
}

/* One record of a removal's slice; *ret_n grows when something came of it. */
static int
remove_one(struct wins *w, const struct wins_removal *r, const struct nb_key *key, struct wall now,
    size_t *ret_n)
{
	struct wins_look look;
	const struct rec *cur = wins_look_up(w, key, now, &look);
	struct verdict v;
	int err;

	if (!cur) /* the batch took it away already */
		return 0;
	v = rule_owner_removed(cur, r->owner, r->tombstone, &look.env);
	if (v.action == ACT_KEEP)
		return 0;
	if (v.action == ACT_DELETE)
		v.next.key = *key; /* all that apply needs of it */
	err = apply(w, &v, cur, NULL);
	if (!err)
		++*ret_n;
	return err;
}

int
wins_delete_owner(
    struct wins *w, struct wins_removal *r, struct wall now, size_t *ret_n, bool *ret_more)
{
	size_t cap = w->slice < SLICE_MAX ? w->slice : SLICE_MAX, n;
	struct store_place behind = r->at;
	int err;

	*ret_n = 0;
	if (ip4_eq(r->owner, OWNER_SELF))
		return NBT_EINVAL;
	n = store_versions(w->store, r->of_ours ? OWNER_SELF : r->owner, &behind,
	    r->of_ours ? r->upto : (struct version){ UINT64_MAX }, w->due, cap);
	for (size_t i = 0; i < n; i++) {
		err = remove_one(w, r, &w->due[i].key, now, ret_n);
		if (!err)
			continue;
		/* All of that version again: what became of the others shows then. */
		r->at = (struct store_place){ w->due[i].version, 0 };
		return err;
	}
	r->at = behind;
	*ret_more = n == cap || !r->of_ours;
	if (n < cap && !r->of_ours) {
		r->of_ours = true;
		r->at = (struct store_place){ 0 };
		/* What is changed from now on is put behind, without its members. */
		r->upto.v = store_next_version(w->store).v - 1;
	}
	return 0;
}
