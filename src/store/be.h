/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Big-endian integers at places that are known, for headers and the orders' keys. (base/cursor.h is
 * for what has a length to be checked; gcc 12 at -O3 believes that a cursor over a small array of known
 * size overflows.) Layer: store. Owns nothing.
 */
#pragma once

#include <stdint.h>

/* Each returns the place behind. */
static inline uint8_t *
be_put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
	return p + 2;
}

static inline uint8_t *
be_put32(uint8_t *p, uint32_t v)
{
	return be_put16(be_put16(p, (uint16_t)(v >> 16)), (uint16_t)v);
}

static inline uint8_t *
be_put64(uint8_t *p, uint64_t v)
{
	return be_put32(be_put32(p, (uint32_t)(v >> 32)), (uint32_t)v);
}

static inline uint32_t
be_get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
