/* SPDX-License-Identifier: Apache-2.0 */
/* Time, chance and UDP of the simulation. See mesh_world.h. */
#include "mesh_world.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define STUCK 200000 /* events without a millisecond passing */

struct flight {
	struct ev ev; /* first */
	struct ip4 from, to;
	uint16_t len;
	uint8_t data[NB_UDP_MAX + 64];
};

void
mesh_must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "the simulation cannot go on: %s\n", what);
	abort();
}

static void
say(struct mesh *m, FILE *to, const char *form, va_list args)
{
	fprintf(to, "# %llu %12.3f ", (unsigned long long)m->seed, (double)m->now.ns / 1e9);
	vfprintf(to, form, args);
	fputc('\n', to);
}

void
mesh_fault(struct mesh *m, const char *form, ...)
{
	va_list args;

	if (m->faults++ >= 20)
		return;
	va_start(args, form);
	say(m, stdout, form, args);
	va_end(args);
}

void
mesh_trace(struct mesh *m, const char *form, ...)
{
	va_list args;

	if (!m->trace)
		return;
	va_start(args, form);
	say(m, m->trace, form, args);
	va_end(args);
}

/* ---- chance ---- */

/* Steele, Lea, Flood: SplitMix64. */
uint64_t
mesh_mix(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

uint32_t
mesh_random(struct mesh *m, uint32_t below)
{
	return (uint32_t)(mesh_mix(&m->random) >> 32) % below;
}

/* FNV-1a. */
void
mesh_hash(struct mesh *m, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	for (size_t i = 0; i < len; i++)
		m->hash = (m->hash ^ p[i]) * 0x100000001b3u;
}

/* ---- time ---- */

void
mesh_cancel(struct mesh *m, struct ev *ev)
{
	heap_del(&m->queue, &ev->item);
}

void
mesh_at(struct mesh *m, struct ev *ev, struct mono when)
{
	mesh_cancel(m, ev);
	if (when.ns == INT64_MAX)
		return;
	mesh_must(
	    !heap_put(&m->queue, &ev->item, when.ns > m->now.ns ? when.ns : m->now.ns), "memory");
}

void
mesh_pass(struct mesh *m, int64_t ms)
{
	struct mono end = mono_add_ms(m->now, ms);
	struct heap_item *it;
	uint64_t same = 0;

	while ((it = heap_min(&m->queue)) && it->key <= end.ns) {
		struct ev *ev = (struct ev *)it;
		bool freed = ev->freed;

		same = it->key > m->now.ns ? 0 : same + 1;
		mesh_must(same < STUCK, "nothing happens any more, again and again");
		m->now.ns = it->key;
		heap_del(&m->queue, it);
		m->events++;
		mesh_hash(m, &m->now, sizeof(m->now));
		ev->run(m, ev);
		if (freed)
			free(ev);
	}
	m->now = end;
}

/* ---- UDP ---- */

/* Which side of the partition an address is on; -1: nobody has it. */
static int
side_of(const struct mesh *m, struct ip4 ip)
{
	unsigned n = ip.v & 0xffff;

	if ((ip.v & 0xffff0000) == SERVER_IP(0).v - 1)
		return n - 1 < m->nservers ? m->side[n - 1] : -1;
	return n < m->nhosts && m->host[n] ? m->host[n]->client->side : -1;
}

bool
mesh_reachable(const struct mesh *m, struct ip4 a, struct ip4 b)
{
	int from = side_of(m, a), to = side_of(m, b);

	return from >= 0 && from == to;
}

static void
arrive(struct mesh *m, struct ev *ev)
{
	struct flight *f = (struct flight *)ev;
	unsigned n = f->to.v & 0xffff;

	/* Its sender may have left that address meanwhile; the packet is on its way all the same. */
	if ((f->to.v & 0xffff0000) == SERVER_IP(0).v - 1)
		server_udp(m, &m->server[n - 1], f->from, f->data, f->len);
	else if (m->host[n])
		client_udp(m, m->host[n], f->from, f->data, f->len);
}

static void
fly(struct mesh *m, const struct flight *model)
{
	struct flight *f;

	m->packets++;
	if (mesh_random(m, 1000) < m->loss || !mesh_reachable(m, model->from, model->to))
		return;
	f = malloc(sizeof(*f));
	mesh_must(f, "memory");
	*f = *model;
	f->ev = (struct ev){ HEAP_ITEM_INIT, arrive, true };
	mesh_at(m, &f->ev, mono_add_ms(m->now, 1 + mesh_random(m, m->delay_ms + 1)));
}

void
mesh_udp(struct mesh *m, struct ip4 from, struct ip4 to, const uint8_t *data, size_t len)
{
	struct flight f = { .from = from, .to = to, .len = (uint16_t)len };

	mesh_must(len <= sizeof(f.data), "a packet is too long");
	memcpy(f.data, data, len);
	mesh_hash(m, &to, sizeof(to));
	mesh_hash(m, data, len);
	fly(m, &f);
	if (mesh_random(m, 1000) < m->doubled)
		fly(m, &f);
}

/* ---- life ---- */

static void
join(struct mesh *m, unsigned a, unsigned b)
{
	if (a != b)
		m->partner[a][b] = m->partner[b][a] = true;
}

/* The longest way between two servers. */
static unsigned
measure(const struct mesh *m)
{
	unsigned longest = 0;

	for (unsigned from = 0; from < m->nservers; from++) {
		unsigned way[MESH_SERVERS_MAX], done = 1;

		for (unsigned i = 0; i < m->nservers; i++)
			way[i] = i == from ? 0 : UINT32_MAX;
		for (unsigned d = 0; done && d < m->nservers; d++) {
			done = 0;
			for (unsigned i = 0; i < m->nservers; i++)
				for (unsigned k = 0; way[i] == d && k < m->nservers; k++)
					if (m->partner[i][k] && way[k] == UINT32_MAX) {
						way[k] = d + 1;
						done = 1;
					}
		}
		for (unsigned i = 0; i < m->nservers; i++)
			longest = way[i] > longest ? way[i] : longest;
	}
	return longest;
}

static void
connect_servers(struct mesh *m)
{
	unsigned n = m->nservers;

	for (unsigned i = 1; i < n; i++) {
		if (m->plan.graph == GRAPH_RING)
			join(m, i - 1, i);
		else if (m->plan.graph == GRAPH_HUB)
			join(m, 0, i);
		else if (m->plan.graph == GRAPH_RANDOM)
			join(m, mesh_random(m, i), i);
		for (unsigned k = 0; k < i && m->plan.graph == GRAPH_MESH; k++)
			join(m, k, i);
	}
	if (m->plan.graph == GRAPH_RING)
		join(m, n - 1, 0);
	for (unsigned i = 0; m->plan.graph == GRAPH_RANDOM && i < n / 2; i++)
		join(m, mesh_random(m, n), mesh_random(m, n));
	m->hops = measure(m);
	mesh_must(m->hops < n, "a graph in pieces");
}

void
mesh_init(struct mesh *m, uint64_t seed, const struct plan *plan, FILE *trace)
{
	*m = (struct mesh){ .seed = seed,
		.random = seed,
		.hash = 0xcbf29ce484222325u,
		.plan = *plan,
		.now = { 1000000000 },
		.nservers = plan->nservers,
		.nclients = plan->nclients,
		.nhosts = 3 * plan->nclients + 16,
		.loss = plan->loss,
		.doubled = plan->doubled,
		.delay_ms = plan->delay_ms,
		.trace = trace };
	mesh_must(m->nhosts <= MESH_HOSTS_MAX && m->nservers <= MESH_SERVERS_MAX, "too large");
	heap_init(&m->queue);
	m->server = calloc(m->nservers, sizeof(*m->server));
	m->client = calloc(m->nclients, sizeof(*m->client));
	mesh_must(m->server && m->client, "memory");
	connect_servers(m);
	store_reader_register();
	for (unsigned i = 0; i < m->nservers; i++)
		server_init(m, i);
	for (unsigned i = 0; i < m->nclients; i++)
		client_init(m, i);
}

void
mesh_end(struct mesh *m)
{
	struct heap_item *it;

	for (unsigned i = 0; i < m->nservers; i++)
		server_end(&m->server[i]);
	tcp_end(m);
	while ((it = heap_min(&m->queue))) {
		heap_del(&m->queue, it);
		if (((struct ev *)it)->freed)
			free(it);
	}
	heap_release(&m->queue);
	store_reader_unregister();
	check_end(m);
	free(m->server);
	free(m->client);
}
