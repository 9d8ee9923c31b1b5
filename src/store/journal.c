/* SPDX-License-Identifier: Apache-2.0 */
/* Writing a journal. Layer: store. */
#include "store/journal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/err.h"
#include "store/folder.h"

/* The file grows by zeros written ahead, in steps as small as costs nothing: a sync that must make
 * the file longer costs half as much again as one that does not, and a step of 256 KiB adds less
 * than a millisecond to the one commit that pays for it. (fallocate is no help: turning reserved
 * space into written space is a change of the file's map like growing it.) */
#define STEP (256u << 10)

static const char new_name[] = "journal.new";

/* Zeros from where they end to the next multiple of STEP behind upto. */
static int
write_zeros(struct journal *j, uint64_t upto)
{
	static const uint8_t zeros[STEP];

	while (j->zeroed < upto) {
		size_t n = STEP - (size_t)(j->zeroed % STEP);
		int err = j->vfs->pwrite(j->vfs, j->file, zeros, n, j->zeroed);

		if (err)
			return err;
		j->zeroed += n;
	}
	return 0;
}

int
journal_copy(struct journal *j, uint8_t *buf, const struct frame *f)
{
	size_t size = format_frame_seal(buf, f, j->crc_start);
	int err = j->vfs->pwrite(j->vfs, j->file, buf, size, j->pos);

	if (err)
		return err;
	assert(f->seq == j->next_seq);
	j->next_seq++;
	j->pos += size;
	return 0;
}

static int
copy_first(struct journal *j, const struct frame *f)
{
	uint8_t *buf = malloc(format_frame_size(f->len));
	int err = NBT_ENOMEM;

	if (buf) {
		memcpy(buf + FRAME_HEADER_LEN, f->payload, f->len);
		err = journal_copy(j, buf, f);
	}
	free(buf);
	return err;
}

static int
begin_file(struct journal *j, const struct frame *first)
{
	uint8_t head[FILE_HEADER_LEN];
	int err = j->vfs->unlink(j->vfs, new_name);

	if (err && err != NBT_ENOENT)
		return err;
	err = j->vfs->open(j->vfs, new_name, true, &j->file);
	if (err)
		return err;
	err = write_zeros(j, FRAMES_START + (first ? format_frame_size(first->len) : 1));
	format_header_encode(&j->header, head);
	if (!err)
		err = j->vfs->pwrite(j->vfs, j->file, head, sizeof(head), 0);
	if (!err && first)
		err = copy_first(j, first);
	if (!err)
		err = j->vfs->sync(j->vfs, j->file);
	return err;
}

enum journal_begin
journal_begin(struct journal *j, struct vfs *vfs, const struct file_header *h,
    const struct frame *first, int *ret_err)
{
	char name[FILE_NAME_LEN];
	enum journal_begin end = JOURNAL_NOT;

	*j = (struct journal){ .vfs = vfs, .header = *h, .next_seq = h->first_seq };
	j->header.kind = FILE_JOURNAL;
	j->pos = FRAMES_START;
	*ret_err = NBT_EIO;
	if (getrandom(&j->header.salt, sizeof(j->header.salt), 0) != sizeof(j->header.salt))
		return JOURNAL_NOT;
	j->crc_start = format_crc_start(&j->header);
	*ret_err = begin_file(j, first);
	if (!*ret_err) {
		end = JOURNAL_UNSURE;
		journal_name(h->number, name);
		*ret_err = vfs->rename(vfs, new_name, name);
		if (!*ret_err)
			*ret_err = vfs->sync_dir(vfs);
	}
	if (!*ret_err)
		return JOURNAL_BEGUN;
	journal_drop(j);
	return end;
}

int
journal_append(struct journal *j, uint8_t *buf, const struct frame *f, int *ret_err)
{
	struct frame frame = *f;
	size_t size;
	int err;

	frame.seq = j->next_seq;
	size = format_frame_seal(buf, &frame, j->crc_start);
	if (j->pos + size > j->zeroed)
		(void)write_zeros(j, j->pos + size); /* full: the frame itself may still fit */
	err = j->vfs->pwrite(j->vfs, j->file, buf, size, j->pos);
	if (err)
		return err;
	err = j->vfs->sync(j->vfs, j->file);
	if (err) {
		*ret_err = err;
		return NBT_ECLOSED;
	}
	j->next_seq++;
	if (j->zeroed < j->pos + size)
		j->zeroed = j->pos + size; /* zeros must never be written over what counts */
	__atomic_store_n(&j->pos, j->pos + size, __ATOMIC_RELEASE);
	return 0;
}

static int
end_at(struct journal *j, uint64_t next)
{
	uint8_t buf[FRAME_HEADER_LEN + 32];
	struct wr w = wr_init(buf + FRAME_HEADER_LEN, 32);
	struct frame f = { .seq = j->next_seq, .count = 1 };
	size_t size;
	int err;

	format_end_encode(&w, next);
	f.next_version = j->header.next_version;
	f.len = (uint32_t)(w.p - buf - FRAME_HEADER_LEN);
	size = format_frame_seal(buf, &f, j->crc_start);
	err = j->vfs->pwrite(j->vfs, j->file, buf, size, j->pos);
	if (!err)
		err = j->vfs->truncate(j->vfs, j->file, j->pos + size);
	return err ? err : j->vfs->sync(j->vfs, j->file);
}

int
journal_end(struct journal *j, uint64_t next)
{
	int err = end_at(j, next);

	journal_drop(j);
	return err;
}

int
journal_end_found(
    struct vfs *vfs, const struct file_header *h, uint64_t pos, uint64_t seq, uint64_t next)
{
	struct journal j = { .vfs = vfs, .header = *h, .pos = pos, .next_seq = seq };
	char name[FILE_NAME_LEN];
	int err;

	j.crc_start = format_crc_start(h);
	journal_name(h->number, name);
	err = vfs->open(vfs, name, false, &j.file);
	return err ? err : journal_end(&j, next);
}

/* The name of a file that is not to be there, or is. */
static bool
is_there(struct vfs *vfs, const char *name)
{
	struct vfs_file *f;

	if (vfs->open(vfs, name, false, &f))
		return false;
	vfs->close(vfs, f);
	return true;
}

bool
journal_same(const struct journal *j, char *why, size_t cap)
{
	uint8_t head[FILE_HEADER_LEN], ours[FILE_HEADER_LEN];
	char name[FILE_NAME_LEN], next[FILE_NAME_LEN];
	uint64_t pos = __atomic_load_n(&j->pos, __ATOMIC_ACQUIRE);
	ssize_t got;

	journal_name(j->header.number, name);
	journal_name(j->header.number + 1, next);
	if (!j->vfs->same(j->vfs, j->file, name, why, cap))
		return false;
	format_header_encode(&j->header, ours);
	got = j->vfs->pread(j->vfs, j->file, head, sizeof(head), 0);
	if (got < 0)
		snprintf(why, cap, "%s cannot be read: %s", name, nbt_strerror((int)got));
	else if (got < FILE_HEADER_LEN || memcmp(head, ours, sizeof(head)))
		snprintf(why, cap, "%s was written to by another program", name);
	else if (j->vfs->size(j->vfs, j->file) < (int64_t)pos)
		snprintf(why, cap, "%s was cut off by another program", name);
	else if (is_there(j->vfs, next))
		snprintf(why, cap, "another program began %s", next);
	else
		return true;
	return false;
}

void
journal_drop(struct journal *j)
{
	if (j->file)
		j->vfs->close(j->vfs, j->file);
	j->file = NULL;
}
