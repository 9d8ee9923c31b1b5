/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What changing and loading a table share: slots and hash. Layer: store, inside the table. The
 * writer's alone.
 */
#pragma once

#include "store/table.h"

/* r comes into the index (1) or goes out of it (-1). It is counted under its sender; one whose sender is not
 * known, as after a start, under its addresses; another server's not at all. */
void table_tally(struct table *t, const struct trec *r, int32_t change);

/* Room for n more records. NBT_ENOMEM. */
int table_slots_reserve(struct table *t, size_t n);
void table_slot_take(struct table *t, struct trec *r);
void table_slot_give(struct table *t, uint32_t i);
