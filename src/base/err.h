/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ways the world can fail, one negative number each, with one sentence beside it. A wrong peer
 * is never one of these (that is a drop reason or a verdict), nor is a bug (that is an assert).
 * Layer: base.
 */
#pragma once

enum nbt_err {
#define X(symbol, number, sentence) NBT_E##symbol = (number),
#include "base/errors.def"
#undef X
};

/* The sentence of an error, without capital or full stop; "unknown error" for any other number. */
const char *nbt_strerror(int err);
