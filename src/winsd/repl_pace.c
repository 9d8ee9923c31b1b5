/* SPDX-License-Identifier: Apache-2.0 */
/* See repl_pace.h. Layer: program. */
#include "winsd/repl_pace.h"

#define LOOK_NS \
	2000000 /* used, before it is looked whether others wait: a small part of a time slice */
#define REST_MAX_NS 200000000 /* a surprise of the clock shall not stop replication */

void
repl_pace_worked(struct repl_pace *p, int64_t cpu_ns, int64_t waited_ns, struct mono now)
{
	int64_t rest;

	p->used += cpu_ns;
	p->used_waited += waited_ns;
	if (p->used < LOOK_NS)
		return;
	/* A wait of less than a twentieth is the kernel's own work, not a rival's. */
	if (p->used_waited * 20 > p->used) {
		rest = p->used * (100 - (int64_t)p->share) / (int64_t)p->share;
		p->not_before.ns = now.ns + (rest < REST_MAX_NS ? rest : REST_MAX_NS);
	}
	p->used = p->used_waited = 0;
}
