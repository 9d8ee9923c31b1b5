/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers to what a peer asks: this server's owner map, and the records of an owner in a range of
 * versions, read and laid out in slices. Layer: repl. Released records never leave (3.4); what all
 * replies together may hold is bounded by reply_memory.
 */
#include <stdlib.h>
#include <string.h>

#include "repl/engine.h"

uint32_t
reply_owners(const struct repl *r, struct wrepl_owner **ret)
{
	struct store_known *all;
	struct wrepl_owner *v;
	uint32_t count = 0;
	size_t n;

	if (repl_known(r, &all, &n))
		return 0;
	v = calloc(n + 1, sizeof(*v));
	if (v) {
		v[count++] = (struct wrepl_owner){
			.ip = r->conf.self, .max = store_next_version(r->store).v - 1, .min = 1
		};
		for (size_t i = 0; i < n; i++)
			v[count++] =
			    (struct wrepl_owner){ .ip = all[i].owner, .max = all[i].v.v, .min = 1 };
		*ret = v;
	}
	free(all);
	return count;
}

void
reply_map(struct repl *r, struct conn *c)
{
	struct wrepl_owner *v;
	struct wrepl_msg m = { .kind = WREPL_MAP_RESP, .count = reply_owners(r, &v) };

	if (!m.count) {
		conn_break(r, c, nbt_strerror(NBT_ENOMEM));
		return;
	}
	conn_send(r, c, &m, v);
	free(v);
}

void
reply_free(struct repl *r, struct conn *c)
{
	if (!c->reply)
		return;
	r->stats.reply_bytes -= c->reply->out.cap;
	buf_free(&c->reply->out);
	free(c->reply);
	c->reply = NULL;
}

/* Room for n records more; false: the peer was refused. */
static bool
room(struct repl *r, struct conn *c, size_t n)
{
	struct reply *x = c->reply;
	size_t before = x->out.cap, need = n * WREPL_RECORD_MAX;
	uint64_t most = r->conf.reply_memory < INT32_MAX ? r->conf.reply_memory : INT32_MAX;

	if (x->out.cap - x->out.len >= need)
		return true;
	/* buf_room may double what there is. */
	if (r->stats.reply_bytes - before + 2 * (x->out.len + need) > most) {
		repl_tell(r, EV_REPLY_TOO_LARGE, c->peer, IP4_ANY, x->count, "");
		reply_free(r, c);
		conn_stop(r, c, 4);
		return false;
	}
	if (buf_room(&x->out, need)) {
		conn_break(r, c, nbt_strerror(NBT_ENOMEM));
		return false;
	}
	r->stats.reply_bytes += x->out.cap - before;
	return true;
}

static bool
leaves(const struct repl *r, const struct reply *x, const struct rec *rec)
{
	return rec->state != REC_RELEASED && (!x->only_dynamic || !rec->is_static) &&
	       (!r->conf.partial || filter_partial(rec));
}

static void
finish(struct repl *r, struct conn *c)
{
	struct reply *x = c->reply;
	struct partner *p = partner_of(r, c->peer);
	uint8_t *fit = realloc(x->out.p, x->out.len);

	if (fit)
		x->out.p = fit;
	r->stats.records_out += x->count;
	if (p)
		p->view.records_out += x->count;
	wrepl_records_head(x->out.p, c->theirs, x->count, x->out.len);
	r->stats.reply_bytes -= x->out.cap;
	conn_send_bytes(r, c, x->out.p, x->out.len);
	free(x);
	c->reply = NULL;
}

void
reply_step(struct repl *r, struct conn *c)
{
	struct reply *x = c->reply;
	struct wrepl_record out;
	size_t n, space = 0;

	n = store_versions(
	    r->store, x->owner, &x->at, (struct version){ x->to }, r->scratch, REPLY_SLICE);
	for (size_t i = 0; i < n; i++) {
		if (!leaves(r, x, &r->scratch[i]))
			continue;
		/* By the hundred: a record is seldom as long as it may be. */
		if (space == 0) {
			if (!room(r, c, 100))
				return;
			space = 100;
		}
		space--;
		memset(&out, 0, offsetof(struct wrepl_record, addr));
		convert_out(r, &r->scratch[i], &out);
		x->out.len +=
		    wrepl_record_encode(&out, x->out.p + x->out.len, x->out.cap - x->out.len);
		x->count++;
	}
	if (n < REPLY_SLICE)
		finish(r, c);
}

void
reply_records(struct repl *r, struct conn *c, const struct wrepl_msg *m)
{
	const struct partner *p = partner_of(r, c->peer);

	c->reply = calloc(1, sizeof(*c->reply));
	if (!c->reply) {
		conn_break(r, c, nbt_strerror(NBT_ENOMEM));
		return;
	}
	c->reply->owner = convert_owner_in(r, m->wanted.ip);
	c->reply->at.version.v = m->wanted.min;
	c->reply->to = m->wanted.max ? m->wanted.max : UINT64_MAX;
	/* 0.0.0.0 is our word for this server, nobody's address. */
	if (ip4_eq(m->wanted.ip, IP4_ANY))
		c->reply->to = 0;
	if (!c->reply->at.version.v)
		c->reply->at.version.v = 1;
	/* Strangers get dynamic records only (3.7). */
	c->reply->only_dynamic = !p || p->conf.only_dynamic;
	if (room(r, c, 1))
		c->reply->out.len = WREPL_RECORDS_HEAD;
}
