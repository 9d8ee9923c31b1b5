/* SPDX-License-Identifier: Apache-2.0 */
/* The replication engine's options from the configuration's: each comes through, this server does not. */
#include "registrar/repl_conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static char said[512];

static void
keep(void *arg, const char *sentence)
{
	snprintf(said, sizeof(said), "%s", sentence);
}

static const struct conf_say say = { keep, NULL };
static const struct ip4 own[2] = { IP4(192, 0, 2, 10), IP4(203, 0, 113, 10) };
static struct conf conf;

static void
set(const char *assignment)
{
	if (conf_override(&conf, assignment, &say))
		fail_msg("%s", said);
}

static struct repl_conf
made(void)
{
	struct repl_conf r;

	repl_conf_of(&conf, own, 2, own[1], &r);
	return r;
}

static int
set_up(void **state)
{
	conf_init(&conf);
	return 0;
}

static void
partners_come_through_without_this_server(void **state)
{
	struct repl_conf r;

	set("replication.partners=[{address: 198.51.100.20, push: false, pull-interval: 0, "
	    "pull-start: 02:00:00, update-count: 7}, {address: 192.0.2.10}, "
	    "{address: 203.0.113.10}, {address: 198.51.100.21, persistent: false, only-dynamic: "
	    "true}]");
	r = made();
	assert_int_equal(r.npartners, 2);
	assert_int_equal(r.partner[0].address.v, IP4(198, 51, 100, 20).v);
	assert_true(r.partner[0].pull && !r.partner[0].push && r.partner[0].persistent);
	assert_int_equal(r.partner[0].pull_interval, 0);
	assert_int_equal(r.partner[0].pull_start, 7200);
	assert_int_equal(r.partner[0].update_count, 7);
	assert_true(!r.partner[1].persistent && r.partner[1].only_dynamic);
	assert_int_equal(r.partner[1].pull_interval, 1800);
	assert_int_equal(r.partner[1].pull_start, UINT32_MAX);
	assert_int_equal(r.nself, 2);
	assert_int_equal(r.self.v, own[1].v);
}

static void
the_words_of_pause_are_the_engines(void **state)
{
	static const char *const word[] = { [REPL_PAUSE_AUTO] = "auto",
		[REPL_PAUSE_NEVER] = "never",
		[REPL_PAUSE_ALWAYS] = "always" };
	char text[64];

	for (int i = 0; i < 3; i++) {
		snprintf(text, sizeof(text), "replication.pause=%s", word[i]);
		set(text);
		assert_int_equal(made().pause, i);
	}
}

static void
checks_are_off_or_six_hours_apart(void **state)
{
	assert_int_equal(made().check_interval, 0);
	set("replication.check-interval=1s");
	assert_int_equal(made().check_interval, 21600);
	set("replication.check-interval=21600s");
	assert_int_equal(made().check_interval, 21600);
	set("replication.check-interval=21601s");
	assert_int_equal(made().check_interval, 21601);
}

static void
one_list_of_owners_at_a_time(void **state)
{
	assert_int_equal(repl_conf_check(&conf, &say), 0);
	assert_int_equal(made().nfilter, 0);
	assert_false(made().accept_only);
	set("replication.block-owners=192.0.2.1,192.0.2.2");
	assert_int_equal(repl_conf_check(&conf, &say), 0);
	assert_int_equal(made().nfilter, 2);
	assert_false(made().accept_only);
	set("replication.accept-owners=192.0.2.3");
	assert_int_equal(repl_conf_check(&conf, &say), NBT_EINVAL);
	assert_non_null(strstr(said, "only one of the two"));
	set("replication.block-owners=[]");
	assert_int_equal(repl_conf_check(&conf, &say), 0);
	assert_true(made().accept_only);
	assert_int_equal(made().filter[0].v, IP4(192, 0, 2, 3).v);
}

static void
every_list_fits_when_full(void **state)
{
	static char text[CONF_PARTNERS_MAX * 40];

	assert_true(CONF_PARTNERS_MAX <= REPL_PARTNERS_MAX);
	strcpy(text, "replication.block-owners=");
	for (int i = 1; i <= REPL_FILTER_MAX; i++)
		sprintf(text + strlen(text), "%s192.0.2.%d", i > 1 ? "," : "", i);
	set(text);
	assert_int_equal(made().nfilter, REPL_FILTER_MAX);
	strcpy(text, "replication.partners=[");
	for (int i = 0; i < CONF_PARTNERS_MAX; i++)
		sprintf(text + strlen(text), "%s{address: 198.51.100.%d}", i ? "," : "", i);
	set(strcat(text, "]"));
	assert_int_equal(made().npartners, CONF_PARTNERS_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(partners_come_through_without_this_server, set_up),
		cmocka_unit_test_setup(the_words_of_pause_are_the_engines, set_up),
		cmocka_unit_test_setup(checks_are_off_or_six_hours_apart, set_up),
		cmocka_unit_test_setup(one_list_of_owners_at_a_time, set_up),
		cmocka_unit_test_setup(every_list_fits_when_full, set_up),
	};

	return cmocka_run_group_tests_name("registrar_repl_conf", tests, NULL, NULL);
}
