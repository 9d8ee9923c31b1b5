/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Releases and ghosts. Layer: node. See release.h.
 */
#include "node/release.h"

#include <stdio.h>
#include <stdlib.h>

#include "node/claim.h"

#define RETRY_FIRST_MS (30 * 1000)
#define RETRY_LAST_MS  (3600 * 1000)
/* How long a server whose answer we never saw may believe in the name: Windows' renewal interval. */
#define LIFE_S (6 * 86400)

/* One address of one name at one server, on its way out. */
struct parting {
	struct parting *next;
	struct nb_key key;
	bool group;
	struct ip4 ip, adv, wins;
	char if_name[16];
	struct hold *hold; /* that waits for the end of this; NULL: a ghost */
	struct ask ask;
	struct timer retry;
	uint32_t tries;
	struct mono expires; /* the server has let it go by then */
	struct mono said;    /* the last claim that may still be on its way */
	bool settling;       /* confirmed, but once more when said is long ago */
};

/* ---- the list ---- */

static void
parting_free(struct node *n, struct parting *p)
{
	struct parting **at = &n->partings;

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	if (!p->next)
		n->partings_end = at;
	if (!p->hold)
		n->nghosts--;
	ask_release(n, &p->ask);
	timer_release(n, &p->retry);
	free(p);
}

void
release_free_all(struct node *n)
{
	while (n->partings)
		parting_free(n, n->partings);
}

static void ghost_fire(struct node *n, struct timer *t, struct mono now);

/* Last in the list, without a hold. NULL: out of memory. */
static struct parting *
parting_new(struct node *n, const struct node_ghost *g, struct mono now)
{
	const struct iface *ifc = if_by_ip(n, g->from);
	struct parting *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	if (ask_init(n, &p->ask)) {
		free(p);
		return NULL;
	}
	if (timer_init(n, &p->retry, ghost_fire)) {
		ask_release(n, &p->ask);
		free(p);
		return NULL;
	}
	p->key = g->key;
	p->group = g->group;
	p->ip = g->from;
	p->adv = g->ip;
	p->wins = g->wins;
	p->tries = g->tries;
	if (ifc)
		memcpy(p->if_name, ifc->c.name, sizeof(p->if_name));
	p->expires = mono_add_ms(now, (int64_t)LIFE_S * 1000);
	n->nghosts++;
	*n->partings_end = p;
	n->partings_end = &p->next;
	return p;
}

/* One that its hold waits for. False: out of memory. */
static bool
parting_of(struct node *n, struct hold *h, struct ip4 wins, struct mono now)
{
	const struct node_ghost g = { .key = h->name->key,
		.group = h->name->group,
		.ip = h->adv,
		.from = h->ip,
		.wins = wins };
	struct parting *p = parting_new(n, &g, now);

	if (!p)
		return false;
	n->nghosts--;
	p->hold = h;
	p->said = h->ask.sent;
	if (h->by_wins && ip4_eq(wins, h->wins))
		p->expires = h->ttl ? mono_add_ms(h->granted, (int64_t)h->ttl * 1000) : MONO_NEVER;
	return true;
}

static void
tell(struct node *n, int event, const struct parting *p)
{
	node_tell(n, event, &p->key, p->wins, p->adv, p->if_name);
}

/* ---- ghosts ---- */

static void
forget_oldest_ghost(struct node *n)
{
	struct parting *p = n->partings;

	while (p->hold)
		p = p->next;
	if (!p->settling) {
		n->stats.n[NS_GHOSTS_FORGOTTEN]++;
		tell(n, EV_NODE_GHOST_FORGOTTEN, p);
	}
	parting_free(n, p);
}

static void
ghost_again(struct node *n, struct parting *p, struct mono now)
{
	int64_t ms = RETRY_FIRST_MS;

	for (uint32_t i = 1; i < p->tries && ms < RETRY_LAST_MS; i++)
		ms *= 2;
	timer_set(n, &p->retry, mono_add_ms(now, ms < RETRY_LAST_MS ? ms : RETRY_LAST_MS));
}

/* No hold waits for it any more. It may be forgotten at once, being one too many. */
static void
detach(struct node *n, struct parting *p)
{
	p->hold = NULL;
	if (++n->nghosts > NODE_GHOSTS_MAX)
		forget_oldest_ghost(n);
}

/* The server may still hold it. */
static void
become_ghost(struct node *n, struct parting *p, struct mono now)
{
	ask_close(n, &p->ask);
	p->settling = false;
	p->tries = 1;
	n->stats.n[NS_RELEASE_UNCONFIRMED]++;
	tell(n, EV_NODE_GHOST, p);
	ghost_again(n, p, now);
	if (p->hold)
		detach(n, p);
}

static void hold_parted(struct node *n, struct hold *h, struct mono now);

static void
count_answer(struct node *n, const struct parting *p, bool confirmed)
{
	if (!confirmed) {
		tell(n, EV_NODE_RELEASE_REFUSED, p);
	} else if (!p->settling) {
		n->stats.n[NS_RELEASED]++;
		if (p->hold)
			return;
		n->stats.n[NS_GHOSTS_CLEARED]++;
		tell(n, EV_NODE_GHOST_CLEARED, p);
	}
}

/*
 * A server said yes, or no: either way there is nothing left to repeat, unless a claim was sent so
 * lately that a copy of it may still arrive and undo the release.
 */
static void
parting_answered(struct node *n, struct parting *p, bool confirmed, struct mono now)
{
	const struct mono settled = mono_add_ms(p->said, n->conf.settle_ms);
	struct hold *h = p->hold;

	count_answer(n, p, confirmed);
	if (h && confirmed && h->by_wins && ip4_eq(p->wins, h->wins))
		h->confirmed = true;
	ask_close(n, &p->ask);
	if (confirmed && p->said.ns && now.ns < settled.ns) {
		p->settling = true;
		timer_set(n, &p->retry, settled);
		if (h)
			detach(n, p);
	} else {
		parting_free(n, p);
	}
	if (h)
		hold_parted(n, h, now);
}

static void
parting_silent(struct node *n, struct parting *p, struct mono now)
{
	struct hold *h = p->hold;

	if (h || p->settling) {
		if (h)
			if_wins_silent(n, h->ifc, p->wins);
		become_ghost(n, p, now);
	} else {
		p->tries++;
		ghost_again(n, p, now);
	}
	if (h)
		hold_parted(n, h, now);
}

static void
heard_parting(struct node *n, struct ask *a, const struct nb_msg *m, const struct node_path *path,
    struct mono now)
{
	struct parting *p = OWNER_OF(a, struct parting, ask);

	if (m && nb_rcode(m) != NB_RC_SRV) {
		/* Samba 3 says NAM_ERR when the name is gone already (1.8.6). */
		parting_answered(n, p, nb_rcode(m) == NB_RC_OK || nb_rcode(m) == NB_RC_NAM, now);
		return;
	}
	ask_close(n, a);
	parting_silent(n, p, now);
}

static void
parting_ask(struct node *n, struct parting *p, uint32_t if_key, struct mono now)
{
	const struct ask_what w = { .key = &p->key,
		.kind = NB_RELEASE_REQ,
		.flags = NB_OP_RELEASE << 11,
		.nb_flags = node_nb_flags(n, p->group),
		.addr = p->adv,
		.if_key = if_key,
		.from = p->ip,
		.to = p->wins,
		.interval_ms = n->conf.server_timeout_ms,
		.tries = n->conf.server_count };

	ask_open(n, &p->ask, &w, heard_parting, now);
}

static void
ghost_fire(struct node *n, struct timer *t, struct mono now)
{
	struct parting *p = OWNER_OF(t, struct parting, retry);
	const struct iface *ifc = if_by_ip(n, p->ip);

	timer_set(n, t, MONO_NEVER);
	if (now.ns >= p->expires.ns) {
		n->stats.n[NS_GHOSTS_FORGOTTEN]++;
		tell(n, EV_NODE_GHOST_FORGOTTEN, p);
		parting_free(n, p);
	} else if (ifc) {
		parting_ask(n, p, ifc->c.key, now);
	} else {
		/* It must leave from the address it releases (3.5): wait for that to return. */
		parting_silent(n, p, now);
	}
}

void
release_hurry(struct node *n, struct ip4 wins, struct ip4 ip, struct mono now)
{
	for (struct parting *p = n->partings; p; p = p->next)
		if (!p->hold && !p->settling && !p->ask.open &&
		    (ip4_eq(p->wins, wins) || ip4_eq(p->ip, ip)))
			timer_set(n, &p->retry, now);
}

/* The release of this address at this server that is on its way or remembered. */
static struct parting *
find(const struct node *n, const struct node_ghost *g)
{
	struct parting *p = n->partings;

	while (p &&
	       !(ip4_eq(p->adv, g->ip) && ip4_eq(p->wins, g->wins) && nb_key_eq(&p->key, &g->key)))
		p = p->next;
	return p;
}

/* Half of the table is kept for what happened: whoever forges answers can make us come here. */
void
release_stray(struct node *n, const struct iface *ifc, const struct nb_key *key, bool group,
    struct ip4 wins, struct mono now)
{
	const struct node_ghost g = { .key = *key,
		.group = group,
		.ip = if_advertised(&ifc->c),
		.from = ifc->c.ip,
		.wins = wins };
	struct parting *p = find(n, &g);

	if (!p && n->nghosts < NODE_GHOSTS_MAX / 2) {
		p = parting_new(n, &g, now);
		if (p)
			p->settling = true;
	}
	if (!p)
		return;
	p->said = now;
	if (!p->hold && !p->ask.open)
		timer_set(n, &p->retry, now);
}

/* Has the name come back to that address? Then a later release is for this server too. */
static bool
is_held(struct node *n, const struct node_ghost *g)
{
	const struct name *nm = name_find(n, &g->key);

	for (struct hold *h = nm ? nm->holds : NULL; h; h = h->next)
		if (!h->gone && ip4_eq(h->adv, g->ip)) {
			hold_told(h, g->wins);
			return true;
		}
	return false;
}

int
node_remember(struct node *n, const struct node_ghost *g, struct mono now)
{
	struct parting *p;

	if (is_held(n, g) || find(n, g))
		return 0;
	if (n->nghosts == NODE_GHOSTS_MAX)
		return NBT_ELIMIT;
	p = parting_new(n, g, now);
	if (!p)
		return NBT_ENOMEM;
	timer_set(n, &p->retry, now);
	return 0;
}

/* ---- a hold goes ---- */

static void
hold_gone(struct node *n, struct hold *h)
{
	ask_close(n, &h->ask);
	timer_set(n, &h->due, MONO_NEVER);
	h->gone = true;
	n->reap = true;
}

static void
heard_goodbye(struct node *n, struct ask *a, const struct nb_msg *m, const struct node_path *path,
    struct mono now)
{
	if (!m)
		hold_gone(n, OWNER_OF(a, struct hold, ask));
}

/* 2.4: B always says goodbye by broadcast, M after WINS agreed, H only when WINS did not, P never. */
static bool
wants_goodbye(const struct node *n, const struct hold *h)
{
	if (!h->announce)
		return false;
	switch (node_type(n)) {
	case NODE_B:
		return true;
	case NODE_M:
		return h->confirmed || !h->by_wins;
	case NODE_H:
		return !h->confirmed;
	}
	return false;
}

/* Called when the last server has answered or was given up. */
static void
hold_parted(struct node *n, struct hold *h, struct mono now)
{
	struct ask_what w;

	if (--h->partings)
		return;
	if (!wants_goodbye(n, h)) {
		hold_gone(n, h);
		return;
	}
	w = claim_to_all(n, h, NB_RELEASE_REQ, NB_OP_RELEASE << 11);
	h->step = STEP_GOODBYE;
	ask_open(n, &h->ask, &w, heard_goodbye, now);
}

void
release_forget(struct node *n, struct hold *h, struct mono now)
{
	struct parting *next;

	for (struct parting *p = n->partings; p; p = next) {
		struct hold *waits = p->hold;

		next = p->next;
		if (waits == h || !ip4_eq(p->adv, h->adv) || !nb_key_eq(&p->key, &h->name->key))
			continue;
		/* The server may have it: a later release is for it too. */
		hold_told(h, p->wins);
		parting_free(n, p);
		if (waits) {
			/* The address moved to another card while that one was leaving. */
			waits->announce = false;
			hold_parted(n, waits, now);
		}
	}
}

/* All partings are made before any is asked: an answer must find the right count. */
static void
partings_new(struct node *n, struct hold *h, struct mono now)
{
	h->partings = 1;
	for (unsigned i = 0; i < h->ntold; i++)
		h->partings += parting_of(n, h, h->told[i], now);
}

void
release_start(struct node *n, struct hold *h, struct mono now)
{
	if (h->gone || h->state == NODE_RELEASING)
		return;
	ask_close(n, &h->ask);
	timer_set(n, &h->due, MONO_NEVER);
	h->announce = h->state == NODE_REGISTERED;
	h->confirmed = false;
	h->state = NODE_RELEASING;
	h->step = STEP_NONE;
	if (h->name->key.name.b[0] == '*') {
		hold_gone(n, h);
		return;
	}
	partings_new(n, h, now);
	for (struct parting *p = n->partings; p; p = p->next)
		if (p->hold == h)
			parting_ask(n, p, h->ifc->c.key, now);
	hold_parted(n, h, now);
}

void
release_lost(struct node *n, struct hold *h, struct mono now)
{
	struct parting *next;

	if (h->gone)
		return;
	if (h->state != NODE_RELEASING)
		partings_new(n, h, now);
	for (struct parting *p = n->partings; p; p = next) {
		next = p->next;
		if (p->hold == h)
			become_ghost(n, p, now);
	}
	hold_gone(n, h);
}

/* ---- listing ---- */

bool
node_ghost_at(const struct node *n, unsigned i, struct mono now, struct node_ghost *ret)
{
	const struct parting *p = n->partings;

	for (; p; p = p->next)
		if (!p->hold && !p->settling && !i--)
			break;
	if (!p)
		return false;
	*ret = (struct node_ghost){ .key = p->key,
		.group = p->group,
		.ip = p->adv,
		.from = p->ip,
		.wins = p->wins,
		.tries = p->tries,
		.retry_in_ms = p->ask.open ? 0 : (timer_when(&p->retry).ns - now.ns) / 1000000 };
	return true;
}
