/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A life of a store by a seed: registrations, refreshes, releases, deletes, named values, snapshots,
 * backups and restarts, next to a plain array that says what must be there. Test only.
 */
#pragma once

#include "store_crashfs.h"

#define LIFE_KEYS   24
#define LIFE_OWNERS 3
#define LIFE_TRIED  32

struct model {
	bool there[LIFE_KEYS];
	struct rec rec[LIFE_KEYS];
	uint64_t meta;               /* 0: not set */
	uint64_t known[LIFE_OWNERS]; /* 0: nothing */
	uint64_t next;               /* the version counter is not less */
};

struct life {
	struct crashfs *fs;
	struct store *s; /* NULL: could not be opened */
	struct model acked;
	/* what acked would be with one batch that was refused since the last acknowledged one: after
	 * a restart that may be there, because it may have reached the disk */
	struct model tried[LIFE_TRIED];
	unsigned ntried;
	uint64_t random;
	uint32_t clock;
	uint64_t journal_max;
	struct crashfs *backup; /* of the last one that ended well */
	struct model backup_model;
};

static inline uint32_t
life_random(struct life *l)
{
	l->random ^= l->random << 13;
	l->random ^= l->random >> 7;
	l->random ^= l->random << 17;
	return (uint32_t)(l->random >> 11);
}

/* Keys of all kinds: every third has a scope. */
static inline struct nb_key
life_key(unsigned n)
{
	return n % 3 == 2 ? scoped_key_of(n / 2, (char)('a' + n % 5)) : key_of(n);
}

/* A record as a registration would make it: every fourth has several addresses. */
static inline struct rec
life_rec(struct life *l, unsigned n, uint64_t version)
{
	struct rec r = rec_of(n, version, l->clock + 100 + life_random(l) % 100);

	r.key = life_key(n);
	if (n % 4 == 3) {
		r.type = REC_MULTIHOMED;
		r.naddr = (uint8_t)(1 + life_random(l) % REC_ADDR_MAX);
		for (unsigned i = 0; i < r.naddr; i++)
			r.addr[i] = (struct rec_addr){ .ip = { 0x0b000000 + i },
				.owner = { i % 2 },
				.due = { r.due.s + i },
				.since = { l->clock } };
	}
	return r;
}

static inline struct ip4
life_owner(unsigned n)
{
	return (struct ip4){ 0xc0000201 + n };
}

/* ---- looking ---- */

static inline bool
knowns_match(const struct model *m, struct store *s)
{
	struct store_known all[LIFE_OWNERS + 1];
	size_t n = store_known_all(s, all, LIFE_OWNERS + 1), i = 0;

	for (unsigned o = 0; o < LIFE_OWNERS; o++) {
		if (store_known(s, life_owner(o)).v != m->known[o])
			return false;
		if (m->known[o] && (i >= n || !ip4_eq(all[i++].owner, life_owner(o))))
			return false;
	}
	return i == n;
}

static inline bool
model_matches(const struct model *m, struct store *s)
{
	struct nb_key key;
	struct rec got;
	uint64_t meta = 0;
	unsigned have = 0, walked = 0;

	for (unsigned n = 0; n < LIFE_KEYS; n++) {
		key = life_key(n);
		if (get(s, key, &got) != m->there[n])
			return false;
		if (m->there[n] && memcmp(&got, &m->rec[n], sizeof(got)))
			return false;
		have += m->there[n];
	}
	for (bool more = store_by_name(s, NULL, true, &got); more;
	     more = store_by_name(s, &key, false, &got), walked++)
		key = got.key;
	(void)store_meta_get(s, "meta", &meta);
	return knowns_match(m, s) && walked == have && meta == m->meta &&
	       store_next_version(s).v >= m->next;
}

/* The orders hold each record once, at its place. */
static inline void
orders_match(const struct model *m, struct store *s)
{
	static struct rec due[LIFE_KEYS + 1];
	struct version from = { 0 };
	struct rec got;
	unsigned have = 0, walked = 0;
	uint64_t lowest = UINT32_MAX;

	for (unsigned n = 0; n < LIFE_KEYS; n++) {
		have += m->there[n];
		if (m->there[n] && m->rec[n].due.s < lowest)
			lowest = m->rec[n].due.s;
	}
	for (; store_by_version(s, OWNER_SELF, from, &got); walked++)
		from.v = got.version.v + 1;
	assert_int_equal(walked, have);
	assert_int_equal(store_due(s, (struct wall){ UINT32_MAX - 1 }, due, LIFE_KEYS + 1), have);
	assert_int_equal(store_next_due(s).s, lowest);
}

/* The store holds every acknowledged change, and of one refused batch all or nothing. */
static inline void
life_check(struct life *l, const char *when)
{
	for (unsigned i = 0; i < l->ntried && !model_matches(&l->acked, l->s); i++)
		if (model_matches(&l->tried[i], l->s)) {
			l->acked = l->tried[i];
			break;
		}
	if (!model_matches(&l->acked, l->s))
		fail_msg("%s: what was acknowledged is not what is there", when);
	orders_match(&l->acked, l->s);
}

/* ---- doing ---- */

static inline int
life_open(struct life *l, struct store_report *ret_report)
{
	struct store_opts opts = { .vfs = crashfs_vfs(l->fs), .journal_max = l->journal_max };
	int err = store_open(&opts, &l->s, ret_report);

	if (err)
		l->s = NULL;
	return err;
}

static inline void
life_stage(struct life *l, struct model *m)
{
	unsigned n = life_random(l) % LIFE_KEYS, what = life_random(l) % 10;
	struct rec r = m->rec[n];
	struct nb_key key = life_key(n);

	if (what == 0 && n % 2) { /* now and then forgotten */
		m->known[n % LIFE_OWNERS] = life_random(l) % 4;
		assert_int_equal(store_known_set(l->s, life_owner(n % LIFE_OWNERS),
				     (struct version){ m->known[n % LIFE_OWNERS] }),
		    0);
		return;
	}
	if (what == 0) {
		m->meta = 1 + life_random(l);
		assert_int_equal(store_meta_set(l->s, "meta", m->meta), 0);
		return;
	}
	if (what == 1) {
		struct version v = { store_next_version(l->s).v + 3 };

		store_raise_version(l->s, v);
		m->next = v.v;
		return;
	}
	if (what == 2) {
		m->there[n] = false;
		assert_int_equal(store_del(l->s, &key), 0);
		return;
	}
	if (!m->there[n] || what < 5) { /* registered anew: a version from the counter */
		r = life_rec(l, n, store_next_version(l->s).v);
	} else if (what < 9) { /* refreshed */
		r.due.s = l->clock + 100 + life_random(l) % 100;
		for (unsigned i = 0; i < r.naddr; i++)
			r.addr[i].due.s = r.due.s + i;
	} else { /* released: the version stays */
		r.state = REC_RELEASED;
	}
	put(l->s, &r);
	m->there[n] = true;
	m->rec[n] = r;
	m->next = store_next_version(l->s).v;
}

/* A batch; true: acknowledged. */
static inline bool
life_commit(struct life *l)
{
	struct model m = l->acked;
	int changes = 1 + (int)(life_random(l) % 4), err;

	for (int i = 0; i < changes; i++)
		life_stage(l, &m);
	l->clock++;
	err = store_commit(l->s);
	if (!err) {
		l->acked = m;
		l->ntried = 0;
		return true;
	}
	if (err != NBT_ECLOSED) {
		assert_true(l->ntried < LIFE_TRIED);
		l->tried[l->ntried++] = m;
	}
	return false;
}

/* Waits for the work in the other thread; true: it ended well. */
static inline bool
life_wait(struct life *l, enum store_news good, enum store_news bad)
{
	for (int i = 0; i < 1000000; i++) {
		enum store_news news = store_tend(l->s);

		if (news == good || news == STORE_NEWS_JOURNAL_REOPENED)
			return true;
		if (news == bad)
			return false;
		if (news == STORE_NEWS_NONE) {
			store_reader_offline();
			usleep(100);
			store_reader_online();
		}
	}
	fail_msg("the thread never ended");
	return false;
}

static inline bool
life_snapshot(struct life *l)
{
	if (store_snapshot(l->s))
		return false;
	return life_wait(l, STORE_NEWS_SNAPSHOT_DONE, STORE_NEWS_SNAPSHOT_FAILED);
}

static inline bool
life_backup(struct life *l)
{
	struct crashfs *into = crashfs_new(7);
	struct model m = l->acked;

	if (store_backup(l->s, crashfs_vfs(into)) ||
	    !life_wait(l, STORE_NEWS_BACKUP_DONE, STORE_NEWS_BACKUP_FAILED)) {
		crashfs_free(into);
		return false;
	}
	if (l->backup)
		crashfs_free(l->backup);
	l->backup = into;
	l->backup_model = m;
	return true;
}

/* A copy is a store with all that was durable when it was asked for. */
static inline void
backup_check(struct life *l)
{
	struct store_report report;
	struct life b = { .fs = l->backup, .acked = l->backup_model };
	struct vfs *v;

	if (!l->backup)
		return;
	v = crashfs_vfs(l->backup);
	assert_int_equal(store_check(v, NULL, NULL, &report), 0);
	assert_string_equal(report.sentence, "");
	v->close_dir(v);
	assert_int_equal(life_open(&b, &report), 0);
	life_check(&b, "backup");
	store_close(b.s);
	crashfs_free(l->backup);
	l->backup = NULL;
}

static inline void
life_close(struct life *l)
{
	store_close(l->s);
	l->s = NULL;
}

/* The steps of a life; ends early when the store is gone. */
static inline void
life_run(struct life *l, int steps)
{
	struct store_report report;

	for (int i = 0; i < steps; i++) {
		if (!l->s && life_open(l, &report))
			return;
		switch (i % 12) {
		case 5:
			(void)life_snapshot(l);
			break;
		case 8:
			life_close(l);
			break;
		case 10:
			(void)life_backup(l);
			break;
		default:
			(void)life_commit(l);
			break;
		}
		if (l->fs->dead)
			return;
	}
}

static inline void
life_end(struct life *l)
{
	if (l->s)
		life_close(l);
	if (l->backup)
		crashfs_free(l->backup);
	l->backup = NULL;
}

static inline int
begin(void **state)
{
	store_reader_register();
	return 0;
}

static inline int
end(void **state)
{
	store_reader_unregister();
	return 0;
}
