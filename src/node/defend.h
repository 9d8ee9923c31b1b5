/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What others send to us unasked: claims, queries, releases, demands (netbt-name-service.md 2.4 "Incoming
 * packets at an end node", 3.6, 8.2 rules 4 to 7). Layer: node.
 */
#pragma once

#include "node/engine.h"

void defend_claim(struct node *n, const struct nb_msg *m, const struct node_path *path);
void defend_query(struct node *n, const struct nb_msg *m, const struct node_path *path);

/* Names that others would have us give up (demand.c). */
void demand_release(
    struct node *n, const struct nb_msg *m, const struct node_path *path, struct mono now);
/* A registration response that answers nothing of ours. */
void demand_conflict(
    struct node *n, const struct nb_msg *m, const struct node_path *path, struct mono now);
/* A release response that answers nothing of ours: a late copy of a release was carried out. */
void demand_late_release(
    struct node *n, const struct nb_msg *m, const struct node_path *path, struct mono now);

/* A positive registration response likewise: a late copy of a claim, or one that was challenged for long,
 * came true after we gave the name up. */
void demand_late_grant(
    struct node *n, const struct nb_msg *m, const struct node_path *path, struct mono now);

/* Node status (status.c). */
void status_answer(
    struct node *n, const struct nb_msg *m, const struct node_path *path, struct mono now);
