/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The workers' packets that come past the kernel's network code (option xdp): questions to a name server.
 * Says what io/xdp.h, which knows no protocol, shall pick, and serves it as the sockets' are served.
 * Layer: program.
 */
#include "base/limits.h"
#include "front/worker_inside.h"

#define HEADER 12

/* The ordinary socket that would have received it. */
static unsigned
socket_of(const struct worker *w, struct ip4 local)
{
	for (unsigned i = 0; i < w->nfd && i < w->d->conf.listen.n; i++)
		if (ip4_eq(w->d->conf.listen.a[i], local))
			return i;
	return 0;
}

static bool
fast_load(const struct door *door, struct shed_load *ret)
{
	return xdp_shed_load(door->fast, ret);
}

static bool
fast_shed(const struct door *door, const struct ip4 *addr, unsigned n, unsigned shift)
{
	xdp_shed_set(door->fast, addr, n, shift);
	return true;
}

static const struct door_kernel door_of_fast = { fast_load, fast_shed };

static unsigned
serve_group(
    struct worker *w, struct worker_batch *b, struct door *door, unsigned first, unsigned left)
{
	struct xdp_socket *fast = door->fast;
	unsigned n = worker_group_size(left);

	for (unsigned i = 0; i < n; i++)
		w->group[i].there = xdp_packet(fast, first + i, &w->group[i].p);
	worker_look_ahead(w, n);
	for (unsigned i = 0; i < n; i++) {
		uint8_t *room = xdp_room(fast);
		size_t len;

		if (!w->group[i].there)
			continue;
		door_note(door, w->group[i].p.peer);
		if (!room) { /* the network takes nothing: as with a full socket, clients repeat */
			xdp_drop(fast);
			continue;
		}
		b->socket = socket_of(w, w->group[i].p.local);
		len = worker_handle(w, b, &w->group[i], room);
		if (len)
			xdp_put(fast, first + i, len);
	}
	return n;
}

/* Queries only are picked there, but all can be handled. */
static bool
serve(struct worker *w, struct door *door)
{
	unsigned n = xdp_receive(door->fast);
	struct worker_batch b;

	door_tend(door, n, UDP_BATCH);
	if (!n)
		return false;
	b = worker_begin(w, 0);
	for (unsigned i = 0; i < n;)
		i += serve_group(w, &b, door, i, n - i);
	xdp_send(door->fast);
	worker_end(w, &b);
	return true;
}

bool
worker_fast_serve(struct worker *w)
{
	bool any = false;

	for (unsigned i = 0; i < w->nfast; i++)
		any |= serve(w, &w->fast_door[i]);
	return any;
}

unsigned
worker_fast_poll(const struct worker *w, struct pollfd *ret)
{
	for (unsigned i = 0; i < w->nfast; i++)
		ret[i] =
		    (struct pollfd){ .fd = xdp_socket_fd(w->fast_door[i].fast), .events = POLLIN };
	return w->nfast;
}

/* The queues of the interface are dealt out to the workers. */
static int
open_sockets(struct winsd *d, char why[XDP_WHY_MAX])
{
	int err = 0;

	for (unsigned q = 0; q < xdp_queues(d->xdp) && !err; q++) {
		struct worker *w = &d->workers[q % d->nworkers];
		struct door *door = &w->fast_door[w->nfast];

		*door = (struct door){ .d = d, .stats = &w->stats, .kernel = &door_of_fast };
		err = xdp_socket_open(d->xdp, q, &w->udp, &door->fast, why);
		if (!err)
			w->nfast++;
	}
	return err;
}

int
worker_fast_open(struct winsd *d)
{
	/* request, opcode 0, RD, not B (netbt 1.2): the flags follow the transaction id */
	const struct xdp_opts opts = { .interface = d->conf.xdp,
		.port = (uint16_t)d->conf.port,
		.mask = { 0, 0, 0xf9, 0x10 },
		.value = { 0, 0, 0x01, 0 },
		.min = HEADER,
		.max = NB_UDP_MAX };
	char why[XDP_WHY_MAX];
	int err = xdp_open(&opts, &d->xdp, why);

	if (!err)
		err = open_sockets(d, why);
	if (err)
		teller_say(&d->teller, EV_XDP_REFUSED, 0, why);
	workers_fast(d);
	return err;
}

void
workers_fast(struct winsd *d)
{
	if (d->xdp)
		xdp_addresses(d->xdp, d->fast, d->nfast);
}

void
worker_fast_close(struct winsd *d)
{
	for (unsigned i = 0; i < d->nworkers; i++)
		for (unsigned k = 0; k < d->workers[i].nfast; k++)
			xdp_socket_close(d->workers[i].fast_door[k].fast);
	xdp_close(d->xdp);
	d->xdp = NULL;
}
