/* SPDX-License-Identifier: Apache-2.0 */
/* The ordered set against a plain array of flags, and at the bounds of its chunks. */
#include "base/ordset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define RANGE 4096u
#define KLEN  11

static const uint8_t *
key_of(uint32_t v, uint8_t buf[KLEN])
{
	memset(buf, 0, KLEN);
	buf[2] = (uint8_t)(v >> 16);
	buf[7] = (uint8_t)(v >> 8);
	buf[9] = (uint8_t)v;
	buf[KLEN - 1] = 7;
	return buf;
}

static uint32_t
value_of(const uint8_t *key)
{
	return (uint32_t)key[2] << 16 | (uint32_t)key[7] << 8 | key[9];
}

static bool
add(struct ordset *set, uint32_t v)
{
	uint8_t buf[KLEN];

	assert_int_equal(ordset_reserve(set, 1), 0);
	return ordset_insert(set, key_of(v, buf));
}

static void
holds_exactly(const struct ordset *set, const bool *in)
{
	uint8_t buf[KLEN];
	size_t n = 0;

	for (uint32_t v = 0; v < RANGE; v++) {
		const uint8_t *got = ordset_from(set, key_of(v, buf));
		uint32_t want = v;

		while (want < RANGE && !in[want])
			want++;
		n += in[v];
		if (want == RANGE)
			assert_null(got);
		else
			assert_int_equal(value_of(got), want);
	}
	assert_int_equal(set->count, n);
}

static void
random_inserts_and_removes_agree_with_an_array(void **state)
{
	uint8_t buf[KLEN];

	for (unsigned seed = 1; seed <= 5; seed++) {
		bool in[RANGE] = { false };
		struct ordset set;

		ordset_init(&set, KLEN);
		srandom(seed);
		for (int step = 0; step < 60000; step++) {
			uint32_t v = (uint32_t)random() % RANGE;
			/* fills, then empties, in turns */
			bool put = random() % 100 < ((step / 8000) % 2 ? 20 : 80);

			if (put)
				assert_int_equal(add(&set, v), !in[v]);
			else
				assert_int_equal(ordset_remove(&set, key_of(v, buf)), in[v]);
			in[v] = put;
			if (step % 6000 == 0)
				holds_exactly(&set, in);
		}
		holds_exactly(&set, in);
		for (uint32_t v = 0; v < RANGE; v++)
			assert_int_equal(ordset_remove(&set, key_of(v, buf)), in[v]);
		assert_null(ordset_from(&set, NULL));
		assert_int_equal(set.leaves.used, 0);
		ordset_clear(&set);
	}
}

static void
rising_keys_leave_full_chunks(void **state)
{
	struct ordset set;

	ordset_init(&set, KLEN);
	for (uint32_t v = 0; v < 64 * 10; v++)
		assert_true(add(&set, v));
	assert_int_equal(set.leaves.used, 10);
	assert_true(add(&set, 64 * 10)); /* one past */
	assert_int_equal(set.leaves.used, 11);
	assert_false(add(&set, 64 * 10));
	for (uint32_t v = 64 * 10 + 1; v < 64 * 64; v++)
		assert_true(add(&set, v));
	assert_int_equal(set.inner.used, 1); /* full too */
	assert_true(add(&set, 64 * 64));
	assert_int_equal(set.leaves.used, 65);
	assert_int_equal(set.inner.used, 3); /* two below a new root */
	ordset_clear(&set);
}

static void
chunks_that_run_empty_are_merged(void **state)
{
	struct ordset set;
	uint8_t buf[KLEN];

	ordset_init(&set, KLEN);
	for (uint32_t v = 0; v < 6400; v++)
		add(&set, v);
	for (uint32_t v = 0; v < 6400; v++)
		if (v % 8)
			assert_true(ordset_remove(&set, key_of(v, buf)));
	assert_int_equal(set.count, 800);
	assert_true(set.leaves.used <= 800 / 16); /* a quarter full on average, at the least */
	ordset_clear(&set);
}

static void
a_reserve_of_n_carries_n_inserts(void **state)
{
	struct ordset set;
	uint8_t buf[KLEN];

	ordset_init(&set, KLEN);
	for (uint32_t v = 0; v < RANGE; v += 2)
		add(&set, v);
	/* each of these may meet a full chunk; none may need more than was reserved */
	assert_int_equal(ordset_reserve(&set, RANGE / 2), 0);
	for (uint32_t v = 1; v < RANGE; v += 2)
		assert_true(ordset_insert(&set, key_of(v, buf)));
	assert_int_equal(set.count, RANGE);
	ordset_trim(&set, 0);
	assert_int_equal(set.leaves.nspare, 0);
	assert_null(set.leaves.spare);
	ordset_clear(&set);
}

static void
build_gives_what_inserts_give(void **state)
{
	bool in[RANGE] = { false };
	uint8_t keys[3000 * KLEN];
	struct ordset set;
	size_t n = 0;

	ordset_init(&set, KLEN);
	for (uint32_t v = 0; v < RANGE && n < 3000; v += 1 + v % 3) {
		key_of(v, keys + n++ * KLEN);
		if (v % 5 == 0) /* some come twice */
			key_of(v, keys + n++ * KLEN);
		in[v] = true;
	}
	assert_int_equal(ordset_build(&set, keys, n), 0);
	holds_exactly(&set, in);
	assert_int_equal(set.leaves.used, (set.count + 63) / 64);
	ordset_clear(&set);
	assert_int_equal(ordset_build(&set, keys, 0), 0);
	assert_null(ordset_from(&set, NULL));
	ordset_clear(&set);
}

/* ---- trees of several levels ---- */

#define WIDE   (1u << 18)
#define BEYOND UINT32_MAX

static const uint8_t *
wide_key(uint32_t v, uint8_t buf[8])
{
	memset(buf, 0, 8);
	for (int i = 0; i < 4; i++)
		buf[2 + i] = (uint8_t)(v >> (24 - 8 * i));
	return buf;
}

static uint32_t
wide_value(const uint8_t *key)
{
	return key ? (uint32_t)key[2] << 24 | (uint32_t)key[3] << 16 | (uint32_t)key[4] << 8 |
			 key[5]
		   : BEYOND;
}

/* A walk finds what the array has, and looking from any value the next one there. */
static void
wide_holds_exactly(const struct ordset *set, const bool *in)
{
	uint32_t next = BEYOND;
	uint8_t buf[8];
	size_t n = 0;

	for (uint32_t v = WIDE; v-- > 0;) {
		if (in[v])
			next = v;
		n += in[v];
		if (in[v] || v % 7 == 0)
			assert_int_equal(wide_value(ordset_from(set, wide_key(v, buf))), next);
	}
	assert_int_equal(wide_value(ordset_from(set, NULL)), next);
	assert_int_equal(set->count, n);
}

static void
tall_trees_agree_with_an_array(void **state)
{
	bool *in = calloc(WIDE, sizeof(*in));
	struct ordset set;
	uint8_t buf[8];

	ordset_init(&set, 8);
	srandom(11);
	/* grows all over, shrinks all over, grows at the end, goes from the front, then the rest */
	for (unsigned step = 0; step < 4 * WIDE; step++) {
		unsigned phase = step / WIDE;
		uint32_t v = phase < 2 ? (uint32_t)random() % WIDE : step % WIDE;
		bool put = phase == 0 || phase == 2 || (phase == 1 && random() % 8 == 0);

		assert_int_equal(ordset_reserve(&set, 1), 0);
		if (put)
			assert_int_equal(ordset_insert(&set, wide_key(v, buf)), !in[v]);
		else
			assert_int_equal(ordset_remove(&set, wide_key(v, buf)), in[v]);
		in[v] = put;
		if (step % (WIDE / 2) == WIDE / 4)
			wide_holds_exactly(&set, in);
		if (step % WIDE == WIDE - 1)
			ordset_trim(&set, 0);
	}
	assert_int_equal(set.count, 0);
	assert_int_equal(set.leaves.used + set.inner.used, 0);
	ordset_clear(&set);
	free(in);
}

/* Also while others are removed, and where every chunk is full. */
static void
a_reserve_carries_inserts_at_every_height(void **state)
{
	bool *in = calloc(WIDE, sizeof(*in));
	struct ordset set;
	uint8_t buf[8];

	ordset_init(&set, 8);
	srandom(12);
	for (uint32_t v = 0; v < WIDE; v += 2) {
		assert_int_equal(ordset_reserve(&set, 1), 0);
		assert_true(ordset_insert(&set, wide_key(v, buf)));
		in[v] = true;
	}
	for (unsigned round = 0; round < 200; round++) {
		unsigned n = 1 + (unsigned)random() % 1500, width = round % 2 ? 9999 : WIDE;

		ordset_trim(&set, 0);
		assert_int_equal(ordset_reserve(&set, n), 0);
		while (n > 0) {
			uint32_t v = (uint32_t)random() % width, w = (uint32_t)random() % width;

			n -= !in[v];
			(void)ordset_insert(&set, wide_key(v, buf));
			in[v] = true;
			assert_int_equal(ordset_remove(&set, wide_key(w, buf)), in[w]);
			in[w] = false;
		}
	}
	wide_holds_exactly(&set, in);
	ordset_clear(&set);
	free(in);
}

static void
sorted_inserts_agree_with_an_array(void **state)
{
	bool *in = calloc(WIDE, sizeof(*in));
	struct ordset set;
	uint8_t keys[900 * 8];

	ordset_init(&set, 8);
	srandom(13);
	for (unsigned round = 0; round < 300; round++) {
		uint32_t step = 1 + (uint32_t)random() % (round % 3 ? 400 : 4);
		uint32_t v = (uint32_t)random() % WIDE;
		size_t n = 0;

		/* some stand there already, some twice; the last one often behind all */
		for (; v < WIDE && n < 900; v += (uint32_t)random() % step) {
			wide_key(v, keys + n++ * 8);
			in[v] = true;
			if (step == 1)
				break;
		}
		assert_int_equal(ordset_insert_sorted(&set, keys, n), 0);
		if (round % 50 == 0)
			wide_holds_exactly(&set, in);
	}
	wide_holds_exactly(&set, in);
	ordset_clear(&set);
	free(in);
}

/* The compare goes word by word: lengths around multiples of eight. */
static void
keys_of_every_length_are_compared_whole(void **state)
{
	for (size_t klen = ORDSET_KEY_MIN; klen <= 25; klen++) {
		struct ordset set;
		uint8_t key[32];

		ordset_init(&set, klen);
		assert_int_equal(ordset_reserve(&set, 32), 0);
		for (size_t at = 0; at < klen; at++) { /* each differs in one byte */
			memset(key, 100, sizeof(key));
			key[at] = 200;
			assert_true(ordset_insert(&set, key));
			assert_false(ordset_insert(&set, key));
		}
		assert_int_equal(set.count, klen);
		for (size_t at = klen; at-- > 0;) { /* the later the byte, the smaller the key */
			memset(key, 100, sizeof(key));
			key[at] = 150;
			const uint8_t *got = ordset_from(&set, key);

			assert_non_null(got);
			assert_int_equal(got[at], 200);
		}
		ordset_clear(&set);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_inserts_and_removes_agree_with_an_array),
		cmocka_unit_test(rising_keys_leave_full_chunks),
		cmocka_unit_test(chunks_that_run_empty_are_merged),
		cmocka_unit_test(a_reserve_of_n_carries_n_inserts),
		cmocka_unit_test(build_gives_what_inserts_give),
		cmocka_unit_test(tall_trees_agree_with_an_array),
		cmocka_unit_test(a_reserve_carries_inserts_at_every_height),
		cmocka_unit_test(sorted_inserts_agree_with_an_array),
		cmocka_unit_test(keys_of_every_length_are_compared_whole),
	};

	return cmocka_run_group_tests_name("base_ordset", tests, NULL, NULL);
}
