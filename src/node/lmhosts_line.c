/* SPDX-License-Identifier: Apache-2.0 */
/* One line of an LMHOSTS file: address, name, tags; or a keyword. Layer: node, part of lmhosts. */
#include "node/lmhosts_line.h"

#include <strings.h>

#define BASE_LEN (NB_NAME_LEN - 1)

/* What is left of the line. */
struct text {
	const char *p, *end;
};

static const char *const keywords[] = { "#PRE", "#DOM:", "#SG:", "#MH", "#NOFNR", "#INCLUDE",
	"#BEGIN_ALTERNATE", "#END_ALTERNATE", "#BEGIN_INCLUDE", "#END_INCLUDE" };

enum keyword {
	KW_PRE,
	KW_DOM,
	KW_SG,
	KW_MH,
	KW_NOFNR,
	KW_INCLUDE,
	KW_BEGIN_ALTERNATE,
	KW_END_ALTERNATE,
	KW_BEGIN_INCLUDE, /* the names of Windows for Workgroups */
	KW_END_INCLUDE,
	KW_NONE,
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void
skip_blanks(struct text *t)
{
	while (t->p < t->end && is_blank(*t->p))
		t->p++;
}

/* The characters up to the next blank, or to stop when that comes first. */
static struct text
take_word(struct text *t, char stop)
{
	struct text w = { t->p, t->p };

	while (w.end < t->end && !is_blank(*w.end) && *w.end != stop)
		w.end++;
	t->p = w.end;
	return w;
}

static size_t
length(struct text t)
{
	return (size_t)(t.end - t.p);
}

/* Does the text begin with this keyword as a whole word, in capitals or in any case? */
static bool
begins(struct text t, const char *keyword, bool any_case)
{
	size_t n = strlen(keyword);

	if (length(t) < n ||
	    (any_case ? strncasecmp(t.p, keyword, n) : strncmp(t.p, keyword, n)) != 0)
		return false;
	return keyword[n - 1] == ':' || length(t) == n || is_blank(t.p[n]);
}

static enum keyword
take_keyword(struct text *t)
{
	for (int i = 0; i < KW_NONE; i++) {
		if (!begins(*t, keywords[i], false))
			continue;
		t->p += strlen(keywords[i]);
		return (enum keyword)i;
	}
	return KW_NONE;
}

/* A comment that looks like a keyword in small letters: meant as one, most likely. */
static bool
is_lower_keyword(struct text t)
{
	for (int i = 0; i < KW_NONE; i++)
		if (begins(t, keywords[i], true))
			return true;
	return false;
}

static char
upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = upper(c);
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* A word of 1 to 15 characters to a name: upper-cased, padded with spaces (MS-NBTE 2.2.3.1). */
static bool
plain_name(struct text word, uint8_t suffix, struct nb_name *ret)
{
	if (length(word) == 0 || length(word) > BASE_LEN)
		return false;
	memset(ret->b, ' ', BASE_LEN);
	for (size_t i = 0; i < length(word); i++) {
		if ((uint8_t)word.p[i] < ' ')
			return false;
		ret->b[i] = (uint8_t)upper(word.p[i]);
	}
	ret->b[BASE_LEN] = suffix;
	return true;
}

/* \0xNN, or the older \NN: the byte and the characters it took; 0 characters: no escape. */
static int
escape(struct text t, uint8_t *ret)
{
	const char *digits;
	int n;

	if (length(t) >= 5 && t.p[1] == '0' && t.p[2] == 'x')
		n = 5;
	else if (length(t) >= 3)
		n = 3;
	else
		return 0;
	digits = t.p + n - 2;
	if (hex(digits[0]) < 0 || hex(digits[1]) < 0)
		return 0;
	*ret = (uint8_t)(hex(digits[0]) << 4 | hex(digits[1]));
	return n;
}

/* The bytes of a quoted name and how many they are; *ret_escaped: the last one was an escape. */
static const char *
quoted_bytes(struct text in, uint8_t *ret, size_t *ret_n, bool *ret_escaped)
{
	size_t n = 0;

	*ret_escaped = false;
	while (in.p < in.end) {
		int taken = *in.p == '\\' ? escape(in, &ret[n]) : 1;

		if (!taken)
			return "a backslash in a quoted name begins \\0xNN, the byte in "
			       "hexadecimal";
		*ret_escaped = *in.p == '\\';
		if (!*ret_escaped)
			ret[n] = (uint8_t)*in.p;
		in.p += taken;
		if (++n == NB_NAME_LEN && in.p < in.end)
			return "a quoted name has at most 16 characters, an escape counting as one";
	}
	*ret_n = n;
	return n ? NULL : "the quoted name is empty";
}

/*
 * A quoted name: 16 bytes as they are. KB 104576 shows shorter ones that end in an escape; it is then
 * the sixteenth byte, behind the padding that MS-NBTE 2.2.3.2 demands. Without an escape a short one
 * is a plain name whose case is kept.
 */
static const char *
quoted_name(struct text *t, struct lmhosts_entry *e, const char **ret_warning)
{
	const char *close = memchr(t->p, '"', length(*t)), *mistake;
	uint8_t b[NB_NAME_LEN];
	size_t n = 0;
	bool escaped;

	if (!close)
		return "the quoted name does not end";
	mistake = quoted_bytes((struct text){ t->p, close }, b, &n, &escaped);
	if (mistake)
		return mistake;
	t->p = close + 1;
	memset(e->name.b, ' ', NB_NAME_LEN);
	if (n == NB_NAME_LEN) {
		memcpy(e->name.b, b, n);
		return NULL;
	}
	e->plain = !escaped;
	memcpy(e->name.b, b, escaped ? n - 1 : n);
	e->name.b[BASE_LEN] = escaped ? b[n - 1] : 0;
	if (escaped)
		*ret_warning = "the quoted name is not padded to 15 characters; "
			       "its escape is taken for the sixteenth";
	return NULL;
}

/* Address and name. NULL, or what is wrong. */
static const char *
parse_host(struct text *t, struct lmhosts_entry *e, const char **ret_warning)
{
	struct text word = take_word(t, '#');
	char ip[IP4_STRLEN];

	if (length(word) >= sizeof(ip))
		return "the line does not begin with an IPv4 address";
	memcpy(ip, word.p, length(word));
	ip[length(word)] = 0;
	if (!ip4_parse(ip, &e->ip))
		return "the line does not begin with an IPv4 address";
	if (!ip4_is_host(e->ip))
		return "no host can have this address";
	skip_blanks(t);
	if (t->p < t->end && *t->p == '"') {
		t->p++;
		return quoted_name(t, e, ret_warning);
	}
	e->plain = true;
	word = take_word(t, '#');
	if (length(word) == 0)
		return "there is no name behind the address";
	if (!plain_name(word, 0, &e->name))
		return "a name has at most 15 characters, and no control characters";
	return NULL;
}

/* One tag behind a name, its '#' next. NULL, or what is wrong. */
static const char *
parse_tag(struct text *t, struct lmhosts_entry *e)
{
	switch (take_keyword(t)) {
	case KW_PRE:
		e->pre = true;
		return NULL;
	case KW_MH:
		e->mh = true;
		return NULL;
	case KW_NOFNR: /* ignored since NT 3.5 (KB 106169) */
		return NULL;
	case KW_DOM:
		e->has_dom = plain_name(take_word(t, '#'), 0x1c, &e->domain);
		return e->has_dom ? NULL : "#DOM: wants a domain of 1 to 15 characters behind it";
	case KW_SG:
		e->has_sg = plain_name(take_word(t, '#'), 0x20, &e->group);
		return e->has_sg ? NULL : "#SG: wants a group of 1 to 15 characters behind it";
	case KW_NONE: {
		bool lower = is_lower_keyword(*t);

		t->p = t->end; /* a comment, up to the end */
		return lower ? "keywords are written in capitals; this is a comment" : NULL;
	}
	default:
		t->p = t->end;
		return "this keyword stands on a line of its own";
	}
}

/* Tags that are wrong are told and passed over: the address counts all the same. */
static void
parse_tags(struct text *t, struct lmhosts_line *ret)
{
	for (skip_blanks(t); t->p < t->end; skip_blanks(t)) {
		const char *mistake;

		if (*t->p != '#') {
			ret->mistake =
			    "what stands behind the name is no tag; a comment begins with #";
			return;
		}
		mistake = parse_tag(t, &ret->entry);
		if (mistake)
			ret->mistake = mistake;
	}
	if (ret->entry.has_dom && !ret->entry.pre)
		ret->mistake = "#DOM: has no effect without #PRE";
}

static void
parse_include(struct text *t, struct lmhosts_line *ret)
{
	struct text word;

	skip_blanks(t);
	if (t->p < t->end && *t->p == '"') {
		t->p++;
		word = *t;
		while (t->p < t->end && *t->p != '"')
			t->p++;
		word.end = t->p;
	} else {
		word = take_word(t, ' ');
	}
	if (length(word) == 0 || length(word) >= sizeof(ret->path)) {
		ret->mistake = "#INCLUDE wants the path of a file behind it";
		return;
	}
	if (memchr(word.p, 0, length(word))) {
		ret->mistake = "a path has no NUL in it";
		return;
	}
	ret->kind = LMHOSTS_INCLUDE;
	memcpy(ret->path, word.p, length(word));
	ret->path[length(word)] = 0;
}

/* A line that begins with '#'. */
static void
parse_directive(struct text *t, struct lmhosts_line *ret)
{
	switch (take_keyword(t)) {
	case KW_INCLUDE:
		parse_include(t, ret);
		break;
	case KW_BEGIN_ALTERNATE:
	case KW_BEGIN_INCLUDE:
		ret->kind = LMHOSTS_BEGIN_ALTERNATE;
		break;
	case KW_END_ALTERNATE:
	case KW_END_INCLUDE:
		ret->kind = LMHOSTS_END_ALTERNATE;
		break;
	case KW_NONE:
		if (is_lower_keyword(*t))
			ret->mistake = "keywords are written in capitals; this is a comment";
		break;
	default:
		ret->mistake = "this keyword stands behind an address and a name";
	}
}

void
lmhosts_line_parse(const char *text, size_t len, struct lmhosts_line *ret)
{
	struct text t = { text, text + len };
	const char *mistake;

	*ret = (struct lmhosts_line){ .kind = LMHOSTS_NOTHING };
	skip_blanks(&t);
	if (t.p == t.end)
		return;
	if (*t.p == '#') {
		parse_directive(&t, ret);
		return;
	}
	mistake = parse_host(&t, &ret->entry, &ret->mistake);
	if (mistake) {
		ret->mistake = mistake;
		return;
	}
	ret->kind = LMHOSTS_ENTRY;
	parse_tags(&t, ret);
}
