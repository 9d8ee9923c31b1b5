/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The remote name cache: a tree by name, scope and interface, and a list by use. Layer: node.
 * Owns its entries. Preloaded ones have interface 0, so they come first among their name's.
 */
#include "node/cache.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <bsd/sys/tree.h>

#include "base/err.h"

struct item {
	RB_ENTRY(item) node;
	TAILQ_ENTRY(item) used; /* of learned ones; the last has waited longest */
	struct mono until;
	struct cache_entry e;
};

RB_HEAD(items, item);
TAILQ_HEAD(uses, item);

struct cache {
	struct items tree;
	struct uses uses;
	size_t capacity, learned, preloaded;
};

static int
compare(struct item *a, struct item *b)
{
	const struct nb_key *x = &a->e.key, *y = &b->e.key;
	int d = memcmp(x->name.b, y->name.b, NB_NAME_LEN);

	if (!d)
		d = (x->scope.len > y->scope.len) - (x->scope.len < y->scope.len);
	if (!d)
		d = memcmp(x->scope.b, y->scope.b, x->scope.len);
	if (!d)
		d = (a->e.if_key > b->e.if_key) - (a->e.if_key < b->e.if_key);
	return d;
}

/* Not RB_GENERATE_STATIC: glibc leaves the __unused it wants undefined. */
RB_GENERATE_INTERNAL(items, item, node, compare, static __attribute__((unused)))

static struct item *
find(const struct cache *c, const struct nb_key *key, uint32_t if_key)
{
	struct item probe = { .e = { .key = *key, .if_key = if_key } };

	return RB_FIND(items, (struct items *)&c->tree, &probe);
}

/* The first of a name's items, whatever its interface, or NULL. */
static struct item *
first_of(const struct cache *c, const struct nb_key *key)
{
	struct item probe = { .e = { .key = *key } };
	struct item *it = RB_NFIND(items, (struct items *)&c->tree, &probe);

	return it && nb_key_eq(&it->e.key, key) ? it : NULL;
}

static struct item *
next_of(struct item *it)
{
	struct item *next = RB_NEXT(items, NULL, it);

	return next && nb_key_eq(&next->e.key, &it->e.key) ? next : NULL;
}

static void
forget(struct cache *c, struct item *it)
{
	RB_REMOVE(items, &c->tree, it);
	if (it->e.preloaded) {
		c->preloaded--;
	} else {
		TAILQ_REMOVE(&c->uses, it, used);
		c->learned--;
	}
	free(it);
}

static bool
alive(const struct item *it, struct mono now)
{
	return it->e.preloaded || now.ns < it->until.ns;
}

int
cache_new(size_t capacity, struct cache **ret)
{
	struct cache *c = calloc(1, sizeof(*c));

	assert(capacity > 0);
	if (!c)
		return NBT_ENOMEM;
	c->capacity = capacity;
	RB_INIT(&c->tree);
	TAILQ_INIT(&c->uses);
	*ret = c;
	return 0;
}

void
cache_purge(struct cache *c)
{
	struct item *it;

	while ((it = RB_ROOT(&c->tree)))
		forget(c, it);
}

void
cache_free(struct cache *c)
{
	if (!c)
		return;
	cache_purge(c);
	free(c);
}

/* The item to write into: the one that is there, or a new one in the tree. NULL without memory. */
static struct item *
item_for(struct cache *c, const struct cache_entry *in, uint32_t if_key)
{
	struct item *it = find(c, &in->key, if_key);

	if (it)
		return it;
	it = calloc(1, sizeof(*it));
	if (!it)
		return NULL;
	it->e = *in;
	it->e.if_key = if_key;
	RB_INSERT(items, &c->tree, it);
	if (in->preloaded) {
		c->preloaded++;
	} else {
		TAILQ_INSERT_HEAD(&c->uses, it, used);
		c->learned++;
	}
	return it;
}

bool
cache_put(struct cache *c, const struct cache_entry *in, int64_t life_ms, struct mono now)
{
	struct cache_entry e = *in;
	struct item *it;

	assert(in->if_key && in->naddr <= REC_ADDR_MAX);
	if (find(c, &in->key, 0))
		return false;
	e.preloaded = e.hidden = false;
	it = item_for(c, &e, e.if_key);
	if (!it)
		return false;
	it->e = e;
	it->until = mono_add_ms(now, life_ms);
	TAILQ_REMOVE(&c->uses, it, used);
	TAILQ_INSERT_HEAD(&c->uses, it, used);
	if (c->learned > c->capacity)
		forget(c, TAILQ_LAST(&c->uses, uses));
	return true;
}

int
cache_preload(struct cache *c, const struct cache_entry *in)
{
	struct cache_entry e = *in;
	struct item *it;

	assert(in->naddr <= REC_ADDR_MAX);
	e.if_key = 0;
	e.preloaded = true;
	if (c->preloaded >= CACHE_PRELOAD_MAX && !find(c, &e.key, 0))
		return NBT_ELIMIT;
	it = item_for(c, &e, 0);
	if (!it)
		return NBT_ENOMEM;
	it->e = e;
	cache_drop(c, &e.key, 0); /* what the network said of it counts no more */
	return 0;
}

static void
copy_out(const struct item *it, struct mono now, struct cache_entry *ret)
{
	*ret = it->e;
	ret->life_ms = it->e.preloaded ? -1 : (it->until.ns - now.ns) / 1000000;
}

bool
cache_get(struct cache *c, const struct nb_key *key, uint32_t if_key, struct mono now,
    struct cache_entry *ret)
{
	for (struct item *it = first_of(c, key); it; it = next_of(it)) {
		if (!alive(it, now))
			continue;
		if (if_key && it->e.if_key && it->e.if_key != if_key)
			continue;
		if (!it->e.preloaded) {
			TAILQ_REMOVE(&c->uses, it, used);
			TAILQ_INSERT_HEAD(&c->uses, it, used);
		}
		copy_out(it, now, ret);
		return true;
	}
	return false;
}

void
cache_drop(struct cache *c, const struct nb_key *key, uint32_t if_key)
{
	for (struct item *next, *it = first_of(c, key); it; it = next) {
		next = next_of(it);
		if (!it->e.preloaded && (!if_key || it->e.if_key == if_key))
			forget(c, it);
	}
}

static bool
holds(const struct cache_entry *e, struct ip4 ip)
{
	for (int i = 0; i < e->naddr; i++)
		if (ip4_eq(e->addr[i], ip))
			return true;
	return false;
}

void
cache_drop_ip(struct cache *c, struct ip4 ip)
{
	for (struct item *next, *it = TAILQ_FIRST(&c->uses); it; it = next) {
		next = TAILQ_NEXT(it, used);
		if (holds(&it->e, ip))
			forget(c, it);
	}
}

void
cache_drop_if(struct cache *c, uint32_t if_key)
{
	for (struct item *next, *it = TAILQ_FIRST(&c->uses); it; it = next) {
		next = TAILQ_NEXT(it, used);
		if (it->e.if_key == if_key)
			forget(c, it);
	}
}

bool
cache_at(const struct cache *c, unsigned i, struct mono now, struct cache_entry *ret)
{
	struct item *it;

	RB_FOREACH(it, items, (struct items *)&c->tree)
	{
		if (!alive(it, now) || it->e.hidden || i--)
			continue;
		copy_out(it, now, ret);
		return true;
	}
	return false;
}
