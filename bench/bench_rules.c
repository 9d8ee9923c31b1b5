/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision core on the two paths that matter: the verdict of a refresh, and the answer to a query
 * (which must stay under 50 ns), next to a bare copy of the bytes that each of them hands back. Rounds
 * are paired, so that a busy machine slows both sides. Layer: bench.
 */
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "rules/rules.h"
#include "wire/ns.h"

#define ROUNDS 15
#define TURNS  300000

struct work {
	struct rule_env env;
	struct reg_in in;
	struct rec cur, pdc;
	struct verdict verdict, copied_verdict;
	struct answer answer, copied_answer;
};

static void
refresh(struct work *w)
{
	w->verdict = rule_register(&w->cur, &w->in, &w->env);
	if (w->verdict.action != ACT_WRITE)
		abort();
}

static void
copy_verdict(struct work *w)
{
	w->copied_verdict = w->verdict;
}

static void
query(struct work *w)
{
	rule_query(&w->in.key, &w->cur, &w->pdc, &w->env, &w->answer);
}

static void
copy_answer(struct work *w)
{
	memcpy(&w->copied_answer, &w->answer,
	    offsetof(struct answer, addr) + w->answer.naddr * sizeof(*w->answer.addr));
}

static double
turn_ns(void (*step)(struct work *), struct work *w)
{
	int64_t start = bench_ns();

	for (int i = 0; i < TURNS; i++) {
		step(w);
		bench_use(w);
	}
	return (double)(bench_ns() - start) / TURNS;
}

static void
bench(
    const char *what, void (*step)(struct work *), void (*bare_step)(struct work *), struct work *w)
{
	double ours[ROUNDS], bare[ROUNDS], ratio[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		ours[i] = turn_ns(step, w);
		bare[i] = turn_ns(bare_step, w);
		ratio[i] = ours[i] / bare[i];
	}
	printf("%-28s %6.1f ns  copy %5.1f ns  ratio %5.1f\n", what, bench_median(ours, ROUNDS),
	    bench_median(bare, ROUNDS), bench_median(ratio, ROUNDS));
}

static void
fill(struct work *w, uint8_t suffix, int type, int naddr)
{
	memset(&w->cur, 0, sizeof(w->cur));
	memset(w->cur.key.name.b, 'A', NB_NAME_LEN - 1);
	w->cur.key.name.b[NB_NAME_LEN - 1] = suffix;
	w->cur.type = (uint8_t)type;
	w->cur.version.v = 7;
	w->cur.due = w->env.now;
	for (; w->cur.naddr < naddr; w->cur.naddr++)
		w->cur.addr[w->cur.naddr] =
		    (struct rec_addr){ .ip = IP4(192, 0, 2, w->cur.naddr), .due = w->env.now };
	w->pdc = w->cur;
	w->pdc.type = REC_UNIQUE;
	w->in = (struct reg_in){ .key = w->cur.key, .opcode = NB_OP_REFRESH };
	w->in.flags = type == REC_SPECIAL ? NB_G : 0;
	w->in.ip = w->in.from = w->cur.addr[0].ip;
}

int
main(void)
{
	static struct work w = { .env = { .now = { 1000000000 },
				     .next = { 8 },
				     .renewal = 518400,
				     .prepend_1b = true,
				     .nblocked = 2,
				     .blocked = { "WPAD           ", "ISATAP         " } } };

	fill(&w, 0x20, REC_UNIQUE, 1);
	bench("refresh, unique", refresh, copy_verdict, &w);
	bench("query, unique", query, copy_answer, &w);
	fill(&w, 0x20, REC_MULTIHOMED, 25);
	bench("refresh, 25 addresses", refresh, copy_verdict, &w);
	bench("query, 25 addresses", query, copy_answer, &w);
	fill(&w, 0x1c, REC_SPECIAL, 25);
	bench("refresh, 1C of 25", refresh, copy_verdict, &w);
	bench("query, 1C of 25, 1B first", query, copy_answer, &w);
	return 0;
}
