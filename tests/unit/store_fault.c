/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each call that changes the disk fails in turn, once or for a while, with a full disk, a broken one,
 * or only in its syncs: queries go on, nothing acknowledged is lost, a refused batch is not seen, and
 * afterwards the store works again.
 */
#include "store/store.h"

#include "store_life.h"

#define STEPS 22

static struct life
life_of(unsigned seed)
{
	struct life l = { .fs = crashfs_new(seed), .random = seed * 77777u + 1, .clock = 1000 };

	l.acked.next = 1;
	return l;
}

/* Tends it until it takes changes again. */
static void
becomes_writable(struct life *l)
{
	for (int i = 0; i < 1000000 && !store_writable(l->s); i++) {
		if (store_tend(l->s) == STORE_NEWS_NONE) {
			store_reader_offline();
			usleep(100);
			store_reader_online();
		}
	}
	assert_true(store_writable(l->s));
}

/* A life in which calls fail; false: it never came to the failing call. */
static bool
one_life(unsigned seed, unsigned fail_at, unsigned fail_for, int err, bool syncs_only)
{
	struct life l = life_of(seed);
	struct store_report report;
	bool reached;

	l.fs->fail_at = fail_at;
	l.fs->fail_for = fail_for;
	l.fs->fail_err = err;
	l.fs->fail_syncs_only = syncs_only;
	for (int i = 0; i < STEPS; i++) {
		if (!l.s) {
			if (life_open(&l, &report)) {
				assert_string_not_equal(report.sentence, "");
				continue;
			}
			life_check(&l, "after a start");
			l.ntried = 0;
		}
		if (i % 12 == 5)
			(void)life_snapshot(&l);
		else if (i % 12 == 8)
			life_close(&l);
		else if (i % 12 == 10)
			(void)life_backup(&l);
		else
			(void)life_commit(&l);
		if (!l.s)
			continue;
		/* in the running process exactly what was acknowledged is seen */
		assert_true(model_matches(&l.acked, l.s));
		(void)store_tend(l.s);
	}
	reached = l.fs->calls >= fail_at;
	l.fs->fail_at = 0;
	if (!l.s && life_open(&l, &report))
		fail_msg("call %u failing: %s", fail_at, report.sentence);
	life_check(&l, "after the failures");
	becomes_writable(&l);
	assert_true(life_commit(&l));
	life_close(&l);
	assert_int_equal(life_open(&l, &report), 0);
	life_check(&l, "after a restart");
	life_close(&l);
	backup_check(&l);
	/* and what is synced is all there is */
	struct crashfs *after = crashfs_after_loss(l.fs, FS_DROP_ALL, seed);

	crashfs_free(l.fs);
	l.fs = after;
	if (life_open(&l, &report))
		fail_msg("call %u failing, then power lost: %s", fail_at, report.sentence);
	life_check(&l, "after a loss of power");
	life_end(&l);
	crashfs_free(l.fs);
	return reached;
}

static void
any_call_fails_once_for_want_of_space(void **state)
{
	for (unsigned at = 1; one_life(3, at, 1, NBT_ENOSPC, false); at++)
		;
}

static void
any_call_fails_once_because_the_disk_is_broken(void **state)
{
	for (unsigned at = 1; one_life(4, at, 1, NBT_EIO, false); at++)
		;
}

static void
the_disk_is_full_for_a_while_from_any_call_on(void **state)
{
	for (unsigned at = 1; one_life(5, at, 12, NBT_ENOSPC, false); at++)
		;
}

static void
syncs_fail_for_a_while_from_any_call_on(void **state)
{
	for (unsigned at = 1; one_life(6, at, 9, NBT_EIO, true); at++)
		;
}

/* The call that fails next, counted from now. */
static void
fail_next(struct life *l, unsigned in, unsigned times, int err, bool syncs_only)
{
	l->fs->fail_at = l->fs->calls + in;
	l->fs->fail_for = times;
	l->fs->fail_err = err;
	l->fs->fail_syncs_only = syncs_only;
}

static void
a_failed_write_refuses_one_batch_and_the_next_succeeds(void **state)
{
	struct life l = life_of(1);
	struct store_report report;
	struct rec a = rec_of(1, 1, 100), got;

	assert_int_equal(life_open(&l, &report), 0);
	put(l.s, &a);
	fail_next(&l, 1, 1, NBT_ENOSPC, false);
	assert_int_equal(store_commit(l.s), NBT_ENOSPC);
	assert_false(get(l.s, a.key, &got));
	assert_int_equal(store_staged(l.s), 0);
	assert_true(store_writable(l.s));
	assert_non_null(strstr(store_last_error(l.s), "no space"));
	assert_int_equal(store_next_version(l.s).v, 2); /* version 1 was used up */
	a.version.v = 2;
	put(l.s, &a);
	assert_int_equal(store_commit(l.s), 0);
	assert_true(get(l.s, a.key, &got));
	life_end(&l);
	crashfs_free(l.fs);
}

/* A batch large enough that a dozen of them fill what is written with zeros ahead. */
static int
commit_large(struct life *l, unsigned round)
{
	for (unsigned i = 0; i < 400; i++) {
		struct rec r = rec_of(round * 400 + i, store_next_version(l->s).v, 100);

		put(l->s, &r);
	}
	return store_commit(l->s);
}

static void
zeros_that_could_not_be_written_ahead_are_not_written_over_frames(void **state)
{
	struct life l = life_of(1);
	struct store_report report;
	unsigned round = 0, frames = 0;
	struct rec got;

	assert_int_equal(life_open(&l, &report), 0);
	for (;; round++) {
		/* the first call of a commit is its write, or the zeros when they are used up */
		fail_next(&l, 1, 1, NBT_ENOSPC, false);
		if (!commit_large(&l, round))
			break;
		assert_int_equal(commit_large(&l, round), 0);
		assert_true(round < 100);
	}
	assert_true(round > 5);
	for (frames = round + 1; frames < round + 30; frames++)
		assert_int_equal(commit_large(&l, frames), 0);
	life_close(&l);
	assert_int_equal(life_open(&l, &report), 0);
	for (unsigned i = 0; i < frames * 400; i++)
		assert_true(get(l.s, key_of(i), &got));
	life_end(&l);
	crashfs_free(l.fs);
}

static void
after_a_failed_sync_nothing_is_accepted_before_a_snapshot(void **state)
{
	struct life l = life_of(1);
	struct store_report report;
	struct rec a = rec_of(1, 1, 100), b = rec_of(2, 2, 100), got;
	enum store_news news;
	int i = 0;

	assert_int_equal(life_open(&l, &report), 0);
	put(l.s, &a);
	assert_int_equal(store_commit(l.s), 0);
	put(l.s, &b);
	fail_next(&l, 1, 2, NBT_EIO, true);
	assert_int_equal(store_commit(l.s), NBT_EIO);
	assert_false(store_writable(l.s));
	assert_false(get(l.s, b.key, &got));
	assert_true(get(l.s, a.key, &got)); /* queries go on */
	put(l.s, &b);
	assert_int_equal(store_commit(l.s), NBT_ECLOSED);
	assert_int_equal(store_tend(l.s), STORE_NEWS_SNAPSHOT_STARTED);
	put(l.s, &b);
	assert_int_equal(store_commit(l.s), NBT_ECLOSED);
	do {
		news = store_tend(l.s);
		store_reader_offline();
		usleep(news == STORE_NEWS_NONE ? 100 : 0);
		store_reader_online();
	} while (news == STORE_NEWS_NONE && ++i < 1000000);
	assert_int_equal(news, STORE_NEWS_JOURNAL_REOPENED);
	assert_true(store_writable(l.s));
	b.version = store_next_version(l.s);
	put(l.s, &b);
	assert_int_equal(store_commit(l.s), 0);
	life_end(&l);
	crashfs_free(l.fs);
}

static void
a_start_on_a_full_disk_answers_queries_and_says_so(void **state)
{
	struct life l = life_of(1);
	struct store_report report;
	struct rec a = rec_of(1, 1, 100), got;

	assert_int_equal(life_open(&l, &report), 0);
	put(l.s, &a);
	assert_int_equal(store_commit(l.s), 0);
	life_close(&l);
	fail_next(&l, 1, 100, NBT_ENOSPC, false);
	assert_int_equal(life_open(&l, &report), 0);
	assert_non_null(strstr(report.sentence, "full"));
	assert_true(get(l.s, a.key, &got));
	assert_false(store_writable(l.s));
	put(l.s, &a);
	assert_int_equal(store_commit(l.s), NBT_ECLOSED);
	for (int i = 0; i < 10; i++)
		assert_int_equal(store_tend(l.s), STORE_NEWS_NONE);
	l.fs->fail_at = 0;
	becomes_writable(&l);
	put(l.s, &a);
	assert_int_equal(store_commit(l.s), 0);
	life_end(&l);
	crashfs_free(l.fs);
}

static void
a_failed_snapshot_is_told_and_tried_again_later(void **state)
{
	struct life l = life_of(1);
	struct store_report report;

	assert_int_equal(life_open(&l, &report), 0);
	assert_true(life_commit(&l));
	fail_next(&l, 13, 1, NBT_ENOSPC, false); /* behind the rotation: in the snapshot's file */
	assert_false(life_snapshot(&l));
	assert_non_null(strstr(store_last_error(l.s), "snapshot"));
	assert_true(life_commit(&l)); /* the journal goes on */
	l.fs->fail_at = 0;
	assert_true(life_snapshot(&l));
	life_check(&l, "after the second try");
	life_end(&l);
	crashfs_free(l.fs);
}

static void
a_backup_into_a_folder_that_is_not_empty_is_refused(void **state)
{
	struct life l = life_of(1);
	struct crashfs *into = crashfs_new(3);
	struct store_report report;
	struct vfs *v = crashfs_vfs(into);
	struct vfs_file *f;

	assert_int_equal(life_open(&l, &report), 0);
	assert_int_equal(v->open(v, "letter.txt", true, &f), 0);
	v->close(v, f);
	assert_int_equal(store_backup(l.s, v), NBT_EEXIST);
	assert_true(life_commit(&l));
	assert_int_equal(store_snapshot(l.s), 0);
	assert_int_equal(store_snapshot(l.s), NBT_EBUSY);
	assert_int_equal(store_backup(l.s, crashfs_vfs(into)), NBT_EBUSY);
	life_end(&l);
	crashfs_free(into);
	crashfs_free(l.fs);
}

static struct rec
next_rec(struct life *l, unsigned n)
{
	return rec_of(n, store_next_version(l->s).v, 100);
}

/* Refuses changes, and goes on when what made it so is undone. */
static void
refuses_until(
    struct life *l, void (*make)(struct life *l), void (*undo)(struct life *l), const char *why)
{
	struct rec a = next_rec(l, 1), got;

	put(l->s, &a);
	assert_int_equal(store_commit(l->s), 0);
	assert_int_equal(store_look(l->s), STORE_NEWS_NONE);
	make(l);
	assert_int_equal(store_look(l->s), STORE_NEWS_LOST);
	if (!strstr(store_last_error(l->s), why))
		fail_msg("\"%s\" does not say \"%s\"", store_last_error(l->s), why);
	assert_false(store_writable(l->s));
	a = next_rec(l, 100 + (unsigned)store_next_version(l->s).v); /* a name of this round */
	put(l->s, &a);
	assert_int_equal(store_commit(l->s), NBT_ELOST);
	assert_false(get(l->s, a.key, &got));
	assert_true(get(l->s, key_of(1), &got)); /* queries go on */
	assert_int_equal(store_look(l->s), STORE_NEWS_NONE);
	assert_int_equal(store_tend(l->s), STORE_NEWS_NONE); /* and nothing is written elsewhere */
	undo(l);
	assert_int_equal(store_look(l->s), STORE_NEWS_FOUND);
	put(l->s, &a);
	assert_int_equal(store_commit(l->s), 0);
	assert_int_equal(store_look(l->s), STORE_NEWS_NONE);
}

static void
move(struct life *l)
{
	l->fs->moved = true;
}

static void
move_back(struct life *l)
{
	l->fs->moved = false;
}

static struct fs_inode *
journal_of(struct life *l)
{
	return fs_find(&l->fs->seen, "journal-1")->inode;
}

static struct fs_inode *aside;

static void
delete_journal(struct life *l)
{
	aside = journal_of(l);
	aside->refs++;
	fs_dir_set(&l->fs->seen, "journal-1", NULL);
}

static void
link_journal(struct life *l)
{
	fs_dir_set(&l->fs->seen, "journal-1", aside);
	fs_unref(aside);
}

static size_t whole;

static void
cut_journal(struct life *l)
{
	whole = journal_of(l)->seen.size;
	journal_of(l)->seen.size = 4100;
}

static void
uncut_journal(struct life *l)
{
	journal_of(l)->seen.size = whole;
}

static void
flip_header(struct life *l)
{
	journal_of(l)->seen.p[30] ^= 1;
}

static void
add_journal(struct life *l)
{
	fs_dir_set(&l->fs->seen, "journal-2", journal_of(l));
}

static void
remove_added(struct life *l)
{
	fs_dir_set(&l->fs->seen, "journal-2", NULL);
}

static void
what_a_start_would_not_find_is_not_acknowledged(void **state)
{
	struct life l = life_of(1);
	struct store_report report;

	assert_int_equal(life_open(&l, &report), 0);
	refuses_until(&l, move, move_back, "the data folder is another one");
	refuses_until(&l, delete_journal, link_journal, "journal-1 is another one");
	refuses_until(&l, cut_journal, uncut_journal, "journal-1 was cut off");
	refuses_until(&l, flip_header, flip_header, "journal-1 was written to");
	refuses_until(&l, add_journal, remove_added, "another program began journal-2");
	life_end(&l);
	crashfs_free(l.fs);
}

static void
a_batch_on_its_way_is_refused_when_the_folder_is_found_lost(void **state)
{
	struct life l = life_of(1);
	struct store_opts opts = { .vfs = crashfs_vfs(l.fs), .flights = true };
	struct store_report report;
	struct rec a, got;

	assert_int_equal(store_open(&opts, &l.s, &report), 0);
	a = next_rec(&l, 1);
	put(l.s, &a);
	assert_int_equal(store_commit_begin(l.s), 0);
	l.fs->moved = true;
	assert_int_equal(store_look(l.s), STORE_NEWS_LOST);
	assert_int_equal(store_commit_end(l.s), NBT_ELOST);
	assert_false(get(l.s, a.key, &got));
	l.fs->moved = false;
	assert_int_equal(store_look(l.s), STORE_NEWS_FOUND);
	a = next_rec(&l, 1);
	put(l.s, &a);
	assert_int_equal(store_commit(l.s), 0);
	life_close(&l);
	assert_int_equal(life_open(&l, &report), 0); /* behind the frame that was refused */
	assert_true(get(l.s, a.key, &got));
	life_end(&l);
	crashfs_free(l.fs);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_call_fails_once_for_want_of_space),
		cmocka_unit_test(any_call_fails_once_because_the_disk_is_broken),
		cmocka_unit_test(the_disk_is_full_for_a_while_from_any_call_on),
		cmocka_unit_test(syncs_fail_for_a_while_from_any_call_on),
		cmocka_unit_test(a_failed_write_refuses_one_batch_and_the_next_succeeds),
		cmocka_unit_test(zeros_that_could_not_be_written_ahead_are_not_written_over_frames),
		cmocka_unit_test(after_a_failed_sync_nothing_is_accepted_before_a_snapshot),
		cmocka_unit_test(a_start_on_a_full_disk_answers_queries_and_says_so),
		cmocka_unit_test(a_failed_snapshot_is_told_and_tried_again_later),
		cmocka_unit_test(a_backup_into_a_folder_that_is_not_empty_is_refused),
		cmocka_unit_test(what_a_start_would_not_find_is_not_acknowledged),
		cmocka_unit_test(a_batch_on_its_way_is_refused_when_the_folder_is_found_lost),
	};

	return cmocka_run_group_tests_name("store_fault", tests, begin, end);
}
