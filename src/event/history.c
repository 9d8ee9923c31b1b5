/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last events in a ring, and the rate limit in front of it. Layer: event. Owns copies only.
 * The limit is exact: an id keeps the times of its last ten tellings, and the eleventh has to wait
 * until the oldest of them is a minute ago - so no sixty seconds ever hold more than ten.
 */
#include "event/event.h"

#include <assert.h>
#include <stdlib.h>

#include "base/err.h"

struct limit {
	uint32_t told[EVENT_LIMIT_COUNT]; /* seconds; a ring, next is the oldest */
	uint32_t count;                   /* how many of them are set */
	uint32_t next;
	uint32_t suppressed;
};

struct event_log {
	uint64_t last; /* seq of the newest; event seq lies in ring[(seq - 1) % capacity] */
	size_t capacity;
	struct limit limit[EV_COUNT];
	struct event ring[];
};

int
event_log_new(size_t capacity, struct event_log **ret)
{
	struct event_log *log;

	assert(capacity > 0);
	if (capacity > (SIZE_MAX - sizeof(*log)) / sizeof(log->ring[0]))
		return NBT_ENOMEM;
	log = calloc(1, sizeof(*log) + capacity * sizeof(log->ring[0]));
	if (!log)
		return NBT_ENOMEM;
	log->capacity = capacity;
	*ret = log;
	return 0;
}

void
event_log_free(struct event_log *log)
{
	free(log);
}

/* A clock that was set back makes old times lie in the future. The unsigned difference then is huge:
 * they count as long ago, or a server would be silent for as long as the clock went back. */
static bool
may_tell(struct limit *l, struct wall now)
{
	uint32_t oldest = l->told[l->next];

	if (l->count == EVENT_LIMIT_COUNT && now.s - oldest < EVENT_LIMIT_SECONDS)
		return false;
	if (l->count < EVENT_LIMIT_COUNT)
		l->count++;
	l->told[l->next] = now.s;
	l->next = (l->next + 1) % EVENT_LIMIT_COUNT;
	return true;
}

bool
event_log_add(struct event_log *log, const struct event *ev, struct event *ret_kept)
{
	struct limit *l;
	struct event *kept;

	assert(ev->id < EV_COUNT);
	l = &log->limit[ev->id];
	if (event_limited(ev->id) && !may_tell(l, ev->when)) {
		if (l->suppressed < UINT32_MAX)
			l->suppressed++;
		return false;
	}
	kept = &log->ring[log->last++ % log->capacity];
	*kept = *ev;
	kept->seq = log->last;
	kept->suppressed = l->suppressed;
	l->suppressed = 0;
	if (ret_kept)
		*ret_kept = *kept;
	return true;
}

size_t
event_log_read(const struct event_log *log, uint64_t after, struct event *ret, size_t cap)
{
	uint64_t oldest = log->last > log->capacity ? log->last - log->capacity : 0;
	size_t n = 0;

	if (after < oldest)
		after = oldest;
	for (uint64_t seq = after; seq < log->last && n < cap; seq++)
		ret[n++] = log->ring[seq % log->capacity];
	return n;
}

uint64_t
event_log_last(const struct event_log *log)
{
	return log->last;
}
