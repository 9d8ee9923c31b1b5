/* SPDX-License-Identifier: Apache-2.0 */
/* See worker.h. Layer: program. */
#include "winsd/worker.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/wake.h"
#include "io/xdp.h"
#include "winsd/door.h"
#include "winsd/fast.h"
#include "winsd/own_node.h"
#include "winsd/registrar.h"
#include "winsd/share.h"

/*
 * Where both share a processor, each answer of the registrar brings the client's next request: a worker
 * as important as the registrar interrupts it for one packet at a time. Measured: performance.md.
 */
#define NICER 5

#define BAD_TOLD_S 10 /* seconds between two words about damaged packets */

struct worker {
	struct winsd *d;
	unsigned index;
	pthread_t thread;
	bool running;
	atomic_bool stop;
	int wake;             /* ends the wait for packets */
	atomic_int schedstat; /* -1: the kernel does not say */
	int fd[WINSD_SOCKETS_MAX];
	struct door door[WINSD_SOCKETS_MAX];
	unsigned nfd;
	struct xdp_socket *fast[XDP_QUEUES_MAX]; /* its share of the interface's queues */
	unsigned nfast;
	struct udp_in *in;
	struct udp_out *out;
	struct ring *ring;
	struct share share; /* of the ring */
	struct wins_burst burst;
	bool bursting;
	uint32_t full_told; /* second of the last "queue full", or "its share" */
	uint32_t bad_told;  /* second of the last "damaged packets" */
	uint64_t bad;       /* of them since then */
	struct udp_stats udp;
	struct wins_stats stats;
};

/* ---- what the registrar takes ---- */

static void
put_off(struct worker *w, int event, const struct udp_packet *p, uint64_t number)
{
	struct event ev = { .id = (uint16_t)event, .peer = p->peer, .number = number };
	uint32_t now = clock_wall().s;

	wins_count(&w->stats.drop[NB_DROP_OVERLOAD]);
	if (now != w->full_told) /* once a second is enough for the event's own limit to count */
		teller_tell(&w->d->teller, &ev);
	w->full_told = now;
}

/* Has this client as many of so many places of the queue as it may? */
static bool
exceeds_share(const struct worker *w, const struct udp_packet *p, size_t size)
{
	return atomic_load_explicit(&w->d->live.fair_shares, memory_order_relaxed) &&
	       share_exceeded(&w->share, p->peer, ring_used(w->ring), size);
}

/* Burst handling (wins 2.11): the length of the answer when the packet gets it here. Who has his share of
 * the queue up to where it begins gets such answers already: he shall not be the reason that others do. */
static size_t
burst(struct worker *w, const struct udp_packet *p, uint8_t out[static NB_UDP_MAX])
{
	size_t waiting = ring_used(w->ring), len;
	size_t most = atomic_load_explicit(&w->d->live.burst_queue, memory_order_relaxed);

	if (!atomic_load_explicit(&w->d->live.burst_handling, memory_order_relaxed) ||
	    (waiting < most && !exceeds_share(w, p, most))) {
		if (w->bursting && waiting == 0) {
			teller_say(&w->d->teller, EV_BURST_ENDED, w->burst.answered, "");
			w->bursting = false;
			w->burst.answered = 0;
		}
		return 0;
	}
	len = wins_burst_answer(&w->burst, &w->stats, p->data, p->len, out);
	if (!len)
		return 0;
	if (!w->bursting)
		teller_say(&w->d->teller, EV_BURST_BEGAN, waiting, "");
	w->bursting = true;
	return len;
}

static void
hand_over(struct worker *w, const struct udp_packet *p, unsigned socket)
{
	struct worker_packet *slot;

	if (p->len > WORKER_PACKET_MAX) {
		wins_count(&w->stats.drop[NB_DROP_LONG]);
		return;
	}
	if (exceeds_share(w, p, w->d->conf.queue_max)) {
		wins_count(&w->stats.n[WS_OVER_SHARE]);
		put_off(w, EV_QUEUE_SHARE, p, share_of(&w->share, p->peer));
		return;
	}
	slot = ring_used(w->ring) < w->d->conf.queue_max ? ring_room(w->ring) : NULL;
	if (!slot) {
		put_off(w, EV_QUEUE_FULL, p, ring_used(w->ring));
		return;
	}
	slot->path = (struct wins_path){
		.peer = p->peer, .local = p->local, .port = p->port, .socket = (uint16_t)socket
	};
	slot->len = p->len;
	memcpy(slot->data, p->data, p->len);
	share_in(&w->share, p->peer);
	ring_push(w->ring);
}

/* ---- packets ---- */

/* Counted by wins_query already; a person is told now and then, with how many there were. */
static void
note_damaged(struct worker *w, enum nb_drop drop, const struct udp_packet *p)
{
	struct event ev = { .id = drop == NB_DROP_OPCODE ? EV_INVALID_OPCODE : EV_PACKET_FLOOD,
		.peer = p->peer };
	uint32_t now = clock_wall().s;

	if (drop == NB_DROP_BROADCAST || drop == NB_DROP_NOT_FOR_US)
		return;
	w->bad++;
	if (now - w->bad_told < BAD_TOLD_S)
		return;
	ev.number = drop == NB_DROP_OPCODE && p->len > 2 ? p->data[2] >> 3 & 15 : w->bad;
	snprintf(ev.text, sizeof(ev.text), "%s", nb_drop_text(drop));
	teller_tell(&w->d->teller, &ev);
	w->bad_told = now;
	w->bad = 0;
}

/* What all packets of a batch are looked at with. */
struct batch {
	const struct wins_view *view;
	const struct dispatch_names *names; /* of the own node, NULL = none */
	unsigned socket;                    /* index of the one that they came through */
	bool to_registrar, to_node;         /* something was handed over */
};

/* To the own node. The kernel gives every socket its copy of a broadcast; one of them goes on. */
static void
hand_to_node(struct worker *w, struct batch *b, const struct udp_packet *p)
{
	if (p->broadcast && w->index > 0)
		return;
	if (own_node_put(w->d->node, w->index, p))
		b->to_node = true;
	else
		wins_count(&w->stats.drop[NB_DROP_OVERLOAD]);
}

/* The length of the answer in out, 0 when there is none now. b->socket is where a later one leaves. */
static size_t
handle(
    struct worker *w, struct batch *b, const struct udp_packet *p, uint8_t out[static NB_UDP_MAX])
{
	enum dispatch where = DISPATCH_WINS;
	enum nb_drop drop;
	size_t len;

	if (w->d->node)
		where = dispatch(p->data, p->len, p->broadcast, b->names);
	if (where != DISPATCH_WINS)
		hand_to_node(w, b, p);
	if (where == DISPATCH_NODE)
		return 0;
	/* Sent to everybody, whatever its B bit says: not for a name server (netbt 8.3 rule 1). The
	 * kernel gives every socket its copy; one of them is counted. */
	if (p->broadcast) {
		if (w->index == 0)
			wins_count(&w->stats.drop[NB_DROP_BROADCAST]);
		return 0;
	}
	len = wins_query(w->d->store, b->view, &w->stats, p->data, p->len, out, &drop);
	if (len)
		return len;
	if (drop != NB_DROP_NONE) {
		note_damaged(w, drop, p);
		return 0;
	}
	len = burst(w, p, out);
	if (!len) {
		hand_over(w, p, b->socket);
		b->to_registrar = true;
	}
	return len;
}

/* What every batch begins and ends with. */
static struct batch
begin_batch(struct worker *w, unsigned socket)
{
	struct batch b = { .view = wins_view(w->d->wins), .socket = socket };

	if (w->d->node)
		b.names = own_node_names(w->d->node, w->index);
	return b;
}

static void
end_batch(struct worker *w, const struct batch *b)
{
	if (w->d->node)
		own_node_names_done(w->d->node, w->index);
	if (b->to_registrar)
		registrar_wake(w->d->registrar);
	if (b->to_node)
		own_node_wake(w->d->node);
}

/* One batch of one socket; false when nothing was there. */
static bool
serve(struct worker *w, unsigned socket)
{
	unsigned n = udp_receive(w->in, w->fd[socket]);
	struct batch b;

	door_tend(&w->door[socket], n, UDP_BATCH);
	if (!n)
		return false;
	b = begin_batch(w, socket);
	for (unsigned i = 0; i < n; i++) {
		const struct udp_packet p = udp_packet(w->in, i);
		const struct udp_to to = { .peer = p.peer, .local = p.local, .port = p.port };
		size_t len = handle(w, &b, &p, udp_room(w->out));

		door_note(&w->door[socket], p.peer);
		if (len)
			udp_put(w->out, &to, len);
	}
	(void)udp_send(w->out, w->fd[socket]); /* what failed is counted */
	end_batch(w, &b);
	return true;
}

/* The ordinary socket that would have received it. */
static unsigned
socket_of(const struct worker *w, struct ip4 local)
{
	for (unsigned i = 0; i < w->nfd && i < w->d->conf.listen.n; i++)
		if (ip4_eq(w->d->conf.listen.a[i], local))
			return i;
	return 0;
}

/* The same past the kernel's network code. Queries only are picked there, but all can be handled. */
static bool
serve_fast(struct worker *w, struct xdp_socket *fast)
{
	unsigned n = xdp_receive(fast);
	struct udp_packet p;
	struct batch b;

	if (!n)
		return false;
	b = begin_batch(w, 0);
	for (unsigned i = 0; i < n; i++) {
		uint8_t *room = xdp_room(fast);
		size_t len;

		if (!xdp_packet(fast, i, &p))
			continue;
		if (!room) { /* the network takes nothing: as with a full socket, clients repeat */
			xdp_drop(fast);
			continue;
		}
		b.socket = socket_of(w, p.local);
		len = handle(w, &b, &p, room);
		if (len)
			xdp_put(fast, i, len);
	}
	xdp_send(fast);
	end_batch(w, &b);
	return true;
}

static void
rest(struct worker *w)
{
	struct pollfd p[WINSD_SOCKETS_MAX + XDP_QUEUES_MAX + 1];
	unsigned n = 0;
	int ms = -1;

	for (unsigned i = 0; i < w->nfd; i++) {
		p[n++] = (struct pollfd){ .fd = w->fd[i], .events = POLLIN };
		if (door_patience(&w->door[i]) >= 0)
			ms = door_patience(&w->door[i]);
	}
	for (unsigned i = 0; i < w->nfast; i++)
		p[n++] = (struct pollfd){ .fd = xdp_socket_fd(w->fast[i]), .events = POLLIN };
	p[n++] = (struct pollfd){ .fd = w->wake, .events = POLLIN };
	store_reader_offline();
	(void)poll(p, n, ms); /* whatever ends it, the loop looks again */
	store_reader_online();
}

static void *
run(void *arg)
{
	struct worker *w = arg;
	char name[16];

	snprintf(name, sizeof(name), "worker %u", w->index);
	pthread_setname_np(pthread_self(), name);
	(void)!nice(NICER); /* a wish */
	w->schedstat = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
	store_reader_register();
	while (!atomic_load_explicit(&w->stop, memory_order_relaxed)) {
		bool any = false;

		for (unsigned i = 0; i < w->nfd; i++)
			any |= serve(w, i);
		for (unsigned i = 0; i < w->nfast; i++)
			any |= serve_fast(w, w->fast[i]);
		store_reader_quiescent();
		if (!any)
			rest(w);
	}
	store_reader_unregister();
	return NULL;
}

/* ---- life ---- */

void
worker_tell_socket(struct winsd *d, struct ip4 address, int err)
{
	char text[200], a[IP4_STRLEN];

	snprintf(text, sizeof(text), "UDP port %u of %s: %s", (unsigned)d->conf.port,
	    address.v ? ip4_print(address, a) : "all addresses", nbt_strerror(err));
	teller_say(&d->teller, EV_WINSOCK_BIND_ERR, 0, text);
}

static size_t
power_of_two(size_t at_least)
{
	size_t n = 2;

	while (n < at_least)
		n *= 2;
	return n;
}

static int
open_one(struct worker *w)
{
	const struct conf_addresses *listen = &w->d->conf.listen;
	unsigned wanted = listen->n ? listen->n : 1;
	int err = 0;

	w->schedstat = -1;
	err = wake_open(&w->wake);
	for (unsigned i = 0; i < wanted && !err; i++) {
		const struct udp_opts opts = { .address = listen->n ? listen->a[i] : IP4_ANY,
			.port = (uint16_t)w->d->conf.port,
			.join = w->index > 0,
			.broadcast = w->d->conf.node_name[0], /* for the own node */
			.receive_buffer = w->d->conf.receive_buffer };

		err = udp_open(&opts, &w->fd[i]);
		if (err)
			worker_tell_socket(w->d, opts.address, err);
		else
			w->nfd++;
		w->door[i] = (struct door){ .d = w->d, .stats = &w->stats, .fd = w->fd[i] };
	}
	if (!err)
		err = udp_in_new(&w->udp, &w->in);
	if (!err)
		err = udp_out_new(&w->udp, &w->out);
	if (!err)
		err = ring_new(
		    power_of_two(w->d->conf.queue_max), sizeof(struct worker_packet), &w->ring);
	return err;
}

/* The queues of the interface are dealt out to the workers. */
static int
open_fast_sockets(struct winsd *d, char why[XDP_WHY_MAX])
{
	int err = 0;

	for (unsigned q = 0; q < xdp_queues(d->xdp) && !err; q++) {
		struct worker *w = &d->workers[q % d->nworkers];

		err = xdp_socket_open(d->xdp, q, &w->udp, &w->fast[w->nfast], why);
		if (!err)
			w->nfast++;
	}
	return err;
}

static int
open_fast(struct winsd *d)
{
	char why[XDP_WHY_MAX];
	int err = fast_open(&d->conf, &d->xdp, why);

	if (!err)
		err = open_fast_sockets(d, why);
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

int
workers_open(struct winsd *d)
{
	unsigned n = (unsigned)d->conf.workers;
	int err = 0;

	if (!n)
		n = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	d->workers = calloc(n, sizeof(*d->workers));
	if (!d->workers)
		return NBT_ENOMEM;
	for (; d->nworkers < n && !err; d->nworkers++) {
		struct worker *w = &d->workers[d->nworkers];

		w->d = d;
		w->index = d->nworkers;
		w->wake = -1;
		share_init(&w->share, arc4random(), arc4random());
		err = open_one(w);
	}
	if (!err && d->conf.xdp[0])
		err = open_fast(d);
	return err;
}

int
workers_start(struct winsd *d)
{
	for (unsigned i = 0; i < d->nworkers; i++) {
		struct worker *w = &d->workers[i];

		if (pthread_create(&w->thread, NULL, run, w))
			return NBT_ELIMIT;
		w->running = true;
	}
	return 0;
}

void
workers_stop(struct winsd *d)
{
	for (unsigned i = 0; i < d->nworkers; i++) {
		struct worker *w = &d->workers[i];

		if (!w->running)
			continue;
		atomic_store(&w->stop, true);
		wake(w->wake);
		pthread_join(w->thread, NULL);
		w->running = false;
	}
}

void
workers_close(struct winsd *d)
{
	for (unsigned i = 0; i < d->nworkers; i++) {
		struct worker *w = &d->workers[i];

		for (unsigned k = 0; k < w->nfast; k++)
			xdp_socket_close(w->fast[k]);
		for (unsigned k = 0; k < w->nfd; k++)
			close(w->fd[k]);
		if (w->wake >= 0)
			close(w->wake);
		udp_in_free(w->in);
		udp_out_free(w->out);
		ring_free(w->ring);
	}
	xdp_close(d->xdp);
	d->xdp = NULL;
	free(d->workers);
	d->workers = NULL;
	d->nworkers = 0;
}

/* ---- for the registrar ---- */

int
worker_socket(const struct winsd *d, unsigned i)
{
	return d->workers[0].fd[i];
}

struct ring *
worker_ring(const struct winsd *d, unsigned i)
{
	return d->workers[i].ring;
}

void
worker_taken(struct winsd *d, unsigned i, const struct wins_path *path)
{
	share_out(&d->workers[i].share, path->peer);
}

int
worker_schedstat(const struct winsd *d, unsigned i)
{
	return d->workers[i].schedstat;
}

const struct wins_stats *
worker_stats(const struct winsd *d, unsigned i)
{
	return &d->workers[i].stats;
}

void
worker_udp_stats(const struct winsd *d, struct udp_stats *sum)
{
	memset(sum, 0, sizeof(*sum));
	for (unsigned i = 0; i <= d->nworkers; i++) {
		const struct udp_stats *s = i < d->nworkers ? &d->workers[i].udp : d->sender_udp;

		sum->received += s->received;
		sum->truncated += s->truncated;
		sum->receive_errors += s->receive_errors;
		sum->sent += s->sent;
		sum->send_failed += s->send_failed;
		sum->send_dropped += s->send_dropped;
	}
}
