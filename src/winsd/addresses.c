/* SPDX-License-Identifier: Apache-2.0 */
/* See own.h. Layer: program. */
#include "winsd/addresses.h"

#include <stdlib.h>
#include <string.h>

#include "io/ifmon.h"
#include "front/worker.h"

#define LISTED_MAX 64

struct own {
	struct winsd *d;
	void (*changed)(void *arg);
	void *arg;
	struct ifmon *ifmon;
	uv_poll_t poll;
};

static bool
is_listened_on(const struct conf *conf, struct ip4 a)
{
	for (unsigned i = 0; i < conf->listen.n; i++)
		if (ip4_eq(conf->listen.a[i], a))
			return true;
	return !conf->listen.n;
}

/* Those on which queries come past the kernel: of that interface only. Another one's may be in a VLAN
 * of the same card, whose tag the driver has taken off. */
static void
refill_fast(struct winsd *d, const struct ifmon_entry *all, size_t n)
{
	d->nfast = 0;
	for (size_t i = 0; i < n && d->nfast < WINSD_SOCKETS_MAX; i++)
		if (!strcmp(all[i].name, d->conf.xdp) && is_listened_on(&d->conf, all[i].ip))
			d->fast[d->nfast++] = all[i].ip;
	workers_fast(d);
}

/* False: they could not be listed, or are what they were. */
static bool
refill(struct own *o)
{
	struct ifmon_entry all[LISTED_MAX];
	struct ip4 before[WINSD_SOCKETS_MAX];
	struct winsd *d = o->d;
	uint8_t nbefore = d->nself;
	size_t n;

	if (ifmon_list(o->ifmon, all, LISTED_MAX, &n))
		return false;
	if (n > LISTED_MAX)
		n = LISTED_MAX;
	refill_fast(d, all, n);
	if (d->conf.listen.n)
		return false;
	memcpy(before, d->self, sizeof(before));
	d->nself = 0;
	for (size_t i = 0; i < n && d->nself < WINSD_SOCKETS_MAX; i++)
		if (!all[i].loopback)
			d->self[d->nself++] = all[i].ip;
	return d->nself != nbefore || memcmp(before, d->self, nbefore * sizeof(*before)) != 0;
}

static void
tell(struct winsd *d)
{
	char text[WINSD_SOCKETS_MAX * (IP4_STRLEN + 2)] = "", a[IP4_STRLEN];
	size_t used = 0;

	for (unsigned i = 0; i < d->nself; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", i ? ", " : "",
		    ip4_print(d->self[i], a));
	teller_say(&d->teller, EV_ADDRESS_CHANGED, 0, d->nself ? text : "none");
}

static void
on_change(uv_poll_t *p, int status, int events)
{
	struct own *o = p->data;

	(void)events;
	if (status < 0 || !ifmon_changed(o->ifmon) || !refill(o))
		return;
	tell(o->d);
	o->changed(o->arg);
}

int
own_open(uv_loop_t *loop, struct winsd *d, void (*changed)(void *arg), void *arg, struct own **ret)
{
	struct own *o;
	int err;

	if (d->conf.listen.n) {
		d->nself = d->conf.listen.n;
		memcpy(d->self, d->conf.listen.a, sizeof(d->self));
	}
	*ret = NULL;
	if (d->conf.listen.n && !d->conf.xdp[0])
		return 0;
	o = calloc(1, sizeof(*o));
	if (!o)
		return NBT_ENOMEM;
	*o = (struct own){ .d = d, .changed = changed, .arg = arg };
	err = ifmon_open(&o->ifmon);
	if (!err && uv_poll_init(loop, &o->poll, ifmon_fd(o->ifmon)))
		err = NBT_EIO;
	if (err) {
		ifmon_close(o->ifmon);
		free(o);
		return err;
	}
	o->poll.data = o;
	(void)refill(o);
	uv_poll_start(&o->poll, UV_READABLE, on_change);
	*ret = o;
	return 0;
}

static void
closed(uv_handle_t *h)
{
	struct own *o = h->data;

	ifmon_close(o->ifmon);
	free(o);
}

void
own_close(struct own *o)
{
	if (o)
		uv_close((uv_handle_t *)&o->poll, closed);
}
