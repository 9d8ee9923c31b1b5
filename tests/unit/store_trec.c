/* SPDX-License-Identifier: Apache-2.0 */
/* The pool of records: what comes back when no reader can see it any more. */
#include "store_help.h"

#include "store/trec.h"

/* A record of two addresses, which is too large for a cache line. */
static struct trec *
big_new(struct trec_pool *pool, struct owners *owners)
{
	struct rec r = rec_of(1, 1, 100);
	struct trec *ret;

	r.type = REC_MULTIHOMED;
	r.addr[r.naddr++] = (struct rec_addr){ .ip = IP4(10, 9, 9, 9), .due = { 100 } };
	assert_int_equal(trec_new(pool, owners, &r, &ret), 0);
	return ret;
}

/* A server whose only changes are those of domain controllers' groups must not grow by each. */
static void
records_of_many_addresses_take_back_what_no_reader_sees(void **state)
{
	struct owners *owners = malloc(sizeof(*owners));
	struct trec_pool pool = { 0 };
	struct trec *last;
	size_t one;

	assert_non_null(owners);
	store_reader_register();
	owners_init(owners);
	last = big_new(&pool, owners);
	one = trec_pool_bytes(&pool);
	for (int i = 0; i < 3000; i++) { /* twelve lists of those that readers may still see */
		trec_retire(&pool, last);
		rcu_barrier();
		last = big_new(&pool, owners);
		assert_true(trec_pool_bytes(&pool) <= 251 * one);
	}
	trec_retire(&pool, last);
	trec_pool_release(&pool);
	store_reader_unregister();
	free(owners);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_of_many_addresses_take_back_what_no_reader_sees),
	};

	return cmocka_run_group_tests_name("store_trec", tests, NULL, NULL);
}
