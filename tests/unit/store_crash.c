/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Power is lost in each call that changes the disk, in turn, with every kind of loss; the store that
 * is opened after it holds every acknowledged change, no half batch, and gives no version twice.
 */
#include "store/store.h"

#include "store_life.h"

#define STEPS    24
#define VARIANTS 10

static struct life
life_of(unsigned seed, unsigned cut_at)
{
	struct life l = { .fs = crashfs_new(seed), .random = seed * 77777u + 1, .clock = 1000 };

	l.fs->cut_at = cut_at;
	l.acked.next = 1;
	return l;
}

/* Opens what is left, looks, writes on, opens it again: all is as it was and as it was written. */
static void
lives_on(struct life *from, struct crashfs *disk, const char *when)
{
	struct life l = *from;
	struct store_report report;
	uint64_t version;

	l.fs = disk;
	l.backup = NULL;
	if (life_open(&l, &report))
		fail_msg("%s: %s", when, report.sentence);
	life_check(&l, when);
	version = store_next_version(l.s).v;
	assert_true(life_commit(&l));
	assert_true(life_commit(&l));
	life_check(&l, when);
	life_close(&l);
	assert_int_equal(life_open(&l, &report), 0);
	assert_string_equal(report.sentence, "");
	life_check(&l, when);
	assert_true(store_next_version(l.s).v >= version);
	life_close(&l);
	crashfs_free(disk);
}

/* Power goes again while the store is being opened; nothing more is lost. */
static void
lives_on_after_a_second_loss(struct life *from, struct crashfs *disk, unsigned seed)
{
	struct life l = *from;
	struct store_report report;
	struct crashfs *after;

	l.fs = disk;
	l.backup = NULL;
	disk->cut_at = 1 + seed % 12;
	if (!life_open(&l, &report))
		life_close(&l);
	assert_true(disk->dead);
	after = crashfs_after_loss(disk, seed % 3 ? FS_RANDOM : FS_DROP_ALL, seed);
	crashfs_free(disk);
	lives_on(from, after, "second loss");
}

/* The program is killed, not the machine: what was written can be read, synced or not. It starts
 * again and goes on; then the power goes. */
static void
lives_on_after_a_kill_and_a_loss(struct life *l, unsigned seed, const char *when)
{
	struct store_report report;

	l->fs->dead = false;
	l->fs->cut_at = 0;
	if (life_open(l, &report))
		fail_msg("%s, killed: %s", when, report.sentence);
	life_check(l, when);
	l->ntried = 0;
	for (unsigned i = 0; i < seed % 3; i++)
		assert_true(life_commit(l));
	l->fs->cut_at = l->fs->calls + 1; /* not closed in good order */
	life_close(l);
	lives_on(l, crashfs_after_loss(l->fs, FS_DROP_ALL, seed), when);
	lives_on(l, crashfs_after_loss(l->fs, FS_RANDOM, seed), when);
}

static void
every_cut(unsigned seed)
{
	char when[80];

	for (unsigned cut = 1;; cut++) {
		struct life l = life_of(seed, cut);
		bool died;

		life_run(&l, STEPS);
		died = l.fs->dead;
		if (!died)
			backup_check(&l);
		life_end(&l);
		for (unsigned v = 0; v < VARIANTS; v++) {
			enum fs_loss loss = v < 2 ? (enum fs_loss)v : FS_RANDOM;

			snprintf(
			    when, sizeof(when), "seed %u, cut in call %u, loss %u", seed, cut, v);
			lives_on(&l, crashfs_after_loss(l.fs, loss, cut * 100 + v + seed), when);
		}
		lives_on_after_a_second_loss(
		    &l, crashfs_after_loss(l.fs, FS_RANDOM, cut + seed), cut + seed);
		if (died)
			lives_on_after_a_kill_and_a_loss(&l, cut + seed, when);
		crashfs_free(l.fs);
		if (!died) {
			assert_true(cut > 60); /* the life was one */
			return;
		}
	}
}

static void
power_lost_in_any_call_of_a_life_loses_nothing(void **state)
{
	every_cut(1);
}

static void
nor_in_another_life(void **state)
{
	every_cut(2);
}

/* Journals so small that store_tend takes snapshots by itself while commits go on beside them. */
static void
power_lost_while_a_snapshot_is_written_beside_commits_loses_nothing(void **state)
{
	struct store_report report;

	for (unsigned seed = 1; seed <= 60; seed++) {
		struct life l = life_of(seed, 10 + seed * 5);

		l.journal_max = 300;
		if (!life_open(&l, &report))
			for (int i = 0; i < 150 && !l.fs->dead; i++) {
				(void)life_commit(&l);
				(void)store_tend(l.s);
			}
		life_end(&l);
		for (unsigned v = 0; v < 4; v++)
			lives_on(&l,
			    crashfs_after_loss(
				l.fs, v < 2 ? (enum fs_loss)v : FS_RANDOM, seed * 9 + v),
			    "beside a snapshot");
		crashfs_free(l.fs);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(power_lost_in_any_call_of_a_life_loses_nothing),
		cmocka_unit_test(nor_in_another_life),
		cmocka_unit_test(
		    power_lost_while_a_snapshot_is_written_beside_commits_loses_nothing),
	};

	return cmocka_run_group_tests_name("store_crash", tests, begin, end);
}
