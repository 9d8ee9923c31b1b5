/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an administrator may ask of the engine: what would happen, and changes by hand. Same rules,
 * same batch, same one place of effects as for packets. Layer: wins.
 */
#include "wins/apply.h"
#include "wins/engine.h"
#include "wins/tell.h"

void
wins_explain_register(
    struct wins *w, const struct reg_in *in, struct wall now, struct wins_explain *ret)
{
	struct wins_look look;

	ret->verdict = rule_register(wins_look_up_claim(w, in, now, &look), in, &look.env);
	ret->found = look.found;
	ret->cur = look.rec;
}

void
wins_explain_release(
    struct wins *w, const struct release_in *in, struct wall now, struct wins_explain *ret)
{
	struct wins_look look;

	ret->verdict = rule_release(wins_look_up(w, &in->key, now, &look), in, &look.env);
	ret->found = look.found;
	ret->cur = look.rec;
}

/* The batch first, so that the administrator's change is one of its own and its error is his. */
static int
carry_out(struct wins *w, const struct verdict *v, const struct rec *cur, struct wall now)
{
	int err = apply(w, v, cur, NULL);

	return err ? err : wins_commit(w, now);
}

int
wins_admin_add(struct wins *w, const struct rec *rec, uint32_t uid, struct wall now)
{
	struct wins_look look;
	const struct rec *cur;
	struct verdict v;
	int err = wins_commit(w, now);

	if (err)
		return err;
	cur = wins_look_up(w, &rec->key, now, &look);
	v = rule_admin_add(cur, rec, &look.env);
	if (v.action != ACT_WRITE)
		return NBT_EINVAL;
	err = carry_out(w, &v, cur, now);
	if (!err)
		tell_decision(w, &v,
		    &(struct subject){
			.key = &rec->key, .address = rec->addr[0].ip, .number = uid },
		    now);
	return err;
}

int
wins_admin_delete(struct wins *w, const struct nb_key *key, uint32_t uid, struct wall now)
{
	struct verdict v = { .action = ACT_DELETE, .next = { .key = *key } };
	struct wins_look look;
	int err = wins_commit(w, now);

	if (err)
		return err;
	if (!wins_look_up(w, key, now, &look))
		return NBT_ENOENT;
	err = carry_out(w, &v, &look.rec, now);
	if (!err)
		wins_tell(w, EV_RECORD_DELETED, key, IP4_ANY, IP4_ANY, uid, 0, now);
	return err;
}

int
wins_admin_tombstone(struct wins *w, const struct nb_key *key, uint32_t uid, struct wall now)
{
	struct wins_look look;
	struct verdict v;
	int err = wins_commit(w, now);

	if (err)
		return err;
	if (!wins_look_up(w, key, now, &look))
		return NBT_ENOENT;
	v = rule_admin_tombstone(&look.rec, &look.env);
	if (v.action != ACT_WRITE)
		return 0; /* it is one already */
	err = carry_out(w, &v, &look.rec, now);
	if (!err)
		tell_decision(w, &v, &(struct subject){ .key = key, .number = uid }, now);
	return err;
}

bool
wins_is_excluded(const struct wins *w, struct ip4 ip)
{
	for (unsigned i = 0; i < w->conf.nexcluded; i++)
		if (ip4_net_has(w->conf.excluded[i], ip))
			return true;
	return false;
}

/* Index of the first address of an excluded network, or naddr. */
static unsigned
first_excluded(const struct wins *w, const struct rec *r)
{
	unsigned i = 0;

	while (i < r->naddr && !wins_is_excluded(w, r->addr[i].ip))
		i++;
	return i;
}

int
wins_admin_exclude(struct wins *w, const struct nb_key *key, uint32_t uid, struct wall now,
    struct wins_removed *ret)
{
	struct wins_look look;
	const struct rec *cur;
	struct verdict v;
	struct ip4 ip;
	int err = wins_commit(w, now);

	ret->naddr = 0;
	while (!err) {
		cur = wins_look_up(w, key, now, &look);
		if (!cur || cur->state != REC_ACTIVE || cur->is_static)
			return ret->naddr ? 0
					  : NBT_ENOENT; /* its last one may have gone just now */
		if (first_excluded(w, cur) == cur->naddr)
			return 0;
		ip = cur->addr[first_excluded(w, cur)].ip;
		v = rule_unwanted(cur, ip, &look.env);
		err = carry_out(w, &v, &look.rec, now);
		if (err)
			break;
		ret->addr[ret->naddr++] = ip;
		wins_count(&w->stats.n[WS_DOCTOR_REMOVED]);
		tell_decision(
		    w, &v, &(struct subject){ .key = key, .address = ip, .number = uid }, now);
	}
	return err;
}
