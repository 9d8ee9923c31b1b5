/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers as tables for people, or as JSON for programs. Layer: program. Trusts the server to be of
 * ours, not to be of the same version: what is missing in an answer is left out.
 */
#include "winsctl/answer.h"

#include <string.h>

#include "rules/rules.h"
#include "winsctl/table.h"
#include "wire/ns.h"
#include "wire/wrepl.h"

/* ---- values of an answer as text ---- */

static const char *
time_of(
    const json_t *o, const char *name, const struct winsctl_view *v, char buf[static WINSCTL_TEXT])
{
	const json_t *t = json_object_get(o, name);

	if (!json_is_integer(t))
		return "never";
	return winsctl_when((time_t)json_integer_value(t), v->now, buf);
}

/* A list of texts, or of objects with a text "address", in one line. */
static const char *
join(const json_t *list, char *buf, size_t cap)
{
	size_t n = 0;

	buf[0] = 0;
	for (size_t i = 0; i < json_array_size(list) && n < cap; i++) {
		const json_t *e = json_array_get(list, i);
		const char *s = json_is_string(e) ? json_string_value(e) : text_of(e, "address");

		n += (size_t)snprintf(buf + n, cap - n, "%s%s", i ? " " : "", s);
	}
	return buf;
}

/* ---- records ---- */

static void
show_list(const struct winsctl_view *v, const json_t *result)
{
	static const struct column columns[] = { { "NAME", 20, 0 }, { "TYPE", 10, 0 },
		{ "STATE", 9, 0 }, { "OWNER", 15, 0 }, { "VERSION", 9, SCOLS_FL_RIGHT },
		{ "EXPIRES", 33, 0 }, { "ADDRESSES", 0, SCOLS_FL_WRAP } };
	const json_t *records = json_object_get(result, "records");
	struct table t = table_begin(v, columns, 7);
	char when[WINSCTL_TEXT], addresses[1024];
	size_t i;
	json_t *r;

	json_array_foreach(records, i, r)
	{
		bool is_static = json_is_true(json_object_get(r, "static"));

		table_line(&t);
		table_cell(&t, text_of(r, "name"));
		table_cell(&t, text_of(r, "type"));
		table_cell(&t, text_of(r, "state"));
		table_cell(&t, text_of(r, "owner"));
		table_number(&t, number_of(r, "version"));
		table_cell(&t, is_static ? "static" : time_of(r, "due", v, when));
		table_cell(&t, join(json_object_get(r, "addresses"), addresses, sizeof(addresses)));
	}
	table_end(&t);
}

static void
show_addresses(const struct winsctl_view *v, const json_t *list)
{
	static const struct column columns[] = { { "ADDRESS", 15, 0 }, { "OWNER", 15, 0 },
		{ "EXPIRES", 33, 0 }, { "SINCE", 0, 0 } };
	struct table t = table_begin(v, columns, 4);
	char when[WINSCTL_TEXT];
	size_t i;
	json_t *a;

	json_array_foreach(list, i, a)
	{
		table_line(&t);
		table_cell(&t, text_of(a, "address"));
		table_cell(&t, text_of(a, "owner"));
		table_cell(&t, time_of(a, "due", v, when));
		table_cell(&t, json_is_null(json_object_get(a, "since"))
				   ? "unknown"
				   : time_of(a, "since", v, when));
	}
	table_end(&t);
}

static void
show_record(const struct winsctl_view *v, const json_t *r)
{
	const json_t *addresses = json_object_get(r, "addresses");
	bool is_static = json_is_true(json_object_get(r, "static"));
	struct table t = table_begin(v, table_pair_columns, 2);
	char buf[WINSCTL_TEXT];

	table_pair(&t, "name", text_of(r, "name"));
	table_pair(&t, "type", text_of(r, "type"));
	table_pair(&t, "state", text_of(r, "state"));
	table_pair(&t, "node type", text_of(r, "node"));
	table_pair(&t, "static", is_static ? "yes" : "no");
	table_pair(&t, "owner", text_of(r, "owner"));
	snprintf(buf, sizeof(buf), "%lld", number_of(r, "version"));
	table_pair(&t, "version", buf);
	table_pair(&t, "due", time_of(r, "due", v, buf));
	table_end(&t);
	if (!json_array_size(addresses))
		return;
	fputc('\n', v->out);
	show_addresses(v, addresses);
}

static void
show_owners(const struct winsctl_view *v, const json_t *result)
{
	static const struct column columns[] = { { "OWNER", 15, 0 },
		{ "RECORDS", 0, SCOLS_FL_RIGHT }, { "LOWEST", 0, SCOLS_FL_RIGHT },
		{ "HIGHEST", 0, SCOLS_FL_RIGHT }, { "KNOWN", 0, SCOLS_FL_RIGHT },
		{ "ANYWHERE", 0, SCOLS_FL_RIGHT }, { "BLOCKED", 0, 0 } };
	struct table t = table_begin(v, columns, 7);
	size_t i;
	json_t *o;

	json_array_foreach(json_object_get(result, "owners"), i, o)
	{
		table_line(&t);
		table_cell(&t, text_of(o, "owner"));
		table_number(&t, number_of(o, "records"));
		table_number(&t, number_of(o, "lowest-version"));
		table_number(&t, number_of(o, "highest-version"));
		table_number(&t, number_of(o, "known-version"));
		table_number(&t, number_of(o, "highest-anywhere"));
		table_cell(&t, json_is_true(json_object_get(o, "blocked")) ? "yes" : "no");
	}
	table_end(&t);
}

/* ---- explain ---- */

static const char *
action_text(const char *action)
{
	static const char *const text[][2] = {
		{ "drop", "say nothing" },
		{ "reply", "answer; the records stay as they are" },
		{ "write", "change the record, then answer" },
		{ "challenge", "tell the client to wait and ask the owner first" },
	};

	for (size_t i = 0; i < sizeof(text) / sizeof(*text); i++)
		if (!strcmp(text[i][0], action))
			return text[i][1];
	return action;
}

static void
show_explanation(const struct winsctl_view *v, const json_t *r)
{
	bool challenge = !strcmp(text_of(r, "action"), "challenge");
	struct table t = table_begin(v, table_pair_columns, 2);
	char span[WINSCTL_TEXT], buf[1024];

	table_pair(&t, "action", action_text(text_of(r, "action")));
	winsctl_span(number_of(r, "ttl"), span);
	snprintf(buf, sizeof(buf), "%s, %s", challenge ? "wait" : text_of(r, "answer"), span);
	if (number_of(r, "ttl") == 0)
		snprintf(buf, sizeof(buf), "%s", text_of(r, "answer"));
	if (strcmp(text_of(r, "action"), "drop"))
		table_pair(&t, "answer", buf);
	snprintf(buf, sizeof(buf), "%s (%s)", text_of(r, "rule"), text_of(r, "spec"));
	table_pair(&t, "rule", buf);
	table_pair(&t, "why", text_of(r, "sentence"));
	if (challenge)
		table_pair(&t, "asks", join(json_object_get(r, "ask"), buf, sizeof(buf)));
	table_end(&t);
	fputs("\nthe record now:\n", v->out);
	if (json_is_object(json_object_get(r, "record")))
		show_record(v, json_object_get(r, "record"));
	else
		fputs("none\n", v->out);
	if (json_is_object(json_object_get(r, "next"))) {
		fputs("\nthe record then:\n", v->out);
		show_record(v, json_object_get(r, "next"));
	}
}

/* ---- status and counters ---- */

static void
status_number(struct table *t, const json_t *r, const char *label, const char *name)
{
	char buf[24];

	snprintf(buf, sizeof(buf), "%lld", number_of(r, name));
	table_pair(t, label, buf);
}

static const char *
snapshot_text(const struct winsctl_view *v, const json_t *r, char buf[static WINSCTL_TEXT])
{
	if (json_is_true(json_object_get(r, "snapshot-running")))
		return "is being written";
	if (!json_is_integer(json_object_get(r, "snapshot-done")))
		return "none since the start";
	return time_of(r, "snapshot-done", v, buf);
}

static const char *
replication_text(const json_t *r, char *buf, size_t cap)
{
	long long n = number_of(r, "partners"), failing = number_of(r, "failing");

	if (!n)
		snprintf(buf, cap, "no partners");
	else
		snprintf(buf, cap, "%lld partner%s, %lld of them failing%s", n, n == 1 ? "" : "s",
		    failing,
		    json_is_true(json_object_get(r, "paused"))
			? "; registrations wait until they were asked"
			: "");
	return buf;
}

static void
show_status(const struct winsctl_view *v, const json_t *r)
{
	struct table t = table_begin(v, table_pair_columns, 2);
	bool netbtd = json_is_string(json_object_get(r, "program"));
	char buf[1024], when[WINSCTL_TEXT];

	/* netbtd says its name, and keeps no records */
	snprintf(buf, sizeof(buf), "%s %s", netbtd ? text_of(r, "program") : "winsd",
	    text_of(r, "version"));
	table_pair(&t, "server", buf);
	table_pair(&t, "runs since", time_of(r, "started", v, when));
	table_pair(&t, "answers on", join(json_object_get(r, "addresses"), buf, sizeof(buf)));
	if (netbtd) {
		table_end(&t);
		return;
	}
	status_number(&t, r, "workers", "workers");
	table_pair(&t, "changes",
	    json_is_true(json_object_get(r, "writable")) ? "are accepted"
							 : "are refused, see the last error");
	if (text_of(r, "last-error")[0])
		table_pair(&t, "last error", text_of(r, "last-error"));
	status_number(&t, r, "records", "records");
	status_number(&t, r, "next version", "next-version");
	status_number(&t, r, "open challenges", "challenges");
	snprintf(
	    buf, sizeof(buf), "%lld of %lld", number_of(r, "queued"), number_of(r, "queue-max"));
	table_pair(&t, "waiting changes", buf);
	snprintf(buf, sizeof(buf), "%lld received, %lld sent, %lld lost on the way out",
	    number_of(json_object_get(r, "udp"), "received"),
	    number_of(json_object_get(r, "udp"), "sent"),
	    number_of(json_object_get(r, "udp"), "send-failed") +
		number_of(json_object_get(r, "udp"), "send-dropped"));
	table_pair(&t, "datagrams", buf);
	table_pair(&t, "replication",
	    replication_text(json_object_get(r, "replication"), buf, sizeof(buf)));
	status_number(&t, r, "commits", "commits");
	status_number(&t, r, "failed commits", "failed-commits");
	table_pair(&t, "journal", winsctl_bytes((uint64_t)number_of(r, "journal-bytes"), when));
	table_pair(&t, "last snapshot", snapshot_text(v, r, when));
	table_pair(&t, "memory", winsctl_bytes((uint64_t)number_of(r, "memory-bytes"), when));
	table_end(&t);
}

static const char *
counter_text(const char *name)
{
	static const struct meaning meanings[] = {
#define X(symbol, name_, sentence_) { name_, sentence_ },
#include "wins/stats.def"
#undef X
	};

	return meaning_of(name, meanings, sizeof(meanings) / sizeof(*meanings));
}

static const char *
replication_counter_text(const char *name)
{
	static const struct meaning meanings[] = {
#define X(field, name_, sentence_) { name_, sentence_ },
#include "ctl/replication.def"
#undef X
	};

	return meaning_of(name, meanings, sizeof(meanings) / sizeof(*meanings));
}

static const char *
text_by(const char *id, int n, const char *(*id_of)(int i), const char *(*text)(int i))
{
	for (int i = 0; i < n; i++)
		if (!strcmp(id_of(i), id))
			return text(i);
	return "";
}

static const char *
replication_drop_text(const char *id)
{
	return text_by(id, WREPL_DROP_COUNT, wrepl_drop_id, wrepl_drop_text);
}

static const char *
drop_text(const char *id)
{
	return text_by(id, NB_DROP_COUNT, nb_drop_id, nb_drop_text);
}

static const char *
rule_text(const char *name)
{
	return text_by(name, RULE_COUNT, rule_name, rule_sentence);
}

/* A map of counters as a table; without those that are zero unless all. */
static void
show_counters(const struct winsctl_view *v, const char *title, const json_t *map,
    const char *(*meaning)(const char *name), bool all)
{
	const struct column columns[] = { { title, 26, 0 }, { "COUNT", 12, SCOLS_FL_RIGHT },
		{ "MEANING", 0, SCOLS_FL_WRAP } };
	struct table t = table_begin(v, columns, 3);
	/* jansson iterates over non-const objects alone. */
	json_t *m = (json_t *)map, *n;
	const char *name;

	json_object_foreach(m, name, n)
	{
		if (!all && !json_integer_value(n))
			continue;
		table_line(&t);
		table_cell(&t, name);
		table_number(&t, json_integer_value(n));
		table_cell(&t, meaning(name));
	}
	table_end(&t);
}

static void
show_stats(const struct winsctl_view *v, const json_t *r)
{
	char when[WINSCTL_TEXT];

	fprintf(v->out, "since %s\n\n", time_of(r, "since", v, when));
	show_counters(v, "COUNTER", json_object_get(r, "counters"), counter_text, true);
	fputs("\npackets dropped (reasons that occurred):\n", v->out);
	show_counters(v, "DROPPED", json_object_get(r, "drops"), drop_text, false);
	fputs("\nreplication:\n", v->out);
	show_counters(
	    v, "COUNTER", json_object_get(r, "replication"), replication_counter_text, true);
	fputs("\nreplication messages dropped (reasons that occurred):\n", v->out);
	show_counters(
	    v, "DROPPED", json_object_get(r, "replication-drops"), replication_drop_text, false);
	if (!json_object_get(r, "rules"))
		return;
	fputs("\nrules (those that decided something):\n", v->out);
	show_counters(v, "RULE", json_object_get(r, "rules"), rule_text, false);
}

/* ---- events and the rest ---- */

static void
show_events(const struct winsctl_view *v, const json_t *result)
{
	char when[WINSCTL_TEXT];
	size_t i;
	json_t *e;

	json_array_foreach(json_object_get(result, "events"), i, e)
	{
		json_int_t hidden = number_of(e, "suppressed");

		fprintf(v->out, "%s  %s %lld: %s\n", time_of(e, "time", v, when),
		    text_of(e, "severity"), number_of(e, "number"), text_of(e, "sentence"));
		if (hidden)
			fprintf(v->out, "    %lld more like it were not told before this one.\n",
			    (long long)hidden);
		if (text_of(e, "advice")[0])
			fprintf(v->out, "    %s\n", text_of(e, "advice"));
	}
}

static void
show_check(const struct winsctl_view *v, const json_t *r)
{
	json_int_t faults = number_of(r, "faults");
	size_t i;
	json_t *s;

	json_array_foreach(json_object_get(r, "sentences"), i, s)
	    fprintf(v->out, "%s\n", json_string_value(s));
	fprintf(v->out, "%lld records, %lld faults.\n", number_of(r, "records"), (long long)faults);
}

static void
show_text(const struct winsctl_view *v, enum ctl_command_id command, const json_t *r)
{
	switch (command) {
	case CTL_CMD_STATUS:
		show_status(v, r);
		break;
	case CTL_CMD_STATS:
		show_stats(v, r);
		break;
	case CTL_CMD_LIST:
		show_list(v, r);
		break;
	case CTL_CMD_SHOW:
		show_record(v, r);
		break;
	case CTL_CMD_EXPLAIN:
		show_explanation(v, r);
		break;
	case CTL_CMD_EVENTS:
		show_events(v, r);
		break;
	case CTL_CMD_DOCTOR:
		winsctl_show_findings(v, r);
		break;
	case CTL_CMD_OWNERS:
		show_owners(v, r);
		break;
	case CTL_CMD_CHECK:
		show_check(v, r);
		break;
	case CTL_CMD_ADD:
	case CTL_CMD_DELETE:
	case CTL_CMD_TOMBSTONE:
		fprintf(v->out, "%s was %s.\n", text_of(r, "name"), text_of(r, "done"));
		break;
	case CTL_CMD_BACKUP:
		fprintf(v->out, "The backup in %s is complete.\n", text_of(r, "directory"));
		break;
	case CTL_CMD_CONFIG:
		fputs(text_of(r, "yaml"), v->out);
		break;
	case CTL_CMD_VERSION:
		fprintf(v->out, "winsd %s\n", text_of(r, "version"));
		break;
	case CTL_CMD_PARTNERS:
	case CTL_CMD_CONVERGENCE:
	case CTL_CMD_REPLICATE_NOW:
		winsctl_show_replication(v, command, r);
		break;
	case CTL_CMD_REPAIR:
	case CTL_CMD_SCAVENGE:
	case CTL_CMD_RELOAD:
	case CTL_CMD_PUSH:
	case CTL_CMD_VERIFY:
	case CTL_CMD_DELETE_OWNER:
	case CTL_CMD_RAISE_VERSION:
		fprintf(v->out, "%s\n", text_of(r, "sentence"));
		break;
	default:
		winsctl_show_node(v, command, r);
	}
}

/* Listings give one object for each thing that they list. */
static const char *
list_of(enum ctl_command_id command)
{
	switch (command) {
	case CTL_CMD_LIST:
		return "records";
	case CTL_CMD_EVENTS:
		return "events";
	case CTL_CMD_OWNERS:
		return "owners";
	case CTL_CMD_PARTNERS:
		return "partners";
	case CTL_CMD_REPLICATE_NOW:
		return "pulls";
	case CTL_CMD_DOCTOR:
		return "findings";
	case CTL_CMD_NODE_LIST:
		return "names";
	case CTL_CMD_NODE_GHOSTS:
		return "ghosts";
	case CTL_CMD_NODE_CACHE:
		return "cache";
	default:
		return "";
	}
}

static void
show_json(FILE *out, enum ctl_command_id command, const json_t *result)
{
	const json_t *list = json_object_get(result, list_of(command));
	size_t i;
	json_t *e;

	if (!json_is_array(list)) {
		json_dumpf(result, out, JSON_COMPACT);
		fputc('\n', out);
		return;
	}
	json_array_foreach(list, i, e)
	{
		json_dumpf(e, out, JSON_COMPACT);
		fputc('\n', out);
	}
}

/* Is the answer bad news, for the exit code? */
static bool
is_bad(enum ctl_command_id command, const json_t *result)
{
	const json_t *found = json_object_get(result, "found");

	if (command == CTL_CMD_CHECK)
		return number_of(result, "faults") > 0;
	if (command == CTL_CMD_REPLICATE_NOW)
		return number_of(result, "failed") > 0;
	if (command == CTL_CMD_CONVERGENCE)
		return !json_is_true(json_object_get(result, "equal"));
	return json_is_false(found); /* node-resolve, node-status-of */
}

int
winsctl_show(const struct winsctl_view *v, enum ctl_command_id command, const json_t *result)
{
	if (v->json)
		show_json(v->out, command, result);
	else
		show_text(v, command, result);
	return is_bad(command, result) ? 1 : 0;
}
