/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records in memory: their form, their pool and their end. Plain ones are cut from large blocks on
 * cache line bounds, so that a look-up touches one line and glibc's header costs nothing; the rest
 * come from malloc. Layer: store.
 */
#include "store/trec.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/err.h"
#include "store/format.h"

#define BLOCK_BYTES (2u << 20)
#define FIRST_BLOCK (64u << 10)
#define PER_LIST    250
/* Lists that wait for readers at once: beyond it the writer waits with them. */
#define LISTS_MAX 1024

static_assert(offsetof(struct trec, tail) == 56, "a plain record fills one cache line");

/* ---- owners ---- */

void
owners_init(struct owners *o)
{
	o->n = 1;
	o->ip[0] = OWNER_SELF.v;
	o->sorted[0] = 0;
}

/* Where ip stands or would stand among the sorted. */
static uint32_t
owners_place(const struct owners *o, struct ip4 ip)
{
	uint32_t lo = 0, hi = o->n;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;

		if (o->ip[o->sorted[mid]] < ip.v)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

int
owners_find(const struct owners *o, struct ip4 ip)
{
	uint32_t at;

	if (ip4_eq(ip, OWNER_SELF))
		return 0;
	at = owners_place(o, ip);
	return at < o->n && o->ip[o->sorted[at]] == ip.v ? o->sorted[at] : -1;
}

int
owners_number(struct owners *o, struct ip4 ip)
{
	int number = owners_find(o, ip);
	uint32_t at;

	if (number >= 0)
		return number;
	if (o->n == OWNERS_MAX)
		return NBT_EINVAL;
	at = owners_place(o, ip);
	memmove(o->sorted + at + 1, o->sorted + at, (o->n - at) * sizeof(*o->sorted));
	o->sorted[at] = (uint16_t)o->n;
	o->ip[o->n] = ip.v;
	return (int)o->n++;
}

/* ---- pool ---- */

struct retired {
	struct rcu_head rcu;
	struct trec_pool *pool;
	struct retired *next;
	size_t n;
	struct trec *r[PER_LIST];
};

static size_t
big_size(unsigned naddr, unsigned scope_len)
{
	return offsetof(struct trec, tail) + naddr * 14u + 1 + scope_len;
}

static size_t
size_of(const struct trec *r)
{
	uint8_t len;

	if (r->bits & TREC_PLAIN)
		return TREC_SMALL;
	(void)trec_scope(r, &len); /* only the length is wanted */
	return big_size(r->naddr, len);
}

void
trec_unnew(struct trec_pool *pool, struct trec *r)
{
	if (r->bits & TREC_PLAIN) {
		r->unused = pool->unused;
		pool->unused = r;
	} else {
		pool->big_bytes -= size_of(r);
		free(r);
	}
}

/* Takes back the lists that no reader can see. */
static void
take_returned(struct trec_pool *pool)
{
	struct retired *l = __atomic_exchange_n(&pool->returned, NULL, __ATOMIC_ACQUIRE), *next;

	for (; l; l = next) {
		next = l->next;
		for (size_t i = 0; i < l->n; i++)
			trec_unnew(pool, l->r[i]);
		free(l);
	}
}

/* The first block is small, for the many stores that are; the others are huge pages. */
static bool
add_block(struct trec_pool *pool)
{
	size_t bytes = pool->nblocks ? BLOCK_BYTES : FIRST_BLOCK;
	void **blocks = realloc(pool->blocks, (pool->nblocks + 1) * sizeof(*blocks));
	void *block;

	if (!blocks)
		return false;
	pool->blocks = blocks;
	block = aligned_alloc(bytes, bytes);
	if (!block)
		return false;
	if (bytes == BLOCK_BYTES)
		(void)madvise(block, bytes, MADV_HUGEPAGE); /* quicker where there are any */
	pool->blocks[pool->nblocks++] = block;
	pool->block_bytes += bytes;
	pool->fresh = block;
	pool->fresh_bytes = bytes;
	return true;
}

static struct trec *
take_small(struct trec_pool *pool)
{
	struct trec *r;

	if (!pool->unused)
		take_returned(pool);
	r = pool->unused;
	if (r) {
		pool->unused = r->unused;
		return r;
	}
	if (!pool->fresh_bytes && !add_block(pool))
		return NULL;
	r = (struct trec *)pool->fresh;
	pool->fresh += TREC_SMALL;
	pool->fresh_bytes -= TREC_SMALL;
	return r;
}

/* Takes back first: a server may change nothing but records of this kind. */
static struct trec *
take_big(struct trec_pool *pool, size_t size)
{
	take_returned(pool);
	return malloc(size);
}

/* Runs in liburcu's thread, after the last reader left. */
static void
hand_back(struct rcu_head *head)
{
	struct retired *l = caa_container_of(head, struct retired, rcu);
	struct trec_pool *pool = l->pool;

	l->next = __atomic_load_n(&pool->returned, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(
	    &pool->returned, &l->next, l, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
	(void)__atomic_fetch_sub(&pool->waiting, 1, __ATOMIC_RELEASE);
}

static void
send_list(struct trec_pool *pool)
{
	struct retired *l = pool->filling;

	if (!l)
		return;
	pool->filling = NULL;
	if (__atomic_fetch_add(&pool->waiting, 1, __ATOMIC_RELAXED) >= LISTS_MAX)
		rcu_barrier(); /* a reader sleeps: wait, rather than grow without end */
	call_rcu(&l->rcu, hand_back);
}

void
trec_retire(struct trec_pool *pool, struct trec *r)
{
	struct retired *l = pool->filling;

	if (!l) {
		l = malloc(sizeof(*l));
		if (!l) { /* no room to remember it: wait until it is nobody's */
			synchronize_rcu();
			trec_unnew(pool, r);
			return;
		}
		l->pool = pool;
		l->n = 0;
		pool->filling = l;
	}
	l->r[l->n++] = r;
	if (l->n == PER_LIST)
		send_list(pool);
}

void
trec_pool_release(struct trec_pool *pool)
{
	/* Nobody reads any more: only lists that liburcu's thread holds are to be waited for. */
	if (__atomic_load_n(&pool->waiting, __ATOMIC_ACQUIRE))
		rcu_barrier();
	if (pool->filling) {
		pool->filling->next = pool->returned;
		pool->returned = pool->filling;
	}
	take_returned(pool);
	for (size_t i = 0; i < pool->nblocks; i++)
		free(pool->blocks[i]);
	free(pool->blocks);
	*pool = (struct trec_pool){ 0 };
}

size_t
trec_pool_bytes(const struct trec_pool *pool)
{
	return pool->block_bytes + pool->big_bytes;
}

/* ---- one record ---- */

static uint16_t *
owners_of(const struct trec *r)
{
	return (uint16_t *)(r->tail + 3 * r->naddr);
}

const uint8_t *
trec_scope(const struct trec *r, uint8_t *ret_len)
{
	const uint8_t *p = (const uint8_t *)(owners_of(r) + r->naddr);

	if (r->bits & TREC_PLAIN) {
		*ret_len = 0;
		return r->name; /* nobody looks at no bytes */
	}
	*ret_len = p[0];
	return p + 1;
}

/* Fills the tail of a record that is not plain. */
static int
fill_big(struct trec *r, struct owners *owners, const struct rec *rec)
{
	uint8_t *scope = (uint8_t *)(owners_of(r) + r->naddr);

	for (unsigned i = 0; i < r->naddr; i++) {
		int number = owners_number(owners, rec->addr[i].owner);

		if (number < 0)
			return number;
		owners_of(r)[i] = (uint16_t)number;
		r->tail[i] = rec->addr[i].ip.v;
		r->tail[r->naddr + i] = rec->addr[i].since.s;
		r->tail[2 * r->naddr + i] = rec->addr[i].due.s;
	}
	scope[0] = rec->key.scope.len;
	memcpy(scope + 1, rec->key.scope.b, rec->key.scope.len);
	return 0;
}

static uint8_t
bits_of(const struct rec *rec)
{
	return (uint8_t)(rec->type | rec->state << 2 | rec->node << 4 | rec->is_static << 6);
}

int
trec_new(struct trec_pool *pool, struct owners *owners, const struct rec *rec, struct trec **ret)
{
	bool plain = format_is_plain(rec);
	int number = owners_number(owners, rec->owner), err = 0;
	struct trec *r;

	if (number < 0)
		return number;
	r = plain ? take_small(pool) : take_big(pool, big_size(rec->naddr, rec->key.scope.len));
	if (!r)
		return NBT_ENOMEM;
	memcpy(r->name, rec->key.name.b, NB_NAME_LEN);
	r->sender = r->unproven = 0;
	r->version = rec->version.v;
	r->due = rec->due.s;
	r->queued = WALL_NEVER.s;
	r->owner = (uint16_t)number;
	r->naddr = rec->naddr;
	r->bits = (uint8_t)(bits_of(rec) | (plain ? TREC_PLAIN : 0));
	if (plain) {
		r->tail[0] = rec->naddr ? rec->addr[0].ip.v : 0;
		r->tail[1] = rec->naddr ? rec->addr[0].since.s : 0;
	} else {
		err = fill_big(r, owners, rec);
		if (err) {
			free(r);
			return err;
		}
		pool->big_bytes += size_of(r);
	}
	*ret = r;
	return 0;
}

bool
trec_is(const struct trec *r, const struct nb_key *key)
{
	uint8_t len;
	const uint8_t *scope;

	if (memcmp(r->name, key->name.b, NB_NAME_LEN))
		return false;
	if (r->bits & TREC_PLAIN)
		return !key->scope.len;
	scope = trec_scope(r, &len);
	return len == key->scope.len && !memcmp(scope, key->scope.b, len);
}

bool
trec_same_key(const struct trec *a, const struct trec *b)
{
	uint8_t alen, blen;
	const uint8_t *ascope = trec_scope(a, &alen), *bscope = trec_scope(b, &blen);

	return !memcmp(a->name, b->name, NB_NAME_LEN) && alen == blen &&
	       !memcmp(ascope, bscope, alen);
}

void
trec_read(const struct trec *r, const struct owners *owners, struct rec *ret)
{
	bool plain = r->bits & TREC_PLAIN;
	const uint32_t *since = r->tail + r->naddr, *due = since + r->naddr;

	ret->type = r->bits & 3;
	ret->state = r->bits >> 2 & 3;
	ret->node = r->bits >> 4 & 3;
	ret->is_static = r->bits & 0x40;
	ret->owner.v = owners->ip[r->owner];
	ret->version.v = r->version;
	ret->due.s = trec_due(r);
	ret->naddr = r->naddr;
	for (unsigned i = 0; i < r->naddr; i++) {
		struct rec_addr *a = &ret->addr[i];

		a->ip.v = r->tail[i];
		a->since.s = __atomic_load_n(since + i, __ATOMIC_RELAXED);
		a->owner.v = plain ? ret->owner.v : owners->ip[owners_of(r)[i]];
		a->due.s = plain ? ret->due.s : __atomic_load_n(due + i, __ATOMIC_RELAXED);
	}
}

void
trec_key(const struct trec *r, struct nb_key *ret)
{
	const uint8_t *scope = trec_scope(r, &ret->scope.len);

	memcpy(ret->name.b, r->name, NB_NAME_LEN);
	memcpy(ret->scope.b, scope, ret->scope.len);
	memset(ret->scope.b + ret->scope.len, 0, sizeof(ret->scope.b) - ret->scope.len);
}

bool
trec_differs_in_time(const struct trec *r, const struct owners *owners, const struct rec *rec)
{
	bool plain = r->bits & TREC_PLAIN;

	if ((r->bits & ~TREC_PLAIN) != bits_of(rec) || r->naddr != rec->naddr ||
	    r->version != rec->version.v || owners->ip[r->owner] != rec->owner.v ||
	    plain != format_is_plain(rec))
		return false;
	for (unsigned i = 0; i < r->naddr; i++)
		if (r->tail[i] != rec->addr[i].ip.v ||
		    (!plain && owners->ip[owners_of(r)[i]] != rec->addr[i].owner.v))
			return false;
	return true;
}

void
trec_stamp(struct trec *r, const struct rec *rec)
{
	uint32_t *since = r->tail + r->naddr, *due = since + r->naddr;

	__atomic_store_n(&r->due, rec->due.s, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < r->naddr; i++) {
		__atomic_store_n(since + i, rec->addr[i].since.s, __ATOMIC_RELAXED);
		if (!(r->bits & TREC_PLAIN))
			__atomic_store_n(due + i, rec->addr[i].due.s, __ATOMIC_RELAXED);
	}
}
