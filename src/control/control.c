/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening and closing of the control socket, the dispatch of its commands, and those that need no
 * registrar. Layer: program.
 */
#include "control/control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/job.h"
#include "control/json.h"

#define LATER_MS 50 /* until a job that waits for something looks again */

/* ---- jobs ---- */

static void
control_release(struct control *c)
{
	if (c->closing && c->timer_gone && c->later_timer_gone && !c->jobs)
		free(c);
}

static bool
job_step(void *arg, struct registrar *r)
{
	struct job *job = arg;

	return job->step(job, r);
}

/* Answers a call whose job waits while the server ends. */
static void
job_drop(struct job *job)
{
	ctl_fail(job->call, CTL_FAILED, "The server ends before it is done.");
	free(job);
}

static void
on_later(uv_timer_t *t)
{
	struct control *c = t->data;
	struct job *job, *next = c->later;

	c->later = NULL;
	while ((job = next)) {
		next = job->next;
		job->again = false;
		(void)control_job_start(job);
	}
}

static void
job_done(void *arg)
{
	struct job *job = arg;
	struct control *c = job->control;

	job->answer(job);
	if (job->again && !c->closing) {
		job->next = c->later;
		c->later = job;
		(void)uv_timer_start(&c->later_timer, on_later, LATER_MS, 0);
	} else if (job->again) {
		job_drop(job);
	} else {
		free(job);
	}
	c->jobs--;
	control_release(c);
}

void *
control_job_new(struct control *c, struct ctl_call *call, size_t size)
{
	struct job *job = calloc(1, size);

	if (!job) {
		control_fail(call, NBT_ENOMEM, "It was not done");
		return NULL;
	}
	job->control = c;
	job->call = call;
	return job;
}

bool
control_job_start(void *arg)
{
	struct job *job = arg;
	struct registrar_work work = { .step = job_step, .done = job_done, .arg = job };
	int r = registrar_call(job->control->registrar, &work);

	if (r) {
		control_fail(job->call, r, "Too many commands wait already");
		free(job);
		return false;
	}
	job->control->jobs++;
	return true;
}

/* ---- arguments and refusals ---- */

static enum ctl_code
code_of(int err)
{
	switch (err) {
	case NBT_ENOENT:
		return CTL_NO_SUCH_RECORD;
	case NBT_EEXIST:
		return CTL_EXISTS;
	case NBT_EINVAL:
	case NBT_EOWNER:
		return CTL_REFUSED;
	case NBT_EBUSY:
	case NBT_ELIMIT:
		return CTL_BUSY;
	case NBT_ENOSPC:
		return CTL_DISK_FULL;
	case NBT_EIO:
	case NBT_EDENIED:
		return CTL_DISK_FAILED;
	case NBT_ECLOSED:
	case NBT_ELOST:
		return CTL_READ_ONLY;
	}
	return CTL_FAILED;
}

void
control_fail(struct ctl_call *call, int err, const char *what)
{
	ctl_fail(call, code_of(err), "%s: %s.", what, nbt_strerror(err));
}

bool
control_call_key(struct ctl_call *call, struct nb_key *ret)
{
	const char *text = ctl_call_text(call, "name");
	struct nb_key key, other;

	if (nb_key_parse(text, 0, &key)) {
		ctl_fail(call, CTL_BAD_ARGUMENT,
		    "\"%s\" is no name: write at most 15 bytes and the suffix, NAME<20> or "
		    "NAME#20, "
		    "special bytes as \\x01.",
		    text);
		return false;
	}
	/* Without a suffix each default gives another name; none of them is what is meant. */
	if (!nb_key_parse(text, 1, &other) && !nb_key_eq(&key, &other)) {
		ctl_fail(call, CTL_BAD_ARGUMENT,
		    "\"%s\" lacks its suffix: write NAME<20> or NAME#20; \"list\" tells which "
		    "there "
		    "are.",
		    text);
		return false;
	}
	*ret = key;
	return true;
}

struct ip4
control_call_ip(struct ctl_call *call, const char *name, struct ip4 otherwise)
{
	const char *text = ctl_call_text(call, name);

	if (text)
		(void)ip4_parse(text, &otherwise); /* ctl checked that it is one */
	return otherwise;
}

/* ---- commands that need the program alone, or a glance at the registrar ---- */

struct status_job {
	struct job job;
	struct store_stats store;
	struct version next;
	size_t challenges;
	bool writable;
	char error[400];
	struct control_replication repl;
};

static bool
status_step(struct job *job, struct registrar *r)
{
	struct status_job *s = (struct status_job *)job;
	const struct store *store = registrar_store(r);

	store_stats(store, &s->store);
	s->next = store_next_version(store);
	s->challenges = wins_open_challenges(registrar_wins(r));
	s->writable = wins_writable(registrar_wins(r));
	snprintf(s->error, sizeof(s->error), "%s", store_last_error(store));
	control_replication(registrar_repl(r), &s->repl);
	return true;
}

static json_t *
udp_json(const struct udp_stats *u)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "received", (json_int_t)u->received,
	    "truncated", (json_int_t)u->truncated, "receive-errors", (json_int_t)u->receive_errors,
	    "sent", (json_int_t)u->sent, "send-failed", (json_int_t)u->send_failed, "send-dropped",
	    (json_int_t)u->send_dropped);
}

static json_t *
program_json(const struct control *c, const struct control_status *p)
{
	json_t *addresses = json_array();

	for (int i = 0; i < p->naddr; i++)
		json_array_append_new(addresses, control_ip_json(p->addr[i]));
	return json_pack("{s:s, s:o, s:I, s:o, s:i, s:o, s:I, s:I, s:b, s:o}", "version",
	    c->version, "started", control_time_json(p->started), "uptime", (json_int_t)p->uptime,
	    "addresses", addresses, "workers", (int)p->workers, "udp", udp_json(&p->udp), "queued",
	    (json_int_t)p->queued, "queue-max", (json_int_t)p->queue_max, "snapshot-running",
	    p->snapshot_running, "snapshot-done", control_time_json(p->snapshot_done));
}

static void
status_answer(struct job *job)
{
	struct status_job *s = (struct status_job *)job;
	struct control *c = job->control;
	struct control_status program = { 0 };
	json_t *o, *store;

	c->hooks.status(c->hooks.arg, &program);
	o = program_json(c, &program);
	store = json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "writable",
	    s->writable, "records", (json_int_t)s->store.records, "next-version",
	    (json_int_t)s->next.v, "challenges", (json_int_t)s->challenges, "commits",
	    (json_int_t)s->store.commits, "changes", (json_int_t)s->store.changes, "failed-commits",
	    (json_int_t)s->store.failed_commits, "journal-bytes",
	    (json_int_t)s->store.journal_bytes, "snapshots", (json_int_t)s->store.snapshots,
	    "memory-bytes", (json_int_t)s->store.bytes_in_memory);
	if (s->error[0])
		json_object_set_new(store, "last-error", json_string(s->error));
	json_object_update(o, store);
	json_decref(store);
	json_object_set_new(o, "replication", control_replication_json(&s->repl));
	ctl_reply(job->call, o);
}

static void
status(struct control *c, struct ctl_call *call)
{
	struct status_job *s = control_job_new(c, call, sizeof(*s));

	if (!s)
		return;
	s->job.step = status_step;
	s->job.answer = status_answer;
	(void)control_job_start(s);
}

static void
version(struct control *c, struct ctl_call *call)
{
	ctl_reply(call, json_pack("{s:s}", "version", c->version));
}

static void
reload(struct control *c, struct ctl_call *call)
{
	char sentence[400] = "";

	if (c->hooks.reload(c->hooks.arg, sentence, sizeof(sentence)))
		ctl_reply(call, json_pack("{s:s}", "sentence", sentence));
	else
		ctl_fail(call, CTL_REFUSED, "%s", sentence);
}

static void
config(struct control *c, struct ctl_call *call)
{
	daemon_config(call, c->hooks.conf);
}

static void
events(struct control *c, struct ctl_call *call)
{
	daemon_events(call, c->hooks.teller);
}

/* ---- dispatch ---- */

static void
handle(void *arg, struct ctl_call *call)
{
	static control_command *const commands[CTL_CMD_COUNT] = {
		[CTL_CMD_STATUS] = status,
		[CTL_CMD_STATS] = control_stats,
		[CTL_CMD_LIST] = control_list,
		[CTL_CMD_SHOW] = control_show,
		[CTL_CMD_ADD] = control_add,
		[CTL_CMD_DELETE] = control_delete,
		[CTL_CMD_TOMBSTONE] = control_tombstone,
		[CTL_CMD_EXPLAIN] = control_explain,
		[CTL_CMD_EVENTS] = events,
		[CTL_CMD_BACKUP] = control_backup,
		[CTL_CMD_CHECK] = control_check,
		[CTL_CMD_SCAVENGE] = control_scavenge,
		[CTL_CMD_RELOAD] = reload,
		[CTL_CMD_CONFIG] = config,
		[CTL_CMD_OWNERS] = control_owners,
		[CTL_CMD_PARTNERS] = control_partners,
		[CTL_CMD_CONVERGENCE] = control_convergence,
		[CTL_CMD_REPLICATE_NOW] = control_replicate,
		[CTL_CMD_PUSH] = control_push,
		[CTL_CMD_VERIFY] = control_verify,
		[CTL_CMD_DELETE_OWNER] = control_delete_owner,
		[CTL_CMD_RAISE_VERSION] = control_raise_version,
		[CTL_CMD_DOCTOR] = control_doctor,
		[CTL_CMD_REPAIR] = control_repair,
		[CTL_CMD_VERSION] = version,
	};

	struct control *c = arg;

	if (node_control_has(ctl_call_command(call)))
		node_control_handle(c->node, call);
	else
		commands[ctl_call_command(call)](c, call);
}

static void
on_timer_closed(uv_handle_t *h)
{
	struct control *c = h->data;

	if (h == (uv_handle_t *)&c->timer)
		c->timer_gone = true;
	else
		c->later_timer_gone = true;
	control_release(c);
}

int
control_open(uv_loop_t *loop, const struct control_conf *conf, const struct control_hooks *hooks,
    struct registrar *registrar, struct control **ret)
{
	struct ctl_server_conf server = {
		.path = conf->path, .policy = conf->policy, .handle = handle
	};
	struct control *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return NBT_ENOMEM;
	c->registrar = registrar;
	c->hooks = *hooks;
	snprintf(c->version, sizeof(c->version), "%s", conf->version);
	server.arg = c;
	r = ctl_server_open(loop, &server, &c->server);
	if (r) {
		free(c);
		return r;
	}
	(void)uv_timer_init(loop, &c->timer); /* cannot fail */
	(void)uv_timer_init(loop, &c->later_timer);
	c->timer.data = c->later_timer.data = c;
	*ret = c;
	return 0;
}

void
control_set_policy(struct control *c, const struct ctl_policy *policy)
{
	ctl_server_set_policy(c->server, policy);
}

void
control_set_node(struct control *c, struct node_control *node)
{
	c->node = node;
}

void
control_close(struct control *c)
{
	struct job *job;

	if (!c || c->closing)
		return;
	c->closing = true;
	ctl_server_close(c->server);
	control_backup_tend(c);
	while ((job = c->later)) {
		c->later = job->next;
		job_drop(job);
	}
	uv_close((uv_handle_t *)&c->timer, on_timer_closed);
	uv_close((uv_handle_t *)&c->later_timer, on_timer_closed);
}
