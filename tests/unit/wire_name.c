/* SPDX-License-Identifier: Apache-2.0 */
/* NetBIOS names: wire form and text, at each bound and one past it (netbt-name-service.md 1.1-1.3). */
#include "wire/name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/err.h"
#include "wire/ns.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static struct nb_key
key_of(const char *text)
{
	struct nb_key key;

	assert_int_equal(nb_key_parse(text, 0, &key), 0);
	return key;
}

/* A key whose scope is len characters of text, in labels as long as they can be. */
static struct nb_key
scoped(unsigned len)
{
	struct nb_key key = key_of("ALPHA<20>");
	unsigned used = 0;

	while (len) {
		unsigned label = len > 63 ? 63 : len;

		/* No character may be left over for a label of its own without its dot. */
		if (len == 64)
			label = 62;
		key.scope.b[used] = (uint8_t)label;
		memset(key.scope.b + used + 1, 'S', label);
		used += 1 + label;
		len -= label;
		len -= len > 0;
	}
	key.scope.len = (uint8_t)used;
	return key;
}

static int
decode(const uint8_t *buf, size_t len, struct nb_key *ret)
{
	struct rd r = rd_init(buf, len);

	return nb_name_decode(&r, NULL, ret);
}

static void
encoding_is_that_of_the_examples(void **state)
{
	static const struct {
		const char *text, *encoded;
	} rows[] = {
		{ "FRED<20>", "EGFCEFEECACACACACACACACACACACACA" },
		{ "ALPHA<20>", "EBEMFAEIEBCACACACACACACACACACACA" },
		{ "ALPHA<00>", "EBEMFAEIEBCACACACACACACACACACAAA" },
		{ "*", "CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" },
		{ "*SMBSERVER<20>", "CKFDENECFDEFFCFGEFFCCACACACACACA" },
		{ "\\x01\\x02__MSBROWSE__\\x02<01>", "ABACFPFPENFDECFCEPFHFDEFFPFPACAB" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct nb_key key = key_of(rows[i].text), back;
		uint8_t buf[64];
		struct wr w = wr_init(buf, sizeof(buf));

		nb_name_encode(&w, &key);
		assert_int_equal(w.p - buf, 34);
		assert_int_equal(buf[0], 32);
		assert_memory_equal(buf + 1, rows[i].encoded, 32);
		assert_int_equal(buf[33], 0);
		assert_int_equal(decode(buf, 34, &back), 0);
		assert_memory_equal(&back, &key, sizeof(key));
	}
}

static void
every_byte_value_survives_in_every_place(void **state)
{
	for (unsigned v = 0; v < 256; v++)
		for (unsigned place = 0; place < NB_NAME_LEN; place++) {
			struct nb_key key = key_of("ALPHA<20>"), back;
			uint8_t buf[34];
			struct wr w = wr_init(buf, sizeof(buf));

			key.name.b[place] = (uint8_t)v;
			nb_name_encode(&w, &key);
			assert_int_equal(decode(buf, sizeof(buf), &back), 0);
			assert_memory_equal(&back, &key, sizeof(key));
		}
}

static void
a_character_outside_a_to_p_is_refused_in_every_place(void **state)
{
	for (unsigned v = 0; v < 256; v++)
		for (unsigned place = 1; place <= 32; place++) {
			struct nb_key key = key_of("ALPHA<20>");
			uint8_t buf[34];
			struct wr w = wr_init(buf, sizeof(buf));

			nb_name_encode(&w, &key);
			buf[place] = (uint8_t)v;
			assert_int_equal(decode(buf, sizeof(buf), &key),
			    v >= 'A' && v <= 'P' ? NB_DROP_NONE : NB_DROP_LABEL);
		}
}

static void
scopes_survive_up_to_what_can_be_held(void **state)
{
	static const unsigned lengths[] = { 0, 1, 62, 63, 64, 65, 127, 236, 237, 238, 253, 254 };

	for (size_t i = 0; i < COUNT(lengths); i++) {
		struct nb_key key = scoped(lengths[i]), back;
		uint8_t buf[34 + 255];
		struct wr w = wr_init(buf, sizeof(buf));
		struct rd r;

		assert_int_equal(key.scope.len, lengths[i] + (lengths[i] > 0));
		memset(&back, 0xa5, sizeof(back));
		nb_name_encode(&w, &key);
		assert_false(w.bad);
		r = rd_init(buf, sizeof(buf));
		assert_int_equal(nb_name_decode(&r, NULL, &back), 0);
		assert_ptr_equal(r.p, w.p);
		assert_memory_equal(&back, &key, sizeof(key));
	}
}

static void
a_scope_of_255_characters_is_refused(void **state)
{
	struct nb_key key = key_of("ALPHA<20>");
	uint8_t buf[34 + 256] = { 0 };
	struct wr w = wr_init(buf, 33);

	nb_name_encode(&w, &key);
	assert_true(w.bad);
	w = wr_init(buf, sizeof(buf));
	nb_name_encode(&w, &key);
	for (int label = 0; label < 4; label++)
		buf[33 + 64 * label] = 63;
	assert_int_equal(decode(buf, sizeof(buf), &key), NB_DROP_SCOPE);
}

static void
a_name_that_does_not_fit_is_not_begun(void **state)
{
	struct nb_key key = scoped(10);
	uint8_t buf[45];
	struct wr w = wr_init(buf, sizeof(buf));

	nb_name_encode(&w, &key);
	assert_false(w.bad);
	w = wr_init(buf, sizeof(buf) - 1);
	nb_name_encode(&w, &key);
	assert_true(w.bad);
	assert_ptr_equal(w.p, buf);
}

static void
labels_of_another_length_or_kind_are_refused(void **state)
{
	static const struct {
		unsigned place, octet;
		int drop;
	} rows[] = {
		{ 0, 0, NB_DROP_LABEL }, { 0, 31, NB_DROP_LABEL }, { 0, 33, NB_DROP_LABEL },
		{ 0, 63, NB_DROP_LABEL }, { 0, 64, NB_DROP_LABEL }, { 0, 0x80, NB_DROP_LABEL },
		{ 0, 0xbf, NB_DROP_LABEL }, { 0, 0xc0, NB_DROP_POINTER }, { 33, 64, NB_DROP_LABEL },
		{ 33, 0x80, NB_DROP_LABEL }, { 33, 0xc0, NB_DROP_POINTER },
		{ 33, 63, NB_DROP_NONE },
		{ 33, 62, NB_DROP_SHORT }, /* the 0 of the root is missing then */
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct nb_key key = scoped(63);
		uint8_t buf[34 + 64];
		struct wr w = wr_init(buf, sizeof(buf));

		nb_name_encode(&w, &key);
		buf[rows[i].place] = (uint8_t)rows[i].octet;
		if (rows[i].octet == 62)
			buf[33 + 63] = 1;
		assert_int_equal(decode(buf, sizeof(buf), &key), rows[i].drop);
	}
}

static void
every_truncation_of_a_name_is_short(void **state)
{
	struct nb_key key = key_of("ALPHA<20>.EXAMPLE.LAB");
	uint8_t buf[46];
	struct wr w = wr_init(buf, sizeof(buf));

	nb_name_encode(&w, &key);
	assert_int_equal(w.p - buf, 46);
	for (size_t len = 0; len < sizeof(buf); len++) {
		struct rd r = rd_init(buf, len);

		assert_int_equal(nb_name_decode(&r, NULL, &key), NB_DROP_SHORT);
		assert_ptr_equal(r.p, buf);
	}
}

/* A packet for pointers: ALPHA<20>.EXAMPLE.LAB behind the header at 12, to 58; then free space. */
struct page {
	uint8_t b[128];
	struct rd packet;
};

static void
page_init(struct page *pg)
{
	struct nb_key key = key_of("ALPHA<20>.EXAMPLE.LAB");
	struct wr w = wr_init(pg->b + 12, 46);

	memset(pg->b, 0, sizeof(pg->b));
	nb_name_encode(&w, &key);
	pg->packet = rd_init(pg->b, sizeof(pg->b));
}

static void
point(struct page *pg, unsigned at, unsigned to)
{
	pg->b[at] = (uint8_t)(0xc0 | to >> 8);
	pg->b[at + 1] = (uint8_t)to;
}

static int
decode_at(const struct page *pg, unsigned at, struct nb_key *ret, unsigned *ret_behind)
{
	struct rd r = { .p = pg->b + at, .end = pg->packet.end };
	int drop = nb_name_decode(&r, &pg->packet, ret);

	*ret_behind = (unsigned)(r.p - pg->b);
	return drop;
}

static void
a_pointer_backwards_gives_the_name_it_points_to(void **state)
{
	struct nb_key want = key_of("ALPHA<20>.EXAMPLE.LAB"), key;
	struct page pg;
	unsigned behind;

	page_init(&pg);
	point(&pg, 58, 12);
	assert_int_equal(decode_at(&pg, 58, &key, &behind), 0);
	assert_int_equal(behind, 60);
	assert_memory_equal(&key, &want, sizeof(key));
}

static void
a_pointer_may_stand_for_the_scope_alone(void **state)
{
	struct nb_key want = key_of("BETA<00>.EXAMPLE.LAB"), bare = key_of("BETA<00>"), key;
	struct page pg;
	struct wr w;
	unsigned behind;

	page_init(&pg);
	w = wr_init(pg.b + 58, 34);
	nb_name_encode(&w, &bare);
	point(&pg, 58 + 33, 12 + 33);
	assert_int_equal(decode_at(&pg, 58, &key, &behind), 0);
	assert_int_equal(behind, 58 + 35);
	assert_memory_equal(&key, &want, sizeof(key));
}

static void
pointers_that_could_loop_are_refused(void **state)
{
	struct nb_key key;
	struct page pg;
	unsigned behind;

	page_init(&pg);
	for (unsigned to = 0; to < 12; to++) { /* into the header */
		point(&pg, 58, to);
		assert_int_equal(decode_at(&pg, 58, &key, &behind), NB_DROP_POINTER);
	}
	for (unsigned to = 58; to < 0x4000; to++) { /* to itself, forward, past the end */
		point(&pg, 58, to);
		assert_int_equal(decode_at(&pg, 58, &key, &behind), NB_DROP_POINTER);
	}
	point(&pg, 12 + 33, 12); /* as the scope of the name that it points to */
	assert_int_equal(decode_at(&pg, 12, &key, &behind), NB_DROP_POINTER);
	page_init(&pg);
	point(&pg, 58, 12); /* back, and from there to a place already passed */
	point(&pg, 12 + 33, 30);
	assert_int_equal(decode_at(&pg, 58, &key, &behind), NB_DROP_POINTER);
}

static void
ten_hops_are_followed_and_eleven_are_not(void **state)
{
	struct nb_key key;
	struct page pg;
	unsigned behind;

	page_init(&pg);
	point(&pg, 58, 12);
	for (unsigned i = 1; i < 11; i++)
		point(&pg, 58 + 2 * i, 58 + 2 * (i - 1));
	assert_int_equal(decode_at(&pg, 58 + 2 * 9, &key, &behind), 0);
	assert_int_equal(behind, 58 + 2 * 10);
	assert_int_equal(decode_at(&pg, 58 + 2 * 10, &key, &behind), NB_DROP_POINTER);
}

static void
half_a_pointer_is_short(void **state)
{
	struct page pg;
	struct nb_key key;
	struct rd r;

	page_init(&pg);
	point(&pg, 58, 12);
	pg.packet.end = pg.b + 59;
	r = (struct rd){ .p = pg.b + 58, .end = pg.packet.end };
	assert_int_equal(nb_name_decode(&r, &pg.packet, &key), NB_DROP_SHORT);
}

static void
prints_what_a_person_can_read(void **state)
{
	static const struct {
		const char *typed, *printed;
	} rows[] = {
		{ "ALPHA<20>", "ALPHA<20>" },
		{ "ALPHA#1b", "ALPHA<1B>" },
		{ "ALPHA#1B.EXAMPLE.LAB", "ALPHA<1B>.EXAMPLE.LAB" },
		{ "alpha", "alpha<00>" },
		{ "A.B", "A.B<00>" },
		{ "A B", "A B<00>" },
		{ " A", " A<00>" },
		{ "#20", "<20>" },
		{ "*", "*<00>" },
		{ "*<20>", "*<20>" },
		{ "*\\x20", "*\\x20<00>" },
		{ "*SMBSERVER", "*SMBSERVER<00>" },
		{ "\\x01\\x02__MSBROWSE__\\x02<01>", "\\x01\\x02__MSBROWSE__\\x02<01>" },
		{ "A\\x3cB\\x3E\\x5c\\x22\\x23", "A\\x3cB\\x3e\\x5c\\x22\\x23<00>" },
		{ "A\"B>C", "A\\x22B\\x3eC<00>" },
		{ "\\xff\\x7f\\x00", "\\xff\\x7f\\x00<00>" },
		{ "A<20>.x\\x2ey.\\x00", "A<20>.x\\x2ey.\\x00" },
		{ "ABCDEFGHIJKLMNO<FF>", "ABCDEFGHIJKLMNO<FF>" },
	};
	char buf[NB_KEY_STRLEN];

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct nb_key key = key_of(rows[i].typed);

		assert_string_equal(nb_key_print(&key, buf), rows[i].printed);
	}
}

static void
a_bare_name_gets_the_default_suffix(void **state)
{
	struct nb_key key;

	assert_int_equal(nb_key_parse("ALPHA", 0x20, &key), 0);
	assert_int_equal(nb_suffix(&key), 0x20);
	assert_int_equal(nb_key_parse("ALPHA<03>", 0x20, &key), 0);
	assert_int_equal(nb_suffix(&key), 3);
	assert_int_equal(nb_key_parse("*", 0x20, &key), 0);
	assert_int_equal(nb_suffix(&key), 0);
}

static void
case_is_kept_and_makes_another_name(void **state)
{
	struct nb_key upper = key_of("ALPHA<20>.LAB"), lower = key_of("alpha<20>.LAB");
	struct nb_key scope = key_of("ALPHA<20>.lab"), same = key_of("ALPHA#20.LAB");

	assert_false(nb_key_eq(&upper, &lower));
	assert_false(nb_key_eq(&upper, &scope));
	assert_true(nb_key_eq(&upper, &same));
}

static void
text_that_is_no_name_is_refused(void **state)
{
	static const char *const bad[] = { "", "ABCDEFGHIJKLMNOP", "A<", "A<2", "A<20", "A<2>",
		"A<200>", "A<xx>", "A<20>B", "A#", "A#2", "A#200", "A#20x", "A#xx", "A#20.",
		"A<20>.", "A<20>..B", "A<20>.B.", "A\\", "A\\x", "A\\x1", "A\\xgg", "A\\n",
		"A<20>.\\x1",
		"A<20>.1234567890123456789012345678901234567890123456789012345678901234" };
	struct nb_key key = key_of("BETA<20>"), before = key;

	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(nb_key_parse(bad[i], 0, &key), NBT_EINVAL);
	assert_memory_equal(&key, &before, sizeof(key));
}

static void
the_longest_scope_parses_and_one_more_does_not(void **state)
{
	struct nb_key key = scoped(254), back;
	char buf[NB_KEY_STRLEN];

	nb_key_print(&key, buf);
	assert_int_equal(nb_key_parse(buf, 0, &back), 0);
	assert_memory_equal(&back, &key, sizeof(key));
	strcat(buf, "S");
	assert_int_equal(nb_key_parse(buf, 0, &back), NBT_EINVAL);
	buf[strlen(buf) - 1] = 0;
	strcat(buf, ".");
	assert_int_equal(nb_key_parse(buf, 0, &back), NBT_EINVAL);
}

static void
the_longest_text_fits(void **state)
{
	struct nb_key key = { 0 };
	char buf[NB_KEY_STRLEN];

	memset(&key, 0xff, sizeof(key));
	key.scope.len = 255;
	for (int label = 0; label < 4; label++)
		key.scope.b[64 * label] = label < 3 ? 63 : 62;
	assert_true(strlen(nb_key_print(&key, buf)) < NB_KEY_STRLEN);
}

static void
random_names_read_back_as_printed(void **state)
{
	const char *text = getenv("TEST_SEED");
	unsigned seed = text ? (unsigned)strtoul(text, NULL, 0) : 20260101;

	print_message("# TEST_SEED=%u\n", seed);
	srand(seed);
	for (int round = 0; round < 20000; round++) {
		struct nb_key key = scoped((unsigned)rand() % 255), back;
		char buf[NB_KEY_STRLEN];

		for (int i = 0; i < NB_NAME_LEN; i++)
			key.name.b[i] = (uint8_t)(rand() % 3 ? "*. A\0<#\\"[rand() % 8] : rand());
		for (unsigned i = 0; i < key.scope.len; i += key.scope.b[i] + 1u)
			for (unsigned j = 1; j <= key.scope.b[i]; j++)
				key.scope.b[i + j] = (uint8_t)rand();
		assert_int_equal(nb_key_parse(nb_key_print(&key, buf), 0x20, &back), 0);
		assert_memory_equal(&back, &key, sizeof(key));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encoding_is_that_of_the_examples),
		cmocka_unit_test(every_byte_value_survives_in_every_place),
		cmocka_unit_test(a_character_outside_a_to_p_is_refused_in_every_place),
		cmocka_unit_test(scopes_survive_up_to_what_can_be_held),
		cmocka_unit_test(a_scope_of_255_characters_is_refused),
		cmocka_unit_test(a_name_that_does_not_fit_is_not_begun),
		cmocka_unit_test(labels_of_another_length_or_kind_are_refused),
		cmocka_unit_test(every_truncation_of_a_name_is_short),
		cmocka_unit_test(a_pointer_backwards_gives_the_name_it_points_to),
		cmocka_unit_test(a_pointer_may_stand_for_the_scope_alone),
		cmocka_unit_test(pointers_that_could_loop_are_refused),
		cmocka_unit_test(ten_hops_are_followed_and_eleven_are_not),
		cmocka_unit_test(half_a_pointer_is_short),
		cmocka_unit_test(prints_what_a_person_can_read),
		cmocka_unit_test(a_bare_name_gets_the_default_suffix),
		cmocka_unit_test(case_is_kept_and_makes_another_name),
		cmocka_unit_test(text_that_is_no_name_is_refused),
		cmocka_unit_test(the_longest_scope_parses_and_one_more_does_not),
		cmocka_unit_test(the_longest_text_fits),
		cmocka_unit_test(random_names_read_back_as_printed),
	};

	return cmocka_run_group_tests_name("wire_name", tests, NULL, NULL);
}
