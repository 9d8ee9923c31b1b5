/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NetBIOS names: 16 raw bytes and a scope; how they look on the wire (RFC 1001 14, RFC 1002 4.1) and
 * to a person (NAME<20>). Layer: wire. Never allocates, decides nothing: case is never folded.
 */
#pragma once

#include <stdbool.h>
#include <string.h>

#include "base/cursor.h"
#include "base/limits.h"

struct nb_name {
	uint8_t b[NB_NAME_LEN]; /* b[15] is the suffix */
};

/* Labels as on the wire, each behind its length byte, without the root: 7 EXAMPLE 3 LAB. */
struct nb_scope {
	uint8_t len; /* 0 = no scope; text length is len - 1 */
	uint8_t b[NB_SCOPE_WIRE];
};

/* What identifies a record: compared byte by byte, case-sensitive (MS-NBTE 2.2.1). */
struct nb_key {
	struct nb_name name;
	struct nb_scope scope; /* bytes past scope.len are zero */
};

static inline uint8_t
nb_suffix(const struct nb_key *k)
{
	return k->name.b[NB_NAME_LEN - 1];
}

static inline bool
nb_key_eq(const struct nb_key *a, const struct nb_key *b)
{
	return !memcmp(a->name.b, b->name.b, NB_NAME_LEN) && a->scope.len == b->scope.len &&
	       !memcmp(a->scope.b, b->scope.b, a->scope.len);
}

/*
 * Reads a second-level encoded name at r. packet is the start of the name service packet for
 * pointers (at most 10 hops, each before where the last one led, none into the header); NULL forbids
 * pointers (ports 138 and 139). Returns enum nb_drop: 0 and r behind the name, or why not; *ret is
 * whole only on 0. Total length is bounded by what struct nb_scope holds, not by RFC 1002's 255,
 * because servers must answer 238-byte scopes.
 */
int nb_name_decode(struct rd *r, const struct rd *packet, struct nb_key *ret);

/* Writes the second-level encoding, without pointers: 34 bytes and the scope's. Bad when a label of the
 * scope is longer than 63 bytes, as replication may bring. */
void nb_name_encode(struct wr *w, const struct nb_key *key);

/*
 * "NAME<20>" or "NAME<20>.scope", trailing spaces of the first 15 bytes dropped, every byte that is
 * not printable ASCII, and '<', '>', '\\', '"', '#' inside the name, written \xNN; likewise in the
 * scope, and '.' inside one of its labels. The NUL-padded "*" is "*<00>". Always fits; nb_key_parse
 * gives the same key back.
 */
#define NB_KEY_STRLEN (4 * NB_NAME_LEN + 4 + 4 * NB_SCOPE_WIRE + 2)
char *nb_key_print(const struct nb_key *key, char buf[static NB_KEY_STRLEN]);

/*
 * Reads NAME<20>, NAME#20 (both with an optional .scope behind) or a bare NAME, which gets
 * default_suffix and may hold dots; \xNN escapes are undone; padded with spaces, "*" with NULs, a
 * bare "*" has suffix 00 whatever the default (RFC 1001 17.2). Case is kept: whoever wants upper case
 * does it before. 0, or NBT_EINVAL with *ret untouched.
 */
int nb_key_parse(const char *text, uint8_t default_suffix, struct nb_key *ret);
