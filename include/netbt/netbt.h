/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libnetbt: NetBIOS names over TCP/IP (RFC 1001, RFC 1002) for programs. Names and packets as plain
 * structs, blocking questions to the network, and names of this machine registered and released by
 * the node daemon (netbtd, or winsd with a node). See netbt(3).
 *
 * Functions that return int return 0 or a negative enum nbt_error, and leave their results untouched
 * when they fail. No function prints, forks, starts a thread or touches a signal; all may be called
 * from several threads at once. Addresses are in network byte order, as everywhere in sockets.
 */
#pragma once

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum nbt_error {
	NBT_ERR_MEMORY = -1,
	NBT_ERR_SYSTEM = -2,    /* a socket failed; errno says why */
	NBT_ERR_BUSY = -4,      /* the daemon has too much to do */
	NBT_ERR_FORMAT = -5,    /* not a packet, or not an answer of the daemon */
	NBT_ERR_EXISTS = -8,    /* the name is there as the other kind, group or unique */
	NBT_ERR_NOT_FOUND = -9, /* nobody has the name */
	NBT_ERR_LIMIT = -10,
	NBT_ERR_INVALID = -11,   /* an argument is not allowed */
	NBT_ERR_DENIED = -13,    /* the daemon does not let this user do it */
	NBT_ERR_TIMEOUT = -14,   /* no answer in time */
	NBT_ERR_NO_DAEMON = -15, /* no daemon listens */
	NBT_ERR_REFUSED = -16    /* the daemon says no; or the name is in conflict */
};

/* The sentence of an error, without capital and full stop. */
const char *nbt_error_text(int error);
/* "0.1.0" */
const char *nbt_version(void);

/* ---- names ---- */

#define NBT_NAME_LEN  16
#define NBT_SCOPE_LEN 237 /* characters of a scope */
#define NBT_NAME_TEXT 1200

/* 16 raw bytes, the last one the suffix, compared as they are; and a scope, mostly empty. */
struct nbt_name {
	unsigned char b[NBT_NAME_LEN];
	char scope[NBT_SCOPE_LEN + 1]; /* labels with dots between them */
};

/* Reads NAME<20>, NAME#20, or a bare NAME which gets default_suffix; .SCOPE may follow, and \xNN is
 * any byte. Letters keep their case: real names are upper case. */
int nbt_name_parse(const char *text, unsigned char default_suffix, struct nbt_name *ret);
/* The same way back, every unprintable byte escaped; returns buf. */
char *nbt_name_print(const struct nbt_name *name, char buf[NBT_NAME_TEXT]);

/* ---- packets of UDP port 137 ---- */

#define NBT_ADDRESSES_MAX 82
#define NBT_NODES_MAX     80
#define NBT_PACKET_MAX    548 /* bytes that nbt_encode writes at most */

enum nbt_kind {
	NBT_QUERY_REQUEST,
	NBT_QUERY_POSITIVE,
	NBT_QUERY_NEGATIVE,
	NBT_REDIRECT,
	NBT_STATUS_REQUEST,
	NBT_STATUS_RESPONSE,
	NBT_REGISTER_REQUEST, /* operation 5 or 15, in flags */
	NBT_REFRESH_REQUEST,  /* operation 8 or 9 */
	NBT_REGISTER_RESPONSE,
	NBT_RELEASE_REQUEST,
	NBT_RELEASE_RESPONSE,
	NBT_WAIT /* WACK: the answer takes ttl seconds more */
};

struct nbt_address {
	uint16_t flags; /* 0x8000 group, 0x6000 node type */
	struct in_addr address;
};

struct nbt_node {
	unsigned char b[NBT_NAME_LEN];
	uint16_t flags; /* 0x8000 group, 0x0800 conflict, 0x0400 active ... (RFC 1002 4.2.18) */
};

struct nbt_packet {
	enum nbt_kind kind;
	uint16_t id;
	uint16_t flags; /* the whole word: R, operation, AA TC RD RA B, result code */
	struct nbt_name name;
	uint32_t ttl; /* seconds */
	unsigned naddress;
	struct nbt_address address[NBT_ADDRESSES_MAX];
	unsigned nnode; /* of a node status response */
	struct nbt_node node[NBT_NODES_MAX];
	unsigned char has_mac, mac[6];
};

#define NBT_RCODE(packet) ((packet)->flags & 0x000f)

/* NBT_ERR_FORMAT: not a whole, correct packet. */
int nbt_decode(const void *bytes, size_t len, struct nbt_packet *ret);
/* The length of what was written; 0: an argument is out of its bounds, or cap too small. */
size_t nbt_encode(const struct nbt_packet *packet, void *ret_bytes, size_t cap);

/* ---- questions ---- */

#define NBT_SERVERS_MAX 12
#define NBT_ANSWER_MAX  25

struct nbt_options {
	unsigned timeout_ms; /* of a whole call; it takes no longer */
	const char *socket;  /* the daemon's; NULL: the usual ones; "": ask no daemon */
	unsigned nserver;    /* without a daemon: WINS servers to ask, in this order, */
	struct in_addr server[NBT_SERVERS_MAX];
	int no_broadcast;  /* and not the local networks then */
	int from_port_137; /* send from it when it is free: some answer nowhere else */
	void *reserved[4];
};

/* 10 s, the usual daemons, no server, broadcast, any port. */
void nbt_options_init(struct nbt_options *options);

struct nbt_answer {
	int group;
	unsigned naddress;
	struct in_addr address[NBT_ANSWER_MAX];
	struct in_addr from; /* who answered; 0.0.0.0: the daemon knew */
};

/*
 * Who has this name? Asks the daemon; when there is none, the servers and then the local networks.
 * The name is taken as it is. NBT_ERR_NOT_FOUND, NBT_ERR_TIMEOUT, NBT_ERR_SYSTEM ...
 */
int nbt_resolve(
    const struct nbt_name *name, const struct nbt_options *options, struct nbt_answer *ret);

/* Asks the machine at an address for its names; name NULL: "*". Asks no daemon. */
int nbt_node_status(struct in_addr address, const struct nbt_name *name,
    const struct nbt_options *options, struct nbt_packet *ret);

/* ---- names of this machine, through the daemon ---- */

/*
 * Registers a name on every interface and waits until that is done; NBT_ERR_REFUSED when somebody
 * else has it. Each register wants a release; the name stays when the program ends. why (may be
 * NULL): a sentence of the daemon when it refuses.
 */
int nbt_register(const struct nbt_name *name, int group, const struct nbt_options *options,
    char *why, size_t why_size);
/* Releases it everywhere. 0 also when a server did not confirm it: the daemon keeps trying. */
int nbt_release(
    const struct nbt_name *name, const struct nbt_options *options, char *why, size_t why_size);

#ifdef __cplusplus
}
#endif
