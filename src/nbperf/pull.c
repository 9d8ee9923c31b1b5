/* SPDX-License-Identifier: Apache-2.0 */
/* See nbperf_pull.h. Layer: program. */
#include "nbperf/pull.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define MS          INT64_C(1000000)
#define PROGRESS_NS (5000 * MS)
#define POLL_MS     100 /* how soon an interruption is seen */
#define ASK_MAX     64  /* bytes of any message of ours */

struct asked {
	struct ip4 owner;
	uint64_t min, max;
	int64_t sent_ns;
};

struct pulling {
	const struct perf *p;
	const volatile int *interrupted;
	struct ip4 server;
	int fd;
	uint32_t ours, theirs; /* handles of the association */
	struct replies *replies;
	struct wrepl_owner *map;
	uint32_t nmap, at;                /* the owner that is asked about next, */
	uint64_t from;                    /* and from which version on */
	struct asked asked[PERF_ASK_MAX]; /* a ring: answers come in order */
	unsigned first, open;
	bool mapped;    /* the server talks to us: it said which owners it knows */
	bool answering; /* the head of an answer came, not yet its end */
	struct reply_check check;
	int64_t heard, told; /* the last byte, the last progress line */
	struct pull_account account;
};

__attribute__((format(printf, 2, 3))) static bool
broken(struct pulling *r, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(r->account.broken, sizeof(r->account.broken), format, args);
	va_end(args);
	return false;
}

/* Begin no more? */
static bool
over(const struct pulling *r)
{
	return *r->interrupted || run_now_ns() - r->account.start_ns >= (int64_t)r->p->time_ms * MS;
}

/* ---- bytes ---- */

static struct sockaddr_in
socket_address(struct ip4 ip, uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(ip.v)
	};
}

static void
tell_progress(struct pulling *r, int64_t now)
{
	if (r->p->quiet || now - r->told < PROGRESS_NS)
		return;
	r->told = now;
	pull_progress(&r->account, now, stderr);
}

/* Waits until the socket is ready; false: not within the interval since something was heard. */
static bool
wait_ready(struct pulling *r, short events)
{
	struct pollfd fd = { .fd = r->fd, .events = events };

	while (poll(&fd, 1, POLL_MS) <= 0) {
		int64_t now = run_now_ns();

		if (now - r->heard >= (int64_t)r->p->interval_ms * MS)
			return broken(r, "nothing came from %.200s for %u ms", r->p->server,
			    r->p->interval_ms);
		tell_progress(r, now);
	}
	return true;
}

static bool
connect_server(struct pulling *r)
{
	struct ip4 source = r->p->sources.n ? r->p->sources.a[0] : IP4_ANY;
	struct sockaddr_in from = socket_address(source, 0),
			   to = socket_address(r->server, r->p->port);
	char text[IP4_STRLEN];
	int error = 0;
	socklen_t len = sizeof(error);

	r->heard = run_now_ns();
	r->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (r->fd < 0)
		return broken(r, "no socket: %s", strerror(errno));
	if (bind(r->fd, (struct sockaddr *)&from, sizeof(from)))
		return broken(
		    r, "cannot send from %s: %s", ip4_print(source, text), strerror(errno));
	if (!connect(r->fd, (struct sockaddr *)&to, sizeof(to)))
		return true;
	if (errno == EINPROGRESS) {
		if (!wait_ready(r, POLLOUT))
			return false;
		if (getsockopt(r->fd, SOL_SOCKET, SO_ERROR, &error, &len))
			error = errno;
	} else {
		error = errno;
	}
	return !error || broken(r, "cannot connect to port %u of %.200s: %s", r->p->port,
			     r->p->server, strerror(error));
}

/* What is unsent is at most PERF_ASK_MAX small messages, which the socket always has room for. */
static bool
send_message(struct pulling *r, const struct wrepl_msg *m)
{
	uint8_t bytes[ASK_MAX];
	size_t len = wrepl_encode(m, NULL, bytes, sizeof(bytes));

	if (send(r->fd, bytes, len, MSG_NOSIGNAL) == (ssize_t)len)
		return true;
	return broken(r, "cannot send to %.200s: %s", r->p->server, strerror(errno));
}

static bool
receive(struct pulling *r)
{
	size_t room;
	uint8_t *to = replies_room(r->replies, &room);
	ssize_t n;

	do {
		if (!wait_ready(r, POLLIN))
			return false;
		n = recv(r->fd, to, room, 0);
	} while (n < 0 && (errno == EAGAIN || errno == EINTR));
	if (n < 0)
		return broken(r, "%.200s broke the connection: %s", r->p->server, strerror(errno));
	if (n == 0)
		return broken(r, "%.200s closed the connection", r->p->server);
	r->heard = run_now_ns();
	tell_progress(r, r->heard);
	r->account.bytes += (uint64_t)n;
	replies_put(r->replies, (size_t)n);
	return true;
}

/* ---- what comes ---- */

/* An answer ended, or will never go on. */
static void
account_answer(struct pulling *r)
{
	struct pull_account *a = &r->account;
	const struct reply_check *c = &r->check;

	hist_add(&a->latency, (uint64_t)(run_now_ns() - r->asked[r->first].sent_ns));
	a->answered++;
	a->finding[c->finding]++;
	a->right += c->finding == REPLY_RIGHT;
	if (c->finding && !a->wrong[0])
		memcpy(a->wrong, c->wrong, sizeof(a->wrong));
	r->first = (r->first + 1) % PERF_ASK_MAX;
	r->open--;
	r->answering = false;
}

static bool
head_came(struct pulling *r)
{
	const struct asked *q = &r->asked[r->first];

	if (!r->open)
		return broken(r, "%.200s sent records that it was not asked for", r->p->server);
	r->answering = true;
	r->check = (struct reply_check){ .owner = q->owner, .min = q->min, .max = q->max };
	return true;
}

static bool
malformed_came(struct pulling *r, enum wrepl_drop drop)
{
	if (r->answering) {
		reply_check_malformed(&r->check, wrepl_drop_text(drop));
		account_answer(r);
	}
	return broken(r, "%.200s sent %s", r->p->server, wrepl_drop_text(drop));
}

static bool
message_came(struct pulling *r, const struct wrepl_msg *m)
{
	r->account.messages++;
	if (m->handle != r->ours)
		return broken(r, "%.200s sent a %s for another association", r->p->server,
		    wrepl_kind_text(m->kind));
	return m->kind != WREPL_STOP ||
	       broken(r, "%.200s ended the association, reason %u", r->p->server, m->reason);
}

/* The next step in what came; a record or the end of an answer is accounted for. */
static bool
next_step(struct pulling *r, struct replies_event *ret, enum replies_step *ret_step)
{
	enum replies_step step;

	while ((step = replies_next(r->replies, ret)) == REPLIES_WANT)
		if (!receive(r))
			return false;
	*ret_step = step;
	switch (step) {
	case REPLIES_MESSAGE:
		return message_came(r, &ret->msg);
	case REPLIES_HEAD:
		return message_came(r, &ret->msg) && head_came(r);
	case REPLIES_RECORD:
		r->account.records++;
		reply_check_record(&r->check, &ret->record);
		break;
	case REPLIES_UNNAMED:
		r->account.unnamed++;
		break;
	case REPLIES_END:
		account_answer(r);
		break;
	case REPLIES_MALFORMED:
		return malformed_came(r, ret->drop);
	case REPLIES_WANT:
		break;
	}
	return true;
}

/* A message of the kind; notifications, which a server may send whenever it likes, are passed over. */
static bool
await(struct pulling *r, enum wrepl_kind kind, struct replies_event *ret)
{
	enum replies_step step;

	do
		if (!next_step(r, ret, &step))
			return false;
	while (ret->msg.kind != kind);
	return true;
}

/* ---- one pull (3.6) ---- */

static bool
associate(struct pulling *r)
{
	struct wrepl_msg m = {
		.kind = WREPL_START_REQ, .major = WREPL_MAJOR, .minor = WREPL_MINOR
	};
	struct replies_event e;

	if (getrandom(&r->ours, sizeof(r->ours), 0) != sizeof(r->ours))
		return broken(r, "no random number");
	m.sender = r->ours;
	if (!send_message(r, &m) || !await(r, WREPL_START_RESP, &e))
		return false;
	r->theirs = e.msg.sender;
	return true;
}

static bool
fetch_map(struct pulling *r)
{
	const struct wrepl_msg m = { .kind = WREPL_MAP_REQ, .handle = r->theirs };
	struct replies_event e;

	if (!send_message(r, &m) || !await(r, WREPL_MAP_RESP, &e))
		return false;
	r->map = calloc((size_t)e.msg.count + 1, sizeof(*r->map));
	if (!r->map)
		return broken(r, "no memory for %u owners", e.msg.count);
	for (uint32_t i = 0; i < e.msg.count; i++)
		r->map[i] = wrepl_owner_at(&e.msg, i);
	r->nmap = e.msg.count;
	r->account.owners = e.msg.count;
	return true;
}

/* Is there more to be asked for? Owners of whom nothing is known are passed over. */
static bool
more(struct pulling *r)
{
	while (r->at < r->nmap && !r->map[r->at].max)
		r->at++;
	return r->at < r->nmap;
}

static bool
ask(struct pulling *r)
{
	const struct wrepl_owner *owner = &r->map[r->at];
	struct asked *q = &r->asked[(r->first + r->open) % PERF_ASK_MAX];
	struct wrepl_msg m = { .kind = WREPL_RECORDS_REQ, .handle = r->theirs };

	*q = (struct asked){ owner->ip, r->from, owner->max, run_now_ns() };
	if (r->p->range && owner->max - r->from >= r->p->range)
		q->max = r->from + r->p->range - 1;
	r->from = q->max + 1;
	if (q->max == owner->max) {
		r->at++;
		r->from = 1;
	}
	m.wanted = (struct wrepl_owner){ .ip = q->owner, .max = q->max, .min = q->min };
	r->open++;
	r->account.begun++;
	return send_message(r, &m);
}

static bool
fetch_records(struct pulling *r)
{
	struct replies_event e;
	enum replies_step step;

	r->from = 1;
	while ((more(r) && !over(r)) || r->open) {
		while (r->open < r->p->window && more(r) && !over(r))
			if (!ask(r))
				return false;
		do
			if (!next_step(r, &e, &step))
				return false;
		while (step != REPLIES_END);
	}
	return true;
}

static void
disconnect(struct pulling *r)
{
	r->account.lost += r->open;
	r->open = 0;
	r->nmap = r->at = 0;
	r->answering = false;
	free(r->map);
	r->map = NULL;
	replies_free(r->replies);
	r->replies = NULL;
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
}

/* A stranger is told no, or nothing at all, when it asks for the map (3.7). */
static bool
refused(struct pulling *r)
{
	struct sockaddr_in from = { 0 };
	socklen_t len = sizeof(from);
	char said[256], text[IP4_STRLEN];

	(void)getsockname(r->fd, (struct sockaddr *)&from, &len);
	snprintf(said, sizeof(said), "%.255s", r->account.broken);
	return broken(r, "%s, when asked which owners it knows; is %s one of its partners?", said,
	    ip4_print((struct ip4){ ntohl(from.sin_addr.s_addr) }, text));
}

/* From connection to stop. */
static bool
pull(struct pulling *r)
{
	struct wrepl_msg stop = { .kind = WREPL_STOP };

	r->replies = replies_new();
	if (!r->replies)
		return broken(r, "no memory");
	if (!connect_server(r) || !associate(r))
		return false;
	if (!fetch_map(r))
		return refused(r);
	r->mapped = true;
	if (!fetch_records(r))
		return false;
	r->account.pulls += !more(r);
	stop.handle = r->theirs;
	return send_message(r, &stop);
}

static enum run_end
report(struct pulling *r, FILE *out)
{
	const struct pull_account *a = &r->account;

	if (!r->mapped) {
		fprintf(stderr, "nbperf: %s\n", a->broken);
		return RUN_FAILED;
	}
	if (r->p->json)
		pull_json(r->p, a, *r->interrupted, out);
	else
		pull_show(r->p, a, *r->interrupted, out);
	if (a->begun && !a->answered)
		return RUN_FAILED;
	return a->broken[0] || a->right != a->begun ? RUN_NOT_ALL : RUN_ALL_RIGHT;
}

enum run_end
pull_run(const struct perf *p, const volatile int *interrupted, FILE *out)
{
	struct pulling *r = calloc(1, sizeof(*r));
	enum run_end end;
	bool fine;

	if (!r) {
		fprintf(stderr, "nbperf: no memory\n");
		return RUN_FAILED;
	}
	r->p = p;
	r->interrupted = interrupted;
	r->fd = -1;
	r->account.start_ns = r->told = run_now_ns();
	fine = run_resolve(p->server, &r->server, r->account.broken);
	for (uint64_t i = 0; fine && i < p->count && (i == 0 || !over(r)); i++) {
		fine = pull(r);
		disconnect(r);
	}
	r->account.end_ns = run_now_ns();
	end = report(r, out);
	free(r);
	return end;
}
