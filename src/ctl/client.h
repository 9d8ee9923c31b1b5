/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calling end of the control protocol, blocking, for tools. Layer: ctl. Owns one connection.
 */
#pragma once

#include <jansson.h>

struct ctl_client;

/* What a server said when it refused. */
struct ctl_refusal {
	char code[40];
	char message[1024];
};

#define CTL_RESPONSE_MAX (64 << 20) /* bytes of one answer; a longer one is no server of ours */

/*
 * Connects to the socket at path. timeout: seconds to wait for each answer, 0 = for ever.
 * NBT_ENOENT there is no socket, NBT_EDENIED, NBT_ECLOSED nobody listens, NBT_EINVAL the path is too
 * long, NBT_ENOMEM, NBT_EIO.
 */
int ctl_client_open(const char *path, unsigned timeout, struct ctl_client **ret);
void ctl_client_close(struct ctl_client *c); /* accepts NULL */

/*
 * Gives a command and waits for its answer. 0 with *ret_result (the caller's) when it was done, or
 * with *ret_result NULL and *ret_refusal when it was refused. Negative, and the connection of no
 * further use: NBT_ECLOSED, NBT_ETIMEOUT, NBT_EFORMAT the answer is no answer, NBT_EIO, NBT_ENOMEM.
 */
int ctl_client_call(struct ctl_client *c, const char *command, json_t *take_arguments,
    json_t **ret_result, struct ctl_refusal *ret_refusal);
