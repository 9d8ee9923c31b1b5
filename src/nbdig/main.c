/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nbdig: any name service operation by hand, readable or as JSON. This is its main: command line in,
 * exit status out. Layer: program.
 */
#include "nbdig/nbdig.h"

int
main(int argc, char **argv)
{
	enum dig_end end;
	char why[DIG_WHY_LEN];
	struct dig d;

	switch (dig_parse(argc, argv, &d, why)) {
	case DIG_HELP:
		dig_usage(stdout);
		return 0;
	case DIG_VERSION:
		printf("nbdig %s\n", WINSOME_VERSION);
		return 0;
	case DIG_WRONG:
		fprintf(stderr, "nbdig: %s\n", why);
		return 2;
	case DIG_RUN:
		break;
	}
	end = dig_run(&d, stdout);
	if (fflush(stdout) || ferror(stdout)) {
		perror("nbdig: standard output");
		return DIG_END_SILENT;
	}
	return end;
}
