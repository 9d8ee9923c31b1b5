/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What time another machine has, from the first message pair of SMB2: the answer to a NEGOTIATE carries
 * SystemTime (MS-SMB2 2.2.3, 2.2.4), and each Windows from Vista on and each Samba gives it to anybody.
 * Layer: program. Pure: bytes to request, answer to time.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define SMB_CLOCK_PORT   445
#define SMB_CLOCK_ASK    108 /* bytes of the request */
#define SMB_CLOCK_ANSWER 116 /* bytes of the answer that are looked at */

/* guid: any 16 bytes, which name the client. */
void smb_clock_ask(const uint8_t guid[static 16], uint8_t out[static SMB_CLOCK_ASK]);

enum smb_clock { SMB_CLOCK_MORE, SMB_CLOCK_KNOWN, SMB_CLOCK_NONE };
/* What came so far: more bytes are needed; *ret_ms is the time in milliseconds since 1970; or it will
 * never be an answer with a time. */
enum smb_clock smb_clock_read(const uint8_t *bytes, size_t len, int64_t *ret_ms);
