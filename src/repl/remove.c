/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removing an owner (3.14), slice by slice: its records and what is known of it; or, with tombstones,
 * its records are taken over, so that partners delete them too. Layer: repl. One at a time.
 */
#include "repl/engine.h"

#define TOMBSTONE_SLICE 16 /* each of them is durable by itself */

int
repl_delete_owner(struct repl *r, struct ip4 owner, bool tombstone, struct wall now)
{
	struct rec rec;

	r->now = now;
	if (ip4_eq(owner, IP4_ANY) || repl_is_own(r, owner))
		return NBT_EINVAL;
	if (r->removing.active)
		return NBT_EBUSY;
	if (!store_known(r->store, owner).v &&
	    !store_by_version(r->store, owner, (struct version){ 0 }, &rec))
		return NBT_ENOENT;
	r->removing.owner = owner;
	r->removing.active = true;
	r->removing.tombstone = tombstone;
	r->removing.removed = 0;
	/* What is being fetched of it would come in behind. */
	for (size_t i = 0; i < r->npulls; i++)
		for (size_t k = 0; k < r->pull[i]->nfetch; k++)
			if (ip4_eq(r->pull[i]->fetch[k].owner, owner))
				r->pull[i]->fetch[k].stopped = true;
	return 0;
}

static void
finish(struct repl *r)
{
	struct ip4 owner = r->removing.owner;

	r->removing.active = false;
	if (!r->removing.tombstone) {
		for (size_t i = 0; i < r->npartners; i++)
			seen_del(&r->partner[i]->map, owner);
		seen_del(&r->high, owner);
		seen_del(&r->lag, owner);
	}
	repl_tell(r, EV_OWNER_REMOVED, IP4_ANY, owner, r->removing.removed, "");
}

/* What is known of the owner stays: without it the next pull would bring its records back over the
 * tombstones. */
static void
tombstone_slice(struct repl *r)
{
	struct rec rec;

	for (unsigned i = 0; i < TOMBSTONE_SLICE; i++) {
		/* Always the first: each leaves the owner. */
		if (!store_by_version(r->store, r->removing.owner, (struct version){ 0 }, &rec)) {
			finish(r);
			return;
		}
		if (rec.state == REC_TOMBSTONE) {
			if (store_del(r->store, &rec.key) || wins_commit(r->wins, r->now))
				return;
		} else if (wins_admin_tombstone(r->wins, &rec.key, 0, r->now)) {
			return;
		}
		r->removing.removed++;
	}
}

static void
delete_slice(struct repl *r)
{
	uint64_t before;
	bool more = true;
	int err;

	/* Nothing else in the batch, so that the difference is what was deleted. */
	if (wins_commit(r->wins, r->now))
		return;
	before = store_records(r->store);
	err = wins_delete_owner(r->wins, r->removing.owner, &more);
	if (!err && !more)
		err = store_known_set(r->store, r->removing.owner, (struct version){ 0 });
	if (err && err != NBT_ELIMIT)
		return;
	if (wins_commit(r->wins, r->now))
		return;
	r->removing.removed += before - store_records(r->store);
	if (!err && !more)
		finish(r);
}

bool
remove_step(struct repl *r)
{
	if (!r->removing.active || !wins_writable(r->wins))
		return false;
	if (r->removing.tombstone)
		tombstone_slice(r);
	else
		delete_slice(r);
	return true;
}
