/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that look at one thing: a record, a verdict, the counters. Layer: program. */
#include <stdlib.h>

#include "control/job.h"
#include "control/json.h"
#include "registrar/repl_host.h"

/* ---- show ---- */

struct show_job {
	struct job job;
	struct nb_key key;
	bool found;
	struct rec rec;
};

static bool
show_step(struct job *job, struct registrar *r)
{
	struct show_job *s = (struct show_job *)job;

	s->found = store_get(registrar_store(r), &s->key, &s->rec);
	return true;
}

static void
show_answer(struct job *job)
{
	struct show_job *s = (struct show_job *)job;
	char name[NB_KEY_STRLEN];

	if (s->found)
		ctl_reply(job->call, control_rec_json(&s->rec));
	else
		ctl_fail(job->call, CTL_NO_SUCH_RECORD, "There is no record %s.",
		    nb_key_print(&s->key, name));
}

void
control_show(struct control *c, struct ctl_call *call)
{
	struct nb_key key;
	struct show_job *s;

	if (!control_call_key(call, &key))
		return;
	s = control_job_new(c, call, sizeof(*s));
	if (!s)
		return;
	s->key = key;
	s->job.step = show_step;
	s->job.answer = show_answer;
	(void)control_job_start(s);
}

/* ---- explain ---- */

struct explain_job {
	struct job job;
	bool release;
	struct reg_in in; /* of a release all but the opcode */
	struct wins_explain result;
};

static bool
explain_step(struct job *job, struct registrar *r)
{
	struct explain_job *e = (struct explain_job *)job;
	struct release_in release = {
		.key = e->in.key, .flags = e->in.flags, .ip = e->in.ip, .from = e->in.from
	};

	if (e->release)
		wins_explain_release(registrar_wins(r), &release, registrar_now(r), &e->result);
	else
		wins_explain_register(registrar_wins(r), &e->in, registrar_now(r), &e->result);
	return true;
}

static void
explain_answer(struct job *job)
{
	struct explain_job *e = (struct explain_job *)job;
	const struct wins_explain *x = &e->result;

	ctl_reply(job->call, control_verdict_json(&x->verdict, x->found, &x->cur));
}

static uint8_t
opcode_of(const struct ctl_call *call)
{
	if (ctl_call_text(call, "request")[2] == 'f') /* refresh, not register */
		return NB_OP_REFRESH;
	return ctl_call_flag(call, "multihomed") ? NB_OP_MULTIHOMED : NB_OP_REGISTER;
}

void
control_explain(struct control *c, struct ctl_call *call)
{
	const char *node = ctl_call_text(call, "node");
	struct nb_key key;
	struct explain_job *e;

	if (!control_call_key(call, &key))
		return;
	e = control_job_new(c, call, sizeof(*e));
	if (!e)
		return;
	e->release = ctl_call_text(call, "request")[2] == 'l';
	e->in.key = key;
	e->in.opcode = opcode_of(call);
	e->in.flags = (uint16_t)(control_node_parse(node ? node : "h") << 13);
	if (ctl_call_flag(call, "group"))
		e->in.flags |= NB_G;
	e->in.ip = control_call_ip(call, "address", IP4_ANY);
	e->in.from = control_call_ip(call, "from", e->in.ip);
	e->job.step = explain_step;
	e->job.answer = explain_answer;
	(void)control_job_start(e);
}

/* ---- stats ---- */

static json_int_t
value_of(const _Atomic uint64_t *counter)
{
	return (json_int_t)atomic_load_explicit(counter, memory_order_relaxed);
}

static json_t *
counters_json(const struct wins_stats *s)
{
	json_t *o = json_object();

	for (int i = 0; i < WS_COUNT; i++)
		json_object_set_new(o, wins_stat_name(i), json_integer(value_of(&s->n[i])));
	return o;
}

static json_t *
drops_json(const struct wins_stats *s)
{
	json_t *o = json_object();

	for (int i = NB_DROP_NONE + 1; i < NB_DROP_COUNT; i++)
		json_object_set_new(o, nb_drop_id(i), json_integer(value_of(&s->drop[i])));
	return o;
}

static json_t *
rules_json(const struct wins_stats *s)
{
	json_t *o = json_object();

	for (int i = RULE_NONE + 1; i < RULE_COUNT; i++)
		json_object_set_new(o, rule_name(i), json_integer(value_of(&s->rule[i])));
	return o;
}

struct stats_job {
	struct job job;
	struct repl_stats repl;
};

static bool
stats_step(struct job *job, struct registrar *r)
{
	repl_stats(repl_host_engine(registrar_repl(r)), &((struct stats_job *)job)->repl);
	return true;
}

static json_t *
repl_json(const struct repl_stats *s)
{
	json_t *o = json_object();

#define X(field, name, sentence) json_object_set_new(o, name, json_integer((json_int_t)s->field));
#include "ctl/replication.def"
#undef X
	return o;
}

static json_t *
repl_drops_json(const struct repl_stats *s)
{
	json_t *o = json_object();

	for (int i = WREPL_DROP_NONE + 1; i < WREPL_DROP_COUNT; i++)
		json_object_set_new(o, wrepl_drop_id(i), json_integer((json_int_t)s->dropped[i]));
	return o;
}

static void
stats_answer(struct job *job)
{
	const struct repl_stats *repl = &((struct stats_job *)job)->repl;
	struct wins_stats *s = calloc(1, sizeof(*s));
	struct control_status program = { 0 };
	struct control *c = job->control;
	json_t *o;

	if (!s) {
		control_fail(job->call, NBT_ENOMEM, "The counters were not read");
		return;
	}
	registrar_stats(c->registrar, s);
	c->hooks.status(c->hooks.arg, &program);
	o = json_pack("{s:o, s:o, s:o, s:o, s:o}", "since", control_time_json(program.started),
	    "counters", counters_json(s), "drops", drops_json(s), "replication", repl_json(repl),
	    "replication-drops", repl_drops_json(repl));
	if (ctl_call_flag(job->call, "rules"))
		json_object_set_new(o, "rules", rules_json(s));
	free(s);
	ctl_reply(job->call, o);
}

void
control_stats(struct control *c, struct ctl_call *call)
{
	struct stats_job *s = control_job_new(c, call, sizeof(*s));

	if (!s)
		return;
	s->job.step = stats_step;
	s->job.answer = stats_answer;
	(void)control_job_start(s);
}
