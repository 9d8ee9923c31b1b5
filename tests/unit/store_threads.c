/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readers look names up while the writer registers, refreshes, replaces and removes them, the hash
 * table grows, and snapshots are taken: what a reader gets is always one whole record, and never an
 * older one than it had before.
 */
#include "store/store.h"

#include <pthread.h>

#include "store_help.h"

#define NAMES   6000u
#define READERS 3
#define ROUNDS  6

struct shared {
	struct store *s;
	bool stop; /* atomic */
};

struct reader {
	struct shared *shared;
	pthread_t thread;
	uint64_t seen[NAMES]; /* the highest version of each */
	uint64_t hits;        /* atomic */
	char wrong[100];
};

/* Every part of a record follows from its number and its version. */
static struct rec
make(unsigned n, uint64_t version)
{
	struct rec r = rec_of(n, version, (uint32_t)(version * 3));

	r.addr[0].ip.v = (uint32_t)(version * 7 + n);
	if (n % 5 == 4) {
		r.type = REC_MULTIHOMED;
		r.naddr = (uint8_t)(1 + version % REC_ADDR_MAX);
		for (unsigned i = 0; i < r.naddr; i++)
			r.addr[i] = (struct rec_addr){ .ip = { (uint32_t)(version * 7 + n + i) },
				.due = r.due };
	}
	return r;
}

static bool
is_whole(const struct rec *r, unsigned n)
{
	struct rec want = make(n, r->version.v);

	if (r->type != want.type || r->naddr != want.naddr || r->due.s < want.due.s ||
	    r->due.s > want.due.s + 2)
		return false;
	for (unsigned i = 0; i < r->naddr; i++)
		if (!ip4_eq(r->addr[i].ip, want.addr[i].ip))
			return false;
	return true;
}

static void *
read_on(void *arg)
{
	struct reader *me = arg;
	uint32_t x = 12345 + (uint32_t)(uintptr_t)me;
	struct rec r;

	store_reader_register();
	while (!__atomic_load_n(&me->shared->stop, __ATOMIC_RELAXED) && !me->wrong[0]) {
		for (int i = 0; i < 64; i++) {
			unsigned n = (x = x * 1664525 + 1013904223) / 65536 % NAMES;
			struct nb_key key = key_of(n);

			if (!store_get(me->shared->s, &key, &r))
				continue;
			__atomic_fetch_add(&me->hits, 1, __ATOMIC_RELAXED);
			if (!nb_key_eq(&r.key, &key) || !is_whole(&r, n))
				snprintf(me->wrong, sizeof(me->wrong), "name %u is not whole", n);
			if (r.version.v < me->seen[n])
				snprintf(me->wrong, sizeof(me->wrong), "name %u went back", n);
			me->seen[n] = r.version.v;
		}
		store_reader_quiescent();
	}
	store_reader_unregister();
	return NULL;
}

/* Until each of them has found something since: they are at work, however busy the machine. */
static void
await_readers(struct reader readers[READERS])
{
	uint64_t before[READERS];

	for (int i = 0; i < READERS; i++)
		before[i] = __atomic_load_n(&readers[i].hits, __ATOMIC_RELAXED);
	store_reader_offline();
	for (int i = 0; i < READERS; i++)
		while (__atomic_load_n(&readers[i].hits, __ATOMIC_RELAXED) == before[i] &&
		       !readers[i].wrong[0])
			usleep(1000);
	store_reader_online();
}

static void
write_on(struct store *s, struct reader readers[READERS])
{
	uint32_t x = 99;

	for (unsigned round = 0; round < ROUNDS; round++) {
		if (round)
			await_readers(readers);
		for (unsigned i = 0; i < NAMES; i++) {
			unsigned n = (x = x * 1664525 + 1013904223) / 65536 % NAMES;
			struct nb_key key = key_of(n);
			struct rec r;
			bool staged;

			if (!store_peek(s, &key, &r, &staged) || x >> 8 & 1) {
				r = make(n, store_next_version(s).v);
			} else { /* a refresh */
				r.due.s = (uint32_t)(r.version.v * 3 + 1 + (x >> 9 & 1));
				for (unsigned k = 0; k < r.naddr; k++)
					r.addr[k].due = r.due;
			}
			assert_int_equal(
			    (x >> 10 & 15) == 5 ? store_del(s, &key) : store_put(s, &r), 0);
			if (i % 100 == 99)
				assert_int_equal(store_commit(s), 0);
		}
		if (round % 2 == 0)
			(void)store_snapshot(s); /* beside the next rounds */
		(void)store_tend(s);
	}
	assert_int_equal(store_commit(s), 0);
}

static void
readers_see_whole_records_that_never_go_back(void **state)
{
	static struct reader readers[READERS];
	char *path = folder_new();
	struct shared shared = { .s = open_at(path) };
	static struct rec kept[NAMES];
	static bool there[NAMES];
	struct rec after;

	for (int i = 0; i < READERS; i++) {
		memset(&readers[i], 0, sizeof(readers[i]));
		readers[i].shared = &shared;
		assert_int_equal(pthread_create(&readers[i].thread, NULL, read_on, &readers[i]), 0);
	}
	write_on(shared.s, readers);
	__atomic_store_n(&shared.stop, true, __ATOMIC_RELAXED);
	store_reader_offline();
	for (int i = 0; i < READERS; i++)
		pthread_join(readers[i].thread, NULL);
	store_reader_online();
	for (int i = 0; i < READERS; i++)
		assert_string_equal(readers[i].wrong, "");
	/* and all of it is on the disk */
	for (unsigned n = 0; n < NAMES; n++)
		there[n] = get(shared.s, key_of(n), &kept[n]);
	store_close(shared.s);
	shared.s = open_at(path);
	for (unsigned n = 0; n < NAMES; n++) {
		assert_int_equal(get(shared.s, key_of(n), &after), there[n]);
		same_rec(&after, &kept[n]);
	}
	store_close(shared.s);
	folder_free(path);
}

/* A reader that never says it is done must not make memory grow without end: the writer waits. */
static void *
hold(void *arg)
{
	struct shared *shared = arg;

	store_reader_register();
	for (int i = 0; i < 2000 && !__atomic_load_n(&shared->stop, __ATOMIC_RELAXED); i++)
		usleep(100); /* online and idle: a grace period cannot end */
	store_reader_unregister();
	return NULL;
}

static void
a_reader_that_sleeps_online_delays_only_memory(void **state)
{
	char *path = folder_new();
	struct shared shared = { .s = open_at(path) };
	pthread_t thread;
	struct rec r;

	assert_int_equal(pthread_create(&thread, NULL, hold, &shared), 0);
	for (unsigned i = 0; i < 3000; i++) {
		r = make(i % 10, store_next_version(shared.s).v);
		put(shared.s, &r);
		if (i % 10 == 9)
			assert_int_equal(store_commit(shared.s), 0);
	}
	__atomic_store_n(&shared.stop, true, __ATOMIC_RELAXED);
	store_reader_offline();
	pthread_join(thread, NULL);
	store_reader_online();
	store_close(shared.s);
	folder_free(path);
}

static int
begin(void **state)
{
	store_reader_register();
	return 0;
}

static int
end(void **state)
{
	store_reader_unregister();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(readers_see_whole_records_that_never_go_back),
		cmocka_unit_test(a_reader_that_sleeps_online_delays_only_memory),
	};

	return cmocka_run_group_tests_name("store_threads", tests, begin, end);
}
