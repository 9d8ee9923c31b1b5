/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The replication messages of TCP 42 (MS-WINSRA 2.2) and the autodiscovery datagram, bytes to struct
 * and back. Decoders are total: each byte sequence gives a message or one drop reason. Layer: wire.
 * Never allocates, never decides; owner and name records are borrowed from the message. Facts:
 * wins-server-and-replication.md 3.1-3.4, 3.13, vectors in 8.
 */
#pragma once

#include "base/cursor.h"
#include "base/ip4.h"
#include "wire/name.h"

#define WREPL_PORT          42
#define WREPL_LENGTH_SIZE   4           /* the length field, which does not count itself */
#define WREPL_LENGTH_MIN    12          /* the rest of the header */
#define WREPL_LENGTH_MAX    (16u << 20) /* longest message taken (wins 3.2); a larger one ends it */
#define WREPL_OWNER_SIZE    24
#define WREPL_RECORD_MAX    (4 + 256 + 4 + 4 + 8 + 4 + 8 * REC_ADDR_MAX + 4)
#define WREPL_MAJOR         2
#define WREPL_MINOR         5 /* Windows 2000 and later; 1 = NT 4, which has no persistent connections */
#define WREPL_DISCOVERY_MAX 512
#define WREPL_GROUP         IP4(224, 0, 1, 24)
/* The highest version that is believed. Windows counts from 1, and lets its administrator set the upper
 * half of the 64 bits; a counter works up to 2^62 and more, so that nobody who is believed comes near its
 * end. */
#define WREPL_VERSION_MAX ((UINT64_C(1) << 60) - 1)

/* Why a message or datagram was thrown away; sentences in wrepl_drops.def. */
enum wrepl_drop {
#define X(symbol, id, sentence) WREPL_DROP_##symbol,
#include "wire/wrepl_drops.def"
#undef X
	WREPL_DROP_COUNT
};
const char *wrepl_drop_text(int drop);
const char *wrepl_drop_id(int drop);

enum wrepl_kind {
	WREPL_START_REQ,
	WREPL_START_RESP,
	WREPL_STOP,
	WREPL_MAP_REQ,
	WREPL_MAP_RESP,
	WREPL_RECORDS_REQ,
	WREPL_RECORDS_RESP,
	WREPL_NOTIFY, /* update notification: propagate and persistent say which of 4, 5, 8, 9 */
	WREPL_KIND_COUNT
};
const char *wrepl_kind_text(int kind);

/* One owner of a map or notification: what its sender has seen of the owner's versions. */
struct wrepl_owner {
	struct ip4 ip;
	uint64_t max, min; /* min is ignored by receivers (3.6) */
	/* Of a map or notification: what its sender claims, when no counter reaches that; max is 0 then,
	 * as if it had seen nothing of the owner. 0 = max is to be believed. */
	uint64_t beyond;
};

struct wrepl_addr {
	struct ip4 owner, ip;
};

/* One name record (3.4), the 1B byte exchange undone. The owner is that of the request it answers. */
struct wrepl_record {
	struct nb_key key;
	uint8_t type;  /* 0 unique, 1 group, 2 special, 3 multihomed */
	uint8_t state; /* 0 active, 1 released, 2 tombstone, 3 deleted */
	uint8_t node;  /* 0 B, 1 P, 2 M, 3 H */
	bool is_static;
	bool replica;     /* the L bit: not the sender's own; ignored by receivers */
	uint64_t version; /* 0: none that a counter reaches, beyond says which */
	uint64_t beyond;
	uint8_t naddr; /* 1 for unique and group; of more than 25 the first 25 are kept */
	struct wrepl_addr addr[REC_ADDR_MAX]; /* unique, group: owner 0.0.0.0 */
};

struct wrepl_msg {
	uint8_t kind;    /* enum wrepl_kind */
	bool wins_bits;  /* the reserved word has Windows' 0x7800 (3.2); always set when encoding */
	uint32_t handle; /* destination association handle, the receiver's */
	/* start request and response */
	uint32_t sender;
	uint16_t major, minor;
	/* stop: 0 normal, 4 error */
	uint32_t reason;
	/* records request */
	struct wrepl_owner wanted; /* any numbers; max 0 = no upper bound (3.6) */
	/* notification */
	bool propagate, persistent;
	struct ip4 initiator;
	/* map response, notification: owners; records response: records. Borrowed from the message and
	 * checked by wrepl_decode; read them with wrepl_owner_at and wrepl_record_next. */
	uint32_t count;
	struct rd body;
	/* records response: so many records more were passed over, their scopes being no label
	 * sequences (".", "a..b"): one such name must not keep all others from being pulled */
	uint32_t unnamed;
};

/* Bytes of the whole message that begins with head, the length field in it; 0: no message has such a
 * length (below WREPL_LENGTH_MIN or above WREPL_LENGTH_MAX). */
size_t wrepl_frame(const uint8_t head[static WREPL_LENGTH_SIZE]);
/* Reads one whole message of len bytes, length field and all. */
enum wrepl_drop wrepl_decode(const uint8_t *bytes, size_t len, struct wrepl_msg *ret);
/* A version as a map or a record has it: what no counter reaches goes to *ret_beyond, else 0, and 0 is
 * returned. The one bound that is put to a peer's numbers. */
uint64_t wrepl_version(uint64_t claimed, uint64_t *ret_beyond);
/* i < m->count of a map response or notification. */
struct wrepl_owner wrepl_owner_at(const struct wrepl_msg *m, uint32_t i);
/* The next record of a records response: begin with a copy of m->body and call it m->count times.
 * Records without a name that can be held (m->unnamed) are passed over. */
void wrepl_record_next(struct rd *body, struct wrepl_record *ret);

/* Lays out any message but a records response. owners: m->count of them for map response and
 * notification, else NULL. Returns its length, 0 when cap is too small. */
size_t wrepl_encode(
    const struct wrepl_msg *m, const struct wrepl_owner *owners, uint8_t *out, size_t cap);
/*
 * A records response is laid out piecewise: WREPL_RECORDS_HEAD bytes are left free, records are
 * appended, and the head is written when their number and the whole length are known.
 */
#define WREPL_RECORDS_HEAD 24
/* Would a receiver read the same name? Not of NAME<xx> that begins with byte 1B (3.4), nor with a '.' or
 * a NUL in a label or a scope over 237: it would read another name, which may be somebody's. Such
 * records are not to be sent. */
bool wrepl_key_travels(const struct nb_key *key);
/* Returns the length, at most WREPL_RECORD_MAX; 0 when cap is too small. */
size_t wrepl_record_encode(const struct wrepl_record *r, uint8_t *out, size_t cap);
void wrepl_records_head(
    uint8_t out[static WREPL_RECORDS_HEAD], uint32_t handle, uint32_t count, size_t whole);

/* Autodiscovery (3.13). */
struct wrepl_discovery {
	bool up;
	uint8_t naddr; /* of more than 25 the first 25 are kept */
	struct ip4 addr[REC_ADDR_MAX];
};
enum wrepl_drop wrepl_discovery_decode(
    const uint8_t *bytes, size_t len, struct wrepl_discovery *ret);
size_t wrepl_discovery_encode(
    const struct wrepl_discovery *d, uint8_t out[static WREPL_DISCOVERY_MAX]);
