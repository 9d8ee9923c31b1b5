/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index. While it grows, a name may stand in the older array, in both, or in the newer one alone:
 * moving leaves the older word where it is, replacing and deleting change the newer array first and then
 * the older one. So a reader who looks in the newer one first finds every name, and no word ever leads to
 * a record that was given back. Layer: store.
 */
#include "store/index.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/err.h"

#define WORDS_MIN 1024u
#define HUGE_PAGE ((size_t)2 << 20)
#define ADDRESS   ((UINT64_C(1) << 48) - 1)
#define GONE      UINT64_C(1) /* was one, or is passed over; an empty word is 0 */
#define AHEAD     16          /* words whose records are fetched before they are needed */

struct index_words {
	struct index_words *older; /* atomic: being emptied into this one */
	uint64_t *word;
	uint64_t mask;
	uint64_t used;  /* not empty */
	uint64_t moved; /* words of older that are here too */
	uint64_t left;  /* records in older that are not */
	void *map;
	size_t map_bytes;
	struct rcu_head rcu;
};

/* ---- words ---- */

static uint64_t
word_of(const struct trec *r)
{
	uint64_t address = (uint64_t)(uintptr_t)r;

	assert(!(address & ~ADDRESS)); /* no process gets others unless it asks for them */
	return (r->hash & ~ADDRESS) | address;
}

static struct trec *
rec_of(uint64_t word)
{
	return (struct trec *)(uintptr_t)(word & ADDRESS);
}

static bool
fits(uint64_t word, uint64_t hash)
{
	return !((word ^ hash) & ~ADDRESS) && !(word & GONE);
}

static uint64_t
word_at(const struct index_words *w, uint64_t at)
{
	return __atomic_load_n(&w->word[at & w->mask], __ATOMIC_ACQUIRE);
}

static void
set_word(struct index_words *w, uint64_t at, uint64_t word)
{
	__atomic_store_n(&w->word[at & w->mask], word, __ATOMIC_RELEASE);
}

/* Where r stands; false: not here. */
static bool
place_of(const struct index_words *w, const struct trec *r, uint64_t *ret)
{
	uint64_t wanted = word_of(r), word;

	for (uint64_t at = r->hash; (word = word_at(w, at)); at++)
		if (word == wanted) {
			*ret = at & w->mask;
			return true;
		}
	return false;
}

/* In the first word that is free: no other of its key is here. */
static void
put(struct index_words *w, const struct trec *r)
{
	uint64_t at = r->hash, word;

	while ((word = word_at(w, at)) && word != GONE)
		at++;
	w->used += !word;
	set_word(w, at, word_of(r));
}

/* Those that are gone and before an empty word lead nowhere: they become empty again. */
static void
take(struct index_words *w, uint64_t at)
{
	uint64_t word = GONE;

	if (word_at(w, at + 1)) {
		set_word(w, at, GONE);
		return;
	}
	for (; word == GONE; word = word_at(w, --at)) {
		set_word(w, at, 0);
		w->used--;
	}
}

/* ---- arrays ---- */

static int
words_new(uint64_t n, struct index_words **ret)
{
	struct index_words *w = calloc(1, sizeof(*w));
	size_t bytes = n * sizeof(*w->word), align = bytes < HUGE_PAGE ? 0 : HUGE_PAGE;

	if (!w)
		return NBT_ENOMEM;
	w->map_bytes = bytes + align; /* address space, not memory */
	w->map =
	    mmap(NULL, w->map_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (w->map == MAP_FAILED) {
		free(w);
		return NBT_ENOMEM;
	}
	w->word = w->map;
	if (align) {
		w->word = (uint64_t *)(((uintptr_t)w->map + align - 1) & ~(align - 1));
		(void)madvise(w->word, bytes, MADV_HUGEPAGE); /* quicker where there are any */
	}
	w->mask = n - 1;
	*ret = w;
	return 0;
}

static void
words_free(struct index_words *w)
{
	(void)munmap(w->map, w->map_bytes); /* it is ours */
	free(w);
}

/* Runs in liburcu's thread, after the last reader left. */
static void
free_later(struct rcu_head *head)
{
	words_free(caa_container_of(head, struct index_words, rcu));
}

/* Half of them stay free for so many records. */
static uint64_t
words_for(uint64_t records)
{
	uint64_t n = WORDS_MIN;

	while (n / 2 < records)
		n *= 2;
	return n;
}

int
index_init(struct index *ix, uint64_t hint)
{
	*ix = (struct index){ 0 };
	return words_new(words_for(hint), &ix->now);
}

void
index_release(struct index *ix)
{
	if (ix->retired)
		rcu_barrier();
	if (ix->now && ix->now->older)
		words_free(ix->now->older);
	if (ix->now)
		words_free(ix->now);
	*ix = (struct index){ 0 };
}

/* ---- looking ---- */

typedef bool (*match_fn)(const struct trec *r, const void *wanted);

static bool
has_key(const struct trec *r, const void *key)
{
	return trec_is(r, key);
}

static bool
has_same_key(const struct trec *r, const void *other)
{
	return trec_same_key(r, other);
}

static inline struct trec *
look(const struct index_words *w, uint64_t hash, match_fn match, const void *wanted)
{
	uint64_t word;

	for (uint64_t at = hash; (word = word_at(w, at)); at++)
		if (fits(word, hash) && match(rec_of(word), wanted))
			return rec_of(word);
	return NULL;
}

static inline struct trec *
look_everywhere(const struct index *ix, uint64_t hash, match_fn match, const void *wanted)
{
	const struct index_words *w = __atomic_load_n(&ix->now, __ATOMIC_ACQUIRE);
	/* Before looking: moving may end meanwhile, and what was not here yet is in there. */
	const struct index_words *older = __atomic_load_n(&w->older, __ATOMIC_ACQUIRE);
	struct trec *r = look(w, hash, match, wanted);

	return r || !older ? r : look(older, hash, match, wanted);
}

struct trec *
index_find(const struct index *ix, uint64_t hash, const struct nb_key *key)
{
	return look_everywhere(ix, hash, has_key, key);
}

struct trec *
index_find_same(const struct index *ix, uint64_t hash, const struct trec *r)
{
	return look_everywhere(ix, hash, has_same_key, r);
}

void
index_fetch_word(const struct index *ix, uint64_t hash)
{
	const struct index_words *w = __atomic_load_n(&ix->now, __ATOMIC_ACQUIRE);

	__builtin_prefetch(&w->word[hash & w->mask]);
}

void
index_fetch_record(const struct index *ix, uint64_t hash)
{
	const struct index_words *w = __atomic_load_n(&ix->now, __ATOMIC_ACQUIRE);
	uint64_t word;

	for (uint64_t at = hash; (word = word_at(w, at)); at++)
		if (fits(word, hash)) {
			__builtin_prefetch(rec_of(word));
			return;
		}
}

/* ---- changes ---- */

void
index_add(struct index *ix, struct trec *r)
{
	put(ix->now, r);
	ix->count++;
}

void
index_replace(struct index *ix, const struct trec *old, struct trec *r)
{
	uint64_t at;

	r->hash = old->hash;
	for (struct index_words *w = ix->now; w; w = w->older)
		if (place_of(w, old, &at))
			set_word(w, at, word_of(r));
}

void
index_del(struct index *ix, const struct trec *r)
{
	struct index_words *w = ix->now, *older = w->older;
	uint64_t at;

	if (place_of(w, r, &at))
		take(w, at);
	/* No word of the older one becomes empty: its length is what moving counts on. */
	if (older && place_of(older, r, &at)) {
		w->left -= at >= w->moved;
		set_word(older, at, GONE);
	}
	ix->count--;
}

/* ---- growing ---- */

static void
move_ends(struct index *ix)
{
	struct index_words *older = ix->now->older;

	__atomic_store_n(&ix->now->older, NULL, __ATOMIC_RELEASE);
	if (!ix->shared) {
		words_free(older);
		return;
	}
	ix->retired = true;
	call_rcu(&older->rcu, free_later);
}

void
index_move(struct index *ix, uint64_t words)
{
	struct index_words *w = ix->now, *older = w->older;

	for (; older && words > 0 && w->moved <= older->mask; words--) {
		uint64_t ahead = word_at(older, w->moved + AHEAD), word = older->word[w->moved++];

		if (!(ahead & GONE))
			__builtin_prefetch(rec_of(ahead)); /* of no record: harmless */
		if (!word || word == GONE)
			continue;
		put(w, rec_of(word));
		w->left--;
	}
	if (older && w->moved > older->mask)
		move_ends(ix);
}

static bool
has_room(const struct index_words *w, size_t n)
{
	/* a quarter free keeps rows short; an eighth is enough while those to come are known */
	uint64_t all = w->mask + 1;

	return w->used + w->left + n <= all - (w->older ? all / 8 : all / 4);
}

int
index_reserve(struct index *ix, size_t n)
{
	struct index_words *w;
	int err;

	if (has_room(ix->now, n))
		return 0;
	index_move(ix, UINT64_MAX);
	if (has_room(ix->now, n))
		return 0;
	err = words_new(words_for(ix->count + n), &w);
	if (err)
		return err;
	w->older = ix->now;
	w->left = ix->count;
	__atomic_store_n(&ix->now, w, __ATOMIC_RELEASE);
	return 0;
}

size_t
index_bytes(const struct index *ix)
{
	const struct index_words *w = ix->now;

	return (w->mask + 1 + (w->older ? w->older->mask + 1 : 0)) * sizeof(*w->word);
}
