/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libnetbt against the real server of the control protocol, whose handler gives the answers of a
 * node: what is asked arrives, what is answered comes back, and every call ends in its time.
 */
#include <netbt/netbt.h>

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <cmocka.h>

#include "ctl/server.h"

#define PATIENCE_MS 60000

struct rig {
	char dir[40], path[60];
	uv_loop_t loop;
	uv_async_t stop;
	pthread_t thread;
	struct ctl_server *server;
	const char *answer;            /* JSON; NULL: keep the call */
	enum ctl_code code;            /* when answer is "" */
	char command[40], asked[1400]; /* what came */
	struct ctl_call *kept;
	struct nbt_options options;
};

static void
handle(void *arg, struct ctl_call *call)
{
	struct rig *rig = arg;
	char *asked = json_dumps(ctl_call_arguments(call), JSON_COMPACT | JSON_SORT_KEYS);

	snprintf(
	    rig->command, sizeof(rig->command), "%s", ctl_command(ctl_call_command(call))->name);
	snprintf(rig->asked, sizeof(rig->asked), "%s", asked);
	free(asked);
	if (!rig->answer)
		rig->kept = call;
	else if (!rig->answer[0])
		ctl_fail(call, rig->code, "It is \"so\".");
	else
		ctl_reply(call, json_loads(rig->answer, 0, NULL));
}

static void
on_stop(uv_async_t *a)
{
	struct rig *rig = a->data;

	ctl_server_close(rig->server);
	if (rig->kept)
		ctl_reply(rig->kept, json_object());
	uv_close((uv_handle_t *)&rig->stop, NULL);
}

static void *
run(void *arg)
{
	struct rig *rig = arg;

	uv_run(&rig->loop, UV_RUN_DEFAULT);
	return NULL;
}

static int
set_up(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	struct ctl_server_conf conf = { .handle = handle, .arg = rig };

	signal(SIGPIPE, SIG_IGN);
	strcpy(rig->dir, "/tmp/lib-test-XXXXXX");
	assert_non_null(mkdtemp(rig->dir));
	snprintf(rig->path, sizeof(rig->path), "%s/s", rig->dir);
	uv_loop_init(&rig->loop);
	uv_async_init(&rig->loop, &rig->stop, on_stop);
	rig->stop.data = rig;
	conf.path = rig->path;
	conf.policy = (struct ctl_policy){
		.self = geteuid(), .readers = CTL_NO_GROUP, .changers = CTL_NO_GROUP
	};
	assert_int_equal(ctl_server_open(&rig->loop, &conf, &rig->server), 0);
	assert_int_equal(pthread_create(&rig->thread, NULL, run, rig), 0);
	nbt_options_init(&rig->options);
	rig->options.socket = rig->path;
	rig->options.timeout_ms = PATIENCE_MS;
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
	assert_int_equal(rmdir(rig->dir), 0);
	free(rig);
	return 0;
}

static struct nbt_name
name(const char *text)
{
	struct nbt_name n;

	assert_int_equal(nbt_name_parse(text, 0, &n), 0);
	return n;
}

static void
name_is_resolved_by_the_daemon(void **state)
{
	struct rig *rig = *state;
	struct nbt_name n = name("B\\x5cETA<20>.LAB");
	struct nbt_answer a;

	rig->answer =
	    "{\"found\":true,\"source\":\"wins\",\"group\":true,\"addresses\":[\"192.0.2.2\","
	    "\"198.51.100.4\"],\"from\":\"192.0.2.1\"}";
	assert_int_equal(nbt_resolve(&n, &rig->options, &a), 0);
	assert_string_equal(rig->command, "node-resolve");
	assert_string_equal(rig->asked, "{\"name\":\"B\\\\x5cETA<20>.LAB\"}");
	assert_int_equal(a.naddress, 2);
	assert_true(a.group);
	assert_int_equal(a.address[0].s_addr, inet_addr("192.0.2.2"));
	assert_int_equal(a.address[1].s_addr, inet_addr("198.51.100.4"));
	assert_int_equal(a.from.s_addr, inet_addr("192.0.2.1"));
}

static void
name_the_daemon_does_not_know_is_not_asked_for_again(void **state)
{
	struct rig *rig = *state;
	struct nbt_name n = name("BETA<20>");
	struct nbt_answer a = { .naddress = 9 };

	rig->answer = "{\"found\":false}";
	assert_int_equal(nbt_resolve(&n, &rig->options, &a), NBT_ERR_NOT_FOUND);
	assert_int_equal(a.naddress, 9);
	rig->answer = "{\"found\":true,\"addresses\":[\"nonsense\"]}";
	assert_int_equal(nbt_resolve(&n, &rig->options, &a), NBT_ERR_FORMAT);
}

static void
registering_waits_and_tells_who_is_in_the_way(void **state)
{
	struct rig *rig = *state;
	struct nbt_name n = name("ALPHA<20>");
	char why[100] = "";

	rig->answer = "{\"name\":\"ALPHA<20>\",\"names\":[{\"interface\":\"eth0\",\"state\":"
		      "\"Registered\",\"offender\":null}],\"ghosts\":[]}";
	assert_int_equal(nbt_register(&n, 1, &rig->options, why, sizeof(why)), 0);
	assert_string_equal(rig->command, "node-add");
	assert_string_equal(rig->asked, "{\"group\":true,\"name\":\"ALPHA<20>\",\"wait\":true}");
	rig->answer =
	    "{\"name\":\"ALPHA<20>\",\"names\":[{\"interface\":\"eth0\",\"state\":"
	    "\"Registered\",\"offender\":null},{\"interface\":\"eth1\",\"state\":\"Conflict\","
	    "\"offender\":\"192.0.2.66\"}],\"ghosts\":[]}";
	assert_int_equal(nbt_register(&n, 0, &rig->options, why, sizeof(why)), NBT_ERR_REFUSED);
	assert_string_equal(why, "on eth1 192.0.2.66 has the name");
	assert_int_equal(nbt_register(&n, 0, &rig->options, NULL, 0), NBT_ERR_REFUSED);
}

static void
refusals_are_errors_with_the_daemons_words(void **state)
{
	static const struct {
		enum ctl_code code;
		int error;
	} row[] = { { CTL_DENIED, NBT_ERR_DENIED }, { CTL_BUSY, NBT_ERR_BUSY },
		{ CTL_EXISTS, NBT_ERR_EXISTS }, { CTL_NO_SUCH_RECORD, NBT_ERR_NOT_FOUND },
		{ CTL_BAD_ARGUMENT, NBT_ERR_INVALID }, { CTL_REFUSED, NBT_ERR_REFUSED } };
	struct rig *rig = *state;
	struct nbt_name n = name("ALPHA<20>");

	rig->answer = "";
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		char why[100] = "";

		rig->code = row[i].code;
		assert_int_equal(nbt_release(&n, &rig->options, why, sizeof(why)), row[i].error);
		assert_string_equal(rig->command, "node-remove");
		assert_string_equal(why, "It is \"so\".");
	}
}

static void
silent_daemon_costs_the_timeout_and_no_more(void **state)
{
	struct rig *rig = *state;
	struct nbt_name n = name("ALPHA<20>");
	struct nbt_answer a;

	rig->options.timeout_ms = 1;
	assert_int_equal(nbt_resolve(&n, &rig->options, &a), NBT_ERR_TIMEOUT);
}

static void
without_a_daemon_nothing_is_registered(void **state)
{
	struct nbt_options o;
	struct nbt_name n = name("ALPHA<20>");
	char why[100] = "";

	nbt_options_init(&o);
	o.socket = "/nowhere/s";
	assert_int_equal(nbt_register(&n, 0, &o, why, sizeof(why)), NBT_ERR_NO_DAEMON);
	assert_string_equal(why, nbt_error_text(NBT_ERR_NO_DAEMON));
	o.socket = "";
	assert_int_equal(nbt_release(&n, &o, NULL, 0), NBT_ERR_NO_DAEMON);
}

/* No daemon is asked about it, so there are no words of one to repeat. */
static void
name_that_cannot_be_one_is_refused_without_a_daemon(void **state)
{
	struct nbt_name n = { .scope = "A..B" };
	char why[100];

	memset(why, 'x', sizeof(why));
	assert_int_equal(nbt_register(&n, 0, NULL, why, sizeof(why)), NBT_ERR_INVALID);
	assert_string_equal(why, nbt_error_text(NBT_ERR_INVALID));
	memset(why, 'x', sizeof(why));
	assert_int_equal(nbt_release(&n, NULL, why, sizeof(why)), NBT_ERR_INVALID);
	assert_string_equal(why, nbt_error_text(NBT_ERR_INVALID));
}

/* Somebody listens, says what is no answer, and hangs up. */
static void
nonsense_is_no_answer(void **state)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	static const char *const lines[] = { "", "\n", "nonsense\n", "{\"ok\":false}\n",
		"{\"ok\":true,\"result\":{}}\n" };
	static const int errors[] = { NBT_ERR_NO_DAEMON, NBT_ERR_FORMAT, NBT_ERR_FORMAT,
		NBT_ERR_FORMAT, NBT_ERR_NOT_FOUND };
	char dir[] = "/tmp/lib-test-XXXXXX";
	struct nbt_name n = name("ALPHA<20>");
	struct nbt_options o;
	struct nbt_answer a;
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_non_null(mkdtemp(dir));
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/s", dir);
	assert_int_equal(bind(listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(listener, 1), 0);
	nbt_options_init(&o);
	o.socket = addr.sun_path;
	o.no_broadcast = 1;
	o.timeout_ms = PATIENCE_MS;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		pid_t child = fork();

		if (child == 0) {
			int fd = accept(listener, NULL, NULL);
			char buf[2000];

			_exit(read(fd, buf, sizeof(buf)) < 0 ||
			      write(fd, lines[i], strlen(lines[i])) < 0);
		}
		/* The name is not found by asking nobody, once there is no daemon. */
		assert_int_equal(nbt_resolve(&n, &o, &a),
		    errors[i] == NBT_ERR_NO_DAEMON ? NBT_ERR_NOT_FOUND : errors[i]);
		assert_int_equal(waitpid(child, NULL, 0), child);
	}
	close(listener);
	unlink(addr.sun_path);
	rmdir(dir);
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_RIG(name_is_resolved_by_the_daemon),
		WITH_RIG(name_the_daemon_does_not_know_is_not_asked_for_again),
		WITH_RIG(registering_waits_and_tells_who_is_in_the_way),
		WITH_RIG(refusals_are_errors_with_the_daemons_words),
		WITH_RIG(silent_daemon_costs_the_timeout_and_no_more),
		cmocka_unit_test(without_a_daemon_nothing_is_registered),
		cmocka_unit_test(name_that_cannot_be_one_is_refused_without_a_daemon),
		cmocka_unit_test(nonsense_is_no_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
