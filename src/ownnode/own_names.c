/* SPDX-License-Identifier: Apache-2.0 */
/* See own_names.h. Layer: program. */
#include "ownnode/own_names.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_LINE 64

struct held {
	struct nb_key key;
	bool defended, in_conflict;
	uint8_t naddr;
	struct ip4 addr[REC_ADDR_MAX];
};

struct list {
	struct held *v;
	size_t n, cap;
	bool failed; /* memory was out */
};

struct place {
	_Alignas(CACHE_LINE) _Atomic(const struct dispatch_names *) using;
};

struct old {
	struct old *next;
	struct dispatch_names *names;
};

struct own_names {
	_Atomic(struct dispatch_names *) names;
	struct old *old;      /* not in use by new batches; the main loop's */
	pthread_mutex_t lock; /* of held */
	struct list held;     /* in the order of compare */
	unsigned workers;
	struct place place[];
};

int
own_names_new(unsigned workers, struct own_names **ret)
{
	struct own_names *o = aligned_alloc(CACHE_LINE, sizeof(*o) + workers * sizeof(*o->place));

	if (!o)
		return NBT_ENOMEM;
	memset(o, 0, sizeof(*o) + workers * sizeof(*o->place));
	pthread_mutex_init(&o->lock, NULL);
	o->workers = workers;
	*ret = o;
	return 0;
}

/* ---- collecting ---- */

static int
compare(const void *a, const void *b)
{
	const struct nb_key *x = &((const struct held *)a)->key,
			    *y = &((const struct held *)b)->key;
	int d = memcmp(x->name.b, y->name.b, NB_NAME_LEN);

	if (!d)
		d = (int)x->scope.len - (int)y->scope.len;
	return d ? d : memcmp(x->scope.b, y->scope.b, x->scope.len);
}

/* The entries of a name stand together. */
static struct held *
of_name(struct list *l, const struct nb_key *key)
{
	if (l->n && nb_key_eq(&l->v[l->n - 1].key, key))
		return &l->v[l->n - 1];
	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 16;
		struct held *v = reallocarray(l->v, cap, sizeof(*v));

		if (!v)
			return NULL;
		l->v = v;
		l->cap = cap;
	}
	l->v[l->n] = (struct held){ .key = *key };
	return &l->v[l->n++];
}

static void
collect(void *arg, const struct node_entry *e)
{
	struct list *l = arg;
	struct held *h;

	if (e->group)
		return;
	h = of_name(l, &e->key);
	if (!h) {
		l->failed = true;
		return;
	}
	/* One flagged interface ends the defence everywhere (netbt 0.3 #8). */
	h->in_conflict |= e->state == NODE_CONFLICT;
	h->defended |= e->state == NODE_REGISTERED;
	if ((e->state == NODE_REGISTERED || e->state == NODE_REGISTERING ||
		e->state == NODE_RETRYING) &&
	    h->naddr < REC_ADDR_MAX)
		h->addr[h->naddr++] = e->ip;
}

static struct dispatch_names *
names_of(const struct list *l)
{
	struct nb_key *keys = calloc(l->n ? l->n : 1, sizeof(*keys));
	struct dispatch_names *names = NULL;
	size_t n = 0;

	if (!keys)
		return NULL;
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].defended)
			keys[n++] = l->v[i].key;
	(void)dispatch_names_new(keys, n, &names); /* NULL then */
	free(keys);
	return names;
}

/* ---- publishing ---- */

static bool
is_used(const struct own_names *o, const struct dispatch_names *names)
{
	for (unsigned i = 0; names && i < o->workers; i++)
		if (atomic_load(&o->place[i].using) == names)
			return true;
	return false;
}

static void
free_unused(struct own_names *o)
{
	for (struct old **at = &o->old, *old; (old = *at);) {
		if (is_used(o, old->names)) {
			at = &old->next;
			continue;
		}
		*at = old->next;
		dispatch_names_free(old->names);
		free(old);
	}
}

static void
replace(struct own_names *o, struct dispatch_names *names, struct old *old, struct list *held)
{
	pthread_mutex_lock(&o->lock);
	free(o->held.v);
	o->held = *held;
	pthread_mutex_unlock(&o->lock);
	old->names = atomic_exchange(&o->names, names);
	old->next = o->old;
	o->old = old;
	free_unused(o);
}

void
own_names_publish(struct own_names *o, const struct node *n)
{
	struct old *old = malloc(sizeof(*old));
	struct list held = { 0 };
	struct dispatch_names *names;

	node_each_entry(n, (struct mono){ 0 }, collect, &held);
	for (size_t i = 0; i < held.n; i++)
		held.v[i].defended &= !held.v[i].in_conflict;
	if (held.n)
		qsort(held.v, held.n, sizeof(*held.v), compare);
	names = old && !held.failed ? names_of(&held) : NULL;
	if (names) {
		replace(o, names, old, &held);
		return;
	}
	free(old);
	free(held.v);
}

void
own_names_free(struct own_names *o)
{
	if (!o)
		return;
	free_unused(o);
	dispatch_names_free(o->names);
	free(o->held.v);
	pthread_mutex_destroy(&o->lock);
	free(o);
}

/* ---- reading ---- */

unsigned
own_names_held(
    struct own_names *o, const struct nb_key *key, struct ip4 ret[REC_ADDR_MAX], bool *ret_defended)
{
	const struct held want = { .key = *key };
	const struct held *h;
	unsigned n = 0;

	pthread_mutex_lock(&o->lock);
	h = o->held.n ? bsearch(&want, o->held.v, o->held.n, sizeof(want), compare) : NULL;
	*ret_defended = h && h->defended;
	if (h) {
		n = h->naddr;
		memcpy(ret, h->addr, n * sizeof(*ret));
	}
	pthread_mutex_unlock(&o->lock);
	return n;
}

const struct dispatch_names *
own_names_hold(struct own_names *o, unsigned worker)
{
	const struct dispatch_names *names = atomic_load(&o->names), *seen;

	do { /* once it stands in our place it is not freed; but was it freed before that? */
		seen = names;
		atomic_store(&o->place[worker].using, seen);
		names = atomic_load(&o->names);
	} while (names != seen);
	return names;
}

void
own_names_drop(struct own_names *o, unsigned worker)
{
	atomic_store_explicit(&o->place[worker].using, NULL, memory_order_release);
}
