/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the doctor found, for a person: a paragraph each, as the server words it. Layer: program. What
 * is missing in an answer is left out.
 */
#include "winsctl/answer.h"

#include <string.h>

#define WIDTH 80

/* How much of the text goes into a line; a word wider than that is cut. */
static size_t
line_of(const char *text, size_t room)
{
	size_t n = strlen(text);

	if (n <= room)
		return n;
	for (n = room; n && text[n] != ' '; n--)
		;
	return n ? n : room;
}

/* "  title: text", wrapped behind the title when somebody looks. */
static void
paragraph(const struct winsctl_view *v, const char *title, const char *text)
{
	const int indent = 11;
	size_t n, room = v->tty ? WIDTH - (size_t)indent : SIZE_MAX;

	if (!*text)
		return;
	fprintf(v->out, "  %-*s", indent - 2, title);
	for (;;) {
		n = line_of(text, room);
		fprintf(v->out, "%.*s\n", (int)n, text);
		text += n + strspn(text + n, " ");
		if (!*text)
			break;
		fprintf(v->out, "%*s", indent, "");
	}
}

void
winsctl_show_findings(const struct winsctl_view *v, const json_t *result)
{
	const json_t *findings = json_object_get(result, "findings"), *f, *since;
	char when[WINSCTL_TEXT];

	for (size_t i = 0; i < json_array_size(findings); i++) {
		f = json_array_get(findings, i);
		since = json_object_get(f, "since");
		if (i || !v->first)
			fputc('\n', v->out);
		fprintf(v->out, "%s: %s", text_of(f, "name"), text_of(f, "finding"));
		if (json_is_integer(since))
			fprintf(v->out, ", since %s",
			    winsctl_when((time_t)json_integer_value(since), v->now, when));
		fputc('\n', v->out);
		paragraph(v, "what:", text_of(f, "what"));
		paragraph(v, "why:", text_of(f, "why"));
		paragraph(v, "repair:", text_of(f, "repair"));
		paragraph(v, "command:", text_of(f, "command"));
	}
}
