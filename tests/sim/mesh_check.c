/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must be true in the simulation: of each message that says a record, and when all is quiet. See
 * mesh_world.h; which fields agree, and where Windows' rules leave servers apart, is in
 * doc/design/replication.md.
 */
#include <stdlib.h>
#include <string.h>

#include "mesh_world.h"

#define REPLY_BYTES 65536

/* ---- one version, one record ---- */

struct said {
	struct ip4 owner;
	uint64_t version; /* 0: the place is free */
	uint64_t name, content;
};

static uint64_t
hash_of(const void *bytes, size_t len, uint64_t h)
{
	const uint8_t *p = bytes;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001b3u;
	return h;
}

static struct said *
said_at(struct said *v, size_t cap, struct ip4 owner, uint64_t version)
{
	size_t i = (owner.v * 0x9e3779b97f4a7c15u ^ version * 0xbf58476d1ce4e5b9u) % cap;

	while (v[i].version && (v[i].version != version || !ip4_eq(v[i].owner, owner)))
		i = (i + 1) % cap;
	return &v[i];
}

static struct said *
said_put(struct mesh *m, struct ip4 owner, uint64_t version)
{
	struct said *more, *s;

	if (2 * m->nsaid >= m->cap_said) {
		size_t cap = m->cap_said ? 2 * m->cap_said : 4096;

		more = calloc(cap, sizeof(*more));
		mesh_must(more, "memory");
		for (size_t i = 0; i < m->cap_said; i++)
			if (m->said[i].version)
				*said_at(more, cap, m->said[i].owner, m->said[i].version) =
				    m->said[i];
		free(m->said);
		m->said = more;
		m->cap_said = cap;
	}
	s = said_at(m->said, m->cap_said, owner, version);
	m->nsaid += !s->version;
	return s;
}

static void
trace_record(
    struct mesh *m, const struct mserver *from, struct ip4 owner, const struct wrepl_record *r)
{
	char text[REC_ADDR_MAX * 32] = "", key[NB_KEY_STRLEN];
	size_t len = 0;

	for (unsigned i = 0; m->trace && i < r->naddr; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, " %u/%u",
		    r->addr[i].ip.v & 0xffff, (r->addr[i].owner.v & 0xff) - 1);
	mesh_trace(m, "server %u says %u/%llu is %s type %u state %u:%s", from->id,
	    (owner.v & 0xff) - 1, (unsigned long long)r->version, nb_key_print(&r->key, key),
	    r->type, r->state, text);
}

/*
 * The name under a version never changes, and of a name with one holder nothing does. Lists of members
 * are merged under the version that brought them (3.9.3, 3.9.4), so only what the owner itself says of
 * them is one thing.
 */
static void
check_record(struct mesh *m, struct mserver *from, struct ip4 owner, const struct wrepl_record *r)
{
	bool by_owner = ip4_eq(owner, SERVER_IP(from->id));
	struct said *s = said_put(m, owner, r->version), now = { owner, r->version, 0, 0 };
	bool merged = (r->type == REC_SPECIAL || r->type == REC_MULTIHOMED) && !by_owner;
	struct mserver *o = &m->server[(owner.v & 0xff) - 1];
	char key[NB_KEY_STRLEN];

	if (by_owner && r->version > o->exposed)
		o->exposed = r->version;
	if (o->unsure)
		return;
	now.name = hash_of(r->key.name.b, NB_NAME_LEN, 1);
	if (!merged) {
		now.content = hash_of(&r->type, 2, 1);
		for (unsigned i = 0; i < r->naddr; i++)
			now.content += hash_of(&r->addr[i], sizeof(r->addr[i]), 1);
	}
	if (s->version && s->name != now.name)
		mesh_fault(m,
		    "server %u says %s under a version of %u that is another name's: %llu",
		    from->id, nb_key_print(&r->key, key), o->id, (unsigned long long)r->version);
	else if (s->version && s->content && now.content && s->content != now.content)
		mesh_fault(m, "server %u says another %s under version %llu of %u", from->id,
		    nb_key_print(&r->key, key), (unsigned long long)r->version, o->id);
	if (!s->version)
		*s = now;
	else if (!s->content)
		s->content = now.content;
}

void
check_records(struct mesh *m, struct mserver *from, struct ip4 owner, const struct wrepl_msg *msg)
{
	struct rd body = msg->body;
	struct wrepl_record r;

	for (uint32_t i = 0; i < msg->count; i++) {
		wrepl_record_next(&body, &r);
		m->records++;
		trace_record(m, from, owner, &r);
		if (r.state == REC_RELEASED)
			mesh_fault(m, "server %u sends a released record", from->id);
		check_record(m, from, owner, &r);
	}
}

/* ---- quiet ---- */

/* As a query sees it (2.7): a normal group is there whatever its state, and where its owner moved on it is
 * released; a group without members is not. */
static bool
is_answered(const struct rec *r)
{
	return r->type == REC_GROUP ||
	       (r->state == REC_ACTIVE && (r->type != REC_SPECIAL || r->naddr));
}

static bool
active(const struct mserver *s, const struct nb_key *key, struct rec *ret)
{
	memset(ret, 0, sizeof(*ret));
	return store_get(s->store, key, ret) && is_answered(ret);
}

/* The owner of a record or member, from any server's point of view. */
static struct ip4
owner_of(const struct mserver *s, struct ip4 owner)
{
	return ip4_eq(owner, OWNER_SELF) ? SERVER_IP(s->id) : owner;
}

static bool
client_has(const struct client *c, struct ip4 ip)
{
	for (unsigned k = 0; k < c->ncards; k++)
		if (card_holds(&c->card[k]) && ip4_eq(HOST_IP((unsigned)c->card[k].host), ip))
			return true;
	return false;
}

/* Does anybody who has this name have this address? */
static bool
somebody_has(const struct mesh *m, const struct nb_key *key, struct ip4 ip)
{
	for (unsigned i = 0; i < m->nclients; i++)
		if (nb_key_eq(&m->client[i].key, key) && client_has(&m->client[i], ip))
			return true;
	return false;
}

/* A name of one computer has one holder; who is refused it is so by somebody. */
static bool
other_holds(const struct mesh *m, const struct client *c)
{
	for (unsigned i = 0; i < m->nclients; i++) {
		const struct client *o = &m->client[i];

		if (o != c && nb_key_eq(&o->key, &c->key) && card_holds(&o->card[0]))
			return true;
	}
	return false;
}

static void
check_held(struct mesh *m, const struct client *c)
{
	bool other = !kind_is_group(c->kind) && other_holds(m, c);
	struct rec r;

	if (other && card_holds(&c->card[0]))
		mesh_fault(m, "%.15s: two computers have it", c->key.name.b);
	for (unsigned k = 0; k < c->ncards; k++)
		if (c->alive && !c->gave_up && !card_holds(&c->card[k]) && !other)
			mesh_fault(
			    m, "%.15s: card %u has state %u", c->key.name.b, k, c->card[k].state);
	for (unsigned i = 0; i < m->nservers; i++)
		for (unsigned k = 0; k < c->ncards; k++) {
			const struct card *card = &c->card[k];

			if (!card_holds(card))
				continue;
			if (!active(&m->server[i], &c->key, &r))
				mesh_fault(m, "%.15s on %d, held at server %u: server %u lost it",
				    c->key.name.b, card->host, card->server, i);
			else if (c->kind != KIND_GROUP &&
				 rec_find(&r, HOST_IP((unsigned)card->host)) < 0)
				mesh_fault(m, "%.15s: server %u does not list %d, held at %u",
				    c->key.name.b, i, card->host, card->server);
		}
}

/*
 * Members of a group go when the server that took them says so, which only its partners hear: to others it
 * looks as if who told them had not heard of the member yet (doc/design/replication.md).
 */
static bool
is_told_whole(const struct mesh *m, const struct rec *r)
{
	return r->type != REC_SPECIAL || m->hops <= 1;
}

/* Q184832: an address that nobody has. */
static void
check_ghosts(struct mesh *m, const struct mserver *s, const struct rec *r)
{
	if (r->type == REC_GROUP)
		return;
	for (int i = 0; i < r->naddr; i++)
		if (!somebody_has(m, &r->key, r->addr[i].ip))
			mesh_fault(m,
			    "%.15s: server %u lists %u, a ghost of server %u, in a record of %u",
			    r->key.name.b, s->id, r->addr[i].ip.v & 0xffff,
			    (owner_of(s, r->addr[i].owner).v & 0xff) - 1,
			    (owner_of(s, r->owner).v & 0xff) - 1);
}

/*
 * Type and addresses are the same everywhere. A record belongs to the server where its holder refreshed
 * last; when that is now this one and now that one, its owner and version are always on their way: with
 * groups, and with cards that have different servers.
 */
static bool
agree(const struct mserver *a, const struct rec *x, const struct mserver *b, const struct rec *y)
{
	if (x->type != y->type || x->naddr != y->naddr)
		return false;
	for (int i = 0; i < x->naddr; i++)
		if (rec_find(y, x->addr[i].ip) < 0)
			return false;
	return x->type != REC_UNIQUE || (x->version.v == y->version.v && x->node == y->node &&
					    ip4_eq(owner_of(a, x->owner), owner_of(b, y->owner)));
}

static void
check_agreement(struct mesh *m, const struct mserver *s)
{
	const struct nb_key *at = NULL;
	struct rec r, other;

	for (memset(&r, 0, sizeof(r)); store_by_name(s->store, at, false, &r); at = &r.key) {
		if (r.state != REC_ACTIVE || !is_answered(&r) || !is_told_whole(m, &r))
			continue;
		check_ghosts(m, s, &r);
		for (unsigned i = 0; i < m->nservers; i++) {
			const struct mserver *o = &m->server[i];

			if (!active(o, &r.key, &other))
				mesh_fault(m, "%.15s: active at server %u, not at %u", r.key.name.b,
				    s->id, i);
			else if (!agree(s, &r, o, &other))
				mesh_fault(m,
				    "%.15s: server %u has owner %u version %llu naddr %u, server "
				    "%u "
				    "owner %u version %llu naddr %u",
				    r.key.name.b, s->id, (owner_of(s, r.owner).v & 0xff) - 1,
				    (unsigned long long)r.version.v, r.naddr, i,
				    (owner_of(o, other.owner).v & 0xff) - 1,
				    (unsigned long long)other.version.v, other.naddr);
		}
	}
}

static void
check_known(struct mesh *m, const struct mserver *s)
{
	struct repl_stats stats;

	for (unsigned i = 0; i < m->nservers; i++) {
		const struct mserver *o = &m->server[i];
		uint64_t known = store_known(s->store, SERVER_IP(i)).v;

		if (i == s->id)
			continue;
		/* Groups take a new version when a member refreshes at another server, so there are always
		 * some that are on their way. */
		if (known < o->given - 1 || known >= o->seen_next)
			mesh_fault(m,
			    "server %u knows %llu of server %u, which gave %llu, then %llu", s->id,
			    (unsigned long long)known, i, (unsigned long long)(o->given - 1),
			    (unsigned long long)(o->seen_next - 1));
	}
	repl_stats(s->repl, &stats);
	if (stats.paused)
		mesh_fault(m, "server %u is paused", s->id);
	if (stats.reply_bytes > REPLY_BYTES) /* a pull may be under way */
		mesh_fault(m, "server %u has %zu bytes to send", s->id, stats.reply_bytes);
	/* Each way two, of each kind, and the temporary ones of the last minutes. */
	if (stats.connections > 8 * repl_partners(s->repl) + 8)
		mesh_fault(m, "server %u has %zu connections with %zu partners", s->id,
		    stats.connections, repl_partners(s->repl));
	if (wins_open_challenges(s->wins))
		mesh_fault(m, "server %u has %zu challenges", s->id, wins_open_challenges(s->wins));
	if (store_records(s->store) > m->nclients)
		mesh_fault(m, "server %u has %llu records of %u names", s->id,
		    (unsigned long long)store_records(s->store), m->nclients);
}

void
check_quiet(struct mesh *m)
{
	for (unsigned i = 0; i < m->nclients; i++)
		check_held(m, &m->client[i]);
	for (unsigned i = 0; i < m->nservers; i++) {
		check_agreement(m, &m->server[i]);
		check_known(m, &m->server[i]);
	}
}

void
check_end(struct mesh *m)
{
	free(m->said);
}
