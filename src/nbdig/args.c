/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line of nbdig: one table of options, from which the usage text and getopt's tables are
 * made, and the checks that hold between them. Layer: program. Prints nothing but the usage.
 */
#include "nbdig/nbdig.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static const struct {
	char letter;
	const char *name, *arg, *help;
} options[] = {
	{ 'A', "status", "ADDRESS", "node status: which names the machine at ADDRESS has" },
	{ 'a', "address", "ADDRESS", "the address to register, refresh or release" },
	{ 'g', "group", NULL, "the name is a group's" },
	{ 'm', "multihomed", NULL, "register one address of several (operation 15)" },
	{ 'n', "node-type", "b|p|m|h", "the node type to register with (h)" },
	{ 'l', "ttl", "TIME", "the lifetime to ask for, 0 = for ever (300000s)" },
	{ '9', "opcode9", NULL, "refresh with operation 9 instead of 8" },
	{ 'R', "no-recursion", NULL,
	    "clear RD: a query as servers verify, a registration as overwrite" },
	{ 'i', "id", "N", "transaction id (random)" },
	{ 'b', "source", "ADDRESS", "send from this address of ours" },
	{ 'P', "source-port", "PORT", "send from this port (any free one)" },
	{ 'p', "port", "PORT", "ask this port (137)" },
	{ 'r', "retries", "N", "ask so many times again when there is silence (2)" },
	{ 't', "timeout", "TIME", "wait so long for each answer (1500ms)" },
	{ 'T', "tcp", NULL, "ask over TCP" },
	{ 'j', "json", NULL, "print one JSON object" },
	{ 'x', "hex", NULL, "show the packets' bytes too" },
	{ 'V', "version", NULL, "print the version" },
	{ 'h', "help", NULL, "print this" },
};

static const char *const operations[] = {
	[DIG_QUERY] = "query",
	[DIG_STATUS] = "status",
	[DIG_REGISTER] = "register",
	[DIG_REFRESH] = "refresh",
	[DIG_RELEASE] = "release",
};

/* What is read while options are being read. */
struct parse {
	struct dig dig;
	bool has_ttl, has_node_type;
	const char *name; /* the NetBIOS name as typed */
	bool has_op;
	char *why;
};

void
dig_usage(FILE *out)
{
	fprintf(out,
	    "usage: nbdig [options] @SERVER [query] NAME\n"
	    "       nbdig [options] -A ADDRESS [NAME]\n"
	    "       nbdig [options] @SERVER register|refresh|release NAME --address ADDRESS\n"
	    "NAME is written FRED#20 or FRED<20>, with a scope FRED#20.SCOPE; FRED alone is\n"
	    "FRED#00. TIME is written 500ms, 3s, 40min, 2h or 6d.\n\n");
	for (size_t i = 0; i < COUNT(options); i++) {
		char left[64];

		snprintf(left, sizeof(left), "-%c, --%s %s", options[i].letter, options[i].name,
		    options[i].arg ? options[i].arg : "");
		fprintf(out, "  %-27s %s\n", left, options[i].help);
	}
	fprintf(
	    out, "\nexit status: 0 answered positively, 1 negatively, 2 wrong call, 3 no answer\n");
}

__attribute__((format(printf, 2, 3))) static bool
wrong(struct parse *p, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(p->why, DIG_WHY_LEN, format, args);
	va_end(args);
	return false;
}

/* Decimal or 0x hexadecimal, nothing before or after. */
static bool
number(const char *text, unsigned long max, unsigned long *ret)
{
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	unsigned long v;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	v = strtoul(text + (hex ? 2 : 0), &end, hex ? 16 : 10);
	if (*end || end == text + (hex ? 2 : 0) || v > max)
		return false;
	*ret = v;
	return true;
}

/* A whole number and its unit; without a unit, seconds. */
static bool
duration_ms(const char *text, uint64_t *ret)
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
		{ "d", 86400000 },
	};
	unsigned long v;
	char digits[16];
	size_t n = strspn(text, "0123456789");

	if (n == 0 || n >= sizeof(digits))
		return false;
	memcpy(digits, text, n);
	digits[n] = 0;
	if (!number(digits, UINT32_MAX, &v))
		return false;
	for (size_t i = 0; i < COUNT(units); i++)
		if (!strcmp(text + n, units[i].unit)) {
			*ret = v * units[i].ms;
			return true;
		}
	return false;
}

static bool
set_number(struct parse *p, const char *option, const char *arg, unsigned long min,
    unsigned long max, unsigned long *ret)
{
	if (!number(arg, max, ret) || *ret < min)
		return wrong(p, "--%s: '%s' is not allowed; give a number from %lu to %lu", option,
		    arg, min, max);
	return true;
}

static bool
set_address(struct parse *p, const char *option, const char *arg, struct ip4 *ret)
{
	if (!ip4_parse(arg, ret))
		return wrong(
		    p, "--%s: '%s' is not an IPv4 address such as 192.0.2.10", option, arg);
	return true;
}

static bool
set_port(struct parse *p, const char *option, const char *arg, uint16_t *ret)
{
	unsigned long v = 0;

	if (!set_number(p, option, arg, 1, 65535, &v))
		return false;
	*ret = (uint16_t)v;
	return true;
}

static bool
set_node_type(struct parse *p, const char *arg)
{
	static const char letters[] = "bpmh";
	const char *at = *arg ? strchr(letters, *arg) : NULL;

	if (!at || arg[1])
		return wrong(p, "--node-type: '%s' is not allowed; give b, p, m or h", arg);
	p->dig.node_type = (uint16_t)((at - letters) << 13);
	p->has_node_type = true;
	return true;
}

static bool
set_times(struct parse *p, char letter, const char *arg)
{
	uint64_t ms;

	if (letter == 't') {
		if (!duration_ms(arg, &ms) || ms < 1 || ms > 3600000)
			return wrong(p, "--timeout: '%s' is not allowed; give 1ms to 1h", arg);
		p->dig.timeout_ms = (uint32_t)ms;
		return true;
	}
	if (!duration_ms(arg, &ms) || ms % 1000 || ms / 1000 > UINT32_MAX)
		return wrong(p, "--ttl: '%s' is not allowed; give 0s to %us", arg, UINT32_MAX);
	p->dig.ttl = (uint32_t)(ms / 1000);
	p->has_ttl = true;
	return true;
}

static bool
set_option(struct parse *p, char letter, const char *arg)
{
	struct dig *d = &p->dig;
	unsigned long v = 0;

	switch (letter) {
	case 'A':
		d->op = DIG_STATUS;
		p->has_op = true;
		if (d->server)
			return wrong(p, "two servers: '%s' and '%s'; give one", d->server, arg);
		d->server = arg;
		return true;
	case 'a':
		d->has_address = true;
		return set_address(p, "address", arg, &d->address);
	case 'g':
		return d->group = true;
	case 'm':
		return d->multihomed = true;
	case 'n':
		return set_node_type(p, arg);
	case 'l':
	case 't':
		return set_times(p, letter, arg);
	case '9':
		return d->opcode9 = true;
	case 'R':
		return d->no_recursion = true;
	case 'i':
		if (!set_number(p, "id", arg, 0, 65535, &v))
			return false;
		d->id = (uint16_t)v;
		return d->has_id = true;
	case 'b':
		return set_address(p, "source", arg, &d->source);
	case 'P':
		return set_port(p, "source-port", arg, &d->source_port);
	case 'p':
		return set_port(p, "port", arg, &d->port);
	case 'r':
		if (!set_number(p, "retries", arg, 0, 100, &v))
			return false;
		d->retries = (unsigned)v;
		return true;
	case 'T':
		return d->tcp = true;
	case 'j':
		return d->json = true;
	case 'x':
		return d->hex = true;
	}
	return wrong(p, "no such option");
}

/* "@SERVER", an operation, or the name. */
static bool
set_word(struct parse *p, const char *word)
{
	if (word[0] == '@') {
		if (p->dig.server)
			return wrong(
			    p, "two servers: '%s' and '%s'; give one", p->dig.server, word + 1);
		if (!word[1])
			return wrong(p, "'@' without a server; give its address, as in @192.0.2.1");
		p->dig.server = word + 1;
		return true;
	}
	for (size_t i = 0; !p->has_op && !p->name && i < COUNT(operations); i++)
		if (!strcmp(word, operations[i])) {
			p->dig.op = (enum dig_op)i;
			return p->has_op = true;
		}
	if (p->name)
		return wrong(p, "'%s' is one word too many after the name '%s'", word, p->name);
	p->name = word;
	return true;
}

static bool
set_name(struct parse *p)
{
	const char *op = operations[p->dig.op];

	if (!p->name && p->dig.op == DIG_STATUS)
		p->name = "*";
	if (!p->name)
		return wrong(p, "%s needs a name, as in '%s FRED#20'", op, op);
	if (nb_key_parse(p->name, 0, &p->dig.key))
		return wrong(p,
		    "'%s' is not a NetBIOS name; at most 15 characters and a suffix, as in FRED#20 "
		    "or FRED<20>",
		    p->name);
	return true;
}

/* Options that mean nothing for the operation are errors, so that no one believes they had effect. */
static bool
check(struct parse *p)
{
	const struct dig *d = &p->dig;
	bool claim = d->op != DIG_QUERY && d->op != DIG_STATUS;

	if (!d->server)
		return wrong(
		    p, "no server; give it as @ADDRESS, or -A ADDRESS for its node status");
	if (!set_name(p))
		return false;
	if (claim && !d->has_address)
		return wrong(p, "%s needs --address ADDRESS", operations[d->op]);
	if (!claim && (d->has_address || d->group || p->has_node_type))
		return wrong(
		    p, "--address, --group and --node-type go with register, refresh and release");
	if (p->has_ttl && d->op != DIG_REGISTER && d->op != DIG_REFRESH)
		return wrong(p, "--ttl goes with register and refresh");
	if (d->multihomed && d->op != DIG_REGISTER)
		return wrong(p, "--multihomed goes with register");
	if (d->multihomed && d->group)
		return wrong(p, "--multihomed and --group exclude each other");
	if (d->opcode9 && d->op != DIG_REFRESH)
		return wrong(p, "--opcode9 goes with refresh");
	return true;
}

/* What getopt did not understand, of which it leaves the letter in optopt: 0 = an unknown long one. */
static void
not_understood(struct parse *p, bool missing, const char *word)
{
	for (size_t i = 0; i < COUNT(options); i++)
		if (options[i].letter == optopt) {
			wrong(p, "--%s %s; see nbdig --help", options[i].name,
			    missing ? "needs a value" : "takes no value");
			return;
		}
	if (optopt)
		wrong(p, "-%c is not an option; see nbdig --help", optopt);
	else
		wrong(p, "%s is not an option; see nbdig --help", word);
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

enum dig_call
dig_parse(int argc, char **argv, struct dig *ret, char why[static DIG_WHY_LEN])
{
	struct parse p = { .dig = { .port = 137,
			       .retries = 2,
			       .timeout_ms = 1500,
			       .ttl = 300000,
			       .node_type = NB_ONT },
		.why = why };
	struct option longs[COUNT(options) + 1] = { 0 };
	char shorts[2 * COUNT(options) + 2];
	int letter;

	make_tables(longs, shorts);
	optind = 0; /* GNU: begin anew, for whoever calls this twice */
	opterr = 0;
	while ((letter = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (letter == 'h')
			return DIG_HELP;
		if (letter == 'V')
			return DIG_VERSION;
		if (letter == ':' || letter == '?') {
			not_understood(&p, letter == ':', argv[optind - 1]);
			return DIG_WRONG;
		}
		if (!set_option(&p, (char)letter, optarg))
			return DIG_WRONG;
	}
	while (optind < argc)
		if (!set_word(&p, argv[optind++]))
			return DIG_WRONG;
	if (!check(&p))
		return DIG_WRONG;
	*ret = p.dig;
	return DIG_RUN;
}
