/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A batch is written while the next is staged: who sees it when, who waits for it, and what becomes of both
 * when one fails. The disk is held by its lock where a test needs a batch to be on its way.
 */
#include "store/store.h"

#include "store_life.h"

struct lab {
	struct crashfs *fs;
	struct store *s;
};

static void
lab_open(struct lab *l)
{
	struct store_opts opts = { .vfs = crashfs_vfs(l->fs), .flights = true };
	struct store_report report;

	if (store_open(&opts, &l->s, &report))
		fail_msg("open: %s", report.sentence);
}

static struct lab *
lab_new(void)
{
	struct lab *l = calloc(1, sizeof(*l));

	assert_non_null(l);
	l->fs = crashfs_new(1);
	lab_open(l);
	return l;
}

static void
lab_free(struct lab *l)
{
	store_close(l->s);
	crashfs_free(l->fs);
	free(l);
}

static void
hold_disk(struct lab *l)
{
	pthread_mutex_lock(&l->fs->lock);
}

static void
free_disk(struct lab *l)
{
	pthread_mutex_unlock(&l->fs->lock);
}

static void
fail_call(struct lab *l, unsigned in, int err, bool syncs_only)
{
	l->fs->fail_at = l->fs->calls + in;
	l->fs->fail_for = 1;
	l->fs->fail_err = err;
	l->fs->fail_syncs_only = syncs_only;
}

static void
put_number(struct lab *l, unsigned n)
{
	struct rec r = rec_of(n, store_next_version(l->s).v, 100);

	put(l->s, &r);
}

static bool
is_there(struct lab *l, unsigned n)
{
	struct rec got;

	return get(l->s, key_of(n), &got);
}

static bool
peeked(struct lab *l, unsigned n, bool *ret_staged)
{
	struct nb_key key = key_of(n);
	struct rec got;

	return store_peek(l->s, &key, &got, ret_staged);
}

static void
a_batch_on_its_way_is_not_seen_before_its_end(void **state)
{
	struct lab *l = lab_new();

	put_number(l, 1);
	hold_disk(l);
	assert_int_equal(store_commit_begin(l->s), 0);
	assert_true(store_commit_flies(l->s));
	assert_false(store_commit_landed(l->s));
	assert_false(is_there(l, 1));
	assert_int_equal(store_records(l->s), 0);
	assert_int_equal(store_staged(l->s), 0);
	free_disk(l);
	assert_int_equal(store_commit_end(l->s), 0);
	assert_false(store_commit_flies(l->s));
	assert_true(is_there(l, 1));
	lab_free(l);
}

static void
what_was_staged_meanwhile_goes_with_the_next(void **state)
{
	struct lab *l = lab_new();

	put_number(l, 1);
	hold_disk(l);
	assert_int_equal(store_commit_begin(l->s), 0);
	put_number(l, 2);
	assert_int_equal(store_staged(l->s), 1);
	assert_int_equal(store_next_version(l->s).v, 3);
	free_disk(l);
	assert_int_equal(store_commit_end(l->s), 0);
	assert_true(is_there(l, 1));
	assert_false(is_there(l, 2));
	assert_int_equal(store_commit_begin(l->s), 0);
	store_commit_await(l->s);
	assert_true(store_commit_landed(l->s));
	assert_false(is_there(l, 2));
	assert_int_equal(store_commit_end(l->s), 0);
	assert_true(is_there(l, 2));
	store_close(l->s);
	lab_open(l);
	assert_true(is_there(l, 1) && is_there(l, 2));
	lab_free(l);
}

/* Without a disk that is held: whoever waits would wait for ever. */
static void
who_needs_a_name_that_is_on_its_way_waits_for_it(void **state)
{
	struct lab *l = lab_new();
	struct nb_key key = key_of(4);
	struct rec again = rec_of(3, 9, 900), got;
	bool staged = true;

	for (unsigned n = 1; n <= 4; n++)
		put_number(l, n);
	assert_int_equal(store_commit_begin(l->s), 0);
	assert_true(peeked(l, 2, &staged));
	assert_false(staged);
	assert_true(is_there(l, 1)); /* it is all visible now, though its end was not asked for */
	assert_int_equal(store_commit_end(l->s), 0);
	put_number(l, 7);
	assert_int_equal(store_commit_begin(l->s), 0);
	put(l->s, &again);
	assert_int_equal(store_del(l->s, &key), 0);
	assert_int_equal(store_commit(l->s), 0); /* both */
	assert_true(get(l->s, key_of(3), &got));
	same_rec(&got, &again);
	assert_false(is_there(l, 4));
	assert_true(is_there(l, 7));
	assert_int_equal(store_commit_end(l->s), 0);
	put(l->s, &again);
	assert_int_equal(store_commit_begin(l->s), 0);
	assert_int_equal(store_del(l->s, &again.key), 0);
	assert_int_equal(store_commit_end(l->s), 0);
	assert_true(is_there(l, 3)); /* the removal is staged */
	assert_int_equal(store_commit(l->s), 0);
	assert_false(is_there(l, 3));
	lab_free(l);
}

static void
a_name_that_is_not_on_its_way_waits_for_nothing(void **state)
{
	struct lab *l = lab_new();
	bool staged;

	put_number(l, 1);
	assert_int_equal(store_commit(l->s), 0);
	put_number(l, 2);
	hold_disk(l);
	assert_int_equal(store_commit_begin(l->s), 0);
	assert_true(peeked(l, 1, &staged));
	assert_false(peeked(l, 3, &staged));
	put_number(l, 3);
	assert_true(peeked(l, 3, &staged));
	assert_true(staged);
	assert_false(is_there(l, 2));
	free_disk(l);
	assert_int_equal(store_commit_end(l->s), 0);
	lab_free(l);
}

static void
named_values_of_two_batches_are_all_kept(void **state)
{
	struct lab *l = lab_new();
	uint64_t a = 0, b = 0;

	assert_int_equal(store_meta_set(l->s, "a", 1), 0);
	assert_int_equal(store_known_set(l->s, life_owner(0), (struct version){ 5 }), 0);
	assert_int_equal(store_commit_begin(l->s), 0);
	assert_int_equal(store_meta_set(l->s, "b", 2), 0);
	assert_int_equal(store_known_set(l->s, life_owner(1), (struct version){ 6 }), 0);
	assert_int_equal(store_commit_end(l->s), 0);
	assert_int_equal(store_commit(l->s), 0);
	assert_true(store_meta_get(l->s, "a", &a) && store_meta_get(l->s, "b", &b));
	assert_true(a == 1 && b == 2);
	assert_int_equal(store_known(l->s, life_owner(0)).v, 5);
	assert_int_equal(store_known(l->s, life_owner(1)).v, 6);
	lab_free(l);
}

static void
a_failed_write_costs_its_own_batch_only(void **state)
{
	struct lab *l = lab_new();

	put_number(l, 1);
	fail_call(l, 1, NBT_ENOSPC, false);
	assert_int_equal(store_commit_begin(l->s), 0);
	put_number(l, 2);
	assert_int_equal(store_commit_end(l->s), NBT_ENOSPC);
	assert_non_null(strstr(store_last_error(l->s), "no space"));
	assert_int_equal(store_commit_begin(l->s), 0);
	assert_int_equal(store_commit_end(l->s), 0);
	assert_false(is_there(l, 1));
	assert_true(is_there(l, 2));
	store_close(l->s);
	lab_open(l);
	assert_false(is_there(l, 1));
	assert_true(is_there(l, 2));
	lab_free(l);
}

static void
after_a_failed_sync_the_next_batch_is_refused_too(void **state)
{
	struct lab *l = lab_new();
	bool staged;

	put_number(l, 1);
	fail_call(l, 2, NBT_EIO, true);
	assert_int_equal(store_commit_begin(l->s), 0);
	put_number(l, 2);
	assert_false(peeked(l, 1, &staged)); /* waits, and it is gone */
	assert_int_equal(store_commit_end(l->s), NBT_EIO);
	assert_false(store_writable(l->s));
	assert_int_equal(store_commit_begin(l->s), NBT_ECLOSED);
	assert_false(store_commit_flies(l->s));
	assert_false(is_there(l, 1) || is_there(l, 2));
	tend_until(l->s, STORE_NEWS_JOURNAL_REOPENED);
	put_number(l, 3);
	assert_int_equal(store_commit_begin(l->s), 0);
	assert_int_equal(store_commit_end(l->s), 0);
	assert_true(is_there(l, 3));
	lab_free(l);
}

static void
a_waited_for_commit_leaves_the_outcome_of_the_one_before(void **state)
{
	struct lab *l = lab_new();

	put_number(l, 1);
	fail_call(l, 1, NBT_ENOSPC, false);
	assert_int_equal(store_commit_begin(l->s), 0);
	put_number(l, 2);
	assert_int_equal(store_commit(l->s), 0);
	assert_true(store_commit_flies(l->s));
	assert_int_equal(store_commit_end(l->s), NBT_ENOSPC);
	assert_int_equal(store_commit_end(l->s), 0); /* none */
	lab_free(l);
}

static void
nothing_staged_is_nothing_begun(void **state)
{
	struct lab *l = lab_new();

	assert_int_equal(store_commit_begin(l->s), 0);
	assert_false(store_commit_flies(l->s));
	lab_free(l);
}

static void
a_snapshot_holds_what_is_on_its_way(void **state)
{
	struct lab *l = lab_new();

	put_number(l, 1);
	assert_int_equal(store_commit_begin(l->s), 0);
	assert_int_equal(store_snapshot(l->s), 0);
	assert_true(is_there(l, 1));
	tend_until(l->s, STORE_NEWS_SNAPSHOT_DONE);
	assert_int_equal(store_commit_end(l->s), 0);
	store_close(l->s);
	lab_open(l);
	assert_true(is_there(l, 1));
	lab_free(l);
}

static void
closing_waits_for_what_is_on_its_way(void **state)
{
	struct lab *l = lab_new();

	put_number(l, 1);
	assert_int_equal(store_commit_begin(l->s), 0);
	store_close(l->s);
	lab_open(l);
	assert_true(is_there(l, 1));
	lab_free(l);
}

/* ---- two batches, by chance ---- */

#define NAMES 40

struct plain {
	uint32_t due[NAMES]; /* 0: not there */
};

static void
carry_out(struct plain *p, const struct plain *what, const bool touched[NAMES])
{
	for (unsigned n = 0; n < NAMES; n++)
		if (touched[n])
			p->due[n] = what->due[n];
}

static void
stage_some(struct lab *l, struct plain *p, bool touched[NAMES], unsigned round)
{
	for (uint32_t i = fs_random(l->fs) % 6; i; i--) {
		unsigned n = fs_random(l->fs) % NAMES;
		struct rec r = rec_of(n, store_next_version(l->s).v, 100 + round);
		bool removed = fs_random(l->fs) % 4 == 0;

		if (removed)
			assert_int_equal(store_del(l->s, &r.key), 0);
		else
			put(l->s, &r);
		p->due[n] = removed ? 0 : r.due.s;
		touched[n] = true;
	}
}

static void
matches(struct lab *l, const struct plain *p)
{
	uint64_t there = 0;
	struct rec got;

	for (unsigned n = 0; n < NAMES; n++) {
		assert_int_equal(get(l->s, key_of(n), &got) ? got.due.s : 0, p->due[n]);
		there += p->due[n] != 0;
	}
	assert_int_equal(store_records(l->s), there);
}

/* Due walks move records between commits, with memory that was reserved for the batch on its way. */
static void
walk_due(struct lab *l, unsigned round)
{
	struct rec due[NAMES];

	(void)store_due(l->s, (struct wall){ round }, due, NAMES);
	(void)store_next_due(l->s);
}

static void
batches_by_chance_end_as_a_plain_array_says(void **state)
{
	struct lab *l = lab_new();
	struct plain seen = { 0 }, flying = { 0 }, staged = { 0 };
	bool in_flying[NAMES], in_staged[NAMES] = { 0 };
	unsigned failed = 0;

	for (unsigned round = 1; round < 3000; round++) {
		int err;

		stage_some(l, &staged, in_staged, round);
		flying = staged;
		memcpy(in_flying, in_staged, sizeof(in_flying));
		memset(in_staged, 0, sizeof(in_staged));
		if (fs_random(l->fs) % 5 == 0)
			fail_call(l, 1, NBT_ENOSPC, false);
		assert_int_equal(store_commit_begin(l->s), 0);
		stage_some(l, &staged, in_staged, round);
		walk_due(l, round);
		err = store_commit_end(l->s);
		l->fs->fail_at = 0;
		failed += err == NBT_ENOSPC;
		if (!err)
			carry_out(&seen, &flying, in_flying);
		matches(l, &seen);
	}
	assert_true(failed > 100);
	assert_int_equal(store_commit(l->s), 0);
	carry_out(&seen, &staged, in_staged);
	matches(l, &seen);
	store_close(l->s);
	lab_open(l);
	matches(l, &seen);
	lab_free(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_batch_on_its_way_is_not_seen_before_its_end),
		cmocka_unit_test(what_was_staged_meanwhile_goes_with_the_next),
		cmocka_unit_test(who_needs_a_name_that_is_on_its_way_waits_for_it),
		cmocka_unit_test(a_name_that_is_not_on_its_way_waits_for_nothing),
		cmocka_unit_test(named_values_of_two_batches_are_all_kept),
		cmocka_unit_test(a_failed_write_costs_its_own_batch_only),
		cmocka_unit_test(after_a_failed_sync_the_next_batch_is_refused_too),
		cmocka_unit_test(a_waited_for_commit_leaves_the_outcome_of_the_one_before),
		cmocka_unit_test(nothing_staged_is_nothing_begun),
		cmocka_unit_test(a_snapshot_holds_what_is_on_its_way),
		cmocka_unit_test(closing_waits_for_what_is_on_its_way),
		cmocka_unit_test(batches_by_chance_end_as_a_plain_array_says),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	store_reader_register();
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	store_reader_unregister();
	return failed;
}
