/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's front: its life, packets in by kind, time. Layer: node. See node.h.
 */
#include "node/node.h"

#include <assert.h>
#include <stdlib.h>

#include "node/defend.h"
#include "node/engine.h"
#include "node/lookup.h"
#include "node/release.h"

#define CACHE_MAX 4096 /* names of others that are remembered */

/* ---- life ---- */

void
node_conf_init(struct node_conf *conf)
{
	*conf = (struct node_conf){
		.refresh_opcode = NB_OP_REFRESH,
		.status_policy = NODE_STATUS_ON_LINK,
		.bcast_timeout_ms = 750,
		.bcast_count = 3,
		.server_timeout_ms = 1500,
		.server_count = 3,
		.wins_down_ms = 15000,
		.cache_ms = 600000,
		.conflict_ms = 1000,
		.initial_refresh_ms = 960000,
		.wack_max_s = 60,
		.settle_ms = 10000,
		.ttl = 300000,
		.status_rate = 10,
		.nblocked = 2,
		.blocked = { "WPAD           ", "ISATAP         " },
	};
}

int
node_new(
    const struct node_conf *conf, const struct node_host *host, struct mono now, struct node **ret)
{
	struct node *n = calloc(1, sizeof(*n));

	assert(conf->bcast_count && conf->server_count);
	if (!n)
		return NBT_ENOMEM;
	if (cache_new(CACHE_MAX, &n->cache)) {
		free(n);
		return NBT_ENOMEM;
	}
	n->conf = *conf;
	n->host = *host;
	n->reregister_again = now;
	n->partings_end = &n->partings;
	heap_init(&n->timers);
	txn_table_init(&n->txns, host->random, host->arg);
	node_cache_reload(n, now);
	*ret = n;
	return 0;
}

void
node_free(struct node *n)
{
	if (!n)
		return;
	lookup_free_all(n);
	release_free_all(n);
	names_free_all(n);
	for (unsigned i = 0; i < n->nifs; i++)
		free(n->ifs[i]);
	lmhosts_free(n->lmhosts);
	cache_free(n->cache);
	txn_table_release(&n->txns);
	heap_release(&n->timers);
	free(n->out);
	free(n);
}

/* ---- small things that all files use ---- */

unsigned
node_type(const struct node *n)
{
	if (n->conf.type)
		return n->conf.type;
	for (unsigned i = 0; i < n->nifs; i++)
		if (n->ifs[i]->c.nwins)
			return NODE_H;
	return NODE_B;
}

uint16_t
node_nb_flags(const struct node *n, bool group)
{
	uint16_t flags = group ? NB_G : 0;

	switch (node_type(n)) {
	case NODE_P:
		return flags | 0x2000;
	case NODE_M:
		return flags | 0x4000;
	case NODE_H:
		return flags | 0x6000;
	}
	return flags;
}

bool
node_blocked(const struct node *n, const struct nb_key *key)
{
	for (unsigned i = 0; i < n->conf.nblocked; i++)
		if (!memcmp(n->conf.blocked[i], key->name.b, sizeof(n->conf.blocked[i])))
			return true;
	return false;
}

void
node_tell(struct node *n, int event, const struct nb_key *key, struct ip4 peer, struct ip4 other,
    const char *text)
{
	struct event ev = {
		.id = (uint16_t)event, .has_key = key != NULL, .peer = peer, .other = other
	};

	if (key)
		ev.key = *key;
	strncpy(ev.text, text, sizeof(ev.text) - 1);
	n->host.event(n->host.arg, &ev);
}

const char *
node_state_text(int state)
{
	static const char *const text[] = { "Registering", "Registered", "Retrying", "Conflict",
		"Releasing", "Released" };

	assert(state >= 0 && (size_t)state < sizeof(text) / sizeof(*text));
	return text[state];
}

/* ---- packets in ---- */

static void
response_in(struct node *n, const struct nb_msg *m, const uint8_t *packet, size_t len,
    const struct node_path *path, struct mono now)
{
	if (ask_in(n, m, packet, len, path, now))
		return;
	n->stats.n[NS_ANSWERS_IGNORED]++;
	if (m->kind == NB_REGISTER_RESP && !nb_rcode(m))
		demand_late_grant(n, m, path, now);
	else if (m->kind == NB_REGISTER_RESP)
		demand_conflict(n, m, path, now);
	else if (m->kind == NB_RELEASE_RESP && !nb_rcode(m))
		demand_late_release(n, m, path, now);
}

static void
request_in(struct node *n, const struct nb_msg *m, const struct node_path *path, struct mono now)
{
	switch (m->kind) {
	case NB_REGISTER_REQ:
	case NB_REFRESH_REQ:
		defend_claim(n, m, path);
		break;
	case NB_QUERY_REQ:
		defend_query(n, m, path);
		break;
	case NB_RELEASE_REQ:
		demand_release(n, m, path, now);
		break;
	case NB_STATUS_REQ:
		status_answer(n, m, path, now);
		break;
	}
}

void
node_in(struct node *n, const uint8_t *packet, size_t len, const struct node_path *path,
    struct mono now)
{
	struct node_path how = *path;
	struct nb_msg m;
	enum nb_drop drop = nb_decode(packet, len, &m);

	if (drop) {
		n->stats.drop[drop]++;
		return;
	}
	if (!if_by_key(n, path->key))
		return;
	/* A packet that contradicts itself is taken for a broadcast: it gets no "no". */
	how.broadcast |= !!(m.flags & NB_F_B);
	if (m.flags & NB_F_R)
		response_in(n, &m, packet, len, &how, now);
	else if (!how.broadcast || node_type(n) != NODE_P)
		request_in(n, &m, &how, now);
	lookup_reap(n);
	names_tend(n, now);
}

/* ---- time ---- */

void
node_tick(struct node *n, struct mono now)
{
	struct heap_item *it;

	while ((it = heap_min(&n->timers)) && it->key <= now.ns) {
		struct timer *t = OWNER_OF(it, struct timer, item);

		t->fire(n, t, now);
	}
	lookup_reap(n);
	names_tend(n, now);
}

struct mono
node_next(const struct node *n)
{
	const struct heap_item *it = heap_min(&n->timers);

	return it ? (struct mono){ it->key } : MONO_NEVER;
}

/* ---- counters ---- */

static const char *const stat_names[NS_COUNT] = {
#define X(symbol, name, sentence) [NS_##symbol] = name,
#include "node/stats.def"
#undef X
};

const char *
node_stat_name(int stat)
{
	return stat_names[stat];
}

const struct node_stats *
node_stats(const struct node *n)
{
	return &n->stats;
}
