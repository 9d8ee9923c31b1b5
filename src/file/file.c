/* SPDX-License-Identifier: Apache-2.0 */
/* See file.h. Layer: file. */
#include "file/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int
fail(int err, const char *why, const char **ret_why)
{
	*ret_why = why;
	return err;
}

static int
fail_errno(int error, const char **ret_why)
{
	int err = NBT_EIO;

	if (error == ENOENT || error == ENOTDIR)
		err = NBT_ENOENT;
	else if (error == EACCES || error == EPERM)
		err = NBT_EDENIED;
	return fail(err, strerror(error), ret_why);
}

/* Whether the result of stat or fstat is a regular file's. */
static int
check_kind(int result, const struct stat *st, const char **ret_why)
{
	if (result)
		return fail_errno(errno, ret_why);
	if (S_ISREG(st->st_mode))
		return 0;
	if (S_ISDIR(st->st_mode))
		return fail(NBT_EINVAL, strerror(EISDIR), ret_why);
	return fail(NBT_EINVAL, "not a regular file", ret_why);
}

int
file_open(const char *path, FILE **ret, const char **ret_why)
{
	struct stat st;
	int fd, err;

	/* A device may act on being opened (a watchdog starts), so its kind is looked at before. */
	err = check_kind(stat(path, &st), &st, ret_why);
	if (err)
		return err;
	/* The file may have been replaced since: O_NONBLOCK opens a FIFO without waiting. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return fail_errno(errno, ret_why);
	err = check_kind(fstat(fd, &st), &st, ret_why);
	if (!err) {
		*ret = fdopen(fd, "r");
		if (*ret)
			return 0;
		err = fail_errno(errno, ret_why);
	}
	(void)close(fd); /* nothing was read */
	return err;
}

int
file_read(const char *path, size_t max, char **ret, size_t *ret_len, const char **ret_why)
{
	char *bytes = malloc(max + 1);
	FILE *f = NULL;
	int err;

	if (!bytes)
		return fail(NBT_ENOMEM, nbt_strerror(NBT_ENOMEM), ret_why);
	err = file_open(path, &f, ret_why);
	if (!err) {
		*ret_len = fread(bytes, 1, max + 1, f);
		if (ferror(f))
			err = fail_errno(errno, ret_why);
		else if (*ret_len > max)
			err = fail(NBT_ELIMIT, "larger than such a file can be", ret_why);
		(void)fclose(f); /* only read */
	}
	if (err)
		free(bytes);
	else
		*ret = bytes;
	return err;
}
