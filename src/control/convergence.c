/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command convergence: for each owner, who has most of its records and who lacks what since when, as
 * the partners' tables said last. Layer: program.
 */
#include <stdlib.h>
#include <string.h>

#include "control/job.h"
#include "control/json.h"
#include "registrar/repl_host.h"

#define OWNERS_STEP 16 /* each is looked for in the table of each partner */

struct convergence_job {
	struct job job;
	struct ip4 at;
	bool begun;
	int err;
	size_t n, room, nunknown;
	struct repl_owner_view *v;
	struct ip4 unknown[REPL_PARTNERS_MAX];
};

/* Partners that are to be pulled from and never were: nobody knows what they have. */
static void
note_unknown(struct convergence_job *k, const struct repl *repl)
{
	struct repl_partner_view v;

	for (size_t i = 0; i < REPL_PARTNERS_MAX && repl_partner_at(repl, i, &v); i++)
		if (v.conf.pull && !v.last_pull.s)
			k->unknown[k->nunknown++] = v.conf.address;
}

static bool
make_room(struct convergence_job *k)
{
	struct repl_owner_view *more;

	if (k->n < k->room)
		return true;
	more = realloc(k->v, (k->room + 64) * sizeof(*k->v));
	if (!more) {
		k->err = NBT_ENOMEM;
		return false;
	}
	k->v = more;
	k->room += 64;
	return true;
}

static bool
convergence_step(struct job *job, struct registrar *r)
{
	struct convergence_job *k = (struct convergence_job *)job;
	const struct repl *repl = repl_host_engine(registrar_repl(r));

	if (!k->begun)
		note_unknown(k, repl);
	k->begun = true;
	for (int i = 0; i < OWNERS_STEP; i++) {
		if (!make_room(k) || !repl_owner_next(repl, &k->at, &k->v[k->n]))
			return true;
		k->n++;
		if (++k->at.v == 0)
			return true;
	}
	return false;
}

static json_t *
owner_json(const struct repl_owner_view *v)
{
	const size_t most = sizeof(v->lacking) / sizeof(*v->lacking);
	json_t *lacking = json_array();

	for (size_t i = 0; i < v->nlacking && i < most; i++)
		json_array_append_new(
		    lacking, json_pack("{s:o, s:I, s:I, s:o}", "server",
				 control_ip_json(v->lacking[i].server), "known-version",
				 (json_int_t)v->lacking[i].max, "lacks",
				 (json_int_t)(v->highest - v->lacking[i].max), "since",
				 control_time_json(v->lacking[i].since)));
	return json_pack("{s:o, s:b, s:b, s:I, s:I, s:o, s:i, s:o}", "owner",
	    control_ip_json(v->owner), "own", v->own, "blocked", v->blocked, "known-version",
	    (json_int_t)v->here, "highest-anywhere", (json_int_t)v->highest, "highest-at",
	    control_ip_json(v->highest_at), "servers-lacking", (int)v->nlacking, "lacking",
	    lacking);
}

/* What is blocked on purpose is missing on purpose: here, and we cannot know why elsewhere. */
static bool
is_equal(const struct convergence_job *k)
{
	for (size_t i = 0; i < k->n; i++)
		if (k->v[i].nlacking && !k->v[i].blocked)
			return false;
	return !k->nunknown;
}

static void
convergence_answer(struct job *job)
{
	struct convergence_job *k = (struct convergence_job *)job;
	json_t *owners, *unknown;

	if (k->err) {
		control_fail(job->call, k->err, "The owners could not be compared");
	} else {
		owners = json_array();
		unknown = json_array();
		for (size_t i = 0; i < k->n; i++)
			json_array_append_new(owners, owner_json(&k->v[i]));
		for (size_t i = 0; i < k->nunknown; i++)
			json_array_append_new(unknown, control_ip_json(k->unknown[i]));
		ctl_reply(job->call, json_pack("{s:b, s:o, s:o}", "equal", is_equal(k), "unknown",
					 unknown, "owners", owners));
	}
	free(k->v);
}

void
control_convergence(struct control *c, struct ctl_call *call)
{
	struct convergence_job *k = control_job_new(c, call, sizeof(*k));

	if (!k)
		return;
	k->job.step = convergence_step;
	k->job.answer = convergence_answer;
	(void)control_job_start(k);
}
