/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers while their batch is on its way to the disk and the next is decided: none too early, and each as its
 * own batch ended. The disk is held by a lock where a batch has to be on its way.
 */
#include <pthread.h>

#include "wins_net.h"

#define OWNER HOST(10)

static struct {
	pthread_mutex_t disk;
	int (*pwrite)(struct vfs *, struct vfs_file *, const void *, size_t, uint64_t);
	int (*sync)(struct vfs *, struct vfs_file *);
	int fails;      /* what writes come to; 0: they are done */
	int sync_fails; /* likewise */
} gate = { .disk = PTHREAD_MUTEX_INITIALIZER };

static int
held_pwrite(struct vfs *v, struct vfs_file *f, const void *buf, size_t len, uint64_t off)
{
	int err;

	pthread_mutex_lock(&gate.disk);
	err = gate.fails ? gate.fails : gate.pwrite(v, f, buf, len, off);
	pthread_mutex_unlock(&gate.disk);
	return err;
}

static int
held_sync(struct vfs *v, struct vfs_file *f)
{
	return gate.sync_fails ? gate.sync_fails : gate.sync(v, f);
}

static void
lab_init(struct net *n)
{
	net_init(n);
	net_down(n);
	gate.fails = gate.sync_fails = 0;
	net_up(n);
	gate.pwrite = n->vfs->pwrite;
	gate.sync = n->vfs->sync;
	n->vfs->pwrite = held_pwrite;
	n->vfs->sync = held_sync;
}

static bool
step(struct net *n)
{
	return wins_commit_step(n->w, n->now);
}

/* Exactly one packet. */
static void
expect_one(struct net *n, unsigned rcode, struct ip4 peer)
{
	struct wins_path path;
	struct nb_msg m;

	assert_true(net_out(n, &m, &path));
	assert_int_equal(nb_rcode(&m), rcode);
	assert_int_equal(path.peer.v, peer.v);
	assert_null(wins_out(n->w));
}

static void
answers_leave_when_their_batch_is_durable_and_not_before(void **state)
{
	struct nb_msg m;
	struct net n;

	lab_init(&n);
	net_ask(&n, NB_OP_REGISTER, 1, "A<20>", 0, HOST(1));
	pthread_mutex_lock(&gate.disk);
	assert_true(step(&n));
	assert_null(wins_out(n.w));
	assert_int_equal(net_query(&n, "A<20>", &m), -1);
	net_ask(&n, NB_OP_REGISTER, 2, "B<20>", 0, HOST(2));
	assert_true(step(&n));
	assert_null(wins_out(n.w));
	pthread_mutex_unlock(&gate.disk);
	store_commit_await(n.store);
	assert_true(step(&n)); /* the second is on its way */
	expect_one(&n, NB_RC_OK, HOST(1));
	assert_int_equal(net_query(&n, "A<20>", &m), 1);
	store_commit_await(n.store);
	assert_false(step(&n));
	expect_one(&n, NB_RC_OK, HOST(2));
	assert_int_equal(net_count(&n, WS_REGISTER_OK), 2);
	net_end(&n);
}

static void
each_batch_ends_for_itself(void **state)
{
	struct nb_msg m;
	struct net n;

	lab_init(&n);
	net_ask(&n, NB_OP_REGISTER, 1, "A<20>", 0, HOST(1));
	gate.fails = NBT_ENOSPC;
	assert_true(step(&n));
	net_ask(&n, NB_OP_REGISTER, 2, "B<20>", 0, HOST(2));
	store_commit_await(n.store);
	gate.fails = 0;
	assert_true(step(&n));
	expect_one(&n, NB_RC_SRV, HOST(1));
	assert_true(net_told(&n, EV_DISK_FULL));
	assert_false(wins_writable(n.w));
	store_commit_await(n.store);
	assert_false(step(&n));
	expect_one(&n, NB_RC_OK, HOST(2));
	assert_true(net_told(&n, EV_JOURNAL_WRITABLE));
	assert_int_equal(net_query(&n, "A<20>", &m), -1);
	assert_int_equal(net_query(&n, "B<20>", &m), 1);
	net_end(&n);
}

static void
a_claim_is_decided_by_what_is_on_its_way(void **state)
{
	struct nb_msg m;
	struct net n;

	lab_init(&n);
	net_ask(&n, NB_OP_REGISTER, 1, "GRP<00>", NB_G, HOST(1));
	assert_true(step(&n));
	net_ask(&n, NB_OP_REGISTER, 2, "GRP<00>", 0, HOST(2)); /* waits for it */
	assert_false(step(&n)); /* nothing was staged: the refusal promises nothing */
	assert_true(net_out(&n, &m, NULL) && m.id == 1 && nb_rcode(&m) == NB_RC_OK);
	expect_one(&n, NB_RC_ACT, HOST(2));
	net_end(&n);
}

static void
a_commit_that_waits_ends_both_batches(void **state)
{
	struct nb_msg m;
	struct net n;

	lab_init(&n);
	net_ask(&n, NB_OP_REGISTER, 1, "A<20>", 0, HOST(1));
	assert_true(step(&n));
	net_ask(&n, NB_OP_REGISTER, 2, "B<20>", 0, HOST(2));
	assert_int_equal(wins_commit(n.w, n.now), 0);
	assert_true(net_out(&n, &m, NULL) && m.id == 1);
	assert_true(net_out(&n, &m, NULL) && m.id == 2);
	assert_null(wins_out(n.w));
	assert_int_equal(net_query(&n, "A<20>", &m), 1);
	assert_int_equal(net_query(&n, "B<20>", &m), 1);
	assert_false(step(&n));
	net_end(&n);
}

static void
what_was_scavenged_is_waited_for_and_counted(void **state)
{
	struct net n;

	lab_init(&n);
	net_registers(&n, NB_OP_REGISTER, "PC<20>", 0, OWNER);
	n.now.s += 518400;
	wins_tick(n.w, n.mnow, n.now);
	net_ask(&n, NB_OP_REGISTER, 2, "B<20>", 0, HOST(2));
	assert_false(step(&n));
	expect_one(&n, NB_RC_OK, HOST(2));
	assert_int_equal(net_count(&n, WS_SCAVENGED_RELEASED), 1);
	net_end(&n);
}

static void
after_a_failed_sync_the_next_is_refused_at_once(void **state)
{
	struct nb_msg m;
	struct net n;

	lab_init(&n);
	gate.sync_fails = NBT_EIO;
	net_ask(&n, NB_OP_REGISTER, 1, "A<20>", 0, HOST(1));
	assert_true(step(&n));
	store_commit_await(n.store);
	net_ask(&n, NB_OP_REGISTER, 2, "B<20>", 0, HOST(2));
	assert_false(step(&n));
	assert_true(net_out(&n, &m, NULL) && m.id == 1 && nb_rcode(&m) == NB_RC_SRV);
	assert_true(net_out(&n, &m, NULL) && m.id == 2 && nb_rcode(&m) == NB_RC_SRV);
	assert_null(wins_out(n.w));
	assert_true(net_told(&n, EV_JOURNAL_SYNC_FAILED));
	net_end(&n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_leave_when_their_batch_is_durable_and_not_before),
		cmocka_unit_test(each_batch_ends_for_itself),
		cmocka_unit_test(a_claim_is_decided_by_what_is_on_its_way),
		cmocka_unit_test(a_commit_that_waits_ends_both_batches),
		cmocka_unit_test(what_was_scavenged_is_waited_for_and_counted),
		cmocka_unit_test(after_a_failed_sync_the_next_is_refused_at_once),
	};

	return cmocka_run_group_tests_name("wins_commit", tests, NULL, NULL);
}
