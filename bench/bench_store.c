/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Durable commits: refreshes of random names, new names and removals, in batches of 1 to 256, among a
 * million; next to bare pwrite and fdatasync of the same bytes to a file written with zeros before, and
 * the processor time of a change. Then what a name costs in memory, a walk in order, and how long a
 * start takes. Rounds are paired, so that a busy machine slows both sides. Names are taken in groups,
 * fetched ahead, as the registrar takes packets. Layer: bench. Usage: bench_store [--names N]
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "bench_store.h"

#define ROUNDS 11
#define GROUP  16 /* as src/registrar/registrar.c */

struct bench {
	struct store *s;
	unsigned names, added;
	uint64_t seed;
	uint32_t due;
	struct bench_bare bare;
};

static uint64_t
next_random(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

/* A change is a choice of a name, which may be fetched ahead, and its staging. */
struct change {
	unsigned (*pick)(struct bench *);
	void (*stage)(struct bench *, unsigned n);
};

static unsigned
pick_any(struct bench *b)
{
	return (unsigned)(next_random(&b->seed) % b->names);
}

static void
stage_refresh(struct bench *b, unsigned n)
{
	struct nb_key key = bench_key(n);
	struct rec r;
	bool staged;

	if (!store_peek(b->s, &key, &r, &staged))
		exit(1);
	r.due.s = r.addr[0].due.s = ++b->due;
	if (store_put(b->s, &r))
		exit(1);
}

/* New names come from all over the range, so that the order by name is entered everywhere. */
static unsigned
pick_new(struct bench *b)
{
	return b->names + (b->added++ * 2654435761u) % 0x7fffffffu;
}

static void
stage_new(struct bench *b, unsigned n)
{
	struct rec r = bench_rec(n, store_next_version(b->s).v, ++b->due);
	bool staged;

	if (store_peek(b->s, &r.key, &r, &staged))
		return; /* the rare one that is there */
	if (store_put(b->s, &r))
		exit(1);
}

static void
stage_removal(struct bench *b, unsigned n)
{
	struct nb_key key = bench_key(n);
	struct rec r;
	bool staged;

	if (!store_peek(b->s, &key, &r, &staged))
		return; /* has gone already */
	if (store_del(b->s, &key))
		exit(1);
}

static const struct change refresh = { pick_any, stage_refresh };
static const struct change addition = { pick_new, stage_new };
static const struct change removal = { pick_any, stage_removal };

static void
stage_group(struct bench *b, const struct change *what, unsigned n)
{
	unsigned number[GROUP];
	uint64_t hash[GROUP];

	for (unsigned i = 0; i < n; i++) {
		struct nb_key key = bench_key(number[i] = what->pick(b));

		hash[i] = store_hash(b->s, &key);
		store_fetch(b->s, hash[i]);
	}
	for (unsigned i = 0; i < n; i++)
		store_fetch_record(b->s, hash[i]);
	for (unsigned i = 0; i < n; i++)
		what->stage(b, number[i]);
}

static double
round_us(struct bench *b, const struct change *what, unsigned batch, unsigned commits)
{
	int64_t start = bench_ns();

	for (unsigned c = 0; c < commits; c++) {
		for (unsigned i = 0; i < batch; i += GROUP)
			stage_group(b, what, batch - i < GROUP ? batch - i : GROUP);
		bench_commit(b->s);
	}
	return (double)(bench_ns() - start) / 1000 / commits;
}

/* Of the whole process: liburcu's thread too. */
static double
processor_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void
bench(struct bench *b, const char *name, const struct change *what, unsigned batch)
{
	double ours[ROUNDS], bare[ROUNDS], ratio[ROUNDS], processor[ROUNDS];
	unsigned commits = batch > 16 ? 100 : 200;
	struct store_stats before, after;
	size_t bytes;

	store_stats(b->s, &before);
	(void)round_us(b, what, batch, 10);
	store_stats(b->s, &after);
	bytes = (size_t)(after.journal_bytes - before.journal_bytes) / 10;
	for (int i = 0; i < ROUNDS; i++) {
		double start = processor_us();

		ours[i] = round_us(b, what, batch, commits);
		processor[i] = (processor_us() - start) / commits / batch;
		bare[i] = bench_bare_us(&b->bare, bytes, commits) / commits;
		ratio[i] = bare[i] / ours[i];
	}
	double us = bench_median(ours, ROUNDS), bare_median = bench_median(bare, ROUNDS);

	printf("  %-10s %5u %8zu %10.1f %10.1f %12.0f %8.2f %12.3f\n", name, batch, bytes, us,
	    bare_median, batch / us * 1e6, bench_median(ratio, ROUNDS),
	    bench_median(processor, ROUNDS));
}

static void
bench_walk(struct bench *b)
{
	double start = processor_us();
	struct nb_key at;
	struct rec r;
	unsigned n = 0;

	for (bool more = store_by_name(b->s, NULL, true, &r); more;
	     more = store_by_name(b->s, &at, false, &r), n++)
		at = r.key;
	printf(
	    "  %-34s %8.3f us a name, %u names\n", "walk by name", (processor_us() - start) / n, n);
}

static double
resident_bytes(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	long total, resident;

	if (!f || fscanf(f, "%ld %ld", &total, &resident) != 2)
		exit(1);
	fclose(f);
	return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static void
bench_start(struct bench *b, const char *path, const char *what)
{
	struct store_report report;
	int64_t start;
	double ms, before;

	store_close(b->s);
	before = resident_bytes();
	start = bench_ns();
	b->s = bench_open(path, &report);
	ms = (double)(bench_ns() - start) / 1e6;
	printf("  %-34s %8.0f ms, %llu records, %llu frames, %.1f bytes a name\n", what, ms,
	    (unsigned long long)report.records, (unsigned long long)report.frames,
	    (resident_bytes() - before) / (double)report.records);
}

int
main(int argc, char **argv)
{
	static const unsigned batches[] = { 1, 16, 64, 256 };
	struct bench b = { .names = bench_names(argc, argv, 1000000), .seed = 88172645463325252u };
	char *path = bench_folder();
	struct store_stats stats;
	double before;
	int64_t start;

	store_reader_register();
	b.s = bench_open(path, NULL);
	b.due = 2000000;
	before = resident_bytes();
	start = bench_ns();
	bench_fill(b.s, b.names);
	store_stats(b.s, &stats);
	printf("store with %u names, median of %d rounds\n", b.names, ROUNDS);
	printf("  filled in %.1f s: %.1f bytes a name resident, %.1f by its own count\n",
	    (double)(bench_ns() - start) / 1e9, (resident_bytes() - before) / b.names,
	    (double)stats.bytes_in_memory / b.names);
	bench_bare_open(&b.bare, path);
	printf("  %-10s %5s %8s %10s %10s %12s %8s %12s\n", "change", "batch", "bytes", "us/commit",
	    "bare us", "changes/s", "ratio", "cpu us each");
	for (size_t i = 0; i < sizeof(batches) / sizeof(*batches); i++)
		bench(&b, "refresh", &refresh, batches[i]);
	for (size_t i = 0; i < sizeof(batches) / sizeof(*batches); i++)
		bench(&b, "new name", &addition, batches[i]);
	bench_walk(&b);
	store_stats(b.s, &stats);
	printf("  %-34s %8.1f bytes a name by its own count\n", "memory",
	    (double)stats.bytes_in_memory / (double)stats.records);
	bench(&b, "removal", &removal, 256);
	bench_start(&b, path, "start from journals");
	start = bench_ns();
	bench_snapshot(b.s);
	printf("  %-34s %8.0f ms\n", "snapshot", (double)(bench_ns() - start) / 1e6);
	bench_start(&b, path, "start from a snapshot");
	start = bench_ns();
	store_close(b.s);
	printf("  %-34s %8.0f ms\n", "close", (double)(bench_ns() - start) / 1e6);
	store_reader_unregister();
	close(b.bare.fd);
	bench_folder_end(path);
	return 0;
}
