/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replication in a simulated world: up to a hundred servers and thousands of computers in rings, hubs,
 * meshes and random graphs of partners; packets are lost, doubled and late, connections break, servers
 * lose power, come back from older copies of their disk or with none, clocks differ and jump. When all is
 * quiet, what mesh_check.c says must be true.
 *
 * usage: sim_mesh [-t] [--from SEED] --count N
 *   -t prints every event; without arguments: the worlds of the normal test run
 */
#include <stdlib.h>
#include <string.h>

#include "mesh_world.h"

#define MINUTES(n) ((int64_t)(n)*MINUTE)

#define WORLDS 40 /* of the normal test run, beside the named ones */

/* Seeds that found something, and what must not be again. */
static const struct {
	uint64_t seed;
	const char *name;
} found[] = {
	{ 3, "an_address_that_changes_its_server_gets_a_new_version" },
	{ 5, "notices_do_not_put_planned_pulls_off" },
	{ 8, "a_dropped_member_does_not_go_round_in_a_mesh" },
	{ 12, "a_dead_address_leaves_its_partners_records" },
	{ 32, "a_group_that_moved_on_is_answered_everywhere" },
	{ 1028, "a_lost_disk_gives_no_version_again" },
	{ 1103, "versions_that_only_a_stranger_saw_are_leapt_over" },
	{ 702577, "a_spoke_that_dropped_a_member_hears_that_another_has_it" },
	{ 700411, "a_spoke_with_a_ghost_hears_of_new_members" },
	{ 701549, "a_dead_address_of_a_third_server_leaves_a_hubs_records" },
	{ 702413, "a_dead_address_passes_the_middle_of_a_hub" },
	{ 801233, "a_list_that_a_partner_merged_comes_back_under_a_new_version" },
	{ 802970, "a_dead_address_of_the_partners_does_not_cost_a_computer_its_name" },
	{ 804008, "a_restored_server_that_crashes_while_it_waits_waits_again" },
	{ 1259, "two_servers_that_verify_at_once_find_each_others_tombstones" },
};

/* ---- trouble ---- */

static void
divide(struct mesh *m)
{
	for (unsigned i = 0; i < m->nservers; i++)
		m->side[i] = (uint8_t)mesh_random(m, 2);
	for (unsigned i = 0; i < m->nclients; i++)
		m->client[i].side = m->side[m->client[i].home];
}

static void
unite(struct mesh *m)
{
	memset(m->side, 0, sizeof(m->side));
	for (unsigned i = 0; i < m->nclients; i++)
		m->client[i].side = 0;
}

/* One disk at a time is lost: when all are up, and what the last one lost has gone round again. */
static bool
may_lose_disk(const struct mesh *m)
{
	int64_t round = (int64_t)m->plan.pull_interval * (m->hops + 1) * 1000000000;

	for (unsigned i = 0; i < m->nservers; i++)
		if (!m->server[i].up || m->side[i] || m->now.ns - m->server[i].lost.ns < 3 * round)
			return false;
	return true;
}

static void
client_trouble(struct mesh *m)
{
	struct client *c = &m->client[mesh_random(m, m->nclients)];

	switch (mesh_random(m, 8)) {
	case 0:
		client_release(m, c);
		break;
	case 1:
		client_die(m, c);
		break;
	case 2: /* comes back elsewhere */
		client_die(m, c);
		c->home = mesh_random(m, m->nservers);
		c->side = m->side[c->home];
		client_register(m, c);
		break;
	case 3:
	case 4:
		client_move(m, c, mesh_random(m, 2));
		break;
	default:
		client_register(m, c);
	}
}

static void
server_trouble(struct mesh *m)
{
	struct mserver *s = &m->server[mesh_random(m, m->nservers)];

	switch (mesh_random(m, 8)) {
	case 0:
		server_crash(m, s);
		break;
	case 1:
		server_crash_soon(m, s);
		break;
	case 2: /* loses its disk, or gets an older one, and is back soon */
		if (!may_lose_disk(m))
			break;
		server_crash(m, s);
		server_start(m, s, mesh_random(m, 2) ? DISK_EMPTY : DISK_BACKUP);
		break;
	case 3:
		server_backup(m, s);
		break;
	case 4:
		if (s->up)
			(void)repl_pull_now(s->repl, IP4_ANY, m->now, server_wall(s));
		break;
	case 5:
		if (s->up)
			(void)repl_push_now(
			    s->repl, IP4_ANY, mesh_random(m, 2), m->now, server_wall(s));
		break;
	case 6:
		if (s->up)
			(void)repl_verify_now(s->repl, IP4_ANY, m->now, server_wall(s));
		break;
	case 7:
		if (m->plan.skew_max)
			s->skew += (int64_t)mesh_random(m, 1200) - 600;
		break;
	}
	server_poke(m, s);
}

static void
net_trouble(struct mesh *m)
{
	switch (mesh_random(m, 6)) {
	case 0:
		divide(m);
		break;
	case 1:
	case 2:
		unite(m);
		break;
	default:
		tcp_reset_some(m);
	}
}

static void
trouble(struct mesh *m)
{
	unsigned what = mesh_random(m, 16);

	if (what < 11)
		client_trouble(m);
	else if (what < 14)
		server_trouble(m);
	else
		net_trouble(m);
	for (unsigned i = 0; i < m->nservers; i++)
		if (!m->server[i].up && mesh_random(m, 12) == 0)
			server_start(m, &m->server[i], DISK_AS_IT_IS);
}

/* ---- quiet ---- */

static void
be_quiet(struct mesh *m)
{
	int64_t round = (int64_t)m->plan.pull_interval * SECOND * (m->hops + 1);

	m->loss = m->doubled = 0;
	m->delay_ms = 50;
	unite(m);
	for (unsigned i = 0; i < m->nservers; i++)
		server_spare(m, &m->server[i]);
	mesh_pass(m, round);
	/* Who was told to give its name up, or was refused it, is started again. */
	for (unsigned i = 0; i < m->nclients; i++)
		if (m->client[i].alive)
			client_register(m, &m->client[i]);
	/* What died without a word is released, dead, and known to be so. */
	mesh_pass(m, 4ll * m->plan.renewal * SECOND + 3 * round);
	m->quiet = true; /* nobody goes back to his own server any more */
	/* Consistency checking, as the plan of 3.10 does it each day. */
	for (unsigned n = 0; n < 3; n++) {
		for (unsigned i = 0; i < m->nservers; i++) {
			struct mserver *s = &m->server[i];

			(void)repl_verify_now(s->repl, IP4_ANY, m->now, server_wall(s));
			server_poke(m, s);
		}
		mesh_pass(m, MINUTES(10) + round);
	}
	for (unsigned i = 0; i < m->nservers; i++)
		m->server[i].given = m->server[i].seen_next;
	mesh_pass(m, 2 * round + MINUTES(5));
}

/* ---- a world ---- */

static struct plan
plan_of(uint64_t seed)
{
	struct mesh dice = { .random = seed * 7919 + 1 };
	struct plan p = { 0 };
	unsigned size = mesh_random(&dice, 16);

	p.nservers = size < 12   ? 2 + mesh_random(&dice, 4)
		     : size < 15 ? 5 + mesh_random(&dice, 6)
				 : 10 + mesh_random(&dice, 15);
	p.nclients = 8 + mesh_random(&dice, p.nservers * 12);
	p.graph = (uint8_t)mesh_random(&dice, 4);
	p.renewal = 2400;
	p.pull_interval = 60 + mesh_random(&dice, 600);
	p.loss = mesh_random(&dice, 2) * mesh_random(&dice, 200);
	p.doubled = mesh_random(&dice, 100);
	p.delay_ms = 1 + mesh_random(&dice, 1500);
	p.update_count = mesh_random(&dice, 2) * mesh_random(&dice, 30);
	p.persistent = mesh_random(&dice, 2);
	p.push_on_address = mesh_random(&dice, 3) == 0;
	p.contested = mesh_random(&dice, 2);
	p.skew_max = mesh_random(&dice, 2) ? 1 + mesh_random(&dice, 3600) : 0;
	return p;
}

struct outcome {
	uint64_t hash, faults;
};

static struct outcome
run(uint64_t seed, const struct plan *plan, FILE *trace)
{
	static const char *const graph[] = { "ring", "hub", "mesh", "random" };
	struct mesh *m = calloc(1, sizeof(*m));
	struct outcome o;
	unsigned troubles;

	mesh_must(m, "memory");
	mesh_init(m, seed, plan, trace);
	for (unsigned i = 0; i < m->nclients; i++)
		if (mesh_random(m, 8))
			client_register(m, &m->client[i]);
	troubles = 100 + mesh_random(m, 200);
	for (unsigned i = 0; i < troubles; i++) {
		trouble(m);
		mesh_pass(m, mesh_random(m, mesh_random(m, 2) ? 4 * MINUTE : 5 * SECOND));
	}
	be_quiet(m);
	check_quiet(m);
	printf(
	    "# seed %llu: %u servers (%s), %u computers, %.1f h, %llu events, %llu packets, %llu "
	    "records told, %llu crashes\n",
	    (unsigned long long)seed, m->nservers, graph[plan->graph], m->nclients,
	    (double)m->now.ns / 3.6e12, (unsigned long long)m->events,
	    (unsigned long long)m->packets, (unsigned long long)m->records,
	    (unsigned long long)m->crashes);
	mesh_end(m);
	o = (struct outcome){ m->hash, m->faults };
	free(m);
	return o;
}

static bool
result(unsigned n, bool good, const char *form, uint64_t seed)
{
	printf("%sok %u - ", good ? "" : "not ", n);
	if (strchr(form, '%'))
		printf(form, (unsigned long long)seed);
	else
		printf("%s", form);
	putchar('\n');
	fflush(stdout);
	return good;
}

/* A hundred servers, thousands of computers. */
static struct plan
large(void)
{
	struct plan p = plan_of(1);

	p.nservers = MESH_SERVERS_MAX;
	p.nclients = 3000;
	p.graph = GRAPH_HUB;
	p.pull_interval = 600;
	p.update_count = 0;
	return p;
}

static bool
repeats_itself(uint64_t seed)
{
	struct plan p = plan_of(seed);
	struct outcome a = run(seed, &p, NULL), b = run(seed, &p, NULL);

	return a.hash == b.hash && a.faults == b.faults;
}

/* The normal test run. */
static bool
suite(void)
{
	const unsigned nfound = sizeof(found) / sizeof(*found);
	struct plan p = large();
	bool good;
	unsigned n = 0;

	printf("1..%u\n", 2 + nfound + WORLDS);
	good = result(++n, repeats_itself(7), "seed_%llu_repeats_itself", 7);
	good &= result(++n, !run(1, &p, NULL).faults, "a_hundred_servers_come_to_rest", 0);
	for (unsigned i = 0; i < nfound; i++) {
		p = plan_of(found[i].seed);
		good &= result(++n, !run(found[i].seed, &p, NULL).faults, found[i].name, 0);
	}
	for (uint64_t seed = 10000; seed < 10000 + WORLDS; seed++) {
		p = plan_of(seed);
		good &= result(++n, !run(seed, &p, NULL).faults, "seed_%llu_comes_to_rest", seed);
	}
	return good;
}

static bool
campaign(uint64_t from, uint64_t count, FILE *trace)
{
	bool good = true;

	printf("1..%llu\n", (unsigned long long)count);
	for (uint64_t i = 0; i < count; i++) {
		struct plan p = plan_of(from + i);

		good &= result((unsigned)i + 1, !run(from + i, &p, trace).faults,
		    "seed_%llu_comes_to_rest", from + i);
	}
	return good;
}

static uint64_t
number(char **arg)
{
	if (!*arg) {
		fprintf(stderr, "usage: sim_mesh [-t] [--from SEED] [--count N]\n");
		exit(2);
	}
	return strtoull(*arg, NULL, 10);
}

int
main(int argc, char **argv)
{
	uint64_t from = 1, count = 0;
	FILE *trace = NULL;

	for (char **arg = argv + 1; *arg; arg++) {
		if (!strcmp(*arg, "-t"))
			trace = stdout;
		else if (!strcmp(*arg, "--from"))
			from = number(++arg);
		else if (!strcmp(*arg, "--count"))
			count = number(++arg);
	}
	return !(count ? campaign(from, count, trace) : suite());
}
