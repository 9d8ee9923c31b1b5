/* SPDX-License-Identifier: Apache-2.0 */
/* Reading frames through a window over the file. Layer: store. */
#include "store/scan.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define READ_STEP (256u << 10)

int
scan_open(struct scan *s, struct vfs *vfs, const char *name, uint32_t *ret_version)
{
	uint8_t head[FILE_HEADER_LEN] = { 0 };
	int64_t size;
	int err;

	*s = (struct scan){ .vfs = vfs };
	*ret_version = 0;
	err = vfs->open(vfs, name, false, &s->file);
	if (err)
		return err;
	size = vfs->size(vfs, s->file);
	err = size < 0 ? (int)size : 0;
	if (!err) {
		ssize_t n = vfs->pread(vfs, s->file, head, sizeof(head), 0);

		err = n < 0 ? (int)n : format_header_decode(head, &s->header, ret_version);
	}
	if (err) {
		scan_release(s);
		return err;
	}
	s->size = (uint64_t)size;
	s->crc_start = format_crc_start(&s->header);
	s->next_seq = s->header.first_seq;
	s->pos = s->at = FRAMES_START;
	return 0;
}

void
scan_release(struct scan *s)
{
	if (s->file)
		s->vfs->close(s->vfs, s->file);
	free(s->buf);
	s->file = NULL;
	s->buf = NULL;
}

static bool
make_room(struct scan *s, size_t len)
{
	uint8_t *bigger = len > s->cap ? realloc(s->buf, len) : s->buf;

	if (!bigger)
		return false;
	if (len > s->cap)
		s->cap = len;
	s->buf = bigger;
	return true;
}

/* The file's bytes from pos on, at least len of them where the file has them; *ret_have says how
 * many there are. NULL: could not be read, *ret_err says why. */
static const uint8_t *
window(struct scan *s, uint64_t pos, size_t len, size_t *ret_have, int *ret_err)
{
	if (pos < s->at || pos > s->at + s->have) {
		s->at = pos;
		s->have = 0;
	}
	if (pos + len > s->at + s->have && s->at + s->have < s->size) {
		size_t keep = (size_t)(s->at + s->have - pos);
		size_t want = len > keep + READ_STEP ? len : keep + READ_STEP;
		ssize_t n;

		if (!make_room(s, want)) {
			*ret_err = NBT_ENOMEM;
			return NULL;
		}
		memmove(s->buf, s->buf + (pos - s->at), keep);
		s->at = pos;
		s->have = keep;
		n = s->vfs->pread(s->vfs, s->file, s->buf + keep, want - keep, pos + keep);
		if (n < 0) {
			*ret_err = (int)n;
			return NULL;
		}
		s->have += (size_t)n;
	}
	*ret_have = (size_t)(s->at + s->have - pos);
	if (!s->buf) { /* an empty file: there is a place, with nothing in it */
		static const uint8_t nothing;

		return &nothing;
	}
	return s->buf + (pos - s->at);
}

/* 1 and the frame when a whole one with a good sum begins at pos. */
static int
frame_at(struct scan *s, uint64_t pos, struct frame *ret, size_t *ret_size)
{
	size_t have = 0, size;
	int err = 0;
	const uint8_t *p = window(s, pos, FRAME_HEADER_LEN, &have, &err);

	if (!p)
		return err;
	if (have < FRAME_HEADER_LEN || !(size = format_frame_peek(p)))
		return 0;
	p = window(s, pos, size, &have, &err);
	if (!p)
		return err;
	if (have < size || !format_frame_open(p, size, s->crc_start, ret))
		return 0;
	*ret_size = size;
	return 1;
}

int
scan_next(struct scan *s, struct frame *ret)
{
	size_t size = 0;
	int got = frame_at(s, s->pos, ret, &size);

	if (got <= 0)
		return got;
	if (ret->seq != s->next_seq)
		return 0;
	s->pos += size;
	s->next_seq++;
	return 1;
}

int
scan_tail(struct scan *s, struct scan_tail *ret)
{
	*ret = (struct scan_tail){ 0 };
	for (uint64_t pos = s->pos; pos < s->size; pos += FRAME_ALIGN) {
		static const uint8_t zeros[FRAME_ALIGN];
		struct frame f;
		size_t have = 0, n, size;
		int err = 0;
		const uint8_t *p = window(s, pos, FRAME_ALIGN, &have, &err);

		if (!p)
			return err;
		n = have < FRAME_ALIGN ? have : FRAME_ALIGN;
		if (!memcmp(p, zeros, n))
			continue;
		while (n && !p[n - 1])
			n--;
		ret->dirty = pos + n - s->pos;
		if (ret->later)
			continue;
		int got = frame_at(s, pos, &f, &size);

		if (got < 0)
			return got;
		if (got)
			ret->later = pos;
	}
	return 0;
}

void
scan_resume(struct scan *s, uint64_t pos)
{
	struct frame f;
	size_t size;

	s->pos = pos;
	if (frame_at(s, pos, &f, &size) == 1)
		s->next_seq = f.seq;
}
