/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a node knows as the JSON of the control protocol. Layer: program. No effect. Times are seconds
 * or milliseconds from now, as their names say; null = never.
 */
#pragma once

#include <jansson.h>

#include "node/node.h"

/* Each returns a new object, NULL without memory. */
json_t *node_if_json(const struct node_if *ifc);
json_t *node_entry_json(const struct node_entry *e);
json_t *node_ghost_json(const struct node_ghost *g);
json_t *node_cache_json(const struct node_cache_entry *e);
/* Of node_resolve. */
json_t *node_answer_json(const struct node_answer *a);
/* Of node_ask_status: "found" and, when it is true, the machine's names and hardware address. */
json_t *node_status_json(const struct node_answer *a);
json_t *node_stats_json(const struct node_stats *s);

/* "b", "p", "m" or "h" */
const char *node_type_word(unsigned type);
