/* SPDX-License-Identifier: Apache-2.0 */
/* See nbperf_link.h. Layer: program. */
#include "nbperf/link.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SEGMENTS   64 /* the kernel cuts no more from one packet */
#define BUFFER     (8 << 20)
#define SEND_TRIES 1000 /* against errors that are told again and again */

struct datagram {
	size_t len;
	uint8_t data[LINK_DATA];
};

struct incoming {
	struct sockaddr_in peer;
	struct iovec iov;
	uint8_t data[LINK_RECV];
};

struct link {
	int fd;
	unsigned batch, n, answers;
	bool segments; /* the kernel cuts up */
	uint64_t refused;
	struct datagram *out;
	struct incoming *in;
	struct mmsghdr *out_msg, *in_msg;
	struct iovec *iov;
	unsigned char *control; /* a header for each of out_msg */
};

#define CONTROL CMSG_SPACE(sizeof(uint16_t))

static void
enlarge(int fd, int option, int forced)
{
	int size = BUFFER;

	if (setsockopt(fd, SOL_SOCKET, forced, &size, sizeof(size)))
		(void)setsockopt(fd, SOL_SOCKET, option, &size, sizeof(size)); /* a wish */
}

static int
set_up(struct link *l, const struct link_opts *o)
{
	struct sockaddr_in source = { .sin_family = AF_INET,
		.sin_port = htons(o->source_port),
		.sin_addr.s_addr = htonl(o->source.v) };
	struct sockaddr_in peer = { .sin_family = AF_INET,
		.sin_port = htons(o->port),
		.sin_addr.s_addr = htonl(o->peer.v) };

	l->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		return errno;
	enlarge(l->fd, SO_RCVBUF, SO_RCVBUFFORCE);
	enlarge(l->fd, SO_SNDBUF, SO_SNDBUFFORCE);
	if (bind(l->fd, (struct sockaddr *)&source, sizeof(source)))
		return errno;
	if (o->peer.v && connect(l->fd, (struct sockaddr *)&peer, sizeof(peer)))
		return errno;
	return 0;
}

static bool
allocate(struct link *l)
{
	l->out = calloc(l->batch, sizeof(*l->out));
	l->in = calloc(l->batch, sizeof(*l->in));
	l->out_msg = calloc(l->batch, sizeof(*l->out_msg));
	l->in_msg = calloc(l->batch, sizeof(*l->in_msg));
	l->iov = calloc(l->batch, sizeof(*l->iov));
	l->control = calloc(l->batch, CONTROL);
	if (!l->out || !l->in || !l->out_msg || !l->in_msg || !l->iov || !l->control)
		return false;
	for (unsigned i = 0; i < l->batch; i++)
		l->in_msg[i].msg_hdr = (struct msghdr){
			.msg_name = &l->in[i].peer, .msg_iov = &l->in[i].iov, .msg_iovlen = 1
		};
	return true;
}

int
link_open(const struct link_opts *opts, struct link **ret)
{
	struct link *l = calloc(1, sizeof(*l));
	int error;

	if (!l)
		return ENOMEM;
	l->fd = -1;
	l->batch = opts->batch;
	l->segments = true;
	error = allocate(l) ? set_up(l, opts) : ENOMEM;
	if (error) {
		link_close(l);
		return error;
	}
	*ret = l;
	return 0;
}

void
link_close(struct link *l)
{
	if (!l)
		return;
	if (l->fd >= 0)
		close(l->fd);
	free(l->out);
	free(l->in);
	free(l->out_msg);
	free(l->in_msg);
	free(l->iov);
	free(l->control);
	free(l);
}

int
link_fd(const struct link *l)
{
	return l->fd;
}

uint64_t
link_refused(const struct link *l)
{
	return l->refused;
}

struct ip4
link_local(const struct link *l)
{
	struct sockaddr_in sin = { 0 };
	socklen_t len = sizeof(sin);

	(void)getsockname(l->fd, (struct sockaddr *)&sin, &len); /* it is our own socket */
	return (struct ip4){ ntohl(sin.sin_addr.s_addr) };
}

/* ---- out ---- */

uint8_t *
link_room(struct link *l)
{
	return l->n < l->batch ? l->out[l->n].data : NULL;
}

void
link_put(struct link *l, size_t len)
{
	l->out[l->n++].len = len;
}

static void
ask_to_cut(struct msghdr *h, void *control, size_t len)
{
	const uint16_t size = (uint16_t)len;
	struct cmsghdr *c;

	h->msg_control = control;
	h->msg_controllen = CONTROL;
	c = CMSG_FIRSTHDR(h);
	*c = (struct cmsghdr){ .cmsg_level = IPPROTO_UDP,
		.cmsg_type = UDP_SEGMENT,
		.cmsg_len = CMSG_LEN(sizeof(size)) };
	memcpy(CMSG_DATA(c), &size, sizeof(size));
}

/* One message for each length and SEGMENTS of it. The order within a batch means nothing, for a plan
 * never has two requests in flight whose order would. Returns how many messages there are. */
static unsigned
gather(struct link *l)
{
	unsigned messages = 0, used = 0;

	for (unsigned i = 0; i < l->n; i++) {
		size_t len = l->out[i].len;
		unsigned first = used;

		if (!len) /* gathered already */
			continue;
		for (unsigned k = i; k < l->n && used - first < SEGMENTS; k++) {
			if (l->out[k].len != len)
				continue;
			l->iov[used++] = (struct iovec){ l->out[k].data, len };
			l->out[k].len = 0;
			if (!l->segments)
				break;
		}
		l->out_msg[messages].msg_hdr =
		    (struct msghdr){ .msg_iov = &l->iov[first], .msg_iovlen = used - first };
		if (used - first > 1)
			ask_to_cut(
			    &l->out_msg[messages].msg_hdr, l->control + messages * CONTROL, len);
		messages++;
	}
	return messages;
}

/* The device or an old kernel cannot cut: from now on, and in what is left here, one by one. */
static int
send_singly(struct link *l, unsigned from, unsigned messages)
{
	l->segments = false;
	for (unsigned i = from; i < messages; i++) {
		const struct msghdr *h = &l->out_msg[i].msg_hdr;

		for (size_t k = 0; k < h->msg_iovlen; k++)
			if (send(l->fd, h->msg_iov[k].iov_base, h->msg_iov[k].iov_len, 0) < 0 &&
			    errno != ECONNREFUSED)
				return errno;
	}
	return 0;
}

static int
send_messages(struct link *l, unsigned n)
{
	unsigned done = 0, tries = 0;

	while (done < n) {
		int sent = sendmmsg(l->fd, l->out_msg + done, n - done, 0);

		if (sent > 0) {
			done += (unsigned)sent;
			continue;
		}
		if (++tries > SEND_TRIES)
			return errno;
		if (errno == ECONNREFUSED)
			l->refused++;
		else if (l->segments && !l->answers && (errno == EIO || errno == EINVAL))
			return send_singly(l, done, n);
		else if (errno != EINTR && errno != ENOBUFS)
			return errno;
	}
	return 0;
}

int
link_send(struct link *l)
{
	unsigned n = gather(l);

	l->n = 0;
	return n ? send_messages(l, n) : 0;
}

/* ---- in ---- */

unsigned
link_receive(struct link *l)
{
	int n;

	for (unsigned i = 0; i < l->batch; i++) {
		l->in[i].iov = (struct iovec){ l->in[i].data, LINK_RECV };
		l->in_msg[i].msg_hdr.msg_namelen = sizeof(l->in[i].peer);
	}
	l->answers = 0;
	n = recvmmsg(l->fd, l->in_msg, l->batch, MSG_DONTWAIT, NULL);
	if (n < 0 && errno == ECONNREFUSED)
		l->refused++;
	return n < 0 ? 0 : (unsigned)n;
}

uint8_t *
link_packet(const struct link *l, unsigned i, size_t *ret_len)
{
	*ret_len = l->in_msg[i].msg_len;
	return l->in[i].data;
}

void
link_answer(struct link *l, unsigned i, size_t len)
{
	l->in[i].iov.iov_len = len;
	l->out_msg[l->answers++].msg_hdr = l->in_msg[i].msg_hdr;
}

int
link_answer_send(struct link *l)
{
	return send_messages(l, l->answers);
}
