/* SPDX-License-Identifier: Apache-2.0 */
/* Writing and sweeping snapshots. Layer: store. */
#include "store/snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/err.h"

#define BLOCK (64u << 10) /* payload of one frame; the read section that fills it is that short */

static const char new_name[] = "snapshot.new";

struct out {
	struct snapshot_job *job;
	struct vfs_file *file;
	uint32_t crc_start;
	uint64_t pos, seq;
	uint8_t *buf;
};

static int
write_frame(struct out *o, size_t len, uint32_t count)
{
	struct frame f = { .seq = o->seq, .count = count, .len = (uint32_t)len };
	struct vfs *vfs = o->job->vfs;
	size_t size;
	int err;

	f.next_version = o->job->next_version;
	size = format_frame_seal(o->buf, &f, o->crc_start);
	err = vfs->pwrite(vfs, o->file, o->buf, size, o->pos);
	if (err)
		return err;
	o->pos += size;
	o->seq++;
	return 0;
}

static int
write_head(struct out *o)
{
	struct snapshot_job *job = o->job;
	struct file_header h = { .kind = FILE_SNAPSHOT, .number = job->number, .first_seq = 1 };
	uint8_t head[FRAMES_START] = { 0 };
	int err;

	h.next_version = job->next_version;
	if (getrandom(&h.salt, sizeof(h.salt), 0) != sizeof(h.salt))
		return NBT_EIO;
	o->crc_start = format_crc_start(&h);
	format_header_encode(&h, head);
	err = job->vfs->unlink(job->vfs, new_name);
	if (err && err != NBT_ENOENT)
		return err;
	err = job->vfs->open(job->vfs, new_name, true, &o->file);
	return err ? err : job->vfs->pwrite(job->vfs, o->file, head, sizeof(head), 0);
}

static int
write_metas(struct out *o)
{
	const struct metas *m = &o->job->metas;
	struct wr w = wr_init(o->buf + FRAME_HEADER_LEN, BLOCK);

	for (unsigned i = 0; i < m->n; i++)
		format_meta_encode(&w, m->m[i].key, m->m[i].value);
	return write_frame(o, (size_t)(w.p - o->buf) - FRAME_HEADER_LEN, m->n);
}

#define KNOWNS_BLOCK 1024u /* of 20 bytes each */

static int
write_knowns(struct out *o)
{
	const struct knowns *k = &o->job->knowns;
	int err = 0;

	for (uint32_t i = 0; i < k->n && !err; i += KNOWNS_BLOCK) {
		struct wr w = wr_init(o->buf + FRAME_HEADER_LEN, BLOCK);
		uint32_t end = k->n - i > KNOWNS_BLOCK ? i + KNOWNS_BLOCK : k->n;

		for (uint32_t j = i; j < end; j++)
			format_known_encode(&w, k->v[j].owner, k->v[j].v.v);
		err = write_frame(o, (size_t)(w.p - o->buf) - FRAME_HEADER_LEN, end - i);
	}
	return err;
}

/* Encodes records from slot *slot on until the block is full; returns how many. */
static uint32_t
fill_block(struct out *o, struct wr *w, uint32_t *slot)
{
	const struct table *t = o->job->table;
	uint32_t n = 0, slots = table_slots(t);
	struct rec rec;

	for (; *slot < slots && w->end - w->p >= ENTRY_MAX; ++*slot) {
		const struct trec *r = table_slot(t, *slot);

		if (!r)
			continue;
		trec_key(r, &rec.key);
		trec_read(r, &t->owners, &rec);
		format_put_encode(w, &rec);
		n++;
	}
	return n;
}

/* A record that is made while this runs may be missed: it is in the journal. */
static int
write_records(struct out *o)
{
	uint32_t slot = 0;

	while (slot < table_slots(o->job->table)) {
		struct wr w = wr_init(o->buf + FRAME_HEADER_LEN, BLOCK);
		uint32_t n = fill_block(o, &w, &slot);
		int err = 0;

		rcu_thread_offline();
		if (o->job->cancel && __atomic_load_n(o->job->cancel, __ATOMIC_RELAXED))
			err = NBT_ECLOSED;
		if (!err && n)
			err = write_frame(o, (size_t)(w.p - o->buf) - FRAME_HEADER_LEN, n);
		rcu_thread_online();
		if (err)
			return err;
		o->job->records += n;
	}
	return 0;
}

static int
write_end(struct out *o)
{
	struct wr w = wr_init(o->buf + FRAME_HEADER_LEN, BLOCK);
	int err;

	format_end_encode(&w, o->job->records);
	err = write_frame(o, (size_t)(w.p - o->buf) - FRAME_HEADER_LEN, 1);
	return err ? err : o->job->vfs->sync(o->job->vfs, o->file);
}

static int
read_back(struct snapshot_job *job)
{
	struct store_report report = { 0 };
	struct image img = { .vfs = job->vfs, .no_table = true, .report = &report };
	int err = image_snapshot(&img, job->number, new_name);

	image_release(&img);
	if (!err && report.snapshot_records != job->records)
		err = NBT_ECORRUPT;
	return err;
}

int
snapshot_write(struct snapshot_job *job)
{
	struct out o = { .job = job, .seq = 1, .pos = FRAMES_START };
	struct vfs *vfs = job->vfs;
	char name[FILE_NAME_LEN];
	int err;

	job->records = 0;
	o.buf = malloc(FRAME_HEADER_LEN + BLOCK + FRAME_ALIGN);
	if (!o.buf)
		return NBT_ENOMEM;
	err = write_head(&o);
	if (!err)
		err = write_metas(&o);
	if (!err)
		err = write_knowns(&o);
	if (!err)
		err = write_records(&o);
	rcu_thread_offline();
	if (!err)
		err = write_end(&o);
	if (o.file)
		vfs->close(vfs, o.file);
	if (!err)
		err = read_back(job);
	if (!err) {
		snapshot_name(job->number, name);
		err = vfs->rename(vfs, new_name, name);
	} else if (o.file) {
		(void)vfs->unlink(
		    vfs, new_name); /* gives space back; the next try removes it too */
	}
	if (!err)
		err = vfs->sync_dir(vfs);
	rcu_thread_online();
	free(o.buf);
	return err;
}

void
snapshot_sweep(struct vfs *vfs, uint64_t number)
{
	struct folder f;
	char name[FILE_NAME_LEN];

	/* Whatever fails here leaves files that nobody reads, and is tried again after the next. */
	(void)folder_list(&f, vfs);
	for (size_t i = 0; i < f.snapshots.n && f.snapshots.v[i] < number; i++) {
		snapshot_name(f.snapshots.v[i], name);
		(void)vfs->unlink(vfs, name);
	}
	for (size_t i = 0; i < f.journals.n && f.journals.v[i] < number; i++) {
		journal_name(f.journals.v[i], name);
		(void)vfs->unlink(vfs, name);
	}
	(void)vfs->unlink(vfs, "snapshot.new");
	(void)vfs->unlink(vfs, "journal.new");
	folder_release(&f);
}
