/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of the store's files (winsome-store(5)): a file header, then frames, each a checked
 * list of entries. Journals and snapshots have the same form. Layer: store. Pure: no file, no
 * allocation; decoders answer every byte sequence.
 */
#pragma once

#include "base/cursor.h"
#include "rules/rec.h"

#define FORMAT_VERSION   1
#define FILE_HEADER_LEN  64
#define FRAMES_START     4096 /* the header has a block of its own: frames never rewrite it */
#define FRAME_HEADER_LEN 32
#define FRAME_MAX        (8u << 20) /* longest frame a reader takes */
#define FRAME_ALIGN      8
#define META_KEY_MAX     31
/* Keys of named values that begin with this are not the store's users'. An older program takes the
 * key for a string that ends at its first NUL, and so for one value, whatever owner follows. */
#define META_KNOWN "known"
#define ENTRY_MAX  (36 + 16 * REC_ADDR_MAX + NB_SCOPE_WIRE) /* longest entry */

enum file_kind {
	FILE_JOURNAL = 'J',
	FILE_SNAPSHOT = 'S',
};

struct file_header {
	uint8_t kind; /* enum file_kind */
	uint64_t number;
	uint64_t salt;         /* random; goes into every frame's checksum */
	uint64_t first_seq;    /* of the first frame; the journal before ends just before it */
	uint64_t next_version; /* the version counter when the file was begun */
};

void format_header_encode(const struct file_header *h, uint8_t out[static FILE_HEADER_LEN]);
/* NBT_EFORMAT: not ours or another version (then *ret_version is that one, else 0); NBT_ECORRUPT. */
int format_header_decode(
    const uint8_t in[static FILE_HEADER_LEN], struct file_header *ret, uint32_t *ret_version);

struct frame {
	uint64_t seq, next_version;
	uint32_t count; /* entries */
	uint32_t len;   /* of the payload, without the zeros that fill up to FRAME_ALIGN */
	const uint8_t *payload;
};

/* What the frames' checksums of a file start from. */
uint32_t format_crc_start(const struct file_header *h);
/* Bytes of a frame with a payload of len. */
static inline size_t
format_frame_size(size_t len)
{
	return (FRAME_HEADER_LEN + len + FRAME_ALIGN - 1) & ~(size_t)(FRAME_ALIGN - 1);
}
/* Completes the frame whose payload lies at buf + FRAME_HEADER_LEN and has room to be filled up;
 * f->payload is not used. Returns its size. */
size_t format_frame_seal(uint8_t *buf, const struct frame *f, uint32_t crc_start);
/* The size of the frame at buf by its header, whole or not; 0: no frame begins here. */
size_t format_frame_peek(const uint8_t buf[static FRAME_HEADER_LEN]);
/* Reads a frame of that size; false: its checksum is wrong. */
bool format_frame_open(const uint8_t *buf, size_t size, uint32_t crc_start, struct frame *ret);

enum entry_kind {
	ENTRY_PUT = 1,
	ENTRY_DEL = 2,
	ENTRY_META = 3,
	ENTRY_END = 4,
	ENTRY_KNOWN = 0x100, /* in a file: ENTRY_META, META_KNOWN, NUL, the owner */
};

struct entry {
	uint16_t kind;  /* enum entry_kind */
	struct rec rec; /* ENTRY_PUT whole up to naddr; ENTRY_DEL only the key */
	char meta[META_KEY_MAX + 1];
	struct ip4 owner; /* ENTRY_KNOWN */
	/* ENTRY_META: its value. ENTRY_KNOWN: the version, 0 = forgotten. ENTRY_END: in a journal the number of the next journal or 0 (closed in
	 * good order), in a snapshot how many records it holds. */
	uint64_t value;
};

/* Can rec be held in the short form: no scope, at most one address, whose owner and due repeat the
 * record's. The table has the same short form. */
bool format_is_plain(const struct rec *rec);
void format_put_encode(struct wr *w, const struct rec *rec);
void format_del_encode(struct wr *w, const struct nb_key *key);
void format_meta_encode(struct wr *w, const char *key, uint64_t value);
void format_known_encode(struct wr *w, struct ip4 owner, uint64_t version);
void format_end_encode(struct wr *w, uint64_t value);
/* False: not an entry. What *ret does not need is not touched. */
bool format_entry_decode(struct rd *r, struct entry *ret);
