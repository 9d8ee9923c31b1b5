/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which frames leave the kernel's way for a socket of ours (io/xdp.h): whole UDP datagrams to one of
 * our addresses whose first bytes are as wished, in the plainest frame there is. Layer: io. Compiled
 * twice, for the kernel and for this side, so that what the tests and the fuzzer call is what the
 * kernel runs. Knows no protocol above UDP. Whatever is unusual is not wanted: the kernel knows better.
 */
#pragma once

#include <linux/types.h>

#define XDP_ADDRESSES 16
#define XDP_HEAD      42 /* Ethernet, IPv4 without options, UDP */
#define XDP_FIRST     4  /* bytes of the datagram that are looked at */
#define XDP_SHED      64 /* addresses that can be kept out of a socket */

/* Shared memory: addresses may change at any moment, the rest is set before the first frame. */
struct xdp_want {
	__u32 address[XDP_ADDRESSES]; /* network byte order; 0 = none */
	__u8 mask[XDP_FIRST], value[XDP_FIRST];
	__u8 mac[6];
	__u16 port;
	__u16 min, max; /* bytes of the datagram; min >= XDP_FIRST */
};

/* Shared memory, for each queue: who is kept out of its socket. May change at any moment. */
struct xdp_shed {
	__u32 address[XDP_SHED]; /* network byte order; behind the last one 0 */
	__u32 mask;              /* 0: nobody is; else one in mask + 1 is let in */
	__u32 dropped;           /* wraps around */
};

/* Where things stand in a frame. */
enum {
	XDP_AT_MAC = 0,
	XDP_AT_MAC_FROM = 6,
	XDP_AT_TYPE = 12,
	XDP_AT_IP = 14,
	XDP_AT_IP_LEN = 16,
	XDP_AT_FRAGMENT = 20,
	XDP_AT_TTL = 22,
	XDP_AT_PROTOCOL = 23,
	XDP_AT_FROM = 26,
	XDP_AT_TO = 30,
	XDP_AT_UDP = 34,
	XDP_AT_PORT = 36,
	XDP_AT_UDP_LEN = 38,
	XDP_AT_UDP_SUM = 40,
};

#define XDP_ALWAYS static inline __attribute__((always_inline))

XDP_ALWAYS __u16
xdp_u16(const __u8 *p)
{
	return (__u16)(p[0] << 8 | p[1]);
}

/* Ours, and asked by somebody whom an answer can reach. */
XDP_ALWAYS int
xdp_addresses_fit(const struct xdp_want *w, const __u8 *p)
{
	const __u8 net = p[XDP_AT_FROM];
	__u32 to;

	if (net == 0 || net == 127 || net >= 224)
		return 0;
	__builtin_memcpy(&to, p + XDP_AT_TO, sizeof(to));
	for (int i = 0; i < XDP_ADDRESSES; i++)
		if (to && *(const volatile __u32 *)&w->address[i] == to)
			return 1;
	return 0;
}

/* 1 when the header's checksum is right: all of it adds up to ones. */
XDP_ALWAYS int
xdp_ip_whole(const __u8 *p)
{
	__u32 sum = 0;

	for (int i = XDP_AT_IP; i < XDP_AT_UDP; i += 2)
		sum += xdp_u16(p + i);
	return (sum & 0xffff) + (sum >> 16) == 0xffff;
}

/* 1 or 0. Whether the frame is as long as it says is not seen here: the kernel lets only programs with
 * more rights (CAP_PERFMON) compare lengths that are not constant. */
XDP_ALWAYS int
xdp_wanted(const struct xdp_want *w, const __u8 *p, const __u8 *end)
{
	__u32 udp_len, diff = 0;

	if (p + XDP_HEAD + XDP_FIRST > end)
		return 0;
	for (int i = 0; i < 6; i++)
		diff |= p[XDP_AT_MAC + i] ^ w->mac[i];
	for (int i = 0; i < XDP_FIRST; i++)
		diff |= (p[XDP_HEAD + i] & w->mask[i]) ^ w->value[i];
	if (diff || xdp_u16(p + XDP_AT_TYPE) != 0x0800 || p[XDP_AT_IP] != 0x45)
		return 0;
	/* a whole one: no offset, no more to come */
	if (xdp_u16(p + XDP_AT_FRAGMENT) & 0x3fff || !p[XDP_AT_TTL] || p[XDP_AT_PROTOCOL] != 17)
		return 0;
	if (xdp_u16(p + XDP_AT_PORT) != w->port || !xdp_u16(p + XDP_AT_UDP))
		return 0;
	udp_len = xdp_u16(p + XDP_AT_UDP_LEN);
	if (udp_len < 8u + w->min || udp_len > 8u + w->max ||
	    xdp_u16(p + XDP_AT_IP_LEN) != udp_len + 20)
		return 0;
	return xdp_addresses_fit(w, p) && xdp_ip_whole(p);
}

/* 1 or 0, of a frame that is wanted: is it one of those that are not let in? random decides which of a
 * listed address's. */
XDP_ALWAYS int
xdp_kept_out(const struct xdp_shed *s, const __u8 *p, __u32 random)
{
	__u32 from, listed;

	if (!(random & *(const volatile __u32 *)&s->mask))
		return 0;
	__builtin_memcpy(&from, p + XDP_AT_FROM, sizeof(from));
	for (int i = 0; i < XDP_SHED; i++) {
		listed = *(const volatile __u32 *)&s->address[i];
		if (listed == from)
			return 1;
		if (!listed)
			return 0;
	}
	return 0;
}
