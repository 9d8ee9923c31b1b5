/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the main loop gave the registrar to do, first in, first out, and never more than a bound. Layer: program.
 * Whoever uses it holds the registrar's lock.
 */
#pragma once

#include "winsd/registrar.h"

#define WORK_MAX 256

struct queue {
	struct registrar_work v[WORK_MAX];
	size_t first, n;
};

static inline bool
queue_put(struct queue *q, const struct registrar_work *work)
{
	if (q->n == WORK_MAX)
		return false;
	q->v[(q->first + q->n++) % WORK_MAX] = *work;
	return true;
}

static inline bool
queue_get(struct queue *q, struct registrar_work *ret)
{
	if (!q->n)
		return false;
	*ret = q->v[q->first];
	q->first = (q->first + 1) % WORK_MAX;
	q->n--;
	return true;
}
