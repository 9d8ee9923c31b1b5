/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replication messages and announcements: every vector of tests/data/wrepl field by field, back to the
 * same bytes, cut at every place and with every bit turned round; lengths, counts and op codes at each
 * bound and past it (wins-server-and-replication.md 3.2, 3.3, 3.13, 8). Records: wire_wrepl_record.c.
 */
#include "wire/wrepl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "../support/hex.h"
#include "../support/wrepl_same.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define HANDLE   0x11223344
#define ROOM     1024
#define A                  \
	{                  \
		0xc000020a \
	} /* 192.0.2.10 */
#define B                  \
	{                  \
		0xc000020b \
	}
#define FAR                \
	{                  \
		0xc6336414 \
	} /* 198.51.100.20 */
#define A_1_TO_900           \
	{                    \
		A, 900, 1, 0 \
	}

struct vector {
	const char *file;
	size_t len;
	struct wrepl_msg msg; /* all but handle and body */
	struct wrepl_owner owner[2];
};

static const struct vector vectors[] = {
	{ "start-request", 45,
	    { .kind = WREPL_START_REQ, .sender = HANDLE, .major = 2, .minor = 5 },
	    { { { 0 }, 0, 0, 0 } } },
	{ "start-response", 45,
	    { .kind = WREPL_START_RESP, .sender = HANDLE, .major = 2, .minor = 1 },
	    { { { 0 }, 0, 0, 0 } } },
	{ "stop", 44, { .kind = WREPL_STOP }, { { { 0 }, 0, 0, 0 } } },
	{ "stop-error", 44, { .kind = WREPL_STOP, .reason = 4 }, { { { 0 }, 0, 0, 0 } } },
	{ "map-request", 20, { .kind = WREPL_MAP_REQ }, { { { 0 }, 0, 0, 0 } } },
	{ "map-response", 52, { .kind = WREPL_MAP_RESP, .count = 1 }, { A_1_TO_900 } },
	{ "map-empty", 28, { .kind = WREPL_MAP_RESP }, { { { 0 }, 0, 0, 0 } } },
	{ "map-two", 76, { .kind = WREPL_MAP_RESP, .count = 2 },
	    { A_1_TO_900, { FAR, UINT64_MAX, UINT64_C(1) << 32, 0 } } },
	{ "notify-4", 52, { .kind = WREPL_NOTIFY, .count = 1, .initiator = A }, { A_1_TO_900 } },
	{ "notify-5", 52, { .kind = WREPL_NOTIFY, .propagate = true, .count = 1, .initiator = A },
	    { A_1_TO_900 } },
	{ "notify-8", 76, { .kind = WREPL_NOTIFY, .persistent = true, .count = 2, .initiator = B },
	    { A_1_TO_900, { B, 7, 0, 0 } } },
	{ "notify-9", 52,
	    { .kind = WREPL_NOTIFY,
		.propagate = true,
		.persistent = true,
		.count = 1,
		.initiator = A },
	    { A_1_TO_900 } },
	{ "records-request", 44, { .kind = WREPL_RECORDS_REQ, .wanted = { A, 900, 522, 0 } },
	    { { { 0 }, 0, 0, 0 } } },
	{ "records-empty", 24, { .kind = WREPL_RECORDS_RESP }, { { { 0 }, 0, 0, 0 } } },
	{ "records", 184, { .kind = WREPL_RECORDS_RESP, .count = 3 }, { { { 0 }, 0, 0, 0 } } },
	{ "records-kinds", 336, { .kind = WREPL_RECORDS_RESP, .count = 6 },
	    { { { 0 }, 0, 0, 0 } } },
	{ "records-scopes", 284, { .kind = WREPL_RECORDS_RESP, .count = 5 },
	    { { { 0 }, 0, 0, 0 } } },
	{ "records-longest", 508, { .kind = WREPL_RECORDS_RESP, .count = 1 },
	    { { { 0 }, 0, 0, 0 } } },
};

static size_t
file_read(const char *file, uint8_t *buf)
{
	char path[128];

	snprintf(path, sizeof(path), "wrepl/%s.hex", file);
	return hex_read(path, buf, ROOM);
}

static size_t
vector_read(const struct vector *v, uint8_t *buf)
{
	size_t len = file_read(v->file, buf);

	assert_int_equal(len, v->len);
	return len;
}

static void
put_u32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* Decodes a copy of exactly len bytes, so that a sanitizer sees one byte too many; what was borrowed
 * is gone afterwards. survived: a message must encode to the same again. */
static enum wrepl_drop
decode_copy(const uint8_t *bytes, size_t len, bool survived)
{
	uint8_t *copy = malloc(len + !len);
	struct wrepl_msg m;
	enum wrepl_drop drop;

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	drop = wrepl_decode(copy, len, &m);
	if (!drop && survived)
		assert_true(wrepl_survives(&m, len));
	free(copy);
	return drop;
}

static void
every_vector_decodes_field_by_field(void **state)
{
	for (size_t i = 0; i < COUNT(vectors); i++) {
		struct wrepl_msg want = vectors[i].msg, got;
		uint8_t buf[ROOM];
		size_t len = vector_read(&vectors[i], buf);

		print_message("# %s\n", vectors[i].file);
		memset(&got, 0xa5, sizeof(got));
		assert_int_equal(wrepl_frame(buf), len);
		assert_int_equal(wrepl_decode(buf, len, &got), WREPL_DROP_NONE);
		want.handle = want.kind == WREPL_START_REQ ? 0 : HANDLE;
		assert_true(wrepl_same(&got, &want));
		assert_true(got.wins_bits);
		assert_int_equal(got.unnamed, 0);
		for (uint32_t j = 0; want.kind != WREPL_RECORDS_RESP && j < want.count; j++) {
			struct wrepl_owner owner = wrepl_owner_at(&got, j);

			struct wrepl_owner expected = vectors[i].owner[j];

			expected.max = wrepl_version(expected.max, &expected.beyond);
			assert_true(wrepl_same_owner(&owner, &expected));
		}
	}
}

static void
every_vector_encodes_to_itself(void **state)
{
	for (size_t i = 0; i < COUNT(vectors); i++) {
		uint8_t buf[ROOM], out[ROOM];
		size_t len = vector_read(&vectors[i], buf);
		struct wrepl_msg m;

		print_message("# %s\n", vectors[i].file);
		assert_int_equal(wrepl_decode(buf, len, &m), WREPL_DROP_NONE);
		memset(out, 0xa5, sizeof(out));
		assert_int_equal(wrepl_same_encode(&m, out, sizeof(out)), len);
		assert_memory_equal(out, buf, len);
	}
}

static void
every_vector_needs_all_its_room(void **state)
{
	for (size_t i = 0; i < COUNT(vectors); i++) {
		uint8_t buf[ROOM], out[ROOM];
		size_t len = vector_read(&vectors[i], buf);
		struct wrepl_msg m;

		assert_int_equal(wrepl_decode(buf, len, &m), WREPL_DROP_NONE);
		if (m.kind == WREPL_RECORDS_RESP)
			continue; /* it is laid out record by record: wire_wrepl_record.c */
		for (size_t cap = 0; cap < len; cap++)
			assert_int_equal(wrepl_same_encode(&m, out, cap), 0);
		assert_int_equal(wrepl_same_encode(&m, out, len), len);
	}
}

static void
every_truncation_is_short(void **state)
{
	for (size_t i = 0; i < COUNT(vectors); i++) {
		uint8_t buf[ROOM];
		size_t len = vector_read(&vectors[i], buf);

		for (size_t cut = 0; cut < len; cut++)
			assert_int_equal(decode_copy(buf, cut, false), WREPL_DROP_SHORT);
	}
}

static void
every_truncation_that_its_length_confirms_is_dropped(void **state)
{
	for (size_t i = 0; i < COUNT(vectors); i++) {
		uint8_t buf[ROOM];
		size_t len = vector_read(&vectors[i], buf);

		for (size_t cut = WREPL_LENGTH_SIZE; cut < len; cut++) {
			put_u32(buf, (uint32_t)(cut - WREPL_LENGTH_SIZE));
			assert_int_not_equal(decode_copy(buf, cut, false), WREPL_DROP_NONE);
		}
	}
}

static void
bytes_behind_the_fields_are_passed_over(void **state)
{
	for (size_t i = 0; i < COUNT(vectors); i++) {
		uint8_t buf[ROOM];
		size_t len = vector_read(&vectors[i], buf);
		struct wrepl_msg m, longer;

		assert_int_equal(wrepl_decode(buf, len, &m), WREPL_DROP_NONE);
		buf[len] = 0xff;
		assert_int_equal(wrepl_decode(buf, len + 1, &longer), WREPL_DROP_LENGTH);
		put_u32(buf, (uint32_t)(len + 1 - WREPL_LENGTH_SIZE));
		assert_int_equal(wrepl_decode(buf, len + 1, &longer), WREPL_DROP_NONE);
		assert_true(wrepl_same(&m, &longer) && wrepl_same_body(&m, &longer));
	}
}

static void
every_bit_turned_round_is_dropped_or_survives(void **state)
{
	unsigned decoded = 0, dropped[WREPL_DROP_COUNT] = { 0 };

	for (size_t i = 0; i < COUNT(vectors); i++) {
		uint8_t buf[ROOM];
		size_t len = vector_read(&vectors[i], buf);

		for (size_t bit = 0; bit < len * 8; bit++) {
			enum wrepl_drop drop;

			buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
			drop = decode_copy(buf, len, true);
			assert_in_range(drop, 0, WREPL_DROP_ADDRESSES);
			decoded += !drop;
			dropped[drop]++;
			buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
	assert_true(decoded && dropped[WREPL_DROP_SHORT] && dropped[WREPL_DROP_LENGTH] &&
		    dropped[WREPL_DROP_TYPE] && dropped[WREPL_DROP_VERSION] &&
		    dropped[WREPL_DROP_COUNTS] && dropped[WREPL_DROP_NAME]);
}

static void
frames_are_from_12_bytes_to_16_mib(void **state)
{
	static const struct {
		uint32_t length;
		size_t want;
	} rows[] = {
		{ 0, 0 },
		{ 11, 0 },
		{ 12, 16 },
		{ 41, 45 },
		{ 16u << 20, (16u << 20) + 4 },
		{ (16u << 20) + 1, 0 },
		{ UINT32_MAX, 0 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		uint8_t head[WREPL_LENGTH_SIZE];

		put_u32(head, rows[i].length);
		assert_int_equal(wrepl_frame(head), rows[i].want);
	}
}

/* A map response that fills the longest message there is, and one byte more. */
static void
the_longest_message_decodes_and_one_past_it_does_not(void **state)
{
	const uint32_t count = (WREPL_LENGTH_MAX - 24) / WREPL_OWNER_SIZE;
	size_t len = WREPL_LENGTH_SIZE + WREPL_LENGTH_MAX;
	uint8_t *buf = calloc(1, len + 1);
	struct wrepl_owner last;
	struct wrepl_msg m;

	assert_non_null(buf);
	(void)file_read("map-empty", buf);
	put_u32(buf, WREPL_LENGTH_MAX);
	put_u32(buf + 20, count);
	put_u32(buf + 24 + (size_t)(count - 1) * WREPL_OWNER_SIZE, 0xc000020a);
	assert_int_equal(wrepl_decode(buf, len, &m), WREPL_DROP_NONE);
	assert_int_equal(m.count, count);
	last = wrepl_owner_at(&m, count - 1);
	assert_int_equal(last.ip.v, 0xc000020a);
	put_u32(buf, WREPL_LENGTH_MAX + 1);
	assert_int_equal(wrepl_decode(buf, len + 1, &m), WREPL_DROP_LENGTH);
	free(buf);
}

/* Among them numbers whose product with the size of an owner or record is small again. */
static void
counts_beyond_the_message_are_dropped(void **state)
{
	static const char *const files[] = { "map-response", "map-empty", "notify-9", "records",
		"records-empty" };
	static const uint32_t more[] = { 1, 2, 0x0aaaaaab, 0x10000000, 0x15555556, 0x05555556,
		0x7fffffff, 0x80000000, 0xfffffff0 };

	for (size_t i = 0; i < COUNT(files); i++) {
		uint8_t buf[ROOM];
		size_t len = file_read(files[i], buf);
		struct wrepl_msg m;
		uint32_t count;

		assert_int_equal(wrepl_decode(buf, len, &m), WREPL_DROP_NONE);
		count = m.count;
		for (size_t j = 0; j < COUNT(more); j++) {
			put_u32(buf + 20, count + more[j]);
			assert_int_equal(decode_copy(buf, len, false), WREPL_DROP_COUNTS);
		}
		put_u32(buf + 20, UINT32_MAX);
		assert_int_equal(decode_copy(buf, len, false), WREPL_DROP_COUNTS);
	}
}

static void
every_message_type_and_operation_is_known_or_dropped(void **state)
{
	uint8_t buf[ROOM];
	size_t len = file_read("map-response", buf);

	for (uint32_t op = 0; op < 512; op++) {
		static const uint8_t known[] = { 0, 1, 2, 3, 4, 5, 8, 9 };
		bool want = op < 10 && memchr(known, (int)op, sizeof(known));

		put_u32(buf + 16, op);
		assert_int_equal(decode_copy(buf, len, false) != WREPL_DROP_TYPE, want);
	}
	for (uint32_t op = 0x01000000; op; op <<= 1) {
		put_u32(buf + 16, op | 1);
		assert_int_equal(decode_copy(buf, len, false), WREPL_DROP_TYPE);
	}
	put_u32(buf + 16, 1);
	for (uint32_t type = 4; type; type <<= 1) {
		put_u32(buf + 12, type);
		assert_int_equal(decode_copy(buf, len, false), WREPL_DROP_TYPE);
	}
}

static void
the_reserved_word_is_recorded_not_required(void **state)
{
	static const struct {
		uint32_t word;
		bool want;
	} rows[] = { { 0x7800, true }, { 0xffffffff, true }, { 0, false }, { 0x7000, false },
		{ 0x3800, false }, { 0x8583, false }, { 0x78000000, false } };
	uint8_t buf[ROOM];
	size_t len = file_read("map-request", buf);

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct wrepl_msg m;

		put_u32(buf + 4, rows[i].word);
		assert_int_equal(wrepl_decode(buf, len, &m), WREPL_DROP_NONE);
		assert_int_equal(m.wins_bits, rows[i].want);
	}
}

static void
version_is_believed_to_its_bound_and_no_further(void **state)
{
	static const uint64_t rows[] = { 0, 1, UINT64_C(1) << 40, WREPL_VERSION_MAX,
		WREPL_VERSION_MAX + 1, UINT64_C(1) << 62, UINT64_C(1) << 63, UINT64_MAX };

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct wrepl_owner in = { .ip = A, .max = rows[i], .min = 1 }, got;
		struct wrepl_msg m = { .kind = WREPL_MAP_RESP, .count = 1 };
		bool believed = rows[i] <= WREPL_VERSION_MAX;
		uint8_t buf[64];
		size_t len = wrepl_encode(&m, &in, buf, sizeof(buf));

		assert_int_equal(wrepl_decode(buf, len, &m), WREPL_DROP_NONE);
		got = wrepl_owner_at(&m, 0);
		assert_int_equal(got.max, believed ? rows[i] : 0);
		assert_int_equal(got.beyond, believed ? 0 : rows[i]);
	}
}

static void
only_major_version_2_starts_an_association(void **state)
{
	static const char *const files[] = { "start-request", "start-response" };

	for (size_t i = 0; i < COUNT(files); i++) {
		uint8_t buf[ROOM];
		size_t len = file_read(files[i], buf);

		for (uint8_t major = 0; major < 5; major++) {
			buf[21] = major;
			assert_int_equal(decode_copy(buf, len, true),
			    major == 2 ? WREPL_DROP_NONE : WREPL_DROP_VERSION);
		}
		buf[21] = 2;
		buf[20] = 1;
		assert_int_equal(decode_copy(buf, len, true), WREPL_DROP_VERSION);
	}
}

/* wins 3.3: 41 bytes of a start, 40 of a stop, 40 of a records request. */
static void
fixed_messages_one_byte_short_have_a_wrong_length(void **state)
{
	static const char *const files[] = { "start-request", "start-response", "stop",
		"records-request" };

	for (size_t i = 0; i < COUNT(files); i++) {
		uint8_t buf[ROOM];
		size_t len = file_read(files[i], buf);

		put_u32(buf, (uint32_t)(len - 1 - WREPL_LENGTH_SIZE));
		assert_int_equal(decode_copy(buf, len - 1, false), WREPL_DROP_LENGTH);
	}
}

/* What Windows says to a name packet on this port looks like a start and is none (3.2). */
static void
the_name_service_reply_of_windows_is_no_start(void **state)
{
	static const uint8_t reply[] = { 0, 0, 0, 24, 0, 0, 0x85, 0x83, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0, 0, 10, 0, 1, 0, 0, 0, 0, 0, 0 };

	assert_int_equal(decode_copy(reply, sizeof(reply), false), WREPL_DROP_LENGTH);
}

static void
announcements_decode_and_encode_to_themselves(void **state)
{
	uint8_t buf[ROOM], out[WREPL_DISCOVERY_MAX];
	struct wrepl_discovery d;
	size_t len = file_read("discovery-up", buf);

	assert_int_equal(wrepl_discovery_decode(buf, len, &d), WREPL_DROP_NONE);
	assert_true(d.up);
	assert_int_equal(d.naddr, 1);
	assert_int_equal(d.addr[0].v, 0xc000020a);
	assert_int_equal(wrepl_discovery_encode(&d, out), len);
	assert_memory_equal(out, buf, len);
	len = file_read("discovery-down", buf);
	assert_int_equal(wrepl_discovery_decode(buf, len, &d), WREPL_DROP_NONE);
	assert_false(d.up);
	assert_int_equal(d.naddr, 2);
	assert_int_equal(d.addr[1].v, 0xc6336414);
	assert_int_equal(wrepl_discovery_encode(&d, out), len);
	assert_memory_equal(out, buf, len);
}

static void
announcements_have_one_of_three_signatures(void **state)
{
	static const struct {
		uint8_t low;
		enum wrepl_drop want;
	} rows[] = { { 0xcc, WREPL_DROP_SIGNATURE }, { 0xcd, 0 }, { 0xce, 0 }, { 0xcf, 0 },
		{ 0xd0, WREPL_DROP_SIGNATURE } };
	uint8_t buf[ROOM];
	size_t len = file_read("discovery-up", buf);
	struct wrepl_discovery d;

	for (size_t i = 0; i < COUNT(rows); i++) {
		buf[0] = rows[i].low;
		assert_int_equal(wrepl_discovery_decode(buf, len, &d), rows[i].want);
	}
	buf[0] = 0xcd;
	buf[3] = 1;
	assert_int_equal(wrepl_discovery_decode(buf, len, &d), WREPL_DROP_SIGNATURE);
}

static void
any_operation_but_0_of_an_announcement_is_down(void **state)
{
	uint8_t buf[ROOM];
	size_t len = file_read("discovery-up", buf);
	struct wrepl_discovery d;

	for (int i = 4; i < 8; i++) {
		buf[i] = 2;
		assert_int_equal(wrepl_discovery_decode(buf, len, &d), WREPL_DROP_NONE);
		assert_false(d.up);
		buf[i] = 0;
	}
}

/* Also of one without 0.0.0.0 at its end, and with an address cut off. */
static void
announcements_end_where_their_addresses_do(void **state)
{
	uint8_t buf[ROOM];
	struct wrepl_discovery d;

	(void)file_read("discovery-down", buf);
	for (size_t len = 0; len < 8; len++)
		assert_int_equal(wrepl_discovery_decode(buf, len, &d), WREPL_DROP_SHORT);
	for (size_t len = 8; len <= 20; len++) {
		assert_int_equal(wrepl_discovery_decode(buf, len, &d), WREPL_DROP_NONE);
		assert_int_equal(d.naddr, len < 16 ? (len - 8) / 4 : 2);
	}
	put_u32(buf + 20, 0xc0000201);
	assert_int_equal(wrepl_discovery_decode(buf, 24, &d), WREPL_DROP_NONE);
	assert_int_equal(d.naddr, 2);
}

static void
an_announcement_keeps_25_addresses(void **state)
{
	uint8_t buf[ROOM], out[WREPL_DISCOVERY_MAX];
	struct wrepl_discovery d;

	(void)file_read("discovery-up", buf);
	for (uint32_t i = 0; i < 26; i++)
		put_u32(buf + 8 + 4 * i, 0xcb007101 + i);
	assert_int_equal(wrepl_discovery_decode(buf, 8 + 4 * 25, &d), WREPL_DROP_NONE);
	assert_int_equal(d.naddr, 25);
	assert_int_equal(wrepl_discovery_decode(buf, 8 + 4 * 26, &d), WREPL_DROP_NONE);
	assert_int_equal(d.naddr, 25);
	assert_int_equal(d.addr[24].v, 0xcb007119);
	assert_int_equal(wrepl_discovery_encode(&d, out), 8 + 4 * 26);
}

static void
every_number_has_its_text(void **state)
{
	assert_string_equal(wrepl_drop_id(WREPL_DROP_SIGNATURE), "signature");
	for (int i = 0; i < WREPL_DROP_COUNT; i++)
		assert_true(*wrepl_drop_text(i) && *wrepl_drop_id(i));
	for (int i = 0; i < WREPL_KIND_COUNT; i++)
		assert_true(*wrepl_kind_text(i));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_vector_decodes_field_by_field),
		cmocka_unit_test(every_vector_encodes_to_itself),
		cmocka_unit_test(every_vector_needs_all_its_room),
		cmocka_unit_test(every_truncation_is_short),
		cmocka_unit_test(every_truncation_that_its_length_confirms_is_dropped),
		cmocka_unit_test(bytes_behind_the_fields_are_passed_over),
		cmocka_unit_test(every_bit_turned_round_is_dropped_or_survives),
		cmocka_unit_test(frames_are_from_12_bytes_to_16_mib),
		cmocka_unit_test(the_longest_message_decodes_and_one_past_it_does_not),
		cmocka_unit_test(counts_beyond_the_message_are_dropped),
		cmocka_unit_test(every_message_type_and_operation_is_known_or_dropped),
		cmocka_unit_test(the_reserved_word_is_recorded_not_required),
		cmocka_unit_test(version_is_believed_to_its_bound_and_no_further),
		cmocka_unit_test(only_major_version_2_starts_an_association),
		cmocka_unit_test(fixed_messages_one_byte_short_have_a_wrong_length),
		cmocka_unit_test(the_name_service_reply_of_windows_is_no_start),
		cmocka_unit_test(announcements_decode_and_encode_to_themselves),
		cmocka_unit_test(announcements_have_one_of_three_signatures),
		cmocka_unit_test(any_operation_but_0_of_an_announcement_is_down),
		cmocka_unit_test(announcements_end_where_their_addresses_do),
		cmocka_unit_test(an_announcement_keeps_25_addresses),
		cmocka_unit_test(every_number_has_its_text),
	};

	return cmocka_run_group_tests_name("wire_wrepl", tests, NULL, NULL);
}
