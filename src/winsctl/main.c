/* SPDX-License-Identifier: Apache-2.0 */
/*
 * winsctl: administration of a running winsd over its control socket. Layer: program. This file talks
 * to the server; what is asked stands in winsctl_args.c, how it looks in winsctl_show.c.
 * Exit codes: 0 done, 1 failed or refused, 2 wrong call.
 */
#include "winsctl/winsctl.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "ctl/client.h"

#define FOLLOW_NS 500000000 /* between two looks for new events */

struct session {
	const struct winsctl *w;
	struct ctl_client *client;
	struct winsctl_view view;
};

static void
say_unreachable(const char *path, int err)
{
	switch (err) {
	case NBT_ENOENT:
		fprintf(stderr,
		    "winsctl: there is no socket %s: is winsd running? --socket or WINSCTL_SOCKET "
		    "names "
		    "another.\n",
		    path);
		break;
	case NBT_ECLOSED:
		fprintf(stderr, "winsctl: nobody listens on %s: winsd is not running.\n", path);
		break;
	case NBT_EDENIED:
		fprintf(stderr,
		    "winsctl: you may not open %s: root and members of winsd's control-group and "
		    "control-admin-group may.\n",
		    path);
		break;
	default:
		fprintf(stderr, "winsctl: %s: %s.\n", path, nbt_strerror(err));
	}
}

/* One request and its answer; NULL after saying why there is none. */
static json_t *
ask_for(struct session *s, enum ctl_command_id command, json_t *arguments)
{
	struct ctl_refusal refusal;
	json_t *result = NULL;
	int r = ctl_client_call(
	    s->client, ctl_command(command)->name, json_incref(arguments), &result, &refusal);

	if (r)
		fprintf(stderr, "winsctl: no answer from the server: %s.\n", nbt_strerror(r));
	else if (!result)
		fprintf(stderr, "winsctl: %s\n", refusal.message);
	return result;
}

static json_t *
ask(struct session *s, json_t *arguments)
{
	return ask_for(s, s->w->command, arguments);
}

static json_int_t
local_number(const struct winsctl *w, const char *name, json_int_t otherwise)
{
	const json_t *v = json_object_get(w->local, name);

	return v ? json_integer_value(v) : otherwise;
}

/* The member of an answer that holds the page of a listing; NULL: the command is no paged listing. */
static const char *
page_member(enum ctl_command_id command)
{
	switch (command) {
	case CTL_CMD_LIST:
		return "records";
	case CTL_CMD_DOCTOR:
		return "findings";
	case CTL_CMD_NODE_LIST:
		return "names";
	case CTL_CMD_NODE_GHOSTS:
		return "ghosts";
	case CTL_CMD_NODE_CACHE:
		return "cache";
	default:
		return NULL;
	}
}

/* Page after page until the end or the limit. */
static int
list(struct session *s, const char *member)
{
	json_int_t left = local_number(s->w, "limit", INT64_MAX);
	json_t *arguments = json_copy(s->w->arguments);
	bool more = true;

	while (more && left > 0) {
		json_t *result, *page;
		const json_t *cursor;

		json_object_set_new(arguments, "page", json_integer(left < 1000 ? left : 1000));
		result = ask(s, arguments);
		if (!result) {
			json_decref(arguments);
			return 1;
		}
		page = json_object_get(result, member);
		left -= (json_int_t)json_array_size(page);
		/* A page may be empty though others follow; a heading over nothing is told once. */
		cursor = json_object_get(result, "cursor");
		more = json_is_string(cursor);
		if (json_array_size(page)) {
			(void)winsctl_show(&s->view, s->w->command, result);
			s->view.first = false;
		}
		if (more)
			json_object_set(arguments, "cursor", json_object_get(result, "cursor"));
		json_decref(result);
	}
	json_decref(arguments);
	return 0;
}

/* Reads all events behind *after into list; false after saying why not. */
static bool
read_events(struct session *s, json_t *list, json_int_t *after)
{
	for (;;) {
		json_t *arguments = json_pack("{s:I, s:i}", "after", *after, "page", 1000);
		json_t *result = ask(s, arguments), *page;
		size_t n;

		json_decref(arguments);
		if (!result)
			return false;
		page = json_object_get(result, "events");
		n = json_array_size(page);
		json_array_extend(list, page);
		*after = json_integer_value(json_object_get(result, "last"));
		json_decref(result);
		if (!n)
			return true;
	}
}

static void
print_events(struct session *s, json_t *list, json_int_t limit)
{
	json_t *result = json_object();

	while ((json_int_t)json_array_size(list) > limit)
		json_array_remove(list, 0);
	s->view.now = time(NULL);
	json_object_set(result, "events", list);
	(void)winsctl_show(&s->view, CTL_CMD_EVENTS, result);
	fflush(s->view.out);
	json_decref(result);
	json_array_clear(list);
}

static int
events(struct session *s)
{
	const json_t *v = json_object_get(s->w->arguments, "after");
	json_int_t after = v ? json_integer_value(v) : 0;
	json_int_t limit = local_number(s->w, "limit", INT64_MAX);
	bool follow = json_is_true(json_object_get(s->w->local, "follow")), ok;
	json_t *list = json_array();

	ok = read_events(s, list, &after);
	if (ok)
		print_events(s, list, limit);
	while (ok && follow && !ferror(s->view.out)) {
		nanosleep(&(struct timespec){ .tv_nsec = FOLLOW_NS }, NULL);
		ok = read_events(s, list, &after);
		if (ok && json_array_size(list))
			print_events(s, list, INT64_MAX);
	}
	json_decref(list);
	return ok ? 0 : 1;
}

static int
doctor(struct session *s)
{
	json_t *result;
	int r = 1;

	if (!json_is_true(json_object_get(s->w->local, "repair"))) {
		r = list(s, page_member(CTL_CMD_DOCTOR));
		if (!r && s->view.first && !s->view.json)
			puts("Nothing is known to be wrong.");
		return r;
	}
	if (!json_object_get(s->w->arguments, "name")) {
		fputs("winsctl: --repair needs a name; \"winsctl doctor\" lists what is wrong.\n",
		    stderr);
		return 2;
	}
	result = ask_for(s, CTL_CMD_REPAIR, s->w->arguments);
	if (result)
		r = winsctl_show(&s->view, CTL_CMD_REPAIR, result);
	json_decref(result);
	return r;
}

static int
other(struct session *s)
{
	json_t *result = ask(s, s->w->arguments);
	int r = result ? winsctl_show(&s->view, s->w->command, result) : 1;

	if (result && s->w->command == CTL_CMD_VERSION && !s->w->json)
		printf("winsctl %s\n", WINSOME_VERSION);
	json_decref(result);
	return r;
}

static int
talk(const struct winsctl *w)
{
	struct session s = { .w = w,
		.view = { .out = stdout,
		    .json = w->json,
		    .tty = isatty(STDOUT_FILENO),
		    .first = true,
		    .now = time(NULL) } };
	const char *socket = w->socket ? w->socket : WINSCTL_SOCKET;
	int r = ctl_client_open(socket, w->timeout, &s.client);

	/* A machine that is no WINS server has its node in netbtd. */
	if (!w->socket && (r == NBT_ENOENT || r == NBT_ECLOSED) &&
	    !ctl_client_open(WINSCTL_NODE_SOCKET, w->timeout, &s.client))
		r = 0;
	if (r) {
		say_unreachable(socket, r);
		return 1;
	}
	if (w->command == CTL_CMD_DOCTOR)
		r = doctor(&s);
	else if (page_member(w->command))
		r = list(&s, page_member(w->command));
	else if (w->command == CTL_CMD_EVENTS)
		r = events(&s);
	else
		r = other(&s);
	ctl_client_close(s.client);
	return r;
}

static int
help(const struct winsctl *w)
{
	const char *name = json_string_value(json_object_get(w->arguments, "command"));
	int command = name ? ctl_command_find(name) : -1;

	if (w->has_command && w->command != CTL_CMD_HELP)
		command = (int)w->command; /* winsctl list --help */
	if (command >= 0) {
		winsctl_explain(stdout, (enum ctl_command_id)command);
		return 0;
	}
	if (name) {
		fprintf(stderr, "winsctl: there is no command \"%s\".\n", name);
		return 2;
	}
	winsctl_usage(stdout);
	return 0;
}

static int
run(const struct winsctl *w)
{
	if (w->version) {
		printf("winsctl %s\n", WINSOME_VERSION);
		return 0;
	}
	if (w->help || w->command == CTL_CMD_HELP)
		return help(w);
	if (w->command == CTL_CMD_STORE)
		return winsctl_store(w, stdout, stderr);
	return talk(w);
}

int
main(int argc, char **argv)
{
	struct winsctl w;
	struct ctl_error error;
	int r;

	if (!winsctl_parse(argc, argv, &w, &error)) {
		fprintf(stderr, "winsctl: %s\n", error.message);
		r = 2;
	} else {
		r = run(&w);
	}
	winsctl_release(&w);
	if (fflush(stdout) || ferror(stdout)) {
		perror("winsctl: standard output");
		return 1;
	}
	return r;
}
