/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a name alone decides: suffix rules, the block list, the length of the scope; which addresses are
 * this machine's and which can be asked; and the texts of the rules. Layer: rules. Pure, no state.
 */
#include "rules/parts.h"

#include <assert.h>
#include <string.h>

static const struct {
	const char *name, *spec, *sentence;
} texts[RULE_COUNT] = {
	[RULE_NONE] = { "none", "", "no rule" },
#define X(id, spec, sentence) [RULE_##id] = { #id, spec, sentence },
#include "rules/rules.def"
#undef X
};

const char *
rule_name(int id)
{
	assert(id >= 0 && id < RULE_COUNT);
	return texts[id].name;
}

const char *
rule_spec(int id)
{
	assert(id >= 0 && id < RULE_COUNT);
	return texts[id].spec;
}

const char *
rule_sentence(int id)
{
	assert(id >= 0 && id < RULE_COUNT);
	return texts[id].sentence;
}

bool
rules_scope_too_long(const struct nb_key *key)
{
	/* On the wire each label has a length byte; the text has a dot between two labels, one
	 * character less. */
	return key->scope.len > NB_SCOPE_MAX + 1;
}

static bool
same_folded(const uint8_t *name, const uint8_t upper[NB_NAME_LEN - 1])
{
	for (int i = 0; i < NB_NAME_LEN - 1; i++) {
		uint8_t c = name[i];

		if (c >= 'a' && c <= 'z')
			c = (uint8_t)(c - 'a' + 'A');
		if (c != upper[i])
			return false;
	}
	return true;
}

bool
rules_blocked(const struct nb_key *key, const struct rule_env *env)
{
	/* Only what a browser or resolver asks for: the workstation and the server name (2.12). */
	if (nb_suffix(key) != 0x00 && nb_suffix(key) != 0x20)
		return false;
	for (int i = 0; i < env->nblocked; i++)
		if (same_folded(key->name.b, env->blocked[i]))
			return true;
	return false;
}

enum rec_type
rules_claimed_type(const struct reg_in *in)
{
	if (nb_suffix(&in->key) == SUFFIX_DOMAIN_CONTROLLERS)
		return REC_SPECIAL;
	/* A multihomed registration of a group is an ordinary one (2.5). */
	if (in->flags & NB_G)
		return REC_GROUP;
	return in->opcode == NB_OP_MULTIHOMED ? REC_MULTIHOMED : REC_UNIQUE;
}

bool
rules_is_among(struct ip4 ip, const struct ip4 *list, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (ip4_eq(list[i], ip))
			return true;
	return false;
}

bool
rules_is_ours(struct ip4 ip, const struct rule_env *env)
{
	return rules_is_among(ip, env->self, env->nself) ||
	       rules_is_among(ip, env->held, env->nheld);
}

unsigned
rules_askable(const struct rec *r, const struct rule_env *env, struct ip4 ret[static REC_ADDR_MAX])
{
	unsigned n = 0;

	for (int i = 0; i < r->naddr; i++) {
		struct ip4 ip = r->addr[i].ip;

		if (ip4_is_host(ip) && !rules_is_ours(ip, env) && rec_find(r, ip) == i)
			ret[n++] = ip;
	}
	return n;
}
