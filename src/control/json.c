/* SPDX-License-Identifier: Apache-2.0 */
/* Values of the engine as JSON. Layer: program. */
#include "control/json.h"

#include <assert.h>

static const char *const types[] = { [REC_UNIQUE] = "unique",
	[REC_GROUP] = "group",
	[REC_SPECIAL] = "special",
	[REC_MULTIHOMED] = "multihomed" };
static const char *const states[] = {
	[REC_ACTIVE] = "active", [REC_RELEASED] = "released", [REC_TOMBSTONE] = "tombstone"
};
static const char *const nodes[] = { "b", "p", "m", "h" };
static const char *const actions[] = { [ACT_DROP] = "drop",
	[ACT_REPLY] = "reply",
	[ACT_WRITE] = "write",
	[ACT_CHALLENGE] = "challenge",
	[ACT_DELETE] = "delete",
	[ACT_KEEP] = "keep" };
static const char *const rcodes[] = { "positive", "FMT_ERR", "SRV_ERR", "NAM_ERR", "IMP_ERR",
	"RFS_ERR", "ACT_ERR", "CFT_ERR" };

#define COUNT(array) ((int)(sizeof(array) / sizeof(*(array))))

static const char *
word(const char *const *words, int n, int i)
{
	return i >= 0 && i < n ? words[i] : "unknown";
}

static int
parse(const char *const *words, int n, const char *text)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(words[i], text))
			return i;
	assert(!"a word that commands.def does not allow");
	return 0;
}

int
control_type_parse(const char *text)
{
	return !strcmp(text, "internet") ? REC_SPECIAL : parse(types, COUNT(types), text);
}

int
control_state_parse(const char *text)
{
	return parse(states, COUNT(states), text);
}

int
control_node_parse(const char *text)
{
	return parse(nodes, COUNT(nodes), text);
}

json_t *
control_ip_json(struct ip4 ip)
{
	char buf[IP4_STRLEN];

	return json_string(ip4_print(ip, buf));
}

json_t *
control_owner_json(struct ip4 owner)
{
	return ip4_eq(owner, OWNER_SELF) ? json_string("self") : control_ip_json(owner);
}

json_t *
control_time_json(struct wall t)
{
	return t.s == 0 || t.s == WALL_NEVER.s ? json_null() : json_integer(t.s);
}

static json_t *
key_json(const struct nb_key *key)
{
	char buf[NB_KEY_STRLEN];

	return json_string(nb_key_print(key, buf));
}

json_t *
control_rec_json(const struct rec *r)
{
	json_t *addresses = json_array();

	for (int i = 0; i < r->naddr; i++) {
		const struct rec_addr *a = &r->addr[i];

		json_array_append_new(addresses,
		    json_pack("{s:o, s:o, s:o, s:o}", "address", control_ip_json(a->ip), "owner",
			control_owner_json(a->owner), "due", control_time_json(a->due), "since",
			control_time_json(a->since)));
	}
	return json_pack("{s:o, s:s, s:s, s:s, s:b, s:o, s:I, s:o, s:o}", "name", key_json(&r->key),
	    "type", word(types, COUNT(types), r->type), "state",
	    word(states, COUNT(states), r->state), "node", word(nodes, COUNT(nodes), r->node),
	    "static", r->is_static, "owner", control_owner_json(r->owner), "version",
	    (json_int_t)r->version.v, "due", control_time_json(r->due), "addresses", addresses);
}

json_t *
control_verdict_json(const struct verdict *v, bool found, const struct rec *cur)
{
	bool write = v->action == ACT_WRITE;
	json_t *probes = json_array();

	for (int i = 0; i < v->nprobe; i++)
		json_array_append_new(probes, control_ip_json(v->probe[i]));
	return json_pack("{s:s, s:s, s:i, s:I, s:s, s:s, s:s, s:o, s:o, s:o}", "action",
	    word(actions, COUNT(actions), v->action), "answer",
	    word(rcodes, COUNT(rcodes), v->rcode), "rcode", v->rcode, "ttl", (json_int_t)v->ttl,
	    "rule", rule_name(v->rule), "spec", rule_spec(v->rule), "sentence",
	    rule_sentence(v->rule), "record", found ? control_rec_json(cur) : json_null(), "next",
	    write ? control_rec_json(&v->next) : json_null(), "ask", probes);
}
