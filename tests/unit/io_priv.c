/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Giving up root. What changes the process runs in a child, which tells the line that failed. Without
 * root there is nothing to give up: main leaves those tests out and says so.
 */
#include "io/priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/err.h"

static char folder[64], why[PRIV_WHY_MAX];

static int
make_folder(void **state)
{
	strcpy(folder, "/tmp/io_priv.XXXXXX");
	return !mkdtemp(folder) || chmod(folder, 0755);
}

static int
remove_folder(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

static const char *
in_folder(const char *name)
{
	static char path[4][256];
	static unsigned turn;
	char *p = path[turn++ % 4];

	snprintf(p, sizeof(path[0]), "%s/%s", folder, name);
	return p;
}

static void
touch(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);

	assert_true(fd >= 0);
	close(fd);
}

static uid_t
owner(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_uid;
}

static struct priv_user
nobody(void)
{
	struct priv_user user;

	assert_int_equal(priv_find("nobody", &user, why), 0);
	assert_true(user.uid != 0);
	return user;
}

static void
a_missing_user_is_told_with_what_to_do(void **state)
{
	struct priv_user user;

	assert_int_equal(priv_find("no-such-user", &user, why), NBT_ENOENT);
	assert_non_null(strstr(why, "there is no user \"no-such-user\"; make it with \"useradd"));
	assert_int_equal(priv_find("", &user, why), NBT_ENOENT);
	assert_int_equal(priv_find("root", &user, why), NBT_EINVAL);
	assert_non_null(strstr(why, "\"root\" is root"));
}

static void
a_new_folder_is_made_and_given(void **state)
{
	struct priv_user user = nobody();
	struct stat st;

	assert_int_equal(priv_folder(in_folder("new"), &user, why), 0);
	assert_int_equal(owner(in_folder("new")), user.uid);
	assert_int_equal(stat(in_folder("new"), &st), 0);
	assert_int_equal(st.st_mode & 027, 0);
	assert_int_equal(priv_folder(in_folder("new"), &user, why), 0);
}

static void
an_empty_folder_is_given_and_a_full_one_is_not(void **state)
{
	struct priv_user user = nobody();

	assert_int_equal(mkdir(in_folder("empty"), 0700), 0);
	assert_int_equal(priv_folder(in_folder("empty"), &user, why), 0);
	assert_int_equal(owner(in_folder("empty")), user.uid);
	assert_int_equal(mkdir(in_folder("full"), 0700), 0);
	touch(in_folder("full/file"));
	assert_int_equal(priv_folder(in_folder("full"), &user, why), NBT_EOWNER);
	assert_non_null(strstr(why, "full is not nobody's and not empty"));
	assert_int_equal(owner(in_folder("full")), 0);
	assert_int_equal(owner(in_folder("full/file")), 0);
}

static void
only_roots_plain_files_in_the_users_folder_are_given(void **state)
{
	struct priv_user user = nobody();

	assert_int_equal(priv_folder(in_folder("own"), &user, why), 0);
	touch(in_folder("own/restored"));
	touch(in_folder("own/other"));
	assert_int_equal(chown(in_folder("own/other"), 1, 1), 0);
	touch(in_folder("secret"));
	assert_int_equal(link(in_folder("secret"), in_folder("own/hard")), 0);
	touch(in_folder("secret2"));
	assert_int_equal(symlink(in_folder("secret2"), in_folder("own/soft")), 0);
	assert_int_equal(mkdir(in_folder("own/sub"), 0700), 0);
	assert_int_equal(priv_folder(in_folder("own"), &user, why), 0);
	assert_int_equal(owner(in_folder("own/restored")), user.uid);
	assert_int_equal(owner(in_folder("own/other")), 1);
	assert_int_equal(owner(in_folder("secret")), 0);
	assert_int_equal(owner(in_folder("secret2")), 0);
	assert_int_equal(owner(in_folder("own/soft")), 0);
	assert_int_equal(owner(in_folder("own/sub")), 0);
}

static void
folders_that_cannot_be_are_told(void **state)
{
	assert_int_equal(priv_folder(in_folder("a/b"), NULL, why), NBT_EIO);
	assert_non_null(strstr(why, "/a/b cannot be made: No such file"));
	touch(in_folder("plain"));
	assert_int_equal(priv_folder(in_folder("plain"), NULL, why), NBT_EIO);
	assert_non_null(strstr(why, "/plain cannot be used: Not a directory"));
	assert_int_equal(priv_folder(in_folder("mine"), NULL, why), 0);
	assert_int_equal(priv_folder(in_folder("mine"), NULL, why), 0);
}

/* ---- in a child ---- */

#define MUST(claim)                                                                  \
	do {                                                                         \
		if (!(claim)) {                                                      \
			fprintf(stderr, "line %d: %s: %s\n", __LINE__, #claim, why); \
			_exit(1);                                                    \
		}                                                                    \
	} while (0)

static void
succeeds_in_child(void (*body)(const struct priv_user *user), const struct priv_user *user)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		body(user);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Every line "CapXyz:" of /proc/self/status but the bounding set is all zeros. */
static void
must_have_no_capability(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[200];
	int seen = 0;

	MUST(f);
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, "Cap", 3) || !strncmp(line, "CapBnd", 6))
			continue;
		MUST(strspn(line + 7, "\t0\n") == strlen(line + 7));
		seen++;
	}
	fclose(f);
	MUST(seen == 4);
}

static void
drop_and_try_to_come_back(const struct priv_user *user)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(1) };
	int fd;
	gid_t groups[10];

	/* The machine's network may let everybody have the low ports; a new one does not. */
	MUST(unshare(CLONE_NEWNET) == 0);
	MUST(priv_drop(user, why) == 0);
	MUST(getuid() == user->uid && geteuid() == user->uid);
	MUST(getgid() == user->gid && getegid() == user->gid);
	MUST(getgroups(10, groups) <= 1 && groups[0] == user->gid);
	MUST(setuid(0) && errno == EPERM);
	MUST(setresuid(0, 0, 0) && errno == EPERM);
	MUST(setgid(0) && errno == EPERM);
	MUST(setgroups(0, NULL) && errno == EPERM);
	must_have_no_capability();
	MUST(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	MUST(open(in_folder("roots"), O_RDONLY) < 0 && errno == EACCES);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	MUST(fd >= 0 && bind(fd, (struct sockaddr *)&sin, sizeof(sin)) && errno == EACCES);
}

static void
root_is_out_of_reach_afterwards(void **state)
{
	struct priv_user user = nobody();

	touch(in_folder("roots"));
	succeeds_in_child(drop_and_try_to_come_back, &user);
}

static void
keep_a_socket(const struct priv_user *user)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	char got;

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	MUST(bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == 0);
	MUST(getsockname(fd, (struct sockaddr *)&sin, &len) == 0);
	MUST(priv_drop(user, why) == 0);
	MUST(sendto(fd, "x", 1, 0, (struct sockaddr *)&sin, sizeof(sin)) == 1);
	MUST(recv(fd, &got, 1, 0) == 1 && got == 'x');
}

static void
open_sockets_go_on_working(void **state)
{
	struct priv_user user = nobody();

	succeeds_in_child(keep_a_socket, &user);
}

/* As the service manager starts us: an ordinary user with one capability. */
static void
give_back_what_was_lent(const struct priv_user *user)
{
	capng_clear(CAPNG_SELECT_BOTH);
	capng_update(
	    CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_INHERITABLE, CAP_NET_BIND_SERVICE);
	MUST(capng_change_id((int)user->uid, (int)user->gid, CAPNG_DROP_SUPP_GRP) == 0);
	MUST(capng_get_caps_process() == 0);
	MUST(capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_BIND_SERVICE));
	MUST(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE, 0, 0) == 0);
	MUST(priv_drop(NULL, why) == 0);
	must_have_no_capability();
	MUST(getuid() == user->uid);
	MUST(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
}

static void
an_ordinary_user_gives_back_lent_capabilities(void **state)
{
	struct priv_user user = nobody();

	succeeds_in_child(give_back_what_was_lent, &user);
}

static void
stay_root(const struct priv_user *user)
{
	MUST(priv_drop(NULL, why) == 0);
	MUST(geteuid() == 0);
	touch(in_folder("still-root"));
}

static void
without_a_user_root_stays_root(void **state)
{
	struct priv_user user = nobody();

	succeeds_in_child(stay_root, &user);
}

static void
drop_twice(const struct priv_user *user)
{
	MUST(priv_drop(user, why) == 0);
	MUST(priv_drop(user, why) == NBT_EDENIED);
	MUST(strstr(why, "cannot become the user nobody"));
}

static void
who_cannot_change_is_told(void **state)
{
	struct priv_user user = nobody();

	succeeds_in_child(drop_twice, &user);
}

int
main(void)
{
#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
	const struct CMUnitTest anybody[] = {
		cmocka_unit_test(a_missing_user_is_told_with_what_to_do),
		WITH_FOLDER(folders_that_cannot_be_are_told),
	};
	const struct CMUnitTest root[] = {
		cmocka_unit_test(a_missing_user_is_told_with_what_to_do),
		WITH_FOLDER(folders_that_cannot_be_are_told),
		WITH_FOLDER(a_new_folder_is_made_and_given),
		WITH_FOLDER(an_empty_folder_is_given_and_a_full_one_is_not),
		WITH_FOLDER(only_roots_plain_files_in_the_users_folder_are_given),
		WITH_FOLDER(root_is_out_of_reach_afterwards),
		cmocka_unit_test(open_sockets_go_on_working),
		cmocka_unit_test(an_ordinary_user_gives_back_lent_capabilities),
		WITH_FOLDER(without_a_user_root_stays_root),
		cmocka_unit_test(who_cannot_change_is_told),
	};

	if (geteuid() == 0)
		return cmocka_run_group_tests_name("io_priv", root, NULL, NULL);
	fprintf(stderr, "not root: the tests that give it up are left out\n");
	return cmocka_run_group_tests_name("io_priv", anybody, NULL, NULL);
}
