/* SPDX-License-Identifier: Apache-2.0 */
/*
 * winsd: arguments, configuration, privileges, threads, signals, and the order in which they begin
 * and end. Decides nothing about names. Layer: program.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "daemon/setup.h"
#include "io/clock.h"
#include "io/log.h"
#include "io/notify.h"
#include "nodehost/policy.h"
#include "control/control.h"
#include "winsd/addresses.h"
#include "ownnode/own_node.h"
#include "registrar/registrar.h"
#include "replnet/ask_clock.h"
#include "registrar/repl_conf.h"
#include "registrar/repl_host.h"
#include "front/tcp137.h"
#include "winsd/winsd.h"
#include "front/worker.h"

/* A port of replication that could not be had. */
struct unheard {
	const char *protocol;
	struct ip4 address;
	int uv_err;
};

struct host {
	struct winsd d;
	struct setup setup;
	uv_loop_t loop;
	uv_signal_t term, interrupt, hup;
	uv_async_t finished;
	uv_timer_t watchdog;
	uint64_t beats;
	struct control *control;
	struct tcp *tcp;
	struct own *own;
	struct repl_ask_clock *clock;
	struct unheard
	    passed_over[17]; /* each address of the option listen, and the announcements */
	unsigned npassed_over;
	bool ending;
};

struct wins_conf
winsd_wins_conf(const struct winsd *d, const struct conf *c)
{
	struct wins_conf w = {
		.intervals = { (uint32_t)c->renewal_interval, (uint32_t)c->extinction_interval,
		    (uint32_t)c->extinction_timeout, (uint32_t)c->verify_interval },
		.chl_interval_ms = (uint32_t)c->challenge_interval,
		.chl_tries = (uint32_t)c->challenge_retries,
		.challenges_max = (uint32_t)c->challenges_max,
		.names_max = c->names_max,
		.names_per_address = (uint32_t)c->names_per_address,
		.names_local_share = (uint32_t)c->names_local_share,
		.scavenge_slice = (uint32_t)c->scavenge_slice,
		.burst_handling = c->burst_handling,
		.migrate_on = c->migrate_on,
		.propagate_releases = c->propagate_releases,
		.strict_source = c->strict_source,
		.challenge_released = c->challenge_released,
		.prepend_1b = c->prepend_1b,
		.randomize_1c = c->randomize_1c,
		.verify_replicas = c->replication_verify_replicas,
		.settle_conflicts = c->replication_settle_conflicts,
		.server = d->server_address,
		.half_release = (uint8_t)c->half_release,
		.half_release_delay = (uint32_t)c->half_release_delay,
		.doctor_max = (uint32_t)c->doctor_max,
		.nself = d->nself,
		.nblocked = c->blocked_names.n,
		.nexcluded = c->doctor_excluded_networks.n,
	};

	memcpy(w.self, d->self, sizeof(w.self));
	memcpy(w.blocked, c->blocked_names.name, sizeof(w.blocked));
	memcpy(w.excluded, c->doctor_excluded_networks.net, sizeof(w.excluded));
	return w;
}

/* What a reload changes outside the engine. */
static void
take_over(struct winsd *d, const struct conf *conf)
{
	log_set_level((enum log_level)conf->log_level);
	atomic_store(&d->live.burst_handling, conf->burst_handling);
	atomic_store(&d->live.burst_queue, (unsigned)conf->burst_queue);
	atomic_store(&d->live.fair_shares, conf->fair_shares);
}

/* ---- reload ---- */

struct reload {
	struct winsd *d;
	struct wins_conf wins;
	struct repl_conf repl;
	unsigned share;
	int err;
};

static bool
reload_step(void *arg, struct registrar *r)
{
	struct reload *re = arg;

	re->err = wins_reconf(registrar_wins(r), &re->wins, registrar_now(r));
	repl_host_reconf(
	    registrar_repl(r), &re->repl, re->share, registrar_mono(r), registrar_now(r));
	return true;
}

static void
reload_done(void *arg)
{
	struct reload *re = arg;

	if (re->err)
		teller_say(&re->d->teller, EV_CONF_REFUSED, 0, nbt_strerror(re->err));
	free(re);
}

static int
reload_engine(struct winsd *d, const struct conf *conf)
{
	struct reload *re = calloc(1, sizeof(*re));
	const struct registrar_work work = { reload_step, reload_done, re };
	int err;

	if (!re)
		return NBT_ENOMEM;
	re->d = d;
	re->wins = winsd_wins_conf(d, conf);
	repl_conf_of(conf, d->self, d->nself, d->server_address, &re->repl);
	re->share = (unsigned)conf->replication_share;
	err = registrar_call(d->registrar, &work);
	if (err)
		free(re);
	return err;
}

/* ---- replication's sockets ---- */

static void
repl_came(void *arg)
{
	struct host *h = arg;

	/* What comes before the registrar stands it finds when it begins. */
	if (h->d.registrar)
		registrar_wake(h->d.registrar);
}

static struct repl_tcp_conf
repl_tcp_conf(struct host *h, const struct conf *c)
{
	/* The engine refuses what is too many, and says so; beyond that they are only closed. */
	return (struct repl_tcp_conf){ .port = (uint16_t)c->replication_port,
		.accepted_max = (unsigned)c->replication_connections_max + 50,
		.connect_ms = (unsigned)c->replication_message_timeout * 1000,
		.wake = repl_came,
		.arg = h };
}

/* The machine's addresses are others, or known at last. */
static void
repl_own(struct winsd *d)
{
	struct ip4 source = IP4_ANY;

	for (unsigned i = 0; i < d->nself; i++)
		if (ip4_eq(d->self[i], d->server_address))
			source = d->server_address;
	repl_tcp_own(d->repl_tcp, d->self, d->nself, source);
}

static void
say_unheard(struct winsd *d, const struct unheard *u)
{
	char text[200], a[IP4_STRLEN];

	snprintf(text, sizeof(text), "%s port %u of %s, for replication: %s", u->protocol,
	    (unsigned)d->conf.replication_port,
	    u->address.v ? ip4_print(u->address, a) : "all addresses", uv_strerror(u->uv_err));
	teller_say(&d->teller, EV_WINSOCK_BIND_ERR, 0, text);
}

/* Without partners the name service goes before a port that nobody needs. It is told when the server is
 * ready: where the start fails for another reason, that is the one to be read. */
static int
repl_heard(struct host *h, const char *protocol, struct ip4 address, int uv_err)
{
	const struct unheard u = { protocol, address, uv_err };

	if (!uv_err)
		return 0;
	if (h->d.conf.replication_partners.n) {
		say_unheard(&h->d, &u);
		return NBT_EBUSY;
	}
	if (h->npassed_over < sizeof(h->passed_over) / sizeof(h->passed_over[0]))
		h->passed_over[h->npassed_over++] = u;
	return 0;
}

static int
open_repl(struct host *h)
{
	struct winsd *d = &h->d;
	const struct conf_addresses *listen = &d->conf.listen;
	const struct repl_tcp_conf conf = repl_tcp_conf(h, &d->conf);
	int err = repl_tcp_open(&h->loop, &conf, &d->repl_tcp);

	if (err)
		return err;
	if (d->conf.replication_discover)
		err = repl_heard(h, "UDP", IP4_ANY, repl_tcp_discover(d->repl_tcp));
	if (!d->conf.replication_listen)
		return err;
	if (!listen->n && !err)
		err = repl_heard(h, "TCP", IP4_ANY, repl_tcp_listen(d->repl_tcp, IP4_ANY));
	for (unsigned i = 0; i < listen->n && !err; i++)
		err =
		    repl_heard(h, "TCP", listen->a[i], repl_tcp_listen(d->repl_tcp, listen->a[i]));
	return err;
}

/* ---- reload ---- */

/* What a reload changes at once. */
static int
take(void *arg, const struct conf *next)
{
	struct host *h = arg;
	struct repl_tcp_conf repl;
	int err = reload_engine(&h->d, next);

	if (err)
		return err;
	take_over(&h->d, next);
	repl = repl_tcp_conf(h, next);
	repl_tcp_reconf(h->d.repl_tcp, &repl);
	if (h->d.node)
		own_node_reconf(h->d.node, next);
	return 0;
}

/* HUP, or "winsctl reload". */
static bool
reload(void *arg, char *ret_sentence, size_t cap)
{
	struct host *h = arg;
	const struct setup_reload re = {
		.conf = &h->d.conf, .teller = &h->d.teller, .take = take, .arg = h
	};

	struct ctl_policy policy;

	if (!setup_reload(&h->setup, &re, ret_sentence, cap))
		return false;
	policy = setup_policy(&h->d.conf);
	control_set_policy(h->control, &policy);
	return true;
}

/* ---- the main loop ---- */

static void
on_hup(uv_signal_t *s, int signum)
{
	char sentence[512]; /* events say the same */

	(void)signum;
	(void)reload(s->data, sentence, sizeof(sentence));
}

static void
ended(void *arg)
{
	uv_stop(arg);
}

/* Our own names are released while the server still runs: it is one of those who must hear of it. The
 * second signal does not wait for that. */
static void
on_end(uv_signal_t *s, int signum)
{
	struct host *h = s->data;

	(void)signum;
	if (!h->d.node || h->ending)
		uv_stop(s->loop);
	else
		own_node_end(h->d.node, ended, s->loop);
	h->ending = true;
}

/* Any thread. */
static void
work_finished(void *arg)
{
	uv_async_send(&((struct host *)arg)->finished);
}

static void
on_finished(uv_async_t *a)
{
	registrar_finish(((struct host *)a->data)->d.registrar);
}

/* systemd hears from us only while the registrar lives too. */
static void
on_watchdog(uv_timer_t *t)
{
	struct host *h = t->data;
	uint64_t beats = registrar_beats(h->d.registrar);

	if (beats != h->beats)
		notify_alive();
	h->beats = beats;
}

static void
status(void *arg, struct control_status *ret)
{
	struct host *h = arg;
	struct winsd *d = &h->d;
	struct registrar_store_state store;

	ret->started = d->started;
	ret->uptime = (uint64_t)(clock_mono().ns - d->begun.ns) / 1000000000;
	worker_udp_stats(d, &ret->udp);
	ret->naddr = d->nself;
	memcpy(ret->addr, d->self, sizeof(ret->addr));
	ret->workers = d->nworkers;
	ret->queue_max = d->conf.queue_max;
	for (unsigned i = 0; i < d->nworkers; i++)
		ret->queued += ring_used(worker_ring(d, i));
	registrar_store_state(d->registrar, &store);
	ret->snapshot_running = store.snapshot_running;
	ret->snapshot_done = store.snapshot_done;
	ret->backups_ended = store.backups_ended;
	memcpy(ret->backup_error, store.backup_error, sizeof(ret->backup_error));
}

/* ---- beginning and end ---- */

/* The engine must know its own addresses, or it would challenge itself. */
static void
addresses_changed(void *arg)
{
	struct host *h = arg;

	if (!h->d.registrar)
		return;
	repl_own(&h->d);
	if (reload_engine(&h->d, &h->d.conf))
		teller_say(&h->d.teller, EV_CONF_REFUSED, 0, "no memory for the new addresses");
}

static void
say_ready(struct winsd *d)
{
	char text[200], a[IP4_STRLEN];
	size_t used = 0;

	if (!d->conf.listen.n)
		used = (size_t)snprintf(text, sizeof(text), "all addresses");
	for (unsigned i = 0; i < d->conf.listen.n && used < 160; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", i ? ", " : "",
		    ip4_print(d->conf.listen.a[i], a));
	snprintf(text + used, sizeof(text) - used, ", port %u", (unsigned)d->conf.port);
	teller_say(&d->teller, EV_WINS_OPERATIONAL, 0, text);
}

static void
watch(struct host *h)
{
	uint64_t every_ms = notify_watchdog_ms();

	uv_signal_init(&h->loop, &h->term);
	uv_signal_init(&h->loop, &h->interrupt);
	uv_signal_init(&h->loop, &h->hup);
	uv_async_init(&h->loop, &h->finished, on_finished);
	uv_timer_init(&h->loop, &h->watchdog);
	h->term.data = h->interrupt.data = h->hup.data = h->finished.data = h->watchdog.data = h;
	if (every_ms)
		uv_timer_start(&h->watchdog, on_watchdog, every_ms, every_ms);
}

/* Not before the store is loaded, which can take seconds: until then TERM ends the process as it
 * stands, which costs nothing that was promised. */
static void
obey_signals(struct host *h)
{
	uv_signal_start(&h->term, on_end, SIGTERM);
	uv_signal_start(&h->interrupt, on_end, SIGINT);
	uv_signal_start(&h->hup, on_hup, SIGHUP);
}

static int
open_control(struct host *h)
{
	const struct control_conf conf = { .path = h->d.conf.control_socket,
		.version = WINSOME_VERSION,
		.policy = setup_policy(&h->d.conf) };
	const struct control_hooks hooks = { .arg = h,
		.status = status,
		.reload = reload,
		.conf = &h->d.conf,
		.teller = &h->d.teller };
	char text[200];
	int err = control_open(&h->loop, &conf, &hooks, h->d.registrar, &h->control);

	if (err) {
		snprintf(text, sizeof(text), "%.150s: %s", conf.path, nbt_strerror(err));
		teller_say(&h->d.teller, EV_CONTROL_FAILED, 0, text);
	}
	return err;
}

static int
open_tcp(struct host *h)
{
	int err;

	if (!h->d.conf.tcp)
		return 0;
	err = tcp_open(&h->loop, &h->d, &h->tcp);
	if (!err)
		h->d.tcp_stats = tcp_stats(h->tcp);
	return err;
}

/* Sockets while root; nothing else. Then the store, the workers, and last whoever may ask. */
static int
begin(struct host *h)
{
	struct winsd *d = &h->d;
	int err;

	if ((err = own_open(&h->loop, d, addresses_changed, h, &h->own)) ||
	    (err = workers_open(d)) || (err = open_tcp(h)) || (err = open_repl(h)) ||
	    (err = own_node_new(d, &d->node)))
		return err;
	if ((err = setup_give_up_root(&d->conf, &d->teller, EV_STORE_REFUSED)))
		return err;
	watch(h);
	if ((err = registrar_start(d, work_finished, h, &d->registrar)))
		return err;
	obey_signals(h);
	repl_own(d);
	if ((err = repl_ask_clock_open(&h->loop, &d->conf, d->repl_tcp, &h->clock)))
		return err;
	if (d->node && (err = own_node_begin(d->node, &h->loop)))
		return err;
	if ((err = workers_start(d)) || (err = open_control(h)))
		return err;
	if (d->node)
		control_set_node(h->control, own_node_control(d->node));
	for (unsigned i = 0; i < h->npassed_over; i++)
		say_unheard(d, &h->passed_over[i]);
	say_ready(d);
	notify_ready("answering");
	return 0;
}

static void
close_handle(uv_handle_t *handle, void *arg)
{
	(void)arg;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

/* Nobody new, then the workers, then what they left, then the store. */
static void
end(struct host *h)
{
	struct winsd *d = &h->d;

	notify_stopping();
	control_close(h->control);
	tcp_close(h->tcp);
	own_close(h->own);
	d->tcp_stats = NULL;
	workers_stop(d);
	repl_ask_clock_close(h->clock);
	registrar_stop(d->registrar);
	repl_tcp_close(d->repl_tcp);
	own_node_close(d->node);
	setup_deaf();
	uv_walk(&h->loop, close_handle, NULL);
	(void)uv_run(&h->loop, UV_RUN_DEFAULT); /* until the last handle is closed */
	(void)uv_loop_close(&h->loop);
	own_node_free(d->node);
	workers_close(d);
}

static int
serve(struct host *h)
{
	struct winsd *d = &h->d;
	int err;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN); /* while starting: the configuration has just been read */
	log_open((enum log_level)d->conf.log_level);
	d->started = clock_wall();
	d->begun = clock_mono();
	if (teller_init(&d->teller, d->conf.event_history, rule_name) || uv_loop_init(&h->loop)) {
		fprintf(stderr, "winsd: %s\n", nbt_strerror(NBT_ENOMEM));
		return NBT_ENOMEM;
	}
	take_over(d, &d->conf);
	/* For TCP. It holds nothing but while it answers, and must not be waited for meanwhile. */
	store_reader_register();
	store_reader_offline();
	err = begin(h);
	if (!err)
		(void)uv_run(&h->loop, UV_RUN_DEFAULT);
	end(h);
	store_reader_unregister();
	if (!err)
		teller_say(&d->teller, EV_ORDERLY_SHUTDOWN, 0, "");
	teller_release(&d->teller);
	return err;
}

static int
check(const struct conf *conf, const struct conf_say *say)
{
	int node = policy_check(conf, say), repl = repl_conf_check(conf, say);

	return node ? node : repl;
}

int
main(int argc, char **argv)
{
	static struct host h = { .setup = { .program = "winsd",
				     .manual = "winsd.conf(5)",
				     .version = WINSOME_VERSION,
				     .check = check } };

	setup_args(&h.setup, argc, argv);
	setup_begin(&h.setup, &h.d.conf);
	return serve(&h) ? EXIT_FAILURE : EXIT_SUCCESS;
}
