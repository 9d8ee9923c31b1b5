/* SPDX-License-Identifier: Apache-2.0 */
/* The remote name cache: fixed life, interfaces, preloaded names, and its bounds. */
#include "node/cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/err.h"

#define LIFE 600000

static struct nb_key
key(const char *text)
{
	struct nb_key k;

	assert_int_equal(nb_key_parse(text, 0x20, &k), 0);
	return k;
}

static struct cache_entry
entry(const char *text, uint32_t if_key, uint32_t ip)
{
	return (struct cache_entry){
		.key = key(text), .if_key = if_key, .naddr = 1, .addr = { { ip } }
	};
}

static struct mono
at(int64_t ms)
{
	return (struct mono){ ms * 1000000 };
}

static struct cache *
fresh(size_t capacity)
{
	struct cache *c;

	assert_int_equal(cache_new(capacity, &c), 0);
	return c;
}

static bool
put(struct cache *c, const char *text, uint32_t if_key, uint32_t ip, int64_t now)
{
	struct cache_entry e = entry(text, if_key, ip);

	return cache_put(c, &e, LIFE, at(now));
}

/* The first address of a name, 0 when it is not there. */
static uint32_t
get(struct cache *c, const char *text, uint32_t if_key, int64_t now)
{
	struct nb_key k = key(text);
	struct cache_entry e;

	return cache_get(c, &k, if_key, at(now), &e) ? e.addr[0].v : 0;
}

static void
entry_lives_its_time_and_not_a_millisecond_more(void **state)
{
	struct cache *c = fresh(4);
	struct nb_key k = key("ALPHA<20>");
	struct cache_entry e;

	assert_true(put(c, "ALPHA<20>", 1, 7, 1000));
	assert_true(cache_get(c, &k, 1, at(1000), &e));
	assert_int_equal(e.life_ms, LIFE);
	assert_true(cache_get(c, &k, 1, at(1000 + LIFE - 1), &e));
	assert_int_equal(e.life_ms, 1);
	assert_false(cache_get(c, &k, 1, at(1000 + LIFE), &e));
	assert_false(cache_at(c, 0, at(1000 + LIFE), &e));
	cache_free(c);
	cache_free(NULL);
}

static void
use_does_not_prolong_a_life(void **state)
{
	struct cache *c = fresh(4);

	put(c, "ALPHA<20>", 1, 7, 0);
	assert_int_equal(get(c, "ALPHA<20>", 1, LIFE - 1), 7);
	assert_int_equal(get(c, "ALPHA<20>", 1, LIFE), 0);
	cache_free(c);
}

static void
later_answer_replaces_the_earlier_and_its_time(void **state)
{
	struct cache *c = fresh(4);

	put(c, "ALPHA<20>", 1, 7, 0);
	put(c, "ALPHA<20>", 1, 8, 1000);
	assert_int_equal(get(c, "ALPHA<20>", 1, LIFE), 8);
	cache_free(c);
}

static void
interfaces_names_and_scopes_are_kept_apart(void **state)
{
	struct cache *c = fresh(8);

	put(c, "ALPHA<20>", 1, 7, 0);
	put(c, "ALPHA<20>", 2, 8, 0);
	put(c, "ALPHA<00>", 1, 9, 0);
	put(c, "ALPHA<20>.LAB", 1, 10, 0);
	put(c, "alpha<20>", 1, 11, 0);
	assert_int_equal(get(c, "ALPHA<20>", 1, 0), 7);
	assert_int_equal(get(c, "ALPHA<20>", 2, 0), 8);
	assert_int_equal(get(c, "ALPHA<20>", 3, 0), 0);
	assert_int_equal(get(c, "ALPHA<00>", 1, 0), 9);
	assert_int_equal(get(c, "ALPHA<20>.LAB", 1, 0), 10);
	assert_int_equal(get(c, "alpha<20>", 1, 0), 11);
	/* 0 asks on any interface */
	assert_int_equal(get(c, "ALPHA<20>", 0, 0), 7);
	assert_int_equal(get(c, "BETA<20>", 0, 0), 0);
	cache_free(c);
}

static void
any_interface_passes_over_what_is_dead(void **state)
{
	struct cache *c = fresh(8);

	put(c, "ALPHA<20>", 1, 7, 0);
	put(c, "ALPHA<20>", 2, 8, 1000);
	assert_int_equal(get(c, "ALPHA<20>", 0, LIFE), 8);
	cache_free(c);
}

static void
preloaded_name_holds_on_all_interfaces_and_for_ever(void **state)
{
	struct cache *c = fresh(4);
	struct cache_entry e = entry("ALPHA<20>", 5, 7);
	struct nb_key k = key("ALPHA<20>");

	assert_int_equal(cache_preload(c, &e), 0);
	assert_true(cache_get(c, &k, 3, at(100 * LIFE), &e));
	assert_true(e.preloaded);
	assert_int_equal(e.life_ms, -1);
	assert_int_equal(e.if_key, 0);
	assert_int_equal(get(c, "ALPHA<20>", 0, 0), 7);
	cache_free(c);
}

static void
network_cannot_change_a_preloaded_name(void **state)
{
	struct cache *c = fresh(4);
	struct cache_entry e = entry("ALPHA<20>", 0, 7);
	struct nb_key k = key("ALPHA<20>");

	put(c, "ALPHA<20>", 1, 6, 0);
	assert_int_equal(cache_preload(c, &e), 0);
	assert_int_equal(get(c, "ALPHA<20>", 1, 0), 7);
	assert_false(put(c, "ALPHA<20>", 1, 8, 0));
	cache_drop(c, &k, 0);
	cache_drop(c, &k, 1);
	cache_drop_ip(c, (struct ip4){ 7 });
	cache_drop_if(c, 1);
	assert_int_equal(get(c, "ALPHA<20>", 1, 0), 7);
	e = entry("ALPHA<20>", 0, 9);
	assert_int_equal(cache_preload(c, &e), 0);
	assert_int_equal(get(c, "ALPHA<20>", 1, 0), 9);
	cache_free(c);
}

static void
what_is_learned_cannot_pretend_to_be_preloaded(void **state)
{
	struct cache *c = fresh(4);
	struct cache_entry e = entry("ALPHA<20>", 1, 7);

	e.preloaded = e.hidden = true;
	assert_true(cache_put(c, &e, LIFE, at(0)));
	assert_true(cache_at(c, 0, at(0), &e));
	assert_false(e.preloaded || e.hidden);
	assert_int_equal(get(c, "ALPHA<20>", 1, LIFE), 0);
	cache_free(c);
}

static void
a_preloaded_domain_list_is_found_but_not_listed(void **state)
{
	struct cache *c = fresh(4);
	struct cache_entry domain = entry("DOM<1C>", 0, 7), pc = entry("PC<20>", 0, 8), e;

	domain.hidden = true;
	assert_int_equal(cache_preload(c, &domain), 0);
	assert_int_equal(cache_preload(c, &pc), 0);
	assert_int_equal(get(c, "DOM<1C>", 1, 0), 7);
	assert_true(cache_at(c, 0, at(0), &e));
	assert_int_equal(e.addr[0].v, 8);
	assert_false(cache_at(c, 1, at(0), &e));
	cache_free(c);
}

static void
least_recently_used_goes_when_one_too_many_comes(void **state)
{
	struct cache *c = fresh(3);
	struct cache_entry pre = entry("PRE<20>", 0, 5);

	assert_int_equal(cache_preload(c, &pre), 0);
	put(c, "A<20>", 1, 1, 0);
	put(c, "B<20>", 1, 2, 0);
	put(c, "C<20>", 1, 3, 0);
	assert_int_equal(get(c, "A<20>", 1, 0), 1); /* A is used: B has waited longest */
	put(c, "D<20>", 1, 4, 0);
	assert_int_equal(get(c, "B<20>", 1, 0), 0);
	assert_int_equal(get(c, "A<20>", 1, 0), 1);
	assert_int_equal(get(c, "C<20>", 1, 0), 3);
	assert_int_equal(get(c, "D<20>", 1, 0), 4);
	assert_int_equal(get(c, "PRE<20>", 1, 0), 5);
	cache_free(c);
}

static void
drop_forgets_one_interface_or_all(void **state)
{
	struct cache *c = fresh(8);
	struct nb_key k = key("ALPHA<20>");

	for (uint32_t i = 1; i <= 3; i++)
		put(c, "ALPHA<20>", i, i, 0);
	cache_drop(c, &k, 2);
	assert_int_equal(get(c, "ALPHA<20>", 2, 0), 0);
	assert_int_equal(get(c, "ALPHA<20>", 3, 0), 3);
	cache_drop(c, &k, 0);
	assert_int_equal(get(c, "ALPHA<20>", 0, 0), 0);
	cache_free(c);
}

static void
drop_by_address_and_by_interface_spare_the_others(void **state)
{
	struct cache *c = fresh(8);
	struct cache_entry two = entry("TWO<20>", 1, 7);

	two.addr[two.naddr++] = (struct ip4){ 8 };
	cache_put(c, &two, LIFE, at(0));
	put(c, "A<20>", 1, 8, 0);
	put(c, "B<20>", 1, 9, 0);
	put(c, "B<20>", 2, 9, 0);
	cache_drop_ip(c, (struct ip4){ 8 });
	assert_int_equal(get(c, "TWO<20>", 1, 0), 0);
	assert_int_equal(get(c, "A<20>", 1, 0), 0);
	assert_int_equal(get(c, "B<20>", 1, 0), 9);
	cache_drop_if(c, 1);
	assert_int_equal(get(c, "B<20>", 1, 0), 0);
	assert_int_equal(get(c, "B<20>", 2, 0), 9);
	cache_free(c);
}

static void
purge_forgets_preloaded_names_too(void **state)
{
	struct cache *c = fresh(4);
	struct cache_entry e = entry("PRE<20>", 0, 5);

	cache_preload(c, &e);
	put(c, "A<20>", 1, 1, 0);
	cache_purge(c);
	assert_false(cache_at(c, 0, at(0), &e));
	assert_true(put(c, "PRE<20>", 1, 6, 0));
	cache_free(c);
}

static void
listing_is_in_order_and_ends(void **state)
{
	struct cache *c = fresh(4);
	struct cache_entry e;

	put(c, "B<20>", 1, 2, 0);
	put(c, "A<20>", 2, 1, 0);
	put(c, "DEAD<20>", 1, 3, -LIFE);
	assert_true(cache_at(c, 0, at(0), &e));
	assert_int_equal(e.addr[0].v, 1);
	assert_true(cache_at(c, 1, at(0), &e));
	assert_int_equal(e.addr[0].v, 2);
	assert_false(cache_at(c, 2, at(0), &e));
	cache_free(c);
}

static void
preloaded_names_have_a_bound(void **state)
{
	struct cache *c = fresh(1);
	struct cache_entry e = { .naddr = 1 };
	char text[16];

	for (int i = 0; i < CACHE_PRELOAD_MAX; i++) {
		snprintf(text, sizeof(text), "N%d<20>", i);
		e.key = key(text);
		assert_int_equal(cache_preload(c, &e), 0);
	}
	assert_int_equal(cache_preload(c, &e), 0); /* the same again is no new one */
	e.key = key("LAST<20>");
	assert_int_equal(cache_preload(c, &e), NBT_ELIMIT);
	cache_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entry_lives_its_time_and_not_a_millisecond_more),
		cmocka_unit_test(use_does_not_prolong_a_life),
		cmocka_unit_test(later_answer_replaces_the_earlier_and_its_time),
		cmocka_unit_test(interfaces_names_and_scopes_are_kept_apart),
		cmocka_unit_test(any_interface_passes_over_what_is_dead),
		cmocka_unit_test(preloaded_name_holds_on_all_interfaces_and_for_ever),
		cmocka_unit_test(network_cannot_change_a_preloaded_name),
		cmocka_unit_test(what_is_learned_cannot_pretend_to_be_preloaded),
		cmocka_unit_test(a_preloaded_domain_list_is_found_but_not_listed),
		cmocka_unit_test(least_recently_used_goes_when_one_too_many_comes),
		cmocka_unit_test(drop_forgets_one_interface_or_all),
		cmocka_unit_test(drop_by_address_and_by_interface_spare_the_others),
		cmocka_unit_test(purge_forgets_preloaded_names_too),
		cmocka_unit_test(listing_is_in_order_and_ends),
		cmocka_unit_test(preloaded_names_have_a_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
