/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The report of a run, for a person and as JSON, and the progress line. Layer: program.
 */
#include <jansson.h>

#include "nbperf/pull.h"

static const struct {
	const char *name;
	double share;
} points[] = {
	{ "p50", 0.5 },
	{ "p90", 0.9 },
	{ "p99", 0.99 },
	{ "p99.9", 0.999 },
	{ "max", 1 },
};

#define POINTS (sizeof(points) / sizeof(*(points)))

static double
per_second(uint64_t n, double seconds)
{
	return seconds > 0 ? (double)n / seconds : 0;
}

enum run_end
report_end(const struct account *a)
{
	if (!a->answered)
		return RUN_FAILED;
	return a->right == a->begun ? RUN_ALL_RIGHT : RUN_NOT_ALL;
}

/* ---- for a person ---- */

static void
show_latency(const char *what, const struct hist *h, FILE *out)
{
	if (!h->n)
		return;
	fprintf(out, "%-10s", what);
	for (size_t i = 0; i < POINTS; i++)
		fprintf(
		    out, "  %s %.3f", points[i].name, (double)hist_at(h, points[i].share) / 1e6);
	fprintf(out, "  mean %.3f ms\n", h->sum / (double)h->n / 1e6);
}

static void
show_call(const struct perf *p, FILE *out)
{
	fprintf(out, "load        %s at %s port %u", perf_mode_text(p->mode), p->server, p->port);
	if (p->mode == PERF_STORM)
		fprintf(out, ", %llu hosts with %u names each within %.1f s",
		    (unsigned long long)p->hosts, STORM_NAMES, (double)p->over_ms / 1e3);
	else
		fprintf(out, ", %llu names", (unsigned long long)p->names);
	if (p->mode == PERF_QUERY || p->mode == PERF_MIXED)
		fprintf(out, ", %.4g %% hits", p->hits / 100.0);
	if (p->rate > 0 && p->mode != PERF_STORM)
		fprintf(out, ", %.6g/s", p->rate);
	fprintf(out, ", window %u on %u %s\n", p->window, p->sockets,
	    p->sockets == 1 ? "socket" : "sockets");
}

static void
show_results(const struct account *a, FILE *out)
{
	fprintf(out, "results     %llu right", (unsigned long long)a->right);
	for (unsigned i = FIND_NAME; i < FIND_COUNT; i++)
		if (a->finding[i])
			fprintf(out, ", %llu %s", (unsigned long long)a->finding[i],
			    finding_text((enum finding)i));
	fprintf(out, ", %llu lost\ncodes       ", (unsigned long long)a->lost);
	for (unsigned i = 0, shown = 0; i < 16; i++)
		if (a->rcode[i])
			fprintf(out, "%s%llu %s", shown++ ? ", " : "",
			    (unsigned long long)a->rcode[i], nb_rcode_text(i));
	fprintf(out, "%s\n", a->answered ? "" : "none");
	if (a->wrong[0])
		fprintf(out, "first wrong %s\n", a->wrong);
}

/* What is nothing in a good run, told when it is something. */
static void
show_oddities(const struct report *r, FILE *out)
{
	const struct account *a = r->account;
	const struct {
		uint64_t n;
		const char *what;
	} odd[] = {
		{ a->repeated, "requests repeated" },
		{ a->wacks, "answers asked to wait (WACK)" },
		{ a->late, "answers to no open request: late, or twice" },
		{ a->malformed, "packets malformed" },
		{ r->refused, "times the machine said that nobody listens on the port" },
		{ r->owners->asked, "challenges came to the owners" },
	};

	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++)
		if (odd[i].n)
			fprintf(out, "            %llu %s\n", (unsigned long long)odd[i].n,
			    odd[i].what);
}

static void
show_ops(const struct account *a, FILE *out)
{
	static struct hist all; /* too large for a stack */
	unsigned kinds = 0;

	for (unsigned i = 0; i < PERF_OPS; i++) {
		hist_merge(&all, &a->op[i].latency);
		kinds += a->op[i].begun > 0;
	}
	show_latency("latency   ", &all, out);
	for (unsigned i = 0; kinds > 1 && i < PERF_OPS; i++)
		show_latency(op_text((enum perf_op)i), &a->op[i].latency, out);
}

void
report_show(const struct report *r, FILE *out)
{
	const struct account *a = r->account;

	show_call(r->p, out);
	fprintf(out,
	    "requests    %llu begun, %llu packets, %llu answered in %.3f s%s\n"
	    "rate        %.0f answers/s\n",
	    (unsigned long long)a->begun, (unsigned long long)a->sent,
	    (unsigned long long)a->answered, r->seconds, r->interrupted ? ", interrupted" : "",
	    per_second(a->answered, r->seconds));
	show_results(a, out);
	show_oddities(r, out);
	show_ops(a, out);
}

void
report_progress(const struct perf *p, const struct account *a, int64_t now, FILE *out)
{
	double seconds = (double)(now - a->start_ns) / 1e9;
	uint64_t answered = a->answered;

	fprintf(out, "%.0f s: %llu begun, %llu answered, %.0f/s, %llu lost, %llu wrong", seconds,
	    (unsigned long long)a->begun, (unsigned long long)answered,
	    per_second(answered, seconds), (unsigned long long)a->lost,
	    (unsigned long long)(answered - a->right));
	if (p->count != UINT64_MAX)
		fprintf(out, ", %.0f %%", 100.0 * (double)a->begun / (double)p->count);
	fprintf(out, "\n");
}

/* ---- a pull, for a person ---- */

static double
pull_seconds(const struct pull_account *a)
{
	return (double)(a->end_ns - a->start_ns) / 1e9;
}

static void
show_pulled(const struct pull_account *a, FILE *out)
{
	fprintf(out, "results     %llu right", (unsigned long long)a->right);
	for (unsigned i = REPLY_RIGHT + 1; i < REPLY_FINDINGS; i++)
		if (a->finding[i])
			fprintf(out, ", %llu %s", (unsigned long long)a->finding[i],
			    reply_finding_text((enum reply_finding)i));
	fprintf(out, ", %llu lost\n", (unsigned long long)a->lost);
	if (a->unnamed)
		fprintf(out, "            %llu records more of names that cannot be held\n",
		    (unsigned long long)a->unnamed);
	if (a->wrong[0])
		fprintf(out, "first wrong %s\n", a->wrong);
	if (a->broken[0])
		fprintf(out, "ended       %s\n", a->broken);
}

void
pull_show(const struct perf *p, const struct pull_account *a, bool interrupted, FILE *out)
{
	double seconds = pull_seconds(a);

	fprintf(out, "load        pull at %s port %u, ", p->server, p->port);
	if (p->range)
		fprintf(out, "%llu versions a request", (unsigned long long)p->range);
	else
		fprintf(out, "an owner a request");
	fprintf(out, ", window %u\n", p->window);
	fprintf(out,
	    "pulls       %llu of %llu, %llu owners, %llu messages\n"
	    "requests    %llu begun, %llu answered in %.3f s%s\n"
	    "records     %llu, %llu bytes\n"
	    "rate        %.0f records/s, %.0f bytes/s\n",
	    (unsigned long long)a->pulls, (unsigned long long)p->count,
	    (unsigned long long)a->owners, (unsigned long long)a->messages,
	    (unsigned long long)a->begun, (unsigned long long)a->answered, seconds,
	    interrupted ? ", interrupted" : "", (unsigned long long)a->records,
	    (unsigned long long)a->bytes, per_second(a->records, seconds),
	    per_second(a->bytes, seconds));
	show_pulled(a, out);
	show_latency("latency   ", &a->latency, out);
}

void
pull_progress(const struct pull_account *a, int64_t now, FILE *out)
{
	double seconds = (double)(now - a->start_ns) / 1e9;

	fprintf(out,
	    "%.0f s: %llu pulls, %llu begun, %llu answered, %llu records, %.0f/s, %.0f bytes/s, "
	    "%llu wrong\n",
	    seconds, (unsigned long long)a->pulls, (unsigned long long)a->begun,
	    (unsigned long long)a->answered, (unsigned long long)a->records,
	    per_second(a->records, seconds), per_second(a->bytes, seconds),
	    (unsigned long long)(a->answered - a->right));
}

/* ---- JSON ---- */

static json_t *
number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static json_t *
latency_json(const struct hist *h)
{
	json_t *o = json_object();

	for (size_t i = 0; i < POINTS; i++)
		json_object_set_new(
		    o, points[i].name, json_real((double)hist_at(h, points[i].share) / 1e6));
	json_object_set_new(o, "mean", json_real(h->n ? h->sum / (double)h->n / 1e6 : 0));
	return o;
}

static json_t *
ops_json(const struct account *a)
{
	json_t *o = json_object();

	for (unsigned i = 0; i < PERF_OPS; i++)
		if (a->op[i].begun)
			json_object_set_new(o, op_text((enum perf_op)i),
			    json_pack("{s:o, s:o, s:o, s:o}", "begun", number(a->op[i].begun),
				"right", number(a->op[i].right), "lost", number(a->op[i].lost),
				"milliseconds", latency_json(&a->op[i].latency)));
	return o;
}

static json_t *
call_json(const struct perf *p)
{
	json_t *o = json_pack("{s:s, s:s, s:i, s:i, s:i, s:i, s:f}", "mode",
	    perf_mode_text(p->mode), "server", p->server, "port", p->port, "window", (int)p->window,
	    "sockets", (int)p->sockets, "batch", (int)p->batch, "rate", p->rate);

	json_object_set_new(o, "names", number(p->names));
	json_object_set_new(o, "hits", json_real(p->hits / 10000.0));
	if (p->mode == PERF_STORM)
		json_object_set_new(o, "hosts", number(p->hosts));
	return o;
}

void
report_json(const struct report *r, FILE *out)
{
	const struct account *a = r->account;
	json_t *o = json_object(), *codes = json_object(), *wrong = json_object();
	const struct {
		const char *name;
		uint64_t n;
	} counts[] = {
		{ "begun", a->begun },
		{ "answered", a->answered },
		{ "right", a->right },
		{ "lost", a->lost },
		{ "packets", a->sent },
		{ "repeated", a->repeated },
		{ "wacks", a->wacks },
		{ "late", a->late },
		{ "malformed", a->malformed },
		{ "refused", r->refused },
		{ "challenges", r->owners->asked },
	};

	for (unsigned i = 0; i < 16; i++)
		if (a->rcode[i])
			json_object_set_new(codes, nb_rcode_text(i), number(a->rcode[i]));
	for (unsigned i = FIND_NAME; i < FIND_COUNT; i++)
		if (a->finding[i])
			json_object_set_new(
			    wrong, finding_text((enum finding)i), number(a->finding[i]));
	json_object_set_new(o, "call", call_json(r->p));
	json_object_set_new(o, "seconds", json_real(r->seconds));
	json_object_set_new(o, "per_second", json_real(per_second(a->answered, r->seconds)));
	json_object_set_new(o, "interrupted", json_boolean(r->interrupted));
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
		json_object_set_new(o, counts[i].name, number(counts[i].n));
	json_object_set_new(o, "codes", codes);
	json_object_set_new(o, "wrong", wrong);
	if (a->wrong[0])
		json_object_set_new(o, "first_wrong", json_string(a->wrong));
	json_object_set_new(o, "operations", ops_json(a));
	json_dumpf(o, out, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
	fprintf(out, "\n");
	json_decref(o);
}

static json_t *
pull_call_json(const struct perf *p)
{
	json_t *o = json_pack("{s:s, s:s, s:i, s:i}", "mode", perf_mode_text(p->mode), "server",
	    p->server, "port", p->port, "window", (int)p->window);

	json_object_set_new(o, "range", number(p->range));
	json_object_set_new(o, "pulls", number(p->count));
	return o;
}

void
pull_json(const struct perf *p, const struct pull_account *a, bool interrupted, FILE *out)
{
	json_t *o = json_object(), *wrong = json_object();
	double seconds = pull_seconds(a);
	const struct {
		const char *name;
		uint64_t n;
	} counts[] = {
		{ "pulls", a->pulls },
		{ "owners", a->owners },
		{ "messages", a->messages },
		{ "bytes", a->bytes },
		{ "records", a->records },
		{ "unnamed", a->unnamed },
		{ "begun", a->begun },
		{ "answered", a->answered },
		{ "right", a->right },
		{ "lost", a->lost },
	};

	for (unsigned i = REPLY_RIGHT + 1; i < REPLY_FINDINGS; i++)
		if (a->finding[i])
			json_object_set_new(wrong, reply_finding_text((enum reply_finding)i),
			    number(a->finding[i]));
	json_object_set_new(o, "call", pull_call_json(p));
	json_object_set_new(o, "seconds", json_real(seconds));
	json_object_set_new(o, "per_second", json_real(per_second(a->answered, seconds)));
	json_object_set_new(o, "records_per_second", json_real(per_second(a->records, seconds)));
	json_object_set_new(o, "bytes_per_second", json_real(per_second(a->bytes, seconds)));
	json_object_set_new(o, "interrupted", json_boolean(interrupted));
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
		json_object_set_new(o, counts[i].name, number(counts[i].n));
	json_object_set_new(o, "wrong", wrong);
	if (a->wrong[0])
		json_object_set_new(o, "first_wrong", json_string(a->wrong));
	if (a->broken[0])
		json_object_set_new(o, "ended", json_string(a->broken));
	json_object_set_new(o, "milliseconds", latency_json(&a->latency));
	json_dumpf(o, out, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
	fprintf(out, "\n");
	json_decref(o);
}
