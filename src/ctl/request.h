/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line of the control protocol to a checked request: JSON, one object,
 *   {"id":1,"command":"list","arguments":{"suffix":"20"}}
 * and the lines that answer it. Total: each byte sequence gives a request or a refusal.
 * Layer: ctl. No socket.
 */
#pragma once

#include <stddef.h>

#include "ctl/commands.h"

#define CTL_LINE_MAX  65536 /* bytes of a request, its newline included */
#define CTL_DEPTH_MAX 8     /* nested objects and lists; a good request needs three */

struct ctl_request {
	json_t
	    *id; /* integer or text of at most 64 bytes, or null; set even when the rest is bad */
	enum ctl_command_id command;
	json_t *arguments; /* an object; all that commands.def demands holds */
};

/* False: *ret_error says why, ret->id is what could be read of it. Release ret in both cases. */
bool ctl_request_parse(
    const char *line, size_t len, struct ctl_request *ret, struct ctl_error *ret_error);
void ctl_request_release(struct ctl_request *r);

/* The answer's line with its newline, malloc'd; NULL without memory. Takes result. */
char *ctl_response_result(json_t *id, json_t *take_result, size_t *ret_len);
char *ctl_response_error(json_t *id, const struct ctl_error *error, size_t *ret_len);
