/* SPDX-License-Identifier: Apache-2.0 */
/* See setup.h. Layer: daemon. */
#include "daemon/setup.h"

#include <getopt.h>
#include <grp.h>
#include <libgen.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/priv.h"

/* ---- arguments ---- */

static void
usage(const struct setup *s, FILE *to)
{
	fprintf(to,
	    "usage: %s [-hnpV] [-c FILE] [-o KEY=VALUE]...\n"
	    "  -c FILE       read the configuration from FILE (see %s)\n"
	    "  -o KEY=VALUE  set one option, over the file\n"
	    "  -n            check the configuration and end\n"
	    "  -p            print the effective configuration and end\n"
	    "  -V            print the version\n",
	    s->program, s->manual);
}

static void
add_override(struct setup *s, const char *assignment)
{
	if (s->noverrides == SETUP_OVERRIDES_MAX) {
		fprintf(stderr, "%s: more than 64 options with -o\n", s->program);
		exit(SETUP_WRONG_CALL);
	}
	s->overrides[s->noverrides++] = assignment;
}

void
setup_args(struct setup *s, int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "c:hno:pV")) != -1)
		switch (c) {
		case 'c':
			s->conf_path = optarg;
			break;
		case 'n':
			s->check_only = true;
			break;
		case 'o':
			add_override(s, optarg);
			break;
		case 'p':
			s->print_only = true;
			break;
		case 'V':
			printf("%s %s\n", s->program, s->version);
			exit(EXIT_SUCCESS);
		case 'h':
			usage(s, stdout);
			exit(EXIT_SUCCESS);
		default:
			usage(s, stderr);
			exit(SETUP_WRONG_CALL);
		}
	if (optind < argc) {
		fprintf(stderr, "%s: \"%s\" is not an option\n", s->program, argv[optind]);
		usage(s, stderr);
		exit(SETUP_WRONG_CALL);
	}
}

/* ---- configuration ---- */

int
setup_load(const struct setup *s, struct conf *conf, const struct conf_say *say)
{
	int err = 0, e;

	conf_init(conf);
	for (const char *const *p = s->presets; p && *p && !err; p++)
		err = conf_override(conf, *p, say);
	if (!err && s->conf_path)
		err = conf_load(conf, s->conf_path, say);
	for (unsigned i = 0; i < s->noverrides; i++) {
		e = conf_override(conf, s->overrides[i], say);
		err = err ? err : e;
	}
	if (!err && s->complete)
		s->complete(conf);
	return err || !s->check ? err : s->check(conf, say);
}

static void
say_stderr(void *arg, const char *sentence)
{
	fprintf(stderr, "%s: %s\n", ((const struct setup *)arg)->program, sentence);
}

void
setup_begin(const struct setup *s, struct conf *conf)
{
	const struct conf_say say = { say_stderr, (void *)s };

	if (setup_load(s, conf, &say))
		exit(SETUP_WRONG_CALL);
	if (!s->print_only && !s->check_only)
		return;
	if (s->print_only)
		conf_print(conf, stdout);
	else
		puts("The configuration is good.");
	exit(EXIT_SUCCESS);
}

/* ---- reload ---- */

struct changes {
	char live[180], restart[180];
};

static void
note_change(void *arg, const struct conf_option *option)
{
	struct changes *c = arg;
	char *names = option->reload ? c->live : c->restart;
	size_t used = strlen(names);

	snprintf(names + used, sizeof(c->live) - used, "%s%s", used ? ", " : "", option->key);
}

struct first_error {
	char sentence[200];
};

/* The rest of what is wrong with a file "-n" tells. */
static void
keep_first(void *arg, const char *sentence)
{
	struct first_error *e = arg;

	if (!e->sentence[0])
		snprintf(e->sentence, sizeof(e->sentence), "%s", sentence);
}

bool
setup_reload(const struct setup *s, const struct setup_reload *re, char *ret, size_t cap)
{
	struct first_error error = { "" };
	const struct conf_say say = { keep_first, &error };
	struct changes c = { "", "" };
	struct conf next, effective = *re->conf;
	int err = setup_load(s, &next, &say);

	conf_take_reloadable(&effective, &next);
	if (!err)
		err = re->take(re->arg, &effective);
	if (err) {
		const char *why = error.sentence[0] ? error.sentence : nbt_strerror(err);

		snprintf(ret, cap, "The old configuration stays: %s.", why);
		teller_say(re->teller, EV_CONF_REFUSED, 0, why);
		return false;
	}
	conf_diff_reload(re->conf, &next, note_change, &c);
	conf_take_reloadable(re->conf, &next);
	teller_say(re->teller, EV_CONF_RELOADED, 0, c.live[0] ? c.live : "nothing counts anew");
	if (c.restart[0])
		teller_say(re->teller, EV_CONF_NEEDS_RESTART, 0, c.restart);
	snprintf(ret, cap, "Taken over: %s.%s%s%s", c.live[0] ? c.live : "nothing",
	    c.restart[0] ? " Only after a restart: " : "", c.restart, c.restart[0] ? "." : "");
	return true;
}

/* ---- rights ---- */

/* A group that does not exist has no members. */
static gid_t
group_id(const char *name)
{
	const struct group *g = *name ? getgrnam(name) : NULL;

	return g ? g->gr_gid : CTL_NO_GROUP;
}

void
setup_deaf(void)
{
	sigset_t ends;

	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGHUP);
	(void)pthread_sigmask(SIG_BLOCK, &ends, NULL);
}

struct ctl_policy
setup_policy(const struct conf *conf)
{
	return (struct ctl_policy){ .self = geteuid(),
		.readers = group_id(conf->control_group),
		.changers = group_id(conf->control_admin_group),
		.readers_name = conf->control_group,
		.changers_name = conf->control_admin_group };
}

static int
wrong(struct teller *t, int event, int err, const char *why)
{
	teller_say(t, event, 0, why);
	return err;
}

int
setup_give_up_root(const struct conf *conf, struct teller *t, int store_event)
{
	char why[PRIV_WHY_MAX], run[CONF_TEXT_MAX];
	struct priv_user found, *user = NULL;
	int err;

	if (geteuid() == 0 && conf->user[0]) {
		err = priv_find(conf->user, &found, why);
		if (err)
			return wrong(t, EV_PRIVILEGES_REFUSED, err, why);
		user = &found;
	} else if (geteuid() == 0) {
		teller_say(t, EV_PRIVILEGES_KEPT, 0, "the option user is empty");
	}
	err = priv_folder(conf->data_dir, user, why);
	if (err)
		return wrong(t, store_event, err, why);
	snprintf(run, sizeof(run), "%s", conf->control_socket);
	/* A folder of others may do for a socket, as /tmp does; if not, the server there will say so. */
	(void)priv_folder(dirname(run), user, why);
	err = priv_drop(user, why);
	return err ? wrong(t, EV_PRIVILEGES_REFUSED, err, why) : 0;
}
