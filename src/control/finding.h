/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the doctor tells a person: a finding as a value, whether a record is one, and its sentences
 * from findings.def. Layer: program. Pure.
 */
#pragma once

#include <jansson.h>

#include "wins/wins.h"

enum control_finding_kind {
#define X(symbol, word, repairs, what, why, repair) FINDING_##symbol,
#include "control/findings.def"
#undef X
	FINDING_COUNT
};

struct control_finding {
	uint8_t kind;  /* enum control_finding_kind */
	uint8_t other; /* the suffix of the computer's other name, FINDING_STATIC_ASTRAY */
	struct nb_key key;
	struct wall since, last; /* 0: as long as the record stands */
	uint32_t count;
	struct ip4 cause; /* IP4_ANY: none */
	uint8_t naddr;
	struct ip4 addr[REC_ADDR_MAX];
};

struct control_finding control_finding_of(const struct wins_finding *f);

/* Is the address in a network that nobody is to be sent to? */
typedef bool control_excluded(const void *arg, struct ip4 ip);
/* An active record with such an address. */
bool control_finding_excluded(
    const struct rec *r, control_excluded *excluded, const void *arg, struct control_finding *ret);
/* A static computer name, and another one of the same computer, alive, with other addresses only. */
bool control_finding_astray(
    const struct rec *fixed, const struct rec *other, struct control_finding *ret);
/* Can control_finding_astray be true for the first of the two? */
bool control_finding_may_be_astray(const struct rec *fixed);

#define CONTROL_FINDING_STRLEN \
	4096 /* room for each sentence: 25 addresses twice and a name twice */
enum control_finding_part { FINDING_WHAT, FINDING_WHY, FINDING_REPAIR };
char *control_finding_text(const struct control_finding *f, enum control_finding_part part,
    char buf[static CONTROL_FINDING_STRLEN]);
json_t *control_finding_json(const struct control_finding *f);
