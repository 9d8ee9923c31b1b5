/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table's orders. By due time is lazy: a record whose time moved to later stays where it stands
 * until that comes, because most records are refreshed many times before they are ever due.
 * Layer: store.
 */
#include "store/table_order.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/err.h"
#include "base/radix.h"
#include "store/be.h"

#define NAME_KEY    (NB_NAME_LEN + 4)
#define SCOPE_KEY   (NB_NAME_LEN + NB_SCOPE_WIRE + 4)
#define VERSION_KEY 14
#define DUE_KEY     8
#define MOVES_MAX   256  /* records moved on to a later time in one call */
#define FRESH_MAX   1024 /* names beside the order by name; one more batch goes on top */

void
order_init(struct table *t)
{
	ordset_init(&t->by_name, NAME_KEY);
	ordset_init(&t->by_scope, SCOPE_KEY);
	ordset_init(&t->by_version, VERSION_KEY);
	ordset_init(&t->by_due, DUE_KEY);
}

void
order_clear(struct table *t)
{
	ordset_clear(&t->by_name);
	ordset_clear(&t->by_scope);
	ordset_clear(&t->by_version);
	ordset_clear(&t->by_due);
	free(t->fresh.slot);
	free(t->fresh.keys);
	t->fresh = (struct fresh_names){ 0 };
}

void
order_trim(struct table *t, size_t keep)
{
	ordset_trim(&t->by_scope, 0);
	ordset_trim(&t->by_version, keep);
	ordset_trim(&t->by_due, keep);
}

size_t
order_bytes(const struct table *t)
{
	return ordset_bytes(&t->by_name) + ordset_bytes(&t->by_scope) +
	       ordset_bytes(&t->by_version) + ordset_bytes(&t->by_due) +
	       t->fresh.cap * (sizeof(*t->fresh.slot) + 2 * NAME_KEY);
}

/* ---- keys ---- */

static const uint8_t *
name_key(const uint8_t *name, uint32_t slot, uint8_t out[static NAME_KEY])
{
	memcpy(out, name, NB_NAME_LEN);
	be_put32(out + NB_NAME_LEN, slot);
	return out;
}

/* A scope is a row of labels, each with its length before it and none empty, so filling up with zeros
 * makes no two scopes equal and keeps their order. */
static const uint8_t *
scope_key(const struct nb_key *key, uint32_t slot, uint8_t out[static SCOPE_KEY])
{
	memcpy(out, key->name.b, NB_NAME_LEN);
	memcpy(out + NB_NAME_LEN, key->scope.b, NB_SCOPE_WIRE);
	be_put32(out + NB_NAME_LEN + NB_SCOPE_WIRE, slot);
	return out;
}

static const uint8_t *
version_key(unsigned owner, uint64_t version, uint32_t slot, uint8_t out[static VERSION_KEY])
{
	be_put32(be_put64(be_put16(out, (uint16_t)owner), version), slot);
	return out;
}

static const uint8_t *
due_key(uint32_t due, uint32_t slot, uint8_t out[static DUE_KEY])
{
	be_put32(be_put32(out, due), slot);
	return out;
}

static_assert(sizeof(((struct version_walk *)0)->place) == VERSION_KEY, "a walk holds a key");

/* Every key ends with its slot. */
static struct trec *
rec_at(const struct table *t, const uint8_t *key, size_t klen)
{
	return (struct trec *)table_slot(t, be_get32(key + klen - 4));
}

/* ---- moves ---- */

void
order_queue(struct table *t, struct trec *r)
{
	uint8_t key[DUE_KEY];

	if (r->due >= r->queued && r->due != WALL_NEVER.s)
		return;
	if (r->queued != WALL_NEVER.s)
		(void)ordset_remove(&t->by_due, due_key(r->queued, r->slot, key));
	r->queued = r->due;
	if (r->queued != WALL_NEVER.s)
		(void)ordset_insert(&t->by_due, due_key(r->queued, r->slot, key));
}

static void
name_add(struct table *t, const struct trec *r)
{
	uint8_t key[SCOPE_KEY], scope_len;
	struct nb_key k;

	(void)trec_scope(r, &scope_len);
	if (!scope_len) {
		t->fresh.slot[t->fresh.n++] = r->slot;
		t->fresh.sorted = false;
		return;
	}
	trec_key(r, &k);
	(void)ordset_insert(&t->by_scope, scope_key(&k, r->slot, key));
}

/* One that is still fresh is in no order: its slot stays in the list, and whatever record that
 * has when its turn comes, if any, is one that belongs into the order. */
static void
name_remove(struct table *t, const struct trec *r)
{
	uint8_t key[SCOPE_KEY], scope_len;
	struct nb_key k;

	(void)trec_scope(r, &scope_len);
	if (!scope_len) {
		(void)ordset_remove(&t->by_name, name_key(r->name, r->slot, key));
		t->fresh.sorted = false;
		return;
	}
	trec_key(r, &k);
	(void)ordset_remove(&t->by_scope, scope_key(&k, r->slot, key));
}

void
order_add(struct table *t, struct trec *r)
{
	uint8_t key[VERSION_KEY];

	name_add(t, r);
	(void)ordset_insert(&t->by_version, version_key(r->owner, r->version, r->slot, key));
	order_queue(t, r);
}

void
order_replace(struct table *t, const struct trec *old, struct trec *r)
{
	uint8_t key[VERSION_KEY];

	if (old->owner != r->owner || old->version != r->version) {
		(void)ordset_remove(
		    &t->by_version, version_key(old->owner, old->version, old->slot, key));
		(void)ordset_insert(
		    &t->by_version, version_key(r->owner, r->version, r->slot, key));
	}
	order_queue(t, r);
}

void
order_remove(struct table *t, struct trec *r)
{
	uint8_t key[VERSION_KEY];

	name_remove(t, r);
	(void)ordset_remove(&t->by_version, version_key(r->owner, r->version, r->slot, key));
	if (r->queued != WALL_NEVER.s)
		(void)ordset_remove(&t->by_due, due_key(r->queued, r->slot, key));
}

/* ---- all at once ---- */

typedef bool (*key_fn)(struct trec *r, uint8_t *out);

static bool
build_name(struct trec *r, uint8_t *out)
{
	uint8_t len;

	(void)trec_scope(r, &len);
	if (len)
		return false;
	(void)name_key(r->name, r->slot, out);
	return true;
}

static bool
build_scope(struct trec *r, uint8_t *out)
{
	struct nb_key k;
	uint8_t len;

	(void)trec_scope(r, &len);
	if (!len)
		return false;
	trec_key(r, &k);
	(void)scope_key(&k, r->slot, out);
	return true;
}

static bool
build_version(struct trec *r, uint8_t *out)
{
	(void)version_key(r->owner, r->version, r->slot, out);
	return true;
}

static bool
build_due(struct trec *r, uint8_t *out)
{
	r->queued = r->due;
	(void)due_key(r->due, r->slot, out);
	return r->due != WALL_NEVER.s;
}

/* ---- fresh names ---- */

static void
fresh_sort(struct table *t)
{
	struct fresh_names *f = &t->fresh;
	uint8_t *other = f->keys + f->cap * NAME_KEY, *sorted;

	if (f->sorted || !f->n)
		return;
	f->nkeys = 0;
	for (size_t i = 0; i < f->n; i++) {
		struct trec *r = (struct trec *)table_slot(t, f->slot[i]);

		f->nkeys += r && build_name(r, f->keys + f->nkeys * NAME_KEY);
	}
	/* a name has one slot, which may stand here twice */
	sorted = radix_sort(f->keys, other, f->nkeys, NAME_KEY, NB_NAME_LEN);
	if (sorted != f->keys)
		memcpy(f->keys, sorted, f->nkeys * NAME_KEY);
	f->sorted = true;
}

/* All together and in order, each key finds the upper tree and its neighbours' chunk in the caches. What
 * was inserted before memory ran out is inserted again, to no effect. */
static int
fresh_settle(struct table *t)
{
	struct fresh_names *f = &t->fresh;
	int err;

	fresh_sort(t);
	err = ordset_insert_sorted(&t->by_name, f->keys, f->nkeys);
	if (!err)
		f->n = f->nkeys = 0;
	return err;
}

static int
fresh_reserve(struct table *t, size_t n)
{
	struct fresh_names *f = &t->fresh;
	uint32_t *slot;
	uint8_t *keys;
	int err = f->n < FRESH_MAX ? 0 : fresh_settle(t);

	n += FRESH_MAX;
	if (err || n <= f->cap)
		return err;
	slot = realloc(f->slot, n * sizeof(*slot));
	if (!slot)
		return NBT_ENOMEM;
	f->slot = slot;
	keys = realloc(f->keys, n * 2 * NAME_KEY);
	if (!keys)
		return NBT_ENOMEM;
	f->keys = keys;
	f->cap = n;
	return 0;
}

/* The first of them that is not less than key, or NULL. */
static const uint8_t *
fresh_from(struct table *t, const uint8_t *key)
{
	size_t lo = 0, hi;

	fresh_sort(t);
	hi = t->fresh.nkeys;
	while (key && lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (memcmp(t->fresh.keys + mid * NAME_KEY, key, NAME_KEY) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < t->fresh.nkeys ? t->fresh.keys + lo * NAME_KEY : NULL;
}

int
order_reserve(struct table *t, size_t n, size_t scoped)
{
	int err = fresh_reserve(t, n);

	if (!err)
		err = ordset_reserve(&t->by_scope, scoped);
	if (!err)
		err = ordset_reserve(&t->by_version, n);
	return err ? err : ordset_reserve(&t->by_due, n);
}

/* Memory for all keys of one order, twice: in huge pages where there are any, for it is written once and
 * given back. */
struct keys {
	uint8_t *a, *b;
	size_t bytes; /* of each */
};

#define HUGE_PAGE ((size_t)2 << 20)

static int
keys_new(struct keys *k, size_t bytes)
{
	size_t all = (2 * bytes + HUGE_PAGE) & ~(HUGE_PAGE - 1);

	k->a = aligned_alloc(HUGE_PAGE, all);
	if (!k->a)
		return NBT_ENOMEM;
	(void)madvise(k->a, all, MADV_HUGEPAGE);
	k->b = k->a + bytes;
	k->bytes = bytes;
	return 0;
}

static int
build(struct table *t, struct ordset *set, key_fn fn, const struct keys *k)
{
	uint8_t one[SCOPE_KEY];
	size_t n = 0, klen = set->klen;

	for (uint32_t i = 0; i < t->slots; i++) {
		struct trec *r = (struct trec *)table_slot(t, i);

		if (!r || !fn(r, one))
			continue;
		assert((n + 1) * klen <= k->bytes);
		memcpy(k->a + n++ * klen, one, klen);
	}
	/* they come in the order of their slots, the last four bytes */
	return ordset_build(set, radix_sort(k->a, k->b, n, klen, klen - 4), n);
}

static size_t
scoped_names(const struct table *t)
{
	size_t n = 0;

	for (uint32_t i = 0; i < t->slots; i++) {
		const struct trec *r = table_slot(t, i);
		uint8_t len = 0;

		if (r && !(r->bits & TREC_PLAIN))
			(void)trec_scope(r, &len); /* the length alone counts */
		n += len > 0;
	}
	return n;
}

int
order_build(struct table *t)
{
	size_t plain = t->slots * (size_t)NAME_KEY, scoped = scoped_names(t) * SCOPE_KEY;
	struct keys k;
	int err = keys_new(&k, plain > scoped ? plain : scoped);

	if (err)
		return err;
	err = build(t, &t->by_name, build_name, &k);
	if (!err)
		err = build(t, &t->by_scope, build_scope, &k);
	if (!err)
		err = build(t, &t->by_version, build_version, &k);
	if (!err)
		err = build(t, &t->by_due, build_due, &k);
	free(k.a);
	return err;
}

/* ---- walks ---- */

/* The first key that comes after prefix and every slot, or with incl at it. */
static const uint8_t *
from(const struct ordset *set, uint8_t *key, bool incl)
{
	memset(key + set->klen - 4, incl ? 0 : 0xff, 4);
	return ordset_from(set, key);
}

/* One past a key: the slot is its end. True: there is none. */
static bool
step(uint8_t *key, size_t klen)
{
	for (size_t i = klen; i-- > 0;)
		if (++key[i])
			return false;
	return true;
}

/* Of two keys of the order by name. */
static const uint8_t *
lesser(const uint8_t *a, const uint8_t *b)
{
	return !a || (b && memcmp(a, b, NAME_KEY) > 0) ? b : a;
}

struct trec *
table_by_name(struct table *t, const struct nb_key *key, bool incl)
{
	uint8_t nk[NAME_KEY], sk[SCOPE_KEY];
	const uint8_t *n, *s;

	if (!key) {
		n = lesser(ordset_from(&t->by_name, NULL), fresh_from(t, NULL));
		s = ordset_from(&t->by_scope, NULL);
	} else {
		/* Of equal names the one without scope comes first. */
		(void)name_key(key->name.b, 0, nk);
		n = from(&t->by_name, nk, incl && !key->scope.len);
		n = lesser(n, fresh_from(t, nk));
		(void)scope_key(key, 0, sk);
		s = from(&t->by_scope, sk, incl);
	}
	if (n && (!s || memcmp(n, s, NB_NAME_LEN) <= 0))
		return rec_at(t, n, NAME_KEY);
	return s ? rec_at(t, s, SCOPE_KEY) : NULL;
}

struct trec *
table_by_version(const struct table *t, struct ip4 owner, struct version from_version)
{
	int number = owners_find(&t->owners, owner);
	uint8_t key[VERSION_KEY];
	const uint8_t *got;

	if (number < 0)
		return NULL;
	got = ordset_from(&t->by_version, version_key((unsigned)number, from_version.v, 0, key));
	return got && !memcmp(got, key, 2) ? rec_at(t, got, VERSION_KEY) : NULL;
}

void
table_versions(
    const struct table *t, struct version_walk *walk, struct ip4 owner, struct store_place first)
{
	int number = owners_find(&t->owners, owner);

	walk->over = number < 0;
	if (!walk->over)
		(void)version_key((unsigned)number, first.version.v, first.slot, walk->place);
}

struct trec *
table_versions_next(const struct table *t, struct version_walk *walk)
{
	const uint8_t *got = walk->over ? NULL : ordset_from(&t->by_version, walk->place);

	if (!got || memcmp(got, walk->place, 2)) {
		walk->over = true;
		return NULL;
	}
	memcpy(walk->place, got, VERSION_KEY);
	walk->over = step(walk->place, VERSION_KEY);
	return rec_at(t, got, VERSION_KEY);
}

/* The first from walk->place on, after moving on those whose time is later. NULL: none, or too many
 * were moved. */
static struct trec *
first_due(struct table *t, struct due_walk *walk)
{
	uint8_t later[DUE_KEY];
	const uint8_t *key;

	while ((key = ordset_from(&t->by_due, walk->place))) {
		struct trec *r = rec_at(t, key, DUE_KEY);

		memcpy(walk->place, key, DUE_KEY);
		if (r->due <= r->queued)
			return r;
		if (walk->moved++ >= MOVES_MAX || ordset_reserve(&t->by_due, t->promised + 1))
			return NULL;
		(void)ordset_remove(&t->by_due, walk->place);
		r->queued = r->due;
		if (r->due != WALL_NEVER.s)
			(void)ordset_insert(&t->by_due, due_key(r->due, r->slot, later));
	}
	return NULL;
}

struct trec *
table_due(struct table *t, struct due_walk *walk, struct wall now)
{
	struct trec *r = first_due(t, walk);

	if (!r || !wall_reached((struct wall){ r->due }, now))
		return NULL;
	(void)step(walk->place, DUE_KEY); /* no slot is the last number */
	return r;
}

struct wall
table_next_due(struct table *t)
{
	struct due_walk walk = { 0 };
	struct trec *r = first_due(t, &walk);
	const uint8_t *key;

	if (r)
		return (struct wall){ r->due };
	key = ordset_from(&t->by_due, NULL);
	if (!key)
		return WALL_NEVER;
	/* not later than the next; the rest is moved on by later calls */
	return (struct wall){ be_get32(key) };
}
