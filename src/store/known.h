/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of each owner's versions, ascending by owner. Layer: store, inside. A plain value, so
 * that a batch and a snapshot can have one of their own. Facts: wins 3.6.
 */
#pragma once

#include "store/store.h"

struct knowns {
	uint32_t n;
	struct store_known v[STORE_KNOWN_MAX];
};

/* Version 0 forgets the owner. False: there are STORE_KNOWN_MAX others. */
bool knowns_set(struct knowns *k, struct ip4 owner, struct version v);
/* 0: nothing. */
struct version knowns_get(const struct knowns *k, struct ip4 owner);
void knowns_copy(struct knowns *to, const struct knowns *from);
