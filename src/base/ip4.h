/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An IPv4 address as a type of its own, so that it cannot be mixed up with a number, and the few
 * questions one may ask of it. Layer: base. Owns nothing, has no effect.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Host byte order: 192.0.2.10 is 0xc000020a. */
struct ip4 {
	uint32_t v;
};

#define IP4_STRLEN 16 /* "255.255.255.255" and its NUL */
#define IP4(a, b, c, d) \
	((struct ip4){ (uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (d) })
#define IP4_ANY       ((struct ip4){ 0 })
#define IP4_BROADCAST ((struct ip4){ 0xffffffff })

static inline bool
ip4_eq(struct ip4 a, struct ip4 b)
{
	return a.v == b.v;
}

/* Can a host hold this address: not 0.0.0.0/8, 127/8, multicast, class E or 255.255.255.255. */
static inline bool
ip4_is_host(struct ip4 a)
{
	return a.v >> 24 != 0 && a.v >> 24 != 127 && a.v >> 24 < 224;
}

/* Writes dotted decimal into buf and returns buf. */
char *ip4_print(struct ip4 a, char buf[static IP4_STRLEN]);

/* Reads strict dotted decimal, four parts, nothing before or after. False: *ret is untouched. */
bool ip4_parse(const char *text, struct ip4 *ret);

/* A network: the addresses that share its first bits. The base's other bits are zero. */
struct ip4_net {
	struct ip4 base;
	uint8_t bits; /* 0 to 32 */
};

#define IP4_NET_STRLEN (IP4_STRLEN + 3) /* "255.255.255.255/32" and its NUL */

bool ip4_net_has(struct ip4_net net, struct ip4 a);
char *ip4_net_print(struct ip4_net net, char buf[static IP4_NET_STRLEN]);
/* Reads "169.254.0.0/16". False, *ret untouched: something else, or bits set behind the prefix. */
bool ip4_net_parse(const char *text, struct ip4_net *ret);
