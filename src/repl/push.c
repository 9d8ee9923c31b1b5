/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Telling partners of changes (3.7): by number of changes, on an address change, on a conflict, at
 * start, on command, and telling on what others told. Layer: repl. A partner's notices wait here until
 * its connection stands; what it then pulls is reply.c's.
 */
#include <stdlib.h>
#include <string.h>

#include "repl/engine.h"

static bool
throttled(const struct repl *r, const struct partner *p)
{
	const struct mono *oldest = &p->failed[p->nfailed % (FAIL_MAX + 1)];

	return p->nfailed > FAIL_MAX && !mono_reached(mono_add_s(*oldest, FAIL_SECONDS), r->mnow);
}

void
push_want(struct repl *r, struct partner *p, bool propagate, struct ip4 initiator)
{
	struct notice n = { .propagate = propagate, .initiator = propagate ? initiator : IP4_ANY };

	if (!p->conf.push)
		return;
	p->told = store_next_version(r->store).v;
	/* More than two failures in five minutes: it is left alone (RA note 11). */
	if (throttled(r, p))
		return;
	for (unsigned i = 0; i < p->nnotices; i++)
		if (p->notice[i].propagate == n.propagate &&
		    ip4_eq(p->notice[i].initiator, n.initiator))
			return;
	if (p->nnotices == NOTICES_MAX) {
		p->nnotices = 0;
		n = (struct notice){ 0 }; /* one that names all owners says as much */
	}
	p->notice[p->nnotices++] = n;
	if (p->push_due.ns == INT64_MAX)
		p->push_due = r->mnow;
}

void
push_all(struct repl *r, bool propagate, struct ip4 initiator, struct ip4 but)
{
	for (size_t i = 0; i < r->npartners; i++) {
		struct partner *p = r->partner[i];

		if (!ip4_eq(p->conf.address, but) && !ip4_eq(p->conf.address, initiator))
			push_want(r, p, propagate, initiator);
	}
}

static void
send(struct repl *r, struct conn *c, const struct notice *n)
{
	struct wrepl_msg m = { .kind = WREPL_NOTIFY,
		.propagate = n->propagate,
		.persistent = c->persistent,
		.initiator = n->propagate ? n->initiator : r->conf.self };
	struct wrepl_owner one = { .ip = n->initiator, .min = 1 }, *all = NULL;

	if (n->propagate) {
		/* Only of the one whose records changed (3.7). */
		one.max = repl_is_own(r, n->initiator) ? store_next_version(r->store).v - 1
						       : store_known(r->store, n->initiator).v;
		m.count = 1;
		conn_send(r, c, &m, &one);
		return;
	}
	m.count = reply_owners(r, &all);
	if (m.count)
		conn_send(r, c, &m, all);
	free(all);
}

void
push_flush(struct repl *r, struct partner *p)
{
	struct conn *c = p->push_conn;

	if (!p->nnotices)
		return;
	if (!c) {
		p->push_conn = conn_open(r, p->conf.address, USE_PUSH);
		p->push_due = MONO_NEVER;
		return;
	}
	if (!c->stands || c->awaits != AWAITS_NOTHING || c->closing)
		return; /* it calls this when it stands */
	for (unsigned i = 0; i < p->nnotices && !c->closing; i++) {
		send(r, c, &p->notice[i]);
		r->stats.pushes++;
		p->view.pushes++;
	}
	p->view.last_push = r->now;
	p->nnotices = 0;
	/* The next one not before a while, however many changes there are. */
	p->push_due = mono_add_ms(r->mnow, PUSH_PAUSE_MS);
}

void
push_broken(struct repl *r, struct conn *c, const char *why)
{
	struct partner *p = partner_of(r, c->peer);

	repl_tell(r, EV_PUSH_NTF_FAILED, c->peer, IP4_ANY, 0, why);
	if (!p)
		return;
	p->failed[p->nfailed++ % (FAIL_MAX + 1)] = r->mnow;
	if (throttled(r, p))
		p->nnotices = 0;
	p->push_due = p->nnotices ? mono_add_s(r->mnow, r->conf.retry_interval) : MONO_NEVER;
}

static bool
counted(const struct repl *r, const struct partner *p)
{
	return p->conf.push && p->conf.update_count &&
	       store_next_version(r->store).v - p->told >= p->conf.update_count;
}

void
push_watch(struct repl *r)
{
	unsigned what = wins_take_push(r->wins);

	if ((what & WINS_PUSH_PROPAGATE) ||
	    ((what & WINS_PUSH_ADDRESS) && r->conf.push_on_address_change))
		push_all(r, true, r->conf.self, IP4_ANY);
	for (size_t i = 0; i < r->npartners; i++) {
		struct partner *p = r->partner[i];

		if (counted(r, p))
			push_want(r, p, false, IP4_ANY);
		if (mono_reached(p->push_due, r->mnow)) {
			p->push_due = MONO_NEVER;
			push_flush(r, p);
		}
	}
}

void
push_tick(struct repl *r)
{
	push_watch(r);
}

struct mono
push_next(const struct repl *r)
{
	struct mono next = MONO_NEVER;

	for (size_t i = 0; i < r->npartners; i++) {
		if (counted(r, r->partner[i]))
			return r->mnow;
		if (r->partner[i]->nnotices)
			next = mono_min(next, r->partner[i]->push_due);
	}
	return next;
}
