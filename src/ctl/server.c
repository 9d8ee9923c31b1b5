/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control protocol's server on libuv. Layer: ctl. A connection lives until its handle is closed
 * and its call is answered, the server until the last connection is gone.
 */
#include "ctl/server.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"

struct ctl_server {
	uv_pipe_t listener;
	struct ctl_server_conf conf;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	bool closing, listener_gone;
	struct conn *conns;
	unsigned nconns;
};

struct ctl_call {
	struct conn *conn;
	struct ctl_request request;
};

struct conn {
	uv_pipe_t pipe;
	uv_write_t write;
	struct ctl_server *server;
	struct conn *next, **back;
	struct ctl_peer peer;
	struct ctl_call call;
	bool answering; /* a call is open or its answer is on the way */
	bool open_call; /* the handler holds the call */
	bool eof;       /* the caller sends no more */
	bool last;      /* close when the answer has left */
	bool gone;      /* the handle is closed */
	char *reply;
	size_t len; /* of what was read and not yet used */
	char in[CTL_LINE_MAX];
};

static void conn_go_on(struct conn *c);

/* ---- the end of things ---- */

static void
server_release(struct ctl_server *s)
{
	if (s->listener_gone && !s->conns)
		free(s);
}

static void
conn_release(struct conn *c)
{
	struct ctl_server *s = c->server;

	if (!c->gone || c->open_call)
		return;
	*c->back = c->next;
	if (c->next)
		c->next->back = c->back;
	s->nconns--;
	free(c->reply);
	free(c);
	server_release(s);
}

static void
on_conn_closed(uv_handle_t *h)
{
	struct conn *c = h->data;

	c->gone = true;
	conn_release(c);
}

static void
conn_close(struct conn *c)
{
	if (!uv_is_closing((uv_handle_t *)&c->pipe))
		uv_close((uv_handle_t *)&c->pipe, on_conn_closed);
}

/* ---- answers ---- */

static void
on_written(uv_write_t *w, int status)
{
	struct conn *c = w->data;

	free(c->reply);
	c->reply = NULL;
	c->answering = false;
	if (status < 0 || c->last)
		conn_close(c);
	else
		conn_go_on(c);
}

static void
send_line(struct conn *c, char *take_line, size_t len)
{
	uv_buf_t buf = uv_buf_init(take_line, (unsigned)len);

	c->reply = take_line;
	c->answering = true;
	c->write.data = c;
	if (!take_line || uv_write(&c->write, (uv_stream_t *)&c->pipe, &buf, 1, on_written))
		conn_close(c);
}

static void
send_error(struct conn *c, json_t *id, const struct ctl_error *error)
{
	size_t len = 0;
	char *line = ctl_response_error(id, error, &len);

	send_line(c, line, len);
}

/* The handler is done with the call: sends the line, unless nobody is there any more. */
static void
finish(struct ctl_call *call, char *take_line, size_t len)
{
	struct conn *c = call->conn;

	ctl_request_release(&call->request);
	c->open_call = false;
	if (uv_is_closing((uv_handle_t *)&c->pipe)) {
		free(take_line);
		conn_release(c);
		return;
	}
	send_line(c, take_line, len);
}

void
ctl_reply(struct ctl_call *call, json_t *take_result)
{
	size_t len = 0;
	char *line = ctl_response_result(call->request.id, take_result, &len);

	finish(call, line, len);
}

void
ctl_fail(struct ctl_call *call, enum ctl_code code, const char *format, ...)
{
	char message[sizeof(((struct ctl_error *)0)->message)];
	struct ctl_error error;
	size_t len = 0;
	char *line;
	va_list ap;

	va_start(ap, format);
	vsnprintf(message, sizeof(message), format, ap);
	va_end(ap);
	ctl_error_set(&error, code, "%s", message);
	line = ctl_response_error(call->request.id, &error, &len);
	finish(call, line, len);
}

/* ---- requests ---- */

static bool
may(struct conn *c, enum ctl_command_id command, struct ctl_error *ret_error)
{
	const struct ctl_policy *p = &c->server->conf.policy;
	const struct ctl_command *cmd = ctl_command(command);

	return ctl_may(cmd->access, &c->peer, p) ||
	       ctl_error_set(ret_error, CTL_DENIED,
		   "The command %s changes something: only root, the server's own user and members "
		   "of the group %s may give it.",
		   cmd->name, p->changers_name ? p->changers_name : "(none)");
}

static void
handle_line(struct conn *c, const char *line, size_t len)
{
	struct ctl_call *call = &c->call;
	struct ctl_error error;

	c->answering = true;
	call->conn = c;
	if (!ctl_request_parse(line, len, &call->request, &error) ||
	    !may(c, call->request.command, &error)) {
		send_error(c, call->request.id, &error);
		ctl_request_release(&call->request);
		return;
	}
	c->open_call = true;
	c->server->conf.handle(c->server->conf.arg, call);
}

static void
refuse_and_close(struct conn *c, enum ctl_code code, const char *sentence)
{
	struct ctl_error error;

	c->last = true;
	ctl_error_set(&error, code, "%s", sentence);
	send_error(c, json_null(), &error);
}

static void
on_buffer(uv_handle_t *h, size_t hint, uv_buf_t *ret)
{
	struct conn *c = h->data;

	*ret = uv_buf_init(c->in + c->len, (unsigned)(sizeof(c->in) - c->len));
}

static void
on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct conn *c = stream->data;

	if (n < 0) {
		c->eof = true; /* what it asked before is still answered: echo ... | nc -U */
		(void)uv_read_stop(stream);
	} else {
		c->len += (size_t)n;
	}
	conn_go_on(c);
}

static void
read_more(struct conn *c)
{
	int r = uv_read_start((uv_stream_t *)&c->pipe, on_buffer, on_read);

	if (r && r != UV_EALREADY)
		conn_close(c);
}

/* Takes the next step of a connection: a line to handle, or more to read, or nothing until the answer
 * under way has left. */
static void
conn_go_on(struct conn *c)
{
	char line[CTL_LINE_MAX];
	char *end;
	size_t n;

	if (uv_is_closing((uv_handle_t *)&c->pipe))
		return;
	if (c->answering) {
		(void)uv_read_stop((uv_stream_t *)&c->pipe);
		return;
	}
	end = memchr(c->in, '\n', c->len);
	if (end) {
		n = (size_t)(end - c->in);
		memcpy(line, c->in, n);
		c->len -= n + 1;
		memmove(c->in, end + 1, c->len);
		handle_line(c, line, n);
	} else if (c->eof) {
		conn_close(c);
	} else if (c->len == sizeof(c->in)) {
		refuse_and_close(c, CTL_TOO_LONG, "A request is at most 65536 bytes long.");
	} else {
		read_more(c);
	}
}

/* ---- connections ---- */

static struct conn *
conn_new(struct ctl_server *s)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->server = s;
	if (uv_pipe_init(s->listener.loop, &c->pipe, 0)) {
		free(c);
		return NULL;
	}
	c->pipe.data = c;
	c->next = s->conns;
	c->back = &s->conns;
	if (c->next)
		c->next->back = &c->next;
	s->conns = c;
	s->nconns++;
	return c;
}

/* A stranger and one too many are told so and sent away, so that they hold nothing. */
static void
welcome(struct conn *c)
{
	const struct ctl_policy *p = &c->server->conf.policy;
	char sentence[300];
	uv_os_fd_t fd;

	if (uv_fileno((uv_handle_t *)&c->pipe, &fd) || ctl_peer_get(fd, &c->peer)) {
		conn_close(c);
	} else if (!ctl_may(CTL_ACCESS_READ, &c->peer, p)) {
		snprintf(sentence, sizeof(sentence),
		    "Only root, the server's own user and members of the groups %s and %s may talk "
		    "to this server.",
		    p->readers_name ? p->readers_name : "(none)",
		    p->changers_name ? p->changers_name : "(none)");
		refuse_and_close(c, CTL_DENIED, sentence);
	} else if (c->server->nconns > CTL_CONNECTIONS_MAX) {
		refuse_and_close(c, CTL_BUSY, "All control connections are in use.");
	} else {
		conn_go_on(c);
	}
}

static void
on_connection(uv_stream_t *listener, int status)
{
	struct ctl_server *s = listener->data;
	struct conn *c = status < 0 ? NULL : conn_new(s);

	if (!c)
		return;
	if (uv_accept(listener, (uv_stream_t *)&c->pipe))
		conn_close(c);
	else
		welcome(c);
}

/* ---- the server ---- */

/* libuv says "access denied" of a folder that is not there. */
static int
check_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[sizeof(((struct ctl_server *)0)->path)] = ".";

	if (slash == path)
		return 0;
	if (slash)
		snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
	return access(folder, F_OK) ? NBT_ENOENT : 0;
}

/* Makes room at path: a socket nobody listens on is a dead server's and goes. */
static int
clear_path(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct stat st;
	int fd, r;

	if (lstat(path, &st))
		return errno == ENOENT ? check_folder(path) : NBT_EDENIED;
	if (!S_ISSOCK(st.st_mode))
		return NBT_EEXIST;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return NBT_EIO;
	memcpy(addr.sun_path, path, strlen(path) + 1);
	r = connect(fd, (struct sockaddr *)&addr, sizeof(addr)) ? -errno : 0;
	close(fd);
	if (r != -ECONNREFUSED)
		return NBT_EBUSY;
	return unlink(path) ? NBT_EDENIED : 0;
}

static int
from_uv(int r)
{
	switch (r) {
	case UV_EACCES:
	case UV_EPERM:
	case UV_EROFS:
		return NBT_EDENIED;
	case UV_ENOMEM:
		return NBT_ENOMEM;
	}
	return NBT_EIO;
}

static void
on_listener_closed(uv_handle_t *h)
{
	struct ctl_server *s = h->data;

	s->listener_gone = true;
	server_release(s);
}

/* Everybody may connect; who calls is asked of the kernel, and strangers get a sentence rather than
 * a bare "permission denied". */
static int
listen_at(struct ctl_server *s)
{
	uv_stream_t *listener = (uv_stream_t *)&s->listener;
	int r = uv_pipe_bind(&s->listener, s->path);

	if (!r)
		r = uv_pipe_chmod(&s->listener, UV_READABLE | UV_WRITABLE);
	if (!r)
		r = uv_listen(listener, CTL_CONNECTIONS_MAX, on_connection);
	return r ? from_uv(r) : 0;
}

int
ctl_server_open(uv_loop_t *loop, const struct ctl_server_conf *conf, struct ctl_server **ret)
{
	size_t n = strlen(conf->path);
	struct ctl_server *s;
	int r;

	if (n == 0 || n >= sizeof(s->path))
		return NBT_EINVAL;
	r = clear_path(conf->path);
	if (r)
		return r;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NBT_ENOMEM;
	if (uv_pipe_init(loop, &s->listener, 0)) {
		free(s);
		return NBT_ENOMEM;
	}
	s->conf = *conf;
	memcpy(s->path, conf->path, n + 1);
	s->conf.path = s->path;
	s->listener.data = s;
	r = listen_at(s);
	if (r) {
		uv_close((uv_handle_t *)&s->listener, on_listener_closed);
		return r;
	}
	*ret = s;
	return 0;
}

void
ctl_server_set_policy(struct ctl_server *s, const struct ctl_policy *policy)
{
	s->conf.policy = *policy;
}

void
ctl_server_close(struct ctl_server *s)
{
	if (!s || s->closing)
		return;
	s->closing = true;
	for (struct conn *c = s->conns; c; c = c->next)
		conn_close(c);
	/* libuv unlinks the socket file when the handle closes. */
	uv_close((uv_handle_t *)&s->listener, on_listener_closed);
}

/* ---- a call's arguments ---- */

enum ctl_command_id
ctl_call_command(const struct ctl_call *call)
{
	return call->request.command;
}

uid_t
ctl_call_uid(const struct ctl_call *call)
{
	return call->conn->peer.uid;
}

const json_t *
ctl_call_arguments(const struct ctl_call *call)
{
	return call->request.arguments;
}

const char *
ctl_call_text(const struct ctl_call *call, const char *name)
{
	return json_string_value(json_object_get(call->request.arguments, name));
}

uint64_t
ctl_call_integer(const struct ctl_call *call, const char *name, uint64_t otherwise)
{
	const json_t *v = json_object_get(call->request.arguments, name);

	return v ? (uint64_t)json_integer_value(v) : otherwise;
}

bool
ctl_call_flag(const struct ctl_call *call, const char *name)
{
	return json_is_true(json_object_get(call->request.arguments, name));
}
