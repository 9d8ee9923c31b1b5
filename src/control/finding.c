/* SPDX-License-Identifier: Apache-2.0 */
/* Findings as values and sentences. Layer: program. Pure. */
#include "control/finding.h"

#include <stdio.h>
#include <string.h>

#include "control/json.h"

#define SUFFIX_DOMAIN_MASTER 0x1b
#define COMMAND_STRLEN       (2 * NB_KEY_STRLEN + 40) /* escaped once more, one byte to four */

static const struct kind {
	const char *word, *text[3];
	bool repairs;
} kinds[] = {
#define X(symbol, word, repairs, what, why, repair) { word, { what, why, repair }, repairs },
#include "control/findings.def"
#undef X
};

/* ---- what is a finding ---- */

struct control_finding
control_finding_of(const struct wins_finding *f)
{
	static const uint8_t kind[] = { [WINS_HALF_RELEASED] = FINDING_HALF_RELEASED,
		[WINS_HALF_REFRESHED] = FINDING_HALF_REFRESHED,
		[WINS_EXAMINED] = FINDING_EXAMINED,
		[WINS_DOUBTFUL] = FINDING_DOUBTFUL,
		[WINS_DISPUTED] = FINDING_DISPUTED,
		[WINS_STATIC_CLASH] = FINDING_STATIC_CLASH };
	struct control_finding r = { .kind = kind[f->kind],
		.key = f->key,
		.since = f->since,
		.last = f->last,
		.count = f->count,
		.cause = f->cause,
		.naddr = f->naddr };

	memcpy(r.addr, f->addr, sizeof(r.addr));
	return r;
}

bool
control_finding_excluded(
    const struct rec *r, control_excluded *excluded, const void *arg, struct control_finding *ret)
{
	struct control_finding f = {
		.kind = r->is_static ? FINDING_EXCLUDED_STATIC : FINDING_EXCLUDED, .key = r->key
	};

	for (int i = 0; r->state == REC_ACTIVE && i < r->naddr; i++)
		if (excluded(arg, r->addr[i].ip))
			f.addr[f.naddr++] = r->addr[i].ip;
	if (!f.naddr)
		return false;
	*ret = f;
	return true;
}

/* A domain's name is not a computer's, though the same fifteen bytes may name one. */
static bool
is_computer(const struct rec *r)
{
	return r->state == REC_ACTIVE && (r->type == REC_UNIQUE || r->type == REC_MULTIHOMED) &&
	       nb_suffix(&r->key) != SUFFIX_DOMAIN_MASTER;
}

bool
control_finding_may_be_astray(const struct rec *fixed)
{
	return is_computer(fixed) && fixed->is_static;
}

bool
control_finding_astray(
    const struct rec *fixed, const struct rec *other, struct control_finding *ret)
{
	struct nb_key same = other->key;

	same.name.b[NB_NAME_LEN - 1] = nb_suffix(&fixed->key);
	if (!control_finding_may_be_astray(fixed) || !is_computer(other) || other->is_static ||
	    !other->naddr || !nb_key_eq(&same, &fixed->key))
		return false;
	for (int i = 0; i < other->naddr; i++)
		if (rec_find(fixed, other->addr[i].ip) >= 0)
			return false;
	*ret = (struct control_finding){ .kind = FINDING_STATIC_ASTRAY,
		.other = nb_suffix(&other->key),
		.key = fixed->key,
		.cause = other->addr[0].ip,
		.naddr = fixed->naddr };
	for (int i = 0; i < fixed->naddr; i++)
		ret->addr[i] = fixed->addr[i].ip;
	return true;
}

/* ---- sentences ---- */

struct out {
	char *p, *end; /* end is kept for the NUL */
};

static void
put(struct out *o, const char *text)
{
	while (*text && o->p < o->end)
		*o->p++ = *text++;
	*o->p = 0;
}

static const char *
name_of(const struct nb_key *key, uint8_t suffix, char buf[static NB_KEY_STRLEN])
{
	struct nb_key k = *key;

	k.name.b[NB_NAME_LEN - 1] = suffix;
	return nb_key_print(&k, buf);
}

static void
put_addresses(struct out *o, const struct control_finding *f)
{
	char ip[IP4_STRLEN];

	for (int i = 0; i < f->naddr; i++) {
		put(o, i == 0 ? "" : i == f->naddr - 1 ? " and " : ", ");
		put(o, ip4_print(f->addr[i], ip));
	}
}

static void
put_value(struct out *o, char code, const struct control_finding *f)
{
	char buf[NB_KEY_STRLEN], number[12], ip[IP4_STRLEN];

	switch (code) {
	case 'n':
		put(o, name_of(&f->key, nb_suffix(&f->key), buf));
		break;
	case 'o':
		put(o, name_of(&f->key, f->other, buf));
		break;
	case 'a':
		put_addresses(o, f);
		break;
	case 'c':
		put(o, ip4_print(f->cause, ip));
		break;
	case 'd':
		snprintf(number, sizeof(number), "%u", (unsigned)f->count);
		put(o, number);
		break;
	}
}

char *
control_finding_text(const struct control_finding *f, enum control_finding_part part,
    char buf[static CONTROL_FINDING_STRLEN])
{
	struct out o = { buf, buf + CONTROL_FINDING_STRLEN - 1 };
	char one[2] = "";

	for (const char *t = kinds[f->kind].text[part]; *t; t++) {
		if (*t == '%') {
			put_value(&o, *++t, f);
			continue;
		}
		one[0] = *t;
		put(&o, one);
	}
	return buf;
}

/* In single quotes a shell takes everything as it stands but the quote itself. Names come from
 * strangers, and people copy commands. */
static json_t *
command_json(const struct control_finding *f)
{
	char name[NB_KEY_STRLEN], text[COMMAND_STRLEN], one[2] = "";
	struct out o = { text, text + sizeof(text) - 1 };

	put(&o, kinds[f->kind].repairs ? "winsctl --case doctor --repair '"
				       : "winsctl --case delete '");
	nb_key_print(&f->key, name);
	for (const char *p = name; *p; p++) {
		one[0] = *p;
		put(&o, *p == '\'' ? "\\x27" : one);
	}
	put(&o, "'");
	return json_string(text);
}

json_t *
control_finding_json(const struct control_finding *f)
{
	char buf[CONTROL_FINDING_STRLEN], name[NB_KEY_STRLEN];
	json_t *o = json_object(), *addresses = json_array();

	for (int i = 0; i < f->naddr; i++)
		json_array_append_new(addresses, control_ip_json(f->addr[i]));
	json_object_set_new(o, "finding", json_string(kinds[f->kind].word));
	json_object_set_new(o, "name", json_string(nb_key_print(&f->key, name)));
	json_object_set_new(o, "addresses", addresses);
	json_object_set_new(o, "since", control_time_json(f->since));
	json_object_set_new(o, "last", control_time_json(f->last));
	if (!ip4_eq(f->cause, IP4_ANY))
		json_object_set_new(o, "other-address", control_ip_json(f->cause));
	if (f->kind == FINDING_STATIC_ASTRAY)
		json_object_set_new(o, "other-name", json_string(name_of(&f->key, f->other, name)));
	if (f->count)
		json_object_set_new(o, "count", json_integer(f->count));
	json_object_set_new(o, "what", json_string(control_finding_text(f, FINDING_WHAT, buf)));
	json_object_set_new(o, "why", json_string(control_finding_text(f, FINDING_WHY, buf)));
	json_object_set_new(o, "repair", json_string(control_finding_text(f, FINDING_REPAIR, buf)));
	json_object_set_new(o, "command", command_json(f));
	return o;
}
