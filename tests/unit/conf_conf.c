/* SPDX-License-Identifier: Apache-2.0 */
/* The option table: every option at its bounds and one past, -o, printing, what changed. */
#include "conf/conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "conf/value.h"

static char said[1024];

static void
keep(void *arg, const char *sentence)
{
	snprintf(said, sizeof(said), "%s", sentence);
}

static const struct conf_say say = { keep, NULL };

static bool
sets(struct conf *conf, const char *key, const char *value)
{
	char text[1024];

	snprintf(text, sizeof(text), "%s=%s", key, value);
	return conf_override(conf, text, &say) == 0;
}

static void
nothing(void *arg, const struct conf_option *option)
{
}

static bool
is_number(const struct conf_option *o)
{
	return o->type <= VALUE_SIZE;
}

static void
every_default_is_allowed_and_explained(void **state)
{
	struct conf conf;

	conf_init(&conf);
	for (int id = 0; id < CONF_COUNT; id++) {
		const struct conf_option *o = conf_option(id);

		assert_true(sets(&conf, o->key, o->preset));
		assert_true(strlen(o->text) > 20);
		assert_int_equal(o->text[strlen(o->text) - 1], '.');
	}
}

/* The number in text (as the option writes it) with delta added in the smallest step that it has. */
static void
beside(const struct conf_option *o, const char *text, int delta, char *ret, size_t cap)
{
	struct conf_option wide = *o;
	char why[VALUE_WHY_MAX];
	uint64_t v;

	wide.min = "0";
	wide.max = "18446744073709551615";
	if (o->type == VALUE_SECONDS || o->type == VALUE_MILLIS)
		wide.max = "999999d";
	assert_int_equal(value_set(&wide, &v, text, why), 0);
	snprintf(ret, cap, "%llu%s", (unsigned long long)v + (unsigned long long)delta,
	    o->type == VALUE_SECONDS  ? "s"
	    : o->type == VALUE_MILLIS ? "ms"
				      : "");
}

static void
every_number_is_taken_at_its_bounds_and_refused_past_them(void **state)
{
	struct conf conf;
	char past[64];
	int seen = 0;

	conf_init(&conf);
	for (int id = 0; id < CONF_COUNT; id++) {
		const struct conf_option *o = conf_option(id);

		if (!is_number(o))
			continue;
		assert_true(sets(&conf, o->key, o->min));
		assert_true(sets(&conf, o->key, o->max));
		beside(o, o->max, 1, past, sizeof(past));
		assert_false(sets(&conf, o->key, past));
		assert_non_null(strstr(said, "out of range (allowed are "));
		assert_non_null(strstr(said, o->max));
		if (strcmp(o->min, "0")) {
			beside(o, o->min, -1, past, sizeof(past));
			assert_false(sets(&conf, o->key, past));
			assert_non_null(strstr(said, o->min));
		}
		seen++;
	}
	assert_true(seen > 10);
}

static void
every_text_is_taken_at_its_bounds_and_refused_past_them(void **state)
{
	struct conf conf;
	char text[400];

	conf_init(&conf);
	for (int id = 0; id < CONF_COUNT; id++) {
		const struct conf_option *o = conf_option(id);
		size_t max = (size_t)atoi(o->max);

		if (o->type != VALUE_TEXT)
			continue;
		assert_int_equal(sets(&conf, o->key, ""), atoi(o->min) == 0);
		memset(text, 'x', sizeof(text));
		text[max] = '\0';
		assert_true(sets(&conf, o->key, text));
		text[max] = 'x';
		text[max + 1] = '\0';
		assert_false(sets(&conf, o->key, text));
		assert_non_null(strstr(said, "is longer than"));
		assert_false(sets(&conf, o->key, "a\nb"));
		assert_false(sets(&conf, o->key, "\x7f"));
		assert_false(sets(&conf, o->key, "b\xc3\xbcro"));
	}
}

static void
lists_are_taken_full_and_refused_past_that(void **state)
{
	char text[1000] = "";
	struct conf conf;

	conf_init(&conf);
	for (int i = 0; i < 16; i++)
		sprintf(text + strlen(text), "%s192.0.2.%d", i ? "," : "", i + 1);
	assert_true(sets(&conf, "listen", text));
	assert_int_equal(conf.listen.n, 16);
	assert_int_equal(conf.listen.a[15].v, IP4(192, 0, 2, 16).v);
	strcat(text, ",192.0.2.17");
	assert_false(sets(&conf, "listen", text));
	assert_string_equal(said, "-o listen: has more than 16 entries");
	assert_int_equal(conf.listen.n, 16);

	text[0] = '\0';
	for (int i = 0; i < 32; i++)
		sprintf(text + strlen(text), "%sN%d", i ? ", " : "[", i);
	assert_true(sets(&conf, "blocked-names", strcat(text, "]")));
	assert_int_equal(conf.blocked_names.n, 32);
	strcpy(strchr(text, ']'), ", N32]");
	assert_false(sets(&conf, "blocked-names", text));
}

static void
lists_read_with_and_without_brackets(void **state)
{
	struct conf conf;

	conf_init(&conf);
	assert_true(sets(&conf, "listen", "192.0.2.1"));
	assert_int_equal(conf.listen.n, 1);
	assert_true(sets(&conf, "listen", "[ 192.0.2.1 ,192.0.2.2 ]"));
	assert_int_equal(conf.listen.n, 2);
	assert_true(sets(&conf, "listen", "127.0.0.2"));
	assert_true(sets(&conf, "listen", "[]"));
	assert_int_equal(conf.listen.n, 0);
	assert_true(sets(&conf, "listen", ""));
	assert_false(sets(&conf, "listen", "192.0.2.1,"));
	assert_false(sets(&conf, "listen", ",192.0.2.1"));
	assert_false(sets(&conf, "listen", "192.0.2.1,192.0.2.1"));
	assert_string_equal(said, "-o listen: \"192.0.2.1\" is in the list twice");
	assert_false(sets(&conf, "listen", "0.0.0.0"));
	assert_false(sets(&conf, "listen", "224.0.0.1"));
	assert_false(sets(&conf, "listen", "255.255.255.255"));
}

static void
lists_of_texts_are_taken_full_and_refused_past_that(void **state)
{
	char text[CONF_TEXTS_MAX * 8] = "";
	struct conf conf;

	conf_init(&conf);
	for (int i = 0; i < CONF_TEXTS_MAX; i++)
		sprintf(text + strlen(text), "%s!if%d", i ? "," : "", i);
	assert_true(sets(&conf, "node.interfaces", text));
	assert_int_equal(conf.node_interfaces.n, CONF_TEXTS_MAX);
	assert_string_equal(conf.node_interfaces.t[CONF_TEXTS_MAX - 1], "!if63");
	strcat(text, ",x");
	assert_false(sets(&conf, "node.interfaces", text));
	assert_string_equal(said, "-o node.interfaces: has more than 64 entries");
	assert_false(sets(&conf, "node.interfaces", "a,a"));
	assert_false(sets(&conf, "node.interfaces", "a,"));
	memset(text, 'x', CONF_ENTRY_MAX);
	text[CONF_ENTRY_MAX - 1] = '\0';
	assert_true(sets(&conf, "node.interfaces", text));
	strcat(text, "x");
	assert_false(sets(&conf, "node.interfaces", text));
	assert_true(sets(&conf, "node.interfaces", "[]"));
	assert_int_equal(conf.node_interfaces.n, 0);
}

static void
a_set_holds_each_word_once(void **state)
{
	struct conf conf;

	conf_init(&conf);
	assert_int_equal(conf.node_services, 1);
	assert_true(sets(&conf, "node.services", "messenger, workstation"));
	assert_int_equal(conf.node_services, 5);
	assert_true(sets(&conf, "node.services", "[]"));
	assert_int_equal(conf.node_services, 0);
	assert_false(sets(&conf, "node.services", "server,server"));
	assert_string_equal(said, "-o node.services: \"server\" is in the list twice");
	assert_false(sets(&conf, "node.services", "serve"));
	assert_non_null(strstr(said, "\"serve\" is none of workstation, server, messenger, "));
}

static void
networks_are_read_printed_and_compared(void **state)
{
	const char *key = "doctor-excluded-networks";
	struct conf conf, same;
	char text[1000] = "";

	conf_init(&conf);
	conf_init(&same);
	assert_int_equal(conf.doctor_excluded_networks.n, 1);
	assert_int_equal(conf.doctor_excluded_networks.net[0].base.v, IP4(169, 254, 0, 0).v);
	assert_int_equal(conf.doctor_excluded_networks.net[0].bits, 16);
	assert_true(sets(&conf, key, "[10.0.0.0/8, 192.0.2.8/29]"));
	assert_int_equal(conf.doctor_excluded_networks.net[1].bits, 29);
	assert_true(sets(&same, key, "10.0.0.0/8,192.0.2.8/29"));
	assert_int_equal(conf_diff_reload(&conf, &same, nothing, NULL), 0);
	assert_true(sets(&same, key, "10.0.0.0/8,192.0.2.8/30"));
	assert_int_equal(conf_diff_reload(&conf, &same, nothing, NULL), 1);
	assert_true(sets(&conf, key, "[]"));
	assert_int_equal(conf.doctor_excluded_networks.n, 0);

	assert_false(sets(&conf, key, "10.0.0.1/8"));
	assert_non_null(strstr(said, "is not an IPv4 network (write 169.254.0.0/16"));
	assert_false(sets(&conf, key, "10.0.0.0"));
	assert_false(sets(&conf, key, "10.0.0.0/8, 10.0.0.0/8"));
	assert_non_null(strstr(said, "twice"));
	for (int i = 0; i < 16; i++)
		sprintf(text + strlen(text), "%s10.%d.0.0/16", i ? "," : "", i);
	assert_true(sets(&conf, key, text));
	assert_false(sets(&conf, key, strcat(text, ",10.16.0.0/16")));
	assert_non_null(strstr(said, "more than 16"));
}

static void
blocked_names_are_folded_and_padded(void **state)
{
	struct conf conf;

	conf_init(&conf);
	assert_int_equal(conf.blocked_names.n, 2);
	assert_memory_equal(conf.blocked_names.name[0], "WPAD           ", 15);
	assert_true(sets(&conf, "blocked-names", "wpad, My Pc,ABCDEFGHIJKLMNO"));
	assert_memory_equal(conf.blocked_names.name[0], "WPAD           ", 15);
	assert_memory_equal(conf.blocked_names.name[1], "MY PC          ", 15);
	assert_memory_equal(conf.blocked_names.name[2], "ABCDEFGHIJKLMNO", 15);
	assert_false(sets(&conf, "blocked-names", "ABCDEFGHIJKLMNOP"));
	assert_false(sets(&conf, "blocked-names", "wpad,WPAD"));
}

static void
durations_and_sizes_are_read(void **state)
{
	struct conf conf;

	conf_init(&conf);
	assert_int_equal(conf.renewal_interval, 518400);
	assert_int_equal(conf.challenge_interval, 500);
	assert_int_equal(conf.snapshot_journal_size, 256 << 20);
	assert_true(sets(&conf, "renewal-interval", "40min"));
	assert_int_equal(conf.renewal_interval, 2400);
	assert_true(sets(&conf, "renewal-interval", "2h"));
	assert_int_equal(conf.renewal_interval, 7200);
	assert_true(sets(&conf, "renewal-interval", "3000ms"));
	assert_int_equal(conf.renewal_interval, 3);
	assert_true(sets(&conf, "challenge-interval", "3s"));
	assert_int_equal(conf.challenge_interval, 3000);
	assert_true(sets(&conf, "receive-buffer", "65536"));
	assert_int_equal(conf.receive_buffer, 65536);
	assert_false(sets(&conf, "renewal-interval", "500ms"));
	assert_false(sets(&conf, "renewal-interval", "5x"));
	assert_false(sets(&conf, "renewal-interval", "5"));
	assert_false(sets(&conf, "renewal-interval", "-5s"));
	assert_false(sets(&conf, "renewal-interval", "+5s"));
	assert_false(sets(&conf, "renewal-interval", " 5s"));
	assert_false(sets(&conf, "renewal-interval", "5 s"));
	assert_false(sets(&conf, "renewal-interval", "5ss"));
	assert_false(sets(&conf, "renewal-interval", "s"));
	assert_false(sets(&conf, "renewal-interval", ""));
	assert_false(sets(&conf, "renewal-interval", "1.5h"));
	/* 2^64 and products past it must not come round to something small */
	assert_false(sets(&conf, "workers", "18446744073709551617"));
	assert_false(sets(&conf, "renewal-interval", "213503982335d"));
	assert_false(sets(&conf, "receive-buffer", "17179869185GiB"));
	assert_int_equal(conf.renewal_interval, 3);
}

static void
errors_of_the_command_line_say_what_is_allowed(void **state)
{
	struct conf conf;

	conf_init(&conf);
	assert_int_equal(conf_override(&conf, "challenge-interval=5x", &say), NBT_EINVAL);
	assert_string_equal(
	    said, "-o challenge-interval: \"5x\" is not a duration (write 500ms, 3s, 40min, 6d)");
	assert_int_equal(conf_override(&conf, "challenge-retries=11", &say), NBT_EINVAL);
	assert_string_equal(
	    said, "-o challenge-retries: \"11\" is out of range (allowed are 1 to 10)");
	assert_int_equal(conf_override(&conf, "log-level=loud", &say), NBT_EINVAL);
	assert_string_equal(
	    said, "-o log-level: \"loud\" is none of error, warning, notice, info, debug");
	assert_int_equal(conf_override(&conf, "tcp=maybe", &say), NBT_EINVAL);
	assert_string_equal(said, "-o tcp: \"maybe\" is neither true nor false");
	assert_int_equal(conf_override(&conf, "data-dir=", &say), NBT_EINVAL);
	assert_string_equal(said, "-o data-dir: must not be empty");
	assert_int_equal(conf_override(&conf, "server-address=1.2.3", &say), NBT_EINVAL);
	assert_string_equal(said,
	    "-o server-address: \"1.2.3\" is not a machine's IPv4 address (write 192.0.2.10)");
	assert_int_equal(conf_override(&conf, "workers", &say), NBT_EINVAL);
	assert_string_equal(said, "-o \"workers\" is not of the form option=value");
	assert_int_equal(conf_override(&conf, "worker=1", &say), NBT_EINVAL);
	assert_string_equal(said, "-o unknown option \"worker\" (did you mean workers?)");
	assert_int_equal(conf_override(&conf, "renewal_interval=1h", &say), NBT_EINVAL);
	assert_string_equal(
	    said, "-o unknown option \"renewal_interval\" (did you mean renewal-interval?)");
	assert_int_equal(conf_override(&conf, "xyzzy=1", &say), NBT_EINVAL);
	assert_string_equal(said, "-o unknown option \"xyzzy\"");
	assert_int_equal(conf_override(&conf, "=1", &say), NBT_EINVAL);
}

static void
hostile_arguments_are_told_shortened_and_escaped(void **state)
{
	struct conf conf;
	char text[5000] = "log-level=\n\x1b";

	conf_init(&conf);
	memset(text + 12, 0xff, sizeof(text) - 13);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(conf_override(&conf, text, &say), NBT_EINVAL);
	assert_non_null(strstr(said, "\"\\x0a\\x1b\\xff"));
	assert_non_null(strstr(said, "\\xff...\" is none of"));
	memset(text, '\n', sizeof(text) - 1);
	assert_int_equal(conf_override(&conf, text, &say), NBT_EINVAL);
	text[4000] = '=';
	assert_int_equal(conf_override(&conf, text, &say), NBT_EINVAL);
	assert_null(strchr(said, '\n'));
}

/* Reads what conf_print wrote. */
static void
print_and_parse(const struct conf *conf, struct conf *ret)
{
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	conf_print(conf, f);
	assert_int_equal(fclose(f), 0);
	said[0] = '\0';
	conf_init(ret);
	if (conf_parse(ret, "printed", text, len, &say))
		fail_msg("%s in:\n%s", said, text);
	free(text);
}

static void
what_is_printed_reads_back_to_the_same(void **state)
{
	struct conf conf, back;

	conf_init(&conf);
	print_and_parse(&conf, &back);
	assert_memory_equal(&conf, &back, sizeof(conf));
	for (int round = 0; round < 2; round++) {
		for (int id = 0; id < CONF_COUNT; id++)
			if (is_number(conf_option(id)))
				sets(&conf, conf_option(id)->key,
				    round ? conf_option(id)->max : conf_option(id)->min);
		print_and_parse(&conf, &back);
		assert_memory_equal(&conf, &back, sizeof(conf));
	}
	assert_true(sets(&conf, "renewal-interval", "90min"));
	assert_true(sets(&conf, "challenge-interval", "1001ms"));
	assert_true(sets(&conf, "receive-buffer", "65537"));
	assert_true(sets(&conf, "log-level", "debug"));
	assert_true(sets(&conf, "tcp", "no"));
	assert_true(sets(&conf, "server-address", "192.0.2.1"));
	assert_true(sets(&conf, "listen", "192.0.2.1,127.0.0.9"));
	assert_true(sets(&conf, "blocked-names", "A B,-,~,\",\\,'x,#,a: b,TRUE,}{"));
	assert_true(sets(&conf, "data-dir", "/a b: #c\"\\'{}[],&*!|>%@`~"));
	assert_true(sets(&conf, "control-socket", "-"));
	assert_true(sets(&conf, "user", ""));
	assert_true(sets(&conf, "control-group", " x "));
	assert_true(sets(&conf, "node.interfaces", "eth*,!tun*,!10.99.0.0/16,*,&a"));
	assert_true(sets(&conf, "node.services", "browser,server"));
	assert_true(sets(&conf, "node.type", "p"));
	print_and_parse(&conf, &back);
	assert_memory_equal(&conf, &back, sizeof(conf));
}

static void
partners_are_taken_full_and_refused_past_that(void **state)
{
	static char text[300 * 40];
	char one[64];
	struct conf conf;

	conf_init(&conf);
	strcpy(text, "replication.partners=[");
	for (int i = 0; i < CONF_PARTNERS_MAX; i++) {
		sprintf(one, "%s{address: 192.0.2.%d}", i ? ", " : "", i + 1);
		strcat(text, one);
	}
	strcat(text, "]");
	assert_int_equal(conf_override(&conf, text, &say), 0);
	assert_int_equal(conf.replication_partners.n, CONF_PARTNERS_MAX);
	assert_int_equal(conf.replication_partners.v[CONF_PARTNERS_MAX - 1].address.v,
	    IP4(192, 0, 2, CONF_PARTNERS_MAX).v);
	strcpy(strchr(text, ']'), ", {address: 192.0.2.250}]");
	assert_int_equal(conf_override(&conf, text, &say), NBT_EINVAL);
	assert_string_equal(said, "-o:1: replication.partners: has more than 200 entries");
	assert_int_equal(atoi(conf_option(CONF_replication_partners)->max), CONF_PARTNERS_MAX);
	assert_true(sets(&conf, "replication.partners", "[]"));
	assert_int_equal(conf.replication_partners.n, 0);
}

static void
a_partner_has_defaults_for_all_but_its_address(void **state)
{
	const struct conf_partner *p;
	struct conf conf;

	conf_init(&conf);
	assert_true(sets(&conf, "replication.partners",
	    "[{push: false, address: 198.51.100.20, pull-start: 23:59:59}]"));
	p = &conf.replication_partners.v[0];
	assert_int_equal(p->address.v, IP4(198, 51, 100, 20).v);
	assert_true(p->pull && p->persistent);
	assert_false(p->push || p->only_dynamic);
	assert_int_equal(p->pull_interval, 1800);
	assert_int_equal(p->pull_start, 86399);
	assert_int_equal(p->update_count, 0);
	assert_false(sets(&conf, "replication.partners", "[{pull: true}]"));
	assert_string_equal(said, "-o:1: replication.partners: an entry has no address");
	assert_false(sets(&conf, "replication.partners", "198.51.100.20"));
	assert_false(sets(&conf, "replication.partners", "[]\nport: 5"));
	assert_int_equal(conf.port, 137);
	assert_int_equal(conf.replication_partners.n, 1);
}

static void
times_of_day_are_read_to_the_second(void **state)
{
	static const char *const wrong[] = { "24:00:00", "00:60:00", "00:00:60", "1:00:00", "01:00",
		"01:00:00 ", "now", "-1:00:00" };
	struct conf conf;

	conf_init(&conf);
	assert_int_equal(conf.replication_check_start, 7200);
	assert_true(sets(&conf, "replication.check-start", "00:00:00"));
	assert_int_equal(conf.replication_check_start, 0);
	assert_true(sets(&conf, "replication.check-start", "23:59:59"));
	assert_int_equal(conf.replication_check_start, 86399);
	assert_true(sets(&conf, "replication.check-start", ""));
	assert_int_equal(conf.replication_check_start, CONF_NO_CLOCK);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_false(sets(&conf, "replication.check-start", wrong[i]));
}

struct changes {
	int n, restart;
	char last[64];
};

static void
note(void *arg, const struct conf_option *o)
{
	struct changes *c = arg;

	c->n++;
	c->restart += !o->reload;
	snprintf(c->last, sizeof(c->last), "%s", o->key);
}

static void
changes_say_whether_they_need_a_restart(void **state)
{
	struct changes c = { 0 };
	struct conf old, new;

	conf_init(&old);
	conf_init(&new);
	assert_int_equal(conf_diff_reload(&old, &new, note, &c), 0);
	assert_true(sets(&new, "log-level", "info"));
	assert_int_equal(conf_diff_reload(&old, &new, note, &c), 1);
	assert_string_equal(c.last, "log-level");
	assert_int_equal(c.restart, 0);
	assert_true(sets(&new, "log-level", "notice"));
	assert_true(sets(&new, "listen", "192.0.2.1"));
	assert_int_equal(conf_diff_reload(&old, &new, note, &c), 1);
	assert_string_equal(c.last, "listen");
	assert_int_equal(c.restart, 1);
	/* a text that became shorter leaves nothing behind that would count as a change */
	assert_true(sets(&new, "listen", ""));
	assert_true(sets(&new, "data-dir", "/a/much/longer/path/than/the/default"));
	assert_true(sets(&new, "data-dir", old.data_dir));
	assert_int_equal(conf_diff_reload(&old, &new, note, &c), 0);
}

static void
a_reload_takes_over_only_what_needs_no_restart(void **state)
{
	struct conf old, new;

	conf_init(&old);
	conf_init(&new);
	assert_true(sets(&new, "log-level", "debug"));
	assert_true(sets(&new, "listen", "192.0.2.1"));
	conf_take_reloadable(&old, &new);
	assert_int_equal(old.log_level, new.log_level);
	assert_int_equal(old.listen.n, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_default_is_allowed_and_explained),
		cmocka_unit_test(every_number_is_taken_at_its_bounds_and_refused_past_them),
		cmocka_unit_test(every_text_is_taken_at_its_bounds_and_refused_past_them),
		cmocka_unit_test(lists_are_taken_full_and_refused_past_that),
		cmocka_unit_test(lists_read_with_and_without_brackets),
		cmocka_unit_test(partners_are_taken_full_and_refused_past_that),
		cmocka_unit_test(a_partner_has_defaults_for_all_but_its_address),
		cmocka_unit_test(times_of_day_are_read_to_the_second),
		cmocka_unit_test(lists_of_texts_are_taken_full_and_refused_past_that),
		cmocka_unit_test(a_set_holds_each_word_once),
		cmocka_unit_test(blocked_names_are_folded_and_padded),
		cmocka_unit_test(networks_are_read_printed_and_compared),
		cmocka_unit_test(durations_and_sizes_are_read),
		cmocka_unit_test(errors_of_the_command_line_say_what_is_allowed),
		cmocka_unit_test(hostile_arguments_are_told_shortened_and_escaped),
		cmocka_unit_test(what_is_printed_reads_back_to_the_same),
		cmocka_unit_test(changes_say_whether_they_need_a_restart),
		cmocka_unit_test(a_reload_takes_over_only_what_needs_no_restart),
	};

	return cmocka_run_group_tests_name("conf_conf", tests, NULL, NULL);
}
