/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the rule functions share: questions about names and the steps from a record to the next one.
 * Internal to the rules module; everything that fills a record expects it zeroed and keeps rec.h's
 * promises about due, owner and order. Layer: rules. Pure.
 */
#pragma once

#include "rules/rules.h"
#include "wire/ns.h"

#define SUFFIX_DOMAIN_MASTER      0x1b
#define SUFFIX_DOMAIN_CONTROLLERS 0x1c
#define SUFFIX_SEGMENT_MASTER     0x1d
#define SUFFIX_ELECTION           0x1e

static inline bool
rules_has_members(int type)
{
	return type == REC_SPECIAL || type == REC_MULTIHOMED;
}

static inline bool
rules_is_group(int type)
{
	return type == REC_GROUP || type == REC_SPECIAL;
}

/* names.c: questions about a name. */
bool rules_scope_too_long(const struct nb_key *key);
bool rules_blocked(const struct nb_key *key, const struct rule_env *env);
/* The type a registration asks for (1.2); its suffix is a legal one. */
enum rec_type rules_claimed_type(const struct reg_in *in);

/* Whom to ask. */
bool rules_is_among(struct ip4 ip, const struct ip4 *list, unsigned n);
/* An address of this machine, be it the server's or its node's. */
bool rules_is_ours(struct ip4 ip, const struct rule_env *env);
/* Those of r's addresses that somebody else can answer for; returns how many there are. */
unsigned rules_askable(
    const struct rec *r, const struct rule_env *env, struct ip4 ret[static REC_ADDR_MAX]);

/* next.c: steps to the next record. to is zeroed before. */
void rules_key_copy(struct nb_key *to, const struct nb_key *from);
void rules_copy(struct rec *to, const struct rec *from);
/* A new active dynamic record of our own, with in's address unless it is a normal group. */
void rules_fresh(
    struct rec *to, const struct reg_in *in, enum rec_type type, const struct rule_env *env);
/* This server owns the record from now on, under the next version. */
void rules_take(struct rec *r, const struct rule_env *env);
/* The record as a whole is due then, whatever its addresses were. */
void rules_set_due(struct rec *r, struct wall due);
/* due from the addresses', for active records with members. */
void rules_due_of_members(struct rec *r);
void rules_refresh_member(struct rec *r, int i, const struct rule_env *env);
void rules_remove_member(struct rec *r, int i);
/* Where its since belongs, unless the address is there already; the caller made room. */
void rules_place_member(struct rec *r, const struct rec_addr *a);
/* At the end, as the newest; the caller made room. */
void rules_add_member(struct rec *r, struct ip4 ip, const struct rule_env *env);
/* A static record becomes a dynamic one, all its addresses with a whole renewal interval. */
void rules_thaw(struct rec *r, const struct rule_env *env);
/* Nobody holds the name any more; returns whether it is a tombstone now. */
bool rules_give_up(struct rec *r, const struct rule_env *env);
void rules_tombstone(struct rec *r, struct wall due, const struct rule_env *env);

/* replica.c, replica_merge.c: what came from a partner. The verdict is zeroed before. */

/* Could in be a record at all? Its addresses are in bounds. */
bool rules_replica_fits(const struct rec *in);
/* How the member m of a partner's record is held here; what cur, or NULL, knows of it stays. */
struct rec_addr rules_replica_member(
    const struct rec *cur, const struct rec_addr *m, const struct rule_env *env);
/* in takes cur's place with the stamps of 1.3; in is a replica or comes back to its owner. */
void rules_replica_write(struct verdict *v, enum rule_id rule, const struct rec *cur,
    const struct rec *in, const struct rule_env *env);
/* 3.9.3: cur and in are active special groups of different owners, neither is static. */
void rules_replica_merge(
    struct verdict *v, const struct rec *cur, const struct rec *in, const struct rule_env *env);

/* Answers. The verdict is zeroed before. */
void rules_keep(struct verdict *v, enum rule_id rule);
void rules_reply(struct verdict *v, enum rule_id rule, enum nb_rcode rcode);
void rules_write(struct verdict *v, enum rule_id rule, uint32_t ttl);
