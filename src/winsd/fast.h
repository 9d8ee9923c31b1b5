/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which packets come past the kernel's network code (option xdp): questions to a name server. Layer:
 * program. Says what io/xdp.h, which knows no protocol, shall pick; its sockets are the workers'.
 */
#pragma once

#include "conf/conf.h"
#include "io/xdp.h"

/* As xdp_open. */
int fast_open(const struct conf *conf, struct xdp **ret, char why[XDP_WHY_MAX]);
