/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table's orders: what keys a record has in them, and when they move. Layer: store, inside the
 * table. The writer's alone.
 */
#pragma once

#include "store/table.h"

void order_init(struct table *t);
void order_clear(struct table *t);
int order_reserve(struct table *t, size_t n, size_t scoped);
void order_trim(struct table *t, size_t keep);
size_t order_bytes(const struct table *t);
/* From all records in their slots. NBT_ENOMEM. */
int order_build(struct table *t);

void order_add(struct table *t, struct trec *r);
void order_replace(struct table *t, const struct trec *old, struct trec *r);
void order_remove(struct table *t, struct trec *r);
/* r's due time changed: makes sure that it stands in the order no later than that. */
void order_queue(struct table *t, struct trec *r);
