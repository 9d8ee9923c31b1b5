/* SPDX-License-Identifier: Apache-2.0 */
/* worker_fast.c of a build without libxdp: the option xdp is refused, so nothing ever comes that way. Layer:
 * program. */
#include "front/worker_inside.h"

int
worker_fast_open(struct winsd *d)
{
	teller_say(&d->teller, EV_XDP_REFUSED, 0,
	    "this program was built without it; build it where libxdp, libbpf and clang are");
	return NBT_EINVAL;
}

void
workers_fast(struct winsd *d)
{
	(void)d;
}

bool
worker_fast_serve(struct worker *w)
{
	(void)w;
	return false;
}

unsigned
worker_fast_poll(const struct worker *w, struct pollfd *ret)
{
	(void)w;
	(void)ret;
	return 0;
}

void
worker_fast_close(struct winsd *d)
{
	(void)d;
}
