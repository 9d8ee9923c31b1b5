/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A node engine on a libuv loop, for netbtd and for winsd: time, interfaces as they come and go, the
 * options' names, LMHOSTS, DNS, and the file that outlives the process. Layer: nodehost, above node, io
 * and conf. All of it on the loop's thread. Owns no socket for packets: those are the program's, which
 * hands in what it receives and sends what it is told.
 */
#pragma once

#include <uv.h>

#include "conf/conf.h"
#include "node/node.h"

struct nodehost;

struct nodehost_hooks {
	void *arg;
	/* This machine is a WINS server itself: an interface for which the options name none registers
	 * its names there, as WINS servers of Windows do. */
	bool wins_is_here;
	/* Sends one packet from path.local on the interface path.key; flush: all of this turn were. */
	void (*send)(void *arg, const struct node_out *out);
	void (*flush)(void *arg);
	void (*event)(void *arg, const struct event *ev); /* ->when is not set */
	void (*answer)(void *arg, const struct node_answer *a);
	/* Before the packets of a turn leave: a name or its state changed. */
	void (*changed)(void *arg);
	void (*turned)(void *arg); /* a turn ended */
};

/* conf was checked by policy_check; it is copied. Interfaces are not looked at and no name is
 * registered before nodehost_begin. Errors are told as events. */
int nodehost_open(uv_loop_t *loop, const struct conf *conf, const struct nodehost_hooks *hooks,
    struct nodehost **ret);
/* Packets can be sent now: takes the interfaces, registers the names of the options, and releases
 * what an earlier run left behind. */
int nodehost_begin(struct nodehost *h);

struct node *nodehost_node(struct nodehost *h);
/* Hands in a packet received on the interface ifindex; nodehost_turn must follow. */
void nodehost_in(
    struct nodehost *h, const uint8_t *packet, size_t len, const struct node_path *path);
/* After anything was done with the node: sends what it has to send, sets the timer. */
void nodehost_turn(struct nodehost *h);

/* New options; what of them needs a restart is left as it is. */
void nodehost_reconf(struct nodehost *h, const struct conf *conf);

#define NODEHOST_END_MS 4000 /* the longest that a daemon waits for WINS servers when it ends */
/* Releases all names everywhere; done is called when every release was confirmed or limit_ms are
 * over, and what was not confirmed is kept for the next start. */
void nodehost_end(struct nodehost *h, uint64_t limit_ms, void (*done)(void *arg), void *arg);
/* No packet after this. The loop must run on until the handles are closed, and then nodehost_free. Both
 * accept NULL. */
void nodehost_close(struct nodehost *h);
void nodehost_free(struct nodehost *h);
