/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target of the frames that go past the kernel's network code: any bytes are left to the kernel,
 * damaged, or a datagram that lies within them; an answer to it is a frame that whoever asked takes as
 * whole. Layer: fuzz.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "io/xdp_frame.h"

#define MIN 12
#define MAX 548

/* A receiver for whom the frame is: only then is there more to look at. */
static struct xdp_want
receiver_of(const uint8_t *frame, const uint8_t mask[XDP_FIRST], uint16_t min)
{
	struct xdp_want w = { .port = xdp_u16(frame + XDP_AT_PORT), .min = min, .max = MAX };

	memcpy(&w.address[XDP_ADDRESSES - 1], frame + XDP_AT_TO, 4);
	memcpy(w.mac, frame + XDP_AT_MAC, 6);
	memcpy(w.mask, mask, XDP_FIRST);
	for (int i = 0; i < XDP_FIRST; i++)
		w.value[i] = frame[XDP_HEAD + i] & mask[i];
	return w;
}

/* The fuzzer cannot guess it. */
static void
repair_ip(uint8_t *frame)
{
	uint32_t total = 0;

	memset(frame + 24, 0, 2);
	for (int i = XDP_AT_IP; i < XDP_AT_UDP; i += 2)
		total += xdp_u16(frame + i);
	total = (total & 0xffff) + (total >> 16);
	frame[24] = (uint8_t)(~total >> 8);
	frame[25] = (uint8_t)~total;
}

static void
check_answer(const uint8_t *frame, const struct udp_packet *p)
{
	static const uint8_t any[XDP_FIRST];
	uint8_t answer[XDP_HEAD + MAX];
	struct udp_packet back;
	struct xdp_want asker;
	size_t len;

	memcpy(answer + XDP_HEAD, p->data, p->len);
	len = xdp_frame_answer(frame, answer, p->len);
	must(len == XDP_HEAD + (size_t)p->len);
	asker = receiver_of(answer, any, XDP_FIRST);
	/* from an address that no host can have nothing is taken; port 0 neither */
	if (!ip4_is_host(p->local) || !asker.port || !xdp_u16(answer + XDP_AT_UDP))
		return;
	must(xdp_frame_read(&asker, answer, len, &back) == XDP_READ_OK);
	must(back.len == p->len && back.port == xdp_u16(frame + XDP_AT_PORT));
	must(ip4_eq(back.peer, p->local) && ip4_eq(back.local, p->peer));
	must(!memcmp(back.data, p->data, p->len));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const uint8_t mask[XDP_FIRST] = { 0, 0, 0xf9, 0x10 };
	struct xdp_want nobody = { .min = MIN, .max = MAX }, w;
	uint8_t *frame =
	    malloc(len ? len : 1); /* of the very length: the sanitizer sees all reads */
	struct udp_packet p;

	if (!frame)
		return 0;
	memcpy(frame, data, len);
	must(xdp_frame_read(&nobody, frame, len, &p) == XDP_READ_OTHER);
	if (len >= XDP_HEAD + XDP_FIRST) {
		repair_ip(frame);
		w = receiver_of(frame, mask, MIN);
		if (xdp_frame_read(&w, frame, len, &p) == XDP_READ_OK) {
			must(p.data == frame + XDP_HEAD && p.len >= MIN && p.len <= MAX);
			must(p.data + p.len <= frame + len && ip4_is_host(p.peer));
			check_answer(frame, &p);
		}
	}
	free(frame);
	return 0;
}
