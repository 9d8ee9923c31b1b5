/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CRC-32C (Castagnoli, RFC 3720 B.4): the checksum of everything the store writes. By the
 * processor's own instruction where there is one, by a table elsewhere; both give the same number.
 * Layer: base. Owns nothing.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Goes on from crc, the value for the bytes before; 0 for none. */
uint32_t crc32c(uint32_t crc, const void *buf, size_t len);

/* The table's way, whatever the processor can: for the test that compares the two. */
uint32_t crc32c_portable(uint32_t crc, const void *buf, size_t len);
