/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each record must be for itself, whatever happened to it. Layer: program. Pure.
 */
#pragma once

#include "rules/rec.h"

/* What is wrong with r, as the end of a sentence that begins with its name; NULL = nothing. next: the
 * version the next changed record gets. */
const char *control_check_rec(const struct rec *r, struct version next);
