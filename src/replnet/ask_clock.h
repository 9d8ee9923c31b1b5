/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks the clock of each partner that is pulled from, once an hour and one after the other, on the main
 * loop; what comes of it goes to the engine. Stamps of records are only as good as clocks agree (wins
 * 1.2). Layer: program. A partner that does not speak SMB2 stays unknown.
 */
#pragma once

#include "replnet/tcp.h"
#include "conf/conf.h"

struct repl_ask_clock;

/* conf: in effect, and read again each time. NBT_ENOMEM. */
int repl_ask_clock_open(
    uv_loop_t *loop, const struct conf *conf, struct repl_tcp *to, struct repl_ask_clock **ret);
/* Memory goes when the loop has run the closing callbacks. Accepts NULL. */
void repl_ask_clock_close(struct repl_ask_clock *k);
