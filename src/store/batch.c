/* SPDX-License-Identifier: Apache-2.0 */
/* Staging changes and carrying them out. Layer: store. */
#include "store/batch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define CAP_DEFAULT (1u << 20)
#define CAP_MIN     (2u * ENTRY_MAX)
#define CAP_MAX     (FRAME_MAX - FRAME_HEADER_LEN)

static_assert(BATCH_CHANGES_MAX < UINT16_MAX, "numbers of changes fit the index");
static_assert(CAP_MIN >= ENTRY_MAX && CAP_MAX > CAP_DEFAULT, "a batch holds something");

int
batch_new(struct table *t, size_t cap, struct batch **ret)
{
	struct batch *b = calloc(1, sizeof(*b));

	if (!cap)
		cap = CAP_DEFAULT;
	if (cap < CAP_MIN)
		cap = CAP_MIN;
	if (cap > CAP_MAX)
		cap = CAP_MAX;
	if (!b)
		return NBT_ENOMEM;
	b->table = t;
	b->cap = cap;
	b->buf = malloc(FRAME_HEADER_LEN + cap + FRAME_ALIGN);
	if (!b->buf) {
		free(b);
		return NBT_ENOMEM;
	}
	*ret = b;
	return 0;
}

static void
clear(struct batch *b)
{
	for (uint32_t i = 0; i < b->n; i++)
		b->index[b->change[i].home] = 0;
	b->len = b->entries = b->n = b->scoped = b->news = b->others_news = b->nmetas = b->nknowns =
	    0;
	b->counter = false;
}

void
batch_drop(struct batch *b)
{
	for (uint32_t i = 0; i < b->n; i++)
		if (b->change[i].next)
			trec_unnew(&b->table->pool, b->change[i].next);
	clear(b);
	table_settle(b->table, 0);
}

void
batch_free(struct batch *b)
{
	if (!b)
		return;
	batch_drop(b);
	free(b->buf);
	free(b);
}

/* ---- looking ---- */

void
batch_entry(const struct batch *b, const struct change *c, struct entry *ret)
{
	struct rd r = rd_init(b->buf + FRAME_HEADER_LEN + c->off, b->len - c->off);
	bool good = format_entry_decode(&r, ret);

	assert(good);
	(void)good; /* we wrote it */
}

/* The place of key in the index: its change's, or the free one where it would go. */
static uint16_t
place_of(const struct batch *b, uint64_t hash, const struct nb_key *key)
{
	uint16_t at = (uint16_t)(hash % BATCH_INDEX);
	struct entry e;

	for (; b->index[at]; at = (uint16_t)((at + 1) % BATCH_INDEX)) {
		const struct change *c = &b->change[b->index[at] - 1];

		if (c->hash != hash)
			continue;
		batch_entry(b, c, &e);
		if (nb_key_eq(&e.rec.key, key))
			break;
	}
	return at;
}

const struct change *
batch_find(const struct batch *b, uint64_t hash, const struct nb_key *key)
{
	uint16_t at = b->n ? b->index[place_of(b, hash, key)] : 0;

	return at ? &b->change[at - 1] : NULL;
}

/* ---- staging ---- */

static struct wr
room(const struct batch *b)
{
	return wr_init(b->buf + FRAME_HEADER_LEN + b->len, b->cap - b->len);
}

/* c comes into the batch (1) or goes out of it (-1). */
static void
count_new(struct batch *b, const struct change *c, int32_t change)
{
	if (c->kind != CHANGE_PUT || c->cur)
		return;
	b->news += (uint32_t)change;
	b->others_news += c->next->owner ? (uint32_t)change : 0;
}

/* Notes what the entry just written does; an earlier change of the same key gives way. */
static void
note(struct batch *b, const struct change *what, const struct nb_key *key, const struct wr *w)
{
	uint16_t at = place_of(b, what->hash, key);
	struct change *c;

	if (!b->index[at]) {
		b->index[at] = (uint16_t)(b->n + 1);
		c = &b->change[b->n++];
		b->scoped += key->scope.len > 0;
	} else {
		c = &b->change[b->index[at] - 1];
		count_new(b, c, -1);
		if (c->next)
			trec_unnew(&b->table->pool, c->next);
	}
	*c = *what;
	count_new(b, c, 1);
	c->home = at;
	c->off = (uint32_t)b->len;
	b->len = (size_t)(w->p - b->buf) - FRAME_HEADER_LEN;
	b->entries++;
}

/* Who is to be noted with rec, by what is known so far. Nobody counts another server's records by sender. */
static struct store_sender
sender_of(const struct batch *b, const struct change *c, const struct rec *rec,
    const struct store_sender *from)
{
	const struct change *before = batch_find(b, c->hash, &rec->key);
	struct store_sender is = { IP4_ANY, false };

	if (!rec_is_own(rec))
		return is;
	if (before && before->kind != CHANGE_DEL)
		is = before->from;
	else if (!before && c->cur)
		is = (struct store_sender){ { c->cur->sender }, c->cur->unproven };
	if (from && (from->unproven || ip4_eq(is.ip, IP4_ANY)))
		is.ip = from->ip;
	if (from)
		is.unproven = from->unproven;
	return is;
}

int
batch_put(struct batch *b, const struct rec *rec, const struct store_sender *from)
{
	struct table *t = b->table;
	struct change c = { .hash = table_hash(t, &rec->key), .kind = CHANGE_PUT };
	struct wr w = room(b);
	int err;

	if (b->n == BATCH_CHANGES_MAX)
		return NBT_ELIMIT;
	format_put_encode(&w, rec);
	if (w.bad)
		return NBT_ELIMIT;
	c.cur = table_find(t, c.hash, &rec->key);
	c.from = sender_of(b, &c, rec, from);
	if (c.cur && trec_differs_in_time(c.cur, &t->owners, rec)) {
		c.kind = CHANGE_STAMP;
	} else {
		err = trec_new(&t->pool, &t->owners, rec, &c.next);
		if (err)
			return err;
		c.next->sender = c.from.ip.v;
		c.next->unproven = c.from.unproven;
	}
	note(b, &c, &rec->key, &w);
	return 0;
}

int
batch_del(struct batch *b, const struct nb_key *key)
{
	struct change c = { .hash = table_hash(b->table, key), .kind = CHANGE_DEL };
	struct wr w = room(b);

	if (b->n == BATCH_CHANGES_MAX)
		return NBT_ELIMIT;
	format_del_encode(&w, key);
	if (w.bad)
		return NBT_ELIMIT;
	note(b, &c, key, &w);
	return 0;
}

int
batch_meta(struct batch *b, const struct metas *now, const char *key, uint64_t value)
{
	size_t n = strlen(key);
	struct wr w = room(b);

	if (!n || n > META_KEY_MAX || !strcmp(key, META_KNOWN))
		return NBT_EINVAL;
	format_meta_encode(&w, key, value);
	if (w.bad)
		return NBT_ELIMIT;
	if (!b->nmetas)
		b->metas = *now;
	if (!metas_set(&b->metas, key, value))
		return NBT_EINVAL;
	b->nmetas++;
	b->len = (size_t)(w.p - b->buf) - FRAME_HEADER_LEN;
	b->entries++;
	return 0;
}

int
batch_known(struct batch *b, const struct knowns *now, struct ip4 owner, struct version v)
{
	struct wr w = room(b);

	format_known_encode(&w, owner, v.v);
	if (w.bad)
		return NBT_ELIMIT;
	if (!b->nknowns)
		knowns_copy(&b->knowns, now);
	if (!knowns_set(&b->knowns, owner, v))
		return NBT_EINVAL;
	b->nknowns++;
	b->len = (size_t)(w.p - b->buf) - FRAME_HEADER_LEN;
	b->entries++;
	return 0;
}

/* ---- doing ---- */

int
batch_reserve(struct batch *b)
{
	return table_reserve(b->table, b->n, b->scoped);
}

/* A large batch is larger than the caches: what the next changes touch is fetched while one is done. */
static void
expect(const struct batch *b, uint32_t i)
{
	const struct trec *near = i + 4 < b->n ? b->change[i + 4].next : NULL;

	if (i + 8 < b->n && b->change[i + 8].next)
		__builtin_prefetch(b->change[i + 8].next, 1);
	if (near && near->sender)
		tally_expect(&b->table->tally, (struct ip4){ near->sender });
}

void
batch_apply(struct batch *b)
{
	struct table *t = b->table;
	uint32_t n = b->n;
	struct entry e;

	for (uint32_t i = 0; i < n; i++) {
		struct change *c = &b->change[i];

		expect(b, i);
		switch (c->kind) {
		case CHANGE_PUT:
			if (c->cur) /* looked up when it was staged; nothing changed since */
				table_replace(t, c->cur, c->next);
			else
				table_add(t, c->hash, c->next);
			break;
		case CHANGE_STAMP:
			batch_entry(b, c, &e);
			table_stamp(t, c->cur, &e.rec);
			table_note_sender(t, c->cur, c->from.ip, c->from.unproven);
			break;
		default:
			batch_entry(b, c, &e);
			table_del(t, c->hash, &e.rec.key);
			break;
		}
	}
	clear(b);
	table_settle(t, n);
}
