/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The partners: who they are, when each is pulled from, what happened with each. Layer: repl. Owns the
 * partners; how a pull goes is pull.c's.
 */
#include <stdlib.h>
#include <string.h>

#include "repl/engine.h"

#define DAY_SECONDS 86400u

struct partner *
partner_of(const struct repl *r, struct ip4 ip)
{
	for (size_t i = 0; i < r->npartners; i++)
		if (ip4_eq(r->partner[i]->conf.address, ip))
			return r->partner[i];
	return NULL;
}

int
partner_add(struct repl *r, const struct repl_partner_conf *conf, bool self_found)
{
	struct partner *p;

	if (repl_is_own(r, conf->address) || partner_of(r, conf->address))
		return 0;
	if (r->npartners == REPL_PARTNERS_MAX)
		return NBT_ELIMIT;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NBT_ENOMEM;
	p->conf = *conf;
	p->self_found = self_found;
	p->pull_due = p->push_due = MONO_NEVER;
	p->told = store_next_version(r->store).v;
	r->partner[r->npartners++] = p;
	return 0;
}

void
partner_free(struct partner *p)
{
	seen_free(&p->map);
	free(p);
}

void
partner_remove(struct repl *r, struct partner *p)
{
	size_t i = 0;

	while (r->partner[i] != p)
		i++;
	r->partner[i] = r->partner[--r->npartners];
	for (size_t k = 0; k < r->nconns; k++)
		if (ip4_eq(r->conn[k]->peer, p->conf.address))
			conn_break(r, r->conn[k], "it is no partner any more");
	partner_free(p);
}

static void
schedule(struct repl *r, struct partner *p, struct mono due)
{
	p->pull_due = due;
	p->view.next_pull.s = 0;
	if (due.ns != INT64_MAX)
		p->view.next_pull =
		    wall_add(r->now, (uint32_t)((due.ns - r->mnow.ns) / 1000000000));
}

static void
schedule_interval(struct repl *r, struct partner *p)
{
	bool any = p->conf.pull && p->conf.pull_interval;

	p->tries = 0;
	schedule(r, p, any ? mono_add_s(r->mnow, p->conf.pull_interval) : MONO_NEVER);
}

struct mono
next_at(const struct repl *r, uint32_t start, uint32_t interval)
{
	uint32_t today = r->now.s % DAY_SECONDS;

	if (start == UINT32_MAX || start <= today)
		return mono_add_s(r->mnow, interval);
	return mono_add_s(r->mnow, start - today);
}

void
partner_first_pull(struct repl *r, struct partner *p)
{
	if (!p->conf.pull) {
		schedule(r, p, MONO_NEVER);
	} else if (r->conf.pull_at_start || r->own.paused) {
		p->together = true;
		schedule(r, p, r->mnow);
	} else if (p->conf.pull_interval) {
		schedule(r, p, next_at(r, p->conf.pull_start, p->conf.pull_interval));
	}
}

void
partner_pulled(struct repl *r, struct partner *p, uint64_t records, bool whole)
{
	r->stats.pulls++;
	p->view.pulls++;
	p->view.last_pull = r->now;
	p->view.failures = 0;
	p->view.failing_since.s = 0;
	p->view.error[0] = '\0';
	p->size_max = 0;
	if (p->told_down)
		repl_tell(r, EV_PARTNER_BACK, p->conf.address, IP4_ANY, records, "");
	p->told_down = false;
	if (whole || p->pull_due.ns == INT64_MAX)
		schedule_interval(r, p);
}

bool
partner_tells(const struct partner *p)
{
	return p->conf.pull && p->conf.pull_interval && p->asked && !p->view.failures;
}

void
partners_near(struct repl *r)
{
	struct ip4 near[REPL_PARTNERS_MAX];
	unsigned n = 0;
	/* Who wants nothing of some owners cannot be told of their members: two such servers would try
	 * without end. */
	bool choosy = r->conf.nfilter || r->conf.accept_only;

	_Static_assert(REPL_PARTNERS_MAX <= WINS_NEAR_MAX, "wins takes them all");
	for (size_t i = 0; i < r->npartners && !choosy; i++)
		if (partner_tells(r->partner[i]))
			near[n++] = r->partner[i]->conf.address;
	wins_near(r->wins, near, n);
}

void
partner_failed(struct repl *r, struct partner *p, const char *why)
{
	size_t len = strnlen(why, sizeof(p->view.error) - 1);

	r->stats.pull_failures++;
	p->view.failures++;
	if (!p->view.failing_since.s)
		p->view.failing_since = r->now;
	memcpy(p->view.error, why, len);
	p->view.error[len] = '\0';
	if (++p->tries <= r->conf.retry_count || (r->own.paused && !p->asked)) {
		schedule(r, p, mono_add_s(r->mnow, r->conf.retry_interval));
		return;
	}
	if (!p->told_down)
		repl_tell(r, EV_CONN_RETRIES_FAILED, p->conf.address, IP4_ANY, p->tries, why);
	p->told_down = true;
	schedule_interval(r, p);
}

/* ---- configuration ---- */

static const struct repl_partner_conf *
wished(const struct repl *r, struct ip4 ip)
{
	for (unsigned i = 0; i < r->conf.npartners; i++)
		if (ip4_eq(r->conf.partner[i].address, ip))
			return &r->conf.partner[i];
	return NULL;
}

void
partners_reconf(struct repl *r)
{
	for (size_t i = r->npartners; i-- > 0;) {
		struct partner *p = r->partner[i];
		const struct repl_partner_conf *conf = wished(r, p->conf.address);

		if (repl_is_own(r, p->conf.address) ||
		    (!conf && !(p->self_found && r->conf.discover))) {
			partner_remove(r, p);
			continue;
		}
		if (!conf)
			continue;
		p->self_found = false;
		if (memcmp(&p->conf, conf, sizeof(*conf)) == 0)
			continue;
		p->conf = *conf;
		/* A connection that was made under the other terms is not kept. */
		if (p->pull_conn && !p->pull_conn->pull)
			conn_stop(r, p->pull_conn, 0);
		if (p->push_conn)
			conn_stop(r, p->push_conn, 0);
		if (!pull_of(r, p->conf.address))
			schedule_interval(r, p);
	}
	for (unsigned i = 0; i < r->conf.npartners; i++) {
		size_t before = r->npartners;

		/* Without memory it is missed until the next change; the bound is the list's own. */
		if (partner_add(r, &r->conf.partner[i], false) == 0 && r->npartners > before)
			partner_first_pull(r, r->partner[before]);
	}
}

/* ---- time and wishes ---- */

static void
pull_from(struct repl *r, struct partner *p, struct round *round)
{
	struct pull_wish wish = { .server = p->conf.address };

	p->together = p->again = false;
	if (pull_of(r, p->conf.address)) {
		p->pull_due = MONO_NEVER;
		p->again = true; /* at its end */
	} else if (!pull_new(r, &wish, round)) {
		partner_failed(r, p, nbt_strerror(NBT_ENOMEM));
	}
}

/* All that are to be pulled from at once, in one round: each owner where most is known of it. */
static void
pull_together(struct repl *r)
{
	struct round *round = calloc(1, sizeof(*round));

	if (!round)
		return; /* the next tick tries again */
	/* Held open until everybody is in it. */
	round->pulls = round->waiting = 1;
	for (size_t i = 0; i < r->npartners; i++)
		if (r->partner[i]->together && mono_reached(r->partner[i]->pull_due, r->mnow))
			pull_from(r, r->partner[i], round);
	pull_round_close(r, round);
}

void
partners_tick(struct repl *r)
{
	bool together = false;

	for (size_t i = 0; i < r->npartners; i++) {
		struct partner *p = r->partner[i];

		if (!mono_reached(p->pull_due, r->mnow))
			continue;
		if (p->together)
			together = true;
		else
			pull_from(r, p, NULL);
	}
	if (together)
		pull_together(r);
}

struct mono
partners_next(const struct repl *r)
{
	struct mono next = MONO_NEVER;

	for (size_t i = 0; i < r->npartners; i++)
		next = mono_min(next, r->partner[i]->pull_due);
	return next;
}

int
partners_pull(struct repl *r, struct ip4 which)
{
	struct partner *p = partner_of(r, which);

	if (!ip4_eq(which, IP4_ANY)) {
		if (!p)
			return NBT_ENOENT;
		if (pull_of(r, which))
			return NBT_EBUSY;
		pull_from(r, p, NULL);
		return 0;
	}
	for (size_t i = 0; i < r->npartners; i++) {
		p = r->partner[i];
		if (!p->conf.pull || pull_of(r, p->conf.address))
			continue;
		p->together = true;
		schedule(r, p, r->mnow);
	}
	pull_together(r);
	return 0;
}
