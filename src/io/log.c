/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log sink of log.h. Layer: io. A line leaves with one write, so lines of several threads do not
 * mix. Nothing here waits for or reports a failing log: there is nobody left to tell.
 */
#include "io/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#ifdef HAVE_SYSTEMD
#include <systemd/sd-journal.h>
#endif

#define FIELDS_MAX 12

static _Atomic int least_important = LOG_LEVEL_NOTICE;
static bool in_journal; /* stderr leads there; set before there are threads */

/* JOURNAL_STREAM is inherited: it counts only while stderr still is the file that it names. */
static bool
stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}

void
log_open(enum log_level least)
{
	in_journal = stderr_is_journal();
	log_set_level(least);
}

void
log_set_level(enum log_level least)
{
	atomic_store_explicit(&least_important, (int)least, memory_order_relaxed);
}

bool
log_wants(enum log_level level)
{
	return (int)level <= atomic_load_explicit(&least_important, memory_order_relaxed);
}

static int
priority(enum log_level level)
{
	return (int)level + 3; /* syslog's error is 3, debug 7 */
}

/* UTF-8 stays, as in file names; what can move a terminal's cursor does not. */
static void
escape(const char *text, char *out, size_t cap)
{
	char *end = out + cap - 5; /* "\xNN" and the NUL */

	for (; *text && out < end; text++) {
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			out += sprintf(out, "\\x%02x", (unsigned char)*text);
		else
			*out++ = *text;
	}
	*out = '\0';
}

/* To a person the time, to the journal (without its library) only how important the line is. */
static void
write_line(enum log_level level, time_t when, const char *text)
{
	static const char *const names[] = { "error", "warning", "notice", "info", "debug" };
	char line[LOG_LINE_MAX], stamp[40] = "";
	struct tm tm;
	int len;

	if (in_journal) {
		len = snprintf(line, sizeof(line), "<%d>%s\n", priority(level), text);
	} else {
		if (localtime_r(&when, &tm))
			strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S%z", &tm);
		len = snprintf(line, sizeof(line), "%s %s: %s\n", stamp, names[level], text);
	}
	if ((size_t)len >= sizeof(line)) {
		len = sizeof(line) - 1;
		line[len - 1] = '\n';
	}
	while (write(STDERR_FILENO, line, (size_t)len) < 0 && errno == EINTR)
		;
}

#ifdef HAVE_SYSTEMD
/* The journal's fields, name=value one behind the other. */
struct fields {
	char text[2 * EVENT_STRLEN + NB_KEY_STRLEN];
	size_t used;
	struct iovec iov[FIELDS_MAX];
	int n;
};

__attribute__((format(printf, 2, 3))) static void
add(struct fields *f, const char *fmt, ...)
{
	size_t left = sizeof(f->text) - f->used;
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(f->text + f->used, left, fmt, ap);
	va_end(ap);
	if (len < 0 || (size_t)len >= left || f->n == FIELDS_MAX)
		return; /* left out rather than cut; cannot happen with what is added here */
	f->iov[f->n++] = (struct iovec){ f->text + f->used, (size_t)len };
	f->used += (size_t)len;
}

static bool
to_journal(struct fields *f)
{
	return sd_journal_sendv(f->iov, f->n) == 0;
}

static bool
line_to_journal(enum log_level level, const char *text)
{
	struct fields f = { .n = 0 };

	add(&f, "PRIORITY=%d", priority(level));
	add(&f, "MESSAGE=%s", text);
	return to_journal(&f);
}

static bool
event_to_journal(const struct event *ev, const char *rule, const char *sentence)
{
	char buf[NB_KEY_STRLEN];
	struct fields f = { .n = 0 };

	add(&f, "PRIORITY=%d", priority((enum log_level)event_severity(ev->id)));
	add(&f, "MESSAGE=%s", sentence);
	add(&f, "WINSOME_EVENT=%u", event_number(ev->id));
	add(&f, "WINSOME_SOURCE=%s", event_source(ev->id));
	add(&f, "WINSOME_SYMBOL=%s", event_symbol(ev->id));
	add(&f, "WINSOME_NUMBER=%" PRIu64, ev->number);
	if (ev->has_key)
		add(&f, "NBT_NAME=%s", nb_key_print(&ev->key, buf));
	if (!ip4_eq(ev->peer, IP4_ANY))
		add(&f, "PEER=%s", ip4_print(ev->peer, buf));
	if (!ip4_eq(ev->other, IP4_ANY))
		add(&f, "OTHER=%s", ip4_print(ev->other, buf));
	if (rule)
		add(&f, "RULE=%s", rule);
	if (*event_advice(ev->id))
		add(&f, "ADVICE=%s", event_advice(ev->id));
	if (ev->suppressed)
		add(&f, "SUPPRESSED=%" PRIu32, ev->suppressed);
	return to_journal(&f);
}
#else
static bool
line_to_journal(enum log_level level, const char *text)
{
	return false;
}

static bool
event_to_journal(const struct event *ev, const char *rule, const char *sentence)
{
	return false;
}
#endif

void
log_line(enum log_level level, const char *fmt, ...)
{
	char raw[LOG_LINE_MAX - 100], text[LOG_LINE_MAX - 60];
	va_list ap;

	if (!log_wants(level))
		return;
	va_start(ap, fmt);
	vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	escape(raw, text, sizeof(text));
	if (!in_journal || !line_to_journal(level, text))
		write_line(level, time(NULL), text);
}

void
log_event(const struct event *ev, const char *rule)
{
	enum log_level level = (enum log_level)event_severity(ev->id);
	const char *advice = event_advice(ev->id);
	char sentence[EVENT_STRLEN], text[LOG_LINE_MAX - 60];

	if (!log_wants(level))
		return;
	event_print(ev, sentence);
	if (in_journal && event_to_journal(ev, rule, sentence))
		return;
	snprintf(text, sizeof(text), "%s %u: %s%s%s%s%s%s", event_source(ev->id),
	    event_number(ev->id), sentence, rule ? " [" : "", rule ? rule : "", rule ? "]" : "",
	    *advice ? " What to do: " : "", advice);
	write_line(level, (time_t)ev->when.s, text);
}
