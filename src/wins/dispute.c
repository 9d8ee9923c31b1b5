/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names that are claimed by two hosts, or by a living host against a static record: remembered beside
 * the doctor's patients, so that a person sees what events tell one by one. Layer: wins. Bounded; the
 * longest untouched makes room.
 */
#include "wins/dispute.h"

#include <stdlib.h>

#define DISPUTES_MAX 1000

struct dispute {
	RB_ENTRY(dispute) node;
	struct heap_item known; /* by the last trouble */
	struct nb_key key;
	bool is_static;
	struct ip4 holder, claimant; /* of the last trouble */
	uint32_t count;              /* 0: the name changed hands, and that may be all */
	struct wall since, last;
};

static int
compare(const struct dispute *a, const struct dispute *b)
{
	return wins_key_compare(&a->key, &b->key);
}

RB_GENERATE_INTERNAL(dispute_tree, dispute, node, compare, static __attribute__((unused)))

static void
forget(struct wins *w, struct dispute *d)
{
	heap_del(&w->disputes_known, &d->known);
	RB_REMOVE(dispute_tree, &w->disputes, d);
	w->ndisputes--;
	free(d);
}

/* NULL: no memory, and then it is not remembered. */
static struct dispute *
remember(struct wins *w, const struct nb_key *key, struct wall now)
{
	struct dispute want = { .key = *key }, *d = RB_FIND(dispute_tree, &w->disputes, &want);

	if (!d) {
		d = wins_alloc(w, sizeof(*d));
		if (!d)
			return NULL;
		if (w->ndisputes == DISPUTES_MAX)
			forget(w, (struct dispute *)((char *)heap_min(&w->disputes_known) -
						     offsetof(struct dispute, known)));
		d->key = *key;
		d->since = now;
		d->known = HEAP_ITEM_INIT;
		RB_INSERT(dispute_tree, &w->disputes, d);
		w->ndisputes++;
	}
	heap_del(&w->disputes_known, &d->known);
	if (wins_lacks(w, heap_put(&w->disputes_known, &d->known, now.s))) {
		forget(w, d);
		return NULL;
	}
	d->last = now;
	return d;
}

void
dispute_refused(
    struct wins *w, const struct nb_key *key, const struct dispute_parties *who, struct wall now)
{
	struct dispute *d = remember(w, key, now);

	if (!d)
		return;
	d->count++;
	d->is_static = who->is_static;
	d->holder = who->holder;
	d->claimant = who->claimant;
}

void
dispute_taken(
    struct wins *w, const struct nb_key *key, const struct dispute_parties *who, struct wall now)
{
	struct dispute *d = remember(w, key, now);

	if (!d)
		return;
	/* A computer with a new address takes its own name over, once or each morning. Two computers
	 * take it back from one another. */
	if (ip4_eq(d->holder, who->claimant) && ip4_eq(d->claimant, who->holder))
		d->count++;
	d->is_static = false;
	d->holder = who->holder;
	d->claimant = who->claimant;
}

/* Is it still so that the record is what the trouble was about? */
static bool
stands(const struct dispute *d, const struct rec *cur)
{
	return d->count && cur && cur->state == REC_ACTIVE && cur->is_static == d->is_static &&
	       (cur->type == REC_UNIQUE || cur->type == REC_MULTIHOMED || d->is_static);
}

bool
dispute_next(
    struct wins *w, struct nb_key *at, bool incl, struct wall now, struct wins_finding *ret)
{
	struct dispute want = { .key = *at }, *d = RB_NFIND(dispute_tree, &w->disputes, &want);
	struct wins_look look;

	if (d && !incl && nb_key_eq(&d->key, at))
		d = RB_NEXT(dispute_tree, &w->disputes, d);
	if (!d)
		return false;
	*at = d->key;
	*ret = (struct wins_finding){ .kind = d->is_static ? WINS_STATIC_CLASH : WINS_DISPUTED,
		.key = d->key,
		.since = d->since,
		.last = d->last,
		.cause = d->claimant,
		.count = d->count,
		.naddr = stands(d, wins_look_up(w, &d->key, now, &look)),
		.addr = { d->holder } };
	return true;
}

void
dispute_init(struct wins *w)
{
	RB_INIT(&w->disputes);
	heap_init(&w->disputes_known);
}

void
dispute_release(struct wins *w)
{
	struct dispute *d;

	while ((d = RB_ROOT(&w->disputes)))
		forget(w, d);
	heap_release(&w->disputes_known);
}
