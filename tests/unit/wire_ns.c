/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The packet catalogue: every vector of tests/data/ns field by field, back to the same bytes, cut at
 * every place and with every bit turned round (netbt-name-service.md 1.8, 1.9).
 */
#include "wire/ns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "../support/hex.h"
#include "../support/ns_same.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define ALPHA    "ALPHA<20>"
#define CLIENT                             \
	{                                  \
		{                          \
			0x6000,            \
			{                  \
				0xc000020a \
			}                  \
		}                          \
	}

struct vector {
	const char *file;
	size_t len;
	const char *name;
	struct nb_msg msg; /* all but key, node and stats */
};

static const struct vector vectors[] = {
	{ "query-nbns", 50, ALPHA, { .id = 0x1001, .flags = 0x0100, .kind = NB_QUERY_REQ } },
	{ "query-broadcast", 50, ALPHA, { .id = 0x1002, .flags = 0x0110, .kind = NB_QUERY_REQ } },
	{ "query-challenge", 50, ALPHA, { .id = 0x1003, .flags = 0, .kind = NB_QUERY_REQ } },
	{ "query-positive", 68, ALPHA,
	    { .id = 0x1001,
		.flags = 0x8580,
		.kind = NB_QUERY_OK,
		.rr_type = 0x20,
		.naddr = 2,
		.addr = { { 0x6000, { 0xc000020a } }, { 0x6000, { 0xc633640a } } } } },
	{ "query-negative", 56, ALPHA,
	    { .id = 0x1001, .flags = 0x8583, .kind = NB_QUERY_FAIL, .rr_type = 0x0a } },
	{ "redirect", 138, ALPHA,
	    { .id = 0x1001,
		.flags = 0x8100,
		.kind = NB_REDIRECT,
		.rr_type = 2,
		.ttl = 3600,
		.ns_ip = { 0xc6336435 } } },
	{ "register", 68, ALPHA,
	    { .id = 0x1004,
		.flags = 0x2900,
		.kind = NB_REGISTER_REQ,
		.rr_type = 0x20,
		.ttl = 300000,
		.naddr = 1,
		.addr = CLIENT } },
	{ "register-multihomed", 68, ALPHA,
	    { .id = 0x1005,
		.flags = 0x7900,
		.kind = NB_REGISTER_REQ,
		.rr_type = 0x20,
		.ttl = 300000,
		.naddr = 1,
		.addr = CLIENT } },
	{ "overwrite", 68, ALPHA,
	    { .id = 0x100a,
		.flags = 0x2810,
		.kind = NB_REGISTER_REQ,
		.rr_type = 0x20,
		.naddr = 1,
		.addr = { { 0, { 0xc000020a } } } } },
	{ "wack", 58, ALPHA,
	    { .id = 0x1005,
		.flags = 0xbc00,
		.kind = NB_WACK,
		.rr_type = 0x20,
		.ttl = 9,
		.wack_flags = 0x7900 } },
	{ "register-positive", 62, ALPHA,
	    { .id = 0x1005,
		.flags = 0xad80,
		.kind = NB_REGISTER_RESP,
		.rr_type = 0x20,
		.ttl = 518400,
		.naddr = 1,
		.addr = CLIENT } },
	{ "register-negative", 62, ALPHA,
	    { .id = 0x1005,
		.flags = 0xad86,
		.kind = NB_REGISTER_RESP,
		.rr_type = 0x20,
		.naddr = 1,
		.addr = { { 0x6000, { 0xc6336407 } } } } },
	{ "conflict-demand", 62, ALPHA,
	    { .id = 0x1005,
		.flags = 0xad87,
		.kind = NB_REGISTER_RESP,
		.rr_type = 0x20,
		.naddr = 1 } },
	{ "refresh", 68, ALPHA,
	    { .id = 0x1007,
		.flags = 0x4000,
		.kind = NB_REFRESH_REQ,
		.rr_type = 0x20,
		.ttl = 300000,
		.naddr = 1,
		.addr = CLIENT } },
	{ "refresh-9", 80, "ALPHA<20>.EXAMPLE.LAB",
	    { .id = 0x1004,
		.flags = 0x4800,
		.kind = NB_REFRESH_REQ,
		.rr_type = 0x20,
		.ttl = 300000,
		.naddr = 1,
		.addr = CLIENT } },
	{ "release", 68, ALPHA,
	    { .id = 0x1006,
		.flags = 0x3000,
		.kind = NB_RELEASE_REQ,
		.rr_type = 0x20,
		.naddr = 1,
		.addr = CLIENT } },
	{ "release-positive", 62, ALPHA,
	    { .id = 0x1006,
		.flags = 0xb400,
		.kind = NB_RELEASE_RESP,
		.rr_type = 0x20,
		.naddr = 1,
		.addr = CLIENT } },
	{ "status-request", 50, "*", { .id = 0x1008, .flags = 0, .kind = NB_STATUS_REQ } },
	{ "status-response", 139, "*",
	    { .id = 0x1008,
		.flags = 0x8400,
		.kind = NB_STATUS_RESP,
		.rr_type = 0x21,
		.nnode = 2,
		.stats_len = 46 } },
	{ "status-mac-only", 81, "*",
	    { .id = 0x1008,
		.flags = 0x8400,
		.kind = NB_STATUS_RESP,
		.rr_type = 0x21,
		.nnode = 1,
		.stats_len = 6 } },
};

static size_t
vector_read(const struct vector *v, uint8_t *buf, size_t cap)
{
	char path[128];
	size_t len;

	snprintf(path, sizeof(path), "ns/%s.hex", v->file);
	len = hex_read(path, buf, cap);
	assert_int_equal(len, v->len);
	return len;
}

static void
every_vector_decodes_field_by_field(void **state)
{
	for (size_t i = 0; i < COUNT(vectors); i++) {
		struct nb_msg want = vectors[i].msg, got;
		uint8_t buf[256];
		size_t len = vector_read(&vectors[i], buf, sizeof(buf));

		print_message("# %s\n", vectors[i].file);
		memset(&got, 0xa5, sizeof(got));
		assert_int_equal(nb_decode(buf, len, &got), NB_DROP_NONE);
		assert_int_equal(nb_key_parse(vectors[i].name, 0x20, &want.key), 0);
		if (want.kind == NB_REDIRECT)
			assert_int_equal(nb_key_parse("BETA<20>", 0, &want.ns_key), 0);
		want.node = got.node;
		want.stats = got.stats;
		assert_true(ns_same(&got, &want));
	}
}

static void
every_vector_encodes_to_itself(void **state)
{
	for (size_t i = 0; i < COUNT(vectors); i++) {
		uint8_t buf[256], out[256];
		size_t len = vector_read(&vectors[i], buf, sizeof(buf));
		struct nb_msg m;

		print_message("# %s\n", vectors[i].file);
		assert_int_equal(nb_decode(buf, len, &m), NB_DROP_NONE);
		memset(out, 0xa5, sizeof(out));
		assert_int_equal(nb_encode(&m, out, sizeof(out)), len);
		assert_memory_equal(out, buf, len);
	}
}

static void
every_vector_needs_all_its_room(void **state)
{
	for (size_t i = 0; i < COUNT(vectors); i++) {
		uint8_t buf[256], out[256];
		size_t len = vector_read(&vectors[i], buf, sizeof(buf));
		struct nb_msg m;

		assert_int_equal(nb_decode(buf, len, &m), NB_DROP_NONE);
		for (size_t cap = 0; cap < len; cap++) {
			size_t used = nb_encode(&m, out, cap);

			/* Lists are cut and say so; nothing else is. */
			assert_true(used == 0 || (out[2] & 2));
			assert_true(used <= cap);
			if (m.naddr < 2 && !m.nnode)
				assert_int_equal(used, 0);
		}
	}
}

/* The only packet that is whole without its end: a negative answer without its record. */
static void
every_truncation_is_dropped(void **state)
{
	for (size_t i = 0; i < COUNT(vectors); i++) {
		uint8_t buf[256];
		size_t len = vector_read(&vectors[i], buf, sizeof(buf));

		for (size_t cut = 0; cut < len; cut++) {
			/* Of exactly that size, so that a sanitizer sees one byte too many. */
			uint8_t *copy = malloc(cut + !cut);
			struct nb_msg m;
			bool whole = cut == 12 && vectors[i].msg.kind == NB_QUERY_FAIL;

			assert_non_null(copy);
			memcpy(copy, buf, cut);
			assert_int_equal(
			    nb_decode(copy, cut, &m), whole ? NB_DROP_NONE : NB_DROP_SHORT);
			free(copy);
		}
	}
}

static void
bytes_behind_the_last_record_are_passed_over(void **state)
{
	for (size_t i = 0; i < COUNT(vectors); i++) {
		uint8_t buf[256];
		size_t len = vector_read(&vectors[i], buf, sizeof(buf));
		struct nb_msg m, longer;

		buf[len] = 0xff;
		assert_int_equal(nb_decode(buf, len, &m), NB_DROP_NONE);
		assert_int_equal(nb_decode(buf, len + 1, &longer), NB_DROP_NONE);
		assert_true(ns_same(&m, &longer));
	}
}

static void
every_bit_turned_round_is_dropped_or_survives(void **state)
{
	uint8_t *out = malloc(65535);
	unsigned decoded = 0, dropped = 0;

	assert_non_null(out);
	for (size_t i = 0; i < COUNT(vectors); i++) {
		uint8_t buf[256];
		size_t len = vector_read(&vectors[i], buf, sizeof(buf));
		uint8_t *copy = malloc(len);

		assert_non_null(copy);
		for (size_t bit = 0; bit < len * 8; bit++) {
			struct nb_msg m;
			int drop;

			memcpy(copy, buf, len);
			copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
			drop = nb_decode(copy, len, &m);
			assert_in_range(drop, 0, NB_DROP_NAME_MISMATCH + 1);
			if (drop) {
				dropped++;
				continue;
			}
			decoded++;
			assert_true(ns_survives(&m, out));
		}
		free(copy);
	}
	free(out);
	assert_true(decoded > 0 && dropped > 0);
}

static void
node_status_entries_read_as_written(void **state)
{
	static const uint8_t unit_id[6] = { 2, 0, 0, 0, 0, 1 };
	uint8_t buf[256], entry[NB_NODE_LEN];
	size_t len = vector_read(&vectors[COUNT(vectors) - 2], buf, sizeof(buf));
	struct nb_node alpha, lab;
	struct nb_msg m;
	struct wr w;

	assert_int_equal(nb_decode(buf, len, &m), NB_DROP_NONE);
	alpha = nb_node_at(&m, 0);
	lab = nb_node_at(&m, 1);
	assert_memory_equal(alpha.name.b, "ALPHA          \0", 16);
	assert_int_equal(alpha.flags, NB_NF_ONT | NB_NF_ACTIVE);
	assert_memory_equal(lab.name.b, "LAB            \0", 16);
	assert_int_equal(lab.flags, NB_NF_GROUP | NB_NF_ONT | NB_NF_ACTIVE);
	assert_memory_equal(m.stats, unit_id, sizeof(unit_id));
	w = wr_init(entry, sizeof(entry));
	nb_node_encode(&w, &lab);
	assert_false(w.bad);
	assert_memory_equal(entry, m.node + NB_NODE_LEN, NB_NODE_LEN);
}

static void
every_number_has_its_text(void **state)
{
	assert_string_equal(nb_drop_id(NB_DROP_NO_QUESTION), "no-question");
	for (int i = 0; i < NB_DROP_COUNT; i++)
		assert_true(*nb_drop_text(i) && *nb_drop_id(i));
	for (int i = 0; i < NB_KIND_COUNT; i++)
		assert_true(*nb_kind_text(i));
	assert_string_equal(nb_rcode_text(NB_RC_OK), "success");
	assert_string_equal(nb_rcode_text(NB_RC_CFT), "CFT_ERR");
	assert_string_equal(nb_rcode_text(8), "unknown");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_vector_decodes_field_by_field),
		cmocka_unit_test(every_vector_encodes_to_itself),
		cmocka_unit_test(every_vector_needs_all_its_room),
		cmocka_unit_test(every_truncation_is_dropped),
		cmocka_unit_test(bytes_behind_the_last_record_are_passed_over),
		cmocka_unit_test(every_bit_turned_round_is_dropped_or_survives),
		cmocka_unit_test(node_status_entries_read_as_written),
		cmocka_unit_test(every_number_has_its_text),
	};

	return cmocka_run_group_tests_name("wire_ns", tests, NULL, NULL);
}
