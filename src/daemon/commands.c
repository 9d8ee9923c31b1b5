/* SPDX-License-Identifier: Apache-2.0 */
/* See commands.h. Layer: daemon. */
#include "daemon/commands.h"

#include <stdlib.h>

#define EVENTS_PAGE 100

static void
fail(struct ctl_call *call, const char *what)
{
	ctl_fail(call, CTL_FAILED, "%s: %s.", what, nbt_strerror(NBT_ENOMEM));
}

/* ---- events ---- */

static void
set_ip(json_t *o, const char *key, struct ip4 ip)
{
	char text[IP4_STRLEN];

	if (!ip4_eq(ip, IP4_ANY))
		json_object_set_new(o, key, json_string(ip4_print(ip, text)));
}

static json_t *
event_json(const struct event *ev, const struct teller *t)
{
	char sentence[EVENT_STRLEN], name[NB_KEY_STRLEN];
	json_t *o = json_pack("{s:I, s:I, s:i, s:s, s:s, s:s, s:s, s:s, s:I, s:I}", "seq",
	    (json_int_t)ev->seq, "time", (json_int_t)ev->when.s, "number",
	    (int)event_number(ev->id), "source", event_source(ev->id), "symbol",
	    event_symbol(ev->id), "severity", event_severity_name(event_severity(ev->id)),
	    "sentence", event_print(ev, sentence), "advice", event_advice(ev->id), "value",
	    (json_int_t)ev->number, "suppressed", (json_int_t)ev->suppressed);

	if (ev->has_key)
		json_object_set_new(o, "name", json_string(nb_key_print(&ev->key, name)));
	if (ev->rule && t->rule_name)
		json_object_set_new(o, "rule", json_string(t->rule_name(ev->rule)));
	set_ip(o, "peer", ev->peer);
	set_ip(o, "other", ev->other);
	return o;
}

void
daemon_events(struct ctl_call *call, struct teller *t)
{
	uint64_t after = ctl_call_integer(call, "after", 0);
	size_t page = ctl_call_integer(call, "page", EVENTS_PAGE), n;
	struct event *ev = calloc(page, sizeof(*ev));
	json_t *list;

	if (!ev) {
		fail(call, "The events were not read");
		return;
	}
	n = teller_read(t, after, ev, page);
	list = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, event_json(&ev[i], t));
	if (n)
		after = ev[n - 1].seq;
	free(ev);
	ctl_reply(call, json_pack("{s:o, s:I}", "events", list, "last", (json_int_t)after));
}

/* ---- configuration ---- */

void
daemon_config(struct ctl_call *call, const struct conf *conf)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (f)
		conf_print(conf, f);
	if (f && fclose(f) == 0)
		ctl_reply(call, json_pack("{s:s}", "yaml", text));
	else
		fail(call, "The configuration was not printed");
	free(text);
}
