/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Long random lives of the store next to an array: commits, snapshots beside commits, backups,
 * restarts; after each step both say the same, in every order.
 */
#include "store/store.h"

#include "store_life.h"

static void
long_lives_agree_with_an_array(void **state)
{
	struct store_report report;

	for (unsigned seed = 1; seed <= 6; seed++) {
		struct life l = { .fs = crashfs_new(seed), .random = seed * 99991u, .clock = 1000 };

		l.acked.next = 1;
		l.journal_max = seed % 2 ? 4000 : 0; /* snapshots by themselves, or not */
		assert_int_equal(life_open(&l, &report), 0);
		for (int i = 0; i < 1500; i++) {
			unsigned what = life_random(&l) % 100;

			if (what == 0) {
				life_close(&l);
				assert_int_equal(life_open(&l, &report), 0);
				assert_string_equal(report.sentence, "");
			} else if (what == 1) {
				(void)life_backup(&l);
				backup_check(&l);
			} else if (what == 2) {
				(void)store_snapshot(l.s); /* ends beside what follows */
			} else {
				assert_true(life_commit(&l));
			}
			(void)store_tend(l.s);
			if (i % 10 == 0)
				life_check(&l, "on the way");
		}
		life_check(&l, "at the end");
		life_end(&l);
		crashfs_free(l.fs);
	}
}

/* More records than one chunk of an order, one block of a snapshot and the first buckets hold. */
static void
many_records_survive_snapshot_and_restart(void **state)
{
	char *path = folder_new();
	struct store *s = open_at(path);
	unsigned names = 30000;
	struct rec r, got;

	for (unsigned i = 0; i < names; i++) {
		r = rec_of(i * 7919 % names, i + 1, 1000 + i % 500);
		put(s, &r);
		if (store_staged(s) == 4096)
			assert_int_equal(store_commit(s), 0);
	}
	assert_int_equal(store_commit(s), 0);
	for (int round = 0; round < 3; round++) {
		struct version from = { 0 };
		unsigned n = 0;

		for (; store_by_version(s, OWNER_SELF, from, &got); n++)
			from.v = got.version.v + 1;
		assert_int_equal(n, names);
		for (unsigned i = 0; i < names; i++)
			assert_true(get(s, key_of(i), &got));
		assert_false(get(s, key_of(names), &got));
		if (round == 0) {
			assert_int_equal(store_snapshot(s), 0);
			/* beside it: every second goes, the others are refreshed, then all anew */
			for (unsigned i = 0; i < names; i++) {
				struct nb_key key = key_of(i);

				assert_int_equal(store_del(s, &key), 0);
				if (store_staged(s) == 4096)
					assert_int_equal(store_commit(s), 0);
			}
			assert_int_equal(store_commit(s), 0);
			assert_false(store_by_name(s, NULL, true, &got));
			for (unsigned i = 0; i < names; i++) {
				r = rec_of(i, names + i + 1, 2000);
				put(s, &r);
				if (store_staged(s) == 4096)
					assert_int_equal(store_commit(s), 0);
			}
			assert_int_equal(store_commit(s), 0);
			tend_until(s, STORE_NEWS_SNAPSHOT_DONE);
		}
		store_close(s);
		s = open_at(path);
	}
	store_close(s);
	folder_free(path);
}

#define NAMES 5000u

/* Every fifth shares its name with the one before, in a scope. */
static struct nb_key
walked_key(unsigned n)
{
	return n % 5 == 4 ? scoped_key_of(n - 1, 'x') : key_of(n);
}

static bool
before(const struct nb_key *a, const struct nb_key *b)
{
	int d = memcmp(a->name.b, b->name.b, NB_NAME_LEN);

	return d ? d < 0 : a->scope.len < b->scope.len;
}

static void
walk_finds_exactly(struct store *s, const bool *there, unsigned count)
{
	struct nb_key at, wanted;
	struct rec got;
	unsigned n = 0;

	for (bool more = store_by_name(s, NULL, true, &got); more;
	     more = store_by_name(s, &at, false, &got), n++) {
		assert_true(there[got.version.v]);
		wanted = walked_key((unsigned)got.version.v);
		assert_true(nb_key_eq(&got.key, &wanted));
		assert_true(!n || before(&at, &got.key));
		at = got.key;
	}
	assert_int_equal(n, count);
	for (unsigned i = 0; i < NAMES; i += 97) {
		wanted = walked_key(i);
		bool found = store_by_name(s, &wanted, true, &got);

		assert_int_equal(found && nb_key_eq(&got.key, &wanted), there[i]);
	}
}

/* New names come into the order late: whatever became of them meanwhile, every walk sees what is there. */
static void
walks_by_name_see_each_commit(void **state)
{
	char *path = folder_new();
	struct store *s = open_at(path);
	bool there[NAMES] = { false };
	unsigned count = 0;

	srandom(5);
	for (unsigned round = 0; round < 400; round++) {
		/* few names and often the same, or many; mostly growing, then mostly shrinking */
		unsigned range = round % 4 == 3 ? 20 : NAMES,
			 changes = 1 + (unsigned)random() % 200;
		unsigned adds = round < 250 ? 70 : 30;

		while (changes-- > 0) {
			unsigned n = (unsigned)random() % range;
			bool add = (unsigned)random() % 100 < adds;
			struct nb_key key = walked_key(n);
			struct rec r = rec_of(n, n, 1000 + n);

			r.key = key;
			if (add)
				put(s, &r);
			else
				assert_int_equal(store_del(s, &key), 0);
			count = count + add - there[n];
			there[n] = add;
		}
		assert_int_equal(store_commit(s), 0);
		if (round % 3 == 0)
			walk_finds_exactly(s, there, count);
	}
	store_close(s);
	s = open_at(path);
	walk_finds_exactly(s, there, count);
	store_close(s);
	folder_free(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(long_lives_agree_with_an_array),
		cmocka_unit_test(walks_by_name_see_each_commit),
		cmocka_unit_test(many_records_survive_snapshot_and_restart),
	};

	return cmocka_run_group_tests_name("store_model", tests, begin, end);
}
