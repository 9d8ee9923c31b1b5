/* SPDX-License-Identifier: Apache-2.0 */
/* The calling end of the control protocol. Layer: ctl. */
#include "ctl/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"

struct ctl_client {
	int fd;
	json_int_t id;
	size_t len, cap; /* of what was read and not yet used */
	char *in;
};

static int
from_errno(int e)
{
	switch (e) {
	case ENOENT:
	case ENOTDIR:
		return NBT_ENOENT;
	case EACCES:
	case EPERM:
		return NBT_EDENIED;
	case ECONNREFUSED:
	case EPIPE:
	case ECONNRESET:
		return NBT_ECLOSED;
	case EAGAIN:
		return NBT_ETIMEOUT;
	}
	return NBT_EIO;
}

static int
connect_to(const char *path, unsigned timeout)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct timeval tv = { .tv_sec = timeout };
	size_t n = strlen(path);
	int fd, e;

	if (n == 0 || n >= sizeof(addr.sun_path))
		return NBT_EINVAL;
	memcpy(addr.sun_path, path, n);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return NBT_EIO;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) ||
	    connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		e = errno;
		close(fd);
		return from_errno(e);
	}
	return fd;
}

int
ctl_client_open(const char *path, unsigned timeout, struct ctl_client **ret)
{
	int fd = connect_to(path, timeout);
	struct ctl_client *c;

	if (fd < 0)
		return fd;
	c = calloc(1, sizeof(*c));
	if (!c) {
		close(fd);
		return NBT_ENOMEM;
	}
	c->fd = fd;
	*ret = c;
	return 0;
}

void
ctl_client_close(struct ctl_client *c)
{
	if (!c)
		return;
	close(c->fd);
	free(c->in);
	free(c);
}

static int
send_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t k = send(fd, p, n, MSG_NOSIGNAL);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return from_errno(errno);
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

static int
make_room(struct ctl_client *c)
{
	size_t cap = c->cap ? 2 * c->cap : 16384;
	char *in;

	if (c->len < c->cap)
		return 0;
	if (cap > CTL_RESPONSE_MAX)
		return NBT_EFORMAT;
	in = realloc(c->in, cap);
	if (!in)
		return NBT_ENOMEM;
	c->in = in;
	c->cap = cap;
	return 0;
}

/* Reads until c->in holds a line; returns the length of it without the newline, or an error. */
static ssize_t
read_line(struct ctl_client *c)
{
	size_t seen = 0;

	for (;;) {
		char *end = c->len > seen ? memchr(c->in + seen, '\n', c->len - seen) : NULL;
		ssize_t k;
		int r;

		if (end)
			return end - c->in;
		seen = c->len;
		r = make_room(c);
		if (r)
			return r;
		k = recv(c->fd, c->in + c->len, c->cap - c->len, 0);
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return k ? from_errno(errno) : NBT_ECLOSED;
		c->len += (size_t)k;
	}
}

/* Takes an answer apart. An answer without id is one to the connection: a refusal at the door. */
static int
take_answer(const json_t *root, json_int_t id, json_t **ret_result, struct ctl_refusal *ret_refusal)
{
	const json_t *their_id = json_object_get(root, "id");
	const json_t *error = json_object_get(root, "error");
	const char *code = json_string_value(json_object_get(error, "code"));
	const char *message = json_string_value(json_object_get(error, "message"));
	json_t *result = json_object_get(root, "result");

	if (json_integer_value(their_id) != id && !(json_is_null(their_id) && error))
		return NBT_EFORMAT;
	if (json_is_true(json_object_get(root, "ok")) && result) {
		*ret_result = json_incref(result);
		return 0;
	}
	if (!code || !message)
		return NBT_EFORMAT;
	snprintf(ret_refusal->code, sizeof(ret_refusal->code), "%s", code);
	snprintf(ret_refusal->message, sizeof(ret_refusal->message), "%s", message);
	*ret_result = NULL;
	return 0;
}

static int
read_answer(struct ctl_client *c, json_t **ret_result, struct ctl_refusal *ret_refusal)
{
	ssize_t n = read_line(c);
	json_t *root;
	int r;

	if (n < 0)
		return (int)n;
	root = json_loadb(c->in, (size_t)n, 0, NULL);
	c->len -= (size_t)n + 1;
	memmove(c->in, c->in + n + 1, c->len);
	r = root ? take_answer(root, c->id, ret_result, ret_refusal) : NBT_EFORMAT;
	json_decref(root);
	return r;
}

int
ctl_client_call(struct ctl_client *c, const char *command, json_t *take_arguments,
    json_t **ret_result, struct ctl_refusal *ret_refusal)
{
	json_t *root = json_pack(
	    "{s:I, s:s, s:o}", "id", ++c->id, "command", command, "arguments", take_arguments);
	char *text = json_dumps(root, JSON_COMPACT);
	int r = text ? send_all(c->fd, text, strlen(text)) : NBT_ENOMEM;

	json_decref(root);
	free(text);
	if (!r)
		r = send_all(c->fd, "\n", 1);
	if (r && r != NBT_ECLOSED)
		return r;
	/* Sent away at the door, the reason may lie there to be read though sending failed. */
	return read_answer(c, ret_result, ret_refusal);
}
