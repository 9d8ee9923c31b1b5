/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names of the store's files and which of them are there. Layer: store. Opens none of them.
 */
#pragma once

#include "store/vfs.h"

#define FILE_NAME_LEN 32
void journal_name(uint64_t number, char out[static FILE_NAME_LEN]);
void snapshot_name(uint64_t number, char out[static FILE_NAME_LEN]);

struct numbers {
	uint64_t *v; /* ascending */
	size_t n;
};

struct folder {
	struct numbers journals, snapshots;
	bool foreign; /* there are files that are neither a store's nor what may lie beside it */
};

int folder_list(struct folder *f, struct vfs *vfs);
void folder_release(struct folder *f);
/* The first number from first on that is missing among the journals, 0 when they go on to the last. */
uint64_t folder_gap(const struct folder *f, uint64_t first);
/* The highest number in use, 0: none. */
uint64_t folder_highest(const struct folder *f);
