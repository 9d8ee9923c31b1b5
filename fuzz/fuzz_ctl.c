/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of the control protocol from bytes: each gives a checked request or a refusal with a whole,
 * printable sentence; a request that was taken is taken again when it is printed. Layer: fuzz.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/request.h"
#include "fuzz.h"

static void
check_refusal(const struct ctl_request *r, const struct ctl_error *e)
{
	size_t len = 0;
	char *line = ctl_response_error(r->id, e, &len);

	assert(strlen(e->message) > 0 && ctl_code_text(e->code)[0]);
	for (const char *p = e->message; *p; p++)
		assert(*p >= ' ' && *p <= '~');
	assert(line && line[len - 1] == '\n' && !memchr(line, '\n', len - 1));
	free(line);
}

static void
check_request(const struct ctl_request *r)
{
	json_t *o = json_pack("{s:O, s:s, s:O}", "id", r->id, "command",
	    ctl_command(r->command)->name, "arguments", r->arguments);
	char *text = json_dumps(o, JSON_COMPACT);
	struct ctl_request again;
	struct ctl_error error;

	assert(r->command < CTL_CMD_COUNT);
	assert(ctl_command(r->command)->access != CTL_ACCESS_LOCAL);
	assert(ctl_request_parse(text, strlen(text), &again, &error));
	assert(json_equal(again.arguments, r->arguments) && json_equal(again.id, r->id));
	ctl_request_release(&again);
	free(text);
	json_decref(o);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct ctl_request r;
	struct ctl_error error = { .message = "" };

	if (len > CTL_LINE_MAX)
		return 0;
	if (ctl_request_parse((const char *)data, len, &r, &error))
		check_request(&r);
	else
		check_refusal(&r, &error);
	ctl_request_release(&r);
	return 0;
}
