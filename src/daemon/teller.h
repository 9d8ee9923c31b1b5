/* SPDX-License-Identifier: Apache-2.0 */
/* Whoever tells events: one history, one log, one lock, for all threads of a daemon. Layer: daemon. */
#pragma once

#include <pthread.h>

#include "event/event.h"

struct teller {
	pthread_mutex_t lock;
	struct event_log *log;
	const char *(*rule_name)(int rule); /* NULL: this program's events name no rules */
};

int teller_init(struct teller *t, size_t history, const char *(*rule_name)(int rule));
void teller_release(struct teller *t);
/* Any thread. Whatever the event says, it is dated by the machine's clock: engines know another one
 * (base/lease_clock.h). */
void teller_tell(struct teller *t, const struct event *ev);
/* The same for events without more than an id, a number and a text. */
void teller_say(struct teller *t, int event, uint64_t number, const char *text);
/* Any thread: as event_log_read. */
size_t teller_read(struct teller *t, uint64_t after, struct event *ret, size_t cap);
