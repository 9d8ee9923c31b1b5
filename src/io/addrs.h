/* SPDX-License-Identifier: Apache-2.0 */
/* This machine's IPv4 addresses as they are at the moment. Layer: io. Owns nothing. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/ip4.h"

struct addrs_entry {
	struct ip4 ip, mask, broadcast; /* broadcast: IP4_ANY when the interface has none */
	unsigned ifindex;
	bool loopback;
	char name[16]; /* of the interface */
};

/* Addresses of interfaces that are up, in the kernel's order; fills at most cap and says in *ret_n
 * how many there are. NBT_EIO. */
int addrs_list(struct addrs_entry *ret, size_t cap, size_t *ret_n);
