/* SPDX-License-Identifier: Apache-2.0 */
/* The workers' threads, sockets and batches. Layer: program. See worker.h. */
#include "front/worker.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/wake.h"
#include "ownnode/own_node.h"
#include "registrar/registrar.h"
#include "front/worker_inside.h"

/*
 * Where both share a processor, each answer of the registrar brings the client's next request: a worker
 * as important as the registrar interrupts it for one packet at a time. Measured: performance.md.
 */
#define NICER 5

struct worker_batch
worker_begin(struct worker *w, unsigned socket)
{
	struct worker_batch b = { .view = wins_view(w->d->wins), .socket = socket };

	if (w->d->node)
		b.names = own_node_names(w->d->node, w->index);
	return b;
}

void
worker_end(struct worker *w, const struct worker_batch *b)
{
	if (w->d->node)
		own_node_names_done(w->d->node, w->index);
	if (b->to_registrar) {
		registrar_note(w->d->registrar);
		w->handed = true;
	}
	if (b->to_node)
		own_node_wake(w->d->node);
}

void
worker_look_ahead(struct worker *w, unsigned n)
{
	const struct store *s = w->d->store;

	for (unsigned i = 0; i < n; i++)
		if (w->group[i].there)
			wins_read(s, w->group[i].p.data, w->group[i].p.len, &w->group[i].read);
	for (unsigned i = 0; i < n; i++)
		if (w->group[i].there)
			wins_fetch(s, &w->group[i].read);
}

/* A group of one socket's batch, from the packet with this number on; returns how many. */
static unsigned
serve_group(struct worker *w, struct worker_batch *b, unsigned first, unsigned left)
{
	unsigned n = worker_group_size(left);

	for (unsigned i = 0; i < n; i++) {
		w->group[i].p = udp_packet(w->in, first + i);
		if (w->untold)
			w->group[i].p.local = w->d->conf.listen.a[b->socket];
		w->group[i].there = true;
	}
	worker_look_ahead(w, n);
	for (unsigned i = 0; i < n; i++) {
		const struct udp_packet *p = &w->group[i].p;
		const struct udp_to to = { .peer = p->peer,
			.local = worker_leaves_from(w->d, b->socket, p->local),
			.port = p->port };
		size_t len = worker_handle(w, b, &w->group[i], udp_room(w->out));

		door_note(&w->door[b->socket], p->peer);
		if (len)
			udp_put(w->out, &to, len);
	}
	return n;
}

/* One batch of one socket; false when nothing was there. */
static bool
serve(struct worker *w, unsigned socket)
{
	unsigned n = udp_receive(w->in, w->fd[socket]);
	struct worker_batch b;

	door_tend(&w->door[socket], n, UDP_BATCH);
	if (!n)
		return false;
	b = worker_begin(w, socket);
	for (unsigned i = 0; i < n;)
		i += serve_group(w, &b, i, n - i);
	(void)udp_send(w->out, w->fd[socket]); /* what failed is counted */
	worker_end(w, &b);
	return true;
}

static void
note_pressed(struct worker *w)
{
	bool pressed = false;

	for (unsigned i = 0; i < w->nfd; i++)
		pressed |= w->door[i].fills;
	if (pressed != atomic_load_explicit(&w->pressed, memory_order_relaxed))
		atomic_store_explicit(&w->pressed, pressed, memory_order_relaxed);
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
		if (door_patience(&w->fast_door[i]) >= 0)
			ms = door_patience(&w->fast_door[i]);
	n += worker_fast_poll(w, &p[n]);
	p[n++] = (struct pollfd){ .fd = w->wake, .events = POLLIN };
	if (w->handed)
		registrar_wake(w->d->registrar); /* it may wait for what is read by now */
	w->handed = false;
	store_reader_offline();
	(void)poll(p, n, ms); /* whatever ends it, the loop looks again */
	store_reader_online();
}

static void
pin(const struct worker *w)
{
	cpu_set_t set;

	if (w->processor < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET(w->processor, &set);
	(void)sched_setaffinity(0, sizeof(set), &set); /* a wish: it serves elsewhere too */
}

static void *
run(void *arg)
{
	struct worker *w = arg;
	char name[16];

	snprintf(name, sizeof(name), "worker %u", w->index);
	pthread_setname_np(pthread_self(), name);
	(void)!nice(NICER); /* a wish */
	pin(w);
	w->schedstat = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
	store_reader_register();
	while (!atomic_load_explicit(&w->stop, memory_order_relaxed)) {
		bool any = false;

		for (unsigned i = 0; i < w->nfd; i++)
			any |= serve(w, i);
		note_pressed(w);
		any |= worker_fast_serve(w);
		store_reader_quiescent();
		if (!any) {
			ring_tidy(w->ring);
			rest(w);
		}
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
	w->processor = -1;
	/* The own node must know its interfaces. */
	w->untold = listen->n && !w->d->conf.node_name[0];
	err = wake_open(&w->wake);
	for (unsigned i = 0; i < wanted && !err; i++) {
		const struct udp_opts opts = { .address = listen->n ? listen->a[i] : IP4_ANY,
			.port = (uint16_t)w->d->conf.port,
			.join = w->index > 0,
			.untold = w->untold,
			.broadcast = w->d->conf.node_name[0], /* for the own node */
			.receive_buffer = w->d->conf.receive_buffer };

		err = udp_open(&opts, &w->fd[i]);
		if (err)
			worker_tell_socket(w->d, opts.address, err);
		else
			w->nfd++;
		w->door[i] = (struct door){
			.d = w->d, .stats = &w->stats, .kernel = &door_of_socket, .fd = w->fd[i]
		};
	}
	if (!err)
		err = udp_in_new(&w->udp, &w->in);
	if (!err)
		err = udp_out_new(&w->udp, &w->out);
	if (!err)
		err = ring_new(
		    power_of_two(w->d->conf.queue_max), sizeof(struct worker_packet), &w->ring);
	if (!err)
		err = ring_new(WORKER_LONG, WORKER_PACKET_MAX, &w->long_ring);
	if (!err)
		err = wait_new(w->d->conf.queue_max, &w->waiting);
	return err;
}

/* Each worker gets one of the processors that we may use, and what that one receives. Workers beyond
 * them get nothing more than their share of what other processors receive. */
static int
steer(struct winsd *d)
{
	unsigned processor[UDP_STEER_MAX], n = 0;
	cpu_set_t ours;
	int err = 0;

	if (sched_getaffinity(0, sizeof(ours), &ours))
		return NBT_EIO;
	for (unsigned i = 0; i < CPU_SETSIZE && n < d->nworkers && n < UDP_STEER_MAX; i++)
		if (CPU_ISSET(i, &ours)) {
			d->workers[n].processor = (int)i;
			processor[n++] = i;
		}
	for (unsigned i = 0; i < d->workers[0].nfd && !err; i++) {
		err = udp_steer(d->workers[0].fd[i], processor, n);
		if (err)
			worker_tell_socket(
			    d, d->conf.listen.n ? d->conf.listen.a[i] : IP4_ANY, err);
	}
	return err;
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
		share_init(&w->long_share, arc4random(), arc4random());
		err = open_one(w);
	}
	if (!err && d->conf.pin_workers && d->nworkers > 1)
		err = steer(d);
	if (!err && d->conf.xdp[0])
		err = worker_fast_open(d);
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
	worker_fast_close(d);
	for (unsigned i = 0; i < d->nworkers; i++) {
		struct worker *w = &d->workers[i];

		for (unsigned k = 0; k < w->nfd; k++)
			close(w->fd[k]);
		if (w->wake >= 0)
			close(w->wake);
		udp_in_free(w->in);
		udp_out_free(w->out);
		ring_free(w->ring);
		ring_free(w->long_ring);
		wait_free(w->waiting);
	}
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

const uint8_t *
worker_packet_data(const struct winsd *d, unsigned i, const struct worker_packet *oldest)
{
	return oldest->len > WORKER_PLACE_MAX ? ring_peek(d->workers[i].long_ring) : oldest->data;
}

void
worker_taken(struct winsd *d, unsigned i, const struct worker_packet *oldest)
{
	struct worker *w = &d->workers[i];

	share_out(&w->share, oldest->path.peer);
	if (oldest->len <= WORKER_PLACE_MAX)
		return;
	share_out(&w->long_share, oldest->path.peer);
	ring_pop(w->long_ring);
}

int64_t
workers_waited(const struct winsd *d)
{
	int64_t sum = 0, one;
	char text[80];

	for (unsigned i = 0; i < d->nworkers; i++) {
		ssize_t n = pread(d->workers[i].schedstat, text, sizeof(text) - 1, 0);

		text[n > 0 ? n : 0] = '\0';
		if (sscanf(text, "%*u %" SCNd64, &one) == 1)
			sum += one;
	}
	return sum;
}

static bool
has_unread(const struct worker *w)
{
	struct pollfd p[WINSD_SOCKETS_MAX];

	for (unsigned i = 0; i < w->nfd; i++)
		p[i] = (struct pollfd){ .fd = w->fd[i], .events = POLLIN };
	return poll(p, w->nfd, 0) > 0;
}

bool
workers_unread(const struct winsd *d, size_t enough)
{
	size_t waiting = 0;

	for (unsigned i = 0; i < d->nworkers; i++)
		waiting += ring_used(d->workers[i].ring);
	for (unsigned i = 0; i < d->nworkers && waiting < enough; i++)
		if (has_unread(&d->workers[i]))
			return true;
	return false;
}

bool
workers_pressed(const struct winsd *d)
{
	for (unsigned i = 0; i < d->nworkers; i++)
		if (atomic_load_explicit(&d->workers[i].pressed, memory_order_relaxed) &&
		    ring_used(d->workers[i].ring) < d->conf.queue_max / 4 * 3)
			return true;
	return false;
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
