/* SPDX-License-Identifier: Apache-2.0 */
/* See repl_conf.h. Layer: program. */
#include "registrar/repl_conf.h"

#include <string.h>

static void
take_partner(const struct conf_partner *p, struct repl_partner_conf *ret)
{
	*ret = (struct repl_partner_conf){
		.address = p->address,
		.pull = p->pull,
		.push = p->push,
		.persistent = p->persistent,
		.only_dynamic = p->only_dynamic,
		.pull_interval = (uint32_t)p->pull_interval,
		.pull_start = (uint32_t)p->pull_start, /* CONF_NO_CLOCK is UINT32_MAX there too */
		.update_count = (uint32_t)p->update_count,
	};
}

static void
take_filter(const struct conf *c, struct repl_conf *ret)
{
	const struct conf_addresses *list = &c->replication_block_owners;

	ret->accept_only = c->replication_accept_owners.n > 0;
	if (ret->accept_only)
		list = &c->replication_accept_owners;
	ret->nfilter = list->n;
	memcpy(ret->filter, list->a, list->n * sizeof(*list->a));
}

/* One list of partners serves for all servers: who is in it is left out of its own. */
static bool
is_own(const struct repl_conf *r, struct ip4 address)
{
	for (unsigned i = 0; i < r->nself; i++)
		if (ip4_eq(r->own[i], address))
			return true;
	return ip4_eq(r->self, address);
}

static void
take_partners(const struct conf *c, struct repl_conf *ret)
{
	const struct conf_partners *list = &c->replication_partners;

	for (unsigned i = 0; i < list->n; i++)
		if (!is_own(ret, list->v[i].address))
			take_partner(&list->v[i], &ret->partner[ret->npartners++]);
}

/* 0 is off; less than the least would ask owners for everything again and again. */
static uint32_t
check_interval(const struct conf *c)
{
	uint64_t s = c->replication_check_interval;

	return (uint32_t)(s && s < REPL_CHECK_INTERVAL_MIN ? REPL_CHECK_INTERVAL_MIN : s);
}

void
repl_conf_of(const struct conf *c, const struct ip4 *own, unsigned nown, struct ip4 self,
    struct repl_conf *ret)
{
	*ret = (struct repl_conf){
		.self = self,
		.only_partners = c->replication_only_partners,
		.pull_at_start = c->replication_pull_at_start,
		.push_at_start = c->replication_push_at_start,
		.push_on_address_change = c->replication_push_on_address_change,
		.propagate = c->replication_propagate,
		.retry_count = (uint32_t)c->replication_retry_count,
		.retry_interval = (uint32_t)c->replication_retry_interval,
		.message_timeout = (uint32_t)c->replication_message_timeout,
		.idle_timeout = (uint32_t)c->replication_idle_timeout,
		.connections_max = (uint32_t)c->replication_connections_max,
		.range_max = (uint32_t)c->replication_range_max,
		.reply_memory = c->replication_reply_memory,
		.partial = c->replication_partial,
		.pause =
		    (uint8_t)c->replication_pause, /* the words stand in enum repl_pause's order */
		.pause_max = (uint32_t)c->replication_pause_max,
		.check_interval = check_interval(c),
		.check_start = (uint32_t)c->replication_check_start,
		.check_records_max = (uint32_t)c->replication_check_records_max,
		.check_with_partner = c->replication_check_with_partner,
		.discover = c->replication_discover,
		.discover_interval = (uint32_t)c->replication_discover_interval,
		.skew_limit = (uint32_t)c->replication_skew_limit,
	};
	for (unsigned i = 0; i < nown && i < sizeof(ret->own) / sizeof(*ret->own); i++)
		ret->own[ret->nself++] = own[i];
	take_filter(c, ret);
	take_partners(c, ret);
}

int
repl_conf_check(const struct conf *c, const struct conf_say *say)
{
	if (!c->replication_block_owners.n || !c->replication_accept_owners.n)
		return 0;
	say->fn(say->arg,
	    "replication.block-owners and replication.accept-owners: only one of the two can be "
	    "given");
	return NBT_EINVAL;
}
