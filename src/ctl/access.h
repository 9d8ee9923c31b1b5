/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may give which command. The kernel says who calls (SO_PEERCRED, SO_PEERGROUPS); the decision is
 * a pure function of that and the policy. Layer: ctl.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "ctl/commands.h"

#define CTL_GROUPS_MAX 256 /* supplementary groups looked at; who has more has none of them */
#define CTL_NO_GROUP   ((gid_t)-1)

struct ctl_peer {
	uid_t uid;
	gid_t gid;
	unsigned ngroups;
	gid_t groups[CTL_GROUPS_MAX];
};

struct ctl_policy {
	uid_t self;                               /* the server's own user */
	gid_t readers, changers;                  /* CTL_NO_GROUP = nobody by group */
	bool anyone;                              /* everybody may read */
	const char *readers_name, *changers_name; /* for sentences */
};

/*
 * Root and the server's own user may do all; members of changers may read and change; members of
 * readers may read, with anyone everybody. Nobody may CTL_ACCESS_LOCAL.
 */
bool ctl_may(enum ctl_access want, const struct ctl_peer *peer, const struct ctl_policy *policy);

/* Who is at the other end of a connected Unix socket. 0 or NBT_EIO. */
int ctl_peer_get(int fd, struct ctl_peer *ret);
