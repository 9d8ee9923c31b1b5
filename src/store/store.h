/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps records: find by name without a lock, walk by (owner, version), by due time and by name,
 * change in durable batches, survive a crash at any instant. Layer: store. Knows no protocol, no
 * policy and no clock. Design section 5.
 *
 * Threads: any number of readers, each between store_reader_register and _unregister; one writer
 * (the registrar), which must be a registered reader too and is the only one to call the functions
 * under "writer". Time never comes in: due times are data.
 */
#pragma once

#include "base/err.h"
#include "rules/rec.h"
#include "store/vfs.h"

struct store;

struct store_opts {
	struct vfs *vfs;      /* taken: closed by store_close, also when store_open fails */
	uint64_t journal_max; /* bytes in the journals after which a snapshot is due; 0 = default */
	size_t batch_max;     /* bytes of one batch; 0 = default */
	bool flights;         /* store_commit_begin will be called */
};

/* What a start or a check found, for the log and for people. Sentences are whole, without newline. */
struct store_report {
	uint64_t records, frames, snapshot_records, journals;
	uint64_t cut_bytes; /* of a torn last frame, which nobody was told was durable */
	/* why it failed, what was cut, or that the last end was not in good order; empty = all is well */
	char sentence[400];
};

/*
 * Opens the directory's store or makes one in an empty directory. NBT_EBUSY in use, NBT_EFORMAT
 * other version or not ours, NBT_ECORRUPT damage (nothing was changed), NBT_EOWNER, NBT_EIO,
 * NBT_ENOSPC, NBT_ENOMEM; the report says it in a sentence. The calling thread becomes the writer.
 */
int store_open(const struct store_opts *opts, struct store **ret, struct store_report *ret_report);
/* Writer. Ends the snapshot thread, drops what is staged. No reader may be left: all have unregistered or
 * are offline for good. Accepts NULL. */
void store_close(struct store *s);
/* The same for a process that ends: its memory goes with it, because taking a table of ten million
 * records apart takes longer than a server has to end. store_close may still free it. Accepts NULL. */
void store_leave(struct store *s);

/*
 * Reads the whole directory without changing it or taking its lock for writing: what a start would
 * find, and each damaged region with file, offset and what is lost, by calling say (may be NULL) with a
 * sentence. 0 when a start would succeed. While a server changes the directory the answer means little.
 */
int store_check(struct vfs *vfs, void (*say)(void *arg, const char *sentence), void *arg,
    struct store_report *ret_report);
/* After store_check told what is lost: moves the old files aside (name.damaged) and leaves a store that
 * opens, from what is whole; its version counter leaps, because lost changes may have used versions.
 * The thread must be a registered reader. Never called by a program without a person asking. */
int store_salvage(struct vfs *vfs, void (*say)(void *arg, const char *sentence), void *arg,
    struct store_report *ret_report);

/* ---- readers ---- */

void store_reader_register(void);
void store_reader_unregister(void);
/* Between batches: the reader holds nothing. Off before blocking, on before reading again. */
void store_reader_quiescent(void);
void store_reader_offline(void);
void store_reader_online(void);

/* Any reader, no lock, no allocation: copies out the committed record. *ret is whole up to naddr
 * addresses; what lies behind them is not touched. */
bool store_get(const struct store *s, const struct nb_key *key, struct rec *ret);
/*
 * Whoever looks up many names takes these steps with all of them first, one after the other: they have the
 * processor fetch what store_get or store_peek will touch, and waiting for memory overlaps. The hash holds
 * as long as the store is open.
 */
uint64_t store_hash(const struct store *s, const struct nb_key *key);
void store_fetch(const struct store *s, uint64_t hash);
void store_fetch_record(const struct store *s, uint64_t hash);

/* ---- writer: a batch ---- */

/* The record as the batch would leave it; *ret_staged says whether that is not durable yet. Zeroes
 * what lies behind naddr. */
bool store_peek(struct store *s, const struct nb_key *key, struct rec *ret, bool *ret_staged);

/* The version the next changed record gets. Counting on is store_put's: a record of our own with
 * this version or a higher one raises it, for good, even if its batch fails. */
struct version store_next_version(const struct store *s);
/* Lifts the counter to at least v (1.6 recovery); durable with the next commit. */
void store_raise_version(struct store *s, struct version v);

/* Stages the next record, or its removal. NBT_ELIMIT: the batch is full, commit first. NBT_EINVAL: there
 * are 65,536 owners, no new one can be held. */
int store_put(struct store *s, const struct rec *rec);
/* The same for a record of this server that a client registered or refreshed. Who did is kept in memory, not
 * in the files, for the counts by sender: a registration with unproven set is its sender's from now on, and
 * never refreshed; a refresh only fills in a sender that is not known. store_put leaves both as they are. */
struct store_sender {
	struct ip4 ip;
	bool unproven;
};
int store_put_from(struct store *s, const struct rec *rec, const struct store_sender *from);
/* The holder of a name defended it: that counts as a refresh. */
void store_prove(struct store *s, const struct nb_key *key);
int store_del(struct store *s, const struct nb_key *key);
/* Small named values in the same batch: key at most 31 characters; durable as records are. NBT_EINVAL:
 * no such key is possible, or there are 64 others. store_meta_get sees what is committed. */
int store_meta_set(struct store *s, const char *key, uint64_t value);
bool store_meta_get(const struct store *s, const char *key, uint64_t *ret);
/*
 * What is known of each owner's versions: the highest that was taken over or found to be of no use, so
 * that a pull begins behind it. Durable with the batch, as records are. Version 0 = nothing, which also
 * forgets the owner. NBT_EINVAL: STORE_KNOWN_MAX owners are held. The readers see what is committed.
 */
#define STORE_KNOWN_MAX 4096
int store_known_set(struct store *s, struct ip4 owner, struct version v);
struct version store_known(const struct store *s, struct ip4 owner);
/* The owners of whom something is known, ascending; returns how many there are, fills at most cap. */
struct store_known {
	struct ip4 owner;
	struct version v;
};
size_t store_known_all(const struct store *s, struct store_known *ret, size_t cap);

size_t store_staged(const struct store *s); /* changes staged */

/*
 * One write, one sync; only then is the batch visible to readers. 0: it is durable. Negative: none
 * of it will be visible while this process runs (NBT_ENOSPC, NBT_EIO; NBT_ELOST: see store_look;
 * NBT_ECLOSED: see store_tend); the staged batch is dropped. An empty batch is 0 at once.
 */
int store_commit(struct store *s);

/*
 * The same in two halves, so that the next batch is staged while this one is written and synced. Nobody sees
 * it before store_commit_end, with one exception: whoever stages or peeks at a name that is in it waits for
 * it, and so does all that needs the journal or a named value. So no batch rests on one that may yet fail.
 */
/* One was begun and not ended: none of the others may be begun. */
bool store_commit_flies(const struct store *s);
/* Needs store_opts.flights. 0: on its way, or nothing was staged. Negative: as store_commit, and none was begun. */
int store_commit_begin(struct store *s);
/* Would store_commit_end not wait? */
bool store_commit_landed(const struct store *s);
/* Waits until it would not. */
void store_commit_await(struct store *s);
/* Waits and returns what store_commit would; 0 when none was begun. */
int store_commit_end(struct store *s);

/* After a failed sync the journal is closed for good and commits fail with NBT_ECLOSED until a fresh
 * snapshot began a new one. Call it now and then (each second, and many times a second while the store is
 * not writable: what failed is tried again after 1, 2, 4 ... 64 calls); it starts or finishes that work, and
 * the snapshot that is due by journal_max. Returns what happened, for an event. */
enum store_news {
	STORE_NEWS_NONE,
	STORE_NEWS_SNAPSHOT_STARTED,
	STORE_NEWS_SNAPSHOT_DONE,
	STORE_NEWS_SNAPSHOT_FAILED,  /* store_last_error says why */
	STORE_NEWS_JOURNAL_REOPENED, /* writable again */
	STORE_NEWS_BACKUP_DONE,
	STORE_NEWS_BACKUP_FAILED,
	STORE_NEWS_LOST,  /* store_look; store_last_error says why */
	STORE_NEWS_FOUND, /* likewise: writable again */
};
enum store_news store_tend(struct store *s);
/*
 * Would a start find what is written? Not when folder, lock or journal were deleted, renamed, replaced or hidden
 * by a mount, or when another program wrote there: then commits fail with NBT_ELOST, also the one that is on its
 * way, until a later look finds that all is the very same again. A handful of system calls; waits for nothing
 * that is on its way.
 */
enum store_news store_look(struct store *s);
bool store_writable(const struct store *s);
const char *store_last_error(const struct store *s);

/* Starts a snapshot in its own thread now. NBT_EBUSY while one runs. */
int store_snapshot(struct store *s);
/* A copy that is a valid store with all that was durable when this was called, into an empty
 * directory (taken), in the snapshot's thread; its end is news. NBT_EBUSY, NBT_EEXIST. */
int store_backup(struct store *s, struct vfs *into);

/* ---- writer: orders; all copy out, all see only what is committed ---- */

/* The records that are due at now, earliest first, at most cap of them; returns how many. Fewer than
 * there are, even none, when very many were refreshed since they were last looked at: they are moved on
 * in slices, and store_next_due says that more is to be done. */
size_t store_due(struct store *s, struct wall now, struct rec *ret, size_t cap);
/* When store_due is to be called again, never later than the next record is due; WALL_NEVER = none. */
struct wall store_next_due(struct store *s);
/* The first record of owner with a version of at least from. */
bool store_by_version(struct store *s, struct ip4 owner, struct version from, struct rec *ret);
/* A place in an owner's versions; zeroed but for the version it is before all records of that version,
 * of which there are several when an owner lost its counter. */
struct store_place {
	struct version version;
	uint32_t slot;
};
/* The same for many at once, ascending by version: at most cap records from *at on, with versions up to
 * to; returns how many. *at moves behind the last of them, so that a walk in slices misses none. Fewer
 * than cap: there are no more. */
size_t store_versions(struct store *s, struct ip4 owner, struct store_place *at, struct version to,
    struct rec *ret, size_t cap);
/* The first record whose key comes after (or is, with incl) key in byte order of name, then scope;
 * key NULL = the first of all. */
bool store_by_name(struct store *s, const struct nb_key *key, bool incl, struct rec *ret);
/* The owners that have records, ascending; returns how many there are, fills at most cap. */
size_t store_owners(const struct store *s, struct ip4 *ret, size_t cap);

struct store_stats {
	uint64_t records, commits, changes, failed_commits;
	uint64_t journal_bytes, snapshots, bytes_in_memory;
};
uint64_t store_records(const struct store *s); /* ->records alone */
/* How many there are with the new names that are staged or on their way, without what is staged to be deleted. */
struct store_held {
	uint64_t records, others; /* of them other servers' */
};
struct store_held store_held(const struct store *s);
/* How many of those this address registered, whatever their state. Whose sender is not known, as after a start,
 * is counted under its addresses. With millions of records it may be too high by some. */
uint32_t store_names_of(const struct store *s, struct ip4 sender);
/* Looks at so many slots from *slot on, which moves behind them, for names of this server that were never
 * refreshed or defended since they were registered, while it runs: of these the one whose sender has most
 * names, and how many. False: there was none. */
struct store_crowding {
	struct nb_key key;
	struct ip4 sender;
	uint32_t names;
};
bool store_crowding(struct store *s, uint32_t *slot, unsigned looks, struct store_crowding *ret);
void store_stats(const struct store *s, struct store_stats *ret);
