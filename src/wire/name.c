/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NetBIOS names between their three forms: raw bytes, the wire's second-level encoding, and text for
 * a person. Layer: wire. Owns nothing, never allocates. Decoding is total: every byte string gives a
 * name or a drop reason, and no string makes it read past the packet or run for long.
 * Facts: netbt-name-service.md 1.1-1.3.
 */
#include "wire/name.h"

#include "base/err.h"
#include "wire/ns.h"

#define ENCODED_LEN (2 * NB_NAME_LEN) /* also the first label's length octet, 0x20 */
#define LABEL_MAX   63
#define HOPS_MAX    10 /* pointers one name may lead through */
#define HEADER_LEN  12 /* names stand behind it */

/* Where the decoding of one name is. */
struct walk {
	struct rd at;            /* the next octet to read */
	const struct rd *packet; /* NULL: pointers are not allowed */
	const uint8_t *limit;    /* the next pointer must lead before this */
	struct rd behind;        /* what follows the name, valid after the first hop */
	unsigned hops;
};

/*
 * Every jump leads before the place the last one led to (or before the name itself), so no chain of
 * pointers and labels can come back to where it was.
 */
static int
follow(struct walk *w, uint8_t high)
{
	size_t offset = (size_t)(high & 0x3f) << 8 | rd_u8(&w->at);

	if (w->at.bad)
		return NB_DROP_SHORT;
	if (!w->packet || offset < HEADER_LEN || ++w->hops > HOPS_MAX ||
	    offset >= (size_t)(w->limit - w->packet->p))
		return NB_DROP_POINTER;
	if (w->hops == 1)
		w->behind = w->at;
	w->limit = w->packet->p + offset;
	w->at = (struct rd){ .p = w->limit, .end = w->packet->end };
	return 0;
}

/* The next label's length octet, whatever pointers stand before it. */
static int
label_length(struct walk *w, unsigned *ret)
{
	for (;;) {
		uint8_t octet = rd_u8(&w->at);
		int drop;

		if (w->at.bad)
			return NB_DROP_SHORT;
		if (octet <= LABEL_MAX) {
			*ret = octet;
			return 0;
		}
		if (octet < 0xc0) /* 01xxxxxx and 10xxxxxx are reserved (RFC 1002 4.1) */
			return NB_DROP_LABEL;
		drop = follow(w, octet);
		if (drop)
			return drop;
	}
}

/* Upper case 'A'..'P' alone: one name must have one encoding, or two could look like one. */
static int
first_level(const uint8_t in[static ENCODED_LEN], struct nb_name *ret)
{
	uint8_t odd = 0;

	for (int i = 0; i < NB_NAME_LEN; i++) {
		uint8_t high = (uint8_t)(in[2 * i] - 'A'), low = (uint8_t)(in[2 * i + 1] - 'A');

		odd |= high | low;
		ret->b[i] = (uint8_t)(high << 4 | low);
	}
	return odd & 0xf0 ? NB_DROP_LABEL : 0;
}

static int
scope_decode(struct walk *w, struct nb_scope *ret)
{
	size_t used = 0;

	for (;;) {
		const uint8_t *label;
		unsigned len;
		int drop = label_length(w, &len);

		if (drop)
			return drop;
		if (!len)
			break;
		label = rd_bytes(&w->at, len);
		if (!label)
			return NB_DROP_SHORT;
		if (used + 1 + len > NB_SCOPE_WIRE)
			return NB_DROP_SCOPE;
		ret->b[used] = (uint8_t)len;
		memcpy(ret->b + used + 1, label, len);
		used += 1 + len;
	}
	ret->len = (uint8_t)used;
	return 0;
}

int
nb_name_decode(struct rd *r, const struct rd *packet, struct nb_key *ret)
{
	struct walk w = { .at = *r, .packet = packet, .limit = r->p };
	const uint8_t *encoded;
	unsigned len;
	int drop = label_length(&w, &len);

	if (drop)
		return drop;
	if (len != ENCODED_LEN)
		return NB_DROP_LABEL;
	encoded = rd_bytes(&w.at, ENCODED_LEN);
	if (!encoded)
		return NB_DROP_SHORT;
	drop = first_level(encoded, &ret->name);
	if (drop)
		return drop;
	/* Records are compared as bytes, so nothing may linger behind the scope. */
	memset(&ret->scope, 0, sizeof(ret->scope));
	drop = scope_decode(&w, &ret->scope);
	if (drop)
		return drop;
	*r = w.hops ? w.behind : w.at;
	return 0;
}

void
nb_name_encode(struct wr *w, const struct nb_key *key)
{
	uint8_t *p;

	for (unsigned i = 0; i < key->scope.len; i += 1u + key->scope.b[i])
		w->bad |= key->scope.b[i] > LABEL_MAX;
	p = wr_room(w, 1 + ENCODED_LEN + key->scope.len + 1u);
	if (!p)
		return;
	*p++ = ENCODED_LEN;
	for (int i = 0; i < NB_NAME_LEN; i++) {
		*p++ = (uint8_t)('A' + (key->name.b[i] >> 4));
		*p++ = (uint8_t)('A' + (key->name.b[i] & 15));
	}
	memcpy(p, key->scope.b, key->scope.len);
	p[key->scope.len] = 0;
}

static char *
put_hex(char *out, uint8_t byte, const char digits[static 16])
{
	*out++ = digits[byte >> 4];
	*out++ = digits[byte & 15];
	return out;
}

static char *
put_escaped(char *out, uint8_t byte, const char *special)
{
	if (byte >= 0x20 && byte < 0x7f && !strchr(special, byte)) {
		*out++ = (char)byte;
		return out;
	}
	*out++ = '\\';
	*out++ = 'x';
	return put_hex(out, byte, "0123456789abcdef");
}

/* "*" as text means the name padded with NULs (RFC 1001 17.2), whose padding may thus be left out. */
static bool
is_star(const struct nb_name *name)
{
	if (name->b[0] != '*')
		return false;
	for (int i = 1; i < NB_NAME_LEN - 1; i++)
		if (name->b[i])
			return false;
	return true;
}

static char *
put_name(char *out, const struct nb_name *name)
{
	int len = NB_NAME_LEN - 1;

	while (len && name->b[len - 1] == ' ')
		len--;
	if (is_star(name))
		len = 1;
	for (int i = 0; i < len; i++)
		out = put_escaped(out, name->b[i], "<>\\\"#");
	/* A '*' padded with spaces must not read back as the one padded with NULs. */
	if (len == 1 && name->b[0] == '*' && name->b[1] == ' ')
		out = put_escaped(out, ' ', " ");
	return out;
}

char *
nb_key_print(const struct nb_key *key, char buf[static NB_KEY_STRLEN])
{
	char *out = put_name(buf, &key->name);

	*out++ = '<';
	out = put_hex(out, nb_suffix(key), "0123456789ABCDEF");
	*out++ = '>';
	for (unsigned i = 0; i < key->scope.len;) {
		unsigned end = i + 1 + key->scope.b[i];

		*out++ = '.';
		for (i++; i < end && i < key->scope.len; i++)
			out = put_escaped(out, key->scope.b[i], "<>\\\"#.");
	}
	*out = 0;
	return buf;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static bool
parse_hex(const char **text, uint8_t *ret)
{
	int high = hex_digit((*text)[0]), low = high < 0 ? -1 : hex_digit((*text)[1]);

	if (low < 0)
		return false;
	*ret = (uint8_t)(high << 4 | low);
	*text += 2;
	return true;
}

/* One byte of a name or label, its escape undone. */
static bool
parse_byte(const char **text, uint8_t *ret)
{
	if (**text != '\\') {
		*ret = (uint8_t) * (*text)++;
		return true;
	}
	if ((*text)[1] != 'x')
		return false;
	*text += 2;
	return parse_hex(text, ret);
}

/* Up to the '<', '#' or the end; the suffix' place is left alone. */
static bool
parse_name(const char **text, struct nb_name *ret)
{
	unsigned len = 0;

	while (**text && **text != '<' && **text != '#')
		if (len == NB_NAME_LEN - 1 || !parse_byte(text, &ret->b[len++]))
			return false;
	memset(ret->b + len, len == 1 && ret->b[0] == '*' ? 0 : ' ', NB_NAME_LEN - 1 - len);
	return true;
}

static bool
parse_suffix(const char **text, uint8_t *ret)
{
	bool bracket = **text == '<';

	(*text)++;
	if (!parse_hex(text, ret) || (bracket && **text != '>'))
		return false;
	*text += bracket;
	return true;
}

/* Each round reads a '.' and the label behind it. */
static bool
parse_scope(const char *text, struct nb_scope *ret)
{
	unsigned used = 0;

	while (*text) {
		unsigned head = used++;

		if (*text++ != '.')
			return false;
		while (*text && *text != '.')
			if (used >= NB_SCOPE_WIRE || !parse_byte(&text, &ret->b[used++]))
				return false;
		if (used - head - 1 == 0 || used - head - 1 > LABEL_MAX)
			return false;
		ret->b[head] = (uint8_t)(used - head - 1);
	}
	ret->len = (uint8_t)used;
	return true;
}

int
nb_key_parse(const char *text, uint8_t default_suffix, struct nb_key *ret)
{
	struct nb_key key = { 0 };
	uint8_t *suffix = &key.name.b[NB_NAME_LEN - 1];

	if (!*text || !parse_name(&text, &key.name))
		return NBT_EINVAL;
	*suffix = is_star(&key.name) ? 0 : default_suffix;
	if (*text && !parse_suffix(&text, suffix))
		return NBT_EINVAL;
	if (!parse_scope(text, &key.scope))
		return NBT_EINVAL;
	*ret = key;
	return 0;
}
