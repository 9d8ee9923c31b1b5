/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A partner that says anything: maps with numbers of all sizes, notices, records with versions and owners
 * that nobody asked for. Whatever it says in whatever order, an honest partner's records come in, and a
 * third, fresh server can pull all that there is. Seeded: the rounds are the same in every run.
 */
#include "repl_net.h"

#define ROUNDS   60
#define MESSAGES 30
#define HOSTILE  SITE(9)

/* Numbers at and about every bound, and some between. */
static uint64_t
number(struct world *w)
{
	uint64_t at = UINT64_C(1) << world_random(w) % 64;

	switch (world_random(w) % 6) {
	case 0:
		return world_random(w) % 20;
	case 1:
		return UINT64_MAX - world_random(w) % 3;
	case 2:
		return WREPL_VERSION_MAX - 1 + world_random(w) % 4;
	case 3:
		return at | world_random(w);
	default:
		return at - 1 + world_random(w) % 3;
	}
}

static struct ip4
owner(struct world *w)
{
	const struct ip4 rows[] = { SITE(0), SITE(1), HOSTILE, SITE(7), IP4_ANY, IP4_BROADCAST };

	return rows[world_random(w) % (sizeof(rows) / sizeof(*rows))];
}

static void
send_map(struct world *w, struct end *e, enum wrepl_kind kind, uint32_t handle)
{
	struct wrepl_msg m = { .kind = (uint8_t)kind, .handle = handle, .initiator = owner(w) };
	struct wrepl_owner v[8];

	m.count = 1 + world_random(w) % 8;
	m.propagate = world_random(w) % 2;
	for (uint32_t i = 0; i < m.count; i++)
		v[i] = (struct wrepl_owner){ .ip = owner(w), .max = number(w), .min = number(w) };
	raw_send(e, m, v);
}

static void
send_records(struct world *w, struct end *e, uint32_t handle, const struct wrepl_owner *wanted)
{
	uint8_t buf[8 * WREPL_RECORD_MAX];
	uint32_t count = world_random(w) % 8;
	size_t len = WREPL_RECORDS_HEAD;

	for (uint32_t i = 0; i < count; i++) {
		struct wrepl_record r = { .node = 3, .naddr = 1 };
		char name[32];

		snprintf(name, sizeof(name), "NAME%06u<20>", world_random(w) % 12);
		r.key = net_key(name);
		r.version = world_random(w) % 2 ? number(w) : wanted->max - world_random(w) % 3;
		r.addr[0].ip = HOST(200);
		len += wrepl_record_encode(&r, buf + len, sizeof(buf) - len);
	}
	wrepl_records_head(buf, handle, count, len);
	fifo_put(&raw_pipe(e)->end[1].in, buf, len);
}

/* Answers what the server asks over one of the connections, with anything. */
static void
answer(struct world *w, struct end *e)
{
	struct wrepl_msg m;
	uint8_t *bytes;

	for (unsigned n = 0; n < MESSAGES && raw_next(e, &m, &bytes); n++) {
		const uint32_t theirs = m.sender;

		free(bytes);
		if (m.kind == WREPL_START_REQ)
			raw_send(e,
			    (struct wrepl_msg){ .kind = WREPL_START_RESP,
				.handle = theirs,
				.sender = 1,
				.major = 2,
				.minor = 5 },
			    NULL);
		else if (m.kind == WREPL_MAP_REQ)
			send_map(w, e, WREPL_MAP_RESP, 0);
		else if (m.kind == WREPL_RECORDS_REQ)
			send_records(w, e, 0, &m.wanted);
		world_run(w);
		if (!raw_pipe(e)->used)
			return;
	}
}

/* One connection of ours, over which it is told of changes, and what it then asks. */
static void
attack(struct world *w)
{
	struct end *e = raw_open(w, 0, HOSTILE);

	if (!e)
		return;
	(void)raw_start(w, e);
	send_map(w, e, WREPL_NOTIFY, 0);
	world_run(w);
	if (raw_pipe(e)->used)
		answer(w, e);
	if (raw_pipe(e)->used)
		pipe_cut(w, raw_pipe(e));
	world_run(w);
}

/* The other way: it is pulled from. */
static void
pulled(struct world *w)
{
	w->answering = NULL;
	(void)repl_pull_now(w->s[0].r, world_random(w) % 2 ? HOSTILE : IP4_ANY, w->mnow, w->now);
	world_run(w);
	if (w->answering && raw_pipe(w->answering)->used)
		answer(w, w->answering);
	if (w->answering && raw_pipe(w->answering)->used)
		pipe_cut(w, raw_pipe(w->answering));
	w->answering = NULL;
	world_run(w);
}

static void
configure(struct world *w)
{
	for (int i = 0; i < 3; i++) {
		struct repl_conf *c = &w->s[i].conf;

		c->npartners = 0;
		for (int k = 0; k < 2; k++)
			if (k != i)
				c->partner[c->npartners++] = (struct repl_partner_conf){
					.address = SITE(k), .pull = true, .pull_start = UINT32_MAX
				};
	}
	w->s[0].conf.partner[w->s[0].conf.npartners++] = (struct repl_partner_conf){
		.address = HOSTILE, .pull = true, .pull_start = UINT32_MAX
	};
	w->s[0].conf.partner[w->s[0].conf.npartners++] =
	    (struct repl_partner_conf){ .address = SITE(2), .pull_start = UINT32_MAX };
	w->raw = HOSTILE;
}

static void
settle_all(struct world *w)
{
	for (int i = 0; i < 4; i++)
		world_pass(w, 60000);
}

static void
campaign(void **state, uint32_t seed)
{
	struct world *w = world_new(state, 3);
	struct rec rec;
	char name[32];

	w->random = seed;
	configure(w);
	server_open(w, 0, false);
	server_open(w, 1, false);
	server_fill(w, 0, 100, 10, 1);
	server_fill(w, 1, 200, 10, 1);
	for (unsigned i = 0; i < ROUNDS; i++) {
		if (world_random(w) % 2)
			attack(w);
		else
			pulled(w);
		world_pass(w, 1000);
		if (i % 10 == 5)
			server_fill(w, 1, 210 + i, 1, 1);
		if (i % 10 == 9)
			server_fill(w, 0, 110 + i, 1, 1);
	}
	settle_all(w);
	assert_true(store_next_version(w->s[0].n.store).v <= (UINT64_C(1) << 40) + 1000);
	/* An honest partner's records come in, once it has heard what was said of it (1.6). */
	for (unsigned i = 0; i < 2; i++) {
		server_pull(w, 1, SITE(0));
		settle_all(w);
		server_pull(w, 0, SITE(1));
		settle_all(w);
	}
	for (unsigned i = 200; i < 210; i++) {
		snprintf(name, sizeof(name), "NAME%06u<20>", i);
		assert_true(server_has(w, 0, name, &rec));
		assert_true(ip4_eq(rec.owner, SITE(1)));
	}
	/* A fresh server pulls all from the one that was attacked. */
	server_open(w, 2, false);
	w->s[2].conf.npartners = 1;
	repl_reconf(w->s[2].r, &w->s[2].conf, w->mnow, w->now);
	server_pull(w, 2, SITE(0));
	settle_all(w);
	for (unsigned i = 100; i < 210; i += i == 109 ? 91 : 1) {
		snprintf(name, sizeof(name), "NAME%06u<20>", i);
		assert_true(server_has(w, 2, name, &rec));
	}
	server_fill(w, 0, 300, 1, 1);
	server_pull(w, 2, SITE(0));
	assert_true(server_has(w, 2, "NAME000300<20>", &rec));
	for (unsigned i = 5; i < ROUNDS; i += 10) {
		snprintf(name, sizeof(name), "NAME%06u<20>", 210 + i);
		assert_true(server_has(w, 2, name, &rec));
	}
}

static void
whatever_a_partner_says_all_can_be_pulled(void **state)
{
	for (uint32_t seed = 1; seed <= 8; seed++) {
		print_message("# seed %u\n", seed);
		campaign(state, seed);
		if (seed < 8)
			(void)teardown(state);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(whatever_a_partner_says_all_can_be_pulled, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
