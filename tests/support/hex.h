/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a packet from tests/data: lines of hexadecimal digits, lines that begin with '#' say what it
 * is and where it is from. Layer: tests. The folder comes in the environment, TEST_DATA.
 */
#pragma once

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Reads TEST_DATA/path into buf and returns its length; ends the test program when it cannot. */
static inline size_t
hex_read(const char *path, uint8_t *buf, size_t cap)
{
	const char *folder = getenv("TEST_DATA");
	char file[4096], line[4096];
	size_t len = 0;
	FILE *f;

	snprintf(file, sizeof(file), "%s/%s", folder ? folder : "tests/data", path);
	f = fopen(file, "r");
	if (!f) {
		perror(file);
		exit(1);
	}
	while (fgets(line, sizeof(line), f)) {
		unsigned byte;

		if (line[0] == '#')
			continue;
		for (const char *p = line; isxdigit((unsigned char)*p); p += 2) {
			if (len == cap || sscanf(p, "%2x", &byte) != 1) {
				fprintf(stderr, "%s: longer than %zu bytes\n", file, cap);
				exit(1);
			}
			buf[len++] = (uint8_t)byte;
		}
	}
	fclose(f);
	return len;
}
