/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps from a record to the next one, each of which keeps what rec.h promises: due is the
 * addresses' earliest, a unique record's address repeats the record, oldest registration first,
 * unused bytes are zero. Layer: rules. Pure; changes nothing but its first argument.
 */
#include "rules/parts.h"

#include <assert.h>
#include <string.h>

void
rules_key_copy(struct nb_key *to, const struct nb_key *from)
{
	to->name = from->name;
	to->scope.len = from->scope.len;
	memcpy(to->scope.b, from->scope.b, from->scope.len);
}

void
rules_copy(struct rec *to, const struct rec *from)
{
	/* Field by field, because padding and the unused addresses of from may hold anything. */
	rules_key_copy(&to->key, &from->key);
	to->type = from->type;
	to->state = from->state;
	to->node = from->node;
	to->is_static = from->is_static;
	to->owner = from->owner;
	to->version = from->version;
	to->due = from->due;
	to->naddr = from->naddr;
	memcpy(to->addr, from->addr, from->naddr * sizeof(*from->addr));
}

void
rules_add_member(struct rec *r, struct ip4 ip, const struct rule_env *env)
{
	assert(r->naddr < REC_ADDR_MAX);
	r->addr[r->naddr++] = (struct rec_addr){
		.ip = ip,
		.owner = OWNER_SELF,
		.due = wall_add(env->now, env->renewal),
		.since = env->now,
	};
}

void
rules_fresh(struct rec *to, const struct reg_in *in, enum rec_type type, const struct rule_env *env)
{
	rules_key_copy(&to->key, &in->key);
	to->type = (uint8_t)type;
	to->state = REC_ACTIVE;
	to->node = (in->flags & NB_ONT) >> 13;
	to->owner = OWNER_SELF;
	to->version = env->next;
	to->due = wall_add(env->now, env->renewal);
	if (type != REC_GROUP)
		rules_add_member(to, in->ip, env);
}

void
rules_take(struct rec *r, const struct rule_env *env)
{
	r->owner = OWNER_SELF;
	r->version = env->next;
	if ((r->type == REC_UNIQUE || r->type == REC_GROUP) && r->naddr)
		r->addr[0].owner = OWNER_SELF;
}

void
rules_set_due(struct rec *r, struct wall due)
{
	r->due = due;
	for (int i = 0; i < r->naddr; i++)
		r->addr[i].due = due;
}

void
rules_due_of_members(struct rec *r)
{
	r->due = WALL_NEVER;
	for (int i = 0; i < r->naddr; i++)
		if (r->addr[i].due.s < r->due.s)
			r->due = r->addr[i].due;
}

void
rules_refresh_member(struct rec *r, int i, const struct rule_env *env)
{
	r->addr[i].owner = OWNER_SELF;
	r->addr[i].due = wall_add(env->now, env->renewal);
	rules_due_of_members(r);
}

void
rules_remove_member(struct rec *r, int i)
{
	assert(i >= 0 && i < r->naddr);
	r->naddr--;
	memmove(&r->addr[i], &r->addr[i + 1], (size_t)(r->naddr - i) * sizeof(*r->addr));
	memset(&r->addr[r->naddr], 0, sizeof(*r->addr));
}

void
rules_place_member(struct rec *r, const struct rec_addr *a)
{
	int at = r->naddr;

	if (rec_find(r, a->ip) >= 0)
		return;
	assert(r->naddr < REC_ADDR_MAX);
	while (at > 0 && r->addr[at - 1].since.s > a->since.s)
		at--;
	memmove(&r->addr[at + 1], &r->addr[at], (size_t)(r->naddr - at) * sizeof(*r->addr));
	r->addr[at] = *a;
	r->naddr++;
}

void
rules_thaw(struct rec *r, const struct rule_env *env)
{
	if (!r->is_static)
		return;
	r->is_static = false;
	rules_set_due(r, wall_add(env->now, env->renewal));
}

void
rules_tombstone(struct rec *r, struct wall due, const struct rule_env *env)
{
	rules_take(r, env);
	r->state = REC_TOMBSTONE;
	/* Also what an administrator tombstones: nothing but a static active record lives for ever. */
	r->is_static = false;
	rules_set_due(r, due);
}

bool
rules_give_up(struct rec *r, const struct rule_env *env)
{
	if (rec_is_own(r)) {
		r->state = REC_RELEASED;
		rules_set_due(r, wall_add(env->now, env->extinction));
		return false;
	}
	/* Released is never replicated, so the owner learns it only from a tombstone (1.3). */
	rules_tombstone(
	    r, wall_add(wall_add(env->now, env->extinction), env->extinction_timeout), env);
	return true;
}

void
rules_keep(struct verdict *v, enum rule_id rule)
{
	v->action = ACT_KEEP;
	v->rule = rule;
}

void
rules_reply(struct verdict *v, enum rule_id rule, enum nb_rcode rcode)
{
	v->action = ACT_REPLY;
	v->rule = rule;
	v->rcode = rcode;
}

void
rules_write(struct verdict *v, enum rule_id rule, uint32_t ttl)
{
	v->action = ACT_WRITE;
	v->rule = rule;
	v->rcode = NB_RC_OK;
	v->ttl = ttl;
}
