/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop: begins what the load wants to begin, sends what it repeats, hands it what arrives, and
 * sleeps when nothing of that is to be done. Layer: program.
 */
#include "nbperf/pull.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#define SECOND      INT64_C(1000000000)
#define PROGRESS_NS (5 * SECOND)
#define SLEEP_NS    (SECOND / 10) /* at most: how soon an interruption is seen */
#define ROUNDS      16            /* batches of one socket before another gets its turn */

struct running {
	struct perf *p;
	const volatile int *interrupted;
	struct names *names;
	struct link *link[PERF_SOCKETS_MAX];
	struct owners owners;
	struct load *load;
	int64_t told; /* progress */
	char why[PERF_WHY_LEN];
};

int64_t
run_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * SECOND + t.tv_nsec;
}

/* ---- sockets ---- */

static bool
failed(struct running *r, const char *what, struct ip4 ip, int error)
{
	char text[IP4_STRLEN];

	snprintf(r->why, sizeof(r->why), "%s %s: %s", what, ip4_print(ip, text), strerror(error));
	return false;
}

bool
run_resolve(const char *server, struct ip4 *ret, char why[static PERF_WHY_LEN])
{
	struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_DGRAM }, *found;
	int error = getaddrinfo(server, NULL, &hints, &found);
	struct sockaddr_in sin;

	if (error) {
		snprintf(why, PERF_WHY_LEN, "cannot find %.200s: %s", server, gai_strerror(error));
		return false;
	}
	memcpy(&sin, found->ai_addr, sizeof(sin));
	freeaddrinfo(found);
	*ret = (struct ip4){ ntohl(sin.sin_addr.s_addr) };
	return true;
}

static bool
open_links(struct running *r)
{
	const struct perf *p = r->p;
	struct ip4 server, bad;
	int error;

	if (!run_resolve(p->server, &server, r->why))
		return false;
	for (unsigned i = 0; i < p->sockets; i++) {
		const struct link_opts opts = { .peer = server,
			.source = p->sources.n ? p->sources.a[i % p->sources.n] : IP4_ANY,
			.port = p->port,
			.batch = p->batch };

		error = link_open(&opts, &r->link[i]);
		if (error)
			return failed(r, p->sources.n ? "cannot send from" : "cannot send to",
			    p->sources.n ? opts.source : server, error);
	}
	r->p->self = link_local(r->link[0]);
	if (p->mode != PERF_CHALLENGE)
		return true;
	error = owners_open(&r->owners, p, &bad);
	return error ? failed(r, "cannot listen on port 137 of", bad, error) : true;
}

static void
close_links(struct running *r)
{
	for (unsigned i = 0; i < r->p->sockets; i++)
		link_close(r->link[i]);
	owners_close(&r->owners);
}

/* ---- one turn ---- */

static bool
send_batch(struct running *r, unsigned socket)
{
	int error = link_send(r->link[socket]);

	if (error)
		snprintf(r->why, sizeof(r->why), "cannot send to %.200s: %s", r->p->server,
		    strerror(error));
	return !error;
}

/* Fills and sends one batch; whether anything was begun. */
static bool
begin(struct running *r, unsigned socket)
{
	int64_t now = run_now_ns();
	bool any = false;
	uint8_t *room;
	size_t len;

	while ((room = link_room(r->link[socket]))) {
		len = load_begin(r->load, socket, now, room);
		if (!len)
			break;
		link_put(r->link[socket], len);
		any = true;
	}
	return any && send_batch(r, socket);
}

static bool
take(struct running *r, unsigned socket)
{
	unsigned n = link_receive(r->link[socket]);
	int64_t now = n ? run_now_ns() : 0;

	for (unsigned i = 0; i < n; i++) {
		size_t len;
		const uint8_t *packet = link_packet(r->link[socket], i, &len);

		load_take(r->load, socket, packet, len, now);
	}
	return n > 0;
}

static void
repeat(struct running *r)
{
	int64_t now = run_now_ns();
	uint8_t packet[NB_UDP_MAX];
	unsigned socket;
	size_t len;

	while (!r->why[0] && (len = load_again(r->load, now, &socket, packet))) {
		uint8_t *room = link_room(r->link[socket]);

		if (!room && send_batch(r, socket))
			room = link_room(r->link[socket]);
		if (!room)
			return;
		memcpy(room, packet, len);
		link_put(r->link[socket], len);
	}
	for (unsigned i = 0; i < r->p->sockets && !r->why[0]; i++)
		(void)send_batch(r, i);
}

static void
rest(struct running *r)
{
	struct pollfd fd[PERF_SOCKETS_MAX + PERF_ADDRESSES_MAX];
	int64_t ns = load_next(r->load) - run_now_ns();
	nfds_t n = 0;

	if (ns <= 0)
		return;
	if (ns > SLEEP_NS)
		ns = SLEEP_NS;
	for (unsigned i = 0; i < r->p->sockets; i++)
		fd[n++] = (struct pollfd){ .fd = link_fd(r->link[i]), .events = POLLIN };
	for (unsigned i = 0; i < r->owners.n; i++)
		fd[n++] = (struct pollfd){ .fd = link_fd(r->owners.link[i]), .events = POLLIN };
	(void)ppoll(fd, n, &(struct timespec){ ns / SECOND, ns % SECOND }, NULL);
}

static void
turn(struct running *r)
{
	bool any = false;

	for (unsigned i = 0; i < r->p->sockets && !r->why[0]; i++) {
		for (unsigned k = 0; k < ROUNDS && take(r, i); k++)
			any = true;
		for (unsigned k = 0; k < ROUNDS && begin(r, i); k++)
			any = true;
	}
	owners_serve(&r->owners, r->p);
	repeat(r);
	if (!any)
		rest(r);
}

/* The machine says that nobody listens there, and nobody ever answered: no use in going on. */
static bool
hopeless(struct running *r)
{
	const struct account *a = load_account(r->load);
	uint64_t refused = 0;

	if (a->answered || !a->lost)
		return false;
	for (unsigned i = 0; i < r->p->sockets; i++)
		refused += link_refused(r->link[i]);
	if (refused)
		snprintf(r->why, sizeof(r->why), "nobody listens on port %u of %.200s", r->p->port,
		    r->p->server);
	return refused > 0;
}

static void
tell_progress(struct running *r, int64_t now)
{
	if (r->p->quiet || now - r->told < PROGRESS_NS)
		return;
	r->told = now;
	report_progress(r->p, load_account(r->load), now, stderr);
}

/* From the first request to the last answer. False: r->why. */
static bool
drive(struct running *r, bool owners)
{
	int64_t now = run_now_ns();

	r->told = now;
	r->load = load_new(r->p, r->names, owners, now);
	if (!r->load) {
		snprintf(r->why, sizeof(r->why), "no memory for a window of %u", r->p->window);
		return false;
	}
	while (!load_over(r->load, now) && !r->why[0] && !hopeless(r)) {
		turn(r);
		now = run_now_ns();
		tell_progress(r, now);
		if (*r->interrupted)
			load_stop(r->load);
	}
	return !r->why[0];
}

/* ---- all of it ---- */

/* The names that are to be challenged must be there first. */
static bool
prepare(struct running *r)
{
	const struct account *a;
	bool ready;

	if (r->p->mode != PERF_CHALLENGE)
		return true;
	if (!drive(r, true))
		return false;
	a = load_account(r->load);
	ready = a->right == a->begun;
	if (!ready)
		snprintf(r->why, sizeof(r->why),
		    "only %llu of %llu names could be registered for their owners%s%s",
		    (unsigned long long)a->right, (unsigned long long)r->p->names,
		    a->wrong[0] ? "; " : "", a->wrong);
	load_free(r->load);
	r->load = NULL;
	return ready;
}

static enum run_end
report(struct running *r, FILE *out)
{
	const struct account *a = load_account(r->load);
	struct report rep = { .p = r->p,
		.account = a,
		.seconds = (double)(a->end_ns - a->start_ns) / 1e9,
		.owners = &r->owners,
		.interrupted = *r->interrupted };

	for (unsigned i = 0; i < r->p->sockets; i++)
		rep.refused += link_refused(r->link[i]);
	if (r->p->json)
		report_json(&rep, out);
	else
		report_show(&rep, out);
	return report_end(a);
}

static enum run_end
run_responder(struct perf *p, const volatile int *interrupted, FILE *out)
{
	uint64_t answered;
	int error = respond(p, interrupted, &answered);

	if (error) {
		fprintf(stderr, "nbperf: port %u: %s\n", p->port, strerror(error));
		return RUN_FAILED;
	}
	fprintf(out, p->json ? "{\"answered\": %llu}\n" : "answered %llu\n",
	    (unsigned long long)answered);
	return RUN_ALL_RIGHT;
}

enum run_end
run(struct perf *p, const volatile int *interrupted, FILE *out)
{
	struct running r = { .p = p, .interrupted = interrupted };
	enum run_end end = RUN_FAILED;

	if (p->mode == PERF_RESPONDER)
		return run_responder(p, interrupted, out);
	if (p->mode == PERF_PULL)
		return pull_run(p, interrupted, out);
	if (names_open(p, &r.names, r.why) && open_links(&r) && prepare(&r) && drive(&r, false))
		end = report(&r, out);
	else
		fprintf(stderr, "nbperf: %s\n", r.why);
	load_free(r.load);
	close_links(&r);
	names_free(r.names);
	return end;
}
