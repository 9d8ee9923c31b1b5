/* SPDX-License-Identifier: Apache-2.0 */
/* See own_node.h. Layer: program. */
#include "ownnode/own_node.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/addrs.h"
#include "io/clock.h"
#include "nodehost/nodehost.h"
#include "ownnode/own_names.h"
#include "front/worker.h"

#define RING_SLOTS 512
#define TURN_MAX   1024 /* packets before signals and timers get their turn */

struct slot {
	struct node_path path;
	uint16_t len;
	uint8_t data[WORKER_PACKET_MAX];
};

/* A socket on a network's broadcast address, where the workers' are bound to single addresses. */
struct ear {
	struct own_node *o;
	struct ip4 broadcast;
	int fd;
	uv_poll_t poll;
};

struct own_node {
	struct winsd *d;
	struct own_names *names;
	struct ring **ring; /* one for each worker */
	uv_async_t async;
	struct nodehost *host;
	struct node_control *control;
	struct udp_stats udp;
	struct udp_in *in;
	struct udp_out *out;
	unsigned out_socket; /* all that waits leaves through this one */
	struct ear ear[WINSD_SOCKETS_MAX];
	unsigned nears;
};

/* ---- memory and sockets ---- */

static int
open_ear(struct own_node *o, struct ip4 broadcast)
{
	const struct udp_opts opts = { .address = broadcast, .port = (uint16_t)o->d->conf.port };
	struct ear *e = &o->ear[o->nears];
	int err;

	for (unsigned i = 0; i < o->nears; i++)
		if (ip4_eq(o->ear[i].broadcast, broadcast))
			return 0; /* two addresses in one network hear the same */
	err = udp_open(&opts, &e->fd);
	if (err) {
		worker_tell_socket(o->d, broadcast, err);
		return err;
	}
	e->o = o;
	e->broadcast = broadcast;
	o->nears++;
	return 0;
}

static int
open_ears(struct own_node *o)
{
	const struct conf_addresses *listen = &o->d->conf.listen;
	struct addrs_entry all[64];
	size_t n = 0;
	int err = listen->n ? addrs_list(all, 64, &n) : 0;

	for (size_t i = 0; i < n && i < 64 && !err; i++)
		for (unsigned k = 0; k < listen->n && !err; k++)
			if (ip4_eq(all[i].ip, listen->a[k]) && all[i].broadcast.v)
				err = open_ear(o, all[i].broadcast);
	return err;
}

int
own_node_new(struct winsd *d, struct own_node **ret)
{
	struct own_node *o;
	int err;

	*ret = NULL;
	if (!d->conf.node_name[0])
		return 0;
	o = calloc(1, sizeof(*o));
	if (!o)
		return NBT_ENOMEM;
	o->d = d;
	o->ring = calloc(d->nworkers, sizeof(*o->ring));
	err = o->ring ? own_names_new(d->nworkers, &o->names) : NBT_ENOMEM;
	for (unsigned i = 0; i < d->nworkers && !err; i++)
		err = ring_new(RING_SLOTS, sizeof(struct slot), &o->ring[i]);
	if (!err)
		err = udp_in_new(&o->udp, &o->in);
	if (!err)
		err = udp_out_new(&o->udp, &o->out);
	if (!err)
		err = open_ears(o);
	if (err)
		own_node_free(o);
	else
		*ret = o;
	return err;
}

void
own_node_free(struct own_node *o)
{
	if (!o)
		return;
	nodehost_free(o->host);
	own_names_free(o->names);
	for (unsigned i = 0; o->ring && i < o->d->nworkers; i++)
		ring_free(o->ring[i]);
	free(o->ring);
	for (unsigned i = 0; i < o->nears; i++)
		close(o->ear[i].fd);
	udp_in_free(o->in);
	udp_out_free(o->out);
	free(o);
}

/* ---- packets in ---- */

static struct node_path
path_of(const struct udp_packet *p)
{
	return (struct node_path){ .key = p->ifindex,
		.peer = p->peer,
		.local = p->local,
		.port = p->port,
		.broadcast = p->broadcast };
}

bool
own_node_put(struct own_node *o, unsigned worker, const struct udp_packet *p)
{
	struct slot *slot = p->len <= WORKER_PACKET_MAX ? ring_room(o->ring[worker]) : NULL;

	if (!slot)
		return false;
	slot->path = path_of(p);
	slot->len = p->len;
	memcpy(slot->data, p->data, p->len);
	(void)ring_push(o->ring[worker]);
	return true;
}

void
own_node_wake(struct own_node *o)
{
	uv_async_send(&o->async);
}

static void
on_packets(uv_async_t *a)
{
	struct own_node *o = a->data;
	const struct slot *slot;
	unsigned n = 0;

	for (unsigned i = 0; i < o->d->nworkers; i++)
		for (; n < TURN_MAX && (slot = ring_peek(o->ring[i])); n++) {
			nodehost_in(o->host, slot->data, slot->len, &slot->path);
			ring_pop(o->ring[i]);
		}
	nodehost_turn(o->host);
	if (n == TURN_MAX)
		own_node_wake(o);
}

static void
on_broadcasts(uv_poll_t *p, int status, int events)
{
	struct ear *e = p->data;
	unsigned n = udp_receive(e->o->in, e->fd);

	for (unsigned i = 0; i < n; i++) {
		const struct udp_packet got = udp_packet(e->o->in, i);
		const struct node_path path = path_of(&got);

		nodehost_in(e->o->host, got.data, got.len, &path);
	}
	nodehost_turn(e->o->host);
}

/* ---- packets out ---- */

static void
flush(void *arg)
{
	struct own_node *o = arg;

	/* what failed is counted; the engine repeats */
	(void)udp_send(o->out, worker_socket(o->d, o->out_socket));
}

/* The socket that is bound to this address. */
static unsigned
socket_of(const struct own_node *o, struct ip4 local)
{
	const struct conf_addresses *listen = &o->d->conf.listen;
	unsigned i = 0;

	while (i < listen->n && !ip4_eq(listen->a[i], local))
		i++;
	return i < listen->n ? i : 0;
}

static void
send_packet(void *arg, const struct node_out *out)
{
	struct own_node *o = arg;
	const struct udp_to to = { .peer = out->path.peer,
		.local = out->path.local,
		.ifindex = out->path.broadcast ? out->path.key : 0,
		.port = out->path.port };
	unsigned socket = socket_of(o, out->path.local);

	if (socket != o->out_socket || !udp_room(o->out)) {
		flush(o);
		o->out_socket = socket;
	}
	memcpy(udp_room(o->out), out->data, out->len);
	udp_put(o->out, &to, out->len);
}

/* ---- what the node says ---- */

static void
tell(void *arg, const struct event *ev)
{
	teller_tell(&((struct own_node *)arg)->d->teller, ev);
}

static void
answer(void *arg, const struct node_answer *a)
{
	/* nobody else asks */
	(void)node_control_answer(((struct own_node *)arg)->control, a);
}

static void
changed(void *arg)
{
	struct own_node *o = arg;

	own_names_publish(o->names, nodehost_node(o->host));
}

static void
turned(void *arg)
{
	struct own_node *o = arg;

	if (o->control)
		node_control_turn(o->control);
}

static struct mono
now(void *arg)
{
	return clock_mono();
}

static void
pump(void *arg)
{
	nodehost_turn(((struct own_node *)arg)->host);
}

/* ---- life ---- */

static int
open_host(struct own_node *o, uv_loop_t *loop)
{
	const struct nodehost_hooks hooks = { .arg = o,
		.wins_is_here = true,
		.send = send_packet,
		.flush = flush,
		.event = tell,
		.answer = answer,
		.changed = changed,
		.turned = turned };
	const struct node_control_host control = {
		.arg = o, .now = now, .pump = pump, .scope = o->d->conf.node_scope
	};
	int err = nodehost_open(loop, &o->d->conf, &hooks, &o->host);

	return err ? err : node_control_new(nodehost_node(o->host), &control, &o->control);
}

static int
open_public(struct own_node *o, uv_loop_t *loop)
{
	const char *path = o->d->conf.node_resolve_socket;
	int err = *path ? node_control_open_public(o->control, loop, path) : 0;
	char text[200];

	if (err) {
		snprintf(text, sizeof(text), "%.150s: %s", path, nbt_strerror(err));
		teller_say(&o->d->teller, EV_CONTROL_FAILED, 0, text);
	}
	return err;
}

int
own_node_begin(struct own_node *o, uv_loop_t *loop)
{
	int err = open_host(o, loop);

	if (!err)
		err = open_public(o, loop);
	if (err)
		return err;
	uv_async_init(loop, &o->async, on_packets);
	o->async.data = o;
	for (unsigned i = 0; i < o->nears; i++) {
		if (uv_poll_init(loop, &o->ear[i].poll, o->ear[i].fd))
			return NBT_EIO;
		o->ear[i].poll.data = &o->ear[i];
		uv_poll_start(&o->ear[i].poll, UV_READABLE, on_broadcasts);
	}
	return nodehost_begin(o->host);
}

struct node_control *
own_node_control(struct own_node *o)
{
	return o->control;
}

void
own_node_reconf(struct own_node *o, const struct conf *conf)
{
	nodehost_reconf(o->host, conf);
}

void
own_node_end(struct own_node *o, void (*done)(void *arg), void *arg)
{
	nodehost_end(o->host, NODEHOST_END_MS, done, arg);
}

void
own_node_close(struct own_node *o)
{
	if (!o)
		return;
	if (o->control)
		node_control_close_public(o->control);
	node_control_free(o->control);
	o->control = NULL;
	nodehost_close(o->host);
}

const struct dispatch_names *
own_node_names(struct own_node *o, unsigned worker)
{
	return own_names_hold(o->names, worker);
}

void
own_node_names_done(struct own_node *o, unsigned worker)
{
	own_names_drop(o->names, worker);
}

unsigned
own_node_held(
    struct own_node *o, const struct nb_key *key, struct ip4 ret[REC_ADDR_MAX], bool *ret_defended)
{
	return own_names_held(o->names, key, ret, ret_defended);
}
