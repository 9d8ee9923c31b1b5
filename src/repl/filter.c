/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which owners' records are wanted (3.12) and which names partial replication carries (3.11).
 * Layer: repl. Never changes anything.
 */
#include "repl/engine.h"

#define SUFFIX_DOMAIN_MASTER      0x1b
#define SUFFIX_DOMAIN_CONTROLLERS 0x1c

bool
filter_accepts(const struct repl *r, struct ip4 owner)
{
	/* The list need not be sorted (KB281445). */
	for (unsigned i = 0; i < r->conf.nfilter; i++)
		if (ip4_eq(r->conf.filter[i], owner))
			return r->conf.accept_only;
	return !r->conf.accept_only;
}

bool
filter_partial(const struct rec *rec)
{
	uint8_t suffix = nb_suffix(&rec->key);

	return suffix == SUFFIX_DOMAIN_MASTER ||
	       (rec->type == REC_SPECIAL &&
		   (rec->is_static || suffix != SUFFIX_DOMAIN_CONTROLLERS));
}
