/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guard of the version counter (1.6): no version is handed out that a partner has seen. A claim
 * above the counter lifts it at once; what was lost is pulled back; own records that partners believe
 * to know get new versions; a fresh server waits until its partners were asked. Layer: repl.
 */
#include <stdio.h>
#include <string.h>

#include "repl/engine.h"

/* Over versions that were given and of which no partner knows yet: what was on its way when the disk was
 * lost, what a server that is no partner came for. As many as no server gives in a pull interval. */
#define VERSION_LEAP 10000000u

/* What is still to be fetched survives a restart: the counter alone would hide that it is missing. */
static const char META_FROM[] = "own-lost-from", META_TO[] = "own-lost-to",
		  META_RENUMBER[] = "own-renumber";

static void
keep(struct repl *r)
{
	int err = store_meta_set(r->store, META_FROM, r->own.from);

	if (!err)
		err = store_meta_set(r->store, META_TO, r->own.to);
	if (!err)
		err = store_meta_set(r->store, META_RENUMBER, r->own.need_renumber);
	if (err == NBT_ELIMIT && wins_commit(r->wins, r->now) == 0) {
		keep(r);
		return;
	}
	/* Kept or not, it stands in memory, and the counter never goes back. */
	(void)wins_commit(r->wins, r->now);
}

static void
recall(struct repl *r)
{
	uint64_t renumber = 0;

	(void)store_meta_get(r->store, META_FROM, &r->own.from);
	(void)store_meta_get(r->store, META_TO, &r->own.to);
	(void)store_meta_get(r->store, META_RENUMBER, &renumber);
	r->own.need_renumber = renumber != 0;
}

static void
leap(struct repl *r, uint64_t from)
{
	r->own.leapt = from + VERSION_LEAP;
	store_raise_version(r->store, (struct version){ r->own.leapt });
}

void
own_init(struct repl *r, bool fresh)
{
	bool pause =
	    r->conf.pause == REPL_PAUSE_ALWAYS || (r->conf.pause == REPL_PAUSE_AUTO && fresh);
	unsigned n = 0;
	char text[64];

	recall(r);
	if (!r->own.from)
		r->own.to = store_next_version(r->store).v - 1;
	for (size_t i = 0; i < r->npartners; i++)
		n += r->partner[i]->conf.pull;
	if (!pause || !n)
		return;
	r->own.paused = true;
	if (!fresh)
		leap(r, store_next_version(r->store).v);
	r->own.pause_until = mono_add_s(r->mnow, r->conf.pause_max);
	wins_pause(r->wins, true);
	snprintf(text, sizeof(text), "%u of them", n);
	repl_tell(r, EV_VERSIONS_ASKED, IP4_ANY, IP4_ANY, 0, text);
}

void
own_seen(struct repl *r, struct ip4 server, uint64_t max)
{
	uint64_t next = store_next_version(r->store).v;
	char text[96], ip[IP4_STRLEN];

	if (max < next && !(max > r->own.to && max < r->own.leapt))
		return;
	if (max > VERSION_MAX) {
		repl_tell(r, EV_REPLICATION_MALFORMED, server, IP4_ANY, 0,
		    "a version that no counter reaches");
		return;
	}
	if (max < next) {
		/* What was leapt over was given before the disk was lost: there is more of it. */
		r->own.from = r->own.from ? r->own.from : r->own.to + 1;
		r->own.to = max;
		keep(r);
		return;
	}
	r->own.from = r->own.from && r->own.from < next ? r->own.from : next;
	r->own.to = max;
	/* What was handed out since start, before this was known, has versions that mean other records
	 * to the partner. While paused nothing was handed out. */
	r->own.need_renumber |= !r->own.paused;
	if (r->own.paused)
		leap(r, max + 1);
	else
		store_raise_version(r->store, (struct version){ max + 1 });
	snprintf(text, sizeof(text), "the partner %s has seen versions of this server up to it",
	    ip4_print(server, ip));
	repl_tell(r, EV_ADJ_VERS_NO, server, IP4_ANY, store_next_version(r->store).v, text);
	keep(r);
}

void
own_fetched(struct repl *r, uint64_t upto)
{
	if (!r->own.from || upto < r->own.from)
		return;
	r->own.from = upto < r->own.to ? upto + 1 : 0;
	if (!r->own.from && r->own.need_renumber)
		r->own.renumber_to = r->own.to;
	keep(r);
}

/* ---- new versions ---- */

static bool
renumber(struct repl *r)
{
	bool more = true;
	int err;

	if (!r->own.renumber_to || !mono_reached(r->own.wait, r->mnow))
		return false;
	err = wins_renumber(r->wins, (struct version){ r->own.renumber_to }, &more);
	if (err == NBT_ELIMIT) {
		more = true;
		err = 0;
	}
	if (!err)
		err = wins_commit(r->wins, r->now);
	else
		(void)wins_commit(r->wins, r->now); /* what came before the error */
	if (err) {
		r->own.wait = mono_add_ms(r->mnow, 10 * WAIT_MS);
		return true;
	}
	if (!more) {
		r->own.renumber_to = 0;
		r->own.need_renumber = false;
		keep(r);
	}
	return true;
}

/* ---- the pause ---- */

static void
resume(struct repl *r)
{
	r->own.paused = false;
	wins_pause(r->wins, false);
}

/* Ends the pause when all partners were asked and what they had is back, or the time is over. */
static bool
look(struct repl *r)
{
	char text[200], ip[IP4_STRLEN];
	size_t len = 0;

	if (!r->own.paused)
		return false;
	text[0] = '\0';
	for (size_t i = 0; i < r->npartners; i++) {
		const struct partner *p = r->partner[i];

		if (!p->conf.pull || p->asked || len > sizeof(text) - 2 * IP4_STRLEN)
			continue;
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", len ? ", " : "",
		    ip4_print(p->conf.address, ip));
	}
	if (!len && !r->own.from) {
		resume(r);
		repl_tell(r, EV_VERSIONS_KNOWN, IP4_ANY, IP4_ANY, r->own.returned, "");
		return true;
	}
	if (!mono_reached(r->own.pause_until, r->mnow))
		return false;
	if (!len)
		strcpy(text, "this server's own records did not all come back");
	resume(r);
	repl_tell(r, EV_VERSIONS_UNSURE, IP4_ANY, IP4_ANY, 0, text);
	return true;
}

bool
own_step(struct repl *r)
{
	return look(r) || renumber(r);
}

void
own_tick(struct repl *r)
{
	(void)look(r);
}

struct mono
own_next(const struct repl *r)
{
	struct mono next = r->own.paused ? r->own.pause_until : MONO_NEVER;

	return mono_reached(r->own.wait, r->mnow) ? next : mono_min(next, r->own.wait);
}
