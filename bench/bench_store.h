/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the benchmarks of the store share: names from numbers, a folder on the disk that is measured,
 * a store with so many names, and what the disk does without a store. Layer: bench.
 */
#pragma once

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "store/store.h"

#define BENCH_BARE_BYTES (64u << 20)

/* A file written with zeros before, as journals are. */
struct bench_bare {
	int fd;
	uint64_t pos;
};

/* The number spread over the name, as names of real machines differ in more than their end. */
static inline struct nb_key
bench_key(unsigned n)
{
	static const char digit[] = "0123456789ABCDEFGHIJKLMNOPQRSTUV";
	struct nb_key k = { 0 };

	memcpy(k.name.b, "WS-            ", 15);
	for (int i = 3; i < 10; i++, n /= 32)
		k.name.b[i] = (uint8_t)digit[n % 32];
	k.name.b[15] = 0x20;
	return k;
}

static inline struct rec
bench_rec(unsigned n, uint64_t version, uint32_t due)
{
	struct rec r;

	memset(&r, 0, sizeof(r));
	r.key = bench_key(n);
	r.node = 3;
	r.version.v = version;
	r.due.s = due;
	r.naddr = 1;
	r.addr[0] = (struct rec_addr){ .ip = { 0x0a000000 + n }, .due = { due }, .since = { 1 } };
	return r;
}

static inline unsigned
bench_names(int argc, char **argv, unsigned fallback)
{
	if (argc == 3 && !strcmp(argv[1], "--names"))
		return (unsigned)strtoul(argv[2], NULL, 10);
	if (argc != 1) {
		fprintf(stderr, "usage: %s [--names N]\n", argv[0]);
		exit(2);
	}
	return fallback;
}

/* In the working folder: /tmp is memory on some machines. */
static inline char *
bench_folder(void)
{
	char *path = strdup("bench-store-XXXXXX");

	if (!path || !mkdtemp(path)) {
		perror("bench folder");
		exit(1);
	}
	return path;
}

static inline void
bench_folder_end(char *path)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf ./%s", path);
	if (system(command))
		perror(command);
	free(path);
}

static inline struct store *
bench_open(const char *path, struct store_report *ret_report)
{
	struct store_report report;
	struct store_opts opts = { 0 };
	struct store *s;

	if (vfs_posix_open(path, &opts.vfs) || store_open(&opts, &s, &report)) {
		fprintf(stderr, "cannot open %s: %s\n", path, report.sentence);
		exit(1);
	}
	if (ret_report)
		*ret_report = report;
	return s;
}

static inline void
bench_commit(struct store *s)
{
	if (store_commit(s)) {
		fprintf(stderr, "commit: %s\n", store_last_error(s));
		exit(1);
	}
}

static inline void
bench_fill(struct store *s, unsigned names)
{
	for (unsigned i = 0; i < names; i++) {
		struct rec r = bench_rec(i, i + 1, 1000000 + i % 500000);

		if (store_put(s, &r))
			exit(1);
		if (store_staged(s) == 4096)
			bench_commit(s);
	}
	bench_commit(s);
}

static inline void
bench_snapshot(struct store *s)
{
	enum store_news news;

	if (store_snapshot(s))
		exit(1);
	store_reader_offline();
	while ((news = store_tend(s)) == STORE_NEWS_NONE)
		usleep(10000);
	store_reader_online();
	if (news != STORE_NEWS_SNAPSHOT_DONE)
		exit(1);
}

static inline void
bench_bare_open(struct bench_bare *b, const char *path)
{
	static const uint8_t zeros[1 << 20];
	char name[64];

	snprintf(name, sizeof(name), "%s/.bare", path);
	b->fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
	b->pos = 0;
	for (unsigned i = 0; i < BENCH_BARE_BYTES >> 20; i++)
		if (write(b->fd, zeros, sizeof(zeros)) < 0)
			exit(1);
	if (fdatasync(b->fd))
		exit(1);
}

/* What so many commits take that are nothing but their bytes, as many a commit as the store wrote. */
static inline double
bench_bare_us(struct bench_bare *b, size_t bytes, unsigned commits)
{
	static uint8_t buf[1 << 20];
	int64_t start = bench_ns();

	for (unsigned c = 0; c < commits; c++) {
		if (b->pos + bytes > BENCH_BARE_BYTES)
			b->pos = 0;
		buf[0]++;
		if (pwrite(b->fd, buf, bytes, (off_t)b->pos) != (ssize_t)bytes || fdatasync(b->fd))
			exit(1);
		b->pos += bytes;
	}
	return (double)(bench_ns() - start) / 1000;
}
