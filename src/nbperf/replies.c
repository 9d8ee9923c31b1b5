/* SPDX-License-Identifier: Apache-2.0 */
/* See nbperf_replies.h. Layer: program. */
#include "nbperf/replies.h"

#include <stdio.h>
#include <stdlib.h>

/* Before the first byte unread there is always room for the head of a message. */
#define BEFORE WREPL_RECORDS_HEAD
#define ROOM   (BEFORE + WREPL_LENGTH_SIZE + WREPL_LENGTH_MAX)
#define READ   (256u << 10) /* at a time: most of ROOM is then never touched */
#define PIECE  4096         /* longer than any record, its 255 addresses included */

struct replies {
	uint8_t *buf;
	size_t at, len; /* unread: from at to len */
	bool records;   /* within an answer with records */
	uint64_t rest;  /* its bytes yet to be read, here or not */
	uint32_t left;  /* its records yet to be read */
};

struct replies *
replies_new(void)
{
	struct replies *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->at = s->len = BEFORE;
	s->buf = malloc(ROOM);
	if (!s->buf) {
		free(s);
		return NULL;
	}
	return s;
}

void
replies_free(struct replies *s)
{
	if (!s)
		return;
	free(s->buf);
	free(s);
}

uint8_t *
replies_room(struct replies *s, size_t *ret_room)
{
	memmove(s->buf + BEFORE, s->buf + s->at, s->len - s->at);
	s->len -= s->at - BEFORE;
	s->at = BEFORE;
	*ret_room = ROOM - s->len < READ ? ROOM - s->len : READ;
	return s->buf + s->len;
}

void
replies_put(struct replies *s, size_t len)
{
	s->len += len;
}

static enum replies_step
malformed(struct replies_event *ret, enum wrepl_drop drop)
{
	ret->drop = drop;
	return REPLIES_MALFORMED;
}

/* Does an answer with records begin here? Asked of the codec, about the same head without records. */
static bool
begins_records(const uint8_t *bytes, struct wrepl_msg *ret)
{
	uint8_t head[WREPL_RECORDS_HEAD];
	struct rd count = rd_init(bytes + sizeof(head) - 4, 4);
	struct wr length = wr_init(head, WREPL_LENGTH_SIZE);

	memcpy(head, bytes, sizeof(head));
	memset(head + sizeof(head) - 4, 0, 4);
	wr_u32(&length, sizeof(head) - WREPL_LENGTH_SIZE);
	if (wrepl_decode(head, sizeof(head), ret) || ret->kind != WREPL_RECORDS_RESP)
		return false;
	ret->body = (struct rd){ 0 };
	ret->count = rd_u32(&count);
	return true;
}

static enum replies_step
next_message(struct replies *s, struct replies_event *ret)
{
	const uint8_t *bytes = s->buf + s->at;
	size_t have = s->len - s->at, frame;
	struct rd r = rd_init(bytes, have);
	uint64_t whole = WREPL_LENGTH_SIZE + (uint64_t)rd_u32(&r);

	if (r.bad || (whole >= WREPL_RECORDS_HEAD && have < WREPL_RECORDS_HEAD))
		return REPLIES_WANT;
	/* A server sends a large range whole, beyond what anybody takes at once (3.2). */
	if (whole >= WREPL_RECORDS_HEAD && begins_records(bytes, &ret->msg)) {
		s->records = true;
		s->rest = whole - WREPL_RECORDS_HEAD;
		s->left = ret->msg.count;
		s->at += WREPL_RECORDS_HEAD;
		return REPLIES_HEAD;
	}
	frame = wrepl_frame(bytes);
	if (!frame)
		return malformed(ret, WREPL_DROP_LENGTH);
	if (have < frame)
		return REPLIES_WANT;
	s->at += frame;
	ret->drop = wrepl_decode(bytes, frame, &ret->msg);
	return ret->drop ? REPLIES_MALFORMED : REPLIES_MESSAGE;
}

/* Reserved bytes may stand behind the records. */
static enum replies_step
end_records(struct replies *s)
{
	size_t have = s->len - s->at;

	if (have > s->rest)
		have = (size_t)s->rest;
	s->at += have;
	s->rest -= have;
	s->records = s->rest > 0;
	return s->records ? REPLIES_WANT : REPLIES_END;
}

/*
 * The codec reads whole messages only: a head for one record is written over what was read before it,
 * and the codec tells how much of the piece the record is.
 */
static enum replies_step
next_record(struct replies *s, struct replies_event *ret)
{
	uint8_t *head = s->buf + s->at - WREPL_RECORDS_HEAD;
	size_t piece = s->len - s->at, size;
	enum wrepl_drop drop;

	if (piece > PIECE)
		piece = PIECE;
	if (piece > s->rest)
		piece = (size_t)s->rest;
	wrepl_records_head(head, 0, 1, WREPL_RECORDS_HEAD + piece);
	drop = wrepl_decode(head, WREPL_RECORDS_HEAD + piece, &ret->msg);
	if (drop)
		return piece == PIECE || piece == s->rest ? malformed(ret, drop) : REPLIES_WANT;
	size = rd_left(&ret->msg.body);
	s->at += size;
	s->rest -= size;
	s->left--;
	if (ret->msg.unnamed)
		return REPLIES_UNNAMED;
	wrepl_record_next(&ret->msg.body, &ret->record);
	return REPLIES_RECORD;
}

enum replies_step
replies_next(struct replies *s, struct replies_event *ret)
{
	if (!s->records)
		return next_message(s, ret);
	return s->left ? next_record(s, ret) : end_records(s);
}

/* ---- the check of one answer ---- */

const char *
reply_finding_text(enum reply_finding finding)
{
	static const char *const text[] = {
		[REPLY_RIGHT] = "right",
		[REPLY_RANGE] = "with a version that was not asked for",
		[REPLY_TWICE] = "with a version twice",
		[REPLY_RELEASED] = "with a released record",
		[REPLY_OWNERS] = "with records of more than one owner",
		[REPLY_MALFORMED] = "malformed",
	};

	return text[finding];
}

static void
find(struct reply_check *c, enum reply_finding finding, const char *detail)
{
	char owner[IP4_STRLEN];

	if (c->finding)
		return;
	c->finding = finding;
	snprintf(c->wrong, sizeof(c->wrong), "owner %s, versions %llu to %llu: %s (%.300s)",
	    ip4_print(c->owner, owner), (unsigned long long)c->min, (unsigned long long)c->max,
	    reply_finding_text(finding), detail);
}

void
reply_check_record(struct reply_check *c, const struct wrepl_record *r)
{
	char name[NB_KEY_STRLEN], detail[NB_KEY_STRLEN + 64];
	enum reply_finding finding = REPLY_RIGHT;

	if (r->version < c->min || r->version > c->max)
		finding = REPLY_RANGE;
	else if (c->records && r->version == c->last)
		finding = REPLY_TWICE;
	else if (r->state == 1)
		finding = REPLY_RELEASED;
	else if (c->records && r->replica != c->replica)
		finding = REPLY_OWNERS;
	if (finding && !c->finding) {
		snprintf(detail, sizeof(detail), "%s, version %llu", nb_key_print(&r->key, name),
		    (unsigned long long)r->version);
		find(c, finding, detail);
	}
	c->records++;
	c->last = r->version;
	c->replica = r->replica;
}

void
reply_check_malformed(struct reply_check *c, const char *why)
{
	find(c, REPLY_MALFORMED, why);
}
