/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking in what a pull brought, slice by slice, and moving the known maximum on: never before all
 * records of the range are durable and their challenges over, and in the order they were asked for.
 * Layer: repl. What a record does here is decided by the rules, through wins.
 */
#include <stdlib.h>

#include "repl/engine.h"

void
part_free(struct repl *r, struct part *x)
{
	wins_pull_forget(r->wins, x->number);
	buf_free(&x->in);
}

static void
stop_fetch(struct repl *r, struct pull *p, struct fetch *f, const char *why)
{
	if (f->stopped)
		return;
	f->stopped = true;
	p->unkept = true;
	repl_tell(r, EV_RPL_REG_ERR, p->server, f->own ? r->conf.self : f->owner, 0, why);
}

static void
pop(struct repl *r, struct pull *p)
{
	const struct fetch *f = &p->fetch[p->part[0].fetch];
	uint64_t upto = p->part[0].to;

	part_free(r, &p->part[0]);
	p->nparts--;
	for (unsigned i = 0; i < p->nparts; i++)
		p->part[i] = p->part[i + 1];
	if (!f->stopped && f->own)
		own_fetched(r, upto);
	else if (!f->stopped)
		map_known(r, f->owner);
	pull_ask(r, p);
	pull_end_if_done(r, p);
}

/* A batch that the records have filled up is kept first. */
static int
set_known(struct repl *r, struct ip4 owner, struct version v)
{
	int err = store_known_set(r->store, owner, v);

	if (err != NBT_ELIMIT)
		return err;
	err = wins_commit(r->wins, r->now);
	return err ? err : store_known_set(r->store, owner, v);
}

/*
 * Is that version above what an owner says it gave, and so far that it does not leap over it when it is
 * told (own.c)? What is less may be true: it may have lost its disk, and leaps then (1.6).
 */
static bool
is_lie(uint64_t version, uint64_t word)
{
	return version >= LEAP_MAX && version > word && version - word >= VERSION_LEAP;
}

/*
 * What others said of an owner that it cannot have given itself is forgotten, and its records are pulled
 * anew: else one lie about its versions would keep all that it has from being pulled, for ever.
 */
void
take_word(struct repl *r, struct ip4 server, uint64_t max)
{
	uint64_t known = store_known(r->store, server).v;

	if (!is_lie(known, max))
		return;
	if (set_known(r, server, (struct version){ 0 }) || wins_commit(r->wins, r->now))
		return; /* it is looked at again with the next map */
	seen_del(&r->high, server);
	seen_del(&r->lag, server);
	repl_tell(r, EV_KNOWN_FORGOTTEN, server, IP4_ANY, known, "");
}

/* Stages that all up to the end of the pull's first range is known; it is durable with the batch. */
static void
stage_known(struct repl *r, struct pull *p)
{
	const struct part *x = &p->part[0];
	struct fetch *f = &p->fetch[x->fetch];
	int err;

	if (f->stopped || f->own || store_known(r->store, f->owner).v >= x->to)
		return;
	err = set_known(r, f->owner, (struct version){ x->to });
	if (err == NBT_EINVAL)
		repl_tell(r, EV_OWNERS_FULL, p->server, f->owner, 0, "");
	if (err)
		stop_fetch(r, p, f, nbt_strerror(err));
}

static bool
settled(struct repl *r, struct pull *p, struct part *x)
{
	struct wins_pull w = wins_pull(r->wins, x->number);

	if (w.failed)
		stop_fetch(r, p, &p->fetch[x->fetch], "a challenge's end could not be kept");
	return w.open == 0;
}

/* Has the name a version of its owner's here that the owner, which is asked itself, cannot have given? */
static bool
is_forged(const struct repl *r, const struct pull *p, const struct fetch *f, const struct rec *rec)
{
	struct rec here;

	return ip4_eq(p->server, f->owner) && store_get(r->store, &rec->key, &here) &&
	       ip4_eq(here.owner, f->owner) && is_lie(here.version.v, f->to);
}

static int
keep_record(struct repl *r, const struct pull *p, const struct part *x, const struct rec *rec)
{
	const struct fetch *f = &p->fetch[x->fetch];

	if (f->own)
		return wins_returned(r->wins, rec, r->now);
	if (is_forged(r, p, f, rec))
		return wins_verified(r->wins, &rec->key, rec, r->now);
	return wins_replica(r->wins, rec, x->number, r->mnow, r->now);
}

/* One record of the part; an error leaves it to be read again. */
static int
take_record(struct repl *r, struct pull *p, struct part *x)
{
	const struct fetch *f = &p->fetch[x->fetch];
	struct partner *partner = partner_of(r, p->server);
	struct rd rest = x->rest;
	struct wrepl_record in;
	struct rec rec;
	bool illegal;
	int err = 0;

	wrepl_record_next(&rest, &in);
	if (in.version < x->from || in.version > x->to) {
		repl_left_out(r, p->server, f->own ? r->conf.self : f->owner, &in);
	} else if (!convert_in(r, f->owner, &in, &rec, &illegal)) {
		repl_tell_record(r, EV_RPL_STATE_ERR, &in.key, IP4_ANY, f->owner, 0);
	} else {
		err = keep_record(r, p, x, &rec);
		if (err)
			return err;
		p->records++;
		r->stats.records_in++;
		r->own.returned += f->own;
		if (partner)
			partner->view.records_in++;
	}
	x->rest = rest;
	x->left--;
	return 0;
}

static void
apply_slice(struct repl *r, struct pull *p, unsigned i)
{
	struct part *x = &p->part[i];
	struct fetch *f = &p->fetch[x->fetch];
	bool last;
	int err = 0;

	partners_near(r);
	for (unsigned n = 0; x->left && n < APPLY_SLICE && !err; n++) {
		err = take_record(r, p, x);
		if (err != NBT_ELIMIT)
			continue;
		/* The batch is full: keep it, and give the record again. */
		err = wins_commit(r->wins, r->now);
		if (!err)
			err = take_record(r, p, x);
	}
	if (err == NBT_EBUSY) {
		p->wait = mono_add_ms(r->mnow, WAIT_MS);
		err = 0;
	}
	if (err) {
		stop_fetch(r, p, f, nbt_strerror(err));
		x->left = 0;
	}
	last = x->left == 0 && settled(r, p, x);
	if (last && i == 0)
		stage_known(r, p);
	err = wins_commit(r->wins, r->now);
	if (err)
		stop_fetch(r, p, f, nbt_strerror(err));
	if (x->left && !f->stopped)
		return;
	x->state = PART_SETTLING;
	buf_free(&x->in);
	if (i == 0 && (last || f->stopped))
		pop(r, p);
}

/* The first range's challenges are over: it is known. */
static bool
settle(struct repl *r, struct pull *p)
{
	struct part *x = &p->part[0];
	struct fetch *f = &p->fetch[x->fetch];
	int err;

	if (x->state != PART_SETTLING || (!f->stopped && !settled(r, p, x)))
		return false;
	stage_known(r, p);
	err = wins_commit(r->wins, r->now);
	if (err)
		stop_fetch(r, p, f, nbt_strerror(err));
	pop(r, p);
	return true;
}

static bool
work(struct repl *r, struct pull *p)
{
	if (p->nparts && settle(r, p))
		return true;
	if (!mono_reached(p->wait, r->mnow))
		return false;
	for (unsigned i = 0; i < p->nparts; i++)
		if (p->part[i].state == PART_APPLYING) {
			apply_slice(r, p, i);
			return true;
		}
	return false;
}

bool
take_step(struct repl *r)
{
	for (size_t i = 0; i < r->npulls; i++) {
		size_t at = (r->turn_pull + i) % r->npulls;

		if (work(r, r->pull[at])) {
			r->turn_pull = at + 1;
			return true;
		}
	}
	return false;
}

struct mono
take_next(const struct repl *r)
{
	struct mono next = MONO_NEVER;

	for (size_t i = 0; i < r->npulls; i++) {
		const struct pull *p = r->pull[i];

		if (p->nparts && p->part[0].state == PART_SETTLING)
			next = mono_min(next, mono_add_ms(r->mnow, WAIT_MS));
		if (p->nparts && !mono_reached(p->wait, r->mnow))
			next = mono_min(next, p->wait);
	}
	return next;
}
