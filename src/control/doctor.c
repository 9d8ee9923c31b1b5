/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands doctor and repair: what is wrong with the names, and the little that can be done about
 * it at once. Findings are those that the engine keeps in mind, in two lists, and then those that a
 * walk through all records shows; all of it in steps of CONTROL_STEP, between which the registrar
 * serves its clients. Layer: program. What a record is found to be, control_finding.c says.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/cursor.h"
#include "control/finding.h"
#include "control/job.h"
#include "control/json.h"
#include "control/match.h"

#define PAGE_MAX      100                 /* a finding is some 2 KiB of sentences */
#define DOCTOR_VISITS (50 * CONTROL_STEP) /* after so many records an answer comes in any case */

/* ---- doctor ---- */

enum part { PART_PATIENTS, PART_DISPUTES, PART_RECORDS, PART_END };

struct doctor_job {
	struct job job;
	struct control_filter filter;
	uint8_t prefix[NB_NAME_LEN];
	size_t nprefix;
	enum part part;
	struct nb_key at; /* go on here ... */
	bool incl;        /* ... with this very key; else behind it */
	size_t page, n, visits;
	struct control_finding f[];
};

static void
part_begin(struct doctor_job *d, enum part part)
{
	d->part = part;
	d->at = (struct nb_key){ .scope.len = 0 };
	memcpy(d->at.name.b, d->prefix, d->nprefix);
	d->incl = true;
}

static bool
is_excluded(const void *arg, struct ip4 ip)
{
	return wins_is_excluded(arg, ip);
}

/* Where in the scopes of one name is a relative to b? Bytes behind a scope's length are zero. */
static int
compare_scopes(const struct nb_key *a, const struct nb_key *b)
{
	return memcmp(a->scope.b, b->scope.b, sizeof(a->scope.b));
}

/*
 * Looks through the names with the same fifteen bytes and the same scope. Others' scopes are leapt
 * over, so that it is at most two looks for each suffix, whatever strangers registered.
 */
static bool
find_astray(
    struct doctor_job *d, struct store *s, const struct rec *fixed, struct control_finding *ret)
{
	struct nb_key at = fixed->key;
	unsigned suffix = 0;
	struct rec other;

	while (suffix < 256) {
		at.name.b[NB_NAME_LEN - 1] = (uint8_t)suffix;
		d->visits++;
		if (!store_by_name(s, &at, true, &other) ||
		    memcmp(other.key.name.b, at.name.b, NB_NAME_LEN - 1))
			return false;
		if (control_finding_astray(fixed, &other, ret))
			return true;
		suffix = nb_suffix(&other.key) + (compare_scopes(&other.key, &at) >= 0);
	}
	return false;
}

/* Is there something to say of the record? */
static bool
look_at_record(struct doctor_job *d, struct registrar *r, const struct rec *rec)
{
	struct control_finding *f = &d->f[d->n];

	return (control_finding_may_be_astray(rec) && find_astray(d, registrar_store(r), rec, f)) ||
	       control_finding_excluded(rec, is_excluded, registrar_wins(r), f);
}

/* The next entry of this part, and whether it is a finding. False: the part is over. */
static bool
part_next(struct doctor_job *d, struct registrar *r, bool *ret_found)
{
	struct control_filter *filter = &d->filter;
	struct wins_finding f;
	struct rec rec = { .type = 0 };

	if (d->part == PART_RECORDS) {
		if (!store_by_name(registrar_store(r), &d->at, d->incl, &rec))
			return false;
		d->at = rec.key;
	} else {
		if (!wins_finding_next(registrar_wins(r), (enum wins_findings)d->part, &d->at,
			d->incl, registrar_now(r), &f))
			return false;
		rec.key = f.key;
	}
	d->incl = false;
	if (d->nprefix && memcmp(rec.key.name.b, d->prefix, d->nprefix) > 0)
		return false;
	if (!control_match(filter, &rec)) {
		*ret_found = false;
	} else if (d->part == PART_RECORDS) {
		*ret_found = look_at_record(d, r, &rec);
	} else {
		*ret_found = f.naddr > 0;
		d->f[d->n] = control_finding_of(&f);
	}
	return true;
}

static bool
doctor_step(struct job *job, struct registrar *r)
{
	struct doctor_job *d = (struct doctor_job *)job;
	size_t end = d->visits + CONTROL_STEP;
	bool found;

	while (d->visits < end) {
		d->visits++;
		if (!part_next(d, r, &found)) {
			part_begin(d, d->part + 1);
			if (d->part == PART_END)
				return true;
			continue;
		}
		d->n += found;
		if (d->n == d->page)
			return true;
	}
	/* Not at the beginning of a part, which no cursor can say. */
	return d->visits >= DOCTOR_VISITS && !d->incl;
}

static void
doctor_answer(struct job *job)
{
	struct doctor_job *d = (struct doctor_job *)job;
	char cursor[1 + CONTROL_CURSOR_STRLEN];
	json_t *findings = json_array();

	for (size_t i = 0; i < d->n; i++)
		json_array_append_new(findings, control_finding_json(&d->f[i]));
	cursor[0] = (char)('0' + d->part);
	control_cursor_print(&d->at, cursor + 1);
	ctl_reply(job->call, json_pack("{s:o, s:o}", "findings", findings, "cursor",
				 d->part == PART_END ? json_null() : json_string(cursor)));
}

/* Where to go on. False: no answer had such a cursor. */
static bool
read_cursor(struct doctor_job *d, const char *cursor)
{
	part_begin(d, PART_PATIENTS);
	if (!cursor)
		return true;
	d->part = (enum part)(cursor[0] - '0');
	d->incl = false;
	return cursor[0] >= '0' && d->part < PART_END && control_cursor_parse(cursor + 1, &d->at);
}

void
control_doctor(struct control *c, struct ctl_call *call)
{
	size_t page = ctl_call_integer(call, "page", PAGE_MAX);
	const char *name = ctl_call_text(call, "name");
	struct control_filter filter = control_filter_all();
	struct doctor_job *d;

	if (name && !control_filter_pattern(&filter, name)) {
		ctl_fail(call, CTL_BAD_ARGUMENT,
		    "\"%s\" is no pattern: write bytes, *, ?, \\x01 and perhaps <20> or #20 "
		    "behind.",
		    name);
		return;
	}
	page = page < PAGE_MAX ? page : PAGE_MAX;
	d = control_job_new(c, call, sizeof(*d) + page * sizeof(*d->f));
	if (!d)
		return;
	d->filter = filter;
	d->nprefix = control_filter_prefix(&filter, d->prefix);
	d->page = page;
	if (!read_cursor(d, ctl_call_text(call, "cursor"))) {
		ctl_fail(call, CTL_BAD_ARGUMENT, "\"cursor\" is not one that an answer had.");
		free(d);
		return;
	}
	d->job.step = doctor_step;
	d->job.answer = doctor_answer;
	(void)control_job_start(d);
}

/* ---- repair ---- */

struct repair_job {
	struct job job;
	struct nb_key key;
	uint32_t uid;
	bool found;     /* an active record ... */
	struct rec rec; /* ... as it was */
	struct wins_removed gone;
	int excluded, examined; /* enum nbt_err of each step */
};

static bool
repair_step(struct job *job, struct registrar *r)
{
	struct repair_job *j = (struct repair_job *)job;
	struct wins *w = registrar_wins(r);
	struct wall now = registrar_now(r);

	j->found = store_get(registrar_store(r), &j->key, &j->rec) && j->rec.state == REC_ACTIVE;
	if (!j->found || j->rec.is_static)
		return true;
	j->excluded = wins_admin_exclude(w, &j->key, j->uid, now, &j->gone);
	j->examined = wins_admin_examine(w, &j->key, registrar_mono(r), now);
	return true;
}

/* Says why nothing was done; false when something was. */
static bool
refused(const struct repair_job *j)
{
	struct ctl_call *call = j->job.call;
	char name[NB_KEY_STRLEN], what[NB_KEY_STRLEN + 60];

	nb_key_print(&j->key, name);
	snprintf(what, sizeof(what), "%s was not repaired", name);
	if (!j->found)
		ctl_fail(call, CTL_NO_SUCH_RECORD, "There is no active record %s.", name);
	else if (j->rec.is_static)
		ctl_fail(call, CTL_REFUSED,
		    "%s is a static record, which a person made and only a person changes: "
		    "\"winsctl "
		    "doctor\" says what may be wrong with it, \"winsctl delete\" removes it.",
		    name);
	else if (j->excluded)
		control_fail(call, j->excluded, what);
	else if (j->examined == NBT_ENOENT && !j->gone.naddr)
		ctl_fail(call, CTL_REFUSED,
		    "%s is a group without an address of an excluded network: its members are "
		    "different computers, and none is asked.",
		    name);
	else if (j->examined && j->examined != NBT_ENOENT)
		control_fail(call, j->examined, what);
	else
		return false;
	return true;
}

static void
repair_answer(struct job *job)
{
	static const char *const asked = "The computer is being asked whether the name is its own; "
					 "\"winsctl events\" tells what "
					 "comes of it.";
	const struct repair_job *j = (struct repair_job *)job;
	char name[NB_KEY_STRLEN], ip[IP4_STRLEN], gone[REC_ADDR_MAX * (IP4_STRLEN + 2)] = "";
	json_t *removed, *sentence;
	size_t used = 0;

	if (refused(j))
		return;
	removed = json_array();
	for (int i = 0; i < j->gone.naddr; i++) {
		json_array_append_new(removed, control_ip_json(j->gone.addr[i]));
		used += (size_t)snprintf(gone + used, sizeof(gone) - used, "%s%s", i ? ", " : "",
		    ip4_print(j->gone.addr[i], ip));
	}
	if (j->examined)
		sentence = json_sprintf("Taken away: %s.", gone);
	else if (used)
		sentence = json_sprintf("Taken away: %s. %s", gone, asked);
	else
		sentence = json_string(asked);
	ctl_reply(
	    job->call, json_pack("{s:s, s:o, s:b, s:o}", "name", nb_key_print(&j->key, name),
			   "removed", removed, "asked", j->examined == 0, "sentence", sentence));
}

void
control_repair(struct control *c, struct ctl_call *call)
{
	struct nb_key key;
	struct repair_job *j;

	if (!control_call_key(call, &key))
		return;
	j = control_job_new(c, call, sizeof(*j));
	if (!j)
		return;
	j->key = key;
	j->uid = ctl_call_uid(call);
	j->job.step = repair_step;
	j->job.answer = repair_answer;
	(void)control_job_start(j);
}
