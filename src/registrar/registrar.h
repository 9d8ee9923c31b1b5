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
struct repl_line;
struct winsd;

/*
 * Starts the thread, which opens the store and the engine, and waits until they stand. done is
 * called on the registrar's thread whenever finished work waits for registrar_finish. Errors are
 * told; NBT_EOWNER: the store is another server's.
 */
int registrar_start(
    struct winsd *d, void (*done)(void *arg), void *done_arg, struct registrar **ret);
/* Takes what still waits, makes it durable, answers, closes the store. Accepts NULL. */
void registrar_stop(struct registrar *r);
/* On the main loop's thread: calls done of all finished work. */
void registrar_finish(struct registrar *r);

/* Any worker: there is something in a ring, and more may come. */
void registrar_note(struct registrar *r);
/* Any thread: there is something to do. A worker that is about to wait calls it too. */
void registrar_wake(struct registrar *r);

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
struct repl_line *registrar_repl(struct registrar *r);
/* By the clock of leases. */
struct wall registrar_now(const struct registrar *r);
struct mono registrar_mono(const struct registrar *r);

/* Any thread: the sum of all threads' counters. */
void registrar_stats(struct registrar *r, struct wins_stats *ret);
struct registrar_store_state {
	bool snapshot_running;
	struct wall snapshot_done; /* 0 = none since the start */
	uint64_t backups_ended;    /* well or not */
	char backup_error[200];    /* of the last one; empty = it is complete */
};
void registrar_store_state(struct registrar *r, struct registrar_store_state *ret);
uint64_t registrar_beats(const struct registrar *r); /* counts up while the thread lives */
