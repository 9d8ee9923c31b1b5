/* SPDX-License-Identifier: Apache-2.0 */
/* nbtstat without its sockets: command line, columns as Windows has them, the kernel's table. */
#include "nbtstat/nbtstat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

/* Parses a command line given as one string, words parted by blanks. */
static bool
parse(const char *line, struct nbtstat *ret, char why[static NBTSTAT_WHY])
{
	static char copy[512]; /* struct nbtstat borrows from it */
	char program[] = "nbtstat", *argv[32] = { program };
	int argc = 1;

	assert_true(strlen(line) < sizeof(copy));
	strcpy(copy, line);
	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	why[0] = 0;
	return nbtstat_parse(argc, argv, ret, why);
}

static struct nbtstat
good(const char *line)
{
	char why[NBTSTAT_WHY];
	struct nbtstat s;

	if (!parse(line, &s, why))
		fail_msg("%s: %s", line, why);
	return s;
}

static void
every_option_of_windows_is_known_with_both_prefixes(void **state)
{
	static const struct {
		const char *line;
		enum nbtstat_action action;
	} row[] = { { "", NBTSTAT_HELP }, { "-?", NBTSTAT_HELP }, { "/?", NBTSTAT_HELP },
		{ "-a BETA", NBTSTAT_NAME }, { "/A 192.0.2.2", NBTSTAT_ADDRESS },
		{ "-c", NBTSTAT_CACHE }, { "/n", NBTSTAT_LOCAL }, { "-r", NBTSTAT_COUNTERS },
		{ "-R", NBTSTAT_PURGE }, { "-RR", NBTSTAT_REFRESH }, { "/RR", NBTSTAT_REFRESH },
		{ "-s", NBTSTAT_SESSIONS }, { "/S 5", NBTSTAT_SESSIONS_IP },
		{ "--version", NBTSTAT_VERSION } };

	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++)
		assert_int_equal(good(row[i].line).action, row[i].action);
	assert_int_equal(good("/S 5").interval, 5);
	assert_int_equal(good("3600 -n").interval, 3600);
}

static void
names_are_made_upper_case_and_keep_their_suffix(void **state)
{
	struct nbtstat s = good("-a beta");

	assert_memory_equal(s.key.name.b, "BETA           ", 15);
	assert_false(s.has_suffix);
	s = good("-a beta#1b");
	assert_true(s.has_suffix);
	assert_int_equal(nb_suffix(&s.key), 0x1b);
	s = good("-a BETA<00>");
	assert_true(s.has_suffix);
	assert_int_equal(nb_suffix(&s.key), 0);
}

static void
long_options_are_ours(void **state)
{
	struct nbtstat s = good("-n --json --socket /a/s --wins 192.0.2.1 --wins 192.0.2.2");

	assert_true(s.json);
	assert_string_equal(s.socket, "/a/s");
	assert_int_equal(s.nwins, 2);
	assert_int_equal(s.wins[1].v, 0xc0000202);
	setenv("WINSCTL_SOCKET", "/env/s", 1);
	assert_string_equal(good("-n").socket, "/env/s");
	unsetenv("WINSCTL_SOCKET");
	assert_null(good("-n").socket);
}

static void
wrong_calls_are_told_what_is_wrong(void **state)
{
	static const struct {
		const char *line, *says;
	} row[] = { { "-N", "no option -N" }, { "-rr", "no option -rr" },
		{ "-n -c", "One display" }, { "-a", "-a needs NAME" }, { "-A", "-A needs ADDRESS" },
		{ "-A beta", "\"beta\" is not the IPv4 address" },
		{ "-A 224.0.0.1", "is not the IPv4 address" },
		{ "-a ABCDEFGHIJKLMNOP", "at most 15 characters" }, { "-n 0", "no interval" },
		{ "-n 86401", "no interval" }, { "-n 5x", "no interval" },
		{ "-n 5 6", "second interval" }, { "5", "What is to be displayed" },
		{ "--json", "What is to be displayed" }, { "-n --jason", "no option --jason" },
		{ "-n --wins", "--wins needs" }, { "-n --socket", "--socket needs" } };
	char why[NBTSTAT_WHY], many[400] = "-a B";
	struct nbtstat s;

	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		assert_false(parse(row[i].line, &s, why));
		if (!strstr(why, row[i].says))
			fail_msg("%s: %s", row[i].line, why);
	}
	for (int i = 0; i < NBT_SERVERS_MAX; i++)
		strcat(many, " --wins 192.0.2.1");
	assert_true(parse(many, &s, why));
	strcat(many, " --wins 192.0.2.1");
	assert_false(parse(many, &s, why));
}

/* ---- columns ---- */

static FILE *out;
static char *text;
static size_t text_len;

static FILE *
capture(void)
{
	out = open_memstream(&text, &text_len);
	assert_non_null(out);
	return out;
}

static void
expect(const char *want)
{
	fclose(out);
	assert_string_equal(text, want);
	free(text);
}

static struct nb_name
name(const char *s)
{
	struct nb_key key;

	assert_int_equal(nb_key_parse(s, 0, &key), 0);
	return key.name;
}

static void
local_table_has_windows_columns(void **state)
{
	const struct nbtstat_adapter a = { "Adapter A", { 0xc000020a }, "" };
	const struct nbtstat_name rows[] = { { name("ALPHA<00>"), false, "Registered" },
		{ name("LAB<00>"), true, "Registered" }, { name("ALPHA<20>"), false, "Conflict" },
		{ name("\\x01\\x02__MSBROWSE__\\x02<01>"), true, "Registering" },
		{ name("ABCDEFGHIJKLMNO<1E>"), true, "Released" } };

	capture();
	nbtstat_show_adapter(out, &a);
	nbtstat_show_local(out, rows, 5);
	expect("\n"
	       "Adapter A:\n"
	       "Node IpAddress: [192.0.2.10] Scope Id: []\n"
	       "\n"
	       "                NetBIOS Local Name Table\n"
	       "\n"
	       "       Name               Type         Status\n"
	       "    ---------------------------------------------\n"
	       "    ALPHA          <00>  UNIQUE      Registered\n"
	       "    LAB            <00>  GROUP       Registered\n"
	       "    ALPHA          <20>  UNIQUE      Conflict\n"
	       "    ..__MSBROWSE__.<01>  GROUP       Registering\n"
	       "    ABCDEFGHIJKLMNO<1E>  GROUP       Released\n");
	capture();
	nbtstat_show_local(out, NULL, 0);
	expect("    No names in the local table\n");
}

static void
remote_table_ends_with_the_hardware_address(void **state)
{
	const struct nbtstat_name rows[] = { { name("BETA<00>"), false, "Registered" } };
	static const unsigned char mac[6] = { 0x02, 0xab, 0, 0, 0, 0xff };

	capture();
	nbtstat_show_remote(out, rows, 1, mac);
	expect("           NetBIOS Remote Machine Name Table\n"
	       "\n"
	       "       Name               Type         Status\n"
	       "    ---------------------------------------------\n"
	       "    BETA           <00>  UNIQUE      Registered\n"
	       "\n"
	       "    MAC Address = 02-AB-00-00-00-FF\n"
	       "\n");
	capture();
	nbtstat_show_remote(out, rows, 1, NULL);
	expect("           NetBIOS Remote Machine Name Table\n"
	       "\n"
	       "       Name               Type         Status\n"
	       "    ---------------------------------------------\n"
	       "    BETA           <00>  UNIQUE      Registered\n");
}

static void
cache_has_windows_columns(void **state)
{
	const struct nbtstat_cached rows[] = {
		{ name("BETA<20>"), false, IP4(192, 0, 2, 20), 545 },
		{ name("GAMMA<20>"), false, IP4(198, 51, 100, 4), -1 },
		{ name("LAB<1C>"), true, IP4(255, 255, 255, 255), 0 },
	};

	capture();
	nbtstat_show_cache(out, rows, 3);
	expect("                  NetBIOS Remote Cache Name Table\n"
	       "\n"
	       "        Name              Type       Host Address    Life [sec]\n"
	       "    ------------------------------------------------------------\n"
	       "    BETA           <20>  UNIQUE      192.0.2.20          545\n"
	       "    GAMMA          <20>  UNIQUE      198.51.100.4        -1\n"
	       "    LAB            <1C>  GROUP       255.255.255.255     0\n");
	capture();
	nbtstat_show_cache(out, NULL, 0);
	expect("    No names in cache\n");
}

static void
sessions_have_windows_columns(void **state)
{
	const struct nbtstat_session rows[] = {
		{ .local = name("ALPHA<00>"),
		    .state = "Connected",
		    .out = true,
		    .remote = name("BETA<20>"),
		    .has_remote = true,
		    .has_bytes = true,
		    .input = 12 * 1024 + 1023,
		    .output = 3072 },
		{ .local = name("ALPHA<20>"),
		    .state = "Disconnecting",
		    .in = true,
		    .remote_ip = IP4(192, 0, 2, 20),
		    .has_bytes = true,
		    .input = 1023,
		    .output = 5 * 1024 * 1024 },
		{ .local = name("ALPHA<20>"),
		    .state = "Inbound",
		    .in = true,
		    .remote_ip = IP4(192, 0, 2, 21) },
		{ .local = name("ALPHA<03>"), .state = "Listening" },
	};

	capture();
	nbtstat_show_sessions(out, rows, 4);
	expect("                     NetBIOS Connection Table\n"
	       "\n"
	       "    Local Name             State    In/Out  Remote Host           Input   Output\n"
	       "    ----------------------------------------------------------------------------\n"
	       "    ALPHA          <00>  Connected    Out   BETA           <20>    12KB      3KB\n"
	       "    ALPHA          <20>  Disconnecting In    192.0.2.20            1023B      5MB\n"
	       "    ALPHA          <20>  Inbound      In    192.0.2.21                -        -\n"
	       "    ALPHA          <03>  Listening\n");
	capture();
	nbtstat_show_sessions(out, NULL, 0);
	expect("    No Connections\n");
}

static void
counters_are_four_lines(void **state)
{
	const struct nbtstat_counters c = { 4, 17, 2, 9 };

	capture();
	nbtstat_show_counters(out, &c);
	expect("\n"
	       "    NetBIOS Names Resolution and Registration Statistics\n"
	       "    ----------------------------------------------------\n"
	       "\n"
	       "    Resolved By Broadcast     = 4\n"
	       "    Resolved By Name Server   = 17\n"
	       "\n"
	       "    Registered By Broadcast   = 2\n"
	       "    Registered By Name Server = 9\n");
}

static void
status_words_follow_the_name_flags(void **state)
{
	assert_string_equal(nbtstat_status_word(0x6400), "Registered");
	assert_string_equal(nbtstat_status_word(0x6c00), "Conflict");
	assert_string_equal(nbtstat_status_word(0x7400), "Deregistering");
	assert_string_equal(nbtstat_status_word(0x6000), "Inactive");
}

/* ---- the kernel's table ---- */

/* The kernel prints addresses in the machine's own order; these lines are of a little-endian one. */
static void
lines_about_port_139_are_sessions(void **state)
{
	static const struct {
		const char *line, *state;
		uint32_t local, remote;
		bool in, out;
	} row[] = {
		{ "   0: 00000000:008B 00000000:0000 0A 00000000:00000000 00:00000000 00000000",
		    "Listening", 0, 0, false, false },
		{ "  12: 0A0200C0:008B 140200C0:C001 01 00000000:00000000", "Connected", 0xc000020a,
		    0xc0000214, true, false },
		{ "  13: 0A0200C0:C002 140200C0:008B 02 00000001:00000000", "Outbound", 0xc000020a,
		    0xc0000214, false, true },
		{ "   1: 00000000000000000000000000000000:008B "
		  "00000000000000000000000000000000:0000 0A 0",
		    "Listening", 0, 0, false, false },
		{ "   2: 0000000000000000FFFF00000A0200C0:008B "
		  "0000000000000000FFFF0000140200C0:C001 03 0",
		    "Inbound", 0xc000020a, 0xc0000214, true, false },
	};
	struct nbtstat_tcp t;

	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		assert_true(nbtstat_tcp_parse(row[i].line, &t));
		assert_string_equal(t.state, row[i].state);
		assert_int_equal(t.local.v, row[i].local);
		assert_int_equal(t.remote.v, row[i].remote);
		assert_int_equal(t.in, row[i].in);
		assert_int_equal(t.out, row[i].out);
	}
}

static void
other_lines_are_none(void **state)
{
	static const char *const row[] = { "", "  sl  local_address rem_address   st",
		"   0: 0A0200C0:01BD 140200C0:C001 01 0", /* port 445 */
		"   0: 0A0200C0:008B 140200C0:C001 06 0", /* TIME_WAIT: over */
		"   0: 0A0200C0:008B 140200C0:C001 07 0", /* CLOSE */
		"   0: 0A0200C0:008B 140200C0:C001 FF 0", /* no state of today's */
		"   0: 0A0200C0:008B 140200C0", "   0: x:008B y:C001 01",
		("   2: 000080FE00000000FFFF00000A0200C0:008B "
		 "0000000000000000FFFF0000140200C0:C001 01 0") };
	struct nbtstat_tcp t;

	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++)
		assert_false(nbtstat_tcp_parse(row[i], &t));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_option_of_windows_is_known_with_both_prefixes),
		cmocka_unit_test(names_are_made_upper_case_and_keep_their_suffix),
		cmocka_unit_test(long_options_are_ours),
		cmocka_unit_test(wrong_calls_are_told_what_is_wrong),
		cmocka_unit_test(local_table_has_windows_columns),
		cmocka_unit_test(remote_table_ends_with_the_hardware_address),
		cmocka_unit_test(cache_has_windows_columns),
		cmocka_unit_test(sessions_have_windows_columns),
		cmocka_unit_test(counters_are_four_lines),
		cmocka_unit_test(status_words_follow_the_name_flags),
		cmocka_unit_test(lines_about_port_139_are_sessions),
		cmocka_unit_test(other_lines_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
