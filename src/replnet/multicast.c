/* SPDX-License-Identifier: Apache-2.0 */
/* See repl_mcast.h. Layer: program. */
#include "replnet/multicast.h"

#include <netinet/in.h>

#define TTL 2 /* of Windows 2000 and later (wins 3.13) */

static void
room(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
	struct repl_mcast *m = h->data;

	(void)suggested;
	*buf = uv_buf_init((char *)m->buf, sizeof(m->buf));
}

/* What is longer than an announcement can be is none. */
static void
came(uv_udp_t *udp, ssize_t n, const uv_buf_t *buf, const struct sockaddr *from, unsigned flags)
{
	struct repl_mcast *m = udp->data;
	struct ip4 at;

	if (n <= 0 || !from || from->sa_family != AF_INET || flags & UV_UDP_PARTIAL)
		return;
	at.v = ntohl(((const struct sockaddr_in *)from)->sin_addr.s_addr);
	m->heard(m->arg, at, (const uint8_t *)buf->base, (size_t)n);
}

int
repl_mcast_open(struct repl_mcast *m, uv_loop_t *loop)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(m->port) };
	int err;

	uv_udp_init(loop, &m->udp);
	m->udp.data = m;
	err = uv_udp_bind(&m->udp, (struct sockaddr *)&any, UV_UDP_REUSEADDR);
	if (!err)
		err = uv_udp_set_multicast_ttl(&m->udp, TTL);
	return err ? err : uv_udp_recv_start(&m->udp, room, came);
}

void
repl_mcast_own(struct repl_mcast *m, const struct ip4 *own, unsigned n)
{
	char group[IP4_STRLEN], at[IP4_STRLEN];

	ip4_print(WREPL_GROUP, group);
	/* Where it is a member already the kernel says so, and where it cannot be nothing is heard. */
	for (m->nown = 0; m->nown < n && m->nown < REPL_MCAST_MAX; m->nown++) {
		m->own[m->nown] = own[m->nown];
		(void)uv_udp_set_membership(
		    &m->udp, group, ip4_print(own[m->nown], at), UV_JOIN_GROUP);
	}
}

void
repl_mcast_send(struct repl_mcast *m, const uint8_t *data, size_t len)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons(m->port),
		.sin_addr.s_addr = htonl(WREPL_GROUP.v) };
	uv_buf_t buf = uv_buf_init((char *)data, (unsigned)len);
	char at[IP4_STRLEN];

	/* Lost ones do not matter: announcements are repeated. */
	for (unsigned i = 0; i < m->nown; i++)
		if (!uv_udp_set_multicast_interface(&m->udp, ip4_print(m->own[i], at)))
			(void)uv_udp_try_send(&m->udp, &buf, 1, (struct sockaddr *)&to);
}

static void
gone(uv_handle_t *h)
{
	struct repl_mcast *m = h->data;

	m->closed(m->arg);
}

void
repl_mcast_close(struct repl_mcast *m)
{
	uv_close((uv_handle_t *)&m->udp, gone);
}
