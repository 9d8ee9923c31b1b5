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

#define ASKED_MAX    64   /* patients asked at once */
#define DISPUTES_MAX 1000 /* names remembered that two hosts claim; the oldest makes room */

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

struct dispute {
	RB_ENTRY(dispute) node;
	struct heap_item known;
	struct nb_key key;
	bool is_static;
	struct ip4 holder, claimant;
	uint32_t count;
	struct wall since;
};

static int
compare_patients(const struct patient *a, const struct patient *b)
{
	return wins_key_compare(&a->key, &b->key);
}

static int
compare_disputes(const struct dispute *a, const struct dispute *b)
{
	return wins_key_compare(&a->key, &b->key);
}

RB_GENERATE_INTERNAL(patient_tree, patient, node, compare_patients, static __attribute__((unused)))
RB_GENERATE_INTERNAL(dispute_tree, dispute, node, compare_disputes, static __attribute__((unused)))

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
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->key = *key;
	p->since = now;
	p->due = p->known = p->txn.timer = HEAP_ITEM_INIT;
	if (heap_put(&w->patients_known, &p->known, now.s)) {
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
	if (heap_put(&w->patients_due, &p->due, at.ns))
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

/* Which addresses are in question, by the record as it is now. */
static void
choose(struct wins *w, struct patient *p, struct wall now)
{
	struct wins_look look;
	const struct rec *cur = wins_look_up(w, &p->key, now, &look);

	p->naddr = p->at = p->ndoubtful = 0;
	if (!cur || cur->state != REC_ACTIVE || cur->is_static ||
	    (cur->type != REC_MULTIHOMED && cur->type != REC_UNIQUE))
		return;
	for (unsigned i = 0; i < cur->naddr; i++) {
		struct ip4 ip = cur->addr[i].ip;
		bool self = false;

		for (unsigned k = 0; k < w->env.nself; k++)
			self |= ip4_eq(ip, w->env.self[k]);
		if (ip4_is_host(ip) && !self &&
		    (p->kind != WINS_HALF_REFRESHED || lags(cur, i, &w->env, now)))
			p->addr[p->naddr++] = ip;
	}
}

/* All were asked: healthy ones are forgotten, doubtful ones kept in mind. */
static void
conclude(struct wins *w, struct patient *p)
{
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
	if (p->at == p->naddr || txn_open(&w->txns, &p->txn, p->addr[p->at], &s, mnow)) {
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
	struct verdict v;

	wins_count(&w->stats.n[WS_DOCTOR_DISOWNED]);
	if (w->conf.half_release != WINS_HALF_REPAIR && !p->repair) {
		wins_tell(w, EV_GHOST_FOUND, &p->key, p->cause, ip, 0, 0, now);
		return;
	}
	do
		v = rule_disowned(wins_look_up(w, &p->key, now, &look), ip, &look.env);
	while (apply_again(w, apply(w, &v, NULL, now), now));
	if (v.action != ACT_WRITE)
		return;
	wins_count(&w->stats.n[WS_DOCTOR_REMOVED]);
	wins_tell(w, EV_GHOST_REMOVED, &p->key, p->cause, ip, 0, v.rule, now);
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

	if (!cur || cur->state != REC_ACTIVE ||
	    (cur->type != REC_MULTIHOMED && cur->type != REC_UNIQUE))
		return NBT_ENOENT;
	p = admit(w, key, now);
	if (!p)
		return NBT_ENOMEM;
	p->kind = WINS_HALF_RELEASED;
	p->repair = true;
	(void)appoint(w, p, &path, mnow);
	return 0;
}

/* ---- disputes ---- */

void
doctor_disputed(struct wins *w, const struct nb_key *key, struct ip4 holder, struct ip4 claimant,
    bool is_static, struct wall now)
{
	struct dispute want = { .key = *key }, *d = RB_FIND(dispute_tree, &w->disputes, &want);

	if (!d) {
		d = calloc(1, sizeof(*d));
		if (!d)
			return;
		if (w->ndisputes == DISPUTES_MAX) {
			struct dispute *old =
			    (struct dispute *)((char *)heap_min(&w->disputes_known) -
					       offsetof(struct dispute, known));

			heap_del(&w->disputes_known, &old->known);
			RB_REMOVE(dispute_tree, &w->disputes, old);
			w->ndisputes--;
			free(old);
		}
		d->key = *key;
		d->since = now;
		d->known = HEAP_ITEM_INIT;
		RB_INSERT(dispute_tree, &w->disputes, d);
		w->ndisputes++;
	}
	heap_del(&w->disputes_known, &d->known);
	if (heap_put(&w->disputes_known, &d->known, now.s)) {
		RB_REMOVE(dispute_tree, &w->disputes, d);
		w->ndisputes--;
		free(d);
		return;
	}
	d->count++;
	d->is_static = is_static;
	d->holder = holder;
	d->claimant = claimant;
}

/* ---- findings ---- */

static void
patient_finding(const struct patient *p, struct wins_finding *ret)
{
	*ret = (struct wins_finding){
		.kind = p->kind, .key = p->key, .since = p->since, .cause = p->cause
	};
	if (p->kind == WINS_DOUBTFUL) {
		ret->naddr = p->ndoubtful;
		memcpy(ret->addr, p->doubtful, sizeof(ret->addr));
	} else {
		ret->naddr = p->naddr;
		memcpy(ret->addr, p->addr, sizeof(ret->addr));
	}
}

static void
dispute_finding(const struct dispute *d, struct wins_finding *ret)
{
	*ret = (struct wins_finding){ .kind = d->is_static ? WINS_STATIC_CLASH : WINS_DISPUTED,
		.key = d->key,
		.since = d->since,
		.cause = d->claimant,
		.count = d->count,
		.naddr = 1,
		.addr = { d->holder } };
}

bool
wins_finding_at(const struct wins *w, size_t index, struct wins_finding *ret)
{
	if (index < w->npatients) {
		patient_finding(PATIENT_OF(w->patients_known.v[index], known), ret);
		return true;
	}
	index -= w->npatients;
	if (index >= w->ndisputes)
		return false;
	dispute_finding((struct dispute *)((char *)w->disputes_known.v[index] -
					   offsetof(struct dispute, known)),
	    ret);
	return true;
}

/* ---- life ---- */

void
doctor_init(struct wins *w)
{
	RB_INIT(&w->patients);
	RB_INIT(&w->disputes);
	heap_init(&w->patients_due);
	heap_init(&w->patients_known);
	heap_init(&w->disputes_known);
}

void
doctor_release(struct wins *w)
{
	struct patient *p;
	struct dispute *d;

	while ((p = RB_ROOT(&w->patients))) {
		RB_REMOVE(patient_tree, &w->patients, p);
		free(p);
	}
	while ((d = RB_ROOT(&w->disputes))) {
		RB_REMOVE(dispute_tree, &w->disputes, d);
		free(d);
	}
	heap_release(&w->patients_due);
	heap_release(&w->patients_known);
	heap_release(&w->disputes_known);
}
