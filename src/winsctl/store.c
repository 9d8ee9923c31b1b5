/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "winsctl store": what is in a data folder whose server does not run, and going on without what is
 * damaged. Layer: program. The store does the work; this prints what it says.
 */
#include "winsctl/winsctl.h"

#include <grp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/store.h"

static void
say_text(void *arg, const char *sentence)
{
	fprintf(arg, "%s\n", sentence);
}

static void
say_json(void *arg, const char *sentence)
{
	json_array_append_new(arg, json_string(sentence));
}

static void
print_report(FILE *out, const struct store_report *report)
{
	fprintf(out,
	    "%llu records; %llu in the snapshot, %llu batches of changes in %llu journals.\n",
	    (unsigned long long)report->records, (unsigned long long)report->snapshot_records,
	    (unsigned long long)report->frames, (unsigned long long)report->journals);
	if (report->cut_bytes)
		fprintf(out,
		    "The last %llu bytes are no whole batch; a start cuts them, nobody was told "
		    "that "
		    "they were kept.\n",
		    (unsigned long long)report->cut_bytes);
}

static void
print_json(FILE *out, const struct store_report *report, json_t *take_sentences, bool ok)
{
	json_t *o = json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:s, s:o}", "ok", ok, "records",
	    (json_int_t)report->records, "snapshot-records", (json_int_t)report->snapshot_records,
	    "frames", (json_int_t)report->frames, "journals", (json_int_t)report->journals,
	    "cut-bytes", (json_int_t)report->cut_bytes, "sentence", report->sentence, "sentences",
	    take_sentences);

	json_dumpf(o, out, JSON_COMPACT);
	fputc('\n', out);
	json_decref(o);
}

/* Root looks as the folder's owner: a store is opened by its owner alone, and what salvage writes is
 * to be the server's. For good: nothing else is done behind this. */
static void
become_owner(const char *dir)
{
	struct stat st;

	if (geteuid() || stat(dir, &st) || st.st_uid == 0)
		return;
	if (setgroups(0, NULL) || setgid(st.st_gid) || setuid(st.st_uid))
		return; /* opening it says what is wrong */
}

int
winsctl_store(const struct winsctl *w, FILE *out, FILE *err)
{
	const char *dir = json_string_value(json_object_get(w->local, "data-dir"));
	const char *action = json_string_value(json_object_get(w->arguments, "action"));
	int (*act)(struct vfs *, void (*)(void *, const char *), void *, struct store_report *) =
	    strcmp(action, "check") ? store_salvage : store_check;
	json_t *sentences = w->json ? json_array() : NULL;
	struct store_report report = { 0 };
	struct vfs *vfs;
	int r;

	dir = dir ? dir : WINSCTL_DATA_DIR;
	become_owner(dir);
	r = vfs_posix_open(dir, &vfs);
	if (r) {
		fprintf(err, "The data folder %s cannot be opened: %s.\n", dir, nbt_strerror(r));
		json_decref(sentences);
		return 1;
	}
	r = act(vfs, w->json ? say_json : say_text, w->json ? (void *)sentences : out, &report);
	vfs->close_dir(vfs);
	if (w->json)
		print_json(out, &report, sentences, r == 0);
	else
		print_report(out, &report);
	if (r == NBT_ENOENT && !report.sentence[0])
		fprintf(err, "There is no store in %s.\n", dir);
	else if (r)
		fprintf(
		    err, "%s: %s\n", dir, report.sentence[0] ? report.sentence : nbt_strerror(r));
	return r ? 1 : 0;
}
