/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel does with datagrams before a program receives them: how full a socket's buffer is, how
 * many were dropped, and dropping those of some addresses there, before they take the place of others'.
 * Layer: io. A system call each: for one packet in a thousand, not for each.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/ip4.h"

#define SHED_ADDRESSES_MAX 64
#define SHED_SHIFT_MAX     16

struct shed_load {
	uint32_t used,
	    size; /* bytes of the receive buffer; a quarter of size may have been read already */
	uint32_t dropped; /* packets since the socket was opened, shed ones too; wraps around */
};
/* False: the kernel does not tell (before Linux 4.12). */
bool shed_load(int fd, struct shed_load *ret);

/*
 * Lets one in 2^shift packets of these addresses through, at random, and all of everybody else; n = 0 or
 * shift = 0: all. n <= SHED_ADDRESSES_MAX, shift <= SHED_SHIFT_MAX. False: refused, it is as before.
 */
bool shed_set(int fd, const struct ip4 *addr, unsigned n, unsigned shift);
