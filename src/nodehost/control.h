/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The node commands of the control protocol, carried out on a struct node: the same for netbtd and for
 * winsd when it hosts the machine's node. Layer: program. Owns the calls that wait for an answer of
 * the network; decides nothing about a name. All of it on the loop's thread, which is the node's.
 *
 * It may be reached through two sockets: the control socket, with the others of the program, and one
 * for everybody that answers node-resolve alone (node_control_open_public), for libnss_netbt.
 */
#pragma once

#include "ctl/server.h"
#include "node/node.h"

struct node_control;

struct node_control_host {
	void *arg;
	struct mono (*now)(void *arg);
	/* The node was given something to do: send what node_out has and set the timer to
	 * node_next, before returning or soon. */
	void (*pump)(void *arg);
	const char *scope; /* of the machine, as text; must stay */
};

/* The node must live as long. NBT_ENOMEM. */
int node_control_new(
    struct node *n, const struct node_control_host *host, struct node_control **ret);
/* Fails the calls that wait. Close the sockets first. Accepts NULL. */
void node_control_free(struct node_control *nc);

/* Is it a command of these? The program's handler hands those on. */
bool node_control_has(enum ctl_command_id command);
/* Answers the call, now or later. nc NULL: it is refused, for this program has no node. */
void node_control_handle(struct node_control *nc, struct ctl_call *call);

/* From node_host.answer: true when the ticket is one of ours, which have the highest bit set. */
bool node_control_answer(struct node_control *nc, const struct node_answer *a);
/* After each turn of the node (a packet, a tick): ends the waiting of calls that wait for names. */
void node_control_turn(struct node_control *nc);

/* Listens at path for everybody. Errors as ctl_server_open. Closed by node_control_close_public; the
 * loop must run on until it is gone. */
int node_control_open_public(struct node_control *nc, uv_loop_t *loop, const char *path);
void node_control_close_public(struct node_control *nc);
