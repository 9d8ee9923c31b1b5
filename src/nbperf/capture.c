/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names in a capture file: the classic pcap format in both byte orders, down to the UDP datagrams
 * to port 137. Layer: program. What it does not understand it passes over; a file that is not pcap at
 * all is told.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "file/file.h"
#include "nbperf/names.h"
#include "wire/ns.h"

#define FRAME_MAX    262144
#define PORT         137
#define PROTOCOL_UDP 17

/* How long the header before the IPv4 packet is, for each link type (tcpdump.org/linktypes). */
static const struct {
	uint32_t type;
	uint8_t header, protocol_at; /* 0: there is no protocol field */
} links[] = {
	{ 1, 14, 12 },   /* Ethernet */
	{ 101, 0, 0 },   /* raw IP */
	{ 113, 16, 14 }, /* Linux cooked */
	{ 228, 0, 0 },   /* raw IPv4 */
	{ 276, 20, 0 },  /* Linux cooked, second version */
};

static uint32_t
u32_of(const uint8_t *p, bool swapped)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return swapped ? __builtin_bswap32(v) : v;
}

/* The UDP payload for port 137 in a frame; an empty cursor when there is none. */
static struct rd
payload_of(const uint8_t *frame, size_t len, unsigned link)
{
	const struct rd none = rd_init(frame, 0);
	struct rd r = rd_init(frame, len), ip;
	size_t header;
	uint16_t total;

	(void)rd_bytes(&r, links[link].header);
	if (r.bad || rd_left(&r) < 20 || r.p[0] >> 4 != 4)
		return none;
	if (links[link].protocol_at && memcmp(frame + links[link].protocol_at, "\x08\x00", 2))
		return none;
	header = (size_t)(r.p[0] & 15) * 4;
	total = (uint16_t)(r.p[2] << 8 | r.p[3]);
	/* fragments but the first have no UDP header */
	if (header < 20 || r.p[9] != PROTOCOL_UDP || (r.p[6] & 0x1f) || r.p[7])
		return none;
	ip = rd_sub(&r, total < rd_left(&r) ? total : rd_left(&r));
	(void)rd_bytes(&ip, header + 2);
	if (rd_u16(&ip) != PORT)
		return none;
	(void)rd_bytes(&ip, 4);
	return ip.bad ? none : ip;
}

static bool
is_request(const struct nb_msg *m)
{
	return m->kind == NB_QUERY_REQ || m->kind == NB_REGISTER_REQ || m->kind == NB_REFRESH_REQ ||
	       m->kind == NB_RELEASE_REQ;
}

/* False: whoever takes the names wants no more. */
static bool
take_frame(const uint8_t *frame, size_t len, unsigned link,
    bool (*take)(void *arg, const struct nb_key *key), void *arg)
{
	struct rd payload = payload_of(frame, len, link);
	struct nb_msg m;

	if (nb_decode(payload.p, rd_left(&payload), &m) || !is_request(&m))
		return true;
	return take(arg, &m.key);
}

static bool
read_frames(FILE *f, bool swapped, unsigned link, bool (*take)(void *arg, const struct nb_key *key),
    void *arg)
{
	uint8_t *frame = malloc(FRAME_MAX), header[16];
	bool more = frame != NULL;

	while (more && fread(header, sizeof(header), 1, f) == 1) {
		size_t len = u32_of(header + 8, swapped);

		more = len <= FRAME_MAX && fread(frame, 1, len, f) == len &&
		       take_frame(frame, len, link, take, arg);
	}
	free(frame);
	return !ferror(f);
}

/* The link's row, or a negative number and why. */
static int
check_header(const uint8_t header[static 24], bool *ret_swapped, char *why)
{
	uint32_t magic = u32_of(header, false), type;

	*ret_swapped = magic == 0xd4c3b2a1 || magic == 0x4d3cb2a1;
	if (!*ret_swapped && magic != 0xa1b2c3d4 && magic != 0xa1b23c4d) {
		snprintf(why, PERF_WHY_LEN,
		    "not a pcap file; pcapng can be converted with "
		    "'editcap -F pcap'");
		return -1;
	}
	type = u32_of(header + 20, *ret_swapped) & 0xffff;
	for (unsigned i = 0; i < sizeof(links) / sizeof(*links); i++)
		if (links[i].type == type)
			return (int)i;
	snprintf(why, PERF_WHY_LEN,
	    "link type %u; Ethernet (1), raw IP (101, 228) and Linux cooked (113, 276) are read",
	    type);
	return -1;
}

bool
capture_names(const char *path, bool (*take)(void *arg, const struct nb_key *key), void *arg,
    char why[static PERF_WHY_LEN])
{
	const char *wrong = NULL;
	char reason[PERF_WHY_LEN] = "";
	uint8_t header[24];
	bool swapped = false;
	int link = -1;
	FILE *f;

	if (file_open(path, &f, &wrong)) {
		snprintf(why, PERF_WHY_LEN, "%.200s: %s", path, wrong);
		return false;
	}
	if (fread(header, sizeof(header), 1, f) != 1)
		snprintf(reason, sizeof(reason), "too short for a pcap file");
	else
		link = check_header(header, &swapped, reason);
	if (link >= 0 && !read_frames(f, swapped, (unsigned)link, take, arg))
		snprintf(reason, sizeof(reason), "%s", strerror(errno));
	(void)fclose(f); /* only read */
	if (reason[0])
		snprintf(why, PERF_WHY_LEN, "%.200s: %.200s", path, reason);
	return !reason[0];
}
