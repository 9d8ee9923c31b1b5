/* SPDX-License-Identifier: Apache-2.0 */
/* See repl_pace.h. Layer: program. */
#include "registrar/pace.h"

#define LOOK_NS \
	2000000 /* used, before it is looked whether others wait: a small part of a time slice */
#define REST_MAX_NS 200000000 /* a surprise of the clock shall not stop replication */

bool
repl_pace_used(struct repl_pace *p, int64_t cpu_ns)
{
	p->used += cpu_ns;
	return p->used >= LOOK_NS;
}

/*
 * What the workers wait for counts, not what this thread waits for: it slept lately, in rests and syncs,
 * so that the kernel lets it go first, and programs of others are none of its business. A worker waits
 * a little for each packet even where it is alone; hence a quarter.
 */
void
repl_pace_look(struct repl_pace *p, int64_t waited_ns, struct mono now)
{
	int64_t rest;

	if ((waited_ns - p->waited) * 4 > p->used) {
		rest = p->used * (100 - (int64_t)p->share) / (int64_t)p->share;
		p->not_before.ns = now.ns + (rest < REST_MAX_NS ? rest : REST_MAX_NS);
	}
	p->waited = waited_ns;
	p->used = 0;
}
