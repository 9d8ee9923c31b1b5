/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A partner's records taken over: wins_replica and wins_commit into a store that was empty, in batches
 * of 1,024 new names as a first pull brings them; next to a bare pwrite and fdatasync of the same bytes,
 * and next to the rule with an insert into a plain hash table, which nothing can do without. Rounds are
 * paired, so that a busy machine slows all sides. Layer: bench. Usage: bench_replica [--names N]
 */
#include "bench.h"
#include "bench_store.h"
#include "wins/wins.h"

#define BATCH   1024u
#define ROUNDS  16u
#define PARTNER IP4(198, 51, 100, 1)

static const struct wall now = { 1000000 };
static const struct mono mnow = { 1000000000 };

/* A unique name in memory, as small as can be. */
struct item {
	struct nb_name name;
	uint64_t version;
	struct ip4 owner, ip;
	struct wall due, since;
	uint8_t node, state;
};

struct bench {
	struct store *s;
	struct wins *w;
	struct rule_env env;
	unsigned names;
	struct bench_bare bare;
	struct item *hash; /* open addressing, twice the names */
	uint64_t mask;
};

static uint32_t
no_random(void *arg)
{
	return 4; /* nobody is asked */
}

static void
no_event(void *arg, const struct event *ev)
{
}

/* Names in no order, as machines register. */
static struct rec
replica(unsigned n)
{
	struct rec r = bench_rec((n * 2654435761u) & 0x7fffffff, n + 1, 0);

	r.owner = r.addr[0].owner = PARTNER;
	r.addr[0].since.s = 0;
	return r;
}

static double
wins_us(struct bench *b, const struct rec *in, unsigned n)
{
	int64_t start = bench_ns();

	for (unsigned i = 0; i < n; i++) {
		if (wins_replica(b->w, &in[i], 1, mnow, now))
			exit(1);
		if (i % BATCH == BATCH - 1 && wins_commit(b->w, now))
			exit(1);
	}
	if (wins_commit(b->w, now))
		exit(1);
	return (double)(bench_ns() - start) / 1000;
}

static struct item *
hash_place(struct bench *b, const struct nb_name *name)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (int i = 0; i < NB_NAME_LEN; i++)
		h = (h ^ name->b[i]) * 0x100000001b3u;
	for (h ^= h >> 29;; h++) {
		struct item *at = &b->hash[h & b->mask];

		if (!at->version || !memcmp(&at->name, name, sizeof(*name)))
			return at;
	}
}

static double
rule_us(struct bench *b, const struct rec *in, unsigned n)
{
	int64_t start = bench_ns();

	for (unsigned i = 0; i < n; i++) {
		struct item *at = hash_place(b, &in[i].key.name);
		struct verdict v = rule_replica(NULL, &in[i], &b->env);
		const struct rec *r = &v.next;

		if (v.action != ACT_WRITE || at->version)
			exit(1);
		*at = (struct item){ r->key.name, r->version.v, r->owner, r->addr[0].ip, r->due,
			r->addr[0].since, r->node, r->state };
	}
	return (double)(bench_ns() - start) / 1000;
}

static void
open_engine(struct bench *b, const char *path)
{
	const struct wins_conf conf = { .chl_interval_ms = 500,
		.chl_tries = 3,
		.challenges_max = 1000,
		.names_max = UINT64_MAX,
		.scavenge_slice = 1000 };
	const struct wins_host host = { .random = no_random, .event = no_event };

	b->s = bench_open(path, NULL);
	if (wins_new(&conf, b->s, &host, now, &b->w))
		exit(1);
	b->env = wins_view(b->w)->env;
	b->env.now = now;
	bench_bare_open(&b->bare, path);
	for (b->mask = 1; b->mask < 2 * (uint64_t)b->names; b->mask *= 2)
		;
	/* touched now, so that its pages do not count */
	b->hash = malloc(b->mask * sizeof(*b->hash));
	if (!b->hash)
		exit(1);
	memset(b->hash, 0, b->mask * sizeof(*b->hash));
	b->mask--;
}

static void
run(struct bench *b)
{
	double ours[ROUNDS], bare[ROUNDS], rule[ROUNDS], to_bare[ROUNDS], to_rule[ROUNDS], all = 0;
	unsigned n = b->names / ROUNDS, commits = (n + BATCH - 1) / BATCH;
	struct rec *in = malloc(n * sizeof(*in));

	if (!in || !n)
		exit(1);
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct store_stats before, after;

		for (unsigned j = 0; j < n; j++)
			in[j] = replica(i * n + j);
		store_stats(b->s, &before);
		ours[i] = wins_us(b, in, n);
		store_stats(b->s, &after);
		bare[i] = bench_bare_us(&b->bare,
		    (size_t)(after.journal_bytes - before.journal_bytes) / commits, commits);
		rule[i] = rule_us(b, in, n);
		to_bare[i] = bare[i] / ours[i];
		to_rule[i] = rule[i] / ours[i];
		all += ours[i];
	}
	printf("  %-44s %12.0f records/s, %.0f in all\n", "wins_replica and wins_commit",
	    n / bench_median(ours, ROUNDS) * 1e6, ROUNDS * n / all * 1e6);
	printf("  %-44s %12.0f records/s, ratio %.2f\n", "the same bytes, pwrite and fdatasync",
	    n / bench_median(bare, ROUNDS) * 1e6, bench_median(to_bare, ROUNDS));
	printf("  %-44s %12.0f records/s, ratio %.2f\n", "rule_replica and an insert in memory",
	    n / bench_median(rule, ROUNDS) * 1e6, bench_median(to_rule, ROUNDS));
	free(in);
}

int
main(int argc, char **argv)
{
	struct bench b = { .names = bench_names(argc, argv, 1000000) };
	char *path = bench_folder();

	store_reader_register();
	open_engine(&b, path);
	printf("%u new replicas in batches of %u, median of %u rounds\n", b.names, BATCH, ROUNDS);
	run(&b);
	wins_free(b.w);
	store_close(b.s);
	store_reader_unregister();
	close(b.bare.fd);
	free(b.hash);
	bench_folder_end(path);
	return 0;
}
