/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration file: what is read, and that every error is told with its line. */
#include "conf/conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

struct heard {
	int n;
	char all[60 * 1024];
};

static struct heard heard;

static void
hear(void *arg, const char *sentence)
{
	size_t used = strlen(heard.all);

	heard.n++;
	snprintf(heard.all + used, sizeof(heard.all) - used, "%s\n", sentence);
}

static const struct conf_say say = { hear, NULL };

static int
parse(struct conf *conf, const char *text)
{
	memset(&heard, 0, sizeof(heard));
	return conf_parse(conf, "w.yaml", text, strlen(text), &say);
}

static void
refuses(const char *text, const char *sentences)
{
	struct conf conf, before;

	conf_init(&conf);
	before = conf;
	assert_int_equal(parse(&conf, text), NBT_EINVAL);
	assert_string_equal(heard.all, sentences);
	assert_memory_equal(&conf, &before, sizeof(conf));
}

static void
an_empty_file_is_the_defaults(void **state)
{
	static const char *const empty[] = { "", "\n", "# nothing\n", "---\n", "{}\n",
		"---\n...\n" };
	struct conf conf, defaults;

	conf_init(&defaults);
	for (size_t i = 0; i < sizeof(empty) / sizeof(*empty); i++) {
		conf_init(&conf);
		assert_int_equal(parse(&conf, empty[i]), 0);
		assert_memory_equal(&conf, &defaults, sizeof(conf));
	}
}

static void
reads_scalars_and_both_kinds_of_list(void **state)
{
	struct conf conf;

	conf_init(&conf);
	assert_int_equal(parse(&conf, "listen:\n  - 192.0.2.10\n  - 192.0.2.11 # second\n"
				      "blocked-names: [wpad, 'a,b']\n"
				      "data-dir: \"/srv/wins data\"\n"
				      "renewal-interval: 2h\ntcp: off\n"),
	    0);
	assert_int_equal(conf.listen.n, 2);
	assert_int_equal(conf.listen.a[1].v, IP4(192, 0, 2, 11).v);
	assert_int_equal(conf.blocked_names.n, 2);
	assert_memory_equal(conf.blocked_names.name[1], "A,B            ", 15);
	assert_string_equal(conf.data_dir, "/srv/wins data");
	assert_int_equal(conf.renewal_interval, 7200);
	assert_false(conf.tcp);
	assert_int_equal(parse(&conf, "listen: 192.0.2.12\n"), 0);
	assert_int_equal(conf.listen.n, 1);
	assert_int_equal(parse(&conf, "listen:\n"), 0);
	assert_int_equal(conf.listen.n, 0);
	assert_false(conf.tcp);
}

static void
every_error_is_told_with_its_line(void **state)
{
	refuses("# sample\n"
		"challenge-interval: 5x\n"
		"renewal-intervall: 6d\n"
		"listen:\n"
		"  - 192.0.2.10\n"
		"  - nowhere\n"
		"  - [a]\n"
		"port: 137\n"
		"port: 138\n"
		"workers: [1, 2]\n"
		"listen: {a: b}\n"
		"user: {a: [b, {c: d}]}\n"
		"challenge-retries: 11\n",
	    "w.yaml:2: challenge-interval: \"5x\" is not a duration (write 500ms, 3s, 40min, 6d)\n"
	    "w.yaml:3: unknown option \"renewal-intervall\" (did you mean renewal-interval?)\n"
	    "w.yaml:6: listen: \"nowhere\" is not a machine's IPv4 address (write 192.0.2.10; no "
	    "entry means all)\n"
	    "w.yaml:7: listen: an entry must be one plain value\n"
	    "w.yaml:9: port: given twice (first in line 8)\n"
	    "w.yaml:10: workers: takes one value\n"
	    "w.yaml:11: listen: given twice (first in line 4)\n"
	    "w.yaml:12: user: takes one value\n"
	    "w.yaml:13: challenge-retries: \"11\" is out of range (allowed are 1 to 10)\n");
}

static void
errors_inside_the_list_of_partners_name_line_and_key(void **state)
{
	refuses("replication:\n"
		"  partners:\n"
		"    - address: 198.51.100.20\n"
		"      pull-interval: soon\n"
		"    - address: 198.51.100.21\n"
		"    - address: 198.51.100.21\n"
		"    - pull: true\n"
		"    - {address: 198.51.100.22, pul: true}\n"
		"    - 198.51.100.23\n"
		"    - {address: [a], pull: true,\n"
		"       pull: true}\n"
		"    - {address: 198.51.100.24, {a: b}: {c: [d]}}\n",
	    "w.yaml:4: replication.partners: pull-interval: \"soon\" is not a duration in whole "
	    "seconds (write 3s, 40min, 2h, 6d)\n"
	    "w.yaml:6: replication.partners: 198.51.100.21 is in the list twice\n"
	    "w.yaml:7: replication.partners: an entry has no address\n"
	    "w.yaml:8: replication.partners: \"pul\" is none of address, pull, push, "
	    "pull-interval, pull-start, update-count, persistent, only-dynamic\n"
	    "w.yaml:9: replication.partners: an entry must be a map (write - address: "
	    "198.51.100.20)\n"
	    "w.yaml:10: replication.partners: address: takes one value\n"
	    "w.yaml:11: replication.partners: pull is given twice in one entry\n"
	    "w.yaml:12: replication.partners: a key of the entry must stand here\n");
	refuses("replication.partners: {address: 198.51.100.20}\n",
	    "w.yaml:1: replication.partners: takes a list of maps\n");
}

static void
nested_maps_are_dotted_options(void **state)
{
	struct conf conf;

	conf_init(&conf);
	assert_int_equal(
	    parse(&conf, "node:\n  name: SERVER1\n  services: [server, browser]\n  interfaces:\n"
			 "  - eth*\n  - '!tun*'\nnode.type: p\n"),
	    0);
	assert_string_equal(conf.node_name, "SERVER1");
	assert_int_equal(conf.node_services, 2 | 8);
	assert_int_equal(conf.node_interfaces.n, 2);
	assert_string_equal(conf.node_interfaces.t[1], "!tun*");
	assert_int_equal(conf.node_type, 2);
	refuses("node:\n  name: SERVER1\n  xyz: {er: [x]}\nnode.name: A\nxyz:\n  uvw: 1\n",
	    "w.yaml:3: unknown option \"node.xyz.er\" (did you mean node.type?)\n"
	    "w.yaml:4: node.name: given twice (first in line 2)\n"
	    "w.yaml:6: unknown option \"xyz.uvw\"\n");
}

static void
what_is_no_list_of_options_is_refused(void **state)
{
	refuses("hello\n", "w.yaml:1: the file must consist of \"option: value\"\n");
	refuses("- a\n- b\n", "w.yaml:1: the file must consist of \"option: value\"\n");
	refuses("port: 137\n---\nport: 138\n", "w.yaml:2: a second document is not allowed\n");
	refuses("port: 137\n? [a]\n: b\n", "w.yaml:2: the name of an option must stand here\n");
	refuses("port: &a 137\nworkers: *a\n", "w.yaml:2: workers: takes one value\n");
	refuses("listen: [*a]\n", "w.yaml:1: listen: an entry must be one plain value\n");
	refuses("user: \"a\\0b\"\n", "w.yaml:1: user: takes one value\n");
	refuses("\"port\\0\": 1\n", "w.yaml:1: the name of an option must stand here\n");
}

static void
broken_yaml_names_its_line_and_earlier_errors_stay_told(void **state)
{
	struct conf conf;

	conf_init(&conf);
	assert_int_equal(parse(&conf, "port: 0\nuser: \"x\nworkers: 1\n"), NBT_EINVAL);
	assert_non_null(strstr(heard.all, "w.yaml:1: port: \"0\" is out of range"));
	assert_non_null(strstr(heard.all, "w.yaml:4: it is not YAML here: "));
	assert_int_equal(heard.n, 2);
	assert_int_equal(parse(&conf, "port: 1\nuser: b\xfc\n"), NBT_EINVAL);
	assert_non_null(strstr(heard.all, "it is not text in UTF-8"));
	assert_int_equal(conf.port, 137);
}

static void
nesting_is_bounded(void **state)
{
	refuses("a: {b: {c: {d: {e: {f: {g: {h: 1}}}}}}}\n",
	    "w.yaml:1: unknown option \"a.b.c.d.e.f.g.h\"\n");
	refuses("a: {b: {c: {d: {e: {f: {g: {h: {i: 1}}}}}}}}\n", "w.yaml:1: nested too deep\n");
	refuses("user: [[[[[[[[x]]]]]]]]\n", "w.yaml:1: user: takes one value\n");
	refuses("user: [[[[[[[[[x]]]]]]]]]\n",
	    "w.yaml:1: user: takes one value\nw.yaml:1: nested too deep\n");
}

static void
the_number_of_complaints_is_bounded(void **state)
{
	char text[CONF_ERRORS_MAX * 20] = "";
	struct conf conf;

	conf_init(&conf);
	for (int i = 0; i < CONF_ERRORS_MAX - 1; i++)
		strcat(text, "a: b\n");
	assert_int_equal(parse(&conf, text), NBT_EINVAL);
	assert_int_equal(heard.n, CONF_ERRORS_MAX - 1);
	assert_null(strstr(heard.all, "more errors"));
	strcat(text, "a: b\na: b\na: b\n");
	assert_int_equal(parse(&conf, text), NBT_EINVAL);
	assert_int_equal(heard.n, CONF_ERRORS_MAX);
	assert_non_null(strstr(heard.all, "w.yaml:50: there are more errors than can be told\n"));
}

static int
load_text(struct conf *conf, const char *text, size_t len)
{
	char path[] = "/tmp/conf_yaml.XXXXXX";
	int fd = mkstemp(path), err;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), (ssize_t)len);
	close(fd);
	memset(&heard, 0, sizeof(heard));
	err = conf_load(conf, path, &say);
	unlink(path);
	return err;
}

static void
files_are_read_up_to_the_largest_and_not_one_byte_more(void **state)
{
	char *text = malloc(CONF_FILE_MAX + 1);
	struct conf conf;

	conf_init(&conf);
	memset(text, '\n', CONF_FILE_MAX + 1);
	memcpy(text, "port: 1137", 10);
	assert_int_equal(load_text(&conf, text, CONF_FILE_MAX), 0);
	assert_int_equal(conf.port, 1137);
	assert_int_equal(load_text(&conf, text, CONF_FILE_MAX + 1), NBT_ELIMIT);
	assert_non_null(strstr(heard.all, ": larger than such a file can be\n"));
	free(text);
}

static void
a_file_that_cannot_be_read_is_told(void **state)
{
	struct conf conf;

	conf_init(&conf);
	memset(&heard, 0, sizeof(heard));
	assert_int_equal(conf_load(&conf, "/nonexistent/w.yaml", &say), NBT_ENOENT);
	assert_string_equal(heard.all, "/nonexistent/w.yaml: No such file or directory\n");
	memset(&heard, 0, sizeof(heard));
	assert_int_equal(conf_load(&conf, "/", &say), NBT_EINVAL);
	assert_string_equal(heard.all, "/: Is a directory\n");
}

static void
a_file_that_would_never_end_is_not_read(void **state)
{
	static const char *const kinds[] = { "/dev/zero", "fifo" };
	char folder[] = "/tmp/conf_yaml.XXXXXX", fifo[40], want[80];
	struct conf conf;

	assert_non_null(mkdtemp(folder));
	snprintf(fifo, sizeof(fifo), "%s/w.yaml", folder);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	conf_init(&conf);
	for (int i = 0; i < 2; i++) {
		const char *path = kinds[i][0] == '/' ? kinds[i] : fifo;

		memset(&heard, 0, sizeof(heard));
		assert_int_equal(conf_load(&conf, path, &say), NBT_EINVAL);
		snprintf(want, sizeof(want), "%s: not a regular file\n", path);
		assert_string_equal(heard.all, want);
	}
	unlink(fifo);
	assert_int_equal(rmdir(folder), 0);
}

/* WINSOME_SAMPLES: the folder etc/ of the source tree, from meson. */
static const char *const samples[] = { WINSOME_SAMPLES "/winsd.yaml",
	WINSOME_SAMPLES "/netbtd.yaml" };

static void
the_sample_files_are_the_defaults(void **state)
{
	struct conf conf, defaults;

	conf_init(&defaults);
	for (int i = 0; i < 2; i++) {
		conf_init(&conf);
		memset(&heard, 0, sizeof(heard));
		if (conf_load(&conf, samples[i], &say))
			fail_msg("%s", heard.all);
		assert_memory_equal(&conf, &defaults, sizeof(conf));
	}
}

/* Returns how many there are; as a file. */
static int
commented_options(const char *path, char text[static 16384])
{
	FILE *f = fopen(path, "re");
	char line[200];
	int n = 0;

	assert_non_null(f);
	text[0] = '\0';
	while (fgets(line, sizeof(line), f))
		if (line[0] == '#' && line[1] != ' ' && line[1] != '\n') {
			strcat(text, line + 1);
			n++;
		}
	fclose(f);
	return n;
}

/* The samples' options uncommented: each must be readable as it stands there. */
static void
every_commented_option_of_a_sample_can_be_uncommented(void **state)
{
	struct conf conf, defaults;
	char text[16384];

	conf_init(&defaults);
	conf_init(&conf);
	memset(&conf.listen, 0xff, sizeof(conf.listen));
	assert_int_equal(commented_options(samples[0], text), CONF_COUNT);
	if (parse(&conf, text))
		fail_msg("%s", heard.all);
	assert_memory_equal(&conf, &defaults, sizeof(conf));
	assert_true(commented_options(samples[1], text) > 30);
	if (parse(&conf, text))
		fail_msg("%s", heard.all);
	assert_string_equal(conf.control_socket, "/run/winsome/netbtd.sock");
	strcpy(conf.control_socket, defaults.control_socket);
	memset(conf.control_socket + strlen(conf.control_socket), 0, 8);
	assert_memory_equal(&conf, &defaults, sizeof(conf));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_file_is_the_defaults),
		cmocka_unit_test(reads_scalars_and_both_kinds_of_list),
		cmocka_unit_test(every_error_is_told_with_its_line),
		cmocka_unit_test(errors_inside_the_list_of_partners_name_line_and_key),
		cmocka_unit_test(nested_maps_are_dotted_options),
		cmocka_unit_test(what_is_no_list_of_options_is_refused),
		cmocka_unit_test(broken_yaml_names_its_line_and_earlier_errors_stay_told),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(the_number_of_complaints_is_bounded),
		cmocka_unit_test(files_are_read_up_to_the_largest_and_not_one_byte_more),
		cmocka_unit_test(a_file_that_cannot_be_read_is_told),
		cmocka_unit_test(a_file_that_would_never_end_is_not_read),
		cmocka_unit_test(the_sample_files_are_the_defaults),
		cmocka_unit_test(every_commented_option_of_a_sample_can_be_uncommented),
	};

	return cmocka_run_group_tests_name("conf_yaml", tests, NULL, NULL);
}
