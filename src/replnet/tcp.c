/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See repl_tcp.h. A connection's last word, and the word that bytes have left, are allocated with the
 * connection and with the bytes, so that they cannot be missing. Layer: program.
 */
#include "replnet/tcp.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "replnet/multicast.h"

#define BUCKETS       256
#define LISTENERS_MAX 16
#define READ_MAX      65536
#define CLOSE_MS      5000 /* what was given before a close has so long to leave */
#define KEEPALIVE_S   60

struct conn {
	struct repl_tcp *t;
	struct conn *next, **prev; /* of its bucket */
	uv_tcp_t stream;
	uv_timer_t timer;
	uv_connect_t connect;
	uint32_t number;
	struct ip4 peer;
	struct repl_in *last_word;
	unsigned open_handles, writes;
	size_t unread; /* bytes that the registrar has not taken */
	bool ours, stands, paused, ending, closing;
};

struct write {
	uv_write_t req;
	struct conn *conn;
	uint8_t *data;
	struct repl_in *sent;
};

struct repl_tcp {
	struct repl_tcp_conf conf;
	uv_loop_t *loop;
	uv_async_t async;
	uv_tcp_t listener[LISTENERS_MAX];
	struct repl_mcast mcast;
	unsigned nlisteners, open_handles, accepted;
	bool discovers, closing;
	struct ip4 source;
	uint32_t number; /* of the last accepted connection */
	struct conn *bucket[BUCKETS];
	uint8_t buf[READ_MAX];
	struct repl_queue queue;
};

/* ---- the queues ---- */

static void
tell(struct repl_tcp *t, struct repl_in *in)
{
	if (repl_queue_tell(&t->queue, in))
		t->conf.wake(t->conf.arg);
}

struct repl_in *
repl_tcp_take(struct repl_tcp *t)
{
	return repl_queue_take(&t->queue);
}

bool
repl_tcp_waits(struct repl_tcp *t)
{
	return repl_queue_waits(&t->queue);
}

void
repl_tcp_clock(struct repl_tcp *t, struct ip4 partner, int64_t ms)
{
	struct repl_in *in = repl_in_new(REPL_IN_CLOCK, 0, partner, 0);

	if (!in)
		return; /* it is asked again */
	in->ms = ms;
	tell(t, in);
}

void
repl_tcp_do(struct repl_tcp *t, const struct repl_out *out)
{
	repl_queue_order(&t->queue, out);
	uv_async_send(&t->async);
}

void
repl_tcp_taken(struct repl_tcp *t, uint32_t conn, size_t len)
{
	repl_tcp_do(t, &(struct repl_out){ .what = REPL_DO_TAKEN, .conn = conn, .len = len });
}

/* ---- connections ---- */

static struct conn **
bucket_of(struct repl_tcp *t, uint32_t number)
{
	return &t->bucket[number % BUCKETS];
}

/* One of the same number that is being closed is not meant: the number is free again. */
static struct conn *
find(struct repl_tcp *t, uint32_t number)
{
	for (struct conn *c = *bucket_of(t, number); c; c = c->next)
		if (c->number == number)
			return c;
	return NULL;
}

static void
free_when_idle(struct repl_tcp *t)
{
	if (!t->closing || t->open_handles)
		return;
	repl_queue_release(&t->queue);
	free(t);
}

static void
conn_gone(uv_handle_t *h)
{
	struct conn *c = h->data;
	struct repl_tcp *t = c->t;

	t->open_handles--;
	if (!--c->open_handles) {
		free(c->last_word);
		free(c);
	}
	free_when_idle(t);
}

/* err: for one of ours that never stood. */
static void
conn_close(struct conn *c, int err)
{
	struct repl_tcp *t = c->t;
	struct repl_in *word = c->last_word;

	if (c->closing)
		return;
	c->closing = true;
	*c->prev = c->next;
	if (c->next)
		c->next->prev = c->prev;
	if (!c->ours)
		t->accepted--;
	if (c->ours && !c->stands && err) {
		word->kind = REPL_IN_CONNECTED;
		word->err = err;
	}
	c->last_word = NULL;
	tell(t, word);
	uv_close((uv_handle_t *)&c->stream, conn_gone);
	uv_close((uv_handle_t *)&c->timer, conn_gone);
}

/* NULL without memory; otherwise in its bucket, handles open. */
static struct conn *
conn_new(struct repl_tcp *t, uint32_t number, struct ip4 peer)
{
	struct conn *c = calloc(1, sizeof(*c)), **first = bucket_of(t, number);

	if (c)
		c->last_word = repl_in_new(REPL_IN_CLOSED, number, peer, 0);
	if (!c || !c->last_word) {
		free(c);
		return NULL;
	}
	c->t = t;
	c->number = number;
	c->peer = peer;
	c->stream.data = c->timer.data = c->connect.data = c;
	uv_tcp_init(t->loop, &c->stream);
	uv_timer_init(t->loop, &c->timer);
	c->open_handles = 2;
	t->open_handles += 2;
	c->next = *first;
	c->prev = first;
	if (c->next)
		c->next->prev = &c->next;
	*first = c;
	return c;
}

static void
timed_out(uv_timer_t *timer)
{
	conn_close(timer->data, NBT_ETIMEOUT);
}

/* What was given leaves first. */
static void
conn_end(struct conn *c)
{
	if (!c->writes) {
		conn_close(c, 0);
		return;
	}
	c->ending = true;
	(void)uv_read_stop((uv_stream_t *)&c->stream);
	uv_timer_start(&c->timer, timed_out, CLOSE_MS, 0);
}

/* ---- reading ---- */

static void
room(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
	struct conn *c = h->data;

	(void)suggested;
	*buf = uv_buf_init((char *)c->t->buf, sizeof(c->t->buf));
}

static void
came(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct conn *c = stream->data;
	struct repl_in *in;

	if (n == 0)
		return;
	in = n > 0 ? repl_in_new(REPL_IN_DATA, c->number, c->peer, (size_t)n) : NULL;
	if (!in) {
		conn_close(c, 0);
		return;
	}
	memcpy(in->data, buf->base, (size_t)n);
	c->unread += (size_t)n;
	if (c->unread >= REPL_TCP_UNREAD) {
		c->paused = true;
		(void)uv_read_stop(stream);
	}
	tell(c->t, in);
}

static void
read_on(struct conn *c)
{
	c->paused = false;
	if (uv_read_start((uv_stream_t *)&c->stream, room, came))
		conn_close(c, 0);
}

static void
stands(struct conn *c)
{
	c->stands = true;
	(void)uv_tcp_nodelay(&c->stream, 1);
	/* A persistent connection is silent for hours: a partner that vanished must be noticed. */
	(void)uv_tcp_keepalive(&c->stream, 1, KEEPALIVE_S);
	read_on(c);
}

/* ---- connections of others ---- */

static struct ip4
peer_of(const uv_tcp_t *stream)
{
	struct sockaddr_in sin = { 0 };
	int len = sizeof(sin);

	if (uv_tcp_getpeername(stream, (struct sockaddr *)&sin, &len) || sin.sin_family != AF_INET)
		return IP4_ANY;
	return (struct ip4){ ntohl(sin.sin_addr.s_addr) };
}

static void
came_in(uv_stream_t *listener, int status)
{
	struct repl_tcp *t = listener->data;
	struct repl_in *in;
	struct conn *c;

	if (status < 0)
		return;
	t->number = (t->number + 1) % REPL_CONN_OURS;
	c = conn_new(t, t->number, IP4_ANY);
	if (!c)
		return;
	t->accepted++;
	in = NULL;
	if (!uv_accept(listener, (uv_stream_t *)&c->stream)) {
		c->peer = c->last_word->peer = peer_of(&c->stream);
		if (t->accepted <= t->conf.accepted_max)
			in = repl_in_new(REPL_IN_ACCEPTED, c->number, c->peer, 0);
	}
	if (!in) {
		conn_close(c, 0);
		return;
	}
	tell(t, in);
	stands(c);
}

static void
handle_gone(uv_handle_t *h)
{
	struct repl_tcp *t = h->data;

	t->open_handles--;
	free_when_idle(t);
}

static struct sockaddr_in
sin_of(struct ip4 ip, uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(ip.v)
	};
}

int
repl_tcp_listen(struct repl_tcp *t, struct ip4 address)
{
	struct sockaddr_in sin = sin_of(address, t->conf.port);
	uv_tcp_t *l = &t->listener[t->nlisteners];
	int err;

	if (t->nlisteners == LISTENERS_MAX)
		return UV_ENOBUFS;
	uv_tcp_init(t->loop, l);
	l->data = t;
	t->nlisteners++;
	t->open_handles++;
	err = uv_tcp_bind(l, (struct sockaddr *)&sin, 0);
	return err ? err : uv_listen((uv_stream_t *)l, 128, came_in);
}

/* ---- connections of ours ---- */

static void
connected(uv_connect_t *req, int status)
{
	struct conn *c = req->data;
	struct repl_in *in;

	if (c->closing)
		return;
	uv_timer_stop(&c->timer);
	in = status < 0 ? NULL : repl_in_new(REPL_IN_CONNECTED, c->number, c->peer, 0);
	if (!in) {
		conn_close(c, status == UV_ECONNREFUSED ? NBT_ECLOSED
			      : status == UV_ETIMEDOUT  ? NBT_ETIMEOUT
							: NBT_EIO);
		return;
	}
	tell(c->t, in);
	stands(c);
}

static void
connect_to(struct repl_tcp *t, uint32_t number, struct ip4 peer)
{
	struct sockaddr_in to = sin_of(peer, t->conf.port), from = sin_of(t->source, 0);
	struct conn *c = conn_new(t, number, peer);
	int err = 0;

	if (!c)
		return; /* the engine does not wait for ever */
	c->ours = true;
	if (t->source.v)
		err = uv_tcp_bind(&c->stream, (struct sockaddr *)&from, 0);
	if (!err)
		err = uv_tcp_connect(&c->connect, &c->stream, (struct sockaddr *)&to, connected);
	if (err)
		conn_close(c, NBT_EIO);
	else
		uv_timer_start(&c->timer, timed_out, t->conf.connect_ms, 0);
}

/* ---- writing ---- */

static void
written(uv_write_t *req, int status)
{
	struct write *w = req->data;
	struct conn *c = w->conn;

	c->writes--;
	if (status < 0) {
		free(w->sent);
		conn_close(c, 0);
	} else {
		tell(c->t, w->sent);
		if (c->ending && !c->writes)
			conn_close(c, 0);
	}
	free(w->data);
	free(w);
}

static void
send_to(struct conn *c, uint8_t *data, size_t len)
{
	struct write *w = malloc(sizeof(*w));
	uv_buf_t buf = uv_buf_init((char *)data, (unsigned)len);
	struct repl_in *sent = repl_in_new(REPL_IN_SENT, c->number, c->peer, 0);

	if (w && sent) {
		sent->len = len;
		*w = (struct write){ .conn = c, .data = data, .sent = sent };
		w->req.data = w;
		if (!uv_write(&w->req, (uv_stream_t *)&c->stream, &buf, 1, written)) {
			c->writes++;
			return;
		}
	}
	free(w);
	free(sent);
	free(data);
	conn_close(c, 0);
}

/* ---- autodiscovery ---- */

static void
heard(void *arg, struct ip4 from, const uint8_t *data, size_t len)
{
	struct repl_tcp *t = arg;
	struct repl_in *in;

	if (!repl_queue_datagram(&t->queue))
		return;
	in = repl_in_new(REPL_IN_DISCOVERED, 0, from, len);
	if (!in)
		return; /* announcements are repeated */
	memcpy(in->data, data, len);
	tell(t, in);
}

static void
mcast_gone(void *arg)
{
	struct repl_tcp *t = arg;

	t->open_handles--;
	free_when_idle(t);
}

int
repl_tcp_discover(struct repl_tcp *t)
{
	t->mcast = (struct repl_mcast){
		.port = t->conf.port, .heard = heard, .closed = mcast_gone, .arg = t
	};
	t->open_handles++;
	t->discovers = true;
	return repl_mcast_open(&t->mcast, t->loop);
}

void
repl_tcp_own(struct repl_tcp *t, const struct ip4 *own, unsigned n, struct ip4 source)
{
	t->source = source;
	if (t->discovers)
		repl_mcast_own(&t->mcast, own, n);
}

/* ---- orders ---- */

static void
taken(struct conn *c, size_t len)
{
	c->unread -= len < c->unread ? len : c->unread;
	if (c->paused && !c->ending && c->unread < REPL_TCP_UNREAD / 2)
		read_on(c);
}

/* Takes o's data. */
static void
obey(struct repl_tcp *t, const struct repl_out *o)
{
	struct conn *c = find(t, o->conn);

	switch (o->what) {
	case REPL_CONNECT:
		connect_to(t, o->conn, o->peer);
		return;
	case REPL_SEND:
		if (c && c->stands && !c->ending)
			send_to(c, o->data, o->len);
		else
			free(o->data); /* it broke; that is on its way to the registrar */
		return;
	case REPL_CLOSE:
		if (c && !c->ending)
			conn_end(c);
		return;
	case REPL_ANNOUNCE:
		if (t->discovers)
			repl_mcast_send(&t->mcast, o->data, o->len);
		free(o->data);
		return;
	case REPL_DO_TAKEN:
		if (c)
			taken(c, o->len);
		return;
	}
}

static void
each_conn(struct repl_tcp *t, void (*fn)(struct conn *c))
{
	for (int i = 0; i < BUCKETS; i++)
		for (struct conn *c = t->bucket[i], *next; c; c = next) {
			next = c->next;
			fn(c);
		}
}

static void
drop(struct conn *c)
{
	conn_close(c, NBT_ENOMEM);
}

static void
obey_all(struct repl_tcp *t)
{
	bool lost;
	struct repl_order *o = repl_queue_orders(&t->queue, &lost), *next;

	for (; o; o = next) {
		next = o->next;
		obey(t, &o->out);
		free(o);
	}
	if (lost)
		each_conn(t, drop);
}

static void
on_async(uv_async_t *a)
{
	obey_all(a->data);
}

/* ---- life ---- */

int
repl_tcp_open(uv_loop_t *loop, const struct repl_tcp_conf *conf, struct repl_tcp **ret)
{
	struct repl_tcp *t = calloc(1, sizeof(*t));

	if (!t)
		return NBT_ENOMEM;
	if (uv_async_init(loop, &t->async, on_async)) {
		free(t);
		return NBT_EIO;
	}
	t->conf = *conf;
	t->loop = loop;
	t->async.data = t;
	t->open_handles = 1;
	repl_queue_init(&t->queue);
	*ret = t;
	return 0;
}

void
repl_tcp_reconf(struct repl_tcp *t, const struct repl_tcp_conf *conf)
{
	t->conf.accepted_max = conf->accepted_max;
	t->conf.connect_ms = conf->connect_ms;
}

static void
nobody_is_woken(void *arg)
{
	(void)arg;
}

void
repl_tcp_close(struct repl_tcp *t)
{
	if (!t)
		return;
	t->conf.wake = nobody_is_woken;
	obey_all(t);
	t->closing = true;
	uv_close((uv_handle_t *)&t->async, handle_gone);
	for (unsigned i = 0; i < t->nlisteners; i++)
		uv_close((uv_handle_t *)&t->listener[i], handle_gone);
	if (t->discovers)
		repl_mcast_close(&t->mcast);
	/* The last words left when they were written, unless the peer does not read. */
	each_conn(t, drop);
}
