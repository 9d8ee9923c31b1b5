/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file operations of one real directory, all relative to its descriptor, so that nobody can
 * change what they mean by moving a folder. Layer: store, its lowest part. Decides nothing.
 */
#include "store/vfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

struct vfs_file {
	int fd;
};

struct posix {
	struct vfs v;
	int dir, lock;
	char *path; /* as it was given: a symbolic link in it may come to point elsewhere */
};

static int
err_of(int e)
{
	switch (e) {
	case ENOSPC:
	case EDQUOT:
		return NBT_ENOSPC;
	case ENOENT:
		return NBT_ENOENT;
	case EEXIST:
		return NBT_EEXIST;
	case EACCES:
	case EPERM:
	case EROFS:
		return NBT_EDENIED;
	case ENOMEM:
		return NBT_ENOMEM;
	default:
		return NBT_EIO;
	}
}

static int
dir_of(struct vfs *v)
{
	return ((struct posix *)v)->dir;
}

static int
posix_open(struct vfs *v, const char *name, bool create, struct vfs_file **ret)
{
	struct vfs_file *f = malloc(sizeof(*f));
	int err;

	if (!f)
		return NBT_ENOMEM;
	f->fd = openat(dir_of(v), name,
	    O_RDWR | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT | O_EXCL : 0), 0600);
	if (f->fd < 0) {
		err = err_of(errno);
		free(f);
		return err;
	}
	*ret = f;
	return 0;
}

static void
posix_close(struct vfs *v, struct vfs_file *f)
{
	(void)close(f->fd); /* whatever mattered was synced before */
	free(f);
}

static ssize_t
posix_pread(struct vfs *v, struct vfs_file *f, void *buf, size_t len, uint64_t off)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pread(f->fd, (char *)buf + done, len - done, (off_t)(off + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_of(errno);
		if (!n)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

static int
posix_pwrite(struct vfs *v, struct vfs_file *f, const void *buf, size_t len, uint64_t off)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n =
		    pwrite(f->fd, (const char *)buf + done, len - done, (off_t)(off + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? err_of(errno) : NBT_EIO;
		done += (size_t)n;
	}
	return 0;
}

static int
posix_sync(struct vfs *v, struct vfs_file *f)
{
	return fdatasync(f->fd) ? err_of(errno) : 0;
}

static int
posix_truncate(struct vfs *v, struct vfs_file *f, uint64_t size)
{
	return ftruncate(f->fd, (off_t)size) ? err_of(errno) : 0;
}

static int64_t
posix_size(struct vfs *v, struct vfs_file *f)
{
	struct stat st;

	return fstat(f->fd, &st) ? err_of(errno) : st.st_size;
}

static int
posix_rename(struct vfs *v, const char *from, const char *to)
{
	return renameat(dir_of(v), from, dir_of(v), to) ? err_of(errno) : 0;
}

static int
posix_unlink(struct vfs *v, const char *name)
{
	return unlinkat(dir_of(v), name, 0) ? err_of(errno) : 0;
}

static int
posix_sync_dir(struct vfs *v)
{
	return fsync(dir_of(v)) ? err_of(errno) : 0;
}

static int
posix_list(struct vfs *v, void (*fn)(void *arg, const char *name), void *arg)
{
	int fd = openat(dir_of(v), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *e;
	DIR *d;

	if (fd < 0)
		return err_of(errno);
	d = fdopendir(fd);
	if (!d) {
		int err = err_of(errno);

		(void)close(fd); /* nothing was written through it */
		return err;
	}
	errno = 0;
	while ((e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			fn(arg, e->d_name);
	int err = errno ? err_of(errno) : 0;

	(void)closedir(d); /* likewise */
	return err;
}

static int
posix_lock(struct vfs *v)
{
	struct posix *p = (struct posix *)v;
	int fd = openat(p->dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int err;

	if (fd < 0)
		return err_of(errno);
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		err = errno == EWOULDBLOCK ? NBT_EBUSY : err_of(errno);
		(void)close(fd); /* it holds nothing */
		return err;
	}
	p->lock = fd;
	return 0;
}

/* Does path, looked up from at, mean what fd is? */
static bool
means(int at, const char *path, int fd, const char *what, char *why, size_t cap)
{
	struct stat opened, named;

	if (fstatat(at, path, &named, at == AT_FDCWD ? 0 : AT_SYMLINK_NOFOLLOW)) {
		if (errno == ENOENT)
			snprintf(why, cap, "%s was deleted or renamed", what);
		else
			snprintf(why, cap, "%s cannot be looked at: %s", what,
			    nbt_strerror(err_of(errno)));
		return false;
	}
	if (!fstat(fd, &opened) && opened.st_nlink && opened.st_dev == named.st_dev &&
	    opened.st_ino == named.st_ino)
		return true;
	snprintf(why, cap, "%s is another one: it was replaced, or a mount hides it", what);
	return false;
}

static bool
posix_same(struct vfs *v, struct vfs_file *f, const char *name, char *why, size_t cap)
{
	const struct posix *p = (const struct posix *)v;

	return means(AT_FDCWD, p->path, p->dir, "the data folder", why, cap) &&
	       (p->lock < 0 || means(p->dir, "lock", p->lock, "the file lock", why, cap)) &&
	       (!f || means(p->dir, name, f->fd, name, why, cap));
}

static void
posix_close_dir(struct vfs *v)
{
	struct posix *p = (struct posix *)v;

	if (p->lock >= 0)
		(void)close(p->lock); /* ends the lock */
	(void)close(p->dir);
	free(p->path);
	free(p);
}

static const struct vfs operations = {
	.open = posix_open,
	.close = posix_close,
	.pread = posix_pread,
	.pwrite = posix_pwrite,
	.sync = posix_sync,
	.truncate = posix_truncate,
	.size = posix_size,
	.rename = posix_rename,
	.unlink = posix_unlink,
	.sync_dir = posix_sync_dir,
	.list = posix_list,
	.lock = posix_lock,
	.same = posix_same,
	.close_dir = posix_close_dir,
};

int
vfs_posix_open(const char *dir, struct vfs **ret)
{
	struct posix *p = malloc(sizeof(*p));
	struct stat st;
	int err;

	if (!p)
		return NBT_ENOMEM;
	*p = (struct posix){ .v = operations, .lock = -1 };
	p->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p->dir < 0) {
		err = err_of(errno);
		free(p);
		return err;
	}
	p->path = strdup(dir);
	if (!p->path)
		err = NBT_ENOMEM;
	else if (fstat(p->dir, &st))
		err = err_of(errno);
	else
		err = st.st_uid == geteuid() ? 0 : NBT_EOWNER;
	if (err) {
		posix_close_dir(&p->v);
		return err;
	}
	*ret = &p->v;
	return 0;
}
