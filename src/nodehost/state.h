/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a node must not forget when its process ends: which addresses of its names WINS servers may
 * still hold. A small text file, one line each, replaced as a whole. Layer: nodehost.
 *
 *   winsome node state 1
 *   unique 192.0.2.10 192.0.2.10 192.0.2.1 SERVER1<20>
 *
 * kind, address registered, address it leaves from, WINS server, name.
 */
#pragma once

#include "node/node.h"

/* Everything of the node that is registered at a WINS server, being registered there or not yet
 * confirmed as released, as the file's text; malloc'd. NULL: no memory. "" when there is nothing. */
char *state_text(const struct node *n, struct mono now);

/* Replaces the file, or removes it when text is "": after a crash there is the old one or the new
 * one. NBT_ENOENT, NBT_EDENIED, NBT_ENOSPC, NBT_EIO. */
int state_write(const char *path, const char *text);

/* Calls each for every line; those that cannot be read are passed over and counted in *ret_bad, which
 * is 1 for a file of another kind. NBT_ENOENT: there is no file; NBT_EDENIED, NBT_EIO. */
int state_read(const char *path, void (*each)(void *arg, const struct node_ghost *g), void *arg,
    unsigned *ret_bad);
