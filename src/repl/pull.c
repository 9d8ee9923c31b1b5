/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pulling (3.6): whom to ask for which owner, range by range. The pulls of a round wait for each
 * other's maps, so that each owner is asked for where most is known of it. Layer: repl. Owns pulls and
 * rounds; what comes is applied by take.c.
 */
#include <stdlib.h>
#include <string.h>

#include "repl/engine.h"

struct pull *
pull_of(const struct repl *r, struct ip4 server)
{
	for (size_t i = 0; i < r->npulls; i++)
		if (ip4_eq(r->pull[i]->server, server))
			return r->pull[i];
	return NULL;
}

/* ---- life ---- */

static int
add(struct repl *r, struct pull *p)
{
	if (r->npulls == r->cap_pulls) {
		size_t cap = r->cap_pulls ? 2 * r->cap_pulls : 16;
		struct pull **v = reallocarray(r->pull, cap, sizeof(*v));

		if (!v)
			return NBT_ENOMEM;
		r->pull = v;
		r->cap_pulls = cap;
	}
	r->pull[r->npulls++] = p;
	return 0;
}

static int
join(struct pull *p, struct round *round)
{
	if (!round)
		round = calloc(1, sizeof(*round));
	if (!round)
		return NBT_ENOMEM;
	p->round = round;
	round->pulls++;
	round->waiting++;
	return 0;
}

static void
leave_round(struct pull *p)
{
	if (p->round && --p->round->pulls == 0)
		free(p->round);
	p->round = NULL;
}

void
pull_free(struct repl *r, struct pull *p)
{
	for (size_t i = 0; i < r->npulls; i++)
		if (r->pull[i] == p)
			r->pull[i] = r->pull[--r->npulls];
	if (p->conn)
		p->conn->pull = NULL;
	for (unsigned i = 0; i < p->nparts; i++)
		part_free(r, &p->part[i]);
	leave_round(p);
	free(p->map);
	free(p->fetch);
	free(p);
}

static int
keep_map(struct pull *p, const struct wrepl_msg *m)
{
	free(p->map);
	p->map = calloc((size_t)m->count + 1, sizeof(*p->map));
	if (!p->map)
		return NBT_ENOMEM;
	for (uint32_t i = 0; i < m->count; i++)
		p->map[i] = wrepl_owner_at(m, i);
	p->nmap = m->count;
	return 0;
}

static bool
stands(const struct conn *c)
{
	return c && c->stands && !c->closing && !c->pull && c->awaits == AWAITS_NOTHING;
}

/* The connection to pull over; one that is yet to be made calls pull_go when it stands. */
static struct conn *
connection(struct repl *r, const struct pull_wish *wish, bool *ret_stands)
{
	struct partner *p = partner_of(r, wish->server);
	struct conn *c = wish->over ? wish->over : p ? p->pull_conn : NULL;

	*ret_stands = stands(c);
	if (*ret_stands)
		return c;
	c = conn_open(r, wish->server, USE_PULL);
	if (c && p)
		p->pull_conn = c;
	return c;
}

struct pull *
pull_new(struct repl *r, const struct pull_wish *wish, struct round *round)
{
	struct pull *p = calloc(1, sizeof(*p));
	struct partner *partner = partner_of(r, wish->server);
	const struct wrepl_msg *n = wish->notice;
	bool now;

	if (!p)
		return NULL;
	p->server = wish->server;
	if (n && n->propagate && !repl_is_own(r, n->initiator)) {
		p->forward = true;
		p->initiator = n->initiator;
	}
	if ((n && keep_map(p, n)) || add(r, p)) {
		free(p->map);
		free(p);
		return NULL;
	}
	p->conn = connection(r, wish, &now);
	if (!p->conn || join(p, round)) {
		pull_free(r, p);
		return NULL;
	}
	p->conn->pull = p;
	p->over = p->conn == wish->over;
	if (partner) {
		partner->view.last_pull_tried = r->now;
		/* A notice names one owner, perhaps: it does not stand for the next planned pull. */
		if (!n)
			partner->pull_due = MONO_NEVER;
	}
	if (now)
		pull_go(r, p);
	return p;
}

/* ---- whom to ask for what ---- */

struct offer {
	struct wrepl_owner owner;
	struct pull *pull;
};

/* By owner, the highest first, among equals the owner itself, then in the order the pulls began. */
static int
compare(const void *va, const void *vb)
{
	const struct offer *a = va, *b = vb;

	if (a->owner.ip.v != b->owner.ip.v)
		return a->owner.ip.v < b->owner.ip.v ? -1 : 1;
	if (a->owner.max != b->owner.max)
		return a->owner.max > b->owner.max ? -1 : 1;
	return (int)ip4_eq(b->pull->server, b->owner.ip) -
	       (int)ip4_eq(a->pull->server, a->owner.ip);
}

bool
pull_fetches(const struct repl *r, struct ip4 owner, uint64_t *ret_to)
{
	for (size_t i = 0; i < r->npulls; i++)
		for (size_t k = 0; k < r->pull[i]->nfetch; k++) {
			const struct fetch *f = &r->pull[i]->fetch[k];

			if (ip4_eq(f->owner, owner) && !f->stopped && !r->pull[i]->failed) {
				*ret_to = f->to;
				return true;
			}
		}
	return false;
}

/* So many versions at a time, or fewer where that brought a message too long. */
static uint64_t
range_size(const struct repl *r, const struct pull *p, uint64_t wish)
{
	const struct partner *partner = partner_of(r, p->server);
	uint64_t most = partner && partner->size_max ? partner->size_max : WREPL_VERSION_MAX;

	return wish < most ? wish : most;
}

static void
add_fetch(struct repl *r, struct pull *p, struct ip4 owner, uint64_t from, uint64_t to)
{
	struct fetch *f;

	if (p->nfetch == p->cap_fetch) {
		size_t cap = p->cap_fetch ? 2 * p->cap_fetch : 16;
		struct fetch *v = reallocarray(p->fetch, cap, sizeof(*v));

		if (!v)
			return; /* the next pull asks for it */
		p->fetch = v;
		p->cap_fetch = cap;
	}
	f = &p->fetch[p->nfetch++];
	*f = (struct fetch){ .owner = owner, .next = from, .to = to };
	f->size = range_size(r, p, r->conf.range_max);
	f->own = ip4_eq(owner, OWNER_SELF);
}

/*
 * Will the owner itself be pulled from? What others hold of its records is less than it has: what they
 * merged into a record of their own (3.9.3) or took over they do not have under its versions.
 */
static bool
comes_itself(const struct repl *r, const struct offer *o)
{
	const struct partner *p = partner_of(r, o->owner.ip);

	return p && !ip4_eq(o->pull->server, o->owner.ip) && partner_tells(p);
}

/* False: it is not to be fetched from there, but perhaps from who offers less. */
static bool
consider(struct repl *r, const struct offer *o)
{
	struct ip4 owner = convert_owner_in(r, o->owner.ip);
	struct partner *p = partner_of(r, o->pull->server);
	uint64_t from = r->own.from, max = o->owner.max, under_way;

	if (ip4_eq(owner, OWNER_SELF)) {
		/* Its own records it asks for only when they are lost here (1.6). */
		if (from && max >= from && !pull_fetches(r, owner, &under_way))
			add_fetch(r, o->pull, owner, from, max < r->own.to ? max : r->own.to);
		return true;
	}
	from = store_known(r->store, owner).v + 1;
	if (comes_itself(r, o))
		return false;
	if (max < from || !filter_accepts(r, owner) ||
	    (r->removing.active && ip4_eq(r->removing.wins.owner, owner)))
		return true;
	if (pull_fetches(r, owner, &under_way)) {
		/* Somebody else brings most of it: what is left is looked at when that ended. */
		if (under_way < max && p)
			p->again = true;
		return true;
	}
	add_fetch(r, o->pull, owner, from, max);
	return true;
}

static void
merge(struct repl *r, const struct round *round)
{
	struct offer *v;
	size_t n = 0, total = 0;
	bool done = false; /* with the owner */

	for (size_t i = 0; i < r->npulls; i++)
		if (r->pull[i]->round == round)
			total += r->pull[i]->nmap;
	v = calloc(total + 1, sizeof(*v));
	for (size_t i = 0; v && i < r->npulls; i++) {
		struct pull *p = r->pull[i];

		if (p->round != round || p->failed)
			continue;
		for (uint32_t k = 0; k < p->nmap; k++)
			v[n++] = (struct offer){ p->map[k], p };
	}
	if (n)
		qsort(v, n, sizeof(*v), compare);
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || !ip4_eq(v[i].owner.ip, v[i - 1].owner.ip))
			done = false;
		done = done || consider(r, &v[i]);
	}
	free(v);
}

static void
plan(struct repl *r, const struct round *round)
{
	merge(r, round);
	/* Backwards: whoever is done at once leaves the array, and the last one takes its place. */
	for (size_t i = r->npulls; i-- > 0;) {
		struct pull *p = r->pull[i];

		if (p->round != round || p->planned)
			continue;
		p->planned = true;
		free(p->map);
		p->map = NULL;
		p->nmap = 0;
	}
	for (size_t i = r->npulls; i-- > 0;) {
		struct pull *p = r->pull[i];

		if (p->round != round)
			continue;
		pull_ask(r, p);
		pull_end_if_done(r, p);
	}
}

static void
one_less(struct repl *r, struct round *round)
{
	/* The round lives as long as somebody looks at it. */
	round->pulls++;
	if (--round->waiting == 0)
		plan(r, round);
	if (--round->pulls == 0)
		free(round);
}

void
pull_round_close(struct repl *r, struct round *round)
{
	round->pulls--;
	one_less(r, round);
}

/* Its map is there, or will never be. */
static void
arrived(struct repl *r, struct pull *p)
{
	p->mapped = true;
	one_less(r, p->round);
}

static void
take_map(struct repl *r, struct pull *p)
{
	struct partner *partner = partner_of(r, p->server);

	for (uint32_t i = 0; i < p->nmap; i++)
		if (ip4_eq(p->map[i].ip, p->server) && !p->map[i].beyond)
			take_word(r, p->server, p->map[i].max);
	map_taken(r, partner, p->server, p->map, p->nmap, p->whole);
	for (uint32_t i = 0; i < p->nmap; i++)
		if (repl_is_own(r, p->map[i].ip))
			own_seen(r, p->server, p->map[i].max);
	if (partner && p->whole)
		partner->asked = true;
	arrived(r, p);
}

void
pull_go(struct repl *r, struct pull *p)
{
	struct wrepl_msg m = { .kind = WREPL_MAP_REQ };

	if (p->map) {
		take_map(r, p);
		return;
	}
	conn_await(r, p->conn, AWAITS_MAP);
	conn_send(r, p->conn, &m, NULL);
}

void
pull_map(struct repl *r, struct pull *p, const struct wrepl_msg *m, bool whole)
{
	p->whole = whole;
	if (keep_map(p, m))
		conn_break(r, p->conn, nbt_strerror(NBT_ENOMEM));
	else
		take_map(r, p);
}

/* ---- range by range ---- */

void
pull_ask(struct repl *r, struct pull *p)
{
	struct wrepl_msg m = { .kind = WREPL_RECORDS_REQ };
	struct fetch *f;
	struct part *x;

	while (p->at < p->nfetch &&
	       (p->fetch[p->at].stopped || p->fetch[p->at].next > p->fetch[p->at].to))
		p->at++;
	if (!p->conn || !p->planned || p->at == p->nfetch || p->nparts == PARTS_MAX ||
	    (p->nparts && p->part[p->nparts - 1].state == PART_ASKED))
		return;
	f = &p->fetch[p->at];
	x = &p->part[p->nparts++];
	*x = (struct part){
		.fetch = p->at, .from = f->next, .size = f->size, .number = ++r->numbers
	};
	if (!x->number) /* 0 is nobody's (wins.h) */
		x->number = ++r->numbers;
	x->to = f->to - f->next < f->size ? f->to : f->next + f->size - 1;
	f->next = x->to + 1;
	m.wanted = (struct wrepl_owner){
		.ip = f->own ? r->conf.self : f->owner, .max = x->to, .min = x->from
	};
	conn_await(r, p->conn, AWAITS_RECORDS);
	conn_send(r, p->conn, &m, NULL);
}

bool
pull_takes_records(const struct pull *p)
{
	for (unsigned i = 0; i < p->nparts; i++)
		if (p->part[i].state == PART_APPLYING)
			return false;
	return true;
}

void
pull_records(struct repl *r, struct pull *p, const struct wrepl_msg *m)
{
	struct part *x = &p->part[p->nparts - 1];
	struct fetch *f = &p->fetch[x->fetch];

	/* So that a reply stays bounded where records are dense, and gaps are crossed quickly. */
	f->size = range_size(r, p, m->count < x->size / 4 ? x->size * 2 : r->conf.range_max);
	x->state = PART_APPLYING;
	x->rest = m->body;
	x->left = m->count;
	x->in = conn_take(r, p->conn);
	pull_ask(r, p);
}

/* ---- the end ---- */

static void
end(struct repl *r, struct pull *p)
{
	struct partner *partner = partner_of(r, p->server);
	struct conn *c = p->conn;

	p->conn = NULL;
	if (c) {
		c->pull = NULL;
		c->moved_at = r->mnow;
		if (p->over || (c->use == USE_PULL && !c->persistent))
			conn_stop(r, c, 0);
	}
	if (p->records)
		repl_tell(r, EV_REC_PULLED, p->server, IP4_ANY, p->records, "");
	if (p->unkept && partner && !p->failed)
		partner_failed(r, partner, "its records could not be kept here");
	else if (partner && !p->failed)
		partner_pulled(r, partner, p->records, p->whole);
	if (p->forward && p->records && r->conf.propagate)
		push_all(r, true, p->initiator, p->server);
	for (size_t i = 0; i < r->npartners; i++)
		if (r->partner[i]->again && !pull_of(r, r->partner[i]->conf.address))
			r->partner[i]->pull_due = r->mnow;
	if (partner && partner->again)
		partner->pull_due = r->mnow;
	pull_free(r, p);
}

void
pull_end_if_done(struct repl *r, struct pull *p)
{
	while (p->at < p->nfetch &&
	       (p->fetch[p->at].stopped || p->fetch[p->at].next > p->fetch[p->at].to))
		p->at++;
	if (p->nparts == 0 && (p->failed ? p->mapped : p->planned && p->at == p->nfetch))
		end(r, p);
}

void
pull_broken(struct repl *r, struct pull *p, const char *why)
{
	struct partner *partner = partner_of(r, p->server);

	p->failed = true;
	if (p->nparts && p->part[p->nparts - 1].state == PART_ASKED)
		part_free(r, &p->part[--p->nparts]);
	if (partner)
		partner_failed(r, partner, why);
	/* With its map it is planned, now or when the others' are there, and then ends there. */
	if (!p->mapped)
		arrived(r, p);
	else if (p->planned)
		pull_end_if_done(r, p);
}
