/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands about replication partners and owners: partners, replicate-now, push, verify, delete-owner
 * and raise-version. Those that wait look again in a moment; nothing stands still meanwhile. Layer: program.
 */
#include <stdio.h>
#include <string.h>

#include "control/job.h"
#include "control/json.h"
#include "registrar/repl_host.h"

static struct repl *
engine(struct registrar *r)
{
	return repl_host_engine(registrar_repl(r));
}

/* Refuses with the engine's error; who: the argument, or NULL. */
static void
refuse(struct ctl_call *call, int err, const char *kind, const char *who)
{
	if (err == NBT_ENOENT && who)
		ctl_fail(call, CTL_NO_SUCH_RECORD, "%s is no %s.", who, kind);
	else if (err == NBT_ENOENT)
		ctl_fail(call, CTL_NO_SUCH_RECORD, "There is no %s.", kind);
	else if (err == NBT_EBUSY)
		ctl_fail(call, CTL_BUSY, "That is under way already.");
	else if (err == NBT_EINVAL)
		ctl_fail(call, CTL_REFUSED, "%s is this server itself.", who ? who : "It");
	else
		control_fail(call, err, "It was not done");
}

/* ---- in short ---- */

void
control_replication(struct repl_line *l, struct control_replication *ret)
{
	const struct repl *repl = repl_host_engine(l);
	struct repl_partner_view v;
	struct repl_stats stats;

	repl_stats(repl, &stats);
	*ret = (struct control_replication){ .partners = repl_partners(repl),
		.connections = stats.connections,
		.paused = stats.paused };
	for (size_t i = 0; repl_partner_at(repl, i, &v); i++)
		ret->failing += v.failures > 0;
}

json_t *
control_replication_json(const struct control_replication *r)
{
	return json_pack("{s:I, s:I, s:I, s:b}", "partners", (json_int_t)r->partners, "failing",
	    (json_int_t)r->failing, "connections", (json_int_t)r->connections, "paused", r->paused);
}

/* ---- partners ---- */

#define PARTNERS_STEP 16 /* each one's table of owners is compared with what is known here */

struct partners_job {
	struct job job;
	size_t n;
	struct repl_partner_view v[REPL_PARTNERS_MAX];
};

static bool
partners_step(struct job *job, struct registrar *r)
{
	struct partners_job *p = (struct partners_job *)job;

	for (int i = 0; i < PARTNERS_STEP; i++) {
		if (p->n == REPL_PARTNERS_MAX || !repl_partner_at(engine(r), p->n, &p->v[p->n]))
			return true;
		p->n++;
	}
	return false;
}

static const char *
state_word(int state)
{
	static const char *const words[] = { [REPL_IDLE] = "idle",
		[REPL_CONNECTING] = "connecting",
		[REPL_PULLING] = "pulling",
		[REPL_CONNECTED] = "connected",
		[REPL_FAILED] = "failed" };

	return words[state];
}

static json_t *
partner_json(const struct repl_partner_view *v)
{
	json_t *o = json_pack("{s:o, s:b, s:b, s:b, s:b, s:s, s:I, s:s}", "address",
	    control_ip_json(v->conf.address), "pull", v->conf.pull, "push", v->conf.push,
	    "persistent", v->conf.persistent, "self-found", v->self_found, "state",
	    state_word(v->state), "lag", (json_int_t)v->lag, "error", v->error);
	json_t *times = json_pack("{s:o, s:o, s:o, s:o, s:o}", "last-pull",
	    control_time_json(v->last_pull), "last-try", control_time_json(v->last_pull_tried),
	    "next-pull", control_time_json(v->next_pull), "last-push",
	    control_time_json(v->last_push), "failing-since", control_time_json(v->failing_since));
	json_t *counts = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "failures",
	    (json_int_t)v->failures, "pulls", (json_int_t)v->pulls, "pushes", (json_int_t)v->pushes,
	    "records-in", (json_int_t)v->records_in, "records-out", (json_int_t)v->records_out,
	    "notices-in", (json_int_t)v->notices_in);

	json_object_update(o, times);
	json_object_update(o, counts);
	json_decref(times);
	json_decref(counts);
	json_object_set_new(
	    o, "clock-ms", v->has_clock ? json_integer((json_int_t)v->clock_ms) : json_null());
	json_object_set_new(o, "minor-version", v->minor ? json_integer(v->minor) : json_null());
	return o;
}

static void
partners_answer(struct job *job)
{
	struct partners_job *p = (struct partners_job *)job;
	json_t *list = json_array();

	for (size_t i = 0; i < p->n; i++)
		json_array_append_new(list, partner_json(&p->v[i]));
	ctl_reply(job->call, json_pack("{s:o}", "partners", list));
}

void
control_partners(struct control *c, struct ctl_call *call)
{
	struct partners_job *p = control_job_new(c, call, sizeof(*p));

	if (!p)
		return;
	p->job.step = partners_step;
	p->job.answer = partners_answer;
	(void)control_job_start(p);
}

/* ---- replicate now ---- */

enum wait_state { WAIT_OPEN, WAIT_GOOD, WAIT_FAILED, WAIT_GONE };

/* A partner whose pull is waited for: what it counted before, and how it ended. */
struct wait {
	struct ip4 address;
	uint64_t pulls, records;
	uint32_t failures;
	uint8_t state; /* enum wait_state */
	char error[160];
};

struct replicate_job {
	struct job job;
	struct ip4 partner;
	bool begun;
	int err;
	size_t n, open;
	struct wait wait[REPL_PARTNERS_MAX];
};

static bool
replicate_begin(struct replicate_job *j, struct registrar *r)
{
	struct repl_partner_view v;

	j->begun = true;
	for (size_t i = 0; j->n < REPL_PARTNERS_MAX && repl_partner_at(engine(r), i, &v); i++)
		if (j->partner.v ? ip4_eq(v.conf.address, j->partner) : v.conf.pull)
			j->wait[j->n++] = (struct wait){ .address = v.conf.address,
				.pulls = v.pulls,
				.records = v.records_in,
				.failures = v.failures };
	j->open = j->n;
	j->err = j->n ? repl_pull_now(engine(r), j->partner, registrar_mono(r), registrar_now(r))
		      : NBT_ENOENT;
	/* One that was under way already is waited for as well. */
	if (j->err == NBT_EBUSY)
		j->err = 0;
	return true;
}

/* Its end shows in the counts; a failure counts up too, and a success sets failures to nothing. */
static void
look(struct wait *w, const struct repl_partner_view *v)
{
	if (v->pulls != w->pulls)
		w->state = WAIT_GOOD;
	else if (v->failures != w->failures)
		w->state = WAIT_FAILED;
	else
		return;
	w->records = v->records_in - w->records;
	memcpy(w->error, v->error, sizeof(w->error));
}

static bool
replicate_step(struct job *job, struct registrar *r)
{
	struct replicate_job *j = (struct replicate_job *)job;
	struct repl_partner_view v;

	if (!j->begun)
		return replicate_begin(j, r);
	j->open = 0;
	for (size_t k = 0; k < j->n; k++) {
		struct wait *w = &j->wait[k];
		bool there = false;

		for (size_t i = 0; w->state == WAIT_OPEN && repl_partner_at(engine(r), i, &v); i++)
			if (ip4_eq(v.conf.address, w->address)) {
				there = true;
				look(w, &v);
				break;
			}
		if (w->state == WAIT_OPEN && !there)
			w->state = WAIT_GONE;
		j->open += w->state == WAIT_OPEN;
	}
	return true;
}

static const char *
wait_error(const struct wait *w)
{
	switch (w->state) {
	case WAIT_FAILED:
		return w->error;
	case WAIT_GONE:
		return "it is no partner any more";
	default:
		return "";
	}
}

static void
replicate_answer(struct job *job)
{
	struct replicate_job *j = (struct replicate_job *)job;
	json_int_t failed = 0;
	json_t *list;

	if (j->err) {
		refuse(job->call, j->err, "partner that records are fetched from",
		    ctl_call_text(job->call, "partner"));
		return;
	}
	job->again = j->open > 0;
	if (job->again)
		return;
	list = json_array();
	for (size_t i = 0; i < j->n; i++) {
		const struct wait *w = &j->wait[i];

		failed += w->state != WAIT_GOOD;
		json_array_append_new(
		    list, json_pack("{s:o, s:b, s:I, s:s}", "partner", control_ip_json(w->address),
			      "done", w->state == WAIT_GOOD, "records", (json_int_t)w->records,
			      "error", wait_error(w)));
	}
	ctl_reply(job->call, json_pack("{s:o, s:I}", "pulls", list, "failed", failed));
}

void
control_replicate(struct control *c, struct ctl_call *call)
{
	struct replicate_job *j = control_job_new(c, call, sizeof(*j));

	if (!j)
		return;
	j->partner = control_call_ip(call, "partner", IP4_ANY);
	j->job.step = replicate_step;
	j->job.answer = replicate_answer;
	(void)control_job_start(j);
}

/* ---- wishes that are fulfilled by and by ---- */

struct wish_job {
	struct job job;
	struct ip4 who;
	bool flag, begun, open;
	int err;
	const char *kind;     /* what the argument is, for a refusal */
	const char *sentence; /* when it is done */
};

static struct wish_job *
wish_new(struct control *c, struct ctl_call *call, const char *argument, const char *flag)
{
	struct wish_job *w = control_job_new(c, call, sizeof(*w));

	if (!w)
		return NULL;
	w->who = control_call_ip(call, argument, IP4_ANY);
	w->flag = flag && ctl_call_flag(call, flag);
	return w;
}

static void
wish_answer(struct job *job)
{
	struct wish_job *w = (struct wish_job *)job;
	char ip[IP4_STRLEN];

	if (w->err) {
		refuse(job->call, w->err, w->kind, w->who.v ? ip4_print(w->who, ip) : NULL);
		return;
	}
	job->again = w->open;
	if (!w->open)
		ctl_reply(job->call, json_pack("{s:s}", "sentence", w->sentence));
}

static bool
push_step(struct job *job, struct registrar *r)
{
	struct wish_job *w = (struct wish_job *)job;

	w->err = repl_push_now(engine(r), w->who, w->flag, registrar_mono(r), registrar_now(r));
	return true;
}

void
control_push(struct control *c, struct ctl_call *call)
{
	struct wish_job *w = wish_new(c, call, "partner", "propagate");

	if (!w)
		return;
	w->kind = "partner";
	w->sentence = w->who.v ? "The partner is told that there are changes."
			       : "The partners are told that there are changes.";
	w->job.step = push_step;
	w->job.answer = wish_answer;
	(void)control_job_start(w);
}

static bool
verify_step(struct job *job, struct registrar *r)
{
	struct wish_job *w = (struct wish_job *)job;

	w->err = repl_verify_now(engine(r), w->who, registrar_mono(r), registrar_now(r));
	return true;
}

void
control_verify(struct control *c, struct ctl_call *call)
{
	struct wish_job *w = wish_new(c, call, "owner", NULL);

	if (!w)
		return;
	w->kind = "server whose records are here";
	w->sentence = "The owners are being asked; events tell what comes of it.";
	w->job.step = verify_step;
	w->job.answer = wish_answer;
	(void)control_job_start(w);
}

/* Its end: the owner is not being removed any more. */
static bool
delete_owner_step(struct job *job, struct registrar *r)
{
	struct wish_job *w = (struct wish_job *)job;
	struct ip4 at = w->who;
	struct repl_owner_view v;

	if (!w->begun)
		w->err = repl_delete_owner(engine(r), w->who, w->flag, registrar_now(r));
	w->begun = true;
	w->open = !w->err && repl_owner_next(engine(r), &at, &v) && ip4_eq(at, w->who) && v.deleted;
	return true;
}

void
control_delete_owner(struct control *c, struct ctl_call *call)
{
	struct wish_job *w = wish_new(c, call, "owner", "tombstone");

	if (!w)
		return;
	w->kind = "owner that is known here";
	w->sentence = w->flag ? "The owner's records are tombstones of this server now."
			      : "The owner and its records were deleted here.";
	w->job.step = delete_owner_step;
	w->job.answer = wish_answer;
	(void)control_job_start(w);
}

struct raise_job {
	struct job job;
	uint64_t version;
	int err;
};

static bool
raise_step(struct job *job, struct registrar *r)
{
	struct raise_job *j = (struct raise_job *)job;

	j->err = repl_raise_version(engine(r), j->version, registrar_mono(r), registrar_now(r));
	return true;
}

static void
raise_answer(struct job *job)
{
	struct raise_job *j = (struct raise_job *)job;

	if (j->err == NBT_EEXIST)
		ctl_fail(job->call, CTL_REFUSED,
		    "The version counter is above it: nothing is to be raised.");
	else if (j->err)
		control_fail(job->call, j->err, "The version counter was not raised");
	else
		ctl_reply(job->call,
		    json_pack("{s:s}", "sentence", "The version counter was raised above it."));
}

void
control_raise_version(struct control *c, struct ctl_call *call)
{
	struct raise_job *j = control_job_new(c, call, sizeof(*j));

	if (!j)
		return;
	j->version = ctl_call_integer(call, "version", 0);
	j->job.step = raise_step;
	j->job.answer = raise_answer;
	(void)control_job_start(j);
}
