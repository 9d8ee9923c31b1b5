/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Name records of replication: the vectors' records field by field; padding, the 1B exchange, scopes,
 * flags and address lists at each bound and past it (wins-server-and-replication.md 1.1, 3.4, 8, 9.1).
 */
#include "wire/wrepl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "../support/hex.h"
#include "../support/wrepl_same.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define ROOM     4096
#define A                  \
	{                  \
		0xc000020a \
	} /* 192.0.2.10 */
#define B                  \
	{                  \
		0xc000020b \
	}
#define TAIL 24 /* of a record with one address, behind its padding */

struct expected {
	const char *file, *key;
	unsigned at; /* which record of the file */
	struct wrepl_record record;
};

static const struct expected expected[] = {
	{ "records", "HOSTA<20>", 0,
	    { .node = 3, .version = 522, .naddr = 1, .addr = { { { 0 }, { 0xc0000233 } } } } },
	{ "records", "CORP<1B>", 1,
	    { .node = 3, .version = 523, .naddr = 1, .addr = { { { 0 }, { 0xc0000234 } } } } },
	{ "records", "CORP<1C>", 2,
	    { .type = 2,
		.node = 3,
		.version = 524,
		.naddr = 2,
		.addr = { { A, { 0xc0000234 } }, { B, { 0xc0000235 } } } } },
	{ "records-kinds", "UNIQUE<20>", 0,
	    { .version = 1, .naddr = 1, .addr = { { { 0 }, { 0xc0000233 } } } } },
	{ "records-kinds", "GROUP<1E>", 1,
	    { .type = 1,
		.state = 2,
		.node = 1,
		.version = 2,
		.naddr = 1,
		.addr = { { { 0 }, { 0xffffffff } } } } },
	{ "records-kinds", "SPECIAL<1C>", 2,
	    { .type = 2, .state = 2, .node = 2, .replica = true, .version = 3 } },
	{ "records-kinds", "MULTI<00>", 3,
	    { .type = 3,
		.node = 3,
		.is_static = true,
		.beyond = UINT64_MAX,
		.naddr = 1,
		.addr = { { A, { 0xc0000234 } } } } },
	{ "records-kinds", "RELEASED<03>", 4,
	    { .state = 1,
		.node = 3,
		.is_static = true,
		.replica = true,
		.version = 5,
		.naddr = 1,
		.addr = { { { 0 }, { 0xc0000235 } } } } },
	{ "records-kinds", "DELETED<03>", 5,
	    { .type = 3,
		.state = 3,
		.node = 3,
		.version = 6,
		.naddr = 2,
		.addr = { { A, { 0xc0000235 } }, { B, { 0xc6336435 } } } } },
	{ "records-scopes", "A<20>.AB", 0,
	    { .node = 3, .version = 1, .naddr = 1, .addr = { { { 0 }, { 0xc0000233 } } } } },
	{ "records-scopes", "A<20>.A", 1,
	    { .node = 3, .version = 2, .naddr = 1, .addr = { { { 0 }, { 0xc0000233 } } } } },
	{ "records-scopes", "A<20>.AB.D", 2,
	    { .node = 3, .version = 3, .naddr = 1, .addr = { { { 0 }, { 0xc0000233 } } } } },
	{ "records-scopes", "A<20>.ABC", 3,
	    { .node = 3, .version = 4, .naddr = 1, .addr = { { { 0 }, { 0xc0000233 } } } } },
	{ "records-scopes", "CORP<1B>.EXAMPLE.LAB", 4,
	    { .node = 3, .version = 5, .naddr = 1, .addr = { { { 0 }, { 0xc0000234 } } } } },
};

static void
key_read(const char *text, struct nb_key *ret)
{
	memset(ret, 0, sizeof(*ret));
	assert_int_equal(nb_key_parse(text, 0x20, ret), 0);
}

static void
every_record_of_the_vectors_decodes_field_by_field(void **state)
{
	for (size_t i = 0; i < COUNT(expected); i++) {
		struct wrepl_record want = expected[i].record, got;
		uint8_t buf[ROOM];
		char path[128];
		struct wrepl_msg m;
		struct rd body;

		print_message("# %s %s\n", expected[i].file, expected[i].key);
		snprintf(path, sizeof(path), "wrepl/%s.hex", expected[i].file);
		assert_int_equal(
		    wrepl_decode(buf, hex_read(path, buf, sizeof(buf)), &m), WREPL_DROP_NONE);
		body = m.body;
		memset(&got, 0xa5, sizeof(got));
		for (unsigned j = 0; j <= expected[i].at; j++)
			wrepl_record_next(&body, &got);
		key_read(expected[i].key, &want.key);
		assert_true(wrepl_same_record(&got, &want));
	}
}

static size_t
message_put(const uint8_t *record, size_t len, uint32_t count, uint8_t *out)
{
	memcpy(out + WREPL_RECORDS_HEAD, record, len);
	wrepl_records_head(out, 7, count, WREPL_RECORDS_HEAD + len);
	return WREPL_RECORDS_HEAD + len;
}

/* Decodes one record in a message of exactly its size. */
static enum wrepl_drop
decode_one(const uint8_t *bytes, size_t len, struct wrepl_msg *ret_msg, struct wrepl_record *ret)
{
	uint8_t *copy = malloc(WREPL_RECORDS_HEAD + len);
	enum wrepl_drop drop;
	struct rd body;

	assert_non_null(copy);
	drop = wrepl_decode(copy, message_put(bytes, len, 1, copy), ret_msg);
	body = ret_msg->body;
	if (!drop && ret_msg->count == 1) {
		wrepl_record_next(&body, ret);
		assert_int_equal(rd_left(&body), 0);
		assert_true(wrepl_survives(ret_msg, WREPL_RECORDS_HEAD + len));
	}
	free(copy);
	return drop;
}

/* A unique record, node type H, version 1, of a name as it stands on the wire. Returns its length. */
static size_t
named(const void *name, size_t len, uint8_t *out)
{
	struct wr w = wr_init(out, ROOM);
	size_t pad = 4 - len % 4;

	wr_u32(&w, (uint32_t)len);
	wr_bytes(&w, name, len);
	memset(wr_room(&w, pad), 0, pad);
	wr_u32(&w, 0x60);
	wr_u32(&w, 0);
	wr_u64(&w, 1);
	wr_u32(&w, 0xc0000233);
	wr_u32(&w, 0xffffffff);
	assert_false(w.bad);
	return (size_t)(w.p - out);
}

static struct wrepl_record
unique(const char *text)
{
	struct wrepl_record r = {
		.node = 3, .version = 1, .naddr = 1, .addr = { { { 0 }, { 0xc0000233 } } }
	};

	key_read(text, &r.key);
	return r;
}

static void
a_record_needs_all_its_room(void **state)
{
	struct wrepl_record r = unique("CORP<1C>.SCOPE");
	uint8_t out[ROOM];
	size_t len;

	r.type = 2;
	r.naddr = 25;
	len = wrepl_record_encode(&r, out, sizeof(out));
	assert_int_equal(len, 4 + 22 + 2 + 4 + 4 + 8 + 4 + 25 * 8 + 4);
	for (size_t cap = 0; cap < len; cap++)
		assert_int_equal(wrepl_record_encode(&r, out, cap), 0);
	assert_int_equal(wrepl_record_encode(&r, out, len), len);
}

static void
names_are_16_to_255_bytes(void **state)
{
	uint8_t name[300], rec[ROOM];
	struct wrepl_record r;
	struct wrepl_msg m;

	memset(name, 'N', sizeof(name));
	for (size_t i = 16 + 63; i < sizeof(name); i += 64)
		name[i] = '.';
	for (size_t len = 0; len < sizeof(name); len++) {
		enum wrepl_drop want = len < 16 || len > 255 ? WREPL_DROP_NAME : WREPL_DROP_NONE;
		size_t whole = named(name, len, rec);

		/* The least size of a record is what its count is held against first. */
		if (whole >= 48)
			assert_int_equal(decode_one(rec, whole, &m, &r), want);
	}
	(void)named(name, 17, rec);
	memset(rec, 0xff, 4);
	assert_int_equal(decode_one(rec, 48, &m, &r), WREPL_DROP_NAME);
}

static void
a_name_of_16_needs_no_nul(void **state)
{
	struct wrepl_record want = unique("HOSTA<20>"), r;
	uint8_t rec[ROOM];
	struct wrepl_msg m;

	assert_int_equal(named("HOSTA           ", 16, rec), 48);
	assert_int_equal(decode_one(rec, 48, &m, &r), WREPL_DROP_NONE);
	assert_true(wrepl_same_record(&r, &want));
}

static void
a_name_that_fills_its_words_has_four_bytes_of_padding(void **state)
{
	static const struct {
		const char *key;
		uint8_t name_len;
		size_t want;
	} rows[] = { { "A<20>", 17, 4 + 20 + TAIL }, { "A<20>.A", 18, 4 + 20 + TAIL },
		{ "A<20>.AB", 19, 4 + 20 + TAIL }, { "A<20>.ABC", 20, 4 + 24 + TAIL },
		{ "A<20>.ABCD", 21, 4 + 24 + TAIL } };

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct wrepl_record want = unique(rows[i].key), r;
		uint8_t out[ROOM];
		struct wrepl_msg m;

		memset(out, 0xa5, sizeof(out));
		assert_int_equal(wrepl_record_encode(&want, out, sizeof(out)), rows[i].want);
		assert_int_equal(out[3], rows[i].name_len);
		for (size_t j = 4u + rows[i].name_len - 1; j < rows[i].want - TAIL; j++)
			assert_int_equal(out[j], 0);
		assert_int_equal(decode_one(out, rows[i].want, &m, &r), WREPL_DROP_NONE);
		assert_true(wrepl_same_record(&r, &want));
	}
}

static void
the_1b_exchange_is_made_and_undone(void **state)
{
	static const struct {
		const char *key, *wire;
	} rows[] = { { "CORP<1B>", "\033ORP           C" },
		{ "\\x1bORP<1B>", "\033ORP           \033" },
		{ "CORP<1C>", "CORP           \034" } };

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct wrepl_record want = unique(rows[i].key), r;
		uint8_t out[ROOM];
		struct wrepl_msg m;

		assert_int_equal(wrepl_record_encode(&want, out, sizeof(out)), 48);
		assert_memory_equal(out + 4, rows[i].wire, NB_NAME_LEN);
		assert_int_equal(decode_one(out, 48, &m, &r), WREPL_DROP_NONE);
		assert_true(wrepl_same_record(&r, &want));
	}
}

/* Also when it has just 16 bytes; and one that was sent without the exchange is what it says. */
static void
the_1b_exchange_is_read_of_any_name(void **state)
{
	struct wrepl_record want = unique("CORP<1B>"), r;
	uint8_t rec[ROOM];
	struct wrepl_msg m;

	assert_int_equal(
	    decode_one(rec, named("\033ORP           C", 16, rec), &m, &r), WREPL_DROP_NONE);
	assert_true(wrepl_same_record(&r, &want));
	assert_int_equal(
	    decode_one(rec, named("CORP           \033", 17, rec), &m, &r), WREPL_DROP_NONE);
	assert_true(wrepl_same_record(&r, &want));
}

static void
scopes_are_read_with_and_without_a_dot_before_them(void **state)
{
	static const char *const texts[] = { "A               EXAMPLE.LAB",
		"A               .EXAMPLE.LAB" };
	struct wrepl_record want = unique("A<20>.EXAMPLE.LAB");

	for (size_t i = 0; i < COUNT(texts); i++) {
		uint8_t rec[ROOM];
		struct wrepl_record r;
		struct wrepl_msg m;

		for (size_t nul = 0; nul < 2; nul++) {
			size_t len = named(texts[i], strlen(texts[i]) + nul, rec);

			assert_int_equal(decode_one(rec, len, &m, &r), WREPL_DROP_NONE);
			assert_true(wrepl_same_record(&r, &want));
		}
	}
}

static void
a_scope_is_sent_without_a_dot_before_it(void **state)
{
	struct wrepl_record r = unique("A<20>.EXAMPLE.LAB");
	uint8_t out[ROOM];

	assert_int_equal(wrepl_record_encode(&r, out, sizeof(out)), 4 + 28 + 4 + TAIL);
	assert_memory_equal(out + 4 + NB_NAME_LEN, "EXAMPLE.LAB", 12);
}

static void
a_scope_ends_at_its_first_nul(void **state)
{
	struct wrepl_record want = unique("A<20>.AB"), none = unique("A<20>"), r;
	uint8_t rec[ROOM];
	struct wrepl_msg m;

	assert_int_equal(
	    decode_one(rec, named("A               AB\0..", 22, rec), &m, &r), WREPL_DROP_NONE);
	assert_true(wrepl_same_record(&r, &want));
	assert_int_equal(
	    decode_one(rec, named("A               \0AB", 20, rec), &m, &r), WREPL_DROP_NONE);
	assert_true(wrepl_same_record(&r, &none));
}

/* One name that cannot be held must not keep the others of its response away. */
static void
scopes_that_are_no_labels_are_passed_over(void **state)
{
	static const char *const bad[] = { ".", "..", "..A", "A..B", "A.", "A..", ".A." };

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct wrepl_record first = unique("FIRST<20>"), last = unique("LAST<20>"), r;
		uint8_t body[ROOM], msg[ROOM];
		char name[128];
		size_t len = 0;
		struct wrepl_msg m;
		struct rd rest;

		snprintf(name, sizeof(name), "A               %s", bad[i]);
		print_message("# '%s'\n", bad[i]);
		len += named(name, strlen(name) + 1, body);
		len += wrepl_record_encode(&first, body + len, sizeof(body) - len);
		len += named(name, strlen(name) + 1, body + len);
		len += wrepl_record_encode(&last, body + len, sizeof(body) - len);
		assert_int_equal(
		    wrepl_decode(msg, message_put(body, len, 4, msg), &m), WREPL_DROP_NONE);
		assert_int_equal(m.count, 2);
		assert_int_equal(m.unnamed, 2);
		rest = m.body;
		wrepl_record_next(&rest, &r);
		assert_true(wrepl_same_record(&r, &first));
		wrepl_record_next(&rest, &r);
		assert_true(wrepl_same_record(&r, &last));
	}
}

/* Windows replicates scopes as text; what no packet of port 137 can carry is kept and passed on. */
static void
a_label_of_237_goes_through_and_is_never_a_name_on_port_137(void **state)
{
	uint8_t name[16 + 238], rec[ROOM], again[ROOM], packet[NB_UDP_MAX];
	struct wr w = wr_init(packet, sizeof(packet));
	struct wrepl_record r;
	struct wrepl_msg m;
	size_t len;

	memset(name, 'S', sizeof(name));
	name[sizeof(name) - 1] = 0;
	len = named(name, sizeof(name), rec);
	assert_int_equal(decode_one(rec, len, &m, &r), WREPL_DROP_NONE);
	assert_int_equal(m.unnamed, 0);
	assert_int_equal(r.key.scope.b[0], 237);
	assert_int_equal(wrepl_record_encode(&r, again, sizeof(again)), len);
	assert_memory_equal(again, rec, 4 + sizeof(name));
	nb_name_encode(&w, &r.key);
	assert_true(w.bad);
}

/* 237 characters of scope: as many as fit behind 16 bytes, and a dot, into 255. */
static void
a_scope_of_237_is_kept_and_a_longer_one_cut(void **state)
{
	static const struct {
		size_t last, want; /* lengths of the last label: given, and kept */
	} rows[] = { { 44, 44 }, { 45, 45 }, { 46, 45 } };

	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t text = 3 * 64 + rows[i].last;
		uint8_t name[300], rec[ROOM];
		struct wrepl_record r;
		struct wrepl_msg m;

		memset(name, 'S', sizeof(name));
		name[16 + 63] = name[16 + 127] = name[16 + 191] = '.';
		name[16 + text] = 0;
		assert_int_equal(
		    decode_one(rec, named(name, 16 + text + 1, rec), &m, &r), WREPL_DROP_NONE);
		assert_int_equal(r.key.scope.len, 1 + 3 * 64 + rows[i].want);
		assert_int_equal(r.key.scope.b[3 * 64], rows[i].want);
	}
}

static void
a_cut_behind_a_dot_leaves_whole_labels(void **state)
{
	uint8_t name[300], rec[ROOM];
	struct wrepl_record r;
	struct wrepl_msg m;

	memset(name, 'S', sizeof(name));
	name[16 + 63] = name[16 + 127] = name[16 + 191] = name[16 + 236] = '.';
	name[16 + 238] = 0;
	assert_int_equal(decode_one(rec, named(name, 255, rec), &m, &r), WREPL_DROP_NONE);
	assert_int_equal(r.key.scope.len, 1 + 236);
	assert_int_equal(r.key.scope.b[3 * 64], 44);
}

/* What the name service can hold (254 characters) but no partner: cut as partners would. */
static void
the_longest_scope_and_25_members_encode_to_the_longest_record(void **state)
{
	struct wrepl_record r = unique("CORP<1C>"), got;
	uint8_t out[ROOM];
	struct wrepl_msg m;

	r.type = 2;
	r.naddr = 25;
	r.key.scope.len = NB_SCOPE_WIRE;
	memset(r.key.scope.b, 'S', NB_SCOPE_WIRE);
	r.key.scope.b[0] = r.key.scope.b[64] = r.key.scope.b[128] = 63;
	r.key.scope.b[192] = 62;
	assert_false(wrepl_key_travels(&r.key));
	assert_int_equal(wrepl_record_encode(&r, out, sizeof(out)), WREPL_RECORD_MAX);
	assert_int_equal(decode_one(out, WREPL_RECORD_MAX, &m, &got), WREPL_DROP_NONE);
	assert_int_equal(got.key.scope.len, 1 + NB_SCOPE_MAX);
	assert_true(wrepl_key_travels(&got.key));
}

static void
keys_that_would_be_read_as_another_do_not_travel(void **state)
{
	static const struct {
		const char *key;
		bool want;
	} rows[] = { { "A<20>", true }, { "CORP<1B>", true }, { "\\x1bORP<1B>", true },
		{ "\\x1bORP<43>", false }, { "\\x00<00>", true }, { "a.b<20>", true },
		{ "A<20>.EXAMPLE.LAB", true }, { "A<20>.\\xff\\x01 ", true },
		{ "A<20>.\\x2e", false }, { "A<20>.A\\x2eB", false }, { "A<20>.AB.C\\x00", false },
		{ "A<20>.\\x00", false } };

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct wrepl_record sent = unique(rows[i].key), r;
		uint8_t out[ROOM];
		struct wrepl_msg m;
		size_t len = wrepl_record_encode(&sent, out, sizeof(out));

		print_message("# %s\n", rows[i].key);
		assert_int_equal(wrepl_key_travels(&sent.key), rows[i].want);
		assert_int_equal(decode_one(out, len, &m, &r), WREPL_DROP_NONE);
		assert_int_equal(m.count == 1 && nb_key_eq(&r.key, &sent.key), rows[i].want);
	}
}

static void
a_key_travels_with_237_characters_of_scope_not_with_238(void **state)
{
	struct nb_key key = { .scope = { .len = 1 + NB_SCOPE_MAX } };

	memset(key.scope.b, 'S', sizeof(key.scope.b));
	key.scope.b[0] = key.scope.b[64] = key.scope.b[128] = 63;
	key.scope.b[192] = 45;
	assert_true(wrepl_key_travels(&key));
	key.scope.len++;
	key.scope.b[192]++;
	assert_false(wrepl_key_travels(&key));
}

static void
all_256_flag_bytes_decode_and_encode_to_themselves(void **state)
{
	for (unsigned flags = 0; flags < 256; flags++) {
		bool list = (flags & 3) >= 2;
		uint8_t rec[ROOM], out[ROOM];
		struct wrepl_record r;
		struct wrepl_msg m;
		size_t len = named("A               ", 17, rec);

		rec[27] = (uint8_t)flags;
		rec[28] = (flags & 3) == 1 || (flags & 3) == 2;
		if (list)
			memset(rec + 40, 0, 4);
		assert_int_equal(decode_one(rec, len, &m, &r), WREPL_DROP_NONE);
		assert_int_equal(r.type, flags & 3);
		assert_int_equal(r.state, flags >> 2 & 3);
		assert_int_equal(r.replica, flags >> 4 & 1);
		assert_int_equal(r.node, flags >> 5 & 3);
		assert_int_equal(r.is_static, flags >> 7);
		assert_int_equal(r.naddr, list ? 0 : 1);
		assert_int_equal(wrepl_record_encode(&r, out, sizeof(out)), len);
		assert_memory_equal(out, rec, len);
	}
}

/* Padding, the bytes before the flags, the group field, those behind the count, the trailer. */
static void
reserved_bytes_may_hold_anything(void **state)
{
	static const uint8_t reserved[] = { 21, 22, 23, 24, 25, 26, 28, 29, 30, 31, 41, 42, 43, 60,
		61, 62, 63 };
	struct wrepl_record want = unique("CORP<1C>"), r;
	uint8_t rec[ROOM];
	struct wrepl_msg m;
	size_t len;

	want.type = 2;
	want.naddr = 2;
	want.addr[1] = (struct wrepl_addr){ A, B };
	len = wrepl_record_encode(&want, rec, sizeof(rec));
	assert_int_equal(len, 64);
	for (size_t i = 0; i < COUNT(reserved); i++)
		rec[reserved[i]] ^= 0x5a;
	assert_int_equal(decode_one(rec, len, &m, &r), WREPL_DROP_NONE);
	assert_true(wrepl_same_record(&r, &want));
}

static void
of_more_than_25_addresses_the_first_25_are_kept(void **state)
{
	static const unsigned rows[] = { 0, 1, 24, 25, 26, 255 };

	for (size_t i = 0; i < COUNT(rows); i++) {
		unsigned n = rows[i], kept = n < 25 ? n : 25;
		uint8_t rec[ROOM];
		struct wrepl_record r;
		struct wrepl_msg m;
		struct wr w;

		(void)named("CORP           \034", 17, rec);
		rec[27] |= 2;
		w = wr_init(rec + 40, sizeof(rec) - 40);
		wr_u32(&w, n << 24);
		for (uint32_t j = 0; j < n; j++) {
			wr_u32(&w, 0xc0000200 + j);
			wr_u32(&w, 0xcb007100 + j);
		}
		wr_u32(&w, 0xffffffff);
		assert_int_equal(decode_one(rec, (size_t)(w.p - rec), &m, &r), WREPL_DROP_NONE);
		assert_int_equal(r.naddr, kept);
		for (uint32_t j = 0; j < kept; j++) {
			assert_int_equal(r.addr[j].owner.v, 0xc0000200 + j);
			assert_int_equal(r.addr[j].ip.v, 0xcb007100 + j);
		}
	}
}

/* The longest one, because the least size of a record does not hide where it is cut. */
static void
each_part_of_a_record_that_is_cut_off_has_its_reason(void **state)
{
	struct wrepl_record r = unique("CORP<1C>.LLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLL"), got;
	const size_t name = 4 + 16 + 40 + 1, fields = 4 + 60 + 16;
	uint8_t rec[ROOM];
	struct wrepl_msg m;
	size_t len;

	r.type = 2;
	r.naddr = 2;
	len = wrepl_record_encode(&r, rec, sizeof(rec));
	assert_int_equal(len, fields + 4 + 2 * 8 + 4);
	for (size_t cut = 0; cut < len; cut++) {
		enum wrepl_drop want = cut < 48       ? WREPL_DROP_COUNTS
				       : cut < name   ? WREPL_DROP_SHORT
				       : cut < fields ? WREPL_DROP_PADDING
						      : WREPL_DROP_ADDRESSES;

		assert_int_equal(decode_one(rec, cut, &m, &got), want);
	}
}

static void
a_count_of_more_records_than_follow_is_dropped(void **state)
{
	struct wrepl_record r =
	    unique("A<20>.LLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLL");
	uint8_t rec[ROOM], msg[ROOM];
	size_t len = wrepl_record_encode(&r, rec, sizeof(rec));
	struct wrepl_msg m;

	assert_true(len >= 2 * 48); /* two of the smallest would fit */
	assert_int_equal(wrepl_decode(msg, message_put(rec, len, 2, msg), &m), WREPL_DROP_COUNTS);
	assert_int_equal(wrepl_decode(msg, message_put(rec, len, 1, msg), &m), WREPL_DROP_NONE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_record_of_the_vectors_decodes_field_by_field),
		cmocka_unit_test(a_record_needs_all_its_room),
		cmocka_unit_test(names_are_16_to_255_bytes),
		cmocka_unit_test(a_name_of_16_needs_no_nul),
		cmocka_unit_test(a_name_that_fills_its_words_has_four_bytes_of_padding),
		cmocka_unit_test(the_1b_exchange_is_made_and_undone),
		cmocka_unit_test(the_1b_exchange_is_read_of_any_name),
		cmocka_unit_test(scopes_are_read_with_and_without_a_dot_before_them),
		cmocka_unit_test(a_scope_is_sent_without_a_dot_before_it),
		cmocka_unit_test(a_scope_ends_at_its_first_nul),
		cmocka_unit_test(scopes_that_are_no_labels_are_passed_over),
		cmocka_unit_test(a_label_of_237_goes_through_and_is_never_a_name_on_port_137),
		cmocka_unit_test(a_scope_of_237_is_kept_and_a_longer_one_cut),
		cmocka_unit_test(a_cut_behind_a_dot_leaves_whole_labels),
		cmocka_unit_test(the_longest_scope_and_25_members_encode_to_the_longest_record),
		cmocka_unit_test(keys_that_would_be_read_as_another_do_not_travel),
		cmocka_unit_test(a_key_travels_with_237_characters_of_scope_not_with_238),
		cmocka_unit_test(all_256_flag_bytes_decode_and_encode_to_themselves),
		cmocka_unit_test(reserved_bytes_may_hold_anything),
		cmocka_unit_test(of_more_than_25_addresses_the_first_25_are_kept),
		cmocka_unit_test(each_part_of_a_record_that_is_cut_off_has_its_reason),
		cmocka_unit_test(a_count_of_more_records_than_follow_is_dropped),
	};

	return cmocka_run_group_tests_name("wire_wrepl_record", tests, NULL, NULL);
}
