/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel runs for each frame that an interface receives: those that xdp_wanted chooses go to
 * the socket of their queue, unless their sender is kept out of it; all others, and all when there is no
 * such socket, go on as ever. Layer: io. Compiled for the kernel's own machine and loaded by io/xdp.c;
 * decides nothing else.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "io/xdp_filter.h"

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, 64); /* XDP_QUEUES_MAX */
	__type(key, __u32);
	__type(value, __u32);
} sockets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xdp_want);
} want SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 64); /* XDP_QUEUES_MAX */
	__type(key, __u32);
	__type(value, struct xdp_shed);
} shed SEC(".maps");

char terms[] SEC("license") = "Apache-2.0";

/* What section and name are for, only the loader knows. */
int choose(struct xdp_md *frame);

SEC("xdp")
int
choose(struct xdp_md *frame)
{
	const __u8 *p = (const __u8 *)(long)frame->data;
	const __u8 *end = (const __u8 *)(long)frame->data_end;
	const __u32 first = 0, queue = frame->rx_queue_index;
	const struct xdp_want *w = bpf_map_lookup_elem(&want, &first);
	struct xdp_shed *s;

	if (!w || !xdp_wanted(w, p, end))
		return XDP_PASS;
	s = bpf_map_lookup_elem(&shed, &queue);
	if (s && s->mask && xdp_kept_out(s, p, bpf_get_prandom_u32())) {
		__sync_fetch_and_add(&s->dropped, 1);
		return XDP_DROP;
	}
	return (int)bpf_redirect_map(&sockets, queue, XDP_PASS);
}
