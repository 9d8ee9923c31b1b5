/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options from bytes. A first byte of '-' makes the rest -o arguments, one a line; else all of it is
 * a file. Claims: a refused input changes nothing and says why, in clean lines; what is taken prints
 * to something that reads back to the same. Layer: fuzz.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"

static void
hear(void *arg, const char *sentence)
{
	int *n = arg;

	for (const char *p = sentence; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			abort();
	++*n;
}

static void
must_read_back(const struct conf *conf)
{
	int n = 0;
	const struct conf_say say = { hear, &n };
	struct conf back;
	size_t len;
	char *text;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return;
	conf_print(conf, f);
	fclose(f);
	conf_init(&back);
	if (conf_parse(&back, "printed", text, len, &say) || n ||
	    memcmp(&back, conf, sizeof(back)) != 0)
		abort();
	free(text);
}

/* Lines as -o arguments: what each of them is refused for must leave the rest as it was. */
static void
override(struct conf *conf, const char *data, size_t len)
{
	char *text = strndup(data, len), *rest = text;

	if (!text)
		return;
	for (char *line; (line = strsep(&rest, "\n"));) {
		int n = 0;
		const struct conf_say say = { hear, &n };
		struct conf before = *conf;
		int err = conf_override(conf, line, &say);

		if (!err != !n || (err && memcmp(&before, conf, sizeof(before)) != 0))
			abort();
	}
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	int n = 0;
	const struct conf_say say = { hear, &n };
	struct conf conf, before;

	conf_init(&conf);
	before = conf;
	if (len && data[0] == '-') {
		override(&conf, (const char *)data + 1, len - 1);
	} else {
		int err = conf_parse(&conf, "w.yaml", (const char *)data, len, &say);

		if (!err != !n || n > CONF_ERRORS_MAX ||
		    (err && memcmp(&before, &conf, sizeof(conf)) != 0))
			abort();
	}
	must_read_back(&conf);
	return 0;
}
