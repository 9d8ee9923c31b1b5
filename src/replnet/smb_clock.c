/* SPDX-License-Identifier: Apache-2.0 */
/* See smb_clock.h. Layer: program. */
#include "replnet/smb_clock.h"

#include <string.h>

/* Offsets in the whole message: length of the direct TCP transport, SMB2 header, body. */
#define HEADER_AT  4
#define STATUS_AT  (HEADER_AT + 8)
#define COMMAND_AT (HEADER_AT + 12)
#define FLAGS_AT   (HEADER_AT + 16)
#define BODY_AT    (HEADER_AT + 64)
#define TIME_AT    (BODY_AT + 40)

#define EPOCH_MS INT64_C(11644473600000) /* from 1601, where FILETIME begins, to 1970 */

static const uint8_t magic[4] = { 0xfe, 'S', 'M', 'B' };

static uint64_t
get_le(const uint8_t *p, int n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | p[n];
	return v;
}

void
smb_clock_ask(const uint8_t guid[static 16], uint8_t out[static SMB_CLOCK_ASK])
{
	uint8_t *header = out + HEADER_AT, *body = out + BODY_AT;

	memset(out, 0, SMB_CLOCK_ASK);
	out[3] = SMB_CLOCK_ASK - HEADER_AT; /* 24 bits, big-endian */
	memcpy(header, magic, sizeof(magic));
	header[4] = 64; /* of the header; command 0 is NEGOTIATE */
	header[14] = 1; /* credits wanted */
	body[0] = 36;   /* of the body */
	body[2] = 2;    /* dialects, at its end */
	body[4] = 1;    /* signing enabled: some servers want it named */
	memcpy(body + 12, guid, 16);
	body[36] = 0x02, body[37] = 0x02; /* 2.0.2 */
	body[38] = 0x10, body[39] = 0x02; /* 2.1 */
}

/* Is what came so far the beginning of an answer? Each field is looked at once it is whole. */
static int
is_answer(const uint8_t *p, size_t len)
{
	size_t n = len < HEADER_AT ? 0 : len - HEADER_AT;

	if (len >= 4 && (p[0] || get_le(p + 1, 1) ||
			    ((unsigned)p[2] << 8 | p[3]) < SMB_CLOCK_ANSWER - HEADER_AT))
		return 0;
	if (memcmp(p + HEADER_AT, magic, n < sizeof(magic) ? n : sizeof(magic)) != 0)
		return 0;
	if (len >= STATUS_AT + 4 && get_le(p + STATUS_AT, 4))
		return 0;
	if (len >= COMMAND_AT + 2 && get_le(p + COMMAND_AT, 2))
		return 0;
	if (len >= FLAGS_AT + 4 && !(p[FLAGS_AT] & 1))
		return 0;
	return len < BODY_AT + 2 || get_le(p + BODY_AT, 2) == 65;
}

enum smb_clock
smb_clock_read(const uint8_t *bytes, size_t len, int64_t *ret_ms)
{
	uint64_t filetime;

	if (len && !is_answer(bytes, len))
		return SMB_CLOCK_NONE;
	if (len < SMB_CLOCK_ANSWER)
		return SMB_CLOCK_MORE;
	filetime = get_le(bytes + TIME_AT, 8);
	if (!filetime || filetime > INT64_MAX)
		return SMB_CLOCK_NONE; /* a server may hide it */
	*ret_ms = (int64_t)(filetime / 10000) - EPOCH_MS;
	return SMB_CLOCK_KNOWN;
}
