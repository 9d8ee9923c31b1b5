/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the servers' owner maps said, kept for convergence: each partner's last map, the highest
 * version of each owner anywhere, and since when somebody lags. Layer: repl. Bounded by
 * STORE_KNOWN_MAX owners each. Asks for nothing: that is pull.c's.
 */
#include <stdlib.h>
#include <string.h>

#include "repl/engine.h"

/* The place of owner, or where it would be. */
static size_t
place(const struct seen_map *m, struct ip4 owner)
{
	size_t lo = 0, hi = m->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (m->v[mid].owner.v < owner.v)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct seen *
seen_find(const struct seen_map *m, struct ip4 owner)
{
	size_t i = place(m, owner);

	return i < m->n && ip4_eq(m->v[i].owner, owner) ? &m->v[i] : NULL;
}

struct seen *
seen_put(struct seen_map *m, struct ip4 owner)
{
	size_t i = place(m, owner);

	if (i < m->n && ip4_eq(m->v[i].owner, owner))
		return &m->v[i];
	if (m->n == STORE_KNOWN_MAX)
		return NULL;
	if (m->n == m->cap) {
		size_t cap = m->cap ? 2 * m->cap : 16;
		struct seen *v = reallocarray(m->v, cap, sizeof(*v));

		if (!v)
			return NULL;
		m->v = v;
		m->cap = cap;
	}
	memmove(m->v + i + 1, m->v + i, (m->n - i) * sizeof(*m->v));
	m->v[i] = (struct seen){ .owner = owner };
	m->n++;
	return &m->v[i];
}

void
seen_del(struct seen_map *m, struct ip4 owner)
{
	struct seen *s = seen_find(m, owner);

	if (!s)
		return;
	memmove(s, s + 1, (size_t)(m->v + m->n - (s + 1)) * sizeof(*s));
	m->n--;
}

void
seen_free(struct seen_map *m)
{
	free(m->v);
	*m = (struct seen_map){ 0 };
}

static void
raise_high(struct repl *r, struct ip4 owner, uint64_t max)
{
	struct seen *s = seen_put(&r->high, owner);

	if (s && max > s->max) {
		s->max = max;
		s->since = r->now;
	}
}

void
map_known(struct repl *r, struct ip4 owner)
{
	uint64_t known = store_known(r->store, owner).v;
	struct seen *high, *lag;

	raise_high(r, owner, known);
	high = seen_find(&r->high, owner);
	if (!high || known >= high->max) {
		seen_del(&r->lag, owner);
		return;
	}
	lag = seen_put(&r->lag, owner);
	if (lag && !lag->since.s)
		lag->since = r->now;
}

void
map_doubt(struct repl *r, struct ip4 server, const struct wrepl_owner *claim)
{
	if (claim->beyond)
		repl_tell(r, EV_VERSION_NOT_BELIEVED, server, claim->ip, claim->beyond, "");
}

/* The partner's new map with since carried over from the old one. */
static void
keep(struct partner *p, const struct wrepl_owner *v, uint32_t n, bool whole)
{
	struct seen_map old = p->map;

	if (whole)
		p->map = (struct seen_map){ 0 };
	for (uint32_t i = 0; i < n; i++) {
		struct seen *s = seen_put(&p->map, v[i].ip), *before;

		if (!s)
			break;
		s->max = v[i].max;
		before = whole ? seen_find(&old, v[i].ip) : NULL;
		if (before)
			s->since = before->since;
	}
	if (whole)
		seen_free(&old);
}

void
map_taken(struct repl *r, struct partner *p, struct ip4 server, const struct wrepl_owner *v,
    uint32_t n, bool whole)
{
	for (uint32_t i = 0; i < n; i++) {
		map_doubt(r, server, &v[i]);
		if (repl_is_own(r, v[i].ip))
			continue;
		if (!seen_find(&r->high, v[i].ip) && r->high.n == STORE_KNOWN_MAX && p &&
		    !p->full_told) {
			p->full_told = true;
			repl_tell(r, EV_OWNERS_FULL, server, v[i].ip, 0, "");
		}
		raise_high(r, v[i].ip, v[i].max);
		map_known(r, v[i].ip);
	}
	if (!p)
		return;
	keep(p, v, n, whole);
	for (size_t i = 0; i < p->map.n; i++) {
		struct seen *s = &p->map.v[i];
		const struct seen *high = seen_find(&r->high, s->owner);
		uint64_t most = high ? high->max : 0;

		if (repl_is_own(r, s->owner))
			most = store_next_version(r->store).v - 1;
		if (s->max >= most)
			s->since.s = 0;
		else if (!s->since.s)
			s->since = high ? high->since : r->now;
	}
}
