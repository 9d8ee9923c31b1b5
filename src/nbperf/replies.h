/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a replication partner says over one association, cut into messages and, for the records it was
 * asked for, into single records, so that an answer of any length needs no more memory than one record;
 * and the check of such an answer against what was asked. Layer: program. No socket, no clock.
 */
#pragma once

#include "wire/wrepl.h"

/* ---- the bytes of an association ---- */

struct replies;

enum replies_step {
	REPLIES_WANT,    /* more bytes */
	REPLIES_MESSAGE, /* a whole message that is not an answer with records */
	REPLIES_HEAD,    /* such an answer begins: msg has its handle and count */
	REPLIES_RECORD,  /* one of its records */
	REPLIES_UNNAMED, /* one whose name cannot be held (see struct wrepl_msg) */
	REPLIES_END,     /* the answer ended */
	REPLIES_MALFORMED,
};

/* What was borrowed from the bytes lives until replies_room or the next replies_next. */
struct replies_event {
	enum wrepl_drop drop; /* REPLIES_MALFORMED: why; nothing can be read behind it */
	struct wrepl_msg msg;
	struct wrepl_record record;
};

struct replies *replies_new(void); /* NULL: no memory */
void replies_free(struct replies *s);
/* Where the next bytes go, *ret_room of them at most and never none while replies_next wants more. */
uint8_t *replies_room(struct replies *s, size_t *ret_room);
void replies_put(struct replies *s, size_t len);
enum replies_step replies_next(struct replies *s, struct replies_event *ret);

/* ---- the check of one answer ---- */

enum reply_finding {
	REPLY_RIGHT,
	REPLY_RANGE,    /* a version that was not asked for */
	REPLY_TWICE,    /* a version twice in a row; other orders are not promised (3.4) */
	REPLY_RELEASED, /* a released record: they never travel (3.4) */
	REPLY_OWNERS,   /* the sender's own records and replicas mixed: not one owner's (3.4, L) */
	REPLY_MALFORMED,
	REPLY_FINDINGS
};
const char *reply_finding_text(enum reply_finding finding);

#define REPLY_WRONG_LEN 512

/* Begin with the owner and the range asked for, all else zero. */
struct reply_check {
	struct ip4 owner;
	uint64_t min, max;
	uint64_t records, last;
	bool replica;
	enum reply_finding finding; /* the first one */
	char wrong[REPLY_WRONG_LEN];
};

void reply_check_record(struct reply_check *c, const struct wrepl_record *r);
/* why: one of our sentences. */
void reply_check_malformed(struct reply_check *c, const char *why);
