/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands of the control protocol that every daemon answers alike. Layer: daemon. Each answers
 * its call at once.
 */
#pragma once

#include "conf/conf.h"
#include "ctl/server.h"
#include "daemon/teller.h"

void daemon_events(struct ctl_call *call, struct teller *teller);
void daemon_config(struct ctl_call *call, const struct conf *conf);
