/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every fixed bound of the project in one place, each with its reason. Bounds an administrator may
 * want to move are options instead (src/conf/options.def). Layer: base.
 */
#pragma once

#define NB_NAME_LEN 16 /* MS-NBTE 2.2.1: 15 characters and a suffix */
#define NB_SCOPE_WIRE \
	255 /* scope labels with their length bytes, without the root: what we can hold */
#define NB_SCOPE_MAX  237  /* scope text Windows accepts; longer is answered SRV_ERR (S4T) */
#define NB_UDP_MAX    548  /* largest UDP payload: 576 - 20 - 8 (RFC 1002 6) */
#define NB_PACKET_MAX 1472 /* largest datagram we read: what one Ethernet frame can bring */
#define NB_ADDR_MAX   82   /* ADDR_ENTRYs that fit in NB_UDP_MAX without scope */
#define REC_ADDR_MAX \
	25 /* addresses of a multihomed or special group record (MS-WINSRA 2.2.10.1.1) */
