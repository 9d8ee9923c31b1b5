/* SPDX-License-Identifier: Apache-2.0 */
/* The sentences of errors.def. Layer: base. */
#include "base/err.h"

const char *
nbt_strerror(int err)
{
	switch (err) {
#define X(symbol, number, sentence) \
	case number:                \
		return sentence;
#include "base/errors.def"
#undef X
	}
	return "unknown error";
}
