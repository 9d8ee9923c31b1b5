/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names of this host and on which interfaces they are held; all of them released and registered
 * again when the service or the machine sleeps (netbt-name-service.md 3.1, 3.6). Layer: node.
 */
#include <stdlib.h>

#include "node/claim.h"
#include "node/engine.h"
#include "node/release.h"

#define AGAIN_MS (120 * 1000) /* nbtstat -RR is refused so long (4.1) */

/* ---- finding ---- */

struct name *
name_find(const struct node *n, const struct nb_key *key)
{
	for (unsigned i = 0; i < n->nnames; i++)
		if (nb_key_eq(&n->names[i]->key, key))
			return n->names[i];
	return NULL;
}

struct hold *
hold_on(const struct name *nm, const struct iface *ifc)
{
	for (struct hold *h = nm->holds; h; h = h->next)
		if (h->ifc == ifc && !h->gone)
			return h;
	return NULL;
}

bool
node_holds(const struct node *n, const struct nb_key *key, struct ip4 *ret_addr, unsigned cap,
    unsigned *ret_n)
{
	const struct name *nm = name_find(n, key);
	bool held = false;

	*ret_n = 0;
	if (!nm || nm->group)
		return false;
	for (const struct hold *h = nm->holds; h; h = h->next) {
		if (h->state != NODE_REGISTERED && h->state != NODE_REGISTERING &&
		    h->state != NODE_RETRYING)
			continue;
		held = true;
		if (*ret_n < cap)
			ret_addr[(*ret_n)++] = h->adv;
	}
	return held;
}

/* ---- holds ---- */

static void
hold_free(struct node *n, struct hold *h)
{
	struct hold **at = &h->name->holds;

	while (*at != h)
		at = &(*at)->next;
	*at = h->next;
	ask_release(n, &h->ask);
	timer_release(n, &h->due);
	free(h);
}

/* Behind the others of its name, so that listings keep the order of the interfaces. */
static int
hold_new(struct node *n, struct name *nm, struct iface *ifc, struct mono now)
{
	struct hold *h = calloc(1, sizeof(*h)), **end = &nm->holds;

	if (!h)
		return NBT_ENOMEM;
	if (ask_init(n, &h->ask)) {
		free(h);
		return NBT_ENOMEM;
	}
	if (timer_init(n, &h->due, claim_due)) {
		ask_release(n, &h->ask);
		free(h);
		return NBT_ENOMEM;
	}
	h->name = nm;
	h->ifc = ifc;
	h->ip = ifc->c.ip;
	h->adv = if_advertised(&ifc->c);
	while (*end)
		end = &(*end)->next;
	*end = h;
	claim_start(n, h, now);
	return 0;
}

/* Nothing is held any more: what -RR waits for. */
static bool
all_released(const struct node *n)
{
	for (unsigned i = 0; i < n->nnames; i++)
		if (n->names[i]->holds)
			return false;
	return true;
}

int
names_spread(struct node *n, struct mono now)
{
	int err = 0;

	if (n->reregister && all_released(n))
		n->reregister = false;
	if (n->suspended || n->reregister)
		return 0;
	for (unsigned i = 0; i < n->nnames && !err; i++) {
		struct name *nm = n->names[i];

		for (unsigned k = 0; nm->users && k < n->nifs && !err; k++)
			if (!n->ifs[k]->c.leaving && !hold_on(nm, n->ifs[k]))
				err = hold_new(n, nm, n->ifs[k], now);
	}
	return err;
}

void
names_reap(struct node *n)
{
	unsigned kept = 0;

	n->reap = false;
	for (unsigned i = 0; i < n->nnames; i++) {
		struct name *nm = n->names[i];
		struct hold *next;

		for (struct hold *h = nm->holds; h; h = next) {
			next = h->next;
			if (h->gone)
				hold_free(n, h);
		}
		if (nm->users || nm->holds)
			n->names[kept++] = nm;
		else
			free(nm);
	}
	n->nnames = kept;
}

void
names_tend(struct node *n, struct mono now)
{
	if (!n->reap)
		return;
	names_reap(n);
	/* A name that was wanted again while it was being released. Out of memory: when the next
	 * interface or name changes. */
	(void)names_spread(n, now);
}

/* ---- names ---- */

static struct name *
name_new(struct node *n, const struct nb_key *key, bool group)
{
	struct name *nm = calloc(1, sizeof(*nm));

	if (!nm)
		return NULL;
	nm->key = *key;
	nm->group = group;
	n->names[n->nnames++] = nm;
	return nm;
}

static bool
in_conflict(const struct name *nm)
{
	for (const struct hold *h = nm->holds; h; h = h->next)
		if (h->state == NODE_CONFLICT)
			return true;
	return false;
}

int
node_add(struct node *n, const struct nb_key *key, bool group, bool permanent, struct mono now)
{
	struct name *nm = name_find(n, key);
	int err;

	if (nm && nm->users && nm->group != group)
		return NBT_EEXIST;
	if (nm && nm->users && in_conflict(nm))
		return NBT_EOWNER;
	if (!nm) {
		if (n->nnames == NODE_NAMES_MAX)
			return NBT_ELIMIT;
		nm = name_new(n, key, group);
		if (!nm)
			return NBT_ENOMEM;
	} else if (nm->group != group) {
		return NBT_EBUSY; /* it is still being released as the other kind */
	}
	nm->users++;
	nm->permanent |= permanent;
	err = names_spread(n, now);
	if (err)
		(void)node_remove(n, key, now); /* it was just added */
	return err;
}

static void
release_name(struct node *n, struct name *nm, struct mono now)
{
	for (struct hold *h = nm->holds; h; h = h->next)
		release_start(n, h, now);
	n->reap = true;
}

int
node_remove(struct node *n, const struct nb_key *key, struct mono now)
{
	struct name *nm = name_find(n, key);

	if (!nm || !nm->users)
		return NBT_ENOENT;
	if (--nm->users)
		return 0;
	release_name(n, nm, now);
	names_tend(n, now);
	return 0;
}

/* ---- all of them ---- */

void
names_free_all(struct node *n)
{
	for (unsigned i = 0; i < n->nnames; i++) {
		while (n->names[i]->holds)
			hold_free(n, n->names[i]->holds);
		free(n->names[i]);
	}
	n->nnames = 0;
}

static void
release_everything(struct node *n, struct mono now)
{
	for (unsigned i = 0; i < n->nnames; i++)
		release_name(n, n->names[i], now);
	n->reap = true;
	names_tend(n, now);
}

void
node_suspend(struct node *n, struct mono now)
{
	n->suspended = true;
	n->reregister = false;
	release_everything(n, now);
}

void
node_resume(struct node *n, struct mono now)
{
	n->suspended = false;
	n->reap = true;
	names_tend(n, now);
}

int
node_release_refresh(struct node *n, struct mono now)
{
	if (n->suspended || now.ns < n->reregister_again.ns)
		return NBT_EBUSY;
	n->reregister_again = mono_add_ms(now, AGAIN_MS);
	n->reregister = true;
	release_everything(n, now);
	return 0;
}

bool
node_quiet(const struct node *n)
{
	bool releasing = false;

	for (unsigned i = 0; i < n->nnames; i++)
		for (const struct hold *h = n->names[i]->holds; h; h = h->next)
			releasing |= h->state == NODE_RELEASING;
	return !releasing && !n->out_n;
}

/* ---- listings ---- */

static void
fill_entry(const struct hold *h, struct mono now, struct node_entry *ret)
{
	struct mono due = timer_when(&h->due);

	*ret = (struct node_entry){ .key = h->name->key,
		.group = h->name->group,
		.permanent = h->name->permanent,
		.if_key = h->ifc->c.key,
		.ip = h->adv,
		.state = h->state,
		.by_wins = h->by_wins,
		.wins = h->by_wins ? h->wins : IP4_ANY,
		.ttl = h->ttl,
		.offender = h->offender };
	memcpy(ret->if_name, h->ifc->c.name, sizeof(ret->if_name));
	ret->refresh_in_ms = due.ns == MONO_NEVER.ns ? -1 : (due.ns - now.ns) / 1000000;
}

bool
node_entry_at(const struct node *n, unsigned i, struct mono now, struct node_entry *ret)
{
	for (unsigned k = 0; k < n->nnames; k++)
		for (const struct hold *h = n->names[k]->holds; h; h = h->next)
			if (!i--) {
				fill_entry(h, now, ret);
				return true;
			}
	return false;
}

void
node_each_entry(const struct node *n, struct mono now,
    void (*each)(void *arg, const struct node_entry *e), void *arg)
{
	struct node_entry e;

	for (unsigned k = 0; k < n->nnames; k++)
		for (const struct hold *h = n->names[k]->holds; h; h = h->next) {
			fill_entry(h, now, &e);
			each(arg, &e);
		}
}

static uint64_t
mix(uint64_t sum, uint64_t v)
{
	sum = (sum ^ v) * UINT64_C(0x9e3779b97f4a7c15);
	return sum ^ sum >> 32;
}

uint64_t
node_digest(const struct node *n)
{
	uint64_t sum = n->nghosts, part[2];

	for (unsigned k = 0; k < n->nnames; k++) {
		memcpy(part, n->names[k]->key.name.b, sizeof(part));
		sum = mix(mix(sum, part[0]), part[1]);
		for (const struct hold *h = n->names[k]->holds; h; h = h->next)
			sum = mix(sum,
				  (uint64_t)h->adv.v << 32 | (uint64_t)h->by_wins << 8 | h->state) ^
			      h->wins.v;
	}
	return sum;
}
