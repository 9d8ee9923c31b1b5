/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verification (3.10): an owner, or a partner that has its records, is asked again for versions that
 * we hold; what it gives is refreshed or replaced, what it no longer has goes. Guards (ours): nothing
 * is deleted on a reply that failed, from a server that does not list the owner or lists less of it
 * than we know, and never a static record. Layer: repl. One owner at a time.
 */
#include <stdlib.h>
#include <string.h>

#include "repl/engine.h"

void
verify_init(struct repl *r)
{
	uint32_t start = r->conf.check_start;

	r->verify.check_due =
	    r->conf.check_interval ? next_at(r, start, r->conf.check_interval) : MONO_NEVER;
}

static void
forget_range(struct verify *v)
{
	buf_free(&v->in);
	free(v->versions);
	v->versions = NULL;
	v->nversions = v->left = 0;
}

void
verify_release(struct repl *r)
{
	forget_range(&r->verify);
}

int
verify_want(struct repl *r, struct ip4 owner, bool limited)
{
	struct verify *v = &r->verify;

	for (unsigned i = 0; i < v->nwishes; i++)
		if (ip4_eq(v->wish[i].owner, owner)) {
			v->wish[i].limited &= limited;
			return 0;
		}
	if (v->nwishes == VERIFY_MAX)
		return NBT_ELIMIT;
	v->wish[v->nwishes++] = (struct verify_wish){ owner, limited };
	return 0;
}

/* ---- whom to ask ---- */

/* A partner to pull from whose map lists all that we know of the owner; not the one already tried. */
static struct ip4
partner_with(const struct repl *r, struct ip4 owner, struct ip4 not_this)
{
	uint64_t known = store_known(r->store, owner).v;

	for (size_t i = 0; i < r->npartners; i++) {
		const struct partner *p = r->partner[i];
		const struct seen *s = seen_find(&p->map, owner);

		if (p->conf.pull && s && s->max >= known && !ip4_eq(p->conf.address, not_this))
			return p->conf.address;
	}
	return IP4_ANY;
}

static void
connect_to(struct repl *r, struct ip4 server)
{
	struct verify *v = &r->verify;

	v->server = server;
	v->conn = conn_open(r, server, USE_VERIFY);
	if (!v->conn)
		verify_broken(r, nbt_strerror(NBT_ENOMEM));
}

static void
begin(struct repl *r, struct ip4 owner, bool limited)
{
	struct verify *v = &r->verify;
	const struct partner *p = partner_of(r, owner);
	uint64_t known = store_known(r->store, owner).v;
	struct ip4 other = partner_with(r, owner, owner);

	v->state = VERIFY_SEEKING;
	v->owner = owner;
	v->limited = limited;
	v->ready = v->ahead = v->again = false;
	v->next = limited && ip4_eq(owner, v->check_owner) && v->check_from ? v->check_from : 1;
	v->high = known; /* 0: all that its map will say */
	v->size = r->conf.range_max;
	v->seen = v->came = 0;
	/* The owner, also when it is a stranger, unless a partner is to do (UseRplPnrs). */
	if (!(p && p->conf.pull) && r->conf.check_with_partner && !ip4_eq(other, IP4_ANY))
		connect_to(r, other);
	else
		connect_to(r, owner);
}

static void
end(struct repl *r)
{
	struct verify *v = &r->verify;
	struct conn *c = v->conn;

	forget_range(v);
	v->conn = NULL;
	v->state = VERIFY_IDLE;
	if (c)
		conn_stop(r, c, 0);
}

static void
whole_owner_done(struct repl *r)
{
	struct verify *v = &r->verify;

	if (v->limited) {
		v->check_owner.v = v->owner.v + 1;
		v->check_from = 0;
	}
	if (v->seen && !v->came)
		repl_tell(r, EV_CC_NO_RECS, v->server, v->owner, 0, "");
	end(r);
}

void
verify_broken(struct repl *r, const char *why)
{
	struct verify *v = &r->verify;
	struct ip4 other = partner_with(r, v->owner, v->server);

	if (v->again && !v->ready) {
		v->conn = NULL;
		whole_owner_done(r);
		return;
	}
	/* The owner cannot be asked: a partner that has its records, once. */
	if (!v->ready && ip4_eq(v->server, v->owner) && !ip4_eq(other, IP4_ANY)) {
		v->conn = NULL;
		connect_to(r, other);
		return;
	}
	repl_tell(r, EV_UNABLE_TO_VERIFY, v->server, v->owner, 0, why);
	end(r);
}

static void
cannot(struct repl *r, const char *why)
{
	struct conn *c = r->verify.conn;

	r->verify.conn = NULL;
	if (c)
		conn_stop(r, c, 0);
	verify_broken(r, why);
}

/* ---- asking ---- */

void
verify_go(struct repl *r, struct conn *c)
{
	struct wrepl_msg m = { .kind = WREPL_MAP_REQ };

	conn_await(r, c, AWAITS_MAP);
	conn_send(r, c, &m, NULL);
}

static void
ask(struct repl *r, uint64_t from, uint64_t to)
{
	struct verify *v = &r->verify;
	struct wrepl_msg m = { .kind = WREPL_RECORDS_REQ,
		.wanted = { .ip = v->owner, .max = to, .min = from } };

	v->from = from;
	v->to = to;
	v->at = (struct store_place){ { from }, 0 };
	v->state = VERIFY_ASKING;
	conn_await(r, v->conn, AWAITS_RECORDS);
	conn_send(r, v->conn, &m, NULL);
}

/* The map once more: what is above the last one, all below which is known. */
static void
look_again(struct repl *r, uint64_t max)
{
	struct verify *v = &r->verify;

	if (max <= v->top || max - v->top > r->conf.range_max ||
	    store_known(r->store, v->owner).v < v->top) {
		whole_owner_done(r);
		return;
	}
	v->ready = v->ahead = true;
	v->number = ++r->numbers ? r->numbers : ++r->numbers; /* 0 is nobody's (wins.h) */
	ask(r, v->top + 1, max);
}

void
verify_map(struct repl *r, struct conn *c, const struct wrepl_msg *m)
{
	struct verify *v = &r->verify;
	const char *why = "the server that was asked does not know it";
	uint64_t max = 0;

	if (v->conn != c)
		return;
	for (uint32_t i = 0; i < m->count; i++) {
		struct wrepl_owner o = wrepl_owner_at(m, i);

		if (ip4_eq(o.ip, v->owner))
			max = o.max;
		if (ip4_eq(o.ip, v->owner) && o.beyond)
			why = "the server that was asked claims a version that no counter reaches";
		map_doubt(r, v->server, &o);
	}
	if (v->again) {
		look_again(r, max);
	} else if (!max) {
		cannot(r, why);
	} else if (max < v->high) {
		cannot(r, "the server that was asked knows fewer of its versions than this one");
	} else if (v->high && max - v->high > r->conf.range_max) {
		cannot(r, "this server lacks too many of its versions: pull first");
	} else {
		v->ready = true;
		v->top = max;
		v->state = VERIFY_SEEKING;
		if (!v->high)
			v->high = max;
		/* What has moved to a version we do not know must come in first, or its old one would
		 * be taken for gone. */
		v->ahead = max > v->high;
		if (!v->ahead)
			return;
		v->number = ++r->numbers ? r->numbers : ++r->numbers; /* 0 is nobody's (wins.h) */
		ask(r, v->high + 1, max);
	}
}

bool
verify_takes_records(const struct repl *r)
{
	return r->verify.state == VERIFY_ASKING;
}

void
verify_records(struct repl *r, struct conn *c, const struct wrepl_msg *m)
{
	struct verify *v = &r->verify;

	if (v->conn != c || v->state != VERIFY_ASKING)
		return;
	v->versions = calloc((size_t)m->count + 1, sizeof(*v->versions));
	if (!v->versions) {
		cannot(r, nbt_strerror(NBT_ENOMEM));
		return;
	}
	v->state = VERIFY_APPLYING;
	v->rest = m->body;
	v->left = m->count;
	v->came += m->count;
	/* So that a reply stays bounded where records are dense, and gaps are crossed quickly. */
	v->size =
	    m->count < v->size / 4 && v->size < WREPL_VERSION_MAX ? v->size * 2 : r->conf.range_max;
	v->in = conn_take(r, c);
}

/* ---- what it gave ---- */

static int
by_number(const void *va, const void *vb)
{
	uint64_t a = *(const uint64_t *)va, b = *(const uint64_t *)vb;

	return a < b ? -1 : a > b;
}

/* The owner gave this version to another name: its counter was lost, or there are two of it. */
static bool
mismatch(struct repl *r, const struct rec *rec)
{
	struct verify *v = &r->verify;
	struct event ev = { .id = EV_NAME_MISMATCH,
		.when = r->now,
		.has_key = true,
		.peer = v->server,
		.other = v->owner,
		.number = rec->version.v };
	struct store_place first = { rec->version, 0 };
	struct rec here;

	if (store_get(r->store, &rec->key, &here) && ip4_eq(here.owner, v->owner) &&
	    here.version.v == rec->version.v)
		return false;
	if (!store_versions(r->store, v->owner, &first, rec->version, &here, 1))
		return false;
	ev.key = here.key;
	r->host.event(r->host.arg, &ev);
	return true;
}

/* The owner is asked for what it knows itself: what others told it of their members is theirs to tell. */
static void
mark_hearsay(struct rec *rec)
{
	for (int i = 0; i < rec->naddr && rec->type == REC_SPECIAL; i++)
		if (!ip4_eq(rec->addr[i].owner, rec->owner) &&
		    !ip4_eq(rec->addr[i].owner, OWNER_SELF))
			rec->addr[i].since = REC_HEARSAY;
}

static int
take_record(struct repl *r)
{
	struct verify *v = &r->verify;
	struct rd rest = v->rest;
	struct wrepl_record in;
	struct rec rec, here;
	bool illegal;
	int err = 0;

	wrepl_record_next(&rest, &in);
	if (in.version < v->from || in.version > v->to) {
		repl_left_out(r, v->server, v->owner, &in);
	} else if (convert_in(r, v->owner, &in, &rec, &illegal) && !mismatch(r, &rec)) {
		mark_hearsay(&rec);
		if (store_get(r->store, &rec.key, &here) && ip4_eq(here.owner, v->owner))
			err = wins_verified(r->wins, &rec.key, &rec, r->now);
		else
			err =
			    wins_replica(r->wins, &rec, v->ahead ? v->number : 0, r->mnow, r->now);
		if (err)
			return err;
	}
	v->versions[v->nversions++] = in.version;
	v->rest = rest;
	v->left--;
	return 0;
}

/* After an error of what is staged: whether to go on later, or not at all. */
static bool
goes_on(struct repl *r, int err)
{
	int commit = wins_commit(r->wins, r->now);

	if (err == NBT_EBUSY)
		r->verify.wait = mono_add_ms(r->mnow, WAIT_MS);
	if (err == NBT_EBUSY || err == NBT_ELIMIT)
		err = 0;
	if (!err && !commit)
		return true;
	cannot(r, nbt_strerror(err ? err : commit));
	return false;
}

/*
 * What came from beyond what is known is known now, as after a pull: else this server would hold versions
 * that it denies having seen, and their owner, its disk lost, would give them again (1.6). False: not
 * yet, or it ended.
 */
static bool
keep_known(struct repl *r)
{
	struct verify *v = &r->verify;
	struct wins_pull w = wins_pull(r->wins, v->number);
	int err = 0;

	if (w.open) {
		v->wait = mono_add_ms(r->mnow, WAIT_MS);
		return false;
	}
	wins_pull_forget(r->wins, v->number);
	if (w.failed)
		err = NBT_EIO;
	else if (store_known(r->store, v->owner).v < v->to)
		err = store_known_set(r->store, v->owner, (struct version){ v->to });
	if (!err)
		err = wins_commit(r->wins, r->now);
	if (err)
		cannot(r, nbt_strerror(err));
	else
		map_known(r, v->owner);
	return !err;
}

static void
apply_slice(struct repl *r)
{
	struct verify *v = &r->verify;
	int err = 0;

	partners_near(r);
	for (unsigned n = 0; v->left && n < VERIFY_SLICE && !err; n++)
		err = take_record(r);
	if (!goes_on(r, err) || v->left)
		return;
	if (v->ahead && !keep_known(r))
		return;
	buf_free(&v->in);
	if (v->nversions)
		qsort(v->versions, v->nversions, sizeof(*v->versions), by_number);
	v->state = v->ahead ? VERIFY_SEEKING : VERIFY_COMPARING;
	v->ahead = false;
	if (v->state == VERIFY_SEEKING)
		forget_range(v);
}

static bool
came(const struct verify *v, uint64_t version)
{
	return v->nversions &&
	       bsearch(&version, v->versions, v->nversions, sizeof(version), by_number);
}

static void
compare_slice(struct repl *r)
{
	struct verify *v = &r->verify;
	struct store_place behind = v->at;
	size_t n = store_versions(
	    r->store, v->owner, &behind, (struct version){ v->to }, r->scratch, VERIFY_SLICE);
	size_t i;
	int err = 0;

	for (i = 0; i < n; i++) {
		const struct rec *rec = &r->scratch[i];

		if (rec->state != REC_ACTIVE)
			continue;
		/* OnlyDynRecs and partial replication hide records that are there (3.7, 3.11). */
		if (!rec->is_static && !r->conf.partial && !came(v, rec->version.v))
			err = wins_verified(r->wins, &rec->key, NULL, r->now);
		if (err)
			break;
		v->seen++;
		r->stats.verified++;
		v->check_left -= v->limited && v->check_left;
	}
	/* After an error all of that version are looked at again: they may have been left in part. */
	v->at = i == n ? behind : (struct store_place){ r->scratch[i].version, 0 };
	if (!goes_on(r, err) || err || n == VERIFY_SLICE)
		return;
	forget_range(v);
	v->next = v->to + 1;
	v->state = VERIFY_SEEKING;
}

/* ---- from range to range ---- */

/*
 * Asks for the next range. From the first version on, not from the first replica: a record that another
 * server's kept out when it came (3.9.2) is missed for ever once that one is found to be gone.
 */
static void
seek(struct repl *r)
{
	struct verify *v = &r->verify;

	if (v->limited && !v->check_left) {
		v->check_owner = v->owner;
		v->check_from = v->next;
		end(r);
	} else if (v->next <= v->high) {
		ask(r, v->next, v->high - v->next < v->size ? v->high : v->next + v->size - 1);
	} else if (!v->again) {
		/* What moved to a new version meanwhile was taken for gone, or for still to come. */
		v->again = true;
		v->ready = false;
		verify_go(r, v->conn);
	} else {
		whole_owner_done(r);
	}
}

bool
verify_step(struct repl *r)
{
	struct verify *v = &r->verify;

	if (!mono_reached(v->wait, r->mnow))
		return false;
	if (v->state == VERIFY_IDLE && v->nwishes) {
		struct verify_wish wish = v->wish[0];

		memmove(v->wish, v->wish + 1, --v->nwishes * sizeof(*v->wish));
		if (!wish.limited || v->check_left)
			begin(r, wish.owner, wish.limited);
		return true;
	}
	if (v->state == VERIFY_APPLYING)
		apply_slice(r);
	else if (v->state == VERIFY_COMPARING)
		compare_slice(r);
	else if (v->state == VERIFY_SEEKING && v->ready)
		seek(r);
	else
		return false;
	return true;
}

/* ---- plan ---- */

/* All owners, those behind the last one verified first; what does not fit is of the next cycle. */
static void
begin_cycle(struct repl *r)
{
	struct verify *v = &r->verify;
	size_t n = store_known_all(r->store, NULL, 0);
	struct store_known *all = calloc(n + 1, sizeof(*all));

	v->check_left = r->conf.check_records_max;
	v->check_due = mono_add_s(r->mnow, r->conf.check_interval);
	if (!all)
		return;
	n = store_known_all(r->store, all, n);
	for (unsigned again = 0; again < 2; again++)
		for (size_t i = 0; i < n; i++)
			if ((all[i].owner.v < v->check_owner.v) == (again == 1))
				(void)verify_want(r, all[i].owner, true); /* full: the next cycle */
	free(all);
}

void
verify_tick(struct repl *r)
{
	struct ip4 owner;

	while (r->verify.nwishes < VERIFY_MAX && wins_take_verify(r->wins, &owner))
		(void)verify_want(r, owner, false); /* there is room */
	if (mono_reached(r->verify.check_due, r->mnow))
		begin_cycle(r);
}

struct mono
verify_next(const struct repl *r)
{
	const struct verify *v = &r->verify;

	return mono_reached(v->wait, r->mnow) ? v->check_due : mono_min(v->check_due, v->wait);
}
