/* SPDX-License-Identifier: Apache-2.0 */
/* The snapshot and backup thread. Layer: store. */
#include "store/background.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

/* Copies the journal's frames that are durable now, one after the other, so that each is checked on
 * the way, and marks the end. */
static int
copy_frames(struct background *bg, struct scan *from, struct journal *to, uint64_t upto)
{
	uint8_t *buf = malloc(FRAME_MAX + FRAME_ALIGN);
	struct frame f;
	int err = buf ? 0 : NBT_ENOMEM;

	while (!err && from->pos < upto) {
		int got = scan_next(from, &f);

		if (got <= 0) {
			err = got ? got : NBT_ECORRUPT;
			break;
		}
		if (__atomic_load_n(&bg->cancel, __ATOMIC_RELAXED)) {
			err = NBT_ECLOSED;
			break;
		}
		memcpy(buf + FRAME_HEADER_LEN, f.payload, f.len);
		err = journal_copy(to, buf, &f);
	}
	free(buf);
	return err;
}

static int
copy_journal(struct background *bg)
{
	uint64_t upto = __atomic_load_n(&bg->journal->pos, __ATOMIC_ACQUIRE);
	struct journal to;
	struct scan from;
	uint32_t version;
	char name[FILE_NAME_LEN];
	int err;

	journal_name(bg->job.number, name);
	err = scan_open(&from, bg->vfs, name, &version);
	if (err)
		return err;
	if (journal_begin(&to, bg->job.vfs, &from.header, NULL, &err) == JOURNAL_BEGUN)
		err = copy_frames(bg, &from, &to, upto);
	scan_release(&from);
	if (err) {
		journal_drop(&to);
		return err;
	}
	return journal_end(&to, 0);
}

/* Is what was copied a store? */
static int
check_copy(struct background *bg)
{
	struct store_report report;
	struct image img = { .vfs = bg->job.vfs, .no_table = true, .report = &report };
	int err = image_read(&img);

	image_release(&img);
	return err;
}

static int
backup(struct background *bg)
{
	int err;

	bg->step = "writing the snapshot of the backup";
	err = snapshot_write(&bg->job);
	rcu_thread_offline();
	if (!err) {
		bg->step = "copying the journal into the backup";
		err = copy_journal(bg);
	}
	if (!err) {
		bg->step = "checking the backup";
		err = check_copy(bg);
	}
	bg->job.vfs->close_dir(bg->job.vfs);
	rcu_thread_online();
	return err;
}

static int
snapshot(struct background *bg)
{
	int err;

	bg->step = "writing the snapshot";
	err = snapshot_write(&bg->job);
	rcu_thread_offline();
	if (!err)
		snapshot_sweep(bg->vfs, bg->job.number);
	rcu_thread_online();
	return err;
}

static void *
run(void *arg)
{
	struct background *bg = arg;

	rcu_register_thread();
	bg->err = bg->kind == BACKGROUND_BACKUP ? backup(bg) : snapshot(bg);
	rcu_unregister_thread();
	__atomic_store_n(&bg->done, true, __ATOMIC_RELEASE);
	return NULL;
}

int
background_start(struct background *bg, enum background_kind kind)
{
	bg->kind = kind;
	bg->done = bg->cancel = false;
	bg->job.cancel = &bg->cancel;
	if (!pthread_create(&bg->thread, NULL, run, bg))
		return 0;
	bg->kind = BACKGROUND_NONE;
	return NBT_ENOMEM;
}

bool
background_is_done(const struct background *bg)
{
	return __atomic_load_n(&bg->done, __ATOMIC_ACQUIRE);
}

int
background_join(struct background *bg)
{
	(void)pthread_join(bg->thread, NULL); /* it was started, so it can be joined */
	bg->kind = BACKGROUND_NONE;
	return bg->err;
}
