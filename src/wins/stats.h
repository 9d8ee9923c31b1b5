/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's counters: plain 64-bit numbers, one set a thread, each written by its thread alone
 * with relaxed stores and summed by whoever asks. Layer: wins.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "rules/rules.h"
#include "wire/ns.h"

enum wins_stat {
#define X(symbol, name, sentence) WS_##symbol,
#include "wins/stats.def"
#undef X
	WS_COUNT
};

const char *wins_stat_name(int stat); /* "queries" */

struct wins_stats {
	_Atomic uint64_t n[WS_COUNT];
	_Atomic uint64_t drop[NB_DROP_COUNT];
	_Atomic uint64_t rule[RULE_COUNT];
};

static inline void
wins_count(_Atomic uint64_t *counter)
{
	uint64_t v = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, v + 1, memory_order_relaxed);
}

static inline void
wins_count_more(_Atomic uint64_t *counter, uint64_t n)
{
	uint64_t v = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, v + n, memory_order_relaxed);
}

/* Adds what from holds to sum, which is the caller's alone. */
void wins_stats_sum(struct wins_stats *sum, const struct wins_stats *from);
