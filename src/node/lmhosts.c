/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LMHOSTS files to entries: includes, alternates, what is preloaded, and the lookup. Layer: node.
 * The lines themselves are read by lmhosts_line.c. Everything a file can make grow is bounded.
 */
#include "node/lmhosts.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "node/lmhosts_line.h"

static const uint8_t plain_suffixes[] = { 0x00, 0x03, 0x20 }; /* KB 142061, 249866 */

struct preload {
	struct lmhosts_preload p;
	bool more; /* the line said #MH: the next one of this name adds its address */
};

struct lmhosts {
	struct lmhosts_entry *entry;
	struct preload *preload;
	unsigned nentry, npreload;
	bool stopped; /* behind the last entry an include closed a circle */
};

/* One load under way. */
struct load {
	struct lmhosts *l;
	const struct lmhosts_host *host;
	const char *open[LMHOSTS_DEPTH_MAX]; /* paths of the files being read, outermost first */
	unsigned depth, files, reports;
	bool no_memory;
};

/* What one file holds, malloc'd. */
struct bytes {
	char *p;
	size_t len;
};

/* A place in one file. */
struct reader {
	const char *path;
	unsigned line;
	unsigned alternate; /* the line of an open #BEGIN_ALTERNATE, 0 = none */
	bool chosen;        /* one of its files was opened */
};

static void read_file(struct load *ld, const char *path, struct bytes bytes);

static void
report(struct load *ld, const struct reader *r, const char *sentence)
{
	if (!ld->host->report || ld->reports > LMHOSTS_REPORT_MAX)
		return;
	if (ld->reports++ == LMHOSTS_REPORT_MAX)
		sentence = "there are more mistakes, which are not told";
	ld->host->report(ld->host->arg, r->path, r->line, sentence);
}

/* ---- entries ---- */

/* The array with room for one more behind n, doubled when it is full; NULL without memory. */
static void *
grow(struct load *ld, void *array, unsigned n, size_t size)
{
	void *more = array;

	if (n == 0 || (n >= 16 && !(n & (n - 1))))
		more = reallocarray(array, n ? 2 * (size_t)n : 16, size);
	if (!more)
		ld->no_memory = true;
	return more;
}

static struct preload *
preload_find(const struct lmhosts *l, const struct nb_name *name)
{
	for (unsigned i = 0; i < l->npreload; i++)
		if (!memcmp(l->preload[i].p.name.b, name->b, NB_NAME_LEN))
			return &l->preload[i];
	return NULL;
}

/* The preloaded name, made when it is new; NULL when there is no room. */
static struct preload *
preload_get(struct load *ld, const struct reader *r, const struct nb_name *name)
{
	struct lmhosts *l = ld->l;
	struct preload *p = preload_find(l, name), *room;

	if (p)
		return p;
	if (l->npreload == LMHOSTS_PRELOAD_MAX) {
		report(ld, r, "too many names are preloaded; this one is not");
		return NULL;
	}
	room = grow(ld, l->preload, l->npreload, sizeof(*room));
	if (!room)
		return NULL;
	l->preload = room;
	p = &l->preload[l->npreload++];
	*p = (struct preload){ .p = { .name = *name } };
	return p;
}

static void
preload_add(struct load *ld, const struct reader *r, struct lmhosts_preload *p, struct ip4 ip)
{
	for (int i = 0; i < p->naddr; i++)
		if (ip4_eq(p->addr[i], ip))
			return;
	if (p->naddr == LMHOSTS_ADDR_MAX)
		report(ld, r, "the name has 25 addresses already; this one is left out");
	else
		p->addr[p->naddr++] = ip;
}

/* A name that comes twice has the address of the later line (KB 142061), unless #MH joins them or it
 * is a domain's list, which is looked at before single names. */
static void
preload_name(struct load *ld, const struct reader *r, const struct lmhosts_entry *e, uint8_t suffix)
{
	struct nb_name name = e->name;
	struct preload *p;

	name.b[NB_NAME_LEN - 1] = suffix;
	p = preload_get(ld, r, &name);
	if (!p)
		return;
	if (!p->more)
		p->p.naddr = 0;
	p->more = p->p.group || e->mh;
	preload_add(ld, r, &p->p, e->ip);
}

static void
preload_entry(struct load *ld, const struct reader *r, const struct lmhosts_entry *e)
{
	if (e->plain)
		for (size_t i = 0; i < sizeof(plain_suffixes); i++)
			preload_name(ld, r, e, plain_suffixes[i]);
	else
		preload_name(ld, r, e, e->name.b[NB_NAME_LEN - 1]);
	if (e->has_dom) {
		struct preload *p = preload_get(ld, r, &e->domain);

		if (!p)
			return;
		p->p.group = p->more = true;
		preload_add(ld, r, &p->p, e->ip);
	}
}

static void
add_entry(struct load *ld, const struct reader *r, const struct lmhosts_entry *e)
{
	struct lmhosts *l = ld->l;
	struct lmhosts_entry *room;

	if (l->nentry == LMHOSTS_ENTRIES_MAX) {
		report(ld, r, "there are too many entries; this one is left out");
		return;
	}
	room = grow(ld, l->entry, l->nentry, sizeof(*room));
	if (!room)
		return;
	l->entry = room;
	l->entry[l->nentry++] = *e;
	if (e->pre)
		preload_entry(ld, r, e);
}

/* ---- includes ---- */

static bool
is_share(const char *path)
{
	return path[0] == '\\' && path[1] == '\\';
}

/* The server of a share must be known by an earlier #PRE line (MS-NBTE 3.1.8.1): while the file is
 * read, nothing else could find it. */
static bool
share_is_known(const struct lmhosts *l, const char *path)
{
	struct nb_name name;
	size_t n = strcspn(path + 2, "\\");

	if (n == 0 || n > NB_NAME_LEN - 1)
		return false;
	memset(name.b, ' ', NB_NAME_LEN);
	for (size_t i = 0; i < n; i++) {
		char c = path[2 + i];

		name.b[i] = (uint8_t)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
	}
	name.b[NB_NAME_LEN - 1] = 0x20;
	return preload_find(l, &name);
}

/* The path of an include, from the folder of the file it stands in. False: too long. */
static bool
join(const char *from, const char *path, char ret[static LMHOSTS_PATH_MAX])
{
	const char *slash = strrchr(from, '/');
	int folder = slash && path[0] != '/' && !is_share(path) ? (int)(slash - from + 1) : 0;

	return snprintf(ret, LMHOSTS_PATH_MAX, "%.*s%s", folder, from, path) < LMHOSTS_PATH_MAX;
}

static bool
is_open(const struct load *ld, const char *path)
{
	for (unsigned i = 0; i < ld->depth; i++)
		if (!strcmp(ld->open[i], path))
			return true;
	return false;
}

/* Why the file is not to be asked for, or NULL. */
static const char *
include_refusal(struct load *ld, const char *path)
{
	if (is_open(ld, path) || ld->depth == LMHOSTS_DEPTH_MAX) {
		ld->l->stopped = true;
		return "the file includes itself; reading ends here";
	}
	if (ld->files == LMHOSTS_FILES_MAX)
		return "too many files are included; this one is not";
	if (is_share(path) && !share_is_known(ld->l, path))
		return "the server of this share has no #PRE entry above";
	return NULL;
}

/* Reads the bytes of a file. An error is reported at the reader's place, but for one that may pass
 * without a word (0 = none may). */
static int
get_bytes(struct load *ld, const struct reader *r, const char *path, int quiet, struct bytes *ret)
{
	const char *why = "";
	char sentence[120];
	int err = ld->host->read_file(ld->host->arg, path, &ret->p, &ret->len, &why);

	if (!err || err == quiet)
		return err;
	snprintf(sentence, sizeof(sentence), "the file cannot be read: %.80s", why);
	report(ld, r, sentence);
	return err;
}

static void
include(struct load *ld, struct reader *r, const char *named)
{
	char path[LMHOSTS_PATH_MAX];
	const char *refusal = "the path is too long";
	struct bytes bytes;

	if (r->alternate && r->chosen)
		return; /* one of the alternates was read: NT 4's way to read all is KB 247682 */
	if (join(r->path, named, path))
		refusal = include_refusal(ld, path);
	if (refusal) {
		report(ld, r, refusal);
		return;
	}
	ld->files++;
	if (get_bytes(ld, r, path, r->alternate ? NBT_ENOENT : 0, &bytes))
		return;
	r->chosen = true;
	read_file(ld, path, bytes);
}

static void
begin_alternate(struct load *ld, struct reader *r)
{
	if (r->alternate)
		report(ld, r, "#BEGIN_ALTERNATE stands inside another one");
	r->alternate = r->line;
	r->chosen = false;
}

static void
end_alternate(struct load *ld, struct reader *r)
{
	if (!r->alternate)
		report(ld, r, "#END_ALTERNATE has no #BEGIN_ALTERNATE above it");
	else if (!r->chosen)
		report(ld, r, "none of the alternate files can be read");
	r->alternate = 0;
}

/* ---- files ---- */

static void
read_line(struct load *ld, struct reader *r, const char *text, size_t len)
{
	struct lmhosts_line line;

	lmhosts_line_parse(text, len, &line);
	if (line.mistake)
		report(ld, r, line.mistake);
	switch (line.kind) {
	case LMHOSTS_NOTHING:
		break;
	case LMHOSTS_ENTRY:
		add_entry(ld, r, &line.entry);
		break;
	case LMHOSTS_INCLUDE:
		include(ld, r, line.path);
		break;
	case LMHOSTS_BEGIN_ALTERNATE:
		begin_alternate(ld, r);
		break;
	case LMHOSTS_END_ALTERNATE:
		end_alternate(ld, r);
		break;
	}
}

/* The part of the bytes that is text: without a byte order mark, and up to the Ctrl-Z with which DOS
 * editors end a file. */
static struct rd
text_of(const char *bytes, size_t len)
{
	const char *end = memchr(bytes, 0x1a, len);
	struct rd t = rd_init(bytes, end ? (size_t)(end - bytes) : len);

	if (rd_left(&t) >= 3 && !memcmp(t.p, "\xef\xbb\xbf", 3))
		t.p += 3;
	return t;
}

/* Takes bytes. */
static void
read_file(struct load *ld, const char *path, struct bytes bytes)
{
	struct reader r = { .path = path };
	struct rd t = text_of(bytes.p, bytes.len < LMHOSTS_FILE_MAX ? bytes.len : LMHOSTS_FILE_MAX);

	if (bytes.len > LMHOSTS_FILE_MAX)
		report(ld, &r, "the file is larger than 1 MiB; the rest is not read");
	ld->open[ld->depth++] = path;
	while (rd_left(&t) && !ld->l->stopped && !ld->no_memory) {
		const char *begin = (const char *)t.p;
		const char *end = memchr(begin, '\n', rd_left(&t));
		size_t n = end ? (size_t)(end - begin) : rd_left(&t);

		r.line++;
		t.p += n + !!end;
		if (n && begin[n - 1] == '\r')
			n--;
		read_line(ld, &r, begin, n);
	}
	if (r.alternate && !ld->l->stopped)
		report(ld, &(struct reader){ .path = path, .line = r.alternate },
		    "#BEGIN_ALTERNATE has no #END_ALTERNATE");
	ld->depth--;
	free(bytes.p);
}

int
lmhosts_load(const char *path, const struct lmhosts_host *host, struct lmhosts **ret)
{
	struct load ld = { .host = host, .files = 1 };
	const struct reader whole = { .path = path };
	struct bytes bytes;
	int err = get_bytes(&ld, &whole, path, NBT_ENOENT, &bytes);

	if (err)
		return err;
	ld.l = calloc(1, sizeof(*ld.l));
	if (!ld.l) {
		free(bytes.p);
		return NBT_ENOMEM;
	}
	read_file(&ld, path, bytes);
	if (ld.no_memory) {
		lmhosts_free(ld.l);
		return NBT_ENOMEM;
	}
	*ret = ld.l;
	return 0;
}

void
lmhosts_free(struct lmhosts *l)
{
	if (!l)
		return;
	free(l->entry);
	free(l->preload);
	free(l);
}

const struct lmhosts_entry *
lmhosts_entry_at(const struct lmhosts *l, unsigned i)
{
	return i < l->nentry ? &l->entry[i] : NULL;
}

const struct lmhosts_preload *
lmhosts_preload_at(const struct lmhosts *l, unsigned i)
{
	return i < l->npreload ? &l->preload[i].p : NULL;
}

/* ---- lookup ---- */

static bool
matches(const struct lmhosts_entry *e, const struct nb_name *name)
{
	if (memcmp(e->name.b, name->b, NB_NAME_LEN - 1) != 0)
		return false;
	return e->plain ? memchr(plain_suffixes, name->b[NB_NAME_LEN - 1],
			      sizeof(plain_suffixes)) != NULL
			: e->name.b[NB_NAME_LEN - 1] == name->b[NB_NAME_LEN - 1];
}

bool
lmhosts_find(const struct lmhosts *l, const struct nb_name *name, struct lmhosts_preload *ret)
{
	const struct preload *p = preload_find(l, name);
	struct lmhosts_preload found = { .name = *name };

	if (p) {
		*ret = p->p;
		return true;
	}
	for (unsigned i = 0; i < l->nentry; i++) {
		const struct lmhosts_entry *e = &l->entry[i];

		if (!matches(e, name) || found.naddr == LMHOSTS_ADDR_MAX)
			continue;
		found.addr[found.naddr++] = e->ip;
		if (!e->mh) {
			*ret = found;
			return true;
		}
	}
	if (!found.naddr || l->stopped)
		return false;
	*ret = found;
	return true;
}
