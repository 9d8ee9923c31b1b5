/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The listening end of the control protocol: a Unix socket on a libuv loop. Reads lines, checks them
 * against commands.def and the caller's rights, hands whole calls to one handler, and writes the
 * answers in the order of the requests. Layer: ctl. Owns the socket file and the connections; knows
 * what no command means.
 *
 * One call at a time on a connection: the next line is looked at when the answer to the one before
 * has left. So answers keep their order, and a caller who does not read costs one answer of memory.
 * The program must ignore SIGPIPE: libuv writes to callers who may be gone.
 */
#pragma once

#include <uv.h>

#include "ctl/access.h"
#include "ctl/request.h"

#define CTL_CONNECTIONS_MAX 64

struct ctl_server;
struct ctl_call; /* a request that waits for its answer */

struct ctl_server_conf {
	const char *path; /* of the socket; a dead one in its place is replaced */
	struct ctl_policy policy;
	/* Answers the call with ctl_reply or ctl_fail, exactly once, now or later, always from the
	 * loop's thread; also when the server was closed meanwhile. */
	void (*handle)(void *arg, struct ctl_call *call);
	void *arg;
};

/* NBT_EBUSY another server listens there, NBT_EEXIST something there is no socket, NBT_EINVAL the path
 * is too long, NBT_ENOENT, NBT_EDENIED, NBT_EIO, NBT_ENOMEM. */
int ctl_server_open(uv_loop_t *loop, const struct ctl_server_conf *conf, struct ctl_server **ret);
/* Counts for calls and connections from now on; its texts must live as long as the server. */
void ctl_server_set_policy(struct ctl_server *s, const struct ctl_policy *policy);
/* Removes the socket file and ends the connections; the loop must run on until they are gone, and
 * calls still open be answered, for the memory to go. Accepts NULL. */
void ctl_server_close(struct ctl_server *s);

enum ctl_command_id ctl_call_command(const struct ctl_call *call);
/* The checked arguments, until the call is answered. */
const json_t *ctl_call_arguments(const struct ctl_call *call);
/* Who calls, as the kernel says. */
uid_t ctl_call_uid(const struct ctl_call *call);
/* NULL when the argument was left out. */
const char *ctl_call_text(const struct ctl_call *call, const char *name);
uint64_t ctl_call_integer(const struct ctl_call *call, const char *name, uint64_t otherwise);
bool ctl_call_flag(const struct ctl_call *call, const char *name);

/* The call is gone after either. */
void ctl_reply(struct ctl_call *call, json_t *take_result);
__attribute__((format(printf, 3, 4))) void ctl_fail(
    struct ctl_call *call, enum ctl_code code, const char *format, ...);
