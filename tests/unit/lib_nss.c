/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libnss_netbt in a real getent: in a mount namespace of its own, where nsswitch.conf names nothing
 * else and /run is empty but for the socket of a real control server with canned answers. Needs root.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <cmocka.h>

#include "ctl/server.h"

#define SOCKET    "/run/winsome/resolve.sock"
#define MODULE    NSS_DIR "/libnss_netbt.so.2"
#define NOT_FOUND 2 /* getent's exit status */
#define NOBODY    65534

struct rig {
	uv_loop_t loop;
	uv_async_t stop;
	pthread_t thread;
	struct ctl_server *server;
	const char *answer; /* JSON; NULL: keep the calls */
	_Atomic unsigned asked;
	char arguments[200];
	struct ctl_call *kept[8];
	unsigned nkept;
};

static char preload[300]; /* the sanitizer's library, which must come first in getent */

static void
handle(void *arg, struct ctl_call *call)
{
	struct rig *rig = arg;
	char *text = json_dumps(ctl_call_arguments(call), JSON_COMPACT);

	assert_int_equal(ctl_call_command(call), CTL_CMD_NODE_RESOLVE);
	snprintf(rig->arguments, sizeof(rig->arguments), "%s", text);
	free(text);
	rig->asked++;
	if (rig->answer)
		ctl_reply(call, json_loads(rig->answer, 0, NULL));
	else
		rig->kept[rig->nkept++ % 8] = call;
}

static void
on_stop(uv_async_t *a)
{
	struct rig *rig = a->data;

	ctl_server_close(rig->server);
	for (unsigned i = 0; i < rig->nkept; i++)
		ctl_reply(rig->kept[i], json_object());
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
	struct ctl_server_conf conf = { .path = SOCKET, .handle = handle, .arg = rig };

	uv_loop_init(&rig->loop);
	uv_async_init(&rig->loop, &rig->stop, on_stop);
	rig->stop.data = rig;
	conf.policy = (struct ctl_policy){
		.self = (uid_t)-1, .readers = CTL_NO_GROUP, .changers = CTL_NO_GROUP, .anyone = true
	};
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
	free(rig);
	return 0;
}

/* Becomes getent, its output in fd. */
static void
become_getent(const char *database, const char *name, uid_t uid, int fd)
{
	dup2(fd, STDOUT_FILENO);
	if (uid && (setgid(uid) || setuid(uid)))
		_exit(99);
	setenv("LD_LIBRARY_PATH", NSS_DIR, 1);
	setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
	if (preload[0])
		setenv("LD_PRELOAD", preload, 1);
	execlp("getent", "getent", database, name, (char *)NULL);
	_exit(98);
}

/* Runs getent; returns its exit status. */
static int
getent_as(uid_t uid, const char *database, const char *name, char *ret, size_t cap)
{
	size_t n = 0;
	ssize_t got;
	int fd[2], status;
	pid_t child;

	assert_int_equal(pipe(fd), 0);
	child = fork();
	if (child == 0)
		become_getent(database, name, uid, fd[1]);
	close(fd[1]);
	while ((got = read(fd[0], ret + n, cap - 1 - n)) > 0)
		n += (size_t)got;
	ret[n] = 0;
	close(fd[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int
getent(const char *database, const char *name, char *ret, size_t cap)
{
	return getent_as(0, database, name, ret, cap);
}

static void
host_is_found_by_its_workstation_name(void **state)
{
	struct rig *rig = *state;
	char out[500];

	rig->answer = "{\"found\":true,\"group\":false,\"addresses\":[\"192.0.2.20\"]}";
	assert_int_equal(getent("hosts", "fileserver", out, sizeof(out)), 0);
	assert_string_equal(out, "192.0.2.20      fileserver\n");
	assert_string_equal(rig->arguments, "{\"name\":\"FILESERVER<00>\"}");
	assert_int_equal(rig->asked, 1);
}

static void
everybody_may_ask(void **state)
{
	struct rig *rig = *state;
	char out[500], command[600];

	snprintf(command, sizeof(command), "setpriv --reuid=%d --clear-groups test -r '%s'", NOBODY,
	    MODULE);
	if (system(command))
		skip(); /* the folder of the build is closed to others */
	rig->answer = "{\"found\":true,\"addresses\":[\"192.0.2.20\"]}";
	assert_int_equal(getent_as(NOBODY, "hosts", "fileserver", out, sizeof(out)), 0);
}

/* More than fit into the buffer that glibc comes with first. */
static void
all_addresses_are_given(void **state)
{
	static const char *const databases[] = { "ahosts", "ahostsv4", "hosts" };
	struct rig *rig = *state;
	char answer[1000] = "{\"found\":true,\"addresses\":[", out[8000], address[40];

	for (int i = 0; i < 25; i++)
		sprintf(answer + strlen(answer), "%s\"192.0.2.%d\"", i ? "," : "", 100 + i);
	strcat(answer, "]}");
	rig->answer = answer;
	for (size_t d = 0; d < 3; d++) {
		assert_int_equal(getent(databases[d], "MANY", out, sizeof(out)), 0);
		for (int i = 0; i < 25; i++) {
			snprintf(address, sizeof(address), "192.0.2.%d ", 100 + i);
			assert_non_null(strstr(out, address));
		}
	}
	rig->answer = NULL; /* it is gone with this function */
}

static void
names_no_computer_can_have_are_not_asked_for(void **state)
{
	static const char *const names[] = { "www.example.com", "sixteen-letters-", "*x" };
	struct rig *rig = *state;
	char out[500];

	rig->answer = "{\"found\":true,\"addresses\":[\"192.0.2.20\"]}";
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(getent("hosts", names[i], out, sizeof(out)), NOT_FOUND);
	assert_int_equal(rig->asked, 0);
	assert_int_equal(getent("hosts", "fifteen-letters", out, sizeof(out)), 0);
	assert_int_equal(rig->asked, 1);
}

static void
what_is_no_host_is_not_found(void **state)
{
	static const char *const answers[] = { "{\"found\":false}", "{}",
		"{\"found\":true,\"group\":true,\"addresses\":[\"255.255.255.255\"]}",
		"{\"found\":true,\"addresses\":[\"nonsense\"]}" };
	struct rig *rig = *state;
	char out[500];

	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
		rig->answer = answers[i];
		assert_int_equal(getent("hosts", "group", out, sizeof(out)), NOT_FOUND);
		assert_string_equal(out, "");
	}
}

static void
silent_daemon_does_not_hold_up_for_ever(void **state)
{
	struct rig *rig = *state;
	char out[500];

	assert_int_equal(getent("hosts", "fileserver", out, sizeof(out)), NOT_FOUND);
	assert_in_range(rig->asked, 1, 8);
}

static void
without_a_daemon_nothing_is_found(void **state)
{
	char out[500];

	assert_int_equal(getent("hosts", "fileserver", out, sizeof(out)), NOT_FOUND);
}

/* Finds the sanitizer's library among ours. False: there is a sanitizer, but inside the program. */
static bool
find_preload(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[400], *path;

	while (f && !preload[0] && fgets(line, sizeof(line), f)) {
		path = strchr(line, '/');
		if (path && strstr(path, "/libasan.so"))
			snprintf(preload, sizeof(preload), "%.*s", (int)strcspn(path, "\n"), path);
	}
	if (f)
		fclose(f);
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
	return preload[0];
#endif
#endif
	return true;
}

/* A /run and an nsswitch.conf that nobody else sees. */
static bool
hide(void)
{
	char conf[] = "/tmp/nsswitch-XXXXXX";
	int fd = mkstemp(conf);
	bool ok = fd >= 0 && write(fd, "hosts: netbt\n", 13) == 13 && !fchmod(fd, 0644) &&
		  !unshare(CLONE_NEWNS) && !mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
		  !mount("none", "/run", "tmpfs", 0, "mode=755") && !mkdir("/run/winsome", 0755) &&
		  !mount(conf, "/etc/nsswitch.conf", NULL, MS_BIND, NULL);

	if (fd >= 0) {
		close(fd);
		unlink(conf);
	}
	return ok;
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_RIG(host_is_found_by_its_workstation_name),
		WITH_RIG(everybody_may_ask),
		WITH_RIG(all_addresses_are_given),
		WITH_RIG(names_no_computer_can_have_are_not_asked_for),
		WITH_RIG(what_is_no_host_is_not_found),
		WITH_RIG(silent_daemon_does_not_hold_up_for_ever),
		cmocka_unit_test(without_a_daemon_nothing_is_found),
	};

	signal(SIGPIPE, SIG_IGN);
	if (geteuid() || !find_preload() || !hide()) {
		puts("1..0 # SKIP needs root, and a sanitizer that is a library");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
