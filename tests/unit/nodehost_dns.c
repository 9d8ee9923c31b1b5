/* SPDX-License-Identifier: Apache-2.0 */
/* Host names on the loop. Only names that no network is asked for: numbers, and one that cannot be. */
#include "nodehost/dns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

struct heard {
	unsigned answers, n;
	uint32_t ticket;
	struct ip4 addr;
};

static void
hear(void *arg, uint32_t ticket, const struct ip4 *addr, unsigned n)
{
	struct heard *h = arg;

	h->answers++;
	h->ticket = ticket;
	h->n = n;
	h->addr = n ? addr[0] : IP4_ANY;
}

static struct heard
ask(const char *name, bool close_first)
{
	struct heard h = { 0 };
	struct dns *d;
	uv_loop_t loop;

	assert_int_equal(uv_loop_init(&loop), 0);
	assert_int_equal(dns_open(&loop, hear, &h, &d), 0);
	dns_ask(d, 7, name);
	if (close_first)
		dns_close(d);
	assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
	if (!close_first)
		dns_close(d);
	assert_int_equal(uv_loop_close(&loop), 0);
	return h;
}

static void
an_address_is_its_own_name(void **state)
{
	struct heard h = ask("192.0.2.5", false);

	assert_int_equal(h.answers, 1);
	assert_int_equal(h.ticket, 7);
	assert_int_equal(h.n, 1);
	assert_int_equal(h.addr.v, IP4(192, 0, 2, 5).v);
}

static void
a_name_that_cannot_be_has_no_address(void **state)
{
	char name[80];
	struct heard h;

	memset(name, 'a', sizeof(name)); /* a label may have 63 letters */
	name[sizeof(name) - 1] = '\0';
	h = ask(name, false);
	assert_int_equal(h.answers, 1);
	assert_int_equal(h.n, 0);
}

static void
nobody_is_told_after_the_end(void **state)
{
	assert_int_equal(ask("192.0.2.5", true).answers, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_its_own_name),
		cmocka_unit_test(a_name_that_cannot_be_has_no_address),
		cmocka_unit_test(nobody_is_told_after_the_end),
	};

	return cmocka_run_group_tests_name("nodehost_dns", tests, NULL, NULL);
}
