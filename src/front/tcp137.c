/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bounds: connections (option), one packet buffered a connection, one timeout for a whole request;
 * a client that does not read its answers is not read from either. Layer: program. See tcp.h.
 */
#include "front/tcp137.h"

#include <stdlib.h>
#include <netinet/in.h>
#include <string.h>

#define LENGTH_LEN 2

struct tcp {
	struct winsd *d;
	struct wins_stats stats;
	uv_tcp_t listener[WINSD_SOCKETS_MAX];
	unsigned nlisteners, open_handles;
	unsigned connections;
	struct conn *first; /* all open ones */
	bool closing;
};

struct conn {
	struct tcp *t;
	struct conn *next, **prev;
	uv_tcp_t stream;
	uv_timer_t timer;
	uv_write_t write;
	unsigned open_handles;
	bool closing;
	size_t have;
	uint8_t in[LENGTH_LEN + NB_PACKET_MAX];
	uint8_t out[LENGTH_LEN + NB_UDP_MAX];
};

static void step(struct conn *c);

/* ---- ends ---- */

static void
tcp_free_when_idle(struct tcp *t)
{
	if (t->closing && !t->open_handles && !t->connections)
		free(t);
}

static void
conn_closed(uv_handle_t *h)
{
	struct conn *c = h->data;
	struct tcp *t = c->t;

	if (--c->open_handles)
		return;
	free(c);
	t->connections--;
	tcp_free_when_idle(t);
}

static void
conn_close(struct conn *c)
{
	if (c->closing)
		return;
	c->closing = true;
	*c->prev = c->next;
	if (c->next)
		c->next->prev = c->prev;
	uv_close((uv_handle_t *)&c->stream, conn_closed);
	uv_close((uv_handle_t *)&c->timer, conn_closed);
}

static void
timed_out(uv_timer_t *timer)
{
	conn_close(timer->data);
}

static void
await_request(struct conn *c)
{
	uv_timer_start(&c->timer, timed_out, c->t->d->conf.tcp_timeout, 0);
}

/* ---- requests ---- */

static size_t
wanted(const struct conn *c)
{
	return c->have < LENGTH_LEN ? LENGTH_LEN : LENGTH_LEN + (size_t)(c->in[0] << 8 | c->in[1]);
}

static void
room(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
	struct conn *c = h->data;

	(void)suggested;
	*buf = uv_buf_init((char *)c->in + c->have, (unsigned)(sizeof(c->in) - c->have));
}

static void
came(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct conn *c = stream->data;

	(void)buf;
	if (n < 0) {
		conn_close(c);
		return;
	}
	c->have += (size_t)n;
	step(c);
}

static void
written(uv_write_t *w, int status)
{
	struct conn *c = w->data;

	if (c->closing)
		return;
	if (status < 0) {
		conn_close(c);
		return;
	}
	await_request(c);
	if (uv_read_start((uv_stream_t *)&c->stream, room, came))
		conn_close(c);
	else
		step(c); /* what came behind the last request */
}

/* Answers the packet of len bytes behind the length; false when there is no answer. */
static bool
answer(struct conn *c, size_t len)
{
	const struct winsd *d = c->t->d;
	uv_buf_t buf;
	enum nb_drop drop;
	size_t n;

	store_reader_online();
	n = wins_query(d->store, wins_view(d->wins), &c->t->stats, c->in + LENGTH_LEN, len,
	    c->out + LENGTH_LEN, &drop);
	store_reader_offline();
	if (!n) {
		if (drop == NB_DROP_NONE) /* a change of state belongs on UDP */
			wins_count(&c->t->stats.drop[NB_DROP_POLICY]);
		return false;
	}
	c->out[0] = (uint8_t)(n >> 8);
	c->out[1] = (uint8_t)n;
	buf = uv_buf_init((char *)c->out, (unsigned)(LENGTH_LEN + n));
	uv_read_stop((uv_stream_t *)&c->stream);
	if (uv_write(&c->write, (uv_stream_t *)&c->stream, &buf, 1, written))
		conn_close(c);
	return true;
}

/* Takes whole packets off the buffer until an answer is on its way or more bytes are needed. */
static void
step(struct conn *c)
{
	size_t want;

	while (!c->closing && c->have >= (want = wanted(c))) {
		bool answered = answer(c, want - LENGTH_LEN);

		memmove(c->in, c->in + want, c->have - want);
		c->have -= want;
		if (answered)
			return;
	}
	if (!c->closing && wanted(c) > sizeof(c->in))
		conn_close(c); /* longer than any name service packet */
}

/* ---- connections ---- */

static void
came_in(uv_stream_t *listener, int status)
{
	struct tcp *t = listener->data;
	struct conn *c;

	if (status < 0 || !(c = calloc(1, sizeof(*c))))
		return;
	c->t = t;
	c->stream.data = c->timer.data = c->write.data = c;
	uv_tcp_init(listener->loop, &c->stream);
	uv_timer_init(listener->loop, &c->timer);
	c->open_handles = 2;
	c->next = t->first;
	c->prev = &t->first;
	if (c->next)
		c->next->prev = &c->next;
	t->first = c;
	t->connections++;
	if (uv_accept(listener, (uv_stream_t *)&c->stream) ||
	    t->connections > t->d->conf.tcp_connections_max ||
	    uv_read_start((uv_stream_t *)&c->stream, room, came)) {
		if (t->connections > t->d->conf.tcp_connections_max)
			teller_say(&t->d->teller, EV_TCP_FULL, t->d->conf.tcp_connections_max, "");
		conn_close(c);
		return;
	}
	await_request(c);
}

static int
listen_on(struct tcp *t, uv_loop_t *loop, struct ip4 address)
{
	const struct conf *conf = &t->d->conf;
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)conf->port),
		.sin_addr.s_addr = htonl(address.v) };
	uv_tcp_t *l = &t->listener[t->nlisteners];
	char text[200], a[IP4_STRLEN];
	int err;

	l->data = t;
	uv_tcp_init(loop, l);
	t->nlisteners++;
	t->open_handles++;
	err = uv_tcp_bind(l, (struct sockaddr *)&sin, 0);
	if (!err)
		err = uv_listen((uv_stream_t *)l, 64, came_in);
	if (!err)
		return 0;
	snprintf(text, sizeof(text), "TCP port %u of %s: %s", (unsigned)conf->port,
	    address.v ? ip4_print(address, a) : "all addresses", uv_strerror(err));
	teller_say(&t->d->teller, EV_WINSOCK_BIND_ERR, 0, text);
	return NBT_EBUSY;
}

int
tcp_open(uv_loop_t *loop, struct winsd *d, struct tcp **ret)
{
	const struct conf_addresses *listen = &d->conf.listen;
	struct tcp *t = calloc(1, sizeof(*t));
	int err = 0;

	if (!t)
		return NBT_ENOMEM;
	t->d = d;
	if (!listen->n)
		err = listen_on(t, loop, IP4_ANY);
	for (unsigned i = 0; i < listen->n && !err; i++)
		err = listen_on(t, loop, listen->a[i]);
	if (err)
		tcp_close(t);
	else
		*ret = t;
	return err;
}

static void
listener_closed(uv_handle_t *h)
{
	struct tcp *t = h->data;

	t->open_handles--;
	tcp_free_when_idle(t);
}

void
tcp_close(struct tcp *t)
{
	if (!t)
		return;
	t->closing = true;
	for (unsigned i = 0; i < t->nlisteners; i++)
		uv_close((uv_handle_t *)&t->listener[i], listener_closed);
	while (t->first)
		conn_close(t->first);
}

struct wins_stats *
tcp_stats(struct tcp *t)
{
	return &t->stats;
}
