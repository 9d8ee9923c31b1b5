/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes of a store's files change while nobody looks: the next start refuses with a sentence, or says
 * what it found, or finds everything; it is never silently less. And what check and salvage make of it.
 */
#include "store/store.h"

#include "base/crc32c.h"
#include "store_life.h"

#define HEAD 4096u /* the header's block; only its first bytes mean anything */

/* A store with an old journal's worth in a snapshot and two journals behind it, closed. */
static struct life
a_closed_store(void)
{
	struct life l = { .fs = crashfs_new(5), .random = 4711, .clock = 1000 };
	struct store_report report;

	l.acked.next = 1;
	assert_int_equal(life_open(&l, &report), 0);
	for (int i = 0; i < 12; i++)
		assert_true(life_commit(&l));
	assert_true(life_snapshot(&l));
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 4; i++)
			assert_true(life_commit(&l));
		life_close(&l);
		if (!round)
			assert_int_equal(life_open(&l, &report), 0);
	}
	return l;
}

enum damage { FLIP, ZERO_REGION, GARBLE_REGION, CUT_OFF, DAMAGES };

static void
do_damage(struct crashfs *fs, struct fs_bytes *b, size_t at, enum damage how)
{
	size_t n = b->size - at < 48 ? b->size - at : 48;

	switch (how) {
	case FLIP:
		b->p[at] ^= (uint8_t)(1u << at % 8);
		break;
	case ZERO_REGION:
		memset(b->p + at, 0, n);
		break;
	case GARBLE_REGION:
		for (size_t i = 0; i < n; i++)
			b->p[at + i] = (uint8_t)fs_random(fs);
		break;
	default:
		b->size = at;
	}
}

static void
never_silent(const struct life *l, struct crashfs *disk, const char *what)
{
	struct life d = *l;
	struct store_report report, checked;
	struct vfs *v;
	int err, check;

	d.fs = disk;
	v = crashfs_vfs(disk);
	check = store_check(v, NULL, NULL, &checked);
	v->close_dir(v);
	err = life_open(&d, &report);
	if (!err != !check)
		fail_msg("%s: check says %d (%s), open %d (%s)", what, check, checked.sentence, err,
		    report.sentence);
	if (err) {
		assert_true(err == NBT_ECORRUPT || err == NBT_EFORMAT);
		assert_string_not_equal(report.sentence, "");
		assert_string_not_equal(checked.sentence, "");
		return;
	}
	if (!report.sentence[0] && !model_matches(&l->acked, d.s))
		fail_msg("%s: silently less", what);
	life_close(&d);
}

static void
damage_anywhere_in_a_closed_store_is_refused_told_or_harmless(void **state)
{
	struct life l = a_closed_store();
	unsigned tries = 0;
	char what[100];

	for (size_t f = 0; f < l.fs->seen.n; f++) {
		size_t size = l.fs->seen.e[f].inode->seen.size;

		for (size_t at = 0; at < size; at += at >= 64 && at < HEAD - 64 ? 64 : 1)
			for (enum damage how = 0; how < DAMAGES; how++) {
				struct crashfs *disk;

				if (how != FLIP && at % 7 && at > 64)
					continue;
				disk = crashfs_copy(l.fs);
				do_damage(disk, &disk->seen.e[f].inode->seen, at, how);
				snprintf(what, sizeof(what), "%s byte %zu damage %d",
				    l.fs->seen.e[f].name, at, how);
				never_silent(&l, disk, what);
				crashfs_free(disk);
				tries++;
			}
	}
	assert_true(tries > 2000);
	crashfs_free(l.fs);
}

static void
a_file_that_is_gone_or_another_is_noticed(void **state)
{
	struct life l = a_closed_store();
	struct store_report report;

	assert_int_equal(l.fs->seen.n, 3); /* snapshot-2, journal-2, journal-3 */
	for (size_t f = 0; f < l.fs->seen.n; f++) {
		struct life d = l;

		d.fs = crashfs_copy(l.fs);
		fs_dir_set(&d.fs->seen, l.fs->seen.e[f].name, NULL);
		assert_int_equal(life_open(&d, &report), NBT_ECORRUPT);
		assert_non_null(strstr(report.sentence, "is missing"));
		crashfs_free(d.fs);
		for (size_t other = 0; other < l.fs->seen.n; other++) {
			if (other == f)
				continue;
			d.fs = crashfs_copy(l.fs);
			fs_dir_set(&d.fs->seen, l.fs->seen.e[f].name,
			    fs_find(&d.fs->seen, l.fs->seen.e[other].name)->inode);
			assert_int_equal(life_open(&d, &report), NBT_ECORRUPT);
			assert_non_null(strstr(report.sentence, "is not what it is called"));
			crashfs_free(d.fs);
		}
	}
	crashfs_free(l.fs);
}

/* Not closed: nothing says where the end is, so a damaged last frame looks torn. It is told. */
static void
an_end_without_warning_is_told_with_what_is_there(void **state)
{
	struct life l = { .fs = crashfs_new(5), .random = 4711, .clock = 1000 };
	struct store_report report;

	l.acked.next = 1;
	assert_int_equal(life_open(&l, &report), 0);
	for (int i = 0; i < 5; i++)
		assert_true(life_commit(&l));
	l.fs->dead = true;
	life_close(&l);
	l.fs->dead = false;
	assert_int_equal(life_open(&l, &report), 0);
	assert_non_null(strstr(report.sentence, "was not closed"));
	assert_non_null(strstr(report.sentence, "up to change 5"));
	assert_int_equal(report.cut_bytes, 0);
	assert_int_equal(report.frames, 5);
	life_check(&l, "killed");
	life_end(&l);
	crashfs_free(l.fs);
}

static void
another_version_of_the_format_is_refused(void **state)
{
	struct life l = a_closed_store();
	struct store_report report;

	for (size_t f = 0; f < l.fs->seen.n; f++) {
		struct life d = l;
		uint8_t *p;
		uint32_t sum;

		d.fs = crashfs_copy(l.fs);
		p = d.fs->seen.e[f].inode->seen.p;
		assert_memory_equal(p, "Winsome\0\0\0\0\1", 12);
		p[11] = 2;
		sum = crc32c(0, p, 60);
		for (int i = 0; i < 4; i++)
			p[60 + i] = (uint8_t)(sum >> (24 - 8 * i));
		assert_int_equal(life_open(&d, &report), NBT_EFORMAT);
		assert_non_null(strstr(report.sentence, "format version 2"));
		memset(p, 'x', 8); /* somebody else's file with a name of ours */
		sum = crc32c(0, p, 60);
		for (int i = 0; i < 4; i++)
			p[60 + i] = (uint8_t)(sum >> (24 - 8 * i));
		assert_int_equal(life_open(&d, &report), NBT_EFORMAT);
		assert_non_null(strstr(report.sentence, "not a file of this program"));
		crashfs_free(d.fs);
	}
	crashfs_free(l.fs);
}

static void
a_damaged_snapshot_is_made_up_for_by_an_older_one(void **state)
{
	struct life l = { .fs = crashfs_new(5), .random = 4711, .clock = 1000 };
	struct store_report report;
	struct crashfs *old;

	l.acked.next = 1;
	assert_int_equal(life_open(&l, &report), 0);
	for (int i = 0; i < 6; i++)
		assert_true(life_commit(&l));
	old = crashfs_copy(l.fs); /* journal-1, which the snapshot makes superfluous */
	assert_true(life_snapshot(&l));
	for (int i = 0; i < 6; i++)
		assert_true(life_commit(&l));
	life_close(&l);
	/* power was lost before the old journal was removed, and the snapshot was damaged */
	fs_dir_set(&l.fs->seen, "journal-1", fs_find(&old->seen, "journal-1")->inode);
	fs_find(&l.fs->seen, "snapshot-2")->inode->seen.p[HEAD + 50] ^= 1;
	assert_int_equal(life_open(&l, &report), 0);
	assert_non_null(strstr(report.sentence, "snapshot-2 is damaged"));
	assert_non_null(strstr(report.sentence, "make up for it"));
	life_check(&l, "from the older state");
	assert_true(life_wait(&l, STORE_NEWS_SNAPSHOT_DONE, STORE_NEWS_SNAPSHOT_FAILED));
	life_close(&l);
	assert_int_equal(life_open(&l, &report), 0);
	assert_string_equal(report.sentence, "");
	life_check(&l, "from a new snapshot");
	life_end(&l);
	crashfs_free(old);
	crashfs_free(l.fs);
}

struct told {
	unsigned n;
	char last[400];
};

static void
count(void *arg, const char *sentence)
{
	struct told *t = arg;

	t->n++;
	snprintf(t->last, sizeof(t->last), "%s", sentence);
}

/* Every record that salvage leaves is one that was once acknowledged; versions go up past all. */
static void
salvage_leaves_a_store_of_what_is_whole(void **state)
{
	struct life l = a_closed_store();
	static const char *const names[] = { "snapshot-2", "journal-2", "journal-3" };

	for (size_t f = 0; f < 3; f++)
		for (size_t at = 0; at < fs_find(&l.fs->seen, names[f])->inode->seen.size;
		     at += at < HEAD ? HEAD / 2 : 61) {
			struct store_report report;
			struct told told = { 0 };
			struct life d = l;
			struct vfs *v;
			int damaged;

			d.fs = crashfs_copy(l.fs);
			do_damage(
			    d.fs, &fs_find(&d.fs->seen, names[f])->inode->seen, at, GARBLE_REGION);
			v = crashfs_vfs(d.fs);
			damaged = store_check(v, count, &told, &report);
			assert_true(!damaged || told.n > 0);
			assert_int_equal(store_salvage(v, count, &told, &report), 0);
			v->close_dir(v);
			if (life_open(&d, &report))
				fail_msg("%s at %zu: %s", names[f], at, report.sentence);
			if (!damaged)
				assert_true(report.sentence[0] || model_matches(&l.acked, d.s));
			else
				assert_true(store_next_version(d.s).v > l.acked.next + 1000000);
			if (damaged)
				assert_non_null(fs_find(&d.fs->seen, "journal-2.damaged"));
			d.acked.next = store_next_version(d.s).v;
			life_close(&d);
			crashfs_free(d.fs);
		}
	crashfs_free(l.fs);
}

static void
salvage_of_a_whole_store_changes_nothing(void **state)
{
	struct life l = a_closed_store();
	struct store_report report;
	struct told told = { 0 };
	struct vfs *v = crashfs_vfs(l.fs);
	unsigned calls = l.fs->calls;

	assert_int_equal(store_salvage(v, count, &told, &report), 0);
	assert_int_equal(told.n, 0);
	assert_int_equal(l.fs->calls, calls);
	assert_int_equal(store_check(v, count, &told, &report), 0);
	assert_int_equal(l.fs->calls, calls);
	v->close_dir(v);
	crashfs_free(l.fs);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(damage_anywhere_in_a_closed_store_is_refused_told_or_harmless),
		cmocka_unit_test(a_file_that_is_gone_or_another_is_noticed),
		cmocka_unit_test(an_end_without_warning_is_told_with_what_is_there),
		cmocka_unit_test(another_version_of_the_format_is_refused),
		cmocka_unit_test(a_damaged_snapshot_is_made_up_for_by_an_older_one),
		cmocka_unit_test(salvage_leaves_a_store_of_what_is_whole),
		cmocka_unit_test(salvage_of_a_whole_store_changes_nothing),
	};

	return cmocka_run_group_tests_name("store_corrupt", tests, begin, end);
}
