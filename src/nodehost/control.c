/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The node commands of the control protocol. Layer: program. A call that waits for the network is kept
 * in a list with its ticket, or with the name whose end it waits for; connections bound the list, for
 * each has one call at most.
 */
#include "nodehost/control.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "nodehost/json.h"

#define TICKET_OURS 0x80000000u
#define PAGE        1000

/* A call that is answered later. */
struct pending {
	struct pending *next;
	struct ctl_call *call;
	enum ctl_command_id command;
	uint32_t ticket;   /* node-resolve, node-status-of */
	struct nb_key key; /* node-add and node-remove --wait */
};

struct node_control {
	struct node *node;
	struct node_control_host host;
	struct pending *pending;
	uint32_t tickets;
	struct ctl_server *public;
};

static struct mono
now_of(const struct node_control *nc)
{
	return nc->host.now(nc->host.arg);
}

static void
pump(const struct node_control *nc)
{
	nc->host.pump(nc->host.arg);
}

/* ---- arguments and refusals ---- */

static void
fail(struct ctl_call *call, int err, const char *what)
{
	enum ctl_code code = CTL_FAILED;

	if (err == NBT_ENOENT)
		code = CTL_NO_SUCH_RECORD;
	else if (err == NBT_EEXIST)
		code = CTL_EXISTS;
	else if (err == NBT_EINVAL || err == NBT_EOWNER)
		code = CTL_REFUSED;
	else if (err == NBT_EBUSY || err == NBT_ELIMIT)
		code = CTL_BUSY;
	ctl_fail(call, code, "%s: %s.", what, nbt_strerror(err));
}

/* The argument "name", with its suffix. False: the call was told what is wrong. */
static bool
call_key(struct ctl_call *call, struct nb_key *ret)
{
	const char *text = ctl_call_text(call, "name");
	struct nb_key key, other;

	/* Without a suffix each default gives another name; none of them is what is meant. */
	if (nb_key_parse(text, 0, &key) || nb_key_parse(text, 1, &other) ||
	    !nb_key_eq(&key, &other)) {
		ctl_fail(call, CTL_BAD_ARGUMENT,
		    "\"%s\" is no name: write at most 15 bytes and the suffix, NAME<20> or "
		    "NAME#20, special bytes as \\x01.",
		    text);
		return false;
	}
	*ret = key;
	return true;
}

/* ---- calls that wait ---- */

static struct pending *
wait_begin(struct node_control *nc, struct ctl_call *call)
{
	struct pending *p = calloc(1, sizeof(*p));

	if (!p) {
		fail(call, NBT_ENOMEM, "It was not done");
		return NULL;
	}
	p->call = call;
	p->command = ctl_call_command(call);
	p->next = nc->pending;
	nc->pending = p;
	return p;
}

/* Takes it out of the list; the call is the caller's to answer. */
static struct ctl_call *
wait_end(struct node_control *nc, struct pending *p)
{
	struct ctl_call *call = p->call;
	struct pending **at = &nc->pending;

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	free(p);
	return call;
}

/* ---- listings ---- */

static size_t
page_of(struct ctl_call *call, unsigned *ret_from)
{
	const char *cursor = ctl_call_text(call, "cursor");

	*ret_from = cursor ? (unsigned)strtoul(cursor, NULL, 10) : 0;
	return ctl_call_integer(call, "page", PAGE);
}

/* Replies with a page; next: the index to go on at, 0 = it was the last one. */
static void
reply_page(struct ctl_call *call, const char *what, json_t *take_list, unsigned next)
{
	json_t *o = json_pack("{s:o, s:n}", what, take_list, "cursor");
	char cursor[12];

	snprintf(cursor, sizeof(cursor), "%u", next);
	if (next)
		json_object_set_new(o, "cursor", json_string(cursor));
	ctl_reply(call, o);
}

static void
interfaces(struct node_control *nc, struct ctl_call *call)
{
	json_t *list = json_array();
	struct node_if ifc;

	for (unsigned i = 0; node_if_at(nc->node, i, &ifc); i++)
		json_array_append_new(list, node_if_json(&ifc));
	ctl_reply(call, json_pack("{s:s, s:s, s:o}", "node", node_type_word(node_type(nc->node)),
			    "scope", nc->host.scope, "interfaces", list));
}

static void
list_names(struct node_control *nc, struct ctl_call *call)
{
	bool all = !ctl_call_text(call, "name");
	json_t *list;
	struct nb_key key;
	struct node_entry e;
	unsigned i;
	size_t page = page_of(call, &i);

	if (!all && !call_key(call, &key))
		return;
	list = json_array();
	for (; json_array_size(list) < page && node_entry_at(nc->node, i, now_of(nc), &e); i++)
		if (all || nb_key_eq(&e.key, &key))
			json_array_append_new(list, node_entry_json(&e));
	reply_page(call, "names", list, node_entry_at(nc->node, i, now_of(nc), &e) ? i : 0);
}

static void
list_ghosts(struct node_control *nc, struct ctl_call *call)
{
	json_t *list = json_array();
	struct node_ghost g;
	unsigned i;
	size_t page = page_of(call, &i);

	for (; json_array_size(list) < page && node_ghost_at(nc->node, i, now_of(nc), &g); i++)
		json_array_append_new(list, node_ghost_json(&g));
	reply_page(call, "ghosts", list, node_ghost_at(nc->node, i, now_of(nc), &g) ? i : 0);
}

static void
list_cache(struct node_control *nc, struct ctl_call *call)
{
	json_t *list = json_array();
	struct node_cache_entry e;
	unsigned i;
	size_t page = page_of(call, &i);

	for (; json_array_size(list) < page && node_cache_at(nc->node, i, now_of(nc), &e); i++)
		json_array_append_new(list, node_cache_json(&e));
	reply_page(call, "cache", list, node_cache_at(nc->node, i, now_of(nc), &e) ? i : 0);
}

/* ---- names ---- */

/* Is the name between two states on an interface: on its way to be ours, or to be gone? */
static bool
is_under_way(const struct node_control *nc, const struct pending *p)
{
	struct node_entry e;

	for (unsigned i = 0; node_entry_at(nc->node, i, now_of(nc), &e); i++)
		if (nb_key_eq(&e.key, &p->key) &&
		    (e.state == NODE_REGISTERING || e.state == NODE_RELEASING))
			return true;
	return false;
}

/* How it stands: the name's entries, and the releases of it that nobody confirmed. */
static json_t *
name_json(const struct node_control *nc, const struct nb_key *key)
{
	json_t *entries = json_array(), *ghosts = json_array();
	char name[NB_KEY_STRLEN];
	struct node_entry e;
	struct node_ghost g;

	for (unsigned i = 0; node_entry_at(nc->node, i, now_of(nc), &e); i++)
		if (nb_key_eq(&e.key, key))
			json_array_append_new(entries, node_entry_json(&e));
	for (unsigned i = 0; node_ghost_at(nc->node, i, now_of(nc), &g); i++)
		if (nb_key_eq(&g.key, key))
			json_array_append_new(ghosts, node_ghost_json(&g));
	return json_pack(
	    "{s:s, s:o, s:o}", "name", nb_key_print(key, name), "names", entries, "ghosts", ghosts);
}

/* The name was added or removed: answers, or keeps the call until its end is seen. */
static void
finish_change(struct node_control *nc, struct ctl_call *call, const struct nb_key *key)
{
	bool wait = ctl_call_flag(call, "wait");
	struct pending *p = wait ? wait_begin(nc, call) : NULL;

	if (p)
		p->key = *key;
	pump(nc);
	if (wait)
		node_control_turn(nc); /* without interfaces it is over at once */
	else
		ctl_reply(call, name_json(nc, key));
}

static void
add(struct node_control *nc, struct ctl_call *call)
{
	char name[NB_KEY_STRLEN], what[NB_KEY_STRLEN + 40];
	struct nb_key key;
	int r;

	if (!call_key(call, &key))
		return;
	r = node_add(nc->node, &key, ctl_call_flag(call, "group"), false, now_of(nc));
	snprintf(what, sizeof(what), "%s was not added", nb_key_print(&key, name));
	if (r)
		fail(call, r, what);
	else
		finish_change(nc, call, &key);
}

static void
remove_name(struct node_control *nc, struct ctl_call *call)
{
	char name[NB_KEY_STRLEN], what[NB_KEY_STRLEN + 40];
	struct nb_key key;
	int r;

	if (!call_key(call, &key))
		return;
	r = node_remove(nc->node, &key, now_of(nc));
	snprintf(what, sizeof(what), "%s was not removed", nb_key_print(&key, name));
	if (r)
		fail(call, r, what);
	else
		finish_change(nc, call, &key);
}

static void
release_refresh(struct node_control *nc, struct ctl_call *call)
{
	int r = node_release_refresh(nc->node, now_of(nc));

	if (r == NBT_EBUSY) {
		ctl_fail(call, CTL_BUSY,
		    "The names were released and registered less than two minutes ago, or the node "
		    "is suspended.");
		return;
	}
	if (r) {
		fail(call, r, "The names were not released");
		return;
	}
	if (wait_begin(nc, call)) {
		pump(nc);
		node_control_turn(nc);
	}
}

static void
suspend(struct node_control *nc, struct ctl_call *call)
{
	node_suspend(nc->node, now_of(nc));
	if (wait_begin(nc, call)) {
		pump(nc);
		node_control_turn(nc);
	}
}

static bool
any_releasing(const struct node_control *nc)
{
	struct node_entry e;

	for (unsigned i = 0; node_entry_at(nc->node, i, now_of(nc), &e); i++)
		if (e.state == NODE_RELEASING)
			return true;
	return false;
}

/* The releases were answered or given up; the names are being registered again. */
static void
released_answer(struct node_control *nc, struct ctl_call *call)
{
	struct node_entry e;
	struct node_ghost g;
	unsigned names = 0, ghosts = 0;

	while (node_entry_at(nc->node, names, now_of(nc), &e))
		names++;
	while (node_ghost_at(nc->node, ghosts, now_of(nc), &g))
		ghosts++;
	ctl_reply(call, json_pack("{s:I, s:I}", "registering", (json_int_t)names, "unconfirmed",
			    (json_int_t)ghosts));
}

static bool
is_over(const struct node_control *nc, const struct pending *p)
{
	switch (p->command) {
	case CTL_CMD_NODE_ADD:
	case CTL_CMD_NODE_REMOVE:
		return !is_under_way(nc, p);
	case CTL_CMD_NODE_RELEASE_REFRESH:
	case CTL_CMD_NODE_SUSPEND:
		return !any_releasing(nc);
	default:
		return false; /* it has a ticket */
	}
}

void
node_control_turn(struct node_control *nc)
{
	for (struct pending *next, *p = nc->pending; p; p = next) {
		struct nb_key key = p->key;
		struct ctl_call *call;

		next = p->next;
		if (!is_over(nc, p))
			continue;
		call = wait_end(nc, p);
		if (ctl_call_command(call) == CTL_CMD_NODE_ADD ||
		    ctl_call_command(call) == CTL_CMD_NODE_REMOVE)
			ctl_reply(call, name_json(nc, &key));
		else
			released_answer(nc, call);
	}
}

/* ---- questions to the network ---- */

/* The call waits under a ticket, which must be in the list before the node is asked: it may answer
 * inside that call. */
static uint32_t
ticket_for(struct node_control *nc, struct ctl_call *call)
{
	struct pending *p = wait_begin(nc, call);

	if (!p)
		return 0;
	p->ticket = TICKET_OURS | (++nc->tickets & ~TICKET_OURS);
	return p->ticket;
}

static struct pending *
find_ticket(const struct node_control *nc, uint32_t ticket)
{
	struct pending *p = nc->pending;

	while (p && p->ticket != ticket)
		p = p->next;
	return p;
}

static void
asked(struct node_control *nc, uint32_t ticket, int r)
{
	struct pending *p = find_ticket(nc, ticket);

	if (r && p)
		fail(wait_end(nc, p), r, "Too many questions are open");
	pump(nc);
}

static void
resolve(struct node_control *nc, struct ctl_call *call)
{
	struct nb_key key;
	uint32_t ticket;

	if (!call_key(call, &key))
		return;
	ticket = ticket_for(nc, call);
	if (ticket)
		asked(nc, ticket, node_resolve(nc->node, &key, 0, ticket, now_of(nc)));
}

static void
status_of(struct node_control *nc, struct ctl_call *call)
{
	bool named = ctl_call_text(call, "name") != NULL;
	struct ip4 peer = IP4_ANY;
	struct nb_key key;
	uint32_t ticket;

	(void)ip4_parse(ctl_call_text(call, "address"), &peer); /* ctl checked that it is one */
	if (!ip4_is_host(peer)) {
		ctl_fail(call, CTL_BAD_ARGUMENT, "No machine can have this address.");
		return;
	}
	if (named && !call_key(call, &key))
		return;
	ticket = ticket_for(nc, call);
	if (ticket)
		asked(nc, ticket,
		    node_ask_status(nc->node, peer, named ? &key : NULL, ticket, now_of(nc)));
}

bool
node_control_answer(struct node_control *nc, const struct node_answer *a)
{
	struct pending *p;

	if (!(a->ticket & TICKET_OURS))
		return false;
	p = find_ticket(nc, a->ticket);
	if (p && p->command == CTL_CMD_NODE_RESOLVE)
		ctl_reply(wait_end(nc, p), node_answer_json(a));
	else if (p)
		ctl_reply(wait_end(nc, p), node_status_json(a));
	return true;
}

/* ---- the rest ---- */

static void
resume(struct node_control *nc, struct ctl_call *call)
{
	node_resume(nc->node, now_of(nc));
	pump(nc);
	released_answer(nc, call);
}

static void
purge(struct node_control *nc, struct ctl_call *call)
{
	struct node_cache_entry e;
	unsigned n = 0;

	node_cache_reload(nc->node, now_of(nc));
	while (node_cache_at(nc->node, n, now_of(nc), &e))
		n++;
	pump(nc);
	ctl_reply(call, json_pack("{s:I}", "preloaded", (json_int_t)n));
}

static void
stats(struct node_control *nc, struct ctl_call *call)
{
	ctl_reply(call, node_stats_json(node_stats(nc->node)));
}

typedef void command(struct node_control *nc, struct ctl_call *call);

static command *
command_of(enum ctl_command_id id)
{
	static command *const commands[CTL_CMD_COUNT] = {
		[CTL_CMD_NODE_INTERFACES] = interfaces,
		[CTL_CMD_NODE_LIST] = list_names,
		[CTL_CMD_NODE_ADD] = add,
		[CTL_CMD_NODE_REMOVE] = remove_name,
		[CTL_CMD_NODE_GHOSTS] = list_ghosts,
		[CTL_CMD_NODE_CACHE] = list_cache,
		[CTL_CMD_NODE_RESOLVE] = resolve,
		[CTL_CMD_NODE_STATUS_OF] = status_of,
		[CTL_CMD_NODE_PURGE] = purge,
		[CTL_CMD_NODE_RELEASE_REFRESH] = release_refresh,
		[CTL_CMD_NODE_SUSPEND] = suspend,
		[CTL_CMD_NODE_RESUME] = resume,
		[CTL_CMD_NODE_STATS] = stats,
	};

	return commands[id];
}

bool
node_control_has(enum ctl_command_id id)
{
	return command_of(id);
}

void
node_control_handle(struct node_control *nc, struct ctl_call *call)
{
	if (nc)
		command_of(ctl_call_command(call))(nc, call);
	else
		ctl_fail(call, CTL_REFUSED, "This server hosts no NetBT node.");
}

int
node_control_new(struct node *n, const struct node_control_host *host, struct node_control **ret)
{
	struct node_control *nc = calloc(1, sizeof(*nc));

	if (!nc)
		return NBT_ENOMEM;
	nc->node = n;
	nc->host = *host;
	*ret = nc;
	return 0;
}

void
node_control_free(struct node_control *nc)
{
	if (!nc)
		return;
	while (nc->pending)
		fail(wait_end(nc, nc->pending), NBT_ECLOSED, "The node ends");
	free(nc);
}

/* ---- the socket for everybody ---- */

/* Others than node-resolve tell about this machine, which is not for everybody. */
static void
handle_public(void *arg, struct ctl_call *call)
{
	if (ctl_call_command(call) == CTL_CMD_NODE_RESOLVE)
		resolve(arg, call);
	else
		ctl_fail(call, CTL_DENIED, "This socket is for node-resolve alone.");
}

int
node_control_open_public(struct node_control *nc, uv_loop_t *loop, const char *path)
{
	const struct ctl_server_conf conf = { .path = path,
		.policy = { .self = (uid_t)-1,
		    .readers = CTL_NO_GROUP,
		    .changers = CTL_NO_GROUP,
		    .anyone = true },
		.handle = handle_public,
		.arg = nc };

	assert(!nc->public);
	return ctl_server_open(loop, &conf, &nc->public);
}

void
node_control_close_public(struct node_control *nc)
{
	ctl_server_close(nc->public);
	nc->public = NULL;
}
