/* SPDX-License-Identifier: Apache-2.0 */
/*
 * This machine's own NetBT node inside winsd, when the option node.name gives it one: it lives on the
 * main loop's thread, gets its packets from the workers through rings, and sends through their sockets.
 * What the other threads must know of its names is published here. Layer: program. Decides nothing about
 * a name.
 */
#pragma once

#include <uv.h>

#include "io/udp.h"
#include "nodehost/control.h"
#include "node/node.h"
#include "front/dispatch.h"
#include "winsd/winsd.h"

struct own_node;

/* Memory, and sockets for broadcasts where the workers' cannot hear them (option listen): as root, after
 * workers_open, which must know of it. NULL in *ret when there is no node. Errors are told. */
int own_node_new(struct winsd *d, struct own_node **ret);
void own_node_free(struct own_node *o); /* before workers_close; accepts NULL */

/* Begins to register names, on the loop's thread, before the workers start. */
int own_node_begin(struct own_node *o, uv_loop_t *loop);
struct node_control *own_node_control(struct own_node *o);
void own_node_reconf(struct own_node *o, const struct conf *conf);
/* Releases all names; done when that is over, after nodehost.h's time at the latest. */
void own_node_end(struct own_node *o, void (*done)(void *arg), void *arg);
/* The workers have stopped. The loop must run on until the handles are closed. Accepts NULL. */
void own_node_close(struct own_node *o);

/* ---- any worker, by its number ---- */

/* The names of the node for dispatch, good until the worker says that it uses them no more. */
const struct dispatch_names *own_node_names(struct own_node *o, unsigned worker);
void own_node_names_done(struct own_node *o, unsigned worker);
/* Hands a packet over. False: there is no room, it is lost. own_node_wake must follow. */
bool own_node_put(struct own_node *o, unsigned worker, const struct udp_packet *p);
void own_node_wake(struct own_node *o);

/* ---- the registrar ---- */

/* As wins_host.held. */
unsigned own_node_held(
    struct own_node *o, const struct nb_key *key, struct ip4 ret[REC_ADDR_MAX], bool *ret_defended);
