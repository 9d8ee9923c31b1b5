/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which request comes next. Layer: program; pure. The same seed gives the same requests.
 */
#include "nbperf/load.h"

void
plan_init(struct plan *plan, const struct perf *p, bool owners)
{
	*plan = (struct plan){ .p = p, .owners = owners, .random = p->seed | 1 };
}

/* xorshift64*: what a load needs of chance. */
static uint64_t
draw(struct plan *plan, uint64_t below)
{
	plan->random ^= plan->random >> 12;
	plan->random ^= plan->random << 25;
	plan->random ^= plan->random >> 27;
	return (uint64_t)((__extension__(unsigned __int128)(
			       plan->random * UINT64_C(0x2545f4914f6cdd1d)) *
			      below) >>
			  64);
}

static enum perf_op
draw_op(struct plan *plan)
{
	unsigned sum = 0, drawn;

	for (unsigned i = 0; i < PERF_OPS; i++)
		sum += plan->p->mix[i];
	drawn = (unsigned)draw(plan, sum);
	for (unsigned i = 0; i < PERF_OPS - 1; i++) {
		if (drawn < plan->p->mix[i])
			return (enum perf_op)i;
		drawn -= plan->p->mix[i];
	}
	return OP_RELEASE;
}

/*
 * Queries and refreshes are for the names held, registrations for new ones behind them, releases for
 * the oldest of those: never for one whose registration may still be open, so that each result is
 * known beforehand. New names have the sender's own address, because a release counts only from the
 * address that is released (wins 2.8).
 */
static void
mixed(struct plan *plan, uint64_t open, struct ask *ret)
{
	const struct perf *p = plan->p;

	ret->op = (uint8_t)draw_op(plan);
	if (ret->op == OP_RELEASE && plan->released + open >= plan->registered)
		ret->op = OP_REFRESH;
	switch ((enum perf_op)ret->op) {
	case OP_QUERY:
	case OP_REFRESH:
		ret->number = p->first + draw(plan, p->names);
		break;
	case OP_REGISTER:
		ret->number = p->first + p->names + p->fresh + plan->registered++;
		ret->self = true;
		break;
	case OP_RELEASE:
		ret->number = p->first + p->names + p->fresh + plan->released++;
		ret->self = true;
		break;
	}
}

void
plan_next(struct plan *plan, uint64_t open, struct ask *ret)
{
	const struct perf *p = plan->p;
	uint64_t turn = plan->made++;

	*ret = (struct ask){ .number = p->first + turn % p->names };
	switch (p->mode) {
	case PERF_QUERY:
		ret->number = p->first + draw(plan, p->names);
		break;
	case PERF_REGISTER:
		ret->op = OP_REGISTER;
		break;
	case PERF_REFRESH:
		ret->op = OP_REFRESH;
		break;
	case PERF_RELEASE:
		ret->op = OP_RELEASE;
		break;
	case PERF_MIXED:
		mixed(plan, open, ret);
		break;
	case PERF_CHALLENGE:
		ret->op = OP_REGISTER;
		ret->owners = plan->owners;
		break;
	case PERF_PULL:
	case PERF_RESPONDER: /* these two ask for no names */
	case PERF_STORM:
		ret->op = OP_REGISTER;
		ret->number = p->first * STORM_NAMES + turn;
		break;
	}
	if (ret->op == OP_QUERY)
		ret->absent = draw(plan, 10000) >= p->hits;
}
