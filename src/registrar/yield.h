/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registrar makes way for the workers: where their receive buffers fill while they wait for the
 * processor that it uses, and its queue has room, it rests in proportion to what it used. A packet in the
 * queue is safe, one in a buffer may be a query or the last before the buffer is full. Layer: program. The
 * registrar's thread alone. Why: doc/design/stress.md.
 */
#pragma once

#include "registrar/pace.h"

struct winsd;

/* Zeroed. */
struct way {
	bool looking; /* a worker is pressed; the rest is of this while */
	int64_t used; /* ns on the processor, when last looked */
	struct repl_pace pace;
};

/* Once in a turn of the registrar: returns at once, or after a rest of some ms. */
void way_make(struct way *way, const struct winsd *d);
