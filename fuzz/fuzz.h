/* SPDX-License-Identifier: Apache-2.0 */
/* The one function a fuzz target is: libFuzzer calls it, and replay.c does. Layer: fuzz. */
#pragma once

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
