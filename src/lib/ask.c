/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions to the network without a daemon: name queries to servers and by broadcast, node status.
 * Layer: lib. One socket a call; an answer counts only with our random id, the name asked for, and
 * from whom it may come (netbt-name-service.md 8.2 rules 1, 3, 10).
 */
#include "lib/ask.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/convert.h"
#include "lib/daemon.h"

#define PORT           137
#define TRIES          3    /* NameSrvQueryCount, BcastNameQueryCount */
#define SERVER_WAIT_MS 1500 /* NameSrvQueryTimeout */
#define BCAST_WAIT_MS  750  /* BcastQueryTimeout */
#define WACK_MAX_S     60   /* 8.2 rule 8 */
#define WACKS_MAX      10
#define LINKS_MAX      64

struct link {
	struct ip4 mask, net, broadcast;
};

struct asker {
	int fd;
	long long deadline;
	struct nb_msg request;
	struct ip4 server; /* who is asked; 0.0.0.0: everybody on the links */
	unsigned wacks;
	unsigned nlinks;
	struct link link[LINKS_MAX];
};

/* ---- the socket ---- */

static bool
bind_port(int fd, uint16_t port)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(port) };

	return !bind(fd, (struct sockaddr *)&any, sizeof(any));
}

static int
open_socket(struct asker *a, const struct nbt_options *o)
{
	int on = 1;

	a->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (a->fd < 0)
		return NBT_ERR_SYSTEM;
	(void)setsockopt(a->fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on));
	/* Taken by the daemon, or we are not privileged: any port must do. */
	if (o->from_port_137)
		(void)bind_port(a->fd, PORT);
	if (getrandom(&a->request.id, sizeof(a->request.id), 0) == sizeof(a->request.id))
		return 0;
	close(a->fd);
	return NBT_ERR_SYSTEM;
}

static void
add_link(struct asker *a, const struct ifaddrs *i)
{
	const unsigned want = IFF_UP | IFF_BROADCAST;
	struct link l;

	if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET || !i->ifa_netmask ||
	    !i->ifa_broadaddr || (i->ifa_flags & (want | IFF_LOOPBACK)) != want)
		return;
	l.mask.v = ntohl(((struct sockaddr_in *)i->ifa_netmask)->sin_addr.s_addr);
	l.net.v = ntohl(((struct sockaddr_in *)i->ifa_addr)->sin_addr.s_addr) & l.mask.v;
	l.broadcast.v = ntohl(((struct sockaddr_in *)i->ifa_broadaddr)->sin_addr.s_addr);
	if (a->nlinks < LINKS_MAX && l.broadcast.v)
		a->link[a->nlinks++] = l;
}

static int
find_links(struct asker *a)
{
	struct ifaddrs *all;

	if (getifaddrs(&all))
		return NBT_ERR_SYSTEM;
	for (struct ifaddrs *i = all; i; i = i->ifa_next)
		add_link(a, i);
	freeifaddrs(all);
	return 0;
}

static bool
is_on_link(const struct asker *a, struct ip4 ip)
{
	for (unsigned i = 0; i < a->nlinks; i++)
		if ((ip.v & a->link[i].mask.v) == a->link[i].net.v)
			return true;
	return false;
}

/* ---- sending and receiving ---- */

static bool
send_to(const struct asker *a, struct ip4 ip)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr = convert_ip_out(ip)
	};
	uint8_t packet[NB_UDP_MAX];
	size_t len = nb_encode(&a->request, packet, sizeof(packet));

	return sendto(a->fd, packet, len, MSG_NOSIGNAL, (struct sockaddr *)&to, sizeof(to)) ==
	       (ssize_t)len;
}

static bool
send_request(const struct asker *a)
{
	bool sent = false;

	if (!ip4_eq(a->server, IP4_ANY))
		return send_to(a, a->server);
	for (unsigned i = 0; i < a->nlinks; i++)
		sent |= send_to(a, a->link[i].broadcast);
	return sent;
}

enum meaning { NO_ANSWER, POSITIVE, NEGATIVE, WAIT };

static enum meaning
meaning_of(const struct asker *a, struct ip4 from, const struct nb_msg *m)
{
	static const struct nb_key none;
	bool broadcast = ip4_eq(a->server, IP4_ANY);

	if (m->id != a->request.id || (broadcast ? !is_on_link(a, from) : !ip4_eq(from, a->server)))
		return NO_ANSWER;
	/* Two kinds may come without the name that they are about (1.8.8, 1.8.11). */
	if (!nb_key_eq(&m->key, &a->request.key) &&
	    !((m->kind == NB_QUERY_FAIL || m->kind == NB_WACK) && nb_key_eq(&m->key, &none)))
		return NO_ANSWER;
	if (m->kind == NB_QUERY_OK && a->request.kind == NB_QUERY_REQ)
		return POSITIVE;
	if (m->kind == NB_STATUS_RESP && a->request.kind == NB_STATUS_REQ)
		return POSITIVE;
	if (broadcast) /* nobody answers broadcasts negatively (1.8.8) */
		return NO_ANSWER;
	if (m->kind == NB_QUERY_FAIL)
		return NEGATIVE;
	return m->kind == NB_WACK ? WAIT : NO_ANSWER;
}

/* Reads what is there: false when nothing is left. */
static bool
receive(const struct asker *a, struct received *ret)
{
	struct sockaddr_in from = { 0 };
	socklen_t size = sizeof(from);
	ssize_t n =
	    recvfrom(a->fd, ret->bytes, sizeof(ret->bytes), 0, (struct sockaddr *)&from, &size);

	if (n < 0)
		return errno != EAGAIN; /* an ICMP error of an earlier packet is read away */
	ret->from = convert_ip_in(from.sin_addr);
	ret->len = (size_t)n;
	return true;
}

/* Waits for the answer until the time; a WACK moves it on, but never past the deadline. */
static enum meaning
await(struct asker *a, long long until, struct received *ret)
{
	for (;;) {
		long long end = until < a->deadline ? until : a->deadline;
		long long left = end - daemon_now();
		struct pollfd p = { .fd = a->fd, .events = POLLIN };
		enum meaning what;

		if (left <= 0 ||
		    (poll(&p, 1, (int)(left < 60000 ? left : 60000)) < 0 && errno != EINTR))
			return NO_ANSWER;
		ret->len = 0;
		if (!receive(a, ret) || nb_decode(ret->bytes, ret->len, &ret->msg))
			continue;
		what = meaning_of(a, ret->from, &ret->msg);
		if (what == POSITIVE || what == NEGATIVE)
			return what;
		if (what == WAIT && ret->msg.ttl && a->wacks++ < WACKS_MAX)
			until = daemon_now() +
				1000LL * (ret->msg.ttl < WACK_MAX_S ? ret->msg.ttl : WACK_MAX_S);
	}
}

/* Asks, and again after silence, with the same id (RFC 1002 5.1). */
static enum meaning
converse(struct asker *a, struct ip4 server, unsigned wait_ms, struct received *ret)
{
	a->server = server;
	a->wacks = 0;
	for (int i = 0; i < TRIES && daemon_now() < a->deadline; i++) {
		enum meaning what;

		if (!send_request(a))
			return NO_ANSWER;
		what = await(a, daemon_now() + wait_ms, ret);
		if (what != NO_ANSWER)
			return what;
	}
	return NO_ANSWER;
}

/* ---- name queries ---- */

/* What no host can have is left out; 255.255.255.255 is how servers answer for groups. */
static bool
take_addresses(const struct received *r, struct nbt_answer *ret)
{
	struct nbt_answer answer = { .from = convert_ip_out(r->from) };

	for (unsigned i = 0; i < r->msg.naddr && answer.naddress < NBT_ANSWER_MAX; i++) {
		const struct nb_addr *a = &r->msg.addr[i];
		bool group = a->flags & NB_G;

		if (!ip4_is_host(a->ip) && !(group && ip4_eq(a->ip, IP4_BROADCAST)))
			continue;
		answer.group |= group;
		answer.address[answer.naddress++] = convert_ip_out(a->ip);
	}
	if (!answer.naddress)
		return false;
	*ret = answer;
	return true;
}

static int
query(struct asker *a, const struct nbt_options *o, struct received *r, struct nbt_answer *ret)
{
	/* The next server is asked after a negative answer too (KB 137780). */
	for (unsigned i = 0; i < o->nserver && i < NBT_SERVERS_MAX; i++) {
		struct ip4 server = convert_ip_in(o->server[i]);

		if (ip4_eq(server, IP4_ANY) || ip4_eq(server, IP4_BROADCAST))
			return NBT_ERR_INVALID;
		a->request.flags = NB_F_RD;
		if (converse(a, server, SERVER_WAIT_MS, r) == POSITIVE && take_addresses(r, ret))
			return 0;
	}
	a->request.flags = NB_F_RD | NB_F_B;
	if (!o->no_broadcast && converse(a, IP4_ANY, BCAST_WAIT_MS, r) == POSITIVE &&
	    take_addresses(r, ret))
		return 0;
	return daemon_now() < a->deadline ? NBT_ERR_NOT_FOUND : NBT_ERR_TIMEOUT;
}

int
ask_name(const struct nb_key *key, const struct nbt_options *o, long long deadline,
    struct nbt_answer *ret)
{
	struct asker a = { .deadline = deadline, .request = { .kind = NB_QUERY_REQ, .key = *key } };
	struct received r;
	int err = find_links(&a);

	if (!err)
		err = open_socket(&a, o);
	if (err)
		return err;
	err = query(&a, o, &r, ret);
	close(a.fd);
	return err;
}

/* ---- node status ---- */

int
ask_status(struct ip4 peer, const struct nb_key *key, const struct nbt_options *o,
    long long deadline, struct received *ret)
{
	struct asker a = { .deadline = deadline,
		.request = { .kind = NB_STATUS_REQ, .key = *key } };
	enum meaning what;
	int err = open_socket(&a, o);

	if (err)
		return err;
	what = converse(&a, peer, SERVER_WAIT_MS, ret);
	close(a.fd);
	return what == POSITIVE ? 0 : NBT_ERR_TIMEOUT;
}
