/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request to the node daemon over its control protocol (winsome-control(7)) and its answer, within
 * a time. Layer: lib; for libnetbt and libnss_netbt. Connects, asks, closes; keeps nothing.
 */
#pragma once

#include "lib/scan.h"

/* The sockets of winsd and netbtd, and the one for everybody that answers node-resolve alone. */
#define DAEMON_WINSD   "/run/winsome/winsd.sock"
#define DAEMON_NETBTD  "/run/winsome/netbtd.sock"
#define DAEMON_RESOLVE "/run/winsome/resolve.sock"

#define DAEMON_ANSWER_MAX 32768 /* a longer one is not the answer to a question of ours */

struct daemon_answer {
	size_t len;
	char text[DAEMON_ANSWER_MAX];
};

/* Room for a request about a name. */
#define DAEMON_LINE_MAX 3000

/* Milliseconds of the monotonic clock. */
long long daemon_now(void);

/*
 * Gives the line, which ends in a newline, to the daemon at the path, and waits for its answer until
 * the deadline. 0 and *ret, or negative enum nbt_error: NBT_ERR_NO_DAEMON, NBT_ERR_TIMEOUT,
 * NBT_ERR_FORMAT, NBT_ERR_SYSTEM with errno.
 */
int daemon_ask(const char *path, const char *line, long long deadline, struct daemon_answer *ret);

/* The request line of a command about a name: more is further arguments as JSON, ",\"wait\":true".
 * The name is text as nb_key_print gives it. */
void daemon_line(
    char ret[static DAEMON_LINE_MAX], const char *command, const char *name, const char *more);

/* The answer's "result", or nothing when it is a refusal. */
struct span daemon_result(const struct daemon_answer *a);
/* What a refusal means as an enum nbt_error; its sentence into why when that is not NULL. */
int daemon_refusal(const struct daemon_answer *a, char *why, size_t why_size);
