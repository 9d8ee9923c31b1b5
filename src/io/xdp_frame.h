/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames that come and go past the kernel's network code: what it would have checked is checked, what
 * it would have written in front of an answer is written. Layer: io. Pure: no memory of its own, no
 * system call. Knows no protocol above UDP.
 */
#pragma once

#include "io/udp.h"
#include "io/xdp_filter.h"

enum xdp_read {
	XDP_READ_OK,
	XDP_READ_OTHER,   /* not one that xdp_wanted chooses; its address may just have gone */
	XDP_READ_DAMAGED, /* cut off, or the checksum is wrong: the kernel would drop it too */
};

/* On XDP_READ_OK *ret is the datagram, borrowed from the frame; ret->ifindex is left 0. */
enum xdp_read xdp_frame_read(
    const struct xdp_want *want, const uint8_t *frame, size_t len, struct udp_packet *ret);

/*
 * Writes XDP_HEAD bytes into answer, in front of the len <= UDP_SEND_MAX bytes that stand there behind
 * them: back to whom the request came from, to the neighbour that brought it, as the kernel would
 * (netinet: TTL 64, may not be cut up). Returns the length of the frame.
 */
size_t xdp_frame_answer(const uint8_t *request, uint8_t *answer, size_t len);
