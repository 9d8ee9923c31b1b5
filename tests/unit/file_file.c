/* SPDX-License-Identifier: Apache-2.0 */
/* Only regular files are opened, whatever a path leads to, and never more is read than asked for. */
#include "file/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <cmocka.h>

struct place {
	char folder[40], path[60], link[60];
};

static int
set_up(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	alarm(60); /* a call that waits for a FIFO's writer ends the test */
	strcpy(p->folder, "/tmp/file-test-XXXXXX");
	assert_non_null(mkdtemp(p->folder));
	snprintf(p->path, sizeof(p->path), "%s/f", p->folder);
	snprintf(p->link, sizeof(p->link), "%s/l", p->folder);
	*state = p;
	return 0;
}

static int
tear_down(void **state)
{
	struct place *p = *state;

	(void)remove(p->path);
	(void)unlink(p->link);
	assert_int_equal(rmdir(p->folder), 0);
	free(p);
	alarm(0);
	return 0;
}

static void
write_file(const char *path, const char *text, size_t len)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static void
refused(const char *path, int err, const char *why)
{
	const char *said = NULL;
	char *bytes = NULL;
	FILE *f = NULL;
	size_t n = 0;

	assert_int_equal(file_open(path, &f, &said), err);
	assert_string_equal(said, why);
	said = NULL;
	assert_int_equal(file_read(path, 10, &bytes, &n, &said), err);
	assert_string_equal(said, why);
	assert_null(f);
	assert_null(bytes);
}

static void
regular_file_is_read_up_to_the_bound_and_not_one_byte_more(void **state)
{
	struct place *p = *state;
	const char *why = NULL;
	char *bytes = NULL;
	size_t n = 0;

	write_file(p->path, "0123456789", 10);
	assert_int_equal(file_read(p->path, 10, &bytes, &n, &why), 0);
	assert_int_equal(n, 10);
	assert_memory_equal(bytes, "0123456789", 10);
	free(bytes);
	bytes = NULL;
	assert_int_equal(file_read(p->path, 9, &bytes, &n, &why), NBT_ELIMIT);
	assert_string_equal(why, "larger than such a file can be");
	assert_null(bytes);
}

static void
empty_file_and_one_behind_a_link_are_read(void **state)
{
	struct place *p = *state;
	const char *why = NULL;
	char *bytes = NULL;
	size_t n = 9;

	write_file(p->path, "", 0);
	assert_int_equal(symlink(p->path, p->link), 0);
	assert_int_equal(file_read(p->link, 10, &bytes, &n, &why), 0);
	assert_int_equal(n, 0);
	assert_non_null(bytes);
	free(bytes);
}

static void
missing_file_is_no_file(void **state)
{
	struct place *p = *state;

	refused(p->path, NBT_ENOENT, "No such file or directory");
	assert_int_equal(symlink(p->path, p->link), 0);
	refused(p->link, NBT_ENOENT, "No such file or directory");
}

static void
fifo_is_refused_without_waiting_for_a_writer(void **state)
{
	struct place *p = *state;

	assert_int_equal(mkfifo(p->path, 0600), 0);
	refused(p->path, NBT_EINVAL, "not a regular file");
	assert_int_equal(symlink(p->path, p->link), 0);
	refused(p->link, NBT_EINVAL, "not a regular file");
}

static void
device_socket_and_folder_are_refused(void **state)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct place *p = *state;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(addr.sun_path, p->path);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	refused(p->path, NBT_EINVAL, "not a regular file");
	close(fd);
	refused("/dev/zero", NBT_EINVAL, "not a regular file");
	refused(p->folder, NBT_EINVAL, "Is a directory");
}

#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PLACE(regular_file_is_read_up_to_the_bound_and_not_one_byte_more),
		WITH_PLACE(empty_file_and_one_behind_a_link_are_read),
		WITH_PLACE(missing_file_is_no_file),
		WITH_PLACE(fifo_is_refused_without_waiting_for_a_writer),
		WITH_PLACE(device_socket_and_folder_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
