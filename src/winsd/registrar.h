/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registrar's thread: the only one that changes state. It takes waiting packets from the
 * workers' rings, feeds the engine, commits, sends the answers; between batches it runs the
 * control protocol's work in bounded steps. Layer: program.
 */
#pragma once

#include "event/event.h"
#include "wins/wins.h"

struct registrar;

/*
 * Work for the registrar's thread. step is called there, between batches, again and again until it
 * returns true; each call must be short (at most some 2,000 records visited). Then done is called
 * on the main loop's thread. Both may use arg without a lock: they never run at once. The call itself
 * may come from the main loop's thread only. NBT_ELIMIT: too much work waits already (256).
 */
struct registrar_work {
	bool (*step)(void *arg, struct registrar *r);
	void (*done)(void *arg);
	void *arg;
};
int registrar_call(struct registrar *r, const struct registrar_work *work);

/* For step, on the registrar's thread. */
struct wins *registrar_wins(struct registrar *r);
struct store *registrar_store(struct registrar *r);
struct wall registrar_now(const struct registrar *r);

/* Any thread: the sum of all threads' counters; the event history (with its own lock inside). */
void registrar_stats(struct registrar *r, struct wins_stats *ret);
size_t registrar_events(struct registrar *r, uint64_t after, struct event *ret, size_t cap);
