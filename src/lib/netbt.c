/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls of libnetbt that wait: for the daemon, else for the network. Layer: lib. Keeps nothing
 * between calls.
 */
#include <netbt/netbt.h>

#include <arpa/inet.h>
#include <stdio.h>

#include "lib/ask.h"
#include "lib/convert.h"
#include "lib/daemon.h"

#define TIMEOUT_MS 10000

void
nbt_options_init(struct nbt_options *o)
{
	*o = (struct nbt_options){ .timeout_ms = TIMEOUT_MS };
}

static struct nbt_options
options_of(const struct nbt_options *o)
{
	struct nbt_options init;

	nbt_options_init(&init);
	return o ? *o : init;
}

static long long
deadline_of(const struct nbt_options *o)
{
	return daemon_now() + o->timeout_ms;
}

/* ---- the daemon ---- */

/*
 * Asks the daemon that the options name, or the usual ones in turn; one without a node, or closed to
 * us, is passed over. 0 and an answer with a result, or an error.
 */
static int
ask_daemon(const struct nbt_options *o, const char *const *paths, const char *line,
    long long deadline, struct daemon_answer *ret)
{
	const char *const named[] = { o->socket, NULL };
	int best = NBT_ERR_NO_DAEMON;

	if (o->socket)
		paths = *o->socket ? named : named + 1;
	for (; *paths; paths++) {
		int r = daemon_ask(*paths, line, deadline, ret);

		if (!r && daemon_result(ret).p)
			return 0;
		if (!r)
			r = daemon_refusal(ret, NULL, 0);
		if (r != NBT_ERR_NO_DAEMON && r != NBT_ERR_DENIED && r != NBT_ERR_REFUSED)
			return r;
		if (best == NBT_ERR_NO_DAEMON)
			best = r;
	}
	return best;
}

static int
take_answer(struct span result, struct nbt_answer *ret)
{
	struct span list = span_member(result, "addresses");
	struct nbt_answer answer = { .group = span_is_true(span_member(result, "group")) };
	char text[INET_ADDRSTRLEN];

	if (!span_is_true(span_member(result, "found")))
		return NBT_ERR_NOT_FOUND;
	while (answer.naddress < NBT_ANSWER_MAX &&
	       span_text(span_element(list, answer.naddress), text, sizeof(text))) {
		if (!inet_pton(AF_INET, text, &answer.address[answer.naddress]))
			return NBT_ERR_FORMAT;
		answer.naddress++;
	}
	if (span_text(span_member(result, "from"), text, sizeof(text)))
		(void)inet_pton(AF_INET, text, &answer.from);
	*ret = answer;
	return 0;
}

int
nbt_resolve(const struct nbt_name *name, const struct nbt_options *options, struct nbt_answer *ret)
{
	static const char *const paths[] = { DAEMON_RESOLVE, DAEMON_WINSD, DAEMON_NETBTD, NULL };
	struct nbt_options o = options_of(options);
	long long deadline = deadline_of(&o);
	char line[DAEMON_LINE_MAX], text[NB_KEY_STRLEN];
	struct daemon_answer answer;
	struct nb_key key;
	int r;

	if (!convert_name_in(name, &key))
		return NBT_ERR_INVALID;
	daemon_line(line, "node-resolve", nb_key_print(&key, text), "");
	r = ask_daemon(&o, paths, line, deadline, &answer);
	if (!r)
		return take_answer(daemon_result(&answer), ret);
	if (r != NBT_ERR_NO_DAEMON && r != NBT_ERR_DENIED && r != NBT_ERR_REFUSED)
		return r;
	return ask_name(&key, &o, deadline, ret);
}

int
nbt_node_status(struct in_addr address, const struct nbt_name *name,
    const struct nbt_options *options, struct nbt_packet *ret)
{
	struct nbt_options o = options_of(options);
	long long deadline = deadline_of(&o);
	struct ip4 peer = convert_ip_in(address);
	struct nb_key key = { .name.b = "*" };
	struct received r;
	int err;

	if (name && !convert_name_in(name, &key))
		return NBT_ERR_INVALID;
	if (peer.v == 0 || peer.v >> 28 >= 0xe) /* one machine is asked, not a group of them */
		return NBT_ERR_INVALID;
	err = ask_status(peer, &key, &o, deadline, &r);
	return err ? err : nbt_decode(r.bytes, r.len, ret);
}

/* ---- names of this machine ---- */

/* Whatever the result, *ret holds the daemon's answer, or has the length 0: there was none. */
static int
change(const char *command, const struct nbt_name *name, const char *more,
    const struct nbt_options *o, struct daemon_answer *ret)
{
	static const char *const paths[] = { DAEMON_WINSD, DAEMON_NETBTD, NULL };
	char line[DAEMON_LINE_MAX], text[NB_KEY_STRLEN];
	struct nb_key key;

	ret->len = 0;
	if (!convert_name_in(name, &key))
		return NBT_ERR_INVALID;
	daemon_line(line, command, nb_key_print(&key, text), more);
	return ask_daemon(o, paths, line, deadline_of(o), ret);
}

/* The daemon's words when it refused, else what the error means. */
static int
explain(int r, const struct daemon_answer *a, char *why, size_t why_size)
{
	if (!r || !why || !why_size)
		return r;
	snprintf(why, why_size, "%s", nbt_error_text(r));
	if (a->len)
		(void)daemon_refusal(a, why, why_size);
	return r;
}

int
nbt_register(const struct nbt_name *name, int group, const struct nbt_options *options, char *why,
    size_t why_size)
{
	struct nbt_options o = options_of(options);
	struct daemon_answer answer;
	struct span names, entry;
	char state[20], offender[INET_ADDRSTRLEN] = "somebody else", card[40] = "an interface";
	int r = change("node-add", name, group ? ",\"wait\":true,\"group\":true" : ",\"wait\":true",
	    &o, &answer);

	if (r)
		return explain(r, &answer, why, why_size);
	names = span_member(daemon_result(&answer), "names");
	for (unsigned i = 0; (entry = span_element(names, i)).p; i++) {
		if (!span_text(span_member(entry, "state"), state, sizeof(state)) ||
		    strcmp(state, "Conflict") != 0)
			continue;
		(void)span_text(span_member(entry, "offender"), offender, sizeof(offender));
		(void)span_text(span_member(entry, "interface"), card, sizeof(card));
		if (why && why_size)
			snprintf(why, why_size, "on %s %s has the name", card, offender);
		return NBT_ERR_REFUSED;
	}
	return 0;
}

int
nbt_release(
    const struct nbt_name *name, const struct nbt_options *options, char *why, size_t why_size)
{
	struct nbt_options o = options_of(options);
	struct daemon_answer answer;
	int r = change("node-remove", name, ",\"wait\":true", &o, &answer);

	return explain(r, &answer, why, why_size);
}
