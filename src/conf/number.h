/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text to number and back for options that are numbers, durations, sizes or times of day. Layer: conf,
 * private to it. Knows no option: unit and bounds come with the table's line.
 */
#pragma once

#include "conf/value.h"

/* False: it is no number in the option's units. The bounds are not looked at. */
bool number_read(const struct conf_option *o, const char *text, uint64_t *ret);
/* As value_set. */
int number_set(
    const struct conf_option *o, uint64_t *field, const char *text, char why[VALUE_WHY_MAX]);
void number_print(const struct conf_option *o, uint64_t v, FILE *to);

/* "HH:MM:SS" as seconds after midnight; empty is CONF_NO_CLOCK. */
int number_clock_set(uint64_t *field, const char *text, char why[VALUE_WHY_MAX]);
void number_clock_print(uint64_t v, FILE *to);
