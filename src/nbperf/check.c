/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must hold between the words of nbperf's command line, and what follows from them for those that
 * were not said. Layer: program. See nbperf_parse.h.
 */
#include <string.h>

#include "nbperf/load.h"
#include "nbperf/parse.h"
#include "wire/wrepl.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* Options that mean nothing for the load are errors, so that no one believes they had effect. */
static bool
check_meaning(struct parse *p)
{
	static const struct {
		char letter;
		unsigned modes;
		const char *text;
	} rows[] = {
		{ 'H', 1 << PERF_QUERY | 1 << PERF_MIXED, "query and mixed" },
		{ 'd', 1 << PERF_QUERY, "query" },
		{ 'm', 1 << PERF_MIXED, "mixed" },
		{ 'k', 1 << PERF_MIXED, "mixed" },
		{ 'O', 1 << PERF_CHALLENGE, "challenge" },
		{ 'o', 1 << PERF_CHALLENGE, "challenge" },
		{ 'N', 1 << PERF_STORM, "storm" },
		{ 's', 1 << PERF_STORM, "storm" },
		{ 'l', 1 << PERF_PULL, "pull" },
		{ 'n', ~(1U << PERF_STORM | 1U << PERF_RESPONDER), "every load but storm" },
		{ 'r', ~(1U << PERF_STORM | 1U << PERF_RESPONDER), "every load but storm" },
		{ 'g', 1 << PERF_QUERY | 1 << PERF_REGISTER | 1 << PERF_REFRESH | 1 << PERF_RELEASE,
		    "query, register, refresh and release" },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		if (p->given[(unsigned char)rows[i].letter] &&
		    !(rows[i].modes & 1U << p->perf.mode))
			return parse_wrong(p, "--%s goes with %s",
			    parse_option_name(rows[i].letter), rows[i].text);
	return true;
}

/* A pull sends no name, and over TCP nothing is repeated. */
static bool
check_pull(struct parse *p)
{
	struct perf *f = &p->perf;

	for (char letter = 'A'; letter <= 'z'; letter++)
		if (p->given[(unsigned char)letter] && !strchr("pwctibljq", letter))
			return parse_wrong(
			    p, "--%s does not go with pull", parse_option_name(letter));
	if (f->sources.n > 1)
		return parse_wrong(p, "pull goes with one --source");
	if (!p->given['p'])
		f->port = WREPL_PORT;
	if (!p->given['w'])
		f->window = 2; /* the next answer is made while one is read */
	if (!p->given['c'])
		f->count = 1;
	if (!p->given['i'])
		f->interval_ms = 60000;
	return f->window <= PERF_ASK_MAX ||
	       parse_wrong(p, "--window: with pull give 1 to %d", PERF_ASK_MAX);
}

/* How long, how many, how wide, where it was not said. */
static void
fill_in(struct parse *p)
{
	struct perf *f = &p->perf;
	bool endless = f->mode == PERF_QUERY || f->mode == PERF_MIXED;

	if (f->mode == PERF_STORM) {
		f->names = f->hosts;
		f->rate = (double)f->hosts * STORM_NAMES * 1e3 / (double)f->over_ms;
		if (!p->given['c'])
			f->count = f->hosts * STORM_NAMES;
	}
	if (!f->names && !f->file && !f->capture)
		f->names = 10000;
	if (endless && !f->count) {
		f->count = UINT64_MAX;
		if (!p->given['t'])
			f->time_ms = 10000;
	}
	if (p->given['w'])
		return;
	if (f->rate > 0)
		f->window = f->sockets * PERF_SLOTS_MAX;
	else if (f->window < f->sockets)
		f->window = f->sockets;
}

static bool
check_names(struct parse *p)
{
	struct perf *f = &p->perf;
	struct pattern pattern;
	bool listed = f->file || f->capture;

	if ((p->given['P'] && listed) || (f->file && f->capture))
		return parse_wrong(p, "--pattern, --file and --capture exclude each other");
	if (!pattern_parse(f->pattern, &pattern))
		return parse_wrong(p,
		    "--pattern: '%s' is not allowed; give a NetBIOS name of at most 15 characters "
		    "with one number of fixed width in it, %%7d or %%4x, as in WS-%%8d<20>",
		    f->pattern);
	if (!listed && f->first + f->names > pattern.capacity)
		return parse_wrong(p,
		    "--pattern: '%s' makes %llu names; numbers %llu to %llu are asked for",
		    f->pattern, (unsigned long long)pattern.capacity, (unsigned long long)f->first,
		    (unsigned long long)(f->first + f->names - 1));
	if (f->address.v > UINT32_MAX - (uint32_t)f->addresses ||
	    !ip4_is_host((struct ip4){ f->address.v + (uint32_t)f->addresses - 1 }))
		return parse_wrong(
		    p, "--addresses: so many from --address on are not hosts' addresses");
	return true;
}

bool
parse_check(struct parse *p)
{
	struct perf *f = &p->perf;

	if (f->mode == PERF_RESPONDER)
		return f->server ? parse_wrong(p, "--responder needs no server") : check_meaning(p);
	if (!f->server)
		return parse_wrong(p, "no server; give it as @ADDRESS");
	if (!check_meaning(p))
		return false;
	if (f->mode == PERF_PULL)
		return check_pull(p);
	fill_in(p);
	if (f->window < f->sockets || f->window > f->sockets * PERF_SLOTS_MAX)
		return parse_wrong(p, "--window: with %u sockets give %u to %u", f->sockets,
		    f->sockets, f->sockets * PERF_SLOTS_MAX);
	if (f->mode == PERF_CHALLENGE && !f->owners.n)
		return parse_wrong(p, "challenge needs --owners ADDRESS,... of this machine");
	if (f->own && (f->sources.n > 1 || p->given['A']))
		return parse_wrong(
		    p, "--address own goes with one --source and without --addresses");
	return check_names(p);
}
