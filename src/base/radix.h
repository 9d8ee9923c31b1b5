/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sorting very many short keys: a stable radix sort, byte by byte. Bytes that are the same in all keys
 * cost one look. Layer: base. Never allocates.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Sorts n keys of klen bytes by their first by bytes. other has room for as many keys; returns whichever
 * of the two arrays holds the result. */
uint8_t *radix_sort(uint8_t *keys, uint8_t *other, size_t n, size_t klen, size_t by);
