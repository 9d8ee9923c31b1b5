/* SPDX-License-Identifier: Apache-2.0 */
/* See tell.h. Layer: wins. Decides nothing: a rule has one event or none. */
#include "wins/tell.h"

#include <assert.h>

#include "wins/dispute.h"

enum who { WHO_NOBODY, WHO_SENDER, WHO_ADDRESS, WHO_HOLDER, WHO_ANSWERED, WHO_SERVER };
enum remembered { DISPUTE_NONE, DISPUTE_REFUSED, DISPUTE_STATIC, DISPUTE_TAKEN };

static const struct {
	bool any;
	uint8_t event, peer, other, dispute;
} table[RULE_COUNT] = {
#define X(rule, event, peer, other, dispute) \
	[RULE_##rule] = { true, EV_##event, WHO_##peer, WHO_##other, DISPUTE_##dispute },
#include "wins/rule_events.def"
#undef X
};

static_assert(EV_COUNT <= UINT8_MAX, "an event fits the table");

static struct ip4
address_of(enum who who, const struct subject *s)
{
	switch (who) {
	case WHO_NOBODY:
		break;
	case WHO_SENDER:
		return s->sender;
	case WHO_ADDRESS:
		return s->address;
	case WHO_HOLDER:
		return s->cur && s->cur->naddr ? s->cur->addr[0].ip : IP4_ANY;
	case WHO_ANSWERED:
		return s->answered;
	case WHO_SERVER:
		return s->server;
	}
	return IP4_ANY;
}

int
tell_event_of(int rule)
{
	assert(rule >= 0 && rule < RULE_COUNT);
	return table[rule].any ? table[rule].event : EV_COUNT;
}

void
tell_decision(struct wins *w, const struct verdict *v, const struct subject *s, struct wall now)
{
	enum remembered dispute = table[v->rule].dispute;
	struct dispute_parties who = { .claimant = s->address };
	struct ip4 peer, other;

	if (!table[v->rule].any)
		return;
	peer = address_of(table[v->rule].peer, s);
	other = address_of(table[v->rule].other, s);
	wins_tell(w, table[v->rule].event, s->key, peer, other, s->number, v->rule, now);
	who.holder = other;
	who.is_static = dispute == DISPUTE_STATIC;
	if (dispute == DISPUTE_TAKEN)
		dispute_taken(w, s->key, &who, now);
	else if (dispute != DISPUTE_NONE)
		dispute_refused(w, s->key, &who, now);
}
