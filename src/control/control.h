/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control protocol's commands as winsd carries them out: ctl reads and checks the requests, the
 * registrar's thread does the work in bounded steps, the answers are made on the main loop. What
 * only the program knows comes through hooks. Layer: program. Decides nothing about a name.
 */
#pragma once

#include <uv.h>

#include "base/when.h"
#include "base/ip4.h"
#include "ctl/access.h"
#include "nodehost/control.h"
#include "daemon/commands.h"
#include "io/udp.h"
#include "registrar/registrar.h"

#define CONTROL_STEP 2000 /* records that one step of the registrar's thread may visit */

struct control;

struct control_status {
	struct wall started;
	uint64_t uptime; /* seconds */
	uint8_t naddr;
	struct ip4 addr[16]; /* where it answers */
	unsigned workers;
	size_t queued, queue_max; /* changes that wait for the registrar */
	struct udp_stats udp;     /* of all workers */
	bool snapshot_running;
	struct wall snapshot_done; /* when the last one was complete; 0 = none since the start */
	uint64_t backups_ended;    /* one more each time a backup ends, well or not */
	char backup_error[200];    /* of the last one that ended; empty = it is complete */
};

/* All are called on the main loop's thread. */
struct control_hooks {
	void *arg;
	void (*status)(void *arg, struct control_status *ret);
	/* As HUP does. Says in a whole sentence what came of it. False: the old configuration stays. */
	bool (*reload)(void *arg, char *ret_sentence, size_t cap);
	const struct conf *conf; /* in effect */
	struct teller *teller;
};

struct control_conf {
	const char *path;    /* of the socket */
	const char *version; /* of the program */
	struct ctl_policy policy;
};

/* Errors as ctl_server_open. The registrar must outlive the work it took for us. */
int control_open(uv_loop_t *loop, const struct control_conf *conf,
    const struct control_hooks *hooks, struct registrar *registrar, struct control **ret);
/* After a reload: the groups may have changed. */
void control_set_policy(struct control *c, const struct ctl_policy *policy);
/* Who carries out the node commands; NULL, as at first: they are refused, this server hosts no node. */
void control_set_node(struct control *c, struct node_control *node);
/* The loop and the registrar must run on until what is under way has ended; the memory goes then.
 * Accepts NULL. */
void control_close(struct control *c);
