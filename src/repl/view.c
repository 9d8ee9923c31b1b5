/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an administrator sees: the partners, and for each owner which server has what (convergence).
 * Layer: repl. Never changes anything.
 */
#include "repl/engine.h"

size_t
repl_partners(const struct repl *r)
{
	return r->npartners;
}

static enum repl_partner_state
state(const struct repl *r, const struct partner *p)
{
	const struct pull *pull = pull_of(r, p->conf.address);

	if (pull && pull->conn && pull->conn->awaits == AWAITS_CONNECT)
		return REPL_CONNECTING;
	if (pull)
		return REPL_PULLING;
	if (p->view.failures)
		return REPL_FAILED;
	return p->pull_conn || p->push_conn ? REPL_CONNECTED : REPL_IDLE;
}

bool
repl_partner_at(const struct repl *r, size_t i, struct repl_partner_view *ret)
{
	const struct partner *p;

	if (i >= r->npartners)
		return false;
	p = r->partner[i];
	*ret = p->view;
	ret->conf = p->conf;
	ret->self_found = p->self_found;
	ret->state = (uint8_t)state(r, p);
	for (size_t k = 0; k < p->map.n; k++) {
		const struct seen *s = &p->map.v[k];
		uint64_t here;

		if (repl_is_own(r, s->owner) || !filter_accepts(r, s->owner))
			continue;
		here = store_known(r->store, s->owner).v;
		if (s->max <= here)
			continue;
		/* Each is below 2^60, but there are thousands of owners: no more than a signed number
		 * shows, which is what the control protocol has. */
		if (s->max - here > (uint64_t)INT64_MAX - ret->lag)
			ret->lag = INT64_MAX;
		else
			ret->lag += s->max - here;
	}
	return true;
}

static void
add_lacking(struct repl_owner_view *v, struct ip4 server, uint64_t max, struct wall since)
{
	const unsigned n = sizeof(v->lacking) / sizeof(*v->lacking);

	if (v->nlacking < n) {
		v->lacking[v->nlacking].server = server;
		v->lacking[v->nlacking].max = max;
		v->lacking[v->nlacking].since = since;
	}
	v->nlacking++;
}

/* Fills the view of one owner; high: what the maps said of it, NULL = nothing. */
static void
fill(const struct repl *r, struct ip4 owner, const struct seen *high, struct repl_owner_view *v)
{
	*v = (struct repl_owner_view){ .owner = owner, .own = repl_is_own(r, owner) };
	v->here = v->own ? store_next_version(r->store).v - 1 : store_known(r->store, owner).v;
	v->highest = v->here;
	v->highest_at = r->conf.self;
	v->blocked = !v->own && !filter_accepts(r, owner);
	v->deleted = r->removing.active && ip4_eq(r->removing.wins.owner, owner);
	for (size_t i = 0; i < r->npartners; i++) {
		const struct seen *s = seen_find(&r->partner[i]->map, owner);

		if (s && s->max > v->highest) {
			v->highest = s->max;
			v->highest_at = r->partner[i]->conf.address;
		}
	}
	if (v->here < v->highest) {
		const struct seen *lag = seen_find(&r->lag, owner);

		add_lacking(v, r->conf.self, v->here, lag ? lag->since : (struct wall){ 0 });
	}
	for (size_t i = 0; i < r->npartners; i++) {
		const struct partner *p = r->partner[i];
		const struct seen *s = seen_find(&p->map, owner);
		uint64_t max = s ? s->max : 0;

		/* A partner whose map was never seen lacks nothing that we know of; its own records
		 * nobody lacks less than itself. */
		if (!p->map.n || max >= v->highest)
			continue;
		add_lacking(v, p->conf.address, max,
		    s && s->since.s ? s->since
		    : high          ? high->since
				    : (struct wall){ 0 });
	}
}

bool
repl_owner_next(const struct repl *r, struct ip4 *at, struct repl_owner_view *ret)
{
	const struct seen *next = NULL;
	bool self = r->conf.self.v >= at->v;

	for (size_t i = 0; i < r->high.n && !next; i++)
		if (r->high.v[i].owner.v >= at->v && !repl_is_own(r, r->high.v[i].owner))
			next = &r->high.v[i];
	if (self && (!next || r->conf.self.v < next->owner.v))
		next = NULL;
	else if (!next)
		return false;
	*at = next ? next->owner : r->conf.self;
	fill(r, *at, next, ret);
	return true;
}
