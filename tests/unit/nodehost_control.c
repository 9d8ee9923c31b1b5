/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The node commands over a real control socket on a real node engine. The engine's network is a WINS
 * server of a few lines and its clock is virtual: whenever the engine waits for nothing but time, time
 * moves on to what it waits for. No sleep.
 */
#include "nodehost/control.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "ctl/client.h"

#define SERVER IP4(10, 0, 0, 1)
#define HOST   IP4(192, 0, 2, 20)
#define FAR_MS 30000 /* what is due later is not waited for */
#define CARDS  2
#define MANY   40

struct rig {
	char dir[40], path[60], public[60];
	uv_loop_t loop;
	uv_async_t stop;
	uv_idle_t idle;
	pthread_t thread;
	struct ctl_server *server;
	struct node *node;
	struct node_control *nc;
	struct mono now;
	uint32_t random;
	_Atomic bool deaf; /* the WINS server answers nothing */
};

/* ---- the network ---- */

static struct nb_msg
answer_of(const struct nb_msg *q, unsigned kind, unsigned flags)
{
	struct nb_msg a = *q;

	a.kind = (uint8_t)kind;
	a.flags = (uint16_t)flags;
	a.ttl = 518400;
	return a;
}

static bool
is_named(const struct nb_msg *m, const char *text)
{
	struct nb_key key;

	return !nb_key_parse(text, 0, &key) && nb_key_eq(&m->key, &key);
}

/* What the server or a host says to a packet; false: nothing. */
static bool
respond(const struct rig *rig, struct ip4 to, const struct nb_msg *q, struct nb_msg *ret)
{
	static const uint8_t nodes[2 * NB_NODE_LEN] = "BETA           \0\x64\0"
						      "LAB            \0\xe4\0";
	static const uint8_t mac[NB_STATS_LEN] = { 2, 0, 0, 0, 0, 7 };

	if (q->kind == NB_STATUS_REQ && ip4_eq(to, HOST)) {
		*ret = answer_of(q, NB_STATUS_RESP, 0x8400);
		ret->nnode = 2;
		ret->node = nodes;
		ret->stats = mac;
		ret->stats_len = sizeof(mac);
		return true;
	}
	if (!ip4_eq(to, SERVER) || rig->deaf)
		return false;
	if (q->kind == NB_REGISTER_REQ || q->kind == NB_REFRESH_REQ)
		*ret = answer_of(q, NB_REGISTER_RESP, is_named(q, "TAKEN<20>") ? 0xad86 : 0xad80);
	else if (q->kind == NB_RELEASE_REQ)
		*ret = answer_of(q, NB_RELEASE_RESP, 0xb400);
	else if (q->kind == NB_QUERY_REQ && is_named(q, "BETA<20>")) {
		*ret = answer_of(q, NB_QUERY_OK, 0x8580);
		ret->naddr = 1;
		ret->addr[0] = (struct nb_addr){ 0x6000, HOST };
	} else
		*ret = answer_of(q, NB_QUERY_FAIL, 0x8583);
	return true;
}

static void
deliver(struct rig *rig)
{
	const struct node_out *next;

	while ((next = node_out(rig->node))) {
		struct node_path path = next->path;
		struct nb_msg q, a;
		uint8_t packet[NB_UDP_MAX];
		size_t len;

		assert_int_equal(nb_decode(next->data, next->len, &q), 0);
		if (path.broadcast || !respond(rig, path.peer, &q, &a))
			continue;
		len = nb_encode(&a, packet, sizeof(packet));
		node_in(rig->node, packet, len, &path, rig->now);
	}
	node_control_turn(rig->nc);
}

static void
on_idle(uv_idle_t *idle)
{
	struct rig *rig = idle->data;
	struct mono next;

	deliver(rig);
	next = node_next(rig->node);
	if (next.ns > mono_add_ms(rig->now, FAR_MS).ns) {
		uv_idle_stop(idle);
		return;
	}
	if (next.ns > rig->now.ns)
		rig->now = next;
	node_tick(rig->node, rig->now);
	deliver(rig);
}

/* ---- the program around the engine ---- */

static uint32_t
random_of(void *arg)
{
	struct rig *rig = arg;

	rig->random = rig->random * 1664525 + 1013904223;
	return rig->random >> 8;
}

static void
on_event(void *arg, const struct event *ev)
{
}

static void
on_answer(void *arg, const struct node_answer *a)
{
	struct rig *rig = arg;

	assert_true(node_control_answer(rig->nc, a));
}

static struct mono
now_of(void *arg)
{
	return ((struct rig *)arg)->now;
}

static void
pump(void *arg)
{
	struct rig *rig = arg;

	uv_idle_start(&rig->idle, on_idle);
}

static void
handle(void *arg, struct ctl_call *call)
{
	struct rig *rig = arg;

	if (node_control_has(ctl_call_command(call)))
		node_control_handle(rig->nc, call);
	else
		node_control_handle(NULL, call);
}

static void
on_stop(uv_async_t *a)
{
	struct rig *rig = a->data;

	ctl_server_close(rig->server);
	node_control_close_public(rig->nc);
	node_control_free(rig->nc);
	node_free(rig->node);
	uv_close((uv_handle_t *)&rig->idle, NULL);
	uv_close((uv_handle_t *)&rig->stop, NULL);
}

static void *
run(void *arg)
{
	struct rig *rig = arg;

	uv_run(&rig->loop, UV_RUN_DEFAULT);
	return NULL;
}

static void
make_node(struct rig *rig)
{
	const struct node_host host = {
		.arg = rig, .random = random_of, .event = on_event, .answer = on_answer
	};
	const struct node_control_host control = {
		.arg = rig, .now = now_of, .pump = pump, .scope = "LAB.EXAMPLE"
	};
	struct node_if ifs[CARDS] = { 0 };
	struct node_conf conf;

	for (uint32_t i = 0; i < CARDS; i++) {
		ifs[i] = (struct node_if){ .key = i + 1,
			.ip = IP4(192, 0, 2 + i, 10),
			.mask = IP4(255, 255, 255, 0),
			.broadcast = IP4(192, 0, 2 + i, 255),
			.mac = { 2, 0, 0, 0, 0, (uint8_t)i },
			.nwins = 1,
			.wins = { SERVER } };
		snprintf(ifs[i].name, sizeof(ifs[i].name), "eth%u", i);
	}
	node_conf_init(&conf);
	conf.type = NODE_P;
	rig->now = mono_add_ms((struct mono){ 0 }, 1000000);
	assert_int_equal(node_new(&conf, &host, rig->now, &rig->node), 0);
	assert_int_equal(node_control_new(rig->node, &control, &rig->nc), 0);
	assert_int_equal(node_set_ifs(rig->node, ifs, CARDS, rig->now), 0);
}

static int
set_up(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	struct ctl_server_conf conf = { .handle = handle, .arg = rig };

	signal(SIGPIPE, SIG_IGN);
	strcpy(rig->dir, "/tmp/node-test-XXXXXX");
	assert_non_null(mkdtemp(rig->dir));
	snprintf(rig->path, sizeof(rig->path), "%s/s", rig->dir);
	snprintf(rig->public, sizeof(rig->public), "%s/p", rig->dir);
	uv_loop_init(&rig->loop);
	uv_async_init(&rig->loop, &rig->stop, on_stop);
	uv_idle_init(&rig->loop, &rig->idle);
	rig->stop.data = rig->idle.data = rig;
	make_node(rig);
	conf.path = rig->path;
	conf.policy = (struct ctl_policy){
		.self = geteuid(), .readers = CTL_NO_GROUP, .changers = CTL_NO_GROUP
	};
	assert_int_equal(ctl_server_open(&rig->loop, &conf, &rig->server), 0);
	assert_int_equal(node_control_open_public(rig->nc, &rig->loop, rig->public), 0);
	assert_int_equal(pthread_create(&rig->thread, NULL, run, rig), 0);
	*state = rig;
	return 0;
}

static int
tear_down(void **state)
{
	struct rig *rig = *state;

	uv_async_send(&rig->stop);
	pthread_join(rig->thread, NULL);
	assert_int_equal(uv_loop_close(&rig->loop), 0);
	assert_int_equal(rmdir(rig->dir), 0);
	free(rig);
	return 0;
}

/* ---- asking ---- */

/* The result, which the caller decrefs, or NULL and the code of the refusal. */
static json_t *
ask_at(const char *path, const char *command, const char *arguments, char code[40])
{
	struct ctl_refusal refusal = { .code = "" };
	struct ctl_client *c;
	json_t *result = NULL;

	assert_int_equal(ctl_client_open(path, 30, &c), 0);
	assert_int_equal(
	    ctl_client_call(c, command, json_loads(arguments, 0, NULL), &result, &refusal), 0);
	ctl_client_close(c);
	if (code)
		strcpy(code, refusal.code);
	else if (!result)
		fail_msg("%s: %s", command, refusal.message);
	return result;
}

static json_t *
ask(const struct rig *rig, const char *command, const char *arguments)
{
	return ask_at(rig->path, command, arguments, NULL);
}

static void
refused(const struct rig *rig, const char *command, const char *arguments, const char *want)
{
	char code[40];

	assert_null(ask_at(rig->path, command, arguments, code));
	assert_string_equal(code, want);
}

static const char *
text(const json_t *o, const char *name)
{
	return json_string_value(json_object_get(o, name));
}

/* Entry i of a list member. */
static const json_t *
at(const json_t *o, const char *list, size_t i)
{
	return json_array_get(json_object_get(o, list), i);
}

static size_t
count(const json_t *o, const char *list)
{
	return json_array_size(json_object_get(o, list));
}

/* ---- tests ---- */

static void
interfaces_are_listed_with_type_and_scope(void **state)
{
	json_t *o = ask(*state, "node-interfaces", "{}");

	assert_string_equal(text(o, "node"), "p");
	assert_string_equal(text(o, "scope"), "LAB.EXAMPLE");
	assert_int_equal(count(o, "interfaces"), CARDS);
	assert_string_equal(text(at(o, "interfaces", 1), "interface"), "eth1");
	assert_string_equal(text(at(o, "interfaces", 1), "address"), "192.0.3.10");
	assert_string_equal(text(at(o, "interfaces", 1), "mac"), "02-00-00-00-00-01");
	assert_string_equal(json_string_value(at(at(o, "interfaces", 1), "wins", 0)), "10.0.0.1");
	json_decref(o);
}

static void
waiting_add_is_answered_when_every_card_has_the_name(void **state)
{
	json_t *o = ask(*state, "node-add", "{\"name\":\"ALPHA<20>\",\"wait\":true}");

	assert_int_equal(count(o, "names"), CARDS);
	for (size_t i = 0; i < CARDS; i++) {
		const json_t *e = at(o, "names", i);

		assert_string_equal(text(e, "state"), "Registered");
		assert_string_equal(text(e, "by"), "wins");
		assert_string_equal(text(e, "server"), "10.0.0.1");
		assert_true(json_is_null(json_object_get(e, "offender")));
	}
	assert_int_equal(count(o, "ghosts"), 0);
	json_decref(o);
	refused(*state, "node-add", "{\"name\":\"ALPHA<20>\",\"group\":true}", "exists");
}

static void
refused_claim_names_who_refused(void **state)
{
	json_t *o = ask(*state, "node-add", "{\"name\":\"TAKEN<20>\",\"wait\":true}");

	assert_int_equal(count(o, "names"), CARDS);
	assert_string_equal(text(at(o, "names", 0), "state"), "Conflict");
	assert_true(json_is_string(json_object_get(at(o, "names", 0), "offender")));
	json_decref(o);
}

static void
waiting_remove_leaves_no_trace(void **state)
{
	json_t *o = ask(*state, "node-add", "{\"name\":\"ALPHA<20>\",\"wait\":true}");

	json_decref(o);
	o = ask(*state, "node-remove", "{\"name\":\"ALPHA<20>\",\"wait\":true}");
	assert_int_equal(count(o, "names"), 0);
	assert_int_equal(count(o, "ghosts"), 0);
	json_decref(o);
	refused(*state, "node-remove", "{\"name\":\"ALPHA<20>\"}", "no-such-record");
}

/* The article's fault, seen by the one who removes: what no server confirmed is told and kept. */
static void
unconfirmed_releases_are_told_and_listed(void **state)
{
	struct rig *rig = *state;
	json_t *o = ask(rig, "node-add", "{\"name\":\"ALPHA<20>\",\"wait\":true}");

	json_decref(o);
	rig->deaf = true;
	o = ask(rig, "node-remove", "{\"name\":\"ALPHA<20>\",\"wait\":true}");
	assert_int_equal(count(o, "ghosts"), CARDS);
	json_decref(o);
	o = ask(rig, "node-ghosts", "{}");
	assert_int_equal(count(o, "ghosts"), CARDS);
	assert_string_equal(text(at(o, "ghosts", 0), "name"), "ALPHA<20>");
	assert_string_equal(text(at(o, "ghosts", 0), "server"), "10.0.0.1");
	json_decref(o);
}

static void
names_are_listed_in_pages(void **state)
{
	char arguments[80], seen[MANY * CARDS][NB_KEY_STRLEN], cursor[20] = "";
	size_t n = 0;
	json_t *o;

	for (int i = 0; i < MANY; i++) {
		snprintf(arguments, sizeof(arguments), "{\"name\":\"N%02d<20>\"}", i);
		json_decref(ask(*state, "node-add", arguments));
	}
	for (;;) {
		snprintf(arguments, sizeof(arguments), "{\"page\":7%s%s%s}",
		    cursor[0] ? ",\"cursor\":\"" : "", cursor, cursor[0] ? "\"" : "");
		o = ask(*state, "node-list", arguments);
		assert_in_range(count(o, "names"), 1, 7);
		for (size_t i = 0; i < count(o, "names"); i++)
			strcpy(seen[n++], text(at(o, "names", i), "name"));
		if (!text(o, "cursor"))
			break;
		strcpy(cursor, text(o, "cursor"));
		json_decref(o);
	}
	json_decref(o);
	assert_int_equal(n, MANY * CARDS);
	o = ask(*state, "node-list", "{\"name\":\"N07<20>\"}");
	assert_int_equal(count(o, "names"), CARDS);
	assert_string_equal(text(at(o, "names", 1), "name"), "N07<20>");
	assert_null(text(o, "cursor"));
	json_decref(o);
}

static void
names_are_resolved_and_remembered_until_the_purge(void **state)
{
	json_t *o = ask(*state, "node-resolve", "{\"name\":\"BETA<20>\"}");

	assert_string_equal(text(o, "source"), "wins");
	assert_string_equal(text(o, "from"), "10.0.0.1");
	assert_string_equal(json_string_value(at(o, "addresses", 0)), "192.0.2.20");
	json_decref(o);
	o = ask(*state, "node-cache", "{}");
	assert_in_range(count(o, "cache"), 1, CARDS);
	assert_string_equal(text(at(o, "cache", 0), "name"), "BETA<20>");
	json_decref(o);
	json_decref(ask(*state, "node-purge", "{}"));
	o = ask(*state, "node-cache", "{}");
	assert_int_equal(count(o, "cache"), 0);
	json_decref(o);
	o = ask(*state, "node-resolve", "{\"name\":\"NOBODY<20>\"}");
	assert_true(json_is_false(json_object_get(o, "found")));
	json_decref(o);
}

static void
machines_are_asked_for_their_names(void **state)
{
	json_t *o = ask(*state, "node-status-of", "{\"address\":\"192.0.2.20\"}");

	assert_int_equal(count(o, "names"), 2);
	assert_string_equal(text(at(o, "names", 1), "name"), "LAB<00>");
	assert_true(json_is_true(json_object_get(at(o, "names", 1), "group")));
	assert_string_equal(text(o, "mac"), "02-00-00-00-00-07");
	json_decref(o);
	o = ask(*state, "node-status-of", "{\"address\":\"192.0.2.21\"}");
	assert_true(json_is_false(json_object_get(o, "found")));
	json_decref(o);
	refused(*state, "node-status-of", "{\"address\":\"224.0.0.1\"}", "bad-argument");
}

static void
release_refresh_waits_and_refuses_a_second_time(void **state)
{
	json_t *o = ask(*state, "node-add", "{\"name\":\"ALPHA<20>\",\"wait\":true}");

	json_decref(o);
	o = ask(*state, "node-release-refresh", "{}");
	assert_int_equal(json_integer_value(json_object_get(o, "unconfirmed")), 0);
	json_decref(o);
	o = ask(*state, "node-stats", "{}");
	assert_int_equal(
	    json_integer_value(json_object_get(json_object_get(o, "counters"), "released")), CARDS);
	json_decref(o);
	refused(*state, "node-release-refresh", "{}", "busy");
}

static void
suspend_waits_for_the_releases_and_resume_registers_again(void **state)
{
	json_t *o = ask(*state, "node-add", "{\"name\":\"ALPHA<20>\",\"wait\":true}");

	json_decref(o);
	o = ask(*state, "node-suspend", "{}");
	assert_int_equal(json_integer_value(json_object_get(o, "unconfirmed")), 0);
	json_decref(o);
	o = ask(*state, "node-list", "{}");
	assert_int_equal(json_array_size(json_object_get(o, "names")), 0);
	json_decref(o);
	json_decref(ask(*state, "node-resume", "{}"));
	o = ask(*state, "node-list", "{}");
	assert_int_equal(json_array_size(json_object_get(o, "names")), CARDS);
	json_decref(o);
}

static void
names_without_a_suffix_are_refused(void **state)
{
	refused(*state, "node-add", "{\"name\":\"ALPHA\"}", "bad-argument");
	refused(*state, "node-remove", "{\"name\":\"ABCDEFGHIJKLMNOP<20>\"}", "bad-argument");
	refused(*state, "node-resolve", "{\"name\":\"A\"}", "bad-argument");
	refused(*state, "node-list", "{\"name\":\"A\"}", "bad-argument");
}

static void
without_a_node_every_command_is_refused(void **state)
{
	refused(*state, "status", "{}", "refused"); /* the rig hands others on without a node */
}

static void
public_socket_resolves_and_nothing_else(void **state)
{
	struct rig *rig = *state;
	char code[40];
	json_t *o = ask_at(rig->public, "node-resolve", "{\"name\":\"BETA<20>\"}", NULL);

	assert_true(json_is_true(json_object_get(o, "found")));
	json_decref(o);
	assert_null(ask_at(rig->public, "node-list", "{}", code));
	assert_string_equal(code, "denied");
	assert_null(ask_at(rig->public, "node-add", "{\"name\":\"A<20>\"}", code));
	assert_string_equal(code, "denied");
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_RIG(interfaces_are_listed_with_type_and_scope),
		WITH_RIG(waiting_add_is_answered_when_every_card_has_the_name),
		WITH_RIG(refused_claim_names_who_refused),
		WITH_RIG(waiting_remove_leaves_no_trace),
		WITH_RIG(unconfirmed_releases_are_told_and_listed),
		WITH_RIG(names_are_listed_in_pages),
		WITH_RIG(names_are_resolved_and_remembered_until_the_purge),
		WITH_RIG(machines_are_asked_for_their_names),
		WITH_RIG(release_refresh_waits_and_refuses_a_second_time),
		WITH_RIG(suspend_waits_for_the_releases_and_resume_registers_again),
		WITH_RIG(names_without_a_suffix_are_refused),
		WITH_RIG(without_a_node_every_command_is_refused),
		WITH_RIG(public_socket_resolves_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
