/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the options of the node mean: which names it has, which interfaces take part with which address
 * and which WINS servers. Layer: nodehost. Pure: options and the machine's addresses in, values out.
 */
#pragma once

#include "conf/conf.h"
#include "io/ifmon.h"
#include "node/node.h"

/* services, names and groups */
#define POLICY_NAMES_MAX (8 + 2 * CONF_TEXTS_MAX)

struct policy_name {
	struct nb_key key;
	bool group;
};

/* Says each thing that is wrong with the node's options beyond what their types allow. 0 or
 * NBT_EINVAL. The other functions may be called only after it said 0. */
int policy_check(const struct conf *conf, const struct conf_say *say);

/* The names of the node, none twice; returns how many. */
unsigned policy_names(const struct conf *conf, struct policy_name ret[POLICY_NAMES_MAX]);
/* The interfaces that take part, at most NODE_IF_MAX; returns how many. self: this machine is the WINS
 * server of those that the options give none. */
unsigned policy_ifs(const struct conf *conf, bool self, const struct ifmon_entry *all, size_t n,
    struct node_if ret[NODE_IF_MAX]);
void policy_node_conf(const struct conf *conf, struct node_conf *ret);
