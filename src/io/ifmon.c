/* SPDX-License-Identifier: Apache-2.0 */
/* rtnetlink through libmnl, see ifmon.h. Layer: io. Links and addresses are two dumps, joined here. */
#include "io/ifmon.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define BUFFER    32768 /* what the kernel fills at most at once in a dump */
#define LINKS_MAX 4096
#define TRIES     5 /* of a dump that was disturbed by a change */

_Static_assert(sizeof(((struct ifmon_entry *)0)->name) == IFNAMSIZ, "an interface's name fits");

struct link {
	uint32_t ifindex;
	unsigned flags;
	char name[IFNAMSIZ];
	uint8_t mac[6];
};

struct ifmon {
	struct mnl_socket *news, *ask;
	uint32_t seq;
	struct link *link; /* of the dump under way */
	size_t nlink;
	struct ifmon_entry *ret;
	size_t cap, n;
	_Alignas(struct nlmsghdr) uint8_t buf[BUFFER];
};

static int
error_of(int error)
{
	return error == EMFILE || error == ENFILE ? NBT_ELIMIT
	       : error == ENOMEM                  ? NBT_ENOMEM
						  : NBT_EIO;
}

static struct mnl_socket *
open_socket(int flags, unsigned groups)
{
	struct mnl_socket *s = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | flags);

	if (s && mnl_socket_bind(s, groups, MNL_SOCKET_AUTOPID) < 0) {
		int error = errno;

		mnl_socket_close(s);
		errno = error;
		return NULL;
	}
	return s;
}

int
ifmon_open(struct ifmon **ret)
{
	struct ifmon *m = calloc(1, sizeof(*m));
	int err = 0;

	if (!m)
		return NBT_ENOMEM;
	m->link = calloc(LINKS_MAX, sizeof(*m->link));
	if (!m->link)
		err = NBT_ENOMEM;
	else if (!(m->news = open_socket(SOCK_NONBLOCK, RTMGRP_LINK | RTMGRP_IPV4_IFADDR)) ||
		 !(m->ask = open_socket(0, 0)))
		err = error_of(errno);
	if (err)
		ifmon_close(m);
	else
		*ret = m;
	return err;
}

void
ifmon_close(struct ifmon *m)
{
	if (!m)
		return;
	if (m->news)
		mnl_socket_close(m->news);
	if (m->ask)
		mnl_socket_close(m->ask);
	free(m->link);
	free(m);
}

int
ifmon_fd(const struct ifmon *m)
{
	return mnl_socket_get_fd(m->news);
}

bool
ifmon_changed(struct ifmon *m)
{
	bool any = false;
	ssize_t n;

	/* ENOBUFS: there was more news than the socket could hold, so there was news. */
	while ((n = mnl_socket_recvfrom(m->news, m->buf, sizeof(m->buf))) > 0 ||
	       (n < 0 && (errno == ENOBUFS || errno == EINTR || errno == ENOSPC)))
		any = true;
	return any;
}

/* ---- dumps ---- */

static int
on_link(const struct nlmsghdr *h, void *arg)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(h);
	const struct nlattr *a;
	struct ifmon *m = arg;
	struct link *l;

	if (m->nlink == LINKS_MAX)
		return MNL_CB_OK;
	l = &m->link[m->nlink++];
	*l = (struct link){ .ifindex = (uint32_t)info->ifi_index, .flags = info->ifi_flags };
	mnl_attr_for_each(a, h, sizeof(*info))
	{
		if (mnl_attr_get_type(a) == IFLA_IFNAME)
			strncpy(l->name, mnl_attr_get_str(a), sizeof(l->name) - 1);
		if (mnl_attr_get_type(a) == IFLA_ADDRESS &&
		    mnl_attr_get_payload_len(a) == sizeof(l->mac))
			memcpy(l->mac, mnl_attr_get_payload(a), sizeof(l->mac));
	}
	return MNL_CB_OK;
}

static const struct link *
find_link(const struct ifmon *m, uint32_t ifindex)
{
	for (size_t i = 0; i < m->nlink; i++)
		if (m->link[i].ifindex == ifindex)
			return &m->link[i];
	return NULL;
}

static struct ip4
get_ip4(const struct nlattr *a)
{
	uint32_t v = 0;

	if (mnl_attr_get_payload_len(a) == sizeof(v))
		memcpy(&v, mnl_attr_get_payload(a), sizeof(v));
	return (struct ip4){ ntohl(v) };
}

static void
set_address(struct ifmon_entry *e, const struct nlmsghdr *h)
{
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(h);
	const struct nlattr *a;
	struct ip4 address = IP4_ANY;

	mnl_attr_for_each(a, h, sizeof(*info))
	{
		if (mnl_attr_get_type(a) == IFA_LOCAL)
			e->ip = get_ip4(a);
		if (mnl_attr_get_type(a) == IFA_ADDRESS)
			address = get_ip4(a);
		if (mnl_attr_get_type(a) == IFA_BROADCAST)
			e->broadcast = get_ip4(a);
	}
	/* The other end's address on a point-to-point link, ours where there is no IFA_LOCAL. */
	if (ip4_eq(e->ip, IP4_ANY))
		e->ip = address;
	e->mask.v = info->ifa_prefixlen ? UINT32_MAX << (32 - info->ifa_prefixlen) : 0;
	e->secondary = info->ifa_flags & IFA_F_SECONDARY;
}

static int
on_address(const struct nlmsghdr *h, void *arg)
{
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(h);
	struct ifmon_entry e = { .ifindex = info->ifa_index };
	struct ifmon *m = arg;
	const struct link *l = find_link(m, e.ifindex);

	if (info->ifa_family != AF_INET || info->ifa_prefixlen > 32 || !l)
		return MNL_CB_OK;
	set_address(&e, h);
	if (!(l->flags & IFF_BROADCAST))
		e.broadcast = IP4_ANY;
	else if (ip4_eq(e.broadcast, IP4_ANY) && info->ifa_prefixlen < 31)
		e.broadcast.v =
		    e.ip.v | ~e.mask.v; /* what the kernel routes as such, given or not */
	memcpy(e.name, l->name, sizeof(e.name));
	memcpy(e.mac, l->mac, sizeof(e.mac));
	e.up = (l->flags & IFF_UP) && (l->flags & IFF_LOWER_UP);
	e.loopback = l->flags & IFF_LOOPBACK;
	if (m->n++ < m->cap)
		m->ret[m->n - 1] = e;
	return MNL_CB_OK;
}

/* 0, or the errno: EINTR when something changed in between. */
static int
dump(struct ifmon *m, uint16_t type, mnl_cb_t each)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(m->buf);
	unsigned port = mnl_socket_get_portid(m->ask);
	struct rtgenmsg *g;
	ssize_t n;
	int more;

	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	h->nlmsg_seq = ++m->seq;
	g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	g->rtgen_family = type == RTM_GETADDR ? AF_INET : AF_UNSPEC;
	if (mnl_socket_sendto(m->ask, h, h->nlmsg_len) < 0)
		return errno;
	do {
		n = mnl_socket_recvfrom(m->ask, m->buf, sizeof(m->buf));
		more = n < 0 ? -1 : mnl_cb_run(m->buf, (size_t)n, m->seq, port, each, m);
		/* The rest of an older, disturbed dump: passed over. */
		if (more < 0 && n >= 0 && errno == EPROTO)
			more = 1;
	} while (more > 0);
	return more < 0 ? errno : 0;
}

int
ifmon_list(struct ifmon *m, struct ifmon_entry *ret, size_t cap, size_t *ret_n)
{
	int error = EINTR;

	for (int i = 0; i < TRIES && error == EINTR; i++) {
		m->ret = ret;
		m->cap = cap;
		m->n = m->nlink = 0;
		error = dump(m, RTM_GETLINK, on_link);
		if (!error)
			error = dump(m, RTM_GETADDR, on_address);
	}
	if (error)
		return error_of(error);
	*ret_n = m->n;
	return 0;
}
