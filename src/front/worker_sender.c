/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registrar's way out: what leaves together is one batch, through the sockets of the first worker.
 * Layer: program. Owns no socket. See worker.h.
 */
#include "front/worker_inside.h"

#include <stdlib.h>
#include <string.h>

struct worker_sender {
	struct winsd *d;
	struct udp_out *out;
	struct udp_stats stats;
	unsigned socket; /* all that waits leaves through this one */
};

int
worker_sender_new(struct winsd *d, struct worker_sender **ret)
{
	struct worker_sender *s = calloc(1, sizeof(*s));

	if (!s)
		return NBT_ENOMEM;
	s->d = d;
	if (udp_out_new(&s->stats, &s->out)) {
		free(s);
		return NBT_ENOMEM;
	}
	d->sender_udp = &s->stats;
	*ret = s;
	return 0;
}

void
worker_sender_free(struct worker_sender *s)
{
	if (s)
		udp_out_free(s->out);
	free(s);
}

void
worker_send_flush(struct worker_sender *s)
{
	(void)udp_send(s->out, worker_socket(s->d, s->socket)); /* what failed is counted */
}

void
worker_send(struct worker_sender *s, const struct wins_out *out)
{
	const struct udp_to to = { .peer = out->path.peer,
		.local = worker_leaves_from(s->d, out->path.socket, out->path.local),
		.port = out->path.port };

	if (out->path.socket != s->socket || !udp_room(s->out)) {
		worker_send_flush(s);
		s->socket = out->path.socket;
	}
	memcpy(udp_room(s->out), out->data, out->len);
	udp_put(s->out, &to, out->len);
}
