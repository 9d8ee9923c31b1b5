/* SPDX-License-Identifier: Apache-2.0 */
/* The replication engine's options from the configuration's. Layer: program. Pure. */
#pragma once

#include "conf/conf.h"
#include "repl/repl.h"

#define REPL_CHECK_INTERVAL_MIN 21600 /* seconds: wins 3.10 */

/* own: all addresses of this server; self: the one under which it owns its records. Partners that are
 * this server itself are left out. */
void repl_conf_of(const struct conf *c, const struct ip4 *own, unsigned nown, struct ip4 self,
    struct repl_conf *ret);
/* What no option can see alone; told. 0 or NBT_EINVAL. */
int repl_conf_check(const struct conf *c, const struct conf_say *say);
