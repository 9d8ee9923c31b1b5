/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread that appends one frame to the journal while the writer stages the next batch: the wait for the
 * disk costs nothing then. Layer: store. The journal is the thread's from flight_begin to flight_end,
 * but for what journal.h lets any thread read; everything here is for the writer to call.
 */
#pragma once

#include <pthread.h>

#include "store/journal.h"

enum flight_state {
	FLIGHT_NONE, /* no thread */
	FLIGHT_IDLE,
	FLIGHT_BEGUN,
	FLIGHT_LANDED,
	FLIGHT_LEAVE, /* the thread shall end */
};

struct flight {
	struct journal *journal;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t turned;
	int state; /* enum flight_state; changed under the lock, read also without; its turn
		    * from one thread to the other hands over what follows */
	uint8_t *buf;
	struct frame frame;
	int err, sync_err; /* once landed: journal_append's */
};

/* The thread begins with the first frame. */
void flight_init(struct flight *f, struct journal *j);
/* Waits for the frame that is on its way, if any, and ends the thread. */
void flight_release(struct flight *f);

/* buf as for journal_append; both stay as they are until flight_end. NBT_ENOMEM: no thread, nothing was
 * begun. */
int flight_begin(struct flight *f, uint8_t *buf, const struct frame *frame);
/* Is the frame durable, or sure not to be, or was none begun? */
bool flight_has_landed(const struct flight *f);
/* Waits for that. */
void flight_await(struct flight *f);
/* The same; what journal_append came to. */
int flight_end(struct flight *f, int *ret_sync_err);
