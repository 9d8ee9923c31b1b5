/* SPDX-License-Identifier: Apache-2.0 */
/* Tables for people, whose pages agree in their widths. Layer: program; private to winsctl. */
#pragma once

#include <libsmartcols.h>

#include "winsctl/winsctl.h"

struct table {
	struct libscols_table *scols;
	struct libscols_line *line;
	size_t at;
};

/* Columns with the widths that they have at least, so that the pages of a listing agree. */
struct column {
	const char *name;
	unsigned width;
	int flags;
};

/* Headings come with the first page, and not when the first column has none. */
struct table table_begin(const struct winsctl_view *v, const struct column *columns, size_t n);
void table_line(struct table *t);
/* The next cell of the line; the text is copied. */
void table_cell(struct table *t, const char *text);
void table_number(struct table *t, json_int_t n);
/* Prints it. */
void table_end(struct table *t);

/* For tables of a name and its value a line. */
extern const struct column table_pair_columns[2];
void table_pair(struct table *t, const char *name, const char *value);
