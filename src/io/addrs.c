/* SPDX-License-Identifier: Apache-2.0 */
/* getifaddrs as plain values. Layer: io. */
#include "io/addrs.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

_Static_assert(sizeof(((struct addrs_entry *)0)->name) == IFNAMSIZ, "an interface's name fits");

static struct ip4
address_of(const struct sockaddr *sa)
{
	const struct sockaddr_in *sin = (const void *)sa;

	return sa && sa->sa_family == AF_INET ? (struct ip4){ ntohl(sin->sin_addr.s_addr) }
					      : IP4_ANY;
}

int
addrs_list(struct addrs_entry *ret, size_t cap, size_t *ret_n)
{
	struct ifaddrs *all;
	size_t n = 0;

	if (getifaddrs(&all))
		return NBT_EIO;
	for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
		struct addrs_entry e = { .ip = address_of(i->ifa_addr) };

		if (ip4_eq(e.ip, IP4_ANY) || !(i->ifa_flags & IFF_UP))
			continue;
		e.mask = address_of(i->ifa_netmask);
		if (i->ifa_flags & IFF_BROADCAST)
			e.broadcast = address_of(i->ifa_broadaddr);
		snprintf(e.name, sizeof(e.name), "%s", i->ifa_name);
		e.name[strcspn(e.name, ":")] = '\0'; /* an alias label is no interface of its own */
		e.ifindex = if_nametoindex(e.name);
		e.loopback = i->ifa_flags & IFF_LOOPBACK;
		if (n++ < cap)
			ret[n - 1] = e;
	}
	freeifaddrs(all);
	*ret_n = n;
	return 0;
}
