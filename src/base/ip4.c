/* SPDX-License-Identifier: Apache-2.0 */
/* Printing and reading of IPv4 addresses. Layer: base. */
#include "base/ip4.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

char *
ip4_print(struct ip4 a, char buf[static IP4_STRLEN])
{
	snprintf(
	    buf, IP4_STRLEN, "%u.%u.%u.%u", a.v >> 24, a.v >> 16 & 255, a.v >> 8 & 255, a.v & 255);
	return buf;
}

bool
ip4_parse(const char *text, struct ip4 *ret)
{
	struct in_addr in;

	if (inet_pton(AF_INET, text, &in) != 1)
		return false;
	*ret = (struct ip4){ ntohl(in.s_addr) };
	return true;
}

static uint32_t
mask(unsigned bits)
{
	return bits ? UINT32_MAX << (32 - bits) : 0;
}

bool
ip4_net_has(struct ip4_net net, struct ip4 a)
{
	return (a.v & mask(net.bits)) == net.base.v;
}

char *
ip4_net_print(struct ip4_net net, char buf[static IP4_NET_STRLEN])
{
	char base[IP4_STRLEN];

	snprintf(buf, IP4_NET_STRLEN, "%s/%u", ip4_print(net.base, base), net.bits & 63u);
	return buf;
}

/* One or two digits, none of them a leading zero. */
static bool
parse_bits(const char *text, unsigned *ret)
{
	size_t len = strlen(text);
	unsigned bits = 0;

	if (!len || len > 2 || strspn(text, "0123456789") != len || (len == 2 && text[0] == '0'))
		return false;
	for (; *text; text++)
		bits = bits * 10 + (unsigned)(*text - '0');
	*ret = bits;
	return bits <= 32;
}

bool
ip4_net_parse(const char *text, struct ip4_net *ret)
{
	const char *slash = strchr(text, '/');
	char address[IP4_STRLEN];
	struct ip4 base;
	unsigned bits;

	if (!slash || slash - text >= IP4_STRLEN || !parse_bits(slash + 1, &bits))
		return false;
	memcpy(address, text, (size_t)(slash - text));
	address[slash - text] = 0;
	if (!ip4_parse(address, &base) || base.v & ~mask(bits))
		return false;
	*ret = (struct ip4_net){ base, (uint8_t)bits };
	return true;
}
