/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which addresses are this server's own: those that it answers on and never challenges (wins 2.4).
 * With listen set they are those; the machine's others are not among them, because another program
 * may hold port 137 and names there. Else all of the machine, as they come and go. On the main loop.
 * Layer: program.
 */
#pragma once

#include <uv.h>

#include "winsd/winsd.h"

struct own;

/* Fills d->self, and d->fast with those of the interface of the option xdp, and keeps both as things
 * change. changed is called when d->self was filled anew. NBT_EIO, NBT_ENOMEM, NBT_ELIMIT. */
int own_open(
    uv_loop_t *loop, struct winsd *d, void (*changed)(void *arg), void *arg, struct own **ret);
/* Its memory goes when the loop has run the closing callback. Accepts NULL. */
void own_close(struct own *o);
