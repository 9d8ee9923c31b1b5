/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the two halves of the replication codec share: the little-endian words of an otherwise
 * big-endian protocol (3.1), and the check of a records response. Layer: wire, for wrepl*.c alone.
 */
#pragma once

#include "wire/wrepl.h"

static inline uint32_t
rd_le32(struct rd *r)
{
	return __builtin_bswap32(rd_u32(r));
}

static inline void
wr_le32(struct wr *w, uint32_t v)
{
	wr_u32(w, __builtin_bswap32(v));
}

/* Reads the ret->count records at r, and sets ret's body, count and unnamed. */
enum wrepl_drop wrepl_records_check(struct rd *r, struct wrepl_msg *ret);
