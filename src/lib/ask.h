/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions to the network, blocking, without a daemon. Layer: lib. Every call ends at its deadline.
 */
#pragma once

#include <netbt/netbt.h>

#include "wire/ns.h"

/* A packet that came, and its message, which borrows from the bytes. */
struct received {
	struct ip4 from;
	size_t len;
	uint8_t bytes[NB_PACKET_MAX];
	struct nb_msg msg;
};

/* The options' servers in turn, then broadcast. Errors as nbt_resolve. deadline: of daemon_now. */
int ask_name(const struct nb_key *key, const struct nbt_options *o, long long deadline,
    struct nbt_answer *ret);
/* NBT_ERR_TIMEOUT: the machine does not answer. */
int ask_status(struct ip4 peer, const struct nb_key *key, const struct nbt_options *o,
    long long deadline, struct received *ret);
