/* SPDX-License-Identifier: Apache-2.0 */
/* Which frames are taken past the kernel, and what an answer's frame is: each field, each bound. */
#include "io/xdp_frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define MIN 12
#define MAX 548

/*
 * A query for PRINTER<20> from 10.255.0.3 port 1025 to 10.255.0.1 port 137. The checksums were worked
 * out by other code than ours.
 */
static const uint8_t query[] = { 0x02, 0x00, 0x00, 0x00, 0x00, 0x01, 0x02, 0x00, 0x00, 0x00, 0x00,
	0x03, 0x08, 0x00, /* MACs */
	0x45, 0x00, 0x00, 0x4e, 0x12, 0x34, 0x40, 0x00, 0x40, 0x11, 0x12, 0x6a, 0x0a, 0xff, 0x00,
	0x03, 0x0a, 0xff, 0x00, 0x01,                                           /* IPv4 */
	0x04, 0x01, 0x00, 0x89, 0x00, 0x3a, 0x79, 0x52,                         /* UDP */
	0x12, 0x34, 0x01, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* header */
	0x20, 'F', 'A', 'F', 'C', 'E', 'J', 'E', 'O', 'F', 'E', 'E', 'F', 'F', 'C', 'C', 'A', 'C',
	'A', 'C', 'A', 'C', 'A', 'C', 'A', 'C', 'A', 'C', 'A', 'C', 'A', 'C', 'A', 0x00, 0x00, 0x20,
	0x00, 0x01 };

#define PAYLOAD 50

struct frame {
	uint8_t b[2048];
	size_t len;
};

static struct xdp_want
wanted(void)
{
	return (struct xdp_want){
		.address = { htonl(0xc0000201), 0, htonl(0x0aff0001) },
		.mask = { 0, 0, 0xf9, 0x10 },
		.value = { 0, 0, 0x01, 0 },
		.mac = { 0x02, 0, 0, 0, 0, 0x01 },
		.port = 137,
		.min = MIN,
		.max = MAX,
	};
}

static struct frame
good(void)
{
	struct frame f = { .len = sizeof(query) };

	memcpy(f.b, query, sizeof(query));
	return f;
}

static enum xdp_read
look(const struct frame *f)
{
	const struct xdp_want want = wanted();
	struct udp_packet p;
	/* of the very length, so that the sanitizer sees each byte read too many */
	uint8_t *copy = malloc(f->len ? f->len : 1);
	enum xdp_read r;

	memcpy(copy, f->b, f->len);
	r = xdp_frame_read(&want, copy, f->len, &p);
	free(copy);
	return r;
}

/* By other means than the code under test: bit by bit as RFC 1071 has it. */
static uint16_t
sum_of(const uint8_t *p, size_t len, uint32_t begin)
{
	for (size_t i = 0; i < len; i++)
		begin += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (begin >> 16)
		begin = (begin & 0xffff) + (begin >> 16);
	return (uint16_t)begin;
}

static uint16_t
pseudo_of(const struct frame *f)
{
	return sum_of(f->b + 26, 8, 17 + (uint32_t)(f->b[38] << 8 | f->b[39]));
}

static void
put(struct frame *f, size_t at, unsigned v)
{
	f->b[at] = (uint8_t)(v >> 8);
	f->b[at + 1] = (uint8_t)v;
}

/* Makes both checksums right again. */
static void
seal(struct frame *f)
{
	size_t udp = (size_t)(f->b[38] << 8 | f->b[39]);

	put(f, 24, 0);
	put(f, 24, 0xffffu ^ sum_of(f->b + 14, 20, 0));
	put(f, 40, 0);
	if (34 + udp <= sizeof(f->b))
		put(f, 40, 0xffffu ^ sum_of(f->b + 34, udp, pseudo_of(f)));
}

static struct frame
with_payload(size_t len)
{
	struct frame f = good();

	put(&f, 16, 28 + (unsigned)len);
	put(&f, 38, 8 + (unsigned)len);
	f.len = 42 + len;
	seal(&f);
	return f;
}

static void
a_query_is_read_as_the_ordinary_socket_reads_it(void **state)
{
	const struct xdp_want want = wanted();
	struct udp_packet p;

	assert_int_equal(xdp_frame_read(&want, query, sizeof(query), &p), XDP_READ_OK);
	assert_ptr_equal(p.data, query + 42);
	assert_int_equal(p.len, PAYLOAD);
	assert_int_equal(p.port, 1025);
	assert_int_equal(p.peer.v, 0x0aff0003);
	assert_int_equal(p.local.v, 0x0aff0001);
	assert_false(p.broadcast);
	assert_false(p.truncated);
}

static void
every_truncation_is_left_to_the_kernel_or_dropped(void **state)
{
	struct frame f = good();

	for (f.len = 0; f.len < XDP_HEAD + XDP_FIRST; f.len++)
		assert_int_equal(look(&f), XDP_READ_OTHER);
	for (; f.len < sizeof(query); f.len++)
		assert_int_equal(look(&f), XDP_READ_DAMAGED);
	assert_int_equal(look(&f), XDP_READ_OK);
}

static void
padding_behind_the_datagram_is_no_part_of_it(void **state)
{
	struct frame f = good();
	const struct xdp_want want = wanted();
	struct udp_packet p;

	for (; f.len < sizeof(query) + 20; f.b[f.len++] = 0xff)
		assert_int_equal(look(&f), XDP_READ_OK);
	assert_int_equal(xdp_frame_read(&want, f.b, f.len, &p), XDP_READ_OK);
	assert_int_equal(p.len, PAYLOAD);
}

static void
lengths_count_at_each_bound_and_one_past_it(void **state)
{
	struct frame f;

	f = with_payload(MIN);
	assert_int_equal(look(&f), XDP_READ_OK);
	f = with_payload(MIN - 1);
	assert_int_equal(look(&f), XDP_READ_OTHER);
	f = with_payload(MIN + 1); /* an odd number of bytes to add up */
	assert_int_equal(look(&f), XDP_READ_OK);
	f = with_payload(MAX);
	assert_int_equal(look(&f), XDP_READ_OK);
	f = with_payload(MAX + 1);
	assert_int_equal(look(&f), XDP_READ_OTHER);
}

static void
lengths_that_do_not_agree_are_left_to_the_kernel(void **state)
{
	static const unsigned udp[] = { 0, 1, 7, 8, 57, 59, 0xffff },
			      ip[] = { 0, 20, 77, 79, 0xffff };
	struct frame f;

	for (size_t i = 0; i < sizeof(udp) / sizeof(*udp); i++) {
		f = good();
		f.len += 64;
		put(&f, 38, udp[i]);
		seal(&f);
		assert_int_equal(look(&f), XDP_READ_OTHER);
	}
	for (size_t i = 0; i < sizeof(ip) / sizeof(*ip); i++) {
		f = good();
		f.len += 64;
		put(&f, 16, ip[i]);
		seal(&f);
		assert_int_equal(look(&f), XDP_READ_OTHER);
	}
}

/* One field changed at a time, the checksums right. */
struct change {
	const char *what;
	size_t at;
	unsigned value; /* 16 bits */
};

static const struct change not_wanted[] = {
	{ "for another machine", 4, 0x0002 },
	{ "for everybody's interface", 0, 0xff00 },
	{ "VLAN", 12, 0x8100 },
	{ "IPv6", 12, 0x86dd },
	{ "ARP", 12, 0x0806 },
	{ "a length of old Ethernet", 12, 0x0040 },
	{ "IP options", 14, 0x4600 },
	{ "a header too short", 14, 0x4400 },
	{ "version 6", 14, 0x6500 },
	{ "first fragment", 20, 0x2000 },
	{ "a later fragment", 20, 0x0001 },
	{ "the last offset", 20, 0x1fff },
	{ "no time to live", 22, 0x0011 },
	{ "TCP", 22, 0x4006 },
	{ "ICMP", 22, 0x4001 },
	{ "from 0.0.0.0", 26, 0x0000 },
	{ "from loopback", 26, 0x7f00 },
	{ "from multicast", 26, 0xe000 },
	{ "from broadcast", 26, 0xffff },
	{ "to another address", 32, 0x0002 },
	{ "to the network's broadcast", 32, 0x00ff },
	{ "from port 0", 34, 0 },
	{ "to port 136", 36, 136 },
	{ "to port 138", 36, 138 },
	{ "a registration", 44, 0x2900 },
	{ "a release", 44, 0x3000 },
	{ "a refresh", 44, 0x4000 },
	{ "a multihomed registration", 44, 0x7900 },
	{ "an answer", 44, 0x8500 },
	{ "without RD", 44, 0x0000 },
	{ "with B", 44, 0x0110 },
};

static const struct change still_wanted[] = {
	{ "may be cut up", 20, 0x0000 },
	{ "the reserved bit", 20, 0x8000 },
	{ "type of service", 14, 0x45ff },
	{ "time to live 1", 22, 0x0111 },
	{ "time to live 255", 22, 0xff11 },
	{ "from 1.", 26, 0x0100 },
	{ "from 223.", 26, 0xdfff },
	{ "from port 137", 34, 137 },
	{ "from the last port", 34, 0xffff },
	{ "flags nobody asks for", 44, 0x07ef },
};

static void
what_is_unusual_is_left_to_the_kernel(void **state)
{
	for (size_t i = 0; i < sizeof(not_wanted) / sizeof(*not_wanted); i++) {
		struct frame f = good();

		put(&f, not_wanted[i].at, not_wanted[i].value);
		seal(&f);
		if (look(&f) != XDP_READ_OTHER)
			fail_msg("taken: %s", not_wanted[i].what);
	}
}

static void
what_does_not_matter_is_taken(void **state)
{
	for (size_t i = 0; i < sizeof(still_wanted) / sizeof(*still_wanted); i++) {
		struct frame f = good();

		put(&f, still_wanted[i].at, still_wanted[i].value);
		seal(&f);
		if (look(&f) != XDP_READ_OK)
			fail_msg("not taken: %s", still_wanted[i].what);
	}
}

static void
each_of_our_addresses_is_ours_and_none_is_not(void **state)
{
	struct xdp_want want = wanted();
	struct frame f = good();
	struct udp_packet p;

	for (int i = 0; i < XDP_ADDRESSES; i++) {
		memset(want.address, 0, sizeof(want.address));
		assert_int_equal(xdp_frame_read(&want, f.b, f.len, &p), XDP_READ_OTHER);
		want.address[i] = htonl(0x0aff0001);
		assert_int_equal(xdp_frame_read(&want, f.b, f.len, &p), XDP_READ_OK);
	}
	memset(want.address, 0, sizeof(want.address));
	put(&f, 30, 0); /* to 0.0.0.0: no empty place is an address */
	put(&f, 32, 0);
	seal(&f);
	assert_int_equal(xdp_frame_read(&want, f.b, f.len, &p), XDP_READ_OTHER);
}

static void
every_flipped_bit_of_the_ip_header_is_left_to_the_kernel(void **state)
{
	for (size_t bit = 14 * 8; bit < 34 * 8; bit++) {
		struct frame f = good();

		f.b[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(look(&f), XDP_READ_OTHER);
	}
}

static void
every_flipped_bit_of_the_datagram_is_seen(void **state)
{
	for (size_t bit = 34 * 8; bit < sizeof(query) * 8; bit++) {
		struct frame f = good();

		f.b[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_not_equal(look(&f), XDP_READ_OK);
	}
}

static void
a_datagram_without_checksum_or_with_one_left_to_hardware_is_taken(void **state)
{
	struct frame f = good();

	put(&f, 40, 0);
	assert_int_equal(look(&f), XDP_READ_OK);
	put(&f, 40, pseudo_of(&f));
	assert_int_equal(look(&f), XDP_READ_OK);
	put(&f, 40, pseudo_of(&f) + 1u);
	assert_int_equal(look(&f), XDP_READ_DAMAGED);
	put(&f, 40, 0xffff ^ pseudo_of(&f));
	assert_int_equal(look(&f), XDP_READ_DAMAGED);
}

static void
an_answer_goes_back_the_way_the_request_came(void **state)
{
	struct frame a = { .len = 0 };

	memset(a.b, 0xaa, sizeof(a.b));
	memcpy(a.b + 42, query + 42, PAYLOAD);
	a.len = xdp_frame_answer(query, a.b, PAYLOAD);
	assert_int_equal(a.len, 42 + PAYLOAD);
	assert_memory_equal(a.b, query + 6, 6);
	assert_memory_equal(a.b + 6, query, 6);
	assert_memory_equal(a.b + 12, "\x08\x00\x45\x00\x00\x4e\x00\x00\x40\x00\x40\x11", 12);
	assert_int_equal(sum_of(a.b + 14, 20, 0), 0xffff);
	assert_memory_equal(a.b + 26, query + 30, 4);
	assert_memory_equal(a.b + 30, query + 26, 4);
	assert_memory_equal(a.b + 34, "\x00\x89\x04\x01\x00\x3a", 6);
	assert_int_equal(sum_of(a.b + 34, 8 + PAYLOAD, pseudo_of(&a)), 0xffff);
	assert_memory_equal(a.b + 42, query + 42, PAYLOAD);
}

static void
answers_of_every_length_have_good_checksums(void **state)
{
	struct frame a = { .len = 0 };

	for (size_t len = 0; len <= UDP_SEND_MAX; len++) {
		for (size_t i = 0; i < len; i++)
			a.b[42 + i] = (uint8_t)(i * 7 + len);
		a.len = xdp_frame_answer(query, a.b, len);
		assert_int_equal(a.len, 42 + len);
		assert_int_equal(a.b[38] << 8 | a.b[39], 8 + len);
		assert_int_equal(sum_of(a.b + 14, 20, 0), 0xffff);
		assert_int_equal(sum_of(a.b + 34, 8 + len, pseudo_of(&a)), 0xffff);
	}
}

static void
a_checksum_that_comes_out_as_zero_is_sent_as_ones(void **state)
{
	struct frame a = { .len = 0 };
	unsigned zeros = 0;

	/* all values of one word of the answer: exactly one of them makes the sum come out so */
	for (unsigned v = 1; v <= 0xffff; v++) {
		put(&a, 42, v);
		(void)xdp_frame_answer(query, a.b, 2);
		assert_true(a.b[40] || a.b[41]);
		zeros += a.b[40] == 0xff && a.b[41] == 0xff;
	}
	assert_int_equal(zeros, 1);
}

/* Of the frame above, by one who is the last of n that are listed, or by nobody listed. */
static int
kept_out(unsigned n, bool listed, uint32_t mask, uint32_t random)
{
	struct xdp_shed shed = { .mask = mask };

	for (unsigned i = 0; i < n; i++)
		shed.address[i] = htonl(0xc0000200 + i);
	if (listed)
		shed.address[n - 1] = htonl(0x0aff0003);
	return xdp_kept_out(&shed, query, random);
}

static void
one_in_so_many_of_a_listed_address_is_let_in(void **state)
{
	for (unsigned shift = 0; shift <= 5; shift++) {
		unsigned in = 0;

		for (uint32_t random = 0; random < 32; random++)
			in += !kept_out(1, true, (1u << shift) - 1, 0xabcdef00 | random);
		assert_int_equal(in, 32 >> shift);
	}
}

static void
first_and_last_of_the_most_addresses_are_kept_out_and_nobody_else_is(void **state)
{
	for (unsigned n = 1; n <= XDP_SHED; n++) {
		assert_true(kept_out(n, true, 1, 1));
		assert_false(kept_out(n, false, 1, 1));
	}
	assert_false(kept_out(0, false, 1, 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_query_is_read_as_the_ordinary_socket_reads_it),
		cmocka_unit_test(every_truncation_is_left_to_the_kernel_or_dropped),
		cmocka_unit_test(padding_behind_the_datagram_is_no_part_of_it),
		cmocka_unit_test(lengths_count_at_each_bound_and_one_past_it),
		cmocka_unit_test(lengths_that_do_not_agree_are_left_to_the_kernel),
		cmocka_unit_test(what_is_unusual_is_left_to_the_kernel),
		cmocka_unit_test(what_does_not_matter_is_taken),
		cmocka_unit_test(each_of_our_addresses_is_ours_and_none_is_not),
		cmocka_unit_test(every_flipped_bit_of_the_ip_header_is_left_to_the_kernel),
		cmocka_unit_test(every_flipped_bit_of_the_datagram_is_seen),
		cmocka_unit_test(a_datagram_without_checksum_or_with_one_left_to_hardware_is_taken),
		cmocka_unit_test(an_answer_goes_back_the_way_the_request_came),
		cmocka_unit_test(answers_of_every_length_have_good_checksums),
		cmocka_unit_test(a_checksum_that_comes_out_as_zero_is_sent_as_ones),
		cmocka_unit_test(one_in_so_many_of_a_listed_address_is_let_in),
		cmocka_unit_test(
		    first_and_last_of_the_most_addresses_are_kept_out_and_nobody_else_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
