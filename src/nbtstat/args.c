/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nbtstat's command line: Windows' letters, whose case counts, behind '-' or '/', and a few long
 * options of ours. Layer: program. No effect.
 */
#include "nbtstat/nbtstat.h"

#include <stdarg.h>
#include <stdlib.h>

#define INTERVAL_MAX 86400

struct words {
	int argc, at;
	char **argv;
	struct nbtstat *s;
	bool has_action;
	char *why;
};

static const struct {
	const char *word;
	enum nbtstat_action action;
	const char *arg, *help;
} actions[] = {
	{ "a", NBTSTAT_NAME, "NAME", "the name table of a remote machine, by its name" },
	{ "A", NBTSTAT_ADDRESS, "ADDRESS", "the name table of a remote machine, by its address" },
	{ "c", NBTSTAT_CACHE, NULL, "the cache of remote names, with addresses and life" },
	{ "n", NBTSTAT_LOCAL, NULL, "the names of this machine" },
	{ "r", NBTSTAT_COUNTERS, NULL, "names resolved by broadcast and by WINS" },
	{ "R", NBTSTAT_PURGE, NULL, "empties the cache and reads LMHOSTS again" },
	{ "RR", NBTSTAT_REFRESH, NULL, "releases all names at WINS and registers them again" },
	{ "s", NBTSTAT_SESSIONS, NULL, "sessions, the other machines by name" },
	{ "S", NBTSTAT_SESSIONS_IP, NULL, "sessions, the other machines by address" },
};

#define ACTIONS (sizeof(actions) / sizeof(*actions))

void
nbtstat_usage(FILE *out)
{
	fputs("usage: nbtstat [-a NAME] [-A ADDRESS] [-c] [-n] [-r] [-R] [-RR] [-s] [-S]\n"
	      "               [--json] [--socket PATH] [--wins ADDRESS]... [INTERVAL]\n\n",
	    out);
	for (size_t i = 0; i < ACTIONS; i++) {
		char left[30];

		snprintf(left, sizeof(left), "-%s %s", actions[i].word,
		    actions[i].arg ? actions[i].arg : "");
		fprintf(out, "  %-15s %s\n", left, actions[i].help);
	}
	fputs("  INTERVAL        displays again after so many seconds, until interrupted\n"
	      "  --json          prints one JSON object\n"
	      "  --socket PATH   the control socket of netbtd or winsd\n"
	      "  --wins ADDRESS  for -a without a daemon: ask this WINS server\n"
	      "  --version       prints the version\n"
	      "\nexit code: 0 done, 1 not found or failed, 2 wrong call\n",
	    out);
}

__attribute__((format(printf, 2, 3))) static bool
wrong(struct words *w, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(w->why, NBTSTAT_WHY, format, args);
	va_end(args);
	return false;
}

/* People type names as they like, and machines register them in upper case. */
static bool
take_name(struct words *w, const char *text)
{
	struct nb_key key, other;

	if (nb_key_parse(text, 0x20, &key) || nb_key_parse(text, 0x00, &other))
		return wrong(w,
		    "\"%.100s\" is no NetBIOS name: at most 15 characters, and a suffix as in "
		    "NAME<20> or NAME#20 if it is to be that one.",
		    text);
	for (int i = 0; i < NB_NAME_LEN - 1; i++)
		if (key.name.b[i] >= 'a' && key.name.b[i] <= 'z')
			key.name.b[i] = (uint8_t)(key.name.b[i] - 'a' + 'A');
	w->s->key = key;
	w->s->has_suffix = nb_suffix(&key) == nb_suffix(&other);
	return true;
}

static bool
take_address(struct words *w, const char *text, struct ip4 *ret)
{
	if (ip4_parse(text, ret) && ip4_is_host(*ret))
		return true;
	return wrong(
	    w, "\"%.100s\" is not the IPv4 address of a machine, such as 192.0.2.10.", text);
}

/* The word behind an option. */
static const char *
value(struct words *w)
{
	return ++w->at < w->argc ? w->argv[w->at] : NULL;
}

static bool
take_action(struct words *w, size_t i)
{
	const char *arg = NULL;

	if (w->has_action)
		return wrong(w, "One display at a time: -%s is one too many.", actions[i].word);
	w->has_action = true;
	w->s->action = actions[i].action;
	if (actions[i].arg && !(arg = value(w)))
		return wrong(w, "-%s needs %s.", actions[i].word, actions[i].arg);
	if (w->s->action == NBTSTAT_NAME)
		return take_name(w, arg);
	return w->s->action != NBTSTAT_ADDRESS || take_address(w, arg, &w->s->ip);
}

static bool
take_wins(struct words *w)
{
	const char *arg = value(w);

	if (!arg)
		return wrong(w, "--wins needs an address.");
	if (w->s->nwins == NBT_SERVERS_MAX)
		return wrong(w, "At most %d servers are asked.", NBT_SERVERS_MAX);
	return take_address(w, arg, &w->s->wins[w->s->nwins++]);
}

static bool
take_long(struct words *w, const char *word)
{
	if (!strcmp(word, "json"))
		return w->s->json = true;
	if (!strcmp(word, "wins"))
		return take_wins(w);
	if (!strcmp(word, "socket")) {
		w->s->socket = value(w);
		return w->s->socket || wrong(w, "--socket needs a path.");
	}
	if (strcmp(word, "version") && strcmp(word, "help"))
		return wrong(w, "There is no option --%.40s; nbtstat -? lists them.", word);
	w->has_action = true;
	w->s->action = word[0] == 'v' ? NBTSTAT_VERSION : NBTSTAT_HELP;
	return true;
}

static bool
take_interval(struct words *w, const char *word)
{
	char *end;
	unsigned long n = strtoul(word, &end, 10);

	if (word[0] < '0' || word[0] > '9' || *end || n < 1 || n > INTERVAL_MAX)
		return wrong(w, "\"%.40s\" is no option and no interval of 1 to %d seconds.", word,
		    INTERVAL_MAX);
	if (w->s->interval)
		return wrong(w, "\"%.40s\" is a second interval.", word);
	w->s->interval = (unsigned)n;
	return true;
}

static bool
take_word(struct words *w, const char *word)
{
	if (word[0] == '-' && word[1] == '-')
		return take_long(w, word + 2);
	if (word[0] != '-' && word[0] != '/')
		return take_interval(w, word);
	for (size_t i = 0; i < ACTIONS; i++)
		if (!strcmp(actions[i].word, word + 1))
			return take_action(w, i);
	if (!strcmp(word + 1, "?") || !strcmp(word + 1, "h"))
		return take_long(w, "help");
	return wrong(
	    w, "There is no option %.40s; nbtstat -? lists them, and their case counts.", word);
}

bool
nbtstat_parse(int argc, char **argv, struct nbtstat *ret, char why[static NBTSTAT_WHY])
{
	struct words w = { .argc = argc, .at = 1, .argv = argv, .s = ret, .why = why };
	const char *socket = getenv("WINSCTL_SOCKET");

	*ret =
	    (struct nbtstat){ .action = NBTSTAT_HELP, .socket = socket && *socket ? socket : NULL };
	for (; w.at < argc; w.at++)
		if (!take_word(&w, argv[w.at]))
			return false;
	if (argc > 1 && !w.has_action)
		return wrong(&w, "What is to be displayed? nbtstat -? lists the options.");
	return true;
}
