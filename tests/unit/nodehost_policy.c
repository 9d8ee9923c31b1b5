/* SPDX-License-Identifier: Apache-2.0 */
/* What the options of the node mean for names and interfaces. */
#include "nodehost/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static char said[2000];

static void
keep(void *arg, const char *sentence)
{
	snprintf(said + strlen(said), sizeof(said) - strlen(said), "%s\n", sentence);
}

static const struct conf_say say = { keep, NULL };

static void
set(struct conf *conf, const char *assignment)
{
	said[0] = '\0';
	if (conf_override(conf, assignment, &say))
		fail_msg("%s", said);
}

static struct conf
preset(void)
{
	struct conf conf;

	conf_init(&conf);
	set(&conf, "node.name=server1");
	return conf;
}

/* ---- names ---- */

static void
expect_names(const struct conf *conf, const char *expected)
{
	struct policy_name names[POLICY_NAMES_MAX];
	unsigned n = policy_names(conf, names);
	char all[4000] = "", key[NB_KEY_STRLEN];

	for (unsigned i = 0; i < n; i++)
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s%s", i ? " " : "",
		    names[i].group ? "group:" : "", nb_key_print(&names[i].key, key));
	assert_string_equal(all, expected);
}

static void
each_service_has_its_names(void **state)
{
	static const struct {
		const char *service, *names;
	} rows[] = {
		{ "workstation", "SERVER1<00> group:LAB<00>" },
		{ "server", "SERVER1<20>" },
		{ "messenger", "SERVER1<03>" },
		{ "browser", "group:LAB<1E>" },
		{ "domain-master", "LAB<1B>" },
		{ "domain-controller", "group:LAB<1C>" },
		{ "[]", "" },
		{ "server,workstation", "SERVER1<00> group:LAB<00> SERVER1<20>" },
	};
	struct conf conf = preset();
	char text[100];

	set(&conf, "node.workgroup=lab");
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		snprintf(text, sizeof(text), "node.services=%s", rows[i].service);
		set(&conf, text);
		expect_names(&conf, rows[i].names);
	}
}

static void
further_names_are_added_once_and_as_they_are_written(void **state)
{
	struct conf conf = preset();

	set(&conf, "node.names=sql<2A>,SERVER1#00,SERVER1<00>");
	set(&conf, "node.groups=TEAM<1E>,\\x01\\x02__MSBROWSE__\\x02<01>");
	assert_int_equal(policy_check(&conf, &say), 0);
	expect_names(&conf, "SERVER1<00> group:WORKGROUP<00> sql<2A> group:TEAM<1E> "
			    "group:\\x01\\x02__MSBROWSE__\\x02<01>");
}

static void
the_scope_is_on_every_name(void **state)
{
	struct conf conf = preset();

	set(&conf, "node.scope=EXAMPLE.LAB");
	set(&conf, "node.names=SQL<2A>");
	assert_int_equal(policy_check(&conf, &say), 0);
	expect_names(&conf, "SERVER1<00>.EXAMPLE.LAB group:WORKGROUP<00>.EXAMPLE.LAB "
			    "SQL<2A>.EXAMPLE.LAB");
}

static void
as_many_names_as_the_options_can_hold_fit(void **state)
{
	struct policy_name names[POLICY_NAMES_MAX];
	struct conf conf = preset();
	char text[2000] = "node.names=";

	for (int i = 0; i < CONF_TEXTS_MAX; i++)
		sprintf(text + strlen(text), "%sN%d<20>", i ? "," : "", i);
	set(&conf, text);
	memcpy(text, "node.groups", 11);
	strcpy(text + 11, "=");
	for (int i = 0; i < CONF_TEXTS_MAX; i++)
		sprintf(text + strlen(text), "%sG%d<20>", i ? "," : "", i);
	set(&conf, text);
	set(&conf, "node.services=workstation,server,messenger,browser,domain-master,"
		   "domain-controller");
	assert_int_equal(policy_names(&conf, names), 7 + 2 * CONF_TEXTS_MAX);
}

/* ---- interfaces ---- */

static const struct ifmon_entry machine[] = {
	{ 1, "lo", IP4(127, 0, 0, 1), IP4(255, 0, 0, 0), .up = true, .loopback = true },
	{ 2, "eth0", IP4(192, 0, 2, 10), { 0xffffff00 }, IP4(192, 0, 2, 255), { 2, 0, 0, 0, 0, 1 },
	    .up = true },
	{ 2, "eth0", IP4(192, 0, 2, 11), { 0xffffff00 }, IP4(192, 0, 2, 255), .up = true,
	    .secondary = true },
	{ 3, "eth1", IP4(198, 51, 100, 10), { 0xffffff00 }, IP4(198, 51, 100, 255), .up = true },
	{ 4, "hb0", IP4(10, 99, 0, 1), { 0xffff0000 }, IP4(10, 99, 255, 255), .up = true },
	{ 5, "tun0", IP4(10, 8, 0, 1), { 0xffffffff }, .up = true },
	{ 6, "eth9", IP4(203, 0, 113, 10), { 0xffffff00 }, .up = false },
};

static unsigned
interfaces(const struct conf *conf, struct node_if ret[NODE_IF_MAX])
{
	return policy_ifs(conf, false, machine, sizeof(machine) / sizeof(*machine), ret);
}

/* The addresses that take part. */
static void
expect_ifs(const struct conf *conf, const char *expected)
{
	struct node_if ifs[NODE_IF_MAX];
	unsigned n = interfaces(conf, ifs);
	char all[500] = "", ip[IP4_STRLEN];

	for (unsigned i = 0; i < n; i++)
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s %s", i ? ", " : "",
		    ifs[i].name, ip4_print(ifs[i].ip, ip));
	assert_string_equal(all, expected);
}

#define E0 "eth0 192.0.2.10"
#define E1 "eth1 198.51.100.10"
#define HB "hb0 10.99.0.1"
#define TU "tun0 10.8.0.1"

static void
the_last_pattern_that_fits_decides(void **state)
{
	static const struct {
		const char *patterns, *ifs;
	} rows[] = {
		{ "[]", E0 ", " E1 ", " HB ", " TU }, /* not lo, not what is down */
		{ "eth*", E0 ", " E1 },
		{ "eth0", E0 },
		{ "!tun*", E0 ", " E1 ", " HB },
		{ "!tun*,!10.99.0.0/16", E0 ", " E1 },
		{ "10.0.0.0/8", HB ", " TU },
		{ "10.0.0.0/8,!tun*", HB },
		{ "!tun*,10.0.0.0/8", HB ", " TU },
		{ "*,!*", "" },
		{ "192.0.2.11", "eth0 192.0.2.11" },
		{ "eth0,!192.0.2.10", "eth0 192.0.2.11" },
		{ "0.0.0.0/0,!192.0.2.0/24", E1 ", " HB ", " TU },
		{ "lo", "" }, /* no host has 127.0.0.1 */
		{ "eth[12]", E1 },
	};
	struct conf conf = preset();
	char text[100];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		snprintf(text, sizeof(text), "node.interfaces=%s", rows[i].patterns);
		set(&conf, text);
		assert_int_equal(policy_check(&conf, &say), 0);
		expect_ifs(&conf, rows[i].ifs);
	}
}

static void
addresses_that_are_not_listened_on_do_not_take_part(void **state)
{
	struct conf conf = preset();

	set(&conf, "listen=198.51.100.10,192.0.2.11");
	expect_ifs(&conf, "eth0 192.0.2.11, " E1);
}

static void
servers_are_the_interfaces_own_or_those_of_all(void **state)
{
	struct node_if ifs[NODE_IF_MAX];
	struct conf conf = preset();

	set(&conf, "node.wins-servers=203.0.113.1,203.0.113.2");
	set(&conf, "node.interface-wins=eth1=203.0.113.4,eth1=203.0.113.3,hb*=none");
	assert_int_equal(policy_check(&conf, &say), 0);
	assert_int_equal(interfaces(&conf, ifs), 4);
	assert_int_equal(ifs[0].nwins, 2);
	assert_int_equal(ifs[0].wins[0].v, IP4(203, 0, 113, 1).v);
	assert_int_equal(ifs[1].nwins, 2);
	assert_int_equal(ifs[1].wins[0].v, IP4(203, 0, 113, 4).v);
	assert_int_equal(ifs[1].wins[1].v, IP4(203, 0, 113, 3).v);
	assert_int_equal(ifs[2].nwins, 0);
	assert_int_equal(ifs[3].nwins, 2);
}

static void
a_wins_server_registers_with_itself_unless_told_otherwise(void **state)
{
	struct node_if ifs[NODE_IF_MAX];
	struct conf conf = preset();

	set(&conf, "node.interface-wins=eth1=203.0.113.4,hb0=none");
	assert_int_equal(
	    policy_ifs(&conf, true, machine, sizeof(machine) / sizeof(*machine), ifs), 4);
	assert_int_equal(ifs[0].nwins, 1);
	assert_int_equal(ifs[0].wins[0].v, ifs[0].ip.v);
	assert_int_equal(ifs[1].wins[0].v, IP4(203, 0, 113, 4).v);
	assert_int_equal(ifs[2].nwins, 0);
	set(&conf, "node.wins-servers=203.0.113.1");
	(void)policy_ifs(&conf, true, machine, sizeof(machine) / sizeof(*machine), ifs);
	assert_int_equal(ifs[0].wins[0].v, IP4(203, 0, 113, 1).v);
}

static void
an_interface_has_no_more_servers_than_the_engine_takes(void **state)
{
	char text[1000] = "node.interface-wins=";
	struct node_if ifs[NODE_IF_MAX];
	struct conf conf = preset();

	for (int i = 0; i <= NODE_WINS_MAX; i++)
		sprintf(text + strlen(text), "%seth0=203.0.113.%d", i ? "," : "", i + 1);
	set(&conf, text);
	(void)interfaces(&conf, ifs);
	assert_int_equal(ifs[0].nwins, NODE_WINS_MAX);
}

static void
an_interface_is_known_with_all_that_belongs_to_it(void **state)
{
	const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };
	struct node_if ifs[NODE_IF_MAX];
	struct conf conf = preset();

	set(&conf, "node.advertise=eth0=203.0.113.5");
	assert_int_equal(policy_check(&conf, &say), 0);
	(void)interfaces(&conf, ifs);
	assert_int_equal(ifs[0].key, 2);
	assert_int_equal(ifs[0].advertise.v, IP4(203, 0, 113, 5).v);
	assert_int_equal(ifs[0].mask.v, 0xffffff00);
	assert_int_equal(ifs[0].broadcast.v, IP4(192, 0, 2, 255).v);
	assert_memory_equal(ifs[0].mac, mac, 6);
	assert_int_equal(ifs[1].advertise.v, 0);
}

static void
interfaces_past_what_the_engine_takes_are_left_out(void **state)
{
	static struct ifmon_entry many[NODE_IF_MAX + 1];
	struct node_if ifs[NODE_IF_MAX];
	struct conf conf = preset();

	for (unsigned i = 0; i <= NODE_IF_MAX; i++)
		many[i] = (struct ifmon_entry){ i + 1, "eth", { 0xc0000201 + i }, .up = true };
	assert_int_equal(policy_ifs(&conf, false, many, NODE_IF_MAX, ifs), NODE_IF_MAX);
	assert_int_equal(policy_ifs(&conf, false, many, NODE_IF_MAX + 1, ifs), NODE_IF_MAX);
}

/* ---- the engine's options, and what is wrong ---- */

static void
defaults_are_those_of_the_engine(void **state)
{
	struct node_conf is, should;
	struct conf conf = preset();

	policy_node_conf(&conf, &is);
	node_conf_init(&should);
	snprintf(should.lmhosts, sizeof(should.lmhosts), "/etc/winsome/lmhosts");
	assert_memory_equal(&is, &should, sizeof(is));
}

static void
types_and_policies_are_the_engines(void **state)
{
	static const char *const types[] = { "b", "p", "m", "h" };
	struct conf conf = preset();
	struct node_conf nc;
	char text[40];

	for (unsigned i = 0; i < 4; i++) {
		snprintf(text, sizeof(text), "node.type=%s", types[i]);
		set(&conf, text);
		policy_node_conf(&conf, &nc);
		assert_int_equal(nc.type, 1 << i);
	}
	set(&conf, "node.status-policy=off");
	policy_node_conf(&conf, &nc);
	assert_int_equal(nc.status_policy, NODE_STATUS_OFF);
	set(&conf, "node.status-policy=all");
	policy_node_conf(&conf, &nc);
	assert_int_equal(nc.status_policy, NODE_STATUS_ALL);
}

static void
all_that_is_wrong_is_told(void **state)
{
	struct conf conf = preset();

	set(&conf, "node.name=A*B");
	set(&conf, "node.scope=A..B");
	set(&conf, "node.names=SQL,SQL<2A>.SCOPE");
	set(&conf, "node.interfaces=!,eth0/24,192.0.2.0/33,192.0.2.0/+1,eth0=1");
	set(&conf, "node.advertise=eth0,=192.0.2.1,eth0=none,eth0=127.0.0.1");
	set(&conf, "node.interface-wins=eth0=224.0.0.1,eth0=none");
	said[0] = '\0';
	assert_int_equal(policy_check(&conf, &say), NBT_EINVAL);
	assert_string_equal(said,
	    "node.name: \"A*B\" is not a name that Windows would take\n"
	    "node.scope: \"A..B\" is not a scope (EXAMPLE.LAB)\n"
	    "node.names: \"SQL\" is not a name with its suffix (NAME<20>)\n"
	    "node.names: \"SQL<2A>.SCOPE\" is not a name with its suffix (NAME<20>)\n"
	    "node.interfaces: \"!\" is not an interface or a network (eth*, !tun*, 192.0.2.0/24)\n"
	    "node.interfaces: \"eth0/24\" is not an interface or a network (eth*, !tun*, "
	    "192.0.2.0/24)\n"
	    "node.interfaces: \"192.0.2.0/33\" is not an interface or a network (eth*, !tun*, "
	    "192.0.2.0/24)\n"
	    "node.interfaces: \"192.0.2.0/+1\" is not an interface or a network (eth*, !tun*, "
	    "192.0.2.0/24)\n"
	    "node.interfaces: \"eth0=1\" is not an interface or a network (eth*, !tun*, "
	    "192.0.2.0/24)\n"
	    "node.advertise: \"eth0\" is not an interface and an address (eth0=192.0.2.10)\n"
	    "node.advertise: \"=192.0.2.1\" is not an interface and an address "
	    "(eth0=192.0.2.10)\n"
	    "node.advertise: \"eth0=none\" is not an interface and an address "
	    "(eth0=192.0.2.10)\n"
	    "node.advertise: \"eth0=127.0.0.1\" is not an interface and an address "
	    "(eth0=192.0.2.10)\n"
	    "node.interface-wins: \"eth0=224.0.0.1\" is not an interface and an address "
	    "(eth0=192.0.2.10)\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_service_has_its_names),
		cmocka_unit_test(further_names_are_added_once_and_as_they_are_written),
		cmocka_unit_test(the_scope_is_on_every_name),
		cmocka_unit_test(as_many_names_as_the_options_can_hold_fit),
		cmocka_unit_test(the_last_pattern_that_fits_decides),
		cmocka_unit_test(addresses_that_are_not_listened_on_do_not_take_part),
		cmocka_unit_test(servers_are_the_interfaces_own_or_those_of_all),
		cmocka_unit_test(a_wins_server_registers_with_itself_unless_told_otherwise),
		cmocka_unit_test(an_interface_has_no_more_servers_than_the_engine_takes),
		cmocka_unit_test(an_interface_is_known_with_all_that_belongs_to_it),
		cmocka_unit_test(interfaces_past_what_the_engine_takes_are_left_out),
		cmocka_unit_test(defaults_are_those_of_the_engine),
		cmocka_unit_test(types_and_policies_are_the_engines),
		cmocka_unit_test(all_that_is_wrong_is_told),
	};

	return cmocka_run_group_tests_name("nodehost_policy", tests, NULL, NULL);
}
