/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Server and client of the control protocol against one another over a real socket: the server's loop
 * runs in a thread of its own, the tests call it. No sleep: what is to be seen is waited for.
 */
#include "ctl/client.h"
#include "ctl/server.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/err.h"

#define BIG (1 << 20)

struct rig {
	char dir[40], path[60];
	uv_loop_t loop;
	uv_async_t stop;
	uv_timer_t timer;
	pthread_t thread;
	struct ctl_server *server;
	struct ctl_call *late; /* answered by the timer */
	_Atomic unsigned handled;
};

static void
on_timer(uv_timer_t *t)
{
	struct rig *rig = t->data;
	struct ctl_call *call = rig->late;

	rig->late = NULL;
	ctl_reply(call, json_pack("{s:s}", "late", "yes"));
}

/* status answers at once, check later, config with a megabyte, scavenge refuses. */
static void
handle(void *arg, struct ctl_call *call)
{
	struct rig *rig = arg;
	char *big;

	atomic_fetch_add(&rig->handled, 1);
	switch (ctl_call_command(call)) {
	case CTL_CMD_CHECK:
		rig->late = call;
		uv_timer_start(&rig->timer, on_timer, 1, 0);
		break;
	case CTL_CMD_CONFIG:
		big = malloc(BIG);
		memset(big, 'x', BIG);
		ctl_reply(call, json_pack("{s:s#}", "text", big, BIG));
		free(big);
		break;
	case CTL_CMD_SCAVENGE:
		ctl_fail(call, CTL_BUSY, "It runs \xe9 %d times.", 2);
		break;
	default:
		ctl_reply(call, json_pack("{s:I, s:b}", "after",
				    (json_int_t)ctl_call_integer(call, "after", 42), "rules",
				    ctl_call_flag(call, "rules")));
	}
}

static void
on_stop(uv_async_t *a)
{
	struct rig *rig = a->data;

	ctl_server_close(rig->server);
	if (rig->late)
		ctl_reply(rig->late, json_object());
	uv_close((uv_handle_t *)&rig->timer, NULL);
	uv_close((uv_handle_t *)&rig->stop, NULL);
}

static void *
run(void *arg)
{
	struct rig *rig = arg;

	uv_run(&rig->loop, UV_RUN_DEFAULT);
	return NULL;
}

static struct ctl_server_conf
conf_of(struct rig *rig)
{
	return (struct ctl_server_conf){ .path = rig->path,
		.handle = handle,
		.arg = rig,
		.policy = { .self = geteuid(),
		    .readers = CTL_NO_GROUP,
		    .changers = CTL_NO_GROUP,
		    .readers_name = "winsome",
		    .changers_name = "winsome-admin" } };
}

static int
set_up(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	struct ctl_server_conf conf;

	signal(SIGPIPE, SIG_IGN);
	strcpy(rig->dir, "/tmp/ctl-test-XXXXXX");
	assert_non_null(mkdtemp(rig->dir));
	assert_int_equal(chmod(rig->dir, 0755), 0);
	snprintf(rig->path, sizeof(rig->path), "%s/s", rig->dir);
	uv_loop_init(&rig->loop);
	uv_async_init(&rig->loop, &rig->stop, on_stop);
	uv_timer_init(&rig->loop, &rig->timer);
	rig->stop.data = rig->timer.data = rig;
	conf = conf_of(rig);
	assert_int_equal(ctl_server_open(&rig->loop, &conf, &rig->server), 0);
	assert_int_equal(pthread_create(&rig->thread, NULL, run, rig), 0);
	*state = rig;
	return 0;
}

static int
tear_down(void **state)
{
	struct rig *rig = *state;

	uv_async_send(&rig->stop);
	pthread_join(rig->thread, NULL);
	assert_int_equal(uv_loop_close(&rig->loop), 0);
	assert_int_not_equal(access(rig->path, F_OK), 0);
	assert_int_equal(rmdir(rig->dir), 0);
	free(rig);
	return 0;
}

static int
raw(const struct rig *rig)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(addr.sun_path, rig->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static void
say(int fd, const char *text, size_t len)
{
	assert_int_equal(send(fd, text, len, MSG_NOSIGNAL), len);
}

/* All that comes until the end, NUL behind it; the caller frees. */
static char *
hear_all(int fd)
{
	size_t len = 0, cap = 4 << 20;
	char *text = malloc(cap);
	ssize_t n;

	while ((n = recv(fd, text + len, cap - len - 1, 0)) > 0)
		len += (size_t)n;
	text[len] = 0;
	close(fd);
	return text;
}

static void
calls_are_answered_one_after_another(void **state)
{
	struct rig *rig = *state;
	struct ctl_client *c;
	struct ctl_refusal refusal;
	json_t *result;

	assert_int_equal(ctl_client_open(rig->path, 0, &c), 0);
	assert_int_equal(
	    ctl_client_call(c, "events", json_pack("{s:i}", "after", 9), &result, &refusal), 0);
	assert_int_equal(json_integer_value(json_object_get(result, "after")), 9);
	json_decref(result);
	assert_int_equal(ctl_client_call(c, "check", json_object(), &result, &refusal), 0);
	assert_string_equal(json_string_value(json_object_get(result, "late")), "yes");
	json_decref(result);
	assert_int_equal(ctl_client_call(c, "config", json_object(), &result, &refusal), 0);
	assert_int_equal(json_string_length(json_object_get(result, "text")), BIG);
	json_decref(result);
	assert_int_equal(ctl_client_call(c, "status", json_object(), &result, &refusal), 0);
	assert_int_equal(json_integer_value(json_object_get(result, "after")), 42);
	json_decref(result);
	ctl_client_close(c);
}

static void
refusals_carry_code_and_printable_sentence(void **state)
{
	struct rig *rig = *state;
	struct ctl_client *c;
	struct ctl_refusal refusal;
	json_t *result = json_null();

	assert_int_equal(ctl_client_open(rig->path, 0, &c), 0);
	assert_int_equal(ctl_client_call(c, "scavenge", json_object(), &result, &refusal), 0);
	assert_null(result);
	assert_string_equal(refusal.code, "busy");
	assert_string_equal(refusal.message, "It runs ? 2 times.");
	assert_int_equal(ctl_client_call(c, "show", json_object(), &result, &refusal), 0);
	assert_string_equal(refusal.code, "missing-argument");
	assert_int_equal(atomic_load(&rig->handled), 1); /* the handler saw good calls alone */
	ctl_client_close(c);
}

/* The first is answered late; the ones behind it wait for it. */
static void
pipelined_requests_are_answered_in_their_order(void **state)
{
	struct rig *rig = *state;
	static const char requests[] = "{\"id\":1,\"command\":\"check\"}\n"
				       "{\"id\":2,\"command\":\"status\"}\n"
				       "nonsense\n"
				       "{\"id\":4,\"command\":\"check\"}\n"
				       "{\"id\":5,\"command\":\"scavenge\"}\n";
	int fd = raw(rig);
	char *text, *p;

	say(fd, requests, sizeof(requests) - 1);
	shutdown(fd, SHUT_WR);
	p = text = hear_all(fd);
	for (int id = 1; id <= 5; id++) {
		char head[20];

		snprintf(head, sizeof(head), id == 3 ? "{\"id\":null," : "{\"id\":%d,", id);
		assert_memory_equal(p, head, strlen(head));
		p = strchr(p, '\n') + 1;
	}
	assert_int_equal(*p, 0);
	free(text);
}

static char *
line_of(size_t len)
{
	char *line = malloc(len);

	memset(line, ' ', len);
	memcpy(line, "{\"command\":\"status\"}", 20);
	line[len - 1] = '\n';
	return line;
}

static void
lines_end_at_64_kib(void **state)
{
	struct rig *rig = *state;
	char *line = line_of(CTL_LINE_MAX), *text;
	int fd = raw(rig);

	say(fd, line, CTL_LINE_MAX);
	shutdown(fd, SHUT_WR);
	text = hear_all(fd);
	assert_non_null(strstr(text, "\"ok\":true"));
	free(text);
	free(line);

	line = line_of(CTL_LINE_MAX + 1);
	fd = raw(rig);
	say(fd, line, CTL_LINE_MAX + 1);
	text = hear_all(fd);
	assert_non_null(strstr(text, "\"too-long\""));
	assert_non_null(strchr(text, '\n'));
	assert_string_equal(strchr(text, '\n'), "\n"); /* told once, then closed */
	free(text);
	free(line);
}

static void
connection_65_is_told_to_come_later(void **state)
{
	struct rig *rig = *state;
	struct ctl_client *c[CTL_CONNECTIONS_MAX], *more;
	struct ctl_refusal refusal;
	json_t *result;
	int r;

	for (int i = 0; i < CTL_CONNECTIONS_MAX; i++) {
		assert_int_equal(ctl_client_open(rig->path, 0, &c[i]), 0);
		assert_int_equal(
		    ctl_client_call(c[i], "status", json_object(), &result, &refusal), 0);
		assert_non_null(result);
		json_decref(result);
	}
	assert_int_equal(ctl_client_open(rig->path, 0, &more), 0);
	assert_int_equal(ctl_client_call(more, "status", json_object(), &result, &refusal), 0);
	assert_null(result);
	assert_string_equal(refusal.code, "busy");
	ctl_client_close(more);
	ctl_client_close(c[0]);
	/* The place is free once the server saw the close; until then the answer is "busy". */
	do {
		assert_int_equal(ctl_client_open(rig->path, 0, &more), 0);
		r = ctl_client_call(more, "status", json_object(), &result, &refusal);
		assert_int_equal(r, 0);
		ctl_client_close(more);
	} while (!result);
	json_decref(result);
	for (int i = 1; i < CTL_CONNECTIONS_MAX; i++)
		ctl_client_close(c[i]);
}

/* What the machine lets a sender leave in a socket, as answers of a megabyte. */
static unsigned
answers_in_a_socket(void)
{
	FILE *f = fopen("/proc/sys/net/core/wmem_default", "re");
	unsigned size = 0;

	if (f) {
		assert_int_equal(fscanf(f, "%u", &size), 1);
		fclose(f);
	}
	return size / BIG;
}

/* A caller sends 200 requests for a megabyte and reads nothing: the server works on one at a time
 * and stops when the socket is full; it goes on when the caller reads. */
static void
who_does_not_read_is_not_answered_further(void **state)
{
	struct rig *rig = *state;
	static const char request[] = "{\"command\":\"config\"}\n";
	static const unsigned total = 200;
	struct ctl_client *other;
	struct ctl_refusal refusal;
	json_t *result;
	int fd = raw(rig);
	size_t len = 0;
	char *text = malloc(BIG);
	ssize_t n;

	for (unsigned i = 0; i < total; i++)
		say(fd, request, sizeof(request) - 1);
	assert_int_equal(ctl_client_open(rig->path, 0, &other), 0);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(
		    ctl_client_call(other, "status", json_object(), &result, &refusal), 0);
		json_decref(result);
	}
	/* At most one more is under way. */
	assert_in_range(atomic_load(&rig->handled) - 50, 0, answers_in_a_socket() + 1);
	shutdown(fd, SHUT_WR);
	while ((n = recv(fd, text, BIG, 0)) > 0)
		len += (size_t)n;
	assert_true(len > (size_t)total * BIG);
	free(text);
	close(fd);
	ctl_client_close(other);
}

static void
a_caller_who_leaves_before_the_answer_harms_nothing(void **state)
{
	struct rig *rig = *state;
	struct ctl_client *c;
	struct ctl_refusal refusal;
	json_t *result;

	for (int i = 0; i < 20; i++) {
		int fd = raw(rig);

		say(fd, "{\"command\":\"config\"}\n{\"comm", 27);
		close(fd);
	}
	assert_int_equal(ctl_client_open(rig->path, 0, &c), 0);
	assert_int_equal(ctl_client_call(c, "status", json_object(), &result, &refusal), 0);
	json_decref(result);
	ctl_client_close(c);
}

static void
a_call_open_at_the_close_may_still_be_answered(void **state)
{
	struct rig *rig = *state;
	int fd = raw(rig);

	/* Behind the answer to the first the second is open, or answered a millisecond later. */
	say(fd, "{\"command\":\"status\"}\n{\"command\":\"check\"}\n", 41);
	assert_int_equal(recv(fd, &(char){ 0 }, 1, 0), 1);
	close(fd); /* and tear_down closes the server */
}

static int
ask_as_nobody(const struct rig *rig, const char *command)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct ctl_client *c;
		struct ctl_refusal refusal = { .code = "" };
		json_t *result = NULL;

		if (geteuid() == 0 && (setgid(65534) || setuid(65534)))
			_exit(3);
		if (ctl_client_open(rig->path, 0, &c) ||
		    ctl_client_call(c, command, json_object(), &result, &refusal))
			_exit(4);
		_exit(result ? 0 : strcmp(refusal.code, "denied") ? 5 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 6;
}

static void
strangers_are_sent_away(void **state)
{
	struct rig *rig = *state;

	if (geteuid())
		skip(); /* only root can become a stranger to itself */
	assert_int_equal(ask_as_nobody(rig, "status"), 1);
}

static void
readers_may_read_and_not_change(void **state)
{
	struct rig *rig = *state, other = { .late = NULL };
	struct ctl_server_conf conf;

	if (geteuid())
		skip();
	snprintf(other.path, sizeof(other.path), "%s/r", rig->dir);
	uv_loop_init(&other.loop);
	uv_async_init(&other.loop, &other.stop, on_stop);
	uv_timer_init(&other.loop, &other.timer);
	other.stop.data = other.timer.data = &other;
	conf = conf_of(&other);
	conf.policy.readers = 65534;
	assert_int_equal(ctl_server_open(&other.loop, &conf, &other.server), 0);
	assert_int_equal(pthread_create(&other.thread, NULL, run, &other), 0);
	assert_int_equal(ask_as_nobody(&other, "status"), 0);
	assert_int_equal(ask_as_nobody(&other, "scavenge"), 1);
	uv_async_send(&other.stop);
	pthread_join(other.thread, NULL);
	assert_int_equal(uv_loop_close(&other.loop), 0);
}

static void
a_path_in_use_is_refused_and_a_dead_socket_replaced(void **state)
{
	struct rig *rig = *state;
	struct ctl_server_conf conf = conf_of(rig);
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct ctl_server *second;
	uv_loop_t loop;
	char path[200];
	int fd;

	uv_loop_init(&loop);
	assert_int_equal(ctl_server_open(&loop, &conf, &second), NBT_EBUSY);

	snprintf(path, sizeof(path), "%s/dead", rig->dir);
	strcpy(addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	close(fd);
	conf.path = path;
	assert_int_equal(ctl_server_open(&loop, &conf, &second), 0);
	ctl_server_close(second);
	uv_run(&loop, UV_RUN_DEFAULT);

	conf.path = rig->dir;
	assert_int_equal(ctl_server_open(&loop, &conf, &second), NBT_EEXIST);
	snprintf(path, sizeof(path), "%s/none/s", rig->dir);
	conf.path = path;
	assert_int_equal(ctl_server_open(&loop, &conf, &second), NBT_ENOENT);
	snprintf(path, sizeof(path), "/%0107d", 0);
	assert_int_equal(ctl_server_open(&loop, &conf, &second), NBT_EINVAL);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
}

static void
a_client_says_why_it_cannot_connect(void **state)
{
	struct rig *rig = *state;
	struct ctl_client *c;
	char path[200];

	snprintf(path, sizeof(path), "%s/none", rig->dir);
	assert_int_equal(ctl_client_open(path, 0, &c), NBT_ENOENT);
	snprintf(path, sizeof(path), "/%0107d", 0);
	assert_int_equal(ctl_client_open(path, 0, &c), NBT_EINVAL);
}

#define ON_RIG(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ON_RIG(calls_are_answered_one_after_another),
		ON_RIG(refusals_carry_code_and_printable_sentence),
		ON_RIG(pipelined_requests_are_answered_in_their_order),
		ON_RIG(lines_end_at_64_kib),
		ON_RIG(connection_65_is_told_to_come_later),
		ON_RIG(who_does_not_read_is_not_answered_further),
		ON_RIG(a_caller_who_leaves_before_the_answer_harms_nothing),
		ON_RIG(a_call_open_at_the_close_may_still_be_answered),
		ON_RIG(strangers_are_sent_away),
		ON_RIG(readers_may_read_and_not_change),
		ON_RIG(a_path_in_use_is_refused_and_a_dead_socket_replaced),
		ON_RIG(a_client_says_why_it_cannot_connect),
	};

	return cmocka_run_group_tests_name("ctl_server", tests, NULL, NULL);
}
