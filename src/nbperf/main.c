/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nbperf: load generator and benchmark for NetBIOS name servers. This is its main: command line in,
 * exit status out. Layer: program.
 */
#include "nbperf/nbperf.h"

#include <signal.h>

#include "nbperf/run.h"

static volatile int interrupted;

static void
interrupt(int number)
{
	interrupted = number;
}

int
main(int argc, char **argv)
{
	const struct sigaction action = { .sa_handler = interrupt, .sa_flags = SA_RESETHAND };
	char why[PERF_WHY_LEN];
	enum run_end end;
	struct perf p;

	switch (perf_parse(argc, argv, &p, why)) {
	case PERF_HELP:
		perf_usage(stdout);
		return 0;
	case PERF_VERSION:
		printf("nbperf %s\n", WINSOME_VERSION);
		return 0;
	case PERF_WRONG:
		fprintf(stderr, "nbperf: %s\n", why);
		return 2;
	case PERF_RUN:
		break;
	}
	(void)sigaction(SIGINT, &action, NULL); /* the second one ends it at once */
	(void)sigaction(SIGTERM, &action, NULL);
	end = run(&p, &interrupted, stdout);
	if (fflush(stdout) || ferror(stdout)) {
		perror("nbperf: standard output");
		return RUN_FAILED;
	}
	return end;
}
