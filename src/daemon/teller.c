/* SPDX-License-Identifier: Apache-2.0 */
/* See teller.h. Layer: daemon. */
#include "daemon/teller.h"

#include <string.h>

#include "io/clock.h"
#include "io/log.h"

int
teller_init(struct teller *t, size_t history, const char *(*rule_name)(int rule))
{
	int err = event_log_new(history, &t->log);

	t->rule_name = rule_name;
	if (!err)
		pthread_mutex_init(&t->lock, NULL);
	return err;
}

void
teller_release(struct teller *t)
{
	event_log_free(t->log);
	t->log = NULL;
	pthread_mutex_destroy(&t->lock);
}

void
teller_tell(struct teller *t, const struct event *ev)
{
	struct event dated = *ev, kept;
	bool told;

	dated.when = clock_wall();
	pthread_mutex_lock(&t->lock);
	told = event_log_add(t->log, &dated, &kept);
	pthread_mutex_unlock(&t->lock);
	if (told)
		log_event(&kept, kept.rule && t->rule_name ? t->rule_name(kept.rule) : NULL);
}

void
teller_say(struct teller *t, int event, uint64_t number, const char *text)
{
	struct event ev = { .id = (uint16_t)event, .number = number };

	strncpy(ev.text, text, sizeof(ev.text) - 1);
	teller_tell(t, &ev);
}

size_t
teller_read(struct teller *t, uint64_t after, struct event *ret, size_t cap)
{
	size_t n;

	pthread_mutex_lock(&t->lock);
	n = event_log_read(t->log, after, ret, cap);
	pthread_mutex_unlock(&t->lock);
	return n;
}
