/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Associations: which message means what in which state (3.1-3.5, 3.7). A handle is valid on its own
 * connection only. Layer: repl. What is asked is answered by reply.c, what is told is pulled by pull.c.
 */
#include "repl/engine.h"

static void
new_handle(struct repl *r, struct conn *c)
{
	bool taken;

	do {
		uint32_t handle = r->host.random(r->host.arg);

		taken = handle == 0;
		for (size_t i = 0; i < r->nconns; i++)
			taken |= r->conn[i]->handle == handle;
		if (!taken)
			c->handle = handle;
	} while (taken);
}

static void
send_start(struct repl *r, struct conn *c, enum wrepl_kind kind)
{
	struct wrepl_msg m = { .kind = (uint8_t)kind,
		.sender = c->handle,
		.major = WREPL_MAJOR,
		.minor = WREPL_MINOR };

	conn_send(r, c, &m, NULL);
}

void
assoc_begin(struct repl *r, struct conn *c)
{
	new_handle(r, c);
	send_start(r, c, WREPL_START_REQ);
	conn_await(r, c, AWAITS_START);
}

static void
started(struct repl *r, struct conn *c, const struct wrepl_msg *m)
{
	struct partner *p = partner_of(r, c->peer);

	c->stands = true;
	c->theirs = m->sender;
	c->minor = m->minor;
	if (p)
		p->view.minor = m->minor;
}

static void
start_request(struct repl *r, struct conn *c, const struct wrepl_msg *m)
{
	started(r, c, m);
	if (!c->handle)
		new_handle(r, c);
	send_start(r, c, WREPL_START_RESP);
}

static void
start_response(struct repl *r, struct conn *c, const struct wrepl_msg *m)
{
	struct partner *p = partner_of(r, c->peer);

	started(r, c, m);
	conn_await(r, c, AWAITS_NOTHING);
	/* NT 4 keeps no connection open (3.5). */
	c->persistent = c->use != USE_VERIFY && p && p->conf.persistent && m->minor >= 5;
	if (c->use == USE_PULL && c->pull)
		pull_go(r, c->pull);
	else if (c->use == USE_PUSH && p)
		push_flush(r, p);
	else if (c->use == USE_VERIFY)
		verify_go(r, c);
}

static void
refuse(struct repl *r, struct conn *c, int event)
{
	r->stats.refused++;
	repl_tell(r, event, c->peer, IP4_ANY, 0, "");
	conn_stop(r, c, 4);
}

/* A puller of ours, or anybody, as only_partners says (3.7). */
static void
request(struct repl *r, struct conn *c, const struct wrepl_msg *m)
{
	if (r->conf.only_partners && !partner_of(r, c->peer))
		refuse(r, c, EV_ADD_VERS_MAP_REQ_NOT_ACCEPTED);
	else if (m->kind == WREPL_MAP_REQ)
		reply_map(r, c);
	else
		reply_records(r, c, m);
}

static void
notified(struct repl *r, struct conn *c, const struct wrepl_msg *m)
{
	struct partner *p = partner_of(r, c->peer);
	struct pull_wish wish = { .server = c->peer, .notice = m };

	if (r->conf.only_partners && !(p && p->conf.pull)) {
		refuse(r, c, p ? EV_NOTICE_NOT_PULLED : EV_UPD_NTF_NOT_ACCEPTED);
		return;
	}
	if (p)
		p->view.notices_in++;
	if (pull_of(r, c->peer)) {
		if (p)
			p->again = true;
		return;
	}
	/* 4 and 5: over this stream, roles swapped; 8 and 9: over a connection of our own (3.5). */
	if (!m->persistent)
		wish.over = c;
	(void)pull_new(r, &wish, NULL); /* without memory the next notice or interval does it */
}

static void
response(struct repl *r, struct conn *c, const struct wrepl_msg *m)
{
	enum awaits fits = m->kind == WREPL_MAP_RESP ? AWAITS_MAP : AWAITS_RECORDS;

	if (c->awaits != fits)
		return;
	conn_await(r, c, AWAITS_NOTHING);
	if (fits == AWAITS_MAP && c->pull)
		pull_map(r, c->pull, m, true);
	else if (fits == AWAITS_MAP)
		verify_map(r, c, m);
	else if (c->pull)
		pull_records(r, c->pull, m);
	else
		verify_records(r, c, m);
}

/*
 * A handle is valid on its own connection only. On an established association handle 0 names that of the
 * connection, as with Windows, which answers such a request where it came from; another connection's
 * handle fits nothing, though Windows would answer over there.
 */
static bool
fits(const struct conn *c, const struct wrepl_msg *m)
{
	return c->handle && (m->handle == c->handle || (m->handle == 0 && c->stands));
}

static void
in_association(struct repl *r, struct conn *c, const struct wrepl_msg *m)
{
	if (!fits(c, m)) {
		repl_tell(r, EV_CANT_LOOKUP_ASSOC, c->peer, IP4_ANY, 0, wrepl_kind_text(m->kind));
		return;
	}
	switch (m->kind) {
	case WREPL_START_RESP:
		if (c->awaits == AWAITS_START && m->major == WREPL_MAJOR)
			start_response(r, c, m);
		break;
	case WREPL_STOP:
		/* Never answered; both sides close (3.3). */
		conn_break(r, c, "it stopped the association");
		break;
	case WREPL_MAP_REQ:
	case WREPL_RECORDS_REQ:
		request(r, c, m);
		break;
	case WREPL_NOTIFY:
		notified(r, c, m);
		break;
	default:
		response(r, c, m);
	}
}

static void
dropped(struct repl *r, struct conn *c, enum wrepl_drop drop)
{
	r->stats.dropped[drop]++;
	/* Another version, unknown operations: silently discarded (3.3, 3.9.7). */
	if (drop == WREPL_DROP_VERSION || drop == WREPL_DROP_TYPE)
		return;
	repl_tell(r, EV_REPLICATION_MALFORMED, c->peer, IP4_ANY, 0, wrepl_drop_text(drop));
	conn_break(r, c, wrepl_drop_text(drop));
}

void
assoc_message(struct repl *r, struct conn *c)
{
	struct wrepl_msg m = { 0 };
	enum wrepl_drop drop = wrepl_decode(c->in.p, c->whole, &m);

	c->moved_at = r->mnow;
	c->taken = false;
	if (drop != WREPL_DROP_NONE)
		dropped(r, c, drop);
	else if (!m.wins_bits && !c->handle)
		conn_break(r, c, "it speaks another protocol");
	else if (m.kind == WREPL_START_REQ && m.major == WREPL_MAJOR)
		start_request(r, c, &m);
	else if (m.kind != WREPL_START_REQ)
		in_association(r, c, &m);
	if (!c->taken)
		conn_consume(r, c);
}
