/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netbtd: the NetBT node of a machine that is no WINS server. Arguments, socket, privileges, signals
 * and the order in which they begin and end; one thread. Decides nothing about names. Layer: program.
 */
#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/commands.h"
#include "daemon/setup.h"
#include "io/clock.h"
#include "io/log.h"
#include "io/notify.h"
#include "io/udp.h"
#include "nodehost/control.h"
#include "nodehost/nodehost.h"
#include "nodehost/policy.h"

#define BATCHES_MAX 16 /* of packets before signals and timers get their turn */

struct netbtd {
	struct setup setup;
	struct conf conf;
	struct teller teller;
	struct wall started;
	struct mono begun; /* for the uptime: nobody sets this clock */
	uv_loop_t loop;
	uv_signal_t term, interrupt, hup;
	uv_timer_t watchdog;
	uv_poll_t poll;
	int fd;
	struct udp_stats udp;
	struct udp_in *in;
	struct udp_out *out;
	struct nodehost *host;
	struct node_control *nodes;
	struct ctl_server *control;
	bool ending;
};

/* ---- packets ---- */

static void
on_packets(uv_poll_t *p, int status, int events)
{
	struct netbtd *d = p->data;
	unsigned n = UDP_BATCH;

	for (int i = 0; i < BATCHES_MAX && n == UDP_BATCH; i++) {
		n = udp_receive(d->in, d->fd);
		for (unsigned k = 0; k < n; k++) {
			const struct udp_packet got = udp_packet(d->in, k);
			const struct node_path path = { .key = got.ifindex,
				.peer = got.peer,
				.local = got.local,
				.port = got.port,
				.broadcast = got.broadcast };

			nodehost_in(d->host, got.data, got.len, &path);
		}
	}
	nodehost_turn(d->host);
}

static void
flush(void *arg)
{
	struct netbtd *d = arg;

	(void)udp_send(d->out, d->fd); /* what failed is counted; the engine repeats */
}

static void
send_packet(void *arg, const struct node_out *out)
{
	struct netbtd *d = arg;
	const struct udp_to to = { .peer = out->path.peer,
		.local = out->path.local,
		.ifindex = out->path.broadcast ? out->path.key : 0,
		.port = out->path.port };

	if (!udp_room(d->out))
		flush(d);
	memcpy(udp_room(d->out), out->data, out->len);
	udp_put(d->out, &to, out->len);
}

/* ---- what the node says ---- */

static void
tell(void *arg, const struct event *ev)
{
	teller_tell(&((struct netbtd *)arg)->teller, ev);
}

static void
answer(void *arg, const struct node_answer *a)
{
	(void)node_control_answer(((struct netbtd *)arg)->nodes, a); /* nobody else asks */
}

/* Nobody but the node itself wants to know which names it has. */
static void
changed(void *arg)
{
}

static void
turned(void *arg)
{
	struct netbtd *d = arg;

	if (d->nodes)
		node_control_turn(d->nodes);
}

/* ---- control ---- */

static struct mono
now(void *arg)
{
	return clock_mono();
}

static void
pump(void *arg)
{
	nodehost_turn(((struct netbtd *)arg)->host);
}

static int
take(void *arg, const struct conf *next)
{
	struct netbtd *d = arg;

	nodehost_reconf(d->host, next);
	log_set_level((enum log_level)next->log_level);
	return 0;
}

/* HUP, or "winsctl reload". */
static bool
reload(struct netbtd *d, char *ret_sentence, size_t cap)
{
	const struct setup_reload re = {
		.conf = &d->conf, .teller = &d->teller, .take = take, .arg = d
	};
	struct ctl_policy policy;

	if (!setup_reload(&d->setup, &re, ret_sentence, cap))
		return false;
	policy = setup_policy(&d->conf);
	ctl_server_set_policy(d->control, &policy);
	return true;
}

static json_t *
status_json(const struct netbtd *d)
{
	json_t *addresses = json_array();
	char text[IP4_STRLEN];
	struct node_if c;

	for (unsigned i = 0; node_if_at(nodehost_node(d->host), i, &c); i++)
		json_array_append_new(addresses, json_string(ip4_print(c.ip, text)));
	return json_pack("{s:s, s:s, s:I, s:I, s:o}", "program", "netbtd", "version",
	    d->setup.version, "started", (json_int_t)d->started.s, "uptime",
	    (json_int_t)((clock_mono().ns - d->begun.ns) / 1000000000), "addresses", addresses);
}

static void
handle(void *arg, struct ctl_call *call)
{
	struct netbtd *d = arg;
	char sentence[512] = "";

	if (node_control_has(ctl_call_command(call))) {
		node_control_handle(d->nodes, call);
		return;
	}
	switch (ctl_call_command(call)) {
	case CTL_CMD_STATUS:
		ctl_reply(call, status_json(d));
		break;
	case CTL_CMD_VERSION:
		ctl_reply(call, json_pack("{s:s}", "version", d->setup.version));
		break;
	case CTL_CMD_EVENTS:
		daemon_events(call, &d->teller);
		break;
	case CTL_CMD_CONFIG:
		daemon_config(call, &d->conf);
		break;
	case CTL_CMD_RELOAD:
		if (reload(d, sentence, sizeof(sentence)))
			ctl_reply(call, json_pack("{s:s}", "sentence", sentence));
		else
			ctl_fail(call, CTL_REFUSED, "%s", sentence);
		break;
	default:
		ctl_fail(call, CTL_REFUSED,
		    "netbtd keeps no records: ask the WINS server, or netbtd with \"winsctl "
		    "node\".");
	}
}

static int
tell_control(struct netbtd *d, const char *path, int err)
{
	char text[200];

	if (!err)
		return 0;
	snprintf(text, sizeof(text), "%.150s: %s", path, nbt_strerror(err));
	teller_say(&d->teller, EV_CONTROL_FAILED, 0, text);
	return err;
}

static int
open_control(struct netbtd *d)
{
	const struct node_control_host nodes = {
		.arg = d, .now = now, .pump = pump, .scope = d->conf.node_scope
	};
	const struct ctl_server_conf conf = { .path = d->conf.control_socket,
		.policy = setup_policy(&d->conf),
		.handle = handle,
		.arg = d };
	int err = node_control_new(nodehost_node(d->host), &nodes, &d->nodes);

	if (err)
		return err;
	err = tell_control(d, conf.path, ctl_server_open(&d->loop, &conf, &d->control));
	if (!err && d->conf.node_resolve_socket[0])
		err = tell_control(d, d->conf.node_resolve_socket,
		    node_control_open_public(d->nodes, &d->loop, d->conf.node_resolve_socket));
	return err;
}

/* ---- signals ---- */

static void
ended(void *arg)
{
	uv_stop(&((struct netbtd *)arg)->loop);
}

static unsigned
count_ghosts(const struct netbtd *d)
{
	struct node_ghost g;
	unsigned n = 0;

	while (node_ghost_at(nodehost_node(d->host), n, clock_mono(), &g))
		n++;
	return n;
}

/* The second one does not wait for WINS servers. */
static void
on_end(uv_signal_t *s, int signum)
{
	struct netbtd *d = s->data;

	if (d->ending) {
		uv_stop(&d->loop);
		return;
	}
	d->ending = true;
	notify_stopping();
	nodehost_end(d->host, NODEHOST_END_MS, ended, d);
}

static void
on_hup(uv_signal_t *s, int signum)
{
	char sentence[512]; /* events say the same */

	(void)reload(s->data, sentence, sizeof(sentence));
}

static void
on_watchdog(uv_timer_t *t)
{
	notify_alive();
}

static void
watch(struct netbtd *d)
{
	uint64_t every_ms = notify_watchdog_ms();

	uv_signal_init(&d->loop, &d->term);
	uv_signal_init(&d->loop, &d->interrupt);
	uv_signal_init(&d->loop, &d->hup);
	uv_timer_init(&d->loop, &d->watchdog);
	d->term.data = d->interrupt.data = d->hup.data = d->watchdog.data = d;
	uv_signal_start(&d->term, on_end, SIGTERM);
	uv_signal_start(&d->interrupt, on_end, SIGINT);
	uv_signal_start(&d->hup, on_hup, SIGHUP);
	if (every_ms)
		uv_timer_start(&d->watchdog, on_watchdog, every_ms, every_ms);
}

/* ---- beginning and end ---- */

static int
open_socket(struct netbtd *d)
{
	const struct udp_opts opts = { .port = (uint16_t)d->conf.port,
		.broadcast = true,
		.receive_buffer = d->conf.receive_buffer };
	int err = udp_open(&opts, &d->fd);
	char text[200];

	if (err) {
		snprintf(text, sizeof(text), "UDP port %u of all addresses: %s",
		    (unsigned)d->conf.port, nbt_strerror(err));
		teller_say(&d->teller, EV_WINSOCK_BIND_ERR, 0, text);
		return err;
	}
	err = udp_in_new(&d->udp, &d->in);
	if (!err)
		err = udp_out_new(&d->udp, &d->out);
	if (!err && uv_poll_init(&d->loop, &d->poll, d->fd))
		err = NBT_EIO;
	d->poll.data = d;
	return err;
}

static void
say_ready(struct netbtd *d)
{
	char text[200], first[IP4_STRLEN] = "no interface";
	struct node_if c;
	unsigned n = 0;

	while (node_if_at(nodehost_node(d->host), n, &c))
		if (n++ == 0)
			ip4_print(c.ip, first);
	snprintf(text, sizeof(text), n > 1 ? "%s on %s and %u more" : "%s on %s", d->conf.node_name,
	    first, n - 1);
	teller_say(&d->teller, EV_NODE_READY, n, text);
}

/* The socket while root; then names, and whoever may ask. */
static int
begin(struct netbtd *d)
{
	const struct nodehost_hooks hooks = { .arg = d,
		.send = send_packet,
		.flush = flush,
		.event = tell,
		.answer = answer,
		.changed = changed,
		.turned = turned };
	int err;

	if ((err = open_socket(d)) ||
	    (err = setup_give_up_root(&d->conf, &d->teller, EV_NODE_STATE_FAILED)))
		return err;
	watch(d);
	if ((err = nodehost_open(&d->loop, &d->conf, &hooks, &d->host)) || (err = open_control(d)))
		return err;
	uv_poll_start(&d->poll, UV_READABLE, on_packets);
	if ((err = nodehost_begin(d->host)))
		return err;
	say_ready(d);
	notify_ready("names are registered");
	return 0;
}

static void
close_handle(uv_handle_t *handle, void *arg)
{
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void
end(struct netbtd *d)
{
	ctl_server_close(d->control);
	nodehost_close(d->host);
	if (d->host)
		teller_say(&d->teller, EV_NODE_ENDED, count_ghosts(d), "");
	if (d->nodes)
		node_control_close_public(d->nodes);
	node_control_free(d->nodes);
	setup_deaf();
	uv_walk(&d->loop, close_handle, NULL);
	(void)uv_run(&d->loop, UV_RUN_DEFAULT); /* until the last handle is closed */
	(void)uv_loop_close(&d->loop);
	nodehost_free(d->host);
	udp_in_free(d->in);
	udp_out_free(d->out);
	if (d->fd >= 0)
		close(d->fd);
}

static int
serve(struct netbtd *d)
{
	int err;

	signal(SIGPIPE, SIG_IGN);
	log_open((enum log_level)d->conf.log_level);
	d->started = clock_wall();
	d->begun = clock_mono();
	if (teller_init(&d->teller, d->conf.event_history, NULL) || uv_loop_init(&d->loop)) {
		fprintf(stderr, "netbtd: %s\n", nbt_strerror(NBT_ENOMEM));
		return NBT_ENOMEM;
	}
	err = begin(d);
	if (!err)
		(void)uv_run(&d->loop, UV_RUN_DEFAULT);
	end(d);
	teller_release(&d->teller);
	return err;
}

/* ---- the call ---- */

/* Without a name of its own: the host name, up to its first dot and as far as it fits. */
static void
complete(struct conf *conf)
{
	char host[256] = "";

	if (conf->node_name[0])
		return;
	(void)gethostname(host, sizeof(host) - 1); /* cannot fail with so much room */
	host[strcspn(host, ".")] = '\0';
	for (unsigned i = 0; i < CONF_NAME_LEN && host[i]; i++)
		conf->node_name[i] = (char)toupper((unsigned char)host[i]);
}

static int
check(const struct conf *conf, const struct conf_say *say)
{
	if (conf->node_name[0])
		return policy_check(conf, say);
	say->fn(say->arg, "node.name: must not be empty, for this machine has no host name either");
	return NBT_EINVAL;
}

int
main(int argc, char **argv)
{
	static const char *const presets[] = { "control-socket=/run/winsome/netbtd.sock", NULL };
	static struct netbtd d = { .setup = { .program = "netbtd",
				       .manual = "winsd.conf(5)",
				       .version = WINSOME_VERSION,
				       .presets = presets,
				       .complete = complete,
				       .check = check },
		.fd = -1 };

	setup_args(&d.setup, argc, argv);
	setup_begin(&d.setup, &d.conf);
	return serve(&d) ? EXIT_FAILURE : EXIT_SUCCESS;
}
