/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and prints the texts of test rows; the grammar is in text.h. Layer: tests. */
#include "text.h"

#include <stdlib.h>
#include <string.h>

#define SELF IP4(192, 0, 2, 200)

static const char types[] = "UGSMX", states[] = "artd", nodes[] = "BPMH";
static const char *const rcodes[] = { "ok", "FMT", "SRV", "NAM", "IMP", "RFS", "ACT", "CFT" };

static _Noreturn void
not_understood(const char *what, const char *word)
{
	fprintf(stderr, "%s not understood: \"%s\"\n", what, word);
	abort();
}

/* The next word into buf, without the separator behind it; false at the end. */
static bool
next_word(const char **text, const char *separators, char buf[static 64])
{
	size_t n;

	*text += strspn(*text, separators);
	n = strcspn(*text, separators);
	if (n == 0)
		return false;
	if (n >= 64)
		not_understood("long word", *text);
	memcpy(buf, *text, n);
	buf[n] = 0;
	*text += n;
	return true;
}

static const char *
after(const char *word, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(word, prefix, n) == 0 ? word + n : NULL;
}

static unsigned long
number(const char *word, int base)
{
	char *end;
	unsigned long n = strtoul(word, &end, base);

	if (*end || end == word)
		not_understood("number", word);
	return n;
}

static struct ip4
address(const char *word)
{
	if (word[0] >= 'A' && word[0] <= 'Z' && !word[1])
		return IP4(192, 0, 2, word[0] - 'A' + 1);
	if (!strcmp(word, "self"))
		return SELF;
	if (!strcmp(word, "lo"))
		return IP4(127, 64, 64, 1);
	if (!strcmp(word, "any"))
		return IP4_ANY;
	if (!strcmp(word, "mc"))
		return IP4(224, 0, 0, 1);
	if (!strcmp(word, "bcast"))
		return IP4_BROADCAST;
	not_understood("address", word);
}

static bool
owner(const char *word, struct ip4 *ret)
{
	if (!strcmp(word, "own"))
		*ret = OWNER_SELF;
	else if (!strcmp(word, "rep"))
		*ret = TEXT_PARTNER;
	else if (!strcmp(word, "rep2"))
		*ret = IP4(198, 51, 100, 10);
	else if (!strcmp(word, "rep3"))
		*ret = IP4(198, 51, 100, 11);
	else
		return false;
	return true;
}

static struct version
version(const char *word)
{
	if (word[0] != 'v')
		not_understood("version", word);
	return (struct version){ word[1] == '+' ? TEXT_NEXT : number(word + 1, 10) };
}

static struct wall
moment(const char *text)
{
	static const struct {
		const char *name;
		long seconds;
	} known[] = { { "renew", TEXT_RENEW }, { "ext", TEXT_EXT }, { "tmo", TEXT_TMO },
		{ "ver", TEXT_VERIFY } };
	const char *rest = text;
	char word[64];
	long sum = 0;
	size_t i;

	if (!strcmp(text, "never"))
		return WALL_NEVER;
	while (next_word(&rest, "+", word)) {
		for (i = 0; i < sizeof(known) / sizeof(*known); i++)
			if (!strcmp(word, known[i].name))
				break;
		if (i < sizeof(known) / sizeof(*known))
			sum += known[i].seconds;
		else if (word[0] == '-')
			sum -= (long)number(word + 1, 10);
		else
			sum += (long)number(word, 10);
	}
	return (struct wall){ (uint32_t)((long)TEXT_NOW + sum) };
}

static uint8_t
letter(const char *among, char c, const char *word)
{
	const char *at = c ? strchr(among, c) : NULL;

	if (!at)
		not_understood("letter", word);
	return (uint8_t)(at - among);
}

/* Appends an address, or "A..C", or "C..A" which runs backwards; never past 25. */
static void
addresses(const char *word, struct ip4 *list, uint8_t *count)
{
	char first[2] = { word[0], 0 };
	bool range = strlen(word) == 4 && word[1] == '.' && word[2] == '.';
	struct ip4 a = address(range ? first : word), last = range ? address(word + 3) : a;

	for (;;) {
		if (*count == REC_ADDR_MAX)
			not_understood("more than 25 addresses", word);
		list[(*count)++] = a;
		if (ip4_eq(a, last))
			return;
		a.v += a.v < last.v ? 1 : UINT32_MAX;
	}
}

static void
rec_addresses(const char *word, struct rec *r)
{
	struct rec_addr a = { .owner = r->owner, .due = r->due, .since = { TEXT_NOW - 1000 } };
	struct ip4 ip[REC_ADDR_MAX];
	uint8_t end = r->naddr;
	char part[64];

	if (!next_word(&word, "/", part))
		not_understood("address", word);
	addresses(part, ip, &end);
	while (next_word(&word, "/", part))
		if (after(part, "due="))
			a.due = moment(part + 4);
		else if (!strcmp(part, "new"))
			a.since = (struct wall){ TEXT_NOW };
		else if (!strcmp(part, "heard"))
			a.since = REC_HEARSAY;
		else if (!owner(part, &a.owner))
			not_understood("address part", part);
	for (; r->naddr < end; r->naddr++) {
		a.ip = ip[r->naddr];
		r->addr[r->naddr] = a;
	}
}

bool
text_rec(const char *text, struct rec *ret)
{
	bool versioned = false;
	char word[64];

	memset(ret, 0, sizeof(*ret));
	if (!next_word(&text, " ", word) || !strcmp(word, "none"))
		return false;
	ret->type = letter(types, word[0], word);
	ret->state = letter(states, word[1], word);
	while (next_word(&text, " ", word)) {
		if (!strcmp(word, "!"))
			ret->is_static = true;
		else if (word[0] == 'v')
			ret->version = version(word), versioned = true;
		else if (after(word, "due="))
			ret->due = moment(word + 4);
		else if (owner(word, &ret->owner))
			continue;
		else if (!ret->due.s)
			ret->node = letter(nodes, word[0], word);
		else
			rec_addresses(word, ret);
	}
	if (!ret->due.s || !versioned)
		not_understood("record without due or version", text);
	return true;
}

/* One more blocked name. */
static void
block(const char *name, struct rule_env *env)
{
	memset(env->blocked[env->nblocked], ' ', sizeof(env->blocked[0]));
	memcpy(env->blocked[env->nblocked++], name, strlen(name));
}

static void
owners_near(struct rule_env *env)
{
	static const struct ip4 near[] = { IP4(198, 51, 100, 11) };

	env->near = near;
	env->nnear = 1;
}

void
text_env(const char *text, struct rule_env *ret)
{
	char word[64];

	*ret = (struct rule_env){
		.now = { TEXT_NOW },
		.next = { TEXT_NEXT },
		.renewal = TEXT_RENEW,
		.extinction = TEXT_EXT,
		.extinction_timeout = TEXT_TMO,
		.verify = TEXT_VERIFY,
		.uptime = 300000,
		.chl_interval_ms = 500,
		.chl_tries = 3,
		.prepend_1b = true,
		.nself = 1,
		.self = { SELF },
		.nblocked = 2,
		.blocked = { "WPAD           ", "ISATAP         " },
	};
	while (next_word(&text, " ", word))
		if (!strcmp(word, "migrate"))
			ret->migrate_on = true;
		else if (!strcmp(word, "full"))
			ret->full = true;
		else if (!strcmp(word, "crowded"))
			ret->crowded = true;
		else if (!strcmp(word, "reserved"))
			ret->reserved = true;
		else if (!strcmp(word, "askrel"))
			ret->challenge_released = true;
		else if (!strcmp(word, "strict"))
			ret->strict_source = true;
		else if (!strcmp(word, "propagate"))
			ret->propagate_releases = true;
		else if (!strcmp(word, "settle"))
			ret->settle_conflicts = true;
		else if (!strcmp(word, "low"))
			ret->server.v = TEXT_PARTNER.v - 1;
		else if (!strcmp(word, "high"))
			ret->server.v = TEXT_PARTNER.v + 1;
		else if (!strcmp(word, "verify"))
			ret->verify_replicas = true;
		else if (!strcmp(word, "no1b"))
			ret->prepend_1b = false;
		else if (!strcmp(word, "noself"))
			ret->nself = 0;
		else if (!strcmp(word, "near"))
			owners_near(ret);
		else if (!strcmp(word, "held"))
			ret->held_here = true;
		else if (after(word, "held="))
			addresses(word + 5, ret->held, &ret->nheld);
		else if (!strcmp(word, "noblock"))
			ret->nblocked = 0;
		else if (after(word, "block="))
			block(word + 6, ret);
		else if (after(word, "up="))
			ret->uptime = (uint32_t)number(word + 3, 10);
		else if (after(word, "tries="))
			ret->chl_tries = (uint32_t)number(word + 6, 10);
		else if (after(word, "interval="))
			ret->chl_interval_ms = (uint32_t)number(word + 9, 10);
		else
			not_understood("env", word);
}

void
text_key(const char *name, uint8_t suffix, unsigned scope_text, struct nb_key *ret)
{
	unsigned left = scope_text ? scope_text + 1 : 0, label;

	memset(ret, 0, sizeof(*ret));
	memset(ret->name.b, ' ', NB_NAME_LEN - 1);
	memcpy(ret->name.b, name, strlen(name));
	ret->name.b[NB_NAME_LEN - 1] = suffix;
	for (; left; left -= label + 1) {
		label = left > 64 ? 62 : left - 1;
		ret->scope.b[ret->scope.len] = (uint8_t)label;
		memset(ret->scope.b + ret->scope.len + 1, 'S', label);
		ret->scope.len = (uint8_t)(ret->scope.len + label + 1);
	}
}

void
text_claim(const char *text, struct reg_in *ret)
{
	static const struct {
		const char *name;
		uint8_t opcode;
	} ops[] = { { "reg", NB_OP_REGISTER }, { "mh", NB_OP_MULTIHOMED },
		{ "ref8", NB_OP_REFRESH }, { "ref9", NB_OP_REFRESH_ALT },
		{ "rel", NB_OP_RELEASE } };
	char op[64] = "", suffix[64] = "", word[64] = "", name[64] = "NAME";
	uint16_t node = 3;
	unsigned scope = 0;

	memset(ret, 0, sizeof(*ret));
	next_word(&text, " ", op);
	next_word(&text, " ", suffix);
	next_word(&text, " ", word);
	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++)
		if (!strcmp(op, ops[i].name))
			ret->opcode = ops[i].opcode;
	if (!ret->opcode || strlen(suffix) < 2)
		not_understood("claim", op);
	ret->ip = ret->from = address(word);
	while (next_word(&text, " ", word))
		if (after(word, "from="))
			ret->from = address(word + 5);
		else if (after(word, "pdc="))
			ret->pdc = address(word + 4);
		else if (after(word, "name="))
			strcpy(name, word + 5);
		else if (after(word, "scope="))
			scope = (unsigned)number(word + 6, 10);
		else
			node = letter(nodes, word[0], word);
	ret->flags = (uint16_t)(node << 13 | (suffix[2] == 'g' ? NB_G : 0));
	suffix[2] = 0;
	text_key(name, (uint8_t)number(suffix, 16), scope, &ret->key);
}

void
text_release(const char *text, struct release_in *ret)
{
	struct reg_in in;

	text_claim(text, &in);
	*ret =
	    (struct release_in){ .key = in.key, .flags = in.flags, .ip = in.ip, .from = in.from };
}

void
text_probe(const char *text, const struct rec *cur, struct probe_in *ret)
{
	char word[64] = "";

	memset(ret, 0, sizeof(*ret));
	ret->seen = cur ? cur->version : (struct version){ 1 };
	ret->seen_owner = cur ? cur->owner : OWNER_SELF;
	ret->seen_state = cur ? cur->state : REC_ACTIVE;
	next_word(&text, " ", word);
	if (!strcmp(word, "silent"))
		ret->end = PROBE_SILENT;
	else if (!strcmp(word, "neg"))
		ret->end = PROBE_NEGATIVE;
	else if (!strcmp(word, "pos"))
		ret->end = PROBE_POSITIVE;
	else
		not_understood("probe", word);
	while (next_word(&text, " ", word))
		if (after(word, "seen="))
			ret->seen = version(word + 5);
		else if (after(word, "by="))
			owner(word + 3, &ret->seen_owner);
		else if (!strcmp(word, "state=a"))
			ret->seen_state = REC_ACTIVE;
		else
			addresses(word, ret->addr, &ret->naddr);
	if (cur && cur->naddr)
		ret->from = cur->addr[0].ip;
}

static void
text_reply(const char *text, uint32_t ok_ttl, struct verdict *ret)
{
	char word[64] = "";
	unsigned i;

	ret->action = ACT_REPLY;
	next_word(&text, " ", word);
	for (i = 0; i < 8 && strcmp(word, rcodes[i]); i++)
		;
	if (i == 8)
		not_understood("rcode", word);
	ret->rcode = (uint8_t)i;
	ret->ttl = i == NB_RC_OK ? ok_ttl : 0;
	if (next_word(&text, " ", word))
		not_understood("reply", word);
}

/* What replication adds to a verdict. */
static void
text_extra(const char **text, struct verdict *ret)
{
	const char *rest = *text;
	char word[64];

	while (next_word(&rest, " ", word)) {
		if (!strcmp(word, "tell"))
			ret->propagate = true;
		else if (!strcmp(word, "ask"))
			ret->verify = true;
		else if (!strcmp(word, "refuse"))
			ret->rcode = NB_RC_ACT;
		else if (after(word, "demand="))
			addresses(word + 7, ret->demand, &ret->ndemand);
		else
			return;
		*text = rest;
	}
}

void
text_verdict(const char *text, const struct nb_key *key, uint32_t ok_ttl, struct verdict *ret)
{
	char word[64] = "";

	memset(ret, 0, sizeof(*ret));
	next_word(&text, " ", word);
	text_extra(&text, ret);
	if (!strcmp(word, "reply")) {
		text_reply(text, ok_ttl, ret);
	} else if (!strcmp(word, "write")) {
		ret->action = ACT_WRITE;
		ret->ttl = ret->rcode ? 0 : ok_ttl;
		if (!text_rec(text, &ret->next))
			not_understood("write", text);
		ret->next.key = *key;
	} else if (!strcmp(word, "chal")) {
		ret->action = ACT_CHALLENGE;
		while (next_word(&text, " ", word))
			if (after(word, "wack="))
				ret->ttl = (uint32_t)number(word + 5, 10);
			else
				addresses(word, ret->probe, &ret->nprobe);
	} else if (!strcmp(word, "delete")) {
		ret->action = ACT_DELETE;
	} else if (!strcmp(word, "keep")) {
		ret->action = ACT_KEEP;
	} else {
		not_understood("verdict", word);
	}
}

void
text_answer(const char *text, struct answer *ret)
{
	char word[64] = "";

	memset(ret, 0, sizeof(*ret));
	next_word(&text, " ", word);
	if (!strcmp(word, "neg")) {
		ret->rcode = NB_RC_NAM;
	} else if (!strcmp(word, "pos") && next_word(&text, " ", word)) {
		ret->flags = (uint16_t)number(word, 16);
		while (next_word(&text, " ", word))
			addresses(word, ret->addr, &ret->naddr);
	} else {
		not_understood("answer", word);
	}
}

static void
print_ip(FILE *to, struct ip4 ip)
{
	char buf[IP4_STRLEN];

	if (ip.v > IP4(192, 0, 2, 0).v && ip.v <= IP4(192, 0, 2, 26).v)
		fprintf(to, " %c", (char)('A' + (ip.v & 255) - 1));
	else
		fprintf(to, " %s", ip4_print(ip, buf));
}

static void
print_wall(FILE *to, const char *label, struct wall t)
{
	if (t.s == WALL_NEVER.s)
		fprintf(to, "%sdue=never", label);
	else
		fprintf(to, "%sdue=%ld", label, (long)t.s - (long)TEXT_NOW);
}

static void
print_rec(FILE *to, const struct rec *r)
{
	char buf[IP4_STRLEN];

	fprintf(to, " %c%c%s %s v%llu %c", r->type < 5 ? types[r->type] : '?',
	    r->state < 4 ? states[r->state] : '?', r->is_static ? " !" : "",
	    rec_is_own(r) ? "own" : ip4_print(r->owner, buf), (unsigned long long)r->version.v,
	    nodes[r->node & 3]);
	print_wall(to, " ", r->due);
	for (int i = 0; i < r->naddr && i < REC_ADDR_MAX; i++) {
		const struct rec_addr *a = &r->addr[i];

		print_ip(to, a->ip);
		fprintf(to, "/%s", ip4_eq(a->owner, OWNER_SELF) ? "own" : ip4_print(a->owner, buf));
		print_wall(to, "/", a->due);
		fprintf(to, "/%s", a->since.s == TEXT_NOW ? "new" : "old");
	}
}

void
text_print_verdict(FILE *to, const struct verdict *v)
{
	static const char *const actions[] = { "drop", "reply", "write", "chal", "delete", "keep" };

	fprintf(to, "[%s] %s %s ttl=%u%s%s", rule_name(v->rule), actions[v->action],
	    rcodes[v->rcode & 7], v->ttl, v->propagate ? " tell" : "", v->verify ? " ask" : "");
	if (v->action == ACT_WRITE)
		print_rec(to, &v->next);
	for (int i = 0; i < v->nprobe; i++)
		print_ip(to, v->probe[i]);
	if (v->ndemand)
		fprintf(to, " demand");
	for (int i = 0; i < v->ndemand; i++)
		print_ip(to, v->demand[i]);
	fputc('\n', to);
}

void
text_print_answer(FILE *to, const struct answer *a)
{
	fprintf(to, "[%s] %s %04x", rule_name(a->rule), rcodes[a->rcode & 7], a->flags);
	for (int i = 0; i < a->naddr; i++)
		print_ip(to, a->addr[i]);
	fputc('\n', to);
}
