/* SPDX-License-Identifier: Apache-2.0 */
/* Names and sums of the engine's counters. Layer: wins. */
#include "wins/stats.h"

static const char *const names[WS_COUNT] = {
#define X(symbol, name, sentence) [WS_##symbol] = name,
#include "wins/stats.def"
#undef X
};

const char *
wins_stat_name(int stat)
{
	return names[stat];
}

static void
add(_Atomic uint64_t *sum, const _Atomic uint64_t *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum[i] += atomic_load_explicit(&from[i], memory_order_relaxed);
}

void
wins_stats_sum(struct wins_stats *sum, const struct wins_stats *from)
{
	add(sum->n, from->n, WS_COUNT);
	add(sum->drop, from->drop, NB_DROP_COUNT);
	add(sum->rule, from->rule, RULE_COUNT);
}
