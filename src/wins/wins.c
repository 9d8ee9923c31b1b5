/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's front: packets in, the batch, answers out. Which rule decides is chosen here, what it
 * decides is not. Layer: wins. See wins.h.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "wins/apply.h"
#include "wins/challenge.h"
#include "wins/demand.h"
#include "wins/dispute.h"
#include "wins/doctor.h"
#include "wins/engine.h"
#include "wins/replica.h"
#include "wins/tell.h"

struct view_node {
	struct wins_view view;
	struct view_node *older;
};

/* ---- life ---- */

static void
tell_adjusted(struct wins *w, unsigned adjusted, struct wall now)
{
	const struct rule_env *e = &w->env;
	const struct {
		const char *name;
		uint32_t value;
	} all[] = { { "renewal interval", e->renewal }, { "extinction interval", e->extinction },
		{ "extinction timeout", e->extinction_timeout },
		{ "verification interval", e->verify } };

	for (unsigned i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct event ev = { .id = EV_ADJ_TIME_INTVL, .when = now, .number = all[i].value };

		if (!(adjusted & 1u << i))
			continue;
		strcpy(ev.text, all[i].name);
		w->host.event(w->host.arg, &ev);
	}
}

static int
publish_view(struct wins *w)
{
	struct view_node *n = calloc(1, sizeof(*n));

	if (!n)
		return NBT_ENOMEM;
	n->view = (struct wins_view){ .env = w->env, .randomize_1c = w->conf.randomize_1c };
	n->older = w->views;
	w->views = n;
	atomic_store_explicit(&w->view, &n->view, memory_order_release);
	return 0;
}

int
wins_reconf(struct wins *w, const struct wins_conf *conf, struct wall now)
{
	unsigned adjusted;
	struct rule_intervals iv = rule_clamp(conf->intervals, &adjusted);

	w->conf = *conf;
	w->env = (struct rule_env){
		.renewal = iv.renewal,
		.extinction = iv.extinction,
		.extinction_timeout = iv.extinction_timeout,
		.verify = iv.verify,
		.chl_interval_ms = conf->chl_interval_ms,
		.chl_tries = conf->chl_tries,
		.migrate_on = conf->migrate_on,
		.settle_conflicts = conf->settle_conflicts,
		.server = conf->server,
		.propagate_releases = conf->propagate_releases,
		.verify_replicas = conf->verify_replicas,
		.strict_source = conf->strict_source,
		.challenge_released = conf->challenge_released,
		.prepend_1b = conf->prepend_1b,
		.nself = conf->nself,
		.nblocked = conf->nblocked,
	};
	memcpy(w->env.self, conf->self, sizeof(w->env.self));
	memcpy(w->env.blocked, conf->blocked, sizeof(w->env.blocked));
	tell_adjusted(w, adjusted, now);
	return publish_view(w);
}

int
wins_new(const struct wins_conf *conf, struct store *store, const struct wins_host *host,
    struct wall now, struct wins **ret)
{
	struct wins *w = calloc(1, sizeof(*w));
	int err = NBT_ENOMEM;

	if (!w)
		return NBT_ENOMEM;
	w->host = *host;
	w->store = store;
	w->started = now;
	txn_table_init(&w->txns, host->random, host->arg);
	challenge_init(w);
	doctor_init(w);
	dispute_init(w);
	demands_init(w);
	w->slice = conf->scavenge_slice;
	w->due = calloc(w->slice, sizeof(*w->due));
	if (w->due)
		err = wins_reconf(w, conf, now);
	if (err)
		wins_free(w);
	else
		*ret = w;
	return err;
}

void
wins_free(struct wins *w)
{
	if (!w)
		return;
	/* These take their questions out of the table, where those of the challenges still are. */
	demands_release(w);
	doctor_release(w);
	dispute_release(w);
	challenge_release(w);
	replica_release(w);
	txn_table_release(&w->txns);
	for (struct view_node *n = w->views, *older; n; n = older) {
		older = n->older;
		free(n);
	}
	free(w->replies.v);
	free(w->flying.v);
	free(w->landed.v);
	free(w->due);
	free(w);
}

const struct wins_view *
wins_view(const struct wins *w)
{
	return atomic_load_explicit(&w->view, memory_order_acquire);
}

const struct wins_stats *
wins_registrar_stats(const struct wins *w)
{
	return &w->stats;
}

bool
wins_writable(const struct wins *w)
{
	return store_writable(w->store) && !w->refusing;
}

size_t
wins_open_challenges(const struct wins *w)
{
	return w->nchallenges;
}

/* ---- what the other files of the engine need ---- */

const struct rec *
wins_look_up(struct wins *w, const struct nb_key *key, struct wall now, struct wins_look *ret)
{
	ret->staged = false;
	ret->found = store_peek(w->store, key, &ret->rec, &ret->staged);
	ret->env = w->env;
	ret->env.now = now;
	ret->env.next = store_next_version(w->store);
	if (w->host.held)
		ret->env.nheld =
		    (uint8_t)w->host.held(w->host.arg, key, ret->env.held, &ret->env.held_here);
	ret->env.near = w->near;
	ret->env.nnear = (uint16_t)w->nnear;
	ret->env.full = store_held(w->store).records >= w->conf.names_max;
	ret->env.uptime = now.s > w->started.s ? now.s - w->started.s : 0;
	return ret->found ? &ret->rec : NULL;
}

#define FEW_MIN       25 /* names of a server with all its services */
#define FEW_ANY       1000
#define RESERVED_PART 10 /* the last tenth of the places */

uint32_t
wins_few(const struct wins *w)
{
	uint32_t most = w->conf.names_per_address;

	if (!most)
		return FEW_ANY;
	return most / RESERVED_PART > FEW_MIN ? most / RESERVED_PART : FEW_MIN;
}

const struct rec *
wins_look_up_claim(struct wins *w, const struct reg_in *in, struct wall now, struct wins_look *ret)
{
	const struct rec *cur = wins_look_up(w, &in->key, now, ret);
	uint32_t most = w->conf.names_per_address, has;

	if (cur)
		return cur;
	has = store_names_of(w->store, in->from);
	ret->env.crowded = most && has >= most;
	ret->env.reserved =
	    store_held(w->store).records >= w->conf.names_max - w->conf.names_max / RESERVED_PART &&
	    has >= wins_few(w);
	return NULL;
}

int
wins_key_compare(const struct nb_key *a, const struct nb_key *b)
{
	int d = memcmp(a->name.b, b->name.b, NB_NAME_LEN);

	if (!d)
		d = (int)a->scope.len - (int)b->scope.len;
	return d ? d : memcmp(a->scope.b, b->scope.b, a->scope.len);
}

void
wins_probe(
    struct wins *w, const struct wins_path *from, const struct txn *x, const struct nb_key *key)
{
	struct wins_path path = *from;
	struct wins_reply *r;
	struct nb_msg m;

	path.peer = x->peer;
	path.port = WINS_NB_PORT;
	r = wins_reply_new(w, &path);
	if (!r)
		return;
	m.id = x->id;
	m.kind = NB_QUERY_REQ;
	m.flags = 0;
	m.key = *key;
	m.rr_type = NB_TYPE_NB;
	m.naddr = 0;
	r->out.len = (uint16_t)nb_encode(&m, r->out.data, sizeof(r->out.data));
	wins_count(&w->stats.n[WS_PROBES_SENT]);
}

struct wins_path
wins_path_to(const struct wins *w, struct ip4 peer)
{
	return (struct wins_path){
		.peer = peer,
		.local = w->conf.nself ? w->conf.self[0] : IP4_ANY,
		.port = WINS_NB_PORT,
	};
}

void
wins_tell(struct wins *w, int event, const struct nb_key *key, struct ip4 peer, struct ip4 other,
    uint64_t number, uint16_t rule, struct wall now)
{
	struct event ev = { .id = (uint16_t)event,
		.when = now,
		.rule = rule,
		.has_key = key != NULL,
		.peer = peer,
		.other = other,
		.number = number };

	if (key)
		ev.key = *key;
	w->host.event(w->host.arg, &ev);
}

/* ---- memory that is out ---- */

int
wins_lacks(struct wins *w, int err)
{
	if (err == NBT_ENOMEM) {
		w->lacked++;
		wins_count(&w->stats.n[WS_NO_MEMORY]);
	}
	return err;
}

void *
wins_alloc(struct wins *w, size_t size)
{
	void *p = calloc(1, size);

	if (!p)
		(void)wins_lacks(w, NBT_ENOMEM);
	return p;
}

void
wins_tell_lack(struct wins *w, struct wall now)
{
	if (!w->lacked)
		return;
	wins_tell(w, EV_NO_MEMORY, NULL, IP4_ANY, IP4_ANY, w->lacked, 0, now);
	w->lacked = 0;
}

/* ---- packets in ---- */

static void
count_request(struct wins *w, const struct nb_msg *m)
{
	bool group = m->addr[0].flags & NB_G;
	unsigned op = nb_opcode(m);

	if (op == NB_OP_REFRESH || op == NB_OP_REFRESH_ALT)
		wins_count(&w->stats.n[group ? WS_REFRESH_GROUP : WS_REFRESH_UNIQUE]);
	else
		wins_count(&w->stats.n[group ? WS_REGISTER_GROUP : WS_REGISTER_UNIQUE]);
	if (op == NB_OP_MULTIHOMED)
		wins_count(&w->stats.n[WS_REGISTER_MULTIHOMED]);
	if (op == NB_OP_REFRESH_ALT)
		wins_count(&w->stats.n[WS_REFRESH_9]);
}

static void
release(
    struct wins *w, struct asked *a, const struct release_in *in, struct mono mnow, struct wall now)
{
	struct wins_look look;
	const struct rec *cur;
	struct verdict v;
	int err;

	do {
		cur = wins_look_up(w, &in->key, now, &look);
		v = rule_release(cur, in, &look.env);
		a->staged = look.staged;
		err = apply(w, &v, cur, a);
	} while (apply_again(w, err, now));

	if (v.action == ACT_WRITE && v.next.state == REC_ACTIVE && v.next.type == REC_MULTIHOMED)
		doctor_half_released(w, &v.next, in->ip, a->path, mnow, now);
	tell_decision(w, &v,
	    &(struct subject){ .key = &in->key, .cur = cur, .sender = in->from, .address = in->ip },
	    now);
}

/* The domain master browser's address, whose place in a full 1C list is safe (netbt 3.2). */
static struct ip4
find_pdc(struct wins *w, const struct nb_key *key)
{
	struct nb_key pdc = *key;
	struct rec rec;
	bool staged;

	if (nb_suffix(key) != 0x1c)
		return IP4_ANY;
	pdc.name.b[NB_NAME_LEN - 1] = 0x1b;
	if (!store_peek(w->store, &pdc, &rec, &staged) || rec.state != REC_ACTIVE || !rec.naddr)
		return IP4_ANY;
	return rec.addr[0].ip;
}

static void
request_in(struct wins *w, const struct nb_msg *m, const struct wins_path *path, struct mono mnow,
    struct wall now)
{
	struct asked a = { .path = path,
		.id = m->id,
		.flags = m->flags,
		.key = m->key,
		.ttl = m->ttl,
		.addr = m->addr[0] };

	if (m->kind == NB_RELEASE_REQ) {
		struct release_in in = { .key = m->key,
			.flags = m->addr[0].flags,
			.ip = m->addr[0].ip,
			.from = path->peer };

		wins_count(&w->stats.n[WS_RELEASES]);
		release(w, &a, &in, mnow, now);
	} else {
		struct reg_in in = { .key = m->key,
			.opcode = (uint8_t)nb_opcode(m),
			.flags = m->addr[0].flags,
			.ip = m->addr[0].ip,
			.from = path->peer,
			.pdc = find_pdc(w, &m->key) };

		count_request(w, m);
		challenge_claim(w, &a, &in, mnow, now);
	}
}

/* A response counts only from the address asked, for an open question with its id. */
static void
answer_in(struct wins *w, const struct nb_msg *m, const struct wins_path *path, struct mono mnow,
    struct wall now)
{
	struct txn *x = txn_match(&w->txns, path->peer, m->id);
	bool release = m->kind == NB_RELEASE_RESP;

	if (!x || release != (x->asker == ASKER_DEMAND)) {
		wins_count(&w->stats.drop[NB_DROP_NO_TRANSACTION]);
		if (!release)
			wins_count(&w->stats.n[WS_PROBES_IGNORED]);
	} else if (release) {
		demands_answer(w, x);
	} else if (x->asker == ASKER_DOCTOR) {
		doctor_answer(w, x, m, mnow, now);
	} else {
		challenge_answer(w, x, m, mnow, now);
	}
}

void
wins_in(struct wins *w, const uint8_t *packet, size_t len, const struct wins_path *path,
    struct mono mnow, struct wall now)
{
	enum nb_drop drop;
	struct nb_msg m;

	drop = nb_decode(packet, len, &m);
	if (!drop && m.flags & NB_F_B)
		drop = NB_DROP_BROADCAST;
	if (!drop)
		switch ((enum nb_kind)m.kind) {
		case NB_REGISTER_REQ:
		case NB_REFRESH_REQ:
		case NB_RELEASE_REQ:
			if (w->paused)
				wins_count(&w->stats.n[WS_PAUSED]);
			else
				request_in(w, &m, path, mnow, now);
			return;
		case NB_QUERY_OK:
		case NB_QUERY_FAIL:
		case NB_RELEASE_RESP:
			answer_in(w, &m, path, mnow, now);
			return;
		case NB_REGISTER_RESP:
		case NB_WACK:
		case NB_REDIRECT:
		case NB_STATUS_RESP:
			drop = NB_DROP_NO_TRANSACTION;
			break;
		default:
			drop = NB_DROP_NOT_FOR_US;
		}
	wins_count(&w->stats.drop[drop]);
}

/* ---- time ---- */

static void
scavenge_one(struct wins *w, const struct nb_key *key, struct wall now, int *ret_err)
{
	struct wins_look look;
	const struct rec *cur = wins_look_up(w, key, now, &look);
	struct verdict v;

	/* A batch that already changed the record decides first; it comes up again after it. */
	if (look.staged || !cur)
		return;
	v = rule_due(cur, &look.env);
	if (v.action == ACT_DELETE)
		v.next.key = *key; /* all that apply needs of it */
	*ret_err = apply(w, &v, cur, NULL);
	if (*ret_err)
		return;
	replica_scavenged(w, cur, &v);
	if (v.action == ACT_DELETE)
		w->scavenged[2]++;
	else if (v.action == ACT_WRITE && v.next.state != cur->state)
		w->scavenged[v.next.state == REC_TOMBSTONE]++;
}

/* For the rest of the second in which a commit failed, however the clock is set meanwhile. */
static bool
rests(const struct wins *w, struct wall now)
{
	return w->failed.s && w->failed.s == now.s;
}

static void
scavenge(struct wins *w, struct wall now)
{
	int err = 0;
	size_t n;

	if (rests(w, now) || w->paused) /* a tombstone needs a version */
		return;
	n = store_due(w->store, now, w->due, w->slice);
	for (size_t i = 0; i < n && !err; i++)
		scavenge_one(w, &w->due[i].key, now, &err);
	if (err && err != NBT_ELIMIT) /* a full batch goes on after its commit */
		w->failed = now;
	if (!n && w->scavenge_asked) {
		w->scavenge_asked = false;
		wins_tell(
		    w, EV_ADMIN_SCV_COMPLETED, NULL, IP4_ANY, IP4_ANY, w->scavenged_asked, 0, now);
	}
}

void
wins_admin_scavenge(struct wins *w, struct wall now)
{
	wins_tell(w, EV_ADMIN_SCV_INITIATED, NULL, IP4_ANY, IP4_ANY, 0, 0, now);
	w->scavenge_asked = true;
	w->scavenged_asked = 0;
}

void
wins_tick(struct wins *w, struct mono mnow, struct wall now)
{
	struct txn *x;
	bool again;

	while ((x = txn_due(&w->txns, mnow, &again)))
		if (x->asker == ASKER_DOCTOR)
			doctor_waited(w, x, again, mnow, now);
		else if (x->asker == ASKER_DEMAND)
			demands_waited(w, x, again);
		else
			challenge_waited(w, x, again, mnow, now);
	challenge_tick(w, mnow);
	doctor_tick(w, mnow, now);
	scavenge(w, now);
}

struct mono
wins_next(const struct wins *w, struct mono mnow, struct wall now)
{
	struct mono next = txn_next(&w->txns), doctor = doctor_next(w), at = MONO_NEVER;
	struct wall due = w->paused ? WALL_NEVER : store_next_due(w->store);

	if (doctor.ns < next.ns)
		next = doctor;
	if (rests(w, now))
		at = mono_add_ms(mnow, 1000);
	else if ((w->scavenge_asked && !w->paused) || wall_reached(due, now))
		at = mnow;
	else if (due.s != WALL_NEVER.s)
		at = mono_add_ms(mnow, (int64_t)(due.s - now.s) * 1000);
	return at.ns < next.ns ? at : next;
}
