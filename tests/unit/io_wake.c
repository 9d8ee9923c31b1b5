/* SPDX-License-Identifier: Apache-2.0 */
/* Waking a sleeper: wakes add up to one, none is lost. */
#include "io/wake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <errno.h>
#include <poll.h>
#include <unistd.h>
#include <cmocka.h>

static bool
is_awake(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static void
many_wakes_are_one_and_a_later_one_wakes_again(void **state)
{
	int fd;

	assert_int_equal(wake_open(&fd), 0);
	assert_false(is_awake(fd));
	assert_false(wake_clear(fd));
	for (int i = 0; i < 1000; i++)
		wake(fd);
	assert_true(is_awake(fd));
	assert_true(wake_clear(fd));
	assert_false(is_awake(fd));
	wake(fd);
	assert_true(is_awake(fd));
	close(fd);
}

static void
a_full_counter_neither_blocks_nor_changes_errno(void **state)
{
	const uint64_t most = UINT64_MAX - 1;
	int fd;

	assert_int_equal(wake_open(&fd), 0);
	assert_int_equal(write(fd, &most, sizeof(most)), sizeof(most));
	errno = 1234;
	wake(fd);
	assert_int_equal(errno, 1234);
	assert_true(wake_clear(fd));
	assert_false(is_awake(fd));
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_wakes_are_one_and_a_later_one_wakes_again),
		cmocka_unit_test(a_full_counter_neither_blocks_nor_changes_errno),
	};

	return cmocka_run_group_tests_name("io_wake", tests, NULL, NULL);
}
