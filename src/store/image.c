/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a store: the newest whole snapshot, then its journals without a gap. What is damaged is
 * told; a torn end of the last journal is what a crash leaves and is told too. Layer: store.
 */
#include "store/image.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "store/journal.h"

/* ---- named values ---- */

bool
metas_set(struct metas *m, const char *key, uint64_t value)
{
	unsigned i = 0;

	while (i < m->n && strcmp(m->m[i].key, key))
		i++;
	if (i == METAS_MAX)
		return false;
	if (i == m->n) {
		m->n++;
		memset(m->m[i].key, 0, sizeof(m->m[i].key));
		memcpy(m->m[i].key, key, strlen(key));
	}
	m->m[i].value = value;
	return true;
}

bool
metas_get(const struct metas *m, const char *key, uint64_t *ret)
{
	for (unsigned i = 0; i < m->n; i++)
		if (!strcmp(m->m[i].key, key)) {
			*ret = m->m[i].value;
			return true;
		}
	return false;
}

/* ---- telling ---- */

/* Tells something; an error stands before what was told without being one. Returns err. */
__attribute__((format(printf, 3, 4))) static int
tell(struct image *img, int err, const char *format, ...)
{
	char text[sizeof(img->report->sentence)];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (err)
		img->damaged = true;
	if (err || !img->report->sentence[0])
		memcpy(img->report->sentence, text, sizeof(text));
	if (img->say)
		img->say(img->arg, text);
	return err;
}

static int
tell_open(struct image *img, const char *name, int err, uint32_t version)
{
	if (err == NBT_EFORMAT && version)
		return tell(img, err, "%s is of format version %" PRIu32 ", this program knows %d",
		    name, version, FORMAT_VERSION);
	if (err == NBT_EFORMAT)
		return tell(img, err, "%s is not a file of this program", name);
	if (err == NBT_ECORRUPT)
		return tell(img, err, "%s: its header is damaged, nothing in it can be read", name);
	return tell(img, err, "%s cannot be read: %s", name, nbt_strerror(err));
}

/* ---- frames ---- */

struct end_mark {
	bool there;
	uint64_t value;
};

static int
apply_entry(struct image *img, const struct entry *e, struct end_mark *end)
{
	switch (e->kind) {
	case ENTRY_PUT:
		if (!img->table)
			return 0;
		return img->raw ? table_load_raw(img->table, &e->rec)
				: table_load(img->table, &e->rec);
	case ENTRY_DEL:
		if (img->table)
			table_unload(img->table, &e->rec.key);
		return 0;
	case ENTRY_KNOWN:
		return knowns_set(&img->knowns, e->owner, (struct version){ e->value })
			   ? 0
			   : NBT_ECORRUPT;
	case ENTRY_META:
		/* An older program's snapshot has all that is known as one value of no use: it is
		 * pulled again. */
		if (!strcmp(e->meta, META_KNOWN))
			return 0;
		return metas_set(&img->metas, e->meta, e->value) ? 0 : NBT_ECORRUPT;
	default:
		*end = (struct end_mark){ true, e->value };
		return 0;
	}
}

static int
apply_frame(struct image *img, const struct frame *f, struct end_mark *end)
{
	struct rd r = rd_init(f->payload, f->len);
	struct entry e;

	for (uint32_t i = 0; i < f->count; i++) {
		int err = format_entry_decode(&r, &e) ? apply_entry(img, &e, end) : NBT_ECORRUPT;

		if (err)
			return err;
	}
	if (rd_left(&r))
		return NBT_ECORRUPT;
	if (img->next_version < f->next_version)
		img->next_version = f->next_version;
	return 0;
}

/* Applies frames until the sequence limit, an end mark, or a place without a frame. A whole frame that
 * makes no sense can only be a mistake of ours, and is told like any damage. */
static int
apply_frames(
    struct image *img, struct scan *s, const char *name, uint64_t limit, struct end_mark *end)
{
	while (s->next_seq < limit && !end->there) {
		struct frame f;
		uint64_t pos = s->pos, before = img->last_frame;
		int err = scan_next(s, &f);

		if (err < 0)
			return tell(img, err, "%s cannot be read: %s", name, nbt_strerror(err));
		if (!err)
			return 0;
		img->last_frame = pos;
		err = apply_frame(img, &f, end);
		if (err)
			return tell(img, err,
			    "%s: the frame at byte %" PRIu64 " cannot be used: %s", name, pos,
			    nbt_strerror(err));
		if (end->there) { /* it has the next frame's number, and is none itself */
			s->pos = pos;
			s->next_seq--;
			img->last_frame = before;
		}
	}
	return 0;
}

/* Tells what is wrong at s->pos and finds where to go on; *ret_on says whether there is such a place. */
static int
tell_damage(struct image *img, struct scan *s, const char *name, bool *ret_on)
{
	struct scan_tail tail;
	uint64_t was = s->pos, seq = s->next_seq;
	int err = scan_tail(s, &tail);

	*ret_on = false;
	if (err)
		return tell(img, err, "%s cannot be read: %s", name, nbt_strerror(err));
	if (!tail.later)
		return tell(img, NBT_ECORRUPT,
		    "%s is damaged or cut off at byte %" PRIu64 ": what follows change %" PRIu64
		    " in it is lost",
		    name, was, seq - 1);
	scan_resume(s, tail.later);
	*ret_on = true;
	return tell(img, NBT_ECORRUPT,
	    "%s is damaged from byte %" PRIu64 " to %" PRIu64 ": %" PRIu64
	    " changes from number %" PRIu64 " on are lost",
	    name, was, tail.later, s->next_seq > seq ? s->next_seq - seq : 0, seq);
}

/* ---- snapshots ---- */

/* How many records a snapshot holds, by its end mark; a wish for the table's size, checked later. */
static uint64_t
records_in(struct scan *s)
{
	uint8_t buf[FRAME_HEADER_LEN + 16];
	uint64_t size = format_frame_size(9);
	struct entry e = { 0 };
	struct frame f;
	struct rd r;

	if (s->size < FRAMES_START + size || sizeof(buf) < size ||
	    s->vfs->pread(s->vfs, s->file, buf, size, s->size - size) != (ssize_t)size ||
	    format_frame_peek(buf) != size || !format_frame_open(buf, size, s->crc_start, &f))
		return 0;
	r = rd_init(f.payload, f.len);
	return format_entry_decode(&r, &e) && e.kind == ENTRY_END ? e.value : 0;
}

static int
check_header(struct image *img, const struct scan *s, const char *name, int kind, uint64_t number)
{
	if (s->header.kind == kind && s->header.number == number)
		return 0;
	return tell(img, NBT_ECORRUPT, "%s is not what it is called: it began as %s %" PRIu64, name,
	    s->header.kind == FILE_JOURNAL ? "journal" : "snapshot", s->header.number);
}

static int
new_table(struct image *img, uint64_t hint)
{
	table_free(img->table);
	img->table = NULL;
	return img->no_table ? 0 : table_new(hint, &img->table);
}

/* The frames to the end mark; with lenient those that are whole. */
static int
read_snapshot(struct image *img, struct scan *s, const char *name)
{
	struct end_mark end = { 0 };
	int err = new_table(img, records_in(s));

	img->raw = true;
	while (!err && !end.there) {
		bool on;

		err = apply_frames(img, s, name, UINT64_MAX, &end);
		if (err || end.there)
			break;
		err = tell_damage(img, s, name, &on);
		if (img->lenient && err == NBT_ECORRUPT) {
			err = 0;
			if (!on)
				break;
		}
	}
	img->raw = false;
	if (!err && img->table)
		err = table_load_index(img->table);
	if (img->next_version < s->header.next_version)
		img->next_version = s->header.next_version;
	img->report->snapshot_records = end.value;
	return err;
}

int
image_snapshot(struct image *img, uint64_t number, const char *name)
{
	uint32_t version;
	struct scan s;
	int err = scan_open(&s, img->vfs, name, &version);

	if (err) {
		err = tell_open(img, name, err, version);
	} else {
		err = check_header(img, &s, name, FILE_SNAPSHOT, number);
		if (!err)
			err = read_snapshot(img, &s, name);
		scan_release(&s);
	}
	if (img->lenient && err == NBT_ECORRUPT) /* nothing in it can be read: only the journals */
		err = new_table(img, 0);
	return err;
}

/* ---- journals ---- */

/* Where the journal with this number begins, so that the one before it is known to end there. */
static int
first_seq_of(struct image *img, uint64_t number, uint64_t *ret)
{
	char name[FILE_NAME_LEN];
	uint32_t version;
	struct scan s;
	int err;

	journal_name(number, name);
	err = scan_open(&s, img->vfs, name, &version);
	if (err)
		return tell_open(img, name, err, version);
	*ret = s.header.first_seq;
	scan_release(&s);
	return 0;
}

/* The end of the last journal: closed, or what a crash left, or damage. */
static int
last_end(struct image *img, struct scan *s, const char *name, const struct end_mark *end)
{
	struct scan_tail tail;
	uint64_t pos = s->pos;
	int err;

	img->last = s->header;
	img->last_end = pos;
	if (s->next_seq == s->header.first_seq)
		img->last_frame = pos;
	if (end->there && end->value)
		return tell(img, NBT_ECORRUPT,
		    "journal-%" PRIu64 " is missing: %s says that it goes on there", end->value,
		    name);
	if (end->there)
		return 0;
	err = scan_tail(s, &tail);
	if (err)
		return tell(img, err, "%s cannot be read: %s", name, nbt_strerror(err));
	if (tail.later)
		return NBT_ECORRUPT; /* told by the caller, who may go on */
	img->report->cut_bytes = tail.dirty;
	if (tail.dirty)
		return tell(img, 0,
		    "the last write to %s was cut off: %" PRIu64 " bytes from byte %" PRIu64
		    " on are not whole, nobody was told that they were durable; all is there up to "
		    "change %" PRIu64,
		    name, tail.dirty, pos, s->next_seq - 1);
	return tell(img, 0,
	    "%s was not closed, the program ended without warning; all is there up to change "
	    "%" PRIu64,
	    name, s->next_seq - 1);
}

/* One journal's frames up to limit: UINT64_MAX in the last one, NO_LIMIT when the next one's beginning
 * cannot be read. */
#define NO_LIMIT (UINT64_MAX - 1)

static int
read_frames(struct image *img, struct scan *s, const char *name, uint64_t limit)
{
	for (;;) {
		struct end_mark end = { 0 };
		uint64_t from = s->pos, seq = s->next_seq;
		bool on;
		int err = apply_frames(img, s, name, limit, &end);

		img->bytes += s->pos - from;
		img->report->frames += s->next_seq - seq;
		if (err || s->next_seq >= limit || (limit == NO_LIMIT && end.there))
			return err;
		if (limit == UINT64_MAX) {
			struct scan at = *s;

			err = last_end(img, &at, name, &end);
			s->have = 0; /* the window moved with the copy */
			if (err != NBT_ECORRUPT || end.there)
				return err;
		}
		err = tell_damage(img, s, name, &on);
		if (!img->lenient || !on)
			return err;
	}
}

static int
read_journal(struct image *img, uint64_t number, uint64_t limit)
{
	char name[FILE_NAME_LEN];
	uint32_t version;
	struct scan s;
	int err;

	journal_name(number, name);
	err = scan_open(&s, img->vfs, name, &version);
	if (err)
		return tell_open(img, name, err, version);
	img->last_frame = FRAMES_START;
	err = check_header(img, &s, name, FILE_JOURNAL, number);
	if (!err && img->next_seq && s.header.first_seq != img->next_seq)
		err = tell(img, NBT_ECORRUPT,
		    "%s begins with change %" PRIu64
		    ", but the journal before it ends with %" PRIu64,
		    name, s.header.first_seq, img->next_seq - 1);
	if (!err) {
		if (img->next_version < s.header.next_version)
			img->next_version = s.header.next_version;
		err = read_frames(img, &s, name, limit);
		img->next_seq = s.next_seq;
		img->report->journals++;
	}
	scan_release(&s);
	return err;
}

static int
read_journals(struct image *img)
{
	const struct numbers *j = &img->folder.journals;

	for (size_t i = 0; i < j->n; i++) {
		uint64_t limit = UINT64_MAX;
		int err = 0;

		if (j->v[i] < img->base)
			continue;
		if (i + 1 < j->n) {
			err = first_seq_of(img, j->v[i + 1], &limit);
			if (err == NBT_ECORRUPT && img->lenient) {
				limit = NO_LIMIT;
				err = 0;
			}
		}
		if (!err)
			err = read_journal(img, j->v[i], limit);
		if (err && !(img->lenient && err == NBT_ECORRUPT))
			return err;
		if (err) /* told; the next journal's own beginning counts */
			img->next_seq = 0;
	}
	return 0;
}

/* ---- all of it ---- */

/* Tries to begin with snapshot number, or with nothing when it is 0. */
static int
try_base(struct image *img, uint64_t number)
{
	uint64_t gap = folder_gap(&img->folder, number ? number : 1);
	char name[FILE_NAME_LEN];
	int err = 0;

	img->metas.n = 0;
	img->knowns.n = 0;
	img->next_version = 1;
	if (gap)
		err = tell(img, NBT_ECORRUPT, "journal-%" PRIu64 " is missing", gap);
	if (err && !img->lenient)
		return err;
	err = 0;
	if (number) {
		snapshot_name(number, name);
		err = image_snapshot(img, number, name);
	} else {
		err = new_table(img, 0);
	}
	if (!err)
		img->base = number;
	return err;
}

/* Newest snapshot first; damage in one that an older one makes up for is told, and no error. */
static int
choose_base(struct image *img)
{
	const struct numbers *s = &img->folder.snapshots;
	void (*say)(void *arg, const char *sentence) = img->say;
	bool lenient = img->lenient;
	char first[sizeof(img->report->sentence)] = "";
	int err = NBT_ECORRUPT, first_err = 0;

	img->lenient = false;
	if (lenient)
		img->say = NULL; /* what is told now is told again by the last try */
	for (size_t i = s->n + 1; i-- > 0 && err == NBT_ECORRUPT;) {
		if (!i && s->n && folder_gap(&img->folder, 1))
			break; /* the journals before the first snapshot are gone, as they should */
		err = try_base(img, i ? s->v[i - 1] : 0);
		if (err && !first_err) {
			first_err = err;
			memcpy(first, img->report->sentence, sizeof(first));
		}
	}
	img->lenient = lenient;
	img->say = say;
	if (!err && first_err) {
		img->damaged = false;
		img->report->sentence[0] = '\0';
		return tell(
		    img, 0, "%.250s; an older state and its journals make up for it", first);
	}
	if (err && first_err) {
		err = first_err;
		memcpy(img->report->sentence, first, sizeof(first));
	}
	if (err == NBT_ECORRUPT && lenient)
		err = try_base(img, s->n ? s->v[s->n - 1] : 0);
	return err;
}

int
image_read(struct image *img)
{
	int err;

	*img->report = (struct store_report){ 0 };
	err = folder_list(&img->folder, img->vfs);
	if (err)
		return tell(img, err, "the folder cannot be listed: %s", nbt_strerror(err));
	if (!img->folder.journals.n && !img->folder.snapshots.n)
		return NBT_ENOENT;
	err = choose_base(img);
	if (!err)
		err = read_journals(img);
	if (img->table)
		img->report->records = table_records(img->table);
	return err;
}

void
image_release(struct image *img)
{
	table_free(img->table);
	folder_release(&img->folder);
	img->table = NULL;
}
