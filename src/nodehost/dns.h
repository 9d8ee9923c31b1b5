/* SPDX-License-Identifier: Apache-2.0 */
/* Host names by the system's resolver on libuv's threads. Layer: nodehost. */
#pragma once

#include <uv.h>

#include "base/ip4.h"

#define DNS_ADDRS_MAX 25

struct dns;
typedef void dns_done(void *arg, uint32_t ticket, const struct ip4 *addr, unsigned n);

int dns_open(uv_loop_t *loop, dns_done *done, void *arg, struct dns **ret); /* NBT_ENOMEM */
/* Calls done later, with no address when there is none; at once when there is no memory. */
void dns_ask(struct dns *d, uint32_t ticket, const char *name);
/* No answer comes any more. Memory goes when the last question has ended. Accepts NULL. */
void dns_close(struct dns *d);
