/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdp.h on libxdp (rings) and libbpf (program). Layer: io. One piece of memory for each queue: the first
 * frames are lent to the kernel to receive into, the rest hold answers on their way out. The program is
 * attached by a link, which needs no privilege to be closed and does not outlive us.
 */
#include "io/xdp.h"

#include <assert.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <xdp/libxdp.h>
#include <xdp/xsk.h>

#include "io/xdp_frame.h"
#include "io/xdp_program.h"

#define FRAME     2048 /* the least that the kernel takes; the datagrams wanted are shorter */
#define RX_FRAMES 4096 /* as many as a full receive buffer of the ordinary socket */
#define TX_FRAMES 512
/* Twice as many: the kernel gives a frame back in one ring a moment before it frees the frame's place in
 * the other. */
#define FILL_PLACES (2 * RX_FRAMES)
#define TX_PLACES   (2 * TX_FRAMES)
#define KICKS_MAX   64 /* the kernel sends some and wants to be asked again */
#define MEMORY      ((size_t)(RX_FRAMES + TX_FRAMES) * FRAME)
#define SHED        (XDP_QUEUES_MAX * sizeof(struct xdp_shed))

static_assert(SHED_ADDRESSES_MAX <= XDP_SHED, "whoever can be shed has a place");
static_assert(sizeof(struct xdp_shed) % 8 == 0, "the kernel's array is ours");

struct xdp {
	char interface[IFNAMSIZ];
	uint32_t ifindex;
	unsigned queues;
	struct bpf_object *object;
	struct xdp_want *want; /* the program's own */
	struct xdp_shed *shed; /* likewise, XDP_QUEUES_MAX of them */
	int sockets;           /* the program's table of sockets */
	int link;
};

struct xdp_socket {
	const struct xdp *x;
	struct udp_stats *stats;
	struct xdp_shed *shed;
	uint8_t *memory;
	struct xsk_umem *umem;
	struct xsk_socket *xsk;
	struct xsk_ring_prod fill, tx;
	struct xsk_ring_cons done, rx;
	uint32_t at;       /* where in rx the batch begins */
	unsigned received; /* of the batch */
	unsigned nfree, nout;
	uint64_t free[TX_FRAMES]; /* addresses in memory */
	struct xdp_desc out[UDP_BATCH];
};

__attribute__((format(printf, 3, 4))) static int
fail(int err, char why[XDP_WHY_MAX], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, XDP_WHY_MAX, fmt, ap);
	va_end(ap);
	return err;
}

static int
kind_of(int error)
{
	switch (error) {
	case EACCES:
	case EPERM:
		return NBT_EDENIED;
	case EBUSY:
	case EEXIST:
		return NBT_EBUSY;
	case ENOMEM:
	case ENOBUFS:
		return NBT_ENOMEM;
	default:
		return NBT_EIO;
	}
}

static void
count(_Atomic uint64_t *counter, uint64_t n)
{
	uint64_t v = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, v + n, memory_order_relaxed);
}

/* ---- the interface ---- */

static unsigned
queues_of(int fd, struct ifreq *r)
{
	struct ethtool_channels c = { .cmd = ETHTOOL_GCHANNELS };
	unsigned n;

	r->ifr_data = (char *)&c;
	if (ioctl(fd, SIOCETHTOOL, r))
		return 1;
	n = c.rx_count + c.combined_count;
	return n < 1 ? 1 : n < XDP_QUEUES_MAX ? n : XDP_QUEUES_MAX;
}

static int
look_at_interface(struct xdp *x, uint8_t mac[6], char why[XDP_WHY_MAX])
{
	struct ifreq r = { 0 };
	int fd, err = 0;

	x->ifindex = if_nametoindex(x->interface);
	if (!x->ifindex)
		return fail(NBT_ENOENT, why, "there is no interface \"%s\"", x->interface);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	memcpy(r.ifr_name, x->interface, sizeof(r.ifr_name));
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &r))
		err = fail(NBT_EIO, why, "%s: %s", x->interface, strerror(errno));
	else if (r.ifr_hwaddr.sa_family != ARPHRD_ETHER)
		err = fail(NBT_EIO, why, "%s is no Ethernet interface", x->interface);
	memcpy(mac, r.ifr_hwaddr.sa_data, 6);
	if (!err)
		x->queues = queues_of(fd, &r);
	if (fd >= 0)
		close(fd);
	return err;
}

/* ---- the program ---- */

static int
load(struct xdp *x, char why[XDP_WHY_MAX])
{
	int err;

	/* they would write to stderr; what they return is told instead */
	(void)libbpf_set_print(NULL);
	(void)libxdp_set_print(NULL);
	x->object = bpf_object__open_mem(xdp_program, sizeof(xdp_program), NULL);
	err = x->object ? bpf_object__load(x->object) : -errno;
	if (err)
		return fail(kind_of(-err), why,
		    "the kernel does not take the program (%s); this needs Linux 5.9 with "
		    "CONFIG_XDP_SOCKETS, and root or CAP_BPF, CAP_NET_ADMIN and CAP_NET_RAW",
		    strerror(-err));
	x->sockets = bpf_object__find_map_fd_by_name(x->object, "sockets");
	return 0;
}

static void *
map_array(const struct xdp *x, const char *name, size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
	    bpf_object__find_map_fd_by_name(x->object, name), 0);

	return p == MAP_FAILED ? NULL : p;
}

static int
map_memory(struct xdp *x, char why[XDP_WHY_MAX])
{
	x->want = map_array(x, "want", sizeof(*x->want));
	x->shed = map_array(x, "shed", SHED);
	if (x->want && x->shed)
		return 0;
	return fail(NBT_EIO, why, "the program's memory: %s", strerror(errno));
}

/* Native only: what the kernel does in place of a driver is slower than the ordinary socket. */
static int
attach(struct xdp *x, char why[XDP_WHY_MAX])
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = XDP_FLAGS_DRV_MODE);
	struct bpf_program *program = bpf_object__find_program_by_name(x->object, "choose");

	x->link = bpf_link_create(bpf_program__fd(program), (int)x->ifindex, BPF_XDP, &opts);
	if (x->link >= 0)
		return 0;
	if (errno == EBUSY || errno == EEXIST)
		return fail(
		    NBT_EBUSY, why, "another XDP program is attached to %s already", x->interface);
	return fail(kind_of(errno), why,
	    "the driver of %s does not take an XDP program (%s); it needs native XDP, and some "
	    "drivers a smaller MTU or fewer queues",
	    x->interface, strerror(errno));
}

int
xdp_open(const struct xdp_opts *opts, struct xdp **ret, char why[XDP_WHY_MAX])
{
	struct xdp *x = calloc(1, sizeof(*x));
	uint8_t mac[6];
	int err;

	if (!x)
		return fail(NBT_ENOMEM, why, "no memory");
	x->sockets = x->link = -1;
	snprintf(x->interface, sizeof(x->interface), "%s", opts->interface);
	if ((err = look_at_interface(x, mac, why)) || (err = load(x, why)) ||
	    (err = map_memory(x, why)))
		goto out;
	x->want->port = opts->port;
	x->want->min = opts->min;
	x->want->max = opts->max;
	memcpy(x->want->mac, mac, sizeof(mac));
	memcpy(x->want->mask, opts->mask, sizeof(opts->mask));
	memcpy(x->want->value, opts->value, sizeof(opts->value));
	err = attach(x, why);
out:
	if (err)
		xdp_close(x);
	else
		*ret = x;
	return err;
}

void
xdp_close(struct xdp *x)
{
	if (!x)
		return;
	if (x->link >= 0)
		close(x->link);
	if (x->want)
		(void)munmap(x->want, sizeof(*x->want)); /* ours for sure */
	if (x->shed)
		(void)munmap(x->shed, SHED);
	bpf_object__close(x->object);
	free(x);
}

unsigned
xdp_queues(const struct xdp *x)
{
	return x->queues;
}

void
xdp_addresses(struct xdp *x, const struct ip4 *address, unsigned n)
{
	for (unsigned i = 0; i < XDP_ADDRESSES; i++)
		*(volatile uint32_t *)&x->want->address[i] = i < n ? htonl(address[i].v) : 0;
}

/* ---- a socket ---- */

static int
make_memory(struct xdp_socket *s)
{
	const struct xsk_umem_config conf = {
		.fill_size = FILL_PLACES, .comp_size = TX_FRAMES, .frame_size = FRAME
	};
	void *p = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return -errno;
	s->memory = p;
	return xsk_umem__create(&s->umem, s->memory, MEMORY, &s->fill, &s->done, &conf);
}

static int
make_rings(struct xdp_socket *s, unsigned queue)
{
	const struct xsk_socket_config conf = { .rx_size = RX_FRAMES,
		.tx_size = TX_PLACES,
		.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
		.xdp_flags = XDP_FLAGS_DRV_MODE,
		.bind_flags = XDP_USE_NEED_WAKEUP };

	return xsk_socket__create(&s->xsk, s->x->interface, queue, s->umem, &s->rx, &s->tx, &conf);
}

static void
lend(struct xdp_socket *s)
{
	uint32_t at = 0, n = xsk_ring_prod__reserve(&s->fill, RX_FRAMES, &at);

	assert(n == RX_FRAMES);
	for (uint32_t i = 0; i < n; i++)
		*xsk_ring_prod__fill_addr(&s->fill, at + i) = (uint64_t)i * FRAME;
	xsk_ring_prod__submit(&s->fill, n);
	for (; s->nfree < TX_FRAMES; s->nfree++)
		s->free[s->nfree] = (uint64_t)(RX_FRAMES + s->nfree) * FRAME;
}

int
xdp_socket_open(struct xdp *x, unsigned queue, struct udp_stats *stats, struct xdp_socket **ret,
    char why[XDP_WHY_MAX])
{
	struct xdp_socket *s = calloc(1, sizeof(*s));
	uint32_t key = queue;
	int err, fd;

	if (!s)
		return fail(NBT_ENOMEM, why, "no memory");
	s->x = x;
	s->stats = stats;
	s->shed = &x->shed[queue];
	if (!(err = make_memory(s)) && !(err = make_rings(s, queue))) {
		lend(s);
		fd = xsk_socket__fd(s->xsk);
		err = bpf_map_update_elem(x->sockets, &key, &fd, BPF_ANY);
	}
	if (err) {
		xdp_socket_close(s);
		return fail(kind_of(-err), why, "the socket for queue %u of %s: %s%s", queue,
		    x->interface, strerror(-err),
		    err == -ENOBUFS ? " (RLIMIT_MEMLOCK allows too little locked memory)" : "");
	}
	*ret = s;
	return 0;
}

void
xdp_socket_close(struct xdp_socket *s)
{
	if (!s)
		return;
	if (s->xsk)
		xsk_socket__delete(s->xsk);
	if (s->umem)
		(void)xsk_umem__delete(s->umem); /* its only socket is closed */
	if (s->memory)
		(void)munmap(s->memory, MEMORY); /* ours for sure */
	free(s);
}

int
xdp_socket_fd(const struct xdp_socket *s)
{
	return xsk_socket__fd(s->xsk);
}

/* ---- in ---- */

unsigned
xdp_receive(struct xdp_socket *s)
{
	s->received = xsk_ring_cons__peek(&s->rx, UDP_BATCH, &s->at);
	count(&s->stats->received, s->received);
	return s->received;
}

static const struct xdp_desc *
request(const struct xdp_socket *s, unsigned i)
{
	assert(i < s->received);
	return xsk_ring_cons__rx_desc(&s->rx, s->at + i);
}

bool
xdp_packet(const struct xdp_socket *s, unsigned i, struct udp_packet *ret)
{
	const struct xdp_desc *d = request(s, i);

	switch (xdp_frame_read(s->x->want, s->memory + d->addr, d->len, ret)) {
	case XDP_READ_OK:
		ret->ifindex = s->x->ifindex;
		return true;
	case XDP_READ_OTHER: /* the address went a moment ago */
	case XDP_READ_DAMAGED:
		break;
	}
	count(&s->stats->receive_errors, 1);
	return false;
}

bool
xdp_shed_load(const struct xdp_socket *s, struct shed_load *ret)
{
	struct xdp_statistics lost = { 0 };
	socklen_t len = sizeof(lost);

	if (getsockopt(xsk_socket__fd(s->xsk), SOL_XDP, XDP_STATISTICS, &lost, &len))
		return false;
	ret->used = __atomic_load_n(s->rx.producer, __ATOMIC_RELAXED) - s->rx.cached_cons;
	ret->size = RX_FRAMES;
	ret->dropped = (uint32_t)(lost.rx_dropped + lost.rx_ring_full) +
		       __atomic_load_n(&s->shed->dropped, __ATOMIC_RELAXED);
	return true;
}

void
xdp_shed_set(struct xdp_socket *s, const struct ip4 *addr, unsigned n, unsigned shift)
{
	assert(n <= SHED_ADDRESSES_MAX && shift <= SHED_SHIFT_MAX);
	for (unsigned i = 0; i < XDP_SHED; i++)
		*(volatile uint32_t *)&s->shed->address[i] = i < n ? htonl(addr[i].v) : 0;
	*(volatile uint32_t *)&s->shed->mask = n ? (1u << shift) - 1 : 0;
}

/* The kernel gets the frames of the batch to receive into. */
static void
give_back(struct xdp_socket *s)
{
	uint32_t at = 0, n = s->received;

	if (xsk_ring_prod__reserve(&s->fill, n, &at) != n)
		assert(!"the ring holds all frames");
	for (uint32_t i = 0; i < n; i++)
		*xsk_ring_prod__fill_addr(&s->fill, at + i) = request(s, i)->addr / FRAME * FRAME;
	xsk_ring_prod__submit(&s->fill, n);
	xsk_ring_cons__release(&s->rx, n);
	s->received = 0;
	if (xsk_ring_prod__needs_wakeup(&s->fill)) /* a driver that had run out of frames */
		(void)recvfrom(xsk_socket__fd(s->xsk), NULL, 0, MSG_DONTWAIT, NULL, NULL);
}

/* ---- out ---- */

uint8_t *
xdp_room(struct xdp_socket *s)
{
	if (!s->nfree || s->nout == UDP_BATCH)
		return NULL;
	return s->memory + s->free[s->nfree - 1] + XDP_HEAD;
}

void
xdp_put(struct xdp_socket *s, unsigned i, size_t len)
{
	const uint64_t addr = s->free[--s->nfree];
	const size_t all = xdp_frame_answer(s->memory + request(s, i)->addr, s->memory + addr, len);

	s->out[s->nout++] = (struct xdp_desc){ .addr = addr, .len = (uint32_t)all };
}

void
xdp_drop(struct xdp_socket *s)
{
	count(&s->stats->send_dropped, 1);
}

/* What the kernel has sent is free again. */
static void
reclaim(struct xdp_socket *s)
{
	uint32_t at = 0, n = xsk_ring_cons__peek(&s->done, TX_FRAMES, &at);

	for (uint32_t i = 0; i < n; i++)
		s->free[s->nfree++] = *xsk_ring_cons__comp_addr(&s->done, at + i);
	xsk_ring_cons__release(&s->done, n);
}

/* What the kernel does not take now leaves with the next batch, or while the thread polls. */
static void
kick(struct xdp_socket *s)
{
	for (int i = 0; i < KICKS_MAX && xsk_ring_prod__needs_wakeup(&s->tx); i++)
		if (sendto(xsk_socket__fd(s->xsk), NULL, 0, MSG_DONTWAIT, NULL, 0) >= 0 ||
		    (errno != EAGAIN && errno != EBUSY && errno != EINTR))
			break;
}

void
xdp_send(struct xdp_socket *s)
{
	uint32_t at = 0, n = s->nout;

	give_back(s);
	if (n && xsk_ring_prod__reserve(&s->tx, n, &at) != n)
		assert(!"the ring holds all frames");
	for (uint32_t i = 0; i < n; i++)
		*xsk_ring_prod__tx_desc(&s->tx, at + i) = s->out[i];
	xsk_ring_prod__submit(&s->tx, n);
	count(&s->stats->sent, n);
	s->nout = 0;
	if (n)
		kick(s);
	reclaim(s);
}
