/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store's index: every name is found at every moment of growing, also where rows of words run into
 * each other, and by a reader who never waits. Layer: test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "store/index.h"

#define NAMES 5000u

typedef uint64_t (*hash_fn)(unsigned n);

static uint64_t
spread(unsigned n)
{
	uint64_t h = (n + 1) * UINT64_C(0x9e3779b97f4a7c15);

	return (h ^ h >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
}

/* Rows of hundreds of words, and every seventh name looks like this one without touching the record. */
static uint64_t
crowded(unsigned n)
{
	return (uint64_t)(n % 7) << 48 | n % 11;
}

/* The last words of the array: rows run on at its beginning. */
static uint64_t
at_the_end(unsigned n)
{
	return ((uint64_t)n << 48 | UINT64_MAX >> 16) - n % 3;
}

static struct nb_key
key_of(unsigned n)
{
	struct nb_key k = { 0 };

	memcpy(k.name.b, &n, sizeof(n));
	return k;
}

static void
fill_rec(struct trec *r, unsigned n, hash_fn hash)
{
	struct nb_key k = key_of(n);

	memset(r, 0, TREC_SMALL);
	memcpy(r->name, k.name.b, NB_NAME_LEN);
	r->bits = TREC_PLAIN;
	r->hash = hash(n);
}

/* Two records for each name, so that one can replace the other. */
struct names {
	struct index ix;
	hash_fn hash;
	char *memory;
};

static struct trec *
rec_of(const struct names *s, unsigned n, unsigned which)
{
	return (struct trec *)(s->memory + (2 * (size_t)n + which) * TREC_SMALL);
}

static void
begin(struct names *s, hash_fn hash)
{
	s->hash = hash;
	s->memory = aligned_alloc(TREC_SMALL, 2 * (size_t)NAMES * TREC_SMALL);
	assert_non_null(s->memory);
	for (unsigned n = 0; n < NAMES; n++) {
		fill_rec(rec_of(s, n, 0), n, hash);
		fill_rec(rec_of(s, n, 1), n, hash);
	}
	assert_int_equal(index_init(&s->ix, 0), 0);
}

static void
end(struct names *s)
{
	index_release(&s->ix);
	free(s->memory);
}

static const struct trec *
found(const struct names *s, unsigned n)
{
	struct nb_key k = key_of(n);

	index_fetch_word(&s->ix, s->hash(n)); /* at no moment do they touch what is not there */
	index_fetch_record(&s->ix, s->hash(n));
	return index_find(&s->ix, s->hash(n), &k);
}

static void
add(struct names *s, unsigned n)
{
	assert_int_equal(index_reserve(&s->ix, 1), 0);
	index_add(&s->ix, rec_of(s, n, 0));
	index_move(&s->ix, 3);
}

static void
every_name_is_found_while_it_grows(void **state)
{
	static const hash_fn hashes[] = { spread, crowded, at_the_end };

	(void)state;
	for (unsigned h = 0; h < 3; h++) {
		struct names s;

		begin(&s, hashes[h]);
		for (unsigned n = 0; n < 2000; n++) {
			add(&s, n);
			for (unsigned k = n > 40 ? n - 40 : 0; k <= n; k++)
				assert_ptr_equal(found(&s, k), rec_of(&s, k, 0));
			assert_ptr_equal(found(&s, n / 2), rec_of(&s, n / 2, 0));
			assert_null(found(&s, n + 1));
		}
		for (unsigned n = 0; n < 2000; n++)
			assert_ptr_equal(found(&s, n), rec_of(&s, n, 0));
		assert_int_equal(s.ix.count, 2000);
		end(&s);
	}
}

/* Changes of each kind at every step of a move from 1024 words to 2048. */
static void
a_change_while_it_grows_holds_in_both_arrays(void **state)
{
	static const hash_fn hashes[] = { spread, crowded, at_the_end };

	(void)state;
	for (unsigned i = 0; i < 3 * 12; i++) {
		struct names s;

		begin(&s, hashes[i % 3]);
		for (unsigned n = 0; n < 768; n++)
			add(&s, n);
		assert_int_equal(index_bytes(&s.ix), 1024 * 8);
		assert_int_equal(index_reserve(&s.ix, 1), 0);
		assert_int_equal(index_bytes(&s.ix), (1024 + 2048) * 8);
		index_move(&s.ix, 1 + i / 3 * 90);
		for (unsigned n = 0; n < 768; n += 3)
			index_replace(&s.ix, rec_of(&s, n, 0), rec_of(&s, n, 1));
		for (unsigned n = 1; n < 768; n += 3)
			index_del(&s.ix, rec_of(&s, n, 0));
		for (int again = 0; again < 2; again++) {
			for (unsigned n = 0; n < 768; n++)
				assert_ptr_equal(
				    found(&s, n), n % 3 == 1 ? NULL : rec_of(&s, n, n % 3 == 0));
			index_move(&s.ix, UINT64_MAX);
			assert_int_equal(index_bytes(&s.ix), 2048 * 8);
		}
		for (unsigned n = 1; n < 768; n += 3)
			add(&s, n);
		for (unsigned n = 0; n < 768; n++)
			assert_ptr_equal(found(&s, n), rec_of(&s, n, n % 3 == 0));
		end(&s);
	}
}

static void
names_that_come_and_go_need_no_more_words(void **state)
{
	struct names s;

	(void)state;
	begin(&s, spread);
	for (unsigned turn = 0; turn < 200; turn++) {
		for (unsigned n = 0; n < 300; n++)
			add(&s, (turn * 300 + n) % NAMES);
		for (unsigned n = 0; n < 300; n++)
			index_del(&s.ix, rec_of(&s, (turn * 300 + n) % NAMES, 0));
	}
	assert_int_equal(s.ix.count, 0);
	index_move(&s.ix, UINT64_MAX);
	assert_int_equal(index_bytes(&s.ix), 1024 * 8);
	for (unsigned n = 0; n < NAMES; n++)
		assert_null(found(&s, n));
	end(&s);
}

static void
reserved_adds_find_room_though_nobody_moves(void **state)
{
	struct names s;

	(void)state;
	begin(&s, spread);
	for (unsigned n = 0; n < NAMES; n += 500) {
		assert_int_equal(index_reserve(&s.ix, 500), 0);
		for (unsigned k = n; k < n + 500; k++)
			index_add(&s.ix, rec_of(&s, k, 0));
	}
	for (unsigned n = 0; n < NAMES; n++)
		assert_ptr_equal(found(&s, n), rec_of(&s, n, 0));
	end(&s);
}

/* ---- beside a reader ---- */

#define STAYING 500u

struct reader {
	struct names s;
	atomic_bool stop;
	atomic_uint rounds, missed;
};

static void *
read_all(void *arg)
{
	struct reader *r = arg;

	rcu_register_thread();
	while (!atomic_load(&r->stop)) {
		for (unsigned n = 0; n < STAYING; n++) {
			const struct trec *got = found(&r->s, n);

			if (got != rec_of(&r->s, n, 0) && got != rec_of(&r->s, n, 1))
				atomic_fetch_add(&r->missed, 1);
		}
		atomic_fetch_add(&r->rounds, 1);
		rcu_quiescent_state();
	}
	rcu_unregister_thread();
	return NULL;
}

/* Names come, are replaced and go in rows that the reader's names are part of, through many growths and
 * rehashes, until the reader has been through them often enough. */
static void
a_reader_never_misses_a_name_that_stays(void **state)
{
	struct reader r = { 0 };
	pthread_t thread;
	unsigned which = 0;

	(void)state;
	begin(&r.s, spread);
	r.s.ix.shared = true;
	rcu_register_thread();
	for (unsigned n = 0; n < STAYING; n++)
		add(&r.s, n);
	assert_int_equal(pthread_create(&thread, NULL, read_all, &r), 0);
	do {
		for (unsigned n = STAYING; n < NAMES; n++) {
			add(&r.s, n);
			index_replace(&r.s.ix, rec_of(&r.s, n % STAYING, which),
			    rec_of(&r.s, n % STAYING, !which));
			which ^= n % STAYING == STAYING - 1;
			rcu_quiescent_state();
		}
		for (unsigned n = STAYING; n < NAMES; n++)
			index_del(&r.s.ix, rec_of(&r.s, n, 0));
	} while (atomic_load(&r.rounds) < 50);
	atomic_store(&r.stop, true);
	rcu_thread_offline();
	pthread_join(thread, NULL);
	rcu_thread_online();
	assert_int_equal(atomic_load(&r.missed), 0);
	end(&r.s);
	rcu_unregister_thread();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_name_is_found_while_it_grows),
		cmocka_unit_test(a_change_while_it_grows_holds_in_both_arrays),
		cmocka_unit_test(names_that_come_and_go_need_no_more_words),
		cmocka_unit_test(reserved_adds_find_room_though_nobody_moves),
		cmocka_unit_test(a_reader_never_misses_a_name_that_stays),
	};

	return cmocka_run_group_tests_name("store_index", tests, NULL, NULL);
}
