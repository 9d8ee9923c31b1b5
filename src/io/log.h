/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where events and log lines go: to the systemd journal with a field for each fact when stderr is
 * connected to it, else to stderr, one line each. Layer: io. Programs log, libraries do not. The one
 * module with state of its own: a process has one log. Any thread may log.
 */
#pragma once

#include "event/event.h"

/* As the option log-level; the first four are enum event_severity. */
enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_NOTICE,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
};

/* Finds out where the log goes (JOURNAL_STREAM); once, before there are threads. */
void log_open(enum log_level least);
/* Any time: less important lines are left out from now on. */
void log_set_level(enum log_level least);
bool log_wants(enum log_level level); /* to save the work of making a line */

/* One line without newline; control characters leave as \xNN, what is too long is cut. */
#define LOG_LINE_MAX 4096
__attribute__((format(printf, 2, 3))) void log_line(enum log_level level, const char *fmt, ...);
/* The event's sentence and advice. rule: name of the rule that decided, NULL = none did. */
void log_event(const struct event *ev, const char *rule);
