/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LMHOSTS (netbt-name-service.md 5.1): each keyword, each mistake with its line, includes, and the
 * bounds. Files are texts in a table.
 */
#include "node/lmhosts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/err.h"

struct file {
	const char *path, *text;
	size_t len; /* 0 = strlen */
};

struct world {
	const struct file *file;
	unsigned nfile, reads, nreport;
	char report[60][300];
};

static int
read_file(void *arg, const char *path, char **ret, size_t *ret_len, const char **ret_why)
{
	struct world *w = arg;

	for (unsigned i = 0; i < w->nfile; i++) {
		const struct file *f = &w->file[i];
		size_t len = f->len ? f->len : strlen(f->text);
		char *copy;

		if (strcmp(f->path, path) != 0)
			continue;
		w->reads++;
		copy = malloc(len + 1);
		assert_non_null(copy);
		memcpy(copy, f->text, len);
		*ret_len = len;
		*ret = copy;
		return 0;
	}
	*ret_why = "No such file or directory";
	return NBT_ENOENT;
}

static void
report(void *arg, const char *path, unsigned line, const char *sentence)
{
	struct world *w = arg;

	assert_in_range(w->nreport, 0, 59);
	snprintf(w->report[w->nreport++], sizeof(w->report[0]), "%s:%u: %s", path, line, sentence);
}

static struct lmhosts *
load_files(struct world *w)
{
	struct lmhosts_host host = { .arg = w, .read_file = read_file, .report = report };
	struct lmhosts *l;

	assert_int_equal(lmhosts_load(w->file[0].path, &host, &l), 0);
	return l;
}

/* One file, without a mistake. */
static struct lmhosts *
load(const char *text)
{
	struct file f = { "lmhosts", text, 0 };
	struct world w = { .file = &f, .nfile = 1 };
	struct lmhosts *l = load_files(&w);

	if (w.nreport)
		fail_msg("%s", w.report[0]);
	return l;
}

/* The addresses of a name as text, "-" when it is not found. */
static const char *
find(const struct lmhosts *l, const char *text)
{
	static char out[500];
	struct lmhosts_preload p;
	struct nb_key k;
	size_t n = 0;

	assert_int_equal(nb_key_parse(text, 0x20, &k), 0);
	if (!lmhosts_find(l, &k.name, &p))
		return "-";
	assert_memory_equal(p.name.b, k.name.b, NB_NAME_LEN);
	for (int i = 0; i < p.naddr; i++) {
		char ip[IP4_STRLEN];

		n += (size_t)snprintf(
		    out + n, sizeof(out) - n, "%s%s", i ? " " : "", ip4_print(p.addr[i], ip));
	}
	return out;
}

static void
plain_name_is_upper_cased_and_stands_for_three_suffixes(void **state)
{
	struct lmhosts *l = load("192.0.2.1 alpha\n192.0.2.2\tBETA-2.x \t# a comment\n");

	assert_string_equal(find(l, "ALPHA<00>"), "192.0.2.1");
	assert_string_equal(find(l, "ALPHA<03>"), "192.0.2.1");
	assert_string_equal(find(l, "ALPHA<20>"), "192.0.2.1");
	assert_string_equal(find(l, "ALPHA<1B>"), "-");
	assert_string_equal(find(l, "alpha<20>"), "-");
	assert_string_equal(find(l, "BETA-2.X<20>"), "192.0.2.2");
	assert_null(lmhosts_preload_at(l, 0));
	assert_non_null(lmhosts_entry_at(l, 1));
	assert_null(lmhosts_entry_at(l, 2));
	lmhosts_free(l);
	lmhosts_free(NULL);
}

static void
fifteen_characters_are_a_name(void **state)
{
	struct lmhosts *l = load("192.0.2.1 ABCDEFGHIJKLMNO");

	assert_string_equal(find(l, "ABCDEFGHIJKLMNO<20>"), "192.0.2.1");
	lmhosts_free(l);
}

static void
quoted_name_is_sixteen_bytes_as_they_stand(void **state)
{
	struct lmhosts *l = load("192.0.2.1 \"appName        \\0x14\" #PRE\n"
				 "192.0.2.2 \"Old            \\1b\"\n"
				 "192.0.2.3 \"\\0x01\\0x02__MSBROWSE__\\0x02\\0x01\"\n"
				 "192.0.2.4 \"EXACTLY SIXTEEN \"\n"
				 "192.0.2.5 \"Short\"\n"
				 "192.0.2.6 \"HASH#TAG       \\0x20\"\n");

	assert_string_equal(find(l, "appName<14>"), "192.0.2.1");
	assert_string_equal(find(l, "APPNAME<14>"), "-");
	assert_string_equal(find(l, "appName<00>"), "-");
	assert_string_equal(find(l, "Old<1B>"), "192.0.2.2");
	assert_string_equal(find(l, "\\x01\\x02__MSBROWSE__\\x02<01>"), "192.0.2.3");
	assert_string_equal(find(l, "EXACTLY SIXTEEN<20>"), "192.0.2.4");
	assert_string_equal(find(l, "EXACTLY SIXTEEN<00>"), "-");
	assert_string_equal(find(l, "Short<03>"), "192.0.2.5");
	assert_string_equal(find(l, "HASH\\x23TAG<20>"), "192.0.2.6");
	lmhosts_free(l);
}

static void
preloaded_plain_name_is_three_names(void **state)
{
	struct lmhosts *l = load("192.0.2.1 alpha #PRE\n");
	const char *want[] = { "ALPHA<00>", "ALPHA<03>", "ALPHA<20>" };
	char text[NB_KEY_STRLEN];

	for (unsigned i = 0; i < 3; i++) {
		const struct lmhosts_preload *p = lmhosts_preload_at(l, i);
		struct nb_key k = { .name = p->name };

		assert_string_equal(nb_key_print(&k, text), want[i]);
		assert_int_equal(p->naddr, 1);
		assert_false(p->group);
	}
	assert_null(lmhosts_preload_at(l, 3));
	lmhosts_free(l);
}

static void
later_preloaded_line_wins_and_the_first_other_line(void **state)
{
	struct lmhosts *l = load("192.0.2.1 A #PRE\n192.0.2.2 A #PRE\n"
				 "192.0.2.3 B\n192.0.2.4 B\n"
				 "192.0.2.5 C\n192.0.2.6 C #PRE\n");

	assert_string_equal(find(l, "A<20>"), "192.0.2.2");
	assert_string_equal(find(l, "B<20>"), "192.0.2.3");
	assert_string_equal(find(l, "C<20>"), "192.0.2.6");
	lmhosts_free(l);
}

static void
multihomed_lines_are_collected_up_to_one_without_the_tag(void **state)
{
	struct lmhosts *l = load("192.0.2.1 A #MH\n192.0.2.9 X\n192.0.2.2 A #MH\n192.0.2.3 A\n"
				 "192.0.2.4 A #MH\n192.0.2.5 B #MH\n"
				 "192.0.2.6 P #PRE #MH\n192.0.2.7 P #PRE #MH\n192.0.2.7 P #PRE\n");

	assert_string_equal(find(l, "A<20>"), "192.0.2.1 192.0.2.2 192.0.2.3");
	assert_string_equal(find(l, "B<20>"), "192.0.2.5");
	assert_string_equal(find(l, "P<20>"), "192.0.2.6 192.0.2.7");
	lmhosts_free(l);
}

static void
domain_lists_come_first_and_keep_all_members(void **state)
{
	struct lmhosts *l = load("192.0.2.1 DC1 #PRE #DOM:lab #a comment\n"
				 "192.0.2.2 DC2 #DOM:LAB #PRE\n"
				 "192.0.2.3 \"LAB            \\0x1c\" #PRE\n"
				 "192.0.2.4 \"OTHER          \\0x1c\"\n");
	const struct lmhosts_preload *p = NULL;
	unsigned groups = 0;

	assert_string_equal(find(l, "LAB<1C>"), "192.0.2.1 192.0.2.2 192.0.2.3");
	assert_string_equal(find(l, "OTHER<1C>"), "192.0.2.4");
	assert_string_equal(find(l, "LAB<20>"), "-");
	assert_string_equal(find(l, "DC2<20>"), "192.0.2.2");
	for (unsigned i = 0; (p = lmhosts_preload_at(l, i)); i++)
		groups += p->group;
	assert_int_equal(groups, 1);
	lmhosts_free(l);
}

static void
group_members_and_old_tags_are_kept_but_found_nowhere(void **state)
{
	struct lmhosts *l = load("192.0.2.1 A #SG:Printers #NOFNR #MH\n");
	const struct lmhosts_entry *e = lmhosts_entry_at(l, 0);

	assert_true(e->has_sg && e->mh && !e->pre && !e->has_dom);
	assert_memory_equal(e->group.b, "PRINTERS        ", NB_NAME_LEN);
	assert_string_equal(find(l, "PRINTERS<20>"), "-");
	lmhosts_free(l);
}

static void
comments_blank_lines_and_line_ends_of_all_kinds_are_read(void **state)
{
	struct lmhosts *l = load("\xef\xbb\xbf# LMHOSTS\r\n\r\n \t \r\n  192.0.2.1  A\r\n"
				 "#PREVIOUS is no keyword\r\n192.0.2.2 B #PREfix neither\r\n"
				 "192.0.2.3 C#comment\n192.0.2.4 D\x1a\n192.0.2.5 E");

	assert_string_equal(find(l, "A<20>"), "192.0.2.1");
	assert_string_equal(find(l, "B<20>"), "192.0.2.2");
	assert_string_equal(find(l, "C<20>"), "192.0.2.3");
	assert_string_equal(find(l, "D<20>"), "192.0.2.4");
	assert_string_equal(find(l, "E<20>"), "-");
	assert_null(lmhosts_preload_at(l, 0));
	lmhosts_free(l);
}

static void
each_mistake_is_told_with_its_line(void **state)
{
	static const struct {
		const char *line, *sentence;
		bool counts; /* the address is taken all the same */
	} rows[] = {
		{ "nonsense", "the line does not begin with an IPv4 address", false },
		{ "192.0.2.256 A", "the line does not begin with an IPv4 address", false },
		{ "1192.168.122.133 A", "the line does not begin with an IPv4 address", false },
		{ "127.0.0.1 A", "no host can have this address", false },
		{ "0.0.0.0 A", "no host can have this address", false },
		{ "192.0.2.1", "there is no name behind the address", false },
		{ "192.0.2.1 #PRE", "there is no name behind the address", false },
		{ "192.0.2.1 ABCDEFGHIJKLMNOP",
		    "a name has at most 15 characters, and no control characters", false },
		{ "192.0.2.1 A\x01", "a name has at most 15 characters, and no control characters",
		    false },
		{ "192.0.2.1 \"A", "the quoted name does not end", false },
		{ "192.0.2.1 \"\"", "the quoted name is empty", false },
		{ "192.0.2.1 \"A\\0x1\"",
		    "a backslash in a quoted name begins \\0xNN, the byte in hexadecimal", false },
		{ "192.0.2.1 \"A\\\"",
		    "a backslash in a quoted name begins \\0xNN, the byte in hexadecimal", false },
		{ "192.0.2.1 \"ABCDEFGHIJKLMNOPQ\"",
		    "a quoted name has at most 16 characters, an escape counting as one", false },
		{ "192.0.2.1 \"A\\0x20\"",
		    "the quoted name is not padded to 15 characters; its escape is taken for the "
		    "sixteenth",
		    true },
		{ "192.0.2.1 A PRE",
		    "what stands behind the name is no tag; a comment begins with #", true },
		{ "192.0.2.1 A #pre", "keywords are written in capitals; this is a comment", true },
		{ "192.0.2.1 A #PRE #DOM:", "#DOM: wants a domain of 1 to 15 characters behind it",
		    true },
		{ "192.0.2.1 A #PRE #DOM:ABCDEFGHIJKLMNOP",
		    "#DOM: wants a domain of 1 to 15 characters behind it", true },
		{ "192.0.2.1 A #SG:", "#SG: wants a group of 1 to 15 characters behind it", true },
		{ "192.0.2.1 A #DOM:LAB", "#DOM: has no effect without #PRE", true },
		{ "192.0.2.1 A #INCLUDE x", "this keyword stands on a line of its own", true },
		{ "#PRE", "this keyword stands behind an address and a name", false },
		{ "#include x", "keywords are written in capitals; this is a comment", false },
		{ "#INCLUDE", "#INCLUDE wants the path of a file behind it", false },
		{ "#INCLUDE nowhere", "the file cannot be read: No such file or directory", false },
		{ "#INCLUDE \\\\server\\share\\lmhosts",
		    "the server of this share has no #PRE entry above", false },
		{ "#BEGIN_ALTERNATE", "#BEGIN_ALTERNATE has no #END_ALTERNATE", false },
		{ "#END_ALTERNATE", "#END_ALTERNATE has no #BEGIN_ALTERNATE above it", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[200], want[300];
		struct file f = { "etc/lmhosts", text, 0 };
		struct world w = { .file = &f, .nfile = 1 };
		struct lmhosts *l;

		snprintf(text, sizeof(text), "# first\n%s\n192.0.2.77 Z\n", rows[i].line);
		snprintf(want, sizeof(want), "etc/lmhosts:2: %s", rows[i].sentence);
		l = load_files(&w);
		assert_int_equal(w.nreport, 1);
		assert_string_equal(w.report[0], want);
		assert_string_equal(find(l, "A<20>"), rows[i].counts ? "192.0.2.1" : "-");
		assert_string_equal(find(l, "Z<20>"), "192.0.2.77");
		lmhosts_free(l);
	}
}

static void
includes_are_read_from_the_folder_of_their_file(void **state)
{
	struct file f[] = { { "/etc/lm/hosts",
				"#INCLUDE more/a\n192.0.2.9 A\n#INCLUDE /abs\n#INCLUDE \"with "
				"blank\"\n",
				0 },
		{ "/etc/lm/more/a", "192.0.2.1 A\n#INCLUDE b", 0 },
		{ "/etc/lm/more/b", "192.0.2.2 B\n", 0 }, { "/abs", "192.0.2.3 C\nwrong\n", 0 },
		{ "/etc/lm/with blank", "192.0.2.4 D\n", 0 } };
	struct world w = { .file = f, .nfile = 5 };
	struct lmhosts *l = load_files(&w);

	assert_string_equal(find(l, "A<20>"), "192.0.2.1");
	assert_string_equal(find(l, "B<20>"), "192.0.2.2");
	assert_string_equal(find(l, "C<20>"), "192.0.2.3");
	assert_string_equal(find(l, "D<20>"), "192.0.2.4");
	assert_int_equal(w.nreport, 1);
	assert_string_equal(w.report[0], "/abs:2: the line does not begin with an IPv4 address");
	lmhosts_free(l);
}

static void
first_alternate_that_opens_is_the_only_one_read(void **state)
{
	struct file f[] = { { "h",
				"#BEGIN_ALTERNATE\n#INCLUDE gone\n#INCLUDE b\n#INCLUDE c\n"
				"#END_ALTERNATE\n#INCLUDE c\n",
				0 },
		{ "b", "192.0.2.1 A\n", 0 }, { "c", "192.0.2.2 A\n192.0.2.3 C\n", 0 } };
	struct world w = { .file = f, .nfile = 3 };
	struct lmhosts *l = load_files(&w);

	assert_int_equal(w.nreport, 0);
	assert_int_equal(w.reads, 3);
	assert_string_equal(find(l, "A<20>"), "192.0.2.1");
	assert_string_equal(find(l, "C<20>"), "192.0.2.3");
	lmhosts_free(l);
}

static void
alternates_that_all_fail_are_told_once_and_old_words_are_known(void **state)
{
	struct file f = { "h", "#BEGIN_INCLUDE\n#INCLUDE a\n#INCLUDE b\n#END_INCLUDE\n", 0 };
	struct world w = { .file = &f, .nfile = 1 };

	lmhosts_free(load_files(&w));
	assert_int_equal(w.nreport, 1);
	assert_string_equal(w.report[0], "h:4: none of the alternate files can be read");
}

static void
share_is_read_when_its_server_is_preloaded(void **state)
{
	struct file f[] = { { "h", "192.0.2.1 Server #PRE\n#INCLUDE \\\\server\\pub\\hosts\n", 0 },
		{ "\\\\server\\pub\\hosts", "192.0.2.2 B\n", 0 } };
	struct world w = { .file = f, .nfile = 2 };
	struct lmhosts *l = load_files(&w);

	assert_int_equal(w.nreport, 0);
	assert_string_equal(find(l, "B<20>"), "192.0.2.2");
	lmhosts_free(l);
}

static void
circle_ends_the_file_and_the_search(void **state)
{
	struct file f[] = { { "h", "192.0.2.1 A\n192.0.2.6 M #MH\n#INCLUDE b\n192.0.2.2 Z\n", 0 },
		{ "b", "192.0.2.3 B\n#INCLUDE h\n192.0.2.4 C\n", 0 } };
	struct world w = { .file = f, .nfile = 2 };
	struct lmhosts *l = load_files(&w);

	assert_int_equal(w.nreport, 1);
	assert_string_equal(w.report[0], "b:2: the file includes itself; reading ends here");
	assert_string_equal(find(l, "A<20>"), "192.0.2.1");
	assert_string_equal(find(l, "B<20>"), "192.0.2.3");
	assert_string_equal(find(l, "C<20>"), "-");
	assert_string_equal(find(l, "Z<20>"), "-");
	/* the search for more addresses came to the circle: the query ends (MS-NBTE 3.1.8.1) */
	assert_string_equal(find(l, "M<20>"), "-");
	lmhosts_free(l);
}

static void
files_nest_eight_deep_and_no_deeper(void **state)
{
	char text[10][40], path[10][8];
	struct file f[10];
	struct world w = { .file = f, .nfile = 10 };
	struct lmhosts *l;

	for (int i = 0; i < 10; i++) {
		snprintf(path[i], sizeof(path[i]), "f%d", i + 1);
		snprintf(text[i], sizeof(text[i]), "192.0.2.1 N%d\n#INCLUDE f%d\n", i + 1, i + 2);
		f[i] = (struct file){ path[i], text[i], 0 };
	}
	l = load_files(&w);
	assert_int_equal(w.reads, LMHOSTS_DEPTH_MAX);
	assert_string_equal(find(l, "N8<20>"), "192.0.2.1");
	assert_string_equal(find(l, "N9<20>"), "-");
	assert_string_equal(w.report[0], "f8:2: the file includes itself; reading ends here");
	lmhosts_free(l);
}

/* A file of n lines, each made with its number. */
static char *
lines(const char *format, int n)
{
	char *text = malloc((size_t)n * 64 + 1), *p = text;

	assert_non_null(text);
	for (int i = 0; i < n; i++)
		p += snprintf(p, 64, format, i, i);
	*p = 0;
	return text;
}

static unsigned
entries_of(const struct lmhosts *l)
{
	unsigned n = 0;

	while (lmhosts_entry_at(l, n))
		n++;
	return n;
}

static void
entries_are_bounded(void **state)
{
	char *text = lines("192.0.2.1 N%d\n", LMHOSTS_ENTRIES_MAX + 1);
	struct file f = { "h", text, 0 };
	struct world w = { .file = &f, .nfile = 1 };
	struct lmhosts *l = load_files(&w);

	assert_int_equal(entries_of(l), LMHOSTS_ENTRIES_MAX);
	assert_int_equal(w.nreport, 1);
	assert_string_equal(
	    w.report[0], "h:4097: there are too many entries; this one is left out");
	lmhosts_free(l);
	free(text);
}

static void
preloaded_names_are_bounded(void **state)
{
	/* 1,365 plain names are 4,095: one more name fits, of the three that follow */
	char *text = lines("192.0.2.1 N%d #PRE\n", LMHOSTS_PRELOAD_MAX / 3 + 1);
	struct file f = { "h", text, 0 };
	struct world w = { .file = &f, .nfile = 1 };
	struct lmhosts *l = load_files(&w);

	assert_non_null(lmhosts_preload_at(l, LMHOSTS_PRELOAD_MAX - 1));
	assert_null(lmhosts_preload_at(l, LMHOSTS_PRELOAD_MAX));
	assert_int_equal(w.nreport, 2);
	assert_string_equal(w.report[0], "h:1366: too many names are preloaded; this one is not");
	lmhosts_free(l);
	free(text);
}

static void
addresses_of_a_name_are_bounded(void **state)
{
	char *text = lines("192.0.2.%d DC%d #PRE #DOM:LAB\n", LMHOSTS_ADDR_MAX + 2);
	struct file f = { "h", text + strlen("192.0.2.0 DC0 #PRE #DOM:LAB\n"), 0 };
	struct world w = { .file = &f, .nfile = 1 };
	struct lmhosts *l = load_files(&w);

	assert_int_equal(w.nreport, 1);
	assert_string_equal(
	    w.report[0], "h:26: the name has 25 addresses already; this one is left out");
	assert_non_null(strstr(find(l, "LAB<1C>"), "192.0.2.25"));
	assert_null(strstr(find(l, "LAB<1C>"), "192.0.2.26"));
	lmhosts_free(l);
	free(text);
}

static void
mistakes_told_are_bounded(void **state)
{
	char *text = lines("wrong %d\n", LMHOSTS_REPORT_MAX + 5);
	struct file f = { "h", text, 0 };
	struct world w = { .file = &f, .nfile = 1 };

	lmhosts_free(load_files(&w));
	assert_int_equal(w.nreport, LMHOSTS_REPORT_MAX + 1);
	assert_string_equal(
	    w.report[LMHOSTS_REPORT_MAX], "h:51: there are more mistakes, which are not told");
	free(text);
}

static void
file_is_read_up_to_its_bound(void **state)
{
	size_t n = LMHOSTS_FILE_MAX + 12;
	char *text = malloc(n + 1);
	struct file f = { "h", text, n };
	struct world w = { .file = &f, .nfile = 1 };
	struct lmhosts *l;

	assert_non_null(text);
	memset(text, '\n', n);
	memcpy(text + LMHOSTS_FILE_MAX - 12, "192.0.2.1 A\n", 12);
	memcpy(text + LMHOSTS_FILE_MAX, "192.0.2.2 B\n", 12);
	l = load_files(&w);
	assert_string_equal(
	    w.report[0], "h:0: the file is larger than 1 MiB; the rest is not read");
	assert_string_equal(find(l, "A<20>"), "192.0.2.1");
	assert_string_equal(find(l, "B<20>"), "-");
	lmhosts_free(l);
	free(text);
}

static void
included_files_are_bounded(void **state)
{
	char *text = lines("#INCLUDE b\n", LMHOSTS_FILES_MAX);
	struct file f[] = { { "h", text, 0 }, { "b", "192.0.2.1 B\n", 0 } };
	struct world w = { .file = f, .nfile = 2 };

	lmhosts_free(load_files(&w));
	assert_int_equal(w.reads, LMHOSTS_FILES_MAX);
	assert_int_equal(w.nreport, 1);
	assert_string_equal(w.report[0], "h:64: too many files are included; this one is not");
	free(text);
}

static void
missing_file_is_told_by_its_error(void **state)
{
	struct world w = { 0 };
	struct lmhosts_host host = { .arg = &w, .read_file = read_file, .report = report };
	struct lmhosts *l = NULL;

	assert_int_equal(lmhosts_load("h", &host, &l), NBT_ENOENT);
	assert_null(l);
	assert_int_equal(w.nreport, 0);
}

static int
refuse_file(void *arg, const char *path, char **ret, size_t *ret_len, const char **ret_why)
{
	*ret_why = "not a regular file";
	return NBT_EINVAL;
}

/* Nobody has it by mistake, as no file at all is. */
static void
file_that_is_none_is_reported(void **state)
{
	struct world w = { 0 };
	struct lmhosts_host host = { .arg = &w, .read_file = refuse_file, .report = report };
	struct lmhosts *l = NULL;

	assert_int_equal(lmhosts_load("h", &host, &l), NBT_EINVAL);
	assert_null(l);
	assert_int_equal(w.nreport, 1);
	assert_string_equal(w.report[0], "h:0: the file cannot be read: not a regular file");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_name_is_upper_cased_and_stands_for_three_suffixes),
		cmocka_unit_test(fifteen_characters_are_a_name),
		cmocka_unit_test(quoted_name_is_sixteen_bytes_as_they_stand),
		cmocka_unit_test(preloaded_plain_name_is_three_names),
		cmocka_unit_test(later_preloaded_line_wins_and_the_first_other_line),
		cmocka_unit_test(multihomed_lines_are_collected_up_to_one_without_the_tag),
		cmocka_unit_test(domain_lists_come_first_and_keep_all_members),
		cmocka_unit_test(group_members_and_old_tags_are_kept_but_found_nowhere),
		cmocka_unit_test(comments_blank_lines_and_line_ends_of_all_kinds_are_read),
		cmocka_unit_test(each_mistake_is_told_with_its_line),
		cmocka_unit_test(includes_are_read_from_the_folder_of_their_file),
		cmocka_unit_test(first_alternate_that_opens_is_the_only_one_read),
		cmocka_unit_test(alternates_that_all_fail_are_told_once_and_old_words_are_known),
		cmocka_unit_test(share_is_read_when_its_server_is_preloaded),
		cmocka_unit_test(circle_ends_the_file_and_the_search),
		cmocka_unit_test(files_nest_eight_deep_and_no_deeper),
		cmocka_unit_test(entries_are_bounded),
		cmocka_unit_test(preloaded_names_are_bounded),
		cmocka_unit_test(addresses_of_a_name_are_bounded),
		cmocka_unit_test(mistakes_told_are_bounded),
		cmocka_unit_test(file_is_read_up_to_its_bound),
		cmocka_unit_test(included_files_are_bounded),
		cmocka_unit_test(missing_file_is_told_by_its_error),
		cmocka_unit_test(file_that_is_none_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
