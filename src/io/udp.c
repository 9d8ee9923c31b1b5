/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recvmmsg and sendmmsg with IP_PKTINFO, see udp.h. Layer: io. The message headers are wired to
 * their buffers once; a call only resets the lengths that the kernel overwrote in the last one.
 */
#include "io/udp.h"

#include <assert.h>
#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SEND_WAIT_MS 20

struct slot {
	struct sockaddr_in peer;
	struct iovec iov;
	/* for one struct in_pktinfo; aligned as a header of control messages must be */
	_Alignas(struct cmsghdr) unsigned char control[CMSG_SPACE(sizeof(struct in_pktinfo))];
	uint8_t data[UDP_RECV_MAX > UDP_SEND_MAX ? UDP_RECV_MAX : UDP_SEND_MAX];
};

struct batch {
	struct mmsghdr msg[UDP_BATCH];
	struct slot slot[UDP_BATCH];
};

struct udp_in {
	struct udp_stats *stats;
	unsigned used; /* headers the last call overwrote */
	struct batch b;
};

struct udp_out {
	struct udp_stats *stats;
	unsigned n;
	struct batch b;
};

static void
count(_Atomic uint64_t *counter, uint64_t n)
{
	uint64_t v = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, v + n, memory_order_relaxed);
}

static struct in_addr
to_in_addr(struct ip4 a)
{
	return (struct in_addr){ htonl(a.v) };
}

static struct ip4
from_in_addr(struct in_addr a)
{
	return (struct ip4){ ntohl(a.s_addr) };
}

/* ---- the socket ---- */

static int
error_of(int error)
{
	switch (error) {
	case EADDRINUSE:
		return NBT_EBUSY;
	case EACCES:
	case EPERM:
		return NBT_EDENIED;
	case EADDRNOTAVAIL:
		return NBT_ENOENT;
	case EMFILE:
	case ENFILE:
		return NBT_ELIMIT;
	case ENOMEM:
	case ENOBUFS:
		return NBT_ENOMEM;
	default:
		return NBT_EIO;
	}
}

static bool
set_on(int fd, int level, int option)
{
	const int on = 1;

	return setsockopt(fd, level, option, &on, sizeof(on)) == 0;
}

/* More than the administrator of the kernel allows to everybody takes CAP_NET_ADMIN; without it the
 * plain option gives as much as it may. */
static void
set_receive_buffer(int fd, size_t bytes)
{
	int size = bytes < INT32_MAX ? (int)bytes : INT32_MAX;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)); /* a wish */
}

/*
 * The first socket binds without SO_REUSEPORT, so that it fails when anybody has the port, be it a
 * second server of the same user, and gets the option afterwards, so that its own siblings may join.
 */
static bool
set_up(int fd, const struct udp_opts *opts)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_port = htons(opts->port),
		.sin_addr = to_in_addr(opts->address) };

	if (opts->receive_buffer)
		set_receive_buffer(fd, opts->receive_buffer);
	if (!opts->untold && !set_on(fd, IPPROTO_IP, IP_PKTINFO))
		return false;
	if (opts->broadcast && !set_on(fd, SOL_SOCKET, SO_BROADCAST))
		return false;
	if (opts->join && !set_on(fd, SOL_SOCKET, SO_REUSEPORT))
		return false;
	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)))
		return false;
	return opts->join || set_on(fd, SOL_SOCKET, SO_REUSEPORT);
}

int
udp_open(const struct udp_opts *opts, int *ret_fd)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), error;

	if (fd < 0)
		return error_of(errno);
	if (!set_up(fd, opts)) {
		error = errno;
		(void)close(fd); /* nothing was sent */
		errno = error;
		return error_of(error);
	}
	*ret_fd = fd;
	return 0;
}

/* Asked by the kernel which of the sockets is to have a packet; a number too high means "as ever". */
int
udp_steer(int fd, const unsigned *processor, unsigned n)
{
	struct sock_filter code[2 * UDP_STEER_MAX + 2];
	struct sock_fprog program = { .filter = code };

	assert(n <= UDP_STEER_MAX);
	code[program.len++] = (struct sock_filter)BPF_STMT(
	    BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_CPU));
	for (unsigned i = 0; i < n; i++) {
		code[program.len++] =
		    (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, processor[i], 0, 1);
		code[program.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, i);
	}
	code[program.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program))
		   ? NBT_EIO
		   : 0;
}

uint16_t
udp_port(int fd)
{
	struct sockaddr_in sin = { 0 };
	socklen_t len = sizeof(sin);

	return getsockname(fd, (struct sockaddr *)&sin, &len) ? 0 : ntohs(sin.sin_port);
}

/* ---- in ---- */

static void
wire_up(struct batch *b)
{
	for (unsigned i = 0; i < UDP_BATCH; i++) {
		struct slot *s = &b->slot[i];

		s->iov = (struct iovec){ s->data, UDP_RECV_MAX };
		b->msg[i].msg_hdr = (struct msghdr){ .msg_name = &s->peer,
			.msg_namelen = sizeof(s->peer),
			.msg_iov = &s->iov,
			.msg_iovlen = 1,
			.msg_control = s->control,
			.msg_controllen = sizeof(s->control) };
	}
}

int
udp_in_new(struct udp_stats *stats, struct udp_in **ret)
{
	struct udp_in *in = calloc(1, sizeof(*in));

	if (!in)
		return NBT_ENOMEM;
	in->stats = stats;
	wire_up(&in->b);
	*ret = in;
	return 0;
}

void
udp_in_free(struct udp_in *in)
{
	free(in);
}

unsigned
udp_receive(struct udp_in *in, int fd)
{
	int n;

	for (unsigned i = 0; i < in->used; i++) {
		in->b.msg[i].msg_hdr.msg_namelen = sizeof(in->b.slot[i].peer);
		in->b.msg[i].msg_hdr.msg_controllen = sizeof(in->b.slot[i].control);
	}
	n = recvmmsg(fd, in->b.msg, UDP_BATCH, MSG_DONTWAIT, NULL);
	if (n < 0) {
		in->used = 0;
		/* anything else is the late echo of a packet sent: fetched now, and gone */
		if (errno != EAGAIN && errno != EINTR)
			count(&in->stats->receive_errors, 1);
		return 0;
	}
	in->used = (unsigned)n;
	count(&in->stats->received, in->used);
	for (unsigned i = 0; i < in->used; i++)
		if (in->b.msg[i].msg_hdr.msg_flags & MSG_TRUNC)
			count(&in->stats->truncated, 1);
	return in->used;
}

static struct in_pktinfo
info_of(struct msghdr *h)
{
	struct in_pktinfo info = { 0 };

	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c))
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO)
			memcpy(&info, CMSG_DATA(c), sizeof(info));
	return info;
}

struct udp_packet
udp_packet(const struct udp_in *in, unsigned i)
{
	const struct slot *s = &in->b.slot[i];
	struct msghdr h = in->b.msg[i].msg_hdr;
	struct in_pktinfo info = info_of(&h);

	assert(i < in->used);
	/* ipi_addr is where the packet was sent to, ipi_spec_dst our own address there: they differ
	 * in broadcasts and multicasts. */
	return (struct udp_packet){
		.data = s->data,
		.len = (uint16_t)in->b.msg[i].msg_len,
		.port = ntohs(s->peer.sin_port),
		.peer = from_in_addr(s->peer.sin_addr),
		.local = from_in_addr(info.ipi_spec_dst),
		.ifindex = (uint32_t)info.ipi_ifindex,
		.broadcast = info.ipi_addr.s_addr != info.ipi_spec_dst.s_addr,
		.truncated = h.msg_flags & MSG_TRUNC,
	};
}

/* ---- out ---- */

int
udp_out_new(struct udp_stats *stats, struct udp_out **ret)
{
	struct udp_out *out = calloc(1, sizeof(*out));

	if (!out)
		return NBT_ENOMEM;
	out->stats = stats;
	wire_up(&out->b);
	*ret = out;
	return 0;
}

void
udp_out_free(struct udp_out *out)
{
	free(out);
}

uint8_t *
udp_room(struct udp_out *out)
{
	return out->n < UDP_BATCH ? out->b.slot[out->n].data : NULL;
}

void
udp_put(struct udp_out *out, const struct udp_to *to, size_t len)
{
	struct slot *s = &out->b.slot[out->n];
	struct msghdr *h = &out->b.msg[out->n].msg_hdr;
	bool tells = to->local.v || to->ifindex;
	struct in_pktinfo info = { .ipi_ifindex = (int)to->ifindex,
		.ipi_spec_dst = to_in_addr(to->local) };
	struct cmsghdr *c;

	assert(out->n < UDP_BATCH && len <= UDP_SEND_MAX);
	out->n++;
	s->iov.iov_len = len;
	s->peer = (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons(to->port), .sin_addr = to_in_addr(to->peer)
	};
	h->msg_control = s->control;
	h->msg_controllen = tells ? sizeof(s->control) : 0;
	c = CMSG_FIRSTHDR(h);
	if (!c)
		return;
	*c = (struct cmsghdr){ .cmsg_level = IPPROTO_IP,
		.cmsg_type = IP_PKTINFO,
		.cmsg_len = CMSG_LEN(sizeof(info)) };
	memcpy(CMSG_DATA(c), &info, sizeof(info));
}

/* The send buffer is full: is there room before the patience ends? */
static bool
wait_for_room(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return poll(&p, 1, SEND_WAIT_MS) == 1 && p.revents & POLLOUT;
}

unsigned
udp_send(struct udp_out *out, int fd)
{
	unsigned done = 0, sent = 0;
	bool waited = false;

	while (done < out->n) {
		int n = sendmmsg(fd, out->b.msg + done, out->n - done, MSG_DONTWAIT);

		if (n > 0) {
			done += (unsigned)n;
			sent += (unsigned)n;
			waited = false;
		} else if (errno == EINTR) {
			continue;
		} else if ((errno == EAGAIN || errno == ENOBUFS) && !waited && wait_for_room(fd)) {
			waited = true; /* poll cannot see a full device queue: try once */
		} else if (errno == EAGAIN || errno == ENOBUFS) {
			count(&out->stats->send_dropped, out->n - done);
			break;
		} else {
			count(&out->stats->send_failed, 1); /* this one; the next may go */
			done++;
		}
	}
	count(&out->stats->sent, sent);
	out->n = 0;
	return sent;
}
