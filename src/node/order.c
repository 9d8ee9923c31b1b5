/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of a name's addresses to try first (netbt-name-service.md 3.1 "Choosing the destination", KB
 * 161425): same subnet as the calling interface, same network by class, same subnet as any interface,
 * the rest; by chance among equals, so that no server gets all the callers. Layer: node.
 */
#include "node/lookup.h"

/* Class A, B or C (D and E are no hosts). */
static uint32_t
class_mask(struct ip4 ip)
{
	if (!(ip.v & 0x80000000))
		return 0xff000000;
	return ip.v & 0x40000000 ? 0xffffff00 : 0xffff0000;
}

static unsigned
rank(const struct node *n, const struct iface *ifc, struct ip4 ip)
{
	unsigned best = 3;

	for (unsigned i = 0; i < n->nifs; i++) {
		const struct iface *own = n->ifs[i];
		bool calling = !ifc || own == ifc;

		if (if_on_link(own, ip))
			return calling ? 0 : 2;
		if (calling && !((ip.v ^ own->c.ip.v) & class_mask(own->c.ip)))
			best = 1;
	}
	return best;
}

void
order_addresses(const struct node *n, const struct iface *ifc, struct ip4 *addr, unsigned naddr)
{
	for (unsigned i = naddr; i > 1; i--) {
		unsigned k = n->host.random(n->host.arg) % i;
		struct ip4 swap = addr[i - 1];

		addr[i - 1] = addr[k];
		addr[k] = swap;
	}
	for (unsigned i = 1; i < naddr; i++) {
		struct ip4 ip = addr[i];
		unsigned k = i;

		for (; k > 0 && rank(n, ifc, addr[k - 1]) > rank(n, ifc, ip); k--)
			addr[k] = addr[k - 1];
		addr[k] = ip;
	}
}
