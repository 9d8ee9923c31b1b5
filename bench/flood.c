/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Somebody who floods a name server, for bench/net_stress.py: sends as fast as one processor can and reads
 * no answer. Packets of one length leave 64 at a time, as one to be cut up by the kernel. Layer: bench.
 * Usage: flood SERVER SOURCE garbage|register|miss SECONDS; prints how many packets left.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "wire/ns.h"

#define SEGMENTS 64
#define LEN_MAX  100

enum kind { GARBAGE, REGISTER, MISS };

static int
kind_of(const char *text)
{
	static const char *const kinds[] = { "garbage", "register", "miss" };

	for (int i = 0; i < 3; i++)
		if (!strcmp(kinds[i], text))
			return i;
	return -1;
}

static int
open_to(const char *server, const char *source)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(137) }, from = to;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	from.sin_port = 0;
	if (fd < 0 || inet_pton(AF_INET, server, &to.sin_addr) != 1 ||
	    inet_pton(AF_INET, source, &from.sin_addr) != 1 ||
	    bind(fd, (struct sockaddr *)&from, sizeof(from)) ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to))) {
		fprintf(stderr, "flood: %s\n", strerror(errno));
		exit(1);
	}
	return fd;
}

/* All of a kind have the same length. */
static size_t
make(enum kind kind, uint32_t n, struct in_addr own, uint8_t out[static LEN_MAX])
{
	struct nb_msg m = { .id = (uint16_t)n, .rr_type = NB_TYPE_NB };

	memcpy(m.key.name.b, "FL-00000000    ", NB_NAME_LEN - 1);
	for (int i = 10; n && i > 2; i--, n /= 10)
		m.key.name.b[i] = (uint8_t)('0' + n % 10);
	m.key.name.b[NB_NAME_LEN - 1] = kind == MISS ? 0x7f : 0x20;
	m.kind = kind == REGISTER ? NB_REGISTER_REQ : NB_QUERY_REQ;
	m.flags = kind == REGISTER ? NB_OP_REGISTER << 11 | NB_F_RD : NB_F_RD;
	m.ttl = 300000;
	m.naddr = kind == REGISTER;
	m.addr[0] = (struct nb_addr){ .ip = { ntohl(own.s_addr) } };
	if (kind != GARBAGE)
		return nb_encode(&m, out, LEN_MAX);
	memset(out, 0xa5, 50);
	return 50;
}

static struct in_addr
own_address(int fd)
{
	struct sockaddr_in sin = { 0 };
	socklen_t len = sizeof(sin);

	(void)getsockname(fd, (struct sockaddr *)&sin, &len); /* it is bound */
	return sin.sin_addr;
}

int
main(int argc, char **argv)
{
	static uint8_t buf[SEGMENTS * LEN_MAX];
	int kind = argc == 5 ? kind_of(argv[3]) : -1, fd, size;
	struct in_addr own;
	uint32_t sent = 0;
	uint64_t left = 0;
	time_t end;

	if (kind < 0) {
		fprintf(stderr, "usage: flood SERVER SOURCE garbage|register|miss SECONDS\n");
		return 2;
	}
	fd = open_to(argv[1], argv[2]);
	own = own_address(fd);
	size = (int)make((enum kind)kind, 0, own, buf);
	if (setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof(size))) {
		perror("flood: UDP_SEGMENT");
		return 1;
	}
	end = time(NULL) + atoi(argv[4]);
	while (time(NULL) < end) {
		size_t len = 0;

		for (int i = 0; i < SEGMENTS; i++)
			len += make((enum kind)kind, sent++, own, buf + len);
		if (send(fd, buf, len, 0) == (ssize_t)len)
			left += SEGMENTS;
	}
	printf("%llu\n", (unsigned long long)left);
	return 0;
}
