/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands that go through many records: list, owners, check. They do so in steps of CONTROL_STEP
 * records, between which the registrar serves its clients; what changes meanwhile may or may not be
 * seen. Layer: program. Steps copy records out, the JSON is made on the main loop.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/check.h"
#include "control/cursor.h"
#include "control/job.h"
#include "control/json.h"
#include "control/match.h"
#include "registrar/repl_host.h"

#define PAGE_MAX      1000
#define PAGE_ADDRS    5000 /* addresses after which a page ends, so that it stays below 1 MB */
#define LIST_VISITS   (50 * CONTROL_STEP) /* after so many records an answer comes in any case */
#define OWNERS_MAX    1024
#define SENTENCES_MAX 100
#define SHARED_MAX    64 /* records of one version that are compared */

/* ---- list ---- */

struct list_job {
	struct job job;
	struct control_filter filter;
	uint8_t prefix[NB_NAME_LEN];
	size_t nprefix;
	struct nb_key at; /* go on here ... */
	bool incl;        /* ... with this very key; else behind it */
	bool end;         /* there is no more */
	size_t page, n, naddr, visits;
	struct rec rec[];
};

/* Looks at one record. True: the page is complete. */
static bool
list_one(struct list_job *l, const struct rec *r)
{
	if (l->nprefix && memcmp(r->key.name.b, l->prefix, l->nprefix) > 0) {
		l->end = true;
		return true;
	}
	l->at = r->key;
	l->incl = false;
	if (!control_match(&l->filter, r))
		return false;
	l->rec[l->n++] = *r;
	l->naddr += r->naddr;
	return l->n == l->page || l->naddr >= PAGE_ADDRS;
}

static bool
list_step(struct job *job, struct registrar *r)
{
	struct list_job *l = (struct list_job *)job;
	struct rec rec;

	for (int i = 0; i < CONTROL_STEP; i++) {
		if (!store_by_name(registrar_store(r), &l->at, l->incl, &rec)) {
			l->end = true;
			return true;
		}
		if (list_one(l, &rec))
			return true;
	}
	l->visits += CONTROL_STEP;
	return l->visits >= LIST_VISITS;
}

static void
list_answer(struct job *job)
{
	struct list_job *l = (struct list_job *)job;
	char cursor[CONTROL_CURSOR_STRLEN];
	json_t *records = json_array();

	for (size_t i = 0; i < l->n; i++)
		json_array_append_new(records, control_rec_json(&l->rec[i]));
	ctl_reply(job->call,
	    json_pack("{s:o, s:o}", "records", records, "cursor",
		l->end ? json_null() : json_string(control_cursor_print(&l->at, cursor))));
}

/* False: the call was told what is wrong. */
static bool
read_filter(struct ctl_call *call, struct control_filter *ret)
{
	const char *name = ctl_call_text(call, "name"), *suffix = ctl_call_text(call, "suffix");
	const char *type = ctl_call_text(call, "type"), *state = ctl_call_text(call, "state");
	const char *owner = ctl_call_text(call, "owner"),
		   *is_static = ctl_call_text(call, "static");
	struct control_filter f = control_filter_all();

	if (name && !control_filter_pattern(&f, name)) {
		ctl_fail(call, CTL_BAD_ARGUMENT,
		    "\"%s\" is no pattern: write bytes, *, ?, \\x01 and perhaps <20> or #20 "
		    "behind.",
		    name);
		return false;
	}
	if (suffix && (strspn(suffix, "0123456789abcdefABCDEF") != 2)) {
		ctl_fail(
		    call, CTL_BAD_ARGUMENT, "\"suffix\" is two hexadecimal digits such as 1c.");
		return false;
	}
	f.has_owner = owner != NULL;
	if (owner && strcmp(owner, "self") && !ip4_parse(owner, &f.owner)) {
		ctl_fail(call, CTL_BAD_ARGUMENT, "\"owner\" is self or an IPv4 address.");
		return false;
	}
	f.has_ip = ctl_call_text(call, "address") != NULL;
	f.ip = control_call_ip(call, "address", IP4_ANY);
	if (suffix)
		f.suffix = (int)strtol(suffix, NULL, 16);
	if (type)
		f.type = control_type_parse(type);
	if (state)
		f.state = control_state_parse(state);
	if (is_static)
		f.is_static = !strcmp(is_static, "yes");
	*ret = f;
	return true;
}

void
control_list(struct control *c, struct ctl_call *call)
{
	size_t page = ctl_call_integer(call, "page", PAGE_MAX);
	const char *cursor = ctl_call_text(call, "cursor");
	struct control_filter filter;
	struct nb_key at = { .scope.len = 0 };
	struct list_job *l;

	if (!read_filter(call, &filter))
		return;
	if (cursor && !control_cursor_parse(cursor, &at)) {
		ctl_fail(call, CTL_BAD_ARGUMENT, "\"cursor\" is not one that an answer had.");
		return;
	}
	l = control_job_new(c, call, sizeof(*l) + page * sizeof(struct rec));
	if (!l)
		return;
	l->filter = filter;
	l->nprefix = control_filter_prefix(&filter, l->prefix);
	l->page = page;
	l->incl = !cursor;
	if (!cursor)
		memcpy(at.name.b, l->prefix, l->nprefix);
	l->at = at;
	l->job.step = list_step;
	l->job.answer = list_answer;
	(void)control_job_start(l);
}

/* ---- owners ---- */

#define OWNERS_STEP 16 /* each of them is looked for in the table of each partner */

struct owner_count {
	struct ip4 owner;
	uint64_t records;
	struct version lowest, highest;
	/* what replication knows */
	uint64_t known, anywhere;
	struct ip4 anywhere_at;
	bool blocked;
};

/* A walk through the version order of each owner in turn. */
struct owners_job {
	struct job job;
	bool begun;
	size_t n, at;
	struct store_place place;
	struct ip4 view; /* next owner of replication's */
	bool walked;
	struct owner_count owner[OWNERS_MAX];
};

static void
owners_begin(struct owners_job *o, const struct store *s)
{
	struct ip4 owner[OWNERS_MAX];
	size_t n = store_owners(s, owner, OWNERS_MAX);

	o->n = n < OWNERS_MAX ? n : OWNERS_MAX;
	for (size_t i = 0; i < o->n; i++)
		o->owner[i].owner = owner[i];
	o->begun = true;
}

/* The next record in the walk. False: it is over. */
static bool
owners_next(struct owners_job *o, struct store *s, struct rec *ret)
{
	for (; o->at < o->n; o->at++) {
		struct owner_count *c = &o->owner[o->at];

		if (store_versions(
			s, c->owner, &o->place, (struct version){ UINT64_MAX }, ret, 1)) {
			if (!c->records++)
				c->lowest = ret->version;
			c->highest = ret->version;
			return true;
		}
		o->place = (struct store_place){ 0 };
	}
	return false;
}

/* What replication knows of the next owners. True: of all. */
static bool
owners_known(struct owners_job *o, const struct repl *repl)
{
	struct repl_owner_view v;

	for (int i = 0; i < OWNERS_STEP; i++) {
		if (!repl_owner_next(repl, &o->view, &v))
			return true;
		for (size_t k = 0; k < o->n; k++) {
			struct owner_count *c = &o->owner[k];

			if (!ip4_eq(c->owner, v.own ? OWNER_SELF : v.owner))
				continue;
			c->known = v.here;
			c->anywhere = v.highest;
			c->anywhere_at = v.highest_at;
			c->blocked = v.blocked;
		}
		if (++o->view.v == 0)
			return true;
	}
	return false;
}

static bool
owners_step(struct job *job, struct registrar *r)
{
	struct owners_job *o = (struct owners_job *)job;
	struct rec rec;

	if (!o->begun)
		owners_begin(o, registrar_store(r));
	for (int i = 0; !o->walked && i < CONTROL_STEP; i++)
		o->walked = !owners_next(o, registrar_store(r), &rec);
	return o->walked && owners_known(o, repl_host_engine(registrar_repl(r)));
}

static void
owners_answer(struct job *job)
{
	struct owners_job *o = (struct owners_job *)job;
	json_t *list = json_array();

	for (size_t i = 0; i < o->n; i++) {
		const struct owner_count *c = &o->owner[i];

		json_array_append_new(
		    list, json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:o, s:b}", "owner",
			      control_owner_json(c->owner), "records", (json_int_t)c->records,
			      "lowest-version", (json_int_t)c->lowest.v, "highest-version",
			      (json_int_t)c->highest.v, "known-version", (json_int_t)c->known,
			      "highest-anywhere", (json_int_t)c->anywhere, "highest-at",
			      c->anywhere_at.v ? control_ip_json(c->anywhere_at) : json_null(),
			      "blocked", c->blocked));
	}
	ctl_reply(job->call, json_pack("{s:o}", "owners", list));
}

void
control_owners(struct control *c, struct ctl_call *call)
{
	struct owners_job *o = control_job_new(c, call, sizeof(*o));

	if (!o)
		return;
	o->job.step = owners_step;
	o->job.answer = owners_answer;
	(void)control_job_start(o);
}

/* ---- check ---- */

/* First by name, then by version; each record is looked up in the other orders at that moment, so
 * that what changes meanwhile is no fault. */
struct check_job {
	struct owners_job versions; /* begins with the job */
	bool named;                 /* the walk by name is over */
	struct nb_key at;
	bool incl;
	uint64_t records, faults;
	size_t n;
	char sentence[SENTENCES_MAX][NB_KEY_STRLEN + 80];
};

static void
fault(struct check_job *k, const struct rec *r, const char *what)
{
	char name[NB_KEY_STRLEN];

	if (k->n < SENTENCES_MAX)
		snprintf(k->sentence[k->n++], sizeof(*k->sentence), "%s %s.",
		    nb_key_print(&r->key, name), what);
	k->faults++;
}

/* Whether it is found by its version, among those that share it, or so many share it that nobody looks. */
static bool
stands_by_version(struct store *s, const struct rec *r)
{
	struct store_place at = { r->version, 0 };
	struct rec other;

	for (int i = 0; i < SHARED_MAX; i++) {
		if (!store_versions(s, r->owner, &at, r->version, &other, 1))
			return false;
		if (nb_key_eq(&other.key, &r->key))
			return true;
	}
	return true;
}

static void
check_named(struct check_job *k, struct store *s, const struct rec *r)
{
	const char *wrong = control_check_rec(r, store_next_version(s));
	struct rec other;

	if (wrong)
		fault(k, r, wrong);
	if (!store_get(s, &r->key, &other) || other.version.v != r->version.v)
		fault(k, r, "is in the order of names and not so in the table");
	if (!stands_by_version(s, r))
		fault(k, r, "is in the order of names and not in that of versions");
	if (r->due.s < store_next_due(s).s)
		fault(k, r, "is due before the first record of the order of due times");
}

static bool
check_next_name(struct check_job *k, struct store *s)
{
	struct rec r;

	if (!store_by_name(s, &k->at, k->incl, &r))
		return false;
	k->at = r.key;
	k->incl = false;
	k->records++;
	check_named(k, s, &r);
	return true;
}

static bool
check_next_version(struct check_job *k, struct store *s)
{
	struct rec r, other;

	if (!owners_next(&k->versions, s, &r))
		return false;
	if (!store_get(s, &r.key, &other) || other.version.v != r.version.v)
		fault(k, &r, "is in the order of versions and not so in the table");
	return true;
}

static bool
check_step(struct job *job, struct registrar *r)
{
	struct check_job *k = (struct check_job *)job;
	struct store *s = registrar_store(r);

	for (int i = 0; i < CONTROL_STEP / 4; i++) { /* four look-ups each */
		if (!k->named && !check_next_name(k, s)) {
			k->named = true;
			owners_begin(&k->versions, s);
		}
		if (k->named && !check_next_version(k, s))
			return true;
	}
	return false;
}

static void
check_answer(struct job *job)
{
	struct check_job *k = (struct check_job *)job;
	json_t *sentences = json_array();

	for (size_t i = 0; i < k->n; i++)
		json_array_append_new(sentences, json_string(k->sentence[i]));
	ctl_reply(job->call, json_pack("{s:I, s:I, s:o}", "records", (json_int_t)k->records,
				 "faults", (json_int_t)k->faults, "sentences", sentences));
}

void
control_check(struct control *c, struct ctl_call *call)
{
	struct check_job *k = control_job_new(c, call, sizeof(*k));

	if (!k)
		return;
	k->incl = true;
	k->versions.job.step = check_step;
	k->versions.job.answer = check_answer;
	(void)control_job_start(k);
}
