/* SPDX-License-Identifier: Apache-2.0 */
/* See nodehost.h. Layer: nodehost. */
#include "nodehost/nodehost.h"

#include <stdlib.h>
#include <string.h>

#include "file/file.h"
#include "io/clock.h"
#include "io/ifmon.h"
#include "nodehost/dns.h"
#include "nodehost/policy.h"
#include "nodehost/state.h"

#define ADDRESSES_MAX 1024
#define FILE_MAX      (4u << 20) /* of LMHOSTS and what it includes */
#define SAVE_MS       1000       /* changes of so long are kept with one write */
/* Dotted and beside the store, which takes no other strange files in its folder. */
#define STATE_FILE "/.node-names"

struct nodehost {
	uv_loop_t *loop;
	struct conf conf;
	struct nodehost_hooks hooks;
	struct node *node;
	struct ifmon *ifmon;
	struct dns *dns;
	uv_poll_t poll;
	uv_timer_t timer, save, end;
	struct ifmon_entry *addresses; /* scratch */
	char state_path[CONF_TEXT_MAX + sizeof(STATE_FILE)];
	uint64_t digest;
	struct policy_name names[POLICY_NAMES_MAX]; /* of the options, registered */
	unsigned nnames;
	bool begun, state_failed, closed;
	bool leaving; /* an interface stays only to release its names */
	void (*ended)(void *arg);
	void *ended_arg;
};

static void
say(struct nodehost *h, int event, const char *text)
{
	struct event ev = { .id = (uint16_t)event };

	strncpy(ev.text, text, sizeof(ev.text) - 1);
	h->hooks.event(h->hooks.arg, &ev);
}

/* ---- what the engine asks for ---- */

static uint32_t
draw(void *arg)
{
	return arc4random();
}

static void
engine_event(void *arg, const struct event *ev)
{
	struct nodehost *h = arg;

	h->hooks.event(h->hooks.arg, ev);
}

static void
engine_answer(void *arg, const struct node_answer *a)
{
	struct nodehost *h = arg;

	h->hooks.answer(h->hooks.arg, a);
}

static void
engine_dns(void *arg, uint32_t ticket, const char *name)
{
	dns_ask(((struct nodehost *)arg)->dns, ticket, name);
}

static void
dns_answer(void *arg, uint32_t ticket, const struct ip4 *addr, unsigned n)
{
	struct nodehost *h = arg;

	node_dns_done(h->node, ticket, addr, n, clock_mono());
	nodehost_turn(h);
}

static int
read_file(void *arg, const char *path, char **ret, size_t *ret_len, const char **ret_why)
{
	return file_read(path, FILE_MAX, ret, ret_len, ret_why);
}

/* ---- the file ---- */

static void
save(struct nodehost *h)
{
	char *text = state_text(h->node, clock_mono()), why[400];
	int err = text ? state_write(h->state_path, text) : NBT_ENOMEM;

	free(text);
	if (err && !h->state_failed) {
		snprintf(why, sizeof(why), "%s: %s", h->state_path, nbt_strerror(err));
		say(h, EV_NODE_STATE_FAILED, why);
	}
	h->state_failed = err != 0;
}

static void
on_save(uv_timer_t *t)
{
	save(t->data);
}

static void
remember(void *arg, const struct node_ghost *g)
{
	struct nodehost *h = arg;

	(void)node_remember(h->node, g, clock_mono()); /* what is too much is forgotten */
}

static void
restore(struct nodehost *h)
{
	unsigned bad = 0;
	char why[400];
	int err = state_read(h->state_path, remember, h, &bad);

	if (err == NBT_ENOENT || (!err && !bad))
		return;
	snprintf(why, sizeof(why), "%s: %s", h->state_path,
	    err ? nbt_strerror(err) : "damaged, what can be read of it is used");
	say(h, EV_NODE_STATE_FAILED, why);
}

/* ---- interfaces ---- */

struct use {
	uint32_t key;
	bool used;
};

static void
note_use(void *arg, const struct node_entry *e)
{
	struct use *u = arg;

	u->used |= e->if_key == u->key;
}

static bool
is_up(const struct nodehost *h, size_t n, const struct node_if *c)
{
	for (size_t i = 0; i < n; i++)
		if (h->addresses[i].ifindex == c->key && ip4_eq(h->addresses[i].ip, c->ip))
			return h->addresses[i].up;
	return false;
}

static bool
is_listed(const struct node_if *ifs, unsigned count, uint32_t key)
{
	for (unsigned i = 0; i < count; i++)
		if (ifs[i].key == key)
			return true;
	return false;
}

/* Interfaces that the options no longer want, but that are there: they stay until their names are
 * released, which only they can do (netbt 3.5). */
static unsigned
keep_leaving(struct nodehost *h, size_t n, struct node_if ifs[NODE_IF_MAX], unsigned count)
{
	unsigned wanted = count;
	struct node_if c;

	for (unsigned i = 0; node_if_at(h->node, i, &c) && count < NODE_IF_MAX; i++) {
		struct use use = { .key = c.key };

		if (is_listed(ifs, wanted, c.key) || !is_up(h, n, &c))
			continue;
		node_each_entry(h->node, clock_mono(), note_use, &use);
		if (!use.used)
			continue;
		c.leaving = true;
		ifs[count++] = c;
	}
	h->leaving = count > wanted;
	return count;
}

static int
look_at_interfaces(struct nodehost *h)
{
	struct node_if ifs[NODE_IF_MAX];
	unsigned count;
	size_t n;
	int err = ifmon_list(h->ifmon, h->addresses, ADDRESSES_MAX, &n);

	if (!err) {
		n = n < ADDRESSES_MAX ? n : ADDRESSES_MAX;
		count = policy_ifs(&h->conf, h->hooks.wins_is_here, h->addresses, n, ifs);
		count = keep_leaving(h, n, ifs, count);
		err = node_set_ifs(h->node, ifs, count, clock_mono());
	}
	if (err)
		say(h, EV_NODE_INTERFACES_FAILED, nbt_strerror(err));
	return err;
}

/* ---- turns ---- */

static void
on_timer(uv_timer_t *t)
{
	struct nodehost *h = t->data;

	node_tick(h->node, clock_mono());
	nodehost_turn(h);
}

static void
set_timer(struct nodehost *h)
{
	struct mono next = node_next(h->node), now = clock_mono();
	int64_t ms = (next.ns - now.ns + 999999) / 1000000;

	if (next.ns == MONO_NEVER.ns) {
		uv_timer_stop(&h->timer);
		return;
	}
	uv_update_time(h->loop);
	uv_timer_start(&h->timer, on_timer, ms > 0 ? (uint64_t)ms : 0, 0);
}

static void
note_changes(struct nodehost *h)
{
	uint64_t digest = node_digest(h->node);

	if (digest == h->digest)
		return;
	h->digest = digest;
	if (h->leaving)
		(void)look_at_interfaces(h); /* has one of them released its last name? */
	h->hooks.changed(h->hooks.arg);
	if (!uv_is_active((uv_handle_t *)&h->save) && !h->ended)
		uv_timer_start(&h->save, on_save, SAVE_MS, 0);
}

/* What is not confirmed by now is kept for the next start: without its interfaces the engine waits for
 * no answer any more, but remembers what it lacks. */
static void
give_up_waiting(struct nodehost *h)
{
	h->ended = NULL;
	uv_timer_stop(&h->end);
	uv_timer_stop(&h->save);
	(void)node_set_ifs(h->node, NULL, 0, clock_mono()); /* no interface cannot fail */
	save(h);
}

static void
end_now(struct nodehost *h)
{
	void (*ended)(void *arg) = h->ended;

	give_up_waiting(h);
	ended(h->ended_arg);
}

void
nodehost_turn(struct nodehost *h)
{
	const struct node_out *out;

	if (h->closed)
		return;
	note_changes(h);
	while ((out = node_out(h->node)))
		h->hooks.send(h->hooks.arg, out);
	h->hooks.flush(h->hooks.arg);
	set_timer(h);
	h->hooks.turned(h->hooks.arg);
	if (h->ended && node_quiet(h->node))
		end_now(h);
}

/* A packet to one of our addresses belongs to that address' card, whichever card it came in by: a
 * packet of ourselves comes in by the loopback interface. */
void
nodehost_in(struct nodehost *h, const uint8_t *packet, size_t len, const struct node_path *path)
{
	struct node_path at = *path;
	struct node_if c;

	for (unsigned i = 0; !path->broadcast && node_if_at(h->node, i, &c); i++)
		if (ip4_eq(c.ip, path->local))
			at.key = c.key;
	node_in(h->node, packet, len, &at, clock_mono());
}

/* ---- news ---- */

static void
on_news(uv_poll_t *p, int status, int events)
{
	struct nodehost *h = p->data;

	if (!ifmon_changed(h->ifmon))
		return;
	(void)look_at_interfaces(h); /* told; the next change is another try */
	nodehost_turn(h);
}

/* ---- names ---- */

static bool
has_name(const struct policy_name *names, unsigned n, const struct policy_name *p)
{
	for (unsigned i = 0; i < n; i++)
		if (nb_key_eq(&names[i].key, &p->key) && names[i].group == p->group)
			return true;
	return false;
}

static void
tell_refused(struct nodehost *h, const struct policy_name *p, int err)
{
	struct event ev = { .id = EV_NODE_NAME_NOT_ADDED, .key = p->key, .has_key = true };

	strncpy(ev.text, nbt_strerror(err), sizeof(ev.text) - 1);
	h->hooks.event(h->hooks.arg, &ev);
}

/* The names of the options as they are now instead of those before. */
static void
take_names(struct nodehost *h)
{
	struct policy_name wanted[POLICY_NAMES_MAX];
	unsigned n = policy_names(&h->conf, wanted), kept = 0;
	struct mono now = clock_mono();

	for (unsigned i = 0; i < h->nnames; i++)
		if (!has_name(wanted, n, &h->names[i]))
			(void)node_remove(h->node, &h->names[i].key, now); /* gone is gone */
	for (unsigned i = 0; i < n; i++) {
		int err = has_name(h->names, h->nnames, &wanted[i])
			      ? 0
			      : node_add(h->node, &wanted[i].key, wanted[i].group, false, now);

		if (err)
			tell_refused(h, &wanted[i], err);
		else
			wanted[kept++] = wanted[i];
	}
	memcpy(h->names, wanted, kept * sizeof(*wanted));
	h->nnames = kept;
}

/* ---- life ---- */

static int
make_parts(struct nodehost *h)
{
	const struct node_host host = { .arg = h,
		.random = draw,
		.event = engine_event,
		.answer = engine_answer,
		.dns = engine_dns,
		.read_file = read_file };
	struct node_conf conf;
	int err;

	policy_node_conf(&h->conf, &conf);
	h->addresses = calloc(ADDRESSES_MAX, sizeof(*h->addresses));
	if (!h->addresses)
		return NBT_ENOMEM;
	if ((err = ifmon_open(&h->ifmon)) || (err = dns_open(h->loop, dns_answer, h, &h->dns)))
		return err;
	return node_new(&conf, &host, clock_mono(), &h->node);
}

int
nodehost_open(uv_loop_t *loop, const struct conf *conf, const struct nodehost_hooks *hooks,
    struct nodehost **ret)
{
	struct nodehost *h = calloc(1, sizeof(*h));
	int err;

	if (!h)
		return NBT_ENOMEM;
	h->loop = loop;
	h->conf = *conf;
	h->hooks = *hooks;
	snprintf(h->state_path, sizeof(h->state_path), "%s%s", conf->data_dir, STATE_FILE);
	err = make_parts(h);
	if (!err && uv_poll_init(loop, &h->poll, ifmon_fd(h->ifmon)))
		err = NBT_EIO;
	if (err) {
		say(h, EV_NODE_INTERFACES_FAILED, nbt_strerror(err));
		nodehost_free(h);
		return err;
	}
	uv_timer_init(loop, &h->timer);
	uv_timer_init(loop, &h->save);
	uv_timer_init(loop, &h->end);
	h->poll.data = h->timer.data = h->save.data = h->end.data = h;
	*ret = h;
	return 0;
}

int
nodehost_begin(struct nodehost *h)
{
	int err = look_at_interfaces(h);

	if (err)
		return err;
	h->begun = true;
	uv_poll_start(&h->poll, UV_READABLE, on_news);
	take_names(h);
	restore(h);
	nodehost_turn(h);
	return 0;
}

struct node *
nodehost_node(struct nodehost *h)
{
	return h->node;
}

void
nodehost_reconf(struct nodehost *h, const struct conf *conf)
{
	conf_take_reloadable(&h->conf, conf);
	(void)look_at_interfaces(h); /* told */
	take_names(h);
	nodehost_turn(h);
}

static void
on_end(uv_timer_t *t)
{
	end_now(t->data);
}

void
nodehost_end(struct nodehost *h, uint64_t limit_ms, void (*done)(void *arg), void *arg)
{
	if (!h->begun) {
		done(arg);
		return;
	}
	h->ended = done;
	h->ended_arg = arg;
	uv_timer_start(&h->end, on_end, limit_ms, 0);
	node_suspend(h->node, clock_mono());
	nodehost_turn(h);
}

void
nodehost_close(struct nodehost *h)
{
	if (!h || h->closed)
		return;
	if (h->ended)
		give_up_waiting(h);
	h->closed = true;
	dns_close(h->dns);
	h->dns = NULL;
	uv_close((uv_handle_t *)&h->poll, NULL);
	uv_close((uv_handle_t *)&h->timer, NULL);
	uv_close((uv_handle_t *)&h->save, NULL);
	uv_close((uv_handle_t *)&h->end, NULL);
}

void
nodehost_free(struct nodehost *h)
{
	if (!h)
		return;
	dns_close(h->dns);
	node_free(h->node);
	ifmon_close(h->ifmon);
	free(h->addresses);
	free(h);
}
