/* SPDX-License-Identifier: Apache-2.0 */
/* See way.h. Layer: program. */
#include "registrar/yield.h"

#include <time.h>

#include "io/clock.h"
#include "front/worker.h"

#define SHARE  25 /* hundredths of the processor that the registrar keeps: the queue empties still */
#define NAP_NS 1000000 /* after which it is looked whether the worker is pressed still */

static void
begin(struct way *way, const struct winsd *d)
{
	*way = (struct way){ .looking = true,
		.used = clock_thread(),
		.pace = { .share = SHARE, .waited = workers_waited(d) } };
}

void
way_make(struct way *way, const struct winsd *d)
{
	int64_t used;

	if (!workers_pressed(d)) {
		way->looking = false;
		return;
	}
	if (!way->looking) {
		begin(way, d);
		return;
	}
	used = clock_thread();
	if (repl_pace_used(&way->pace, used - way->used))
		repl_pace_look(&way->pace, workers_waited(d), clock_mono());
	while (clock_mono().ns < way->pace.not_before.ns && workers_pressed(d))
		(void)nanosleep(&(struct timespec){ .tv_nsec = NAP_NS }, NULL);
	way->used = clock_thread();
}
