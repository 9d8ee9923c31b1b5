/* SPDX-License-Identifier: Apache-2.0 */
/* See nbperf_load.h. Layer: program; pure but for its memory. */
#include "nbperf/load.h"

#include <stdlib.h>

#define MS         INT64_C(1000000)
#define WACK_MAX_S 60 /* a server may not make us wait longer, nor more often (netbt 8.2 rule 8) */
#define WACKS_MAX  10

struct slot {
	struct heap_item timer; /* in the heap while the request is open */
	struct ask ask;
	int64_t since; /* when it was due to begin: a late start counts as the server's time */
	uint16_t id;
	uint8_t tries_left, wacks;
};

/* The slots of one socket. The one that has been free for the longest is taken first, with an id it has
 * not had for as long as ids allow, so that a late answer is seen to be one. */
struct lane {
	struct slot *slot;
	uint16_t *free;
	uint32_t first, nfree;
};

struct load {
	const struct perf *p;
	const struct names *names;
	struct plan plan;
	struct lane lane[PERF_SOCKETS_MAX];
	uint32_t size; /* of a lane: a power of two */
	uint32_t room; /* of it, how many may be open */
	struct heap timers;
	uint64_t count;
	int64_t end; /* begin nothing from then on */
	bool stopped;
	struct nb_msg msg; /* scratch */
	struct account account;
};

/* ---- life ---- */

static bool
open_lane(struct load *l, struct lane *lane)
{
	lane->slot = calloc(l->size, sizeof(*lane->slot));
	lane->free = calloc(l->size, sizeof(*lane->free));
	if (!lane->slot || !lane->free)
		return false;
	for (uint32_t i = 0; i < l->size; i++) {
		lane->slot[i].timer = HEAP_ITEM_INIT;
		lane->slot[i].id = (uint16_t)i;
		lane->free[i] = (uint16_t)i;
	}
	lane->nfree = l->size;
	return true;
}

struct load *
load_new(const struct perf *p, const struct names *names, bool owners, int64_t now)
{
	struct load *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->p = p;
	l->names = names;
	l->count = owners ? p->names : p->count;
	plan_init(&l->plan, p, owners);
	heap_init(&l->timers);
	l->room = (p->window + p->sockets - 1) / p->sockets;
	for (l->size = 2; l->size < l->room; l->size *= 2)
		continue;
	for (unsigned i = 0; i < p->sockets; i++)
		if (!open_lane(l, &l->lane[i])) {
			load_free(l);
			return NULL;
		}
	l->end = now + (int64_t)p->time_ms * MS;
	l->account.start_ns = l->account.end_ns = now;
	return l;
}

void
load_free(struct load *l)
{
	if (!l)
		return;
	heap_release(&l->timers);
	for (unsigned i = 0; i < l->p->sockets; i++) {
		free(l->lane[i].slot);
		free(l->lane[i].free);
	}
	free(l);
}

void
load_stop(struct load *l)
{
	l->stopped = true;
}

/* ---- requests ---- */

/* When request number `begun` is due: at once, or as the rate says. */
static int64_t
due(const struct load *l)
{
	double at = l->p->rate > 0 ? (double)l->account.begun * 1e9 / l->p->rate : 0;

	return l->account.start_ns + (int64_t)at;
}

static bool
more(const struct load *l, int64_t now)
{
	return !l->stopped && l->account.begun < l->count && now < l->end;
}

static int
arm(struct load *l, struct slot *s, int64_t at)
{
	heap_del(&l->timers, &s->timer);
	return heap_put(&l->timers, &s->timer, at);
}

static size_t
packet_of(struct load *l, const struct slot *s, uint8_t buf[static NB_UDP_MAX])
{
	l->account.sent++;
	ask_message(l->p, l->names, &s->ask, s->id, &l->msg);
	return nb_encode(&l->msg, buf, NB_UDP_MAX);
}

size_t
load_begin(struct load *l, unsigned socket, int64_t now, uint8_t buf[static NB_UDP_MAX])
{
	struct lane *lane = &l->lane[socket];
	struct slot *s;
	int64_t since = l->p->rate > 0 ? due(l) : now;

	if (!more(l, now) || since > now || l->size - lane->nfree >= l->room)
		return 0;
	s = &lane->slot[lane->free[lane->first]];
	if (arm(l, s, now + l->p->interval_ms * MS))
		return 0; /* no memory: when one has ended there is room again */
	lane->first = (lane->first + 1) % l->size;
	lane->nfree--;
	s->id = (uint16_t)(s->id + l->size);
	s->since = since;
	s->tries_left = (uint8_t)l->p->retries;
	s->wacks = 0;
	plan_next(&l->plan, load_open(l), &s->ask);
	l->account.begun++;
	l->account.op[s->ask.op].begun++;
	return packet_of(l, s, buf);
}

static void
end(struct load *l, unsigned socket, struct slot *s)
{
	struct lane *lane = &l->lane[socket];

	heap_del(&l->timers, &s->timer);
	lane->free[(lane->first + lane->nfree++) % l->size] = (uint16_t)(s - lane->slot);
}

static unsigned
socket_of(const struct load *l, const struct slot *s)
{
	for (unsigned i = 0; i < l->p->sockets; i++)
		if (s >= l->lane[i].slot && s < l->lane[i].slot + l->size)
			return i;
	return 0;
}

size_t
load_again(struct load *l, int64_t now, unsigned *ret_socket, uint8_t buf[static NB_UDP_MAX])
{
	struct heap_item *item;

	while ((item = heap_min(&l->timers)) && item->key <= now) {
		struct slot *s = (struct slot *)item; /* its first member */
		unsigned socket = socket_of(l, s);

		if (s->tries_left && !l->stopped && !arm(l, s, now + l->p->interval_ms * MS)) {
			s->tries_left--;
			l->account.repeated++;
			*ret_socket = socket;
			return packet_of(l, s, buf);
		}
		l->account.lost++;
		l->account.op[s->ask.op].lost++;
		l->account.end_ns = now;
		end(l, socket, s);
	}
	return 0;
}

/* ---- answers ---- */

static void
note_wrong(struct load *l, const struct slot *s, enum finding f)
{
	char name[NB_KEY_STRLEN], ip[IP4_STRLEN] = "no address";

	if (l->account.wrong[0])
		return;
	if (l->msg.naddr)
		ip4_print(l->msg.addr[0].ip, ip);
	snprintf(l->account.wrong, sizeof(l->account.wrong),
	    "%s number %llu: %s: %s of %.60s, %s, %s", op_text((enum perf_op)s->ask.op),
	    (unsigned long long)s->ask.number, finding_text(f), nb_kind_text(l->msg.kind),
	    nb_key_print(&l->msg.key, name), ip, nb_rcode_text(nb_rcode(&l->msg)));
}

/* The server asks for patience, and gets no more than is due to it. */
static void
wait_longer(struct load *l, struct slot *s, int64_t now)
{
	uint32_t seconds = l->msg.ttl < WACK_MAX_S ? l->msg.ttl : WACK_MAX_S;

	l->account.wacks++;
	if (++s->wacks <= WACKS_MAX && seconds)
		(void)arm(l, s, now + seconds * 1000 * MS); /* it was in the heap: there is room */
}

static void
note_answer(struct load *l, struct slot *s, enum finding f, int64_t now)
{
	struct account *a = &l->account;

	a->answered++;
	a->finding[f]++;
	a->rcode[nb_rcode(&l->msg)]++;
	a->end_ns = now;
	hist_add(&a->op[s->ask.op].latency, now > s->since ? (uint64_t)(now - s->since) : 0);
	if (f == FIND_RIGHT) {
		a->right++;
		a->op[s->ask.op].right++;
	} else {
		note_wrong(l, s, f);
	}
}

void
load_take(struct load *l, unsigned socket, const uint8_t *packet, size_t len, int64_t now)
{
	struct slot *s;
	enum finding f;

	if (l->p->dns ? dns_decode(packet, len, &l->msg) : nb_decode(packet, len, &l->msg)) {
		l->account.malformed++;
		return;
	}
	s = &l->lane[socket].slot[l->msg.id & (l->size - 1)];
	if (s->id != l->msg.id || s->timer.pos == SIZE_MAX) {
		l->account.late++;
		return;
	}
	f = ask_judge(l->p, l->names, &s->ask, &l->msg);
	if (f == FIND_WAIT) {
		wait_longer(l, s, now);
		return;
	}
	note_answer(l, s, f, now);
	end(l, socket, s);
}

/* ---- for the loop ---- */

static bool
has_room(const struct load *l)
{
	for (unsigned i = 0; i < l->p->sockets; i++)
		if (l->size - l->lane[i].nfree < l->room)
			return true;
	return false;
}

int64_t
load_next(const struct load *l)
{
	const struct heap_item *item = heap_min(&l->timers);
	int64_t next = item ? item->key : INT64_MAX;

	if (more(l, INT64_MIN) && has_room(l) && due(l) < next)
		next = due(l);
	if (!l->timers.n && l->end < next)
		next = l->end;
	return next;
}

bool
load_over(const struct load *l, int64_t now)
{
	return !more(l, now) && !l->timers.n;
}

uint64_t
load_open(const struct load *l)
{
	return l->timers.n;
}

struct account *
load_account(struct load *l)
{
	return &l->account;
}
