/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of events.def as functions, and the sentence made from an event. Layer: event. Pure:
 * writes only into the caller's buffer. Never trusts a byte of ->text or of a name: what is not
 * printable ASCII leaves as \xNN, so an event cannot forge a second log line.
 */
#include "event/event.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

struct info {
	unsigned number;
	const char *source, *symbol;
	enum event_severity severity;
	bool limited;
	const char *sentence, *advice;
};

static const struct info table[EV_COUNT] = {
#define X(symbol, number, source, severity, limited, sentence, advice) \
	{ number, source, #symbol, severity, limited, sentence, advice },
#include "event/events.def"
#undef X
};

static const struct info *
info_of(int id)
{
	assert(id >= 0 && id < EV_COUNT);
	return &table[id];
}

unsigned
event_number(int id)
{
	return info_of(id)->number;
}

const char *
event_source(int id)
{
	return info_of(id)->source;
}

const char *
event_symbol(int id)
{
	return info_of(id)->symbol;
}

enum event_severity
event_severity(int id)
{
	return info_of(id)->severity;
}

bool
event_limited(int id)
{
	return info_of(id)->limited;
}

const char *
event_sentence(int id)
{
	return info_of(id)->sentence;
}

const char *
event_advice(int id)
{
	return info_of(id)->advice;
}

const char *
event_severity_name(enum event_severity s)
{
	static const char *const names[] = { "error", "warning", "notice", "info" };

	assert((unsigned)s < sizeof(names) / sizeof(*names));
	return names[s];
}

/* Where the sentence grows; the space is always enough (event.h), the bound is for the proof. */
struct out {
	char *p, *end; /* end is kept for the NUL */
};

static void
put_char(struct out *o, char c)
{
	if (o->p < o->end)
		*o->p++ = c;
}

static void
put(struct out *o, const char *text)
{
	while (*text)
		put_char(o, *text++);
}

/* len bytes at most, as ->text need not end when somebody filled it to the brim. */
static void
put_escaped(struct out *o, const char *text, size_t len)
{
	static const char hex[] = "0123456789abcdef";

	for (; len && *text; len--, text++) {
		unsigned char c = (unsigned char)*text;

		if (c >= 0x20 && c < 0x7f) {
			put_char(o, *text);
			continue;
		}
		put(o, "\\x");
		put_char(o, hex[c >> 4]);
		put_char(o, hex[c & 15]);
	}
}

static void
put_item(struct out *o, char what, const struct event *ev)
{
	char buf[NB_KEY_STRLEN];

	switch (what) {
	case 'n':
		put(o, ev->has_key ? nb_key_print(&ev->key, buf) : "(no name)");
		break;
	case 'p':
		put(o, ip4_print(ev->peer, buf));
		break;
	case 'o':
		put(o, ip4_print(ev->other, buf));
		break;
	case 'd':
		snprintf(buf, sizeof(buf), "%" PRIu64, ev->number);
		put(o, buf);
		break;
	case 't':
		put_escaped(o, ev->text, sizeof(ev->text));
		break;
	default:
		assert(!"events.def: unknown % item");
	}
}

char *
event_print(const struct event *ev, char buf[static EVENT_STRLEN])
{
	struct out o = { buf, buf + EVENT_STRLEN - 1 };
	char more[64];

	for (const char *s = info_of(ev->id)->sentence; *s; s++) {
		if (*s == '%')
			put_item(&o, *++s, ev);
		else
			put_char(&o, *s);
	}
	if (ev->suppressed) {
		snprintf(more, sizeof(more), " (%" PRIu32 " more like it were not told.)",
		    ev->suppressed);
		put(&o, more);
	}
	*o.p = '\0';
	return buf;
}
