/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line of nbperf: one table of options, from which the usage text and getopt's tables are
 * made. Layer: program. Prints nothing but the usage. What holds between them: nbperf_check.c.
 */
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "nbperf/load.h"
#include "nbperf/parse.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

enum value { FLAG, NUMBER, TIME, TEXT, ADDRESS, ADDRESSES, OTHER };

/* min and max: of the value, times in milliseconds. */
static const struct option_row {
	char letter;
	const char *name, *arg, *help;
	enum value value;
	uint64_t min, max;
} options[] = {
	{ 'p', "port", "PORT", "the server's port (137, pull: 42)", NUMBER, 1, 65535 },
	{ 'n', "names", "N", "names the server holds, or gets (10000)", NUMBER, 1, 1000000000 },
	{ 'f', "first", "N", "number of the first of them (0)", NUMBER, 0, 1000000000 },
	{ 'P', "pattern", "NAME", "names with a number in them (WS-%8d<20>)", TEXT, 0, 0 },
	{ 'F', "file", "FILE", "names from a file instead, one a line", TEXT, 0, 0 },
	{ 'C', "capture", "FILE", "names from the requests in a pcap file instead", TEXT, 0, 0 },
	{ 'a', "address", "ADDRESS", "of the name with number 0 (10.0.0.1), or 'own'", ADDRESS, 0,
	    0 },
	{ 'A', "addresses", "N", "addresses from there on before they repeat (16000000)", NUMBER, 1,
	    16000000 },
	{ 'g', "group", NULL, "the names are groups'", FLAG, 0, 0 },
	{ 'H', "hits", "PERCENT", "queries for names that are there (100)", OTHER, 0, 0 },
	{ 'm', "mix", "Q,R,F,L",
	    "shares of queries, registrations, refreshes, releases "
	    "(70,10,18,2)",
	    OTHER, 0, 0 },
	{ 'k', "skip", "N", "mixed: new names begin so far behind those held (0)", NUMBER, 0,
	    1000000000 },
	{ 'd', "dns", NULL, "the server speaks DNS", FLAG, 0, 0 },
	{ 'x', "any-answer", NULL, "check whose answer it is, not what it says", FLAG, 0, 0 },
	{ 'b', "source", "ADDRESS,...", "send from these addresses of ours", ADDRESSES, 0, 0 },
	{ 'S', "sockets", "N", "send from so many ports (1)", NUMBER, 1, PERF_SOCKETS_MAX },
	{ 'w', "window", "N", "requests open at once (64; with --rate 65536 a socket; pull: 2)",
	    NUMBER, 1, (uint64_t)PERF_SOCKETS_MAX *PERF_SLOTS_MAX },
	{ 'B', "batch", "N", "packets to a system call (64)", NUMBER, 1, PERF_BATCH_MAX },
	{ 'r', "rate", "N", "begin so many requests a second, whatever is open", NUMBER, 1,
	    10000000 },
	{ 'c', "count", "N", "begin so many requests; pull everything so often (1)", NUMBER, 1,
	    1000000000000 },
	{ 't', "time", "TIME", "begin requests for so long (10s; 10min if each name has its turn)",
	    TIME, 1, 86400000 },
	{ 'R', "retries", "N", "repeat a request so often when there is silence (2)", NUMBER, 0,
	    100 },
	{ 'i', "interval", "TIME", "wait so long for each answer (1500ms; pull: 1min)", TIME, 1,
	    60000 },
	{ 'e', "seed", "N", "of the random choices (1)", NUMBER, 0, UINT32_MAX },
	{ 'O', "owners", "ADDRESS,...", "challenge: addresses of ours that hold the names",
	    ADDRESSES, 0, 0 },
	{ 'o', "owner", "KIND", "challenge: what they do: living, dead or denying (living)", OTHER,
	    0, 0 },
	{ 'N', "hosts", "N", "storm: computers that start (1000)", NUMBER, 1, 16000000 },
	{ 's', "over", "TIME", "storm: all within this time (10s)", TIME, 1, 86400000 },
	{ 'l', "range", "N", "pull: ask for so many versions at a time, 0 = all (30000)", NUMBER, 0,
	    1000000000 },
	{ 'q', "quiet", NULL, "no progress lines", FLAG, 0, 0 },
	{ 'j', "json", NULL, "print one JSON object", FLAG, 0, 0 },
	{ 'Y', "responder", NULL, "be a bare server that knows nothing, as a reference", FLAG, 0,
	    0 },
	{ 'V', "version", NULL, "print the version", FLAG, 0, 0 },
	{ 'h', "help", NULL, "print this", FLAG, 0, 0 },
};

static const char *const modes[] = {
	[PERF_QUERY] = "query",
	[PERF_REGISTER] = "register",
	[PERF_REFRESH] = "refresh",
	[PERF_RELEASE] = "release",
	[PERF_MIXED] = "mixed",
	[PERF_CHALLENGE] = "challenge",
	[PERF_STORM] = "storm",
	[PERF_PULL] = "pull",
	[PERF_RESPONDER] = "responder",
};

const char *
perf_mode_text(enum perf_mode mode)
{
	return modes[mode];
}

void
perf_usage(FILE *out)
{
	fprintf(out, "usage: nbperf [options] @SERVER "
		     "[query|register|refresh|release|mixed|challenge|storm|pull]\n"
		     "       nbperf [options] --responder\n"
		     "TIME is written 500ms, 3s, 40min or 2h.\n\n");
	for (size_t i = 0; i < COUNT(options); i++) {
		char left[64];

		snprintf(left, sizeof(left), "-%c, --%s %s", options[i].letter, options[i].name,
		    options[i].arg ? options[i].arg : "");
		fprintf(out, "  %-27s %s\n", left, options[i].help);
	}
	fprintf(out, "\nexit status: 0 every answer came and was right, 1 not all, 2 wrong call, "
		     "3 no answer at all\n");
}

bool
parse_wrong(struct parse *p, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(p->why, PERF_WHY_LEN, format, args);
	va_end(args);
	return false;
}

const char *
parse_option_name(char letter)
{
	for (size_t i = 0; i < COUNT(options); i++)
		if (options[i].letter == letter)
			return options[i].name;
	return "?";
}

/* ---- values ---- */

static bool
read_number(const char *text, uint64_t *ret)
{
	size_t n = strspn(text, "0123456789");

	if (!n || n > 18 || text[n])
		return false;
	*ret = strtoull(text, NULL, 10);
	return true;
}

/* A whole number and its unit; without a unit, seconds. */
static bool
read_time(const char *text, uint64_t *ret_ms)
{
	static const struct {
		const char *unit;
		uint64_t ms;
	} units[] = {
		{ "ms", 1 },
		{ "s", 1000 },
		{ "", 1000 },
		{ "min", 60000 },
		{ "h", 3600000 },
	};
	size_t n = strspn(text, "0123456789");

	if (!n || n > 10)
		return false;
	for (size_t i = 0; i < COUNT(units); i++)
		if (!strcmp(text + n, units[i].unit)) {
			*ret_ms = strtoull(text, NULL, 10) * units[i].ms;
			return true;
		}
	return false;
}

static bool
set_addresses(
    struct parse *p, const struct option_row *o, const char *arg, struct perf_addresses *ret)
{
	char copy[PERF_ADDRESSES_MAX * (IP4_STRLEN + 1)], *rest = copy, *word;

	ret->n = 0;
	if (strlen(arg) >= sizeof(copy))
		return parse_wrong(p, "--%s: more than %d addresses", o->name, PERF_ADDRESSES_MAX);
	strcpy(copy, arg);
	while ((word = strsep(&rest, ","))) {
		if (ret->n == PERF_ADDRESSES_MAX)
			return parse_wrong(
			    p, "--%s: more than %d addresses", o->name, PERF_ADDRESSES_MAX);
		if (!ip4_parse(word, &ret->a[ret->n++]))
			return parse_wrong(p,
			    "--%s: '%s' is not an IPv4 address such as 192.0.2.10; several are "
			    "parted by commas",
			    o->name, word);
	}
	return true;
}

static bool
set_mix(struct parse *p, const char *arg)
{
	unsigned v[PERF_OPS], end = 0;
	uint64_t sum = 0;

	if (sscanf(arg, "%3u,%3u,%3u,%3u%n", &v[0], &v[1], &v[2], &v[3], &end) != PERF_OPS ||
	    arg[end] || strspn(arg, "0123456789,") != end)
		end = 0;
	for (unsigned i = 0; end && i < PERF_OPS; i++)
		sum += p->perf.mix[i] = v[i];
	if (!sum)
		return parse_wrong(p,
		    "--mix: '%s' is not allowed; give four numbers from 0 to 999, not all 0, as in "
		    "70,10,18,2",
		    arg);
	return true;
}

static bool
set_hits(struct parse *p, const char *arg)
{
	char *end;
	double v = strtod(arg, &end);

	if (end > arg && *end == '%')
		end++;
	if (end == arg || *end || !(v >= 0 && v <= 100))
		return parse_wrong(p, "--hits: '%s' is not allowed; give 0 to 100 percent", arg);
	p->perf.hits = (uint32_t)lround(v * 100);
	return true;
}

static bool
set_owner(struct parse *p, const char *arg)
{
	static const char *const kinds[] = {
		[PERF_LIVING] = "living", [PERF_DEAD] = "dead", [PERF_DENYING] = "denying"
	};

	for (size_t i = 0; i < COUNT(kinds); i++)
		if (!strcmp(arg, kinds[i])) {
			p->perf.owner = (enum perf_owner)i;
			return true;
		}
	return parse_wrong(p, "--owner: '%s' is not allowed; give living, dead or denying", arg);
}

/* ---- options ---- */

static bool
set_flag(struct parse *p, char letter)
{
	struct perf *f = &p->perf;

	switch (letter) {
	case 'g':
		return f->group = true;
	case 'd':
		return f->dns = true;
	case 'x':
		return f->any_answer = true;
	case 'q':
		return f->quiet = true;
	case 'j':
		return f->json = true;
	default:
		f->mode = PERF_RESPONDER;
		return p->has_mode = true;
	}
}

static void
set_value(struct perf *f, char letter, uint64_t v)
{
	switch (letter) {
	case 'p':
		f->port = (uint16_t)v;
		break;
	case 'n':
		f->names = v;
		break;
	case 'f':
		f->first = v;
		break;
	case 'k':
		f->fresh = v;
		break;
	case 'A':
		f->addresses = v;
		break;
	case 'S':
		f->sockets = (unsigned)v;
		break;
	case 'w':
		f->window = (unsigned)v;
		break;
	case 'B':
		f->batch = (unsigned)v;
		break;
	case 'r':
		f->rate = (double)v;
		break;
	case 'c':
		f->count = v;
		break;
	case 't':
		f->time_ms = v;
		break;
	case 'R':
		f->retries = (unsigned)v;
		break;
	case 'i':
		f->interval_ms = (uint32_t)v;
		break;
	case 'e':
		f->seed = v;
		break;
	case 'N':
		f->hosts = v;
		break;
	case 's':
		f->over_ms = v;
		break;
	case 'l':
		f->range = v;
		break;
	}
}

static bool
set_option(struct parse *p, const struct option_row *o, const char *arg)
{
	uint64_t v = 0;

	p->given[(unsigned char)o->letter] = true;
	switch (o->value) {
	case FLAG:
		return set_flag(p, o->letter);
	case NUMBER:
		if (!read_number(arg, &v) || v < o->min || v > o->max)
			return parse_wrong(p,
			    "--%s: '%s' is not allowed; give a number from %llu to %llu", o->name,
			    arg, (unsigned long long)o->min, (unsigned long long)o->max);
		set_value(&p->perf, o->letter, v);
		return true;
	case TIME:
		if (!read_time(arg, &v) || v < o->min || v > o->max)
			return parse_wrong(p, "--%s: '%s' is not allowed; give %llums to %llus",
			    o->name, arg, (unsigned long long)o->min,
			    (unsigned long long)o->max / 1000);
		set_value(&p->perf, o->letter, v);
		return true;
	case TEXT:
		*(o->letter == 'P'     ? &p->perf.pattern
		    : o->letter == 'F' ? &p->perf.file
				       : &p->perf.capture) = arg;
		return true;
	case ADDRESS:
		p->perf.own = !strcmp(arg, "own");
		if (!p->perf.own &&
		    (!ip4_parse(arg, &p->perf.address) || !ip4_is_host(p->perf.address)))
			return parse_wrong(p,
			    "--%s: '%s' is not a host's IPv4 address such as 10.0.0.1, nor 'own'",
			    o->name, arg);
		return true;
	case ADDRESSES:
		return set_addresses(
		    p, o, arg, o->letter == 'b' ? &p->perf.sources : &p->perf.owners);
	case OTHER:
		break;
	}
	return o->letter == 'H'   ? set_hits(p, arg)
	       : o->letter == 'm' ? set_mix(p, arg)
				  : set_owner(p, arg);
}

/* "@SERVER" or a mode. */
static bool
set_word(struct parse *p, const char *word)
{
	if (word[0] == '@' && word[1]) {
		if (p->perf.server)
			return parse_wrong(
			    p, "two servers: '%s' and '%s'; give one", p->perf.server, word + 1);
		p->perf.server = word + 1;
		return true;
	}
	for (size_t i = 0; i < PERF_RESPONDER; i++)
		if (!strcmp(word, modes[i])) {
			if (p->has_mode)
				return parse_wrong(p, "two loads: '%s' and '%s'; give one",
				    modes[p->perf.mode], word);
			p->perf.mode = (enum perf_mode)i;
			return p->has_mode = true;
		}
	return parse_wrong(p,
	    "'%s' is not a load; give query, register, refresh, release, mixed, challenge, storm "
	    "or "
	    "pull",
	    word);
}

/* ---- command line ---- */

/* What getopt did not understand, of which it leaves the letter in optopt: 0 = an unknown long one. */
static void
not_understood(struct parse *p, bool missing, const char *word)
{
	for (size_t i = 0; i < COUNT(options); i++)
		if (options[i].letter == optopt) {
			parse_wrong(p, "--%s %s; see nbperf --help", options[i].name,
			    missing ? "needs a value" : "takes no value");
			return;
		}
	if (optopt)
		parse_wrong(p, "-%c is not an option; see nbperf --help", optopt);
	else
		parse_wrong(p, "%s is not an option; see nbperf --help", word);
}

/* getopt's two tables from ours. */
static void
make_tables(struct option *longs, char *shorts)
{
	*shorts++ = ':';
	for (size_t i = 0; i < COUNT(options); i++) {
		longs[i] = (struct option){ .name = options[i].name,
			.has_arg = options[i].arg ? required_argument : no_argument,
			.val = options[i].letter };
		*shorts++ = options[i].letter;
		if (options[i].arg)
			*shorts++ = ':';
	}
	*shorts = 0;
}

static bool
set_letter(struct parse *p, int letter, const char *arg)
{
	for (size_t i = 0; i < COUNT(options); i++)
		if (options[i].letter == letter)
			return set_option(p, &options[i], arg);
	return false;
}

enum perf_call
perf_parse(int argc, char **argv, struct perf *ret, char why[static PERF_WHY_LEN])
{
	struct parse p = { .perf = { .port = 137,
			       .pattern = "WS-%8d<20>",
			       .address = IP4(10, 0, 0, 1),
			       .addresses = 16000000,
			       .hits = 10000,
			       .mix = { 70, 10, 18, 2 },
			       .sockets = 1,
			       .window = 64,
			       .batch = 64,
			       .time_ms = 600000,
			       .retries = 2,
			       .interval_ms = 1500,
			       .seed = 1,
			       .hosts = 1000,
			       .over_ms = 10000,
			       .range = 30000 },
		.why = why };
	struct option longs[COUNT(options) + 1] = { 0 };
	char shorts[2 * COUNT(options) + 2];
	int letter;

	make_tables(longs, shorts);
	optind = 0; /* GNU: begin anew, for whoever calls this twice */
	opterr = 0;
	while ((letter = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (letter == 'h')
			return PERF_HELP;
		if (letter == 'V')
			return PERF_VERSION;
		if (letter == ':' || letter == '?') {
			not_understood(&p, letter == ':', argv[optind - 1]);
			return PERF_WRONG;
		}
		if (!set_letter(&p, letter, optarg))
			return PERF_WRONG;
	}
	while (optind < argc)
		if (!set_word(&p, argv[optind++]))
			return PERF_WRONG;
	if (!parse_check(&p))
		return PERF_WRONG;
	*ret = p.perf;
	return PERF_RUN;
}
