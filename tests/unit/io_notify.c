/* SPDX-License-Identifier: Apache-2.0 */
/* What the service manager is told, read from the socket that NOTIFY_SOCKET names. */
#include "io/notify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

static int manager = -1;
static struct sockaddr_un sun = { .sun_family = AF_UNIX };
static char folder[] = "/tmp/io_notify.XXXXXX";

static int
listen_as_manager(void **state)
{
	if (!mkdtemp(folder))
		return -1;
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/manager", folder);
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	return bind(manager, (struct sockaddr *)&sun, sizeof(sun)) ||
	       setenv("NOTIFY_SOCKET", sun.sun_path, 1);
}

static int
end_manager(void **state)
{
	unlink(sun.sun_path);
	return close(manager) || rmdir(folder);
}

static const char *
told(void)
{
	static char buf[512];
	ssize_t n = recv(manager, buf, sizeof(buf) - 1, 0);

	buf[n > 0 ? n : 0] = '\0';
	return buf;
}

#ifdef HAVE_SYSTEMD
static void
the_manager_hears_each_stage(void **state)
{
	notify_ready("1000 records");
	assert_string_equal(told(), "READY=1\nSTATUS=1000 records");
	notify_reloading();
	assert_memory_equal(told(), "RELOADING=1\nMONOTONIC_USEC=", 27);
	notify_alive();
	assert_string_equal(told(), "WATCHDOG=1");
	notify_stopping();
	assert_string_equal(told(), "STOPPING=1");
}

static void
the_watchdog_is_fed_twice_in_its_patience(void **state)
{
	char pid[20];

	unsetenv("WATCHDOG_USEC");
	assert_int_equal(notify_watchdog_ms(), 0);
	setenv("WATCHDOG_USEC", "30000000", 1);
	assert_int_equal(notify_watchdog_ms(), 15000);
	setenv("WATCHDOG_PID", "1", 1); /* somebody else's */
	assert_int_equal(notify_watchdog_ms(), 0);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("WATCHDOG_PID", pid, 1);
	assert_int_equal(notify_watchdog_ms(), 15000);
}
#else
static void
without_the_library_there_is_no_watchdog(void **state)
{
	setenv("WATCHDOG_USEC", "30000000", 1);
	assert_int_equal(notify_watchdog_ms(), 0);
	notify_ready("x");
	assert_string_equal(told(), "");
}
#endif

static void
without_a_manager_nothing_happens(void **state)
{
	unsetenv("NOTIFY_SOCKET");
	notify_ready("x");
	notify_stopping();
	assert_string_equal(told(), "");
	setenv("NOTIFY_SOCKET", "/nonexistent/socket", 1);
	notify_alive();
	setenv("NOTIFY_SOCKET", sun.sun_path, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#ifdef HAVE_SYSTEMD
		cmocka_unit_test(the_manager_hears_each_stage),
		cmocka_unit_test(the_watchdog_is_fed_twice_in_its_patience),
#else
		cmocka_unit_test(without_the_library_there_is_no_watchdog),
#endif
		cmocka_unit_test(without_a_manager_nothing_happens),
	};

	return cmocka_run_group_tests_name("io_notify", tests, listen_as_manager, end_manager);
}
