/* SPDX-License-Identifier: Apache-2.0 */
/* winsctl's help, from the table of commands. Layer: program. */
#include "winsctl/winsctl.h"

#include <ctype.h>
#include <string.h>

static const char *
word_of(enum ctl_type type)
{
	switch (type) {
	case CTL_TYPE_FLAG:
		return "";
	case CTL_TYPE_INTEGER:
		return "NUMBER";
	case CTL_TYPE_ADDRESS:
		return "ADDRESS";
	default:
		return "TEXT";
	}
}

/* Is it an option of the command line? */
static bool
is_option(const struct ctl_arg *a)
{
	return a->how == CTL_HOW_OPTION || a->how == CTL_HOW_LOCAL;
}

static void
print_upper(FILE *out, const char *text)
{
	for (; *text; text++)
		fputc(toupper((unsigned char)*text), out);
}

static void
print_place(FILE *out, const struct ctl_arg *a)
{
	fputs(a->how == CTL_HOW_POSITIONAL ? " [" : " ", out);
	if (a->type == CTL_TYPE_ADDRESSES)
		fputs("ADDRESS ...", out);
	else
		print_upper(out, a->name);
	if (a->how == CTL_HOW_POSITIONAL)
		fputc(']', out);
}

static void
print_synopsis(FILE *out, enum ctl_command_id command)
{
	const struct ctl_arg *a = NULL;
	bool options = false;

	fputs(ctl_command(command)->name, out);
	while ((a = ctl_arg_next(command, a))) {
		options |= is_option(a);
		if (a->how <= CTL_HOW_POSITIONAL)
			print_place(out, a);
	}
	if (options)
		fputs(" [OPTION ...]", out);
}

/* Text in lines of at most 80 characters, behind blanks. */
static void
print_wrapped(FILE *out, int blanks, const char *text)
{
	size_t room = 80 - (size_t)blanks;

	while (*text) {
		size_t n = strlen(text);

		if (n > room)
			for (n = room; n && text[n] != ' '; n--)
				;
		fprintf(out, "%*s%.*s\n", blanks, "", (int)n, text);
		text += n;
		while (*text == ' ')
			text++;
	}
}

void
winsctl_usage(FILE *out)
{
	fputs("usage: winsctl [OPTION ...] COMMAND [ARGUMENT ...]\n\ncommands:\n", out);
	for (int i = 0; i < CTL_CMD_COUNT; i++) {
		fputs("\n  ", out);
		print_synopsis(out, i);
		fputc('\n', out);
		print_wrapped(out, 6, ctl_command(i)->help);
	}
	fputs("\noptions, before or behind the command:\n"
	      "  -s, --socket PATH      the server's control socket (" WINSCTL_SOCKET ",\n"
	      "                         else " WINSCTL_NODE_SOCKET ",\n"
	      "                         or what WINSCTL_SOCKET in the environment names)\n"
	      "  -t, --timeout SECONDS  give up when an answer takes longer; 0, as when left out: "
	      "never\n"
	      "  -j, --json             print JSON, one object a line\n"
	      "  -C, --case             take names as they are typed, not in upper case\n"
	      "  -V, --version          print the version of winsctl\n"
	      "  -h, --help             print this, or with a command what it does\n"
	      "\nexit code: 0 done, 1 failed or refused, 2 wrong call\n",
	    out);
}

/* An argument and what may be written for it. */
static void
print_name(FILE *out, const struct ctl_arg *a)
{
	const char *what = a->type == CTL_TYPE_CHOICE ? a->allowed : word_of(a->type);

	if (is_option(a))
		fprintf(out, "--%s%s%s", a->name, *what ? " " : "", what);
	else
		print_upper(out, a->name);
	if (!is_option(a) && a->type == CTL_TYPE_CHOICE)
		fprintf(out, ": %s", what);
}

void
winsctl_explain(FILE *out, enum ctl_command_id command)
{
	const struct ctl_arg *a = NULL;

	fputs("usage: winsctl ", out);
	print_synopsis(out, command);
	fputs("\n\n", out);
	print_wrapped(out, 2, ctl_command(command)->help);
	while ((a = ctl_arg_next(command, a))) {
		if (a->how == CTL_HOW_WIRE)
			continue;
		fputs("\n  ", out);
		print_name(out, a);
		fputc('\n', out);
		print_wrapped(out, 4, a->help);
	}
}
