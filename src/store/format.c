/* SPDX-License-Identifier: Apache-2.0 */
/* The store's bytes, written and read: headers, frames, entries. Layer: store. Pure. */
#include "store/format.h"

#include <assert.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/err.h"
#include "store/be.h"

static const uint8_t file_magic[8] = { 'W', 'i', 'n', 's', 'o', 'm', 'e', 0 };

#define FRAME_MAGIC 0x57466d31u /* "WFm1" */

void
format_header_encode(const struct file_header *h, uint8_t out[static FILE_HEADER_LEN])
{
	uint8_t *p = out + sizeof(file_magic);

	memset(out, 0, FILE_HEADER_LEN);
	memcpy(out, file_magic, sizeof(file_magic));
	p = be_put32(p, FORMAT_VERSION);
	p = be_put32(p, h->kind);
	p = be_put64(p, h->number);
	p = be_put64(p, h->salt);
	p = be_put64(p, h->first_seq);
	be_put64(p, h->next_version);
	be_put32(out + FILE_HEADER_LEN - 4, crc32c(0, out, FILE_HEADER_LEN - 4));
}

int
format_header_decode(
    const uint8_t in[static FILE_HEADER_LEN], struct file_header *ret, uint32_t *ret_version)
{
	struct rd r = rd_init(in, FILE_HEADER_LEN);
	struct rd sum = rd_init(in + FILE_HEADER_LEN - 4, 4);
	bool whole = rd_u32(&sum) == crc32c(0, in, FILE_HEADER_LEN - 4);
	bool ours = !memcmp(rd_bytes(&r, sizeof(file_magic)), file_magic, sizeof(file_magic));
	uint32_t version = rd_u32(&r);

	/* Magic, version and this sum keep their places in every version (winsome-store(5)). */
	*ret_version = 0;
	if (!whole)
		return NBT_ECORRUPT;
	if (!ours)
		return NBT_EFORMAT;
	*ret_version = version;
	if (version != FORMAT_VERSION)
		return NBT_EFORMAT;
	ret->kind = (uint8_t)rd_u32(&r);
	ret->number = rd_u64(&r);
	ret->salt = rd_u64(&r);
	ret->first_seq = rd_u64(&r);
	ret->next_version = rd_u64(&r);
	return 0;
}

uint32_t
format_crc_start(const struct file_header *h)
{
	uint8_t b[8];

	be_put64(b, h->salt);
	return crc32c(0, b, sizeof(b));
}

/* magic 4, checksum 4 of all that follows, length of the payload 4, entries 4, sequence 8, version
 * counter 8, payload, zeros up to FRAME_ALIGN. */
size_t
format_frame_seal(uint8_t *buf, const struct frame *f, uint32_t crc_start)
{
	size_t size = format_frame_size(f->len);

	be_put32(buf, FRAME_MAGIC);
	be_put32(buf + 8, f->len);
	be_put32(buf + 12, f->count);
	be_put64(buf + 16, f->seq);
	be_put64(buf + 24, f->next_version);
	memset(buf + FRAME_HEADER_LEN + f->len, 0, size - FRAME_HEADER_LEN - f->len);
	be_put32(buf + 4, crc32c(crc_start, buf + 8, size - 8));
	return size;
}

size_t
format_frame_peek(const uint8_t buf[static FRAME_HEADER_LEN])
{
	struct rd r = rd_init(buf, FRAME_HEADER_LEN);
	uint32_t magic = rd_u32(&r), len;

	(void)rd_u32(&r); /* the sum: format_frame_open looks at it */
	len = rd_u32(&r);
	if (magic != FRAME_MAGIC || len > FRAME_MAX - FRAME_HEADER_LEN)
		return 0;
	return format_frame_size(len);
}

bool
format_frame_open(const uint8_t *buf, size_t size, uint32_t crc_start, struct frame *ret)
{
	struct rd r = rd_init(buf + 4, FRAME_HEADER_LEN - 4);

	if (rd_u32(&r) != crc32c(crc_start, buf + 8, size - 8))
		return false;
	ret->len = rd_u32(&r);
	ret->count = rd_u32(&r);
	ret->seq = rd_u64(&r);
	ret->next_version = rd_u64(&r);
	ret->payload = buf + FRAME_HEADER_LEN;
	return true;
}

/* The bits of an entry: type 0-1, state 2-3, node 4-5, static 6, plain 7. Plain: no scope, at most one
 * address, whose owner and due repeat the record's. */
#define BIT_STATIC 0x40
#define BIT_PLAIN  0x80

bool
format_is_plain(const struct rec *rec)
{
	const struct rec_addr *a = &rec->addr[0];

	if (rec->key.scope.len || rec->naddr > 1)
		return false;
	return !rec->naddr || (ip4_eq(a->owner, rec->owner) && a->due.s == rec->due.s);
}

void
format_put_encode(struct wr *w, const struct rec *rec)
{
	bool plain = format_is_plain(rec);

	assert(rec->type <= 3 && rec->state <= 3 && rec->node <= 3 && rec->naddr <= REC_ADDR_MAX);
	wr_u8(w, ENTRY_PUT);
	wr_u8(w, (uint8_t)(rec->type | rec->state << 2 | rec->node << 4 |
			   (rec->is_static ? BIT_STATIC : 0) | (plain ? BIT_PLAIN : 0)));
	wr_u8(w, rec->naddr);
	wr_u8(w, rec->key.scope.len);
	wr_bytes(w, rec->key.name.b, NB_NAME_LEN);
	wr_u32(w, rec->owner.v);
	wr_u64(w, rec->version.v);
	wr_u32(w, rec->due.s);
	for (int i = 0; i < rec->naddr; i++) {
		wr_u32(w, rec->addr[i].ip.v);
		wr_u32(w, rec->addr[i].since.s);
		if (!plain) {
			wr_u32(w, rec->addr[i].owner.v);
			wr_u32(w, rec->addr[i].due.s);
		}
	}
	wr_bytes(w, rec->key.scope.b, rec->key.scope.len);
}

void
format_del_encode(struct wr *w, const struct nb_key *key)
{
	wr_u8(w, ENTRY_DEL);
	wr_u8(w, key->scope.len);
	wr_bytes(w, key->name.b, NB_NAME_LEN);
	wr_bytes(w, key->scope.b, key->scope.len);
}

void
format_meta_encode(struct wr *w, const char *key, uint64_t value)
{
	size_t n = strlen(key);

	assert(n <= META_KEY_MAX);
	wr_u8(w, ENTRY_META);
	wr_u8(w, (uint8_t)n);
	wr_bytes(w, key, n);
	wr_u64(w, value);
}

#define KNOWN_LEN (sizeof(META_KNOWN) + 4) /* with its NUL, and the owner */

void
format_known_encode(struct wr *w, struct ip4 owner, uint64_t version)
{
	wr_u8(w, ENTRY_META);
	wr_u8(w, KNOWN_LEN);
	wr_bytes(w, META_KNOWN, sizeof(META_KNOWN));
	wr_u32(w, owner.v);
	wr_u64(w, version);
}

void
format_end_encode(struct wr *w, uint64_t value)
{
	wr_u8(w, ENTRY_END);
	wr_u64(w, value);
}

static void
scope_decode(struct rd *r, uint8_t len, struct nb_scope *ret)
{
	const uint8_t *p = rd_bytes(r, len);

	memset(ret->b, 0, sizeof(ret->b));
	ret->len = len;
	if (p && len)
		memcpy(ret->b, p, len);
}

static void
name_decode(struct rd *r, struct nb_name *ret)
{
	const uint8_t *p = rd_bytes(r, NB_NAME_LEN);

	if (p)
		memcpy(ret->b, p, NB_NAME_LEN);
}

static void
put_decode(struct rd *r, struct rec *rec)
{
	uint8_t bits = rd_u8(r), naddr = rd_u8(r), scope_len = rd_u8(r);
	bool plain = bits & BIT_PLAIN;

	if (naddr > REC_ADDR_MAX || (plain && (naddr > 1 || scope_len))) {
		r->bad = true;
		return;
	}
	rec->type = bits & 3;
	rec->state = bits >> 2 & 3;
	rec->node = bits >> 4 & 3;
	rec->is_static = bits & BIT_STATIC;
	rec->naddr = naddr;
	name_decode(r, &rec->key.name);
	rec->owner.v = rd_u32(r);
	rec->version.v = rd_u64(r);
	rec->due.s = rd_u32(r);
	for (int i = 0; i < naddr; i++) {
		rec->addr[i].ip.v = rd_u32(r);
		rec->addr[i].since.s = rd_u32(r);
		rec->addr[i].owner.v = plain ? rec->owner.v : rd_u32(r);
		rec->addr[i].due.s = plain ? rec->due.s : rd_u32(r);
	}
	scope_decode(r, scope_len, &rec->key.scope);
}

static void
meta_decode(struct rd *r, struct entry *e)
{
	uint8_t n = rd_u8(r);
	const uint8_t *p = n <= META_KEY_MAX ? rd_bytes(r, n) : NULL;

	if (!p) {
		r->bad = true;
		return;
	}
	if (n == KNOWN_LEN && !memcmp(p, META_KNOWN, sizeof(META_KNOWN))) {
		e->kind = ENTRY_KNOWN;
		e->owner.v = be_get32(p + sizeof(META_KNOWN));
	} else {
		memcpy(e->meta, p, n);
		e->meta[n] = '\0';
	}
	e->value = rd_u64(r);
}

bool
format_entry_decode(struct rd *r, struct entry *ret)
{
	uint8_t scope_len;

	ret->kind = rd_u8(r);
	switch (ret->kind) {
	case ENTRY_PUT:
		put_decode(r, &ret->rec);
		break;
	case ENTRY_DEL:
		scope_len = rd_u8(r);
		name_decode(r, &ret->rec.key.name);
		scope_decode(r, scope_len, &ret->rec.key.scope);
		break;
	case ENTRY_META:
		meta_decode(r, ret);
		break;
	case ENTRY_END:
		ret->value = rd_u64(r);
		break;
	default:
		return false;
	}
	return !r->bad;
}
