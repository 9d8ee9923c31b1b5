/* SPDX-License-Identifier: Apache-2.0 */
/* See winsctl_table.h. Layer: program. */
#include "winsctl/table.h"

#define PIPE_WIDTH 8192 /* wider than any line: nothing is squeezed */

struct table
table_begin(const struct winsctl_view *v, const struct column *columns, size_t n)
{
	struct table t = { .scols = scols_new_table() };
	char heading[40];

	if (!t.scols)
		return t;
	scols_table_set_stream(t.scols, v->out);
	if (!v->tty) {
		scols_table_set_termforce(t.scols, SCOLS_TERMFORCE_NEVER);
		scols_table_set_termwidth(t.scols, PIPE_WIDTH);
	}
	/* The server escapes names its own way; a second escaping would change them. */
	scols_table_enable_noencoding(t.scols, 1);
	scols_table_enable_noheadings(t.scols, !columns[0].name[0] || !v->first);
	for (size_t i = 0; i < n; i++) {
		bool right = columns[i].flags & SCOLS_FL_RIGHT;
		int width = right ? (int)columns[i].width : -(int)columns[i].width;

		/* The library's own hint of a width is not kept by columns with short texts. */
		snprintf(heading, sizeof(heading), "%*s", width, columns[i].name);
		scols_table_new_column(t.scols, heading, columns[i].width,
		    columns[i].flags & (v->tty ? -1 : ~SCOLS_FL_WRAP));
	}
	return t;
}

void
table_line(struct table *t)
{
	t->line = t->scols ? scols_table_new_line(t->scols, NULL) : NULL;
	t->at = 0;
}

void
table_cell(struct table *t, const char *text)
{
	if (t->line)
		scols_line_set_data(t->line, t->at, text);
	t->at++;
}

void
table_number(struct table *t, json_int_t n)
{
	char buf[24];

	snprintf(buf, sizeof(buf), "%lld", (long long)n);
	table_cell(t, buf);
}

void
table_end(struct table *t)
{
	if (!t->scols)
		return;
	scols_print_table(t->scols);
	scols_unref_table(t->scols);
}

const struct column table_pair_columns[2] = { { "", 0, 0 }, { "", 0, SCOLS_FL_WRAP } };

void
table_pair(struct table *t, const char *name, const char *value)
{
	table_line(t);
	table_cell(t, name);
	table_cell(t, value);
}
