/* SPDX-License-Identifier: Apache-2.0 */
/* Answers about replication as tables for people. Layer: program. */
#include <stdlib.h>

#include "winsctl/answer.h"
#include "winsctl/table.h"

/* Times of replication are near: how far they are says more than when they are. */
static const char *
distance(
    const json_t *o, const char *name, const struct winsctl_view *v, char buf[static WINSCTL_TEXT])
{
	const json_t *t = json_object_get(o, name);
	char span[WINSCTL_TEXT];
	int64_t s;

	if (!json_is_integer(t))
		return "never";
	s = json_integer_value(t) - v->now;
	if (s == 0)
		return "now";
	winsctl_span(s < 0 ? -s : s, span);
	snprintf(buf, WINSCTL_TEXT, s < 0 ? "%.40s ago" : "in %.40s", span);
	return buf;
}

/* "+3.2 s": theirs minus ours */
static const char *
clock_text(const json_t *p, char buf[static WINSCTL_TEXT])
{
	const json_t *ms = json_object_get(p, "clock-ms");
	long long v = json_integer_value(ms), off = llabs(v);

	if (!json_is_integer(ms))
		return "unknown";
	snprintf(buf, WINSCTL_TEXT, "%c%lld.%lld s", v < 0 ? '-' : '+', off / 1000, off / 100 % 10);
	return buf;
}

static const char *
ways(const json_t *p)
{
	if (flag_of(p, "pull") && flag_of(p, "push"))
		return "both";
	return flag_of(p, "pull") ? "pull" : flag_of(p, "push") ? "push" : "none";
}

static void
show_partners(const struct winsctl_view *v, const json_t *r)
{
	static const struct column columns[] = { { "PARTNER", 15, 0 }, { "WAYS", 0, 0 },
		{ "STATE", 10, 0 }, { "LAST PULL", 0, 0 }, { "NEXT PULL", 0, 0 },
		{ "LAST PUSH", 0, 0 }, { "LAG", 0, SCOLS_FL_RIGHT }, { "CLOCK", 0, SCOLS_FL_RIGHT },
		{ "ERROR", 0, SCOLS_FL_WRAP } };
	const json_t *list = json_object_get(r, "partners");
	struct table t;
	char buf[WINSCTL_TEXT];
	size_t i;
	json_t *p;

	if (!json_array_size(list)) {
		fputs("There are no partners.\n", v->out);
		return;
	}
	t = table_begin(v, columns, sizeof(columns) / sizeof(*columns));
	json_array_foreach(list, i, p)
	{
		table_line(&t);
		table_cell(&t, text_of(p, "address"));
		table_cell(&t, ways(p));
		table_cell(&t, text_of(p, "state"));
		table_cell(&t, distance(p, "last-pull", v, buf));
		table_cell(&t, distance(p, "next-pull", v, buf));
		table_cell(&t, distance(p, "last-push", v, buf));
		table_number(&t, number_of(p, "lag"));
		table_cell(&t, clock_text(p, buf));
		table_cell(&t, text_of(p, "error"));
	}
	table_end(&t);
}

/* ---- convergence ---- */

static void
show_lacking(struct table *t, const struct winsctl_view *v, const json_t *owner)
{
	const json_t *list = json_object_get(owner, "lacking");
	char buf[WINSCTL_TEXT], since[WINSCTL_TEXT];
	size_t i;
	json_t *l;

	json_array_foreach(list, i, l)
	{
		snprintf(buf, sizeof(buf), "%s%s", text_of(owner, "owner"),
		    flag_of(owner, "blocked") ? " (blocked)" : "");
		table_line(t);
		table_cell(t, buf);
		table_number(t, number_of(owner, "highest-anywhere"));
		table_cell(t, text_of(owner, "highest-at"));
		table_cell(t, text_of(l, "server"));
		table_number(t, number_of(l, "lacks"));
		table_cell(t, json_is_integer(json_object_get(l, "since"))
				  ? distance(l, "since", v, since)
				  : "unknown");
	}
}

static void
show_convergence(const struct winsctl_view *v, const json_t *r)
{
	static const struct column columns[] = { { "OWNER", 15, 0 },
		{ "HIGHEST", 0, SCOLS_FL_RIGHT }, { "AT", 15, 0 }, { "LACKING AT", 15, 0 },
		{ "VERSIONS", 0, SCOLS_FL_RIGHT }, { "SINCE", 0, 0 } };
	const json_t *owners = json_object_get(r, "owners");
	struct table t;
	size_t i, lacking = 0;
	json_t *o;

	json_array_foreach(owners, i, o) lacking += json_array_size(json_object_get(o, "lacking"));
	if (lacking) {
		t = table_begin(v, columns, sizeof(columns) / sizeof(*columns));
		json_array_foreach(owners, i, o) show_lacking(&t, v, o);
		table_end(&t);
	}
	json_array_foreach(json_object_get(r, "unknown"), i, o)
	    fprintf(v->out, "What %s has is not known yet.\n", json_string_value(o));
	if (flag_of(r, "equal"))
		fprintf(v->out, "All servers have the same of all %zu owners.\n",
		    json_array_size(owners));
}

/* ---- replicate now ---- */

static void
show_pulls(const struct winsctl_view *v, const json_t *r)
{
	size_t i;
	json_t *p;

	json_array_foreach(json_object_get(r, "pulls"), i, p)
	{
		long long n = number_of(p, "records");

		if (flag_of(p, "done"))
			fprintf(v->out, "%s: %lld record%s came.\n", text_of(p, "partner"), n,
			    n == 1 ? "" : "s");
		else
			fprintf(v->out, "%s: failed, %s.\n", text_of(p, "partner"),
			    text_of(p, "error"));
	}
}

void
winsctl_show_replication(
    const struct winsctl_view *v, enum ctl_command_id command, const json_t *result)
{
	switch (command) {
	case CTL_CMD_PARTNERS:
		show_partners(v, result);
		break;
	case CTL_CMD_CONVERGENCE:
		show_convergence(v, result);
		break;
	default:
		show_pulls(v, result);
	}
}
