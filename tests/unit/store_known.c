/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of other owners' versions: staged, committed, kept, forgotten, at its bound; how it
 * stands in the files; and the walk over an owner's versions.
 */
#include "store/store.h"

#include "store/format.h"
#include "store_life.h"

static const struct ip4 owner_a = IP4(192, 0, 2, 9), owner_b = IP4(192, 0, 2, 77);

static void
known(struct store *s, struct ip4 owner, uint64_t v)
{
	assert_int_equal(store_known_set(s, owner, (struct version){ v }), 0);
}

static void
what_is_known_shows_after_the_commit_and_survives_a_restart(void **state)
{
	char *path = folder_new();
	struct store *s = open_at(path);
	struct store_known all[3];

	assert_int_equal(store_known(s, owner_a).v, 0);
	known(s, owner_b, 7);
	known(s, owner_a, 5);
	assert_int_equal(store_known(s, owner_a).v, 0);
	assert_int_equal(store_staged(s), 2);
	assert_int_equal(store_commit(s), 0);
	assert_int_equal(store_known(s, owner_a).v, 5);
	known(s, owner_a, UINT64_MAX);
	known(s, owner_a, 6); /* down as well: an owner may have lost its counter */
	assert_int_equal(store_commit(s), 0);
	for (int round = 0; round < 3; round++) {
		assert_int_equal(store_known(s, owner_a).v, 6);
		assert_int_equal(store_known(s, owner_b).v, 7);
		assert_int_equal(store_known_all(s, all, 3), 2);
		assert_true(ip4_eq(all[0].owner, owner_a) && ip4_eq(all[1].owner, owner_b));
		assert_int_equal(all[1].v.v, 7);
		assert_int_equal(store_known_all(s, all, 1), 2);
		if (round) { /* from a snapshot the last time */
			assert_int_equal(store_snapshot(s), 0);
			tend_until(s, STORE_NEWS_SNAPSHOT_DONE);
		}
		store_close(s);
		s = open_at(path);
	}
	store_close(s);
	folder_free(path);
}

static void
version_0_forgets_an_owner(void **state)
{
	char *path = folder_new();
	struct store *s = open_at(path);
	struct store_known all[2];

	known(s, owner_a, 5);
	known(s, owner_b, 7);
	assert_int_equal(store_commit(s), 0);
	known(s, owner_a, 0);
	known(s, IP4(192, 0, 2, 1), 0); /* nothing was known of it */
	assert_int_equal(store_commit(s), 0);
	for (int round = 0; round < 2; round++) {
		assert_int_equal(store_known(s, owner_a).v, 0);
		assert_int_equal(store_known_all(s, all, 2), 1);
		assert_true(ip4_eq(all[0].owner, owner_b));
		store_close(s);
		s = open_at(path);
	}
	store_close(s);
	folder_free(path);
}

static void
no_more_owners_are_known_than_the_bound(void **state)
{
	static struct store_known all[STORE_KNOWN_MAX + 1];
	char *path = folder_new();
	struct store *s = open_at(path);

	for (uint32_t i = 0; i < STORE_KNOWN_MAX; i++)
		known(s, (struct ip4){ 0x0a000000 + i * 7919 % STORE_KNOWN_MAX }, i + 1);
	assert_int_equal(store_known_set(s, owner_a, (struct version){ 1 }), NBT_EINVAL);
	known(s, (struct ip4){ 0x0a000000 }, 99); /* one of them */
	assert_int_equal(store_commit(s), 0);
	assert_int_equal(store_known_set(s, owner_a, (struct version){ 1 }), NBT_EINVAL);
	known(s, (struct ip4){ 0x0a000001 }, 0);
	known(s, owner_a, 1);
	assert_int_equal(store_commit(s), 0);
	assert_int_equal(store_snapshot(s), 0);
	tend_until(s, STORE_NEWS_SNAPSHOT_DONE);
	store_close(s);
	s = open_at(path);
	assert_int_equal(store_known_all(s, all, STORE_KNOWN_MAX + 1), STORE_KNOWN_MAX);
	for (uint32_t i = 1; i < STORE_KNOWN_MAX; i++)
		assert_true(all[i - 1].owner.v < all[i].owner.v);
	assert_int_equal(all[0].v.v, 99);
	assert_int_equal(store_known(s, owner_a).v, 1);
	store_close(s);
	folder_free(path);
}

/* A version that is known must not outlive the records of the batch that brought them. */
static void
what_is_known_is_refused_with_its_batch(void **state)
{
	struct life l = { .fs = crashfs_new(1), .random = 1, .clock = 1000 };
	struct store_report report;
	struct rec r = rec_of(1, 40, 100), got;

	assert_int_equal(life_open(&l, &report), 0);
	r.owner = r.addr[0].owner = owner_a;
	put(l.s, &r);
	known(l.s, owner_a, 40);
	l.fs->fail_at = l.fs->calls + 1;
	l.fs->fail_for = 1;
	l.fs->fail_err = NBT_ENOSPC;
	assert_int_equal(store_commit(l.s), NBT_ENOSPC);
	assert_int_equal(store_known(l.s, owner_a).v, 0);
	known(l.s, owner_b, 3);
	assert_int_equal(store_commit(l.s), 0);
	life_close(&l);
	assert_int_equal(life_open(&l, &report), 0);
	assert_int_equal(store_known(l.s, owner_a).v, 0);
	assert_int_equal(store_known(l.s, owner_b).v, 3);
	assert_false(get(l.s, r.key, &got));
	life_end(&l);
	crashfs_free(l.fs);
}

static void
a_backup_holds_what_is_known(void **state)
{
	struct life l = { .fs = crashfs_new(1), .random = 1, .clock = 1000 }, b = l;
	struct crashfs *into = crashfs_new(2);
	struct store_report report;

	assert_int_equal(life_open(&l, &report), 0);
	known(l.s, owner_a, 40);
	assert_int_equal(store_commit(l.s), 0);
	assert_int_equal(store_backup(l.s, crashfs_vfs(into)), 0);
	tend_until(l.s, STORE_NEWS_BACKUP_DONE);
	b.fs = into;
	assert_int_equal(life_open(&b, &report), 0);
	assert_int_equal(store_known(b.s, owner_a).v, 40);
	life_end(&b);
	life_end(&l);
	crashfs_free(into);
	crashfs_free(l.fs);
}

static void
hush(void *arg, const char *sentence)
{
}

/* What is lost may be replicas: only who knows nothing pulls them again. */
static void
salvage_forgets_what_is_known(void **state)
{
	struct life l = { .fs = crashfs_new(5), .random = 4711, .clock = 1000 };
	struct store_report report;
	struct vfs *v;

	l.acked.next = 1;
	assert_int_equal(life_open(&l, &report), 0);
	known(l.s, owner_a, 40);
	assert_int_equal(store_commit(l.s), 0);
	assert_true(life_snapshot(&l));
	for (int i = 0; i < 3; i++)
		assert_true(life_commit(&l));
	life_close(&l);
	fs_find(&l.fs->seen, "journal-2")->inode->seen.p[FRAMES_START + 40] ^= 1;
	v = crashfs_vfs(l.fs);
	assert_int_equal(store_check(v, NULL, NULL, &report), NBT_ECORRUPT);
	assert_int_equal(store_salvage(v, hush, NULL, &report), 0);
	v->close_dir(v);
	assert_int_equal(life_open(&l, &report), 0);
	assert_int_equal(store_known(l.s, owner_a).v, 0);
	life_end(&l);
	crashfs_free(l.fs);
}

/* A program that knows nothing of replication reads it as one named value, however many owners. */
static void
an_older_program_takes_all_that_is_known_for_one_named_value(void **state)
{
	uint8_t buf[64];
	struct wr w = wr_init(buf, sizeof(buf));
	struct entry e = { 0 };
	struct rd r;
	struct store *s;
	char *path;

	format_known_encode(&w, owner_a, 40);
	assert_int_equal(buf[0], ENTRY_META);
	assert_in_range(buf[1], 1, META_KEY_MAX);
	assert_string_equal((char *)buf + 2, "known"); /* its string ends before the owner */
	assert_int_equal(w.p - buf, 2 + buf[1] + 8);
	r = rd_init(buf, (size_t)(w.p - buf));
	assert_true(format_entry_decode(&r, &e));
	assert_int_equal(e.kind, ENTRY_KNOWN);
	assert_true(ip4_eq(e.owner, owner_a));
	assert_int_equal(e.value, 40);

	path = folder_new();
	s = open_at(path);
	assert_int_equal(store_meta_set(s, "known", 1), NBT_EINVAL);
	assert_int_equal(store_meta_set(s, "known2", 1), 0);
	store_close(s);
	folder_free(path);
}

/* Records of one owner with the versions 10, 20 ... 10 n. */
static void
put_replicas(struct store *s, struct ip4 owner, unsigned first, unsigned n)
{
	for (unsigned i = 1; i <= n; i++) {
		struct rec r = rec_of(first + i, i * 10, 100);

		r.owner = r.addr[0].owner = owner;
		put(s, &r);
	}
}

static size_t
versions(struct store *s, struct ip4 owner, uint64_t from, uint64_t to, struct rec *ret, size_t cap)
{
	struct store_place at = { { from }, 0 };

	return store_versions(s, owner, &at, (struct version){ to }, ret, cap);
}

static void
a_range_of_an_owners_versions_is_read_at_once(void **state)
{
	static struct rec got[400];
	char *path = folder_new();
	struct store *s = open_at(path);

	assert_int_equal(versions(s, owner_a, 0, UINT64_MAX, got, 400), 0);
	put_replicas(s, owner_b, 0, 300);
	put_replicas(s, owner_a, 1000, 300);
	assert_int_equal(store_commit(s), 0);
	assert_int_equal(versions(s, owner_a, 0, UINT64_MAX, got, 400), 300);
	for (unsigned i = 0; i < 300; i++) {
		struct rec r = rec_of(1001 + i, (i + 1) * 10, 100);

		r.owner = r.addr[0].owner = owner_a;
		same_rec(&got[i], &r);
	}
	assert_int_equal(versions(s, owner_a, 0, UINT64_MAX, got, 299), 299);
	assert_int_equal(versions(s, owner_a, 0, UINT64_MAX, got, 0), 0);
	/* both bounds belong to it */
	assert_int_equal(versions(s, owner_a, 20, 40, got, 400), 3);
	assert_int_equal(versions(s, owner_a, 21, 39, got, 400), 1);
	assert_int_equal(got[0].version.v, 30);
	assert_int_equal(versions(s, owner_a, 3001, UINT64_MAX, got, 400), 0);
	assert_int_equal(versions(s, owner_b, UINT64_MAX, UINT64_MAX, got, 400), 0);
	assert_int_equal(versions(s, OWNER_SELF, 0, UINT64_MAX, got, 400), 0);
	store_close(s);
	folder_free(path);
}

/* An owner that lost its counter: each record is found all the same. */
static void
records_with_the_same_version_are_all_read(void **state)
{
	struct rec got[4], r;
	char *path = folder_new();
	struct store *s = open_at(path);

	for (unsigned i = 0; i < 3; i++) {
		r = rec_of(i, 8, 100);
		r.owner = owner_a;
		put(s, &r);
	}
	assert_int_equal(store_commit(s), 0);
	assert_int_equal(versions(s, owner_a, 8, 8, got, 4), 3);
	store_close(s);
	folder_free(path);
}

static void
walk_in_slices_misses_no_record_of_a_shared_version(void **state)
{
	char *path = folder_new();
	struct store *s = open_at(path);
	const struct version last = { UINT64_MAX };

	/* 7, three times 8, 9, twice the last one there is */
	for (unsigned i = 0; i < 7; i++) {
		static const uint64_t version[] = { 7, 8, 8, 8, 9, UINT64_MAX, UINT64_MAX };
		struct rec r = rec_of(i, version[i], 100);

		r.owner = owner_a;
		put(s, &r);
	}
	assert_int_equal(store_commit(s), 0);
	for (size_t cap = 1; cap <= 8; cap++) {
		struct store_place at = { 0 };
		struct rec got[8];
		unsigned seen = 0;
		size_t n;

		do {
			n = store_versions(s, owner_a, &at, last, got, cap);
			for (size_t i = 0; i < n; i++)
				for (unsigned k = 0; k < 7; k++) {
					struct rec r = rec_of(k, 0, 100);

					if (!nb_key_eq(&r.key, &got[i].key))
						continue;
					assert_false(seen & 1u << k);
					seen |= 1u << k;
				}
		} while (n == cap);
		assert_int_equal(seen, 0x7f);
		assert_int_equal(store_versions(s, owner_a, &at, last, got, 8), 0);
	}
	store_close(s);
	folder_free(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_known_shows_after_the_commit_and_survives_a_restart),
		cmocka_unit_test(version_0_forgets_an_owner),
		cmocka_unit_test(no_more_owners_are_known_than_the_bound),
		cmocka_unit_test(what_is_known_is_refused_with_its_batch),
		cmocka_unit_test(a_backup_holds_what_is_known),
		cmocka_unit_test(salvage_forgets_what_is_known),
		cmocka_unit_test(an_older_program_takes_all_that_is_known_for_one_named_value),
		cmocka_unit_test(a_range_of_an_owners_versions_is_read_at_once),
		cmocka_unit_test(records_with_the_same_version_are_all_read),
		cmocka_unit_test(walk_in_slices_misses_no_record_of_a_shared_version),
	};

	return cmocka_run_group_tests_name("store_known", tests, begin, end);
}
