/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers about this machine's own node as lines for people. Layer: program. Columns of fixed width,
 * so that the pages of a listing agree; what is longer pushes the rest of its line.
 */
#include "winsctl/answer.h"

/* A column is never empty. */
static const char *
word_of(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s ? s : "-";
}

static const char *
kind_of(const json_t *o)
{
	return flag_of(o, "group") ? "group" : "unique";
}

/* Seconds from now as a span, or otherwise when it is null. */
static const char *
span_of(const json_t *o, const char *name, const char *otherwise, char buf[static WINSCTL_TEXT])
{
	const json_t *v = json_object_get(o, name);

	return json_is_integer(v) ? winsctl_span(json_integer_value(v), buf) : otherwise;
}

static void
print_texts(FILE *out, const json_t *list, const char *none)
{
	size_t i;
	json_t *e;

	json_array_foreach(list, i, e) fprintf(out, "%s%s", i ? " " : "", json_string_value(e));
	if (!json_array_size(list))
		fputs(none, out);
	fputc('\n', out);
}

static void
show_interfaces(const struct winsctl_view *v, const json_t *r)
{
	size_t i;
	json_t *c;

	fprintf(v->out, "node type %s, scope [%s]\n", word_of(r, "node"), word_of(r, "scope"));
	json_array_foreach(json_object_get(r, "interfaces"), i, c)
	{
		fprintf(v->out, "\n%s%s\n  address    %s\n", word_of(c, "interface"),
		    flag_of(c, "leaving") ? " (leaving)" : "", word_of(c, "address"));
		if (json_is_string(json_object_get(c, "advertise")))
			fprintf(v->out, "  advertises %s\n", word_of(c, "advertise"));
		fprintf(v->out, "  mask       %s\n  broadcast  %s\n  hardware   %s\n",
		    word_of(c, "mask"), word_of(c, "broadcast"), word_of(c, "mac"));
		fputs("  WINS       ", v->out);
		print_texts(v->out, json_object_get(c, "wins"), "none");
	}
}

/* Where the name is registered, or who is in the way. */
static void
print_where(FILE *out, const json_t *e)
{
	char span[WINSCTL_TEXT];

	if (json_is_string(json_object_get(e, "offender")))
		fprintf(out, "%s says so", word_of(e, "offender"));
	else if (json_is_string(json_object_get(e, "server")))
		fprintf(out, "WINS %s, refresh in %s", word_of(e, "server"),
		    span_of(e, "refresh-in", "never", span));
	else
		fputs(word_of(e, "by"), out);
	fputc('\n', out);
}

static void
show_names(const struct winsctl_view *v, const json_t *list)
{
	size_t i;
	json_t *e;

	if (v->first && json_array_size(list))
		fprintf(v->out, "%-20s %-7s %-10s %-15s %-12s %s\n", "NAME", "TYPE", "INTERFACE",
		    "ADDRESS", "STATE", "WHERE");
	json_array_foreach(list, i, e)
	{
		fprintf(v->out, "%-20s %-7s %-10s %-15s %-12s ", word_of(e, "name"), kind_of(e),
		    word_of(e, "interface"), word_of(e, "address"), word_of(e, "state"));
		print_where(v->out, e);
	}
}

static void
show_ghosts(const struct winsctl_view *v, const json_t *list)
{
	char span[WINSCTL_TEXT];
	size_t i;
	json_t *g;

	if (v->first && json_array_size(list))
		fprintf(v->out, "%-20s %-7s %-15s %-15s %5s  %s\n", "NAME", "TYPE", "ADDRESS",
		    "SERVER", "TRIES", "AGAIN IN");
	json_array_foreach(list, i, g) fprintf(v->out, "%-20s %-7s %-15s %-15s %5lld  %s\n",
	    word_of(g, "name"), kind_of(g), word_of(g, "address"), word_of(g, "server"),
	    number_of(g, "tries"), span_of(g, "retry-in", "when the card is back", span));
}

static void
show_cache(const struct winsctl_view *v, const json_t *list)
{
	char span[WINSCTL_TEXT];
	size_t i;
	json_t *e;

	if (v->first && json_array_size(list))
		fprintf(v->out, "%-20s %-7s %-18s %s\n", "NAME", "TYPE", "LIFE", "ADDRESSES");
	json_array_foreach(list, i, e)
	{
		fprintf(v->out, "%-20s %-7s %-18s ", word_of(e, "name"), kind_of(e),
		    span_of(e, "life", "from LMHOSTS", span));
		print_texts(v->out, json_object_get(e, "addresses"), "-");
	}
}

/* A name that was added or removed, as it stands now. */
static void
show_change(const struct winsctl_view *v, const json_t *r)
{
	const json_t *names = json_object_get(r, "names"), *ghosts = json_object_get(r, "ghosts");

	if (!json_array_size(names))
		fprintf(v->out, "%s is on no interface.\n", word_of(r, "name"));
	show_names(v, names);
	if (!json_array_size(ghosts))
		return;
	fputs("\nreleases that no server confirmed yet:\n", v->out);
	show_ghosts(v, ghosts);
}

static void
show_answer(const struct winsctl_view *v, const json_t *r)
{
	if (!flag_of(r, "found")) {
		fputs("Nobody has this name.\n", v->out);
		return;
	}
	fprintf(v->out, "%s, from %s", kind_of(r), word_of(r, "source"));
	if (json_is_string(json_object_get(r, "from")))
		fprintf(v->out, " (%s)", word_of(r, "from"));
	fputs(": ", v->out);
	print_texts(v->out, json_object_get(r, "addresses"), "no address");
}

static void
show_status(const struct winsctl_view *v, const json_t *r)
{
	size_t i;
	json_t *e;

	if (!flag_of(r, "found")) {
		fputs("The machine does not answer.\n", v->out);
		return;
	}
	json_array_foreach(json_object_get(r, "names"), i, e) fprintf(v->out, "%-20s %-7s%s%s\n",
	    word_of(e, "name"), kind_of(e), flag_of(e, "conflict") ? " conflict" : "",
	    flag_of(e, "deregistering") ? " deregistering" : "");
	if (flag_of(r, "truncated"))
		fputs("It has more names than fit into its answer.\n", v->out);
	fprintf(v->out, "hardware address %s\n", word_of(r, "mac"));
}

static const char *
counter_text(const char *name)
{
	static const struct meaning meanings[] = {
#define X(symbol, name_, sentence_) { name_, sentence_ },
#include "node/stats.def"
#undef X
	};

	return meaning_of(name, meanings, sizeof(meanings) / sizeof(*meanings));
}

static void
show_stats(const struct winsctl_view *v, const json_t *r)
{
	const char *name;
	json_t *n;

	json_object_foreach(json_object_get(r, "counters"), name, n) fprintf(v->out,
	    "%-24s %12lld  %s\n", name, (long long)json_integer_value(n), counter_text(name));
	json_object_foreach(json_object_get(r, "drops"), name, n) if (json_integer_value(n))
	    fprintf(v->out, "dropped: %-15s %12lld\n", name, (long long)json_integer_value(n));
}

void
winsctl_show_node(const struct winsctl_view *v, enum ctl_command_id command, const json_t *r)
{
	switch (command) {
	case CTL_CMD_NODE_INTERFACES:
		show_interfaces(v, r);
		break;
	case CTL_CMD_NODE_LIST:
		show_names(v, json_object_get(r, "names"));
		break;
	case CTL_CMD_NODE_GHOSTS:
		show_ghosts(v, json_object_get(r, "ghosts"));
		break;
	case CTL_CMD_NODE_CACHE:
		show_cache(v, json_object_get(r, "cache"));
		break;
	case CTL_CMD_NODE_ADD:
	case CTL_CMD_NODE_REMOVE:
		show_change(v, r);
		break;
	case CTL_CMD_NODE_RESOLVE:
		show_answer(v, r);
		break;
	case CTL_CMD_NODE_STATUS_OF:
		show_status(v, r);
		break;
	case CTL_CMD_NODE_PURGE:
		fprintf(v->out, "The cache is empty but for %lld names from LMHOSTS.\n",
		    number_of(r, "preloaded"));
		break;
	case CTL_CMD_NODE_SUSPEND:
		fprintf(v->out, "All names were released. %lld releases were not confirmed.\n",
		    number_of(r, "unconfirmed"));
		break;
	case CTL_CMD_NODE_RESUME:
		fputs("The names are being registered again.\n", v->out);
		break;
	case CTL_CMD_NODE_RELEASE_REFRESH:
		fprintf(v->out,
		    "All names were released; they are being registered again. %lld releases were "
		    "not confirmed.\n",
		    number_of(r, "unconfirmed"));
		break;
	default:
		show_stats(v, r);
	}
}
