/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happened that a person should know: numbered events with their data, the sentence and the
 * advice made from them, a bounded history, and the rate limit for what a packet can trigger.
 * Layer: event, above wire; engines fill events in, programs print them. Pure: no clock, no output,
 * the time is an argument. Numbers are Windows' where Windows had one (source Wins: MS-RAIW, source
 * NetBT: netevent.h); ours begin at 10000.
 */
#pragma once

#include "base/ip4.h"
#include "base/when.h"
#include "wire/name.h"

enum event_severity { EVENT_ERROR, EVENT_WARNING, EVENT_NOTICE, EVENT_INFO };

enum event_id {
/* X(symbol, number, source, severity, limited, sentence, advice); sentences use %n name, %p peer,
 * %o other address, %d number, %t text. limited: can a packet trigger it. */
#define X(symbol, number, source, severity, limited, sentence, advice) EV_##symbol,
#include "event/events.def"
#undef X
	EV_COUNT
};

struct event {
	uint64_t seq; /* counts up from 1 since start; set by event_log_add */
	struct wall when;
	uint16_t id;       /* enum event_id */
	uint16_t rule;     /* enum rule_id or 0 */
	struct nb_key key; /* valid when has_key */
	bool has_key;
	struct ip4 peer, other;
	uint64_t number;
	uint32_t suppressed; /* how many like it were not told before this one */
	char text[500];      /* ours, never a peer's bytes unescaped */
};

unsigned event_number(int id);    /* 4097 */
const char *event_source(int id); /* "Wins", "NetBT", "Winsome" */
const char *event_symbol(int id); /* "WINS_OPERATIONAL" */
enum event_severity event_severity(int id);
bool event_limited(int id); /* can a packet trigger it: at most 10 a minute are told */
const char *event_sentence(int id);
const char *event_severity_name(enum event_severity s); /* "error" ... */
const char *event_advice(int id);                       /* what to do; "" = nothing */

/* The sentence in one line of printable ASCII, whatever a peer sent; always whole. Returns buf. */
#define EVENT_STRLEN 3840
char *event_print(const struct event *ev, char buf[static EVENT_STRLEN]);

/* The last events, and which of them may be told again already. Not locked: whoever has several
 * threads brings a lock. */
#define EVENT_LIMIT_COUNT   10 /* of one id ... */
#define EVENT_LIMIT_SECONDS 60 /* ... in this time */
struct event_log;
/* capacity > 0, allocated at once. NBT_ENOMEM. */
int event_log_new(size_t capacity, struct event_log **ret);
void event_log_free(struct event_log *log); /* accepts NULL */
/* Takes a copy. False: a limited event over the rate limit of its id, counted instead of kept; the
 * next one that passes carries the count in ->suppressed. *ret_kept may be NULL. */
bool event_log_add(struct event_log *log, const struct event *ev, struct event *ret_kept);
/* Events with seq > after, oldest first, at most cap; returns how many. Gaps mean forgotten. */
size_t event_log_read(const struct event_log *log, uint64_t after, struct event *ret, size_t cap);
/* seq of the newest event, 0 = none yet. */
uint64_t event_log_last(const struct event_log *log);
