/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The batch made durable, and the answers that wait for it: kept, or broken when it could not be. Layer: wins.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "wins/demand.h"
#include "wins/engine.h"
#include "wins/replica.h"

struct wins_reply *
wins_reply_new(struct wins *w, const struct wins_path *path)
{
	struct wins_replies *q = &w->replies;
	struct wins_reply *r;

	if (q->n == q->cap) {
		size_t cap = q->cap ? 2 * q->cap : 64;
		struct wins_reply *v = reallocarray(q->v, cap, sizeof(*v));

		if (!v) {
			(void)wins_lacks(w, NBT_ENOMEM);
			return NULL;
		}
		q->v = v;
		q->cap = cap;
	}
	r = &q->v[q->n++];
	r->out.path = *path;
	r->out.len = 0;
	r->promises = r->with_batch = false;
	r->ok = r->fail = WS_COUNT;
	return r;
}

/* A promise that could not be kept: the same answer with SRV_ERR and no lifetime. */
static void
break_promise(struct wins_reply *r)
{
	struct nb_msg m;
	enum nb_drop drop = nb_decode(r->out.data, r->out.len, &m);

	assert(drop == NB_DROP_NONE);
	(void)drop; /* for builds without assertions */
	m.flags = (uint16_t)((m.flags & ~NB_F_RCODE) | NB_RC_SRV);
	if (m.kind == NB_REGISTER_RESP)
		m.ttl = 0;
	r->out.len = (uint16_t)nb_encode(&m, r->out.data, sizeof(r->out.data));
}

static void
count_scavenged(struct wins *w)
{
	static const enum wins_stat stat[] = { WS_SCAVENGED_RELEASED, WS_SCAVENGED_TOMBSTONE,
		WS_SCAVENGED_DELETED };

	for (int i = 0; i < 3; i++) {
		atomic_fetch_add_explicit(
		    &w->stats.n[stat[i]], w->scavenged[i], memory_order_relaxed);
		w->scavenged_asked += w->scavenged[i];
	}
}

static void
tell_commit_failed(struct wins *w, int err, struct wall now)
{
	struct event ev = { .when = now };

	if (wins_lacks(w, err) == NBT_ENOMEM)
		return; /* of the disk nothing is wrong */
	if (err == NBT_ELOST)
		return; /* whoever looked at the folder told it */
	ev.id = err == NBT_ENOSPC          ? EV_DISK_FULL
		: store_writable(w->store) ? EV_JOURNAL_WRITE_FAILED
					   : EV_JOURNAL_SYNC_FAILED;
	strncpy(ev.text, store_last_error(w->store), sizeof(ev.text) - 1);
	w->host.event(w->host.arg, &ev);
}

/* What became of a batch, for those whose answers rest on it. */
static void
settle_replies(struct wins *w, struct wins_replies *q, int err)
{
	for (size_t i = q->ready; i < q->n; i++) {
		struct wins_reply *r = &q->v[i];
		bool kept = !err || !r->promises;
		enum wins_stat stat = kept ? r->ok : r->fail;

		if (!kept)
			break_promise(r);
		if (err && r->with_batch)
			r->out.len = 0;
		if (stat != WS_COUNT)
			wins_count(&w->stats.n[stat]);
	}
	q->ready = q->n;
}

static void
note_outcome(struct wins *w, int err, struct wall now)
{
	if (err) {
		tell_commit_failed(w, err, now);
		w->refusing = store_writable(w->store);
		w->failed = now;
	} else {
		if (w->refusing)
			wins_tell(w, EV_JOURNAL_WRITABLE, NULL, IP4_ANY, IP4_ANY, 0, 0, now);
		w->refusing = false;
	}
}

static void
swap(struct wins_replies *a, struct wins_replies *b)
{
	struct wins_replies was = *a;

	*a = *b;
	*b = was;
}

/* The end of the batch that was begun, if there is one. */
static void
end_flight(struct wins *w, struct wall now)
{
	int err;

	if (!store_commit_flies(w->store))
		return;
	err = store_commit_end(w->store);
	note_outcome(w, err, now);
	assert(!w->landed.n); /* wins_out came to its end */
	swap(&w->landed, &w->flying);
	settle_replies(w, &w->landed, err);
}

int
wins_commit(struct wins *w, struct wall now)
{
	bool empty;
	int err;

	end_flight(w, now);
	empty = store_staged(w->store) == 0;
	err = store_commit(w->store);
	if (err || !empty)
		note_outcome(w, err, now);
	if (!err && !empty)
		count_scavenged(w);
	memset(w->scavenged, 0, sizeof(w->scavenged));
	replica_committed(w, !err);
	demands_committed(w, !err);
	settle_replies(w, &w->replies, err);
	wins_tell_lack(w, now);
	return err;
}

/* Nothing of the batch but its records and answers needs to be told how it ended. */
static bool
is_plain(const struct wins *w)
{
	return !(w->scavenged[0] | w->scavenged[1] | w->scavenged[2]) && !w->pulls &&
	       !demands_are_fresh(w);
}

bool
wins_commit_step(struct wins *w, struct wall now)
{
	bool empty;
	int err;

	if (store_commit_flies(w->store) && !store_commit_landed(w->store))
		return true;
	end_flight(w, now);
	if (!is_plain(w)) {
		(void)wins_commit(w, now); /* a failure was told and answered */
		return false;
	}
	empty = store_staged(w->store) == 0;
	err = store_commit_begin(w->store);
	if (store_commit_flies(w->store)) {
		swap(&w->flying, &w->replies);
		wins_tell_lack(w, now);
		return true;
	}
	if (err || !empty)
		note_outcome(w, err, now);
	settle_replies(w, &w->replies, err);
	wins_tell_lack(w, now);
	return false;
}

static const struct wins_out *
next_out(struct wins_replies *q)
{
	while (q->sent < q->ready) {
		const struct wins_out *out = &q->v[q->sent++].out;

		if (out->len)
			return out;
	}
	if (q->sent == q->n)
		q->sent = q->ready = q->n = 0;
	return NULL;
}

const struct wins_out *
wins_out(struct wins *w)
{
	const struct wins_out *out = next_out(&w->landed);

	return out ? out : next_out(&w->replies);
}
