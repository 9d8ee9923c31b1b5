/* SPDX-License-Identifier: Apache-2.0 */
/* See state.h. Layer: nodehost. */
#include "nodehost/state.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file/file.h"

#define HEAD     "winsome node state 1\n"
#define PATH_LEN 4096
#define LINE_MAX (64 + NB_KEY_STRLEN)

static int
error_of(int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
		return NBT_ENOENT;
	case EACCES:
	case EPERM:
	case EROFS:
		return NBT_EDENIED;
	case ENOSPC:
	case EDQUOT:
		return NBT_ENOSPC;
	default:
		return NBT_EIO;
	}
}

/* ---- text ---- */

static void
put(FILE *f, const struct node_ghost *g)
{
	char ip[IP4_STRLEN], from[IP4_STRLEN], wins[IP4_STRLEN], name[NB_KEY_STRLEN];

	fprintf(f, "%s %s %s %s %s\n", g->group ? "group" : "unique", ip4_print(g->ip, ip),
	    ip4_print(g->from, from), ip4_print(g->wins, wins), nb_key_print(&g->key, name));
}

static struct ip4
address_of_if(const struct node *n, uint32_t key)
{
	struct node_if c;

	for (unsigned i = 0; node_if_at(n, i, &c); i++)
		if (c.key == key)
			return c.ip;
	return IP4_ANY;
}

struct put {
	FILE *f;
	const struct node *node;
};

static void
put_entry(void *arg, const struct node_entry *e)
{
	struct put *p = arg;
	const struct node_ghost g = { .key = e->key,
		.group = e->group,
		.ip = e->ip,
		.from = address_of_if(p->node, e->if_key),
		.wins = e->wins };

	if (e->by_wins)
		put(p->f, &g);
}

char *
state_text(const struct node *n, struct mono now)
{
	char *text = NULL;
	struct node_ghost g;
	struct put p = { .node = n };
	size_t len;

	p.f = open_memstream(&text, &len);
	if (!p.f)
		return NULL;
	fputs(HEAD, p.f);
	node_each_entry(n, now, put_entry, &p);
	for (unsigned i = 0; node_ghost_at(n, i, now, &g); i++)
		put(p.f, &g);
	if (fclose(p.f)) {
		free(text);
		return NULL;
	}
	if (len == strlen(HEAD))
		text[0] = '\0';
	return text;
}

/* ---- file ---- */

static int
write_all(int fd, const char *text)
{
	size_t left = strlen(text);

	while (left) {
		ssize_t n = write(fd, text, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		text += n;
		left -= (size_t)n;
	}
	return fsync(fd) ? errno : 0;
}

/* The new name of a file is only sure to be there when its folder is written too. */
static int
sync_folder(const char *path)
{
	char folder[PATH_LEN];
	int fd, error = 0;

	snprintf(folder, sizeof(folder), "%s", path);
	fd = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	if (fsync(fd))
		error = errno;
	(void)close(fd); /* only read */
	return error;
}

static int
replace(const char *path, const char *text)
{
	char beside[PATH_LEN];
	int fd, error;

	if ((size_t)snprintf(beside, sizeof(beside), "%s.new", path) >= sizeof(beside))
		return ENAMETOOLONG;
	fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return errno;
	error = write_all(fd, text);
	if (close(fd) && !error)
		error = errno;
	if (!error && rename(beside, path))
		error = errno;
	if (error)
		(void)unlink(beside); /* half of it is of no use */
	return error ? error : sync_folder(path);
}

int
state_write(const char *path, const char *text)
{
	int error = 0;

	if (*text)
		error = replace(path, text);
	else if (unlink(path) && errno != ENOENT)
		error = errno;
	return error ? error_of(error) : 0;
}

static bool
read_line(const char *line, struct node_ghost *ret)
{
	char kind[8], ip[IP4_STRLEN], from[IP4_STRLEN], wins[IP4_STRLEN];
	int at = 0;

	memset(ret, 0, sizeof(*ret));
	if (sscanf(line, "%7s %15s %15s %15s %n", kind, ip, from, wins, &at) != 4 || !at)
		return false;
	ret->group = !strcmp(kind, "group");
	/* The default for a name without suffix does not matter: what we wrote has one. */
	return (ret->group || !strcmp(kind, "unique")) && ip4_parse(ip, &ret->ip) &&
	       ip4_parse(from, &ret->from) && ip4_parse(wins, &ret->wins) && ip4_is_host(ret->ip) &&
	       ip4_is_host(ret->wins) && !nb_key_parse(line + at, 0, &ret->key);
}

static void
read_lines(
    FILE *f, void (*each)(void *arg, const struct node_ghost *g), void *arg, unsigned *ret_bad)
{
	char line[LINE_MAX];
	struct node_ghost g;
	unsigned n = 0;

	*ret_bad = 0;
	if (!fgets(line, sizeof(line), f) || strcmp(line, HEAD)) {
		*ret_bad = 1;
		return;
	}
	while (
	    n++ < NODE_GHOSTS_MAX + NODE_NAMES_MAX * NODE_IF_MAX && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (read_line(line, &g))
			each(arg, &g);
		else
			(*ret_bad)++;
	}
}

int
state_read(const char *path, void (*each)(void *arg, const struct node_ghost *g), void *arg,
    unsigned *ret_bad)
{
	const char *why = NULL;
	FILE *f;
	int err = file_open(path, &f, &why);

	if (err)
		return err;
	read_lines(f, each, arg, ret_bad);
	if (ferror(f))
		err = NBT_EIO;
	(void)fclose(f); /* only read */
	return err;
}
