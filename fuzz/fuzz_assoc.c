/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes into an accepted connection of a replication engine on a small store: the first byte says how
 * they are split and whether a stranger sends them. Claims: whatever comes, every message sent can be
 * read, the engine comes to rest, and after the connection ended nothing of it is left. The store stays
 * over the inputs, as a server's does. Layer: fuzz.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "repl/repl.h"

#define SELF    IP4(192, 0, 2, 10)
#define PARTNER IP4(192, 0, 2, 11)
#define HANDLE  0x01010101u /* of the first association; seeds know it */
#define STEPS   100000

struct world {
	struct store *store;
	struct wins *wins;
	struct repl *repl;
	struct mono mnow;
	struct wall now;
	uint32_t random, conn;
};

static uint32_t
draw(void *arg)
{
	struct world *w = arg;

	return w->random++;
}

static void
hear(void *arg, const struct event *ev)
{
	char buf[EVENT_STRLEN];

	(void)event_print(ev, buf);
}

static struct repl_conf
configuration(void)
{
	return (struct repl_conf){ .self = SELF,
		.nself = 1,
		.own = { SELF },
		.npartners = 1,
		.partner = { { .address = PARTNER,
		    .pull = true,
		    .push = true,
		    .pull_start = UINT32_MAX } },
		.only_partners = true,
		.propagate = true,
		.message_timeout = 30,
		.idle_timeout = 60,
		.connections_max = 4,
		.range_max = 1000,
		.reply_memory = 1 << 20,
		.pause = REPL_PAUSE_NEVER,
		.check_start = UINT32_MAX,
		.skew_limit = 60 };
}

static struct world *
make(void)
{
	struct wins_conf wins = { .chl_interval_ms = 500,
		.chl_tries = 3,
		.challenges_max = 100,
		.names_max = 10000,
		.scavenge_slice = 100 };
	struct world *w = calloc(1, sizeof(*w));
	struct wins_host wins_host = { .arg = w, .random = draw, .event = hear };
	struct repl_host repl_host = { .arg = w, .random = draw, .event = hear };
	struct repl_conf conf = configuration();
	struct store_opts opts = { 0 };
	struct store_report report;
	char dir[] = "/tmp/winsome-fuzz-XXXXXX", cmd[64];

	must(w && mkdtemp(dir));
	w->mnow.ns = 1000000000;
	w->now.s = 1700000000;
	store_reader_register();
	must(vfs_posix_open(dir, &opts.vfs) == 0);
	must(store_open(&opts, &w->store, &report) == 0);
	must(wins_new(&wins, w->store, &wins_host, w->now, &w->wins) == 0);
	must(repl_new(&conf, w->store, w->wins, &repl_host, false, w->mnow, w->now, &w->repl) == 0);
	/* The files are open: their names are of no use any more. */
	strcpy(cmd, "rm -rf ");
	strcat(cmd, dir);
	must(system(cmd) == 0);
	return w;
}

static void
drain(struct world *w)
{
	struct wrepl_msg m;
	struct repl_out out;

	while (repl_out(w->repl, &out)) {
		if (out.what == REPL_SEND) {
			must(wrepl_frame(out.data) == out.len);
			must(wrepl_decode(out.data, out.len, &m) == WREPL_DROP_NONE);
			repl_sent(w->repl, out.conn, out.len, w->mnow);
		} else if (out.what == REPL_CLOSE) {
			repl_closed(w->repl, out.conn, w->mnow, w->now);
		} else if (out.what == REPL_CONNECT) {
			repl_connected(w->repl, out.conn, NBT_EIO, w->mnow, w->now);
		}
		free(out.data);
	}
}

static void
rest(struct world *w)
{
	unsigned steps = 0;

	do {
		drain(w);
		must(steps++ < STEPS);
	} while (repl_step(w->repl, w->mnow, w->now));
	drain(w);
	while (wins_out(w->wins))
		;
}

static void
pass(struct world *w, uint32_t seconds)
{
	w->mnow = mono_add_ms(w->mnow, (int64_t)seconds * 1000);
	w->now.s += seconds;
	wins_tick(w->wins, w->mnow, w->now);
	(void)wins_commit(w->wins, w->now);
	repl_tick(w->repl, w->mnow, w->now);
	rest(w);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct world
	    *w; /* one store for all inputs: making one takes longer than an input */
	struct repl_stats stats;
	uint32_t conn;
	size_t most;

	if (!len)
		return 0;
	if (!w)
		w = make();
	w->random = HANDLE;
	conn = w->conn++ & 0xffff;
	most = (data[0] >> 1) + 1u;
	if (!repl_accepted(
		w->repl, conn, data[0] & 1 ? IP4(203, 0, 113, 1) : PARTNER, w->mnow, w->now))
		abort();
	for (size_t i = 1; i < len; i += most) {
		(void)repl_data(
		    w->repl, conn, data + i, len - i < most ? len - i : most, w->mnow, w->now);
		rest(w);
	}
	pass(w, 1);
	repl_closed(w->repl, conn, w->mnow, w->now);
	rest(w);
	for (int i = 0; i < 4; i++)
		pass(w, 60);
	repl_stats(w->repl, &stats);
	must(stats.connections == 0 && stats.reply_bytes == 0);
	return 0;
}
