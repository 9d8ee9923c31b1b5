/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guard of the version counter (1.6): no version is handed out that a partner has seen. A claim
 * above the counter lifts it at once; what was lost is pulled back; own records that partners believe
 * to know get new versions; a fresh server waits until its partners were asked. Layer: repl.
 */
#include <stdio.h>
#include <string.h>

#include "repl/engine.h"

/* What is still to be fetched survives a restart: the counter alone would hide that it is missing. */
static const char META_FROM[] = "own-lost-from", META_TO[] = "own-lost-to",
		  META_RENUMBER[] = "own-renumber", META_BELIEVED[] = "own-leapt";

#define TELL_SECONDS 3600                /* between two events of one claim that is held */
#define ACCEPT_MAX   (UINT64_C(1) << 59) /* leaves as many again that partners believe */

static void
keep(struct repl *r)
{
	int err = store_meta_set(r->store, META_FROM, r->own.from);

	if (!err)
		err = store_meta_set(r->store, META_TO, r->own.to);
	if (!err)
		err = store_meta_set(r->store, META_RENUMBER, r->own.need_renumber);
	if (!err)
		err = store_meta_set(r->store, META_BELIEVED, r->own.believed);
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
	(void)store_meta_get(r->store, META_BELIEVED, &r->own.believed);
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

/* Over versions that somebody has seen; what they were is fetched back. */
static void
lift(struct repl *r, uint64_t max)
{
	uint64_t next = store_next_version(r->store).v;

	r->own.from = r->own.from && r->own.from < next ? r->own.from : next;
	r->own.to = max;
	/* What was handed out since start, before this was known, has versions that mean other records
	 * to the partner. While paused nothing was handed out. */
	r->own.need_renumber |= !r->own.paused;
	if (r->own.paused)
		leap(r, max + 1);
	else
		store_raise_version(r->store, (struct version){ max + 1 });
}

/*
 * More than this server can have given: who claims it lies, is broken, or has it of such a one, and every
 * partner would ignore what is registered here once the counter stood where none believes it. Should it be
 * true all the same, those who believe the claim ignore this server until an administrator accepts it.
 */
static void
hold(struct repl *r, struct ip4 server, uint64_t max)
{
	if (max <= r->own.held && !mono_reached(r->own.tell_held, r->mnow))
		return;
	if (max > r->own.held)
		r->own.held = max;
	r->own.tell_held = mono_add_s(r->mnow, TELL_SECONDS);
	repl_tell(r, EV_VERSION_HELD, server, IP4_ANY, max, "");
}

void
own_seen(struct repl *r, struct ip4 server, uint64_t max)
{
	uint64_t next = store_next_version(r->store).v;
	bool partner = partner_of(r, server), small;
	char text[112], ip[IP4_STRLEN];

	if (max < next && !(max > r->own.to && max < r->own.leapt))
		return;
	if (max < next) {
		/* What was leapt over was given before the disk was lost: there is more of it. */
		r->own.from = r->own.from ? r->own.from : r->own.to + 1;
		r->own.to = max;
		keep(r);
		return;
	}
	small = max - next < VERSION_LEAP;
	if (!small && max - next >= LEAP_MAX - r->own.believed) {
		hold(r, server, max);
		return;
	}
	r->own.believed += small ? 0 : max - next + 1;
	lift(r, max);
	snprintf(text, sizeof(text), "%s %s has seen versions of this server up to it",
	    partner ? "the partner" : "the computer, no partner, at", ip4_print(server, ip));
	repl_tell(r, EV_ADJ_VERS_NO, server, IP4_ANY, store_next_version(r->store).v, text);
	keep(r);
}

int
repl_raise_version(struct repl *r, uint64_t version, struct mono mnow, struct wall now)
{
	r->mnow = mnow;
	r->now = now;
	if (version >= ACCEPT_MAX)
		return NBT_EINVAL;
	if (version < store_next_version(r->store).v)
		return NBT_EEXIST;
	if (!wins_writable(r->wins))
		return NBT_EIO;
	r->own.believed = 0;
	r->own.held = 0;
	lift(r, version);
	keep(r);
	repl_tell(r, EV_VERSION_ACCEPTED, IP4_ANY, IP4_ANY, store_next_version(r->store).v, "");
	return 0;
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
