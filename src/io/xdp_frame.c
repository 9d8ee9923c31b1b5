/* SPDX-License-Identifier: Apache-2.0 */
/* See xdp_frame.h. Layer: io. Offsets are those of xdp_filter.h: there is one kind of frame only. */
#include "io/xdp_frame.h"

#include <assert.h>
#include <string.h>

#define TTL           64
#define DO_NOT_CUT_UP 0x40 /* of the first byte of flags and offset */

static void
put_u16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static uint32_t
get_u32(const uint8_t *p)
{
	return (uint32_t)xdp_u16(p) << 16 | xdp_u16(p + 2);
}

/* Pairs of bytes as the machine has them: sums of swapped bytes are swapped sums (RFC 1071). */
static uint32_t
sum(const uint8_t *p, size_t len)
{
	uint32_t total = 0;
	uint16_t pair;

	for (size_t i = 0; i + 2 <= len; i += 2) {
		memcpy(&pair, p + i, 2);
		total += pair;
	}
	if (len % 2) {
		const uint8_t last[2] = { p[len - 1], 0 };

		memcpy(&pair, last, 2);
		total += pair;
	}
	return total;
}

static uint16_t
fold(uint32_t total)
{
	total = (total & 0xffff) + (total >> 16);
	return (uint16_t)((total & 0xffff) + (total >> 16));
}

/* What UDP adds of the layer below: both addresses, protocol, length. */
static uint32_t
pseudo_sum(const uint8_t *frame)
{
	const uint8_t rest[4] = { 0, frame[XDP_AT_PROTOCOL], frame[XDP_AT_UDP_LEN],
		frame[XDP_AT_UDP_LEN + 1] };

	return sum(frame + XDP_AT_FROM, 8) + sum(rest, sizeof(rest));
}

/*
 * None at all is allowed (RFC 768). A neighbour on the same machine leaves the sum to hardware that is
 * not there: then the field holds what the pseudo header adds and nothing else.
 */
static bool
is_whole(const uint8_t *frame)
{
	const uint32_t pseudo = pseudo_sum(frame);
	uint16_t field;

	memcpy(&field, frame + XDP_AT_UDP_SUM, 2);
	return !field || field == fold(pseudo) ||
	       fold(pseudo + sum(frame + XDP_AT_UDP, xdp_u16(frame + XDP_AT_UDP_LEN))) == 0xffff;
}

enum xdp_read
xdp_frame_read(
    const struct xdp_want *want, const uint8_t *frame, size_t len, struct udp_packet *ret)
{
	if (!xdp_wanted(want, frame, frame + len))
		return XDP_READ_OTHER;
	/* Ethernet pads what is short: bytes may follow the datagram, none may lack */
	if (XDP_AT_UDP + (size_t)xdp_u16(frame + XDP_AT_UDP_LEN) > len || !is_whole(frame))
		return XDP_READ_DAMAGED;
	*ret = (struct udp_packet){
		.data = frame + XDP_HEAD,
		.len = (uint16_t)(xdp_u16(frame + XDP_AT_UDP_LEN) - 8),
		.port = xdp_u16(frame + XDP_AT_UDP),
		.peer = { get_u32(frame + XDP_AT_FROM) },
		.local = { get_u32(frame + XDP_AT_TO) },
	};
	return XDP_READ_OK;
}

size_t
xdp_frame_answer(const uint8_t *request, uint8_t *answer, size_t len)
{
	uint8_t *ip = answer + XDP_AT_IP;
	uint16_t check;

	assert(len <= UDP_SEND_MAX);
	memset(answer, 0, XDP_HEAD);
	memcpy(answer + XDP_AT_MAC, request + XDP_AT_MAC_FROM, 6);
	memcpy(answer + XDP_AT_MAC_FROM, request + XDP_AT_MAC, 6);
	put_u16(answer + XDP_AT_TYPE, 0x0800);
	ip[0] = 0x45;
	put_u16(answer + XDP_AT_IP_LEN, 28 + (unsigned)len);
	answer[XDP_AT_FRAGMENT] = DO_NOT_CUT_UP;
	answer[XDP_AT_TTL] = TTL;
	answer[XDP_AT_PROTOCOL] = 17;
	memcpy(answer + XDP_AT_FROM, request + XDP_AT_TO, 4);
	memcpy(answer + XDP_AT_TO, request + XDP_AT_FROM, 4);
	check = (uint16_t)~fold(sum(ip, 20));
	memcpy(ip + 10, &check, 2);

	memcpy(answer + XDP_AT_UDP, request + XDP_AT_PORT, 2);
	memcpy(answer + XDP_AT_PORT, request + XDP_AT_UDP, 2);
	put_u16(answer + XDP_AT_UDP_LEN, 8 + (unsigned)len);
	check = (uint16_t)~fold(pseudo_sum(answer) + sum(answer + XDP_AT_UDP, 8 + len));
	if (!check) /* 0 would say that there is none */
		check = 0xffff;
	memcpy(answer + XDP_AT_UDP_SUM, &check, 2);
	return XDP_HEAD + len;
}
