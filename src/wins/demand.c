/* SPDX-License-Identifier: Apache-2.0 */
/* Release demands, see demand.h. The list has the latest first. Layer: wins. */
#include "wins/demand.h"

#include <stdlib.h>

#define DEMANDS_MAX 256
#define TRIES       3
#define INTERVAL_MS 500 /* what Windows waits (3.9.5) */

struct demand {
	LIST_ENTRY(demand) entry;
	struct txn txn;
	struct nb_key key;
	uint16_t flags; /* NB_FLAGS of the registration */
	bool fresh;     /* of the batch that is not durable yet */
};

static struct demand *
of_txn(struct txn *x)
{
	return (struct demand *)((char *)x - offsetof(struct demand, txn));
}

static void
demand_free(struct wins *w, struct demand *d)
{
	txn_close(&w->txns, &d->txn);
	LIST_REMOVE(d, entry);
	w->ndemands--;
	free(d);
}

static struct wins_reply *
tell(struct wins *w, const struct demand *d)
{
	struct wins_path path = wins_path_to(w, d->txn.peer);
	struct wins_reply *r = wins_reply_new(w, &path);
	struct nb_msg m;

	if (!r)
		return NULL;
	m.id = d->txn.id;
	m.kind = NB_RELEASE_REQ;
	m.flags = NB_OP_RELEASE << 11;
	m.key = d->key;
	m.rr_type = NB_TYPE_NB;
	m.ttl = 0;
	m.naddr = 1;
	m.addr[0] = (struct nb_addr){ d->flags, d->txn.peer };
	r->out.len = (uint16_t)nb_encode(&m, r->out.data, sizeof(r->out.data));
	return r;
}

bool
demands_begin(struct wins *w, const struct rec *r, struct ip4 ip, struct mono mnow)
{
	const struct txn_schedule s = { INTERVAL_MS, TRIES };
	struct demand *d = w->ndemands < DEMANDS_MAX ? wins_alloc(w, sizeof(*d)) : NULL;
	struct wins_reply *reply;

	if (d)
		d->txn.timer = HEAP_ITEM_INIT;
	if (!d || wins_lacks(w, txn_open(&w->txns, &d->txn, ip, &s, mnow))) {
		free(d);
		wins_count(&w->stats.n[WS_OVERLOAD]);
		return false;
	}
	d->txn.asker = ASKER_DEMAND;
	d->key = r->key;
	d->flags = (uint16_t)(r->node << 13);
	d->fresh = true;
	LIST_INSERT_HEAD(&w->demands, d, entry);
	w->ndemands++;
	wins_count(&w->stats.n[WS_RELEASE_DEMANDS]);
	reply = tell(w, d);
	if (reply)
		reply->with_batch = true;
	return true;
}

void
demands_answer(struct wins *w, struct txn *x)
{
	demand_free(w, of_txn(x));
}

void
demands_waited(struct wins *w, struct txn *x, bool again)
{
	if (again)
		(void)tell(w, of_txn(x)); /* no memory: as if it were lost on the way */
	else
		demand_free(w, of_txn(x));
}

void
demands_committed(struct wins *w, bool kept)
{
	struct demand *d = LIST_FIRST(&w->demands), *next;

	for (; d && d->fresh; d = next) {
		next = LIST_NEXT(d, entry);
		d->fresh = false;
		if (!kept)
			demand_free(w, d);
	}
}

bool
demands_are_fresh(const struct wins *w)
{
	const struct demand *d = LIST_FIRST(&w->demands);

	return d && d->fresh;
}

void
demands_init(struct wins *w)
{
	LIST_INIT(&w->demands);
}

void
demands_release(struct wins *w)
{
	while (!LIST_EMPTY(&w->demands))
		demand_free(w, LIST_FIRST(&w->demands));
}
