/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking up a name among a million: nanoseconds for store_get of a random one, next to one bare touch
 * of a random cache line in as much memory as the records take. Rounds are paired, so that a busy
 * machine slows both sides. Layer: bench. Usage: bench_lookup [--names N]
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "bench_store.h"

#define ROUNDS 11
#define TURNS  1000000

/* Processor time of this thread: nothing here waits, and neighbours then count only by what they do to
 * the caches. */
static int64_t
cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static uint64_t
next_random(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

static double
get_ns(struct store *s, unsigned names, uint64_t *seed, bool hit)
{
	struct rec rec;
	int64_t start = cpu_ns();

	for (int i = 0; i < TURNS; i++) {
		struct nb_key key = bench_key((unsigned)(next_random(seed) % names));

		key.name.b[14] = hit ? ' ' : '!';
		if (store_get(s, &key, &rec) != hit)
			abort();
		bench_use(&rec);
	}
	return (double)(cpu_ns() - start) / TURNS;
}

/* The same without the store: making the random key. */
static double
key_ns(unsigned names, uint64_t *seed)
{
	int64_t start = cpu_ns();

	for (int i = 0; i < TURNS; i++) {
		struct nb_key key = bench_key((unsigned)(next_random(seed) % names));

		key.name.b[14] = ' ';
		bench_use(&key);
	}
	return (double)(cpu_ns() - start) / TURNS;
}

static double
touch_ns(const uint8_t *memory, unsigned names, uint64_t *seed)
{
	uint64_t sum = 0;
	int64_t start = cpu_ns();

	for (int i = 0; i < TURNS; i++) /* the next place hangs on this one, as a reader's does */
		sum += memory[64 * ((next_random(seed) + sum) % names)];
	bench_use(&sum);
	return (double)(cpu_ns() - start) / TURNS;
}

int
main(int argc, char **argv)
{
	unsigned names = bench_names(argc, argv, 1000000);
	double hit[ROUNDS], miss[ROUNDS], bare[ROUNDS], ratio[ROUNDS];
	uint8_t *memory = malloc((size_t)names * 64);
	char *path = bench_folder();
	uint64_t seed = 88172645463325252u;
	struct store *s;

	if (!memory)
		abort();
	memset(memory, 1, (size_t)names * 64);
	store_reader_register();
	s = bench_open(path, NULL);
	bench_fill(s, names);
	for (int i = 0; i < ROUNDS; i++) {
		double key = key_ns(names, &seed);

		hit[i] = get_ns(s, names, &seed, true) - key;
		miss[i] = get_ns(s, names, &seed, false) - key;
		bare[i] = touch_ns(memory, names, &seed);
		ratio[i] = hit[i] / bare[i];
	}
	printf("look-up among %u names, median of %d rounds\n", names, ROUNDS);
	printf("  %-28s %7.1f ns\n", "hit, copied out", bench_median(hit, ROUNDS));
	printf("  %-28s %7.1f ns\n", "miss", bench_median(miss, ROUNDS));
	printf("  %-28s %7.1f ns\n", "bare touch of random memory", bench_median(bare, ROUNDS));
	printf("  %-28s %7.2f\n", "hit / bare touch", bench_median(ratio, ROUNDS));
	store_close(s);
	store_reader_unregister();
	free(memory);
	bench_folder_end(path);
	return 0;
}
