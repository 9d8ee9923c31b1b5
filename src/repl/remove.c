/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removing an owner (3.14), slice by slice: its records, its members of ours, and what is known of it;
 * or, with tombstones, its records are taken over, so that partners delete them too. One at a time.
 * Layer: repl. What becomes of a record is the rules'.
 */
#include "repl/engine.h"

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
	r->removing.active = true;
	r->removing.wins = (struct wins_removal){ .owner = owner, .tombstone = tombstone };
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
	struct ip4 owner = r->removing.wins.owner;

	r->removing.active = false;
	if (!r->removing.wins.tombstone) {
		for (size_t i = 0; i < r->npartners; i++)
			seen_del(&r->partner[i]->map, owner);
		seen_del(&r->high, owner);
		seen_del(&r->lag, owner);
	}
	repl_tell(r, EV_OWNER_REMOVED, IP4_ANY, owner, r->removing.removed, "");
}

/* What is known of the owner goes with the last slice; with tombstones it stays, or the next pull would
 * bring its records back over them. */
static void
slice(struct repl *r)
{
	struct wins_removal before = r->removing.wins;
	bool more = true;
	size_t n;
	int err = wins_delete_owner(r->wins, &r->removing.wins, r->now, &n, &more);

	if (!err && !more && !r->removing.wins.tombstone)
		err = store_known_set(r->store, r->removing.wins.owner, (struct version){ 0 });
	if (wins_commit(r->wins, r->now)) {
		r->removing.wins = before;
		return;
	}
	if (!before.of_ours)
		r->removing.removed += n;
	if (!err && !more)
		finish(r);
}

bool
remove_step(struct repl *r)
{
	if (!r->removing.active || !wins_writable(r->wins))
		return false;
	slice(r);
	return true;
}
