/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the structs of the public header and those of wire. Layer: lib. No effect.
 */
#pragma once

#include <netbt/netbt.h>

#include "wire/ns.h"

/* False: the scope is none (an empty or too long label, or all too long). */
bool convert_name_in(const struct nbt_name *name, struct nb_key *ret);
/* False: a label has a dot or a NUL in it, which the text of a scope cannot show. */
bool convert_name_out(const struct nb_key *key, struct nbt_name *ret);

static inline struct in_addr
convert_ip_out(struct ip4 ip)
{
	return (struct in_addr){ .s_addr = htonl(ip.v) };
}

static inline struct ip4
convert_ip_in(struct in_addr a)
{
	return (struct ip4){ ntohl(a.s_addr) };
}
