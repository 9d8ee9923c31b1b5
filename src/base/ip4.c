/* SPDX-License-Identifier: Apache-2.0 */
/* Printing and reading of IPv4 addresses. Layer: base. */
#include "base/ip4.h"

#include <arpa/inet.h>
#include <stdio.h>

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
