/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much of a processor replication may take while others want the same one: after work for which
 * the thread had to wait for its processor, it rests in proportion to what it used. Where nobody
 * competes it never rests. Layer: program. Pure: times come in.
 */
#pragma once

#include <stdint.h>

#include "base/when.h"

struct repl_pace {
	unsigned share;         /* hundredths of a processor, 1 to 100 */
	int64_t used;           /* ns that were not yet rested for */
	int64_t used_waited;    /* ns that the thread waited meanwhile */
	struct mono not_before; /* work goes on then */
};

/* Work ended at now; it used the processor for cpu_ns and waited for one for waited_ns. */
void repl_pace_worked(struct repl_pace *p, int64_t cpu_ns, int64_t waited_ns, struct mono now);
