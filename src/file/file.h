/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opens and reads the files whose path a person, an option or another file gave: configuration, LMHOSTS
 * and its includes, lists of names, captures. Only a regular file is opened. A FIFO without a writer, a
 * terminal or another device would keep the program waiting, or give bytes without an end. Layer: file,
 * above base. Keeps nothing.
 *
 * What a program names itself (below /proc, in its data folder) is opened where it is used.
 */
#pragma once

#include <stdio.h>

#include "base/err.h"

/*
 * Opens the regular file at path for reading; symbolic links are followed. 0 and *ret, which the caller
 * closes with fclose. Else NBT_ENOENT, NBT_EDENIED, NBT_EINVAL (not a regular file) or NBT_EIO, and
 * *ret_why: what is wrong in words that follow "PATH: ". The words are never freed.
 */
int file_open(const char *path, FILE **ret, const char **ret_why);

/*
 * Reads the whole regular file at path. 0 and *ret with *ret_len <= max bytes, which the caller frees;
 * it is not NULL when the file is empty. Else an error of file_open, NBT_ELIMIT (larger than max) or
 * NBT_ENOMEM, and *ret_why.
 */
int file_read(const char *path, size_t max, char **ret, size_t *ret_len, const char **ret_why);
