/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The name service packets of port 137 (RFC 1002 4.2, MS-NBTE 2.2), bytes to struct and back. The
 * decoder is total: each byte sequence gives a message or one drop reason. Layer: wire. Never
 * allocates, never decides; node status entries are borrowed from the packet.
 */
#pragma once

#include "base/ip4.h"
#include "wire/name.h"

enum nb_drop {
#define X(symbol, id, sentence) NB_DROP_##symbol,
#include "wire/drops.def"
#undef X
	NB_DROP_COUNT
};

/* The sentence of a drop reason, and its symbol in lower case with '-' for '_' ("no-question"). */
const char *nb_drop_text(int drop);
const char *nb_drop_id(int drop);

/* Flags word (RFC 1002 4.2.1.1). */
#define NB_F_R      0x8000
#define NB_F_OPCODE 0x7800
#define NB_F_AA     0x0400
#define NB_F_TC     0x0200
#define NB_F_RD     0x0100
#define NB_F_RA     0x0080
#define NB_F_B      0x0010
#define NB_F_RCODE  0x000f

enum nb_op {
	NB_OP_QUERY = 0,
	NB_OP_REGISTER = 5,
	NB_OP_RELEASE = 6,
	NB_OP_WACK = 7,
	NB_OP_REFRESH = 8,
	NB_OP_REFRESH_ALT = 9,
	NB_OP_MULTIHOMED = 15,
};

enum nb_rcode {
	NB_RC_OK = 0,
	NB_RC_FMT = 1,
	NB_RC_SRV = 2,
	NB_RC_NAM = 3,
	NB_RC_IMP = 4,
	NB_RC_RFS = 5,
	NB_RC_ACT = 6,
	NB_RC_CFT = 7,
};

enum nb_type {
	NB_TYPE_A = 0x0001,
	NB_TYPE_NS = 0x0002,
	NB_TYPE_NULL = 0x000a,
	NB_TYPE_NB = 0x0020,
	NB_TYPE_NBSTAT = 0x0021,
};

/* NB_FLAGS of an ADDR_ENTRY (RFC 1002 4.2.1.3). */
#define NB_G   0x8000
#define NB_ONT 0x6000 /* 0 B, 2000 P, 4000 M, 6000 H */

/* Which packet of the catalogue (netbt-name-service.md 1.8) this is. */
enum nb_kind {
	NB_QUERY_REQ,     /* 11 */
	NB_QUERY_OK,      /* 12 */
	NB_QUERY_FAIL,    /* 13 */
	NB_REDIRECT,      /* 14 */
	NB_STATUS_REQ,    /* 16 */
	NB_STATUS_RESP,   /* 17 */
	NB_REGISTER_REQ,  /* 1, 2, 3: opcode says which, RD clear on opcode 5 = overwrite */
	NB_REFRESH_REQ,   /* 4 */
	NB_REGISTER_RESP, /* 5, 6, 7, 8: rcode and RA say which */
	NB_RELEASE_REQ,   /* 9 */
	NB_RELEASE_RESP,  /* 10 */
	NB_WACK,          /* 15 */
	NB_KIND_COUNT
};

const char *nb_kind_text(int kind);        /* "name query request" ... */
const char *nb_rcode_text(unsigned rcode); /* "ACT_ERR", 0 is "success", past 7 "unknown" */

struct nb_addr {
	uint16_t flags; /* NB_FLAGS */
	struct ip4 ip;
};

/*
 * One message. For encoding fill id, flags (whole word, R, opcode and rcode in it), kind, key, and
 * what the kind needs; everything else may be zero: rr_type 0 means what the catalogue says.
 * Decoding sets every member but ns_key (NB_REDIRECT alone) and the addresses past naddr, which are
 * left as they were: this is the hot path. key.scope is zero past its length.
 */
struct nb_msg {
	uint16_t id;
	uint16_t flags;
	uint8_t kind; /* enum nb_kind */
	uint16_t
	    rr_type;  /* of the resource record, 0 = none was there (NB_QUERY_FAIL may lack it) */
	uint32_t ttl; /* seconds, of the resource record */
	/* the question's name, or the record's in a response; all zero in an NB_QUERY_FAIL without
	 * record and an NB_WACK for a name its sender could not read */
	struct nb_key key;
	/* requests to register, refresh, release and their answers: one; NB_QUERY_OK: 0 or more */
	uint16_t naddr;
	struct nb_addr addr[NB_ADDR_MAX];
	uint16_t wack_flags; /* NB_WACK: flags word of the request it is about */
	/* NB_REDIRECT: name server to ask instead */
	struct nb_key ns_key;
	struct ip4 ns_ip;
	/* NB_STATUS_RESP: borrowed from the packet; see nb_node_at */
	uint8_t nnode;
	const uint8_t *node; /* nnode entries of 18 bytes */
	uint16_t stats_len;  /* 0, 6 (unit id alone) or up to 46 bytes */
	const uint8_t *stats;
};

static inline unsigned
nb_opcode(const struct nb_msg *m)
{
	return (m->flags & NB_F_OPCODE) >> 11;
}

static inline unsigned
nb_rcode(const struct nb_msg *m)
{
	return m->flags & NB_F_RCODE;
}

/* One NODE_NAME of a node status response (RFC 1002 4.2.18). */
struct nb_node {
	struct nb_name name;
	uint16_t flags; /* NB_NF_* */
};

#define NB_NF_GROUP      0x8000
#define NB_NF_ONT        0x6000
#define NB_NF_DEREGISTER 0x1000
#define NB_NF_CONFLICT   0x0800
#define NB_NF_ACTIVE     0x0400
#define NB_NF_PERMANENT  0x0200
#define NB_STATS_LEN     46
#define NB_NODE_LEN      18

/* Entry i < m->nnode. */
struct nb_node nb_node_at(const struct nb_msg *m, unsigned i);

/* Writes one entry for nb_msg.node: 18 bytes. */
void nb_node_encode(struct wr *w, const struct nb_node *node);

/*
 * Reads a packet. Returns 0 or why it is dropped; *ret is whole only on 0. Tolerates what
 * netbt-name-service.md says must be tolerated (ANCOUNT 0 or 1 in negative query responses, WACK
 * record types 0x20 and 0x0a, any RD and RA in answers, short statistics, the RR_NAME of a request
 * written out), bytes behind the last record, and nothing more. At most NB_ADDR_MAX addresses of a
 * query response are kept, and the first one of everything else; further ones are passed over.
 */
enum nb_drop nb_decode(const uint8_t *packet, size_t len, struct nb_msg *ret);

/*
 * Writes the packet for m, requests with the pointer C0 0C as RR_NAME, and returns its length, or 0
 * when it does not fit in cap. More addresses or node entries than fit: as many as fit, with TC set.
 * A message of a kind without its address, or with more than the arrays hold, is a bug of the caller.
 */
size_t nb_encode(const struct nb_msg *m, uint8_t *out, size_t cap);
