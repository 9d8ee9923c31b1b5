/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What changing and loading a table share: slots, hash, growing. Layer: store, inside the table. The
 * writer's alone.
 */
#pragma once

#include "store/table.h"

uint64_t table_hash_name(
    const struct table *t, const uint8_t *name, const uint8_t *scope, uint8_t len);
/* For cds_lfht: is node's record of the same key as r, a struct trec? */
int table_match(struct cds_lfht_node *node, const void *r);
void table_grow_when_full(struct table *t);

/* r comes into the hash table (1) or goes out of it (-1). */
void table_tally(struct table *t, const struct trec *r, int32_t change);

/* Room for n more records. NBT_ENOMEM. */
int table_slots_reserve(struct table *t, size_t n);
void table_slot_take(struct table *t, struct trec *r);
void table_slot_give(struct table *t, uint32_t i);
