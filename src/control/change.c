/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands that change something: static records, deletion, tombstones, scavenging, backup.
 * Layer: program. Each is durable before it is answered.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "control/job.h"
#include "control/json.h"

#define BACKUP_LOOK_MS 100 /* how often it is looked whether the copy is complete */

/* One record and what is done with it. */
struct change_job {
	struct job job;
	struct rec rec;
	uint32_t uid;
	int result;
	const char *done; /* "added" */
	int (*change)(struct wins *w, const struct rec *rec, uint32_t uid, struct wall now);
};

static bool
change_step(struct job *job, struct registrar *r)
{
	struct change_job *j = (struct change_job *)job;

	j->result = j->change(registrar_wins(r), &j->rec, j->uid, registrar_now(r));
	return true;
}

static void
change_answer(struct job *job)
{
	struct change_job *j = (struct change_job *)job;
	char name[NB_KEY_STRLEN], what[NB_KEY_STRLEN + 40];

	nb_key_print(&j->rec.key, name);
	snprintf(what, sizeof(what), "%s was not %s", name, j->done);
	if (j->result == NBT_ENOENT)
		ctl_fail(job->call, CTL_NO_SUCH_RECORD, "There is no record %s.", name);
	else if (j->result)
		control_fail(job->call, j->result, what);
	else
		ctl_reply(job->call, json_pack("{s:s, s:s}", "name", name, "done", j->done));
}

/* A job on the record that the argument "name" names; NULL after the call was told why not. */
static struct change_job *
change_new(struct control *c, struct ctl_call *call, const char *done,
    int (*change)(struct wins *w, const struct rec *rec, uint32_t uid, struct wall now))
{
	struct nb_key key;
	struct change_job *j;

	if (!control_call_key(call, &key))
		return NULL;
	j = control_job_new(c, call, sizeof(*j));
	if (!j)
		return NULL;
	j->rec.key = key;
	j->uid = ctl_call_uid(call);
	j->done = done;
	j->change = change;
	j->job.step = change_step;
	j->job.answer = change_answer;
	return j;
}

static int delete (struct wins *w, const struct rec *rec, uint32_t uid, struct wall now)
{
	return wins_admin_delete(w, &rec->key, uid, now);
}

void
control_delete(struct control *c, struct ctl_call *call)
{
	struct change_job *j = change_new(c, call, "deleted", delete);

	if (j)
		(void)control_job_start(j);
}

static int
tombstone(struct wins *w, const struct rec *rec, uint32_t uid, struct wall now)
{
	return wins_admin_tombstone(w, &rec->key, uid, now);
}

void
control_tombstone(struct control *c, struct ctl_call *call)
{
	struct change_job *j = change_new(c, call, "made a tombstone", tombstone);

	if (j)
		(void)control_job_start(j);
}

/* ---- static records ---- */

/* Fills in type, node and addresses; NULL, or what is wrong with them. */
static const char *
read_static(struct ctl_call *call, struct rec *r)
{
	const json_t *list = json_object_get(ctl_call_arguments(call), "addresses");
	const char *node = ctl_call_text(call, "node");
	size_t n = json_array_size(list);

	r->type = (uint8_t)control_type_parse(ctl_call_text(call, "type"));
	r->node = (uint8_t)control_node_parse(node ? node : "h");
	r->is_static = true;
	if (r->type == REC_GROUP && n)
		return "A group has no addresses; for a group with addresses write special.";
	if (r->type == REC_UNIQUE && n != 1)
		return "A unique name has one address; for more write multihomed.";
	if (r->type != REC_GROUP && n == 0)
		return "It needs at least one address.";
	for (size_t i = 0; i < n; i++) {
		struct ip4 ip = IP4_ANY;

		(void)ip4_parse(json_string_value(json_array_get(list, i)), &ip); /* ctl did */
		if (!ip4_is_host(ip))
			return "An address is one that no computer can have.";
		if (rec_find(r, ip) >= 0)
			return "An address stands there twice.";
		r->addr[r->naddr++] = (struct rec_addr){ .ip = ip, .due = WALL_NEVER };
	}
	return NULL;
}

void
control_add(struct control *c, struct ctl_call *call)
{
	struct rec rec = { 0 };
	const char *wrong = read_static(call, &rec);
	struct change_job *j;

	if (wrong) {
		ctl_fail(call, CTL_BAD_ARGUMENT, "%s", wrong);
		return;
	}
	j = change_new(c, call, "added", wins_admin_add);
	if (!j)
		return;
	rec.key = j->rec.key;
	j->rec = rec;
	(void)control_job_start(j);
}

/* ---- scavenging ---- */

static bool
scavenge_step(struct job *job, struct registrar *r)
{
	wins_admin_scavenge(registrar_wins(r), registrar_now(r));
	return true;
}

static void
scavenge_answer(struct job *job)
{
	ctl_reply(job->call,
	    json_pack("{s:s}", "sentence", "Scavenging has begun; event 4330 tells its end."));
}

void
control_scavenge(struct control *c, struct ctl_call *call)
{
	struct job *job = control_job_new(c, call, sizeof(*job));

	if (!job)
		return;
	job->step = scavenge_step;
	job->answer = scavenge_answer;
	(void)control_job_start(job);
}

/* ---- backup ---- */

struct backup_job {
	struct job job;
	struct vfs *into;
	int result;
};

static bool
backup_step(struct job *job, struct registrar *r)
{
	struct backup_job *b = (struct backup_job *)job;

	b->result = store_backup(registrar_store(r), b->into);
	return true;
}

static uint64_t
backups_ended(struct control *c, struct control_status *ret)
{
	*ret = (struct control_status){ 0 };
	c->hooks.status(c->hooks.arg, ret);
	return ret->backups_ended;
}

void
control_backup_tend(struct control *c)
{
	struct ctl_call *call = c->backup;
	struct control_status status;

	if (!call || (backups_ended(c, &status) == c->backups_ended && !c->closing))
		return;
	c->backup = NULL;
	c->backup_runs = false;
	(void)uv_timer_stop(&c->timer);
	if (status.backups_ended == c->backups_ended)
		ctl_fail(call, CTL_FAILED, "The server ends before the backup is complete.");
	else if (status.backup_error[0])
		ctl_fail(call, CTL_FAILED, "The backup failed: %s.", status.backup_error);
	else
		ctl_reply(call, json_pack("{s:s}", "directory", ctl_call_text(call, "directory")));
}

static void
on_backup_timer(uv_timer_t *t)
{
	control_backup_tend(t->data);
}

static void
backup_answer(struct job *job)
{
	struct backup_job *b = (struct backup_job *)job;
	struct control *c = job->control;

	if (b->result) {
		c->backup_runs = false;
		control_fail(job->call, b->result,
		    b->result == NBT_EEXIST ? "The folder is not empty"
					    : "The backup did not begin");
		return;
	}
	c->backup = job->call;
	if (c->closing)
		control_backup_tend(c);
	else
		(void)uv_timer_start(&c->timer, on_backup_timer, BACKUP_LOOK_MS, BACKUP_LOOK_MS);
}

/* The folder, made when it is absent. NULL after the call was told why not. */
static struct vfs *
backup_folder(struct ctl_call *call)
{
	const char *path = ctl_call_text(call, "directory");
	struct vfs *into;
	int r;

	if (path[0] != '/') {
		ctl_fail(call, CTL_BAD_ARGUMENT,
		    "The folder is an absolute path: the server is not where you are.");
		return NULL;
	}
	if (mkdir(path, 0700) && errno != EEXIST) {
		ctl_fail(call, CTL_DISK_FAILED, "The server cannot make the folder %s: %s.", path,
		    strerror(errno));
		return NULL;
	}
	r = vfs_posix_open(path, &into);
	if (r) {
		ctl_fail(call, CTL_DISK_FAILED, "The server cannot use the folder %s: %s.", path,
		    nbt_strerror(r));
		return NULL;
	}
	return into;
}

void
control_backup(struct control *c, struct ctl_call *call)
{
	struct control_status status;
	struct backup_job *b;
	struct vfs *into;

	if (c->backup_runs) {
		ctl_fail(call, CTL_BUSY, "A backup runs already.");
		return;
	}
	into = backup_folder(call);
	if (!into)
		return;
	b = control_job_new(c, call, sizeof(*b));
	if (!b) {
		into->close_dir(into);
		return;
	}
	b->into = into;
	b->job.step = backup_step;
	b->job.answer = backup_answer;
	c->backups_ended = backups_ended(c, &status);
	c->backup_runs = control_job_start(b);
	if (!c->backup_runs)
		into->close_dir(into);
}
