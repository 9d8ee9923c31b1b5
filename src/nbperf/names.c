/* SPDX-License-Identifier: Apache-2.0 */
/* See nbperf_names.h. Layer: program. */
#include "nbperf/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "file/file.h"
#include "wire/ns.h"

#define LISTED_MAX 2000000 /* names from a file or capture: bounds the memory they may take */

/* ---- pattern ---- */

static const char digits[] = "0123456789ABCDEF";

/* The name with zeros for the number; where the field stands in the text, and how wide it is. */
static bool
without_field(const char *text, char *plain, size_t cap, struct pattern *ret)
{
	const char *field = strchr(text, '%'), *rest = field;
	unsigned width = 0;

	if (!field)
		return snprintf(plain, cap, "%s", text) < (int)cap;
	for (rest++; *rest >= '0' && *rest <= '9' && width <= PATTERN_WIDTH_MAX; rest++)
		width = width * 10 + (unsigned)(*rest - '0');
	if (width < 1 || width > PATTERN_WIDTH_MAX || (*rest != 'd' && *rest != 'x') ||
	    strchr(rest, '%'))
		return false;
	if (strcspn(text, "\\#<") < (size_t)(field - text)) /* its place there is another */
		return false;
	ret->at = (uint8_t)(field - text);
	ret->width = (uint8_t)width;
	ret->base = *rest == 'd' ? 10 : 16;
	return snprintf(plain, cap, "%.*s%.*s%s", (int)(field - text), text, (int)width,
		   "000000000000000", rest + 1) < (int)cap;
}

bool
pattern_parse(const char *text, struct pattern *ret)
{
	struct pattern p = { .capacity = 1 };
	char plain[NB_KEY_STRLEN];

	if (strlen(text) >= sizeof(plain) || !without_field(text, plain, sizeof(plain), &p))
		return false;
	if (nb_key_parse(plain, 0x20, &p.key) || p.at + p.width > NB_NAME_LEN - 1)
		return false;
	for (unsigned i = 0; i < p.width; i++)
		p.capacity *= p.base;
	*ret = p;
	return true;
}

void
pattern_get(const struct pattern *p, uint64_t number, struct nb_key *ret)
{
	*ret = p->key;
	for (unsigned i = p->width; i-- > 0; number /= p->base)
		ret->name.b[p->at + i] = (uint8_t)digits[number % p->base];
}

/* ---- lists ---- */

struct listed {
	struct nb_key key;
	bool has_address;
	struct ip4 address;
};

struct names {
	struct pattern pattern;
	struct listed *v; /* NULL: names come from the pattern */
	size_t n, cap;
	struct ip4 base;
	uint64_t addresses;
	bool group;
	char *why;
};

static bool
append(struct names *n, const struct listed *l)
{
	struct listed *grown;

	if (n->n == LISTED_MAX) {
		snprintf(n->why, PERF_WHY_LEN, "more than %d names", LISTED_MAX);
		return false;
	}
	if (n->n == n->cap) {
		n->cap = n->cap ? 2 * n->cap : 1024;
		grown = reallocarray(n->v, n->cap, sizeof(*n->v));
		if (!grown) {
			snprintf(n->why, PERF_WHY_LEN, "no memory for %zu names", n->cap);
			return false;
		}
		n->v = grown;
	}
	n->v[n->n++] = *l;
	return true;
}

/* "NAME<20>", and behind a tab its address if that is to be checked. */
static bool
read_line(struct names *n, char *line)
{
	struct listed l = { .has_address = false };
	char *tab = strchr(line, '\t');

	if (tab) {
		*tab = 0;
		l.has_address = ip4_parse(tab + 1, &l.address);
		if (!l.has_address)
			return false;
	}
	return !nb_key_parse(line, 0x20, &l.key) && append(n, &l);
}

static bool
read_file(struct names *n, const char *path)
{
	const char *why = NULL;
	FILE *f;
	char line[NB_KEY_STRLEN + 32];
	bool fine = true;

	if (file_open(path, &f, &why)) {
		snprintf(n->why, PERF_WHY_LEN, "%.200s: %s", path, why);
		return false;
	}
	for (size_t number = 1; fine && fgets(line, sizeof(line), f); number++) {
		line[strcspn(line, "\r\n")] = 0;
		if (!*line)
			continue;
		fine = read_line(n, line);
		if (!fine && !n->why[0])
			snprintf(n->why, PERF_WHY_LEN,
			    "%.200s:%zu: not a NetBIOS name, as in FRED<20>, or behind a tab "
			    "not an IPv4 address",
			    path, number);
	}
	if (fine && ferror(f)) {
		snprintf(n->why, PERF_WHY_LEN, "%.200s: %s", path, strerror(errno));
		fine = false;
	}
	(void)fclose(f); /* only read */
	return fine;
}

static bool
take_key(void *arg, const struct nb_key *key)
{
	return append(arg, &(struct listed){ .key = *key });
}

static bool
read_list(struct names *n, struct perf *p)
{
	const char *path = p->file ? p->file : p->capture;

	if (p->file ? !read_file(n, path) : !capture_names(path, take_key, n, n->why))
		return false;
	if (n->why[0])
		return false;
	if (!n->n || p->names > n->n) {
		snprintf(n->why, PERF_WHY_LEN, "%.200s has %zu names; --names asks for %llu", path,
		    n->n, (unsigned long long)(p->names ? p->names : 1));
		return false;
	}
	if (!p->names)
		p->names = n->n;
	return true;
}

bool
names_open(struct perf *p, struct names **ret, char why[static PERF_WHY_LEN])
{
	struct names *n = calloc(1, sizeof(*n));

	why[0] = 0;
	if (!n) {
		snprintf(why, PERF_WHY_LEN, "no memory");
		return false;
	}
	n->why = why;
	n->base = p->address;
	n->addresses = p->addresses;
	n->group = p->group;
	if (p->file || p->capture ? !read_list(n, p) : !pattern_parse(p->pattern, &n->pattern)) {
		names_free(n);
		return false;
	}
	if (!p->count)
		p->count = p->names;
	*ret = n;
	return true;
}

void
names_free(struct names *n)
{
	if (n)
		free(n->v);
	free(n);
}

void
names_get(const struct names *n, uint64_t number, struct nb_key *ret)
{
	if (n->v)
		*ret = n->v[number % n->n].key;
	else
		pattern_get(&n->pattern, number, ret);
}

bool
names_address(const struct names *n, uint64_t number, struct ip4 *ret)
{
	if (n->v && n->v[number % n->n].has_address) {
		*ret = n->v[number % n->n].address;
		return true;
	}
	*ret = (struct ip4){ n->base.v + (uint32_t)(number % n->addresses) };
	return !n->v && !n->group;
}
