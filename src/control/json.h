/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records, verdicts and events as the JSON of the control protocol, and back the few words that come
 * in. Layer: program. No effect. Times are seconds since 1970, null = never or unknown.
 */
#pragma once

#include <jansson.h>

#include "event/event.h"
#include "rules/rules.h"

/* Each returns a new object, NULL without memory. */
json_t *control_rec_json(const struct rec *r);
/* With found == false cur is not looked at. */
json_t *control_verdict_json(const struct verdict *v, bool found, const struct rec *cur);

json_t *control_ip_json(struct ip4 ip);
json_t *control_owner_json(struct ip4 owner); /* "self" or the address */
json_t *control_time_json(struct wall t);

/* The number of a word that commands.def allows. */
int control_type_parse(const char *word); /* internet is special */
int control_state_parse(const char *word);
int control_node_parse(const char *word);
