/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The few file operations the store needs, as a table, so that a test can drop, tear or garble
 * whatever was not synced and fail any call (SQLite's way). vfs_posix is the real one.
 * Layer: store, its lowest part. Names are relative to one directory, without '/'.
 * Every function returns 0 or a count, or negative enum nbt_err (NOSPC, IO, NOENT, ...).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct vfs_file; /* an implementation's own */

struct vfs {
	/* Opens name for reading and writing; create makes it anew, NBT_EEXIST when it is there. */
	int (*open)(struct vfs *v, const char *name, bool create, struct vfs_file **ret);
	void (*close)(struct vfs *v, struct vfs_file *f);
	/* All of len or an error; a read past the end returns the shorter count. */
	ssize_t (*pread)(struct vfs *v, struct vfs_file *f, void *buf, size_t len, uint64_t off);
	int (*pwrite)(struct vfs *v, struct vfs_file *f, const void *buf, size_t len, uint64_t off);
	int (*sync)(
	    struct vfs *v, struct vfs_file *f); /* data and what is needed to read it back */
	int (*truncate)(struct vfs *v, struct vfs_file *f, uint64_t size);
	int64_t (*size)(struct vfs *v, struct vfs_file *f);
	int (*rename)(struct vfs *v, const char *from, const char *to);
	int (*unlink)(struct vfs *v, const char *name);
	int (*sync_dir)(struct vfs *v);
	/* Calls fn for each name, in any order. */
	int (*list)(struct vfs *v, void (*fn)(void *arg, const char *name), void *arg);
	/* Takes the directory's lock for this process, until close_dir; NBT_EBUSY when another has it. */
	int (*lock)(struct vfs *v);
	/* Do the folder's path, the lock's name and name still mean what was opened by them? f may be NULL, then
	 * name is not looked at. False: one was deleted, renamed, replaced or hidden by a mount, or cannot be
	 * looked at; why says it in a clause. Any thread. */
	bool (*same)(struct vfs *v, struct vfs_file *f, const char *name, char *why, size_t cap);
	void (*close_dir)(struct vfs *v); /* frees v */
};

/* The directory must exist. NBT_ENOENT, NBT_EDENIED, NBT_EOWNER (another user's folder). */
int vfs_posix_open(const char *dir, struct vfs **ret);
