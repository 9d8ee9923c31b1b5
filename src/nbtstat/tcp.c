/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of /proc/net/tcp, of which those about the NetBIOS session port count. Layer: program. No
 * effect.
 */
#include "nbtstat/nbtstat.h"

#include <arpa/inet.h>
#include <inttypes.h>

#define LISTENING 10

/* nbtstat's word (4.5) for a state of the kernel's; NULL: the session is over. */
static const char *
state_word(unsigned state)
{
	static const char *const words[] = {
		[1] = "Connected",     /* ESTABLISHED */
		[2] = "Outbound",      /* SYN_SENT */
		[3] = "Inbound",       /* SYN_RECV */
		[4] = "Disconnecting", /* FIN_WAIT1 */
		[5] = "Disconnecting", /* FIN_WAIT2 */
		[8] = "Disconnecting", /* CLOSE_WAIT */
		[9] = "Disconnecting", /* LAST_ACK */
		[LISTENING] = "Listening",
		[11] = "Disconnecting", /* CLOSING */
		[12] = "Inbound",       /* NEW_SYN_RECV */
	};

	return state < sizeof(words) / sizeof(*words) ? words[state] : NULL;
}

/*
 * An address as the kernel prints it: words of the machine's own order, one for IPv4, four for IPv6, of
 * which only IPv4 in IPv6 (::ffff:a.b.c.d) and "any" count.
 */
static bool
parse_address(const char *hex, struct ip4 *ret)
{
	uint32_t w[4] = { 0, 0, htonl(0xffff), 0 };
	int n = sscanf(
	    hex, "%8" SCNx32 "%8" SCNx32 "%8" SCNx32 "%8" SCNx32, &w[0], &w[1], &w[2], &w[3]);

	if (n == 1) {
		ret->v = ntohl(w[0]);
		return true;
	}
	ret->v = ntohl(w[3]);
	return n == 4 && !w[0] && !w[1] && (ntohl(w[2]) == 0xffff || (!w[2] && !w[3]));
}

bool
nbtstat_tcp_parse(const char *line, struct nbtstat_tcp *ret)
{
	char local[33], remote[33];
	unsigned local_port, remote_port, state;
	struct nbtstat_tcp t = { 0 };

	if (sscanf(line, " %*u: %32[0-9A-Fa-f]:%4x %32[0-9A-Fa-f]:%4x %2x", local, &local_port,
		remote, &remote_port, &state) != 5 ||
	    !parse_address(local, &t.local) || !parse_address(remote, &t.remote))
		return false;
	t.state = state_word(state);
	if (!t.state || (local_port != NBTSTAT_SESSION_PORT && remote_port != NBTSTAT_SESSION_PORT))
		return false;
	/* Who listens on 139 was called; a machine may call itself, and then is both in two lines. */
	t.in = local_port == NBTSTAT_SESSION_PORT && state != LISTENING;
	t.out = local_port != NBTSTAT_SESSION_PORT;
	*ret = t;
	return true;
}
