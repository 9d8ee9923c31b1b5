/* SPDX-License-Identifier: Apache-2.0 */
/* See flight.h. Layer: store. */
#include "store/flight.h"

#include "base/err.h"

/* Signals without the lock: who is woken on the same processor would only run into it. */
static void
turn_to(struct flight *f, enum flight_state state)
{
	pthread_mutex_lock(&f->lock);
	__atomic_store_n(&f->state, (int)state, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&f->lock);
	pthread_cond_signal(&f->turned);
}

/* Waits until it is neither of two. */
static int
await_other(struct flight *f, enum flight_state a, enum flight_state b)
{
	int state;

	pthread_mutex_lock(&f->lock);
	while (f->state == (int)a || f->state == (int)b)
		pthread_cond_wait(&f->turned, &f->lock);
	state = f->state;
	pthread_mutex_unlock(&f->lock);
	return state;
}

static void *
run(void *arg)
{
	struct flight *f = arg;

	pthread_setname_np(pthread_self(), "journal");
	while (await_other(f, FLIGHT_IDLE, FLIGHT_LANDED) != FLIGHT_LEAVE) {
		f->sync_err = 0;
		f->err = journal_append(f->journal, f->buf, &f->frame, &f->sync_err);
		turn_to(f, FLIGHT_LANDED);
	}
	return NULL;
}

void
flight_init(struct flight *f, struct journal *j)
{
	*f = (struct flight){ .journal = j };
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->turned, NULL);
}

void
flight_release(struct flight *f)
{
	flight_await(f); /* nobody is left who would be told */
	if (f->state != FLIGHT_NONE) {
		turn_to(f, FLIGHT_LEAVE);
		pthread_join(f->thread, NULL);
	}
	pthread_cond_destroy(&f->turned);
	pthread_mutex_destroy(&f->lock);
}

int
flight_begin(struct flight *f, uint8_t *buf, const struct frame *frame)
{
	if (f->state == FLIGHT_NONE) {
		f->state = FLIGHT_IDLE;
		if (pthread_create(&f->thread, NULL, run, f)) {
			f->state = FLIGHT_NONE;
			return NBT_ENOMEM;
		}
	}
	f->buf = buf;
	f->frame = *frame;
	turn_to(f, FLIGHT_BEGUN);
	return 0;
}

bool
flight_has_landed(const struct flight *f)
{
	return __atomic_load_n(&f->state, __ATOMIC_ACQUIRE) != FLIGHT_BEGUN;
}

void
flight_await(struct flight *f)
{
	(void)await_other(f, FLIGHT_BEGUN, FLIGHT_BEGUN);
}

int
flight_end(struct flight *f, int *ret_sync_err)
{
	flight_await(f);
	*ret_sync_err = f->sync_err;
	return f->err;
}
