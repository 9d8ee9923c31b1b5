/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine's network interfaces with their IPv4 addresses, as they are and when they change
 * (rtnetlink). Layer: io. Owns one socket, readable when something changed, for any event loop.
 * Decides nothing: which interfaces matter is its caller's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip4.h"

struct ifmon;

/* One address of one interface; an interface without an address is not in the list. */
struct ifmon_entry {
	uint32_t ifindex;
	char name[16];
	struct ip4 ip, mask;
	struct ip4 broadcast; /* IP4_ANY: the interface has no broadcasts */
	uint8_t mac[6];       /* zero when it has none of that length */
	bool up;              /* administratively, and a cable is in */
	bool loopback;
	bool secondary; /* not the first one in its network */
};

/* Watches from now on. NBT_ELIMIT, NBT_ENOMEM, NBT_EIO. */
int ifmon_open(struct ifmon **ret);
void ifmon_close(struct ifmon *m); /* accepts NULL */
int ifmon_fd(const struct ifmon *m);
/* Reads what waits in the socket, without blocking. True: something may have changed, list again. */
bool ifmon_changed(struct ifmon *m);
/* All addresses as they are now, in the kernel's order, at most cap; *ret_n says how many there are.
 * Blocks as long as the kernel needs. NBT_EIO. */
int ifmon_list(struct ifmon *m, struct ifmon_entry *ret, size_t cap, size_t *ret_n);
