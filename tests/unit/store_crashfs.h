/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file system in memory that knows what was synced and what was not, can lose power at any of its
 * calls and can fail any of them. After the loss each unsynced write is there, not there, torn or
 * garbled, each unsynced change of the folder is there or not, independently. Test only; every call
 * may come from any thread.
 */
#pragma once

#include <pthread.h>

#include "store_help.h"

#define FS_SECTOR 512

struct fs_bytes {
	uint8_t *p;
	size_t size;
};

/* A write, or with bytes.p == NULL a truncation to at. */
struct fs_pending {
	uint64_t at;
	struct fs_bytes bytes;
	bool is_truncate;
};

struct fs_inode {
	unsigned refs;
	struct fs_bytes seen, durable;
	struct fs_pending *pending;
	size_t npending;
};

struct fs_entry {
	char name[40];
	struct fs_inode *inode; /* NULL: the name goes away */
};

struct fs_dir {
	struct fs_entry e[64];
	size_t n;
};

struct crashfs {
	pthread_mutex_t lock;
	struct fs_dir seen, durable;
	struct fs_entry pending[512]; /* a rename is two of these, applied together */
	size_t npending;
	bool joined[512]; /* with the one before */
	bool locked;
	unsigned opens;
	uint64_t random;
	/* the calls that change something are counted */
	unsigned calls;
	unsigned cut_at;   /* the power goes in this one; 0 never */
	bool dead;         /* it went: nothing works any more */
	unsigned fail_at;  /* this one fails, 0 none */
	unsigned fail_for; /* and so do as many after it less one */
	int fail_err;
	bool fail_syncs_only;
	bool moved; /* the folder's path means another one */
};

struct vfs_file {
	struct fs_inode *inode;
};

struct fs_vfs {
	struct vfs v;
	struct crashfs *fs;
};

static inline uint32_t
fs_random(struct crashfs *fs)
{
	fs->random ^= fs->random << 13;
	fs->random ^= fs->random >> 7;
	fs->random ^= fs->random << 17;
	return (uint32_t)(fs->random >> 11);
}

/* ---- bytes ---- */

static inline void
fs_bytes_write(struct fs_bytes *b, const void *src, size_t len, uint64_t at)
{
	if (at + len > b->size) {
		b->p = realloc(b->p, at + len);
		assert_non_null(b->p);
		memset(b->p + b->size, 0, at + len - b->size);
		b->size = at + len;
	}
	memcpy(b->p + at, src, len);
}

static inline void
fs_bytes_truncate(struct fs_bytes *b, uint64_t size)
{
	if (size > b->size)
		fs_bytes_write(b, "", size > b->size ? 0 : 1, size);
	b->size = size;
}

static inline struct fs_bytes
fs_bytes_copy(const struct fs_bytes *b)
{
	struct fs_bytes c = { malloc(b->size + 1), b->size };

	assert_non_null(c.p);
	if (b->size)
		memcpy(c.p, b->p, b->size);
	return c;
}

/* ---- inodes and the folder ---- */

static inline void
fs_drop_pending(struct fs_inode *i)
{
	for (size_t n = 0; n < i->npending; n++)
		free(i->pending[n].bytes.p);
	i->npending = 0;
}

static inline void
fs_unref(struct fs_inode *i)
{
	if (!i || --i->refs)
		return;
	fs_drop_pending(i);
	free(i->pending);
	free(i->seen.p);
	free(i->durable.p);
	free(i);
}

static inline struct fs_entry *
fs_find(struct fs_dir *d, const char *name)
{
	for (size_t n = 0; n < d->n; n++)
		if (!strcmp(d->e[n].name, name))
			return &d->e[n];
	return NULL;
}

static inline void
fs_dir_set(struct fs_dir *d, const char *name, struct fs_inode *inode)
{
	struct fs_entry *e = fs_find(d, name);

	if (inode)
		inode->refs++;
	if (e) {
		fs_unref(e->inode);
		e->inode = inode;
		if (!inode)
			*e = d->e[--d->n];
	} else if (inode) {
		assert_true(d->n < 64);
		e = &d->e[d->n++];
		snprintf(e->name, sizeof(e->name), "%s", name);
		e->inode = inode;
	}
}

static inline void
fs_dir_pend(struct crashfs *fs, const char *name, struct fs_inode *inode, bool joined)
{
	struct fs_entry *e = &fs->pending[fs->npending];

	assert_true(fs->npending < 512);
	snprintf(e->name, sizeof(e->name), "%s", name);
	e->inode = inode;
	if (inode)
		inode->refs++;
	fs->joined[fs->npending++] = joined;
	fs_dir_set(&fs->seen, name, inode);
}

/* ---- what becomes durable ---- */

/* One write comes through: whole, or with partly in pieces, torn at a byte, or as rubbish. */
static inline void
fs_land(struct crashfs *fs, struct fs_inode *i, const struct fs_pending *p, bool partly)
{
	size_t len = p->bytes.size;
	uint8_t junk[FS_SECTOR];

	if (p->is_truncate) {
		if (!partly || fs_random(fs) % 2)
			fs_bytes_truncate(&i->durable, p->at);
		return;
	}
	if (!partly) {
		fs_bytes_write(&i->durable, p->bytes.p, len, p->at);
		return;
	}
	switch (fs_random(fs) % 6) {
	case 0: /* nothing */
		return;
	case 1:
		fs_bytes_write(&i->durable, p->bytes.p, len, p->at);
		return;
	case 2: /* the beginning, to some byte */
		fs_bytes_write(&i->durable, p->bytes.p, fs_random(fs) % (len + 1), p->at);
		return;
	case 3: /* rubbish over its first sector */
		len = len < FS_SECTOR ? len : FS_SECTOR;
		for (size_t n = 0; n < len; n++)
			junk[n] = (uint8_t)fs_random(fs);
		fs_bytes_write(&i->durable, junk, len, p->at);
		return;
	default: /* some sectors, in no order */
		for (size_t at = 0, n; at < len; at += n) {
			n = FS_SECTOR - (size_t)((p->at + at) % FS_SECTOR);
			n = n < len - at ? n : len - at;
			if (fs_random(fs) % 2)
				fs_bytes_write(&i->durable, p->bytes.p + at, n, p->at + at);
		}
	}
}

static inline void
fs_land_all(struct crashfs *fs, struct fs_inode *i, bool partly)
{
	for (size_t n = 0; n < i->npending; n++)
		fs_land(fs, i, &i->pending[n], partly);
	fs_drop_pending(i);
}

enum fs_loss { FS_DROP_ALL, FS_KEEP_ALL, FS_RANDOM };

static inline void
fs_settle_dir(struct crashfs *fs)
{
	for (size_t n = 0; n < fs->npending; n++) {
		fs_dir_set(&fs->durable, fs->pending[n].name, fs->pending[n].inode);
		fs_unref(fs->pending[n].inode);
	}
	fs->npending = 0;
}

/* ---- the calls ---- */

/* 0: go on. Otherwise the call fails with it. *ret_half: the power goes while it is done. */
static inline int
fs_enter(struct crashfs *fs, bool changes, bool is_sync, bool *ret_half)
{
	*ret_half = false;
	pthread_mutex_lock(&fs->lock);
	if (fs->dead)
		return NBT_EIO;
	if (!changes)
		return 0;
	fs->calls++;
	if (fs->calls == fs->cut_at) {
		fs->dead = *ret_half = true;
		return NBT_EIO;
	}
	if (fs->fail_at && fs->calls >= fs->fail_at && fs->calls - fs->fail_at < fs->fail_for &&
	    (is_sync || !fs->fail_syncs_only)) {
		*ret_half = true;
		return fs->fail_err;
	}
	return 0;
}

static inline int
fs_leave(struct crashfs *fs, int err)
{
	pthread_mutex_unlock(&fs->lock);
	return err;
}

static inline struct crashfs *
fs_of(struct vfs *v)
{
	return ((struct fs_vfs *)v)->fs;
}

static inline int
fs_open(struct vfs *v, const char *name, bool create, struct vfs_file **ret)
{
	struct crashfs *fs = fs_of(v);
	struct fs_inode *i;
	bool half;
	int err = fs_enter(fs, create, false, &half);
	struct fs_entry *e = fs_find(&fs->seen, name);

	if (err && !(half && fs->dead))
		return fs_leave(fs, err);
	if (create && e)
		return fs_leave(fs, NBT_EEXIST);
	if (!create && !e)
		return fs_leave(fs, NBT_ENOENT);
	if (create) {
		i = calloc(1, sizeof(*i));
		assert_non_null(i);
		fs_dir_pend(fs, name, i, false);
	} else {
		i = e->inode;
	}
	if (err)
		return fs_leave(fs, err);
	*ret = malloc(sizeof(**ret));
	assert_non_null(*ret);
	(*ret)->inode = i;
	i->refs++;
	fs->opens++;
	return fs_leave(fs, 0);
}

static inline void
fs_close(struct vfs *v, struct vfs_file *f)
{
	struct crashfs *fs = fs_of(v);

	pthread_mutex_lock(&fs->lock);
	fs_unref(f->inode);
	free(f);
	fs->opens--;
	pthread_mutex_unlock(&fs->lock);
}

static inline ssize_t
fs_pread(struct vfs *v, struct vfs_file *f, void *buf, size_t len, uint64_t off)
{
	struct crashfs *fs = fs_of(v);
	struct fs_bytes *b = &f->inode->seen;
	bool half;
	int err = fs_enter(fs, false, false, &half);

	if (err)
		return fs_leave(fs, err);
	if (off >= b->size)
		len = 0;
	else if (len > b->size - off)
		len = b->size - off;
	if (len)
		memcpy(buf, b->p + off, len);
	fs_leave(fs, 0);
	return (ssize_t)len;
}

static inline void
fs_pend(struct fs_inode *i, const void *buf, size_t len, uint64_t at, bool is_truncate)
{
	struct fs_pending *p;

	i->pending = realloc(i->pending, (i->npending + 1) * sizeof(*p));
	assert_non_null(i->pending);
	p = &i->pending[i->npending++];
	*p = (struct fs_pending){ .at = at, .is_truncate = is_truncate };
	if (is_truncate) {
		fs_bytes_truncate(&i->seen, at);
		return;
	}
	p->bytes.p = malloc(len + 1);
	assert_non_null(p->bytes.p);
	memcpy(p->bytes.p, buf, len);
	p->bytes.size = len;
	fs_bytes_write(&i->seen, buf, len, at);
}

static inline int
fs_pwrite(struct vfs *v, struct vfs_file *f, const void *buf, size_t len, uint64_t off)
{
	struct crashfs *fs = fs_of(v);
	bool half;
	int err = fs_enter(fs, true, false, &half);

	if (half && !fs->dead)
		len = fs_random(fs) % (len + 1);
	if (!err || half)
		fs_pend(f->inode, buf, len, off, false);
	return fs_leave(fs, err);
}

static inline int
fs_truncate(struct vfs *v, struct vfs_file *f, uint64_t size)
{
	struct crashfs *fs = fs_of(v);
	bool half;
	int err = fs_enter(fs, true, false, &half);

	if (!err || (half && fs->dead))
		fs_pend(f->inode, NULL, 0, size, true);
	return fs_leave(fs, err);
}

/* A sync that fails wrote some, and what it did not write no later sync writes. */
static inline int
fs_sync(struct vfs *v, struct vfs_file *f)
{
	struct crashfs *fs = fs_of(v);
	bool half;
	int err = fs_enter(fs, true, true, &half);

	if (!err || (half && !fs->dead))
		fs_land_all(fs, f->inode, err != 0);
	return fs_leave(fs, err);
}

static inline int64_t
fs_size(struct vfs *v, struct vfs_file *f)
{
	struct crashfs *fs = fs_of(v);
	bool half;
	int err = fs_enter(fs, false, false, &half);
	int64_t size = (int64_t)f->inode->seen.size;

	fs_leave(fs, err);
	return err ? err : size;
}

static inline int
fs_rename(struct vfs *v, const char *from, const char *to)
{
	struct crashfs *fs = fs_of(v);
	bool half;
	int err = fs_enter(fs, true, false, &half);
	struct fs_entry *e = fs_find(&fs->seen, from);

	if (err && !(half && fs->dead))
		return fs_leave(fs, err);
	if (!e)
		return fs_leave(fs, NBT_ENOENT);
	fs_dir_pend(fs, to, e->inode, false);
	fs_dir_pend(fs, from, NULL, true);
	return fs_leave(fs, err);
}

static inline int
fs_unlink(struct vfs *v, const char *name)
{
	struct crashfs *fs = fs_of(v);
	bool half;
	int err = fs_enter(fs, true, false, &half);

	if (err && !(half && fs->dead))
		return fs_leave(fs, err);
	if (!fs_find(&fs->seen, name))
		return fs_leave(fs, NBT_ENOENT);
	fs_dir_pend(fs, name, NULL, false);
	return fs_leave(fs, err);
}

/* One that fails leaves all to a later one: a file system that cannot write its folders stops. */
static inline int
fs_sync_dir(struct vfs *v)
{
	struct crashfs *fs = fs_of(v);
	bool half;
	int err = fs_enter(fs, true, true, &half);

	if (!err)
		fs_settle_dir(fs);
	return fs_leave(fs, err);
}

static inline int
fs_list(struct vfs *v, void (*fn)(void *arg, const char *name), void *arg)
{
	struct crashfs *fs = fs_of(v);
	struct fs_dir copy;
	bool half;
	int err = fs_enter(fs, false, false, &half);

	copy = fs->seen;
	fs_leave(fs, err);
	for (size_t n = 0; !err && n < copy.n; n++)
		fn(arg, copy.e[n].name);
	return err;
}

/* A name and what was opened by it are compared; the folder is another one when the test says so. */
static inline bool
fs_same(struct vfs *v, struct vfs_file *f, const char *name, char *why, size_t cap)
{
	struct crashfs *fs = fs_of(v);
	const struct fs_entry *e;
	bool same;

	pthread_mutex_lock(&fs->lock);
	e = f ? fs_find(&fs->seen, name) : NULL;
	same = !fs->moved && (!f || (e && e->inode == f->inode));
	pthread_mutex_unlock(&fs->lock);
	if (!same)
		snprintf(why, cap, "%s is another one", fs->moved ? "the data folder" : name);
	return same;
}

static inline int
fs_lock(struct vfs *v)
{
	struct crashfs *fs = fs_of(v);

	if (fs->locked)
		return NBT_EBUSY;
	fs->locked = true;
	return 0;
}

static inline void
fs_close_dir(struct vfs *v)
{
	fs_of(v)->locked = false;
	free(v);
}

/* ---- for tests ---- */

static inline struct crashfs *
crashfs_new(uint64_t seed)
{
	struct crashfs *fs = calloc(1, sizeof(*fs));

	assert_non_null(fs);
	pthread_mutex_init(&fs->lock, NULL);
	fs->random = seed * 2654435761u + 88172645463325252u;
	return fs;
}

static inline void
crashfs_free(struct crashfs *fs)
{
	assert_int_equal(fs->opens, 0); /* every file was closed */
	for (size_t n = 0; n < fs->npending; n++)
		fs_unref(fs->pending[n].inode);
	for (size_t n = 0; n < fs->seen.n; n++)
		fs_unref(fs->seen.e[n].inode);
	for (size_t n = 0; n < fs->durable.n; n++)
		fs_unref(fs->durable.e[n].inode);
	pthread_mutex_destroy(&fs->lock);
	free(fs);
}

static inline struct vfs *
crashfs_vfs(struct crashfs *fs)
{
	static const struct vfs calls = {
		.open = fs_open,
		.close = fs_close,
		.pread = fs_pread,
		.pwrite = fs_pwrite,
		.sync = fs_sync,
		.truncate = fs_truncate,
		.size = fs_size,
		.rename = fs_rename,
		.unlink = fs_unlink,
		.sync_dir = fs_sync_dir,
		.list = fs_list,
		.lock = fs_lock,
		.same = fs_same,
		.close_dir = fs_close_dir,
	};
	struct fs_vfs *v = malloc(sizeof(*v));

	assert_non_null(v);
	*v = (struct fs_vfs){ .v = calls, .fs = fs };
	return &v->v;
}

/* A disk as the next start finds it: from's, after the loss. from stays as it is. */
static inline struct crashfs *
crashfs_after_loss(struct crashfs *from, enum fs_loss loss, uint64_t seed)
{
	struct crashfs *fs = crashfs_new(seed);
	struct fs_dir dir = { 0 };
	bool keep = false;

	/* the folder first: what is in no durable folder is gone */
	for (size_t n = 0; n < from->durable.n; n++)
		fs_dir_set(&dir, from->durable.e[n].name, from->durable.e[n].inode);
	for (size_t n = 0; n < from->npending; n++) {
		if (!from->joined[n])
			keep = loss == FS_KEEP_ALL || (loss == FS_RANDOM && fs_random(fs) % 2);
		if (keep)
			fs_dir_set(&dir, from->pending[n].name, from->pending[n].inode);
	}
	for (size_t n = 0; n < dir.n; n++) {
		struct fs_inode *old = dir.e[n].inode, *i = calloc(1, sizeof(*i));

		assert_non_null(i);
		i->durable = fs_bytes_copy(&old->durable);
		if (loss != FS_DROP_ALL)
			for (size_t k = 0; k < old->npending; k++)
				fs_land(fs, i, &old->pending[k], loss == FS_RANDOM);
		i->seen = fs_bytes_copy(&i->durable);
		fs_dir_set(&fs->seen, dir.e[n].name, i);
		fs_dir_set(&fs->durable, dir.e[n].name, i);
	}
	while (dir.n)
		fs_dir_set(&dir, dir.e[0].name, NULL);
	return fs;
}

/* As if everything had been synced. */
static inline struct crashfs *
crashfs_copy(struct crashfs *from)
{
	return crashfs_after_loss(from, FS_KEEP_ALL, 1);
}
