/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that is out: whichever allocation fails, of those that packets, partners and time cause, it is counted
 * and told, and the engine goes on. Allocations are counted by the linker's wrapping (meson.build).
 */
#include "../support/wrapped.h"
#include "wins_net.h"

#define OWNER    HOST(10)
#define CLAIMANT HOST(20)
#define PARTNER  IP4(198, 51, 100, 1)

static unsigned fail_at; /* the allocation that fails, counted down; 0: none */
static bool all_fail;

static bool
on_alloc(void)
{
	return !all_fail && !(fail_at && !--fail_at);
}

static void
on_free_or_lock(void)
{
}

static void
drain(struct net *n)
{
	(void)wins_commit(n->w, n->now);
	while (wins_out(n->w))
		;
}

static struct rec
replica(const char *name, uint8_t type, struct ip4 ip)
{
	struct rec r;

	memset(&r, 0, sizeof(r));
	r.key = net_key(name);
	r.type = type;
	r.owner = PARTNER;
	r.version.v = 9;
	r.naddr = type != REC_GROUP;
	r.addr[0] = (struct rec_addr){ .ip = ip, .owner = PARTNER };
	return r;
}

/* One of each thing that makes the engine want memory. */
static void
a_claim(struct net *n)
{
	net_ask(n, NB_OP_REGISTER, 5, "PC<20>", 0, CLAIMANT);
}

static void
a_refused_claim(struct net *n)
{
	struct wins_path path;
	struct nb_msg m;

	a_claim(n);
	(void)wins_commit(n->w, n->now);
	while (net_out(n, &m, &path))
		if (m.kind == NB_QUERY_REQ)
			net_node_answers(n, &m, path.peer, 1, &path.peer);
}

static void
a_half_release(struct net *n)
{
	net_ask(n, NB_OP_RELEASE, 5, "MULTI<20>", 0, HOST(12));
	net_pass_ms(n, 1000);
}

static void
a_replica_that_waits(struct net *n)
{
	struct rec r = replica("PC<20>", REC_UNIQUE, CLAIMANT);

	(void)wins_replica(n->w, &r, 7, n->mnow, n->now);
	wins_pull_forget(n->w, 7);
}

static void
a_replica_that_demands(struct net *n)
{
	struct rec r = replica("PC<20>", REC_GROUP, CLAIMANT);

	(void)wins_replica(n->w, &r, 7, n->mnow, n->now);
}

static void
a_name_with_a_scope(struct net *n)
{
	struct nb_msg m = net_request(NB_OP_REGISTER, 5, "SCOPED<20>", 0, CLAIMANT);

	m.key.scope.len = 4;
	memcpy(m.key.scope.b, "\3ABC", 4);
	net_send(n, &m, CLAIMANT, 137);
}

static void (*const things[])(struct net *) = { a_claim, a_refused_claim, a_half_release,
	a_replica_that_waits, a_replica_that_demands, a_name_with_a_scope };
#define NTHINGS (sizeof(things) / sizeof(*things))

static void
up(struct net *n)
{
	struct ip4 both[] = { HOST(11), HOST(12) };
	struct nb_msg probe;

	net_init(n);
	n->conf.half_release = WINS_HALF_LOG;
	n->conf.doctor_max = 10;
	assert_int_equal(wins_reconf(n->w, &n->conf, n->now), 0);
	net_registers(n, NB_OP_REGISTER, "PC<20>", 0, OWNER);
	net_registers(n, NB_OP_MULTIHOMED, "MULTI<20>", 0, HOST(11));
	net_ask(n, NB_OP_MULTIHOMED, 2, "MULTI<20>", 0, HOST(12));
	probe = net_expect_challenge(n, HOST(12), HOST(11));
	net_node_answers(n, &probe, HOST(11), 2, both);
	drain(n);
	n->nevents = 0;
}

/* The first allocation fails, then the second, and so on until the thing is done with none that failed. */
static void
every_allocation_that_fails_is_counted_and_told(void **state)
{
	unsigned failed = 0;
	struct net n;

	(void)state;
	for (size_t i = 0; i < NTHINGS; i++)
		for (unsigned k = 1;; k++) {
			bool hit;

			up(&n);
			fail_at = k;
			things[i](&n);
			drain(&n);
			hit = !fail_at;
			fail_at = 0;
			if (hit &&
			    (net_count(&n, WS_NO_MEMORY) != 1 || !net_told(&n, EV_NO_MEMORY)))
				fail_msg("thing %zu, allocation %u: not told", i, k);
			assert_int_equal(net_told(&n, EV_NO_MEMORY), hit);
			assert_false(net_told(&n, EV_PROBE_TABLE_FULL));
			/* It goes on. */
			net_registers(&n, NB_OP_REGISTER, "NEXT<20>", 0, CLAIMANT);
			net_end(&n);
			if (!hit)
				break;
			failed++;
		}
	assert_true(failed >= 10);
}

static void
many_that_fail_are_one_event_of_their_batch(void **state)
{
	struct net n;

	(void)state;
	up(&n);
	all_fail = true;
	for (uint16_t id = 100; id < 140; id++)
		net_ask(&n, NB_OP_REGISTER, id, "PC<20>", 0, CLAIMANT);
	all_fail = false;
	drain(&n);
	assert_int_equal(net_count(&n, WS_NO_MEMORY), 40);
	assert_int_equal(n.nevents, 1);
	assert_int_equal(n.events[0].id, EV_NO_MEMORY);
	assert_int_equal(n.events[0].number, 40);
	drain(&n);
	assert_int_equal(n.nevents, 1);
	net_end(&n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_allocation_that_fails_is_counted_and_told),
		cmocka_unit_test(many_that_fail_are_one_event_of_their_batch),
	};

	return cmocka_run_group_tests_name("wins_memory", tests, NULL, NULL);
}
