/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much of a processor replication may take while others want the same one: after work for which
 * the workers had to wait, it rests in proportion to what it used. Where nobody competes it never
 * rests. The registrar makes way in the same manner (way.h). Layer: program. Pure: times come in.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/when.h"

struct repl_pace {
	unsigned share;         /* hundredths of a processor, 1 to 100 */
	int64_t used;           /* ns since the last look */
	int64_t waited;         /* what the workers had waited then */
	struct mono not_before; /* work goes on then */
};

/* Work used the processor for cpu_ns. True: it is time for repl_pace_look. */
bool repl_pace_used(struct repl_pace *p, int64_t cpu_ns);
/* Up to now the workers have waited for a processor for so many ns, since they began. */
void repl_pace_look(struct repl_pace *p, int64_t waited_ns, struct mono now);
