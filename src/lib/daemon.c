/* SPDX-License-Identifier: Apache-2.0 */
/* One request to the node daemon. Layer: lib. Every wait ends at the caller's deadline. */
#include "lib/daemon.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <netbt/netbt.h>

long long
daemon_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int
wait_for(int fd, short events, long long deadline)
{
	for (;;) {
		struct pollfd p = { .fd = fd, .events = events };
		long long left = deadline - daemon_now();
		int n = left > 0 ? poll(&p, 1, left < 3600000 ? (int)left : 3600000) : 0;

		if (n > 0)
			return 0;
		if (left <= 0)
			return NBT_ERR_TIMEOUT;
		if (n < 0 && errno != EINTR)
			return NBT_ERR_SYSTEM;
	}
}

/* A socket whose connections all wait (EAGAIN) is as good as none. */
static int
connect_to(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	size_t n = strlen(path);
	int fd;

	if (n == 0 || n >= sizeof(addr.sun_path))
		return NBT_ERR_INVALID;
	memcpy(addr.sun_path, path, n);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return NBT_ERR_SYSTEM;
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	close(fd);
	return errno == EACCES || errno == EPERM ? NBT_ERR_DENIED : NBT_ERR_NO_DAEMON;
}

static int
send_line(int fd, const char *p, long long deadline)
{
	size_t left = strlen(p);

	while (left) {
		ssize_t n = send(fd, p, left, MSG_NOSIGNAL);
		int r;

		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return NBT_ERR_NO_DAEMON;
		if (n < 0) {
			r = wait_for(fd, POLLOUT, deadline);
			if (r)
				return r;
			continue;
		}
		p += n;
		left -= (size_t)n;
	}
	return 0;
}

static int
receive_line(int fd, long long deadline, struct daemon_answer *ret)
{
	ret->len = 0;
	while (ret->len < sizeof(ret->text)) {
		ssize_t n = recv(fd, ret->text + ret->len, sizeof(ret->text) - ret->len, 0);
		int r;

		if (n == 0)
			return NBT_ERR_NO_DAEMON;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return NBT_ERR_NO_DAEMON;
		if (n < 0) {
			r = wait_for(fd, POLLIN, deadline);
			if (r)
				return r;
			continue;
		}
		ret->len += (size_t)n;
		if (ret->text[ret->len - 1] == '\n')
			return 0;
	}
	return NBT_ERR_FORMAT;
}

int
daemon_ask(const char *path, const char *line, long long deadline, struct daemon_answer *ret)
{
	int fd = connect_to(path), r;

	if (fd < 0)
		return fd;
	r = send_line(fd, line, deadline);
	/* Sent away at the door, the reason may lie there though sending failed. */
	if (!r || r == NBT_ERR_NO_DAEMON)
		r = receive_line(fd, deadline, ret);
	close(fd);
	return r;
}

void
daemon_line(
    char ret[static DAEMON_LINE_MAX], const char *command, const char *name, const char *more)
{
	char escaped[DAEMON_LINE_MAX - 200];
	size_t n = 0;

	/* The name is printable ASCII; of it only these two mean something in JSON. */
	for (; *name && n < sizeof(escaped) - 2; name++) {
		if (*name == '\\' || *name == '"')
			escaped[n++] = '\\';
		escaped[n++] = *name;
	}
	escaped[n] = 0;
	snprintf(ret, DAEMON_LINE_MAX,
	    "{\"id\":1,\"command\":\"%.40s\",\"arguments\":{\"name\":\"%s\"%.80s}}\n", command,
	    escaped, more);
}

struct span
daemon_result(const struct daemon_answer *a)
{
	struct span root = span_of(a->text, a->len);

	if (!span_is_true(span_member(root, "ok")))
		return (struct span){ NULL, NULL };
	return span_member(root, "result");
}

int
daemon_refusal(const struct daemon_answer *a, char *why, size_t why_size)
{
	static const struct {
		const char *code;
		int error;
	} codes[] = { { "denied", NBT_ERR_DENIED }, { "busy", NBT_ERR_BUSY },
		{ "exists", NBT_ERR_EXISTS }, { "no-such-record", NBT_ERR_NOT_FOUND },
		{ "bad-argument", NBT_ERR_INVALID }, { "no-such-command", NBT_ERR_NO_DAEMON } };
	struct span error = span_member(span_of(a->text, a->len), "error");
	char code[40];

	if (!span_text(span_member(error, "code"), code, sizeof(code)))
		return NBT_ERR_FORMAT;
	if (why && why_size)
		(void)span_text(span_member(error, "message"), why, why_size);
	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		if (!strcmp(codes[i].code, code))
			return codes[i].error;
	return NBT_ERR_REFUSED;
}
