/* SPDX-License-Identifier: Apache-2.0 */
/* See repl_ask_clock.h. Layer: program. */
#include "replnet/ask_clock.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "io/clock.h"
#include "replnet/smb_clock.h"

#define FIRST_MS 1000 /* after the start */
#define LOOK_MS  5000 /* whom to ask next; an answer has so long */
#define EVERY_NS INT64_C(3600000000000)

struct asked {
	struct ip4 partner;
	struct mono at;
};

struct repl_ask_clock {
	const struct conf *conf;
	struct repl_tcp *to;
	uv_timer_t timer;
	uv_tcp_t stream;
	uv_connect_t connect;
	uv_write_t write;
	bool open, closing;
	unsigned open_handles;
	struct ip4 partner; /* who is being asked */
	struct mono sent;
	struct asked asked[CONF_PARTNERS_MAX];
	unsigned nasked;
	size_t have;
	uint8_t in[SMB_CLOCK_ANSWER], out[SMB_CLOCK_ASK];
};

static int64_t
wall_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * INT64_C(1000) + ts.tv_nsec / 1000000;
}

/* ---- one question ---- */

static void
handle_gone(uv_handle_t *h)
{
	struct repl_ask_clock *k = h->data;

	if (h == (uv_handle_t *)&k->stream)
		k->open = false;
	if (!--k->open_handles && k->closing)
		free(k);
}

static void
hang_up(struct repl_ask_clock *k)
{
	if (k->open && !uv_is_closing((uv_handle_t *)&k->stream))
		uv_close((uv_handle_t *)&k->stream, handle_gone);
}

static void
room(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
	struct repl_ask_clock *k = h->data;

	(void)suggested;
	*buf = uv_buf_init((char *)k->in + k->have, (unsigned)(sizeof(k->in) - k->have));
}

/* The partner looked at its clock half a round trip ago. */
static void
came(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct repl_ask_clock *k = stream->data;
	int64_t theirs, trip_ms = (clock_mono().ns - k->sent.ns) / 1000000;

	(void)buf;
	if (n == 0)
		return;
	if (n > 0)
		k->have += (size_t)n;
	switch (n < 0 ? SMB_CLOCK_NONE : smb_clock_read(k->in, k->have, &theirs)) {
	case SMB_CLOCK_MORE:
		return;
	case SMB_CLOCK_KNOWN:
		repl_tcp_clock(k->to, k->partner, theirs + trip_ms / 2 - wall_ms());
		break;
	case SMB_CLOCK_NONE:
		break;
	}
	hang_up(k);
}

static void
connected(uv_connect_t *req, int status)
{
	struct repl_ask_clock *k = req->data;
	uv_buf_t buf = uv_buf_init((char *)k->out, sizeof(k->out));
	uint8_t guid[16];

	if (status == UV_ECANCELED)
		return;
	arc4random_buf(guid, sizeof(guid));
	smb_clock_ask(guid, k->out);
	k->sent = clock_mono();
	if (status < 0 || uv_write(&k->write, (uv_stream_t *)&k->stream, &buf, 1, NULL) ||
	    uv_read_start((uv_stream_t *)&k->stream, room, came))
		hang_up(k);
}

static void
ask(struct repl_ask_clock *k, struct ip4 partner)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_port = htons(SMB_CLOCK_PORT),
		.sin_addr.s_addr = htonl(partner.v) };

	uv_tcp_init(k->timer.loop, &k->stream);
	k->stream.data = k->connect.data = k;
	k->open = true;
	k->open_handles++;
	k->partner = partner;
	k->have = 0;
	if (uv_tcp_connect(&k->connect, &k->stream, (struct sockaddr *)&sin, connected))
		hang_up(k);
}

/* ---- whom ---- */

/* Notes that the partner is asked now; false when that was less than an hour ago. */
static bool
note(struct repl_ask_clock *k, struct ip4 partner, struct mono now)
{
	struct asked *oldest = &k->asked[0];

	for (unsigned i = 0; i < k->nasked; i++) {
		struct asked *a = &k->asked[i];

		if (ip4_eq(a->partner, partner)) {
			bool due = now.ns - a->at.ns >= EVERY_NS;

			if (due)
				a->at = now;
			return due;
		}
		if (a->at.ns < oldest->at.ns)
			oldest = a;
	}
	if (k->nasked < CONF_PARTNERS_MAX)
		oldest = &k->asked[k->nasked++];
	*oldest = (struct asked){ partner, now };
	return true;
}

static void
look(uv_timer_t *timer)
{
	struct repl_ask_clock *k = timer->data;
	const struct conf_partners *list = &k->conf->replication_partners;
	struct mono now = clock_mono();

	if (k->open) {
		hang_up(k); /* it had its time */
		return;
	}
	for (unsigned i = 0; k->conf->replication_clock_check && i < list->n; i++)
		if (list->v[i].pull && note(k, list->v[i].address, now)) {
			ask(k, list->v[i].address);
			return;
		}
}

int
repl_ask_clock_open(
    uv_loop_t *loop, const struct conf *conf, struct repl_tcp *to, struct repl_ask_clock **ret)
{
	struct repl_ask_clock *k = calloc(1, sizeof(*k));

	if (!k)
		return NBT_ENOMEM;
	k->conf = conf;
	k->to = to;
	uv_timer_init(loop, &k->timer);
	k->timer.data = k;
	k->open_handles = 1;
	uv_timer_start(&k->timer, look, FIRST_MS, LOOK_MS);
	*ret = k;
	return 0;
}

void
repl_ask_clock_close(struct repl_ask_clock *k)
{
	if (!k)
		return;
	k->closing = true;
	hang_up(k);
	uv_close((uv_handle_t *)&k->timer, handle_gone);
}
