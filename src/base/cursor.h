/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading and writing byte strings with the error kept in the cursor: after the first overrun every
 * read yields zero and every write does nothing, so a codec reads like its format and checks once.
 * Layer: base. Never allocates; borrows the caller's buffer.
 */
#pragma once

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct rd {
	const uint8_t *p, *end;
	bool bad; /* something was read past the end */
};

struct wr {
	uint8_t *p, *end;
	bool bad; /* something did not fit */
};

static inline struct rd
rd_init(const void *buf, size_t len)
{
	return (struct rd){ .p = buf, .end = (const uint8_t *)buf + len };
}

static inline size_t
rd_left(const struct rd *r)
{
	return (size_t)(r->end - r->p);
}

/* The next n bytes in place, or NULL (and bad) when fewer are left. */
static inline const uint8_t *
rd_bytes(struct rd *r, size_t n)
{
	const uint8_t *p = r->p;

	if (r->bad || rd_left(r) < n) {
		r->bad = true;
		return NULL;
	}
	r->p += n;
	return p;
}

/* Big-endian integers. */
static inline uint8_t
rd_u8(struct rd *r)
{
	const uint8_t *p = rd_bytes(r, 1);

	return p ? p[0] : 0;
}

static inline uint16_t
rd_u16(struct rd *r)
{
	const uint8_t *p = rd_bytes(r, 2);

	return p ? (uint16_t)(p[0] << 8 | p[1]) : 0;
}

static inline uint32_t
rd_u32(struct rd *r)
{
	const uint8_t *p = rd_bytes(r, 4);

	return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}

static inline uint64_t
rd_u64(struct rd *r)
{
	uint64_t hi = rd_u32(r);

	return hi << 32 | rd_u32(r);
}

/* A cursor over the next n bytes, so that an inner overrun cannot touch the outer string. */
static inline struct rd
rd_sub(struct rd *r, size_t n)
{
	const uint8_t *p = rd_bytes(r, n);

	return p ? rd_init(p, n) : (struct rd){ .p = r->end, .end = r->end, .bad = true };
}

static inline struct wr
wr_init(void *buf, size_t cap)
{
	return (struct wr){ .p = buf, .end = (uint8_t *)buf + cap };
}

/* n bytes to fill in, or NULL (and bad) when they do not fit. */
static inline uint8_t *
wr_room(struct wr *w, size_t n)
{
	uint8_t *p = w->p;

	if (w->bad || (size_t)(w->end - w->p) < n) {
		w->bad = true;
		return NULL;
	}
	w->p += n;
	return p;
}

static inline void
wr_bytes(struct wr *w, const void *src, size_t n)
{
	uint8_t *p = wr_room(w, n);

	if (p && n)
		memcpy(p, src, n);
}

/* Big-endian integers. */
static inline void
wr_u8(struct wr *w, uint8_t v)
{
	uint8_t *p = wr_room(w, 1);

	if (p)
		p[0] = v;
}

static inline void
wr_u16(struct wr *w, uint16_t v)
{
	uint8_t *p = wr_room(w, 2);

	v = htobe16(v);
	if (p)
		memcpy(p, &v, 2);
}

static inline void
wr_u32(struct wr *w, uint32_t v)
{
	uint8_t *p = wr_room(w, 4);

	v = htobe32(v);
	if (p)
		memcpy(p, &v, 4);
}

static inline void
wr_u64(struct wr *w, uint64_t v)
{
	uint8_t *p = wr_room(w, 8);

	v = htobe64(v);
	if (p)
		memcpy(p, &v, 8);
}
