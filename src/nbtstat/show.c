/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nbtstat's columns, as Windows prints them (netbt-name-service.md 4.2 to 4.6), because scripts cut
 * them out by position. Layer: program. No effect but on the stream.
 */
#include "nbtstat/nbtstat.h"

#include <inttypes.h>

/* NAME is 15 columns, and its suffix follows at once; what cannot be printed is a dot. */
static void
print_name(FILE *out, const struct nb_name *name)
{
	char text[NB_NAME_LEN];

	for (int i = 0; i < NB_NAME_LEN - 1; i++)
		text[i] = name->b[i] >= ' ' && name->b[i] <= '~' ? (char)name->b[i] : '.';
	text[NB_NAME_LEN - 1] = 0;
	fprintf(out, "%-15.15s<%02X>", text, name->b[NB_NAME_LEN - 1]);
}

static void
print_rule(FILE *out, int width)
{
	fputs("    ", out);
	while (width--)
		fputc('-', out);
	fputc('\n', out);
}

static const char *
kind(bool group)
{
	return group ? "GROUP" : "UNIQUE";
}

void
nbtstat_show_adapter(FILE *out, const struct nbtstat_adapter *a)
{
	char ip[IP4_STRLEN];

	fprintf(out, "\n%s:\nNode IpAddress: [%s] Scope Id: [%s]\n\n", a->name,
	    ip4_print(a->ip, ip), a->scope);
}

static void
print_table(FILE *out, const struct nbtstat_name *names, size_t n)
{
	fputs("\n       Name               Type         Status\n", out);
	print_rule(out, 45);
	for (size_t i = 0; i < n; i++) {
		fputs("    ", out);
		print_name(out, &names[i].name);
		fprintf(out, "  %-12s%s\n", kind(names[i].group), names[i].status);
	}
}

void
nbtstat_show_local(FILE *out, const struct nbtstat_name *names, size_t n)
{
	if (!n) {
		fputs("    No names in the local table\n", out);
		return;
	}
	fputs("                NetBIOS Local Name Table\n", out);
	print_table(out, names, n);
}

void
nbtstat_show_remote(FILE *out, const struct nbtstat_name *names, size_t n, const unsigned char *mac)
{
	fputs("           NetBIOS Remote Machine Name Table\n", out);
	print_table(out, names, n);
	if (mac)
		fprintf(out, "\n    MAC Address = %02X-%02X-%02X-%02X-%02X-%02X\n\n", mac[0],
		    mac[1], mac[2], mac[3], mac[4], mac[5]);
}

void
nbtstat_show_cache(FILE *out, const struct nbtstat_cached *entries, size_t n)
{
	char ip[IP4_STRLEN];

	if (!n) {
		fputs("    No names in cache\n", out);
		return;
	}
	fputs("                  NetBIOS Remote Cache Name Table\n\n"
	      "        Name              Type       Host Address    Life [sec]\n",
	    out);
	print_rule(out, 60);
	for (size_t i = 0; i < n; i++) {
		fputs("    ", out);
		print_name(out, &entries[i].name);
		fprintf(out, "  %-12s%-20s%lld\n", kind(entries[i].group),
		    ip4_print(entries[i].ip, ip), entries[i].life_s);
	}
}

/* "17B", "12KB", "3MB" in a column of the width. */
static void
print_bytes(FILE *out, const struct nbtstat_session *s, uint64_t bytes, int width)
{
	static const char *const units[] = { "B", "KB", "MB" };
	char text[30] = "-";
	int unit = 0;

	while (unit < 2 && bytes >= 1024) {
		bytes /= 1024;
		unit++;
	}
	if (s->has_bytes)
		snprintf(text, sizeof(text), "%" PRIu64 "%s", bytes, units[unit]);
	fprintf(out, "%*s", width, text);
}

static void
print_session(FILE *out, const struct nbtstat_session *s)
{
	char ip[IP4_STRLEN];

	fputs("    ", out);
	print_name(out, &s->local);
	if (!s->in && !s->out) {
		fprintf(out, "  %s\n", s->state);
		return;
	}
	fprintf(out, "  %-12s %-6s", s->state, s->in ? "In" : "Out");
	if (s->has_remote)
		print_name(out, &s->remote);
	else
		fprintf(out, "%-19s", ip4_print(s->remote_ip, ip));
	print_bytes(out, s, s->input, 8);
	print_bytes(out, s, s->output, 9);
	fputc('\n', out);
}

void
nbtstat_show_sessions(FILE *out, const struct nbtstat_session *sessions, size_t n)
{
	if (!n) {
		fputs("    No Connections\n", out);
		return;
	}
	fputs("                     NetBIOS Connection Table\n\n"
	      "    Local Name             State    In/Out  Remote Host           Input   Output\n",
	    out);
	print_rule(out, 76);
	for (size_t i = 0; i < n; i++)
		print_session(out, &sessions[i]);
}

void
nbtstat_show_counters(FILE *out, const struct nbtstat_counters *c)
{
	fputs("\n    NetBIOS Names Resolution and Registration Statistics\n", out);
	print_rule(out, 52);
	fprintf(out,
	    "\n    Resolved By Broadcast     = %lld\n    Resolved By Name Server   = %lld\n"
	    "\n    Registered By Broadcast   = %lld\n    Registered By Name Server = %lld\n",
	    c->resolved_bcast, c->resolved_wins, c->registered_bcast, c->registered_wins);
}

const char *
nbtstat_status_word(uint16_t flags)
{
	if (flags & NB_NF_CONFLICT)
		return "Conflict";
	if (flags & NB_NF_DEREGISTER)
		return "Deregistering";
	return flags & NB_NF_ACTIVE ? "Registered" : "Inactive";
}
