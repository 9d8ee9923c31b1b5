/* SPDX-License-Identifier: Apache-2.0 */
/* What the store's tests share: records made from a number, folders, opening. Test only. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/err.h"
#include "store/store.h"

static inline struct nb_key
key_of(unsigned n)
{
	struct nb_key k = { 0 };
	char text[NB_NAME_LEN + 1];

	snprintf(text, sizeof(text), "HOST%-11u", n);
	memcpy(k.name.b, text, 15);
	k.name.b[15] = 0x20;
	return k;
}

static inline struct nb_key
scoped_key_of(unsigned n, char label)
{
	struct nb_key k = key_of(n);

	k.scope = (struct nb_scope){ 2, { 1, (uint8_t)label } };
	return k;
}

/* A unique name of our own. */
static inline struct rec
rec_of(unsigned n, uint64_t version, uint32_t due)
{
	struct rec r;

	memset(&r, 0, sizeof(r)); /* padding too: records are compared as bytes */
	r.key = key_of(n);
	r.node = 3;
	r.version.v = version;
	r.due.s = due;
	r.naddr = 1;
	r.addr[0] = (struct rec_addr){ .ip = { 0x0a000000 + n }, .due = { due }, .since = { 7 } };
	return r;
}

static inline void
same_rec(const struct rec *a, const struct rec *b)
{
	assert_memory_equal(a, b, sizeof(*a));
}

/* A folder of the test's own, and its end. */
static inline char *
folder_new(void)
{
	char *path = strdup("/tmp/winsome-test-XXXXXX");

	assert_non_null(mkdtemp(path));
	return path;
}

static inline void
run_rm(const char *path)
{
	pid_t pid = fork();

	if (!pid) {
		execlp("rm", "rm", "-rf", path, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}

static inline void
folder_free(char *path)
{
	run_rm(path);
	free(path);
}

static inline struct vfs *
vfs_of(const char *path)
{
	struct vfs *v;

	assert_int_equal(vfs_posix_open(path, &v), 0);
	return v;
}

static inline struct store *
open_at(const char *path)
{
	struct store_opts opts = { .vfs = vfs_of(path) };
	struct store_report report;
	struct store *s = NULL;
	int err = store_open(&opts, &s, &report);

	if (err)
		fail_msg("open: %s", report.sentence);
	return s;
}

static inline void
put(struct store *s, const struct rec *r)
{
	assert_int_equal(store_put(s, r), 0);
}

static inline bool
get(struct store *s, struct nb_key key, struct rec *ret)
{
	memset(ret, 0, sizeof(*ret));
	return store_get(s, &key, ret);
}

/* Calls store_tend until it has this news. The work is in another thread: a bound, no timing. */
static inline void
tend_until(struct store *s, enum store_news want)
{
	for (int i = 0; i < 60000; i++) {
		enum store_news news = store_tend(s);

		if (news == want)
			return;
		if (news == STORE_NEWS_NONE) {
			store_reader_offline();
			usleep(1000);
			store_reader_online();
		}
	}
	fail_msg("no such news: %s", store_last_error(s));
}
