/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may give which command. Layer: ctl. The groups are those the calling process has, from the
 * kernel: a look-up by user name could block in a directory service, and could differ.
 */
#include "ctl/access.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/err.h"

static bool
is_member(const struct ctl_peer *peer, gid_t group)
{
	if (group == CTL_NO_GROUP)
		return false;
	if (peer->gid == group)
		return true;
	for (unsigned i = 0; i < peer->ngroups; i++)
		if (peer->groups[i] == group)
			return true;
	return false;
}

bool
ctl_may(enum ctl_access want, const struct ctl_peer *peer, const struct ctl_policy *policy)
{
	if (want == CTL_ACCESS_LOCAL)
		return false;
	if (peer->uid == 0 || peer->uid == policy->self)
		return true;
	if (is_member(peer, policy->changers))
		return true;
	return want == CTL_ACCESS_READ && (policy->anyone || is_member(peer, policy->readers));
}

int
ctl_peer_get(int fd, struct ctl_peer *ret)
{
	struct ctl_peer peer = { 0 };
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len))
		return NBT_EIO;
	peer.uid = cred.uid;
	peer.gid = cred.gid;
	len = sizeof(peer.groups);
	/* ERANGE: more groups than we look at; the kernel then gives none, so none count. */
	if (!getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, peer.groups, &len))
		peer.ngroups = len / sizeof(*peer.groups);
	else if (errno != ERANGE)
		return NBT_EIO;
	*ret = peer;
	return 0;
}
