/* SPDX-License-Identifier: Apache-2.0 */
/* See fast.h. Layer: program. */
#include "winsd/fast.h"

#include "base/limits.h"

#define HEADER 12

int
fast_open(const struct conf *conf, struct xdp **ret, char why[XDP_WHY_MAX])
{
	/* request, opcode 0, RD, not B (netbt 1.2): the flags follow the transaction id */
	const struct xdp_opts opts = { .interface = conf->xdp,
		.port = (uint16_t)conf->port,
		.mask = { 0, 0, 0xf9, 0x10 },
		.value = { 0, 0, 0x01, 0 },
		.min = HEADER,
		.max = NB_UDP_MAX };

	return xdp_open(&opts, ret, why);
}
