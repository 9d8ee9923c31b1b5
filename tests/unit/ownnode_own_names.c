/* SPDX-License-Identifier: Apache-2.0 */
/* What other threads learn of the own node's names, and that no table is freed while one uses it. */
#include "ownnode/own_names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define WINS    IP4(192, 0, 2, 1)
#define CARD(k) IP4(192, 0, 2, 10 + (k))

static const struct mono now = { 1000000000 };

static uint32_t
draw(void *arg)
{
	static uint32_t last;

	return last += 40503;
}

static void
ignore_event(void *arg, const struct event *ev)
{
}

static struct nb_key
key_of(const char *text)
{
	struct nb_key key;

	assert_int_equal(nb_key_parse(text, 0, &key), 0);
	return key;
}

/* Two cards, one WINS server. */
static struct node *
make_node(void)
{
	const struct node_host host = { .random = draw, .event = ignore_event };
	struct node_if ifs[2] = { 0 };
	struct node_conf conf;
	struct node *n;

	for (unsigned k = 0; k < 2; k++)
		ifs[k] =
		    (struct node_if){ .key = k + 1, .ip = CARD(k), .nwins = 1, .wins = { WINS } };
	node_conf_init(&conf);
	conf.type = NODE_P;
	assert_int_equal(node_new(&conf, &host, now, &n), 0);
	assert_int_equal(node_set_ifs(n, ifs, 2, now), 0);
	return n;
}

static void
add(struct node *n, const char *name, bool group)
{
	const struct nb_key key = key_of(name);

	assert_int_equal(node_add(n, &key, group, false, now), 0);
}

/* The server's answers to the first count claims that wait: yes, or ACT_ERR. */
static void
answer(struct node *n, unsigned count, bool yes)
{
	const struct node_out *out;
	uint8_t packet[NB_UDP_MAX];
	struct nb_msg m;

	while (count && (out = node_out(n))) {
		const struct node_path path = out->path;

		assert_int_equal(nb_decode(out->data, out->len, &m), 0);
		m.kind = NB_REGISTER_RESP;
		m.flags = yes ? 0xad80 : 0xad86;
		m.ttl = 518400;
		node_in(n, packet, nb_encode(&m, packet, sizeof(packet)), &path, now);
		count--;
	}
	assert_int_equal(count, 0);
}

static unsigned
held(struct own_names *o, const char *name, bool *ret_defended)
{
	const struct nb_key key = key_of(name);
	struct ip4 addr[REC_ADDR_MAX];
	unsigned n = own_names_held(o, &key, addr, ret_defended);

	for (unsigned i = 0; i < n; i++)
		assert_int_equal(addr[i].v, CARD(i).v);
	return n;
}

/* Does a query for it go to the node? */
static bool
asked_of_node(struct own_names *o, const char *name)
{
	const struct nb_msg m = {
		.id = 1, .flags = NB_F_RD, .kind = NB_QUERY_REQ, .key = key_of(name)
	};
	uint8_t packet[NB_UDP_MAX];
	size_t len = nb_encode(&m, packet, sizeof(packet));
	bool ret = dispatch(packet, len, false, own_names_hold(o, 0)) == DISPATCH_NODE;

	own_names_drop(o, 0);
	return ret;
}

static void
a_name_is_known_when_claimed_and_defended_when_registered(void **state)
{
	struct node *n = make_node();
	struct own_names *o;
	bool defended;

	assert_int_equal(own_names_new(1, &o), 0);
	assert_int_equal(held(o, "PC<20>", &defended), 0);
	assert_false(asked_of_node(o, "PC<20>"));
	add(n, "PC<20>", false);
	own_names_publish(o, n);
	assert_int_equal(held(o, "PC<20>", &defended), 2);
	assert_false(defended);
	assert_false(asked_of_node(o, "PC<20>"));
	answer(n, 1, true);
	own_names_publish(o, n);
	assert_int_equal(held(o, "PC<20>", &defended), 2);
	assert_true(defended);
	assert_true(asked_of_node(o, "PC<20>"));
	assert_int_equal(held(o, "PC<00>", &defended), 0);
	assert_false(defended);
	own_names_free(o);
	node_free(n);
}

static void
a_conflict_on_one_card_ends_the_defence(void **state)
{
	struct node *n = make_node();
	struct own_names *o;
	bool defended;

	assert_int_equal(own_names_new(1, &o), 0);
	add(n, "PC<20>", false);
	answer(n, 1, true);
	answer(n, 1, false);
	own_names_publish(o, n);
	assert_int_equal(held(o, "PC<20>", &defended), 1);
	assert_false(defended);
	assert_false(asked_of_node(o, "PC<20>"));
	own_names_free(o);
	node_free(n);
}

static void
groups_are_nobodys_to_defend(void **state)
{
	struct node *n = make_node();
	struct own_names *o;
	bool defended;

	assert_int_equal(own_names_new(1, &o), 0);
	add(n, "LAB<00>", true);
	answer(n, 2, true);
	own_names_publish(o, n);
	assert_int_equal(held(o, "LAB<00>", &defended), 0);
	assert_false(defended);
	assert_false(asked_of_node(o, "LAB<00>"));
	own_names_free(o);
	node_free(n);
}

static void
every_one_of_many_names_is_found(void **state)
{
	struct node *n = make_node();
	struct own_names *o;
	bool defended;
	char name[16];

	assert_int_equal(own_names_new(1, &o), 0);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "PC%d<20>", i * 7 % 100);
		add(n, name, false);
		answer(n, 2, true);
	}
	own_names_publish(o, n);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "PC%d<20>", i);
		assert_int_equal(held(o, name, &defended), 2);
		assert_true(defended && asked_of_node(o, name));
	}
	own_names_free(o);
	node_free(n);
}

struct worker {
	struct own_names *o;
	unsigned index;
	atomic_bool *stop;
	bool missed;
};

/* The name is always there: a table that was freed would say so, or the sanitizer does. */
static void *
work(void *arg)
{
	struct worker *w = arg;
	const struct nb_msg m = {
		.id = 1, .flags = NB_F_RD, .kind = NB_QUERY_REQ, .key = key_of("PC<20>")
	};
	uint8_t packet[NB_UDP_MAX];
	size_t len = nb_encode(&m, packet, sizeof(packet));

	while (!atomic_load(w->stop)) {
		const struct dispatch_names *names = own_names_hold(w->o, w->index);

		for (int i = 0; i < 20; i++)
			w->missed |= dispatch(packet, len, false, names) != DISPATCH_NODE;
		own_names_drop(w->o, w->index);
	}
	return NULL;
}

static void
no_table_is_freed_under_a_worker(void **state)
{
	struct node *n = make_node();
	struct worker w[2] = { 0 };
	pthread_t thread[2];
	atomic_bool stop = false;
	struct own_names *o;

	assert_int_equal(own_names_new(2, &o), 0);
	add(n, "PC<20>", false);
	answer(n, 2, true);
	own_names_publish(o, n);
	for (unsigned i = 0; i < 2; i++) {
		w[i] = (struct worker){ .o = o, .index = i, .stop = &stop };
		assert_int_equal(pthread_create(&thread[i], NULL, work, &w[i]), 0);
	}
	for (int i = 0; i < 5000; i++)
		own_names_publish(o, n);
	atomic_store(&stop, true);
	for (unsigned i = 0; i < 2; i++) {
		pthread_join(thread[i], NULL);
		assert_false(w[i].missed);
	}
	own_names_free(o);
	node_free(n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_is_known_when_claimed_and_defended_when_registered),
		cmocka_unit_test(a_conflict_on_one_card_ends_the_defence),
		cmocka_unit_test(groups_are_nobodys_to_defend),
		cmocka_unit_test(every_one_of_many_names_is_found),
		cmocka_unit_test(no_table_is_freed_under_a_worker),
	};

	return cmocka_run_group_tests_name("ownnode_own_names", tests, NULL, NULL);
}
