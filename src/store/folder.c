/* SPDX-License-Identifier: Apache-2.0 */
/* Listing a store's files. Layer: store. */
#include "store/folder.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

void
journal_name(uint64_t number, char out[static FILE_NAME_LEN])
{
	snprintf(out, FILE_NAME_LEN, "journal-%" PRIu64, number);
}

void
snapshot_name(uint64_t number, char out[static FILE_NAME_LEN])
{
	snprintf(out, FILE_NAME_LEN, "snapshot-%" PRIu64, number);
}

/* The number in "PREFIX-number", 0 when name is not of that form. */
static uint64_t
number_in(const char *name, const char *prefix)
{
	size_t n = strlen(prefix);
	uint64_t v = 0;

	if (strncmp(name, prefix, n) || name[n] != '-' || name[n + 1] == '0')
		return 0;
	for (name += n + 1; *name; name++) {
		if (*name < '0' || *name > '9' || v > UINT64_MAX / 10 - 1)
			return 0;
		v = v * 10 + (uint64_t)(*name - '0');
	}
	return v;
}

static bool
add_number(struct numbers *list, uint64_t v)
{
	uint64_t *bigger = realloc(list->v, (list->n + 1) * sizeof(*bigger));

	if (!bigger)
		return false;
	list->v = bigger;
	list->v[list->n++] = v;
	return true;
}

/* What may lie beside a store: hidden files, the file system's own, and what we make. */
static bool
is_known(const char *name)
{
	const char *dot = strrchr(name, '.');

	return name[0] == '.' || !strcmp(name, "lock") || !strcmp(name, "lost+found") ||
	       !strcmp(name, "journal.new") || !strcmp(name, "snapshot.new") ||
	       (dot && !strcmp(dot, ".damaged"));
}

struct listing {
	struct folder *folder;
	int err;
};

static void
list_one(void *arg, const char *name)
{
	struct listing *l = arg;
	uint64_t journal = number_in(name, "journal"), snapshot = number_in(name, "snapshot");

	if ((journal && !add_number(&l->folder->journals, journal)) ||
	    (snapshot && !add_number(&l->folder->snapshots, snapshot)))
		l->err = NBT_ENOMEM;
	if (!journal && !snapshot && !is_known(name))
		l->folder->foreign = true;
}

static int
ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void
sort(struct numbers *list)
{
	if (list->n)
		qsort(list->v, list->n, sizeof(uint64_t), ascending);
}

int
folder_list(struct folder *f, struct vfs *vfs)
{
	struct listing l = { .folder = f };
	int err;

	*f = (struct folder){ 0 };
	err = vfs->list(vfs, list_one, &l);
	sort(&f->journals);
	sort(&f->snapshots);
	return err ? err : l.err;
}

void
folder_release(struct folder *f)
{
	free(f->journals.v);
	free(f->snapshots.v);
	*f = (struct folder){ 0 };
}

uint64_t
folder_gap(const struct folder *f, uint64_t first)
{
	const struct numbers *j = &f->journals;
	uint64_t want = first;

	for (size_t i = 0; i < j->n; i++)
		if (j->v[i] >= first && j->v[i] != want++)
			return want - 1;
	return want == first ? first : 0;
}

uint64_t
folder_highest(const struct folder *f)
{
	uint64_t j = f->journals.n ? f->journals.v[f->journals.n - 1] : 0;
	uint64_t s = f->snapshots.n ? f->snapshots.v[f->snapshots.n - 1] : 0;

	return j > s ? j : s;
}
