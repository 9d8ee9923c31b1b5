/* SPDX-License-Identifier: Apache-2.0 */
/* The one function a fuzz target is: libFuzzer calls it, and replay.c does; how it fails. Layer: fuzz. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* A claim that does not hold ends the program: that is what libFuzzer and replay.c see. */
static inline void
must(bool held)
{
	if (!held)
		abort();
}
