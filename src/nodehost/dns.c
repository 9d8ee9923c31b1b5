/* SPDX-License-Identifier: Apache-2.0 */
/* See dns.h. Layer: nodehost. */
#include "nodehost/dns.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

struct dns {
	uv_loop_t *loop;
	dns_done *done;
	void *arg;
	unsigned open; /* questions on their way */
	bool closed;
};

struct question {
	uv_getaddrinfo_t request; /* first: libuv gives it back */
	struct dns *dns;
	uint32_t ticket;
};

int
dns_open(uv_loop_t *loop, dns_done *done, void *arg, struct dns **ret)
{
	struct dns *d = calloc(1, sizeof(*d));

	if (!d)
		return NBT_ENOMEM;
	*d = (struct dns){ .loop = loop, .done = done, .arg = arg };
	*ret = d;
	return 0;
}

static void
give_up(struct dns *d)
{
	if (d->closed && !d->open)
		free(d);
}

static void
answered(uv_getaddrinfo_t *request, int status, struct addrinfo *res)
{
	struct question *q = (struct question *)request;
	struct ip4 addr[DNS_ADDRS_MAX];
	struct dns *d = q->dns;
	unsigned n = 0;

	for (const struct addrinfo *a = status ? NULL : res; a && n < DNS_ADDRS_MAX; a = a->ai_next)
		if (a->ai_family == AF_INET)
			addr[n++].v = ntohl(
			    ((const struct sockaddr_in *)(void *)a->ai_addr)->sin_addr.s_addr);
	uv_freeaddrinfo(res);
	d->open--;
	if (!d->closed)
		d->done(d->arg, q->ticket, addr, n);
	free(q);
	give_up(d);
}

void
dns_ask(struct dns *d, uint32_t ticket, const char *name)
{
	const struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_DGRAM };
	struct question *q = calloc(1, sizeof(*q));

	if (q) {
		q->dns = d;
		q->ticket = ticket;
		if (uv_getaddrinfo(d->loop, &q->request, answered, name, NULL, &hints) == 0) {
			d->open++;
			return;
		}
	}
	free(q);
	d->done(d->arg, ticket, NULL, 0);
}

void
dns_close(struct dns *d)
{
	if (!d)
		return;
	d->closed = true;
	give_up(d);
}
