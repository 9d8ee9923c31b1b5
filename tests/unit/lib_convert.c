/* SPDX-License-Identifier: Apache-2.0 */
/* libnetbt's names and packets: the public structs say what the wire says, both ways, at the bounds. */
#include <netbt/netbt.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <cmocka.h>

#include "../support/hex.h"

static struct nbt_packet
decode(const char *file)
{
	struct nbt_packet p;
	uint8_t bytes[1472];
	char path[100];
	size_t len;

	snprintf(path, sizeof(path), "ns/%s.hex", file);
	len = hex_read(path, bytes, sizeof(bytes));
	assert_int_equal(nbt_decode(bytes, len, &p), 0);
	return p;
}

static void
names_are_read_and_printed(void **state)
{
	static const char *const same[] = { "ALPHA<20>", "*<00>", "\\x01\\x02__MSBROWSE__\\x02<01>",
		"A<20>.EXAMPLE.LAB" };
	char text[NBT_NAME_TEXT];
	struct nbt_name name;

	for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++) {
		assert_int_equal(nbt_name_parse(same[i], 0, &name), 0);
		assert_string_equal(nbt_name_print(&name, text), same[i]);
	}
	assert_string_equal(name.scope, "EXAMPLE.LAB");
	assert_int_equal(nbt_name_parse("fred", 0x20, &name), 0);
	assert_memory_equal(name.b, "fred            ", 16);
	assert_int_equal(nbt_name_parse("ABCDEFGHIJKLMNOP", 0, &name), NBT_ERR_INVALID);
	assert_int_equal(nbt_name_parse("A<20>..B", 0, &name), NBT_ERR_INVALID);
}

/* Every packet of the catalogue that a program may send comes back as the bytes it was. */
static void
packets_survive_both_ways(void **state)
{
	static const char *const files[] = { "query-nbns", "query-broadcast", "query-positive",
		"query-negative", "register", "register-multihomed", "register-positive",
		"register-negative", "refresh", "refresh-9", "release", "release-positive",
		"status-request", "status-response" };

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		uint8_t want[1472], got[NBT_PACKET_MAX];
		struct nbt_packet p = decode(files[i]);
		char path[100];
		size_t len;

		print_message("# %s\n", files[i]);
		snprintf(path, sizeof(path), "ns/%s.hex", files[i]);
		len = hex_read(path, want, sizeof(want));
		assert_int_equal(nbt_encode(&p, got, sizeof(got)), len);
		assert_memory_equal(got, want, len);
	}
}

static void
members_hold_what_the_packet_says(void **state)
{
	struct nbt_packet p = decode("query-positive");

	assert_int_equal(p.kind, NBT_QUERY_POSITIVE);
	assert_int_equal(p.id, 0x1001);
	assert_int_equal(p.naddress, 2);
	assert_int_equal(p.address[0].address.s_addr, inet_addr("192.0.2.10"));
	assert_int_equal(p.address[1].flags, 0x6000);
	assert_memory_equal(p.name.b, "ALPHA          \x20", 16);
	p = decode("register-negative");
	assert_int_equal(NBT_RCODE(&p), 6);
	p = decode("status-response");
	assert_int_equal(p.nnode, 2);
	assert_memory_equal(p.node[1].b, "LAB            \0", 16);
	assert_int_equal(p.node[1].flags, 0xe400);
	assert_true(p.has_mac);
	assert_memory_equal(p.mac, "\x02\0\0\0\0\x01", 6);
	p = decode("wack");
	assert_int_equal(p.kind, NBT_WAIT);
	assert_int_equal(p.ttl, 9);
}

static void
what_cannot_be_sent_is_no_packet(void **state)
{
	uint8_t out[NBT_PACKET_MAX];
	struct nbt_packet p = decode("register"), q;

	assert_int_equal(nbt_encode(&p, out, 67), 0);
	assert_int_equal(nbt_encode(&p, out, 68), 68);
	q = p;
	q.naddress = 2;
	assert_int_equal(nbt_encode(&q, out, sizeof(out)), 0);
	q.naddress = 0;
	assert_int_equal(nbt_encode(&q, out, sizeof(out)), 0);
	q = p;
	q.flags |= 0x8000;
	assert_int_equal(nbt_encode(&q, out, sizeof(out)), 0);
	q = p;
	q.flags = 0x3000; /* the operation of a release */
	assert_int_equal(nbt_encode(&q, out, sizeof(out)), 0);
	q = p;
	q.kind = NBT_WAIT;
	assert_int_equal(nbt_encode(&q, out, sizeof(out)), 0);
	q = decode("query-positive");
	q.naddress = NBT_ADDRESSES_MAX;
	assert_int_equal(nbt_encode(&q, out, sizeof(out)), 548);
	q.naddress = NBT_ADDRESSES_MAX + 1;
	assert_int_equal(nbt_encode(&q, out, sizeof(out)), 0);
	q = decode("status-response");
	q.nnode = NBT_NODES_MAX + 1;
	assert_int_equal(nbt_encode(&q, out, sizeof(out)), 0);
}

static void
scopes_are_labels_of_at_most_63(void **state)
{
	struct nbt_packet p = decode("query-nbns");
	uint8_t out[NBT_PACKET_MAX];

	strcpy(p.name.scope, "EXAMPLE.LAB");
	assert_int_equal(nbt_encode(&p, out, sizeof(out)), 50 + 12);
	memset(p.name.scope, 'x', 63);
	p.name.scope[63] = 0;
	assert_int_equal(nbt_encode(&p, out, sizeof(out)), 50 + 64);
	memset(p.name.scope, 'x', 64);
	p.name.scope[64] = 0;
	assert_int_equal(nbt_encode(&p, out, sizeof(out)), 0);
	strcpy(p.name.scope, "A..B");
	assert_int_equal(nbt_encode(&p, out, sizeof(out)), 0);
	strcpy(p.name.scope, "A.");
	assert_int_equal(nbt_encode(&p, out, sizeof(out)), 0);
	memset(p.name.scope, 'x', sizeof(p.name.scope)); /* without its NUL */
	for (size_t i = 63; i < sizeof(p.name.scope); i += 64)
		p.name.scope[i] = '.';
	assert_int_equal(nbt_encode(&p, out, sizeof(out)), 0);
	p.name.scope[NBT_SCOPE_LEN] = 0;
	assert_int_equal(nbt_encode(&p, out, sizeof(out)), 50 + 238);
}

static void
damaged_packets_are_told_and_change_nothing(void **state)
{
	struct nbt_packet p = { .id = 77 };
	uint8_t bytes[1472];
	size_t len = hex_read("ns/query-positive.hex", bytes, sizeof(bytes));

	for (size_t n = 0; n < len; n++)
		assert_int_equal(nbt_decode(bytes, n, &p), NBT_ERR_FORMAT);
	assert_int_equal(p.id, 77);
}

static void
every_error_has_a_sentence_of_its_own(void **state)
{
	static const int errors[] = { 0, NBT_ERR_MEMORY, NBT_ERR_SYSTEM, NBT_ERR_BUSY,
		NBT_ERR_FORMAT, NBT_ERR_EXISTS, NBT_ERR_NOT_FOUND, NBT_ERR_LIMIT, NBT_ERR_INVALID,
		NBT_ERR_DENIED, NBT_ERR_TIMEOUT, NBT_ERR_NO_DAEMON, NBT_ERR_REFUSED, -999 };

	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++)
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(
			    nbt_error_text(errors[i]), nbt_error_text(errors[j]));
	assert_true(strlen(nbt_version()) >= 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_read_and_printed),
		cmocka_unit_test(packets_survive_both_ways),
		cmocka_unit_test(members_hold_what_the_packet_says),
		cmocka_unit_test(what_cannot_be_sent_is_no_packet),
		cmocka_unit_test(scopes_are_labels_of_at_most_63),
		cmocka_unit_test(damaged_packets_are_told_and_change_nothing),
		cmocka_unit_test(every_error_has_a_sentence_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
