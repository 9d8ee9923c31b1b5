/* SPDX-License-Identifier: Apache-2.0 */
/* Who may give which command; and that the kernel's answer about a caller is understood. */
#include "ctl/access.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

static const struct ctl_policy policy = { .self = 990, .readers = 50, .changers = 60 };

static void
each_kind_of_caller_gets_its_rights(void **state)
{
	static const struct {
		struct ctl_peer peer;
		bool read, change;
	} row[] = {
		{ { .uid = 0, .gid = 0 }, true, true },
		{ { .uid = 990, .gid = 1 }, true, true },
		{ { .uid = 1000, .gid = 1000 }, false, false },
		{ { .uid = 1000, .gid = 50 }, true, false },
		{ { .uid = 1000, .gid = 60 }, true, true },
		{ { .uid = 1000, .gid = 1000, .ngroups = 2, .groups = { 7, 50 } }, true, false },
		{ { .uid = 1000, .gid = 1000, .ngroups = 2, .groups = { 60, 7 } }, true, true },
		{ { .uid = 1000, .gid = 1000, .ngroups = 1, .groups = { 7, 50, 60 } }, false,
		    false },
		{ { .uid = 50, .gid = 990 }, false, false },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		assert_int_equal(ctl_may(CTL_ACCESS_READ, &row[i].peer, &policy), row[i].read);
		assert_int_equal(ctl_may(CTL_ACCESS_CHANGE, &row[i].peer, &policy), row[i].change);
		assert_false(ctl_may(CTL_ACCESS_LOCAL, &row[i].peer, &policy));
	}
}

static void
no_group_admits_nobody(void **state)
{
	const struct ctl_policy none = {
		.self = 990, .readers = CTL_NO_GROUP, .changers = CTL_NO_GROUP
	};
	const struct ctl_peer odd = {
		.uid = 1000, .gid = CTL_NO_GROUP, .ngroups = 1, .groups = { CTL_NO_GROUP }
	};

	assert_false(ctl_may(CTL_ACCESS_READ, &odd, &none));
}

static void
anyone_may_read_where_all_may_but_not_change(void **state)
{
	const struct ctl_policy open = {
		.self = 990, .readers = CTL_NO_GROUP, .changers = CTL_NO_GROUP, .anyone = true
	};
	const struct ctl_peer stranger = { .uid = 1000, .gid = 1000 };

	assert_true(ctl_may(CTL_ACCESS_READ, &stranger, &open));
	assert_false(ctl_may(CTL_ACCESS_CHANGE, &stranger, &open));
	assert_false(ctl_may(CTL_ACCESS_LOCAL, &stranger, &open));
}

static void
the_kernel_tells_who_we_are(void **state)
{
	struct ctl_peer peer;
	gid_t groups[CTL_GROUPS_MAX];
	int fd[2], n = getgroups(CTL_GROUPS_MAX, groups);

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	assert_int_equal(ctl_peer_get(fd[0], &peer), 0);
	assert_int_equal(peer.uid, geteuid());
	assert_int_equal(peer.gid, getegid());
	assert_int_equal(peer.ngroups, n);
	assert_memory_equal(peer.groups, groups, (size_t)n * sizeof(*groups));
	close(fd[0]);
	close(fd[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_of_caller_gets_its_rights),
		cmocka_unit_test(no_group_admits_nobody),
		cmocka_unit_test(anyone_may_read_where_all_may_but_not_change),
		cmocka_unit_test(the_kernel_tells_who_we_are),
	};

	return cmocka_run_group_tests_name("ctl_access", tests, NULL, NULL);
}
