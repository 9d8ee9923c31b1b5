/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Giving up root: who to become, folders that must be theirs, the change itself and the proof that
 * there is no way back. Layer: io. Order: open the sockets, priv_find, priv_folder for each folder,
 * priv_drop, and only then threads and the first packet. On failure *why is a whole sentence.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#define PRIV_WHY_MAX 512

struct priv_user {
	uid_t uid;
	gid_t gid;
	char name[33];
};

/* NBT_ENOENT: no such user; NBT_EINVAL: it is root, which would give up nothing. */
int priv_find(const char *name, struct priv_user *ret, char why[PRIV_WHY_MAX]);

/*
 * Makes the folder if it is missing (not its parents) and sees that user can work in it. user NULL:
 * whoever we are. A folder that is new or empty is given to the user, and so are root's plain files
 * in a folder that is the user's already (a backup that root copied back). NBT_EOWNER: it is somebody
 * else's and not empty; giving it away could give away /run or /etc, so a person has to.
 */
int priv_folder(const char *path, const struct priv_user *user, char why[PRIV_WHY_MAX]);

/*
 * Becomes user for good, with its groups, no capability and no way to gain one, and checks it. NULL:
 * stays who it is; unless that is root, its capabilities go. Before there are threads: capabilities
 * are each thread's own. NBT_EDENIED.
 */
int priv_drop(const struct priv_user *user, char why[PRIV_WHY_MAX]);
