/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target over the files of the folders named on the command line: the corpus as an
 * ordinary test, without libFuzzer. Layer: fuzz. A target that is unhappy aborts; the last file named
 * on stderr is then the one.
 */
#include <dirent.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define INPUT_MAX (1 << 20)

static void
replay_file(const char *path)
{
	static uint8_t buf[INPUT_MAX];
	FILE *f = fopen(path, "rb");
	uint8_t *exact;
	size_t len;

	if (!f) {
		perror(path);
		exit(1);
	}
	len = fread(buf, 1, sizeof(buf), f);
	fclose(f);
	/* Of the input's own size, so that a sanitizer sees a read past its end. */
	exact = malloc(len + !len);
	if (!exact) {
		perror(path);
		exit(1);
	}
	memcpy(exact, buf, len);
	fprintf(stderr, "%s\n", path);
	LLVMFuzzerTestOneInput(exact, len);
	free(exact);
}

static int
replay_folder(const char *folder)
{
	DIR *dir = opendir(folder);
	char path[PATH_MAX];
	int files = 0;

	if (!dir) {
		perror(folder);
		exit(1);
	}
	for (struct dirent *e; (e = readdir(dir));) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		replay_file(path);
		files++;
	}
	closedir(dir);
	return files;
}

int
main(int argc, char **argv)
{
	int files = 0;

	for (int i = 1; i < argc; i++)
		files += replay_folder(argv[i]);
	if (!files) {
		fprintf(stderr, "no input: an empty corpus proves nothing\n");
		return 1;
	}
	printf("%d inputs\n", files);
	return 0;
}
