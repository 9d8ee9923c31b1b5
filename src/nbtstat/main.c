/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nbtstat's main: command line in, exit code out, and again after each interval. Layer: program.
 */
#include "nbtstat/nbtstat.h"

#include <unistd.h>

static int
display(const struct nbtstat *s)
{
	int code = nbtstat_run(s, stdout);

	while (s->interval && !fflush(stdout) && !ferror(stdout)) {
		sleep(s->interval);
		code = nbtstat_run(s, stdout);
	}
	return code;
}

int
main(int argc, char **argv)
{
	char why[NBTSTAT_WHY];
	struct nbtstat s;
	int code = 0;

	if (!nbtstat_parse(argc, argv, &s, why)) {
		fprintf(stderr, "nbtstat: %s\n", why);
		return 2;
	}
	if (s.action == NBTSTAT_VERSION)
		puts("nbtstat " WINSOME_VERSION);
	else if (s.action == NBTSTAT_HELP)
		nbtstat_usage(stdout);
	else
		code = display(&s);
	if (fflush(stdout) || ferror(stdout)) {
		perror("nbtstat: standard output");
		return 1;
	}
	return code;
}
