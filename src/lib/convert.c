/* SPDX-License-Identifier: Apache-2.0 */
/* The part of libnetbt without effect: names, packets, sentences. Layer: lib. */
#include "lib/convert.h"

#include <stdio.h>

#define LABEL_MAX 63 /* RFC 1002 4.1 */

const char *
nbt_version(void)
{
	return WINSOME_VERSION;
}

const char *
nbt_error_text(int error)
{
	switch (error) {
	case 0:
		return "success";
	case NBT_ERR_MEMORY:
		return "out of memory";
	case NBT_ERR_SYSTEM:
		return "the network or the system failed";
	case NBT_ERR_BUSY:
		return "the daemon has too much to do";
	case NBT_ERR_FORMAT:
		return "the format is wrong";
	case NBT_ERR_EXISTS:
		return "the name is there as the other kind, group or unique";
	case NBT_ERR_NOT_FOUND:
		return "nobody has this name";
	case NBT_ERR_LIMIT:
		return "a limit was reached";
	case NBT_ERR_INVALID:
		return "the value is not allowed";
	case NBT_ERR_DENIED:
		return "the daemon does not let this user do it";
	case NBT_ERR_TIMEOUT:
		return "no answer in time";
	case NBT_ERR_NO_DAEMON:
		return "no daemon with a NetBT node listens";
	case NBT_ERR_REFUSED:
		return "it was refused";
	default:
		return "unknown error";
	}
}

/* ---- names ---- */

bool
convert_name_in(const struct nbt_name *name, struct nb_key *ret)
{
	struct nb_key key = { 0 };
	const char *p = name->scope;

	memcpy(key.name.b, name->b, NB_NAME_LEN);
	if (strnlen(p, sizeof(name->scope)) > NBT_SCOPE_LEN)
		return false;
	while (*p) {
		size_t n = strcspn(p, ".");

		/* Label by label they cannot pass NB_SCOPE_WIRE: the text is shorter. */
		if (n == 0 || n > LABEL_MAX || (p[n] && !p[n + 1]))
			return false;
		key.scope.b[key.scope.len++] = (uint8_t)n;
		memcpy(key.scope.b + key.scope.len, p, n);
		key.scope.len = (uint8_t)(key.scope.len + n);
		p += n + !!p[n];
	}
	*ret = key;
	return true;
}

bool
convert_name_out(const struct nb_key *key, struct nbt_name *ret)
{
	struct nbt_name name = { .scope = "" };
	size_t n = 0;

	memcpy(name.b, key->name.b, NB_NAME_LEN);
	if (key->scope.len > NBT_SCOPE_LEN + 1)
		return false;
	for (size_t i = 0; i < key->scope.len; i += key->scope.b[i] + 1u) {
		const uint8_t *label = key->scope.b + i + 1;
		size_t len = key->scope.b[i];

		if (memchr(label, '.', len) || memchr(label, 0, len))
			return false;
		if (n)
			name.scope[n++] = '.';
		memcpy(name.scope + n, label, len);
		n += len;
	}
	*ret = name;
	return true;
}

int
nbt_name_parse(const char *text, unsigned char default_suffix, struct nbt_name *ret)
{
	struct nb_key key;

	if (nb_key_parse(text, default_suffix, &key) || !convert_name_out(&key, ret))
		return NBT_ERR_INVALID;
	return 0;
}

_Static_assert(NBT_NAME_TEXT >= NB_KEY_STRLEN, "nbt_name_print writes what nb_key_print does");

char *
nbt_name_print(const struct nbt_name *name, char buf[NBT_NAME_TEXT])
{
	struct nb_key key = { 0 };

	if (!convert_name_in(name, &key))
		memcpy(key.name.b, name->b, NB_NAME_LEN); /* without what is no scope */
	return nb_key_print(&key, buf);
}

/* ---- packets ---- */

static const struct {
	uint8_t wire;
	enum nbt_kind kind;
} kinds[] = { { NB_QUERY_REQ, NBT_QUERY_REQUEST }, { NB_QUERY_OK, NBT_QUERY_POSITIVE },
	{ NB_QUERY_FAIL, NBT_QUERY_NEGATIVE }, { NB_REDIRECT, NBT_REDIRECT },
	{ NB_STATUS_REQ, NBT_STATUS_REQUEST }, { NB_STATUS_RESP, NBT_STATUS_RESPONSE },
	{ NB_REGISTER_REQ, NBT_REGISTER_REQUEST }, { NB_REFRESH_REQ, NBT_REFRESH_REQUEST },
	{ NB_REGISTER_RESP, NBT_REGISTER_RESPONSE }, { NB_RELEASE_REQ, NBT_RELEASE_REQUEST },
	{ NB_RELEASE_RESP, NBT_RELEASE_RESPONSE }, { NB_WACK, NBT_WAIT } };

#define KINDS ((int)(sizeof(kinds) / sizeof(*kinds)))

static void
nodes_out(const struct nb_msg *m, struct nbt_packet *p)
{
	p->nnode = m->nnode < NBT_NODES_MAX ? m->nnode : NBT_NODES_MAX;
	for (unsigned i = 0; i < p->nnode; i++) {
		struct nb_node node = nb_node_at(m, i);

		memcpy(p->node[i].b, node.name.b, NB_NAME_LEN);
		p->node[i].flags = node.flags;
	}
	if (m->stats_len >= sizeof(p->mac)) {
		p->has_mac = 1;
		memcpy(p->mac, m->stats, sizeof(p->mac));
	}
}

int
nbt_decode(const void *bytes, size_t len, struct nbt_packet *ret)
{
	struct nbt_packet p = { 0 };
	struct nb_msg m;

	if (nb_decode(bytes, len, &m) || !convert_name_out(&m.key, &p.name))
		return NBT_ERR_FORMAT;
	for (int i = 0; i < KINDS; i++)
		if (kinds[i].wire == m.kind)
			p.kind = kinds[i].kind;
	p.id = m.id;
	p.flags = m.flags;
	p.ttl = m.ttl;
	p.naddress = m.naddr < NBT_ADDRESSES_MAX ? m.naddr : NBT_ADDRESSES_MAX;
	for (unsigned i = 0; i < p.naddress; i++)
		p.address[i] =
		    (struct nbt_address){ m.addr[i].flags, convert_ip_out(m.addr[i].ip) };
	if (m.kind == NB_STATUS_RESP)
		nodes_out(&m, &p);
	*ret = p;
	return 0;
}

/* Has the packet what its kind needs, which wire takes for granted? Redirects and WACKs are servers'
 * to send. */
static bool
is_whole(const struct nbt_packet *p)
{
	bool response = p->flags & NB_F_R;

	switch (p->kind) {
	case NBT_QUERY_REQUEST:
	case NBT_STATUS_REQUEST:
		return !response;
	case NBT_QUERY_POSITIVE:
	case NBT_QUERY_NEGATIVE:
	case NBT_STATUS_RESPONSE:
		return response;
	case NBT_REGISTER_REQUEST:
	case NBT_REFRESH_REQUEST:
	case NBT_RELEASE_REQUEST:
		return !response && p->naddress == 1;
	case NBT_REGISTER_RESPONSE:
	case NBT_RELEASE_RESPONSE:
		return response && p->naddress == 1;
	default:
		return false;
	}
}

/* Would a reader take it for the same kind? The operation and the result in flags may say otherwise. */
static bool
is_read_as(const uint8_t *bytes, size_t len, uint8_t kind)
{
	struct nb_msg m;

	return len && !nb_decode(bytes, len, &m) && m.kind == kind;
}

size_t
nbt_encode(const struct nbt_packet *p, void *ret_bytes, size_t cap)
{
	uint8_t nodes[NBT_NODES_MAX * NB_NODE_LEN], stats[NB_STATS_LEN] = { 0 };
	struct nb_msg m = { .id = p->id, .flags = p->flags, .ttl = p->ttl };
	struct wr w = wr_init(nodes, sizeof(nodes));
	size_t len;

	if (p->naddress > NBT_ADDRESSES_MAX || p->nnode > NBT_NODES_MAX || !is_whole(p) ||
	    !convert_name_in(&p->name, &m.key))
		return 0;
	m.kind = kinds[p->kind].wire;
	m.naddr = (uint16_t)p->naddress;
	for (unsigned i = 0; i < p->naddress; i++)
		m.addr[i] =
		    (struct nb_addr){ p->address[i].flags, convert_ip_in(p->address[i].address) };
	for (unsigned i = 0; i < p->nnode; i++) {
		struct nb_node node = { .flags = p->node[i].flags };

		memcpy(node.name.b, p->node[i].b, NB_NAME_LEN);
		nb_node_encode(&w, &node);
	}
	memcpy(stats, p->mac, sizeof(p->mac));
	m.nnode = (uint8_t)p->nnode;
	m.node = nodes;
	m.stats = stats;
	m.stats_len = sizeof(stats);
	len = nb_encode(&m, ret_bytes, cap < NBT_PACKET_MAX ? cap : NBT_PACKET_MAX);
	return is_read_as(ret_bytes, len, m.kind) ? len : 0;
}
