/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sides nbperf plays for the server: who holds a name that is challenged (netbt-name-service.md
 * 3.4), and a bare responder, the reference that no real server on the same sockets can pass. Layer:
 * program.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "nbperf/run.h"

#define OWNER_BATCH 64
#define POLL_MS     100 /* how soon an interruption is seen */

/* ---- owners ---- */

int
owners_open(struct owners *o, const struct perf *p, struct ip4 *ret_failed)
{
	for (; o->n < p->owners.n; o->n++) {
		const struct link_opts opts = { .source = p->owners.a[o->n],
			.source_port = 137, /* the only one that servers ask */
			.batch = OWNER_BATCH };
		int error = link_open(&opts, &o->link[o->n]);

		if (error) {
			*ret_failed = p->owners.a[o->n];
			return error;
		}
	}
	return 0;
}

void
owners_close(struct owners *o)
{
	while (o->n)
		link_close(o->link[--o->n]);
}

/* The answer of an end node, in the place of the question; 0: silence. */
static size_t
owner_answer(const struct perf *p, struct ip4 self, uint8_t *packet, size_t len)
{
	struct nb_msg m;

	if (nb_decode(packet, len, &m) || m.kind != NB_QUERY_REQ || p->owner == PERF_DEAD)
		return 0;
	m.flags = NB_F_R | NB_F_AA;
	m.rr_type = 0;
	m.ttl = 0;
	if (p->owner == PERF_LIVING) {
		m.kind = NB_QUERY_OK;
		m.naddr = 1;
		m.addr[0] = (struct nb_addr){ NB_ONT, self };
	} else {
		m.kind = NB_QUERY_FAIL;
		m.flags |= NB_RC_NAM;
	}
	return nb_encode(&m, packet, LINK_RECV);
}

void
owners_serve(struct owners *o, const struct perf *p)
{
	for (unsigned i = 0; i < o->n; i++) {
		unsigned n = link_receive(o->link[i]);

		for (unsigned k = 0; k < n; k++) {
			size_t len;
			uint8_t *packet = link_packet(o->link[i], k, &len);

			o->asked++;
			len = owner_answer(p, p->owners.a[i], packet, len);
			if (!len)
				continue;
			o->answered++;
			link_answer(o->link[i], k, len);
		}
		(void)link_answer_send(o->link[i]); /* the server asks again */
	}
}

/* ---- bare responder ---- */

#define HEADER      12
#define QUERY_LEN   50 /* without scope */
#define REQUEST_LEN 68
#define ANSWER_LEN  62

static void
put_u16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/*
 * Name, type and class stand in the request where they stand in the answer; behind them come TTL,
 * length and the address, which a registration has at the end of its own record.
 */
size_t
bare_answer(uint8_t *buf, size_t len)
{
	unsigned opcode;
	uint8_t entry[6] = { 0x60, 0, 192, 0, 2, 1 };

	if ((len != QUERY_LEN && len != REQUEST_LEN) || buf[2] & 0x80 || buf[HEADER] != 32)
		return 0;
	opcode = buf[2] >> 3 & 15;
	if (len == REQUEST_LEN)
		memcpy(entry, buf + REQUEST_LEN - sizeof(entry), sizeof(entry));
	if (opcode == NB_OP_QUERY)
		put_u16(buf + 2, NB_F_R | NB_F_AA | NB_F_RD | NB_F_RA);
	else if (opcode == NB_OP_RELEASE)
		put_u16(buf + 2, NB_F_R | NB_OP_RELEASE << 11 | NB_F_AA);
	else
		put_u16(buf + 2, NB_F_R | NB_OP_REGISTER << 11 | NB_F_AA | NB_F_RD | NB_F_RA);
	memcpy(buf + 4, "\0\0\0\1\0\0\0\0", 8);
	memcpy(buf + QUERY_LEN, "\0\7\xe9\0\0\6", 6); /* 518400 s, six bytes */
	memcpy(buf + QUERY_LEN + 6, entry, sizeof(entry));
	return ANSWER_LEN;
}

int
respond(const struct perf *p, const volatile int *interrupted, uint64_t *ret_answered)
{
	const struct link_opts opts = { .source = p->sources.n ? p->sources.a[0] : IP4_ANY,
		.source_port = p->port,
		.batch = p->batch };
	int64_t end = run_now_ns() + (int64_t)p->time_ms * 1000000;
	struct link *l;
	int error = link_open(&opts, &l);

	*ret_answered = 0;
	if (error)
		return error;
	while (!error && !*interrupted) {
		unsigned n = link_receive(l);

		for (unsigned i = 0; i < n; i++) {
			size_t len;
			uint8_t *packet = link_packet(l, i, &len);

			len = bare_answer(packet, len);
			if (len) {
				link_answer(l, i, len);
				++*ret_answered;
			}
		}
		if (n) {
			error = link_answer_send(l);
			continue;
		}
		if (run_now_ns() >= end)
			break;
		(void)poll(&(struct pollfd){ .fd = link_fd(l), .events = POLLIN }, 1, POLL_MS);
	}
	link_close(l);
	return error;
}
