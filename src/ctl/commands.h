/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands of the control protocol as data: what commands.def says, and the check of a value
 * against it. Server and tools ask this same table, so that they cannot disagree.
 * Layer: ctl, above base. Owns constant tables; knows no NetBIOS, no socket.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum ctl_command_id {
#define C(symbol, name, access, help) CTL_CMD_##symbol,
#define A(command, name, type, how, allowed, help)
#include "ctl/commands.def"
#undef C
#undef A
	CTL_CMD_COUNT
};

enum ctl_code {
#define X(symbol, code, meaning) CTL_##symbol,
#include "ctl/codes.def"
#undef X
};

enum ctl_access { CTL_ACCESS_READ, CTL_ACCESS_CHANGE, CTL_ACCESS_LOCAL };
enum ctl_type {
	CTL_TYPE_FLAG,
	CTL_TYPE_INTEGER,
	CTL_TYPE_TEXT,
	CTL_TYPE_CHOICE,
	CTL_TYPE_ADDRESS,
	CTL_TYPE_ADDRESSES
};
enum ctl_how { CTL_HOW_REQUIRED, CTL_HOW_POSITIONAL, CTL_HOW_OPTION, CTL_HOW_WIRE, CTL_HOW_LOCAL };

struct ctl_command {
	const char *name, *help;
	enum ctl_access access;
};

struct ctl_arg {
	enum ctl_command_id command;
	enum ctl_type type;
	enum ctl_how how;
	const char *name, *allowed, *help;
};

/* Why something was refused: a code for programs and a whole sentence, printable ASCII. */
struct ctl_error {
	enum ctl_code code;
	char message[512];
};

const struct ctl_command *ctl_command(enum ctl_command_id id);
/* The command's id, or -1. */
int ctl_command_find(const char *name);
/* The first argument of a command, or the one after prev; NULL at the end. */
const struct ctl_arg *ctl_arg_next(enum ctl_command_id command, const struct ctl_arg *prev);
const struct ctl_arg *ctl_arg_find(enum ctl_command_id command, const char *name);
const char *ctl_code_text(enum ctl_code code); /* "no-such-record" */

/* Does one value fit its argument? False fills *ret_error with a sentence that says what is allowed. */
bool ctl_arg_check(const struct ctl_arg *arg, const json_t *value, struct ctl_error *ret_error);
/* Are these all arguments that the command may and must have over the wire? */
bool ctl_args_check(
    enum ctl_command_id command, const json_t *arguments, struct ctl_error *ret_error);

/* Writes the sentence; whatever is not printable ASCII becomes '?'. Always returns false. */
__attribute__((format(printf, 3, 4))) bool ctl_error_set(
    struct ctl_error *error, enum ctl_code code, const char *format, ...);
