/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Autodiscovery (3.13): announcing this server, and making partners of those that announce
 * themselves. Layer: repl. Nothing proves who sent an announcement: it is an option, off by default.
 */
#include <stdlib.h>
#include <string.h>

#include "repl/engine.h"

void
discover_announce(struct repl *r, bool up)
{
	struct wrepl_discovery d = { .up = up };
	struct repl_out out = { .what = REPL_ANNOUNCE, .peer = WREPL_GROUP };

	d.addr[d.naddr++] = r->conf.self;
	for (unsigned i = 0; i < r->conf.nself && d.naddr < REC_ADDR_MAX; i++)
		if (!ip4_eq(r->conf.own[i], r->conf.self))
			d.addr[d.naddr++] = r->conf.own[i];
	out.data = malloc(WREPL_DISCOVERY_MAX);
	if (!out.data)
		return; /* the next one says it */
	out.len = wrepl_discovery_encode(&d, out.data);
	repl_push_out(r, &out);
}

void
discover_tick(struct repl *r)
{
	if (!r->conf.discover || !mono_reached(r->announce_due, r->mnow))
		return;
	r->announce_due = mono_add_s(r->mnow, r->conf.discover_interval);
	discover_announce(r, true);
}

static void
found(struct repl *r, struct ip4 ip)
{
	struct repl_partner_conf conf = { .address = ip,
		.pull = true,
		.push = true,
		.persistent = true,
		.pull_interval = FOUND_INTERVAL,
		.pull_start = UINT32_MAX };
	size_t before = r->npartners;

	if (!ip4_is_host(ip) || partner_add(r, &conf, true) || r->npartners == before)
		return;
	partner_first_pull(r, r->partner[before]);
	repl_tell(r, EV_PARTNER_FOUND, ip, IP4_ANY, 0, "");
}

static void
lost(struct repl *r, struct ip4 ip)
{
	struct partner *p = partner_of(r, ip);

	/* Those that an administrator made stay. */
	if (!p || !p->self_found)
		return;
	partner_remove(r, p);
	repl_tell(r, EV_PARTNER_LOST, ip, IP4_ANY, 0, "");
}

void
repl_discovered(struct repl *r, const uint8_t *bytes, size_t len, struct ip4 from, struct mono mnow,
    struct wall now)
{
	struct wrepl_discovery d;
	enum wrepl_drop drop = wrepl_discovery_decode(bytes, len, &d);
	bool sender = false;

	r->mnow = mnow;
	r->now = now;
	if (drop != WREPL_DROP_NONE) {
		r->stats.dropped[drop]++;
		return;
	}
	if (!r->conf.discover || repl_is_own(r, from))
		return;
	/* A server speaks for itself only. */
	for (unsigned i = 0; i < d.naddr; i++)
		sender |= ip4_eq(d.addr[i], from);
	for (unsigned i = 0; sender && i < d.naddr; i++) {
		if (d.up)
			found(r, d.addr[i]);
		else
			lost(r, d.addr[i]);
	}
}
