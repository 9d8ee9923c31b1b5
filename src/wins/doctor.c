/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The multihome doctor, see doctor.h. A patient is a name with addresses in question; it is asked
 * about once, some time after the trouble, one address after the other, and then forgotten or kept as
 * doubtful until the address is refreshed, released or gone. What an answer means is rule_disowned's
 * to say, on the record as it is then. Layer: wins.
 */
#include "wins/doctor.h"

#include <stdlib.h>
#include <string.h>

#include "wins/apply.h"
#include "wins/dispute.h"
#include "wins/tell.h"

#define ASKED_MAX 64 /* patients asked at once */

struct patient {
	RB_ENTRY(patient) node;
	struct heap_item due, known;
	struct txn txn;
	struct nb_key key;
	struct wins_path path; /* towards the host */
	uint8_t kind;          /* enum wins_finding_kind */
	bool repair;           /* an administrator said so, whatever the option says */
	struct wall since;
	struct ip4 cause;
	uint8_t naddr, at; /* asked now: addr[at] */
	struct ip4 addr[REC_ADDR_MAX];
	uint8_t ndoubtful;
	struct ip4 doubtful[REC_ADDR_MAX];
};

static int
compare_patients(const struct patient *a, const struct patient *b)
{
	return wins_key_compare(&a->key, &b->key);
}

RB_GENERATE_INTERNAL(patient_tree, patient, node, compare_patients, static __attribute__((unused)))

#define PATIENT_OF(item, member) \
	((struct patient *)((char *)(item)-offsetof(struct patient, member)))

/* ---- patients ---- */

static struct patient *
find(struct wins *w, const struct nb_key *key)
{
	struct patient want;

	want.key = *key;
	return RB_FIND(patient_tree, &w->patients, &want);
}

static bool
is_asked(const struct patient *p)
{
	return p->txn.timer.pos != SIZE_MAX;
}

static void
discharge(struct wins *w, struct patient *p)
{
	if (is_asked(p))
		w->nasked--;
	txn_close(&w->txns, &p->txn);
	heap_del(&w->patients_due, &p->due);
	heap_del(&w->patients_known, &p->known);
	RB_REMOVE(patient_tree, &w->patients, p);
	w->npatients--;
	free(p);
}

/* NULL: no memory. */
static struct patient *
admit(struct wins *w, const struct nb_key *key, struct wall now)
{
	struct patient *p = find(w, key);

	if (p)
		return p;
	if (w->npatients && w->npatients >= w->conf.doctor_max)
		discharge(w, PATIENT_OF(heap_min(&w->patients_known), known));
	p = wins_alloc(w, sizeof(*p));
	if (!p)
		return NULL;
	p->key = *key;
	p->since = now;
	p->due = p->known = p->txn.timer = HEAP_ITEM_INIT;
	if (wins_lacks(w, heap_put(&w->patients_known, &p->known, now.s))) {
		free(p);
		return NULL;
	}
	RB_INSERT(patient_tree, &w->patients, p);
	w->npatients++;
	return p;
}

/* False: it is being asked at this moment, and that will do. */
static bool
appoint(struct wins *w, struct patient *p, const struct wins_path *path, struct mono at)
{
	if (is_asked(p))
		return false;
	p->path = *path;
	heap_del(&w->patients_due, &p->due);
	if (wins_lacks(w, heap_put(&w->patients_due, &p->due, at.ns)))
		discharge(w, p); /* no memory: nobody was promised anything */
	return true;
}

static struct mono
later(const struct wins *w, struct mono mnow)
{
	return mono_add_ms(mnow, (int64_t)w->conf.half_release_delay * 1000);
}

static bool
forget_address(struct ip4 *addr, uint8_t *n, struct ip4 ip)
{
	for (unsigned i = 0; i < *n; i++) {
		if (!ip4_eq(addr[i], ip))
			continue;
		addr[i] = addr[--*n];
		return true;
	}
	return false;
}

void
doctor_half_released(struct wins *w, const struct rec *next, struct ip4 gone,
    const struct wins_path *path, struct mono mnow, struct wall now)
{
	struct patient *p;

	if (w->conf.half_release == WINS_HALF_OFF || !(p = admit(w, &next->key, now)))
		return;
	wins_count(&w->stats.n[WS_HALF_RELEASED]);
	p->kind = WINS_HALF_RELEASED;
	p->cause = gone;
	(void)forget_address(p->doubtful, &p->ndoubtful, gone);
	(void)appoint(w, p, path, later(w, mnow));
}

/* Less than a quarter of its life left while a sibling has all of it: it missed a refresh, which is due
 * at half (netbt 2.4). */
static bool
lags(const struct rec *r, unsigned i, const struct rule_env *env, struct wall now)
{
	return r->addr[i].due.s < wall_add(now, env->renewal / 4).s;
}

void
doctor_refreshed(struct wins *w, const struct rec *next, struct ip4 ip,
    const struct wins_path *path, struct mono mnow, struct wall now)
{
	struct patient *p = w->npatients ? find(w, &next->key) : NULL;
	bool behind = false;

	if (p && forget_address(p->doubtful, &p->ndoubtful, ip) && !p->ndoubtful && !is_asked(p) &&
	    p->due.pos == SIZE_MAX) {
		discharge(w, p);
		p = NULL;
	}
	for (unsigned i = 0; i < next->naddr; i++)
		behind |= !ip4_eq(next->addr[i].ip, ip) && lags(next, i, &w->env, now);
	if (!behind || p || w->conf.half_release == WINS_HALF_OFF ||
	    !(p = admit(w, &next->key, now)))
		return;
	wins_count(&w->stats.n[WS_HALF_REFRESHED]);
	p->kind = WINS_HALF_REFRESHED;
	p->cause = ip;
	(void)appoint(w, p, path, later(w, mnow));
}

/* ---- asking ---- */

static void ask_next(struct wins *w, struct patient *p, struct mono mnow, struct wall now);

/* One living host's own addresses: a static record is a person's, a special group is many hosts'. */
static bool
may_be_asked(const struct rec *cur)
{
	return cur && cur->state == REC_ACTIVE && !cur->is_static &&
	       (cur->type == REC_MULTIHOMED || cur->type == REC_UNIQUE);
}

/* Which addresses are in question, by the record as it is now; returns how many. */
static uint8_t
in_question(const struct wins *w, const struct patient *p, const struct rec *cur, struct wall now,
    struct ip4 ret[static REC_ADDR_MAX])
{
	uint8_t n = 0;

	for (unsigned i = 0; may_be_asked(cur) && i < cur->naddr; i++) {
		struct ip4 ip = cur->addr[i].ip;
		bool self = false;

		for (unsigned k = 0; k < w->env.nself; k++)
			self |= ip4_eq(ip, w->env.self[k]);
		if (ip4_is_host(ip) && !self &&
		    (p->kind != WINS_HALF_REFRESHED || p->repair || lags(cur, i, &w->env, now)))
			ret[n++] = ip;
	}
	return n;
}

static void
choose(struct wins *w, struct patient *p, struct wall now)
{
	struct wins_look look;
	const struct rec *cur = wins_look_up(w, &p->key, now, &look);

	p->at = p->ndoubtful = 0;
	p->naddr = in_question(w, p, cur, now, p->addr);
}

/* All were asked: healthy ones are forgotten, doubtful ones kept in mind. */
static void
conclude(struct wins *w, struct patient *p)
{
	p->repair = false; /* the wish was for this once */
	if (p->ndoubtful)
		p->kind = WINS_DOUBTFUL;
	else
		discharge(w, p);
}

static void
ask_next(struct wins *w, struct patient *p, struct mono mnow, struct wall now)
{
	const struct txn_schedule s = { w->conf.chl_interval_ms, w->conf.chl_tries };

	(void)now;
	if (p->at == p->naddr ||
	    wins_lacks(w, txn_open(&w->txns, &p->txn, p->addr[p->at], &s, mnow))) {
		conclude(w, p);
		return;
	}
	p->txn.asker = ASKER_DOCTOR;
	w->nasked++;
	wins_count(&w->stats.n[WS_DOCTOR_ASKED]);
	wins_probe(w, &p->path, &p->txn, &p->key);
}

static void
disowned(struct wins *w, const struct patient *p, struct ip4 ip, struct wall now)
{
	struct wins_look look;
	const struct rec *cur;
	struct verdict v;

	wins_count(&w->stats.n[WS_DOCTOR_DISOWNED]);
	if (w->conf.half_release != WINS_HALF_REPAIR && !p->repair) {
		wins_tell(w, EV_GHOST_FOUND, &p->key, p->cause, ip, 0, 0, now);
		return;
	}
	do {
		cur = wins_look_up(w, &p->key, now, &look);
		v = rule_disowned(cur, ip, &look.env);
	} while (apply_again(w, apply(w, &v, cur, NULL), now));
	if (v.action != ACT_WRITE)
		return;
	wins_count(&w->stats.n[WS_DOCTOR_REMOVED]);
	tell_decision(
	    w, &v, &(struct subject){ .key = &p->key, .sender = p->cause, .address = ip }, now);
}

static struct patient *
of_txn(struct txn *x)
{
	return PATIENT_OF(x, txn);
}

void
doctor_answer(
    struct wins *w, struct txn *x, const struct nb_msg *m, struct mono mnow, struct wall now)
{
	struct patient *p = of_txn(x);

	if (!nb_key_eq(&p->key, &m->key)) {
		wins_count(&w->stats.n[WS_PROBES_IGNORED]);
		return;
	}
	txn_close(&w->txns, x);
	w->nasked--;
	if (m->kind == NB_QUERY_OK)
		wins_count(&w->stats.n[WS_DOCTOR_HEALTHY]);
	else
		disowned(w, p, p->addr[p->at], now);
	p->at++;
	ask_next(w, p, mnow, now);
}

void
doctor_waited(struct wins *w, struct txn *x, bool again, struct mono mnow, struct wall now)
{
	struct patient *p = of_txn(x);
	struct ip4 ip = p->addr[p->at];

	if (again) {
		wins_probe(w, &p->path, x, &p->key);
		return;
	}
	w->nasked--; /* its transaction has closed */
	p->doubtful[p->ndoubtful++] = ip;
	wins_count(&w->stats.n[WS_DOCTOR_DOUBTFUL]);
	wins_tell(w, EV_ADDRESS_DOUBTFUL, &p->key, p->cause, ip, 0, 0, now);
	p->at++;
	ask_next(w, p, mnow, now);
}

void
doctor_tick(struct wins *w, struct mono mnow, struct wall now)
{
	struct heap_item *it;

	while (w->nasked < ASKED_MAX && (it = heap_min(&w->patients_due)) && it->key <= mnow.ns) {
		struct patient *p = PATIENT_OF(it, due);

		heap_del(&w->patients_due, it);
		if (w->conf.half_release == WINS_HALF_OFF && !p->repair) {
			discharge(w, p); /* turned off since then */
			continue;
		}
		choose(w, p, now);
		ask_next(w, p, mnow, now);
	}
}

struct mono
doctor_next(const struct wins *w)
{
	const struct heap_item *it = heap_min(&w->patients_due);

	/* With all places taken, the end of a question is what comes next. */
	return it && w->nasked < ASKED_MAX ? (struct mono){ it->key } : MONO_NEVER;
}

int
wins_admin_examine(struct wins *w, const struct nb_key *key, struct mono mnow, struct wall now)
{
	const struct wins_path path = { .local = IP4_ANY }; /* whichever leads there */
	struct wins_look look;
	const struct rec *cur = wins_look_up(w, key, now, &look);
	struct patient *p;

	if (!may_be_asked(cur))
		return NBT_ENOENT;
	p = find(w, key);
	if (!p && (p = admit(w, key, now)))
		p->kind = WINS_EXAMINED;
	if (!p)
		return NBT_ENOMEM;
	p->repair = true;
	(void)appoint(w, p, &path, mnow);
	return 0;
}

/* ---- findings ---- */

bool
doctor_patient_next(
    struct wins *w, struct nb_key *at, bool incl, struct wall now, struct wins_finding *ret)
{
	struct patient want, *p;
	struct wins_look look;
	const struct rec *cur;

	want.key = *at;
	p = RB_NFIND(patient_tree, &w->patients, &want);
	if (p && !incl && nb_key_eq(&p->key, at))
		p = RB_NEXT(patient_tree, &w->patients, p);
	if (!p)
		return false;
	*at = p->key;
	*ret = (struct wins_finding){ .kind = p->kind,
		.key = p->key,
		.since = p->since,
		.last = p->since,
		.cause = p->cause };
	cur = wins_look_up(w, &p->key, now, &look);
	if (p->kind != WINS_DOUBTFUL) {
		ret->naddr = in_question(w, p, cur, now, ret->addr);
		return true;
	}
	for (unsigned i = 0; i < p->ndoubtful; i++)
		if (may_be_asked(cur) && rec_find(cur, p->doubtful[i]) >= 0)
			ret->addr[ret->naddr++] = p->doubtful[i];
	return true;
}

bool
wins_finding_next(struct wins *w, enum wins_findings list, struct nb_key *at, bool incl,
    struct wall now, struct wins_finding *ret)
{
	return list == WINS_PATIENTS ? doctor_patient_next(w, at, incl, now, ret)
				     : dispute_next(w, at, incl, now, ret);
}

/* ---- life ---- */

void
doctor_init(struct wins *w)
{
	RB_INIT(&w->patients);
	heap_init(&w->patients_due);
	heap_init(&w->patients_known);
}

void
doctor_release(struct wins *w)
{
	struct patient *p;

	while ((p = RB_ROOT(&w->patients))) {
		RB_REMOVE(patient_tree, &w->patients, p);
		free(p);
	}
	heap_release(&w->patients_due);
	heap_release(&w->patients_known);
}
