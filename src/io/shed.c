/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See shed.h. Layer: io. A filter of the oldest kind (SO_ATTACH_FILTER): it needs no right, no compiler
 * and no map, and runs where the kernel puts a packet into the socket's buffer.
 */
#include "io/shed.h"

#include <assert.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

#define SOURCE_AT (SKF_NET_OFF + 12) /* of the IPv4 header's source address */
#define ALL       UINT32_MAX

static_assert(SHED_ADDRESSES_MAX + 1 <= UINT8_MAX, "a jump over all addresses fits");

bool
shed_load(int fd, struct shed_load *ret)
{
	uint32_t info[SK_MEMINFO_VARS];
	socklen_t len = sizeof(info);

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len) || len < sizeof(info))
		return false;
	ret->used = info[SK_MEMINFO_RMEM_ALLOC];
	ret->size = info[SK_MEMINFO_RCVBUF];
	ret->dropped = info[SK_MEMINFO_DROPS];
	return true;
}

bool
shed_set(int fd, const struct ip4 *addr, unsigned n, unsigned shift)
{
	struct sock_filter code[SHED_ADDRESSES_MAX + 6];
	struct sock_fprog program = { .filter = code };
	unsigned at = 0;

	assert(n <= SHED_ADDRESSES_MAX && shift <= SHED_SHIFT_MAX);
	if (!n || !shift) /* ENOENT: there was none */
		return !setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &(int){ 0 }, sizeof(int)) ||
		       errno == ENOENT;
	code[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)SOURCE_AT);
	for (unsigned i = 0; i < n; i++)
		code[at++] = (struct sock_filter)BPF_JUMP(
		    BPF_JMP | BPF_JEQ | BPF_K, addr[i].v, (uint8_t)(n - i), 0);
	code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, ALL);
	code[at++] = (struct sock_filter)BPF_STMT(
	    BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_RANDOM));
	code[at++] =
	    (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (1u << shift) - 1, 0, 1);
	code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
	code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, ALL);
	program.len = (unsigned short)at;
	return !setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}
