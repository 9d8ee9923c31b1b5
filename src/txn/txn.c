/* SPDX-License-Identifier: Apache-2.0 */
/* See txn.h. Layer: txn. */
#include "txn/txn.h"

#include "base/err.h"

/* With 65,536 ids and at most a few open requests to one address the first draw nearly always fits;
 * a peer with so many open ones that 64 draws fail is being flooded. */
#define ID_DRAWS 64

static int
compare(const struct txn *a, const struct txn *b)
{
	if (a->peer.v != b->peer.v)
		return a->peer.v < b->peer.v ? -1 : 1;
	return (int)a->id - (int)b->id;
}

/* libbsd's RB_GENERATE_STATIC needs an __unused that glibc's headers do not allow. */
RB_GENERATE_INTERNAL(txn_tree, txn, node, compare, static __attribute__((unused)))

static struct txn *
of_timer(struct heap_item *it)
{
	return (struct txn *)((char *)it - offsetof(struct txn, timer));
}

void
txn_table_init(struct txn_table *t, uint32_t (*random)(void *arg), void *arg)
{
	RB_INIT(&t->tree);
	heap_init(&t->timers);
	t->random = random;
	t->arg = arg;
}

void
txn_table_release(struct txn_table *t)
{
	heap_release(&t->timers);
	RB_INIT(&t->tree);
}

int
txn_open(struct txn_table *t, struct txn *x, struct ip4 peer, const struct txn_schedule *s,
    struct mono now)
{
	int draws = 0, err;

	x->peer = peer;
	do {
		if (draws++ == ID_DRAWS)
			return NBT_ELIMIT;
		x->id = (uint16_t)t->random(t->arg);
	} while (RB_FIND(txn_tree, &t->tree, x));

	x->tries_left = s->tries - 1;
	x->wait_ms = s->interval_ms;
	x->timer = HEAP_ITEM_INIT;
	err = heap_put(&t->timers, &x->timer, mono_add_ms(now, x->wait_ms).ns);
	if (!err)
		RB_INSERT(txn_tree, &t->tree, x);
	return err;
}

void
txn_close(struct txn_table *t, struct txn *x)
{
	if (x->timer.pos == SIZE_MAX)
		return;
	heap_del(&t->timers, &x->timer);
	RB_REMOVE(txn_tree, &t->tree, x);
}

struct txn *
txn_match(struct txn_table *t, struct ip4 peer, uint16_t id)
{
	struct txn want = { .peer = peer, .id = id };

	return RB_FIND(txn_tree, &t->tree, &want);
}

struct txn *
txn_due(struct txn_table *t, struct mono now, bool *ret_again)
{
	struct heap_item *it = heap_min(&t->timers);
	struct txn *x;

	if (!it || it->key > now.ns)
		return NULL;
	x = of_timer(it);
	*ret_again = x->tries_left > 0;
	if (!*ret_again) {
		txn_close(t, x);
		return x;
	}
	x->tries_left--;
	x->wait_ms *= 2;
	heap_del(&t->timers, it);
	/* Cannot fail: the place that was just left is still allocated. */
	(void)heap_put(&t->timers, it, mono_add_ms(now, x->wait_ms).ns);
	return x;
}

struct mono
txn_next(const struct txn_table *t)
{
	const struct heap_item *it = heap_min(&t->timers);

	return it ? (struct mono){ it->key } : MONO_NEVER;
}
