/* SPDX-License-Identifier: Apache-2.0 */
/* The store on a real folder: what is staged, committed, kept, walked, and at its bounds. */
#include "store/store.h"

#include "store_help.h"

static void
staged_changes_are_peeked_but_not_read_before_the_commit(void **state)
{
	char *path = folder_new();
	struct store *s = open_at(path);
	struct rec a = rec_of(1, 1, 100), got;
	bool staged;

	assert_false(store_peek(s, &a.key, &got, &staged));
	assert_false(staged);
	put(s, &a);
	assert_true(store_peek(s, &a.key, &got, &staged));
	assert_true(staged);
	same_rec(&got, &a);
	assert_false(get(s, a.key, &got));
	assert_int_equal(store_staged(s), 1);
	assert_int_equal(store_commit(s), 0);
	assert_int_equal(store_staged(s), 0);
	assert_true(get(s, a.key, &got));
	same_rec(&got, &a);
	assert_true(store_peek(s, &a.key, &got, &staged));
	assert_false(staged);

	assert_int_equal(store_del(s, &a.key), 0);
	assert_false(store_peek(s, &a.key, &got, &staged));
	assert_true(staged);
	assert_true(get(s, a.key, &got));
	assert_int_equal(store_commit(s), 0);
	assert_false(get(s, a.key, &got));
	store_close(s);
	folder_free(path);
}

static void
the_last_change_of_a_key_in_a_batch_wins(void **state)
{
	char *path = folder_new();
	struct store *s = open_at(path);
	struct rec a = rec_of(1, 1, 100), b = rec_of(1, 2, 200), got;

	put(s, &a);
	assert_int_equal(store_del(s, &a.key), 0);
	put(s, &b);
	assert_int_equal(store_commit(s), 0);
	assert_true(get(s, a.key, &got));
	same_rec(&got, &b);
	a.due.s = a.addr[0].due.s = 300; /* a refresh, then gone */
	a.version.v = 2;
	put(s, &a);
	assert_int_equal(store_del(s, &a.key), 0);
	assert_int_equal(store_commit(s), 0);
	assert_false(get(s, a.key, &got));
	store_close(s);
	s = open_at(path);
	assert_false(get(s, a.key, &got));
	store_close(s);
	folder_free(path);
}

static struct rec
many_addresses(unsigned n, uint64_t version, uint8_t naddr)
{
	struct rec r = rec_of(n, version, 100);

	r.type = REC_MULTIHOMED;
	r.naddr = naddr;
	for (uint8_t i = 0; i < naddr; i++)
		r.addr[i] = (struct rec_addr){ .ip = { 0x0b000000u + i },
			.owner = { i % 3 ? 0xc0000201u + i : 0 },
			.due = { 100u + i },
			.since = { 50u + i } };
	return r;
}

static void
every_kind_of_record_survives_a_restart(void **state)
{
	char *path = folder_new();
	struct store *s = open_at(path);
	struct rec r[8], got;
	int n = 0;

	r[n++] = rec_of(1, 1, 100);
	r[n] = rec_of(2, 2, WALL_NEVER.s);
	r[n++].is_static = true;
	r[n] = rec_of(3, 3, 100); /* a normal group has no address */
	r[n].type = REC_GROUP;
	memset(r[n].addr, 0, sizeof(r[n].addr));
	r[n++].naddr = 0;
	r[n++] = many_addresses(4, 4, REC_ADDR_MAX);
	r[n++] = many_addresses(5, 5, 2);
	r[n] = rec_of(6, 77, 100); /* a replica, released */
	r[n].owner = r[n].addr[0].owner = IP4(192, 0, 2, 9);
	r[n++].state = REC_RELEASED;
	r[n] = rec_of(7, 6, 100); /* the longest scope */
	r[n].key.scope.len = NB_SCOPE_WIRE;
	for (int i = 0; i < NB_SCOPE_WIRE; i += 51) {
		memset(r[n].key.scope.b + i, 'a', 51);
		r[n].key.scope.b[i] = 50;
	}
	n++;
	r[n] = rec_of(8, 8, 100); /* the address's owner is another: not the short form */
	r[n++].addr[0].owner = IP4(192, 0, 2, 10);
	for (int i = 0; i < n; i++)
		put(s, &r[i]);
	assert_int_equal(store_commit(s), 0);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < n; i++) {
			assert_true(get(s, r[i].key, &got));
			same_rec(&got, &r[i]);
		}
		if (round == 1) {
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
a_store_that_was_left_is_whole_and_not_in_use(void **state)
{
	char *path = folder_new();
	struct store *left = open_at(path), *s;
	struct store_opts opts = { .vfs = vfs_of(path) };
	struct store_report report;
	struct rec r = rec_of(1, 1, 100), got;

	put(left, &r);
	assert_int_equal(store_commit(left), 0);
	store_leave(left);
	assert_int_equal(store_open(&opts, &s, &report), 0);
	assert_string_equal(report.sentence, ""); /* its end was in good order */
	assert_true(get(s, r.key, &got));
	same_rec(&got, &r);
	store_close(s);
	store_close(left);
	folder_free(path);
}

static void
a_refresh_changes_times_in_place(void **state)
{
	char *path = folder_new();
	struct store *s = open_at(path);
	struct rec one = rec_of(1, 1, 100), many = many_addresses(2, 2, 3), got;

	put(s, &one);
	put(s, &many);
	assert_int_equal(store_commit(s), 0);
	one.due.s = one.addr[0].due.s = 500;
	many.due.s = many.addr[1].due.s = 600;
	put(s, &one);
	put(s, &many);
	assert_int_equal(store_commit(s), 0);
	for (int round = 0; round < 2; round++) {
		assert_true(get(s, one.key, &got));
		same_rec(&got, &one);
		assert_true(get(s, many.key, &got));
		same_rec(&got, &many);
		assert_int_equal(store_next_due(s).s, 500);
		store_close(s);
		s = open_at(path);
	}
	store_close(s);
	folder_free(path);
}

static void
versions_only_rise_even_when_the_highest_record_goes(void **state)
{
	char *path = folder_new();
	struct store *s = open_at(path);
	struct rec a = rec_of(1, 0, 100);

	assert_int_equal(store_next_version(s).v, 1);
	a.version = store_next_version(s);
	put(s, &a);
	assert_int_equal(store_next_version(s).v, 2);
	assert_int_equal(store_commit(s), 0);
	a.version.v = 40;
	put(s, &a);
	assert_int_equal(store_commit(s), 0);
	assert_int_equal(store_del(s, &a.key), 0);
	assert_int_equal(store_commit(s), 0);
	store_close(s);
	s = open_at(path);
	assert_int_equal(store_next_version(s).v, 41);
	store_raise_version(s, (struct version){ 30 }); /* never down */
	assert_int_equal(store_next_version(s).v, 41);
	assert_int_equal(store_staged(s), 0);
	store_raise_version(s, (struct version){ 90 });
	assert_int_equal(store_staged(s), 1);
	assert_int_equal(store_commit(s), 0);
	assert_int_equal(store_snapshot(s), 0);
	tend_until(s, STORE_NEWS_SNAPSHOT_DONE);
	store_close(s);
	s = open_at(path);
	assert_int_equal(store_next_version(s).v, 90);
	/* a replica's version is not from our counter */
	a.owner = a.addr[0].owner = IP4(192, 0, 2, 9);
	a.version.v = 5000;
	put(s, &a);
	assert_int_equal(store_next_version(s).v, 90);
	store_close(s);
	folder_free(path);
}

static void
meta_values_are_durable_and_bounded(void **state)
{
	char *path = folder_new();
	struct store *s = open_at(path);
	char key[40] = "a123456789012345678901234567890"; /* 31 */
	uint64_t v = 3;

	assert_false(store_meta_get(s, "address", &v));
	assert_int_equal(v, 3);
	assert_int_equal(store_meta_set(s, "address", 5), 0);
	assert_int_equal(store_meta_set(s, key, 6), 0);
	assert_false(store_meta_get(s, "address", &v)); /* committed only */
	assert_int_equal(store_commit(s), 0);
	assert_true(store_meta_get(s, "address", &v));
	assert_int_equal(v, 5);
	strcat(key, "x");
	assert_int_equal(store_meta_set(s, key, 6), NBT_EINVAL);
	assert_int_equal(store_meta_set(s, "", 6), NBT_EINVAL);
	for (int i = 0; i < 62; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		assert_int_equal(store_meta_set(s, key, 6), 0);
	}
	assert_int_equal(store_meta_set(s, "one more", 6), NBT_EINVAL);
	assert_int_equal(store_meta_set(s, "address", UINT64_MAX), 0);
	assert_int_equal(store_commit(s), 0);
	store_close(s);
	s = open_at(path);
	assert_true(store_meta_get(s, "address", &v));
	assert_true(v == UINT64_MAX);
	assert_true(store_meta_get(s, "k61", &v));
	store_close(s);
	folder_free(path);
}

static void
a_batch_has_a_bound_and_goes_on_after_the_commit(void **state)
{
	char *path = folder_new();
	struct store *s = open_at(path);
	struct rec r;
	unsigned n = 0;
	int err;

	for (;;) {
		r = rec_of(n, n + 1, 100);
		err = store_put(s, &r);
		if (err)
			break;
		n++;
	}
	assert_int_equal(err, NBT_ELIMIT);
	assert_int_equal(n, 4096);
	assert_int_equal(store_staged(s), n);
	assert_int_equal(store_next_version(s).v, n + 1); /* the refused one does not count */
	assert_int_equal(store_del(s, &r.key), NBT_ELIMIT);
	assert_int_equal(store_commit(s), 0);
	put(s, &r);
	assert_int_equal(store_commit(s), 0);
	for (unsigned i = 0; i <= n; i++)
		assert_true(get(s, key_of(i), &r));
	store_close(s);
	folder_free(path);
}

static void
a_small_batch_is_bounded_by_bytes(void **state)
{
	char *path = folder_new();
	struct store_opts opts = { .vfs = vfs_of(path), .batch_max = 1 };
	struct store_report report;
	struct store *s;
	unsigned n = 0;
	struct rec r;

	assert_int_equal(store_open(&opts, &s, &report), 0);
	do
		r = many_addresses(n, n + 1, REC_ADDR_MAX);
	while (!store_put(s, &r) && ++n);
	assert_in_range(n, 1, 10); /* the least bound holds one record of any size */
	assert_int_equal(store_meta_set(s, "m", 1), 0); /* small things may still fit */
	assert_int_equal(store_commit(s), 0);
	put(s, &r);
	assert_int_equal(store_commit(s), 0);
	store_close(s);
	folder_free(path);
}

static void
due_records_come_earliest_first_and_moved_ones_at_their_time(void **state)
{
	char *path = folder_new();
	struct store *s = open_at(path);
	struct rec r, got[8];

	assert_int_equal(store_next_due(s).s, WALL_NEVER.s);
	for (unsigned i = 0; i < 5; i++) {
		r = rec_of(i, i + 1, 100 - i * 10);
		put(s, &r);
	}
	r = rec_of(9, 9, WALL_NEVER.s);
	put(s, &r);
	assert_int_equal(store_commit(s), 0);
	assert_int_equal(store_next_due(s).s, 60);
	assert_int_equal(store_due(s, (struct wall){ 59 }, got, 8), 0);
	assert_int_equal(store_due(s, (struct wall){ 60 }, got, 8), 1);
	assert_int_equal(store_due(s, (struct wall){ 80 }, got, 8), 3);
	assert_int_equal(got[0].due.s, 60);
	assert_int_equal(got[2].due.s, 80);
	assert_int_equal(store_due(s, (struct wall){ 80 }, got, 2), 2);
	r = rec_of(4, 5, 95); /* 60 -> 95 */
	put(s, &r);
	r = rec_of(0, 1, 10); /* 100 -> 10 */
	put(s, &r);
	r = rec_of(3, 4, WALL_NEVER.s); /* 70 -> never */
	put(s, &r);
	assert_int_equal(store_commit(s), 0);
	assert_int_equal(store_next_due(s).s, 10);
	assert_int_equal(store_due(s, (struct wall){ 94 }, got, 8), 3);
	assert_int_equal(got[0].due.s, 10);
	assert_int_equal(got[1].due.s, 80);
	assert_int_equal(got[2].due.s, 90);
	assert_int_equal(store_due(s, (struct wall){ UINT32_MAX - 1 }, got, 8), 4);
	r = rec_of(0, 1, 10);
	assert_int_equal(store_del(s, &r.key), 0);
	assert_int_equal(store_commit(s), 0);
	assert_int_equal(store_next_due(s).s, 80);
	store_close(s);
	folder_free(path);
}

/* A thousand refreshed at once: each call moves some, none is lost, none is early. */
static void
many_moved_records_are_moved_in_slices(void **state)
{
	char *path = folder_new();
	struct store *s = open_at(path);
	static struct rec got[2000];
	struct rec r;
	int calls = 0;

	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 1000; i++) {
			r = rec_of(i, i + 1, round ? 200 : 100);
			put(s, &r);
		}
		assert_int_equal(store_commit(s), 0);
	}
	while (store_next_due(s).s < 200) {
		assert_int_equal(store_due(s, (struct wall){ 199 }, got, 2000), 0);
		assert_in_range(++calls, 1, 10);
	}
	assert_int_equal(store_due(s, (struct wall){ 200 }, got, 2000), 1000);
	store_close(s);
	folder_free(path);
}

static void
versions_are_walked_owner_by_owner(void **state)
{
	char *path = folder_new();
	struct store *s = open_at(path);
	struct ip4 a = IP4(192, 0, 2, 9), b = IP4(192, 0, 2, 8), owners[4];
	struct rec r, got;

	for (unsigned i = 0; i < 30; i++) {
		r = rec_of(i, 100 - i, 100);
		r.owner = r.addr[0].owner = i % 3 == 0 ? OWNER_SELF : i % 3 == 1 ? a : b;
		put(s, &r);
	}
	assert_int_equal(store_commit(s), 0);
	for (int round = 0; round < 2; round++) {
		uint64_t from = 0;
		int n = 0;

		while (store_by_version(s, a, (struct version){ from }, &got)) {
			assert_true(got.version.v >= from);
			assert_true(ip4_eq(got.owner, a));
			from = got.version.v + 1;
			n++;
		}
		assert_int_equal(n, 10);
		assert_false(store_by_version(s, a, (struct version){ 100 }, &got));
		assert_true(store_by_version(s, a, (struct version){ 99 }, &got));
		assert_false(store_by_version(s, IP4(1, 1, 1, 1), (struct version){ 0 }, &got));
		assert_int_equal(store_owners(s, owners, 4), 3);
		assert_true(ip4_eq(owners[0], OWNER_SELF));
		assert_true(ip4_eq(owners[1], b));
		assert_true(ip4_eq(owners[2], a));
		assert_int_equal(store_owners(s, owners, 0), 3);
		store_close(s);
		s = open_at(path);
	}
	for (unsigned i = 1; i < 30; i += 3) {
		struct nb_key k = key_of(i);

		assert_int_equal(store_del(s, &k), 0);
	}
	assert_int_equal(store_commit(s), 0);
	assert_int_equal(store_owners(s, owners, 4), 2);
	store_close(s);
	folder_free(path);
}

static void
names_are_walked_in_byte_order_of_name_then_scope(void **state)
{
	char *path = folder_new();
	struct store *s = open_at(path);
	struct rec r, got;
	struct nb_key k;

	assert_false(store_by_name(s, NULL, true, &got));
	for (unsigned i = 9; i-- > 1;) {
		r = rec_of(i, i, 100);
		put(s, &r);
		for (char label = 'z'; label >= 'x'; label--) {
			r.key = scoped_key_of(i, label);
			put(s, &r);
		}
	}
	assert_int_equal(store_commit(s), 0);
	for (int round = 0; round < 2; round++) {
		assert_true(store_by_name(s, NULL, false, &got));
		for (unsigned i = 1; i < 9; i++) {
			k = key_of(i);
			assert_true(nb_key_eq(&got.key, &k));
			assert_true(store_by_name(s, &k, true, &got));
			assert_true(nb_key_eq(&got.key, &k));
			for (char label = 'x'; label <= 'z'; label++) {
				assert_true(store_by_name(s, &k, false, &got));
				k = scoped_key_of(i, label);
				assert_true(nb_key_eq(&got.key, &k));
				assert_true(store_by_name(s, &k, true, &got));
				assert_true(nb_key_eq(&got.key, &k));
			}
			assert_int_equal(store_by_name(s, &k, false, &got), i < 8);
		}
		store_close(s);
		s = open_at(path);
	}
	k = scoped_key_of(3, 'y'); /* the cursor's record may be gone */
	assert_int_equal(store_del(s, &k), 0);
	assert_int_equal(store_commit(s), 0);
	assert_true(store_by_name(s, &k, true, &got));
	k = scoped_key_of(3, 'z');
	assert_true(nb_key_eq(&got.key, &k));
	store_close(s);
	folder_free(path);
}

static void
a_second_open_is_refused_as_busy(void **state)
{
	char *path = folder_new();
	struct store *s = open_at(path), *other = NULL;
	struct store_opts opts = { .vfs = vfs_of(path) };
	struct store_report report;

	assert_int_equal(store_open(&opts, &other, &report), NBT_EBUSY);
	assert_non_null(strstr(report.sentence, "in use"));
	store_close(s);
	store_close(open_at(path));
	folder_free(path);
}

static void
write_file(const char *path, const char *name, const char *bytes)
{
	char full[200];
	FILE *f;

	snprintf(full, sizeof(full), "%s/%s", path, name);
	f = fopen(full, "w");
	assert_non_null(f);
	fputs(bytes, f);
	fclose(f);
}

static void
a_folder_that_holds_other_things_is_refused(void **state)
{
	char *path = folder_new();
	struct store_opts opts = { .vfs = vfs_of(path) };
	struct store_report report;
	struct store *s = NULL;

	write_file(path, "letter.txt", "dear");
	assert_int_equal(store_open(&opts, &s, &report), NBT_EFORMAT);
	assert_non_null(strstr(report.sentence, "holds no store"));
	folder_free(path);
}

static void
folders_that_are_missing_or_somebody_elses_are_refused(void **state)
{
	struct vfs *v;

	assert_int_equal(vfs_posix_open("/nonexistent/winsome", &v), NBT_ENOENT);
	if (geteuid() == 0) {
		char *path = folder_new();

		assert_int_equal(chown(path, 12345, 12345), 0);
		assert_int_equal(vfs_posix_open(path, &v), NBT_EOWNER);
		folder_free(path);
	}
}

static void
many_starts_leave_few_files(void **state)
{
	char *path = folder_new();
	struct store *s = open_at(path);
	struct rec r = rec_of(1, 1, 100);
	struct store_report report;
	struct vfs *v;

	put(s, &r);
	assert_int_equal(store_commit(s), 0);
	for (int i = 0; i < 20; i++) {
		store_close(s);
		s = open_at(path);
	}
	assert_int_equal(store_tend(s), STORE_NEWS_SNAPSHOT_STARTED);
	tend_until(s, STORE_NEWS_SNAPSHOT_DONE);
	assert_int_equal(store_tend(s), STORE_NEWS_NONE);
	store_close(s);
	v = vfs_of(path);
	assert_int_equal(store_check(v, NULL, NULL, &report), 0);
	assert_int_equal(report.journals, 1);
	assert_int_equal(report.snapshot_records, 1);
	assert_int_equal(report.records, 1);
	v->close_dir(v);
	folder_free(path);
}

static int
begin(void **state)
{
	store_reader_register();
	return 0;
}

static int
end(void **state)
{
	store_reader_unregister();
	return 0;
}

static void
names_of_an_address_are_counted_through_changes_and_starts(void **state)
{
	const struct ip4 ip = { 0x0b000000u + 24 }, other = { 0x0a000000u + 1 };
	char *path = folder_new();
	struct store *s = open_at(path);
	struct rec r = many_addresses(1, 1, 25), next = many_addresses(1, 3, 24), plain;

	(void)state;
	plain = rec_of(2, 2, 100);
	plain.addr[0].ip = ip;
	put(s, &r);
	put(s, &plain);
	assert_int_equal(store_names_of(s, ip), 0); /* not before they are kept */
	assert_int_equal(store_commit(s), 0);
	assert_int_equal(store_names_of(s, ip), 2);
	plain.due.s = plain.addr[0].due.s = 200; /* a refresh changes nothing */
	put(s, &plain);
	assert_int_equal(store_commit(s), 0);
	assert_int_equal(store_names_of(s, ip), 2);
	assert_int_equal(store_snapshot(s), 0);
	tend_until(s, STORE_NEWS_SNAPSHOT_DONE);
	store_close(s);
	s = open_at(path);
	assert_int_equal(store_names_of(s, ip), 2);
	put(s, &next); /* one of its addresses goes */
	assert_int_equal(store_commit(s), 0);
	assert_int_equal(store_names_of(s, ip), 1);
	store_close(s);
	s = open_at(path);
	assert_int_equal(store_names_of(s, ip), 1);
	assert_int_equal(store_names_of(s, (struct ip4){ 0x0b000000u }), 1);
	assert_int_equal(store_del(s, &plain.key), 0);
	assert_int_equal(store_commit(s), 0);
	assert_int_equal(store_names_of(s, ip), 0);
	assert_int_equal(store_names_of(s, other), 0);
	store_close(s);
	folder_free(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(staged_changes_are_peeked_but_not_read_before_the_commit),
		cmocka_unit_test(the_last_change_of_a_key_in_a_batch_wins),
		cmocka_unit_test(every_kind_of_record_survives_a_restart),
		cmocka_unit_test(a_store_that_was_left_is_whole_and_not_in_use),
		cmocka_unit_test(a_refresh_changes_times_in_place),
		cmocka_unit_test(versions_only_rise_even_when_the_highest_record_goes),
		cmocka_unit_test(meta_values_are_durable_and_bounded),
		cmocka_unit_test(a_batch_has_a_bound_and_goes_on_after_the_commit),
		cmocka_unit_test(a_small_batch_is_bounded_by_bytes),
		cmocka_unit_test(due_records_come_earliest_first_and_moved_ones_at_their_time),
		cmocka_unit_test(many_moved_records_are_moved_in_slices),
		cmocka_unit_test(versions_are_walked_owner_by_owner),
		cmocka_unit_test(names_are_walked_in_byte_order_of_name_then_scope),
		cmocka_unit_test(a_second_open_is_refused_as_busy),
		cmocka_unit_test(a_folder_that_holds_other_things_is_refused),
		cmocka_unit_test(folders_that_are_missing_or_somebody_elses_are_refused),
		cmocka_unit_test(many_starts_leave_few_files),
		cmocka_unit_test(names_of_an_address_are_counted_through_changes_and_starts),
	};

	return cmocka_run_group_tests_name("store_store", tests, begin, end);
}
