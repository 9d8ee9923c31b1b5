/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A name service message in words for a person and as JSON for a program. Everything a peer chose is
 * escaped by nb_key_print. Layer: program. Writes only where it is told to.
 */
#include "nbdig/nbdig.h"

#include <ctype.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* A bit of a flags word and its name. */
struct bit {
	uint16_t mask;
	const char *word;
};

static const struct bit header_bits[] = {
	{ NB_F_AA, "authoritative" },
	{ NB_F_TC, "truncated" },
	{ NB_F_RD, "recursion desired" },
	{ NB_F_RA, "recursion available" },
	{ NB_F_B, "broadcast" },
};

static const struct bit node_bits[] = {
	{ NB_NF_DEREGISTER, "being deleted" },
	{ NB_NF_CONFLICT, "conflict" },
	{ NB_NF_ACTIVE, "active" },
	{ NB_NF_PERMANENT, "permanent" },
};

static const char *
opcode_word(unsigned opcode)
{
	switch (opcode) {
	case NB_OP_QUERY:
		return "query";
	case NB_OP_REGISTER:
		return "registration";
	case NB_OP_RELEASE:
		return "release";
	case NB_OP_WACK:
		return "wait";
	case NB_OP_REFRESH:
		return "refresh";
	case NB_OP_REFRESH_ALT:
		return "refresh (9)";
	case NB_OP_MULTIHOMED:
		return "multihomed registration";
	}
	return "unknown operation";
}

static const char *
type_word(unsigned type)
{
	switch (type) {
	case NB_TYPE_A:
		return "A";
	case NB_TYPE_NS:
		return "NS";
	case NB_TYPE_NULL:
		return "NULL";
	case NB_TYPE_NB:
		return "NB";
	case NB_TYPE_NBSTAT:
		return "NBSTAT";
	}
	return "unknown";
}

static char
node_letter(uint16_t flags)
{
	return "bpmh"[(flags & NB_ONT) >> 13];
}

const char *
dig_rcode_meaning(unsigned rcode)
{
	static const char *const text[] = {
		"success",
		"FMT_ERR (the request is malformed)",
		"SRV_ERR (the server failed)",
		"NAM_ERR (the name does not exist)",
		"IMP_ERR (not supported)",
		"RFS_ERR (refused by policy)",
		"ACT_ERR (the name is active at another node)",
		"CFT_ERR (the name is in conflict)",
	};

	return rcode < COUNT(text) ? text[rcode] : "an unknown error";
}

/* The kind, told apart where one kind is several packets of the catalogue. */
static const char *
title(const struct nb_msg *m)
{
	switch ((enum nb_kind)m->kind) {
	case NB_REGISTER_REQ:
		if (nb_opcode(m) == NB_OP_MULTIHOMED)
			return "multihomed name registration request";
		return m->flags & NB_F_RD ? nb_kind_text(m->kind) : "name overwrite request";
	case NB_REGISTER_RESP:
		if (nb_rcode(m))
			return "negative name registration response";
		return m->flags & NB_F_RA ? "positive name registration response"
					  : "end-node challenge registration response";
	case NB_RELEASE_RESP:
		return nb_rcode(m) ? "negative name release response"
				   : "positive name release response";
	default:
		return nb_kind_text(m->kind);
	}
}

static void
show_flags(FILE *out, const char *label, uint16_t flags)
{
	fprintf(out, "  %-8s 0x%04x: %s, %s", label, flags, flags & NB_F_R ? "response" : "request",
	    opcode_word((flags & NB_F_OPCODE) >> 11));
	for (size_t i = 0; i < COUNT(header_bits); i++)
		if (flags & header_bits[i].mask)
			fprintf(out, ", %s", header_bits[i].word);
	if (flags & NB_F_R)
		fprintf(out, ", %s", dig_rcode_meaning(flags & NB_F_RCODE));
	fprintf(out, "\n");
}

static void
show_addrs(FILE *out, const struct nb_msg *m)
{
	char ip[IP4_STRLEN];

	for (unsigned i = 0; i < m->naddr; i++)
		fprintf(out, "  address  %-15s  %s, %c node\n", ip4_print(m->addr[i].ip, ip),
		    m->addr[i].flags & NB_G ? "group" : "unique",
		    toupper(node_letter(m->addr[i].flags)));
}

static void
show_nodes(FILE *out, const struct nb_msg *m)
{
	char text[NB_KEY_STRLEN];

	for (unsigned i = 0; i < m->nnode; i++) {
		struct nb_node node = nb_node_at(m, i);
		struct nb_key key = { .name = node.name };

		fprintf(out, "  has      %-20s  %s, %c node", nb_key_print(&key, text),
		    node.flags & NB_NF_GROUP ? "group" : "unique",
		    toupper(node_letter(node.flags)));
		for (size_t j = 0; j < COUNT(node_bits); j++)
			if (node.flags & node_bits[j].mask)
				fprintf(out, ", %s", node_bits[j].word);
		fprintf(out, "\n");
	}
}

/* "02-00-00-00-00-01", as nbtstat shows a unit id. */
static void
unit_id(const struct nb_msg *m, char text[static 18])
{
	snprintf(text, 18, "%02X-%02X-%02X-%02X-%02X-%02X", m->stats[0], m->stats[1], m->stats[2],
	    m->stats[3], m->stats[4], m->stats[5]);
}

void
dig_show(FILE *out, const struct nb_msg *m)
{
	char text[NB_KEY_STRLEN], ip[IP4_STRLEN], mac[18];

	fprintf(out, "%s\n  id       0x%04x\n", title(m), m->id);
	show_flags(out, "flags", m->flags);
	fprintf(out, "  name     %s\n", nb_key_print(&m->key, text));
	if (m->rr_type)
		fprintf(out, "  record   %s, TTL %u s\n", type_word(m->rr_type), m->ttl);
	show_addrs(out, m);
	show_nodes(out, m);
	if (m->stats_len >= 6) {
		unit_id(m, mac);
		fprintf(out, "  unit id  %s\n", mac);
	}
	if (m->kind == NB_WACK)
		show_flags(out, "about", m->wack_flags);
	if (m->kind == NB_REDIRECT) {
		fprintf(out, "  ask      %s", nb_key_print(&m->ns_key, text));
		fprintf(out, " at %s\n", ip4_print(m->ns_ip, ip));
	}
}

void
dig_show_hex(FILE *out, const uint8_t *packet, size_t len)
{
	for (size_t i = 0; i < len; i += 16) {
		fprintf(out, "  %04zx ", i);
		for (size_t j = i; j < i + 16; j++)
			if (j < len)
				fprintf(out, " %02x", packet[j]);
			else
				fprintf(out, "   ");
		fprintf(out, "  ");
		for (size_t j = i; j < i + 16 && j < len; j++)
			fputc(packet[j] >= 0x20 && packet[j] < 0x7f ? packet[j] : '.', out);
		fprintf(out, "\n");
	}
}

static json_t *
json_bits(uint16_t flags, const struct bit *bits, size_t n)
{
	json_t *words = json_array();

	for (size_t i = 0; i < n; i++)
		if (flags & bits[i].mask)
			json_array_append_new(words, json_string(bits[i].word));
	return words;
}

static json_t *
json_entry(const char *field, const char *text, uint16_t flags)
{
	char node[2] = { node_letter(flags), 0 };

	return json_pack(
	    "{s:s, s:b, s:s}", field, text, "group", !!(flags & NB_G), "node_type", node);
}

static json_t *
json_addrs(const struct nb_msg *m)
{
	json_t *list = json_array();
	char ip[IP4_STRLEN];

	for (unsigned i = 0; i < m->naddr; i++)
		json_array_append_new(
		    list, json_entry("address", ip4_print(m->addr[i].ip, ip), m->addr[i].flags));
	return list;
}

static json_t *
json_nodes(const struct nb_msg *m)
{
	json_t *list = json_array();
	char text[NB_KEY_STRLEN];

	for (unsigned i = 0; i < m->nnode; i++) {
		struct nb_node node = nb_node_at(m, i);
		struct nb_key key = { .name = node.name };
		json_t *entry = json_entry("name", nb_key_print(&key, text), node.flags);

		json_object_set_new(
		    entry, "flags", json_bits(node.flags, node_bits, COUNT(node_bits)));
		json_array_append_new(list, entry);
	}
	return list;
}

json_t *
dig_json(const struct nb_msg *m)
{
	char text[NB_KEY_STRLEN], ip[IP4_STRLEN], mac[18];
	json_t *o = json_pack("{s:s, s:i, s:i, s:s, s:o, s:s}", "kind", title(m), "id", m->id,
	    "flags_word", m->flags, "operation", opcode_word(nb_opcode(m)), "flags",
	    json_bits(m->flags, header_bits, COUNT(header_bits)), "name",
	    nb_key_print(&m->key, text));

	if (m->flags & NB_F_R) {
		json_object_set_new(o, "rcode", json_integer(nb_rcode(m)));
		json_object_set_new(o, "rcode_name", json_string(nb_rcode_text(nb_rcode(m))));
	}
	if (m->rr_type) {
		json_object_set_new(o, "record", json_string(type_word(m->rr_type)));
		json_object_set_new(o, "ttl", json_integer(m->ttl));
	}
	if (m->naddr || m->kind == NB_QUERY_OK)
		json_object_set_new(o, "addresses", json_addrs(m));
	if (m->kind == NB_STATUS_RESP)
		json_object_set_new(o, "names", json_nodes(m));
	if (m->stats_len >= 6) {
		unit_id(m, mac);
		json_object_set_new(o, "unit_id", json_string(mac));
	}
	if (m->kind == NB_WACK)
		json_object_set_new(o, "about_flags_word", json_integer(m->wack_flags));
	if (m->kind == NB_REDIRECT) {
		json_object_set_new(o, "server_name", json_string(nb_key_print(&m->ns_key, text)));
		json_object_set_new(o, "server_address", json_string(ip4_print(m->ns_ip, ip)));
	}
	return o;
}
