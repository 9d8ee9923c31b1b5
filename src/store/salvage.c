/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For a person whose store is damaged: what is lost, and going on with the rest. Layer: store. Nothing
 * here runs by itself.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "store/journal.h"
#include "store/snapshot.h"

/* Lost changes may have used versions that others have seen: the counter leaps over as many as no
 * journal can hold. */
#define VERSION_LEAP 10000000u

int
store_check(struct vfs *vfs, void (*say)(void *arg, const char *sentence), void *arg,
    struct store_report *ret_report)
{
	struct image img = {
		.vfs = vfs, .lenient = true, .say = say, .arg = arg, .report = ret_report
	};
	int err = image_read(&img);

	if (!err && img.damaged)
		err = NBT_ECORRUPT;
	image_release(&img);
	return err;
}

static int
set_aside(struct vfs *vfs, const char *name)
{
	char to[FILE_NAME_LEN + 16];

	snprintf(to, sizeof(to), "%s.damaged", name);
	return vfs->rename(vfs, name, to);
}

static int
set_all_aside(struct image *img)
{
	char name[FILE_NAME_LEN];
	int err = 0;

	for (size_t i = 0; i < img->folder.snapshots.n && !err; i++) {
		snapshot_name(img->folder.snapshots.v[i], name);
		err = set_aside(img->vfs, name);
	}
	for (size_t i = 0; i < img->folder.journals.n && !err; i++) {
		journal_name(img->folder.journals.v[i], name);
		err = set_aside(img->vfs, name);
	}
	return err ? err : img->vfs->sync_dir(img->vfs);
}

/* Writes what is whole as a snapshot with an empty journal, under a number above all others. What was
 * known of other owners' versions is not written: replicas may be among what is lost, and only who knows
 * nothing pulls them again. */
static int
write_rest(struct image *img)
{
	struct snapshot_job job = { .vfs = img->vfs, .table = img->table, .metas = img->metas };
	struct file_header h = { .first_seq = img->next_seq + 1 };
	struct journal j;
	int err;

	h.number = job.number = folder_highest(&img->folder) + 1;
	h.next_version = job.next_version = img->next_version + VERSION_LEAP;
	err = snapshot_write(&job);
	if (!err && journal_begin(&j, img->vfs, &h, NULL, &err) == JOURNAL_BEGUN)
		err = journal_end(&j, 0);
	return err;
}

int
store_salvage(struct vfs *vfs, void (*say)(void *arg, const char *sentence), void *arg,
    struct store_report *ret_report)
{
	struct image img = {
		.vfs = vfs, .lenient = true, .say = say, .arg = arg, .report = ret_report
	};
	char text[200];
	int err = vfs->lock(vfs);

	if (err)
		return err;
	err = image_read(&img);
	if (!err && img.damaged) {
		err = write_rest(&img);
		if (!err)
			err = set_all_aside(&img);
		if (!err) {
			snprintf(text, sizeof(text),
			    "%" PRIu64 " records were saved; the old files are set aside as "
			    "*.damaged; the version counter went up by %u",
			    ret_report->records, VERSION_LEAP);
			say(arg, text);
		}
	}
	image_release(&img);
	return err;
}
