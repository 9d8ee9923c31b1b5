/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log: lines on stderr, fields in the journal. stderr is a file here; the journal's socket is a
 * socket of the test's own, mounted over the machine's in a name space of a child process.
 */
#include "io/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

/* stderr leads into a file from here to stderr_back, which reads what was written. */
struct aside {
	int old, file;
};

static struct aside
stderr_aside(void)
{
	char path[] = "/tmp/io_log.XXXXXX";
	struct aside a = { dup(STDERR_FILENO), mkstemp(path) };

	unlink(path);
	dup2(a.file, STDERR_FILENO);
	return a;
}

static void
stderr_back(struct aside a, char *buf, size_t cap)
{
	ssize_t n = pread(a.file, buf, cap - 1, 0);

	buf[n > 0 ? n : 0] = '\0';
	dup2(a.old, STDERR_FILENO);
	close(a.old);
	close(a.file);
}

/* 2024-05-01T12:00:00+0200 and a blank */
static const char *
behind_stamp(const char *line)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd+dddd ";

	for (size_t i = 0; form[i]; i++) {
		if (form[i] == 'd')
			assert_true(line[i] >= '0' && line[i] <= '9');
		else if (form[i] == '+')
			assert_true(line[i] == '+' || line[i] == '-');
		else
			assert_int_equal(line[i], form[i]);
	}
	return line + strlen(form);
}

static struct event
defended(void)
{
	struct event ev = { .id = EV_NAME_DEFENDED,
		.when = { 1714557600 },
		.has_key = true,
		.suppressed = 3,
		.peer = IP4(192, 0, 2, 7),
		.other = IP4(192, 0, 2, 9) };

	memcpy(ev.key.name.b, "A\nB             ", NB_NAME_LEN);
	ev.key.name.b[15] = 0x20;
	return ev;
}

static void
lines_have_time_level_and_text(void **state)
{
	char got[1000];
	struct aside a = stderr_aside();

	unsetenv("JOURNAL_STREAM");
	log_open(LOG_LEVEL_DEBUG);
	log_line(LOG_LEVEL_DEBUG, "answer %d", 42);
	log_line(LOG_LEVEL_ERROR, "%s", "second");
	stderr_back(a, got, sizeof(got));
	assert_memory_equal(behind_stamp(got), "debug: answer 42\n", 17);
	assert_string_equal(behind_stamp(strchr(got, '\n') + 1), "error: second\n");
}

static void
what_is_less_important_is_left_out(void **state)
{
	struct event ev = defended();
	char got[1000];
	struct aside a = stderr_aside();

	log_open(LOG_LEVEL_ERROR);
	assert_false(log_wants(LOG_LEVEL_WARNING));
	log_line(LOG_LEVEL_WARNING, "no");
	log_event(&ev, NULL);
	log_set_level(LOG_LEVEL_WARNING);
	assert_true(log_wants(LOG_LEVEL_WARNING));
	log_line(LOG_LEVEL_NOTICE, "no");
	log_line(LOG_LEVEL_WARNING, "yes");
	stderr_back(a, got, sizeof(got));
	assert_string_equal(behind_stamp(got), "warning: yes\n");
}

static void
an_event_says_number_sentence_rule_and_what_to_do(void **state)
{
	struct event ev = defended();
	char got[2000], expected[2000];
	struct aside a = stderr_aside();

	log_open(LOG_LEVEL_NOTICE);
	log_event(&ev, "REG_07");
	stderr_back(a, got, sizeof(got));
	snprintf(expected, sizeof(expected),
	    "warning: Winsome 10000: The claim of 192.0.2.7 to the name A\\x0aB<20> was refused: "
	    "192.0.2.9 has the name and answered for it. (3 more like it were not told.) [REG_07] "
	    "What to do: %s\n",
	    event_advice(EV_NAME_DEFENDED));
	assert_string_equal(behind_stamp(got), expected);
}

static void
a_text_cannot_forge_a_line_and_a_long_one_is_cut(void **state)
{
	static char longest[3 * LOG_LINE_MAX], got[2 * LOG_LINE_MAX];
	struct aside a = stderr_aside();

	log_open(LOG_LEVEL_NOTICE);
	log_line(LOG_LEVEL_NOTICE, "a\nb\x1b[2J\x7f b\xc3\xbcro");
	stderr_back(a, got, sizeof(got));
	assert_string_equal(behind_stamp(got), "notice: a\\x0ab\\x1b[2J\\x7f b\xc3\xbcro\n");
	memset(longest, '\n', sizeof(longest) - 1);
	a = stderr_aside();
	log_line(LOG_LEVEL_NOTICE, "%s", longest);
	memset(longest, 'x', sizeof(longest) - 1);
	log_line(LOG_LEVEL_NOTICE, "%s", longest);
	stderr_back(a, got, sizeof(got));
	assert_true(strchr(got, '\n') - got < LOG_LINE_MAX);
	assert_memory_equal(behind_stamp(strchr(got, '\n') + 1), "notice: xxx", 11);
	assert_int_equal(got[strlen(got) - 1], '\n');
}

static void
a_journal_that_is_not_our_stderr_does_not_count(void **state)
{
	char got[1000];
	struct aside a = stderr_aside();

	setenv("JOURNAL_STREAM", "1:2", 1);
	log_open(LOG_LEVEL_NOTICE);
	log_line(LOG_LEVEL_NOTICE, "x");
	setenv("JOURNAL_STREAM", "nonsense", 1);
	log_open(LOG_LEVEL_NOTICE);
	stderr_back(a, got, sizeof(got));
	assert_string_equal(behind_stamp(got), "notice: x\n");
	unsetenv("JOURNAL_STREAM");
}

/* ---- with a journal ---- */

/* A socket where sd_journal_sendv sends to, in a name space in which that harms nobody; -1 where
 * nobody may make one. For child processes. */
static int
fake_journal(void)
{
	struct sockaddr_un sun = { AF_UNIX, "/run/systemd/journal/socket" };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	if ((unshare(CLONE_NEWNS) && unshare(CLONE_NEWUSER | CLONE_NEWNS)) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", "/run", "tmpfs", 0, NULL) || mkdir("/run/systemd", 0755) ||
	    mkdir("/run/systemd/journal", 0755) || bind(fd, (struct sockaddr *)&sun, sizeof(sun)))
		return -1;
	return fd;
}

static bool
may_fake_journal(void)
{
	int status = 1;
	pid_t pid = fork();

	if (!pid)
		_exit(fake_journal() < 0);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* The child: what the journal got, then what stderr got, to the pipe. */
static void
log_to_journal(int pipe)
{
	struct event ev = defended();
	char got[8192], stream[64], rest[4096];
	struct stat st;
	int journal = fake_journal();
	struct aside a = stderr_aside();
	ssize_t n;

	fstat(STDERR_FILENO, &st);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
	    (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_open(LOG_LEVEL_NOTICE);
	log_event(&ev, "REG_07");
	n = recv(journal, got, sizeof(got), MSG_DONTWAIT);
	stderr_back(a, rest, sizeof(rest));
	if (n > 0 && write(pipe, got, (size_t)n) != n)
		_exit(1);
	_exit(write(pipe, rest, strlen(rest)) != (ssize_t)strlen(rest));
}

static void
run_in_child(char *got, size_t cap)
{
	int fds[2], status;
	size_t used = 0;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		log_to_journal(fds[1]);
	close(fds[1]);
	for (ssize_t n; (n = read(fds[0], got + used, cap - 1 - used)) > 0;)
		used += (size_t)n;
	close(fds[0]);
	got[used] = '\0';
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

#ifdef HAVE_SYSTEMD
static void
the_journal_gets_a_field_for_each_fact(void **state)
{
	static const char *const fields[] = { "PRIORITY=4\n", "WINSOME_EVENT=10000\n",
		"WINSOME_SOURCE=Winsome\n", "WINSOME_SYMBOL=NAME_DEFENDED\n",
		"NBT_NAME=A\\x0aB<20>\n", "PEER=192.0.2.7\n", "OTHER=192.0.2.9\n", "RULE=REG_07\n",
		"SUPPRESSED=3\n", "ADVICE=Two computers want the same name",
		"MESSAGE=The claim of 192.0.2.7 to the name A\\x0aB<20> was refused" };
	char got[12288];

	run_in_child(got, sizeof(got));
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (!strstr(got, fields[i]))
			fail_msg("no %s in %s", fields[i], got);
	assert_null(strstr(got, "<4>")); /* not on stderr as well */
}
#else
static void
without_its_library_the_journal_gets_lines_with_a_priority(void **state)
{
	char got[12288];

	run_in_child(got, sizeof(got));
	assert_memory_equal(got, "<4>Winsome 10000: The claim of", 30);
	assert_ptr_equal(strchr(got, '\n'), got + strlen(got) - 1);
}
#endif

int
main(void)
{
	const struct CMUnitTest lines[] = {
		cmocka_unit_test(lines_have_time_level_and_text),
		cmocka_unit_test(what_is_less_important_is_left_out),
		cmocka_unit_test(an_event_says_number_sentence_rule_and_what_to_do),
		cmocka_unit_test(a_text_cannot_forge_a_line_and_a_long_one_is_cut),
		cmocka_unit_test(a_journal_that_is_not_our_stderr_does_not_count),
	};
	const struct CMUnitTest all[] = {
		cmocka_unit_test(lines_have_time_level_and_text),
		cmocka_unit_test(what_is_less_important_is_left_out),
		cmocka_unit_test(an_event_says_number_sentence_rule_and_what_to_do),
		cmocka_unit_test(a_text_cannot_forge_a_line_and_a_long_one_is_cut),
		cmocka_unit_test(a_journal_that_is_not_our_stderr_does_not_count),
#ifdef HAVE_SYSTEMD
		cmocka_unit_test(the_journal_gets_a_field_for_each_fact),
#else
		cmocka_unit_test(without_its_library_the_journal_gets_lines_with_a_priority),
#endif
	};

	if (may_fake_journal())
		return cmocka_run_group_tests_name("io_log", all, NULL, NULL);
	fprintf(stderr, "no name space of one's own here: the journal's test is left out\n");
	return cmocka_run_group_tests_name("io_log", lines, NULL, NULL);
}
