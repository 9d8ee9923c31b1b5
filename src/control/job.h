/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the control commands share: a job is a call on its way through the registrar's
 * thread and back. Layer: program; private to control*.c.
 */
#pragma once

#include "ctl/server.h"
#include "control/control.h"

struct control {
	struct ctl_server *server;
	struct registrar *registrar;
	struct control_hooks hooks;
	struct node_control *node; /* may be NULL */
	char version[40];
	unsigned jobs; /* on their way */
	uv_timer_t timer;
	bool backup_runs;
	struct ctl_call *backup; /* waits for the end of the copy */
	uint64_t backups_ended;  /* how many had ended when it began */
	uv_timer_t later_timer;
	struct job *later; /* wait for it */
	bool closing, timer_gone, later_timer_gone;
};

/*
 * The first member of a command's own struct, which is one malloc. step runs on the registrar's
 * thread, again and again until it says true; then answer, on the main loop, replies to the call.
 * The struct is freed behind it.
 */
struct job {
	struct control *control;
	struct ctl_call *call;
	bool (*step)(struct job *job, struct registrar *r);
	void (*answer)(struct job *job);
	bool again; /* set by answer, instead of a reply: step and answer once more in a moment */
	struct job *next;
};

/* Zeroed memory for a job of size bytes; NULL after the call was told that there is none. */
void *control_job_new(struct control *c, struct ctl_call *call, size_t size);
/* Gives the job away. False: the registrar takes no more, the call was told and the job is freed. */
bool control_job_start(void *job);

/* Reads the argument "name". False: the call was told what is wrong. */
bool control_call_key(struct ctl_call *call, struct nb_key *ret);
struct ip4 control_call_ip(struct ctl_call *call, const char *name, struct ip4 otherwise);
/* Refuses with the code and sentence of an enum nbt_err; what begins the sentence. */
void control_fail(struct ctl_call *call, int err, const char *what);

/* How replication is, in short. On the registrar's thread. */
struct control_replication {
	size_t partners, failing, connections;
	bool paused;
};
void control_replication(struct repl_line *l, struct control_replication *ret);
json_t *control_replication_json(const struct control_replication *r);

typedef void control_command(struct control *c, struct ctl_call *call);
/* control_read.c */
control_command control_show, control_explain, control_stats;
/* control_walk.c */
control_command control_list, control_owners, control_check;
/* control_repl.c */
control_command control_partners, control_replicate, control_push, control_verify,
    control_delete_owner, control_raise_version;
/* control_convergence.c */
control_command control_convergence;
/* control_doctor.c */
control_command control_doctor, control_repair;
/* control_change.c */
control_command control_add, control_delete, control_tombstone, control_scavenge, control_backup;
/* Ends the waiting for a backup when it is over, or c is closing. */
void control_backup_tend(struct control *c);
